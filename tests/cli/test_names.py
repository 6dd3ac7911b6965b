"""Whatever a model, its file, its nodes, inputs and outputs are called: the generated pair compiles beside the C library's headers, with
every compiler that is installed, and neither the code nor the terminal gets a character that shows it as something else."""
import library_names
from tool import *

NAMES = """int8_t uint8_t int32_t size_t uintptr_t NULL INT32_MAX UINT8_C INT8_WIDTH offsetof BURIN_LAYER BURIN_ENTER BURIN_SECTION BURIN_PORTABLE BURIN_DSP
    _Pragma __FILE__ __LINE__ __x86_64__ __ELF__ __arm__ _Bool _ __ _x signal time index exp gamma read y0 jn sinf stat wait timeval FILE div_t
    environ stdin errno EOF SIGINT ENOENT M_PI NAN assert linux unix i386 std main class restrict typeof final import module burin burin_yield
    burin_profile arena at layers weights memory run input_0 Arena Span T string Signal STDIO arm_acle stdint float kws 3d ??= and""".split() + [
    "$name$", "a$b$c", "$", "x$:0", "$$", "quote\"back\\slash", "star*/comment", "/*open", "//line", "trigraph??/", "ends\\", "two\nlines", "\t", "nul\0name", " ",
    "\u202eright-to-left", "\u2066isolate", "\u200f", "\u2028", "\u00fcml\u00e4ut", "\u6a21\u578b", "\U0001f600", "\x1b[31mescape", "\x7f", "\u009b31m", "%s%n", "{}", "#if 0",
    "a" * 200]
LIBRARY = "aio complex ctype dirent errno fcntl fenv inttypes limits locale math pthread sched search semaphore setjmp signal stdio stdlib string strings \
    sys/stat sys/time sys/types sys/wait termios time unistd wchar wctype".split()
COMPILERS = [c for c in (["g++", "-std=gnu++17"], ["g++", "-std=c++17"], ["clang++-19", "-std=gnu++17"] if shutil.which("clang++-19") else ["clang++", "-std=gnu++17"],
                         ["arm-none-eabi-g++", "-std=gnu++17", "-mcpu=cortex-m4"]) if shutil.which(c[0])]
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
FILES = [n for n in NAMES if "/" not in n and "\0" not in n]


def named(names, place):
    """A model in which every name is that of a node and of an input or output."""
    nodes, inputs, outputs = [], [], []
    for i, n in enumerate(names):
        x, y = (n, f"y_{i}_") if place == "input" else (f"x_{i}_", n)
        # Kinds of layers with and without constants; every number another one, so that no two functions are one.
        k = constant(f"k_{i}_", np.float32([i, 2, 3, 4]))
        nodes.append(helper.make_node("Mul", [x, k.name], [y], name=n))
        inputs.append((value(x), k))
        outputs.append(value(y))
    m = model(nodes, [v for v, _ in inputs], outputs, [k for _, k in inputs])
    m.graph.name = names[0] if place == "input" else names[-1]
    return m


class Names(Case):
    def check(self, folder, r):
        """What burin said and wrote, through all compilers, in one file."""
        self.assertEqual(r.code, OK, repr(r))
        self.quiet(r)
        for compiler in COMPILERS:
            self.builds(compiler, folder)

    def quiet(self, r):
        self.assertIsNone(UNSEEN.search(r.out + r.err), repr(r.out + r.err))

    def builds(self, compiler, folder):
        for path, text in tree(folder).items():
            self.assertIsNone(UNSEEN.search(text.decode()), path)
        have = [h for h in LIBRARY if subprocess.run([*compiler, "-E", "-x", "c++", "-"], input=f"#include <{h}.h>", capture_output=True, text=True).returncode == 0]
        files = sorted(os.listdir(folder))
        text = "".join(f"#include <{h}.h>\n" for h in have) + "".join(f'#include "{f}"\n' for ending in (".h", ".cpp") for f in files if f.endswith(ending))
        self.write("all.cc", text.encode())
        done = subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "-DBURIN_PORTABLE", "-fsyntax-only", "-I", folder, self.path("all.cc")],
                              capture_output=True, text=True, errors="replace")
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), compiler)

    def test_inside(self):
        for place in ("input", "output"):
            m = self.write("m.onnx", named(NAMES, place))
            for option in ((), ("--io", "external")):
                r = burin("compile", m, "-o", self.path(place + "".join(option)), "--name", "net", *option)
                self.check(self.path(place + "".join(option)), r)
            with open(self.path(place, "net.h"), encoding="utf-8") as f:
                h = f.read()
            for i, n in enumerate(NAMES):  # a string says the name as it is
                text = re.search(rf'^#define NET_{place.upper()}_{i}_NAME "(.*)"$', h, re.M)[1]
                said = re.sub(r"\\([0-7]{3}|.)", lambda o: chr(int(o[1], 8)) if len(o[1]) == 3 else o[1], text)
                try:  # octal numbers are bytes
                    said = said.encode("latin-1").decode()
                except UnicodeError:
                    pass
                self.assertEqual(said, n)

    def models(self, make):
        """A pair for each name, all in one folder."""
        done = set()
        for i, n in enumerate(FILES):
            r = make(i, n)
            self.assertEqual(r.code, OK, f"{n!r}: {r!r}")
            self.quiet(r)
            for f in os.listdir(self.path("one")):
                self.assertRegex(f, r"^[A-Za-z_][A-Za-z0-9_]*\.(cpp|h)$")
                if f.lower() not in done:  # some names become the same
                    os.replace(self.path("one", f), self.path("all", f))
                    done.add(f.lower())
            shutil.rmtree(self.path("one"))
        for compiler in COMPILERS:
            self.builds(compiler, self.path("all"))

    def test_model(self):
        os.mkdir(self.path("all"))
        m = self.write("m.onnx", relu())
        self.models(lambda i, n: burin("compile", m, "-o", self.path("one"), f"--name={n}"))

    def test_file(self):
        os.mkdir(self.path("all"))
        self.models(lambda i, n: burin("compile", self.write(n + ".onnx", relu()), "-o", self.path("one")))

    def test_options_are_text(self):
        """What options say stands in the banner."""
        m = self.write("m.onnx", model([helper.make_node("Add", ["x", "$k$"], ["y"])], [value("x"), value("$k$")], [value("y")]))
        r = burin("compile", m, "-o", self.path("out"), "--bind", "$k$=1,2,3,4")
        self.check(self.path("out"), r)
        self.assertIn("--bind $k$=1,2,3,4", tree(self.path("out"))["m.h"].decode())

    def test_refusals(self):
        """Names in messages, in each style."""
        for n in ("\x1b[2J", "\u202eright", "two\nlines", "\u009b31m"):
            m = self.write("m.onnx", model([helper.make_node("Foo", ["x"], ["y"], name=n)], [value("x")], [value("y")]))
            for style in ("text", "json", "github"):
                r = burin("compile", m, "-o", self.path("out"), "--diagnostics", style)
                self.assertEqual(r.code, MODEL_ERROR, repr(r))
                self.assertRegex(r.err, r"^(\S+m\.onnx: (error|note): .*\n|\{.*\}\n|::error .*\n)+$")
                self.quiet(r)
            self.quiet(burin("compile", self.path(n + ".onnx")))
            self.quiet(burin("compile", m, "--target", n))
            self.quiet(burin(n))
            m = self.write("m.onnx", model([helper.make_node("Relu", ["x"], [n], name=n)], [value("x")], [value(n)]))
            for form in ("text", "json", "html"):
                r = burin("analyze", m, "--format", form)
                self.assertEqual(r.code, OK)
                self.quiet(r)

    def test_library_names(self):
        """What the headers of ISO C and POSIX declare is reserved."""
        reserved = set().union(*library_names.listed_sections().values())
        for compiler, options in ((["gcc"], ["-std=c17", "-D_XOPEN_SOURCE=700"]), (["arm-none-eabi-gcc"], ["-std=c17", "-D_XOPEN_SOURCE=700"])):
            if shutil.which(compiler[0]):
                declared = library_names.declared_names(compiler, options)
                self.assertTrue({"signal", "EOF", "size_t", "y0" if compiler == ["gcc"] else "exp"} <= declared)
                self.assertEqual(sorted(declared - reserved), [])

    def test_cmake_says_the_same(self):
        """BurinAddModel.cmake knows the files before the tool has run."""
        names = [n for n in NAMES if re.fullmatch(r"[\w.+/-]+", n, re.A)] + ["a-b", "2net", "data"]
        m = self.write("m.onnx", relu())
        cmake = os.path.join(HERE, "..", "..", "tools", "cmake", "BurinAddModel.cmake")
        calls = "".join(f'_burin_c_name("{n}" c)\nmessage("${{c}}")\n' for n in names)
        self.write("names.cmake", f'include("{cmake}")\n{calls}'.encode())
        done = subprocess.run(["cmake", "-P", self.path("names.cmake")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        for n, c in zip(names, done.stderr.split("\n")):
            burin("compile", m, "-o", self.path("one"), "--name", n)
            self.assertEqual(sorted(os.listdir(self.path("one"))), [c + ".cpp", c + ".h"], n)
            shutil.rmtree(self.path("one"))


class Builds(Case):
    """NAME_BUILD: a header and a source that were not made together do not compile together."""

    def build(self, *options, m=None):
        self.compiled(m or self.model, *options)
        with open(self.path("out/net.h")) as f:
            b = macro(f.read(), "NET_BUILD")
        self.assertRegex(b, "^0x[0-9a-f]{8}$")
        return b

    def setUp(self):
        super().setUp()
        self.model = self.write("net.onnx", image_example(size=6, filters=2))

    def test_differs_with_what_changes_the_code(self):
        first = self.build()
        self.assertEqual(self.build("--report", self.path("r.json"), "--depfile", self.path("d"), "--diagnostics", "json"), first)
        os.mkdir(self.path("elsewhere"))
        shutil.copy(self.model, self.path("elsewhere", "net.onnx"))
        self.assertEqual(self.build(m=self.path("elsewhere", "net.onnx")), first)
        all_builds = [first, *(self.build(*o) for o in (("--optimize", "size"), ("--target", "cortex-m4f"), ("--io", "external"), ("--io-layout", "nhwc"), ("--budget-ram", "1M")))]
        self.write("net.onnx", image_example(size=7, filters=2))
        all_builds.append(self.build())
        self.assertEqual(len(set(all_builds)), len(all_builds), all_builds)

    def test_bound_files_count(self):
        m = self.write("net.onnx", model([helper.make_node("Add", ["x", "k"], ["y"])], [value("x"), value("k")], [value("y")]))
        builds = []
        for k in (1, 2):
            np.save(self.path("k.npy"), np.full((1, 4), k, np.float32))
            builds.append(self.build("--bind", f"k={self.path('k.npy')}", m=m))
        self.assertNotEqual(*builds)

    def test_mixed_pair(self):
        self.build()
        old = self.path("old.h")
        os.replace(self.path("out/net.h"), old)
        self.build("--io-layout", "nhwc")
        compile_ = lambda: subprocess.run(["g++", "-std=c++17", "-fsyntax-only", self.path("out/net.cpp")], capture_output=True, text=True)
        self.assertEqual(compile_().returncode, 0)
        os.replace(old, self.path("out/net.h"))
        done = compile_()
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "#error .*net.h is of another build")


if __name__ == "__main__":
    main()
