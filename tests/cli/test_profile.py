"""burin profile: sums, agreement with verify, formats, models without data, messages."""
import json

from tool import *

DIGITS = os.path.join(MODELS, "digits_int8", "model.onnx")


def can_run():
    return shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-g++")


@unittest.skipUnless(can_run(), "no arm-none-eabi-g++ or qemu-system-arm")
class Profile(Case):
    def profile(self, *arguments):
        r = burin("profile", *arguments, cwd=self.dir)
        if r.code == TOOL_MISSING and "without LLVM" in r.err:
            self.skipTest("built without LLVM")
        return r

    def test_sums(self):
        r = self.profile(DIGITS, "--target", "cortex-m4f", "--format", "json", "--clock", "80", "--power", "20", "--report", "p.json", "--report", "p.html")
        self.assertEqual(r.code, OK, repr(r))
        p = json.loads(r.out)
        self.assertEqual(json.load(open(os.path.join(self.dir, "p.json"))), p)
        layers = p["layers"]
        self.assertGreater(min(layer["instructions"] for layer in layers), 0)
        between = p["instructions"] - sum(layer["instructions"] for layer in layers)
        self.assertTrue(0 <= between < 100, between)  # calling the run itself, and rounding
        self.assertLess(abs(p["cycles"] - sum(layer["cycles"] for layer in layers)), 200)
        self.assertGreater(p["cycles"], p["instructions"])  # one at a time, at least one cycle each
        self.assertAlmostEqual(p["milliseconds"], p["cycles"] / 80e3)
        self.assertAlmostEqual(p["microjoules"], p["milliseconds"] * 20)
        self.assertGreater(p["stack_bytes"], 0)
        self.assertEqual(p["flash"]["code"] >= sum(layer["code_bytes"] for layer in layers if layer["function"] == layer["name"]), True)
        for layer in layers:
            self.assertNotEqual(layer["next_best"], layer["kernel"])
        page = open(os.path.join(self.dir, "p.html")).read()
        self.assertIn("conv0", page)
        v = burin("verify", DIGITS, "--target", "cortex-m4f")
        self.assertIn(f", {p['instructions']} instructions", v.out)

    def test_layers_that_share_a_function_are_told_apart(self):
        model = self.write("twice.onnx", relu())
        r = self.profile(model, "--target", "cortex-m0plus")
        self.assertEqual(r.code, OK, repr(r))
        self.assertIn("made-up inputs", r.err)
        self.assertRegex(r.out, r"total [\d,]+ instructions, [\d,]+ estimated cycles")

    def test_groups(self):
        """Members take turns: their instructions are told apart, and are about those of the same layers one after the other."""
        model = self.write("g.onnx", two_groups())
        p = json.loads(self.profile(model, "--target", "cortex-m4f", "--optimize", "size", "--format", "json").out)
        self.assertEqual([layer["name"] for layer in p["layers"] if layer["calls"]], [])
        alone = {layer["name"]: layer for layer in p["layers"]}
        for options in ((), ("--io", "external")):
            r = self.profile(model, "--target", "cortex-m4f", "--optimize", "ram", "--format", "json", *options)
            self.assertEqual(r.code, OK, repr(r))
            p = json.loads(r.out)
            groups = [layer for layer in p["layers"] if layer["op"] == "group"]
            self.assertEqual(len(groups), 2)
            for g in groups:
                for key in ("instructions", "cycles"):
                    self.assertAlmostEqual(g[key], sum(call[key] for call in g["calls"]), delta=len(g["calls"]))
                for call in g["calls"]:
                    if call["kernel"] == alone[call["name"]]["kernel"]:
                        self.assertTrue(0.8 < call["instructions"] / alone[call["name"]]["instructions"] < 2.2, call)
                    if call["name"] == "deep":  # the only layer with this kernel
                        kernel = next(f["instructions"] for f in p["functions"] if call["kernel"] in f["name"])
                        self.assertTrue(kernel <= call["instructions"] <= kernel + 1500, (kernel, call))
                self.assertEqual(g["code_bytes"] > sum(call["code_bytes"] for call in g["calls"]), True)
            between = p["instructions"] - sum(layer["instructions"] for layer in p["layers"])
            self.assertTrue(0 <= between < 100, between)
        text = self.profile(model, "--target", "cortex-m4f", "--optimize", "ram").out
        for g in groups:
            self.assertRegex(text, rf"(?m)^\d +{g['name'][:32]} +rows of {len(g['calls'])} ")
            for call in g["calls"]:
                self.assertRegex(text, rf"(?m)^      {call['name']} ")

    def test_a_forced_kernel_costs_more(self):
        def instructions(*more):
            return json.loads(self.profile(DIGITS, "--target", "cortex-m4f", "--format", "json", "--data", os.path.join(MODELS, "digits_int8", "test_data_set_0"), *more).out)["layers"][2]["instructions"]
        self.assertGreater(instructions("--kernel", "conv4=conv_q8_ref"), 2 * instructions())

    def test_usage(self):
        r = self.profile(DIGITS)
        self.assertEqual((r.code, r.out), (USAGE, ""))
        self.assertIn("--target", r.err)
        self.assertEqual(self.profile(DIGITS, "--target", "cortex-m23").code, USAGE)
        self.assertEqual(self.profile(DIGITS, "--target", "cortex-m4f", "--clock", "-1").code, USAGE)
        self.assertEqual(self.profile(DIGITS, "--target", "cortex-m4f", "--data", "nowhere").code, USAGE)


if __name__ == "__main__":
    main()
