"""Operators on exact reals (EXACT) and on floats and integers (PLAIN), written from the ONNX operator text."""
from fractions import Fraction

import numpy as np
from onnx import helper

import exact
from exact import DONE, MATMUL, OracleError, Real
from movement import as_list
from window import Window, convolve, exact_matmul

# --- exact reals: node.arg(i) is a Real for data inputs ---


def conv_unit(w_unit, rank):
    """Per-channel scales of weights [M, C/g, ...] as scales of the output [N, M, ...]; None if they vary along another axis."""
    if w_unit.size == 1:
        return w_unit.reshape(())
    if w_unit.ndim == 0 or w_unit.shape[0] != w_unit.size:
        return None
    return w_unit.reshape((1, -1) + (1,) * (rank - 2))


def exact_conv(node):
    x, w = node.arg(0).flat(), node.arg(1)
    unit = conv_unit(w.unit, x.num.ndim)
    if unit is None:
        w = w.flat()
        unit = w.unit.reshape(())
    window = Window(node.attrs, x.shape[2:], w.shape[2:])
    total = convolve(x.num, w.num, window, node.attrs.get("group", 1), exact_matmul, 0)
    y = Real(total, exact.object_array(unit * x.one_unit()), DONE)
    return add_bias(y, node.arg(2), 1) if node.has(2) else y


def add_bias(y, bias, axis):
    """bias: rank 1, along `axis` of y, with its own scale (or one per element)."""
    shape = [1] * y.num.ndim
    shape[axis] = -1
    unit = bias.unit if bias.unit.size == 1 else bias.unit.reshape(shape)
    return exact.add(y, Real(bias.num.reshape(shape), unit), y.stage)


def product(a, b, stage):
    """Matrix product; scales per column of b stay per column."""
    a = a.flat()
    per_column = b.unit.size > 1 and b.num.ndim >= 2 and b.unit.ndim >= 1 and b.unit.shape[-1] == b.unit.size
    if not per_column or a.num.ndim < 2:
        b = b.flat()
    total = exact_matmul(a.num, b.num)
    unit = b.unit.reshape(-1) if b.unit.size > 1 else b.unit.reshape(())
    unit = exact.object_array(unit * a.one_unit())
    return Real(total, exact.lift(unit, np.ndim(total)), stage)


def exact_gemm(node):
    a, b = node.arg(0), node.arg(1)
    a = transposed(a) if node.attrs.get("transA", 0) else a
    b = transposed(b) if node.attrs.get("transB", 0) else b
    y = product(a, b, DONE)
    y.unit = exact.object_array(y.unit * Fraction(node.attrs.get("alpha", 1.0)))
    y = positive(y)
    if node.has(2):
        c = node.arg(2)
        beta = Fraction(node.attrs.get("beta", 1.0))
        if beta != 0:
            y = exact.add(y, positive(Real(c.num, exact.object_array(c.unit * beta))))
            y = Real(np.broadcast_to(y.num, np.broadcast_shapes(y.shape, c.shape)), y.unit, DONE)
    return y


def transposed(r):
    return Real(r.num.T, r.unit.T if r.unit.ndim == 2 else r.unit.reshape(-1, 1) if r.unit.size > 1 else r.unit, r.stage)


def positive(r):
    """Units are positive; a negative or zero factor goes into num."""
    first = r.unit.reshape(-1)[0]
    if first > 0:
        return r
    if first == 0:
        return Real(np.zeros(r.shape, dtype=np.int64), Fraction(1), r.stage)
    return Real(-exact.as_objects(r.num), exact.object_array(-r.unit), r.stage)


def pool_input(node):
    x = node.arg(0).flat()
    return x, Window(node.attrs, x.shape[2:], node.attrs["kernel_shape"])


def exact_max_pool(node):
    x, window = pool_input(node)
    return Real(max_pool(x.num, window), x.unit, DONE)


def max_pool(x, window):
    """Padding never wins: taps outside the input are masked."""
    padded = window.padded(x, 0)
    inside = window.padded(np.ones((1, 1, *window.spatial), dtype=bool), False)
    best = known = None
    for tap in window.taps():
        seen = window.at(padded, tap)
        valid = np.broadcast_to(window.at(inside, tap), seen.shape)
        if best is None:
            best, known = seen, valid
        else:
            best = np.where(valid & (~known | (seen > best)), seen, best)
            known = known | valid
    return best


def sum_pool(x, window):
    padded = window.padded(x, 0)
    total = 0
    for tap in window.taps():
        total = total + window.at(padded, tap)
    return total


def exact_average_pool(node):
    x, window = pool_input(node)
    return exact.mean_of_sums(Real(sum_pool(x.num, window), x.unit), window.counts(node.attrs.get("count_include_pad", 0)))


def exact_global_average(node):
    x = node.arg(0).flat()
    axes = tuple(range(2, x.num.ndim))
    return exact_mean(x, axes, True)


def exact_mean(x, axes, keepdims):
    count = int(np.prod([x.shape[a] for a in axes], dtype=np.int64))
    return exact.mean_of_sums(Real(x.num.sum(axis=axes, keepdims=keepdims), x.unit), count)


def reduce_axes(node, rank):
    axes = as_list(node.arg(1)) if node.has(1) else node.attrs.get("axes")
    if axes is None or len(axes) == 0:
        return () if node.attrs.get("noop_with_empty_axes", 0) else tuple(range(rank))
    return tuple(a % rank for a in axes)


def exact_reduce_mean(node):
    x = node.arg(0).flat()
    return exact_mean(x, reduce_axes(node, x.num.ndim), bool(node.attrs.get("keepdims", 1)))


def exact_reduction(function):
    """function: a method of integer arrays that commutes with a positive unit"""
    def run(node):
        x = node.arg(0).flat()
        axes = reduce_axes(node, x.num.ndim)
        num = function(x.num, axis=axes, keepdims=bool(node.attrs.get("keepdims", 1))) if axes else x.num
        return Real(num, x.unit, DONE)
    return run


def exact_extreme(pick):
    """Max and Min of any number of operands."""
    def run(node):
        unit, nums = exact.common_unit(node.args)
        best = exact.as_objects(nums[0])
        for n in nums[1:]:
            best = pick(best, exact.as_objects(n))
        return Real(best, unit, DONE)
    return run


def softmax_groups(node, rank):
    """Axes over which one softmax runs: the axis, before opset 13 all from the axis on."""
    if node.opset >= 13:
        return (node.attrs.get("axis", -1) % rank,)
    return tuple(range(node.attrs.get("axis", 1) % rank, rank))


def exact_softmax(node):
    x = node.arg(0).flat()
    unit, rank = x.one_unit(), x.num.ndim
    axes = softmax_groups(node, rank)
    moved = np.moveaxis(x.num, axes, range(rank - len(axes), rank))
    rows = moved.reshape(-1, int(np.prod([x.shape[a] for a in axes], dtype=np.int64)))
    out = np.empty(rows.shape, dtype=object)
    for i, row in enumerate(rows):
        out[i] = exact.softmax_row([int(n) * unit for n in row])
    values = Real.of_fractions(np.moveaxis(out.reshape(moved.shape), range(rank - len(axes), rank), axes))
    return Real(values.num, values.unit, DONE)


def exact_batch_norm(node):
    """(x - mean) / sqrt(var + epsilon) * scale + bias, per channel."""
    x, scale, bias, mean, var = (node.arg(i) for i in range(5))
    shape = (1, -1) + (1,) * (x.num.ndim - 2)
    epsilon = Fraction(node.attrs.get("epsilon", float(np.float32(1e-5))))
    factors = [s / exact.square_root(v + epsilon) for s, v in zip(scale.fractions(), var.fractions())]
    centred = exact.add(x.flat(), Real(mean.flat().num.reshape(shape), mean.one_unit()), sign=-1)
    factor = Real.of_fractions(np.array(factors, dtype=object).reshape(shape))
    scaled = exact.multiply(centred.flat(), factor)
    return exact.add(scaled, Real(bias.flat().num.reshape(shape), bias.one_unit()))


def clip_bounds(node):
    if node.opset < 11:
        return [Fraction(node.attrs[k]) if k in node.attrs else None for k in ("min", "max")]
    return [node.arg(i).fractions().reshape(-1)[0] if node.has(i) else None for i in (1, 2)]


def unary(function):
    return lambda node: node.arg(0).map(lambda v: function(node, v))


def hard_sigmoid(v, alpha, beta):
    return min(max(alpha * v + beta, Fraction(0)), Fraction(1))


def attribute(node, name, default):
    """Attributes are float32 numbers; so are their defaults."""
    return Fraction(float(np.float32(node.attrs.get(name, default))))


EXACT = {
    "Conv": exact_conv,
    "MatMul": lambda n: product(n.arg(0), n.arg(1), MATMUL),
    "Gemm": exact_gemm,
    "Add": lambda n: exact.add(n.arg(0), n.arg(1)),
    "Sub": lambda n: exact.add(n.arg(0), n.arg(1), sign=-1),
    "Mul": lambda n: exact.multiply(n.arg(0), n.arg(1)),
    "Div": lambda n: exact.divide(n.arg(0), n.arg(1)),
    "Relu": lambda n: exact.clamp(n.arg(0), 0, None),
    "Clip": lambda n: exact.clamp(n.arg(0), *clip_bounds(n)),
    "LeakyRelu": unary(lambda n, v: v if v >= 0 else attribute(n, "alpha", 0.01) * v),
    "HardSigmoid": unary(lambda n, v: hard_sigmoid(v, attribute(n, "alpha", 0.2), attribute(n, "beta", 0.5))),
    "HardSwish": unary(lambda n, v: v * hard_sigmoid(v, Fraction(1, 6), Fraction(1, 2))),
    "Sigmoid": unary(lambda n, v: exact.sigmoid(v)),
    "Tanh": unary(lambda n, v: exact.tanh(v)),
    "Softmax": exact_softmax,
    "MaxPool": exact_max_pool,
    "AveragePool": exact_average_pool,
    "GlobalAveragePool": exact_global_average,
    "GlobalMaxPool": lambda n: Real(n.arg(0).flat().num.max(axis=tuple(range(2, n.arg(0).num.ndim)), keepdims=True),
                                    n.arg(0).flat().unit, DONE),
    "ReduceMean": exact_reduce_mean,
    "ReduceSum": exact_reduction(np.sum),
    "ReduceMax": exact_reduction(np.max),
    "ReduceMin": exact_reduction(np.min),
    "Max": exact_extreme(np.maximum),
    "Min": exact_extreme(np.minimum),
    "BatchNormalization": exact_batch_norm,
}
# Inputs that are data (the others are shapes and axes).
DATA_INPUTS = {op: 1 for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin")}

# --- floats (computed in float64, stored in the tensor's type) and integers ---


def wide(x):
    return x.astype(np.float64) if x.dtype.kind == "f" or x.dtype.name in ("float16", "bfloat16") else x


def arithmetic(function):
    def run(node):
        args = [node.arg(i) for i in range(2)]
        return np.asarray(function(*[wide(a) for a in args])).astype(args[0].dtype)
    return run


def divide_plain(a, b):
    """Integers truncate towards zero. The least one divided by -1 wraps, as everything that leaves its type does."""
    if a.dtype.kind == "f":
        with np.errstate(divide="ignore", invalid="ignore"):
            return a / b
    quotient = np.abs(exact.as_objects(a)) // np.abs(exact.as_objects(b))
    return wrapped(np.where((a < 0) != (b < 0), -quotient, quotient), a.dtype)


def wrapped(whole, dtype):
    """Python integers modulo 2**bits."""
    low, span = ends(dtype)[0], 1 << (8 * dtype.itemsize)
    return np.asarray((exact.as_objects(whole) - low) % span + low).astype(dtype)


def plain_mod(node):
    """The sign of the divisor, with fmod that of the dividend."""
    a, b = node.arg(0), node.arg(1)
    return np.fmod(a, b) if node.attrs.get("fmod", 0) else np.mod(a, b)


def plain_bit_shift(node):
    return (np.left_shift if node.attrs["direction"] == "LEFT" else np.right_shift)(node.arg(0), node.arg(1))


def plain_arg(pick):
    """Index of the greatest or least element: the first of them, or the last."""
    def run(node):
        x, axis = node.arg(0), node.attrs.get("axis", 0)
        if node.attrs.get("select_last_index", 0):
            index = x.shape[axis] - 1 - pick(np.flip(x, axis), axis=axis)
        else:
            index = pick(x, axis=axis)
        return np.asarray(np.expand_dims(index, axis) if node.attrs.get("keepdims", 1) else index).astype(np.int64)
    return run


def extreme(pick):
    def run(node):
        best = node.arg(0)
        for i in range(1, len(node.args)):
            best = pick(best, node.arg(i))
        return best
    return run


def pairwise(function):
    """Comparisons and bit operations: numpy's result in numpy's type."""
    return lambda node: np.asarray(function(node.arg(0), node.arg(1)))


def floating(function):
    def run(node):
        x = node.arg(0)
        return np.asarray(function(node, wide(x))).astype(x.dtype)
    return run


def plain_conv(node, x):
    w = wide(node.arg(1))
    y = convolve(x, w, Window(node.attrs, x.shape[2:], w.shape[2:]), node.attrs.get("group", 1), np.matmul, 0)
    return y + wide(node.arg(2)).reshape((1, -1) + (1,) * (x.ndim - 2)) if node.has(2) else y


def plain_gemm(node, a):
    b = wide(node.arg(1))
    a, b = a.T if node.attrs.get("transA", 0) else a, b.T if node.attrs.get("transB", 0) else b
    y = node.attrs.get("alpha", 1.0) * (a @ b)
    return y + node.attrs.get("beta", 1.0) * wide(node.arg(2)) if node.has(2) else y


def plain_softmax(node, x):
    axes = softmax_groups(node, x.ndim)
    e = np.exp(x - x.max(axis=axes, keepdims=True))
    return e / e.sum(axis=axes, keepdims=True)


def plain_average(node, x):
    window = Window(node.attrs, x.shape[2:], node.attrs["kernel_shape"])
    return sum_pool(x, window) / window.counts(node.attrs.get("count_include_pad", 0))


def plain_batch_norm(node, x):
    scale, bias, mean, var = (wide(node.arg(i)).reshape((1, -1) + (1,) * (x.ndim - 2)) for i in range(1, 5))
    return (x - mean) / np.sqrt(var + node.attrs.get("epsilon", 1e-5)) * scale + bias


def plain_clip(node):
    x = node.arg(0)
    if node.opset < 11:
        low, high = node.attrs.get("min"), node.attrs.get("max")
    else:
        low, high = (node.arg(i) if node.has(i) else None for i in (1, 2))
    x = x if low is None else np.maximum(x, np.asarray(low, dtype=x.dtype))
    return x if high is None else np.minimum(x, np.asarray(high, dtype=x.dtype))


def plain_cast(node):
    kind = helper.tensor_dtype_to_np_dtype(node.attrs["to"])
    x = node.arg(0)
    if x.dtype.kind == "f" and np.dtype(kind).kind in "iu":
        x = np.trunc(x)
    return x.astype(kind)


def plain_constant(node):
    for name, value in node.attrs.items():
        if name == "value":
            return value
        if name in ("value_float", "value_floats"):
            return np.array(value, dtype=np.float32)
        if name in ("value_int", "value_ints"):
            return np.array(value, dtype=np.int64)
    raise OracleError("Constant of an unknown kind")


def plain_shape(node):
    shape = node.arg(0).shape
    return np.array(shape[node.attrs.get("start", 0):node.attrs.get("end", len(shape))], dtype=np.int64)


def constant_of_shape(node):
    value = np.asarray(node.attrs.get("value", np.zeros(1, dtype=np.float32)))
    return np.full(as_list(node.arg(0)), value.reshape(-1)[0], dtype=value.dtype)


def plain_range(node):
    start, limit, delta = (node.arg(i).reshape(-1)[0] for i in range(3))
    count = max(int(np.ceil((limit - start) / delta)), 0)
    return (start + np.arange(count) * delta).astype(node.arg(0).dtype)


def ends(dtype):
    """(least, greatest) number of a type: what an extreme over nothing is."""
    if dtype.kind == "f":
        return -np.inf, np.inf
    return (False, True) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def reduction(function):
    def run(node, x):
        axes = reduce_axes(node, x.ndim)
        return function(x, axis=axes, keepdims=bool(node.attrs.get("keepdims", 1))) if axes else x
    return floating(run)


def mean_plain(x, **axes):
    """Of integers: the sum's quotient, truncated towards zero."""
    if x.dtype.kind == "f":
        return np.mean(x, **axes)
    total = np.sum(x, **axes, dtype=np.int64)
    return divide_plain(total, np.full(np.shape(total), x.size // total.size, np.int64))


PLAIN = {
    "Add": arithmetic(lambda a, b: a + b),
    "Sub": arithmetic(lambda a, b: a - b),
    "Mul": arithmetic(lambda a, b: a * b),
    "Div": arithmetic(divide_plain),
    "Max": extreme(np.maximum),
    "Min": extreme(np.minimum),
    "MatMul": arithmetic(np.matmul),
    "Conv": floating(plain_conv),
    "Gemm": floating(plain_gemm),
    "Relu": lambda n: np.maximum(n.arg(0), n.arg(0).dtype.type(0)),
    "Clip": plain_clip,
    "LeakyRelu": floating(lambda n, x: np.where(x >= 0, x, float(attribute(n, "alpha", 0.01)) * x)),
    "Sigmoid": floating(lambda n, x: 1 / (1 + np.exp(-x))),
    "Tanh": floating(lambda n, x: np.tanh(x)),
    "HardSigmoid": floating(lambda n, x: np.clip(float(attribute(n, "alpha", 0.2)) * x
                                                 + float(attribute(n, "beta", 0.5)), 0, 1)),
    "HardSwish": floating(lambda n, x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "Softmax": floating(plain_softmax),
    "MaxPool": lambda n: max_pool(n.arg(0), Window(n.attrs, n.arg(0).shape[2:], n.attrs["kernel_shape"])),
    "AveragePool": floating(plain_average),
    "GlobalAveragePool": floating(lambda n, x: x.mean(axis=tuple(range(2, x.ndim)), keepdims=True)),
    "GlobalMaxPool": floating(lambda n, x: x.max(axis=tuple(range(2, x.ndim)), keepdims=True)),
    "ReduceMean": reduction(mean_plain),
    "ReduceSum": reduction(np.sum),
    "ReduceProd": reduction(np.prod),
    "ReduceMax": reduction(lambda x, **axes: np.max(x, initial=ends(x.dtype)[0], **axes)),
    "ReduceMin": reduction(lambda x, **axes: np.min(x, initial=ends(x.dtype)[1], **axes)),
    "BatchNormalization": floating(plain_batch_norm),
    "Cast": plain_cast,
    "Constant": plain_constant,
    "Shape": plain_shape,
    "Size": lambda n: np.array(n.arg(0).size, dtype=np.int64),
    "ConstantOfShape": constant_of_shape,
    "Range": plain_range,
    "Mod": plain_mod,
    "Neg": lambda n: -n.arg(0),
    "Abs": lambda n: np.abs(n.arg(0)),
    "Sign": lambda n: np.sign(n.arg(0)),
    "ArgMax": plain_arg(np.argmax),
    "ArgMin": plain_arg(np.argmin),
    "BitShift": plain_bit_shift,
    "BitwiseAnd": pairwise(np.bitwise_and),
    "BitwiseOr": pairwise(np.bitwise_or),
    "BitwiseXor": pairwise(np.bitwise_xor),
    "BitwiseNot": lambda n: np.invert(n.arg(0)),
    "And": pairwise(np.logical_and),
    "Or": pairwise(np.logical_or),
    "Xor": pairwise(np.logical_xor),
    "Not": lambda n: np.logical_not(n.arg(0)),
    "Equal": pairwise(np.equal),
    "Less": pairwise(np.less),
    "Greater": pairwise(np.greater),
    "LessOrEqual": pairwise(np.less_equal),
    "GreaterOrEqual": pairwise(np.greater_equal),
    "Where": lambda n: np.where(n.arg(0), n.arg(1), n.arg(2)),
}
