// Channels, the last index of a tensor, as they go through a graph: what each stores at most and at least, whatever the
// input, and which operators keep them apart. From the weights alone, layer by layer; no data needed.
#pragma once
#include <map>
#include <vector>

#include "compiler/ir/graph.h"

namespace burin {

/// What a node does with the channels of its operands; `other` also where channels of these types are not followed.
ChannelRole channel_role(const Graph& g, const Node& n);

/// A window that reaches over the border, where it reads the zero point.
bool reads_border(const Node& n);

/// Bounds of what is stored: integers of int8 and uint8, numbers of float32.
struct Interval {
  double lo, hi;
  bool point() const { return lo == hi; }
};

/// Facts are kept for at most so many channels of a value; beyond, all share one.
constexpr size_t kMostChannels = 65536;

/// For every value of int8, uint8 and float32 with at least one axis: bounds of each channel over all inputs whose
/// floats are no larger than `limit` in magnitude (infinity: any). Integers: exact bounds of what is stored. Floats: of
/// sums in any order. A sum whose products all lie below a quarter ulp of its bias is its bias.
/// One interval where it holds for all channels, else one for each.
using ChannelRanges = std::map<ValueId, std::vector<Interval>>;
inline const Interval& channel(const std::vector<Interval>& ranges, size_t c) {
  return ranges[ranges.size() == 1 ? 0 : c];
}
ChannelRanges channel_ranges(const Graph& g, double limit);

/// Bounds of the result of n, given those of what it reads; empty where none are known but its type's.
std::vector<Interval> channel_result(const Graph& g, const Node& n, const ChannelRanges& known);

}  // namespace burin
