#include "compiler/numerics/requantize.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "compiler/numerics/requantize_search.h"
#include "compiler/numerics/tally.h"

namespace burin {
namespace {

using namespace search;

// ---- shift8, plain, vector: (offset + floor((unit*acc + p0) * M / 2^bits)) >> shift ----

/// The sequence of a kind in that form.
struct Line {
  explicit Line(const Requant& q)
      : unit(q.kind == RequantKind::shift8  ? 256
             : q.kind == RequantKind::plain ? 1
                                            : q.offset),
        offset(q.kind == RequantKind::vector ? int64_t(1) << (q.shift - 1) : q.offset),
        shift(q.shift),
        bits(q.kind == RequantKind::vector ? 31 : 32) {}
  int64_t unit, offset;
  int shift, bits;
};

/// Every M >= 0 (the sequence has to rise) that satisfies the channel's bounds for this p0. With n = level * 2^shift -
/// offset, "at least level" is (unit*acc + p0) * M >= n * 2^bits.
Interval multipliers(const Channel& c, const Line& l, int64_t p0) {
  Interval m{0, kInt32Max};
  const auto constrain = [&](int64_t t, int64_t needed, bool at_least) {
    if (t == 0) {
      if (at_least ? needed > 0 : needed < 0) m.hi = m.lo - 1;
    } else if ((t > 0) == at_least) {
      m.lo = std::max(m.lo, -floor_div(-needed, t));
    } else {
      m.hi = std::min(m.hi, floor_div(needed, t));
    }
  };
  const auto needed = [&l](const Bound& b) { return ((b.level << l.shift) - l.offset) * (int64_t(1) << l.bits); };
  for (const Bound& b : c.least) constrain(l.unit * b.acc + p0, needed(b), true);
  for (const Bound& b : c.below) constrain(l.unit * b.acc + p0, needed(b) - 1, false);
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
  const int64_t middle = std::llround(centre), radius = unit - unit / 4;
  for (int64_t d = 0; d <= radius; ++d)
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
/// parameters. Tried: what the first values in place allow, then the multiplier of most channels with other first
/// values.
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
      Attempt a =
          attempt_narrow(channels, {RequantKind::vector, shift, 1 << unit_bits, range.lo, range.hi, range.zero_point});
      if (a.failures < best.failures) best = std::move(a);
    }
  }
  return best;
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

std::optional<int32_t> constant_value(const RequantChannel& channel, RequantRange range) {
  const int32_t first = requantize_exactly(channel, range, channel.acc_lo);
  if (channel.acc_lo != channel.acc_hi && requantize_exactly(channel, range, channel.acc_hi) != first)
    return std::nullopt;
  return first;
}

std::optional<Requantization> plan_vector_requantization(std::span<const RequantChannel> given, RequantRange range) {
  if (range.lo < -32768 || range.hi > 32767) return std::nullopt;
  ++tally.proofs;
  const std::vector<Channel> channels = prepare_all(given, range);
  Attempt a = search_vector(channels, range);
  if (a.failures > 0) return std::nullopt;
  Requantization plan{
      a.device, std::move(a.params), std::vector<RequantKind>(channels.size(), RequantKind::vector), {}};
  for (const Channel& c : channels) plan.constant.push_back(c.steps.empty());
  return plan;
}

Requantization plan_requantization(std::span<const RequantChannel> given, RequantRange range) {
  ++tally.proofs;
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
