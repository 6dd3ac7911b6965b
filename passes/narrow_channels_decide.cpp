#include <algorithm>
#include <cmath>

#include "passes/narrow_channels.h"
#include "passes/rewrite.h"

namespace burin::narrowing {
namespace {

/// Equal channels that are looked at: each copies weights.
constexpr int kMostTries = 10'000;

/// Weights of the layers that read a class.
using Sums = std::map<size_t, FilterSums>;

bool add_up(const ChannelFacts& k, Merge m, Sums& sums) {
  return std::ranges::all_of(sums, [&](auto& sum) { return add_up(k, sum.first, m, sum.second); });
}

/// Those weights, with what was merged already.
Sums sums_of(const ChannelFacts& k, size_t root, const std::vector<Merge>& merged) {
  Sums sums;
  for (size_t at : k.readers_of(root)) sums.emplace(at, FilterSums(k.filters.at(at)));
  for (const Merge& m : merged) add_up(k, m, sums);
  return sums;
}

/// Are two channels equal in all layers that read the class?
bool equal_everywhere(const ChannelFacts& k, size_t root, size_t a, size_t b) {
  return std::ranges::all_of(k.readers_of(root), [&](size_t at) {
    const ValueId x = k.g.nodes[at].inputs[0];
    const auto equal = k.equal.find(x);
    if (equal == k.equal.end()) return false;
    for (size_t c = 0; c < k.filters.at(at).channels; c += k.classes.base(x))
      if (equal->second[c + a] != equal->second[c + b]) return false;
    return true;
  });
}

/// Which of its input's channels the mixing node `at` can do without, given what it lost itself.
std::vector<bool> dispensable(const ChannelFacts& k, const Dropped& dropped, size_t at) {
  const Node& n = k.g.nodes[at];
  const Filters& f = k.filters.at(at);
  const Type& x = k.g[n.inputs[0]].type;
  const Tensor* bias = constant_operand(k.g, n, kBias);
  const auto known = k.ranges.find(n.inputs[0]);
  std::vector<bool> r(f.channels, true);
  for (size_t o = 0; o < f.filters; ++o) {
    if (drops(k, dropped, n.outputs[0], o)) continue;
    // Together they may be as large as what one rounding of the bias, which is one of the terms, is off by.
    const double allowed = !x.quantized() && bias ? std::abs(bias->real(int64_t(o))) * 0x1p-26 / double(f.channels) : 0;
    for (size_t c = 0; c < f.channels; ++c) {
      const double norm = r[c] ? f.l1_norm(o, c) : 0;
      if (norm == 0) continue;  // also where the channel may be infinite
      r[c] = known != k.ranges.end() && norm * stand_in(n, x, channel(known->second, c)).error <= allowed;
    }
  }
  return r;
}

/// Channels that all who read them can do without, given those that go already. A class can lose channels if a node
/// that mixes writes it, and its other nodes hand channels on or mix.
Dropped dispensable_to_all(const ChannelFacts& k, const Dropped& dropped) {
  Dropped r;
  const auto forbid = [&](ValueId v) {
    if (v != ValueId::none) r[k.classes.of(v)].clear();
  };
  for (size_t at = 0; at < k.g.nodes.size(); ++at)
    if (const ValueId y = k.g.nodes[at].outputs[0]; k.mixes(at)) r[k.classes.of(y)].assign(k.classes.base(y), true);
  std::ranges::for_each(k.g.inputs, forbid);
  std::ranges::for_each(k.g.outputs, forbid);
  for (size_t at = 0; at < k.g.nodes.size(); ++at) {
    const Node& n = k.g.nodes[at];
    if (k.roles[at] == ChannelRole::other) {
      std::ranges::for_each(n.inputs, forbid);
      std::ranges::for_each(n.outputs, forbid);
    } else if (k.mixes(at)) {
      std::vector<bool>& d = r[k.classes.of(n.inputs[0])];
      if (d.empty()) continue;
      const std::vector<bool> without = dispensable(k, dropped, at);
      for (size_t c = 0; c < without.size(); ++c) d[c % d.size()] = d[c % d.size()] && without[c];
    }
  }
  return r;
}

/// Channels that stay come in such numbers: in fours where it was so, kernels work on four at a time.
size_t unit_of(const std::vector<bool>& drop) { return drop.size() % 4 == 0 ? 4 : 1; }

/// Takes some back: something must remain, and whole units. What went `before` (if that is known) goes on going.
void keep_units(std::vector<bool>& drop, const std::vector<bool>& before) {
  const size_t unit = unit_of(drop);
  size_t kept = size_t(std::ranges::count(drop, false));
  const size_t wanted = std::min(drop.size(), std::max((kept + unit - 1) / unit * unit, unit));
  for (const bool again : {false, true})
    for (size_t c = 0; c < drop.size() && kept < wanted; ++c)
      if (drop[c] && (before.empty() || before[c] == again)) drop[c] = false, ++kept;
}

/// Finds equal channels of a class among those that stay; as many go as leave whole units.
void merge_equal(const ChannelFacts& k, size_t root, std::vector<bool>& drop, std::vector<Merge>& merged, int& tries) {
  if (drop.empty() || !k.classes_with_equal.contains(root)) return;
  const size_t known = merged.size();
  Sums sums = sums_of(k, root, merged);
  for (size_t c = 0; c < drop.size(); ++c) {
    if (drop[c] || std::ranges::count(merged, c, &Merge::to) > 0) continue;
    for (size_t first = 0; first < c && !drop[c]; ++first) {
      if (drop[first] || !equal_everywhere(k, root, c, first) || tries == 0) continue;
      --tries;
      Sums next = sums;
      if (!add_up(k, {c, first}, next)) continue;
      sums = std::move(next);
      merged.push_back({c, first});
      drop[c] = true;
    }
  }
  // The last ones come back first: each sum was checked as it grew.
  while (merged.size() > known && size_t(std::ranges::count(drop, false)) % unit_of(drop) != 0) {
    drop[merged.back().from] = false;
    merged.pop_back();
  }
}

/// Channels that can go, given those that go already; more than these.
Dropped droppable(const ChannelFacts& k, Decision& d, int& tries) {
  Dropped r = dispensable_to_all(k, d.dropped);
  for (auto& [root, drop] : r) {
    std::vector<Merge>& merged = d.merged[root];
    for (const Merge& m : merged) drop[m.from] = true, drop[m.to] = false;
    keep_units(drop, d.dropped[root]);
    merge_equal(k, root, drop, merged, tries);
  }
  return r;
}

}  // namespace

bool drops(const ChannelFacts& k, const Dropped& dropped, ValueId v, size_t c) {
  const auto at = dropped.find(k.classes.of(v));
  return at != dropped.end() && !at->second.empty() && at->second[c % at->second.size()];
}

const std::vector<Merge>& Decision::merged_of(size_t root) const {
  static const std::vector<Merge> none;
  const auto at = merged.find(root);
  return at == merged.end() ? none : at->second;
}

bool add_up(const ChannelFacts& k, size_t at, Merge m, FilterSums& sum) {
  const Node& n = k.g.nodes[at];
  const Filters& f = k.filters.at(at);
  const Type& w = constant_operand(k.g, n, kWeights)->type();
  for (size_t c = 0; c < f.channels; c += k.classes.base(n.inputs[0]))
    for (size_t o = 0; o < f.filters; ++o)
      for (size_t t = 0; t < f.taps; ++t) {
        const double v = sum.at(o, t, c + m.to) += f.at(o, t, c + m.from);
        const double zero = w.quantized() ? w.quant.zero_at(o) : 0;
        // -128 where zero is 0 keeps some kernels away.
        if (w.dtype != DType::f32 &&
            (v + zero < double(info(w.dtype).lo + (zero == 0)) || v + zero > double(info(w.dtype).hi)))
          return false;
      }
  return true;
}

Decision decide(const ChannelFacts& k) {
  Decision d;
  int tries = kMostTries;
  // What one layer drops, others may no longer read.
  for (Dropped next = droppable(k, d, tries); next != d.dropped; next = droppable(k, d, tries))
    d.dropped = std::move(next);
  return d;
}

}  // namespace burin::narrowing
