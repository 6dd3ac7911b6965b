"""run(model, inputs) -> outputs: what ONNX's text says a model computes, in exact arithmetic where it is quantized.

The law. A region is DequantizeLinear (of each data input), data movement, one operator (MatMul: with the Add of its constant
bias), Relu or Clip, QuantizeLinear. Its inputs stand for the real numbers (q - zero point) * scale, with the float32 scales of
the file taken as the rationals they are - the bias with its own scale. The operator is computed in the reals (sigmoid, tanh,
softmax, square root: exact.DIGITS decimal digits), divided by the output scale, rounded half to even, moved by the zero point
and saturated. QLinearConv and QLinearMatMul are the same region in one node.
What is not in such a region is a float operator: computed in float64, stored in the tensor's own type, and reported in `notes`.
QuantizeLinear of a float tensor divides in float32 and rounds half to even, as ONNX's text says.

Independent on purpose: Python, numpy and the onnx package's protobuf classes, nothing of the compiler, no kernel of any runtime.
"""
import os

import numpy as np
import onnx
from onnx import helper, numpy_helper

import exact
import movement
from exact import FRESH, MATMUL, OracleError, Real
from operators import DATA_INPUTS, EXACT, PLAIN


def limits(dtype):
    """Smallest and largest value of an integer type; numpy has no iinfo for the 4-bit ones."""
    name = np.dtype(dtype).name
    four = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1), "uint2": (0, 3)}
    if name in four:
        return four[name]
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


class Node:
    """One node with its arguments; `arg` and `has` know that optional inputs may be left empty."""

    def __init__(self, proto, opset, args, consts):
        self.op, self.name, self.opset = proto.op_type, proto.name, opset
        self.attrs = {a.name: attribute_value(a) for a in proto.attribute}
        self.args, self.consts, self.outputs = args, consts, len(proto.output)

    def has(self, i):
        return i < len(self.args) and self.args[i] is not None

    def arg(self, i):
        return self.args[i]


def attribute_value(a):
    if a.type == onnx.AttributeProto.TENSOR:
        return numpy_helper.to_array(a.t)
    value = helper.get_attribute_value(a)
    if isinstance(value, bytes):
        return value.decode()
    return list(value) if a.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS) else value


# --- QuantizeLinear, DequantizeLinear ---


def along_axis(vector, axis, rank):
    """A scale or zero point so that it broadcasts: scalars anywhere, vectors along `axis`."""
    vector = np.asarray(vector)
    if vector.size == 1:
        return vector.reshape(())
    if vector.ndim != 1:
        raise OracleError("blocked quantization")
    if not -rank <= axis < rank:
        raise OracleError(f"axis {axis} of a tensor of rank {rank}")
    shape = [1] * rank
    shape[axis] = -1
    return vector.reshape(shape)


def real_of(q, scale, zero, axis):
    q = np.asarray(q)
    dtype = np.asarray(scale).dtype
    scale = exact.fractions_of(along_axis(scale, axis, q.ndim))
    if any(s <= 0 for s in scale.reshape(-1)):
        raise OracleError("a scale that is not positive")
    num = q.astype(np.int64)
    if zero is not None:
        num = num - along_axis(np.asarray(zero).astype(np.int64), axis, q.ndim)
    return Real(num, scale, types=(dtype,))


def stored(values, scale, zero, axis, dtype):
    """The law's last steps: divide, round half to even, zero point, saturate."""
    rank = values.num.ndim
    scale = exact.fractions_of(along_axis(scale, axis, rank))
    zero = 0 if zero is None else exact.as_objects(along_axis(np.asarray(zero).astype(np.int64), axis, rank))
    unit = exact.lift(values.unit, rank)
    whole = exact.round_half_even(values.num, exact.object_array(unit / scale)) + zero
    low, high = limits(dtype)
    return np.asarray(np.minimum(np.maximum(whole, low), high)).astype(np.int64).astype(dtype)


def quantize_linear(node):
    x, scale, zero = node.arg(0), node.arg(1), node.arg(2) if node.has(2) else None
    axis = node.attrs.get("axis", 1)
    if zero is not None:
        dtype = zero.dtype
    else:
        dtype = helper.tensor_dtype_to_np_dtype(node.attrs.get("output_dtype", 0) or onnx.TensorProto.UINT8)
    if isinstance(x, Real):
        return stored(x, scale, zero, axis, dtype)
    scale = along_axis(np.asarray(scale), axis, x.ndim)
    zero = 0 if zero is None else along_axis(np.asarray(zero).astype(np.int64), axis, x.ndim)
    with np.errstate(over="ignore"):
        quotient = np.rint(np.asarray(x / scale, dtype=x.dtype)).astype(np.float64)
    low, high = limits(dtype)
    return np.clip(quotient + zero, low, high).astype(np.int64).astype(dtype)


def dequantize_linear(node):
    return real_of(node.arg(0), node.arg(1), node.arg(2) if node.has(2) else None, node.attrs.get("axis", 1))


def qlinear_conv(node):
    x = real_of(node.arg(0), node.arg(1), node.arg(2), 1)
    w = real_of(node.arg(3), node.arg(4), node.arg(5), 0)
    args = [x, w]
    if node.has(8):  # "bias must be quantized with scale = x_scale * w_scale and zero_point = 0"
        bias_unit = exact.object_array(w.unit.reshape(-1) * x.one_unit()) if w.unit.size > 1 else w.unit * x.one_unit()
        args.append(Real(node.arg(8).astype(np.int64), bias_unit))
    inner = plain_node("Conv", node, args)
    return stored(EXACT["Conv"](inner), node.arg(6), node.arg(7), 1, node.arg(7).dtype)


def qlinear_matmul(node):
    """Vectors of a's scale run along its rows, of b's scale along its columns."""
    a = real_of(node.arg(0), node.arg(1), node.arg(2), -2)
    b = real_of(node.arg(3), node.arg(4), node.arg(5), -1)
    y = EXACT["MatMul"](plain_node("MatMul", node, [a, b]))
    return stored(y, node.arg(6), node.arg(7), -2, node.arg(7).dtype)


def plain_node(op, node, args):
    inner = Node(helper.make_node(op, [], []), node.opset, args, [True] * len(args))
    inner.attrs = node.attrs
    return inner


QUANTIZED = {"QuantizeLinear": quantize_linear, "DequantizeLinear": dequantize_linear, "QLinearConv": qlinear_conv,
             "QLinearMatMul": qlinear_matmul}

# --- one node ---

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)


def exact_arguments(node):
    """The arguments as reals if the node belongs to a region, else None."""
    count = DATA_INPUTS.get(node.op, len(node.args))
    data = [(v, c) for v, c in zip(node.args[:count], node.consts) if v is not None]
    if not any(isinstance(v, Real) for v, _ in data):
        return None
    stages = [v.stage if isinstance(v, Real) else FRESH for v, _ in data]
    clamp = node.op in ("Relu", "Clip")
    bias = node.op == "Add" and sorted(stages) == sorted((MATMUL, FRESH)) and data[stages.index(FRESH)][1]
    if not bias and not (clamp and all(s == FRESH for s in stages[1:])) and any(s != FRESH for s in stages):
        return None
    args = list(node.args)
    for i, v in enumerate(args[:count]):
        if v is not None and not isinstance(v, Real):
            if not node.consts[i] or v.dtype.kind not in "fiu":
                return None
            args[i] = Real.of_floats(v)  # a number of the file is a real number too
    return args


def plain_value(v):
    return v.floats() if isinstance(v, Real) else v


def move(node, notes):
    if node.op in movement.ONE_TENSOR:
        x = node.arg(0)
        if isinstance(x, Real):
            x = x.flat()
            out = movement.ONE_TENSOR[node.op](node, x.num)
            return [Real(o, x.unit, x.stage) for o in out] if isinstance(out, list) else Real(out, x.unit, x.stage)
        return movement.ONE_TENSOR[node.op](node, x)
    if node.op == "Concat":
        parts = as_reals(node, len(node.args), notes)
        axis = node.attrs.get("axis", 1)
        if isinstance(parts[0], Real):
            unit, nums = exact.common_unit(parts)
            return Real(np.concatenate(nums, axis=axis), unit, parts[0].stage)
        return np.concatenate(parts, axis=axis)
    x = node.arg(0)  # Pad
    fill = node.arg(2) if node.has(2) else node.attrs.get("value", 0)
    if isinstance(x, Real):
        fill = fill if isinstance(fill, Real) else Real.of_floats(np.asarray(fill))
        unit, (num, f) = exact.common_unit([x, fill])
        return Real(movement.pad(node, num, np.asarray(f).reshape(-1)[0]), unit, x.stage)
    return movement.pad(node, x, np.asarray(plain_value(fill)).reshape(-1)[0])


def as_reals(node, count, notes):
    """All as reals of one stage, or all as floats."""
    args = node.args[:count]
    if not any(isinstance(v, Real) for v in args):
        return args
    stages = {v.stage for v in args if isinstance(v, Real)}
    if len(stages) == 1 and all(isinstance(v, Real) or c for v, c in zip(args, node.consts)):
        return [v if isinstance(v, Real) else Real.of_floats(v, stages.copy().pop()) for v in args]
    notes.append(f"{node.op} '{node.name}' in float")
    return [plain_value(v) for v in args]


def evaluate(node, notes):
    """Reals keep their float type through an operator; a Cast to another float type changes none of their numbers."""
    if node.op in QUANTIZED:
        return QUANTIZED[node.op](node)
    real = next((v for v in node.args if isinstance(v, Real)), None)
    if node.op == "Cast" and real is not None and node.attrs["to"] in FLOATS:
        return Real(real.num, real.unit, real.stage, (*real.types, helper.tensor_dtype_to_np_dtype(node.attrs["to"])))
    results = computed(node, notes)
    for y in results if isinstance(results, (list, tuple)) else [results]:
        if isinstance(y, Real):
            y.types = real.types
    return results


def computed(node, notes):
    if node.op in movement.ONE_TENSOR or node.op in ("Concat", "Pad"):
        return move(node, notes)
    args = exact_arguments(node) if node.op in EXACT else None
    if args is not None:
        node.args = args
        return EXACT[node.op](node)
    if node.op not in PLAIN:
        raise OracleError(f"operator {node.op}")
    node.args = [plain_value(v) for v in node.args]
    if any(isinstance(v, np.ndarray) and v.dtype.kind == "f" for v in node.args):
        notes.append(f"{node.op} '{node.name}' in float")
    return PLAIN[node.op](node)


# --- whole models ---


def run_nodes(nodes, env, consts, opsets, functions, notes):
    for proto in nodes:
        args = [env[i] if i else None for i in proto.input]
        const = [i in consts for i in proto.input]
        function = functions.get((proto.domain, proto.op_type))
        try:
            if function is not None:
                results = call(function, proto, args, const, functions, notes)
            elif proto.domain in ("", "ai.onnx"):
                results = evaluate(Node(proto, opsets[""], args, const), notes)
            else:
                raise OracleError(f"domain {proto.domain}")
        except (OracleError, ValueError, KeyError, IndexError, TypeError) as e:
            raise OracleError(f"{proto.op_type} '{proto.name}': {e}") from e
        results = results if isinstance(results, (list, tuple)) else [results]
        for name, value in zip(proto.output, results):
            if name:
                env[name] = value
                if all(const):
                    consts.add(name)


def call(function, proto, args, const, functions, notes):
    """A model-local function: its body with the attributes of the call (or their defaults) in place of references."""
    given = {a.name: a for a in function.attribute_proto}
    given.update({a.name: a for a in proto.attribute})
    body = []
    for inner in function.node:
        inner = onnx.NodeProto.FromString(inner.SerializeToString())
        kept = [a for a in inner.attribute if not a.ref_attr_name]
        for a in inner.attribute:
            if a.ref_attr_name and a.ref_attr_name in given:
                named = onnx.AttributeProto.FromString(given[a.ref_attr_name].SerializeToString())
                named.name = a.name
                kept.append(named)
        del inner.attribute[:]
        inner.attribute.extend(kept)
        body.append(inner)
    env = {name: (args[i] if i < len(args) else None) for i, name in enumerate(function.input)}
    consts = {name for i, name in enumerate(function.input) if i < len(const) and const[i]}
    opsets = {("" if o.domain == "ai.onnx" else o.domain): o.version for o in function.opset_import}
    run_nodes(body, env, consts, opsets, functions, notes)
    return [env.get(o) for o in function.output]


def load(model):
    return onnx.load(model) if isinstance(model, (str, os.PathLike)) else model


def run(model, inputs, notes=None, values=None):
    """inputs: list in graph order (without initializers) or dict by name. notes: list that gets a line per float operator.
    values: dict that gets every value by name (integers and floats as arrays, reals as exact.Real)."""
    model = load(model)
    notes = notes if notes is not None else []
    env = values if values is not None else {}
    graph = model.graph
    for t in graph.initializer:
        env[t.name] = numpy_helper.to_array(t)
    consts = set(env)
    names = [i.name for i in graph.input if i.name not in consts]
    given = inputs if isinstance(inputs, dict) else dict(zip(names, inputs))
    missing = [n for n in names if n not in given]
    if missing:
        raise OracleError(f"no value for input {missing[0]}")
    env.update({n: np.asarray(given[n]) for n in names})
    opsets = {("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import}
    functions = {(f.domain, f.name): f for f in model.functions}
    run_nodes(graph.node, env, consts, opsets, functions, notes)
    return [np.asarray(plain_value(env[o.name])) for o in graph.output]


def read_tensor(path):
    """A TensorProto file of a test data set."""
    tensor = onnx.TensorProto()
    with open(path, "rb") as f:
        tensor.ParseFromString(f.read())
    return numpy_helper.to_array(tensor)


def read_data_set(folder):
    """(inputs, outputs) of one test_data_set folder."""
    lists = []
    for kind in ("input", "output"):
        paths = [os.path.join(folder, f"{kind}_{i}.pb") for i in range(len(os.listdir(folder)))]
        lists.append([read_tensor(p) for p in paths if os.path.exists(p)])
    return lists
