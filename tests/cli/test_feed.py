"""--stream-input as firmware uses it: programs of our own, by the header alone, feed frames row by row, one after the other and after one
that was given up half way, and get what the held model gives."""
import json

from tool import *

HOST = next((c for c in ("g++", "clang++") if shutil.which(c)), None)
C99 = next((c for c in ("gcc", "clang") if shutil.which(c)), None)
FLAGS = "-std=gnu++11 -O1 -Wall -Wextra -Wconversion -Wshadow -Werror -fsanitize=address,undefined -fno-sanitize-recover=all".split()
SETS = 3

# Held: the whole frame. Fed: between two feeds the arena is overwritten, and each row is gone after its feed.
HELD = """
#include <stdio.h>
#include <string.h>
#include "net.h"
#include "frames.h"
int main(void) {
  static net::Arena arena;
  for (int f = 0; f < %(sets)d; ++f) {
    memcpy(net_input_0(arena.bytes), frames[f], NET_INPUT_0_BYTES);
    net_run(arena.bytes);
    const unsigned char* y = reinterpret_cast<const unsigned char*>(net_output_0(arena.bytes));
    for (int i = 0; i < NET_OUTPUT_0_BYTES; ++i) printf("%%02x", unsigned(y[i]));
    printf("\\n");
  }
  return 0;
}
"""
FED = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "net.h"
#include "frames.h"
static net::Arena arena;
static net::State state;
static int feed(int f, int r) {
  %(type)s* const row = static_cast<%(type)s*>(malloc(NET_FEED_BYTES));
  for (int c = 0; c < %(parts)d; ++c)
    memcpy(reinterpret_cast<char*>(row) + c * (NET_FEED_BYTES / %(parts)d),
           reinterpret_cast<const char*>(frames[f]) + (c * NET_FEED_ROWS + r) * (NET_FEED_BYTES / %(parts)d), NET_FEED_BYTES / %(parts)d);
  const int ready = net_feed(arena.bytes, state.bytes, row);
  free(row);
  if (!ready) memset(arena.bytes, 0x5a, NET_ARENA_BYTES);
  return ready;
}
int main(void) {
  memset(state.bytes, 0xff, sizeof state.bytes);
  net_reset(state.bytes);
  for (int f = 0; f < %(sets)d; ++f) {
    if (f == 2) {  // given up half way
      for (int r = 0; r < NET_FEED_ROWS / 2; ++r) feed(0, r);
      net::reset(state);
    }
    for (int r = 0; r < NET_FEED_ROWS; ++r)
      if (feed(f, r) != (r == NET_FEED_ROWS - 1)) return 1;
    const unsigned char* y = reinterpret_cast<const unsigned char*>(net_output_0(arena.bytes));
    for (int i = 0; i < NET_OUTPUT_0_BYTES; ++i) printf("%%02x", unsigned(y[i]));
    printf("\\n");
    if (f == 0) net::reset(state);  // allowed; a frame that is complete begins the next one anyway
  }
  return 0;
}
"""


@unittest.skipUnless(HOST, "no host compiler")
class Feed(Case):
    def built(self, model, main, folder, options, **facts):
        r = burin("compile", model, "-o", self.path(folder), "--name", "net", *options)
        self.assertEqual(r.code, OK, repr(r))
        with open(self.path(folder, "main.cpp"), "w") as f:
            f.write(main % facts)
        shutil.copy(self.path("frames.h"), self.path(folder, "frames.h"))
        where = self.path(folder)
        for command in ([HOST, *FLAGS, "net.cpp", "main.cpp", "-o", "program"], ["./program"]):
            done = subprocess.run(command, cwd=where, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), " ".join(command))
        with open(self.path(folder, "net.h")) as f:
            return done.stdout, f.read()

    def same(self, model, rows, options=(), parts=1, kind="i8"):
        """Fed and held give the same bits; the header when fed."""
        self.assertEqual(burin("compile", model, "-o", self.path("probe"), "--name", "net", *options).code, OK)
        with open(self.path("probe", "net.h")) as f:
            elements = int(macro(f.read(), "NET_INPUT_0_ELEMENTS"))
        rng = np.random.default_rng(3)
        c_type = {"i8": "int8_t", "f32": "float"}[kind]
        frames = rng.integers(-128, 128, (SETS, elements)) if kind == "i8" else rng.uniform(-2, 2, (SETS, elements)).astype(np.float32)
        with open(self.path("frames.h"), "w") as f:
            f.write(f"#include <stdint.h>\nconst {c_type} frames[{SETS}][{elements}] = {{\n")
            for frame in frames:
                f.write("{" + ", ".join(str(v) if kind == "i8" else f"{v:.8e}f" for v in frame) + "},\n")
            f.write("};\n")
        facts = dict(sets=SETS, parts=parts, type=c_type)
        held, _ = self.built(model, HELD, "held", options, **facts)
        fed, header = self.built(model, FED, "fed", (*options, "--stream-input"), **facts)
        self.assertEqual(len(set(held.split())), SETS, "the frames give the same")
        self.assertEqual(fed, held)
        self.assertEqual(int(macro(header, "NET_FEED_ROWS")), rows)
        self.assertEqual(int(macro(header, "NET_FEED_BYTES")) * rows, int(macro(header, "NET_INPUT_0_BYTES")))
        self.assertNotIn("net_input_0", header)
        self.assertNotIn("net_run", header)
        return header

    def test_grey_image(self):
        for optimize in ("ram", "speed", "size"):
            with self.subTest(optimize):
                self.same(self.write("m.onnx", image_example()), 28, ("--optimize", optimize))

    def test_less_than_the_frame(self):
        path = self.write("m.onnx", image_example(size=64, filters=4))
        r = burin("analyze", path, "--optimize", "ram", "--stream-input", "--format", "json")
        self.assertEqual(r.code, OK, repr(r))
        j = json.loads(r.out)
        self.assertGreater(j["state_bytes"], 0)
        self.assertEqual({b["space"] for b in j["buffers"]}, {"arena", "state"})
        for b in j["buffers"]:
            self.assertLessEqual(b["offset"] + b["bytes"], j[b["space"] + "_bytes"])

    def test_report_page(self):
        """The picture has the state above the arena, and says of each buffer where it is."""
        path = self.write("m.onnx", image_example(size=64, filters=4))
        r = burin("analyze", path, "--optimize", "ram", "--stream-input", "--format", "html")
        self.assertEqual(r.code, OK, repr(r))
        self.assertIn("State, bytes of RAM", r.out)
        self.assertRegex(r.out, r"bytes at state \d")
        r = burin("analyze", path, "--optimize", "ram", "--stream-input")
        self.assertRegex(r.out, r"arena \d+ bytes, state \d+, lower bound")
        self.assertRegex(r.out, r"(?m)^ +state: +\|")

    def test_budget(self):
        """--budget-ram counts arena and state."""
        path = self.write("m.onnx", image_example(size=64, filters=4))
        r = burin("compile", path, "-o", self.path("b"), "--stream-input", "--budget-ram", "100")
        self.assertEqual(r.code, OVER_BUDGET, repr(r))
        self.assertRegex(r.err, r"the arena with the state needs \d+ bytes")

    def test_groups_of_floats(self):
        header = self.same(self.write("m.onnx", two_groups()), 32, ("--optimize", "ram"), kind="f32")
        self.assertLess(int(macro(header, "NET_STATE_BYTES")) + int(macro(header, "NET_ARENA_BYTES")), 32 * 32 * 4 * 4)

    def test_channels_first(self):
        """[C][W] a row: three planes of which each gives its part."""
        rng = np.random.default_rng(4)
        nodes = [helper.make_node("Conv", ["x", "w"], ["a"], name="a", strides=[2, 2], pads=[1, 1, 1, 1]), helper.make_node("Relu", ["a"], ["b"], name="b"),
                 helper.make_node("Conv", ["b", "v"], ["c"], name="c", group=8, pads=[1, 1, 1, 1]), helper.make_node("GlobalAveragePool", ["c"], ["y"], name="m")]
        m = model(nodes, [value("x", T.FLOAT, (1, 3, 20, 14))], [value("y", T.FLOAT, (1, 8, 1, 1))],
                  [constant("w", rng.uniform(-1, 1, (8, 3, 3, 3)).astype(np.float32)), constant("v", rng.uniform(-1, 1, (8, 1, 3, 3)).astype(np.float32))])
        header = self.same(self.write("m.onnx", m), 20, ("--optimize", "ram"), parts=3, kind="f32")
        self.assertEqual(int(macro(header, "NET_FEED_BYTES")), 3 * 14 * 4)
        # The same with the transpose left to the caller: [W][C].
        self.same(self.write("n.onnx", m), 20, ("--optimize", "ram", "--io-layout", "nhwc"), kind="f32")

    def test_first_layer_wants_the_whole(self):
        """A softmax over rows: all of the input is collected, and a note says so."""
        m = model([helper.make_node("Softmax", ["x"], ["y"], name="s", axis=1)], [value("x", T.FLOAT, (1, 6, 5, 2))], [value("y", T.FLOAT, (1, 6, 5, 2))])
        self.same(self.write("m.onnx", m), 6, kind="f32")
        r = burin("compile", self.path("m.onnx"), "-o", self.path("o"), "--stream-input")
        self.assertRegex(r.err, r"note: --stream-input: .*'x'")

    def test_no_image(self):
        m = model([helper.make_node("Relu", ["x"], ["y"], name="r")], [value("x", T.FLOAT, (1, 12))], [value("y", T.FLOAT, (1, 12))])
        self.same(self.write("m.onnx", m), 1, kind="f32")

    def test_c99(self):
        path = self.write("m.onnx", image_example())
        burin("compile", path, "-o", self.path("c"), "--name", "net", "--stream-input")
        with open(self.path("c", "main.c"), "w") as f:
            f.write('#include "net.h"\nint (*const feed)(void *, void *, const int8_t *) = net_feed;\nvoid (*const reset)(void *) = net_reset;\n')
        done = subprocess.run([C99, "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", "main.c"], cwd=self.path("c"), capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_hooks(self):
        """A layer is entered and left at every feed, and yields come at least once a call."""
        path = self.write("m.onnx", image_example())
        burin("compile", path, "-o", self.path("h"), "--name", "net", "--stream-input", "--optimize", "ram")
        with open(self.path("h", "main.cpp"), "w") as f:
            f.write('#include <stdio.h>\n#include "net.h"\nstatic int yields, open_, entered;\n'
                    'extern "C" void burin_yield(void) { ++yields; }\n'
                    'extern "C" void burin_profile(const char*, int, int enter) { open_ += enter ? 1 : -1; entered += enter; if (open_ < 0 || open_ > 1) puts("WRONG"); }\n'
                    'static net::Arena a;\nstatic net::State s;\nint main(void) {\n  static const int8_t row[NET_FEED_BYTES] = {};\n  net::reset(s);\n'
                    '  for (int r = 0; r < NET_FEED_ROWS; ++r) {\n    const int before = yields;\n    net::feed(a, s, row);\n    if (yields == before) puts("NO YIELD");\n  }\n'
                    '  printf("%d %d\\n", open_, entered >= NET_FEED_ROWS);\n}\n')
        for command in ([HOST, *FLAGS, "-DBURIN_PROFILE", "-DBURIN_YIELD", "net.cpp", "main.cpp", "-o", "p"], ["./p"]):
            done = subprocess.run(command, cwd=self.path("h"), capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), " ".join(command))
        self.assertEqual(done.stdout, "0 1\n")

    def test_refused(self):
        path = self.write("m.onnx", image_example())
        self.refused(path, r"--stream-input excludes --io external", options=("--stream-input", "--io", "external"), code=USAGE)
        two = model([helper.make_node("Add", ["x", "z"], ["y"], name="a")], [value("x"), value("z")], [value("y")])
        self.refused(self.write("two.onnx", two), r"one input; this one has 2", options=("--stream-input",), code=USAGE)
        batch = model([helper.make_node("Relu", ["x"], ["y"], name="a")], [value("x", T.FLOAT, (2, 3, 4, 4))], [value("y", T.FLOAT, (2, 3, 4, 4))])
        self.refused(self.write("batch.onnx", batch), r"more than one image", options=("--stream-input",))

    def test_verify(self):
        """The data sets of a model, by the program on the host, by the one that runs step by step, and in QEMU where there is one."""
        path = os.path.join(MODELS, "digits_int8", "model.onnx")
        runners = [("program", "cortex-m4f"), ("host", "host")]
        if shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-g++"):
            runners.append(("qemu", "cortex-m4f"))
        for runner, target in runners:
            with self.subTest(runner):
                r = burin("verify", path, "--target", target, "--runner", runner, "--stream-input", "--optimize", "ram")
                self.assertEqual(r.code, OK, repr(r))


if __name__ == "__main__":
    main()
