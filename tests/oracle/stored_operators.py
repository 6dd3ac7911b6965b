"""What ONNX has for stored integers (stored.py), one line each: functions of (net, x) to a value."""
import numpy as np

import oracle
from stored_net import BYTES, I64, S8, S16, S32, SIGNED, U8, WIDE


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
