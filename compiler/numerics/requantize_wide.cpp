// The wide sequence: (acc * M + C) >> shift in 64 bits, M and C with 32 bits more if need be.
#include <array>
#include <cmath>

#include "compiler/numerics/requantize_search.h"

namespace burin::search {
namespace {

struct WideChannel {
  mpz_class multiplier, constant;  // times 2^32; constant stands for 1/2 + offset, without zero point
  int shift = 0;
  int64_t tie = -1;
};

bool in_int32(const mpz_class& v) { return v >= mpz_class(long(kInt32Min)) && v <= mpz_class(long(kInt32Max)); }
mpz_class big(int64_t v) { return mpz_class(long(v)); }
mpz_class low_word(const mpz_class& v) { return v - ((v >> 32) << 32); }

int wide_shift(const Channel& c, const RequantRange& range) {
  double top = double(std::max(std::abs(int64_t(range.lo)), std::abs(int64_t(range.hi)))) +
               std::abs(double(range.zero_point)) + 2;
  for (const int64_t acc : {c.rising.acc_lo, c.rising.acc_hi})
    top = std::max(top, std::abs(c.slope * double(acc) + c.base) + std::abs(double(range.zero_point)) + 2);
  int shift = 62;
  while (shift > 0 && (c.slope * std::ldexp(1.0, shift) > 2147483000.0 || top * std::ldexp(1.0, shift) > 4.6e18))
    --shift;
  return shift;
}

/// The interval of multipliers of the lines between the bounds, in units of 2^-shift: compares every pair of bounds.
std::optional<Interval> line_multipliers(const Channel& c, int shift) {
  Interval m{0, kInt32Max};
  for (const Bound& g : c.least)
    for (const Bound& l : c.below) {
      const Int128 rise = (Int128(g.level - l.level) << shift) + 1;
      const int64_t run = g.acc - l.acc;
      if (run > 0) m.lo = std::max(m.lo, -floor_div(-rise, Int128(run)));
      else if (run < 0) m.hi = std::min(m.hi, floor_div(-rise, Int128(-run)));
      else if (rise > 0) return std::nullopt;
    }
  if (m.lo > m.hi) return std::nullopt;
  return m;
}

/// No tie in reach: a line between the bounds. With 32 bits of multiplier all lines are tried; with 64 the one of the
/// true scale, which is closer than any neighbour that could matter.
std::optional<WideChannel> solve_wide_line(const Channel& c, const RequantRange& range, int shift, bool more_bits) {
  WideChannel w;
  w.shift = shift;
  const Rational unit(mpz_class(1) << mp_bitcnt_t(shift + 32));
  if (more_bits) {
    w.multiplier = round_half_even(c.rising.scale * unit);
  } else {
    const auto m = line_multipliers(c, shift);
    if (!m) return std::nullopt;
    w.multiplier = big(std::clamp(int64_t(std::min(std::ldexp(c.slope, shift), 2147483647.0)), m->lo, m->hi)) << 32;
  }
  // floor((acc * M + C) / 2^32) >= (level - zero point) << shift, and below it; C a multiple of 2^32.
  const auto needed = [&](const Bound& b) {
    const mpz_class product = (big(b.acc) * w.multiplier) >> 32;
    return mpz_class((big(b.level - range.zero_point) << mp_bitcnt_t(shift)) - product);
  };
  std::optional<mpz_class> least, most;
  for (const Bound& g : c.least)
    if (const mpz_class n = needed(g); !least || n > *least) least = n;
  for (const Bound& l : c.below)
    if (const mpz_class n = needed(l) - 1; !most || n < *most) most = n;
  if (!least && !most) least = most = mpz_class(0);
  if (!least) least = most;
  if (!most) most = least;
  if (*least > *most) return std::nullopt;
  w.constant = ((*least + *most) >> 1) << 32;
  return w;
}

/// Ties in reach: t is at or just above the exact value, and the error's bound tells what is a tie.
std::optional<WideChannel> solve_wide_ties(const Channel& c, int shift, bool more_bits) {
  if (c.steps.empty()) return std::nullopt;
  const Rational unit(mpz_class(1) << mp_bitcnt_t(shift)), point(mpz_class(1) << 32);
  const Rational exact_multiplier = c.rising.scale * unit, exact_constant = (c.rising.offset + Rational(1, 2)) * unit;
  WideChannel w;
  w.shift = shift;
  w.multiplier =
      more_bits ? round_half_even(exact_multiplier * point) : mpz_class(round_half_even(exact_multiplier) << 32);
  const Rational error = Rational(w.multiplier) / point - exact_multiplier;
  const Rational at_first = error * big(c.steps.front() - 1), at_last = error * big(c.steps.back());
  const Rational least = std::min(at_first, at_last) - (more_bits ? 1 : 0), most = std::max(at_first, at_last);
  const mpz_class constant = -floor_of(least - exact_constant), tie = floor_of(most + constant - exact_constant);
  if (tie > kInt32Max) return std::nullopt;
  w.constant = constant << 32;
  w.tie = tie.get_si();
  return w;
}

/// Writes the words, mirrored back if need be. False if a 64-bit sum could overflow.
bool write_wide(const Channel& c, const WideChannel& w, const Requant& q, int32_t* out) {
  mpz_class constant = w.constant, multiplier = w.multiplier;
  if (!(q.offset & kWideTies)) constant += big(q.zero_point) << mp_bitcnt_t(w.shift + 32);
  const mpz_class margin = mpz_class(1) << 62;
  for (const int64_t acc : {c.rising.acc_lo, c.rising.acc_hi}) {
    const mpz_class sum = (constant + big(acc) * multiplier) >> 32;
    if (abs(sum) > margin) return false;
  }
  if (c.mirrored) {  // (~acc) * M + C = acc * -M + (C - M)
    constant -= multiplier;
    multiplier = -multiplier;
  }
  const mpz_class high = constant >> 32;
  if (abs(high) > margin || !in_int32(multiplier >> 32)) return false;
  const auto bits = uint64_t(high.get_si());
  out[0] = int32_t(mpz_class(multiplier >> 32).get_si());
  out[1] = int32_t(uint32_t(bits));
  out[2] = int32_t(uint32_t(bits >> 32));
  out[3] = q.offset & kWideHigh ? w.shift - 32 : w.shift;
  out[4] = int32_t(w.tie);
  out[5] = int32_t(uint32_t(low_word(multiplier).get_ui()));
  out[6] = int32_t(uint32_t(low_word(constant).get_ui()));
  return holds(c, q, out);
}

}  // namespace

/// Every channel's wide form, or the ones that have none.
Attempt search_wide(const std::vector<Channel>& channels, const RequantRange& range) {
  constexpr auto kWords = size_t(words_per_channel(RequantKind::wide));
  Attempt a{{RequantKind::wide, 0, 0, range.lo, range.hi, range.zero_point},
            std::vector<int32_t>(kWords * channels.size()),
            std::vector<bool>(channels.size()),
            0};
  std::vector<std::optional<WideChannel>> forms;
  bool high = true;
  for (const Channel& c : channels) {
    const int shift = c.steps.empty() ? 32 : wide_shift(c, range);
    std::optional<WideChannel> form;
    for (const bool more_bits : {false, true}) {
      if (!form) form = solve_wide_line(c, range, shift, more_bits);
      if (!form) {
        form = solve_wide_ties(c, shift, more_bits);
        // A tie form may be wrong where values almost tie; more bits tell them apart.
        if (form && !more_bits) {
          std::array<int32_t, kWords> words;
          if (!write_wide(c, *form, {RequantKind::wide, 0, kWideTies | kWideLong, range.lo, range.hi, range.zero_point},
                          words.data()))
            form.reset();
        }
      }
    }
    if (form && form->tie >= 0) a.device.offset |= kWideTies;
    if (form && (low_word(form->multiplier) != 0 || low_word(form->constant) != 0)) a.device.offset |= kWideLong;
    high = high && form && form->shift >= 32;
    forms.push_back(std::move(form));
  }
  if (high && !(a.device.offset & kWideTies)) a.device.offset |= kWideHigh;
  for (size_t i = 0; i < channels.size(); ++i) {
    a.served[i] = forms[i] && write_wide(channels[i], *forms[i], a.device, &a.params[kWords * i]);
    if (!a.served[i]) ++a.failures;
  }
  return a;
}

}  // namespace burin::search
