"""Random networks of stored integers (stored.py)."""
import oracle
from build import f32
from stored_net import BYTES, WIDE, Net, constant
from stored_operators import OPERATORS

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
