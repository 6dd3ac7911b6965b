"""Tiny graphs: one edge of an operator each, expected outputs by tests/oracle. Usage: make_tiny_layers.py [NAME...]"""
import numpy as np

from tiny import Graph, case, conv_case, data_sets, f32, integers, main, one, random_state, scales


# --- layouts ---


@case
def nhwc_interface():
    """What converters from channels-last frameworks write: transposes at both ends, unknown batch."""
    rng, g = random_state("nhwc_interface"), Graph(batch=True)
    x = g.node("Transpose", [g.input("x", data_sets(rng, (1, 5, 4, 3)))], perm=[0, 3, 1, 2])
    w = g.dequantize(g.const(integers(rng, (6, 3, 3, 3))), scales(rng, 6), np.zeros(6, np.int8), axis=0)
    q, s, z = g.region("Conv", [g.dequantize(x, 0.1, np.int8(-3)), w], pads=[1, 1, 1, 1], act="Relu")
    w2 = g.dequantize(g.const(integers(rng, (6, 1, 3, 3))), scales(rng, 6), np.zeros(6, np.int8), axis=0)
    q, _, _ = g.region("Conv", [g.dequantize(q, s, z), w2], group=6)
    return one(g, g.node("Transpose", [q], perm=[0, 2, 3, 1]))


@case
def transpose_between():
    """A transpose in the middle that does not cancel: channels change places with rows."""
    rng, g = random_state("transpose_between"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 4, 3, 5))), 0.1, np.int8(0))
    w = g.dequantize(g.const(integers(rng, (3, 4, 1, 1))), 0.02, np.int8(0))
    q, s, z = g.region("Conv", [x, w])
    t = g.node("Transpose", [g.dequantize(q, s, z)], perm=[0, 2, 3, 1])
    w = g.dequantize(g.const(integers(rng, (2, 3, 2, 2))), 0.02, np.int8(0))
    return one(g, g.region("Conv", [t, w]))


@case
def flatten_dense():
    """Flatten of a channels-first image before a dense layer: the order of the weights matters."""
    rng, g = random_state("flatten_dense"), Graph(batch=True)
    x = g.dequantize(g.input("x", data_sets(rng, (1, 2, 3, 4))), 0.1, np.int8(7))
    w = g.dequantize(g.const(integers(rng, (3, 2, 3, 3))), scales(rng, 3), np.zeros(3, np.int8), axis=0)
    q, s, z = g.region("Conv", [x, w], pads=[1, 1, 1, 1], act="Relu")
    flat = g.node("Flatten", [g.dequantize(q, s, z)])
    w = g.dequantize(g.const(integers(rng, (36, 5))), scales(rng, 5), np.zeros(5, np.int8), axis=1)
    return one(g, g.region("MatMul", [flat, w]))


# --- numbers ---


@case
def weights_min():
    """-128 everywhere in the weights, on a padded and a depthwise convolution."""
    rng, g = random_state("weights_min"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 3, 4, 5)) + [np.full((1, 3, 4, 5), -128, np.int8)]), 0.1, np.int8(127))
    w = g.dequantize(g.const(np.full((5, 3, 3, 3), -128, np.int8)), scales(rng, 5), np.zeros(5, np.int8), axis=0)
    q, s, z = g.region("Conv", [x, w], pads=[1, 1, 1, 1])
    w = g.dequantize(g.const(np.full((5, 1, 3, 3), -128, np.int8)), scales(rng, 5), np.zeros(5, np.int8), axis=0)
    return one(g, g.region("Conv", [g.dequantize(q, s, z), w], group=5, pads=[1, 1, 1, 1]))


@case
def dense_weights_min():
    rng, g = random_state("dense_weights_min"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 13)) + [np.full((1, 13), -128, np.int8)]), 0.1, np.int8(-128))
    w = g.dequantize(g.const(np.full((13, 3), -128, np.int8)), scales(rng, 3), np.zeros(3, np.int8), axis=1)
    return one(g, g.region("MatMul", [x, w]))


@case
def uint8_asymmetric():
    """uint8 activations and uint8 weights, both with zero points."""
    rng, g = random_state("uint8_asymmetric"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 3, 5, 5), np.uint8)), 0.04, np.uint8(113))
    w = g.dequantize(g.const(integers(rng, (4, 3, 3, 3), np.uint8)), 0.03, np.uint8(87))
    q, s, z = g.region("Conv", [x, w], pads=[1, 1, 1, 1], dtype=np.uint8)
    w = g.dequantize(g.const(integers(rng, (4, 1, 3, 3), np.uint8)), 0.03, np.uint8(201))
    return one(g, g.region("Conv", [g.dequantize(q, s, z), w], group=4, dtype=np.uint8))


@case
def uint8_per_channel_zero():
    """uint8 weights with a zero point of its own per channel; dense."""
    rng, g = random_state("uint8_per_channel_zero"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (2, 9), np.uint8)), 0.04, np.uint8(3))
    zero = np.array([0, 128, 255, 77], np.uint8)
    w = g.dequantize(g.const(integers(rng, (9, 4), np.uint8)), scales(rng, 4), zero, axis=1)
    return one(g, g.region("MatMul", [x, w], dtype=np.uint8))


@case
def bias_scale():
    """The bias has its own scales, not sx * sw; one is far larger, one far smaller."""
    rng, g = random_state("bias_scale"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 3, 4, 4))), 0.05, np.int8(-9))
    sw = scales(rng, 4)
    w = g.dequantize(g.const(integers(rng, (4, 3, 2, 2))), sw, np.zeros(4, np.int8), axis=0)
    factor = f32([1.7, 0.37, 40.0, 1 / 512])
    b = g.dequantize(g.const(rng.randint(-300, 300, size=4).astype(np.int32)), f32(0.05) * sw * factor, None, axis=0)
    return one(g, g.region("Conv", [x, w, b]))


@case
def bias_scale_dense():
    """MatMul with Add: int32 bias in one scale of its own."""
    rng, g = random_state("bias_scale_dense"), Graph(batch=True)
    x = g.dequantize(g.input("x", data_sets(rng, (1, 7))), 0.05, np.int8(4))
    y = g.node("MatMul", [x, g.dequantize(g.const(integers(rng, (7, 5))), 0.03, np.int8(0))])
    b = g.dequantize(g.const(rng.randint(-300, 300, size=5).astype(np.int32)), 0.0031, np.int32(0))
    return one(g, g.region("Add", [y, b], act="Relu"))


@case
def ties_conv():
    """Scales are powers of two: a quarter of all results are exact ties, which go to the even neighbour."""
    rng, g = random_state("ties_conv"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 2, 4, 4)) + [integers(rng, (1, 2, 4, 4), low=-9, high=9)]), 0.5, np.int8(1))
    w = g.dequantize(g.const(integers(rng, (3, 2, 1, 1), low=-3, high=3)), [0.25, 0.5, 1], np.zeros(3, np.int8), axis=0)
    b = g.dequantize(g.const(np.array([1, -1, 3], np.int32)), f32([0.125, 0.25, 0.5]), None, axis=0)
    return one(g, g.region("Conv", [x, w, b], scale=0.5, zero=-3))


@case
def ties_add():
    rng, g = random_state("ties_add"), Graph()
    a = g.dequantize(g.input("a", data_sets(rng, (1, 33))), 0.5, np.int8(3))
    b = g.dequantize(g.input("b", data_sets(rng, (1, 33))), 0.25, np.int8(-2))
    return one(g, g.region("Add", [a, b], scale=1.0, zero=1))


@case
def ties_average():
    """2x2 means in the scale of the input: every other sum that is not a multiple of four is a tie."""
    rng, g = random_state("ties_average"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 3, 6, 6))), 0.3, np.int8(-128))
    return one(g, g.region("AveragePool", [x], scale=0.3, zero=-128, kernel_shape=[2, 2], strides=[2, 2]))


@case
def clip_inside():
    """Relu6 whose bounds lie inside the int8 range."""
    return conv_case("clip_inside", (1, 3, 5, 5), (4, 3, 3, 3), act=(0.0, 6.0), weight_scale=0.004, cover=1.4)


@case
def clip_odd_bounds():
    """Bounds that are no multiples of any scale, and a negative lower one; then Clip as a layer of its own."""
    rng, g = random_state("clip_odd_bounds"), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 31))), 0.023, np.int8(12))
    q, s, z = g.region("Clip", [x, f32(-1.37), f32(2.2)], scale=0.03, zero=-20)
    return one(g, g.quantize(g.node("Relu", [g.dequantize(q, s, z)]), 0.02, -128))


@case
def residual_add():
    """Conv beside its input, Add of different scales, Relu."""
    rng, g = random_state("residual_add"), Graph()
    q = g.input("x", data_sets(rng, (1, 3, 4, 5)))
    w = g.dequantize(g.const(integers(rng, (3, 3, 3, 3))), scales(rng, 3), np.zeros(3, np.int8), axis=0)
    y, s, z = g.region("Conv", [g.dequantize(q, 0.07, np.int8(-5)), w], pads=[1, 1, 1, 1])
    a, b = g.dequantize(y, s, z), g.dequantize(q, 0.07, np.int8(-5))
    return one(g, g.region("Add", [a, b], act="Relu"))


@case
def binary_broadcast():
    """Sub, Mul and Div with broadcasting; the divisor stays away from zero."""
    rng, g = random_state("binary_broadcast"), Graph()
    a = g.dequantize(g.input("a", data_sets(rng, (2, 3, 4))), 0.05, np.int8(11))
    b = g.dequantize(g.input("b", data_sets(rng, (3, 1))), 0.02, np.int8(-30))
    c = g.dequantize(g.const(integers(rng, (4,), low=20)), 0.03, np.int8(-10))
    for op, args in (("Sub", [a, b]), ("Mul", [b, a]), ("Div", [a, c])):
        g.output(g.region(op, args)[0])
    return g


# --- shapes of windows ---


@case
def conv_odd():
    return conv_case("conv_odd", (1, 3, 7, 9), (5, 3, 3, 5), strides=[2, 3], pads=[1, 0, 2, 3])


@case
def conv_stride_gt_kernel():
    return conv_case("conv_stride_gt_kernel", (1, 2, 8, 7), (3, 2, 2, 2), strides=[3, 3])


@case
def conv_dilated():
    return conv_case("conv_dilated", (1, 2, 7, 7), (3, 2, 3, 3), dilations=[2, 2], pads=[2, 2, 2, 2])


@case
def conv_same_upper():
    return conv_case("conv_same_upper", (1, 2, 5, 6), (3, 2, 2, 4), auto_pad="SAME_UPPER")


@case
def conv_same_lower():
    return conv_case("conv_same_lower", (1, 2, 5, 6), (3, 2, 2, 4), auto_pad="SAME_LOWER", strides=[1, 2])


@case
def conv_groups():
    return conv_case("conv_groups", (1, 6, 4, 4), (4, 3, 3, 3), group=2, pads=[1, 1, 1, 1])


@case
def depthwise_multiplier():
    return conv_case("depthwise_multiplier", (1, 3, 5, 5), (6, 1, 3, 3), group=3, pads=[0, 1, 1, 0], act="Relu")


@case
def depthwise_stride():
    return conv_case("depthwise_stride", (1, 5, 6, 7), (5, 1, 3, 3), group=5, strides=[2, 2], pads=[1, 1, 1, 1], x_type=np.uint8, zero=100)


@case
def conv_one_element():
    return conv_case("conv_one_element", (1, 1, 1, 1), (1, 1, 1, 1))


@case
def conv1d():
    rng, g = random_state("conv1d"), Graph(batch=True)
    x = g.dequantize(g.input("x", data_sets(rng, (1, 4, 11))), 0.05, np.int8(-7))
    w = g.dequantize(g.const(integers(rng, (5, 4, 3))), scales(rng, 5), np.zeros(5, np.int8), axis=0)
    q, s, z = g.region("Conv", [x, w], strides=[2], pads=[1, 2])
    w = g.dequantize(g.const(integers(rng, (5, 1, 3))), scales(rng, 5), np.zeros(5, np.int8), axis=0)
    return one(g, g.region("Conv", [g.dequantize(q, s, z), w], group=5, dilations=[2]))


@case
def conv_mostly_padding():
    """The kernel is larger than the image: no output sees the whole kernel inside."""
    return conv_case("conv_mostly_padding", (1, 2, 2, 1), (2, 2, 5, 4), pads=[3, 2, 3, 3])


@case
def qlinear_conv():
    """QOperator form, per-channel, bias in sx * sw by definition."""
    rng, g = random_state("qlinear_conv"), Graph(opset=10)
    w = integers(rng, (4, 3, 3, 3))
    args = [g.input("x", data_sets(rng, (1, 3, 5, 5), np.uint8)), f32(0.05), np.uint8(119), w, scales(rng, 4), np.zeros(4, np.int8),
            f32(0.21), np.uint8(128), rng.randint(-1000, 1000, size=4).astype(np.int32)]
    return one(g, g.node("QLinearConv", args, pads=[1, 1, 1, 1], strides=[2, 2]))


@case
def qlinear_matmul():
    rng, g = random_state("qlinear_matmul"), Graph(opset=10)
    args = [g.input("a", data_sets(rng, (2, 9), np.uint8)), f32(0.05), np.uint8(119), integers(rng, (9, 4), np.uint8), f32(0.02),
            np.uint8(140), f32(0.11), np.uint8(128)]
    return one(g, g.node("QLinearMatMul", args))


@case
def gemm_trans_b():
    rng, g = random_state("gemm_trans_b"), Graph(batch=True)
    x = g.dequantize(g.input("x", data_sets(rng, (1, 10))), 0.05, np.int8(-20))
    sw = scales(rng, 6)
    w = g.dequantize(g.const(integers(rng, (6, 10))), sw, np.zeros(6, np.int8), axis=0)
    b = g.dequantize(g.const(rng.randint(-900, 900, size=6).astype(np.int32)), f32(0.05) * sw, np.zeros(6, np.int32), axis=0)
    return one(g, g.region("Gemm", [x, w, b], transB=1, act="Relu"))


# --- movement ---


@case
def concat_scales():
    """Concat of three scales, one of them a constant."""
    rng, g = random_state("concat_scales"), Graph()
    parts = [g.dequantize(g.input("a", data_sets(rng, (1, 2, 3, 2))), 0.05, np.int8(3)),
             g.dequantize(g.input("b", data_sets(rng, (1, 3, 3, 2))), 0.021, np.int8(-100)),
             g.dequantize(g.const(integers(rng, (1, 1, 3, 2))), 0.1, np.int8(0))]
    return one(g, g.region("Concat", parts, axis=1))


@case
def split_slice_pad():
    """Integers only move: no scale in sight until the last Pad, whose 0.5 is a real number."""
    rng, g = random_state("split_slice_pad"), Graph()
    parts = g.node("Split", [g.input("x", data_sets(rng, (1, 5, 6))), np.array([2, 3])], outputs=2, axis=1)
    a = g.node("Slice", [parts[0], np.array([-1]), np.array([-100]), np.array([2]), np.array([-2])])
    b = g.node("Slice", [parts[1], np.array([1, 0]), np.array([3, 5]), np.array([1, 2]), np.array([1, 2])])
    joined = g.node("Concat", [a, b], axis=-2)
    padded = g.node("Pad", [joined, np.array([0, 1, 0, 0, 0, 2]), np.int8(-128)])
    g.output(padded)
    real = g.node("Pad", [g.dequantize(padded, 0.04, np.int8(9)), np.array([0, 0, 1, 0, 1, 0]), f32(0.5)])
    return one(g, g.quantize(real, 0.04, 9))


@case
def max_pool():
    """On integers and between DequantizeLinear and QuantizeLinear with another scale; padding never wins."""
    rng, g = random_state("max_pool"), Graph()
    q = g.input("x", data_sets(rng, (1, 3, 5, 7)) + [np.full((1, 3, 5, 7), -128, np.int8)])
    g.output(g.node("MaxPool", [q], kernel_shape=[3, 2], strides=[2, 2], pads=[1, 1, 1, 0]))
    return one(g, g.region("MaxPool", [g.dequantize(q, 0.05, np.int8(3))], kernel_shape=[2, 3], auto_pad="SAME_UPPER"))


def average(name, include):
    rng, g = random_state(name), Graph()
    x = g.dequantize(g.input("x", data_sets(rng, (1, 3, 5, 6))), 0.05, np.int8(-60))
    return one(g, g.region("AveragePool", [x], kernel_shape=[3, 3], strides=[2, 1], pads=[1, 2, 1, 1], count_include_pad=include))


@case
def average_exclude_pad():
    return average("average_exclude_pad", 0)


@case
def average_include_pad():
    return average("average_include_pad", 1)


@case
def average_ceil():
    rng, g = random_state("average_ceil"), Graph(opset=19)
    x = g.dequantize(g.input("x", data_sets(rng, (1, 2, 6, 6))), 0.05, np.int8(-60))
    return one(g, g.region("AveragePool", [x], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1))


@case
def global_average():
    rng, g = random_state("global_average"), Graph(batch=True)
    x = g.dequantize(g.input("x", data_sets(rng, (1, 5, 3, 7))), 0.05, np.int8(20))
    q, s, z = g.region("GlobalAveragePool", [x])
    g.output(q)
    return one(g, g.region("ReduceMean", [x], axes=[2, 3], keepdims=0))


# --- activations: every int8 value ---


def activation(op, scale, out_scale, out_zero, zero=9, **attrs):
    g = Graph(opset=14)
    x = g.dequantize(g.input("x", [np.arange(-128, 128).astype(np.int8).reshape(1, 256)]), scale, np.int8(zero))
    return one(g, g.region(op, [x], scale=out_scale, zero=out_zero, **attrs))


@case
def leaky_relu():
    return activation("LeakyRelu", 0.05, 0.04, -60, alpha=0.1)


@case
def sigmoid():
    return activation("Sigmoid", 0.06, 1 / 256, -128)


@case
def tanh():
    return activation("Tanh", 0.03, 1 / 128, 0)


@case
def hard_sigmoid():
    return activation("HardSigmoid", 0.05, 1 / 256, -128, alpha=0.3, beta=0.4)


@case
def hard_swish():
    return activation("HardSwish", 0.05, 0.025, -110)


@case
def softmax():
    rng, g = random_state("softmax"), Graph()
    sets = data_sets(rng, (3, 7)) + [np.full((3, 7), -128, np.int8)]
    x = g.dequantize(g.input("x", sets), 0.07, np.int8(-4))
    return one(g, g.region("Softmax", [x], scale=1 / 256, zero=-128, axis=-1))


if __name__ == "__main__":
    main()
