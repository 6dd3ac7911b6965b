"""The net that the cases and networks of stored.py are made with."""
import numpy as np
from onnx import helper

import oracle
from build import Graph, data_sets, f32, integers, random_state
from exact import Real

S8, U8, S16, S32 = (np.dtype(t) for t in (np.int8, np.uint8, np.int16, np.int32))
BYTES, SIGNED, WIDE = (S8, U8), (S8, S16, S32), (S8, U8, S16, S32)
I64 = np.int64
IMAGE = (1, 3, 4, 5)


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


def constant(g, values, dtype=S8):
    """DequantizeLinear of a constant near `values`."""
    values = np.asarray(values, np.float64)
    low, high = oracle.limits(dtype)
    zero = 0 if dtype == S32 else g.rng.randint(-5, 5) if dtype == S8 else 120
    scale = f32(max(np.abs(values).max(), 0.01) / (5000 if dtype == S32 else 100))
    q = np.clip(np.rint(values / float(scale)) + zero, low, high).astype(dtype)
    return g.dequantize(g.const(q), scale, dtype.type(zero))
