#include "compiler/numerics/requantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>

namespace burin {
namespace {

__extension__ typedef __int128 Int128;

constexpr int64_t kInt32Min = std::numeric_limits<int32_t>::min(), kInt32Max = std::numeric_limits<int32_t>::max();

/// "At accumulator acc the result is at least level" or "is below level".
struct Bound {
  int64_t acc, level;
};

/// A channel prepared for the search. It always rises: a negative scale is mirrored by acc -> ~acc and the parameters
/// that are found are mirrored back, which changes no product.
struct Channel {
  RequantChannel rising;
  bool mirrored = false;
  double slope = 0, base = 0;       // scale and offset, for choosing where to search
  int32_t first = 0, last = 0;      // values at acc_lo and acc_hi
  std::vector<int64_t> steps;       // steps[i]: the least acc that stores first + 1 + i
  std::vector<Bound> least, below;  // the bounds that imply all others (convex hulls)
};

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
    const bool whole = remainder == 0;
    steps.push_back(whole && !odd ? quotient : quotient + 1);
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
  else
    walk_steps<mpz_class>(steps, quotient, r0, step, dr, divisor, odd, count);
  return steps;
}

/// Of points with rising acc, those that no line between two others makes superfluous. sign +1: bounds from below that
/// a line must pass above (upper hull); -1: bounds that it must pass under (lower hull).
void add_to_hull(std::vector<Bound>& hull, Bound p, int sign) {
  if (!hull.empty() && hull.back().acc == p.acc) {
    if (sign * (p.level - hull.back().level) <= 0) return;
    hull.pop_back();
  }
  while (hull.size() >= 2) {
    const Bound a = hull[hull.size() - 2], b = hull.back();
    const int64_t turn = (b.level - a.level) * (p.acc - a.acc) - (p.level - a.level) * (b.acc - a.acc);
    if (sign * turn > 0) break;
    hull.pop_back();
  }
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
  if (c.first > range.lo) add_to_hull(c.least, {r.acc_lo, c.first}, 1);
  for (size_t i = 0; i < c.steps.size(); ++i) {
    add_to_hull(c.least, {c.steps[i], c.first + 1 + int64_t(i)}, 1);
    add_to_hull(c.below, {c.steps[i] - 1, c.first + 1 + int64_t(i)}, -1);
  }
  if (c.last < range.hi) add_to_hull(c.below, {r.acc_hi, int64_t(c.last) + 1}, -1);
  return c;
}

/// The proof: runs the device's own code where the result steps, just below, and at both ends.
bool holds(const Channel& c, const Requant& q, const int32_t* params) {
  const auto stored = [&](int64_t acc) { return requantize(q, params, int32_t(c.mirrored ? ~acc : acc)); };
  if (stored(c.rising.acc_lo) != c.first || stored(c.rising.acc_hi) != c.last) return false;
  for (size_t i = 0; i < c.steps.size(); ++i) {
    const int64_t level = c.first + 1 + int64_t(i);
    if (stored(c.steps[i]) < level || stored(c.steps[i] - 1) >= level) return false;
  }
  return true;
}

int64_t floor_div(Int128 a, Int128 b) {
  const Int128 q = a / b;
  return int64_t(a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q);
}
int64_t floor_div(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

// ---- shift8, plain, vector: (offset + floor((unit*acc + p0) * M / 2^bits)) >> shift ----

/// The sequence of a kind in that form.
struct Line {
  explicit Line(const Requant& q)
      : unit(q.kind == RequantKind::shift8 ? 256 : q.kind == RequantKind::plain ? 1 : q.offset),
        offset(q.kind == RequantKind::vector ? int64_t(1) << (q.shift - 1) : q.offset),
        shift(q.shift),
        bits(q.kind == RequantKind::vector ? 31 : 32) {}
  int64_t unit, offset;
  int shift, bits;
};

struct Interval {
  int64_t lo, hi;
};

/// Every M >= 0 (the sequence has to rise) that satisfies the channel's bounds for this p0. With n = level * 2^shift -
/// offset, "at least level" is (unit*acc + p0) * M >= n * 2^bits.
Interval multipliers(const Channel& c, const Line& l, int64_t p0) {
  Interval m{0, kInt32Max};
  const auto narrow = [&](int64_t t, int64_t needed, bool at_least) {
    if (t == 0) {
      if (at_least ? needed > 0 : needed < 0) m.hi = m.lo - 1;
    } else if ((t > 0) == at_least) {
      m.lo = std::max(m.lo, -floor_div(-needed, t));
    } else {
      m.hi = std::min(m.hi, floor_div(needed, t));
    }
  };
  const auto needed = [&l](const Bound& b) { return ((b.level << l.shift) - l.offset) * (int64_t(1) << l.bits); };
  for (const Bound& b : c.least) narrow(l.unit * b.acc + p0, needed(b), true);
  for (const Bound& b : c.below) narrow(l.unit * b.acc + p0, needed(b) - 1, false);
  return m;
}

/// r before the shift stays within 32 bits.
bool fits(int64_t t, int64_t multiplier, const Line& l) {
  const int64_t r = l.offset + ((t * multiplier) >> l.bits);
  return r >= kInt32Min && r <= kInt32Max;
}

bool try_p0(const Channel& c, const Requant& q, int64_t p0, int32_t* out) {
  const Line l(q);
  const int64_t unit = l.unit;
  const int64_t t_lo = unit * c.rising.acc_lo + p0, t_hi = unit * c.rising.acc_hi + p0;
  // Mirrored parameters are unit - p0 and -M, hence one spare value at either end.
  if (t_lo <= kInt32Min || t_hi > kInt32Max || p0 <= kInt32Min + unit || p0 > kInt32Max) return false;
  const Interval m = multipliers(c, l, p0);
  if (m.lo > m.hi) return false;
  const int64_t multiplier = m.lo + (m.hi - m.lo) / 2;
  if (!fits(t_lo, multiplier, l) || !fits(t_hi, multiplier, l)) return false;
  out[0] = int32_t(c.mirrored ? unit - p0 : p0);
  out[1] = int32_t(c.mirrored ? -multiplier : multiplier);
  return holds(c, q, out);
}

/// The parameters of one channel for the layer's shift and offset.
bool solve_narrow(const Channel& c, const Requant& q, int32_t* out) {
  const Line l(q);
  const int64_t unit = l.unit;
  if (unit * c.rising.acc_lo < kInt32Min || unit * c.rising.acc_hi > kInt32Max) return false;
  if (c.steps.empty()) {
    // A constant away from the zero point needs a product that hardly varies: the largest p0 that the range allows.
    const int64_t big = int64_t(1) << 30;
    const std::array<int64_t, 5> choices{0, big, -big, kInt32Max - unit * c.rising.acc_hi,
                                         kInt32Min + 1 - unit * c.rising.acc_lo};
    return std::any_of(choices.begin(), choices.end(), [&](int64_t p0) { return try_p0(c, q, p0, out); });
  }
  // The line that the offset would make exact, then its neighbours: the rounding steps leave about half an accumulator.
  const double unused = std::ldexp(double(l.offset), -l.shift) - q.zero_point - 0.5;
  const double centre = double(unit) * (c.base - unused) / c.slope;
  if (!(std::abs(centre) < 2147483648.0)) return false;
  const int64_t middle = std::llround(centre), reach = unit - unit / 4;
  for (int64_t d = 0; d <= reach; ++d)
    if (try_p0(c, q, middle + d, out) || (d > 0 && try_p0(c, q, middle - d, out))) return true;
  return false;
}

/// The largest shift at which multipliers and results fit 32 bits; below 0 if there is none.
int largest_shift(const std::vector<Channel>& channels, const RequantRange& range, int multiplier_bits) {
  double slope = 0, top = double(std::max(std::abs(int64_t(range.lo)), std::abs(int64_t(range.hi)))) +
                          std::abs(double(range.zero_point)) + 2;
  for (const Channel& c : channels) {
    if (c.steps.empty()) continue;
    slope = std::max(slope, c.slope);
    for (const int64_t acc : {c.rising.acc_lo, c.rising.acc_hi})
      top = std::max(top, std::abs(c.slope * double(acc) + c.base) + std::abs(double(range.zero_point)) + 2);
  }
  int shift = 22;  // constants up to 255 steps from the zero point need no more than 32 bits
  while (shift >= 0 && (slope * std::ldexp(1.0, multiplier_bits + shift) >= 2147483000.0 ||
                        top * std::ldexp(1.0, shift) >= 2147483000.0))
    --shift;
  return shift;
}

struct Attempt {
  Requant device;
  std::vector<int32_t> params;
  std::vector<bool> served;
  size_t failures = 0;
};

Attempt attempt_narrow(const std::vector<Channel>& channels, const Requant& q) {
  Attempt a{q, std::vector<int32_t>(2 * channels.size()), std::vector<bool>(channels.size()), 0};
  for (size_t i = 0; i < channels.size(); ++i) {
    a.served[i] = solve_narrow(channels[i], q, &a.params[2 * i]);
    if (!a.served[i]) ++a.failures;
  }
  return a;
}

/// The best of a few shifts and offsets; the first one serves nearly every layer.
Attempt search_narrow(const std::vector<Channel>& channels, const RequantRange& range, RequantKind kind) {
  const int largest = largest_shift(channels, range, kind == RequantKind::shift8 ? 24 : 32);
  Attempt best{{}, {}, std::vector<bool>(channels.size()), channels.size()};
  double slope = 0;
  for (const Channel& c : channels) slope = std::max(slope, c.steps.empty() ? 0.0 : c.slope);
  for (int shift = largest; shift >= std::max(0, largest - 2) && best.failures > 0; --shift) {
    const double half = std::ldexp(0.5, shift);
    for (const double nudge : {0.0, 0.25, -0.25, 0.5}) {
      // For shift8 a fraction of the grain of p0; for plain, whose grain is a whole accumulator, of that.
      const double grain = std::ldexp(slope, shift) / (kind == RequantKind::shift8 ? 256 : 1);
      const int64_t offset =
          (int64_t(range.zero_point) << shift) + int64_t(std::floor(half)) + std::llround(nudge * grain);
      if (offset < kInt32Min || offset > kInt32Max) continue;
      Attempt a = attempt_narrow(channels, {kind, shift, int32_t(offset), range.lo, range.hi, range.zero_point});
      if (a.failures < best.failures) best = std::move(a);
      if (best.failures == 0) break;
    }
  }
  return best;
}

/// Weights of one scale nearly have one multiplier too; where all channels can take the same, kernels need half the
/// parameters. Tried: what the first values in place allow, then the multiplier of most channels with other first values.
void unify_multipliers(const std::vector<Channel>& channels, Attempt& a) {
  Interval common{0, kInt32Max};
  std::map<int32_t, size_t> times;
  for (size_t i = 0; i < channels.size(); ++i) {
    if (channels[i].mirrored) return;
    const Interval m = multipliers(channels[i], Line(a.device), a.params[2 * i]);
    common = {std::max(common.lo, m.lo), std::min(common.hi, m.hi)};
    ++times[a.params[2 * i + 1]];
  }
  const auto most = std::max_element(times.begin(), times.end(), [](auto& x, auto& y) { return x.second < y.second; });
  if (times.size() < 2 || (common.lo > common.hi && most->second * 2 < channels.size())) return;
  const auto multiplier = int32_t(common.lo <= common.hi ? common.lo + (common.hi - common.lo) / 2 : most->first);
  std::vector<int32_t> params = a.params;
  for (size_t i = 0; i < channels.size(); ++i) {
    const Channel& c = channels[i];
    int32_t* const p = &params[2 * i];
    const int64_t middle = p[0];
    p[1] = multiplier;
    const auto serves = [&](int64_t p0) {
      const int64_t t_lo = 256 * c.rising.acc_lo + p0, t_hi = 256 * c.rising.acc_hi + p0;
      if (t_lo <= kInt32Min || t_hi > kInt32Max || p0 <= kInt32Min + 256 || p0 > kInt32Max) return false;
      p[0] = int32_t(p0);
      return fits(t_lo, multiplier, Line(a.device)) && fits(t_hi, multiplier, Line(a.device)) && holds(c, a.device, p);
    };
    bool found = false;
    for (int64_t d = 0; d <= 192 && !found; ++d) found = serves(middle + d) || serves(middle - d);
    if (!found) return;
  }
  a.params = std::move(params);
}

/// The zero point goes into p0, whose grain is 1/unit of an accumulator; large sums leave less room for the unit.
Attempt search_vector(const std::vector<Channel>& channels, const RequantRange& range) {
  Attempt best{{}, {}, std::vector<bool>(channels.size()), channels.size()};
  for (int unit_bits = 8; unit_bits >= 0 && best.failures > 0; --unit_bits) {
    const int largest = std::min(16, largest_shift(channels, range, 31 - unit_bits));
    for (int shift = largest; shift >= std::max(1, largest - 1) && best.failures > 0; --shift) {
      Attempt a = attempt_narrow(channels, {RequantKind::vector, shift, 1 << unit_bits, range.lo, range.hi, range.zero_point});
      if (a.failures < best.failures) best = std::move(a);
    }
  }
  return best;
}

// ---- wide: (acc * M + C) >> shift in 64 bits, M and C with 32 bits more if need be ----

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
      if (run > 0)
        m.lo = std::max(m.lo, -floor_div(-rise, Int128(run)));
      else if (run < 0)
        m.hi = std::min(m.hi, floor_div(-rise, Int128(-run)));
      else if (rise > 0)
        return std::nullopt;
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

std::vector<Channel> prepare_all(std::span<const RequantChannel> given, RequantRange range) {
  if (range.lo > range.hi || int64_t(range.hi) - range.lo > 65535)
    throw std::invalid_argument("requantize: the range of results is empty or wider than 16 bits");
  std::vector<Channel> channels;
  channels.reserve(given.size());
  for (const RequantChannel& c : given) channels.push_back(prepare(c, range));
  return channels;
}

// ---- table ----

Requantization build_table(const std::vector<Channel>& channels, const RequantRange& range) {
  if (int64_t(range.hi) - range.lo > kTableSteps)
    throw std::domain_error(
        "requantize: no sequence is exact for this scale, and a table for more than 256 values is too large");
  Requantization plan;
  plan.device = {RequantKind::table, 0, 0, range.lo, range.hi, range.zero_point};
  for (const Channel& c : channels) {
    plan.params.push_back(c.first);
    plan.params.push_back(c.mirrored ? -1 : 0);
    for (size_t i = 0; i < size_t(kTableSteps); ++i)
      plan.params.push_back(i < c.steps.size() ? int32_t(c.steps[i] - 1) : int32_t(kInt32Max));
  }
  return plan;
}

}  // namespace

int32_t requantize_exactly(const RequantChannel& channel, RequantRange range, int64_t acc) {
  return quantize_exactly(channel.scale * Rational(mpz_class(long(acc))) + channel.offset, range.zero_point, range.lo,
                          range.hi);
}

std::optional<int32_t> constant_value(const RequantChannel& channel, RequantRange range) {
  const int32_t first = requantize_exactly(channel, range, channel.acc_lo);
  if (channel.acc_lo != channel.acc_hi && requantize_exactly(channel, range, channel.acc_hi) != first)
    return std::nullopt;
  return first;
}

std::optional<Requantization> plan_vector_requantization(std::span<const RequantChannel> given, RequantRange range) {
  if (range.lo < -32768 || range.hi > 32767) return std::nullopt;
  const std::vector<Channel> channels = prepare_all(given, range);
  Attempt a = search_vector(channels, range);
  if (a.failures > 0) return std::nullopt;
  Requantization plan{a.device, std::move(a.params), std::vector<RequantKind>(channels.size(), RequantKind::vector), {}};
  for (const Channel& c : channels) plan.constant.push_back(c.steps.empty());
  return plan;
}

Requantization plan_requantization(std::span<const RequantChannel> given, RequantRange range) {
  const std::vector<Channel> channels = prepare_all(given, range);

  std::vector<RequantKind> needed(channels.size(), RequantKind::table);
  const auto note = [&](const Attempt& a, RequantKind kind) {
    for (size_t i = 0; i < channels.size(); ++i)
      if (a.served[i] && kind < needed[i]) needed[i] = kind;
  };
  Requantization plan;
  const auto accept = [&](Attempt& a, RequantKind kind) {
    note(a, kind);
    if (a.failures > 0) return false;
    plan.device = a.device;
    plan.params = std::move(a.params);
    return true;
  };
  Attempt attempt = search_narrow(channels, range, RequantKind::shift8);
  if (attempt.failures == 0) unify_multipliers(channels, attempt);
  bool found = channels.empty() || accept(attempt, RequantKind::shift8);
  if (!found) {
    attempt = search_narrow(channels, range, RequantKind::plain);
    found = accept(attempt, RequantKind::plain);
  }
  if (!found) {
    attempt = search_wide(channels, range);
    found = accept(attempt, RequantKind::wide);
  }
  if (!found) plan = build_table(channels, range);
  plan.needed = std::move(needed);
  for (const Channel& c : channels) plan.constant.push_back(c.steps.empty());
  return plan;
}

}  // namespace burin
