// Tables of quantized one-operand functions: the correctly rounded result for every stored x. Piecewise rational
// functions in exact arithmetic; the others by deterministic double functions, whose error of a few 2^-52 is far below
// the distance of any entry to a rounding boundary but for exact ties (tanh(0) = 0 and the like, which those functions
// give exactly).
#include <cmath>
#include <optional>

#include "compiler/numerics/functions.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/elements.h"
#include "compiler/ops/unary.h"

namespace burin {
namespace {

using K = UnaryKind;

Rational limited(const Rational& v, const Rational& lo, const Rational& hi) { return v > hi ? hi : v < lo ? lo : v; }

/// f(x) where f is piecewise rational.
std::optional<Rational> rational_value(const Unary& op, const Rational& x) {
  auto alpha = [&] { return exact(op.alpha); };
  auto beta = [&] { return exact(op.beta); };
  switch (op.kind) {
    case K::requantize:
      return x;
    case K::relu:
      return x < 0 ? Rational(0) : x;
    case K::leaky_relu:
      return x < 0 ? Rational(x * alpha()) : x;
    case K::clip: {
      Rational v = x;
      if (std::isfinite(op.alpha) && v < alpha()) v = alpha();
      if (std::isfinite(op.beta) && v > beta()) v = beta();
      return v;
    }
    case K::hard_sigmoid:
      return limited(x * alpha() + beta(), 0, 1);
    case K::hard_swish:
      return Rational(x * limited(x / 6 + Rational(1, 2), 0, 1));
    case K::neg:
      return Rational(-x);
    case K::abs:
      return abs(x);
    case K::sign:
      return Rational(sgn(x));
    case K::floor:
      return Rational(floor_of(x));
    case K::ceil:
      return Rational(-floor_of(-x));
    case K::round:
      return Rational(round_half_even(x));
    case K::softsign:
      return Rational(x / (1 + abs(x)));
    case K::thresholded_relu:
      return x > alpha() ? x : Rational(0);
    case K::shrink:
      return x < -alpha() ? Rational(x + beta()) : x > alpha() ? Rational(x - beta()) : Rational(0);
    default:
      return std::nullopt;
  }
}

/// f(x) of the other kinds.
double real_value(const Unary& op, double x) {
  const double a = double(op.alpha), b = double(op.beta);
  switch (op.kind) {
    case K::sigmoid:
      return precise::sigmoid(x);
    case K::tanh:
      return precise::tanh(x);
    case K::exp:
      return precise::exp(x);
    case K::log:
      return precise::log(x);
    case K::sqrt:
      return precise::sqrt(x);
    case K::reciprocal:
      return 1 / x;
    case K::erf:
      return precise::erf(x);
    case K::sin:
      return precise::sin(x);
    case K::cos:
      return precise::cos(x);
    case K::tan:
      return precise::tan(x);
    case K::asin:
      return precise::asin(x);
    case K::acos:
      return precise::acos(x);
    case K::atan:
      return precise::atan(x);
    case K::sinh:
      return precise::sinh(x);
    case K::cosh:
      return precise::cosh(x);
    case K::asinh:
      return precise::asinh(x);
    case K::acosh:
      return precise::acosh(x);
    case K::atanh:
      return precise::atanh(x);
    case K::elu:
      return x < 0 ? a * precise::expm1(x) : x;
    case K::selu:
      return b * (x < 0 ? a * precise::expm1(x) : x);
    case K::celu:
      return x < 0 ? a * precise::expm1(x / a) : x;
    case K::softplus:
      return precise::softplus(x);
    case K::mish:
      return x * precise::tanh(precise::softplus(x));
    case K::swish:
      return x * precise::sigmoid(a * x);
    case K::gelu:
      return precise::gelu(x);
    case K::gelu_tanh:
      return 0.5 * x * (1 + precise::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    default:
      throw InternalError("a unary operator has no table");
  }
}

}  // namespace

std::vector<uint8_t> table(const Unary& op, const Type& x, const Type& y) {
  const DTypeInfo& stored = info(x.dtype);
  const TableInput in{exact(x.quant.scale[0]), x.quant.zero_point[0], int32_t(stored.lo), int32_t(stored.hi)};
  const TableOutput out{exact(y.quant.scale[0]), requant_range(y, {})};
  const std::vector<int32_t> values =
      rational_value(op, 0) ? exact_table(in, out, [&](const Rational& v) { return *rational_value(op, v); })
                            : rounded_table(in, out, [&](double v) { return real_value(op, v); });
  std::vector<uint8_t> r(256);
  for (size_t i = 0; i < values.size(); ++i) r[uint8_t(stored.lo + int64_t(i))] = uint8_t(values[i]);
  return r;
}

}  // namespace burin
