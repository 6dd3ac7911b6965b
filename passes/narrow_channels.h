// What narrow-channels (narrow_channels.cpp) knows of a graph and decides before it rewrites anything.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "passes/channels.h"

namespace burin::narrowing {

/// Extent of the last axis.
size_t extent(const Type& t);

/// Values whose channels go together: what is connected by nodes that hand them on. `base` is the number of channels
/// that go one by one: index i of the last axis belongs to channel i % base.
class Classes {
 public:
  explicit Classes(const Graph& g);
  size_t of(ValueId v) const { return root_[index(v)]; }
  size_t base(ValueId v) const { return base_[of(v)]; }

 private:
  std::vector<size_t> root_, base_;
};

struct FilterShape {
  size_t filters, taps, channels;
  size_t index(size_t o, size_t tap, size_t c) const { return (o * taps + tap) * channels + c; }
};
/// Weights of a layer that mixes channels, zero point subtracted.
class Filters : public FilterShape {
 public:
  Filters(const Graph& g, const Node& n);
  double at(size_t o, size_t tap, size_t c) const {
    const size_t i = index(o, tap, c);
    return integers_.empty() ? double(floats_[i]) : double(integers_[i]);
  }
  /// Sum of the magnitudes that filter o has for channel c.
  double l1_norm(size_t o, size_t c) const;

 private:
  std::shared_ptr<const Tensor> tensor_;
  std::span<const float> floats_;  // the tensor's
  std::vector<int16_t> integers_;
};
/// What becomes of them where channels are added up.
struct FilterSums : FilterShape {
  std::vector<double> weights;
  explicit FilterSums(const Filters& f);
  double& at(size_t o, size_t tap, size_t c) { return weights[index(o, tap, c)]; }
};

/// Nodes are known by their index.
struct ChannelFacts {
  const Graph& g;
  Classes classes;
  ChannelRanges ranges;
  std::vector<ChannelRole> roles = {};
  std::map<size_t, Filters> filters = {};              // of each node that mixes
  std::map<size_t, std::vector<size_t>> readers = {};  // by class: the nodes with filters that read it
  std::map<ValueId, std::vector<size_t>> equal = {};   // for each channel the first one that stores the same
  std::set<size_t> classes_with_equal = {};

  ChannelFacts(const Graph& graph, double limit);
  bool mixes(size_t at) const { return roles[at] == ChannelRole::mixes; }
  const std::vector<size_t>& readers_of(size_t root) const;
};

/// What a layer takes a channel for that it loses: it counts as `value`, and may be off by `error`.
struct Stand {
  double value, error;
};
Stand stand_in(const Node& reader, const Type& x, const Interval& i);

/// Channel `from` goes, the equal one `to` stays for it.
struct Merge {
  size_t from, to;
};

/// By class, flags of its channels; empty where none goes.
using Dropped = std::map<size_t, std::vector<bool>>;
bool drops(const ChannelFacts& k, const Dropped& dropped, ValueId v, size_t c);

struct Decision {
  Dropped dropped = {};
  std::map<size_t, std::vector<Merge>> merged = {};  // by class
  const std::vector<Merge>& merged_of(size_t root) const;
};
Decision decide(const ChannelFacts& k);

/// Adds to `sum`, the weights of the layer `at`, those for channel `from` to those for its equal `to`; false where they
/// do not fit.
bool add_up(const ChannelFacts& k, size_t at, Merge m, FilterSums& sum);

}  // namespace burin::narrowing
