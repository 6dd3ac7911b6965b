"""Stored integers: what stands between QuantizeLinear (or QLinearConv, ...) and DequantizeLinear acts on integers, whatever scale
somebody else gives them (`generate.py --stored`).

OPERATORS are the operators that ONNX gives int8 and uint8 (and int16, int32), one line each; PLACES are the surroundings in which an
operator meets stored integers. Each operator stands in each place, in every second one with uint8. SPECIAL are forms that exporters
write: clipped weights, tables, weights behind Transpose, float16 scales, constants behind DequantizeLinear.
`network` makes a random network of them.
"""
import numpy as np
from onnx import TensorProto, helper

import oracle
from build import Graph, data_sets, f32, integers, random_state
from exact import Real

S8, U8, S16, S32 = (np.dtype(t) for t in (np.int8, np.uint8, np.int16, np.int32))
BYTES, SIGNED, WIDE = (S8, U8), (S8, S16, S32), (S8, U8, S16, S32)
I64 = np.int64


class Net(Graph):
    """A Graph whose values are known as soon as their node is there, and whose numbers depend on its name alone."""

    def __init__(self, name, opset=21):
        super().__init__(opset, ir=10)
        self.rng = random_state(name)
        self.values, self.constants = [{}, {}], set()  # of each data set
        self.last = None  # (scale, zero point) that the last quantizer wrote with

    def input(self, name, arrays):
        super().input(name, arrays)
        for known, array in zip(self.values, self.data[name]):
            known[name] = array
        return name

    def const(self, array, name=None):
        name = super().const(array, name)
        for known in self.values:
            known[name] = np.asarray(array)
        self.constants.add(name)
        return name

    def node(self, op, inputs, outputs=1, name=None, domain="", **attrs):
        result = super().node(op, inputs, outputs, name, domain, **attrs)
        for known in self.values:
            oracle.run_nodes(self.nodes[-1:], known, self.constants, {"": self.opset}, {}, [])
        return result

    def shape(self, name):
        return self.values[0][name].shape

    def dtype(self, name):
        return self.values[0][name].dtype

    def observed(self, name):
        low = high = 0.0
        for known in self.values:
            v = known[name]
            v = v.floats(np.float64) if isinstance(v, Real) else v.astype(np.float64)
            low, high = min(low, float(v.min(initial=0))), max(high, float(v.max(initial=0)))
        return low, high

    def save(self, folder, expect=None, external=None):
        answers = iter([[np.asarray(oracle.plain_value(known[o])) for o in self.outputs] for known in self.values])
        return super().save(folder, expect or (lambda *_: next(answers)), external)

    # --- numbers ---

    def pick(self, *choices):
        return choices[self.rng.randint(len(choices))]

    def chance(self, percent):
        return self.rng.randint(100) < percent

    def zero(self, dtype):
        """A zero point that is not 0 where the type has one."""
        low, high = oracle.limits(dtype)
        return dtype.type(0 if dtype == S32 else self.pick(low, high, -100 if low else 30, 77, self.rng.randint(1, 60)))

    def scale(self):
        return f32(0.004 + 0.05 * self.rng.rand())

    def meaning(self, x):
        """(scale, zero point) that somebody gives the integers x: those of the last quantizer, or others."""
        dtype = self.dtype(x)
        if self.last and self.last[1].dtype == dtype and self.chance(50):
            return self.last
        return self.scale(), self.zero(dtype)

    def like(self, x, shape=None):
        """A constant of x's type: of its shape, of one channel's, or a scalar."""
        dtype, full = self.dtype(x), self.shape(x)
        if shape is None:
            shape = self.pick(full, tuple(n if a == 1 else 1 for a, n in enumerate(full)), ())
        return self.numbers(shape, dtype)

    def numbers(self, shape, dtype):
        low, high = oracle.limits(dtype)
        low, high = (low, high) if dtype.itemsize < 4 else (-(2**31), 2**31 - 1)
        ends = np.where(self.rng.randint(0, 2, size=shape) == 1, low, high)
        return np.where(self.rng.randint(0, 4, size=shape) == 0, ends, self.rng.randint(low, high + 1, size=shape, dtype=I64)).astype(dtype)

    def cast(self, x, dtype):
        return x if self.dtype(x) == dtype else self.node("Cast", [x], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def axes(self, axes):
        return np.array(axes, I64)

    # --- layers ---

    def quantize(self, x, scale=None, zero=None, dtype=np.int8, cover=0.85):
        y, scale, zero = super().quantize(x, scale, zero, dtype, cover)
        self.last = scale, zero
        return y, scale, zero

    def stored_input(self, shape, dtype, name="x"):
        if dtype in BYTES:
            return self.input(name, data_sets(self.rng, shape, dtype.type))
        return self.input(name, [self.numbers(shape, dtype) for _ in range(2)])

    def quantized_input(self, shape, dtype, name="x"):
        """Float numbers, some of them beyond what is stored: (name, scale, zero point)"""
        scale, zero = self.scale(), self.zero(dtype)
        low, high = oracle.limits(dtype)
        q = self.rng.uniform(low - 20, high + 20, size=(2, *shape)) - int(zero)
        return self.quantize(self.input(name, list(f32(q * scale))), scale, zero, dtype.type)

    def qlinear(self, x, dtype=None):
        """QLinearConv of images, else QLinearMatMul."""
        shape, (sx, zx), sw, dtype = self.shape(x), self.meaning(x), self.scale(), dtype or self.dtype(x)
        if len(shape) == 4:
            filters = self.rng.randint(1, 6)
            kernel = self.pick(1, 3) if min(shape[2:]) > 1 else 1
            w = integers(self.rng, (filters, shape[1], kernel, kernel))
            sw = f32(sw * (0.5 + self.rng.rand(filters))) if self.chance(50) else sw
            args = [x, sx, zx, w, sw, np.zeros(np.shape(sw), np.int8)]
            tail, attrs = [self.rng.randint(-900, 900, size=filters).astype(np.int32)], {"pads": [kernel // 2] * 4}
        else:
            columns = self.rng.randint(1, 6)
            w = integers(self.rng, (shape[-1], columns))
            args, tail, attrs = [x, sx, zx, w, sw, np.int8(0)], [], {}
        spread = float(sx * np.max(sw)) * 60 * 70 * np.sqrt(max(w.size // (filters if len(shape) == 4 else columns), 1))
        y_scale, y_zero = self.last = f32(spread / 100), np.asarray(self.zero(dtype))
        return self.node("QLinearConv" if attrs else "QLinearMatMul", args + [y_scale, y_zero] + tail, **attrs)

    def product(self, x):
        """Conv of images, else MatMul, of a float x with stored weights."""
        shape, per_channel = self.shape(x), self.chance(50)
        count = self.rng.randint(1, 6)
        image = len(shape) == 4
        kernel = self.pick(1, 3) if image and min(shape[2:]) > 1 else 1
        w = integers(self.rng, (count, shape[1], kernel, kernel) if image else (shape[-1], count))
        sw = f32(self.scale() * (0.5 + self.rng.rand(count))) if per_channel else self.scale()
        wd = self.dequantize(self.const(w), sw, np.zeros(np.shape(sw), np.int8), (0 if image else 1) if per_channel else None)
        return self.node("Conv", [x, wd], pads=[kernel // 2] * 4) if image else self.node("MatMul", [x, wd])

    def dequantized(self, x):
        """ONNX has no stored booleans or int64, and int16 from opset 21 on."""
        if self.dtype(x) not in WIDE or (self.dtype(x) == S16 and self.opset < 21):
            x = self.cast(x, self.pick(*BYTES))
        scale, zero = self.meaning(x)
        return self.dequantize(x, scale, zero if zero or self.chance(50) else None)

    def bytes(self, x):
        return x if self.dtype(x) in BYTES else self.cast(x, self.pick(*BYTES))


# --- operators: functions of (net, x) to a value ---


def op(name, **attrs):
    return lambda g, x: g.node(name, [x], **attrs)


def with_constant(name, first=False, shape=None):
    def run(g, x):
        c = g.like(x, shape)
        return g.node(name, [c, x] if first else [x, c])
    return run


def with_itself(name):
    return lambda g, x: g.node(name, [x, x])


def divisor(g, x, shape=None):
    c = g.like(x, shape)
    return np.where(c == 0, c.dtype.type(3), c)


def div(g, x):
    c = divisor(g, x)
    return g.node("Div", [x, np.where(c == -1, c.dtype.type(-3), c) if g.dtype(x) == S32 else c])  # the least int32 / -1 traps on some hosts


def by_odd(name):
    """Both operands at run time: x over x with its lowest bit set, or a number that is not 0."""
    def run(g, x):
        if g.opset >= 18:
            return g.node(name, [x, g.node("BitwiseOr", [x, g.dtype(x).type(1)])])
        return g.node(name, [x, g.node("Max", [g.node("Abs", [g.node("Div", [x, g.dtype(x).type(2)])]), g.dtype(x).type(1)])])
    return run


def clip(low, high):
    def run(g, x):
        ends = np.sort(g.rng.choice(np.arange(-100, 100) if g.dtype(x).kind == "i" else np.arange(20, 230), 2, replace=False)).astype(g.dtype(x))
        return g.node("Clip", [x] + ([ends[0]] if low else [""] if high else []) + ([ends[1]] if high else []))
    return run


def shift(direction):
    return lambda g, x: g.node("BitShift", [x, g.rng.randint(0, 8, size=g.pick((), g.shape(x))).astype(g.dtype(x))], direction=direction)


def compare(name):
    """As a mask that is stored; a number of the data is compared, so that equals occur."""
    def run(g, x):
        at = g.values[0][x].reshape(-1)[:1].reshape(())
        y = g.node(name, [x, at] if g.chance(70) else [at, x])
        return y if g.chance(30) else g.cast(y, g.pick(*BYTES))
    return run


def where(g, x):
    mask = g.node("Greater", [x, g.like(x, ())])
    return g.node("Where", [mask, x, g.like(x)] if g.chance(50) else [mask, g.like(x), x])


def where_stored_mask(g, x):
    """The mask is a constant, too."""
    return g.node("Where", [g.rng.randint(0, 2, size=g.shape(x)).astype(bool), x, g.like(x)])


def reduce(name):
    def run(g, x):
        rank = len(g.shape(x))
        axes = [a for a in range(rank) if g.chance(50)] or [rank - 1]
        keep = g.rng.randint(2)
        if name == "ReduceSum" or g.opset >= 18:
            return g.node(name, [x, g.axes(axes)], keepdims=keep)
        return g.node(name, [x], axes=axes, keepdims=keep)
    return run


def through(dtype, inner):
    """In a wider type: for what ONNX does not give int8."""
    return lambda g, x: g.cast(inner(g, g.cast(x, dtype)), g.dtype(x))


def arg(name, last):
    def run(g, x):
        y = g.node(name, [x], axis=g.rng.randint(len(g.shape(x))), keepdims=g.rng.randint(2), select_last_index=last)
        return y if g.chance(50) else g.cast(y, g.pick(*BYTES))
    return run


def concat(g, x):
    shape = list(g.shape(x))
    axis = g.rng.randint(len(shape))
    shape[axis] = g.rng.randint(1, 3)
    other = g.const(g.like(x, tuple(shape))) if g.chance(50) else x
    return g.node("Concat", [x, other] if g.chance(50) else [other, x], axis=axis)


def gather(g, x):
    axis = g.rng.randint(len(g.shape(x)))
    n = g.shape(x)[axis]
    return g.node("Gather", [x, g.rng.randint(-n, n, size=g.rng.randint(1, 4)).astype(I64)], axis=axis)


def gather_elements(g, x):
    shape = g.shape(x)
    axis = g.rng.randint(len(shape))
    index = g.rng.randint(-shape[axis], shape[axis], size=[g.rng.randint(1, n + 1) for n in shape]).astype(g.pick(I64, np.int32))
    return g.node("GatherElements", [x, index], axis=axis)


def gather_nd(g, x):
    shape = g.shape(x)
    depth = g.rng.randint(1, len(shape) + 1)
    index = np.stack([g.rng.randint(-n, n, size=(2, 3)) for n in shape[:depth]], -1).astype(I64)
    return g.node("GatherND", [x, index])


def slice_(g, x):
    shape = g.shape(x)
    axes = [a for a in range(len(shape)) if g.chance(60)] or [len(shape) - 1]
    starts, ends, steps = [], [], []
    for a in axes:
        back = g.chance(30)
        starts.append(-1 if back else g.rng.randint(0, shape[a]))
        ends.append(-(2**31) if back else 2**31 - 1)
        steps.append(-g.rng.randint(1, 3) if back else g.rng.randint(1, 3))
    return g.node("Slice", [x] + [g.axes(v) for v in (starts, ends, axes, steps)])


def split(g, x):
    """Both parts, the second first."""
    axis = int(np.argmax(g.shape(x)))
    n = g.shape(x)[axis]
    if n < 2:
        return g.node("Identity", [x])
    cut = g.rng.randint(1, n)
    return g.node("Concat", g.node("Split", [x, g.axes([cut, n - cut])], 2, axis=axis)[::-1], axis=axis)


def transpose(g, x):
    return g.node("Transpose", [x], perm=[int(a) for a in g.rng.permutation(len(g.shape(x)))])


def reshape(g, x):
    shape = g.shape(x)
    return g.node("Reshape", [x, g.axes(g.pick([shape[0], -1], [*shape[::-1]], [1, *shape], [-1]))])


def squeeze(g, x):
    return g.node("Squeeze", [g.node("Unsqueeze", [x, g.axes([1])]), g.axes([1])])


def expand(g, x):
    y = g.node("Unsqueeze", [x, g.axes([0])])
    return g.node("Expand", [y, g.axes([2] + [1] * len(g.shape(x)))])


def tile(g, x):
    repeats = [1] * len(g.shape(x))
    repeats[g.rng.randint(len(repeats))] = 2
    return g.node("Tile", [x, g.axes(repeats)])


def pad(value=None, mode="constant", least=0):
    """value: None leaves it out; "zero" is the integer 0, "far" another one."""
    def run(g, x):
        most = 1 if mode == "reflect" else 2
        widths = [[g.rng.randint(least, most + 1) if n > 2 and a > 0 else 0 for a, n in enumerate(g.shape(x))] for _ in range(2)]
        widths[1][-1] += g.shape(x)[-1] > 2 and not any(map(any, widths))
        fill = [] if value is None else [np.asarray(0 if value == "zero" else g.pick(7, 100), g.dtype(x))]
        return g.node("Pad", [x, g.axes(widths[0] + widths[1])] + fill, mode=mode)
    return run


def max_pool(g, x):
    shape = g.shape(x)
    y, spatial = x, len(shape) - 2
    if spatial < 1:
        y, spatial = g.node("Reshape", [x, g.axes([1, *shape, 1][-3:] if len(shape) < 2 else [1, *shape])]), 1
    kernel = [g.rng.randint(1, min(n, 3) + 1) for n in g.shape(y)[-spatial:]]
    pads = [g.rng.randint(0, k) for k in kernel * 2]
    return g.node("MaxPool", [y], kernel_shape=kernel, pads=pads, strides=[g.rng.randint(1, 3) for _ in kernel])


def requantized_by_shift(g, x):
    """A fixed point product of stored integers: what some exporters write instead of a scale."""
    y = g.node("Mul", [g.cast(x, S32), np.int32(g.rng.randint(3, 40))])
    return g.cast(g.node("Clip", [g.node("Div", [y, np.int32(16)]), *(np.int32(v) for v in oracle.limits(g.dtype(x)))]), g.dtype(x))


# name: (types, first opset, function)
OPERATORS = {
    "relu": (SIGNED, 14, op("Relu")),
    "clip": (WIDE, 12, clip(True, True)),
    "clip_low": (WIDE, 12, clip(True, False)),
    "clip_high": (WIDE, 12, clip(False, True)),
    "neg": (SIGNED, 13, op("Neg")),
    "abs": (WIDE, 13, op("Abs")),
    "sign": (WIDE, 13, op("Sign")),
    "add": (WIDE, 14, with_constant("Add")),
    "add_itself": (WIDE, 14, with_itself("Add")),
    "sub": (WIDE, 14, with_constant("Sub")),
    "sub_from": (WIDE, 14, with_constant("Sub", True)),
    "mul": (WIDE, 14, with_constant("Mul")),
    "mul_itself": (WIDE, 14, with_itself("Mul")),
    "div": (WIDE, 14, div),
    "div_odd": (WIDE, 14, by_odd("Div")),
    "mod": (WIDE, 13, lambda g, x: g.node("Mod", [x, divisor(g, x)])),
    "fmod": (WIDE, 13, lambda g, x: g.node("Mod", [x, divisor(g, x)], fmod=1)),
    "mod_odd": (WIDE, 14, by_odd("Mod")),
    "min": (WIDE, 12, with_constant("Min")),
    "max": (WIDE, 12, with_constant("Max")),
    "max_three": (WIDE, 12, lambda g, x: g.node("Max", [x, g.like(x, ()), g.like(x)])),
    "equal": (WIDE, 13, compare("Equal")),
    "less": (WIDE, 13, compare("Less")),
    "greater": (WIDE, 13, compare("Greater")),
    "less_or_equal": (WIDE, 13, compare("LessOrEqual")),
    "greater_or_equal": (WIDE, 13, compare("GreaterOrEqual")),
    "where": (WIDE, 13, where),
    "where_constant": (WIDE, 13, where_stored_mask),
    "cast_wider": (BYTES, 14, through(S32, with_constant("Add"))),
    "cast_int16": (BYTES, 14, through(S16, with_constant("Mul"))),
    "cast_sign": (BYTES, 13, lambda g, x: g.cast(x, U8 if g.dtype(x) == S8 else S8)),
    "fixed_point": (BYTES, 14, requantized_by_shift),
    "shift_left": ((U8,), 13, shift("LEFT")),
    "shift_right": ((U8,), 13, shift("RIGHT")),
    "bit_and": (WIDE, 18, with_constant("BitwiseAnd")),
    "bit_or": (WIDE, 18, with_constant("BitwiseOr")),
    "bit_xor": (WIDE, 18, with_constant("BitwiseXor")),
    "bit_not": (WIDE, 18, op("BitwiseNot")),
    "reduce_max": ((S8, U8, S32), 13, reduce("ReduceMax")),
    "reduce_min": ((S8, U8, S32), 13, reduce("ReduceMin")),
    "reduce_sum": (BYTES, 13, through(S32, reduce("ReduceSum"))),
    "reduce_mean": (BYTES, 13, through(S32, reduce("ReduceMean"))),
    "arg_max": (WIDE, 13, arg("ArgMax", 0)),
    "arg_max_last": (WIDE, 13, arg("ArgMax", 1)),
    "arg_min": (WIDE, 13, arg("ArgMin", 0)),
    "concat": (WIDE, 13, concat),
    "gather": (WIDE, 13, gather),
    "gather_elements": (WIDE, 13, gather_elements),
    "gather_nd": (WIDE, 13, gather_nd),
    "slice": (WIDE, 13, slice_),
    "split": (WIDE, 13, split),
    "transpose": (WIDE, 13, transpose),
    "reshape": (WIDE, 14, reshape),
    "squeeze": (WIDE, 13, squeeze),
    "expand": (WIDE, 13, expand),
    "tile": (WIDE, 13, tile),
    "pad": (WIDE, 13, pad()),
    "pad_zero": (WIDE, 13, pad("zero")),
    "pad_value": (WIDE, 13, pad("far")),
    "pad_crop": (WIDE, 13, pad("far", least=-1)),
    "pad_edge": (WIDE, 13, pad(mode="edge")),
    "pad_reflect": (WIDE, 13, pad(mode="reflect")),
    "pad_wrap": (WIDE, 19, pad(mode="wrap")),
    "max_pool": (BYTES, 12, max_pool),
}

# --- places: functions of (net, operator, type), which make the whole net ---

IMAGE = (1, 3, 4, 5)


def between(g, f, dtype):
    """QuantizeLinear, operator, DequantizeLinear, each of the two with a scale of its own."""
    x, _, _ = g.quantized_input(g.pick(IMAGE, (2, 7), (1, 4, 5)), dtype)
    g.output(g.dequantized(f(g, x)))


def from_input(g, f, dtype):
    """The integers are the model's input."""
    g.output(g.dequantized(f(g, g.stored_input(g.pick(IMAGE, (3, 6)), dtype))))


def to_output(g, f, dtype):
    """The integers are the model's output."""
    x, _, _ = g.quantized_input(g.pick(IMAGE, (2, 7), (2, 3, 4)), dtype)
    g.output(f(g, x))


def between_qlinear(g, f, dtype):
    """QLinearConv before and behind, or QLinearMatMul where the operator leaves no image."""
    g.output(g.qlinear(g.bytes(f(g, g.qlinear(g.stored_input(IMAGE, dtype))))))


def two_scales(g, f, dtype):
    """Two DequantizeLinear with unlike scales and zero points on one value."""
    y = g.bytes(f(g, g.qlinear(g.stored_input(IMAGE, dtype))))
    a, g.last = g.dequantized(y), None
    b = g.dequantized(y)
    g.output(g.quantize(g.node("Sub", [a, b]), dtype=g.pick(np.int8, np.uint8))[0])
    g.output(b)


def read_twice(g, f, dtype):
    """The operator reads integers that are dequantized as well."""
    x, scale, zero = g.quantized_input(g.pick(IMAGE, (2, 6)), dtype)
    g.output(g.quantize(g.node("Relu", [g.dequantize(x, scale, zero)]), dtype=dtype.type)[0])
    y = f(g, x)
    g.output(g.dequantized(y) if g.chance(50) else y)


def between_layers(g, f, dtype):
    """Between two QDQ layers, as quantizers write them: the scale before and behind is the same."""
    x, scale, zero = g.quantized_input(IMAGE, dtype)
    y, scale, zero = g.quantize(g.product(g.dequantize(x, scale, zero)), dtype=dtype.type)
    y = f(g, y)
    d = g.dequantize(y, scale, zero) if g.dtype(y) == dtype else g.dequantized(y)
    g.output(g.quantize(g.product(d), dtype=dtype.type)[0] if len(g.shape(d)) > 0 else d)


def channels_last(g, f, dtype):
    """As a model from TensorFlow has it: Transposes around a convolution, the operator on either side of one."""
    x = g.stored_input((1, 4, 5, 3), dtype)
    y = g.qlinear(g.node("Transpose", [x], perm=[0, 3, 1, 2]))
    y = f(g, y) if g.chance(50) else f(g, g.node("Transpose", [y], perm=[0, 2, 3, 1]))
    if len(g.shape(y)) == 4:
        y = g.node("Transpose", [y], perm=[0, 2, 3, 1])
    g.output(y if g.chance(50) else g.dequantized(y))


PLACES = (between, from_input, to_output, between_qlinear, two_scales, read_twice, between_layers, channels_last)


def in_place(name, place, key, dtype):
    _, first, f = OPERATORS[key]
    g = Net(name)
    g.opset = g.pick(*[o for o in (13, 14, 17, 18, 19, 21) if o >= first and (dtype != S16 or place is not between or o == 21)])
    place(g, f, dtype)
    return g


# --- special: functions of (net, type), which make the whole net ---


def float_input(g, shape, dtype=S8):
    """Dequantized integers of a float input."""
    return g.dequantize(*g.quantized_input(shape, dtype))


def close(g, y, dtype=S8, act=None):
    y = g.node(act, [y]) if act else y
    g.output(g.quantize(y, dtype=dtype.type)[0])


def clipped_layer(op_name, stored_weights, act):
    """Brevitas' QCDQ: Clip narrows what QuantizeLinear stored, of activations and of weights (floats, or integers already)."""
    def run(g, dtype):
        def narrow(q, bits):
            kind, low = g.dtype(q), 0 if g.dtype(q) == U8 else -(1 << (bits - 1))
            return g.node("Clip", [q, kind.type(low), kind.type(low + (1 << bits) - 1)])

        x, scale, zero = g.quantize(g.input("x", list(f32(g.rng.randn(2, 1, 3, 5, 5)))), 0.3 if dtype == S8 else 0.2, 0, dtype.type)
        xd = g.dequantize(narrow(x, 4), scale, zero)
        if op_name == "Gemm":
            xd = g.node("Flatten", [xd])
        shape = (4, 3, 3, 3) if op_name == "Conv" else (4, 75)
        sw = f32(0.05 + 0.1 * g.rng.rand(*g.pick((), (4,))))
        zeros, axis = np.zeros(sw.shape, np.int8), 0 if sw.ndim else None
        if stored_weights:
            w = g.const(integers(g.rng, shape))
        else:
            along = {} if axis is None else {"axis": axis}
            w = g.node("QuantizeLinear", [f32(g.rng.randn(*shape) * 0.6), sw, zeros], **along)
        w = g.dequantize(narrow(w, 4), sw, zeros, axis)
        b = f32(g.rng.randn(4))
        y = g.node(op_name, [xd, w, b], **({"transB": 1} if op_name == "Gemm" else {"pads": [1] * 4}))
        y, scale, zero = g.quantize(g.node("Relu", [y]) if act else y, 0.4, 0, np.uint8 if act else np.int8)
        g.output(g.dequantize(narrow(y, 4), scale, zero))
    return run


def linear_behind(source, per_column):
    """QLinearMatMul with constant weights behind QuantizeLinear, QLinearConv or an input."""
    def run(g, dtype):
        if source == "quantize":
            x, sx, zx = g.quantized_input((3, 8), dtype)
        elif source == "conv":
            y, sx, zx = g.qlinear(g.stored_input((1, 3, 4, 4), dtype)), g.scale(), g.zero(dtype)
            x = g.node("Flatten", [y])
        else:
            x, sx, zx = g.stored_input((2, 3, 8), dtype), g.scale(), g.zero(dtype)
        columns = 5
        wtype = S8 if per_column or dtype == S8 else U8
        sw = f32(0.01 + 0.05 * g.rng.rand(*(columns,) if per_column else ()))
        zw = np.zeros(sw.shape, np.int8) if wtype == S8 else np.uint8(120)
        w = integers(g.rng, (g.shape(x)[-1], columns), wtype.type)
        spread = f32(float(sx) * float(np.max(sw)) * 60 * np.sqrt(w.shape[0]))
        y = g.node("QLinearMatMul", [x, sx, zx, w, sw, zw, spread, g.zero(dtype)])
        g.output(y if g.chance(50) else g.dequantized(y))
    return run


def linear_quantized_weights(g, dtype):
    """The weights are QuantizeLinear of a constant."""
    x, sx, zx = g.quantized_input((2, 6), dtype)
    sw = f32(0.03)
    w = g.node("QuantizeLinear", [f32(g.rng.randn(6, 4)), sw, np.int8(0)])
    g.output(g.node("QLinearMatMul", [x, sx, zx, w, sw, np.int8(0), f32(sx * 20), g.zero(dtype)]))


def conv_quantized_weights(g, dtype):
    x, sx, zx = g.quantized_input((1, 3, 4, 5), dtype)
    sw = f32(0.03)
    w = g.node("QuantizeLinear", [f32(g.rng.randn(4, 3, 3, 3)), sw, np.int8(0)])
    b = g.node("QuantizeLinear", [f32(g.rng.randn(4)), sw, np.int8(0)])
    args = [x, sx, zx, w, sw, np.int8(0), f32(sx * 30), g.zero(dtype), g.node("Cast", [b], to=TensorProto.INT32)]
    g.output(g.node("QLinearConv", args, pads=[1, 1, 1, 1]))


def half(g, *arrays):
    return [np.asarray(a, np.float16) for a in arrays]


def half_scales(where_cast, layer):
    """float16 scales make float16 reals. Casts to float32 stand around the layer, outside of all, or nowhere."""
    def run(g, dtype):
        scale, out, wide = np.float16(0.0371), np.float16(0.33), lambda v: v
        if where_cast == "around":
            wide = lambda v: g.node("Cast", [v], to=TensorProto.FLOAT)
        kind = np.float32 if where_cast == "around" else np.float16
        x = g.stored_input(IMAGE if layer == "Conv" else (2, 6), dtype)
        xd = wide(g.node("DequantizeLinear", [x, scale, g.zero(dtype)]))
        if layer in ("Conv", "MatMul"):
            shape = (4, 3, 3, 3) if layer == "Conv" else (6, 4)
            sw = np.asarray(0.01 + 0.02 * g.rng.rand(*g.pick((), (4,))), np.float16)
            axis = {"axis": 0 if layer == "Conv" else 1} if sw.ndim else {}
            w = wide(g.node("DequantizeLinear", [integers(g.rng, shape), sw, np.zeros(sw.shape, np.int8)], **axis))
            y = g.node(layer, [xd, w] + ([g.rng.randn(4).astype(kind)] if layer == "Conv" else []))
        elif layer == "Add":
            y = g.node("Add", [xd, wide(g.node("DequantizeLinear", [g.stored_input((2, 6), dtype, "b"), np.float16(0.05), g.zero(dtype)]))])
        else:
            y = g.node(layer, [xd])
        if where_cast == "around":
            y = g.node("Cast", [y], to=TensorProto.FLOAT16)
        q = g.node("QuantizeLinear", [y, out, g.zero(dtype)])
        if where_cast == "outside":
            g.output(g.node("Cast", [g.node("DequantizeLinear", [q, out, g.zero(dtype)])], to=TensorProto.FLOAT))
        else:
            g.output(q)
    return run


def table(kind, dequantize):
    """A constant table of integers that a run-time index reads; in half of them through a fully connected layer."""
    def run(g, dtype):
        t = g.const(g.numbers((9, 4), dtype))
        place = g.pick(I64, np.int32) if kind in ("Gather", "GatherElements") else I64
        if dequantize == "before":
            scale, zero = g.scale(), g.zero(dtype)
            t = g.dequantize(t, scale, zero)
        shape, low, high = {"Gather": ((2, 3), -9, 9), "GatherElements": ((5, 4), -9, 9), "GatherND": ((3, 2), -4, 4), "rows": ((3, 1), -9, 9)}[kind]
        index = g.input("i", [g.rng.randint(low, high, size=shape).astype(place) for _ in range(2)])
        y = g.node("GatherND" if kind == "rows" else kind, [t, index])
        if dequantize == "before":
            if g.chance(50):
                g.output(y)
            else:
                g.output(g.quantize(y, scale, zero, dtype.type)[0])
        elif dequantize == "behind":
            y = g.dequantized(y)
            if len(g.shape(y)) > 1:
                close(g, g.node("MatMul", [y, g.dequantize(g.const(integers(g.rng, (4, 3))), 0.02, np.int8(0))]), dtype)
            else:
                g.output(y)
        else:
            g.output(y)
    return run


def moved_weights(layer, how, per_axis, inside):
    """Stored weights behind Transpose or Reshape, before (inside) or behind DequantizeLinear."""
    def run(g, dtype):
        count = 5
        x = float_input(g, IMAGE if layer == "Conv" else (3, 12), dtype)
        final = {"Conv": (count, 3, 2, 2), "MatMul": (12, count), "Gemm": (count, 12)}[layer]
        axis = {"Conv": 0, "MatMul": 1, "Gemm": 0}[layer]  # of the filters, once all is in place
        if how == "transpose":
            perm = {"Conv": [3, 2, 0, 1]}.get(layer, [1, 0])  # what the layer sees: axis i is the stored axis perm[i]
            stored = tuple(final[perm.index(a)] for a in range(len(perm)))
            first = perm[axis]
            move = lambda w: g.node("Transpose", [w], perm=perm)
        else:
            stored = {"Conv": (count, 12), "MatMul": (2, 6, count), "Gemm": (count, 3, 4)}[layer]
            first = {"MatMul": 2}.get(layer, 0)
            move = lambda w: g.node("Reshape", [w, g.axes(final)])
        w = g.const(integers(g.rng, stored))
        size = (count,) if per_axis else ()
        sw, zw = f32(0.01 + 0.02 * g.rng.rand(*size)), np.zeros(size, np.int8)
        if inside:
            w = g.dequantize(move(w), sw, zw, axis if per_axis else None)
        else:
            w = move(g.dequantize(w, sw, zw, first if per_axis else None))
        b = g.dequantize(g.const(g.rng.randint(-900, 900, size=count).astype(np.int32)), 0.001, np.int32(0))
        if layer == "MatMul":
            y = g.node("Add", [g.node("MatMul", [x, w]), b])
        else:
            y = g.node(layer, [x, w, b], **({"transB": 1} if layer == "Gemm" else {}))
        close(g, y, dtype)
    return run


def constant(g, values, dtype=S8):
    """DequantizeLinear of a constant near `values`."""
    values = np.asarray(values, np.float64)
    low, high = oracle.limits(dtype)
    zero = 0 if dtype == S32 else g.rng.randint(-5, 5) if dtype == S8 else 120
    scale = f32(max(np.abs(values).max(), 0.01) / (5000 if dtype == S32 else 100))
    q = np.clip(np.rint(values / float(scale)) + zero, low, high).astype(dtype)
    return g.dequantize(g.const(q), scale, dtype.type(zero))


def constant_norm(g, dtype):
    """BatchNormalization of floats, so that the order of its sums does not decide a rounding."""
    x = g.input("x", list(f32(g.rng.randn(2, 1, 4, 3, 3))))
    args = [constant(g, g.rng.rand(4) + 0.5), constant(g, g.rng.randn(4), S32), constant(g, g.rng.randn(4), dtype), constant(g, g.rng.rand(4) + 0.5, U8)]
    g.output(g.node("BatchNormalization", [x, *args]))


def constant_conv_norm(g, dtype):
    x = g.input("x", list(f32(g.rng.randn(2, 1, 3, 4, 4))))
    y = g.node("Conv", [x, constant(g, g.rng.randn(4, 3, 3, 3))], pads=[1, 1, 1, 1])
    args = [constant(g, g.rng.rand(4) + 0.5, dtype), constant(g, g.rng.randn(4), S32), f32(g.rng.randn(4)), f32(g.rng.rand(4) + 0.5)]
    g.output(g.node("Relu", [g.node("BatchNormalization", [y, *args])]))


def constant_clip(quantized):
    def run(g, dtype):
        x = float_input(g, (2, 9), dtype) if quantized else g.input("x", list(f32(g.rng.randn(2, 2, 9))))
        y = g.node("Clip", [x, constant(g, -0.7), constant(g, 0.9, dtype)])
        close(g, y, dtype) if quantized else g.output(y)
    return run


def constant_pad(quantized):
    def run(g, dtype):
        x = float_input(g, (2, 5), dtype) if quantized else g.input("x", list(f32(g.rng.randn(2, 2, 5))))
        y = g.node("Pad", [x, g.axes([0, 1, 1, 2]), constant(g, 1.7, dtype)])
        close(g, y, dtype) if quantized else g.output(y)
    return run


def constant_bias(layer, kind, reshaped):
    def run(g, dtype):
        x = float_input(g, IMAGE if layer == "Conv" else (2, 6), dtype)
        shape = (4, 3, 2, 2) if layer == "Conv" else (6, 4)
        w = g.dequantize(g.const(integers(g.rng, shape)), 0.02, np.int8(0))
        b = constant(g, g.rng.randn(4), kind)
        if reshaped:
            b = g.node("Reshape", [b, g.axes([1, 4, 1, 1] if layer == "Conv" else [1, 4])])
            y = g.node("Add", [g.node(layer, [x, w]), b])
        elif layer == "MatMul":
            y = g.node("Add", [b, g.node("MatMul", [x, w])])
        else:
            y = g.node(layer, [x, w, b])
        close(g, y, dtype)
    return run


def where_table(g, dtype):
    """A mask chooses between two stored constants."""
    x, _, _ = g.quantized_input((3, 7), dtype)
    y = g.node("Where", [g.node("Less", [x, dtype.type(50)]), g.like(x, ()), g.like(x)])
    g.output(g.dequantized(y))


def sign_change(g, dtype):
    """XOR 128 turns uint8 into the int8 that is 128 less, and back."""
    x, scale, zero = g.quantized_input((2, 9), dtype)
    y = g.node("BitwiseXor", [x, np.array(128, np.uint8).view(dtype)])
    y = g.cast(y, U8 if dtype == S8 else S8)
    g.output(g.dequantized(y))


def zero_point_read(kind):
    """The zero point's initializer is an operand as well: the value of a Pad that means 0.0, a bound of a Clip that means Relu."""
    def run(g, dtype):
        scale, zero = g.scale(), g.const(g.zero(dtype))
        x = g.node("QuantizeLinear", [g.input("x", list(f32(g.rng.randn(2, *IMAGE)))), scale, zero])
        pads = g.axes([0, 0, 1, 0, 0, 0, 2, 1])
        if kind == "conv":
            args = [integers(g.rng, (4, 3, 3, 3)), f32(0.02), np.int8(0), f32(0.2), g.const(g.zero(dtype))]
            y = g.node("QLinearConv", [g.node("Pad", [x, pads, zero]), scale, zero, *args])
            y = g.node("Pad", [y, pads, args[-1]])
            g.output(g.node("DequantizeLinear", [y, f32(0.2), args[-1]]))
            return
        y = g.node("Pad", [x, pads, zero] if kind == "pad" else [x, pads]) if kind != "clip" else g.node("Clip", [x, zero])
        d = g.node("DequantizeLinear", [y, scale, zero])
        g.output(g.quantize(g.product(d), dtype=dtype.type)[0] if g.chance(50) else d)
    return run


def constant_read_twice(op_name):
    """A constant that is dequantized and read as integers, beside an input that is both, too."""
    def run(g, dtype):
        x, scale, zero = g.quantized_input((2, 5), dtype)
        c = g.const(divisor(g, x, (5,)))
        y = g.node("Add", [g.dequantize(x, scale, zero), g.dequantize(c, g.scale(), g.zero(dtype))])
        g.output(g.quantize(y, dtype=dtype.type)[0])
        if op_name == "Where":
            g.output(g.node("Where", [g.rng.randint(0, 2, size=(2, 5)).astype(bool), x, c]))
        else:
            g.output(g.node(op_name, [x, c]))
    return run


def two_operators(first, second):
    """One stored operator behind the other, two inputs."""
    def run(g, dtype):
        a, _, _ = g.quantized_input((2, 5), dtype, "a")
        b, _, _ = g.quantized_input((2, 5), dtype, "b")
        y = g.node(second, [g.node(first, [a, b]), a])
        y = g.cast(y, dtype)
        g.output(g.dequantized(y))
    return run


def specials():
    """(name, first opset, function)"""
    found = [(f"clipped_{layer.lower()}_{'stored' if stored else 'float'}{'_relu' if act else ''}", 13, clipped_layer(layer, stored, act))
             for layer in ("Conv", "Gemm") for stored in (True, False) for act in (False, True)]
    found += [(f"linear_{source}{'_columns' if columns else ''}", 13, linear_behind(source, columns))
              for source in ("quantize", "conv", "input") for columns in (False, True)]
    found += [("linear_quantized_weights", 13, linear_quantized_weights), ("conv_quantized_weights", 13, conv_quantized_weights)]
    found += [(f"half_{place}_{layer.lower()}", 19, half_scales(place, layer))
              for place in ("nowhere", "around", "outside") for layer in ("Conv", "MatMul", "Add", "Relu", "Sigmoid")]
    found += [(f"table_{kind.lower()}{'_' + how if how else ''}", 13, table(kind, how))
              for kind in ("Gather", "GatherElements", "GatherND", "rows") for how in ("", "before", "behind")]
    found += [(f"moved_{layer.lower()}_{how}{'_axis' if axis else ''}{'_inside' if inside else ''}", 13, moved_weights(layer, how, axis, inside))
              for layer in ("Conv", "MatMul", "Gemm") for how in ("transpose", "reshape") for axis in (False, True) for inside in (False, True)]
    found += [("constant_norm", 15, constant_norm), ("constant_conv_norm", 15, constant_conv_norm)]
    found += [(f"constant_{name}{'' if quantized else '_float'}", 13, make(quantized))
              for name, make in (("clip", constant_clip), ("pad", constant_pad)) for quantized in (True, False)]
    found += [(f"constant_bias_{layer.lower()}_{kind.name}{'_added' if reshaped else ''}", 13, constant_bias(layer, kind, reshaped))
              for layer in ("Conv", "Gemm", "MatMul") for kind in (S8, U8, S32) for reshaped in (False, True)]
    found += [(f"zero_point_{kind}", 13, zero_point_read(kind)) for kind in ("pad", "default", "clip", "conv")]
    found += [(f"constant_twice_{name.lower()}", 14, constant_read_twice(name)) for name in ("Add", "Mul", "Div", "Mod", "Min", "Equal", "Less", "Where")]
    found += [("where_table", 13, where_table), ("sign_change", 18, sign_change)]
    found += [(f"two_{a.lower()}_{b.lower()}", 14, two_operators(a, b))
              for a, b in (("Add", "Mul"), ("Sub", "Max"), ("Mul", "Less"), ("Min", "Sub"), ("Add", "Equal"))]
    return found


def special(name, first, make, dtype):
    g = Net(name)
    g.opset = g.pick(*[o for o in (13, 14, 17, 18, 19, 21) if o >= first])
    make(g, dtype)
    return g


# --- all of them ---


def cases():
    """(name, function that makes the Graph) of each case."""
    table = []
    for i, (key, (types, _, _)) in enumerate(OPERATORS.items()):
        for j, place in enumerate(PLACES):
            own = [t for t in types if t in BYTES]
            dtype = own[(i + j) % len(own)]
            name = f"stored_{key}_{place.__name__}_{dtype.name}"
            table.append((name, lambda n=name, p=place, k=key, t=dtype: in_place(n, p, k, t)))
        for dtype in types:
            if dtype not in BYTES:
                name = f"stored_{key}_{dtype.name}"
                table.append((name, lambda n=name, k=key, t=dtype: in_place(n, wide, k, t)))
    for i, (key, first, make) in enumerate(specials()):
        dtype = BYTES[i % 2]
        name = f"stored_{key}_{dtype.name}"
        table.append((name, lambda n=name, f=first, m=make, t=dtype: special(n, f, m, t)))
    return table


def wide(g, f, dtype):
    """int16 and int32, as input and as output or dequantized."""
    y = f(g, g.stored_input(g.pick(IMAGE, (3, 6)), dtype))
    g.output(y if g.chance(50) else g.dequantized(y))


# --- random networks ---

PAIRS = {"Add": 14, "Sub": 14, "Mul": 14, "Min": 12, "Max": 12, "BitwiseAnd": 18, "BitwiseOr": 18, "BitwiseXor": 18, "Equal": 13, "Less": 13,
         "GreaterOrEqual": 16, "Where": 16}
GROW = {"concat", "tile", "expand", "pad", "pad_zero", "pad_value", "pad_edge", "pad_reflect", "pad_wrap", "gather_nd", "reshape", "squeeze"}


class Network:
    """Layers in real numbers, layers of stored integers, operators on stored integers, one after the other or not."""

    def __init__(self, name):
        g = self.g = Net(name)
        g.opset = g.pick(13, 14, 16, 17, 18, 19, 21)
        self.home = {}  # name: (scale, zero point) of what quantized it
        self.stored = []
        for i in range(g.pick(1, 1, 2)):
            self.source(f"x{i}", g.pick((1, 3, 5, 4), (1, 4, 4, 4), (2, 6), (1, 5, 3), (1, 8)))
        for _ in range(g.rng.randint(2, 8)):
            self.step()
        self.finish()

    def source(self, name, shape):
        g, dtype = self.g, self.g.pick(*BYTES)
        if g.chance(30):
            self.stored.append(g.stored_input(shape, dtype, name))
            return
        x, scale, zero = g.quantized_input(shape, dtype, name)
        self.keep(x, scale, zero)

    def keep(self, x, scale=None, zero=None):
        self.stored.append(x)
        if scale is not None:
            self.home[x] = (scale, zero)

    def value(self):
        """Mostly what came last, so that chains form."""
        return self.stored[-1] if self.g.chance(65) else self.g.pick(*self.stored)

    def real(self, x):
        g = self.g
        if x in self.home and g.chance(60):
            return g.dequantize(x, *self.home[x])
        return g.dequantized(x)

    def step(self):
        g, x = self.g, self.value()
        what, rank = g.rng.randint(100), len(g.shape(x))
        if what < 45:
            large = g.values[0][x].size > 200
            fit = [k for k, (types, first, _) in OPERATORS.items() if g.dtype(x) in types and g.opset >= first
                   and not (k in GROW and (large or rank > 3)) and (rank > 0 or first > 19)]
            self.keep(OPERATORS[g.pick(*fit)][2](g, x) if fit else g.bytes(x))
        elif what < 60:
            self.pair(x)
        elif what < 70 and rank > 0:
            x = g.bytes(x)
            self.keep(g.qlinear(x))
        else:
            self.region(x)

    def pair(self, x):
        g = self.g
        others = [o for o in self.stored if g.shape(o) == g.shape(x) and g.dtype(o) == g.dtype(x)]
        fit = [k for k, first in PAIRS.items() if g.opset >= first]
        if g.dtype(x) not in WIDE:
            return self.keep(g.bytes(x))
        name, args = g.pick(*fit), [x, g.pick(*others)]
        if name == "Where":
            args = [g.node("Less", [x, g.like(x, ())]), *args]
        y = g.node(name, args[::-1] if name != "Where" and g.chance(50) else args)
        return self.keep(g.bytes(y) if g.dtype(y) == bool else y)

    def region(self, x):
        g, d = self.g, self.real(x)
        rank = len(g.shape(d))
        if rank > 1 and g.chance(20):
            d = g.node("Transpose", [d], perm=[int(a) for a in g.rng.permutation(rank)])
        kinds = ["Relu", "Clip", "Add", "Mul", "Max", "Sigmoid"] + (["product"] * 6 + ["ReduceMean", "Concat"] if rank > 0 else [])
        kinds += ["MaxPool", "AveragePool"] * 2 if rank in (3, 4) else []
        kind = g.pick(*kinds)
        if kind == "product":
            y = g.product(d)
        elif kind == "Clip":
            y = g.node("Clip", [d, f32(-1.1), f32(0.8)])
        elif kind in ("Add", "Mul", "Max", "Concat"):
            others = [o for o in self.stored if g.shape(o) == g.shape(d)]
            other = self.real(g.pick(*others)) if others and g.chance(70) else constant(g, g.rng.randn(*g.shape(d)))
            y = g.node(kind, [d, other], **({"axis": rank - 1} if kind == "Concat" else {}))
        elif kind in ("MaxPool", "AveragePool"):
            kernel = [g.rng.randint(1, min(n, 3) + 1) for n in g.shape(d)[2:]]
            y = g.node(kind, [d], kernel_shape=kernel, pads=[g.rng.randint(0, k) for k in kernel * 2], strides=[g.pick(1, 2) for _ in kernel])
        elif kind == "ReduceMean":
            y = g.node(kind, [d, g.axes([rank - 1])]) if g.opset >= 18 else g.node(kind, [d], axes=[rank - 1])
        else:
            y = g.node(kind, [d])
        dtype = g.pick(*BYTES)
        if kind == "Sigmoid":
            self.keep(*g.quantize(y, 1 / 256, oracle.limits(dtype)[0], dtype.type))
            return
        if kind in ("product", "Add", "Mul") and g.chance(30):
            y = g.node("Relu", [y])
        self.keep(*g.quantize(y, dtype=dtype.type))

    def finish(self):
        g = self.g
        read = {i for n in g.nodes for i in n.input}
        for x in [v for v in self.stored if v not in read] + [v for v in self.stored[:-1] if v in read and g.chance(15)]:
            if x in g.inputs:
                x = g.node("Identity", [x])
            g.output(self.real(x) if g.chance(50) else x)


def networks(count, seed):
    """(name, function that makes the Graph) of random networks."""
    return [(f"stored_network_{seed}_{i}", lambda name=f"stored network {seed} {i}": Network(name).g) for i in range(count)]
