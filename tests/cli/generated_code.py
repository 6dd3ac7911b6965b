"""What generated code promises whoever builds it: clean under every compiler's warnings, freestanding, no mutable globals, many models
in one program, one meaning on every core. Compilers that are not installed are left out, and that is said."""
import glob
import itertools
import json
from concurrent.futures import ThreadPoolExecutor

from tool import *

WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
STRICT = ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-ffreestanding", *WARNINGS]
STANDARDS = ("gnu++11", "gnu++14", "c++17", "gnu++20")
ROOT = os.path.dirname(os.path.dirname(MODELS))
# One of each: quantized and float networks, tables, softmax, movement, broadcasts, copies, 1-D, pools, float16-free odd ends.
BUILT = ("digits_int8", "digits_f32", "softmax", "concat_scales", "binary_broadcast", "copied_outputs", "split_slice_pad", "average_exclude_pad")
RUN = ("digits_int8", "sine_int8", "sine_f32", "softmax", "depthwise_multiplier", "conv_odd", "weights_min", "dense_weights_min", "uint8_asymmetric", "residual_add",
       "average_ceil", "split_slice_pad", "copied_outputs", "conv_mostly_padding")
BOARDS = {
    "cortex-m4f": "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard".split(),
    "cortex-m0plus": "-mcpu=cortex-m0plus -mthumb".split(),
}
HELPERS = re.compile(r"(memcpy|memmove|memset|memcmp|__aeabi_\w+|__gnu_thumb1_case_\w+|__[a-z]+[sdtx][if][234]?(si|di)?[234]?|_GLOBAL_OFFSET_TABLE_)$")
HOSTS = [c for c in ("g++", "clang++") if shutil.which(c)]
CLANGS = [c for c in ("clang++-14", "clang++-16", "clang++-19") if shutil.which(c)]
ARM = shutil.which("arm-none-eabi-g++")

JOBS = ThreadPoolExecutor(max_workers=2)


def run(*command, cwd=None):
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout + done.stderr


def on_disk(name):
    return os.path.join(MODELS, name, "model.onnx")


class Generated(Case):
    SANITIZED = ["-O0", "-DBURIN_PORTABLE", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

    def generate(self, name, target="host", *options):
        """Compiles a model of tests/models; the folder with its two files."""
        folder = self.path(f"{name}-{target}" + "".join(options))
        r = burin("compile", on_disk(name), "-o", folder, "--target", target, *options)
        self.assertEqual(r.code, OK, repr(r))
        return folder

    def all_clean(self, commands):
        """Every command succeeds and says nothing."""
        for command, (code, text) in zip(commands, JOBS.map(lambda c: run(*c), commands)):
            self.assertEqual((code, text), (0, ""), " ".join(map(str, command)))


class Builds(Generated):
    def check_object(self, path, prefix=""):
        code, text = run(prefix + "nm", "-u", path)
        self.assertEqual(code, 0, text)
        for line in text.split("\n"):
            if line.strip():
                self.assertRegex(line.split()[-1], HELPERS, path)
        code, text = run(prefix + "objdump", "-h", path)
        self.assertEqual(code, 0, text)
        for index, section, size in re.findall(r"^ *(\d+) (\S+) +([0-9a-f]+) ", text, re.M):
            mutable = re.match(r"\.(data|bss|tdata|tbss|init_array|ctors|fini_array)\b", section) and not section.startswith(".data.rel.ro")
            self.assertFalse(mutable and int(size, 16) > 0, f"{path}: {section} has {int(size, 16)} bytes")

    def test_host(self):
        self.assertIn("g++", HOSTS)
        commands = []
        for name in BUILT:
            folder = self.generate(name)
            for compiler, level in itertools.product(HOSTS, ("-O0", "-Os", "-O3")):
                commands.append([compiler, *STRICT, level, "-c", f"{folder}/{name}.cpp", "-o", f"{folder}/{compiler}{level}.o"])
        self.all_clean(commands)
        for c in commands:
            self.check_object(c[-1])

    def test_portable_code_of_another_core(self):
        """-DBURIN_PORTABLE, or no optimization, selects plain C++; otherwise another core's code does not compile here."""
        commands, guards = [], []
        for name in ("digits_int8", "digits_f32", "depthwise_multiplier", "sine_int8"):
            folder = self.generate(name, "cortex-m4f")
            source = f"{folder}/{name}.cpp"
            for compiler in HOSTS:
                for level in ("-O2", "-O3"):
                    commands.append([compiler, *STRICT, level, "-DBURIN_PORTABLE", "-c", source, "-o", f"{folder}/{compiler}{level}.o"])
                commands.append([compiler, *STRICT, "-O0", "-c", source, "-o", f"{folder}/{compiler}-O0.o"])
                guards.append([compiler, *STRICT, "-O2", "-fsyntax-only", source])
        self.all_clean(commands)
        refused = [run(*g) for g in guards]
        self.assertTrue(any(code != 0 for code, _ in refused))
        for code, text in refused:
            if code != 0:
                self.assertRegex(text, "error.*cortex-m4f")

    @unittest.skipUnless(ARM, "arm-none-eabi-g++ is not installed")
    def test_boards(self):
        commands = []
        for name, (target, flags) in itertools.product(("digits_int8", "digits_f32", "split_slice_pad", "average_exclude_pad"), BOARDS.items()):
            folder = self.generate(name, target)
            for level in ("-O0", "-Os", "-O3"):
                commands.append([ARM, *STRICT, *flags, level, "-c", f"{folder}/{name}.cpp", "-o", f"{folder}/{level}.o"])
        self.all_clean(commands)
        for c in commands:
            self.check_object(c[-1], "arm-none-eabi-")

    def test_standards(self):
        """Code for the host and for boards by every standard; each header of kernels alone by the oldest."""
        parts = [(c, [], self.generate(name), name) for c in HOSTS + CLANGS for name in ("digits_int8", "digits_f32", "binary_broadcast")]
        if ARM:
            parts += [(ARM, flags, self.generate(name, target), name) for name in ("digits_int8", "depthwise_multiplier") for target, flags in BOARDS.items()]
        self.all_clean([[c, f"-std={s}", *flags, "-O1", *WARNINGS, "-fsyntax-only", f"{folder}/{name}.cpp"] for c, flags, folder, name in parts for s in STANDARDS])
        headers = sorted(glob.glob(os.path.join(ROOT, "runtime-min", "**", "*.h"), recursive=True))
        self.assertGreater(len(headers), 40)
        alone = []
        for i, header in enumerate(headers):
            self.write(f"alone{i}.cpp", f'#include "{header}"\n'.encode())
            alone += [[*c, "-std=gnu++11", "-O1", *WARNINGS, "-I", ROOT, "-fsyntax-only", self.path(f"alone{i}.cpp")]
                      for c in [[h] for h in HOSTS + CLANGS[:1]] + ([[ARM, *BOARDS["cortex-m4f"]]] if ARM else [])]
        self.all_clean(alone)

    def test_headers(self):
        """C99 and C++, alone, with all models in one file, and included twice."""
        for options in ((), ("--io", "external"), ("--io-layout", "nhwc")):
            folders = [self.generate(name, "host", *options) for name in BUILT]
            names = [f"{folder}/{name}.h" for folder, name in zip(folders, BUILT)]
            text = "".join(f'#include "{n}"\n' for n in names + names[:1]) + "int main(void) { return DIGITS_INT8_BURIN_ABI - 1; }\n"
            for suffix, commands in ((".c", [["gcc", "-std=c99"], ["clang", "-std=c99"]]), (".cpp", [[c, f"-std={s}", "-Wshadow", "-Wconversion"] for c in HOSTS for s in STANDARDS])):
                self.write("headers" + suffix, text.encode())
                self.all_clean([[*c, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", self.path("headers" + suffix)] for c in commands if shutil.which(c[0])])
            for n in names:  # each needs nothing before it
                self.write("one.c", f'#include "{n}"\n'.encode())
                self.all_clean([["gcc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", self.path("one.c")]])

    def test_includes_and_macros(self):
        for name in BUILT:
            folder = self.generate(name, "cortex-m4f")
            self.assertEqual(sorted(os.listdir(folder)), [name + ".cpp", name + ".h"])
            for suffix in (".h", ".cpp"):
                with open(f"{folder}/{name}{suffix}") as f:
                    text = f.read()
                self.assertTrue(set(re.findall(r"^ *# *include *(.*)", text, re.M)) <= {"<stdint.h>", "<stddef.h>", f'"{name}.h"'})
                if suffix == ".h":
                    for macro_name, text in re.findall(rf"^#define {name.upper()}_(\w+) (.*)$", text, re.M):
                        if macro_name == "BUILD":
                            self.assertRegex(text, "^0x[0-9a-f]{8}$")
                        elif not macro_name.endswith(("NAME", "DIMS")):
                            self.assertRegex(text, r"^-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?f?$", macro_name)

    def test_hooks(self):
        """-DBURIN_PROFILE and -DBURIN_YIELD call what the user defines."""
        folder = self.generate("digits_int8")
        self.write("main.cpp", b"""
#include "digits_int8.h"
static int depth, calls, yields, wrong;
extern "C" void burin_profile(const char *model, int layer, int enter) {
  if (model[0] != 'd' || (enter && layer != calls)) ++wrong;
  depth += enter ? 1 : -1;
  if (depth < 0 || depth > 1) ++wrong;
  calls += enter;
}
extern "C" void burin_yield(void) { ++yields; }
int main() {
  static digits_int8::Arena arena;
  digits_int8::run(arena);
  return wrong || depth || calls < 3 || yields < calls;  // groups yield after each of their turns
}
""")
        self.all_clean([["g++", "-std=c++17", "-O1", "-DBURIN_PROFILE", "-DBURIN_YIELD", "-I", folder, self.path("main.cpp"), f"{folder}/digits_int8.cpp", "-o", self.path("main")]])
        self.assertEqual(run(self.path("main")), (0, ""))


    def test_groups(self):
        """A row-streamed group is one layer to the hooks, with a yield after each call; its function is clean and takes what it needs."""
        self.write("g.onnx", two_groups())
        for io in ("arena", "external"):
            folder = self.path(io)
            self.compiled(self.path("g.onnx"), "--name", "g", "--target", "cortex-m4f", "--optimize", "ram", "--io", io, "--report", self.path("g.json"), out=folder)
            with open(self.path("g.json")) as f:
                layers = json.load(f)["layers"]
            groups = [layer for layer in layers if layer["op"] == "group"]
            self.assertEqual(len(groups), 2)
            with open(f"{folder}/g.cpp") as f:
                text = f.read()
            for g in groups:
                self.assertEqual(text.count(f"BURIN_LAYER void {g['name']}("), 1)
                calls = sum(call["times"] for call in g["calls"])
                self.assertIn(f"// {g['name']}: a row-streamed group of {len(g['calls'])} layers, {calls} calls\n", text)
                self.assertIn(f"static const uint8_t order[{calls}] = {{", text)
            compilers = [c for c in (*HOSTS, *CLANGS)]
            flags = ["-DBURIN_PORTABLE", "-DBURIN_PROFILE", "-DBURIN_YIELD"]
            self.all_clean([[c, f"-std={s}", "-O2", *WARNINGS, *f, "-c", f"{folder}/g.cpp", "-o", self.path(f"{c}.o")] for c in compilers
                            for s in ("c++11", "gnu++20") for f in (flags, ["-DBURIN_PORTABLE"])])
            turns = sum(call["times"] for g in groups for call in g["calls"])
            run_g = "static float x[1024], y[48];\n  g::run(arena, x, y);" if io == "external" else "g::run(arena);"
            self.write("main.cpp", f"""
#include "g.h"
static int depth, calls, yields, wrong;
extern "C" void burin_profile(const char *, int layer, int enter) {{
  if (enter && layer != calls) ++wrong;
  depth += enter ? 1 : -1;
  if (depth < 0 || depth > 1) ++wrong;
  calls += enter;
}}
extern "C" void burin_yield(void) {{ ++yields; }}
int main() {{
  static g::Arena arena;
  {run_g}
  return wrong || depth || calls != {len(layers)} || yields != calls + {turns};
}}
""".encode())
            self.all_clean([["g++", "-std=c++11", "-O1", *self.SANITIZED, *flags, "-I", folder, self.path("main.cpp"), f"{folder}/g.cpp", "-o", self.path("main")]])
            self.assertEqual(run(self.path("main")), (0, ""))


class Programs(Generated):
    """Generated code that runs here, with data sets."""

    def ports(self, folder, name):
        with open(f"{folder}/{name}.h") as f:
            text = f.read()
        n = name.upper()
        return [[int(macro(text, f"{n}_{kind}_{i}_BYTES")) for i in range(int(macro(text, f"{n}_{kind}S")))] for kind in ("INPUT", "OUTPUT")]

    def driver(self, folder, name, external=False):
        """A program that reads all inputs from stdin, once per run, and writes all outputs; the arena has exactly its bytes, full of noise."""
        inputs, outputs = self.ports(folder, name)
        N = name.upper()
        lines = ['#include <stdio.h>', '#include <stdlib.h>', '#include <string.h>', f'#include "{name}.h"', 'int main() {', '  for (;;) {',
                 f'    unsigned char *arena = static_cast<unsigned char *>(malloc({N}_ARENA_BYTES));', f'    memset(arena, 0xA5, {N}_ARENA_BYTES);']
        for i, n in enumerate(inputs):
            where = f"in{i}" if external else f"{name}_input_{i}(arena)"
            if external:
                lines.append(f"    void *in{i} = malloc({n});")
            lines.append(f"    if (fread({where}, 1, {n}, stdin) != {n}) return {i} != 0;")
        if external:
            lines += [f"    void *out{i} = malloc({n});" for i, n in enumerate(outputs)]
            arguments = ["arena", *(f"static_cast<{self.c_type(folder, name, 'INPUT', i)} *>(in{i})" for i in range(len(inputs))),
                         *(f"static_cast<{self.c_type(folder, name, 'OUTPUT', i)} *>(out{i})" for i in range(len(outputs)))]
            lines.append(f"    {name}_run({', '.join(arguments)});")
        else:
            lines.append(f"    {name}_run(arena);")
        for i, n in enumerate(outputs):
            lines.append(f"    fwrite({f'out{i}' if external else f'{name}_output_{i}(arena)'}, 1, {n}, stdout);")
        if external:
            lines += [f"    free(in{i});" for i in range(len(inputs))] + [f"    free(out{i});" for i in range(len(outputs))]
        lines += ["    free(arena);", "  }", "}", ""]
        path = f"{folder}/main.cpp"
        with open(path, "w") as f:
            f.write("\n".join(lines))
        return path

    def c_type(self, folder, name, kind, i):
        with open(f"{folder}/{name}.h") as f:
            parameters = re.search(rf"void {name}_run\((.*?)\);", f.read())[1].split(", ")
        wanted = f"{kind.lower()}_{i}"
        return next(p for p in parameters if p.endswith(wanted)).replace("const ", "").rsplit("*", 1)[0].strip()

    def data(self, name):
        """Per data set: bytes of all inputs, arrays of all outputs."""
        base = os.path.join(MODELS, name)
        sets = []
        for d in sorted(f for f in os.listdir(base) if f.startswith("test_data_set_"))[:4]:
            def read(kind):
                files = sorted((f for f in os.listdir(os.path.join(base, d)) if f.startswith(kind)), key=lambda f: int(re.findall(r"\d+", f)[0]))
                return [numpy_helper.to_array(onnx.load_tensor(os.path.join(base, d, f))) for f in files]
            sets.append((b"".join(a.tobytes() for a in read("input")), read("output")))
        return sets

    def check_outputs(self, name, program):
        sets = self.data(name)
        env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # the driver ends where its input ends
        done = subprocess.run([program], input=b"".join(i for i, _ in sets), capture_output=True, env=env)
        self.assertEqual((done.returncode, done.stderr.decode(errors="replace")), (0, ""), name)
        at = 0
        for _, outputs in sets:
            for want in outputs:
                got = np.frombuffer(done.stdout[at:at + want.nbytes], want.dtype).reshape(want.shape)
                at += want.nbytes
                if want.dtype.kind == "f":
                    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5, err_msg=name)
                else:
                    np.testing.assert_array_equal(got, want, err_msg=name)
        self.assertEqual(at, len(done.stdout), name)

    def build_and_check(self, jobs, compiler="g++", standard="c++17"):
        """jobs: (name, folder, external, flags)."""
        commands = []
        for name, folder, external, flags in jobs:
            main_file = self.driver(folder, name, external)
            commands.append([compiler, f"-std={standard}", *flags, "-I", folder, main_file, f"{folder}/{name}.cpp", "-o", f"{folder}/program"])
        self.all_clean(commands)
        for name, folder, _, _ in jobs:
            self.check_outputs(name, f"{folder}/program")

    def test_code_of_a_cortex_m4_under_sanitizers(self):
        self.build_and_check([(name, self.generate(name, "cortex-m4f"), False, self.SANITIZED) for name in RUN], standard="gnu++11")

    def test_optimized_code_under_sanitizers(self):
        """What compilers make of it when they see through the calls: pointers that leave their arrays between them."""
        flags = ["-O2", *self.SANITIZED[1:]]
        for compiler, target in itertools.product(HOSTS, ("cortex-m4f", "cortex-m55", "host")):
            self.build_and_check([(name, self.generate(name, target), False, flags) for name in ("sine_int8", "digits_int8", "residual_add")], compiler)

    def test_external_io(self):
        names = ("digits_int8", "copied_outputs", "residual_add")
        self.build_and_check([(name, self.generate(name, "cortex-m4f", "--io", "external"), True, self.SANITIZED) for name in names])

    def test_optimized_for_size_and_memory(self):
        self.build_and_check([("digits_int8", self.generate("digits_int8", target, "--optimize", goal), False, ["-Os", "-DBURIN_PORTABLE"])
                              for goal in ("size", "ram") for target in ("host", "cortex-m4f")])

    def test_models_side_by_side(self):
        """Two models, one of them twice under two names and for two cores, in one program: each has its own kernels."""
        base = self.path("both")
        parts = [("digits_int8", "digits_int8", "cortex-m4f"), ("sine_int8", "sine_int8", "host"), ("other", "digits_int8", "host")]
        for name, source, target in parts:
            r = burin("compile", on_disk(source), "--name", name, "-o", base, "--target", target)
            self.assertEqual(r.code, OK, repr(r))
        sets = self.data("digits_int8")
        with open(f"{base}/main.cpp", "w") as f:
            f.write("""
#include <stdio.h>
#include <string.h>
#include "digits_int8.h"
#include "other.h"
#include "sine_int8.h"
alignas(16) static unsigned char a[DIGITS_INT8_ARENA_BYTES], b[OTHER_ARENA_BYTES], c[SINE_INT8_ARENA_BYTES];
int main() {
  unsigned char x[DIGITS_INT8_INPUT_0_BYTES];
  if (fread(x, 1, sizeof x, stdin) != sizeof x) return 1;
  memcpy(digits_int8_input_0(a), x, sizeof x), memcpy(other_input_0(b), x, sizeof x);
  *sine_int8_input_0(c) = 3;
  digits_int8_run(a), sine_int8_run(c), other_run(b);
  if (memcmp(digits_int8_output_0(a), other_output_0(b), OTHER_OUTPUT_0_BYTES)) return 2;
  fwrite(other_output_0(b), 1, OTHER_OUTPUT_0_BYTES, stdout);
}
""")
        self.all_clean([["g++", "-std=c++17", "-O2", "-DBURIN_PORTABLE", "-I", base, *(f"{base}/{n}.cpp" for n in ("main", "digits_int8", "other", "sine_int8")), "-o", f"{base}/main"]])
        done = subprocess.run([f"{base}/main"], input=sets[0][0], capture_output=True)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, sets[0][1][0].tobytes())
        # Nothing but the interface is visible to the linker.
        _, text = run("nm", "-g", "--defined-only", "-C", f"{base}/main")
        for line in text.splitlines():
            self.assertNotRegex(line, r"conv_|dense_|burin::")

    def test_quantize_helpers(self):
        """The header's quantize and dequantize, against the formula in exact arithmetic."""
        folder = self.generate("sine_int8")
        with open(f"{folder}/sine_int8.h") as f:
            text = f.read()
        scale, zero = float(np.float32(macro(text, "SINE_INT8_INPUT_0_SCALE").rstrip("f"))), int(macro(text, "SINE_INT8_INPUT_0_ZERO_POINT"))
        values = [0.0, scale, -scale, 0.4 * scale, 0.6 * scale, 1e9, -1e9, 100.2 * scale, -3.7 * scale, 200 * scale, 254.6 * scale, 255.4 * scale]
        self.write("main.cpp", ('#include <stdio.h>\n#include "sine_int8.h"\nint main() {\n' + "".join(
            f'  printf("%d %.9g\\n", sine_int8::quantize_input_0({v!r}f), static_cast<double>(sine_int8::dequantize_input_0({i}))); \n' for i, v in enumerate(values)) + "}\n").encode())
        self.all_clean([["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-I", folder, self.path("main.cpp"), f"{folder}/sine_int8.cpp", "-o", self.path("main")]])
        _, out = run(self.path("main"))
        for i, (v, line) in enumerate(zip(values, out.splitlines())):
            q, real = line.split()
            self.assertEqual(int(q), max(-128, min(127, round(v / scale) + zero)), v)
            self.assertAlmostEqual(float(real), (i - zero) * scale, delta=1e-6 * abs((i - zero) * scale))


if __name__ == "__main__":
    main()
