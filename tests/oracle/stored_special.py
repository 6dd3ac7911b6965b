"""Forms that exporters write with stored integers (stored.py): functions of (net, type), which make the whole net."""
import numpy as np
from onnx import TensorProto

from build import f32, integers
from stored_net import I64, IMAGE, S8, S32, U8, Net, constant
from stored_operators import divisor


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
