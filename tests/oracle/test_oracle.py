"""Tests of the oracle itself: hand-computed examples, ONNX's own float data, the committed models, and real models if they are there."""
import glob
import os
import sys
import unittest
from fractions import Fraction

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import exact  # noqa: E402
import movement  # noqa: E402
import oracle  # noqa: E402
import stored  # noqa: E402
import stored_networks  # noqa: E402
from build import Graph, f32  # noqa: E402
from exact import OracleError, Real  # noqa: E402
from operators import PLAIN  # noqa: E402

MODELS = os.path.join(HERE, "..", "models")
SHARED = os.path.join(HERE, "..", "..", "..", "shared", "models")
NODE_TESTS = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data", "node")


def answer(graph, notes=None):
    """First output of the first data set, as a flat list."""
    model = graph.proto(graph.outputs)
    return oracle.run(model, [graph.data[n][0] for n in graph.inputs], notes)[0].reshape(-1).tolist()


def layer(op, arrays, scale, zero, dtype=np.int8, opset=14, **attrs):
    """arrays: (integers, scale, zero point) of each input; the answer of op between DequantizeLinear and QuantizeLinear."""
    g = Graph(opset)
    args = [g.dequantize(g.input(f"x{i}", [np.asarray(q)]), s, z) for i, (q, s, z) in enumerate(arrays)]
    g.output(g.quantize(g.node(op, args, **attrs), scale, zero, dtype)[0])
    return answer(g)


def int8(values):
    return np.array(values, dtype=np.int8)


class Rounding(unittest.TestCase):
    def test_half_goes_to_even(self):
        num = np.array([-7, -5, -3, -1, 1, 3, 5, 7], dtype=np.int64)
        self.assertEqual(exact.round_half_even(num, exact.object_array(Fraction(1, 2))).tolist(), [-4, -2, -2, 0, 0, 2, 2, 4])

    def test_thirds(self):
        num = np.array([-2, -1, 1, 2], dtype=np.int64)
        self.assertEqual(exact.round_half_even(num, exact.object_array(Fraction(1, 3))).tolist(), [-1, 0, 0, 1])

    def test_a_scale_is_the_float_of_the_file(self):
        # float32(0.1) is a little above a tenth: 5 * 0.1 / 1 is above one half and rounds up, -5 * 0.1 rounds down.
        self.assertEqual(layer("Relu", [(int8([5]), 0.1, np.int8(0))], 1.0, 0), [1])
        # float32(0.3) is above 0.3, float32(0.6) exactly twice that: an exact tie.
        self.assertEqual(layer("Relu", [(int8([1, 3, 5]), 0.3, np.int8(0))], 0.6, 0), [0, 2, 2])

    def test_saturation(self):
        self.assertEqual(layer("Add", [(int8([127, -128]), 1.0, np.int8(0))] * 2, 1.0, 0), [127, -128])
        self.assertEqual(layer("Add", [(int8([127, -128]), 1.0, np.int8(0))] * 2, 1.0, 10, np.uint8), [255, 0])

    def test_zero_point_after_rounding(self):
        # 0.5 rounds to 0 (even), then + 1; a sum rounded as a whole would give 2 for 1.5.
        self.assertEqual(layer("Relu", [(int8([1, 3]), 0.5, np.int8(0))], 1.0, 1), [1, 3])


class Layers(unittest.TestCase):
    def test_conv_pads_with_zero_not_with_the_zero_integer(self):
        # x = q - 2: [1 2 3]; weights 1, 1, 1; pads 1: sums 3, 6, 5
        g = Graph()
        x = g.dequantize(g.input("x", [int8([[[3, 4, 5]]])]), 1.0, np.int8(2))
        w = g.dequantize(g.const(int8([[[1, 1, 1]]])), 1.0, np.int8(0))
        g.output(g.quantize(g.node("Conv", [x, w], pads=[1, 1]), 1.0, 0)[0])
        self.assertEqual(answer(g), [3, 6, 5])

    def test_bias_keeps_its_own_scale(self):
        # 2 * 3 * 0.5 * 0.5 = 1.5; bias 3 * 0.75 = 2.25, with sx * sw it would be 0.75
        g = Graph()
        x = g.dequantize(g.input("x", [int8([[[2]]])]), 0.5, np.int8(0))
        w = g.dequantize(g.const(int8([[[3]]])), 0.5, np.int8(0))
        b = g.dequantize(g.const(np.array([3], np.int32)), 0.75, np.int32(0))
        g.output(g.quantize(g.node("Conv", [x, w, b]), 0.25, 0)[0])
        self.assertEqual(answer(g), [15])

    def test_weights_with_zero_point_per_column(self):
        # x = [1 2], w = [[1-1, 2-2], [3-1, 4-2]] * [1, 10]: [4, 40]
        g = Graph()
        x = g.dequantize(g.input("x", [int8([[1, 2]])]), 1.0, np.int8(0))
        w = g.dequantize(g.const(np.array([[1, 2], [3, 4]], np.uint8)), [1.0, 10.0], np.array([1, 2], np.uint8), axis=1)
        g.output(g.quantize(g.node("MatMul", [x, w]), 1.0, 0)[0])
        self.assertEqual(answer(g), [4, 40])

    def test_matmul_with_bias_is_one_region(self):
        # 0.5 * 1 + 0.5 = 1.0 exactly; rounding twice would give 0 + 0.5 -> 0
        g, notes = Graph(), []
        x = g.dequantize(g.input("x", [int8([[1]])]), 0.5, np.int8(0))
        y = g.node("MatMul", [x, g.dequantize(g.const(int8([[1]])), 1.0, np.int8(0))])
        y = g.node("Add", [y, g.dequantize(g.const(np.array([1], np.int32)), 0.5, np.int32(0))])
        g.output(g.quantize(g.node("Relu", [y]), 1.0, 0)[0])
        self.assertEqual(answer(g, notes), [1])
        self.assertEqual(notes, [])

    def test_two_operators_in_a_row_are_float_and_said(self):
        g, notes = Graph(), []
        x = g.dequantize(g.input("x", [int8([[4]])]), 0.5, np.int8(0))
        g.output(g.quantize(g.node("Tanh", [g.node("Sigmoid", [x])]), 1 / 128, 0)[0])
        answer(g, notes)
        self.assertEqual(len(notes), 1)

    def test_clip_bound_between_steps(self):
        # 0.7 / 0.25 = 2.8 -> 3
        g = Graph()
        x = g.dequantize(g.input("x", [int8([1, 2, 90, -90])]), 0.25, np.int8(0))
        g.output(g.quantize(g.node("Clip", [x, f32(-0.7), f32(0.7)]), 0.25, 0)[0])
        self.assertEqual(answer(g), [1, 2, 3, -3])

    def test_average_counts(self):
        # [1 2 3], kernel 2, pads 1: excluding 1, 1.5, 2.5, 3; including 0.5, 1.5, 2.5, 1.5; halves to even
        x = [(int8([[[1, 2, 3]]]), 1.0, np.int8(0))]
        self.assertEqual(layer("AveragePool", x, 1.0, 0, kernel_shape=[2], pads=[1, 1]), [1, 2, 2, 3])
        self.assertEqual(layer("AveragePool", x, 1.0, 0, kernel_shape=[2], pads=[1, 1], count_include_pad=1), [0, 2, 2, 2])

    def test_max_pool_never_takes_padding(self):
        x = [(int8([[[-128, -128]]]), 1.0, np.int8(0))]
        self.assertEqual(layer("MaxPool", x, 1.0, 0, kernel_shape=[2], pads=[1, 1]), [-128] * 3)

    def test_symmetric_functions(self):
        x = [(int8([-8, 0, 8]), 0.25, np.int8(0))]
        # tanh(2) * 128 = 0.96403 * 128 = 123.4; sigmoid(2) * 256 - 128 = 0.88080 * 256 - 128 = 97.48
        self.assertEqual(layer("Tanh", x, 1 / 128, 0), [-123, 0, 123])
        self.assertEqual(layer("Sigmoid", x, 1 / 256, -128), [-97, 0, 97])

    def test_hard_functions(self):
        x = [(int8([-4, -1, 0, 1, 4]), 1.0, np.int8(0))]
        # x * (x / 6 + 1/2): -1/3, 0, 2/3, 4 -> in halves: -0.67, 0, 1.33, 8
        self.assertEqual(layer("HardSwish", x, 0.5, 0), [0, -1, 0, 1, 8])
        # 0.25 x + 0.5 within 0 and 1, in eighths
        self.assertEqual(layer("HardSigmoid", x, 0.125, 0, alpha=0.25, beta=0.5), [0, 2, 4, 6, 8])
        self.assertEqual(layer("LeakyRelu", x, 0.5, 0, alpha=0.25), [-2, 0, 0, 2, 8])

    def test_softmax(self):
        # equal rows are exact: 1/4 = 64/256
        self.assertEqual(layer("Softmax", [(int8([[5, 5, 5, 5]]), 0.3, np.int8(0))], 1 / 256, -128), [-64] * 4)
        row = exact.softmax_row([Fraction(0), Fraction(1), Fraction(2)])
        want = np.exp([0.0, 1, 2]) / np.exp([0.0, 1, 2]).sum()
        self.assertLess(np.abs(np.array([float(v) for v in row]) - want).max(), 1e-15)

    def test_softmax_before_opset_13_takes_all_axes_behind(self):
        x = [(np.zeros((1, 2, 2), np.int8), 1.0, np.int8(0))]
        self.assertEqual(layer("Softmax", x, 1 / 256, -128, opset=11), [-64] * 4)
        self.assertEqual(layer("Softmax", x, 1 / 256, -128), [0] * 4)

    def test_division(self):
        arrays = [(int8([1, -1, 7]), 1.0, np.int8(0)), (int8([2, 2, 3]), 1.0, np.int8(0))]
        self.assertEqual(layer("Div", arrays, 1.0, 0), [0, 0, 2])
        with self.assertRaises(OracleError):
            layer("Div", [(int8([1]), 1.0, np.int8(0)), (int8([3]), 1.0, np.int8(3))], 1.0, 0)

    def test_qlinear_conv_bias_is_in_sx_sw(self):
        g = Graph(10)
        x = g.input("x", [np.array([[[[3]]]], np.uint8)])
        args = [x, f32(0.5), np.uint8(1), int8([[[[4]]]]), f32(0.25), np.int8(0), f32(0.5), np.uint8(7), np.array([4], np.int32)]
        g.output(g.node("QLinearConv", args))  # (2 * 4 + 4) / 8 = 1.5; / 0.5 = 3; + 7
        self.assertEqual(answer(g), [10])

    def test_large_sums_stay_exact(self):
        # int16 activations times int16 weights, 4096 of them: the sum needs 43 bits
        n = 4096
        g = Graph(21)
        x = g.dequantize(g.input("x", [np.full((1, n), -32768, np.int16)]), 1.0, np.int16(0))
        w = g.dequantize(g.const(np.full((n, 1), -32768, np.int16)), 1.0, np.int16(0))
        g.output(g.quantize(g.node("MatMul", [x, w]), 2.0**42, 0)[0])
        self.assertEqual(answer(g), [1])

    def test_scales_must_be_positive(self):
        for scale in (0.0, -1.0, float("nan")):
            with self.assertRaises(OracleError):
                layer("Relu", [(int8([1]), scale, np.int8(0))], 1.0, 0)


class Reals(unittest.TestCase):
    def test_units_per_channel(self):
        a = Real(np.array([[1, 1]]), np.array([[Fraction(1, 2), Fraction(1, 3)]], dtype=object))
        b = exact.add(a, Real(np.array([[1, 1]]), Fraction(1, 5)))
        self.assertEqual(b.fractions().reshape(-1).tolist(), [Fraction(7, 10), Fraction(8, 15)])
        self.assertEqual(b.flat().fractions().tolist(), b.fractions().tolist())

    def test_functions(self):
        for x in (-3, -1, 0, 1, 5):
            self.assertAlmostEqual(float(exact.tanh(Fraction(x, 2))), np.tanh(x / 2), 15)
            self.assertAlmostEqual(float(exact.sigmoid(Fraction(x, 2))), 1 / (1 + np.exp(-x / 2)), 15)
        self.assertEqual(exact.square_root(Fraction(9, 4)), Fraction(3, 2))
        self.assertLess(abs(exact.square_root(Fraction(2)) ** 2 - 2), Fraction(1, 10**100))


def onnx_runtime(model):
    """function of a dict of inputs, by ONNX Runtime without its optimizations"""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)


def onnx_reference(model):
    from onnx.reference import ReferenceEvaluator
    return lambda inputs: ReferenceEvaluator(model).run(None, inputs)


def rounds_reals(g):
    """Whether some QuantizeLinear rounds what is exact here and a float32 elsewhere."""
    return any(n.op_type.startswith("QLinear") or (n.op_type == "QuantizeLinear" and isinstance(g.values[0][n.input[0]], Real)) for n in g.nodes)


class StoredIntegers(unittest.TestCase):
    def judged(self, runtime, least):
        """Every case without a rounding of reals, bit for bit; how many there are that the runtime takes."""
        count = 0
        for name, make in stored.cases() + stored_networks.networks(150, 7):
            g = make()
            if rounds_reals(g):
                continue
            want = [[np.asarray(oracle.plain_value(known[o])) for o in g.outputs] for known in g.values]
            try:
                run = runtime(g.proto(g.outputs, want[0]))
                got = [[np.asarray(y) for y in run({n: known[n] for n in g.inputs})] for known in g.values]
            except Exception:  # a type, an opset or a form that it does not have: each says so in its own way
                continue
            with self.subTest(name):
                for a, b in zip(sum(got, []), sum(want, [])):
                    self.assertEqual((a.dtype, a.shape), (b.dtype, b.shape))
                    np.testing.assert_array_equal(a, b) if b.dtype.kind != "f" else np.testing.assert_allclose(a, b, 1e-5, 1e-6)
                count += 1
        print(f"{count} cases", file=sys.stderr)
        self.assertGreater(count, least)

    def test_by_onnx_runtime(self):
        try:
            import onnxruntime  # noqa: F401
        except ImportError:
            self.skipTest("no onnxruntime")
        self.judged(onnx_runtime, 250)

    def test_by_onnx_reference(self):
        self.judged(onnx_reference, 150)

    def test_values_are_those_of_the_whole_model(self):
        """A Net's values, known node by node, are what `run` says of the model that is written."""
        for name, make in stored.cases()[::9] + stored_networks.networks(20, 8):
            g = make()
            for i, known in enumerate(g.values):
                for o, y in zip(g.outputs, oracle.run(g.proto(g.outputs), [g.data[n][i] for n in g.inputs])):
                    np.testing.assert_array_equal(y, oracle.plain_value(known[o]), name)

    def test_integers_wrap(self):
        def result(op, a, b, **attrs):
            node = onnx.helper.make_node(op, ["a", "b"], ["y"], **attrs)
            known = {"a": np.asarray(a), "b": np.asarray(b)}
            oracle.run_nodes([node], known, set(), {"": 21}, {}, [])
            return known["y"].tolist()

        self.assertEqual(result("Add", int8([127, -128]), int8([1, -1])), [-128, 127])
        self.assertEqual(result("Sub", np.uint8([3]), np.uint8([5])), [254])
        self.assertEqual(result("Mul", int8([64, -128]), int8([2, -1])), [-128, -128])
        self.assertEqual(result("Div", int8([-7, 7, -128]), int8([2, -2, -1])), [-3, -3, -128])
        self.assertEqual(result("Mod", int8([-7, 7, -128]), int8([3, -3, -1])), [2, -2, 0])
        self.assertEqual(result("Mod", int8([-7, 7]), int8([3, -3]), fmod=1), [-1, 1])
        self.assertEqual(result("BitShift", np.uint8([129]), np.uint8([1]), direction="LEFT"), [2])

    def test_half_precision_scales(self):
        """Reals of float16 scales are exact in a region, and float16 where they leave it."""
        g = Graph(19)
        scale = np.float16(0.0371)
        g.output(g.node("DequantizeLinear", [g.input("x", [int8([1, 3, 101])]), scale, np.int8(0)]))
        self.assertEqual(answer(g), [float(np.float16(k * float(scale))) for k in (1, 3, 101)])


def compare(folder):
    """(outputs that agree, outputs) over the data sets of a model's folder."""
    good = total = 0
    for data in sorted(glob.glob(os.path.join(folder, "test_data_set_*"))):
        inputs, wanted = oracle.read_data_set(data)
        for got, want in zip(oracle.run(os.path.join(folder, "model.onnx"), inputs), wanted):
            if got.shape != want.shape or got.dtype != want.dtype:
                raise AssertionError(f"{data}: {got.dtype}{got.shape} for {want.dtype}{want.shape}")
            same = np.isclose(got, want, rtol=1e-3, atol=1e-5, equal_nan=True) if got.dtype.kind == "f" else got == want
            good, total = good + int(np.sum(same)), total + want.size
    return good, total


class Models(unittest.TestCase):
    def test_float_node_tests_of_onnx(self):
        """The oracle's reading of the operators against ONNX's own data."""
        known = set(PLAIN) | set(movement.ONE_TENSOR) | set(oracle.QUANTIZED) | {"Concat", "Pad"}
        run = 0
        for path in sorted(glob.glob(os.path.join(NODE_TESTS, "*", "model.onnx"))):
            folder = os.path.dirname(path)
            if any(t in os.path.basename(folder) for t in ("blocked", "with_argmax", "training")):
                continue  # outputs and forms that the oracle does not promise
            model = onnx.load(path)
            if any(n.op_type not in known or n.domain for n in model.graph.node) or not plain_types(model):
                continue
            with self.subTest(os.path.basename(folder)):
                good, total = compare(folder)
                self.assertEqual(good, total)
                run += 1
        print(f"{run} node tests of onnx {onnx.__version__}", file=sys.stderr)
        self.assertGreater(run, 200)

    def test_committed_models(self):
        folders = sorted(os.path.dirname(p) for p in glob.glob(os.path.join(MODELS, "*", "model.onnx")))
        self.assertGreater(len(folders), 40)
        for folder in folders:
            with self.subTest(os.path.basename(folder)):
                good, total = compare(folder)
                self.assertEqual(good, total)

    def test_real_models(self):
        folders = sorted(glob.glob(os.path.join(SHARED, "*_int8")))
        if not folders:
            self.skipTest("no shared/models beside the repository")
        for folder in folders:
            with self.subTest(os.path.basename(folder)):
                good, total = compare(folder)
                print(f"{os.path.basename(folder)}: {good} of {total} outputs agree", file=sys.stderr)
                self.assertEqual(good, total)


def plain_types(model):
    """Only element types that numpy knows (the oracle promises no 8-bit floats, strings or sequences)."""
    values = list(model.graph.input) + list(model.graph.output)
    if any(not v.type.HasField("tensor_type") for v in values):
        return False
    casts = [a.i for n in model.graph.node for a in n.attribute if n.op_type == "Cast" and a.name == "to"]
    casts += [v.type.tensor_type.elem_type for v in values]
    return all(t in range(1, 14) and t != onnx.TensorProto.STRING for t in casts)


if __name__ == "__main__":
    unittest.main()
