// Where a channel's result steps, and the bounds that decide what sequence gives it.
#include <cmath>
#include <string>

#include "compiler/numerics/requantize_search.h"

namespace burin::search {
namespace {

Int128 to_int128(const mpz_class& v) {
  const mpz_class high = v >> 64, low = v - (high << 64);
  return (Int128(high.get_si()) << 64) | Int128((unsigned long)low.get_ui());
}

/// Walks the steps: acc(j) = least integer with scale*acc + offset >= j - 1/2, or > where j is odd (ties go to even).
/// The fraction advances by a constant, so there is one division for the first step and none for the others.
template <class Integer>
void walk_steps(std::vector<int64_t>& steps, int64_t quotient, Integer remainder, int64_t quotient_step,
                Integer remainder_step, Integer divisor, bool odd, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const bool exact = remainder == 0;
    steps.push_back(exact && !odd ? quotient : quotient + 1);
    quotient += quotient_step;
    remainder += remainder_step;
    if (remainder >= divisor) {
      remainder -= divisor;
      ++quotient;
    }
    odd = !odd;
  }
}

std::vector<int64_t> find_steps(const RequantChannel& c, const RequantRange& range, int32_t first, int32_t last) {
  std::vector<int64_t> steps;
  const auto count = size_t(int64_t(last) - first);
  if (count == 0) return steps;
  steps.reserve(count);
  // (2j - 1) / 2 <= (K * acc + B) / D, that is acc >= ((2j - 1) * D - 2B) / 2K.
  const mpz_class K = c.scale.get_num() * c.offset.get_den(), B = c.offset.get_num() * c.scale.get_den(),
                  D = c.scale.get_den() * c.offset.get_den();
  const int64_t j = int64_t(first) + 1 - range.zero_point;
  const mpz_class divisor = 2 * K, advance = 2 * D, start = (2 * j - 1) * D - 2 * B;
  mpz_class q0, r0, dq, dr;
  mpz_fdiv_qr(q0.get_mpz_t(), r0.get_mpz_t(), start.get_mpz_t(), divisor.get_mpz_t());
  mpz_fdiv_qr(dq.get_mpz_t(), dr.get_mpz_t(), advance.get_mpz_t(), divisor.get_mpz_t());
  const int64_t quotient = q0.get_si(), step = count > 1 ? dq.get_si() : 0;
  const bool odd = (j & 1) != 0;
  if (mpz_sizeinbase(divisor.get_mpz_t(), 2) < 126)
    walk_steps<Int128>(steps, quotient, to_int128(r0), step, to_int128(dr), to_int128(divisor), odd, count);
  else walk_steps<mpz_class>(steps, quotient, r0, step, dr, divisor, odd, count);
  return steps;
}

/// Of points with rising acc, those that no line between two others makes superfluous. sign +1: bounds from below that
/// a line must pass above (upper hull); -1: bounds that it must pass under (lower hull).
template <int sign>
void add_to_hull(std::vector<Bound>& hull, Bound p) {
  if (!hull.empty() && hull.back().acc == p.acc) {
    if (sign * (p.level - hull.back().level) <= 0) return;
    hull.pop_back();
  }
  size_t size = hull.size();
  for (; size >= 2; --size) {
    const Bound &a = hull[size - 2], &b = hull[size - 1];
    const int64_t turn = (b.level - a.level) * (p.acc - a.acc) - (p.level - a.level) * (b.acc - a.acc);
    if (sign * turn > 0) break;
  }
  hull.resize(size);
  hull.push_back(p);
}

Channel prepare(const RequantChannel& given, const RequantRange& range) {
  if (given.acc_lo > given.acc_hi) throw std::invalid_argument("requantize: the accumulator's range is empty");
  if (given.acc_lo < kInt32Min || given.acc_hi > kInt32Max)
    throw std::overflow_error("the accumulator can reach " +
                              std::to_string(given.acc_lo < kInt32Min ? given.acc_lo : given.acc_hi) +
                              ", which does not fit 32 bits");
  Channel c;
  c.mirrored = given.scale < 0;
  c.rising =
      c.mirrored ? RequantChannel{-given.scale, given.offset - given.scale, ~given.acc_hi, ~given.acc_lo} : given;
  const RequantChannel& r = c.rising;
  c.slope = r.scale.get_d();
  c.base = r.offset.get_d();
  c.first = requantize_exactly(r, range, r.acc_lo);
  c.last = r.acc_lo == r.acc_hi ? c.first : requantize_exactly(r, range, r.acc_hi);
  c.steps = find_steps(r, range, c.first, c.last);
  if (c.first > range.lo) add_to_hull<1>(c.least, {r.acc_lo, c.first});
  for (size_t i = 0; i < c.steps.size(); ++i) add_to_hull<1>(c.least, {c.steps[i], c.first + 1 + int64_t(i)});
  for (size_t i = 0; i < c.steps.size(); ++i) add_to_hull<-1>(c.below, {c.steps[i] - 1, c.first + 1 + int64_t(i)});
  if (c.last < range.hi) add_to_hull<-1>(c.below, {r.acc_hi, int64_t(c.last) + 1});
  return c;
}

}  // namespace

std::vector<Channel> prepare_all(std::span<const RequantChannel> given, RequantRange range) {
  if (range.lo > range.hi || int64_t(range.hi) - range.lo > 65535)
    throw std::invalid_argument("requantize: the range of results is empty or wider than 16 bits");
  std::vector<Channel> channels;
  channels.reserve(given.size());
  for (const RequantChannel& c : given) channels.push_back(prepare(c, range));
  return channels;
}

bool holds(const Channel& c, const Requant& q, const int32_t* params) {
  const auto stored = [&](int64_t acc) { return requantize(q, params, int32_t(c.mirrored ? ~acc : acc)); };
  if (stored(c.rising.acc_lo) != c.first || stored(c.rising.acc_hi) != c.last) return false;
  for (size_t i = 0; i < c.steps.size(); ++i) {
    const int64_t level = c.first + 1 + int64_t(i);
    if (stored(c.steps[i]) < level || stored(c.steps[i] - 1) >= level) return false;
  }
  return true;
}

}  // namespace burin::search

namespace burin {

int32_t requantize_exactly(const RequantChannel& channel, RequantRange range, int64_t acc) {
  // In double first. get_d() is off by one unit in the last place, product and sum by half of one: where the nearest
  // half lies further away than all of that eight times over, the rounded value is the exact one's.
  const double product = channel.scale.get_d() * double(acc), offset = channel.offset.get_d(), value = product + offset;
  const double error = (std::fabs(product) + std::fabs(offset)) * 0x1p-49;
  const double nearest = std::nearbyint(value);
  if (std::fabs(double(acc)) < 0x1p53 && std::fabs(value) < 0x1p31 && std::fabs(value - nearest) + error < 0.5) {
    const int64_t stored = int64_t(nearest) + range.zero_point;
    return int32_t(stored <= range.lo ? range.lo : stored >= range.hi ? range.hi : stored);
  }
  return quantize_exactly(channel.scale * Rational(mpz_class(long(acc))) + channel.offset, range.zero_point, range.lo,
                          range.hi);
}

}  // namespace burin
