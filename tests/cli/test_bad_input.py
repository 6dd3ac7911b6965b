"""Models that cannot be compiled: exit 1, a message that names file and node and says what is wrong, nothing written."""
import random

from tool import *


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, **attributes)


class Files(Case):
    def test_missing(self):
        self.refused(self.path("nowhere.onnx"), r"nowhere\.onnx: error: ")

    def test_folder(self):
        os.mkdir(self.path("m.onnx"))
        self.refused(self.path("m.onnx"), r"m\.onnx: error: ")

    def test_empty_file(self):
        self.refused(self.write("m.onnx", b""), r"m\.onnx: error: .*empty")

    def test_other_formats(self):
        for data, says in ((b"PK\x03\x04" + b"\0" * 40, "zip"), (b"\x1c\0\0\0TFL3" + b"\0" * 40, "TensorFlow Lite"), (b"\x89HDF\r\n\x1a\n" + b"\0" * 40, "HDF5"),
                           (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "LFS"), (b"<html>not found</html>", "no ONNX model")):
            self.refused(self.write("m.onnx", data), r"m\.onnx: error: ", says)

    def test_truncated(self):
        whole = image_example(size=6, filters=2).SerializeToString()
        for keep in (1, 2, 10, len(whole) // 3, len(whole) // 2, len(whole) - 200, len(whole) - 20):
            r = burin("compile", self.write("m.onnx", whole[:keep]), "-o", self.path("out"))
            self.assertEqual(r.code, MODEL_ERROR, f"{keep} bytes: {r!r}")
            self.assertEqual(tree(self.path("out")), {})

    def test_random_bytes(self):
        """No crash, no internal error, whatever the bytes."""
        rng = random.Random(7)
        whole = bytearray(image_example(size=6, filters=2).SerializeToString())
        for i in range(60):
            if i < 20:
                data = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 400)))
            else:
                data = bytearray(whole)
                for _ in range(rng.randrange(1, 6)):
                    data[rng.randrange(len(data))] = rng.randrange(256)
            r = burin("compile", self.write("m.onnx", bytes(data)), "-o", self.path(f"out{i}"))
            self.assertIn(r.code, (OK, MODEL_ERROR), f"round {i}: {r!r}")
            self.assertNotIn("internal error", r.err, f"round {i}")
            if r.code == MODEL_ERROR:
                self.assertIn("m.onnx: error: ", r.err)
                self.assertEqual(tree(self.path(f"out{i}")), {})


class RandomModels(Case):
    """Files that are ONNX but make little sense: one thing changed in a model that does."""
    NUMBERS = (0, 1, -1, 2, -2, 7, 255, 1 << 31, -(1 << 31), 1 << 40, 1 << 62, -(1 << 63), (1 << 63) - 1)

    def change(self, rng, m):
        g, nodes = m.graph, list(m.graph.node)
        n, names = rng.choice(nodes), [x for other in nodes for x in [*other.input, *other.output]]
        what = rng.randrange(8)
        if what == 0 and n.attribute:
            a = rng.choice(list(n.attribute))
            if a.ints:
                a.ints[rng.randrange(len(a.ints))] = rng.choice(self.NUMBERS)
            else:
                a.i = rng.choice(self.NUMBERS)
        elif what == 1:
            g.node.remove(n)
        elif what == 2 and n.input:
            n.input[rng.randrange(len(n.input))] = rng.choice([*names, ""])
        elif what == 3 and g.input:
            t = rng.choice(list(g.input)).type.tensor_type
            if t.shape.dim and rng.random() < 0.5:
                rng.choice(list(t.shape.dim)).dim_value = rng.choice(self.NUMBERS)
            else:
                t.elem_type = rng.randrange(20)
        elif what == 4 and g.initializer:
            t = rng.choice(list(g.initializer))
            if t.dims and rng.random() < 0.5:
                t.dims[rng.randrange(len(t.dims))] = rng.choice(self.NUMBERS)
            else:
                t.data_type = rng.randrange(24)
        elif what == 5:
            n.op_type = rng.choice("Add Conv MatMul Reshape Transpose Softmax Pad Slice Concat QuantizeLinear DequantizeLinear Gather Split Expand Range If".split())
        elif what == 6:
            m.opset_import[0].version = rng.choice((0, 1, 6, 9, 10, 11, 13, 18, 99, -4))
        elif n.input:
            del n.input[rng.randrange(len(n.input)):]

    def test_random_models(self):
        rng = random.Random(11)
        names = sorted(d for d in os.listdir(MODELS) if os.path.isfile(os.path.join(MODELS, d, "model.onnx")))
        for i in range(150):
            m = onnx.load(os.path.join(MODELS, rng.choice(names), "model.onnx"), load_external_data=False)
            self.change(rng, m)
            out = self.path(f"out{i}")
            r = burin("compile", self.write("m.onnx", m), "-o", out, "--target", rng.choice(("host", "cortex-m4f")))
            self.assertIn(r.code, (OK, MODEL_ERROR), f"round {i}: {r!r}")
            self.assertNotIn("internal error", r.err, f"round {i}")
            if r.code == MODEL_ERROR:
                self.assertRegex(r.err, r"m\.onnx: error: .*\[[a-z0-9-]+\]")
                self.assertEqual(tree(out), {})


class Structure(Case):
    def refuse(self, m, *patterns, **more):
        return self.refused(self.write("m.onnx", m), r"m\.onnx: error: ", *patterns, **more)

    def test_empty_graph(self):
        self.refuse(model([], [value("x")], []), "output")
        m = onnx.ModelProto()
        m.ir_version = 8
        self.refuse(m, "graph")

    def test_output_that_nothing_makes(self):
        self.refuse(model([node("Relu", ["x"], ["y"])], [value("x")], [value("z")]), "'z'")

    def test_input_that_nothing_makes(self):
        self.refuse(model([node("Relu", ["q"], ["y"], name="r")], [value("x")], [value("y")]), "'q'")

    def test_cycle(self):
        self.refuse(model([node("Add", ["x", "b"], ["a"], name="first"), node("Relu", ["a"], ["b"], name="second")], [value("x")], [value("b")]), "cycle|depend", "first|second")

    def test_node_that_reads_itself(self):
        self.refuse(model([node("Add", ["x", "y"], ["y"], name="own")], [value("x")], [value("y")]), "own")

    def test_two_nodes_make_one_value(self):
        self.refuse(model([node("Relu", ["x"], ["y"], name="one"), node("Neg", ["x"], ["y"], name="two")], [value("x")], [value("y")]), "'y'")

    def test_node_makes_an_input(self):
        self.refuse(model([node("Relu", ["x"], ["x"], name="one")], [value("x")], [value("x")]), "'x'")

    def test_duplicate_input(self):
        self.refuse(model([node("Relu", ["x"], ["y"])], [value("x"), value("x")], [value("y")]), "'x'")

    def test_duplicate_initializer(self):
        k = constant("k", np.float32([1, 2, 3, 4]))
        self.refuse(model([node("Add", ["x", "k"], ["y"])], [value("x")], [value("y")], [k, k]), "'k'")

    def test_duplicate_node_names_are_fine(self):
        """ONNX wants node names unique, exporters do not care; functions get names of their own."""
        m = model([node("Relu", ["x"], ["a"], name="n"), node("Sigmoid", ["a"], ["b"], name="n"), node("Tanh", ["b"], ["y"], name="n")], [value("x")], [value("y")])
        self.compiled(self.write("m.onnx", m))

    def test_nodes_in_any_order(self):
        m = model([node("Neg", ["a"], ["y"]), node("Relu", ["x"], ["a"])], [value("x")], [value("y")])
        self.compiled(self.write("m.onnx", m))

    def test_no_opset(self):
        m = relu()
        del m.opset_import[:]
        r = burin("compile", self.write("m.onnx", m), "-o", self.path("out"))
        self.assertIn(r.code, (OK, MODEL_ERROR))
        self.assertNotIn("internal", r.err)

    def test_too_few_inputs(self):
        self.refuse(model([node("Add", ["x"], ["y"], name="a")], [value("x")], [value("y")]), "'a'")
        self.refuse(model([node("Conv", ["x"], ["y"], name="c")], [value("x", T.FLOAT, (1, 1, 4, 4))], [value("y")]), "'c'")

    def test_recursive_function(self):
        f = helper.make_function("my", "F", ["a"], ["b"], [helper.make_node("F", ["a"], ["b"], domain="my")], [helper.make_opsetid("", 13), helper.make_opsetid("my", 1)])
        self.refuse(model([helper.make_node("F", ["x"], ["y"], name="f", domain="my")], [value("x")], [value("y")], functions=[f], domains=["my"]), "F")


class External(Case):
    def external(self, location, data=None, **more):
        k = onnx.TensorProto()
        k.name, k.data_type = "k", T.FLOAT
        k.dims.extend([1, 4])
        k.data_location = onnx.TensorProto.EXTERNAL
        for key, v in {"location": location, **more}.items():
            e = k.external_data.add()
            e.key, e.value = key, str(v)
        if data is not None:
            self.write(location, data)
        return self.write("m.onnx", model([node("Add", ["x", "k"], ["y"])], [value("x")], [value("y")], [k]))

    def test_there(self):
        data = np.float32([9, 1, 2, 3, 4]).tobytes()
        self.compiled(self.external("weights.bin", data, offset=4, length=16), "--depfile", self.path("d"))
        with open(self.path("d")) as f:
            self.assertIn("weights.bin", f.read())

    def test_missing(self):
        self.refused(self.external("weights.bin"), "'k'|weights", "weights.bin")

    def test_too_short(self):
        self.refused(self.external("weights.bin", b"1234567890"), "'k'|weights", "bytes")
        self.refused(self.external("weights.bin", b"\0" * 16, offset=8), "'k'|weights", "bytes")
        self.refused(self.external("weights.bin", b"\0" * 16, offset=8, length=16), "'k'|weights")

    def test_nonsense_numbers(self):
        for more in ({"offset": -4}, {"offset": "four"}, {"length": "-1"}, {"offset": 1 << 63}, {"offset": (1 << 63) - 1, "length": 16}):
            self.refused(self.external("weights.bin", b"\0" * 16, **more), "'k'|weights|offset|length")

    def test_leaves_the_folder(self):
        self.write("secret.bin", b"\0" * 16)
        os.mkdir(self.path("sub"))
        for location in ("../secret.bin", "sub/../../secret.bin", self.path("secret.bin"), "/etc/passwd", "", "."):
            k = self.external(location)
            os.replace(k, self.path("sub", "m.onnx"))
            self.refused(self.path("sub", "m.onnx"), r"m\.onnx: error: ", "folder|location|file")

    def test_link_leaves_the_folder(self):
        self.write("secret.bin", b"\0" * 16)
        os.mkdir(self.path("sub"))
        os.symlink("../secret.bin", self.path("sub", "weights.bin"))
        os.replace(self.external("weights.bin"), self.path("sub", "m.onnx"))
        self.refused(self.path("sub", "m.onnx"), "weights.bin")


class Operators(Case):
    def refuse(self, m, *patterns, **more):
        return self.refused(self.write("m.onnx", m), r"m\.onnx: error: ", *patterns, **more)

    def one(self, n, *patterns, inputs=(value("x"),), outputs=(value("y"),), constants=(), opset=13, **more):
        return self.refuse(model([n], inputs, outputs, constants, opset), *patterns, **more)

    def test_unknown_operator(self):
        self.one(node("Conv3000", ["x"], ["y"], name="n1"), r"node 'n1' \(Conv3000\): .*\[unsupported-op\]")
        m = model([helper.make_node("Magic", ["x"], ["y"], name="n1", domain="com.example")], [value("x")], [value("y")], domains=["com.example"])
        self.refuse(m, r"node 'n1' \(.*Magic\): .*com\.example", r"\[unsupported-domain\]")

    def test_all_at_once(self):
        nodes = [node("Foo", ["x"], ["a"], name="n1"), node("Relu", ["a"], ["b"], name="n2"), node("Bar", ["b"], ["c"], name="n3"),
                 node("Foo", ["x"], ["d"], name="n4"), node("Add", ["c", "d"], ["y"], name="n5")]
        r = self.refuse(model(nodes, [value("x")], [value("y")]), r"'n1' \(Foo\)", r"'n3' \(Bar\)", r"'n4' \(Foo\)")
        self.assertNotIn("'n2'", r.err)  # its own operator is supported: what it reads is to blame
        self.assertNotIn("'n5'", r.err)

    def test_node_without_a_name(self):
        self.one(node("Foo", ["x"], ["y"]), r"node '.+' \(Foo\)")

    def test_unsupported_attribute(self):
        image = value("x", T.FLOAT, (1, 1, 5, 5))
        w = constant("w", np.ones((1, 1, 3, 3), np.float32))
        conv = lambda **a: node("Conv", ["x", "w"], ["y"], name="c", **a)
        for attributes, says in (({"auto_pad": "SAME_SIDEWAYS"}, "SAME_SIDEWAYS"), ({"strides": [0, 1]}, "strides"), ({"strides": [1]}, "strides"),
                                 ({"dilations": [1, -1]}, "dilations"), ({"pads": [0, 0, -1, 0]}, "pads"), ({"pads": [1, 1]}, "pads"),
                                 ({"kernel_shape": [2, 2]}, "kernel_shape"), ({"group": 2}, "group"), ({"group": 0}, "group"), ({"group": -1}, "group"),
                                 ({"flavour": 3}, "flavour"), ({"strides": "two"}, "strides")):
            self.one(conv(**attributes), r"node 'c' \(Conv\): .*" + says, inputs=[image], constants=[w])

    def test_wrong_shapes(self):
        image = value("x", T.FLOAT, (1, 3, 5, 5))
        w = lambda *shape: constant("w", np.ones(shape, np.float32))
        conv = node("Conv", ["x", "w"], ["y"], name="c")
        for shape in ((1, 1, 3, 3), (1, 3, 3), (1, 3, 6, 3), (2,)):
            self.one(conv, r"node 'c' \(Conv\): ", inputs=[image], constants=[w(*shape)])
        self.one(node("Conv", ["x", "w", "b"], ["y"], name="c"), r"node 'c' \(Conv\): .*bias", inputs=[image], constants=[w(2, 3, 3, 3), constant("b", np.ones(3, np.float32))])
        self.one(node("MatMul", ["x", "w"], ["y"], name="m"), r"node 'm' \(MatMul\): ", constants=[w(5, 4)])
        self.one(node("Add", ["x", "w"], ["y"], name="a"), r"node 'a' \(Add\): ", constants=[w(3, 3)])
        self.one(node("Reshape", ["x", "s"], ["y"], name="r"), r"node 'r' \(Reshape\): ", constants=[constant("s", np.int64([3, 5]))])
        self.one(node("Concat", ["x", "w"], ["y"], name="k", axis=0), r"node 'k' \(Concat\): ", constants=[w(2, 5)])
        self.one(node("Gemm", ["x", "w"], ["y"], name="g"), r"node 'g' \(Gemm\): ", constants=[w(3, 2)])
        self.one(node("MaxPool", ["x"], ["y"], name="p", kernel_shape=[9, 9]), r"node 'p' \(MaxPool\): ", inputs=[image])

    def test_axis_out_of_range(self):
        for op, more in (("Softmax", {}), ("Concat", {}), ("Flatten", {})):
            self.one(node(op, ["x"], ["y"], name="n", axis=7, **more), rf"node 'n' \({op}\): .*7")
        self.one(node("Transpose", ["x"], ["y"], name="n", perm=[0, 0]), r"node 'n' \(Transpose\): ")
        self.one(node("ReduceMean", ["x"], ["y"], name="n", axes=[4]), r"node 'n' \(ReduceMean\): ")

    def test_wrong_types(self):
        self.one(node("Add", ["x", "k"], ["y"], name="a"), r"node 'a' \(Add\): .*(i64|f32)", constants=[constant("k", np.int64([1, 2, 3, 4]))])
        self.one(node("And", ["x", "x"], ["y"], name="a"), r"node 'a' \(And\): ")
        self.one(node("Sigmoid", ["x"], ["y"], name="a"), r"node 'a' \(Sigmoid\): ", inputs=[value("x", T.INT32)])
        self.one(node("Conv", ["x", "w"], ["y"], name="c"), r"node 'c' \(Conv\): ", inputs=[value("x", T.INT32, (1, 1, 3, 3))], outputs=[value("y", T.INT32, (1, 1, 1, 1))], constants=[constant("w", np.ones((1, 1, 3, 3), np.int32))])
        self.one(node("Relu", ["x"], ["y"], name="a"), "string|type", inputs=[value("x", T.STRING)], outputs=[value("y", T.STRING)])

    def test_declared_output_differs(self):
        """What the file says of its outputs is checked, not believed."""
        r = burin("compile", self.write("m.onnx", model([node("Relu", ["x"], ["y"])], [value("x")], [value("y", T.FLOAT, (1, 5))])), "-o", self.path("out"))
        self.assertIn(r.code, (OK, MODEL_ERROR))
        self.assertRegex(r.err, "'?y'?")

    def test_sizes_that_overflow(self):
        huge = 1 << 40
        for shape in ((huge, huge), (1 << 62, 4), (1 << 31, 1 << 31, 1 << 31)):
            self.refuse(model([node("Relu", ["x"], ["y"])], [value("x", T.FLOAT, shape)], [value("y", T.FLOAT, shape)]), "x|'y'|y")
        self.one(node("Pad", ["x", "p"], ["y"], name="p"), r"'p' \(Pad\)", constants=[constant("p", np.int64([0, 0, 0, (1 << 62)]))])
        self.one(node("Expand", ["x", "s"], ["y"], name="e"), r"'e' \(Expand\)", constants=[constant("s", np.int64([1 << 40, 4]))])
        self.one(node("ConstantOfShape", ["s"], ["y"], name="k"), r"'k' \(ConstantOfShape\)", constants=[constant("s", np.int64([1 << 31, 1 << 31]))])
        self.one(node("Range", ["a", "b", "c"], ["y"], name="r"), r"'r' \(Range\)",
                 constants=[constant("a", np.int64(0)), constant("b", np.int64(1 << 62)), constant("c", np.int64(1))])
        image = value("x", T.FLOAT, (1, 1, 3, 3))
        self.one(node("MaxPool", ["x"], ["y"], name="m", kernel_shape=[1 << 40, 1], pads=[1 << 40, 0, 0, 0]), r"'m' \(MaxPool\)", inputs=[image])

    def test_initializer_of_wrong_size(self):
        k = constant("k", np.float32([1, 2, 3, 4]))
        for dims in ([5], [-4], [1 << 60], [1 << 32, 1 << 32]):
            del k.dims[:]
            k.dims.extend(dims)
            self.refuse(model([node("Add", ["x", "k"], ["y"])], [value("x")], [value("y")], [k]), "'k'")
        k.data_type = 99
        self.refuse(model([node("Add", ["x", "k"], ["y"])], [value("x")], [value("y")], [k]), "'k'")


class Quantization(Case):
    def quantized(self, scale, zero=np.int8(0), axis=None, kind=np.float32):
        attributes = {} if axis is None else {"axis": axis}
        nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"], name="q", **attributes), node("DequantizeLinear", ["q", "s", "z"], ["y"], name="d", **attributes)]
        return model(nodes, [value("x")], [value("y")], [constant("s", np.asarray(scale, kind)), constant("z", zero)])

    def refuse(self, m, *patterns):
        return self.refused(self.write("m.onnx", m), r"m\.onnx: error: ", *patterns)

    def test_scales(self):
        for scale in (0.0, -0.5, np.nan, np.inf, -0.0):
            self.refuse(self.quantized(scale), r"node 'q' \(QuantizeLinear\): .*scale", r"\[invalid-scale\]")
        zeros = np.zeros(4, np.int8)
        self.refuse(self.quantized([1, 1, 0, 1], zeros, 1), r"scale\[2\]")

    def test_scales_and_zero_points_disagree(self):
        self.refuse(self.quantized([1, 1, 1, 1], np.zeros(3, np.int8), 1), r"'q' \(QuantizeLinear\): ")
        self.refuse(self.quantized([1, 1, 1], np.zeros(3, np.int8), 1), r"'q' \(QuantizeLinear\): ")
        self.refuse(self.quantized([1, 1, 1, 1], np.zeros(4, np.int8), 5), r"'q' \(QuantizeLinear\): .*axis")

    def test_scale_at_run_time(self):
        m = model([node("QuantizeLinear", ["x", "s"], ["y"], name="q")], [value("x"), value("s", T.FLOAT, ())], [value("y", T.UINT8)])
        self.refuse(m, r"'q' \(QuantizeLinear\): .*run time", r"\[dynamic-quantization\]")

    def test_axis_of_a_bias(self):
        """Some converters write the axis of the weights for a bias, which has only one."""
        m = image_example(size=6, filters=2)
        for n in m.graph.node:
            if n.name == "db":
                n.attribute[0].i = 3
        r = self.refuse(m, r"node 'db' \(DequantizeLinear\): .*axis.* 3", "rank")
        self.assertRegex(r.err, "note: .*(bias|converter|axis)")

    def test_qlinear_conv(self):
        constants = [constant("xs", np.float32(0.1)), constant("xz", np.uint8(3)), constant("w", np.ones((2, 1, 3, 3), np.int8)), constant("ws", np.float32(-0.1)),
                     constant("wz", np.int8(0)), constant("ys", np.float32(1)), constant("yz", np.uint8(0))]
        m = model([node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["y"], name="c")], [value("x", T.UINT8, (1, 1, 4, 4))],
                  [value("y", T.UINT8, (1, 2, 2, 2))], constants)
        self.refuse(m, r"'c' \(QLinearConv\): .*scale")

    def test_sum_beyond_32_bits(self):
        """255 * 255 * 70,000 does not fit an int32: an error or 64 bits, never a wrapped sum."""
        k = 70000
        constants = [constant("xs", np.float32(0.1)), constant("xz", np.uint8(0)), constant("w", np.full((k, 1), 255, np.uint8)), constant("ws", np.float32(0.1)),
                     constant("wz", np.uint8(0)), constant("ys", np.float32(1e6)), constant("yz", np.uint8(0))]
        m = model([node("DequantizeLinear", ["x", "xs", "xz"], ["xf"]), node("DequantizeLinear", ["w", "ws", "wz"], ["wf"]), node("MatMul", ["xf", "wf"], ["f"], name="m"),
                   node("QuantizeLinear", ["f", "ys", "yz"], ["y"])], [value("x", T.UINT8, (1, k))], [value("y", T.UINT8, (1, 1))], constants)
        r = burin("compile", self.write("m.onnx", m), "-o", self.path("out"))
        self.assertIn(r.code, (OK, MODEL_ERROR), repr(r))
        if r.code == MODEL_ERROR:
            self.assertRegex(r.err, r"'m' \(MatMul|'m' \(dense|'m'")
            self.assertRegex(r.err, r"\[accumulator-overflow\]")


if __name__ == "__main__":
    main()
