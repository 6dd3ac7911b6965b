#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <unordered_map>

#include "compiler/ops/layout.h"
#include "passes/narrow_channels.h"
#include "passes/rewrite.h"

namespace burin::narrowing {
namespace {

/// The bytes of a number: what is equal in them is equal.
template <class T>
std::string bytes_of(T v) {
  return std::string(reinterpret_cast<const char*>(&v), sizeof v);
}

/// A weight of a layer: all that is there for output channel c of so many.
std::string of_filter(const Value& v, size_t c, size_t channels) {
  const int64_t filter_size = v.data->elements() / int64_t(channels);
  std::string r;
  for (int64_t i = 0; i < filter_size; ++i) r += bytes_of(v.data->real(int64_t(c) * filter_size + i));
  if (!v.type.quant.empty()) r += bytes_of(v.type.quant.scale_at(c)) + bytes_of(v.type.quant.zero_at(c));
  return r;
}

/// Channel c of a constant operand, or the one number of all channels.
std::string of_constant(const Value& v, size_t c) {
  const int64_t step = int64_t(extent(v.type));
  std::string r;
  for (int64_t i = step == 1 ? 0 : int64_t(c); i < v.data->elements(); i += step) r += bytes_of(v.data->real(i));
  return r;
}

/// Channel c of an operand that is handed on to so many, `first` its first equal channels if there are any. A reshape
/// repeats the channels: places that lie apart are different ones.
std::string of_operand(const Value& v, const std::vector<size_t>* first, size_t c, size_t channels) {
  const size_t own = extent(v.type), to = c % own;
  return bytes_of(channels % own == 0 ? c - to + (first ? (*first)[to] : to) : c);
}

/// All that decides output channel c of n.
std::string deciding(const ChannelFacts& k, const Node& n, ChannelRole role, size_t c, size_t channels) {
  std::string r;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    if (n.inputs[i] == ValueId::none) continue;
    const Value& v = k.g[n.inputs[i]];
    if (i >= data_operands(n)) {
      r += of_filter(v, c, channels);
    } else if (v.constant()) {
      r += of_constant(v, c);
    } else if (role == ChannelRole::hands_on) {
      const auto equal = k.equal.find(n.inputs[i]);
      r += of_operand(v, equal == k.equal.end() ? nullptr : &equal->second, c, channels);
    }
  }
  return r;
}

/// For each output channel of the node `at` the first one that stores the same, whatever the input; nothing where all
/// differ.
std::vector<size_t> first_equal(const ChannelFacts& k, size_t at) {
  const Node& n = k.g.nodes[at];
  const size_t channels = extent(k.g[n.outputs[0]].type);
  if (channels > kMostChannels) return {};
  std::unordered_multimap<size_t, size_t> seen;  // by hash: the text may be as large as the weights
  std::vector<size_t> first;
  const auto text = [&](size_t c) { return deciding(k, n, k.roles[at], c, channels); };
  for (size_t c = 0; c < channels; ++c) {
    const std::string own = text(c);
    const size_t hash = std::hash<std::string>{}(own);
    const auto [from, to] = seen.equal_range(hash);
    const auto equal = std::find_if(from, to, [&](const auto& other) { return text(other.second) == own; });
    first.push_back(equal == to ? c : equal->second);
    if (equal == to) seen.emplace(hash, c);
  }
  return seen.size() < channels ? first : std::vector<size_t>{};
}

}  // namespace

size_t extent(const Type& t) { return t.rank() > 0 ? size_t(t.shape.back()) : 1; }

Classes::Classes(const Graph& g) : root_(g.values().size()) {
  std::iota(root_.begin(), root_.end(), size_t{0});
  for (const Value& v : g.values()) base_.push_back(extent(v.type));
  const auto find = [&](size_t v) {
    while (root_[v] != v) v = root_[v] = root_[root_[v]];
    return v;
  };
  for (const Node& n : g.nodes) {
    if (channel_role(g, n) != ChannelRole::hands_on) continue;
    for (size_t i = 0; i < data_operands(n); ++i) {
      if (g[n.inputs[i]].constant()) continue;
      const size_t y = find(index(n.outputs[0])), x = find(index(n.inputs[i]));
      root_[y] = x;
      base_[x] = std::gcd(base_[y], base_[x]);
    }
  }
  for (size_t v = 0; v < root_.size(); ++v) root_[v] = find(v);
}

Filters::Filters(const Graph& g, const Node& n) : tensor_(g[n.inputs[kWeights]].data) {
  const Tensor& w = *tensor_;
  filters = size_t(w.shape()[0]), channels = extent(w.type());
  taps = size_t(w.elements()) / std::max<size_t>(filters * channels, 1);
  if (w.dtype() == DType::f32) floats_ = w.as<float>();
  else integers_ = centered(w);
}

FilterSums::FilterSums(const Filters& f) : FilterShape(f) {
  weights.reserve(filters * taps * channels);
  for (size_t o = 0; o < filters; ++o)
    for (size_t t = 0; t < taps; ++t)
      for (size_t c = 0; c < channels; ++c) weights.push_back(f.at(o, t, c));
}

double Filters::l1_norm(size_t o, size_t c) const {
  double r = 0;
  for (size_t t = 0; t < taps; ++t) r += std::abs(at(o, t, c));
  return r;
}

Stand stand_in(const Node& reader, const Type& x, const Interval& i) {
  if (reads_border(reader) || (i.lo <= 0 && i.hi >= 0 && !x.quantized())) {
    const double zero = x.quantized() ? x.quant.zero_point[0] : 0;
    return {zero, std::max(std::abs(i.lo - zero), std::abs(i.hi - zero))};
  }
  return i.point() ? Stand{i.lo, 0} : Stand{(i.lo + i.hi) / 2, (i.hi - i.lo) / 2};
}

ChannelFacts::ChannelFacts(const Graph& graph, double limit)
    : g(graph), classes(graph), ranges(channel_ranges(graph, limit)) {
  std::set<size_t> may_lose;  // classes that have weights
  for (size_t at = 0; at < g.nodes.size(); ++at) {
    const Node& n = g.nodes[at];
    roles.push_back(channel_role(g, n));
    if (!mixes(at)) continue;
    filters.emplace(at, Filters(g, n));
    readers[classes.of(n.inputs[0])].push_back(at);
    may_lose.insert(classes.of(n.outputs[0]));
  }
  for (size_t at = 0; at < g.nodes.size(); ++at) {
    if (roles[at] == ChannelRole::other) continue;
    const ValueId y = g.nodes[at].outputs[0];
    if (!may_lose.contains(classes.of(y))) continue;
    std::vector<size_t> first = first_equal(*this, at);
    if (first.empty()) continue;
    equal[y] = std::move(first);
    classes_with_equal.insert(classes.of(y));
  }
}

const std::vector<size_t>& ChannelFacts::readers_of(size_t root) const {
  static const std::vector<size_t> none;
  const auto at = readers.find(root);
  return at == readers.end() ? none : at->second;
}

}  // namespace burin::narrowing
