"""Writes quantized test cases with the oracle's answers.

generate.py OUT_DIR                    ONNX's node tests (data of the onnx package), wrapped in QuantizeLinear/DequantizeLinear, in three or four ways;
                                       and the layers of layers.py
generate.py OUT_DIR --random N SEED    N random layers
generate.py OUT_DIR --stored           the stored integers of stored.py
generate.py OUT_DIR --networks N SEED  N random networks with stored integers
generate.py OUT_DIR --only TEXT        only cases whose name contains TEXT
generate.py OUT_DIR --clean            removes the cases in OUT_DIR that were not written now

Each case is OUT_DIR/NAME/model.onnx with test_data_set_0 (the node test's own data, quantized over its range) and
test_data_set_1 (random, every other value an extreme). The ways:
  s8   int8 activations over their range, int8 weights per channel, int32 bias in sx * sw
  u8   uint8 activations with an odd zero point, uint8 weights with one, bias with a scale of its own; what only moves data: on bare integers
  tie  int8, zero points at or near the ends, all scales powers of two so that exact ties abound, bias in 4 * sx * sw
  dyn  MatMul and Gemm of two int8 inputs
Convolutions of ONNX's tests have no bias; u8 and tie give them one.
"""
import argparse
import os
import shutil
import sys
import time
from fractions import Fraction

import numpy as np
import onnx

from build import RANGE, Graph, f32, integers, random_state
from exact import OracleError
import stored
import stored_networks
from layers import layers
from oracle import Node, read_data_set, run

NODE_TESTS = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data", "node")

MOVES = {"Concat", "Flatten", "Pad", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
WINDOWS = {"AveragePool", "GlobalAveragePool", "MaxPool", "ReduceMean"}
PAIRS = {"Add", "Div", "Mul", "Sub"}
SINGLES = {"Clip", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Softmax", "Tanh"}
PRODUCTS = {"Conv", "Gemm", "MatMul"}
OPERATORS = MOVES | WINDOWS | PAIRS | SINGLES | PRODUCTS
BOUNDED = {"Sigmoid": (1 / 256, 0.0), "Softmax": (1 / 256, 0.0), "Tanh": (1 / 128, -1.0)}  # scale, smallest value
# Left out: not for a microcontroller, or not what the operator list promises: three spatial axes, indices of maxima, empty pieces.
# int8 Softmax may be off by 2^-12 step, so its cases keep twice that distance from ties.
SOFTMAX_MARGIN = Fraction(1, 2**11)
SKIP = ("_3d_default", "_3d_dilations", "with_argmax", "zero_size", "expanded", "training", "test_flatten_axis0_")


def node_tests():
    """(name, model, inputs) of the one-node float tests whose operator the oracle wraps."""
    for name in sorted(os.listdir(NODE_TESTS)):
        path = os.path.join(NODE_TESTS, name, "model.onnx")
        if any(s in name for s in SKIP) or not os.path.exists(path):
            continue
        model = onnx.load(path)
        nodes = model.graph.node
        if len(nodes) != 1 or nodes[0].op_type not in OPERATORS or nodes[0].domain:
            continue
        inputs, outputs = read_data_set(os.path.dirname(path) + "/test_data_set_0")
        if inputs[0].dtype != np.float32 or any(o.dtype != np.float32 for o in outputs):
            continue
        yield name[len("test_"):], model, inputs


def quantization(values, dtype, way, rng):
    """(scale, zero point) for values of this range."""
    low, high = RANGE[np.dtype(dtype)]
    bottom, top = min(float(values.min(initial=0)), 0.0), max(float(values.max(initial=0)), 0.0)
    span = max(top - bottom, 1e-3)
    if way == "tie":
        return power_of_two(span / 255), dtype(rng.choice([low, low + 1] if bottom == 0 else [high, high - 1] if top == 0 else [-1, 0, 1, 7]))
    scale = f32(span / 255)
    zero = int(np.clip(np.rint(low - bottom / float(scale)), low, high))
    if way == "u8":
        zero |= 1
    return scale, dtype(zero)


def power_of_two(scale):
    return f32(2.0 ** np.ceil(np.log2(scale)))


def to_integers(values, scale, zero, dtype):
    low, high = RANGE[np.dtype(dtype)]
    return np.clip(np.rint(values / np.float64(scale)) + int(zero), low, high).astype(dtype)


def extremes(rng, shape, dtype):
    low, high = RANGE[np.dtype(dtype)]
    ends = np.where(rng.randint(0, 2, size=shape) == 1, high, low)
    return np.where(rng.randint(0, 2, size=shape) == 1, ends, integers(rng, shape, dtype)).astype(dtype)


def activation(g, name, values, dtype, way, rng, divisor=False):
    """A quantized graph input, dequantized. A divisor never equals its zero point."""
    scale, zero = quantization(values, dtype, way, rng)
    low, high = RANGE[np.dtype(dtype)]
    if divisor:
        zero = dtype(low)
    sets = [to_integers(values, scale, zero, dtype), extremes(rng, values.shape, dtype)]
    if divisor:
        sets = [np.maximum(s, low + 1).astype(dtype) for s in sets]
    return g.dequantize(g.input(name, sets), scale, zero), scale, zero


def weights(g, values, axis, way, rng):
    """Constant weights, dequantized, and their scales: int8 per channel, uint8 with a zero point, or int8 in powers of two."""
    if way == "u8" or values.ndim < 2:
        dtype = np.uint8 if way == "u8" else np.int8
        scale, zero = quantization(values, dtype, way, rng)
        return g.dequantize(g.const(to_integers(values, scale, zero, dtype)), scale, zero), scale
    others = tuple(i for i in range(values.ndim) if i != axis % values.ndim)
    scale = f32(np.maximum(np.abs(values).max(axis=others), 1e-3) / 127)
    if way == "tie":
        scale = power_of_two(scale * 127 / 3)  # coarse, so that sums are small and halves frequent
    shape = [1] * values.ndim
    shape[axis] = -1
    q = to_integers(values, scale.reshape(shape), 0, np.int8)
    return g.dequantize(g.const(q), scale, np.zeros(scale.shape, np.int8), axis=axis % values.ndim), scale


def bias(g, values, scale, way):
    """int32, rank 0, 1 or 2; per channel only where it is a vector with as many elements as there are scales."""
    per_channel = values.ndim == 1 and values.size == scale.size
    scale = scale if per_channel or scale.size == 1 else f32(scale.max())
    scale = f32(scale * f32({"u8": 1.37, "tie": 4}.get(way, 1)))
    q = np.rint(values / scale.astype(np.float64)).astype(np.int32)
    if scale.size > 1:
        return g.dequantize(g.const(q), scale, np.zeros(scale.shape, np.int32), axis=0)
    return g.dequantize(g.const(q), scale.reshape(()), np.int32(0))


def channel_axis(op, attrs):
    if op == "Conv":
        return 0
    return 0 if op == "Gemm" and attrs.get("transB", 0) else -1


def wrap(name, model, inputs, way):
    """The node test as a Graph, or None where the way makes no sense for it."""
    for attempt in range(20):
        graph = wrap_once(name, model, inputs, way, random_state(f"{name}{way}{attempt or ''}"))
        if graph is None or model.graph.node[0].op_type != "Softmax" or softmax_margin(graph) > SOFTMAX_MARGIN:
            return graph
    raise OracleError("no data found that keep away from ties")


def softmax_margin(graph):
    """Smallest distance of a result from a tie, in output steps."""
    margin = Fraction(1)
    for i in range(graph.sets()):
        values = {}
        model = graph.proto(graph.outputs)
        run(model, [graph.data[n][i] for n in graph.inputs], values=values)
        softmax, quantize = model.graph.node[-2:]
        scale = Fraction(float(values[quantize.input[1]]))
        margin = min([margin] + [abs(v / scale % 1 - Fraction(1, 2)) for v in values[softmax.output[0]].fractions().reshape(-1)])
    return margin


def wrap_once(name, model, inputs, way, rng):
    proto = model.graph.node[0]
    op = proto.op_type
    opset = max(13, next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")))
    attrs = Node(proto, opset, [], []).attrs
    g = Graph(opset, ir=max(model.ir_version, 7))
    dtype = np.uint8 if way == "u8" else np.int8
    given = dict(zip((i.name for i in model.graph.input), inputs))
    slots = [given[n] if n else None for n in proto.input]
    if any(s is not None and s.size == 0 for s in slots):
        return None
    if way == "dyn" and op not in ("Gemm", "MatMul"):
        return None
    bare = way == "u8" and (op in MOVES or op == "MaxPool")
    args, first, weight_scale = [], None, None
    for i, value in enumerate(slots):
        if value is None:
            args.append("")
        elif value.dtype != np.float32 or (op == "Clip" and i > 0):
            args.append(value)  # shapes, axes and bounds are constants of the model
        elif op == "Pad" and i == 2:
            args.append(dtype(7) if bare else value)
        elif op in PRODUCTS and i == 1 and way != "dyn":
            arg, weight_scale = weights(g, value, channel_axis(op, attrs), way, rng)
            args.append(arg)
        elif op in PRODUCTS and i == 2:
            args.append(bias(g, value, f32(first[1] * weight_scale), way))
        elif bare:
            scale, zero = quantization(value, dtype, way, rng)
            args.append(g.input(f"x{i}", [to_integers(value, scale, zero, dtype), extremes(rng, value.shape, dtype)]))
        else:
            arg, scale, zero = activation(g, f"x{i}", value, dtype, way, rng, op == "Div" and i == 1)
            args.append(arg)
            first = first or (zero, scale)
            if op in PRODUCTS and i == 1:
                weight_scale = scale
    if op == "Conv" and len(slots) == 2 and way != "s8":
        args.append(bias(g, rng.randn(slots[1].shape[0]) * np.abs(slots[0]).max(), f32(first[1] * weight_scale), way))
    results = g.node(op, args, len(proto.output), name=name, **attrs)
    results = results if isinstance(results, list) else [results]
    for y in results:
        g.output(y if bare else requantize(g, op, y, dtype, way, first, rng))
    return g


def requantize(g, op, y, dtype, way, first, rng):
    low, high = RANGE[np.dtype(dtype)]
    zero, scale = first
    if op in BOUNDED:
        scale, bottom = BOUNDED[op]
        return g.quantize(y, scale, int(np.rint(low - bottom / scale)), dtype)[0]
    if way == "tie":
        bottom, top = g.observed(y)
        step = power_of_two(max(top - bottom, 1e-3) / 255)
        zero = np.rint(low - bottom / float(step)) + rng.choice([-2, -1, 0, 1])
        return g.quantize(y, step, int(np.clip(zero, low, high)), dtype)[0]
    if way == "s8" and (op in MOVES or op == "MaxPool"):
        return g.quantize(y, scale, zero, dtype)[0]  # the scale of the input: integers only move
    return g.quantize(y, dtype=dtype)[0]


# --- random layers ---


def random_layer(rng):
    """(kind, Graph) of one random layer; sizes small, everything else open."""
    kind = rng.choice(["conv", "conv", "depthwise", "dense", "gemm", "pool", "binary", "concat", "pointwise"])
    dtype = (np.int8, np.uint8)[rng.randint(2)]
    low, high = RANGE[np.dtype(dtype)]
    g = Graph(13)

    def tensor(name, shape):
        zero = dtype(rng.choice([low, high, rng.randint(low, high + 1)]))
        scale = snap(rng.choice([0.05, 2.0**-5, rng.rand() + 1e-3]))
        return g.dequantize(g.input(name, [integers(rng, shape, dtype), extremes(rng, shape, dtype)]), scale, zero), scale

    snap = power_of_two if rng.randint(4) == 0 else f32  # a quarter of the layers has ties
    act = [None, "Relu", (0.0, rng.rand()), (rng.rand(), rng.rand())][rng.randint(4)]
    if kind in ("conv", "depthwise", "pointwise", "dense", "gemm"):
        return kind, random_product(rng, g, kind, tensor, act, dtype, snap)
    n, c, h, w = 1, rng.randint(1, 9), rng.randint(1, 10), rng.randint(1, 10)
    if kind == "pool":
        k = [rng.randint(1, min(4, s) + 1) for s in (h, w)]
        attrs = {"kernel_shape": k, "strides": [rng.randint(1, 4), rng.randint(1, 4)]}
        attrs["pads"] = [rng.randint(0, k[0]), rng.randint(0, k[1]), rng.randint(0, k[0]), rng.randint(0, k[1])]
        op = ("MaxPool", "AveragePool")[rng.randint(2)]
        if op == "AveragePool":
            attrs["count_include_pad"] = rng.randint(2)
        close(g, op, [tensor("x", (n, c, h, w))[0]], dtype, None, snap, **attrs)
    elif kind == "binary":
        shape = (n, c, h, w)
        other = [shape, (c, 1, 1), (1,), (n, c, 1, 1), (w,)][rng.randint(5)]
        op = ("Add", "Sub", "Mul")[rng.randint(3)]
        close(g, op, [tensor("a", shape)[0], tensor("b", other)[0]], dtype, act, snap)
    else:
        parts = [tensor(f"x{i}", (n, rng.randint(1, 5), h, w))[0] for i in range(rng.randint(2, 5))]
        close(g, "Concat", parts, dtype, None, snap, axis=1)
    return kind, g


def close(g, op, args, dtype, act, snap, **attrs):
    """The operator, its clamp (None, "Relu" or bounds as parts of the range that occurs), and QuantizeLinear over the range that occurs."""
    y = g.node(op, args, **attrs)
    if act == "Relu":
        y = g.node("Relu", [y])
    elif act is not None:
        bottom, top = g.observed(y)
        y = g.node("Clip", [y, f32(act[0] * bottom), f32(act[1] * top)])
    bottom, top = g.observed(y)
    low, high = RANGE[np.dtype(dtype)]
    cover = 0.85 if act is None or len(g.nodes) % 2 else 1.3  # above 1 the bounds of a clamp lie inside the integer range
    scale = snap(max(top - bottom, 1e-3) * cover / 255)
    g.output(g.quantize(y, scale, int(np.clip(np.rint(low - bottom * cover / float(scale)), low, high)), dtype)[0])


def random_product(rng, g, kind, tensor, act, dtype, snap):
    wtype = (np.int8, np.int8, np.uint8)[rng.randint(3)]
    spread = integers if rng.randint(4) else lambda r, s, t: np.full(s, RANGE[np.dtype(t)][r.randint(2)], t)
    if kind in ("dense", "gemm"):
        k, m = rng.randint(1, 70), rng.randint(1, 20)
        x, sx = tensor("x", (rng.randint(1, 3), k))
        transposed = kind == "gemm" and rng.randint(2) == 1
        shape, axis, attrs = ((m, k), 0, {"transB": 1}) if transposed else ((k, m), 1, {})
    else:
        c = rng.randint(1, 12)
        m = c * rng.randint(1, 3) if kind == "depthwise" else rng.randint(1, 12)
        h, w = rng.randint(1, 10), rng.randint(1, 10)
        kernel = [1, 1] if kind == "pointwise" else [rng.randint(1, 5), rng.randint(1, 5)]
        dilations = [rng.randint(1, 3), rng.randint(1, 3)]
        need = [max(0, d * (k - 1) + 1 - s) for d, k, s in zip(dilations, kernel, (h, w))]
        pads = [0, 0, 0, 0] if kind == "pointwise" else [rng.randint(0, k + 1) for k in kernel * 2]
        pads = [max(p, n) for p, n in zip(pads, need * 2)]
        x, sx = tensor("x", (1, c, h, w))
        group = c if kind == "depthwise" else 1
        shape, axis = (m, c // group, *kernel), 0
        attrs = {"group": group, "pads": pads, "dilations": dilations, "strides": [rng.randint(1, 4), rng.randint(1, 4)]}
    per_channel = rng.randint(3) > 0
    size = (m,) if per_channel else ()
    sw = snap(0.002 + 0.05 * rng.rand(*size))
    zero = np.zeros(size, wtype) if wtype == np.int8 else integers(rng, size, wtype)
    wd = g.dequantize(g.const(spread(rng, shape, wtype)), sw, np.asarray(zero, wtype), **({"axis": axis} if per_channel else {}))
    args = [x, wd]
    if rng.randint(4):
        own = snap(sx * sw * f32(rng.choice([1.0, 1.0, 0.73, 9.1])))
        b = g.const(rng.randint(-3000, 3000, size=m).astype(np.int32))
        args.append(g.dequantize(b, own, np.zeros(size, np.int32), **({"axis": 0} if per_channel else {})))
    if kind == "dense" and len(args) == 3:
        args, op = [g.node("MatMul", args[:2]), args[2]], "Add"
    else:
        op = {"dense": "MatMul", "gemm": "Gemm"}.get(kind, "Conv")
    close(g, op, args, dtype, act, snap, **attrs)
    return g


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--random", nargs=2, type=int, metavar=("N", "SEED"))
    parser.add_argument("--stored", action="store_true")
    parser.add_argument("--networks", nargs=2, type=int, metavar=("N", "SEED"))
    parser.add_argument("--only", default="")
    parser.add_argument("--clean", action="store_true")
    options = parser.parse_args()
    start, written, refused = time.time(), set(), []

    def put(name, make):
        if options.only not in name:
            return
        try:
            graph = make()
            if graph is None:
                return
            graph.save(os.path.join(options.out, name))
            written.add(name)
        except (OracleError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as e:
            refused.append(f"{name}: {e}")

    tables = (stored.cases() if options.stored else []) + (stored_networks.networks(*options.networks) if options.networks else [])
    for name, make in tables:
        put(name, make)
    if options.random:
        count, seed = options.random
        for i in range(count):
            kind, graph = random_layer(random_state(f"random {seed} {i}"))
            put(f"random_{seed}_{i}_{kind}", lambda graph=graph: graph)
    elif not tables:
        for name, model, inputs in node_tests():
            for way in ("s8", "u8", "tie", "dyn"):
                put(f"{name}_{way}", lambda way=way: wrap(name, model, inputs, way))
        for name, make in layers():
            put(name, make)
    for line in refused:
        print(f"not written: {line}", file=sys.stderr)
    if options.clean:
        for name in os.listdir(options.out):
            if name not in written and os.path.exists(os.path.join(options.out, name, "model.onnx")):
                shutil.rmtree(os.path.join(options.out, name))
    print(f"{len(written)} cases in {options.out}, {time.time() - start:.1f} s")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
