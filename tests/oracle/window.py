"""Geometry of Conv and the pools, as ONNX's text gives it, for any number of spatial axes."""
import itertools

import numpy as np

from exact import OracleError


class Window:
    """kernel, strides, dilations, begin/end pads, output sizes and the padded extent of the input, per spatial axis."""

    def __init__(self, attrs, spatial, kernel):
        n = len(spatial)
        self.spatial = list(spatial)
        self.kernel = list(kernel)
        self.strides = list(attrs.get("strides", [1] * n))
        self.dilations = list(attrs.get("dilations", [1] * n))
        self.extent = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations)]
        auto = attrs.get("auto_pad", "NOTSET")
        ceil_mode = attrs.get("ceil_mode", 0)
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            self.out = [-(-i // s) for i, s in zip(spatial, self.strides)]
            total = [max((o - 1) * s + e - i, 0) for o, s, e, i in zip(self.out, self.strides, self.extent, spatial)]
            low = [t // 2 if auto == "SAME_UPPER" else t - t // 2 for t in total]
            self.begin, self.end = low, [t - b for t, b in zip(total, low)]
        elif auto in ("NOTSET", "VALID", ""):
            pads = list(attrs.get("pads", [0] * 2 * n)) if auto != "VALID" else [0] * 2 * n
            self.begin, self.end = pads[:n], pads[n:]
            self.out = []
            for i, s, e, b, f in zip(spatial, self.strides, self.extent, self.begin, self.end):
                span = i + b + f - e
                if span < 0:
                    raise OracleError("the kernel is larger than the padded input")
                o = (-(-span // s) if ceil_mode else span // s) + 1
                if ceil_mode and (o - 1) * s >= i + b:
                    o -= 1  # a window that starts in the padding behind the input does not count
                self.out.append(o)
        else:
            raise OracleError(f"auto_pad {auto}")
        # Room behind the input so that each window (also one that ceil_mode lets stick out) can be sliced.
        self.tail = [max((o - 1) * s + e - b - i, 0) for o, s, e, b, i in
                     zip(self.out, self.strides, self.extent, self.begin, spatial)]

    def padded(self, x, fill):
        """x [N, C, spatial...] with `fill` around."""
        return np.pad(x, [(0, 0), (0, 0)] + list(zip(self.begin, self.tail)), constant_values=fill)

    def taps(self):
        return itertools.product(*[range(k) for k in self.kernel])

    def at(self, padded, tap):
        """What every window sees at kernel position `tap`: [N, C, out...]."""
        index = [slice(None), slice(None)]
        for t, d, s, o in zip(tap, self.dilations, self.strides, self.out):
            index.append(slice(t * d, t * d + (o - 1) * s + 1, s))
        return padded[tuple(index)]

    def counts(self, include_pad):
        """Number of elements each window averages: [1, 1, out...]."""
        ones = np.ones((1, 1, *self.spatial), dtype=np.int64)
        if include_pad:  # the declared padding counts, what ceil_mode adds behind it does not
            widths = [(b, min(e, t)) for b, e, t in zip(self.begin, self.end, self.tail)]
            ones = np.pad(ones, [(0, 0), (0, 0)] + widths, constant_values=1)
            rest = [(0, t - w[1]) for t, w in zip(self.tail, widths)]
            ones = np.pad(ones, [(0, 0), (0, 0)] + rest, constant_values=0)
        else:
            ones = self.padded(ones, 0)
        total = 0
        for tap in self.taps():
            total = total + self.at(ones, tap)
        return total


def exact_matmul(a, b):
    """Integer matrix product without rounding: doubles hold integers up to 2**53, beyond that Python integers."""
    bound = 0
    if a.size and b.size:
        bound = int(np.abs(a).max()) * int(np.abs(b).max()) * a.shape[-1]
    if bound < 2**53 and a.dtype != object and b.dtype != object:
        return np.rint(np.matmul(a.astype(np.float64), b.astype(np.float64))).astype(np.int64)
    return np.matmul(a.astype(object), b.astype(object))


def convolve(x, w, window, group, product, zero):
    """x [N, C, ...], w [M, C/group, kernel...] -> [N, M, out...]; `product` multiplies matrices of the number kind at hand."""
    n, c, m = x.shape[0], x.shape[1], w.shape[0]
    if c != w.shape[1] * group or m % group:
        raise OracleError(f"{c} channels, weights {w.shape}, group {group}")
    padded = window.padded(x, zero)
    total = None
    for tap in window.taps():
        seen = window.at(padded, tap).reshape(n, group, c // group, -1)
        weights = w[(slice(None), slice(None), *tap)].reshape(1, group, m // group, c // group)
        term = product(weights, seen)
        total = term if total is None else total + term
    return total.reshape((n, m, *window.out))
