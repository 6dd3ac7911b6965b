"""Usage: verbs, options, targets, names; exit code 2 with a message that helps, and nothing written."""
import json

from tool import *


class Usage(Case):
    def usage(self, *arguments, says):
        r = burin(*arguments, cwd=self.dir)
        self.assertEqual(r.code, USAGE, repr(r))
        self.assertRegex(r.err, says)
        self.assertEqual(r.out, "")
        self.assertEqual([f for f in tree(self.dir) if not f.endswith(".onnx")], [])
        return r

    def setUp(self):
        super().setUp()
        self.model = self.write("m.onnx", relu())

    def test_no_verb(self):
        self.usage(says=r"error: .*(subcommand|verb)")

    def test_every_error_has_an_id(self):
        """In all three styles, whatever is wrong: the command line itself, an option's value, a tool."""
        evil = self.write("evil.onnx", b"")
        with open(evil, "w") as f:
            f.write("#include <stdlib.h>\n__attribute__((constructor)) static void early() { _Exit(3); }\n")
        digits = os.path.join(MODELS, "digits_int8", "model.onnx")
        for word, code, arguments in (
                ("[command-line]", USAGE, ("complie", self.model)),
                ("[command-line]", USAGE, ("compile", self.model, "--optimise", "speed")),
                ("[command-line]", USAGE, ("compile",)),
                ("[invalid-option]", USAGE, ("compile", self.model, "--optimize", "fast")),
                ("[invalid-option]", USAGE, ("compile", self.model, "--budget-ram", "lots")),
                ("[not-in-this-version]", USAGE, ("compile", self.model, "--state", "a=b")),
                ("[unknown-target]", USAGE, ("analyze", self.model, "--target", "z80")),
                ("[missing-data]", USAGE, ("verify", self.model)),
                ("[no-emulator]", USAGE, ("profile", self.model)),
                ("[compiler-failed]", TOOL_MISSING, ("verify", digits, "--cflags=-fno-such-flag")),
                ("[program-failed]", TOOL_MISSING, ("verify", digits, f"--cflags=-include {evil}"))):
            for style in ("text", "json", "github"):
                r = burin(*arguments, "--diagnostics", style)
                self.assertEqual(r.code, code, repr(r))
                if style == "json":
                    said = [json.loads(line) for line in r.err.splitlines()]
                    self.assertEqual([d["code"] for d in said if d["severity"] == "error"], [word[1:-1]], repr(r))
                else:
                    self.assertRegex(r.err, r"(?m)^(::error file=|\S* ?\S*: error: ).* " + re.escape(word))
        r = burin("verify", digits, "--diagnostics", "json", env={"PATH": self.path("nothing")})
        self.assertEqual(json.loads(r.err.splitlines()[-1])["code"], "[missing-tool]"[1:-1], repr(r))

    def test_ids_of_verbs_without_a_model(self):
        for name in ("a", "b"):
            r = burin("compile", self.model, "-o", self.path("out"), "--name", name, "--report", self.path(name + ".json"))
            self.assertEqual(r.code, OK, repr(r))
        for word, arguments in (
                ("[unknown-diagnostic]", ("diagnostics", "no-such-word")),
                ("[unreadable-file]", ("diff", self.path("x.json"), self.path("y.json"))),
                ("[invalid-report]", ("diff", self.model, self.model)),
                ("[no-model]", ("diff", self.path("a.json"), self.path("b.json"))),
                ("[command-line]", ("diff", self.path("a.json"))),
                ("[invalid-option]", ("diff", self.path("a.json"), self.path("b.json"), "--format", "yaml")),
                ("[not-in-this-version]", ("quantize", self.model))):
            r = burin(*arguments)
            self.assertEqual(r.code, USAGE, repr(r))
            self.assertIn(f" {word}\n", r.err)

    def test_typo_in_verb(self):
        self.usage("complie", self.model, says=r"error: .*complie")

    def test_typo_in_option(self):
        self.usage("compile", self.model, "--optimise", "speed", says=r"error: .*--optimise")

    def test_option_of_another_verb(self):
        self.usage("analyze", self.model, "--depfile", "d", says=r"error: .*--depfile")

    def test_kernel_by_name(self):
        digits = os.path.join(MODELS, "digits_int8", "model.onnx")
        for text, says in (("conv4=nonsense", "these do: .*conv_q8_ref"), ("conv4=lut_q8", "conv_q8_ref"), ("convX=lut_q8", "there is no layer 'convX'")):
            r = burin("analyze", digits, "--kernel", text)
            self.assertEqual(r.code, 1, repr(r))
            self.assertRegex(r.err, says)
        r = burin("analyze", digits, "--target", "cortex-m4f", "--kernel", "conv4=conv_q8_ref")
        self.assertRegex(r.out, r"conv4 +conv +conv_q8_ref")

    def test_missing_value(self):
        self.usage("compile", self.model, "--target", says=r"error: .*--target")

    def test_missing_model(self):
        self.usage("compile", says=r"error: .*model")

    def test_second_model(self):
        other = self.write("other.onnx", relu())
        self.usage("compile", self.model, other, says=r"error: .*other\.onnx")

    def test_unknown_target_names_those_there_are(self):
        r = self.usage("compile", self.model, "--target", "cortex-m4x", says=r"error: .*cortex-m4x")
        for name in ("cortex-m0plus", "cortex-m4f", "cortex-m85", "riscv32", "host"):
            self.assertIn(name, r.err)

    def test_choices(self):
        for option in ("--optimize", "--io", "--io-type", "--io-layout", "--diagnostics"):
            for verb in ("compile", "analyze", "verify"):
                self.usage(verb, self.model, option, "nonsense", says=rf"error: .*{option}.*nonsense")

    def test_list_formats(self):
        for verb in ("ops", "targets"):
            self.usage(verb, "--format", "yaml", says="error: .*yaml")
        self.usage("analyze", self.model, "--format", "yaml", says="error: .*yaml")

    def test_assignments(self):
        for option in ("--input-dim", "--bind", "--kernel"):
            for text in ("nonsense", "=3", ""):
                self.usage("compile", self.model, option, text, says=rf"error: .*{option}")
        self.usage("compile", self.model, "--input-dim", "n=x", says=r"error: .*(--input-dim|'x')")

    def test_budget_is_a_number(self):
        for text in ("lots", "-1", "12Q", ""):
            self.usage("compile", self.model, f"--budget-ram={text}", says=r"error: .*(bytes|budget-ram)")

    def test_limit_is_a_number_above_zero(self):
        for text in ("much", "0", "-1", "12Q", "1e39", "inf", "nan", ""):
            self.usage("compile", self.model, f"--input-limit={text}", says=r"error: .*input-limit")
        self.compiled(self.model, "--input-limit", "255")
        self.assertTrue(any(b"options: --input-limit 255" in code for code in tree(self.path("out")).values()))

    def test_limits(self):
        for text in ("nonsense", "=3", "", "depth", "depth=", "depth=x", "depth=-1", "memory=3Q", "memory=99999999G"):
            self.usage("compile", self.model, "--limit", text, says=r"error: ")
        self.usage("compile", self.model, "--limit", "width=3", says=r"error: .*width.*folded-bytes, depth, nodes, memory")
        help = burin("compile", "--help").out
        for default in ("folded-bytes=256M", "depth=200", "nodes=200000", "memory=2G"):
            self.assertIn(default, " ".join(help.split()))
        r = burin("compile", self.model, "-o", self.path("out"), "--limit", "nodes=0")
        self.assertEqual(r.code, MODEL_ERROR, repr(r))
        self.assertRegex(r.err, r"m\.onnx: error: .*nodes.* \[limit\]\n.*note: .*--limit nodes=1")
        self.assertEqual(tree(self.path("out")), {})
        r = burin("analyze", self.model, "--limit", "memory=10")
        self.assertRegex(r.err, r"error: .* \[limit\]")
        self.compiled(self.model, "--limit", "memory=1K", "--limit", "depth=0")

    def test_not_there_yet(self):
        """Refused by name, not as a typo and never ignored."""
        for option in (("--state", "x=y"),):
            for verb in ("compile", "analyze", "verify"):
                self.usage(verb, self.model, *option, says=rf"error: .*{option[0]}.*not supported")
        self.usage("compile", self.model, "--calibration", "data.npz", says=r"error: .*--calibration.*not supported")
        self.usage("compile", self.model, "--report", "report.txt", says=r"error: .*report\.txt.*\.json or \.html")

    def test_verbs_not_there_yet(self):
        for verb in ("quantize",):
            self.usage(verb, says=f"error: .*{verb}.*not supported")
            self.usage(verb, self.model, "--target", "cortex-m4f", "-o", "x", says=f"error: .*{verb}.*not supported")

    def test_help_and_version(self):
        for arguments, text in (((), ""), (("--version",), r"^burin \d+\.\d+\.\d+\n$"), (("--help",), "compile")):
            if arguments:
                r = burin(*arguments)
                self.assertEqual((r.code, r.err), (OK, ""))
                self.assertRegex(r.out, text)
        for verb in ("compile", "analyze", "verify", "ops", "targets", "quantize", "profile", "size", "diff"):
            r = burin(verb, "--help")
            self.assertEqual((r.code, r.err), (OK, ""), verb)
            self.assertIn(verb, r.out)

    def test_targets(self):
        """Those of the contract, with what a build needs to know."""
        import json
        names = ("host cortex-m0plus cortex-m3 cortex-m4 cortex-m4f cortex-m7 cortex-m23 cortex-m33 cortex-m33-nodsp cortex-m55 "
                 "cortex-m55-nomve cortex-m85 riscv32").split()
        r = burin("targets", "--format", "json")
        self.assertEqual(r.code, OK)
        listed = {t["name"]: t for t in json.loads(r.out)}
        self.assertEqual(sorted(listed), sorted(names))
        for t in listed.values():
            self.assertTrue({"compiler", "flags", "features", "qemu"} <= set(t), t)
        self.assertIn("-mfpu=fpv4-sp-d16", listed["cortex-m4f"]["flags"])
        self.assertIn("-march=rv32imc", listed["riscv32"]["flags"])
        self.assertNotIn("-mfpu", listed["cortex-m55"]["flags"])
        text = burin("targets").out
        for n in names:
            self.assertRegex(text, rf"(?m)^{re.escape(n)}\s")

    def test_ops(self):
        import json
        r = burin("ops", "--format", "json")
        names = [o["onnx"] for o in json.loads(r.out)]
        self.assertEqual(names, sorted(names))
        self.assertTrue({"Conv", "Gemm", "QLinearConv", "Softmax", "HardSwish", "BatchNormalization", "Shape"} <= set(names))
        self.assertIn("| Conv |", burin("ops", "--format", "markdown").out)


class Bindings(Case):
    """--input-dim and --bind."""

    def dynamic(self):
        return self.write("m.onnx", model([helper.make_node("Relu", ["in:0"], ["y"])], [value("in:0", T.FLOAT, ("batch", None, 2))], [value("y", T.FLOAT, ("batch", None, 2))]))

    def header(self):
        with open(self.path("out/m.h")) as f:
            return f.read()

    def test_symbolic_and_nameless(self):
        # The last colon counts: names contain colons.
        r = self.compiled(self.dynamic(), "--input-dim", "batch=3", "--input-dim", "in:0:1=5")
        self.assertEqual(macro(self.header(), "M_INPUT_0_DIMS"), "{3, 5, 2}")
        self.assertEqual(r.err, "")

    def test_batch_is_one_with_a_note(self):
        r = self.compiled(self.dynamic(), "--input-dim", "in:0:1=5")
        self.assertEqual(macro(self.header(), "M_INPUT_0_DIMS"), "{1, 5, 2}")
        self.assertRegex(r.err, r"note: .*batch.*1")

    def test_unbound(self):
        self.refused(self.dynamic(), r"error: .*in:0.*", r"--input-dim")

    def test_unknown_dimension(self):
        r = burin("compile", self.dynamic(), "--input-dim", "in:0:1=5", "--input-dim", "bacth=3", "-o", self.path("out"))
        self.assertIn(r.code, (MODEL_ERROR, USAGE), repr(r))
        self.assertIn("bacth", r.err)
        self.assertEqual(tree(self.path("out")), {})

    def test_bind_value(self):
        m = self.write("m.onnx", model([helper.make_node("Add", ["x", "k"], ["y"])], [value("x"), value("k")], [value("y")]))
        self.compiled(m, "--bind", "k=1,2.5,-3,4e1")
        self.assertEqual(macro(self.header(), "M_INPUTS"), "1")
        for wrong in ("1,2,3", "1,2,3,4,5", "1,2,3,x", "missing.npy"):
            r = burin("compile", m, "--bind", f"k={wrong}", "-o", self.path("no"))
            self.assertIn(r.code, (MODEL_ERROR, USAGE), repr(r))
            self.assertRegex(r.err, "error: .*k")
            self.assertEqual(tree(self.path("no")), {})
        r = burin("compile", m, "--bind", "kk=1,2,3,4", "-o", self.path("no"))
        self.assertIn(r.code, (MODEL_ERROR, USAGE), repr(r))
        self.assertIn("kk", r.err)

    def test_bind_files(self):
        m = self.write("m.onnx", model([helper.make_node("Add", ["x", "k"], ["y"])], [value("x"), value("k")], [value("y")]))
        k = np.array([[1, 2.5, -3, 40]], np.float32)
        self.compiled(m, "--bind", "k=1,2.5,-3,40")
        by_value = tree(self.path("out"))
        np.save(self.path("k.npy"), k)
        self.write("k.pb", numpy_helper.from_array(k))
        for name in ("k.npy", "k.pb"):
            self.compiled(m, "--bind", f"k={self.path(name)}", out=name + ".out")
            code = lambda files: re.sub(r"(?m)^.*(--bind|Options|options|M_BUILD|another build).*$", "", files["m.cpp"].decode())
            self.assertEqual(code(tree(self.path(name + ".out"))), code(by_value))
        np.save(self.path("k.npy"), k.astype(np.float64))
        r = burin("compile", m, "--bind", f"k={self.path('k.npy')}", "-o", self.path("no"))
        self.assertIn(r.code, (MODEL_ERROR, USAGE), repr(r))


if __name__ == "__main__":
    main()
