"""Several models in one arena (--share-arena): what is written, what is refused, and a program of two models run by turns, by the contract alone."""
import json

from tool import *

WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
ARM = "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard".split()
HOSTS = [c for c in ("g++", "clang++") if shutil.which(c)]


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace", **options)
    return done.returncode, done.stdout + done.stderr


def on_disk(name):
    return os.path.join(MODELS, name, "model.onnx")


# Fills the input of each model in turn, runs it in the same arena, and prints its output, three times over. The arena is full of noise
# before each fill, so that nothing of the other model can help.
PROGRAM = """
#include <stdio.h>
#include <string.h>
{includes}
alignas({N}_ARENA_ALIGN) static unsigned char guarded[64 + {N}_ARENA_BYTES + 64];
static unsigned char *const arena = guarded + 64;
{extra}
template <class T>
static void fill(T *x, unsigned n, unsigned turn) {{
  const bool real = static_cast<T>(0.5f) > 0;
  for (unsigned i = 0; i < n; ++i) {{
    const unsigned v = i * 7 + turn * 13;
    x[i] = real ? static_cast<T>(static_cast<float>(v % 64) / 64.0f) : static_cast<T>(v % 256);
  }}
}}
static void dump(const void *p, unsigned n) {{
  for (unsigned i = 0; i < n; ++i) printf("%02x", static_cast<const unsigned char *>(p)[i]);
  printf("\\n");
}}
int main() {{
  memset(guarded, 0x5A, sizeof guarded);
  for (int turn = 0; turn < 3; ++turn) {{
{turns}
  }}
  for (int i = 0; i < 64; ++i)
    if (guarded[i] != 0x5A || guarded[64 + {N}_ARENA_BYTES + i] != 0x5A) return 3;
}}
"""


class Share(Case):
    def turn(self, name):
        N = name.upper()
        return f"""    memset(arena, 0xA5 + turn, {N}_ARENA_BYTES);
    fill({name}_input_0(arena), {N}_INPUT_0_ELEMENTS, static_cast<unsigned>(turn));
    {name}_run(arena);
    dump({name}_output_0(arena), {N}_OUTPUT_0_BYTES);"""

    def program(self, folder, shared, names, extra=""):
        with open(f"{folder}/main.cc", "w") as f:
            f.write(PROGRAM.format(N=shared.upper(), includes="".join(f'#include "{n}.h"\n' for n in (shared, *names)), extra=extra,
                                   turns="\n".join(self.turn(n) for n in names)))
        return f"{folder}/main.cc"

    def shared(self, models, *options, name="both", out="out", code=OK):
        r = burin("compile", *models, "-o", self.path(out), "--share-arena", name, *options)
        self.assertEqual(r.code, code, repr(r))
        return r

    def text(self, path):
        with open(self.path(path)) as f:
            return f.read()

    def macro(self, path, name):
        return int(macro(self.text(path), name))

    def succeed(self, *command):
        code, text = run(*command)
        self.assertEqual((code, text), (0, ""), " ".join(map(str, command)))


class Program(Share):
    def outputs_alone(self, model, name, target, *options):
        """What the model says when it is compiled and run by itself, three lines."""
        folder = self.path("alone-" + name)
        r = burin("compile", f"{model}:{name}", "-o", folder, "--target", target, *options)
        self.assertEqual(r.code, OK, repr(r))
        self.succeed("g++", "-O1", "-DBURIN_PORTABLE", "-I", folder, self.program(folder, name, [name]), f"{folder}/{name}.cpp", "-o", folder + "/program")
        code, text = run(folder + "/program")
        self.assertEqual(code, 0)
        return text.splitlines(), self.macro(f"alone-{name}/{name}.h", name.upper() + "_ARENA_BYTES")

    def check(self, models, target, *options, flags=("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"), extra="", defines=()):
        """models: (file, name). The same results as alone, the larger arena."""
        names = [n for _, n in models]
        self.shared([f"{m}:{n}" for m, n in models], "--target", target, *options)
        folder = self.path("out")
        self.assertEqual(sorted(tree(folder)), sorted(f"{n}.{s}" for n in ("both", *names) for s in ("cpp", "h")))
        self.succeed("g++", "-std=gnu++11", *flags, "-DBURIN_PORTABLE", *defines, "-I", folder, self.program(folder, "both", names, extra),
                     *(f"{folder}/{n}.cpp" for n in ("both", *names)), "-o", folder + "/program")
        code, text = run(folder + "/program")
        self.assertEqual(code, 0, text)
        lines = text.splitlines()
        arenas = []
        for i, (m, n) in enumerate(models):
            alone, arena = self.outputs_alone(m, n, target, *options)
            self.assertEqual(lines[i::len(models)], alone, n)
            self.assertGreater(len(set(alone)), 1, "the inputs do not tell turns apart")
            self.assertEqual(self.macro(f"out/{n}.h", n.upper() + "_ARENA_BYTES"), arena)
            arenas.append(arena)
        self.assertEqual(self.macro("out/both.h", "BOTH_ARENA_BYTES"), max(arenas))
        self.assertEqual(self.macro("out/both.h", "BOTH_ARENA_ALIGN"), 16)

    def test_quantized(self):
        self.check([(on_disk("digits_int8"), "one"), (on_disk("sine_int8"), "two")], "cortex-m4f")

    def test_float(self):
        self.check([(on_disk("digits_f32"), "one"), (on_disk("sine_f32"), "two")], "host")

    def test_size_and_a_third(self):
        """Layers that are equal in two models are one function; the same model may be there twice."""
        self.check([(on_disk("digits_int8"), "one"), (on_disk("sine_int8"), "two"), (on_disk("digits_int8"), "three")], "cortex-m4f", "--optimize", "size")
        common = self.text("out/both.cpp")
        self.assertIn("void conv", common)
        for n in ("one", "three"):
            self.assertIn("::both::layers::conv", self.text(f"out/{n}.cpp"))
            self.assertNotRegex(self.text(f"out/{n}.cpp"), r"BURIN_LAYER void conv")

    def test_groups(self):
        self.write("groups.onnx", two_groups())
        self.check([(self.path("groups.onnx"), "one"), (on_disk("digits_f32"), "two")], "host", "--optimize", "ram")
        self.assertIn("row-streamed group", self.text("out/one.cpp"))

    def test_hooks(self):
        self.check([(on_disk("digits_int8"), "one"), (on_disk("digits_f32"), "two")], "cortex-m4f", defines=("-DBURIN_PROFILE", "-DBURIN_YIELD"),
                   extra='static int open_layers;\nextern "C" void burin_profile(const char *, int, int enter) { open_layers += enter ? 1 : -1; }\nextern "C" void burin_yield(void) {}\n')


class Code(Share):
    MODELS = [on_disk("digits_int8"), on_disk("digits_f32"), on_disk("sine_int8")]
    NAMES = ("all", "digits_int8", "digits_f32", "sine_int8")

    def test_clean(self):
        self.shared(self.MODELS, name="all", out="host")
        self.shared(self.MODELS, "--target", "cortex-m4f", "--optimize", "size", name="all", out="m4")
        commands = [[c, f"-std={s}", o, "-DBURIN_PORTABLE"] for c in HOSTS for s, o in (("gnu++11", "-O0"), ("gnu++11", "-O2"), ("c++17", "-Os"), ("gnu++20", "-O3"))]
        for command in commands:
            for n in self.NAMES:
                self.succeed(*command, *WARNINGS, "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fsyntax-only" if "-O0" in command else "-c", "-o", os.devnull, self.path(f"host/{n}.cpp"))
        if shutil.which("arm-none-eabi-g++"):
            for level, n in ((level, n) for level in ("-O0", "-O2", "-Os") for n in self.NAMES):
                self.succeed("arm-none-eabi-g++", "-std=gnu++11", *ARM, level, *WARNINGS, "-ffreestanding", "-c", "-o", os.devnull, self.path(f"m4/{n}.cpp"))

    def test_headers(self):
        """C99 and C++, alone and all together, in any order."""
        self.shared(self.MODELS, name="all")
        for names in [self.NAMES, tuple(reversed(self.NAMES)), *((n,) for n in self.NAMES)]:
            text = "".join(f'#include "{n}.h"\n' for n in names) * 2
            self.write("h.c", (text + "int main(void) { return 0; }\n").encode())
            self.write("h.cpp", (text + "int main() { return 0; }\n").encode())
            self.succeed("gcc", "-std=c99", *[w for w in WARNINGS], "-I", self.path("out"), "-fsyntax-only", self.path("h.c"))
            self.succeed("g++", "-std=gnu++11", *WARNINGS, "-I", self.path("out"), "-fsyntax-only", self.path("h.cpp"))

    def test_kernels_are_printed_once(self):
        self.shared(self.MODELS, "--target", "cortex-m4f", name="all")
        for n in self.NAMES[1:]:
            self.assertNotIn("requantize(", self.text(f"out/{n}.cpp"))
        self.assertIn("namespace all {", self.text("out/all.h"))

    def test_files_of_another_build(self):
        """A header of another build stops the sources that include it."""
        self.shared(self.MODELS[:2], name="all", out="a")
        self.shared(self.MODELS[:2], "--optimize", "size", name="all", out="b")
        for header in ("all", "digits_int8"):
            shutil.copytree(self.path("a"), self.path("mixed"))
            shutil.copy(self.path(f"b/{header}.h"), self.path(f"mixed/{header}.h"))
            code, text = run("g++", "-fsyntax-only", self.path("mixed/digits_int8.cpp"))
            self.assertNotEqual(code, 0)
            self.assertRegex(text, rf"error.*{header}\.h is of another build")
            shutil.rmtree(self.path("mixed"))
        self.succeed("g++", "-fsyntax-only", self.path("a/digits_int8.cpp"))

    @unittest.skipUnless(shutil.which("arm-none-eabi-g++"), "arm-none-eabi-g++ is not installed")
    def test_less_flash_than_the_sum(self):
        """Float kernels are the same for all shapes: a linked program of both has them once."""
        flags = [*ARM, "-O2", "-std=c++17", "-fno-exceptions", "-fno-rtti", "-ffreestanding", "-ffunction-sections", "-fdata-sections"]
        names = ("digits_f32", "sine_f32")
        models = [on_disk(n) for n in names]
        self.shared(models, "--target", "cortex-m4f", "--optimize", "speed", out="shared")
        for m in models:
            self.compiled(m, "--target", "cortex-m4f", "--optimize", "speed", out="alone")
        self.write("main.cc", "".join(f'#include "{n}.h"\n' for n in names).encode() + b"alignas(16) static unsigned char arena[1 << 16];\nint main() {\n" +
                   "".join(f"  {n}_run(arena);\n" for n in names).encode() + b"  return 0;\n}\n")
        flash = {}
        for folder, sources in (("alone", names), ("shared", ("both", *names))):
            elf = self.path(folder + ".elf")
            self.succeed("arm-none-eabi-g++", *flags, "-I", self.path(folder), self.path("main.cc"), *(self.path(f"{folder}/{n}.cpp") for n in sources), "-o", elf,
                         "-Wl,--gc-sections,-e,main", "-nostdlib", "-lc", "-lgcc")
            flash[folder] = int(run("arm-none-eabi-size", elf)[1].splitlines()[1].split()[0])
            kernels = [line for line in run("arm-none-eabi-nm", "-C", elf)[1].splitlines() if "burin::" in line]
            names_of = [re.sub(r"^\S+ \w ", "", k) for k in kernels]
            if folder == "shared":
                self.assertTrue(kernels)
                self.assertEqual(len(names_of), len(set(names_of)), names_of)
                self.assertTrue(all("both::burin::" in n for n in names_of), names_of)
        self.assertLess(flash["shared"], flash["alone"] - 500)


class Files(Share):
    def two(self):
        return [self.write("a.onnx", image_example(size=8, filters=4)), self.write("b.onnx", relu())]

    def test_report_and_depfile(self):
        a, b = self.two()
        self.shared([a, b + ":other"], "--depfile", self.path("d"), "--report", self.path("r.json"))
        report = json.loads(self.text("r.json"))
        self.assertEqual(report["schema"], 1)
        self.assertEqual([m["model"]["name"] for m in report["models"]], ["a", "other"])
        self.assertEqual(report["share_arena"], {"name": "both", "arena_bytes": max(m["arena_bytes"] for m in report["models"])})
        self.assertIn("--share-arena both", report["models"][0]["options"])
        rule, _, inputs = self.text("d").replace("\\\n", " ").partition(": ")
        self.assertEqual(sorted(rule.split()), sorted(self.path(f"out/{n}.{s}") for n in ("a", "both", "other") for s in ("cpp", "h")))
        self.assertEqual(inputs.split(), [a, b])

    def test_unchanged_files_keep_their_time(self):
        models = self.two()
        self.shared(models)
        files = [self.path("out", f) for f in tree(self.path("out"))]
        for f in files:
            os.utime(f, (1000, 1000))
        self.shared(models)
        self.assertEqual({os.stat(f).st_mtime for f in files}, {1000})

    def test_same_bytes_and_names_in_the_banner(self):
        models = self.two()
        self.shared(models, out="1")
        self.shared(models, out="2")
        files = tree(self.path("1"))
        self.assertEqual(files, tree(self.path("2")))
        for name in ("both.h", "both.cpp"):
            head = files[name].decode()[:1500]
            for wanted in ("SPDX-License-Identifier: MIT-0", "a.onnx", "b.onnx", "--share-arena both"):
                self.assertIn(wanted, head)

    def test_one_model_may_share(self):
        self.shared(self.two()[:1])
        self.assertEqual(sorted(tree(self.path("out"))), ["a.cpp", "a.h", "both.cpp", "both.h"])

    def test_a_file_with_a_colon(self):
        self.write("x:y.onnx", relu())
        self.compiled(self.path("x:y.onnx"))
        self.assertEqual(sorted(tree(self.path("out"))), ["x_y.cpp", "x_y.h"])
        self.compiled(self.path("x:y.onnx") + ":z", out="z")
        self.assertEqual(sorted(tree(self.path("z"))), ["z.cpp", "z.h"])

    def test_dumps(self):
        self.shared(self.two(), "--dump-dir", self.path("dumps"))
        self.assertEqual(sorted(os.listdir(self.path("dumps"))), ["a", "b"])


class Errors(Share):
    def usage(self, *arguments, says):
        r = burin("compile", *arguments, "-o", self.path("out"))
        self.assertEqual(r.code, USAGE, repr(r))
        self.assertRegex(r.err, says)
        self.assertEqual((r.out, tree(self.path("out"))), ("", {}))

    def setUp(self):
        super().setUp()
        self.a, self.b = self.write("a.onnx", image_example(size=8, filters=4)), self.write("b/a.onnx", relu())
        self.c = self.write("c.onnx", relu())

    def test_usage(self):
        share = ("--share-arena", "both")
        self.usage(self.a, self.c, says=r"error: '.*c\.onnx' is a second model: .*--share-arena NAME")
        self.usage(self.a, self.b, *share, says=r"error: the models '.*a\.onnx' and '.*b/a\.onnx' are both named 'a'; give it another name: '.*b/a\.onnx:NAME'")
        self.usage(self.a, self.c + ":A", *share, says="error: the models .* are both named 'A'")
        self.usage(self.a, self.c + ":both", *share, says=r"error: the model '.*c\.onnx' has the name of --share-arena, 'both'; .*c\.onnx:NAME'")
        self.usage(self.a, self.c, "--share-arena", "C", says="has the name of --share-arena")
        self.usage(self.a, self.c, *share, "--name", "x", says=r"error: --name .*a\.onnx:NAME")
        self.usage(self.a + ":y", "--name", "x", says=r"error: --name .*:NAME")
        self.usage(self.a, self.c, "--share-arena", "", says="error: --share-arena")
        self.usage(self.a, self.c, *share, "--memory", "DTCM=64K", says="error: .*--share-arena.*--memory|error: .*--memory.*--share-arena")
        self.usage(self.a, self.c, *share, "--report", self.path("r.html"), says=r"error: --report .*r\.html.*one model")

    def test_other_verbs_take_one_model(self):
        for verb in ("analyze", "verify", "profile"):
            for arguments in ((self.a, self.c), (self.a, "--share-arena", "both")):
                r = burin(verb, *arguments)
                self.assertEqual(r.code, USAGE, repr(r))

    def test_errors_of_all_models(self):
        bad = [self.write(f"bad{i}.onnx", b"nothing") for i in range(2)]
        r = self.shared([bad[0], self.a, bad[1]], "--report", self.path("r.json"), "--depfile", self.path("d"), code=MODEL_ERROR)
        for i in range(2):
            self.assertRegex(r.err, rf"bad{i}\.onnx: error: ")
        self.assertFalse(os.path.exists(self.path("out")) or os.path.exists(self.path("r.json")) or os.path.exists(self.path("d")))
        self.shared([self.a, self.path("missing.onnx")], code=MODEL_ERROR)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_budgets(self):
        arena = lambda m: json.loads(burin("analyze", m, "--format", "json").out)["arena_bytes"]
        largest = max(arena(self.a), arena(self.c))
        self.assertLess(largest, arena(self.a) + arena(self.c))
        self.shared([self.a, self.c], "--budget-ram", str(largest))
        r = self.shared([self.a, self.c], "--budget-ram", str(largest - 1), code=OVER_BUDGET, out="over")
        self.assertRegex(r.err, r"a\.onnx: error: the arena needs \d+ bytes, .*\[over-budget\]")
        self.shared([self.a, self.c], "--budget-flash", "1M", out="fits")
        r = self.shared([self.a, self.c], "--budget-flash", "100", code=OVER_BUDGET, out="over")
        self.assertRegex(r.err, r"error: the models take \d+ bytes of flash, \d+ more than --budget-flash 100 \[over-budget\]")
        self.assertEqual(tree(self.path("over")), {})


if __name__ == "__main__":
    main()
