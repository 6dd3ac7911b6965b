// Exact arithmetic: the numbers that a model's float32 scales stand for, and the rounding that the law asks for.
#pragma once
#include <gmpxx.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>

namespace burin {

using Rational = mpq_class;

static_assert(sizeof(long) == sizeof(int64_t), "GMP's conversions from long carry 64 bits here");

/// The number that a float stands for. Throws std::domain_error for infinities and NaN.
inline Rational exact(double value) {
  if (!std::isfinite(value)) throw std::domain_error("a scale or constant is infinite or not a number");
  return Rational(value);
}
inline Rational exact(float value) { return exact(double(value)); }

/// The largest integer not above the value.
inline mpz_class floor_of(const Rational& value) {
  mpz_class result;
  mpz_fdiv_q(result.get_mpz_t(), value.get_num_mpz_t(), value.get_den_mpz_t());
  return result;
}

/// The nearest integer; halves go to the even neighbour.
inline mpz_class round_half_even(const Rational& value) {
  const mpz_class twice = 2 * value.get_num() + value.get_den(), divisor = 2 * value.get_den();
  mpz_class quotient, remainder;
  mpz_fdiv_qr(quotient.get_mpz_t(), remainder.get_mpz_t(), twice.get_mpz_t(), divisor.get_mpz_t());
  if (remainder == 0 && mpz_odd_p(quotient.get_mpz_t())) --quotient;
  return quotient;
}

/// clamp(round_half_even(value) + zero_point, lo, hi), whatever the size of the value.
inline int32_t quantize_exactly(const Rational& value, int32_t zero_point, int32_t lo, int32_t hi) {
  const mpz_class q = round_half_even(value) + zero_point;
  return q <= lo ? lo : q >= hi ? hi : int32_t(q.get_si());
}

}  // namespace burin
