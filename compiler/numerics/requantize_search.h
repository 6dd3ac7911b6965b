// What the searches of requantize.cpp and requantize_wide.cpp share: a channel prepared for them, and the proof.
#pragma once
#include <limits>

#include "compiler/numerics/requantize.h"

namespace burin::search {

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

/// Throws as plan_requantization says.
std::vector<Channel> prepare_all(std::span<const RequantChannel> given, RequantRange range);

/// The proof: runs the device's own code where the result steps, just below, and at both ends.
bool holds(const Channel& c, const Requant& q, const int32_t* params);

inline int64_t floor_div(Int128 a, Int128 b) {
  const Int128 q = a / b;
  return int64_t(a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q);
}
inline int64_t floor_div(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

/// Multipliers; empty if lo > hi.
struct Interval {
  int64_t lo, hi;
};

/// A layer's parameters of one kind, and the channels that it serves.
struct Attempt {
  Requant device;
  std::vector<int32_t> params;
  std::vector<bool> served;
  size_t failures = 0;
};

/// wide: (acc * M + C) >> shift in 64 bits, M and C with 32 bits more if need be (requantize_wide.cpp).
Attempt search_wide(const std::vector<Channel>& channels, const RequantRange& range);

}  // namespace burin::search
