"""--memory and --weights-in by what the contract says of the generated pair alone: a program of ours gives each pool a block of exactly its
bytes, between guards, and compares with the model in one arena; constants are reloaded after a pool lost its contents."""
import json

from tool import *

FLAGS = ["-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]


def small_net():
    """Three convolutions and a sum in float32: values that live over several layers."""
    rng = np.random.default_rng(5)
    weight = lambda name, *shape: numpy_helper.from_array((rng.standard_normal(shape) / 4).astype(np.float32), name)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], name="a"),
        helper.make_node("Relu", ["a"], ["r"], name="r"),
        helper.make_node("Conv", ["r", "v"], ["b"], name="b"),
        helper.make_node("Conv", ["b", "u"], ["c"], pads=[1, 1, 1, 1], name="c"),
        helper.make_node("Add", ["r", "c"], ["y"], name="y"),
    ]
    return model(nodes, [value("x", T.FLOAT, [1, 4, 12, 10])], [value("y", T.FLOAT, [1, 8, 12, 10])],
                 [weight("w", 8, 4, 3, 3), weight("v", 8, 8, 1, 1), weight("u", 8, 8, 3, 3)])


MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena/one.h"
#include "pools/kws.h"

enum { kGuard = 64, kPoison = 0xA5 };

/* Exactly so many bytes, aligned to 16, between guards. */
static unsigned char *block(size_t bytes) {
  unsigned char *p = static_cast<unsigned char *>(aligned_alloc(16, (bytes + 2 * kGuard + 15) / 16 * 16));
  memset(p, kPoison, bytes + 2 * kGuard);
  return p + kGuard;
}
static int guarded(const unsigned char *p, size_t bytes) {
  for (size_t i = 0; i < kGuard; ++i)
    if (p[bytes + i] != kPoison || p[-1 - static_cast<long>(i)] != kPoison) return 0;
  return 1;
}
static int fail(const char *what) {
  printf("%s\n", what);
  return 1;
}

int main() {
  static_assert(KWS_POOL_DTCM_ALIGN == 16 && KWS_POOL_SRAM_ALIGN == 16, "");
#ifdef KWS_ARENA_BYTES
  return fail("KWS_ARENA_BYTES");
#endif
  unsigned char *arena = block(ONE_ARENA_BYTES);
  kws_memory memory;
  memory.dtcm = block(KWS_POOL_DTCM_BYTES);
  memory.sram = block(KWS_POOL_SRAM_BYTES);
  unsigned char *const dtcm = static_cast<unsigned char *>(memory.dtcm), *const sram = static_cast<unsigned char *>(memory.sram);
#ifdef KWS_POOL_DTCM_CONSTANT_BYTES
  kws_load_constants(&memory);
#endif
  for (int turn = 0; turn < 3; ++turn) {
#ifdef KWS_POOL_DTCM_CONSTANT_BYTES
    /* The pool loses its contents: what the run gives without the constants is wrong, with them it is right again. */
    if (turn == 2) {
      memset(memory.dtcm, 0x3C, KWS_POOL_DTCM_BYTES);
      for (size_t i = 0; i < KWS_INPUT_0_ELEMENTS; ++i) kws_input_0(&memory)[i] = one_input_0(arena)[i] = 1;
      one_run(arena);
      kws_run(&memory);
      if (memcmp(one_output_0(arena), kws_output_0(&memory), KWS_OUTPUT_0_BYTES) == 0) return fail("the copies are not read");
      kws_load_constants(&memory);
    }
#endif
    for (size_t i = 0; i < KWS_INPUT_0_ELEMENTS; ++i) {
      const int v = static_cast<int>((i * 37u + static_cast<size_t>(turn) * 11u) % 127u) - 63;
      one_input_0(arena)[i] = static_cast<TYPE>(v);
      kws_input_0(&memory)[i] = static_cast<TYPE>(v);
    }
    one_run(arena);
    kws_run(&memory);
    if (memcmp(one_output_0(arena), kws_output_0(&memory), KWS_OUTPUT_0_BYTES) != 0) return fail("results differ");
    if (!guarded(arena, ONE_ARENA_BYTES)) return fail("beside the arena");
    if (!guarded(dtcm, KWS_POOL_DTCM_BYTES)) return fail("beside DTCM");
    if (!guarded(sram, KWS_POOL_SRAM_BYTES)) return fail("beside SRAM");
  }
  printf("ok\n");
  return 0;
}
"""


class Pools(Case):
    def both(self, model, *options, common=(), type="float"):
        """The model in an arena and in pools; the report of the latter, and what the program that runs both says."""
        self.compiled(model, "--name", "one", *common, out="arena")
        self.compiled(model, "--name", "kws", *common, *options, "--report", self.path("report.json"), out="pools")
        main = self.write("main.cpp", MAIN.encode())
        compiler = shutil.which("g++") or shutil.which("c++")
        if not compiler:
            self.skipTest("no compiler")
        objects = []
        for source in ("arena/one.cpp", "pools/kws.cpp"):
            objects.append(self.path(os.path.basename(source) + ".o"))
            done = subprocess.run([compiler, "-std=gnu++11", "-ffreestanding", *FLAGS, "-c", self.path(source), "-o", objects[-1]], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([compiler, "-std=c++17", "-O1", f"-DTYPE={type}", "-I", self.dir, main, *objects, "-o", self.path("both")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        ran = subprocess.run([self.path("both")], capture_output=True, text=True)
        self.assertEqual((ran.returncode, ran.stdout), (0, "ok\n"))
        with open(self.path("report.json")) as f:
            return json.load(f)

    def header(self):
        with open(self.path("pools", "kws.h")) as f:
            return f.read()

    def test_two_pools(self):
        net = self.write("net.onnx", small_net())
        report = self.both(net, "--memory", "DTCM=5K,SRAM=9K", common=("--optimize", "size"))
        used = {b["pool"] for b in report["buffers"] if b["bytes"] > 0}
        self.assertEqual(used, {"DTCM", "SRAM"})
        self.assertEqual([p["name"] for p in report["pools"]], ["DTCM", "SRAM"])
        self.assertLessEqual(report["pools"][0]["bytes"], 5120)
        self.assertIn(f"#define KWS_POOL_DTCM_BYTES {report['pools'][0]['bytes']}\n", self.header())
        self.assertNotIn("ARENA", self.header())
        self.assertNotIn("load_constants", self.header())

    def test_groups_in_two_pools(self):
        net = self.write("net.onnx", small_net())
        for optimize in ("speed", "ram"):
            self.both(net, "--memory", "DTCM=3K,SRAM=9K", common=("--optimize", optimize))

    def test_layers_that_fit_no_pool_whole(self):
        """Values of 3,840 bytes that fit into no pool: layers then run row by row, without being told to."""
        net = self.write("net.onnx", small_net())
        done = burin("analyze", net, "--format", "json", "--io", "external", "--io-layout", "nhwc", "--memory", "DTCM=2500,SRAM=3K")
        self.assertEqual(done.code, OK, repr(done))
        self.assertTrue(any(b["ring_rows"] for b in json.loads(done.out)["buffers"]))

    def test_one_pool_is_enough(self):
        net = self.write("net.onnx", small_net())
        report = self.both(net, "--memory", "DTCM=64K,SRAM=256K")
        self.assertEqual(report["pools"][1]["bytes"], 0)
        self.assertEqual(report["pools"][0]["bytes"], json.loads(burin("analyze", net, "--format", "json").out)["arena_bytes"])

    def test_constants_in_a_pool(self):
        net = self.write("net.onnx", small_net())
        report = self.both(net, "--memory", "DTCM=64K,SRAM=64K", "--weights-in", "DTCM")
        self.assertGreater(report["weights_in"]["bytes"], 0)
        self.assertIn(f"#define KWS_POOL_DTCM_CONSTANT_BYTES {report['weights_in']['bytes']}\n", self.header())

    def test_constants_of_an_int8_model(self):
        digits = os.path.join(MODELS, "digits_int8", "model.onnx")
        report = self.both(digits, "--memory", "DTCM=2K,SRAM=64K", "--weights-in", "DTCM=1K", common=("--io-type", "quantized"), type="signed char")
        self.assertLessEqual(report["weights_in"]["bytes"], 1024)
        self.assertGreater(report["weights_in"]["bytes"], 0)

    def test_structs_stay_in_flash(self):
        """--optimize size has facts of layers as structs: without them a run could write anywhere, so they are no copies."""
        digits = os.path.join(MODELS, "digits_int8", "model.onnx")
        for options in (("--weights-in", "DTCM"), ("--weights-in", "DTCM=700")):
            self.both(digits, "--memory", "DTCM=16K,SRAM=64K", *options, common=("--io-type", "quantized", "--optimize", "size"), type="signed char")

    def test_own_definition_of_load(self):
        """load_constants() is weak: the user's takes its place, made of kws_constants."""
        net = self.write("net.onnx", small_net())
        self.compiled(net, "--name", "kws", "--memory", "DTCM=64K,SRAM=64K", "--weights-in", "DTCM", out="pools")
        main = self.write("own.cpp", b'#include "pools/kws.h"\nstatic int calls;\nextern "C" void kws_load_constants(const kws_memory *m) {\n  ++calls;\n  for (size_t i = 0; '
                          b'i < KWS_POOL_DTCM_CONSTANT_BYTES; ++i) static_cast<unsigned char *>(m->dtcm)[i] = kws_constants[i];\n}\nalignas(16) static unsigned char '
                          b'd[KWS_POOL_DTCM_BYTES + 1], s[KWS_POOL_SRAM_BYTES + 1];\nint main() {\n  kws_memory m = {d, s};\n  kws_load_constants(&m);\n  kws_run(&m);\n  return calls - 1;\n}\n')
        compiler = shutil.which("g++") or shutil.which("c++")
        if not compiler:
            self.skipTest("no compiler")
        done = subprocess.run([compiler, "-std=c++11", *FLAGS, "-I", self.dir, main, self.path("pools/kws.cpp"), "-o", self.path("own")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(subprocess.run([self.path("own")]).returncode, 0)

    def test_header_in_c(self):
        net = self.write("net.onnx", small_net())
        self.compiled(net, "--name", "kws", "--memory", "DTCM=64K,SRAM=64K", "--weights-in", "SRAM", out="pools")
        main = self.write("user.c", b'#include "kws.h"\nfloat first(const kws_memory *m) {\n  kws_load_constants(m);\n  kws_run(m);\n  return kws_output_0(m)[0];\n}\n')
        compiler = shutil.which("gcc") or shutil.which("cc")
        if not compiler:
            self.skipTest("no compiler")
        done = subprocess.run([compiler, "-std=c99", "-pedantic", *FLAGS, "-I", self.path("pools"), "-c", main, "-o", self.path("user.o")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_waits_for_flash_on_m7(self):
        net = self.write("net.onnx", small_net())
        report = lambda *o: json.loads(burin("analyze", net, "--target", "cortex-m7", "--memory", "DTCM=64K,SRAM=64K", "--format", "json", *o).out)
        self.assertIsNone(report()["weights_in"])
        some, all_ = report("--weights-in", "DTCM=600")["weights_in"], report("--weights-in", "DTCM")["weights_in"]
        self.assertEqual(some["cycles_est_without"], all_["cycles_est_without"])
        self.assertLess(all_["cycles_est"], some["cycles_est"])
        self.assertLess(some["cycles_est"], some["cycles_est_without"])
        self.assertLessEqual(some["bytes"], 600)

    def test_pictures(self):
        net = self.write("net.onnx", small_net())
        r = burin("analyze", net, "--memory", "DTCM=5K,SRAM=9K", "--weights-in", "SRAM", "--optimize", "size")
        self.assertRegex(r.out, r"pool DTCM \d+ of 5120 bytes")
        self.assertRegex(r.out, r"pool SRAM \d+ of 9216 bytes")
        self.assertIn("(copies of constants)", r.out)
        self.compiled(net, "--memory", "DTCM=5K,SRAM=9K", "--optimize", "size", "--report", self.path("r.html"))
        with open(self.path("r.html")) as f:
            page = f.read()
        self.assertIn("Pool DTCM over time", page)
        self.assertIn("Pool SRAM over time", page)

    def test_runners(self):
        digits = os.path.join(MODELS, "digits_int8", "model.onnx")
        for runner in ("interpreter", "program", "host"):
            r = burin("verify", digits, "--runner", runner, "--memory", "A=1K,B=2K", "--weights-in", "B")
            self.assertEqual(r.code, OK, repr(r))

    def test_too_small(self):
        net = self.write("net.onnx", small_net())
        self.refused(net, r"--memory: .*'\w+'.* has \d+ bytes, more than any pool \(A 100, B 200\).*\[over-budget\]", options=("--memory", "A=100,B=200"), code=OVER_BUDGET)
        self.refused(net, r"pool A is short: .*bytes, finds no place.*\[over-budget\]", options=("--memory", "A=4000,B=100", "--optimize", "size"), code=OVER_BUDGET)

    def test_usage(self):
        net = self.write("net.onnx", small_net())
        for options, says in (
            (("--memory", "DTCM"), "--memory wants NAME=VALUE"),
            (("--memory", "DTCM=x"), "'x' is no number of bytes"),
            (("--memory", "DTCM=0"), "no bytes"),
            (("--memory", "DTCM=1K,dtcm=2K"), "twice"),
            (("--memory", "INT=1K"), "cannot be the name"),
            (("--memory", "a-b=1K"), "cannot be the name"),
            (("--memory", "DTCM=1K,"), "--memory wants NAME=VALUE"),
            (("--weights-in", "DTCM"), "--weights-in wants the pools that --memory names"),
            (("--memory", "DTCM=1K", "--weights-in", "SRAM"), "no pool 'SRAM'"),
            (("--memory", "DTCM=1K", "--weights-in", "DTCM=2K"), "only 1024 bytes"),
        ):
            self.refused(net, says + r".* \[invalid-option\]\n$", options=options, code=USAGE)
        self.refused(net, r"--memory .*--stream-input .*\[not-in-this-version\]", options=("--memory", "DTCM=1K", "--stream-input"), code=USAGE)
        r = self.compiled(net, "--memory", "DTCM=1K", "--share-arena", "NAME", code=USAGE)
        self.assertRegex(r.err, r"--memory excludes --share-arena \[command-line\]")


if __name__ == "__main__":
    main()
