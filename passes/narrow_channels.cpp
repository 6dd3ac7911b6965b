// Channels that store one value whatever the input are dropped: exact for every input, no data needed.
//
// The stored values of each channel are bounded from the weights alone, layer by layer. Where both bounds are equal the
// channel is constant, and a convolution or fully connected layer that reads it gets weight * (value - zero point) as an
// offset to its sum in place of the products. In front of a padded convolution that only holds if the constant is the
// zero point: else it is missing at the border, and the channel stays (tests/passes/narrow-channels keeps the wrong
// rewrite).
//
// Depthwise convolutions and pools hand a channel on, so their inputs and outputs lose the same channels. Counts that were
// a multiple of four stay one, because kernels work on four channels at a time.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "compiler/numerics/requantize.h"
#include "compiler/ops/layout.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

/// What a node does with channels, the last index of its input.
enum class Role {
  mixes,     // every output channel reads every input channel: convolution with one group, fully connected
  hands_on,  // output channel c reads input channel c alone: depthwise, pools, reshapes that keep the last axis
  other,
};

bool constant_operands(const Graph& g, const Node& n) {
  return std::all_of(n.inputs.begin() + 1, n.inputs.end(), [&](ValueId v) { return v == ValueId::none || g[v].constant(); });
}

Role role(const Graph& g, const Node& n) {
  const Type &x = g[n.inputs[0]].type, &y = g[n.outputs[0]].type;
  if (!is_byte(x.dtype) || !is_byte(y.dtype) || !x.quant.per_tensor() || !y.quant.per_tensor() || x.rank() == 0) return Role::other;
  if (n.as<Dense>()) return constant_operands(g, n) ? Role::mixes : Role::other;
  if (const Conv* c = n.as<Conv>()) {
    if (!c->channels_last || !constant_operands(g, n)) return Role::other;
    if (c->group == 1) return Role::mixes;
    return c->group == x.shape.back() && y.shape.back() == x.shape.back() ? Role::hands_on : Role::other;
  }
  if (const Pool* p = n.as<Pool>()) return p->channels_last ? Role::hands_on : Role::other;
  if (n.as<Reshape>()) return y.rank() > 0 && x.shape.back() == y.shape.back() && x.quant == y.quant ? Role::hands_on : Role::other;
  return Role::other;
}

bool padded(const Node& n) {
  const Conv* c = n.as<Conv>();
  return c && c->window.pads != std::array<int64_t, 4>{};
}

using Ranges = std::vector<InputRange>;

/// Bounds of the stored values of each channel (last index) of every value.
std::map<ValueId, Ranges> bound(const Graph& g) {
  std::map<ValueId, Ranges> all;
  auto whole = [&](ValueId v) {
    const Type& t = g[v].type;
    const DTypeInfo& d = info(t.dtype);
    return Ranges(size_t(t.shape.back()), InputRange{int32_t(d.lo), int32_t(d.hi)});
  };
  for (const Node& n : g.nodes) {
    const Role r = role(g, n);
    if (r == Role::other) continue;
    const Ranges in = all.count(n.inputs[0]) ? all[n.inputs[0]] : whole(n.inputs[0]);
    const Type &x = g[n.inputs[0]].type, &y = g[n.outputs[0]].type;
    if (const Conv* c = n.as<Conv>(); c || n.as<Dense>()) {
      const Tensor& w = *g[n.inputs[1]].data;
      auto operand = [&](size_t i) { return n.inputs.size() > i && n.inputs[i] != ValueId::none ? g[n.inputs[i]].data.get() : nullptr; };
      const RequantRange range = requant_range(y, c ? c->clamp : n.as<Dense>()->clamp);
      Ranges out;
      for (const RequantChannel& ch : accumulator_channels(w, operand(2), operand(3), x, y, centered(w), in, c ? c->group : 1, padded(n)))
        out.push_back({requantize_exactly(ch, range, ch.acc_lo), requantize_exactly(ch, range, ch.acc_hi)});
      all[n.outputs[0]] = std::move(out);
    } else if (x.quant == y.quant && x.dtype == y.dtype) {
      Ranges out = in;
      if (const Pool* p = n.as<Pool>(); p && p->window.pads != std::array<int64_t, 4>{})
        for (InputRange& o : out) o = {std::min(o.lo, x.quant.zero_point[0]), std::max(o.hi, x.quant.zero_point[0])};
      all[n.outputs[0]] = std::move(out);
    }
  }
  return all;
}

/// Values whose channels go together: what is connected by nodes that hand them on.
class Classes {
 public:
  explicit Classes(const Graph& g) : root_(g.values().size()) {
    std::iota(root_.begin(), root_.end(), size_t{0});
    for (const Node& n : g.nodes)
      if (role(g, n) == Role::hands_on) root_[find(index(n.outputs[0]))] = find(index(n.inputs[0]));
  }
  size_t of(ValueId v) { return find(index(v)); }

 private:
  size_t find(size_t v) {
    while (root_[v] != v) v = root_[v] = root_[root_[v]];
    return v;
  }
  std::vector<size_t> root_;
};

/// Channels that can go, by class.
std::map<size_t, std::vector<bool>> droppable(Graph& g, Classes& classes, const std::map<ValueId, Ranges>& ranges) {
  std::map<size_t, std::vector<bool>> drop;
  auto forbid = [&](ValueId v) { drop[classes.of(v)].clear(); };
  // A class can lose channels if a node that mixes writes it, and its other nodes hand channels on or mix.
  for (const Node& n : g.nodes)
    if (role(g, n) == Role::mixes) drop[classes.of(n.outputs[0])].assign(size_t(g[n.outputs[0]].type.shape.back()), true);
  for (ValueId v : g.inputs) forbid(v);
  for (ValueId v : g.outputs) forbid(v);
  for (const Node& n : g.nodes) {
    const Role r = role(g, n);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const ValueId v = n.inputs[i];
      if (v == ValueId::none || g[v].constant()) continue;
      if (r == Role::other || i > 0) {
        forbid(v);
      } else if (r == Role::mixes) {
        std::vector<bool>& d = drop[classes.of(v)];
        const auto known = ranges.find(v);
        if (known == ranges.end()) d.clear();
        for (size_t c = 0; c < d.size(); ++c) {
          const InputRange& b = known->second[c];
          d[c] = d[c] && b.lo == b.hi && (!padded(n) || b.lo == g[v].type.quant.zero_point[0]);
        }
      }
    }
    if (r == Role::other)
      for (ValueId v : n.outputs) forbid(v);
  }
  for (auto& [root, d] : drop) {
    // Something must remain, and four at a time where it was so.
    const size_t unit = d.size() % 4 == 0 ? 4 : 1;
    size_t kept = size_t(std::ranges::count(d, false));
    const size_t wanted = std::min(d.size(), std::max((kept + unit - 1) / unit * unit, unit));
    for (size_t c = 0; c < d.size() && kept < wanted; ++c)
      if (d[c]) d[c] = false, ++kept;
  }
  return drop;
}

std::vector<size_t> remaining(const std::vector<bool>& drop, int64_t channels) {
  std::vector<size_t> r;
  for (size_t c = 0; c < size_t(channels); ++c)
    if (drop.empty() || !drop[c]) r.push_back(c);
  return r;
}

/// t with the given indices of its first axis; per-channel scales along it go along.
Tensor select_first(const Tensor& t, const std::vector<size_t>& keep) {
  Type type = t.type();
  const size_t each = t.bytes().size() / std::max<size_t>(size_t(type.shape[0]), 1);
  type.shape[0] = int64_t(keep.size());
  if (type.quant.axis == 0) {
    Quant q{{}, {}, 0};
    for (size_t k : keep) q.scale.push_back(t.type().quant.scale[k]), q.zero_point.push_back(t.type().quant.zero_point[k]);
    type.quant = q;
  }
  Tensor r(type);
  for (size_t i = 0; i < keep.size(); ++i) std::ranges::copy(t.bytes().subspan(keep[i] * each, each), r.bytes().begin() + std::ptrdiff_t(i * each));
  return r;
}

Tensor select_last(const Tensor& t, const std::vector<size_t>& keep) {
  Type type = t.type();
  const size_t inner = size_t(type.shape.back()), rows = t.bytes().size() / std::max<size_t>(inner, 1);
  type.shape.back() = int64_t(keep.size());
  Tensor r(type);
  for (size_t i = 0; i < rows; ++i)
    for (size_t k = 0; k < keep.size(); ++k) r.bytes()[i * keep.size() + k] = t.bytes()[i * inner + keep[k]];
  return r;
}

}  // namespace

void narrow_channels(Graph& g, const Context&) {
  const std::map<ValueId, Ranges> ranges = bound(g);
  Classes classes(g);
  std::map<size_t, std::vector<bool>> drop = droppable(g, classes, ranges);
  auto dropped = [&](ValueId v) -> const std::vector<bool>& {
    static const std::vector<bool> none;
    const auto it = drop.find(classes.of(v));
    return it == drop.end() ? none : it->second;
  };
  const std::vector<Value> before(g.values().begin(), g.values().end());  // types as they were
  auto type = [&](ValueId v) -> const Type& { return before[index(v)].type; };
  auto constant = [&](const Node& n, size_t i) { return n.inputs.size() > i && n.inputs[i] != ValueId::none ? g[n.inputs[i]].data : nullptr; };
  int64_t gone = 0, of = 0;
  std::map<ValueId, ValueId> now;  // the narrow value of each that lost channels
  std::vector<Role> roles;
  for (const Node& n : g.nodes) roles.push_back(role(g, n));
  for (size_t at = 0; at < g.nodes.size(); ++at) {
    Node& n = g.nodes[at];
    if (roles[at] == Role::other) continue;
    const ValueId x = n.inputs[0], y = n.outputs[0];
    const std::vector<size_t> in = remaining(dropped(x), type(x).shape.back()), out = remaining(dropped(y), type(y).shape.back());
    const bool fewer_in = int64_t(in.size()) < type(x).shape.back(), fewer_out = int64_t(out.size()) < type(y).shape.back();
    if (roles[at] == Role::mixes) of += type(y).shape.back(), gone += type(y).shape.back() - int64_t(out.size());
    if (!fewer_in && !fewer_out) continue;
    if (fewer_out) {  // another value: what has a name keeps its meaning through all passes
      Type narrow = type(y);
      narrow.shape.back() = int64_t(out.size());
      if (Reshape* r = n.as<Reshape>()) r->shape = narrow.shape;
      n.outputs[0] = now[y] = g.add_value(g.fresh(before[index(y)].name + "_kept"), std::move(narrow));
    }
    n.inputs[0] = now.count(x) ? now[x] : x;
    if (!n.as<Conv>() && !n.as<Dense>()) continue;

    const std::shared_ptr<const Tensor> w = constant(n, 1), bias = constant(n, 2), offset = constant(n, 3);
    Tensor weights = select_first(*w, out);
    std::vector<ValueId> inputs{n.inputs[0], ValueId::none, ValueId::none};
    if (bias) inputs[2] = g.add_constant(g.fresh(g[n.inputs[2]].name), select_first(*bias, out));
    if (roles[at] == Role::hands_on) {
      n.as<Conv>()->group = int64_t(out.size());
      if (offset) inputs.push_back(g.add_constant(g.fresh(n.name + "_offset"), select_first(*offset, out)));
    } else if (fewer_in) {
      // What the dropped channels add to every sum.
      const std::vector<int16_t> full = centered(*w);
      const size_t inner = size_t(w->shape().back()), each = full.size() / size_t(w->shape()[0]);
      Tensor sums(real_type(DType::i32, {int64_t(out.size())}));
      for (size_t o = 0; o < out.size(); ++o) {
        int64_t sum = offset ? offset->integer(int64_t(out[o])) : 0;
        for (size_t i = 0; i < each; ++i)
          if (dropped(x)[i % inner]) sum += full[out[o] * each + i] * int64_t(ranges.at(x)[i % inner].lo - type(x).quant.zero_point[0]);
        sums.set_integer(int64_t(o), sum);
      }
      weights = select_last(weights, in);
      inputs.push_back(g.add_constant(g.fresh(n.name + "_offset"), std::move(sums)));
    } else if (offset) {
      inputs.push_back(g.add_constant(g.fresh(n.name + "_offset"), select_first(*offset, out)));
    }
    inputs[1] = g.add_constant(g.fresh(g[n.inputs[1]].name), std::move(weights));
    if (inputs.size() == 3 && !bias) inputs.pop_back();
    n.inputs = std::move(inputs);
  }
  if (gone > 0) g.notes.push_back(fmt::format("{} of {} output channels of convolutions and fully connected layers are constant for every input and were dropped", gone, of));
}

}  // namespace burin
