"""Layers chosen for the kernels that serve them: what ONNX's node tests do not reach (generate.py writes them as `layer_*`).

Every kernel of codegen/kernels.inc that works on 8-bit integers gets layers with each length of tail (0 to 3 elements beyond a
multiple of four: inner products, pixels, filters), zero points at the ends and odd ones, padding on each side, a bias in a scale of
its own, `tie` layers in which exact halves abound, and `lone_tie` ones with so few that fast requantization serves them too. Each
has three data sets: random, the two extremes, values near the zero point; `lone_tie` has all values, then those near the halves.
`f32` layers are for the kernels on floats of cores with an FPU or Helium: tails of every length again, padding, each clamp.
"""
import numpy as np

from build import RANGE, Graph, f32, integers, random_state

S8, U8 = np.int8, np.uint8


class Layer(Graph):
    """A Graph whose numbers depend on the layer's name alone."""

    def __init__(self, name, dtype=S8, tie=False, opset=14):
        super().__init__(opset)
        self.rng, self.dtype, self.tie = random_state(name), dtype, tie
        self.low, self.high = RANGE[np.dtype(dtype)]

    def zero(self):
        """A zero point that is not 0: near 0, odd, or at either end."""
        return self.rng.choice([self.low, self.low + 1, 3, 101, self.high])

    def scale(self, shape=()):
        if self.tie:
            return f32(np.full(shape, 2.0**-5))
        return f32(0.002 + 0.05 * self.rng.rand(*shape))

    def activation(self, name, shape, zero=None):
        """(dequantized graph input, scale)"""
        zero, scale = self.zero() if zero is None else zero, self.scale()
        low, high = max(self.low, zero - 3), min(self.high, zero + 3)
        ends = np.where(self.rng.randint(0, 2, size=shape) == 1, self.high, self.low).astype(self.dtype)
        sets = [integers(self.rng, shape, self.dtype), ends, integers(self.rng, shape, self.dtype, low, high)]
        return self.dequantize(self.input(name, sets), scale, self.dtype(zero)), scale

    def weights(self, shape, axis, wtype, per_channel=True, kept=None):
        """(dequantized constant, scales). In tie layers small, so that sums keep within the output's range; but one uint8 weight
        is far from its zero point, and the layer is not one of int8 weights in disguise. Of int8 weights only those `kept` are not 0."""
        size = (shape[axis],) if per_channel else ()
        scale = self.scale(size)
        zero = np.zeros(size, S8) if wtype == S8 else integers(self.rng, size, U8, 90, 120 if self.tie else 160)
        if self.tie:
            middle = zero.reshape([-1 if per_channel and i == axis else 1 for i in range(len(shape))]).astype(int)
            q = (middle + self.rng.randint(-1, 2, size=shape)).astype(wtype)
            if wtype == U8:
                q.reshape(-1)[0] = 255
        else:
            q = integers(self.rng, shape, wtype)
        if kept is not None:
            q = np.where(kept, q, wtype(0))
        return self.dequantize(self.const(q), scale, np.asarray(zero, wtype), axis if per_channel else None), scale

    def bias(self, count, scale, per_channel=True):
        """Four times the accumulator's scale, or nearly: whoever ignores it is far off."""
        own = f32(scale * f32(4 if self.tie else 3.7))
        b = self.rng.randint(1, 9, size=count) if self.tie else self.rng.randint(200, 2000, size=count)
        b = (b * self.rng.choice([-1, 1], size=count)).astype(np.int32)
        return self.dequantize(self.const(b), own, np.zeros(own.shape, np.int32), 0 if own.ndim else None)

    def finish(self, y, unit=None, act=None):
        """Quantizes y over the range that occurs, in tie layers in twice the accumulator's unit."""
        if act:
            y = self.node(act, [y])
        if self.tie:
            self.output(self.quantize(y, f32(2 * unit), self.rng.choice([-2, 5]) if self.dtype == S8 else 120, self.dtype)[0])
        else:
            self.output(self.quantize(y, dtype=self.dtype)[0])
        return self


def convolution(name, x, filters, kernel, dtype=S8, wtype=S8, tie=False, group=1, bias=True, act=None, **attrs):
    """x: (n, c, h, w)"""
    g = Layer(name, dtype, tie)
    a, sx = g.activation("x", x)
    w, sw = g.weights((filters, x[1] // group, *kernel), 0, wtype)
    args = [a, w] + ([g.bias(filters, f32(sx * sw))] if bias else [])
    return g.finish(g.node("Conv", args, group=group, **attrs), f32(sx * sw).max(), act)


def channels_last(name, x, filters, kernel, dtype=S8, **attrs):
    """x: (n, h, w, c), as a model from TensorFlow has it: with --io external the convolution writes the caller's memory."""
    g = Layer(name, dtype)
    a, sx = g.activation("x", x)
    w, sw = g.weights((filters, x[3], *kernel), 0, S8)
    y = g.node("Conv", [g.node("Transpose", [a], perm=[0, 3, 1, 2]), w, g.bias(filters, f32(sx * sw))], **attrs)
    g.output(g.node("Transpose", [g.quantize(y, dtype=dtype)[0]], perm=[0, 2, 3, 1]))
    return g


def dense(name, rows, k, m, dtype=S8, wtype=S8, tie=False, bias=True, act=None):
    g = Layer(name, dtype, tie)
    a, sx = g.activation("x", (rows, k))
    w, sw = g.weights((m, k), 0, wtype)
    args = [a, w] + ([g.bias(m, f32(sx * sw))] if bias else [])
    return g.finish(g.node("Gemm", args, transB=1), f32(sx * sw).max(), act)


def kept(rng, filters, inputs, pruned, size):
    """Weights of a pruned model that are not 0: of `pruned` percent of the blocks of size x size all are."""
    blocks = rng.randint(0, 100, size=(-(-filters // size), -(-inputs // size))) >= pruned
    return blocks.repeat(size, 0).repeat(size, 1)[:filters, :inputs]


def dense_pruned(name, rows, k, m, pruned, size, dtype=S8, tie=False):
    g = Layer(name, dtype, tie)
    a, sx = g.activation("x", (rows, k))
    w, sw = g.weights((m, k), 0, S8, kept=kept(g.rng, m, k, pruned, size))
    return g.finish(g.node("Gemm", [a, w, g.bias(m, f32(sx * sw))], transB=1), f32(sx * sw).max())


def pointwise_pruned(name, side, k, m, pruned, size, dtype=S8, tie=False):
    g = Layer(name, dtype, tie)
    a, sx = g.activation("x", (1, k, side, side))
    w, sw = g.weights((m, k, 1, 1), 0, S8, kept=kept(g.rng, m, k, pruned, size)[:, :, None, None])
    return g.finish(g.node("Conv", [a, w, g.bias(m, f32(sx * sw))]), f32(sx * sw).max())


def matmul(name, a, b, dtype=S8, tie=False):
    g = Layer(name, dtype, tie)
    x, sx = g.activation("a", a)
    y, sy = g.activation("b", b)
    return g.finish(g.node("MatMul", [x, y]), f32(sx * sy))


def pair(name, op, a, b, dtype=S8, tie=False):
    g = Layer(name, dtype, tie)
    x, sx = g.activation("a", a)
    y, sy = g.activation("b", b)
    unit = f32(sx * sy) if op == "Mul" else sx
    return g.finish(g.node(op, [x, y]), unit)


def single(name, op, shape, dtype=S8, tie=False, extra=(), unit=1, **attrs):
    """unit: of the result, in input steps"""
    g = Layer(name, dtype, tie)
    x, sx = g.activation("x", shape)
    return g.finish(g.node(op, [x, *extra], **attrs), f32(sx * f32(unit)))


def softmax(name, shape, axis, scale):
    """Output steps as coarse as `scale`; a mistake shows beyond the step that a softmax may be off."""
    g = Layer(name)
    x, _ = g.activation("x", shape)
    g.output(g.quantize(g.node("Softmax", [x], axis=axis), scale, -128)[0])
    return g


def lone_ties(name, op, x, w, dtype=S8, cut=None, **attrs):
    """A product whose results reach 0 to 2 with two exact halves, 0.5 down and 1.5 up: one line through all of it is exact. Each filter
    has one weight, 1; the input takes every value there is, then those near the halves. cut: height and width that are read of it."""
    g = Layer(name, dtype, tie=True)
    sets = [(np.resize(values, int(np.prod(x))) + g.low).astype(dtype).reshape(x) for values in (np.arange(256), [64, 192, 63, 65, 191, 193])]
    q = np.zeros((w[0], int(np.prod(w[1:]))), S8)
    q[np.arange(w[0]), g.rng.randint(0, q.shape[1], size=w[0])] = 1
    a = g.dequantize(g.input("x", sets), f32(1 / 32), dtype(g.low))
    a = g.node("Slice", [a, np.zeros(2, np.int64), np.array(cut), np.array([2, 3])]) if cut else a
    y = g.node(op, [a, g.dequantize(g.const(q.reshape(w)), f32(1 / 32), S8(0))], **attrs)
    g.output(g.quantize(y, f32(1 / 8), g.rng.choice([3, 101]), dtype)[0])
    return g


def lone_ties_sum(name, dtype=S8):
    """Add with two exact halves in reach, as lone_ties; most of the operands' pairs meet one."""
    g = Layer(name, dtype, tie=True)
    a = np.arange(256)
    b = np.where(a <= 128, 128 - a, 384 - a)
    operands = [g.dequantize(g.input(n, [(v + g.low).astype(dtype).reshape(4, 64)]), f32(1 / 32), dtype(g.low)) for n, v in (("a", a), ("b", b))]
    g.output(g.quantize(g.node("Add", operands), f32(8), g.rng.choice([3, 101]), dtype)[0])
    return g


def lone_tie_product(name, dtype=S8):
    """Mul with one exact half in reach, 0.5 at 128 * 128."""
    g = Layer(name, dtype, tie=True)
    values = (np.arange(256) + g.low).astype(dtype).reshape(4, 64)
    operands = [g.dequantize(g.input(n, [values]), f32(1 / 32), dtype(g.low)) for n in "ab"]
    g.output(g.quantize(g.node("Mul", operands), f32(32), g.rng.choice([3, 101]), dtype)[0])
    return g


def qlinear_conv(name, x, filters, kernel, dtype, wtype, **attrs):
    g = Layer(name, dtype, opset=10)
    zx, sx, sw = g.zero(), g.scale(), g.scale((filters,))
    wz = np.zeros(filters, S8) if wtype == S8 else np.full(filters, g.rng.randint(90, 160), U8)
    q = integers(g.rng, (filters, x[1], *kernel), wtype)
    args = [g.input("x", [integers(g.rng, x, dtype) for _ in range(2)]), sx, dtype(zx), q, sw, wz,
            f32(sx * sw.max() * q[0].size * 4), dtype(g.zero()), g.rng.randint(-900, 900, size=filters).astype(np.int32)]
    g.output(g.node("QLinearConv", args, **attrs))
    return g


def qlinear_matmul(name, a, b, dtype, per_column):
    g = Layer(name, dtype, opset=10)
    sa, sb = g.scale(), g.scale((b[-1],) if per_column else ())
    zb = np.zeros(sb.shape, S8) if per_column else dtype(g.zero())
    wtype = S8 if per_column else dtype
    args = [g.input("x", [integers(g.rng, a, dtype) for _ in range(2)]), sa, dtype(g.zero()), integers(g.rng, b, wtype), sb, zb,
            f32(sa * sb.max() * a[-1] * 8), dtype(g.zero())]
    g.output(g.node("QLinearMatMul", args))
    return g


def dead_channels(name, consumer, dtype=S8, level="zero"):
    """A convolution some of whose channels are constant for every input, then what reads them.

    level: where the constants lie: at the zero point ("zero": what Relu cuts off), or elsewhere ("apart": weights of zero and a
    bias), where a padded reader sees them change at the border.
    """
    g = Layer(name, dtype)
    x, sx = g.activation("x", (1, 3, 5, 6))
    channels, dead = (12, [1, 2, 6, 7, 11]) if dtype == S8 else (7, [0, 3, 4])  # of multiples of four such a multiple is kept
    sw = g.scale((channels,))
    q = integers(g.rng, (channels, 3, 3, 3), S8)
    q[dead] = g.rng.randint(-1, 2, size=q[dead].shape) if level == "zero" else 0
    b = g.rng.randint(-2000, 2000, size=channels)
    b[dead] = -60000 if level == "zero" else [20000, 50000, -90000, 5000, -7000][:len(dead)]
    w = g.dequantize(g.const(q), sw, np.zeros(channels, S8), 0)
    y = g.node("Conv", [x, w, g.dequantize(g.const(b.astype(np.int32)), f32(sx * sw), np.zeros(channels, np.int32), 0)], pads=[1, 1, 1, 1])
    y = g.node("Relu", [y]) if level == "zero" else y
    y, scale, zero = g.quantize(y, dtype=dtype)
    y = g.dequantize(y, scale, zero)

    def product(op, shape, inputs, **attrs):
        w, sw = g.weights(shape, 0, S8)
        return g.node(op, [inputs, w, g.bias(shape[0], f32(scale * sw))], **attrs)

    readers = {
        "conv": lambda: product("Conv", (4, channels, 3, 3), y),
        "conv_pad": lambda: product("Conv", (4, channels, 3, 3), y, pads=[1, 1, 1, 1]),
        "pointwise": lambda: product("Conv", (9, channels, 1, 1), y),
        "depthwise": lambda: product("Conv", (channels, 1, 3, 3), y, group=channels, pads=[1, 1, 1, 1], strides=[2, 2]),
        "groups": lambda: product("Conv", (2 * channels, 1, 2, 2), y, group=channels, pads=[0, 0, 1, 1]),
        "dense": lambda: product("Gemm", (5, channels * 5 * 6), g.node("Flatten", [y]), transB=1),
        "average": lambda: g.node("AveragePool", [y], kernel_shape=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1),
        "max": lambda: g.node("MaxPool", [y], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        "global": lambda: g.node("GlobalAveragePool", [y]),
        "concat": lambda: g.node("Concat", [y, x], axis=1),
        "pad": lambda: g.node("Pad", [y, np.array([0, 0, 1, 0, 0, 0, 0, 2], np.int64)]),
        "mul": lambda: g.node("Mul", [y, y]),
    }
    last = readers[consumer.removesuffix("_twice")]()
    if consumer.endswith("_twice"):  # depthwise, then what mixes the channels: constants travel on
        last, scale, zero = g.quantize(last, dtype=dtype)
        last = product("Conv", (4, channels, 1, 1), g.dequantize(last, scale, zero))
    return g.finish(last)


def many_shapes(name, dtype=S8):
    """Depthwise, 1x1 and other convolutions, three shapes each: as many as share one function under --optimize size."""
    g = Layer(name, dtype)
    x, scale = g.activation("x", (1, 8, 7, 13))
    channels = 8
    for filters, kernel, strides in [(0, (3, 3), [1, 1]), (0, (3, 3), [2, 2]), (12, (1, 1), [1, 1]), (0, (3, 3), [1, 1]), (16, (1, 1), [1, 1]),
                                     (8, (1, 3), [1, 1]), (9, (1, 1), [1, 1]), (12, (1, 1), [1, 1]), (12, (1, 3), [1, 2]), (12, (3, 3), [1, 1]),
                                     (5, (1, 3), [1, 2])]:
        shape, sw = (filters or channels, 1 if filters == 0 else channels, *kernel), g.scale((filters or channels,))
        w = g.dequantize(g.const(integers(g.rng, shape, S8, -127, 127)), sw, np.zeros(shape[0], S8), 0)  # no -128: H/s packing serves all
        args = [x, w, g.bias(filters or channels, f32(scale * sw))]
        pads = [kernel[0] // 2, kernel[1] // 2] * 2
        y = g.node("Conv", args, group=channels if filters == 0 else 1, strides=strides, pads=pads)
        if filters == 5:
            return g.finish(y)
        y, scale, zero = g.quantize(y, dtype=dtype)
        x, channels = g.dequantize(y, scale, zero), filters or channels


def many_dense(name, sizes, dtype=S8):
    """Fully connected layers of three or more shapes, each with one scale for its weights or with one for each output."""
    g = Layer(name, dtype)
    x, scale = g.activation("x", (1 + sizes[0] % 2, sizes[0]))
    for i, (k, m) in enumerate(zip(sizes, sizes[1:])):
        one = i % 2 == 1
        sw = g.scale(() if one else (m,))
        w = g.dequantize(g.const(integers(g.rng, (m, k), S8, -127, 127)), sw, np.zeros(np.shape(sw), S8), None if one else 0)
        y = g.node("Gemm", [x, w, g.bias(m, f32(scale * sw), not one)], transB=1)
        if i == len(sizes) - 2:
            return g.finish(y)
        y, scale, zero = g.quantize(y, dtype=dtype)
        x = g.dequantize(y, scale, zero)


def after_pool(name, channels=8, dtype=S8):
    """A 3x3 convolution after a pool of a larger image: the arena has room for filters transformed on the device."""
    g = Layer(name, dtype)
    zero, shape, filters = g.zero(), (1, channels, 24, 24), 7
    x, scale = g.activation("x", shape, zero)
    y = g.node("MaxPool", [x], kernel_shape=[3, 3], strides=[3, 3])
    y, scale, zero = g.quantize(y, scale, zero, dtype)
    w, sw = g.weights((filters, channels, 3, 3), 0, S8)
    return g.finish(g.node("Conv", [g.dequantize(y, scale, zero), w, g.bias(filters, f32(scale * sw))], pads=[1, 1, 1, 1]))


def after_slice(name, dtype=S8):
    """The same where a part of a larger image is read: no other kernel but a copy."""
    g = Layer(name, dtype)
    x, scale = g.activation("x", (1, 8, 30, 30))
    x = g.node("Slice", [x, np.zeros(2, np.int64), np.array([10, 9]), np.array([2, 3])])
    w, sw = g.weights((7, 8, 3, 3), 0, S8)
    return g.finish(g.node("Conv", [x, w, g.bias(7, f32(scale * sw))], pads=[1, 1, 1, 1]))


def numbers(rng, shape):
    """Floats away from 0, so that each one that is missing in a sum is missed."""
    return f32(rng.choice([-1, 1], size=shape) * (0.25 + rng.rand(*shape)))


def float_layer(name, op, shapes, constants=(), act=None, room=None, **attrs):
    """op of inputs and constants of these shapes in float32. act: Relu, or Clip to both sides. room: input 0 is a part of this one (after_slice)."""
    g, rng = Graph(14), random_state(name)
    inputs = [g.input(f"x{i}", [numbers(rng, room if room and i == 0 else shape) for _ in range(2)]) for i, shape in enumerate(shapes)]
    if room:
        inputs[0] = g.node("Slice", [inputs[0], np.zeros(2, np.int64), np.array(shapes[0][2:]), np.array([2, 3])])
    y = g.node(op, inputs + [numbers(rng, shape) for shape in constants], **attrs)
    if act:
        y = g.node(act, [y] + ([f32(-1.5), f32(0.75)] if act == "Clip" else []))
    g.output(y)
    return g


def float_layers(put):
    acts = (None, "Relu", "Clip")
    # Windows that are gathered and that are read in place, rows of runs; fewer than four filters, blocks of four and eight with each rest.
    shapes = [((1, 1, 3, 3), 2, (3, 3), {"pads": [1, 1, 1, 1]}), ((1, 3, 5, 5), 5, (3, 3), {"pads": [1, 1, 1, 1]}),
              ((1, 2, 4, 9), 3, (2, 2), {"strides": [2, 2], "pads": [0, 0, 1, 1]}), ((1, 5, 7, 6), 7, (3, 3), {"dilations": [2, 2], "pads": [2, 2, 2, 2]}),
              ((2, 6, 5, 4), 9, (3, 1), {"pads": [2, 0, 1, 0]}), ((1, 4, 6, 7), 12, (3, 3), {"pads": [1, 1, 1, 1]}), ((1, 2, 7, 3), 64, (5, 1), {}),
              ((1, 3, 2, 2), 18, (2, 2), {"pads": [3, 3, 3, 3], "strides": [2, 2]}), ((1, 7, 3, 11), 8, (1, 3), {"pads": [0, 1, 0, 1]})]
    for i, (x, m, kernel, attrs) in enumerate(shapes):
        put(f"f32_conv_{i}", float_layer, "Conv", [x], [(m, x[1], *kernel), (m,)][:2 - (i == 2)], acts[i % 3], **attrs)
    # Winograd: rows and columns that are odd, channels of every rest, filters of one block and more.
    for i, (x, m, pads) in enumerate([((1, 8, 10, 9), 12, [1, 1, 1, 1]), ((1, 5, 7, 8), 8, [0, 1, 1, 0]), ((1, 6, 9, 11), 20, [1, 0, 1, 2]), ((1, 4, 4, 4), 4, [0, 0, 0, 0])]):
        put(f"f32_winograd_{i}", float_layer, "Conv", [x], [(m, x[1], 3, 3), (m,)], acts[i % 3], (1, x[1], 48, 47), pads=pads)
    for i, (x, m) in enumerate([((1, 5, 1, 1), 9), ((1, 4, 2, 2), 3), ((1, 8, 3, 5), 12), ((1, 33, 2, 5), 18), ((2, 7, 1, 4), 5), ((1, 1, 1, 3), 1)]):
        put(f"f32_pointwise_{i}", float_layer, "Conv", [x], [(m, x[1], 1, 1), (m,)], acts[i % 3])
    for i, (rows, k, m) in enumerate([(3, 7, 5), (1, 33, 19), (2, 16, 16), (1, 5, 38), (1, 1, 3), (1, 12, 8)]):
        put(f"f32_dense_{i}", float_layer, "Gemm", [(rows, k)], [(m, k), (m,)], acts[i % 3], transB=1)
    # Depthwise: by columns and by rows, rows that are no multiple of three, channels that are none of four.
    shapes = [((1, 4, 5, 5), (3, 3), {"pads": [1, 1, 1, 1]}), ((1, 7, 4, 6), (3, 3), {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
              ((1, 5, 7, 7), (5, 5), {"pads": [2, 2, 2, 2]}), ((1, 9, 6, 5), (3, 3), {"dilations": [2, 2], "pads": [2, 2, 2, 2]}),
              ((1, 6, 8, 3), (2, 3), {"strides": [3, 1], "pads": [1, 1, 0, 1]}), ((1, 4, 3, 2), (3, 3), {"pads": [2, 2, 2, 2]}),
              ((2, 13, 6, 9), (3, 3), {"strides": [2, 1], "pads": [1, 0, 0, 1]}), ((1, 5, 9, 8), (3, 3), {})]
    for i, (x, kernel, attrs) in enumerate(shapes):
        put(f"f32_depthwise_{i}", float_layer, "Conv", [x], [(x[1], 1, *kernel), (x[1],)], acts[i % 3], group=x[1], **attrs)
    for i, (a, b) in enumerate([((1, 3, 5), (1, 3, 5)), ((19,), (1,)), ((1,), (2, 5)), ((4, 4), (4, 4))]):
        for op in ("Add", "Sub", "Mul"):
            put(f"f32_{op.lower()}_{i}", float_layer, op, [a, b], act=acts[i % 3])
    for i, (x, attrs) in enumerate([((1, 4, 4, 4), {"kernel_shape": [2, 2], "strides": [2, 2]}), ((1, 7, 5, 5), {"kernel_shape": [3, 2], "pads": [1, 1, 1, 0], "count_include_pad": 1}),
                                    ((2, 19, 3, 7), {"kernel_shape": [3, 4], "pads": [2, 3, 2, 3]}), ((1, 37, 5, 4), {"kernel_shape": [2, 3], "pads": [0, 1, 1, 1]}),
                                    ((1, 16, 2, 3), {"kernel_shape": [2, 3]}), ((1, 22, 4, 5), {"kernel_shape": [4, 2], "strides": [1, 2], "pads": [0, 1, 0, 0]})]):
        put(f"f32_average_{i}", float_layer, "AveragePool", [x], **attrs)


def layers():
    """(name, function that makes the Graph) of each layer."""
    def put(name, make, *args, **options):
        table.append((f"layer_{name}", lambda: make(name, *args, **options)))

    table = []
    one = {"kernel": (1, 1)}
    for i, (x, m) in enumerate([((1, 4, 1, 1), 1), ((1, 4, 1, 5), 3), ((1, 8, 2, 3), 11), ((2, 4, 1, 3), 10), ((1, 12, 3, 3), 9),
                                ((1, 16, 5, 7), 12), ((1, 4, 2, 2), 16)]):
        put(f"pointwise_{i}_s8", convolution, x, m, **one)
        put(f"pointwise_{i}_u8", convolution, x, m, dtype=U8, **one)
        put(f"pointwise_{i}_tie", convolution, x, m, tie=True, **one)
    # Depthwise, three wide: width of the output 1 to 8, strides 1 and 2, one to five rows, padding on each side.
    shapes = [((1, 4, 3, 3), (3, 3), {}), ((1, 4, 4, 4), (3, 3), {"pads": [1, 1, 1, 1]}), ((1, 8, 5, 5), (3, 3), {"pads": [0, 0, 1, 1]}),
              ((1, 4, 6, 8), (3, 3), {"pads": [1, 0, 0, 1]}), ((1, 12, 5, 9), (3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
              ((1, 4, 7, 6), (5, 3), {"pads": [2, 2, 2, 2], "strides": [1, 2]}), ((1, 4, 1, 7), (1, 3), {"pads": [0, 1, 0, 1]}),
              ((2, 4, 30, 2), (3, 3), {"pads": [1, 1, 1, 1]}), ((1, 4, 2, 2), (2, 3), {"pads": [1, 2, 0, 2]}),
              ((1, 3, 30, 3), (3, 3), {"pads": [1, 1, 1, 1]}), ((1, 5, 6, 9), (5, 4), {"pads": [2, 1, 2, 2]}), ((1, 4, 5, 11), (1, 5), {"strides": [1, 3]}),
              ((1, 17, 13, 1), (11, 1), {"pads": [1, 0, 2, 0]})]
    for i, (x, kernel, attrs) in enumerate(shapes):
        put(f"depthwise_{i}_s8", convolution, x, x[1], kernel, group=x[1], **attrs)
        put(f"depthwise_{i}_u8", convolution, x, x[1], kernel, group=x[1], dtype=U8, act="Relu", **attrs)
        put(f"depthwise_{i}_w16", convolution, x, x[1], kernel, group=x[1], dtype=U8, wtype=U8, **attrs)
        put(f"depthwise_{i}_tie", convolution, x, x[1], kernel, group=x[1], tie=True, **attrs)
    # Any window: channels and so products with every tail, wide padding, dilation, and a window that sees padding only.
    shapes = [((1, 1, 3, 3), 2, (3, 3), {"pads": [1, 1, 1, 1]}), ((1, 2, 4, 5), 3, (2, 2), {"pads": [1, 1, 0, 0]}),
              ((1, 3, 5, 5), 5, (3, 3), {"strides": [2, 2], "pads": [0, 0, 1, 1]}), ((1, 4, 5, 4), 4, (3, 3), {"pads": [1, 1, 1, 1]}),
              ((1, 5, 4, 6), 1, (1, 3), {"pads": [0, 1, 0, 1]}), ((1, 8, 7, 7), 3, (3, 3), {"dilations": [2, 2], "pads": [2, 2, 2, 2]}),
              ((2, 7, 3, 4), 2, (3, 1), {"pads": [1, 0, 1, 0]}), ((1, 3, 2, 2), 2, (2, 2), {"pads": [3, 3, 3, 3], "strides": [2, 2]}),
              ((1, 6, 4, 4), 4, (3, 3), {"group": 2, "pads": [1, 1, 1, 1]}), ((1, 4, 13, 13), 2, (3, 3), {"pads": [1, 1, 1, 1]}),
              # Enough pixels for Winograd: rows and columns with each tail, no padding, and more of it than one pixel.
              ((1, 8, 16, 14), 3, (3, 3), {"pads": [0, 1, 1, 0]}), ((1, 4, 18, 22), 1, (3, 3), {}), ((2, 4, 12, 11), 5, (3, 3), {"pads": [2, 2, 2, 2]}),
              ((1, 16, 4, 6), 4, (3, 3), {"pads": [1, 1, 1, 1]}), ((1, 32, 7, 9), 2, (3, 3), {"strides": [2, 2], "pads": [0, 0, 1, 1]})]
    for i, (x, m, kernel, attrs) in enumerate(shapes):
        put(f"conv_{i}_s8", convolution, x, m, kernel, **attrs)
        put(f"conv_{i}_u8", convolution, x, m, kernel, dtype=U8, act="Relu", **attrs)
        put(f"conv_{i}_w16", convolution, x, m, kernel, dtype=U8, wtype=U8, **attrs)
        put(f"conv_{i}_tie", convolution, x, m, kernel, tie=True, **attrs)
        put(f"conv_{i}_tie_w16", convolution, x, m, kernel, dtype=U8, wtype=U8, tie=True, **attrs)
    for dtype, way in ((S8, "s8"), (U8, "u8")):
        put(f"channels_last_conv_{way}", channels_last, (1, 5, 5, 4), 8, (3, 3), dtype, pads=[1, 1, 1, 1])
        put(f"channels_last_pointwise_{way}", channels_last, (1, 3, 3, 40), 8, (1, 1), dtype)
    for k in (1, 2, 3, 4, 5, 7, 16, 33):
        put(f"dense_{k}_s8", dense, 1 + k % 3, k, 1 + k % 5)
        put(f"dense_{k}_u8", dense, 1 + k % 2, k, 4 + k % 4, dtype=U8)
        put(f"dense_{k}_w16", dense, 2, k, 3, dtype=U8, wtype=U8)
        put(f"dense_{k}_tie", dense, 3, k, 1 + k % 7, tie=True)
    # Blocks of 4 x 4 and single weights: few, none in some filters, further apart than 255 quads or inputs; every number of pixels.
    for size in (1, 4):
        for i, (rows, k, m, pruned) in enumerate([(1, 40, 12, 60), (2, 37, 11, 70), (1, 300, 8, 90), (5, 18, 5, 50), (1, 1300, 6, 98), (2, 33, 9, 100)]):
            for kind, way in (("s8", {}), ("u8", {"dtype": U8}), ("tie", {"tie": True})):
                put(f"dense_pruned_{size}_{i}_{kind}", dense_pruned, rows, k, m, pruned, size, **way)
                if rows > 1:
                    put(f"pointwise_pruned_{size}_{i}_{kind}", pointwise_pruned, rows, k, m, pruned, size, **way)
    put("dense_long", dense, 1, 1500, 2)  # sums beyond 24 bits
    put("dense_long_u8", dense, 2, 1401, 1, dtype=U8)
    for i, (a, b) in enumerate([((2, 3), (3, 2)), ((1, 5), (5, 7)), ((2, 3, 4), (2, 4, 3)), ((3, 1, 2, 6), (2, 6, 1)), ((4,), (4,))]):
        put(f"matmul_{i}_s8", matmul, a, b)
        put(f"matmul_{i}_u8", matmul, a, b, dtype=U8)
        put(f"matmul_{i}_tie", matmul, a, b, tie=True)
    for i, (a, b) in enumerate([((1, 3, 5), (1, 3, 5)), ((2, 3, 2), (3, 1)), ((1, 1, 7), (1,)), ((1,), (2, 2))]):
        for op in ("Add", "Sub", "Mul", "Max", "Min"):
            put(f"{op.lower()}_{i}_s8", pair, op, a, b)
            put(f"{op.lower()}_{i}_u8", pair, op, a, b, dtype=U8)
            put(f"{op.lower()}_{i}_tie", pair, op, a, b, tie=True)
    for dtype, way in ((S8, "s8"), (U8, "u8"), (S8, "tie")):
        options = {"dtype": dtype, "tie": way == "tie"}
        for i, axes in enumerate(([1], [2, 3], [0, 1, 2, 3], [1, 3])):
            shape = (2, 4, 2, 8) if way == "tie" else (2, 3, 4, 5)  # in tie layers counts are powers of two
            count = int(np.prod([shape[a] for a in axes]))
            for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"):
                given = {"axes": axes} if op != "ReduceSum" else {"extra": [np.array(axes, np.int64)]}
                unit = {"ReduceMean": 1 / count, "ReduceSum": 1}.get(op, 1)
                put(f"{op.lower()}_{i}_{way}", single, op, shape, unit=unit, keepdims=i % 2, **given, **options)
        for i, (shape, attrs) in enumerate([((1, 2, 4, 4), {"kernel_shape": [2, 2], "strides": [2, 2]}),
                                            ((1, 3, 5, 5), {"kernel_shape": [2, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
                                            ((2, 1, 3, 7), {"kernel_shape": [3, 4], "pads": [2, 3, 2, 3], "count_include_pad": 1}),
                                            ((1, 5, 3, 3), {"kernel_shape": [2, 2], "pads": [1, 0, 0, 1]}),
                                            ((1, 8, 6, 5), {"kernel_shape": [4, 4], "pads": [1, 0, 2, 1]}),
                                            ((1, 19, 4, 5), {"kernel_shape": [2, 3], "pads": [1, 0, 0, 1], "strides": [2, 2]}),
                                            ((1, 20, 5, 4), {"kernel_shape": [3, 2], "pads": [1, 1, 0, 1], "count_include_pad": 1}),
                                            ((1, 20, 3, 7), {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0], "count_include_pad": 1}),
                                            ((1, 20, 4, 5), {"kernel_shape": [4, 2], "strides": [1, 2], "pads": [0, 1, 0, 0]}),  # the whole height
                                            ((1, 20, 4, 5), {"kernel_shape": [4, 2], "strides": [1, 2], "pads": [0, 1, 0, 0], "count_include_pad": 1})]):
            cells = int(np.prod(attrs["kernel_shape"]))
            put(f"average_{i}_{way}", single, "AveragePool", shape, unit=1 / cells if cells & (cells - 1) == 0 else 1 / 8, **attrs, **options)
            most = {k: v for k, v in attrs.items() if k != "count_include_pad"}
            put(f"max_pool_{i}_{way}", single, "MaxPool", shape, **most, **options)
        put(f"global_max_{way}", single, "GlobalMaxPool", (1, 3, 3, 3), **options)
        put(f"relu_{way}", single, "Relu", (3, 7), **options)
        put(f"pad_{way}", single, "Pad", (2, 3), extra=[np.array([1, 0, 2, 3], np.int64)], **options)
    for dtype, way in ((S8, "s8"), (U8, "u8")):
        for op, attrs in (("Relu", {}), ("LeakyRelu", {"alpha": 0.5}), ("HardSigmoid", {"alpha": 0.25, "beta": 0.5})):
            put(f"table_tie_{op.lower()}_{way}", single, op, (3, 37), dtype, tie=True, **attrs)
    for consumer in ("conv", "conv_pad", "pointwise", "depthwise", "depthwise_twice", "groups", "dense", "average", "max", "max_twice",
                     "global", "concat", "pad", "mul"):
        for level in ("zero", "apart"):
            put(f"dead_{consumer}_{level}", dead_channels, consumer, level=level)
            put(f"dead_{consumer}_{level}_u8", dead_channels, consumer, dtype=U8, level=level)
    put("many_shapes_s8", many_shapes)
    put("many_shapes_u8", many_shapes, dtype=U8)
    for dtype, way in ((S8, "s8"), (U8, "u8")):
        put(f"many_dense_fours_{way}", many_dense, (20, 12, 36, 8, 12, 4), dtype)
        put(f"many_dense_tails_{way}", many_dense, (13, 9, 12, 8, 7, 5), dtype)
    for channels in (4, 8, 12, 20):
        put(f"after_pool_{channels}_s8", after_pool, channels)
        put(f"after_pool_{channels}_u8", after_pool, channels, dtype=U8)
    put("after_slice_s8", after_slice)
    put("after_slice_u8", after_slice, dtype=U8)
    for i, (shape, axis, scale) in enumerate([((2, 3), 1, 1 / 256), ((3, 1), 1, 1 / 256), ((2, 3, 2), 1, 1 / 512), ((1, 9), -1, 1 / 700)]):
        put(f"softmax_{i}", softmax, shape, axis, scale)
    for dtype, way in ((S8, "s8"), (U8, "u8")):
        put(f"lone_tie_conv_{way}", lone_ties, "Conv", (1, 3, 12, 13), (5, 3, 3, 3), dtype, pads=[1, 1, 1, 1])
        put(f"lone_tie_winograd_{way}", lone_ties, "Conv", (1, 4, 15, 14), (3, 4, 3, 3), dtype, pads=[1, 1, 1, 1])
        put(f"lone_tie_pointwise_{way}", lone_ties, "Conv", (1, 16, 9, 9), (5, 16, 1, 1), dtype)
        put(f"lone_tie_dense_{way}", lone_ties, "Gemm", (1, 300), (40, 300), dtype, transB=1)
        put(f"lone_tie_depthwise_{way}", lone_ties, "Conv", (1, 4, 16, 16), (4, 1, 3, 3), dtype, group=4, pads=[1, 1, 1, 1])
        put(f"lone_tie_columns_{way}", lone_ties, "Conv", (1, 17, 7, 6), (17, 1, 5, 2), dtype, group=17, pads=[2, 0, 2, 1])
        put(f"lone_tie_rows_{way}", lone_ties, "Conv", (1, 16, 6, 7), (4, 16, 3, 3), dtype, pads=[1, 1, 1, 1])
        put(f"lone_tie_room_{way}", lone_ties, "Conv", (1, 8, 30, 30), (7, 8, 3, 3), dtype, [10, 9], pads=[1, 1, 1, 1])
        put(f"lone_tie_add_{way}", lone_ties_sum, dtype)
        put(f"lone_tie_mul_{way}", lone_tie_product, dtype)
        put(f"qlinear_conv_{way}", qlinear_conv, (1, 4, 5, 5), 3, (3, 3), dtype, dtype, pads=[1, 1, 1, 1])
        put(f"qlinear_conv_{way}_s8", qlinear_conv, (1, 3, 4, 4), 4, (2, 2), dtype, S8)
        put(f"qlinear_matmul_{way}", qlinear_matmul, (3, 5), (5, 4), dtype, False)
        put(f"qlinear_matmul_{way}_columns", qlinear_matmul, (2, 2, 6), (6, 3), dtype, True)
    float_layers(put)
    return table
