"""Stored integers: what stands between QuantizeLinear (or QLinearConv, ...) and DequantizeLinear acts on integers, whatever scale
somebody else gives them (`generate.py --stored`).

OPERATORS (stored_operators.py) are the operators that ONNX gives int8 and uint8 (and int16, int32), one line each; PLACES are the
surroundings in which an operator meets stored integers. Each operator stands in each place, in every second one with uint8. Specials
(stored_special.py) are forms that exporters write: clipped weights, tables, weights behind Transpose, float16 scales, constants behind
DequantizeLinear. stored_networks.py makes random networks of them.
"""
import numpy as np

from stored_net import BYTES, IMAGE, S16, Net
from stored_operators import OPERATORS
from stored_special import special, specials

# --- places: functions of (net, operator, type), which make the whole net ---


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
