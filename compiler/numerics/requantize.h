// Exact requantization: from integer accumulators to the correctly rounded stored value, by the cheapest sequence that
// can be proven (design: docs/numerics.md).
//
// The stored value is monotone in the accumulator, so the accumulators at which it steps (at most hi - lo of them
// inside the reachable range) decide everything. They are computed exactly. A candidate sequence is monotone too; it is
// right for every reachable accumulator if it gives at least q where q begins, less than q just below, and the right
// values at both ends.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compiler/numerics/rational.h"
#include "runtime-min/requantize.h"

namespace burin {

/// What one output channel stores: q = clamp(round_half_even(scale * acc + offset) + zero_point, lo, hi) for every
/// integer acc in [acc_lo, acc_hi].
struct RequantChannel {
  Rational scale, offset;
  int64_t acc_lo, acc_hi;
};

/// lo..hi lies within the output type and the fused clamp.
struct RequantRange {
  int32_t zero_point, lo, hi;
};

/// The cheapest proven sequence for a layer: one kind for all its channels.
struct Requantization {
  Requant device;                   // layer-wide constants (runtime-min/requantize.h)
  std::vector<int32_t> params;      // words_per_channel(device.kind) words a channel
  std::vector<RequantKind> needed;  // the cheapest kind that serves each channel, at the layer's shift and offset
  std::vector<bool> constant;       // the channel stores one value whatever the input
};

/// Chooses and proves. Cost: about 20 us a channel.
/// Throws std::overflow_error if an accumulator leaves int32, std::invalid_argument for empty or wrong ranges, and
/// std::domain_error if the range has more than 255 steps (int16 outputs) and no sequence but a table would be exact.
///
/// A channel that is constant at some value between lo and hi although its accumulator varies widely (dead channels
/// with tiny weights are common) cannot always be served by shift8 or plain, and would pull its whole layer to wide.
/// Callers avoid that by asking constant_value() first, clearing the channel's weights to w = zw and passing acc_lo =
/// acc_hi = 0.
Requantization plan_requantization(std::span<const RequantChannel> channels, RequantRange range);

/// The same with RequantKind::vector, for Helium kernels, by the same proof; nothing where it does not serve every
/// channel.
std::optional<Requantization> plan_vector_requantization(std::span<const RequantChannel> channels, RequantRange range);

/// The one value that the channel stores, if it is one.
std::optional<int32_t> constant_value(const RequantChannel& channel, RequantRange range);

/// The definition, for tests and tables.
int32_t requantize_exactly(const RequantChannel& channel, RequantRange range, int64_t acc);

}  // namespace burin
