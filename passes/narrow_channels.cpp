// Channels that store one value whatever the input, and channels that nobody reads, are dropped: exact for every input,
// no data needed.
//
// - Constant: the bounds of what each channel stores (channels.h) are equal. A convolution or fully connected layer
// that
//   reads it gets weight * (value - zero point) as an offset to its sum (float: to its bias) in place of the products.
//   In front of a padded window that only holds if the constant is the zero point: else it is missing at the border,
//   and the channel stays (tests/passes/narrow-channels keeps the wrong rewrite).
// - Unread: every filter that reads it has weights of zero there, as pruning leaves them.
// - Float only: what the channel varies by adds less to any sum that reads it than the order of that sum, which is
// free:
//   over all channels that go less than a quarter ulp of the sum's bias. (Trained networks have channels of weights of
//   1e-30.) Inputs may be infinitely large unless the user promises a limit, --input-limit.
// - Equal: another channel stores the same wherever a convolution or fully connected layer reads both. That one stays,
// and gets
//   the weights of both, where the sum still fits the weights' type (else both stay).
//
// Depthwise convolutions, pools, reshapes and operators element by element hand channels on, so all values that they
// connect lose the same ones. A channel of a value may be a channel of every so many in another, whose last axis a
// reshape made of several. Counts that were a multiple of four stay one, because kernels work on four channels at a
// time.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "compiler/ops/layout.h"
#include "passes/channels.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

size_t extent(const Type& t) { return t.rank() > 0 ? size_t(t.shape.back()) : 1; }

/// Values whose channels go together: what is connected by nodes that hand them on. `base` is the number of channels
/// that go one by one: index i of the last axis belongs to channel i % base.
class Classes {
 public:
  explicit Classes(const Graph& g) : root_(g.values().size()) {
    std::iota(root_.begin(), root_.end(), size_t{0});
    for (const Value& v : g.values()) base_.push_back(extent(v.type));
    for (const Node& n : g.nodes)
      if (channel_role(g, n) == ChannelRole::hands_on)
        for (size_t i = 0; i < data_operands(n); ++i)
          if (!g[n.inputs[i]].constant()) join(find(index(n.outputs[0])), find(index(n.inputs[i])));
  }
  size_t of(ValueId v) { return find(index(v)); }
  size_t base(ValueId v) { return base_[find(index(v))]; }

 private:
  void join(size_t a, size_t b) {
    root_[a] = b;
    base_[b] = std::gcd(base_[a], base_[b]);
  }
  size_t find(size_t v) {
    while (root_[v] != v) v = root_[v] = root_[root_[v]];
    return v;
  }
  std::vector<size_t> root_, base_;
};

/// Channels that go, by class: empty for none. A plain vector of flags that repeats over longer axes.
using Dropped = std::map<size_t, std::vector<bool>>;

/// The reader's view of a channel that it is to lose: it counts as `value`, and may be off by `error`.
struct Stand {
  double value, error;
};
Stand stand_in(const Node& reader, const Type& x, const Interval& i) {
  if (reads_border(reader) || (i.lo <= 0 && i.hi >= 0 && !x.quantized())) {
    const double zero = x.quantized() ? x.quant.zero_point[0] : 0;
    return {zero, std::max(std::abs(i.lo - zero), std::abs(i.hi - zero))};
  }
  return i.point() ? Stand{i.lo, 0} : Stand{(i.lo + i.hi) / 2, (i.hi - i.lo) / 2};
}

/// Weights of a layer that mixes channels: filters of taps of channels.
struct Filters {
  size_t filters, taps, channels;
  std::vector<double> weights;  // zero point subtracted
  Filters(const Graph& g, const Node& n) {
    const Tensor& w = *constant_operand(g, n, kWeights);
    filters = size_t(w.shape()[0]), channels = extent(w.type());
    taps = size_t(w.elements()) / std::max<size_t>(filters * channels, 1);
    if (w.dtype() == DType::f32) {
      weights.assign(w.data<float>(), w.data<float>() + w.elements());
    } else {
      const std::vector<int16_t> c = centered(w);
      weights.assign(c.begin(), c.end());
    }
  }
  double& at(size_t o, size_t tap, size_t c) { return weights[(o * taps + tap) * channels + c]; }
  double at(size_t o, size_t tap, size_t c) const { return weights[(o * taps + tap) * channels + c]; }
  /// Sum of magnitudes.
  double reach(size_t o, size_t c) const {
    double r = 0;
    for (size_t t = 0; t < taps; ++t) r += std::abs(at(o, t, c));
    return r;
  }
};

/// For each channel of the values the first one that stores the same, whatever the input; values without equal channels
/// may be missing.
std::map<ValueId, std::vector<size_t>> equal_channels(const Graph& g, const std::vector<ChannelRole>& roles,
                                                      Classes& classes) {
  std::map<ValueId, std::vector<size_t>> all;
  std::set<size_t> may_lose;  // classes that have weights
  for (size_t at = 0; at < g.nodes.size(); ++at)
    if (roles[at] == ChannelRole::mixes) may_lose.insert(classes.of(g.nodes[at].outputs[0]));
  const auto first_of = [&](ValueId v, size_t c) {
    const auto it = all.find(v);
    return it == all.end() ? c : it->second[c];
  };
  const auto text = [](auto v) { return std::string(reinterpret_cast<const char*>(&v), sizeof v); };
  for (size_t at = 0; at < g.nodes.size(); ++at) {
    const Node& n = g.nodes[at];
    if (roles[at] == ChannelRole::other || !may_lose.count(classes.of(n.outputs[0]))) continue;
    const ValueId y = n.outputs[0];
    const size_t channels = extent(g[y].type);
    if (channels > kMostChannels) continue;
    std::map<std::string, size_t> seen;
    std::vector<size_t> first;
    for (size_t c = 0; c < channels; ++c) {
      std::string what;  // all that decides channel c
      for (size_t i = 0; i < n.inputs.size(); ++i) {
        if (n.inputs[i] == ValueId::none) continue;
        const Value& v = g[n.inputs[i]];
        if (i >= data_operands(n)) {
          const int64_t each = v.data->elements() / int64_t(channels);
          for (int64_t k = 0; k < each; ++k) what += text(v.data->real(int64_t(c) * each + k));
          if (!v.type.quant.empty()) what += text(v.type.quant.scale_at(c)) + text(v.type.quant.zero_at(c));
        } else if (v.constant()) {
          const int64_t step = int64_t(extent(v.type));
          for (int64_t k = step == 1 ? 0 : int64_t(c); k < v.data->elements(); k += step) what += text(v.data->real(k));
        } else if (roles[at] == ChannelRole::hands_on) {
          const size_t own = extent(v.type), to = c % own;
          // A reshape repeats the channels: places that lie apart are different ones.
          what += text(channels % own == 0 ? c - to + first_of(n.inputs[i], to) : c);
        }
      }
      first.push_back(seen.try_emplace(what, c).first->second);
    }
    if (seen.size() < channels) all[y] = std::move(first);
  }
  return all;
}

class Narrowing {
 public:
  Narrowing(Graph& g, double limit) : g_(g), classes_(g), ranges_(channel_ranges(g, limit)) {
    for (const Node& n : g.nodes) roles_.push_back(channel_role(g, n));
    for (size_t i = 0; i < g.nodes.size(); ++i)
      if (roles_[i] == ChannelRole::mixes) {
        filters_.emplace(i, Filters(g, g.nodes[i]));
        mixers_[classes_.of(g.nodes[i].inputs[0])].push_back(i);
      }
    equal_ = equal_channels(g, roles_, classes_);
    for (const auto& [v, first] : equal_) has_equal_.insert(classes_.of(v));
    // What one layer drops, others may no longer read.
    for (Dropped next = droppable(); next != drop_; next = droppable()) drop_ = std::move(next);
  }

  void rewrite();

 private:
  bool dropped(ValueId v, size_t i) {
    const auto it = drop_.find(classes_.of(v));
    return it != drop_.end() && !it->second.empty() && it->second[i % it->second.size()];
  }
  bool loses(ValueId v) {
    const auto it = drop_.find(classes_.of(v));
    return it != drop_.end() && std::ranges::count(it->second, true) > 0;
  }
  std::vector<size_t> remaining(ValueId v, size_t channels) {
    std::vector<size_t> r;
    for (size_t c = 0; c < channels; ++c)
      if (!dropped(v, c)) r.push_back(c);
    return r;
  }

  Dropped droppable();
  std::vector<bool> dispensable(size_t at);
  void merge(size_t root, std::vector<bool>& drop, size_t unit);
  bool equal_everywhere(size_t root, size_t a, size_t b);
  bool add_up(size_t at, size_t from, size_t to, Filters& sum);
  void add_merged(size_t at, Tensor& weights);
  void fold_into_sums(size_t at, const std::vector<size_t>& in, const std::vector<size_t>& out,
                      std::vector<ValueId>& inputs);
  ValueId constant(const std::string& name, Tensor t) { return g_.add_constant(g_.fresh(name), std::move(t)); }

  Graph& g_;
  Classes classes_;
  ChannelRanges ranges_;
  std::vector<ChannelRole> roles_;
  std::map<size_t, Filters> filters_;
  std::map<size_t, std::vector<size_t>> mixers_;  // by class: the nodes with filters that read it
  std::map<ValueId, std::vector<size_t>> equal_;
  std::set<size_t> has_equal_;  // classes that have equal channels
  std::map<size_t, std::vector<std::pair<size_t, size_t>>>
      merged_;  // by class: a channel, and the equal one that stays for it
  Dropped drop_;
  int tries_ = 10'000;  // to merge equal channels: each copies weights
};

/// Which of its input's channels the mixing node `at` can do without, given what it lost itself.
std::vector<bool> Narrowing::dispensable(size_t at) {
  const Node& n = g_.nodes[at];
  const Filters& f = filters_.at(at);
  const Type& x = g_[n.inputs[0]].type;
  const Tensor* bias = constant_operand(g_, n, kBias);
  const auto known = ranges_.find(n.inputs[0]);
  std::vector<bool> r(f.channels, true);
  for (size_t o = 0; o < f.filters; ++o) {
    if (dropped(n.outputs[0], o)) continue;
    // Together they may be as large as what one rounding of the bias, which is one of the terms, is off by.
    const double allowed = !x.quantized() && bias ? std::abs(bias->real(int64_t(o))) * 0x1p-26 / double(f.channels) : 0;
    for (size_t c = 0; c < f.channels; ++c) {
      const double reach = r[c] ? f.reach(o, c) : 0;
      if (reach == 0) continue;  // also where the channel may be infinite
      r[c] = known != ranges_.end() && reach * stand_in(n, x, channel(known->second, c)).error <= allowed;
    }
  }
  return r;
}

/// Are two channels equal in all layers that read the class?
bool Narrowing::equal_everywhere(size_t root, size_t a, size_t b) {
  for (size_t at : mixers_[root]) {
    const Filters& f = filters_.at(at);
    const ValueId x = g_.nodes[at].inputs[0];
    const auto equal = equal_.find(x);
    if (equal == equal_.end()) return false;
    for (size_t c = 0; c < f.channels; c += classes_.base(x))
      if (equal->second[c + a] != equal->second[c + b]) return false;
  }
  return true;
}

/// Adds to `sum`, the weights of the layer `at`, those for channel `from` to those for its equal `to`; false where they
/// do not fit.
bool Narrowing::add_up(size_t at, size_t from, size_t to, Filters& sum) {
  const ValueId x = g_.nodes[at].inputs[0];
  const Filters& f = filters_.at(at);
  const Tensor& w = *constant_operand(g_, g_.nodes[at], kWeights);
  for (size_t c = 0; c < f.channels; c += classes_.base(x))
    for (size_t o = 0; o < f.filters; ++o)
      for (size_t t = 0; t < f.taps; ++t) {
        const double v = sum.at(o, t, c + to) += f.at(o, t, c + from);
        const double zero = w.type().quantized() ? w.type().quant.zero_at(o) : 0;
        // -128 where zero is 0 keeps some kernels away.
        if (w.dtype() != DType::f32 &&
            (v + zero < double(info(w.dtype()).lo + (zero == 0)) || v + zero > double(info(w.dtype()).hi)))
          return false;
      }
  return true;
}

/// Finds equal channels of a class among those that stay; as many go as leave a multiple of `unit`.
void Narrowing::merge(size_t root, std::vector<bool>& drop, size_t unit) {
  if (drop.empty() || !has_equal_.contains(root)) return;
  auto& merged = merged_[root];
  const size_t known = merged.size();
  std::map<size_t, Filters> sums;
  for (size_t at : mixers_[root]) sums.emplace(at, filters_.at(at));
  const auto add_all = [&](size_t from, size_t to, std::map<size_t, Filters>& all) {
    return std::ranges::all_of(all, [&](auto& sum) { return add_up(sum.first, from, to, sum.second); });
  };
  for (const auto& [from, to] : merged) add_all(from, to, sums);
  for (size_t c = 0; c < drop.size(); ++c) {
    const auto stays_for = [&](const auto& m) { return m.second == c; };
    if (drop[c] || std::ranges::any_of(merged, stays_for)) continue;
    for (size_t r = 0; r < c && !drop[c]; ++r) {
      if (drop[r] || !equal_everywhere(root, c, r) || tries_ == 0) continue;
      --tries_;
      std::map<size_t, Filters> next = sums;
      if (!add_all(c, r, next)) continue;
      sums = std::move(next);
      merged.emplace_back(c, r);
      drop[c] = true;
    }
  }
  // The last ones come back first: each sum was checked as it grew.
  while (merged.size() > known && size_t(std::ranges::count(drop, false)) % unit != 0) {
    drop[merged.back().first] = false;
    merged.pop_back();
  }
}

/// Channels that can go, given those that go already; more than these.
Dropped Narrowing::droppable() {
  Dropped drop;
  const auto forbid = [&](ValueId v) { drop[classes_.of(v)].clear(); };
  // A class can lose channels if a node that mixes writes it, and its other nodes hand channels on or mix.
  for (size_t i = 0; i < g_.nodes.size(); ++i)
    if (roles_[i] == ChannelRole::mixes)
      drop[classes_.of(g_.nodes[i].outputs[0])].assign(classes_.base(g_.nodes[i].outputs[0]), true);
  for (ValueId v : g_.inputs) forbid(v);
  for (ValueId v : g_.outputs) forbid(v);
  for (size_t i = 0; i < g_.nodes.size(); ++i) {
    const Node& n = g_.nodes[i];
    if (roles_[i] == ChannelRole::other) {
      for (ValueId v : n.inputs)
        if (v != ValueId::none) forbid(v);
      for (ValueId v : n.outputs) forbid(v);
    } else if (roles_[i] == ChannelRole::mixes) {
      std::vector<bool>& d = drop[classes_.of(n.inputs[0])];
      if (d.empty()) continue;
      const std::vector<bool> without = dispensable(i);
      for (size_t c = 0; c < without.size(); ++c) d[c % d.size()] = d[c % d.size()] && without[c];
    }
  }
  for (auto& [root, d] : drop) {
    // Something must remain, and four at a time where it was so. What goes already stays gone.
    for (const auto& [from, to] : merged_[root]) d[from] = true, d[to] = false;
    const std::vector<bool>& before = drop_[root];
    const size_t unit = d.size() % 4 == 0 ? 4 : 1;
    size_t kept = size_t(std::ranges::count(d, false));
    const size_t wanted = std::min(d.size(), std::max((kept + unit - 1) / unit * unit, unit));
    for (const bool again : {false, true})
      for (size_t c = 0; c < d.size() && kept < wanted; ++c)
        if (d[c] && (before.empty() || before[c] == again)) d[c] = false, ++kept;
    merge(root, d, unit);
  }
  return drop;
}

/// The elements of t at places that `source` gives for each of the new type. Element by element: int4 lies two a byte.
template <class F>
Tensor gather(const Tensor& t, const Type& type, F&& source) {
  Tensor r(type);
  for (int64_t i = 0; i < r.elements(); ++i) r.set_real(i, t.real(source(i)));
  return r;
}

/// t with the given indices of its first axis; per-channel scales along it go along.
Tensor select_first(const Tensor& t, const std::vector<size_t>& keep) {
  Type type = t.type();
  const int64_t each = t.elements() / std::max<int64_t>(type.shape[0], 1);
  type.shape[0] = int64_t(keep.size());
  if (type.quant.axis == 0) {
    Quant q{{}, {}, 0};
    for (size_t k : keep)
      q.scale.push_back(t.type().quant.scale[k]), q.zero_point.push_back(t.type().quant.zero_point[k]);
    type.quant = q;
  }
  return gather(t, type, [&](int64_t i) { return int64_t(keep[size_t(i / each)]) * each + i % each; });
}

Tensor select_last(const Tensor& t, const std::vector<size_t>& keep) {
  Type type = t.type();
  const int64_t inner = type.shape.back(), kept = int64_t(keep.size());
  type.shape.back() = kept;
  return gather(t, type, [&](int64_t i) { return i / kept * inner + int64_t(keep[size_t(i % kept)]); });
}

/// What stays for equal channels has the weights of all.
void Narrowing::add_merged(size_t at, Tensor& weights) {
  const ValueId x = g_.nodes[at].inputs[0];
  const auto& merged = merged_[classes_.of(x)];
  if (merged.empty()) return;
  Filters f = filters_.at(at);
  for (const auto& [from, to] : merged) add_up(at, from, to, f);
  for (size_t o = 0; o < f.filters; ++o)
    for (size_t i = 0; i < f.taps * f.channels; ++i) {
      const size_t k = o * f.taps * f.channels + i;
      const double v = f.weights[k] + (weights.type().quantized() ? weights.type().quant.zero_at(o) : 0);
      weights.dtype() == DType::f32 ? weights.set_real(int64_t(k), v) : weights.set_integer(int64_t(k), int64_t(v));
    }
}

/// Gives the mixing node `at` weights for the channels `in`, and what the others add to the sums of the filters `out`:
/// offsets of integers, part of a float bias. inputs are {x, -, bias}.
void Narrowing::fold_into_sums(size_t at, const std::vector<size_t>& in, const std::vector<size_t>& out,
                               std::vector<ValueId>& inputs) {
  const Node& n = g_.nodes[at];
  const Filters& f = filters_.at(at);
  const Type& x = g_[n.inputs[0]].type;
  const bool integers = x.quantized();
  const Tensor* offset = constant_operand(g_, n, kOffset);
  const Tensor* bias = inputs[2] != ValueId::none ? g_[inputs[2]].data.get() : nullptr;
  Tensor sums(real_type(integers ? DType::i32 : DType::f32, {int64_t(out.size())}));
  bool any = integers && offset;
  for (size_t o = 0; o < out.size(); ++o) {
    const double own =
        integers ? (offset ? double(offset->integer(int64_t(out[o]))) : 0) : (bias ? bias->real(int64_t(o)) : 0);
    double sum = own;
    for (size_t c = 0, next = 0; c < f.channels; ++c) {
      if (next < in.size() && in[next] == c) {
        ++next;
        continue;
      }
      const auto& merged = merged_[classes_.of(n.inputs[0])];
      if (std::ranges::count(merged, c % classes_.base(n.inputs[0]), &std::pair<size_t, size_t>::first)) continue;
      double w = 0;
      for (size_t t = 0; t < f.taps; ++t) w += f.at(out[o], t, c);
      const double zero = integers ? x.quant.zero_point[0] : 0;
      if (f.reach(out[o], c) > 0) sum += w * (stand_in(n, x, channel(ranges_.at(n.inputs[0]), c)).value - zero);
    }
    any = any || sum != own;
    integers ? sums.set_integer(int64_t(o), int64_t(sum)) : sums.set_real(int64_t(o), sum);
  }
  if (!any) return;
  if (integers) inputs.push_back(constant(n.name + "_offset", std::move(sums)));
  else inputs[2] = constant(n.name + "_bias", std::move(sums));
}

void Narrowing::rewrite() {
  const std::vector<Value> before(g_.values().begin(), g_.values().end());  // types as they were
  auto type = [&](ValueId v) -> const Type& { return before[index(v)].type; };
  size_t gone = 0, of = 0;
  std::map<ValueId, ValueId> now;  // the narrow value of each that lost channels
  for (size_t at = 0; at < g_.nodes.size(); ++at) {
    if (roles_[at] == ChannelRole::other) continue;
    const ValueId x = g_.nodes[at].inputs[0], y = g_.nodes[at].outputs[0];
    if (roles_[at] == ChannelRole::mixes) of += extent(type(y));
    if (!loses(x) && !loses(y)) continue;
    const std::vector<size_t> in = remaining(x, extent(type(x))), out = remaining(y, extent(type(y)));
    const bool fewer_in = in.size() < extent(type(x)), fewer_out = out.size() < extent(type(y));
    if (roles_[at] == ChannelRole::mixes) gone += extent(type(y)) - out.size();
    std::vector<ValueId> inputs = g_.nodes[at].inputs;
    const std::string name = g_.nodes[at].name;
    const auto data = [&](size_t i) {
      return inputs.size() > i && inputs[i] != ValueId::none ? g_[inputs[i]].data : nullptr;
    };
    if (weighted(g_.nodes[at])) {
      const std::shared_ptr<const Tensor> w = data(1), bias = data(2), offset = data(3);
      std::vector<ValueId> narrow{x, inputs[1], ValueId::none};
      if (bias) narrow[2] = fewer_out ? constant(g_[inputs[2]].name, select_first(*bias, out)) : inputs[2];
      if (roles_[at] == ChannelRole::mixes && fewer_in) fold_into_sums(at, in, out, narrow);
      else if (offset) narrow.push_back(constant(name + "_offset", select_first(*offset, out)));
      Tensor weights = *w;
      if (roles_[at] == ChannelRole::mixes) add_merged(at, weights);
      weights = select_first(weights, out);
      if (roles_[at] == ChannelRole::mixes) weights = select_last(weights, in);
      narrow[1] = constant(g_[inputs[1]].name, std::move(weights));
      if (narrow.size() == 3 && narrow[2] == ValueId::none) narrow.pop_back();
      inputs = std::move(narrow);
    } else {
      for (ValueId& v : inputs)  // operands for every channel
        if (g_[v].constant() && extent(g_[v].type) == extent(type(y)) && g_[v].type.rank() > 0 && extent(type(y)) > 1)
          v = constant(g_[v].name, select_last(*g_[v].data, out));
    }
    for (ValueId& v : inputs)
      if (now.count(v)) v = now[v];
    Node& n = g_.nodes[at];
    g_.set_inputs(n, std::move(inputs));
    if (!fewer_out) continue;
    // Another value: what has a name keeps its meaning through all passes.
    Type narrow = type(y);
    narrow.shape.back() = int64_t(out.size());
    if (Shape* shape = shape_of(n.op)) *shape = narrow.shape;
    if (int64_t* group = group_of(n.op); group && roles_[at] == ChannelRole::hands_on) *group = int64_t(out.size());
    now[y] = g_.add_value(g_.fresh(before[index(y)].name + "_kept"), std::move(narrow));
    g_.set_outputs(n, {now[y]});
  }
  if (gone > 0)
    g_.notes.push_back(
        fmt::format("{} of {} output channels of convolutions and fully connected layers were dropped: they are "
                    "constant for every input or equal to others, or nothing reads them",
                    gone, of));
}

}  // namespace

void narrow_channels(Graph& g, const Context& ctx) { Narrowing(g, ctx.options.input_limit).rewrite(); }

}  // namespace burin
