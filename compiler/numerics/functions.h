// Operators with one quantized input: tables of at most 65,536 entries; and real functions in double that give the same
// bits on every host, because they use +, -, *, / and the correctly rounded sqrt only (no libm; build with
// -ffp-contract=off).
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "compiler/numerics/rational.h"
#include "compiler/numerics/requantize.h"
#include "runtime-min/kernels/softmax_s8.h"

namespace burin {

/// A stored input stands for scale * (x - zero_point), x in lo..hi.
struct TableInput {
  Rational scale;
  int32_t zero_point, lo, hi;
};
/// A result v is stored as clamp(round_half_even(v / scale) + range.zero_point, range.lo, range.hi).
struct TableOutput {
  Rational scale;
  RequantRange range;
};

/// The stored result for every stored input, lo first, of a function that rational arithmetic can evaluate: exact.
std::vector<int32_t> exact_table(const TableInput& x, const TableOutput& y,
                                 const std::function<Rational(const Rational&)>& f);

/// The same of a function of doubles: the input is exact (33 bits), the quotient by the output scale exact for the
/// double that f returns, so the result is correctly rounded unless f's true value lies within f's error (about 1e-15)
/// of a half. Infinities saturate; where f gives no number (the logarithm of a negative one) the entry is that of 0.
std::vector<int32_t> rounded_table(const TableInput& x, const TableOutput& y, const std::function<double(double)>& f);

/// Softmax from int8 or uint8 to int8 or uint8: what runtime-min/kernels/softmax_s8.h takes.
struct SoftmaxPlan {
  SoftmaxQuant device;
  std::vector<uint32_t> table;  // kSoftmaxTable words
};
/// Throws std::domain_error for output scales below 2^-14, with which 32-bit fractions would not keep within 0.5 +
/// 2^-12 step.
SoftmaxPlan plan_softmax(const Rational& x_scale, const Rational& y_scale, RequantRange range);

/// Errors below 4 ulp of double (2^-50) unless something else is said. NaN gives NaN, poles give infinities.
namespace precise {

double exp(double x);
double expm1(double x);
double log(double x);
double log1p(double x);
double pow(double x, double y);  // x > 0; the error grows with |y log x|
double sigmoid(double x);
double softplus(double x);
double tanh(double x);
double sinh(double x);
double cosh(double x);
double asinh(double x);
double acosh(double x);
double atanh(double x);
double erf(double x);
double gelu(double x);  // x * (1 + erf(x / sqrt 2)) / 2; absolute error
double sqrt(double x);
double sin(double x);  // any size: reduced exactly
double cos(double x);
double tan(double x);
double asin(double x);
double acos(double x);
double atan(double x);

}  // namespace precise
}  // namespace burin
