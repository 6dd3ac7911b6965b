"""burin size and diff on real firmware: every byte has an owner, a forced kernel is caught and named, a smaller one passes, CI's script.

Exit code 77 without the Arm compiler, or when burin was built without LLVM."""
import json
import shutil
import subprocess

from tool import *

ROOT = os.path.dirname(os.path.dirname(HERE))
CORE = "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16".split()
FLAGS = [*CORE, "-O2", "-std=c++17", "-fno-exceptions", "-fno-rtti", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]
STARTUP = os.path.join(ROOT, "tests/firmware/startup.c")
BOARD = os.path.join(ROOT, "tests/firmware/board.ld")


def sections(file):
    """Loaded sections as readelf sees them: [(name, bytes)]."""
    out = subprocess.run(["arm-none-eabi-readelf", "-SW", file], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^\s*\[ *\d+\] (\S+) +\S+ +[0-9a-f]+ +[0-9a-f]+ +([0-9a-f]+) +\d+ +(\w*A\w*) ", out, re.M)
    return [(name, int(size, 16)) for name, size, _ in found if int(size, 16)]


class Sizes(Case):
    def generate(self, model_name, *options, name=None, folder="code"):
        name = name or model_name
        r = self.compiled(os.path.join(MODELS, model_name, "model.onnx"), "--name", name, "--target", "cortex-m4f", "--report", self.path(folder, name + ".json"), *options, out=folder)
        return self.path(folder, name + ".json"), r

    def firmware(self, names, body, out="firmware.elf", folder="code", printf=False):
        """A program that runs the models; with newlib's start-up, and its printf if asked."""
        main = "#include <stdio.h>\n" * printf + "".join(f'#include "{n}.h"\n' for n in names)
        main += "".join(f"static {n}::Arena {n}_arena;\n" for n in names)
        main += "int counter = 3;\nint main() {\n" + "".join(f"{n}_input_0(&{n}_arena)[0] = 1;\n{n}_run(&{n}_arena);\ncounter += int({n}_output_0(&{n}_arena)[0]);\n" for n in names) + body + "return counter; }\n"
        self.write("main.cpp", main.encode())
        objects = []
        for source in [self.path(folder, n + ".cpp") for n in names] + [self.path("main.cpp"), STARTUP]:
            objects.append(self.path(os.path.basename(source) + ".o"))
            language = ["-x", "c", "-std=c11"] if source.endswith(".c") else []
            subprocess.run(["arm-none-eabi-gcc", *[f for f in FLAGS if not language or f.startswith(("-m", "-O", "-ff"))], *language, "-I", self.path(folder), "-c", source, "-o", objects[-1]], check=True)
        subprocess.run(["arm-none-eabi-g++", *FLAGS, *objects, "-T", BOARD, "--specs=rdimon.specs" if printf else "--specs=nosys.specs", "-o", self.path(out)], check=True, stderr=subprocess.DEVNULL)
        return self.path(out)

    def size(self, *arguments, code=OK):
        r = burin("size", "--format", "json", *arguments)
        self.assertEqual(r.code, code, repr(r))
        return json.loads(r.out)

    def check_sum(self, elf, *arguments):
        report = self.size(elf, *arguments)
        real = sections(elf)
        self.assertEqual([(s["name"], s["bytes"]) for s in report["sections"]], real)
        self.assertEqual(sum(s["bytes"] for s in report["sections"] if s["flash"]), report["flash"])
        burins = sum(m["flash"]["code"] + m["flash"]["weights"] for m in report["models"])
        self.assertEqual(burins + report["other"]["flash"], report["flash"])
        # Symbols of others and padding are all of what is not Burin's (initialised data once, though it is in both sums).
        other = sum(s["bytes"] for s in report["other"]["symbols"]) + report["other"]["padding"]
        ram_too = sum(m["ram_bytes"] for m in report["models"])
        self.assertEqual(burins + ram_too + other, sum(b for _, b in real))
        for m in report["models"]:
            for kind, key in (("code", "code_bytes"), ("weights", "weight_bytes")):
                self.assertEqual(sum(l[key] for l in m["layers"]) + m["shared"][kind], m["flash"][kind])
                self.assertGreaterEqual(m["shared"][kind], 0)
            self.assertGreater(m["stack_bytes"], 0)
            self.assertEqual(m["stack_note"], "")
        return report

    def test_one_model(self):
        facts, _ = self.generate("sine_int8")
        elf = self.firmware(["sine_int8"], "")
        report = self.check_sum(elf, "--report", facts)
        with open(facts) as f:
            compiled = json.load(f)
        model, = report["models"]
        self.assertEqual({l["name"] for l in model["layers"]}, {l["name"] for l in compiled["layers"] if l["function"]})
        # The compiler may fold arrays of a single channel into the code.
        self.assertLess(abs(model["flash"]["weights"] - compiled["flash"]["weights"]), 32)
        self.assertGreaterEqual(model["ram_bytes"], compiled["arena_bytes"])
        text = burin("size", elf, "--report", facts).out
        for l in compiled["layers"]:
            self.assertIn(l["name"], text)
            self.assertIn(l["kernel"], text)
        self.assertIn("| section | memory | bytes |", burin("size", elf, "--format", "markdown").out)

    def test_groups(self):
        """A group's function is a layer, and so is each member's; the stack is followed through its switch."""
        os.makedirs(self.path("two"))
        self.write("two/model.onnx", two_groups())
        facts, _ = self.generate(self.path("two"), "--optimize", "ram", name="g")
        with open(facts) as f:
            layers = json.load(f)["layers"]
        groups = [layer for layer in layers if layer["calls"]]
        self.assertEqual(len(groups), 2)
        model, = self.check_sum(self.firmware(["g"], ""), "--report", facts)["models"]
        sizes = {l["name"]: l for l in model["layers"]}
        self.assertEqual(set(sizes), {l["name"] for layer in layers for l in (layer, *layer["calls"])})
        for g in groups:
            self.assertEqual(sizes[g["name"]]["kernel"], "rows")
            calls = sum(call["times"] for call in g["calls"])
            self.assertTrue(calls < sizes[g["name"]]["code_bytes"] < calls + 60 * len(g["calls"]) + 60, sizes[g["name"]])
            self.assertEqual(sizes[g["name"]]["weight_bytes"], 0)
            for call in g["calls"]:
                self.assertEqual(sizes[call["name"]]["kernel"], call["kernel"])

    def test_two_models(self):
        self.generate("sine_int8")
        self.generate("digits_int8")
        report = self.check_sum(self.firmware(["sine_int8", "digits_int8"], ""))
        self.assertEqual(sorted(m["model"]["name"] for m in report["models"]), ["digits_int8", "sine_int8"])

    def test_newlib_and_printf(self):
        self.generate("digits_int8")
        report = self.check_sum(self.firmware(["digits_int8"], 'printf("%d %f\\n", counter, double(counter) / 3);\n', printf=True))
        self.assertGreater(report["other"]["flash"], 10000)
        self.assertIn("_vfprintf_r", {s["symbol"] for s in report["other"]["symbols"]} | {"_vfprintf_r" for s in report["other"]["symbols"] if "vfprintf" in s["symbol"]})

    def test_objects_archives_stripped(self):
        self.generate("digits_int8")
        elf = self.firmware(["digits_int8"], "")
        whole = self.size(elf)["models"][0]
        obj = self.path("digits_int8.cpp.o")
        library = self.path("libmodel.a")
        subprocess.run(["arm-none-eabi-ar", "rcs", library, obj, self.path("main.cpp.o")], check=True)
        for file in (obj, library):
            m, = self.size(file)["models"]
            self.assertEqual(m["flash"]["weights"], whole["flash"]["weights"])
            self.assertLess(abs(m["flash"]["code"] - whole["flash"]["code"]), 128)
            self.assertIsNotNone(m["stack_bytes"])
        subprocess.run(["arm-none-eabi-strip", "-s", "-o", self.path("stripped.elf"), elf], check=True)
        stripped = self.size(self.path("stripped.elf"))
        self.assertEqual(stripped["models"], [])
        self.assertRegex(stripped["notes"][0], "no symbols")

    def test_refused(self):
        for name, data in (("text.txt", b"hello"), ("empty.elf", b""), ("cut.elf", b"\x7fELF\x01\x01\x01")):
            r = burin("size", self.write(name, data))
            self.assertEqual(r.code, USAGE, repr(r))
            self.assertIn(name, r.err)
        self.assertEqual(burin("size", self.path("missing.elf")).code, USAGE)
        self.assertEqual(burin("diff", self.path("missing.json"), self.path("text.txt")).code, USAGE)
        self.assertEqual(burin("size").code, USAGE)

    def test_exact_budget(self):
        self.generate("digits_int8")
        elf = self.firmware(["digits_int8"], "")
        m = self.size(elf)["models"][0]
        flash = m["flash"]["code"] + m["flash"]["weights"]
        self.assertEqual(burin("size", "--budget-flash", flash, elf).code, OK)
        r = burin("size", "--budget-flash", flash - 1, "--model", "digits_int8", elf)
        self.assertEqual(r.code, OVER_BUDGET)
        self.assertRegex(r.err, rf"{flash} bytes of flash \(exact")
        self.assertRegex(r.err, r"note: +[\d,]+ bytes  layer '")
        self.assertEqual(burin("size", "--budget-flash", "1", "--model", "other", elf).code, USAGE)

    def test_budget_at_compile(self):
        model_file = os.path.join(MODELS, "digits_int8/model.onnx")
        r = self.compiled(model_file, "--target", "cortex-m4f", "--budget-flash", "1K", "--budget-ram", "100", code=OVER_BUDGET)
        self.assertRegex(r.err, r"error: the model takes \d+ bytes of flash .*estimated.* more than --budget-flash 1K \[over-budget\]")
        self.assertRegex(r.err, r"error: the arena needs \d+ bytes")
        self.assertRegex(r.err, r"note: --(optimize|io)[a-z -]* would take [\d,]+ bytes, [\d,]+ less")
        # What a note promises is so.
        promised = re.search(r"note: --optimize ram would take ([\d,]+) bytes", r.err)
        if promised:
            facts, _ = self.generate("digits_int8", "--optimize", "ram", folder="ram")
            with open(facts) as f:
                self.assertEqual(json.load(f)["arena_bytes"], number(promised[1]))
        self.compiled(model_file, "--target", "cortex-m4f", "--budget-flash", "1M")

    def test_budget_that_is_kept_anyway(self):
        model_file = os.path.join(MODELS, "digits_int8/model.onnx")
        for mode in ("speed", "size"):
            options = ("--target", "cortex-m4f", "--optimize", mode)
            self.generate("digits_int8", "--optimize", mode)
            self.firmware(["digits_int8"], "")
            m, = self.size(self.path("digits_int8.cpp.o"))["models"]
            flash = m["flash"]["code"] + m["flash"]["weights"]
            self.assertNotIn("for --budget-flash", self.compiled(model_file, *options, "--budget-flash", str(flash + 64)).err)
            self.assertIn("for --budget-flash", self.compiled(model_file, *options, "--budget-flash", str(flash - 128)).err)

    # A regression: the first layer with more than one kernel gets its plain one, alone. Its function is then shared no more.
    def both(self):
        facts, _ = self.generate("digits_int8")
        with open(facts) as f:
            layers = json.load(f)["layers"]
        old = self.firmware(["digits_int8"], "", out="old.elf")
        for layer in layers:
            for kernel in ("conv_q8_ref", "dense_q8_ref", "conv_q8_dsp", "depthwise_q8_ref", "conv_q8", "dense_q8"):
                if kernel == layer["kernel"]:
                    continue
                r = burin("compile", os.path.join(MODELS, "digits_int8/model.onnx"), "-o", self.path("forced"), "--name", "digits_int8", "--target", "cortex-m4f",
                          "--kernel", f"{layer['name']}={kernel}", "--report", self.path("forced/digits_int8.json"))
                if r.code:
                    continue
                new = self.firmware(["digits_int8"], "", out="new.elf", folder="forced")
                sizes = [self.size(e)["models"][0]["flash"] for e in (old, new)]
                totals = [s["code"] + s["weights"] for s in sizes]
                if totals[0] != totals[1]:
                    forced = self.path("forced/digits_int8.json")
                    pair = [(old, facts, totals[0]), (new, forced, totals[1])]
                    return layer["name"], layer["kernel"], kernel, sorted(pair, key=lambda x: x[2])
        self.fail("no layer has a second kernel")

    def test_regression_and_improvement(self):
        layer, a, b, ((small, small_facts, n), (large, large_facts, m)) = self.both()
        for elf, facts, name in ((small, small_facts, "small.json"), (large, large_facts, "large.json")):
            self.assertEqual(burin("size", elf, "--report", facts, "--format", "json", "-o", self.path(name)).code, OK)
        limits = ["--max", "flash=+0"]
        r = burin("diff", self.path("small.json"), self.path("large.json"), *limits)
        self.assertEqual(r.code, OVER_BUDGET, repr(r))
        self.assertIn(f"flash of digits_int8 went from {n:,} to {m:,}", r.out)
        self.assertRegex(r.out, rf"over: .*layer '{layer}': .*kernel \w+ -> \w+")
        self.assertEqual(burin("diff", self.path("large.json"), self.path("small.json"), *limits).code, OK)
        self.assertEqual(burin("diff", small, large, *limits).code, OVER_BUDGET)  # ELF files themselves
        self.assertEqual(burin("diff", small, large, "--max", f"flash=+{m - n}").code, OK)
        self.assertEqual(burin("diff", small, large, "--max", f"flash={m - 1}").code, OVER_BUDGET)
        self.assertEqual(burin("diff", small, large, "--max", "instructions=+0").code, USAGE)
        # CI's script against a baseline: a regression is annotated at the layer's line, an improvement passes and updates.
        baseline = self.path("burin-size.json")
        self.assertEqual(burin("diff", "--baseline", baseline, self.path("small.json")).code, USAGE)
        self.assertEqual(burin("diff", "--baseline", baseline, "--update", self.path("small.json")).code, OK)
        first = tree(self.dir)["burin-size.json"]
        script = os.path.join(ROOT, "tools/size-check")
        environment = {**os.environ, "BURIN": BURIN, "BURIN_MAX": "flash=+0", "GITHUB_ACTIONS": "true"}
        done = subprocess.run([script, large, baseline, large_facts], cwd=self.dir, env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, OVER_BUDGET, done.stdout + done.stderr)
        place = re.search(r"^::error file=(.*),line=(\d+),title=flash of digits_int8::.*" + layer, done.stdout, re.M)
        self.assertTrue(place, done.stdout)
        self.assertIn(f'"{layer}"', first.decode().splitlines()[int(place[2]) - 1])
        self.assertIn(b"**over:**", tree(self.dir)["size.md"])
        self.assertIn("--update", done.stderr)
        self.assertEqual(tree(self.dir)["burin-size.json"], first)
        done = subprocess.run([script, small, baseline, small_facts], cwd=self.dir, env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertEqual(burin("diff", "--baseline", baseline, "--update", self.path("large.json")).code, OK)
        done = subprocess.run([script, small, baseline, small_facts], cwd=self.dir, env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertIn("::notice", done.stdout)
        self.assertEqual(burin("diff", "--baseline", baseline, "--update", self.path("small.json")).code, OK)
        self.assertEqual(tree(self.dir)["burin-size.json"], first)
        page = burin("diff", self.path("small.json"), self.path("large.json"), "--format", "html").out
        self.assertIn(layer, page)
        self.assertNotIn("http", page)

    def test_wrong_use(self):
        self.write("a.json", b'{"schema": 1, "model": {"name": "m"}, "layers": []}')
        a = self.path("a.json")
        for arguments in ((a,), (a, a, a), (a, a, "--update"), (a, a, "--max", "flash"), (a, a, "--max", "speed=+1"), (a, a, "--format", "yaml"), ("--baseline", self.path("none.json"), a)):
            r = burin("diff", *arguments)
            self.assertEqual(r.code, USAGE, repr(r))
            self.assertRegex(r.err, "error: ")
        self.write("bad.json", b"{")
        self.assertEqual(burin("diff", self.path("bad.json"), a).code, USAGE)


if __name__ == "__main__":
    if not shutil.which("arm-none-eabi-g++") or burin("size", BURIN).code == TOOL_MISSING:
        sys.exit(77)
    main()
