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
//   and gets the weights of both, where the sum still fits the weights' type (else both stay).
//
// Depthwise convolutions, pools, reshapes and operators element by element hand channels on, so all values that they
// connect lose the same ones. A channel of a value may be a channel of every so many in another, whose last axis a
// reshape made of several. Counts that were a multiple of four stay one, because kernels work on four channels at a
// time.
//
// narrow_channels_facts.cpp finds what is known of the channels, narrow_channels_decide.cpp which ones go; here the
// graph is rewritten.
#include "passes/narrow_channels.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/ops/layout.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

using namespace narrowing;

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
  const int64_t slice = t.elements() / std::max<int64_t>(type.shape[0], 1);
  type.shape[0] = int64_t(keep.size());
  if (type.quant.axis == 0) {
    Quant q{{}, {}, 0};
    for (size_t k : keep)
      q.scale.push_back(t.type().quant.scale[k]), q.zero_point.push_back(t.type().quant.zero_point[k]);
    type.quant = q;
  }
  return gather(t, type, [&](int64_t i) { return int64_t(keep[size_t(i / slice)]) * slice + i % slice; });
}

Tensor select_last(const Tensor& t, const std::vector<size_t>& keep) {
  Type type = t.type();
  const int64_t inner = type.shape.back(), kept = int64_t(keep.size());
  type.shape.back() = kept;
  return gather(t, type, [&](int64_t i) { return i / kept * inner + int64_t(keep[size_t(i % kept)]); });
}

class Rewriter {
 public:
  Rewriter(Graph& g, const ChannelFacts& facts, const Decision& decision) : g_(g), k_(facts), d_(decision) {}

  void run();

 private:
  /// The indices of the last axis of v that stay.
  std::vector<size_t> remaining(ValueId v) const;
  void narrow(size_t at);
  std::vector<ValueId> layer_inputs(size_t at, const std::vector<size_t>& in, const std::vector<size_t>& out);
  std::vector<ValueId> operands(const Node& n, const std::vector<size_t>& out);
  Tensor layer_weights(size_t at, const std::vector<size_t>& in, const std::vector<size_t>& out) const;
  void add_merged(size_t at, Tensor& weights) const;
  std::vector<size_t> gone(size_t at) const;
  double with_gone(size_t at, const std::vector<size_t>& channels, size_t o, double sum) const;
  void fold_into_sums(size_t at, const std::vector<size_t>& out, std::vector<ValueId>& inputs);
  ValueId constant(const std::string& name, Tensor t) { return g_.add_constant(g_.fresh(name), std::move(t)); }

  Graph& g_;
  const ChannelFacts& k_;
  const Decision& d_;
  std::map<ValueId, ValueId> now_;  // the narrow value of each that lost channels
};

std::vector<size_t> Rewriter::remaining(ValueId v) const {
  std::vector<size_t> r;
  for (size_t c = 0; c < extent(g_[v].type); ++c)
    if (!drops(k_, d_.dropped, v, c)) r.push_back(c);
  return r;
}

/// What stays for equal channels has the weights of all.
void Rewriter::add_merged(size_t at, Tensor& weights) const {
  const std::vector<Merge>& merged = d_.merged_of(k_.classes.of(g_.nodes[at].inputs[0]));
  if (merged.empty()) return;
  FilterSums f(k_.filters.at(at));
  for (const Merge& m : merged) add_up(k_, at, m, f);
  const size_t filter_size = f.taps * f.channels;
  for (size_t i = 0; i < f.weights.size(); ++i) {
    const Type& type = weights.type();
    const double v = f.weights[i] + (type.quantized() ? type.quant.zero_at(i / filter_size) : 0);
    type.dtype == DType::f32 ? weights.set_real(int64_t(i), v) : weights.set_integer(int64_t(i), int64_t(v));
  }
}

Tensor Rewriter::layer_weights(size_t at, const std::vector<size_t>& in, const std::vector<size_t>& out) const {
  Tensor w = *constant_operand(g_, g_.nodes[at], kWeights);
  if (!k_.mixes(at)) return select_first(w, out);
  add_merged(at, w);
  return select_last(select_first(w, out), in);
}

/// Of the mixing node `at`, the input channels that go without an equal one that stays for them.
std::vector<size_t> Rewriter::gone(size_t at) const {
  const ValueId x = g_.nodes[at].inputs[0];
  const std::vector<Merge>& merged = d_.merged_of(k_.classes.of(x));
  std::vector<size_t> r;
  for (size_t c = 0; c < extent(g_[x].type); ++c)
    if (drops(k_, d_.dropped, x, c) && std::ranges::count(merged, c % k_.classes.base(x), &Merge::from) == 0)
      r.push_back(c);
  return r;
}

/// `sum` and what those add to that of filter o.
double Rewriter::with_gone(size_t at, const std::vector<size_t>& channels, size_t o, double sum) const {
  const Node& n = g_.nodes[at];
  const Type& x = g_[n.inputs[0]].type;
  const Filters& f = k_.filters.at(at);
  const double zero = x.quantized() ? x.quant.zero_point[0] : 0;
  for (size_t c : channels) {
    if (!(f.l1_norm(o, c) > 0)) continue;
    double w = 0;
    for (size_t t = 0; t < f.taps; ++t) w += f.at(o, t, c);
    sum += w * (stand_in(n, x, channel(k_.ranges.at(n.inputs[0]), c)).value - zero);
  }
  return sum;
}

/// What the channels that go add to the sums of the filters `out` of the mixing node `at`: offsets of integers, part of
/// a float bias. inputs are {x, -, bias}.
void Rewriter::fold_into_sums(size_t at, const std::vector<size_t>& out, std::vector<ValueId>& inputs) {
  const Node& n = g_.nodes[at];
  const bool integers = g_[n.inputs[0]].type.quantized();
  const Tensor* offset = constant_operand(g_, n, kOffset);
  const Tensor* bias = constant_operand(g_, n, kBias);
  Tensor sums(real_type(integers ? DType::i32 : DType::f32, {int64_t(out.size())}));
  const std::vector<size_t> channels = gone(at);
  bool any = integers && offset;
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t o = int64_t(out[i]);
    const double own = integers ? (offset ? double(offset->integer(o)) : 0) : (bias ? bias->real(o) : 0);
    const double sum = with_gone(at, channels, out[i], own);
    any = any || sum != own;
    integers ? sums.set_integer(int64_t(i), int64_t(sum)) : sums.set_real(int64_t(i), sum);
  }
  if (!any) return;
  if (integers) inputs.push_back(constant(n.name + "_offset", std::move(sums)));
  else inputs[kBias] = constant(n.name + "_bias", std::move(sums));
}

/// A convolution or fully connected layer with the channels `in` and the filters `out`: {x, weights, bias, offset}.
std::vector<ValueId> Rewriter::layer_inputs(size_t at, const std::vector<size_t>& in, const std::vector<size_t>& out) {
  const Node& n = g_.nodes[at];
  const ValueId x = n.inputs[0];
  const Tensor* bias = constant_operand(g_, n, kBias);
  const Tensor* offset = constant_operand(g_, n, kOffset);
  std::vector<ValueId> r{x, n.inputs[kWeights], operand(n, kBias)};
  if (bias && out.size() < extent(g_[n.outputs[0]].type))
    r[kBias] = constant(g_[r[kBias]].name, select_first(*bias, out));
  if (k_.mixes(at) && in.size() < extent(g_[x].type)) fold_into_sums(at, out, r);
  else if (offset) r.push_back(constant(n.name + "_offset", select_first(*offset, out)));
  r[kWeights] = constant(g_[r[kWeights]].name, layer_weights(at, in, out));
  if (r.size() == 3 && r[kBias] == ValueId::none) r.pop_back();
  return r;
}

/// Of a node that hands channels on: operands for every channel lose some, too.
std::vector<ValueId> Rewriter::operands(const Node& n, const std::vector<size_t>& out) {
  std::vector<ValueId> r = n.inputs;
  const size_t channels = extent(g_[n.outputs[0]].type);
  for (ValueId& v : r) {
    const std::shared_ptr<const Tensor> data = g_[v].data;
    if (data && channels > 1 && extent(data->type()) == channels) v = constant(g_[v].name, select_last(*data, out));
  }
  return r;
}

void Rewriter::narrow(size_t at) {
  Node& n = g_.nodes[at];
  const ValueId y = n.outputs[0];
  const std::vector<size_t> in = remaining(n.inputs[0]), out = remaining(y);
  std::vector<ValueId> inputs = weighted(n) ? layer_inputs(at, in, out) : operands(n, out);
  for (ValueId& v : inputs)
    if (now_.contains(v)) v = now_[v];
  g_.set_inputs(n, std::move(inputs));
  if (out.size() == extent(g_[y].type)) return;
  // Another value: what has a name keeps its meaning through all passes.
  Type type = g_[y].type;
  type.shape.back() = int64_t(out.size());
  if (Shape* shape = shape_of(n.op)) *shape = type.shape;
  if (int64_t* group = group_of(n.op); group && !k_.mixes(at)) *group = int64_t(out.size());
  now_[y] = g_.add_value(g_.fresh(g_[y].name + "_kept"), std::move(type));
  g_.set_outputs(n, {now_[y]});
}

void Rewriter::run() {
  const auto loses = [&](ValueId v) {
    const auto dropped = d_.dropped.find(k_.classes.of(v));
    return dropped != d_.dropped.end() && std::ranges::count(dropped->second, true) > 0;
  };
  size_t gone = 0, all = 0;
  for (size_t at = 0; at < g_.nodes.size(); ++at) {
    if (k_.roles[at] == ChannelRole::other) continue;
    const ValueId x = g_.nodes[at].inputs[0], y = g_.nodes[at].outputs[0];
    if (k_.mixes(at)) all += extent(g_[y].type);
    if (!loses(x) && !loses(y)) continue;
    if (k_.mixes(at)) gone += extent(g_[y].type) - remaining(y).size();
    narrow(at);
  }
  if (gone > 0)
    g_.notes.push_back(
        fmt::format("{} of {} output channels of convolutions and fully connected layers were dropped: they are "
                    "constant for every input or equal to others, or nothing reads them",
                    gone, all));
}

}  // namespace

void narrow_channels(Graph& g, const Context& ctx) {
  const ChannelFacts facts(g, ctx.options.input_limit);
  Rewriter(g, facts, decide(facts)).run();
}

}  // namespace burin
