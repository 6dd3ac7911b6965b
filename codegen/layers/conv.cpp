#include "codegen/layers/conv.h"
#include "codegen/layers/common.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compiler/liveness.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/dense.h"
#include "compiler/ops/layout.h"
#include "runtime-min/kernels/depthwise_mve.h"

namespace burin {

namespace {

/// Kernels, their working memory and the estimates of their time multiply extents in 32 bits: window and input channels
/// by less than 256, everything else by less than 16.
void check_reach(const ConvShape& s) {
  const int64_t most = INT32_MAX / 16, padded = (int64_t(s.oh) - 1) * s.sh + (int64_t(s.kh) - 1) * s.dh + 1;
  const auto check = [](int64_t v, int64_t limit, std::string_view what) {
    if (v > limit)
      throw OpError(fmt::format("{} of {} elements, more than kernels take: {}", what, v, limit), "too-large");
  };
  const int64_t ic = std::max(s.ic, 1), oc = std::max(s.oc, 1);
  check(int64_t(s.kh) * s.kw * ic, INT32_MAX / 256, "a window");
  check(s.iw * ic, most, "a row");
  check(s.ow * oc, most, "a row of results");
  check(int64_t(s.oh) * s.ow, most, "an image");
  check(padded, most, "a padded column");
}

}  // namespace

std::optional<Geometry> geometry(const LayerView& v) {
  if (v.node.as<Dense>()) {
    const int32_t in = int32_t(v.in(1).shape[1]), out = int32_t(v.in(1).shape[0]);
    const int32_t pixels = in == 0 ? 0 : int32_t(v.in(0).elements() / in);
    const ConvShape s = {1, pixels, in, 1, pixels, out, 1, 1, 1, 1, 1, 1, 0, 0, 1};
    check_reach(s);
    return Geometry{s, s, 1, true, true};
  }
  const Conv* c = v.node.as<Conv>();
  if (!c || !c->channels_last) return std::nullopt;
  const ConvShape image = c->shape(v.in(0), v.out());
  Geometry g{image, image, v.in(0).shape[0], false, false};
  ConvShape& s = g.s;
  g.pointwise = s.kh == 1 && s.kw == 1 && s.sh == 1 && s.sw == 1 && s.pt == 0 && s.pl == 0 && s.oh == s.ih &&
                s.ow == s.iw && s.groups == 1;
  if (g.pointwise) {
    s.iw = s.ow = int32_t(s.ih * s.iw * g.batch);
    s.ih = s.oh = 1;
    g.image.ih = g.image.oh = int32_t(image.ih * g.batch);
    g.batch = 1;
  }
  check_reach(s);
  return g;
}

RowCalls row_calls(const ConvShape& s, const ConvShape& image, int64_t batch, int32_t rows) {
  if (s.oh == image.oh) return {s, batch, rows};
  if (rows <= 0 || rows >= image.oh) return {s, batch, 1};
  const int32_t joined = std::gcd(rows, image.oh);
  ConvShape r = image;
  r.ih = r.oh = image.oh / joined;
  r.iw = r.ow = image.ow * joined;
  return {r, batch, rows / joined};
}

bool is_depthwise(const ConvShape& s) { return s.groups > 1 && s.groups == s.ic && s.oc == s.ic; }

LiveSteps::LiveSteps(const Graph& g) {
  std::vector<int64_t> grows(g.nodes.size() + 2);  // at each step from -1 on
  for (const LiveRange& r : live_ranges(g))
    if (r.value != ValueId::none) grows[size_t(r.first + 1)] += r.bytes, grows[size_t(r.last + 2)] -= r.bytes;
  int64_t now = grows[0];
  most = now;
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    live[&g.nodes[i]] = now += grows[i + 1];
    most = std::max(most, now);
  }
}

int64_t spare_bytes(const LayerView& v, double growth) {
  const auto spare = [&](const LiveSteps& s) {
    const auto at = s.live.find(&v.node);
    return at == s.live.end() ? 0 : s.most + int64_t(double(s.most) * growth) - at->second;
  };
  return v.live ? spare(*v.live) : spare(LiveSteps(v.graph));
}

namespace {

/// With --io external: is the value, or another view of its bytes, an output of the model?
bool is_callers(const Graph& g, ValueId v) {
  if (std::ranges::count(g.outputs, v)) return true;
  return std::ranges::any_of(g.nodes, [&](const Node& n) {
    return std::ranges::count(n.inputs, v) && is_alias(g, n) && is_callers(g, n.outputs[0]);
  });
}

}  // namespace

std::optional<ConvQ8> ConvQ8::of(const LayerView& v) {
  const std::optional<Geometry> g = geometry(v);
  if (!g || !is_byte(v.in(0).dtype) || !v.in(0).quantized() || !v.out().quantized() || !v.constant(1))
    return std::nullopt;
  ConvQ8 c{};
  c.s = g->s, c.image = g->image, c.batch = g->batch, c.dense = g->dense, c.pointwise = g->pointwise;
  c.depthwise = is_depthwise(c.s);
  c.channelwise = c.s.groups > 1 && c.s.groups == c.s.ic && c.s.oc % c.s.ic == 0;
  c.x = v.in(0).dtype, c.y = v.out().dtype;
  c.aligned = v.options.io != Options::Io::external || !is_callers(v.graph, v.node.outputs[0]);
  c.x_zero = v.in(0).quant.zero_point[0];
  const Tensor& w = *v.constant(1);
  c.weights = centered(w);
  c.taps = int64_t(c.s.kh) * c.s.kw * (c.s.ic / c.s.groups);
  c.outputs = int64_t(c.s.oh) * c.s.ow * c.s.oc;
  c.products = double(c.outputs) * double(c.taps);
  const Clamp clamp = v.node.as<Conv>() ? v.node.as<Conv>()->clamp : v.node.as<Dense>()->clamp;
  c.requant = accumulator_requantization(w, v.constant(2), v.in(0), v.out(), clamp, c.weights, v.constant(3));
  for (size_t i = 0; i < c.requant.needed.size(); ++i)
    ++c.needed[c.requant.constant[i] ? "constant" : name_of(c.requant.needed[i])];
  if (v.target.has("mve"))
    c.mve_requant =
        plan_vector_requantization(accumulator_channels(w, v.constant(2), v.constant(3), v.in(0), v.out(), c.weights),
                                   requant_range(v.out(), clamp));
  c.int8_weights = std::ranges::all_of(c.weights, [](int16_t weight) { return weight >= -128 && weight <= 127; });
  c.zeros = std::ranges::count(c.weights, int16_t{0});
  const int64_t x_bound = std::max(info(c.x).hi - c.x_zero, c.x_zero - info(c.x).lo);
  bool exact = c.int8_weights && c.s.groups == 1;
  for (int32_t o = 0; o < c.s.oc; ++o) {
    const int16_t* f = c.weights.data() + o * c.taps;
    const int64_t most = x_bound * std::accumulate(f, f + c.taps, int64_t{0},
                                                   [](int64_t sum, int16_t weight) { return sum + std::abs(weight); });
    c.bound = std::max(c.bound, most);
    exact = exact && most < (1 << 23) && hs_exact(c, o);
  }
  c.hs = exact;
  c.one_multiplier = c.requant.device.kind == RequantKind::shift8;
  for (size_t i = 3; i < c.requant.params.size(); i += 2)
    c.one_multiplier = c.one_multiplier && c.requant.params[i] == c.requant.params[1];
  return c;
}

bool ConvQ8::mve_depthwise() const {
  return outputs > 0 && taps > 0 && mve_depthwise_serves(s) && (!mve_depthwise_down(s) || s.oh <= mve_rows());
}
int32_t ConvQ8::mve_rows() const { return std::min(s.oh, 96); }  // row pointers lie on the stack

}  // namespace burin
