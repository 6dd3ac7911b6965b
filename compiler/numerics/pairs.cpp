#include "compiler/numerics/pairs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

namespace burin {
namespace {

__extension__ typedef __int128 Int128;

constexpr int64_t kInt32Min = std::numeric_limits<int32_t>::min(), kInt32Max = std::numeric_limits<int32_t>::max();

Int128 to_int128(const mpz_class& v) {
  const mpz_class high = v >> 64, low = v - (high << 64);
  return (Int128(high.get_si()) << 64) | Int128((unsigned long)low.get_ui());
}

Rational rational(int64_t v) { return Rational(mpz_class(long(v))); }

/// The problem with its exact answers.
struct Pairs {
  Rational kx, ky;
  int32_t zx, zy;
  RequantRange range;
  OperandRange x, y;
  std::vector<int32_t> expected;

  size_t columns() const { return size_t(y.hi - y.lo + 1); }
  Rational value(int32_t a, int32_t b) const { return kx * rational(a - zx) + ky * rational(b - zy); }
};

/// One row of results: y rises by one, the numerator by a constant, so one division serves the whole row.
template <class Integer>
void fill_row(int32_t* row, size_t columns, Integer quotient, Integer remainder, Integer quotient_step,
              Integer remainder_step, const Integer& divisor, const Integer& low, const Integer& high,
              const RequantRange& range) {
  for (size_t i = 0; i < columns; ++i) {
    if (quotient < low) row[i] = range.lo;
    else if (quotient > high) row[i] = range.hi;
    else {
      int32_t q;
      if constexpr (std::is_same_v<Integer, mpz_class>) q = int32_t(quotient.get_si());
      else q = int32_t(quotient);
      if (remainder == 0 && (q & 1)) --q;
      row[i] = std::clamp(q + range.zero_point, range.lo, range.hi);
    }
    quotient += quotient_step;
    remainder += remainder_step;
    if (remainder >= divisor) {
      remainder -= divisor;
      quotient += 1;
    }
  }
}

void check(const RequantRange& range, OperandRange x, OperandRange y) {
  for (const auto& [lo, hi] : {OperandRange{range.lo, range.hi}, x, y})
    if (lo > hi || int64_t(hi) - lo > 255)
      throw std::invalid_argument("two-input operators are proven for 8-bit operands and results only");
}

/// floor(256 * v * m / 2^16), as SMLAW computes it.
int64_t smlaw_term(int64_t v, int64_t m) { return (256 * v * m) >> 16; }

/// Every offset C for which (C + X[x] + Y[y]) >> shift is right for all pairs.
std::optional<int64_t> common_offset(const Pairs& p, const std::vector<int32_t>& xs, const std::vector<int32_t>& ys,
                                     int shift) {
  // q << shift <= C + X + Y < (q + 1) << shift, one side only where q is a bound. 32 bits suffice: see largest_shift.
  int32_t least = std::numeric_limits<int32_t>::min(), most = std::numeric_limits<int32_t>::max();
  const int32_t step = int32_t(1) << shift, lo = p.range.lo, hi = p.range.hi;
  const size_t columns = p.columns();
  for (size_t i = 0; i < xs.size(); ++i) {
    const int32_t* row = &p.expected[i * columns];
    const int32_t from = xs[i];
    for (size_t j = 0; j < columns; ++j) {
      const int32_t q = row[j], rest = q * step - (from + ys[j]);
      const int32_t at_least = q > lo ? rest : std::numeric_limits<int32_t>::min();
      const int32_t at_most = q < hi ? rest + (step - 1) : std::numeric_limits<int32_t>::max();
      least = at_least > least ? at_least : least;
      most = at_most < most ? at_most : most;
    }
    if (least > most) return std::nullopt;
  }
  if (least == std::numeric_limits<int32_t>::min()) return most;
  if (most == std::numeric_limits<int32_t>::max()) return least;
  return int64_t(least) + (int64_t(most) - least) / 2;
}

/// The proof: the device's own code against every pair.
bool holds(const Pairs& p, const RequantAdd& q) {
  const int32_t* expected = p.expected.data();
  for (int32_t a = p.x.lo; a <= p.x.hi; ++a) {
    int32_t wrong = 0;
    for (int32_t b = p.y.lo; b <= p.y.hi; ++b) wrong |= requantize_add(q, a, b) ^ *expected++;
    if (wrong) return false;
  }
  return true;
}

std::optional<RequantAdd> try_linear(const Pairs& p, RequantAdd q) {
  const auto products = [](OperandRange r, int32_t bias, int32_t m) {
    std::vector<int32_t> v;
    for (int32_t a = r.lo; a <= r.hi; ++a) v.push_back(int32_t(smlaw_term(a - bias, m)));
    return v;
  };
  const auto xs = products(p.x, q.x_bias, q.x_multiplier), ys = products(p.y, q.y_bias, q.y_multiplier);
  const auto offset = common_offset(p, xs, ys, q.shift);
  if (!offset) return std::nullopt;
  q.offset = *offset;
  // The additions wrap in the device; here none may.
  const auto [x_lo, x_hi] = std::minmax(xs.front(), xs.back());
  const auto [y_lo, y_hi] = std::minmax(ys.front(), ys.back());
  for (const int64_t r : {*offset + x_lo, *offset + x_hi, *offset + x_lo + y_lo, *offset + x_hi + y_hi})
    if (r < kInt32Min || r > kInt32Max) return std::nullopt;
  if (!holds(p, q)) return std::nullopt;
  return q;
}

/// An operand's bias that brings it into int8, if there is one.
std::optional<int32_t> bias_of(OperandRange r) {
  if (r.lo >= -128 && r.hi <= 127) return 0;
  if (r.lo >= 0 && r.hi <= 255) return 128;
  return std::nullopt;
}

std::optional<RequantAdd> find_linear(const Pairs& p) {
  const auto x_bias = bias_of(p.x), y_bias = bias_of(p.y);
  if (!x_bias || !y_bias) return std::nullopt;
  const double kx = p.kx.get_d(), ky = p.ky.get_d();
  // Terms are at most 128 * k; results reach `top` steps from zero before they saturate.
  double top = 512 + 128 * (std::abs(kx) + std::abs(ky));
  for (const int32_t a : {p.x.lo, p.x.hi})
    for (const int32_t b : {p.y.lo, p.y.hi}) top = std::max(top, 512 + std::abs(kx * (a - p.zx) + ky * (b - p.zy)));
  int shift = 22;
  while (shift >= 0 && (std::ldexp(std::max(std::abs(kx), std::abs(ky)), shift + 8) >= 2147483000.0 ||
                        std::ldexp(top, shift) >= 1073741824.0))
    --shift;
  static constexpr std::array<std::array<int, 2>, 9> kNeighbours{
      {{0, 0}, {0, 1}, {1, 0}, {-1, 0}, {0, -1}, {1, 1}, {-1, -1}, {1, -1}, {-1, 1}}};
  for (int s = shift; s >= std::max(0, shift - 1); --s)
    for (const auto& [dx, dy] : kNeighbours) {
      const RequantAdd q{RequantAddKind::linear,
                         s,
                         0,
                         int32_t(std::lrint(std::ldexp(kx, s + 8))) + dx,
                         int32_t(std::lrint(std::ldexp(ky, s + 8))) + dy,
                         *x_bias,
                         *y_bias,
                         -1,
                         p.range.lo,
                         p.range.hi,
                         p.range.zero_point,
                         0,
                         nullptr};
      if (auto found = try_linear(p, q)) return found;
    }
  return std::nullopt;
}

/// t is at or just above (value + 1/2) * 2^shift; its error's bound tells what is a tie.
std::optional<RequantAdd> find_wide(const Pairs& p) {
  const double kx = std::abs(p.kx.get_d()), ky = std::abs(p.ky.get_d());
  int shift = 53;  // |value| up to 512 steps in 62 bits
  while (shift >= 0 &&
         (std::ldexp(std::max(kx, ky), shift) > 2147483000.0 || std::ldexp(256 * (kx + ky), shift) > 1e18))
    --shift;
  if (shift < 0) return std::nullopt;
  const Rational unit(mpz_class(1) << mp_bitcnt_t(shift));
  const mpz_class mx = round_half_even(p.kx * unit), my = round_half_even(p.ky * unit);
  const Rational error_x = mx - p.kx * unit, error_y = my - p.ky * unit;
  const Rational constant = (Rational(1, 2) - p.kx * rational(p.zx) - p.ky * rational(p.zy)) * unit;
  Rational least, most;
  bool any = false;
  for (const int32_t a : {p.x.lo, p.x.hi})
    for (const int32_t b : {p.y.lo, p.y.hi}) {
      const Rational error = error_x * rational(a) + error_y * rational(b);
      if (!any || error < least) least = error;
      if (!any || error > most) most = error;
      any = true;
    }
  const mpz_class offset = -floor_of(least - constant);
  const mpz_class tie = floor_of(most + offset - constant);
  if (!mpz_fits_slong_p(offset.get_mpz_t()) || abs(offset) > (mpz_class(1) << 62) || tie > kInt32Max)
    return std::nullopt;
  const RequantAdd q{RequantAddKind::wide,
                     shift,
                     offset.get_si(),
                     int32_t(mx.get_si()),
                     int32_t(my.get_si()),
                     0,
                     0,
                     int32_t(tie.get_si()),
                     p.range.lo,
                     p.range.hi,
                     p.range.zero_point,
                     0,
                     nullptr};
  if (!holds(p, q)) return std::nullopt;
  return q;
}

}  // namespace

std::vector<int32_t> add_exactly(const Rational& kx, int32_t zx, const Rational& ky, int32_t zy, RequantRange range,
                                 OperandRange x, OperandRange y) {
  check(range, x, y);
  const auto columns = size_t(y.hi - y.lo + 1);
  std::vector<int32_t> results(size_t(x.hi - x.lo + 1) * columns);
  // value + 1/2 = (2 * (K*(x - zx) + L*(y - zy)) + D) / 2D; its floor is the result but for exact halves (remainder 0).
  const mpz_class K = kx.get_num() * ky.get_den(), L = ky.get_num() * kx.get_den(), D = kx.get_den() * ky.get_den();
  const mpz_class divisor = 2 * D, step = 2 * L;
  mpz_class dq, dr, q, r;
  mpz_fdiv_qr(dq.get_mpz_t(), dr.get_mpz_t(), step.get_mpz_t(), divisor.get_mpz_t());
  const bool fits_int128 = mpz_sizeinbase(divisor.get_mpz_t(), 2) < 120 && mpz_sizeinbase(dq.get_mpz_t(), 2) < 100;
  // What saturates whatever the tie: beyond these the quotient itself decides.
  const int64_t low = int64_t(range.lo) - range.zero_point - 1, high = int64_t(range.hi) - range.zero_point + 1;
  for (int32_t a = x.lo; a <= x.hi; ++a) {
    const mpz_class start = 2 * (K * mpz_class(long(a) - zx) + L * mpz_class(long(y.lo) - zy)) + D;
    mpz_fdiv_qr(q.get_mpz_t(), r.get_mpz_t(), start.get_mpz_t(), divisor.get_mpz_t());
    int32_t* row = &results[size_t(a - x.lo) * columns];
    if (fits_int128 && mpz_sizeinbase(q.get_mpz_t(), 2) < 120)
      fill_row<Int128>(row, columns, to_int128(q), to_int128(r), to_int128(dq), to_int128(dr), to_int128(divisor), low,
                       high, range);
    else fill_row<mpz_class>(row, columns, q, r, dq, dr, divisor, mpz_class(long(low)), mpz_class(long(high)), range);
  }
  return results;
}

AddPlan plan_add(const Rational& kx, int32_t zx, const Rational& ky, int32_t zy, RequantRange range, OperandRange x,
                 OperandRange y) {
  Pairs p{kx, ky, zx, zy, range, x, y, add_exactly(kx, zx, ky, zy, range, x, y)};
  if (const auto q = find_linear(p)) return {*q, {}};
  if (const auto q = find_wide(p)) return {*q, {}};
  AddPlan plan;
  plan.device = {RequantAddKind::table, 0,      0, 0, 0, x.lo, y.lo, -1, range.lo, range.hi, range.zero_point,
                 int32_t(p.columns()),  nullptr};
  for (const int32_t q : p.expected) plan.table.push_back(uint8_t(q - range.lo));
  return plan;
}

std::vector<int32_t> divide_exactly(const Rational& k, int32_t zx, int32_t zy, RequantRange range, OperandRange x,
                                    OperandRange y) {
  check(range, x, y);
  std::vector<int32_t> results;
  for (int32_t a = x.lo; a <= x.hi; ++a)
    for (int32_t b = y.lo; b <= y.hi; ++b) {
      const int sign = (a > zx ? 1 : a < zx ? -1 : 0) * sgn(k);
      if (b != zy)
        results.push_back(
            quantize_exactly(k * rational(a - zx) / rational(b - zy), range.zero_point, range.lo, range.hi));
      else
        results.push_back(sign > 0 ? range.hi : sign < 0 ? range.lo : std::clamp(range.zero_point, range.lo, range.hi));
    }
  return results;
}

}  // namespace burin
