#include "compiler/numerics/functions.h"

#include <bit>
#include <cmath>
#include <limits>

namespace burin {
namespace precise {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity(), kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kHalfPi = 1.5707963267948966, kPi = 3.141592653589793;

double absolute(double x) { return x < 0 ? -x : x; }
double with_sign(double magnitude, double sign) { return std::signbit(sign) ? -magnitude : magnitude; }

/// m * 2^n for |n| up to 2100, in steps that stay normal until the last.
double scaled(double m, int n) {
  while (n > 1000) m *= 0x1p1000, n -= 1000;
  while (n < -900) m *= 0x1p-900, n += 900;
  return m * std::bit_cast<double>(uint64_t(n + 1023) << 52);
}

/// x + x^2/2! + x^3/3! + ... for |x| at most 1/2
double expm1_series(double x) {
  double sum = 1;
  for (int i = 18; i >= 2; --i) sum = 1 + x / i * sum;
  return x * sum;
}

/// x + x^3/3 + x^5/5 + ... with signs all + (atanh) or alternating (atan), for |x| at most 0.34 and 0.2
double odd_series(double x, double sign) {
  const double z = x * x * sign;
  double sum = 0;
  for (int i = 35; i >= 1; i -= 2) sum = 1.0 / i + z * sum;
  return x * sum;
}

/// k and r with x = k * ln 2 + r, |r| at most 0.35; ln 2 in two parts, the first of 32 bits.
struct Reduced {
  double r;
  int k;
};
Reduced by_ln2(double x) {
  const int k = int(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
  return {(x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33, k};
}

/// pi/2 to 1250 bits, by Machin's formula: pi/4 = 4 atan(1/5) - atan(1/239).
const Rational& half_pi() {
  static const Rational value = [] {
    const auto inverse_atan = [](unsigned long n) {
      mpz_class power = (mpz_class(1) << 1280) / n, sum = 0;
      for (unsigned long i = 1; power != 0; i += 2, power /= n * n) sum += (i & 2 ? -power : power) / i;
      return sum;
    };
    Rational r(8 * inverse_atan(5) - 2 * inverse_atan(239), mpz_class(1) << 1280);
    r.canonicalize();
    return r;
  }();
  return value;
}

/// x modulo pi/2, exactly, and the quarter it lies in.
struct Angle {
  double r;
  unsigned quarter;
};
Angle by_half_pi(double x) {
  if (absolute(x) < 0.785) return {x, 0};
  const Rational turns = Rational(x) / half_pi();
  const mpz_class k = round_half_even(turns);
  const Rational rest = Rational(x) - half_pi() * k;
  return {rest.get_d(), unsigned(mpz_fdiv_ui(k.get_mpz_t(), 4))};
}

/// Taylor series at |r| up to pi/4: even terms from 1 or odd ones from r.
double trig_series(double r, bool cosine) {
  const double z = r * r;
  double sum = 1;
  for (int i = cosine ? 20 : 21; i >= 2; i -= 2) sum = 1 - z / (i * (i - 1)) * sum;
  return cosine ? sum : r * sum;
}
double sine(double x, unsigned quarters) {
  if (!(absolute(x) < kInfinity)) return kNaN;
  const Angle a = by_half_pi(x);
  const unsigned q = a.quarter + quarters;
  const double v = trig_series(a.r, q & 1);
  return q & 2 ? -v : v;
}

}  // namespace

double sqrt(double x) { return std::sqrt(x); }

double exp(double x) {
  if (x != x) return x;
  if (x > 710) return kInfinity;
  if (x < -746) return 0;
  const Reduced p = by_ln2(x);
  return scaled(1 + expm1_series(p.r), p.k);
}
double expm1(double x) { return absolute(x) < 0.5 ? expm1_series(x) : exp(x) - 1; }

double log(double x) {
  if (!(x > 0)) return x == 0 ? -kInfinity : kNaN;
  if (x == kInfinity) return x;
  int k = 0;
  if (x < 0x1p-1022) x *= 0x1p54, k = -54;
  // m in [sqrt(1/2), sqrt(2)): log m = 2 atanh((m - 1) / (m + 1)), |argument| at most 0.172
  const uint64_t bits = std::bit_cast<uint64_t>(x) + (uint64_t(0x3FF00000 - 0x3FE6A09E) << 32);
  const double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFull) + (uint64_t(0x3FE6A09E) << 32));
  k += int(bits >> 52) - 1023;
  return k * 0x1.62e42feep-1 + (2 * odd_series((m - 1) / (m + 1), 1) + k * 0x1.a39ef35793c76p-33);
}
double log1p(double x) { return absolute(x) < 0.5 ? 2 * odd_series(x / (2 + x), 1) : log(1 + x); }
double pow(double x, double y) { return exp(y * log(x)); }

double sigmoid(double x) {
  const double e = exp(-absolute(x));
  return (x < 0 ? e : 1) / (1 + e);
}
double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-absolute(x))); }

double tanh(double x) {
  if (absolute(x) > 20) return with_sign(1, x);
  const double e = expm1(2 * absolute(x));
  return with_sign(e / (e + 2), x);
}
double sinh(double x) {
  const double a = absolute(x);
  if (a > 40) return with_sign(a > 700 ? exp(a - 1) * 1.3591409142295225 : exp(a) * 0.5, x);
  const double e = expm1(a);
  return with_sign(0.5 * (e + e / (1 + e)), x);
}
double cosh(double x) {
  const double a = absolute(x);
  if (a > 700) return exp(a - 1) * 1.3591409142295225;
  const double e = exp(a);
  return 0.5 * (e + 1 / e);
}
double asinh(double x) {
  const double a = absolute(x);
  if (a == kInfinity) return x;
  if (a > 1e9) return with_sign(log(a) + 0.6931471805599453, x);
  return with_sign(log1p(a + a * a / (1 + sqrt(1 + a * a))), x);
}
double acosh(double x) {
  if (!(x >= 1)) return kNaN;
  if (x > 1e9) return log(x) + 0.6931471805599453;
  const double t = x - 1;
  return log1p(t + sqrt(2 * t + t * t));
}
double atanh(double x) {
  const double a = absolute(x);
  if (!(a <= 1)) return kNaN;
  return with_sign(a == 1 ? kInfinity : 0.5 * log1p(2 * a / (1 - a)), x);
}

/// erf x = 2/sqrt(pi) * e^(-x^2) * (x + 2x^3/3 + 4x^5/15 + ...): all terms have one sign.
double erf(double x) {
  if (x != x) return x;
  const double a = absolute(x);
  if (a > 6) return with_sign(1, x);
  double term = a, sum = a;
  for (int i = 1; term > sum * 1e-18; ++i) sum += term *= 2 * a * a / (2 * i + 1);
  return with_sign(1.1283791670955126 * exp(-a * a) * sum, x);
}
double gelu(double x) {
  if (x == -kInfinity) return 0;
  return 0.5 * x * (1 + erf(x * 0.7071067811865476));
}

double sin(double x) { return sine(x, 0); }
double cos(double x) { return sine(x, 1); }
double tan(double x) { return sin(x) / cos(x); }

double atan(double x) {
  if (x != x) return x;
  const double a = absolute(x);
  if (a > 1e17) return with_sign(kHalfPi, x);
  // Halving the angle three times: tan(t/2) = tan t / (1 + sqrt(1 + tan^2 t)); an angle of pi/2 becomes pi/16, whose
  // tangent is 0.2.
  double t = a;
  for (int i = 0; i < 3; ++i) t = t / (1 + sqrt(1 + t * t));
  return with_sign(8 * odd_series(t, -1), x);
}
double asin(double x) {
  const double a = absolute(x);
  if (!(a <= 1)) return kNaN;
  return with_sign(2 * atan(a / (1 + sqrt((1 - a) * (1 + a)))), x);
}
double acos(double x) {
  if (!(absolute(x) <= 1)) return kNaN;
  return x == -1 ? kPi : 2 * atan(sqrt((1 - x) / (1 + x)));
}

}  // namespace precise

namespace {

void check(const TableInput& x, const TableOutput& y) {
  if (x.lo > x.hi || int64_t(x.hi) - x.lo > 65535 || y.range.lo > y.range.hi)
    throw std::invalid_argument("table: a range is empty or wider than 16 bits");
  if (sgn(y.scale) <= 0) throw std::domain_error("table: the output scale is not positive");
}

Rational real_value(const TableInput& x, int32_t stored) {
  return x.scale * Rational(mpz_class(long(stored) - x.zero_point));
}

}  // namespace

std::vector<int32_t> exact_table(const TableInput& x, const TableOutput& y,
                                 const std::function<Rational(const Rational&)>& f) {
  check(x, y);
  std::vector<int32_t> entries;
  for (int32_t stored = x.lo; stored <= x.hi; ++stored)
    entries.push_back(quantize_exactly(f(real_value(x, stored)) / y.scale, y.range.zero_point, y.range.lo, y.range.hi));
  return entries;
}

std::vector<int32_t> rounded_table(const TableInput& x, const TableOutput& y, const std::function<double(double)>& f) {
  check(x, y);
  std::vector<int32_t> entries;
  for (int32_t stored = x.lo; stored <= x.hi; ++stored) {
    const double v = f(real_value(x, stored).get_d());
    if (std::isinf(v)) entries.push_back(v > 0 ? y.range.hi : y.range.lo);
    else
      entries.push_back(quantize_exactly(std::isnan(v) ? Rational(0) : Rational(Rational(v) / y.scale),
                                         y.range.zero_point, y.range.lo, y.range.hi));
  }
  return entries;
}

SoftmaxPlan plan_softmax(const Rational& x_scale, const Rational& y_scale, RequantRange range) {
  if (sgn(x_scale) <= 0 || sgn(y_scale) <= 0) throw std::domain_error("softmax: a scale is not positive");
  if (y_scale < Rational(1, 1 << 14)) throw std::domain_error("softmax: an output scale below 2^-14 is not supported");
  SoftmaxPlan plan;
  // e^(-scale * d) = coarse[d / 16] * fine[d % 16]
  const double s = x_scale.get_d();
  for (int i = 0; i < 32; ++i)
    plan.table.push_back(uint32_t(precise::exp(-s * (i < 16 ? 16 * i : i - 16)) * 0x1p31 + 0.5));
  // 1 / y_scale = inverse * 2^-exponent with inverse in [2^31, 2^32)
  mpz_class inverse;
  int exponent = 0;
  for (exponent = 63; exponent >= -63; --exponent) {
    Rational v = 1 / y_scale;
    if (exponent >= 0) v *= mpz_class(1) << mp_bitcnt_t(exponent);
    else v /= mpz_class(1) << mp_bitcnt_t(-exponent);
    inverse = round_half_even(v);
    if (inverse < (mpz_class(1) << 32)) break;
  }
  plan.device = {uint32_t(inverse.get_ui()), exponent, range.zero_point, range.lo, range.hi};
  return plan;
}

}  // namespace burin
