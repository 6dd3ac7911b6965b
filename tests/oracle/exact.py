"""Real numbers, exactly.

A tensor of reals is an integer tensor times a unit: value = num * unit, unit a Fraction (one for the tensor or one per index of
some axes, broadcast). Scales in ONNX files are float32 numbers, which are rationals, so what DequantizeLinear, convolutions,
sums, products and means make of them stays exact; only exp, tanh and square roots need digits: DIGITS decimal digits, far
more than it takes to decide a rounding (a value of these functions at a rational argument is never a tie except where it is
rational itself, and those arguments - zero, equal rows, perfect squares - come out exactly).
"""
import decimal
import math
from fractions import Fraction

import numpy as np

DIGITS = 60
_context = decimal.Context(prec=DIGITS + 10)

# How far a real is from its DequantizeLinear. FRESH: only moved. MATMUL: may still get its bias. DONE: may still be clamped.
FRESH, MATMUL, DONE = "fresh", "matmul", "done"


class OracleError(Exception):
    pass


def fraction_gcd(a, b):
    """Largest unit of which both are integer multiples."""
    if a == b:
        return a
    return Fraction(math.gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator)


def fractions_of(array):
    """Object array of Fractions that equal the floats (or integers) exactly."""
    array = np.asarray(array)
    out = np.empty(array.shape, dtype=object)
    flat = out.reshape(-1)
    for i, v in enumerate(array.reshape(-1)):
        if isinstance(v, (Fraction, int)):
            flat[i] = Fraction(v)
            continue
        v = float(v)
        if not math.isfinite(v):
            raise OracleError(f"{v} is not a real number")
        flat[i] = Fraction(v)
    return flat.reshape(array.shape)


def as_objects(array):
    """The same integers as Python integers, which never overflow."""
    array = np.asarray(array)
    return array if array.dtype == object else array.astype(object)


_gcd = np.frompyfunc(fraction_gcd, 2, 1)
_ratio = np.frompyfunc(lambda a, b: int(a / b), 2, 1)  # only where a is a multiple of b


def object_array(value):
    return value if isinstance(value, np.ndarray) else np.array(value, dtype=object)


class Real:
    """types: the float types that the file gives these numbers, one after the other; they have them once they are read as floats."""

    def __init__(self, num, unit, stage=FRESH, types=(np.float32,)):
        self.num = np.asarray(num)
        self.unit = object_array(unit)
        self.stage = stage
        self.types = types

    @property
    def shape(self):
        return self.num.shape

    @staticmethod
    def of_fractions(values, stage=FRESH):
        values = np.asarray(values, dtype=object)
        common = 1
        for v in values.reshape(-1):
            common = math.lcm(common, v.denominator)
        num = np.empty(values.shape, dtype=object)
        num.reshape(-1)[:] = [v.numerator * (common // v.denominator) for v in values.reshape(-1)]
        return Real(num, Fraction(1, common), stage)

    @staticmethod
    def of_floats(array, stage=FRESH):
        return Real.of_fractions(fractions_of(array), stage)

    def in_unit(self, unit):
        """num when counted in `unit`, of which every own unit must be a multiple."""
        factor = object_array(_ratio(self.unit, unit))
        if factor.size == 1 and factor.reshape(-1)[0] == 1:
            return self.num
        return as_objects(self.num) * factor

    def flat(self):
        """The same numbers with one unit for the whole tensor."""
        if self.unit.size == 1:
            return Real(self.num, self.unit.reshape(-1)[0], self.stage)
        unit = None
        for u in self.unit.reshape(-1):
            unit = u if unit is None else fraction_gcd(unit, u)
        num = np.broadcast_to(self.in_unit(unit), np.broadcast_shapes(self.num.shape, self.unit.shape))
        return Real(num, unit, self.stage)

    def one_unit(self):
        return self.flat().unit.reshape(-1)[0]

    def fractions(self):
        return object_array(np.frompyfunc(Fraction, 1, 1)(as_objects(self.num)) * self.unit)

    def floats(self, dtype=None):
        """Nearest float of each number."""
        out = np.array([float(v) for v in self.fractions().reshape(-1)], dtype=np.float64).reshape(self.shape)
        for t in [dtype] if dtype else self.types:
            out = out.astype(t)
        return out

    def map(self, function, stage=DONE):
        """Apply a function from Fraction to Fraction; equal arguments are computed once."""
        flat = self.flat()
        unit, done = flat.one_unit(), {}
        out = np.empty(flat.shape, dtype=object)
        for i, n in enumerate(flat.num.reshape(-1)):
            n = int(n)
            if n not in done:
                done[n] = function(n * unit)
            out.reshape(-1)[i] = done[n]
        return Real.of_fractions(out, stage)


def common_unit(reals):
    """(unit, [num...]): all in one scalar unit."""
    flats = [r.flat() for r in reals]
    unit = flats[0].one_unit()
    for f in flats[1:]:
        unit = fraction_gcd(unit, f.one_unit())
    return unit, [f.in_unit(unit) for f in flats]


def add(a, b, stage=DONE, sign=1):
    """a + sign * b; units that differ per channel stay per channel."""
    rank = max(a.num.ndim, b.num.ndim)
    a, b = (r if r.unit.size == 1 else Real(r.num, lift(r.unit, rank)) for r in (a, b))
    unit = object_array(_gcd(a.unit, b.unit))
    return Real(as_objects(a.in_unit(unit)) + sign * as_objects(b.in_unit(unit)), unit, stage)


def multiply(a, b, stage=DONE):
    rank = max(a.num.ndim, b.num.ndim)
    return Real(as_objects(a.num) * as_objects(b.num), object_array(lift(a.unit, rank) * lift(b.unit, rank)), stage)


def divide(a, b, stage=DONE):
    if any(int(n) == 0 for n in b.num.reshape(-1)):
        raise OracleError("a real number divided by zero has no value")
    a, b = a.flat(), b.flat()
    quotient = np.frompyfunc(lambda x, y: Fraction(int(x), int(y)), 2, 1)(as_objects(a.num), as_objects(b.num))
    result = Real.of_fractions(quotient, stage)
    return Real(result.num, result.unit * (a.one_unit() / b.one_unit()), stage)


def lift(unit, rank):
    """A unit of the tensor's full rank gets leading ones, so that it broadcasts the way ONNX broadcasts tensors."""
    return unit.reshape((1,) * (rank - unit.ndim) + unit.shape) if unit.size > 1 else unit.reshape(())


def clamp(a, low, high, stage=DONE):
    """low, high: Fraction or None. ONNX Clip is min(max(x, low), high), so that high wins when low > high."""
    for bound, pick in ((low, np.maximum), (high, np.minimum)):
        if bound is None:
            continue
        bound = Fraction(bound)
        if bound == 0:
            a = Real(pick(as_objects(a.num), 0), a.unit, stage)
            continue
        # |bound| as a unit: bound = +-1 * |bound|
        unit = object_array(_gcd(a.unit, np.array(abs(bound), dtype=object)))
        limit = object_array(_ratio(np.array(bound, dtype=object), unit))
        a = Real(pick(as_objects(a.in_unit(unit)), limit), unit, stage)
    return Real(a.num, a.unit, stage)


def mean_of_sums(sums, counts, stage=DONE):
    """sums: Real; counts: positive integers, broadcast against it."""
    counts = np.asarray(counts)
    common = math.lcm(*[int(c) for c in np.unique(counts)])
    factor = np.array([common // int(c) for c in counts.reshape(-1)], dtype=object).reshape(counts.shape)
    return Real(as_objects(sums.num) * factor, object_array(sums.unit / common), stage)


def round_half_even(num, factor):
    """Nearest integers of num * factor (factor: positive Fractions, broadcast); ties go to the even one."""
    p = object_array(np.frompyfunc(lambda f: f.numerator, 1, 1)(factor))
    q = object_array(np.frompyfunc(lambda f: f.denominator, 1, 1)(factor))
    twice = 2 * as_objects(num) * p + q
    whole = object_array(twice // (2 * q))
    tie = object_array(twice % (2 * q)) == 0
    odd = object_array(whole % 2) == 1
    return whole - (tie & odd).astype(int).astype(object)


# --- functions that are not rational ---


def _decimal(x):
    return _context.divide(decimal.Decimal(x.numerator), decimal.Decimal(x.denominator))


def exp(x):
    """exp of a Fraction as Decimal; arguments below -10**6 are 0 as far as DIGITS digits can tell."""
    if x < -10**6:
        return decimal.Decimal(0)
    return _context.exp(_decimal(x))


def to_fraction(d):
    """Rounded to DIGITS places after the point."""
    return Fraction(int(_context.to_integral_value(_context.scaleb(d, DIGITS))), 10**DIGITS)


def sigmoid(x):
    if x == 0:
        return Fraction(1, 2)
    e = exp(-abs(x))
    small = to_fraction(_context.divide(e, _context.add(e, decimal.Decimal(1))))  # sigmoid(-|x|)
    return small if x < 0 else 1 - small


def tanh(x):
    return 2 * sigmoid(2 * x) - 1


def softmax_row(row):
    """List of Fractions -> list of Fractions."""
    top = max(row)
    if min(row) == top:
        return [Fraction(1, len(row))] * len(row)
    powers = [exp(v - top) for v in row]
    total = decimal.Decimal(0)
    for p in powers:
        total = _context.add(total, p)
    return [to_fraction(_context.divide(p, total)) for p in powers]


def square_root(x):
    """Exact when x is a square of a rational."""
    shift = 10 ** (2 * DIGITS)
    n, d = math.isqrt(x.numerator), math.isqrt(x.denominator)
    if n * n == x.numerator and d * d == x.denominator:
        return Fraction(n, d)
    return Fraction(math.isqrt(x.numerator * shift * shift // x.denominator), shift)
