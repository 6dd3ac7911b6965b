#include "passes/channels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/numerics/requantize.h"
#include "compiler/ops/all.h"
#include "compiler/ops/layout.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

using Ranges = std::vector<Interval>;

bool ranked(const Type& t) {
  return (is_byte(t.dtype) || t.dtype == DType::f32) && t.rank() > 0 && (!t.quantized() || t.quant.per_tensor());
}

int64_t extent(const Graph& g, ValueId v) { return g[v].type.shape.back(); }

bool constant_operands(const Graph& g, const Node& n) {
  return std::all_of(n.inputs.begin() + 1, n.inputs.end(),
                     [&](ValueId v) { return v == ValueId::none || g[v].constant(); });
}

Interval hull(Interval a, Interval b) { return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)}; }

Interval hull(const Ranges& all) {
  Interval r = all.empty() ? Interval{0, 0} : all[0];
  for (const Interval& i : all) r = hull(r, i);
  return r;
}

/// What padding reads in a tensor of type t.
double border(const Type& t) { return t.quantized() ? t.quant.zero_point[0] : 0; }

/// Facts that all channels share, or would be too many, are one. Equal facts have so one form.
Ranges compact(Ranges r) {
  const auto same = [&](const Interval& i) { return i.lo == r[0].lo && i.hi == r[0].hi; };
  if (r.size() > kMostChannels || (!r.empty() && std::ranges::all_of(r, same))) return {hull(r)};
  return r;
}

/// Evaluates the element by element operator of n on all combinations of its operands' bounds: between them it is
/// monotone in each.
Ranges corners(const Graph& g, const Node& n, const std::vector<Ranges>& in) {
  size_t channels = 1;
  for (const Ranges& r : in) channels = std::max(channels, r.size());
  const size_t combinations = size_t{1} << in.size();
  std::vector<Tensor> operands;
  for (size_t k = 0; k < in.size(); ++k) {
    Type t = g[n.inputs[k]].type;
    t.shape = {int64_t(channels * combinations)};
    Tensor x(t);
    for (size_t i = 0; i < channels * combinations; ++i) {
      const Interval& r = channel(in[k], i / combinations);
      x.set_real(int64_t(i), (i >> k) % 2 == 0 ? r.lo : r.hi);
    }
    operands.push_back(std::move(x));
  }
  std::vector<const Tensor*> pointers;
  for (const Tensor& x : operands) pointers.push_back(&x);
  Type t = g[n.outputs[0]].type;
  t.shape = {int64_t(channels * combinations)};
  std::vector<Tensor> y{Tensor(t)};
  eval(n.op, pointers, y);
  Ranges r;
  for (size_t c = 0; c < channels; ++c) {
    Interval all{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    for (size_t i = c * combinations; i < (c + 1) * combinations; ++i) {
      const double v = y[0].real(int64_t(i));
      if (std::isnan(v)) return {};  // inf - inf, 0 * inf
      all = hull(all, {v, v});
    }
    r.push_back(all);
  }
  return r;
}

/// Evaluates it on every stored value within bounds.
Ranges entries(const Unary& op, const Type& x, const Type& y, const Ranges& in) {
  const std::vector<uint8_t> stored = table(op, x, y);
  const auto entry = [&](int v) {
    return double(y.dtype == DType::i8 ? int8_t(stored[size_t(v & 255)]) : int(stored[size_t(v & 255)]));
  };
  Ranges r;
  for (const Interval& i : in) {
    Interval all{entry(int(i.lo)), entry(int(i.lo))};
    for (int v = int(i.lo); v <= int(i.hi); ++v) all = hull(all, {entry(v), entry(v)});
    r.push_back(all);
  }
  return r;
}

Ranges sums_of_integers(const Graph& g, const Node& n, const Ranges& in) {
  const int64_t* group = group_of(n.op);
  const Tensor& w = *constant_operand(g, n, kWeights);
  const Type &x = g[n.inputs[0]].type, &y = g[n.outputs[0]].type;
  const RequantRange range = requant_range(y, *clamp_of(n.op));
  std::vector<InputRange> integers;
  for (size_t i = 0; i < size_t(extent(g, n.inputs[0])); ++i)
    integers.push_back({int32_t(channel(in, i).lo), int32_t(channel(in, i).hi)});
  Ranges r;
  for (const RequantChannel& ch :
       accumulator_channels(w, constant_operand(g, n, kBias), constant_operand(g, n, kOffset), x, y, centered(w),
                            integers, group ? *group : 1, reads_border(n))) {
    const double a = requantize_exactly(ch, range, ch.acc_lo), b = requantize_exactly(ch, range, ch.acc_hi);
    r.push_back({std::min(a, b), std::max(a, b)});
  }
  return r;
}

Ranges sums_of_floats(const Graph& g, const Node& n, const Ranges& in) {
  const int64_t* group = group_of(n.op);
  const Tensor& w = *constant_operand(g, n, kWeights);
  const Tensor* bias = constant_operand(g, n, kBias);
  const Clamp clamp = *clamp_of(n.op);
  const size_t channels = size_t(w.shape()[0]), inner = size_t(w.shape().back()),
               filter_size = size_t(w.elements()) / std::max<size_t>(channels, 1);
  const size_t per_group = std::max<size_t>(channels / size_t(group ? *group : 1), 1);
  const float* f = w.data<float>();
  Ranges r;
  for (size_t o = 0; o < channels; ++o) {
    double lo = 0, hi = 0, most = 0;
    for (size_t i = 0; i < filter_size; ++i, ++f) {
      if (*f == 0) continue;  // also where the input may be infinite
      Interval x = channel(in, o / per_group * inner + i % inner);
      if (reads_border(n)) x = hull(x, {0, 0});
      const double a = *f * x.lo, b = *f * x.hi;
      lo += std::min(a, b), hi += std::max(a, b), most += std::max(std::abs(a), std::abs(b));
    }
    const double b = bias ? double(bias->real(int64_t(o))) : 0.0, n_eps = double(filter_size + 2) * 0x1p-23;
    Interval y{b, b};
    if (most * (1 + n_eps) > std::abs(b) * 0x1p-26)
      y = {b + lo - n_eps * (most + std::abs(b)), b + hi + n_eps * (most + std::abs(b))};
    if (std::isnan(y.lo) || std::isnan(y.hi)) return {};
    r.push_back(
        {std::clamp(y.lo, double(clamp.lo), double(clamp.hi)), std::clamp(y.hi, double(clamp.lo), double(clamp.hi))});
  }
  return r;
}

/// Bounds of the result of n, or nothing where none are known but its type's.
Ranges result(const Graph& g, const Node& n, const std::vector<Ranges>& in) {
  if (n.inputs.empty() || n.outputs.size() != 1 || g[n.outputs[0]].type.rank() == 0 ||
      std::ranges::any_of(in, [](const Ranges& r) { return r.empty(); }))
    return {};
  const Type &x = g[n.inputs[0]].type, &y = g[n.outputs[0]].type;
  const bool same = x.dtype == y.dtype && x.quant == y.quant, integers = is_byte(x.dtype) && is_byte(y.dtype);
  if (weighted(n)) {
    if (channel_axis(n.op, x.rank()) != x.rank() - 1 || !constant_operands(g, n)) return {};
    return integers && x.quantized() && y.quantized() ? sums_of_integers(g, n, in[0])
           : x.dtype == DType::f32 && same            ? sums_of_floats(g, n, in[0])
                                                      : Ranges{};
  }
  if (n.as<Reshape>() && same) {
    // The last index of an element is its place in the whole modulo the last extent.
    const size_t channels = size_t(y.shape.back());
    if (channels > kMostChannels || channels % in[0].size() != 0) return {hull(in[0])};
    Ranges r;
    for (size_t i = 0; i < channels; ++i) r.push_back(channel(in[0], i % in[0].size()));
    return r;
  }
  if (const Concat* k = n.as<Concat>()) {
    Ranges r;
    Interval all = hull(in[0]);
    const bool apart = k->axis == y.rank() - 1 && size_t(y.shape.back()) <= kMostChannels;
    for (size_t i = 0; i < in.size(); ++i) {
      const Type& t = g[n.inputs[i]].type;
      if (t.quant != y.quant || t.dtype != y.dtype) return {};
      all = hull(all, hull(in[i]));
      for (size_t to = 0; apart && to < size_t(t.shape.back()); ++to) r.push_back(channel(in[i], to));
    }
    return apart ? r : Ranges{all};
  }
  if (within_operands(n.op) && same && in.size() == 1) {
    const bool apart = channel_role(g, n) == ChannelRole::hands_on;
    if (!apart && quant_rule(n.op) != QuantRule::movement) return {};
    Ranges r = apart ? in[0] : Ranges{hull(in[0])};
    if (reads_border(n))
      for (Interval& i : r) i = hull(i, {border(x), border(x)});
    return r;
  }
  if (const Unary* u = n.as<Unary>()) {
    if (integers && x.quantized() && y.quantized()) return entries(*u, x, y, in[0]);
    if (same && limits(n.op)) return corners(g, n, in);
  }
  if (const std::optional<Clamp> all = range(n.op); all && same && y.dtype == DType::f32) return {{all->lo, all->hi}};
  if (const Binary* b = n.as<Binary>()) {
    const bool monotone = b->kind == BinaryKind::add || b->kind == BinaryKind::sub || b->kind == BinaryKind::mul ||
                          b->kind == BinaryKind::min || b->kind == BinaryKind::max;
    const Type& second = g[n.inputs[1]].type;
    const bool bytes = integers && is_byte(second.dtype) && x.quantized() && second.quantized() && y.quantized(),
               floats = x.dtype == DType::f32 && y.dtype == DType::f32;
    return monotone && (bytes || floats) ? corners(g, n, in) : Ranges{};
  }
  if (n.as<Dequantize>() && y.dtype == DType::f32 && x.quant.per_tensor()) {
    Ranges r = in[0];
    for (Interval& i : r)
      i = {(i.lo - border(x)) * double(x.quant.scale[0]), (i.hi - border(x)) * double(x.quant.scale[0])};
    return r;
  }
  return {};
}

/// What the type allows.
Ranges type_range(const Type& t, double limit) {
  if (is_byte(t.dtype)) return {{double(info(t.dtype).lo), double(info(t.dtype).hi)}};
  return {{-limit, limit}};
}

Ranges of_constant(const Tensor& t) {
  const size_t channels = size_t(t.shape().back());
  Ranges r(channels > kMostChannels ? 1 : channels,
           {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()});
  for (int64_t i = 0; i < t.elements(); ++i) {
    Interval& c = r[size_t(i) % r.size()];
    c = hull(c, {t.real(i), t.real(i)});
  }
  return r;
}

}  // namespace

bool reads_border(const Node& n) {
  const Window* w = window_of(n.op);
  return w && w->pads != std::array<int64_t, 4>{};
}

ChannelRole channel_role(const Graph& g, const Node& n) {
  if (n.inputs.empty() || n.outputs.size() != 1) return ChannelRole::other;
  const Type &x = g[n.inputs[0]].type, &y = g[n.outputs[0]].type;
  if (!ranked(x) || !ranked(y) || is_byte(x.dtype) != is_byte(y.dtype) || x.elements() == 0 || y.elements() == 0)
    return ChannelRole::other;
  const bool same_extent = x.shape.back() == y.shape.back();
  const auto role = [](bool yes, ChannelRole r) { return yes ? r : ChannelRole::other; };
  if (weighted(n) && (!constant_operands(g, n) || x.quantized() != y.quantized())) return ChannelRole::other;
  if (n.as<Reshape>()) return role(x.dtype == y.dtype && x.quant == y.quant, ChannelRole::hands_on);
  if (traits(n.op).elementwise) {
    for (ValueId v : n.inputs) {
      const Type& t = g[v].type;
      const bool shared = t.rank() == 0 || t.shape.back() == 1;  // one for all channels: only a constant stays as it is
      if (t.dtype != x.dtype && !is_byte(t.dtype)) return ChannelRole::other;
      if (!(shared && g[v].constant()) && (t.rank() == 0 || t.shape.back() != y.shape.back()))
        return ChannelRole::other;
    }
    const auto varies = [&](ValueId v) { return !g[v].constant(); };
    return role(std::ranges::any_of(n.inputs, varies), ChannelRole::hands_on);
  }
  const ChannelRole r = channel_role(n.op, x);
  return role(same_extent || r != ChannelRole::hands_on, r);
}

std::vector<Interval> channel_result(const Graph& g, const Node& n, const ChannelRanges& known) {
  const double infinite = std::numeric_limits<double>::infinity();
  const auto of = [&](ValueId v) -> Ranges {
    if (v == ValueId::none) return {{0, 0}};
    const Type& t = g[v].type;
    if (const auto it = known.find(v); it != known.end()) return it->second;
    if (g[v].constant() && t.rank() == 0 && ranked({t.dtype, {1}, t.quant}))
      return {{g[v].data->real(0), g[v].data->real(0)}};
    if (!ranked(t) || t.elements() == 0) return {};
    return g[v].constant() ? compact(of_constant(*g[v].data)) : type_range(t, infinite);
  };
  std::vector<Ranges> in;
  // The other operands of sums are constants of other types.
  for (size_t i = 0; i < data_operands(n); ++i) in.push_back(of(n.inputs[i]));
  return compact(result(g, n, in));
}

ChannelRanges channel_ranges(const Graph& g, double limit) {
  ChannelRanges all;
  const auto tracked = [&](ValueId v) { return ranked(g[v].type) && g[v].type.elements() > 0; };
  for (ValueId v : g.inputs)
    if (tracked(v)) all[v] = type_range(g[v].type, limit);
  for (const Node& n : g.nodes) {
    const Ranges r = channel_result(g, n, all);
    for (ValueId v : n.outputs)
      if (tracked(v)) all[v] = r.empty() ? type_range(g[v].type, std::numeric_limits<double>::infinity()) : r;
  }
  return all;
}

}  // namespace burin
