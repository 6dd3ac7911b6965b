"""What a successful run writes: files and their names, dependencies, reports, headers, diagnostics; budgets; verify's exit codes."""
import json
import stat

from tool import *


class OutputFiles(Case):
    def names(self, path, *options):
        """The names that a model at `path` gets."""
        self.write(path, relu())
        r = self.compiled(self.path(path), *options, out="out-" + path.replace("/", "-") + "-".join(options))
        self.assertEqual(r.out, "")
        return sorted(tree(self.path("out-" + path.replace("/", "-") + "-".join(options))))

    def test_names(self):
        for path, name in (("kws.onnx", "kws"), ("my net-v1.2.onnx", "my_net_v1_2"), ("2net.onnx", "m_2net"), ("digits/model.onnx", "digits"), ("3d/model.onnx", "m_3d"),
                           ("class.onnx", "m_class"), ("std.onnx", "m_std"), ("alignas.onnx", "m_alignas"), ("gr\u00fcn.onnx", None), ("x.y/model.onnx", "x_y")):
            got = self.names(path)
            self.assertEqual(len(got), 2, got)
            if name:
                self.assertEqual(got, [name + ".cpp", name + ".h"])
            for n in got:
                self.assertRegex(n, r"^[A-Za-z_][A-Za-z0-9_]*\.(cpp|h)$")
        self.assertEqual(self.names("digits/model.onnx", "--name", "a-b"), ["a_b.cpp", "a_b.h"])
        self.assertEqual(self.names("digits/model.onnx", "--name", "while"), ["m_while.cpp", "m_while.h"])

    def test_model_in_the_current_folder(self):
        """model.onnx is called after its folder, however it is named on the command line."""
        self.write("wake/model.onnx", relu())
        for name in ("model.onnx", "./model.onnx", "../wake/model.onnx"):
            r = burin("compile", name, "-o", "out", cwd=self.path("wake"))
            self.assertEqual(r.code, OK, repr(r))
            self.assertEqual(sorted(tree(self.path("wake/out"))), ["wake.cpp", "wake.h"], name)
            shutil.rmtree(self.path("wake/out"))

    def test_default_folder(self):
        self.write("m.onnx", relu())
        self.assertEqual(burin("compile", "m.onnx", cwd=self.dir).code, OK)
        self.assertEqual(sorted(tree(self.dir)), ["m.cpp", "m.h", "m.onnx"])

    def test_same_bytes_everywhere(self):
        data = image_example(size=8, filters=4).SerializeToString()
        results = []
        for folder in ("a", "b/c d"):
            self.write(folder + "/net.onnx", data)
            env = {**os.environ, "HOME": self.path(folder), "USER": "someone-" + folder[0], "TZ": "Asia/Tokyo" if folder == "a" else "UTC"}
            r = burin("compile", "net.onnx", "-o", "out", "--target", "cortex-m4f", "--report", "out/r.json", cwd=self.path(folder), env=env)
            self.assertEqual(r.code, OK, repr(r))
            results.append(tree(self.path(folder, "out")))
        self.assertEqual(results[0], results[1])
        for text in results[0].values():
            self.assertNotIn(self.dir.encode(), text)

    def test_banner(self):
        import hashlib
        m = self.write("net.onnx", image_example(size=8, filters=4))
        self.compiled(m, "--target", "cortex-m4f", "--optimize", "size")
        with open(m, "rb") as f:
            sha = hashlib.sha256(f.read()).hexdigest()
        for name, text in tree(self.path("out")).items():
            head = text.decode()[:2000].lower()
            for wanted in ("spdx-license-identifier: mit-0", "net.onnx", sha, "cortex-m4f", "--optimize size", "arena", "weight"):
                self.assertIn(wanted, head, name)

    def test_unchanged_files_keep_their_time(self):
        m = self.write("m.onnx", relu())
        options = ("--depfile", self.path("d"), "--report", self.path("r.json"))
        self.compiled(m, *options)
        files = [self.path("out/m.h"), self.path("out/m.cpp"), self.path("d"), self.path("r.json")]
        for f in files:
            os.utime(f, (1000, 1000))
        self.compiled(m, *options)
        self.assertEqual([os.stat(f).st_mtime for f in files], [1000] * 4)
        self.compiled(m, *options, "--io", "external")
        self.assertTrue(all(os.stat(f).st_mtime > 1000 for f in files[:2]))

    def test_depfile(self):
        os.mkdir(self.path("with space"))
        m = self.write("with space/m.onnx", model([helper.make_node("Add", ["x", "k"], ["y"])], [value("x"), value("k")], [value("y")]))
        np.save(self.path("k.npy"), np.zeros((1, 4), np.float32))
        self.compiled(m, "--depfile", self.path("m.d"), "--bind", f"k={self.path('k.npy')}")
        with open(self.path("m.d")) as f:
            text = f.read()
        rule, _, inputs = text.replace("\\\n", " ").partition(": ")
        self.assertEqual(rule.split(), [self.path("out/m.cpp"), self.path("out/m.h")])
        self.assertIn(m.replace(" ", "\\ "), inputs)
        self.assertIn(self.path("k.npy"), inputs)
        self.assertTrue(text.endswith("\n"))

    def test_unwritable(self):
        m = self.write("m.onnx", relu())
        self.write("file", b"")
        for out in ("file", "file/below"):
            r = burin("compile", m, "-o", self.path(out))
            self.assertEqual(r.code, MODEL_ERROR, repr(r))
            self.assertRegex(r.err, r"error: .*file.*\[unwritable-output\]")
        os.makedirs(self.path("out/m.cpp"))  # a folder where a file should be
        r = burin("compile", m, "-o", self.path("out"))
        self.assertEqual(r.code, MODEL_ERROR, repr(r))
        self.assertEqual(tree(self.path("out")), {}, "a part of the output is left behind")
        for option in ("--depfile", "--report"):
            shutil.rmtree(self.path("out"), ignore_errors=True)
            r = burin("compile", m, "-o", self.path("out"), option, self.path("file/r.json"))
            self.assertEqual(r.code, MODEL_ERROR, repr(r))
            self.assertEqual(tree(self.path("out")), {}, option)

    def test_read_only_folder(self):
        m = self.write("m.onnx", relu())
        os.mkdir(self.path("out"))
        os.chmod(self.path("out"), stat.S_IRUSR | stat.S_IXUSR)
        self.addCleanup(os.chmod, self.path("out"), stat.S_IRWXU)
        if os.access(self.path("out"), os.W_OK):
            self.skipTest("this user may write anywhere")
        self.compiled(m, code=MODEL_ERROR)

    def test_budget(self):
        m = self.write("m.onnx", image_example())
        self.compiled(m)
        with open(self.path("out/m.h")) as f:
            arena = int(macro(f.read(), "M_ARENA_BYTES"))
        shutil.rmtree(self.path("out"))
        r = self.compiled(m, f"--budget-ram={arena - 1}", code=OVER_BUDGET)
        self.assertRegex(r.err, rf"m\.onnx: error: .*{arena} bytes.*\[over-budget\]")
        self.assertRegex(r.err, r"note: .*10,816 bytes")  # the biggest buffer
        self.assertEqual(burin("analyze", m, "--budget-ram", "1K").code, OVER_BUDGET)
        self.compiled(m, f"--budget-ram={arena}")
        self.compiled(m, "--budget-ram", "22K")

    def test_dump_dir(self):
        self.compiled(self.write("m.onnx", relu()), "--dump-dir", self.path("dump"))
        names = sorted(tree(self.path("dump")))
        self.assertGreater(len(names), 10)
        self.assertEqual([n[:3] for n in names], [f"{i:02}-" for i in range(len(names))])
        self.assertTrue(all(n.endswith(".ir") for n in names[:-1]))
        self.assertTrue(names[-1].endswith("-program.txt"))


class Headers(Case):
    def header(self, m, *options, name="net"):
        self.compiled(m, "--name", name, *options, out="h")
        with open(self.path("h", name + ".h")) as f:
            return f.read()

    def test_contract(self):
        h = self.header(self.write("m.onnx", image_example(size=6, filters=2)))
        for name, wanted in (("BURIN_ABI", "1"), ("STATE_BYTES", "0"), ("INPUTS", "1"), ("INPUT_0_NAME", '"x"'), ("INPUT_0_RANK", "4"), ("INPUT_0_DIMS", "{1, 1, 6, 6}"),
                             ("INPUT_0_ELEMENTS", "36"), ("INPUT_0_BYTES", "36"), ("INPUT_0_ZERO_POINT", "-3"), ("OUTPUTS", "1"), ("OUTPUT_0_NAME", '"y"'),
                             ("OUTPUT_0_RANK", "4"), ("OUTPUT_0_DIMS", "{1, 2, 4, 4}"), ("OUTPUT_0_ELEMENTS", "32"), ("OUTPUT_0_BYTES", "32"), ("OUTPUT_0_ZERO_POINT", "5")):
            self.assertEqual(macro(h, "NET_" + name), wanted)
        self.assertEqual(np.float32(macro(h, "NET_INPUT_0_SCALE").rstrip("f")), np.float32(0.02))
        self.assertEqual(np.float32(macro(h, "NET_OUTPUT_0_SCALE").rstrip("f")), np.float32(0.03))
        self.assertIn(int(macro(h, "NET_ARENA_ALIGN")), (1, 2, 4, 8, 16))
        for line in ("int8_t *net_input_0(void *arena);", "const int8_t *net_output_0(const void *arena);", "void net_run(void *arena);"):
            self.assertIn(line, h)

    def test_external(self):
        h = self.header(self.write("m.onnx", image_example(size=6, filters=2)), "--io", "external")
        self.assertIn("void net_run(void *arena, const int8_t *input_0, int8_t *output_0);", h)
        self.assertNotRegex(h, r"net_(in|out)put_0\(")

    def test_nhwc(self):
        m = image_example(size=6, filters=2)
        h = self.header(self.write("m.onnx", m), "--io-layout", "nhwc")
        self.assertEqual(macro(h, "NET_INPUT_0_DIMS"), "{1, 6, 6, 1}")
        self.assertEqual(macro(h, "NET_OUTPUT_0_DIMS"), "{1, 4, 4, 2}")
        self.assertEqual((macro(h, "NET_INPUT_0_NAME"), macro(h, "NET_OUTPUT_0_NAME")), ('"x"', '"y"'))

    def float_ends(self):
        constants = [constant("s", np.float32(0.05)), constant("z", np.int8(7)), constant("k", np.float32(0.1)), constant("c", np.int8(-1))]
        nodes = [helper.make_node("QuantizeLinear", ["in", "s", "z"], ["q"]), helper.make_node("DequantizeLinear", ["q", "s", "z"], ["f"]),
                 helper.make_node("Relu", ["f"], ["r"]), helper.make_node("QuantizeLinear", ["r", "k", "c"], ["p"]), helper.make_node("DequantizeLinear", ["p", "k", "c"], ["out"])]
        return model(nodes, [value("in")], [value("out")], constants)

    def test_quantized(self):
        m = self.write("m.onnx", self.float_ends())
        h = self.header(m)
        self.assertIn("float *net_input_0(void *arena);", h)
        self.assertNotIn("NET_INPUT_0_SCALE", h)
        h = self.header(m, "--io-type", "quantized")
        self.assertIn("int8_t *net_input_0(void *arena);", h)
        self.assertIn("const int8_t *net_output_0(const void *arena);", h)
        self.assertEqual((macro(h, "NET_INPUT_0_ZERO_POINT"), macro(h, "NET_OUTPUT_0_ZERO_POINT")), ("7", "-1"))
        self.assertEqual((macro(h, "NET_INPUT_0_NAME"), macro(h, "NET_OUTPUT_0_NAME")), ('"in"', '"out"'))
        self.assertEqual((macro(h, "NET_INPUT_0_BYTES"), macro(h, "NET_OUTPUT_0_BYTES")), ("4", "4"))

    def test_names_in_strings(self):
        """Names are the file's business: quotes, backslashes and what ends a comment must not leave their string."""
        odd = 'a"b\\c*/d\n??/'
        h = self.header(self.write("m.onnx", model([helper.make_node("Relu", [odd], ["y"], name='n*/"\n')], [value(odd)], [value("y")])))
        self.assertIn("NET_INPUT_0_NAME", h)
        done = subprocess.run(["g++", "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wtrigraphs", self.path("h/net.cpp")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_unread_input_and_copied_outputs(self):
        m = model([helper.make_node("Relu", ["x"], ["y"])], [value("x"), value("unused", T.INT32, (2,))], [value("y"), value("x"), value("k", T.FLOAT, (2,)), value("y")],
                  [constant("k", np.float32([1, 2]))])
        h = self.header(self.write("m.onnx", m))
        self.assertEqual((macro(h, "NET_INPUTS"), macro(h, "NET_INPUT_1_NAME")), ("2", '"unused"'))
        self.assertIn("int32_t *net_input_1(void *arena);", h)
        self.assertEqual(macro(h, "NET_OUTPUTS"), "4")
        self.assertEqual([macro(h, f"NET_OUTPUT_{i}_NAME") for i in range(4)], ['"y"', '"x"', '"k"', '"y"'])

    def test_empty_and_scalar(self):
        m = model([helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["s"], ["t"])], [value("x", T.FLOAT, (0, 3)), value("s", T.FLOAT, ())],
                  [value("y", T.FLOAT, (0, 3)), value("t", T.FLOAT, ())])
        h = self.header(self.write("m.onnx", m))
        self.assertEqual([macro(h, "NET_INPUT_0_" + n) for n in ("DIMS", "ELEMENTS", "BYTES")], ["{0, 3}", "0", "0"])
        self.assertEqual([macro(h, "NET_INPUT_1_" + n) for n in ("RANK", "DIMS", "ELEMENTS", "BYTES")], ["0", "{1}", "1", "4"])


class Reports(Case):
    KEYS = ["arena_bytes", "arena_lower_bound", "buffers", "flash", "inputs", "layers", "live_bytes", "macs", "model", "notes", "options", "outputs", "pools", "schema", "stack_bytes", "state_bytes", "target", "weights_in"]
    LAYER = {"name", "op", "step", "inputs", "outputs", "onnx", "kernel", "function", "shape_in", "shape_out", "macs", "code_bytes", "weight_bytes", "scratch_bytes", "cycles_est", "requantize", "calls"}

    def check(self, j):
        self.assertEqual(list(j), self.KEYS)
        self.assertEqual(j["schema"], 1)
        self.assertEqual(set(j["model"]), {"name", "sha256"})
        self.assertEqual(set(j["flash"]), {"code", "weights"})
        self.assertIsNone(j["flash"]["code"])
        self.assertIsNone(j["stack_bytes"])
        self.assertTrue(j["layers"] and j["buffers"])
        at, inside = 0, set()  # steps; those of groups
        for layer in j["layers"]:
            self.assertGreaterEqual(layer["step"], at)
            at = layer["step"] + max(1, len(layer["calls"]))
            self.assertTrue(self.LAYER <= set(layer), layer)
            self.assertLess(at, len(j["live_bytes"]))
            for facts in (layer, *layer["calls"]):
                self.assertEqual(list(facts), sorted(facts))
                for key in ("macs", "weight_bytes", "scratch_bytes", "cycles_est"):
                    self.assertIsInstance(facts[key], int, key)
            self.assertEqual(layer["op"] == "group", bool(layer["calls"]))
            if not layer["calls"]:
                continue
            self.assertEqual(layer["kernel"], "rows")
            for key in ("macs", "weight_bytes", "cycles_est"):
                self.assertEqual(layer[key], sum(call[key] for call in layer["calls"]), key)
            self.assertEqual(layer["scratch_bytes"], max(call["scratch_bytes"] for call in layer["calls"]))
            self.assertEqual(set(layer["onnx"]), {n for call in layer["calls"] for n in call["onnx"]})
            for k, call in enumerate(layer["calls"]):
                self.assertTrue(self.LAYER - {"calls"} | {"rows", "times"} == set(call) - {"candidates"}, call)
                self.assertEqual(call["step"], layer["step"] + k)
                self.assertTrue(call["rows"] >= 1 and call["times"] >= 1, call)
                inside.add(call["step"])
        for b in j["buffers"]:
            self.assertEqual(list(b), ["bytes", "first", "last", "name", "offset", "pool", "ring_rows", "space"])
            self.assertTrue(0 <= b["offset"] and b["offset"] + b["bytes"] <= j["arena_bytes"])
            if b["ring_rows"] is not None:
                self.assertEqual(b["bytes"] % b["ring_rows"], 0)
                group = next(layer for layer in j["layers"] if any(b["name"] in call["outputs"] for call in layer["calls"]))
                self.assertEqual((b["first"], b["last"]), (group["step"], group["step"] + len(group["calls"]) - 1))
                self.assertNotIn(b["name"], group["inputs"] + group["outputs"])
        for i, a in enumerate(j["buffers"]):  # what lives at one time may share bytes only at the step where one ends and the other begins, or by turns
            for b in j["buffers"][i + 1:]:
                apart = a["offset"] + a["bytes"] <= b["offset"] or b["offset"] + b["bytes"] <= a["offset"]
                both = range(max(a["first"], b["first"]), min(a["last"], b["last"]) + 1)
                self.assertTrue(apart or a["last"] <= b["first"] or b["last"] <= a["first"] or inside.issuperset(both), (a, b))
        # what a layer reads is there: an input, or written by a layer before it; buffers and layers use the same names
        names = {p["buffer"] for p in j["inputs"]}
        for layer in j["layers"]:
            self.assertTrue(set(layer["inputs"]) <= names, layer)
            names |= set(layer["outputs"])
            for call in layer["calls"]:
                names |= set(call["outputs"])
        self.assertTrue({p["buffer"] for p in j["outputs"]} <= names)
        self.assertTrue({b["name"] for b in j["buffers"] if not b["name"].startswith("scratch of ")} <= names)
        self.assertLessEqual(max(j["live_bytes"]), j["arena_bytes"])
        self.assertLessEqual(j["arena_lower_bound"], j["arena_bytes"])
        self.assertEqual(j["macs"], sum(layer["macs"] for layer in j["layers"]))

    def test_report(self):
        m = self.write("net.onnx", image_example())
        self.compiled(m, "--report", self.path("r.json"), "--report", self.path("deep/er/r.json"), "--target", "cortex-m4f", "--io", "external")
        with open(self.path("r.json")) as f:
            text = f.read()
        j = json.loads(text)
        self.check(j)
        self.assertEqual((j["model"]["name"], j["target"], j["options"]), ("net", "cortex-m4f", "--io external"))
        conv = [layer for layer in j["layers"] if "conv" in layer["op"]]
        self.assertEqual(len(conv), 1)
        self.assertEqual(conv[0]["macs"], 26 * 26 * 16 * 9)
        self.assertEqual(j["state_bytes"], 0)
        with open(self.path("deep/er/r.json")) as f:
            self.assertEqual(f.read(), text)

    def test_analyze_json(self):
        m = self.write("net.onnx", image_example())
        r = burin("analyze", m, "--format", "json")
        self.assertEqual((r.code, r.err), (OK, ""), repr(r))
        self.check(json.loads(r.out))

    def test_compress(self):
        rng = np.random.default_rng(1)
        f32 = np.float32
        weights = np.clip(np.round(rng.normal(0, 6, (48, 64))), -127, 127).astype(np.int8)
        def layer(i, w):
            return [helper.make_node("DequantizeLinear", [f"x{i}", "s", "z"], [f"xf{i}"]), helper.make_node("DequantizeLinear", [f"w{i}", "s", "z"], [f"wf{i}"]),
                    helper.make_node("Gemm", [f"xf{i}", f"wf{i}"], [f"c{i}"], name=f"dense{i}", transB=1), helper.make_node("QuantizeLinear", [f"c{i}", "s", "z"], [f"x{i + 1}"])], constant(f"w{i}", w)
        first, w0 = layer(0, weights)
        second, w1 = layer(1, rng.integers(-127, 128, (8, 48)).astype(np.int8))  # of all values alike: nothing to save
        m = self.write("net.onnx", model(first + second, [value("x0", T.INT8, (1, 64))], [value("x2", T.INT8, (1, 8))],
                                         [constant("s", f32(0.0625)), constant("z", np.int8(0)), w0, w1]))
        os.mkdir(self.path("data"))
        x = rng.integers(-128, 128, (1, 64)).astype(np.int8)
        y = x
        for w in (w0, w1):  # scales of 2^-4: exact, halves to even
            y = np.clip(np.round(y.astype(np.int64) @ numpy_helper.to_array(w).astype(np.int64).T / 16), -128, 127).astype(np.int8)
        self.write("data/input_0.pb", numpy_helper.from_array(x, "x0"))
        self.write("data/output_0.pb", numpy_helper.from_array(y, "x2"))
        for target in ("host", "cortex-m0plus", "cortex-m4f", "cortex-m55"):
            reports = []
            for options in ((), ("--compress",)):
                r = burin("analyze", m, "--format", "json", "--target", target, *options)
                self.assertEqual(r.code, OK, repr(r))
                reports.append(json.loads(r.out))
                self.check(reports[-1])
            plain, coded = reports
            self.assertEqual((plain["options"], coded["options"]), ("", "--compress"))
            self.assertEqual([layer["kernel"] == "dense_coded_q8" for layer in plain["layers"]], [False, False])
            self.assertEqual([layer["kernel"] == "dense_coded_q8" for layer in coded["layers"]], [True, False])
            self.assertLess(coded["layers"][0]["weight_bytes"], plain["layers"][0]["weight_bytes"] - 512)
            self.assertEqual(coded["layers"][1]["weight_bytes"], plain["layers"][1]["weight_bytes"])
            self.assertLessEqual(coded["arena_bytes"], plain["arena_bytes"] + 1024)
            self.assertEqual(plain["notes"], [])
            self.assertRegex(coded["notes"][0], r"^--compress: weights of 1 layer are stored coded: .* take \d+ bytes instead of \d+")
            for runner in ("program", "host"):
                r = burin("verify", m, "--compress", "--target", target, "--runner", runner, "--data", self.path("data"))
                self.assertEqual(r.code, OK, repr(r))
        r = burin("analyze", self.write("conv.onnx", image_example()), "--format", "json", "--compress")
        self.assertEqual(r.code, OK, repr(r))
        self.assertRegex(json.loads(r.out)["notes"][0], "^--compress: no weights are stored coded: ")

    def test_models(self):
        for name in ("digits_int8", "digits_f32", "residual_add", "shared_value", "concat_scales", "shape_arithmetic"):
            r = burin("analyze", os.path.join(MODELS, name, "model.onnx"), "--format", "json", "--target", "cortex-m4f")
            self.assertEqual(r.code, OK, repr(r))
            self.check(json.loads(r.out))

    def test_groups(self):
        m = self.write("net.onnx", two_groups())
        for options in ((), ("--io", "external")):
            r = burin("analyze", m, "--format", "json", "--target", "cortex-m4f", "--optimize", "ram", *options)
            self.assertEqual(r.code, OK, repr(r))
            j = json.loads(r.out)
            self.check(j)
            self.assertEqual(sum(layer["op"] == "group" for layer in j["layers"]), 2)
            self.assertTrue(any(b["ring_rows"] for b in j["buffers"]))
            text = burin("analyze", m, "--target", "cortex-m4f", "--optimize", "ram", *options).out
            for i, layer in enumerate(j["layers"]):
                self.assertRegex(text, rf"(?m)^{i} +")
                if layer["calls"]:
                    self.assertRegex(text, rf"(?m)^ +layer {i}: group of {len(layer['calls'])} +\| *=+$")
                for call in layer["calls"]:
                    self.assertRegex(text, rf"(?m)^      {call['name']} ")
            self.assertRegex(text, r"\[\d+\] y\d")
        note = burin("analyze", m, "--target", "cortex-m4f", "--optimize", "ram", "--budget-ram", "64")
        self.assertEqual(note.code, OVER_BUDGET)
        self.assertRegex(note.err, r"the arena is fullest at group '\w+_to_\w+'")
        self.assertRegex(note.err, r"bytes  ring of \d+ rows of ")

    def test_sum_of_the_textbook(self):
        """28x28 through 16 filters of 3x3 in 8 bit: 784 + 10,816 + 144 + 16 = 11,760, beside what is needed."""
        m = self.write("net.onnx", image_example())
        for options in ((), ("--io-layout", "nhwc"), ("--target", "cortex-m4f", "--io-layout", "nhwc")):
            r = burin("analyze", m, *options)
            self.assertEqual(r.code, OK, repr(r))
            sums = re.search(r"inputs \+ outputs \+ weights \+ biases.*: ([\d,]+) \+ ([\d,]+) \+ ([\d,]+) \+ ([\d,]+) = ([\d,]+) bytes", r.out)
            self.assertTrue(sums, r.out)
            if "nhwc" in options:  # the layer alone; otherwise the transposes at the edge count too
                self.assertEqual([number(x) for x in sums.groups()], [784, 10816, 144, 16, 11760])
            self.assertRegex(r.out, r"biases as wide as weights")
            self.assertRegex(r.out, r"really needed: [\d,]+ bytes of RAM .* [\d,]+ bytes of flash")
            for word in ("conv", "97,344", "lower bound"):
                self.assertIn(word, r.out)


class Diagnostics(Case):
    def broken(self):
        nodes = [helper.make_node("Foo", ["x"], ["a"], name="n:1,%"), helper.make_node("Bar", ["a"], ["y"], name="n2")]
        return self.write("m.onnx", model(nodes, [value("x")], [value("y")]))

    def test_text(self):
        r = self.compiled(self.broken(), code=MODEL_ERROR)
        self.assertRegex(r.err, r"m\.onnx: error: node 'n:1,%' \(Foo\): .* \[unsupported-op\]\n")

    def test_json(self):
        r = self.compiled(self.broken(), "--diagnostics", "json", code=MODEL_ERROR)
        lines = [json.loads(line) for line in r.err.splitlines()]
        self.assertEqual([(d["severity"], d["node"], d["op"], d["code"]) for d in lines],
                         [("error", "n:1,%", "Foo", "unsupported-op"), ("error", "n2", "Bar", "unsupported-op")])
        self.assertTrue(all(d["file"].endswith("m.onnx") and d["message"] for d in lines))

    def test_github(self):
        r = self.compiled(self.broken(), "--diagnostics", "github", code=MODEL_ERROR)
        lines = r.err.splitlines()
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertRegex(line, r"^::error file=[^:,]*m\.onnx::.*\[unsupported-op\]")
        self.assertIn("n:1,%25", lines[0])

    def test_github_properties_are_escaped(self):
        os.rename(self.broken(), self.path("a,b:c.onnx"))
        r = burin("compile", self.path("a,b:c.onnx"), "--diagnostics", "github", "-o", self.path("out"))
        self.assertIn("a%2Cb%3Ac.onnx::", r.err)

    def test_notes(self):
        m = self.write("m.onnx", model([helper.make_node("Relu", ["x"], ["y"])], [value("x", T.FLOAT, ("N", 4))], [value("y", T.FLOAT, ("N", 4))]))
        self.assertRegex(self.compiled(m).err, r"m\.onnx: note: .*N")
        self.assertEqual(json.loads(self.compiled(m, "--diagnostics", "json").err)["severity"], "note")
        self.assertRegex(self.compiled(m, "--diagnostics", "github").err, "^::notice file=")

    def test_float_islands_are_reported(self):
        constants = [constant("s", np.float32(0.05)), constant("z", np.int8(7))]
        nodes = [helper.make_node("DequantizeLinear", ["x", "s", "z"], ["f"]), helper.make_node("Div", ["f", "f"], ["r"], name="ratio"), helper.make_node("QuantizeLinear", ["r", "s", "z"], ["y"])]
        m = self.write("m.onnx", model(nodes, [value("x", T.INT8)], [value("y", T.INT8)], constants))
        self.assertRegex(self.compiled(m).err, r"note: .*'ratio'.*float32")


class Verify(Case):
    def copy(self, name="sine_int8"):
        shutil.copytree(os.path.join(MODELS, name), self.path(name))
        return self.path(name, "model.onnx")

    def test_ok(self):
        r = burin("verify", self.copy(), "--runner", "interpreter")
        self.assertEqual(r.code, OK, repr(r))
        self.assertRegex(r.out, r"(?m)^ok: ")

    def test_host(self):
        r = burin("verify", self.copy(), "--runner", "host")
        self.assertEqual(r.code, OK, repr(r))

    def test_portable_code_of_another_core(self):
        r = burin("verify", self.copy(), "--runner", "host", "--target", "cortex-m4f")
        self.assertEqual(r.code, OK, repr(r))

    def test_different(self):
        m = self.copy()
        file = os.path.join(os.path.dirname(m), "test_data_set_0", "output_0.pb")
        t = onnx.load_tensor(file)
        wrong = numpy_helper.to_array(t).copy()
        wrong.flat[0] += 1 if wrong.flat[0] < 100 else -1
        with open(file, "wb") as f:
            f.write(numpy_helper.from_array(wrong, t.name).SerializeToString())
        r = burin("verify", m, "--runner", "interpreter")
        self.assertEqual(r.code, DIFFERS, repr(r))
        self.assertRegex(r.out, "element 0")

    def test_no_data(self):
        m = self.write("m.onnx", relu())
        r = burin("verify", m)
        self.assertEqual(r.code, USAGE, repr(r))
        self.assertIn("--data", r.err)
        self.assertEqual(burin("verify", m, "--data", self.path("nowhere")).code, USAGE)

    def test_missing_tools(self):
        m, env = self.copy(), {"PATH": self.path("nothing"), "HOME": self.dir}
        for options, tool in ((("--runner", "host"), r"\+\+"), (("--target", "cortex-m4f"), "arm-none-eabi|qemu")):
            r = burin("verify", m, *options, env=env)
            self.assertEqual(r.code, TOOL_MISSING, repr(r))
            self.assertRegex(r.err, f"error: .*{tool}")

    def test_runner_and_target_fit(self):
        m = self.copy()
        self.assertEqual(burin("verify", m, "--runner", "qemu").code, USAGE)
        self.assertEqual(burin("verify", m, "--runner", "gpu").code, USAGE)

    EDGES = (("--io-layout", "nhwc"), ("--io-type", "quantized"), ("--io-layout", "nhwc", "--io-type", "quantized"))

    def data(self, name, x, y, folder="data"):
        self.write(f"{folder}/input_0.pb", numpy_helper.from_array(np.ascontiguousarray(x), "x"))
        self.write(f"{folder}/output_0.pb", numpy_helper.from_array(np.ascontiguousarray(y), "y"))
        return burin("verify", self.path("m.onnx"), "--data", self.path(folder), "--runner", "interpreter", *name)

    def test_data_of_the_file_whatever_the_edge(self):
        """Data sets stay as they are when the code takes channels-last images or stored integers."""
        for name in ("digits_int8", "digits_f32", "nhwc_interface", "stored_weights_f32", "conv1d", "softmax"):
            for options in self.EDGES:
                r = burin("verify", os.path.join(MODELS, name, "model.onnx"), "--runner", "interpreter", *options)
                self.assertEqual(r.code, OK, repr(r))
        r = burin("verify", os.path.join(MODELS, "digits_f32", "model.onnx"), "--runner", "host", "--io-layout", "nhwc", "--io", "external")
        self.assertEqual(r.code, OK, repr(r))

    def channels(self, size):
        """Two images of three channels, `size` high and wide, through a convolution that tells channels, rows and columns apart."""
        rng = np.random.default_rng(2)
        w, x = rng.normal(size=(size, 3, 2, 2)).astype(np.float32), rng.normal(size=(2, 3, size, size)).astype(np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(2, 3))
        y = np.einsum("bcyxij,ocij->boyx", windows, w)
        self.write("m.onnx", model([helper.make_node("Conv", ["x", "w"], ["y"])], [value("x", T.FLOAT, x.shape)], [value("y", T.FLOAT, y.shape)], [constant("w", w)]))
        return x, y

    def test_layouts_of_data(self):
        nhwc = ("--io-layout", "nhwc")
        last = lambda a: a.transpose(0, 2, 3, 1)
        x, y = self.channels(5)
        for a, b in ((x, y), (last(x), last(y)), (x, last(y)), (last(x), y)):  # each tensor by its own dims
            self.assertEqual(self.data(nhwc, a, b).code, OK)
        self.assertEqual(self.data((), x, y).code, OK)
        for options, a in (((), last(x)), (nhwc, x.transpose(0, 2, 1, 3)), (nhwc, x.reshape(2, 75)), (nhwc, x.astype(np.float64))):
            r = self.data(options, a, y)
            self.assertEqual(r.code, MODEL_ERROR, repr(r))
            self.assertRegex(r.err, r"input 'x' is f32\[2x3x5x5\].*\[wrong-data\]")
        self.assertEqual(self.data(nhwc, x, y.transpose(0, 1, 3, 2)).code, DIFFERS)
        # Where both are possible the file's counts.
        x, y = self.channels(3)
        self.assertEqual(self.data(nhwc, x, y).code, OK)
        self.assertEqual(self.data(nhwc, last(x), y).code, DIFFERS)

    def test_types_of_data(self):
        """Float data of a model with quantizers at its edge, stored integers too; one image, whose extents of one may be missing."""
        constants = [constant("s", np.float32(0.5)), constant("z", np.int8(3)), constant("k", np.float32(0.25)), constant("c", np.int8(-7))]
        nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]), helper.make_node("DequantizeLinear", ["q", "s", "z"], ["f"]),
                 helper.make_node("Relu", ["f"], ["t"]),
                 helper.make_node("QuantizeLinear", ["t", "k", "c"], ["p"]), helper.make_node("DequantizeLinear", ["p", "k", "c"], ["y"])]
        self.write("m.onnx", model(nodes, [value("x", T.FLOAT, (1, 3, 2, 4))], [value("y", T.FLOAT, (1, 3, 2, 4))], constants))
        x = np.linspace(-10, 10, 24, dtype=np.float32).reshape(1, 3, 2, 4)
        q = np.rint(x / np.float32(0.5))
        y = np.maximum(q, 0) * np.float32(0.5)
        stored, p = (q + 3).astype(np.int8), (y / 0.25 - 7).astype(np.int8)
        for options in ((), *self.EDGES):
            self.assertEqual(self.data(options, x, y).code, OK, options)
            self.assertEqual(self.data(options, x[0], y[0]).code, OK, options)
            wrong = y.copy()
            wrong[0, 2, 1, 3] += 1
            self.assertEqual(self.data(options, x, wrong).code, DIFFERS, options)
        self.assertEqual(self.data(("--io-type", "quantized"), stored, p).code, OK)
        self.assertEqual(self.data(("--io-type", "quantized"), stored, y).code, OK)
        self.assertEqual(self.data((), stored, y).code, MODEL_ERROR)

    def test_inputs_that_decide_shapes(self):
        """They are bound to the data's values, and that is said."""
        m = model([helper.make_node("Reshape", ["x", "shape"], ["y"])], [value("x"), value("shape", T.INT64, (2,))], [value("y", T.FLOAT, ("a", "b"))])
        path = self.write("m.onnx", m)
        x = np.arange(4, dtype=np.float32).reshape(1, 4)
        self.write("test_data_set_0/input_0.pb", numpy_helper.from_array(x, "x"))
        self.write("test_data_set_0/input_1.pb", numpy_helper.from_array(np.int64([2, 2]), "shape"))
        self.write("test_data_set_0/output_0.pb", numpy_helper.from_array(x.reshape(2, 2), "y"))
        r = burin("verify", path, "--runner", "interpreter")
        self.assertEqual(r.code, OK, repr(r))
        self.assertRegex(r.err, r"note: .*'shape'")
        self.refused(path, "'shape'|shape", "--bind")


if __name__ == "__main__":
    main()
