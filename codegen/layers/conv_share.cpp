#include "codegen/layers/conv_share.h"

#include <array>
#include <bit>
#include <set>

#include "codegen/layers/conv.h"
#include "runtime-min/kernels/conv_facts.h"
#include "runtime-min/kernels/dense_dsp.h"

namespace burin {
namespace {

bool in_fours(const ConvShape& s) { return s.ic % 4 == 0; }

/// What the layer's function reads where it serves any shape; nothing where that does not fit.
std::optional<ConvFacts> conv_facts(const ConvQ8& c, const RowCalls& calls) {
  const ConvShape& s = calls.s;
  const Requant& q = c.requant.device;
  bool fits = true;
  const auto fact = [&](int64_t v) {
    fits = fits && v == int16_t(v);
    return int16_t(v);
  };
  const ConvFacts f{.ih = fact(s.ih),
                    .iw = fact(s.iw),
                    .ic = fact(in_fours(s) ? s.ic / 4 : s.ic),
                    .oh = fact(s.oh),
                    .ow = fact(s.ow),
                    .oc = fact(s.oc),
                    .sh = fact(s.sh),
                    .sw = fact(s.sw),
                    .pt = fact(s.pt),
                    .pl = fact(s.pl),
                    .shift = fact(q.shift),
                    .zero_point = fact(q.zero_point),
                    .x_zero = fact(c.x_zero),
                    .n = fact(calls.n),
                    .batch = fact(calls.batch),
                    .offset_low = int16_t(q.offset),
                    .offset_high = fact(q.offset >> 16)};
  return fits ? std::optional(f) : std::nullopt;
}

Constant table_of(const ConvFacts& f) {
  Constant c =
      constant_of(std::span<const int16_t>(std::bit_cast<std::array<int16_t, sizeof(ConvFacts) / sizeof(int16_t)>>(f)));
  c.record = type_name<ConvFacts>();
  return c;
}

RowCalls calls_of(const ConvQ8& c, const Node& n) { return row_calls(c.s, c.image, c.batch, n.rows); }

/// A layer's time in some unit: outputs of depthwise layers have few products, windows of few channels are gathered
/// byte by byte.
double time_units(const ConvShape& s) {
  const double products = double(s.oh) * s.ow * s.oc * s.kh * s.kw * (double(s.ic) / s.groups);
  return is_depthwise(s) ? 1.6 * products : s.ic % 4 == 0 ? products : 1.3 * products;
}

/// What decides the code's structure; layers that agree in it can share a function.
using Window = std::array<int32_t, 3>;
Window window(const ConvShape& s) { return {s.kh, s.kw, in_fours(s)}; }

struct Layer {
  ConvShape s;
  SharedForm form;
  bool alone;  // a function of its own is worth its bytes
};

}  // namespace

std::vector<Sharing> sharing(const Graph& g, const Target& t, const Options& o) {
  std::vector<Sharing> r(g.nodes.size(), Sharing::none);
  if (o.optimize != Options::Optimize::size) return r;
  // Time and flash count as parts of the whole model's.
  double time = 0;
  int64_t weights = 0;
  std::vector<std::optional<Layer>> layers(g.nodes.size());
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    const LayerView v(g, n, t, o);
    for (size_t k = 0; k < n.inputs.size(); ++k)
      if (v.constant(k)) weights += v.in(k).bytes();
    const auto shape = n.inputs.empty() ? std::nullopt : geometry(v);
    if (!shape) continue;
    time += time_units(shape->s);
    if (n.kernel) layers[i] = Layer{shape->s, n.kernel->work(v)->form, false};
  }
  std::map<std::pair<SharedFunction, Window>, std::set<std::vector<int32_t>>> shapes;
  for (std::optional<Layer>& l : layers) {
    if (!l || l->form.function == SharedFunction::none) continue;
    l->alone = l->form.saved * time_units(l->s) / time > double(l->form.bytes) / double(weights);
    const ConvShape& s = l->s;
    if (!l->alone)
      shapes[{l->form.function, window(s)}].insert(
          {s.ih, s.iw, s.ic, s.oh, s.ow, s.oc, s.sh, s.sw, s.dh, s.dw, s.pt, s.pl, s.groups});
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i]) continue;
    const auto& [s, form, alone] = *layers[i];
    const bool plain = form.function == SharedFunction::conv_plain || form.function == SharedFunction::depthwise_plain;
    const bool depthwise = is_depthwise(s);
    if (!plain && !form.parts) continue;
    if (s.groups != 1 && !depthwise) continue;  // the call knows no other groups
    if (form.parts && alone) continue;
    const bool many = shapes[{form.function, window(s)}].size() > 2;
    if (form.function == SharedFunction::dense) {
      // A fully connected layer of its own is shorter than one for all shapes where there are few and no sixes.
      if (many || dense_sixes(s.ic, s.oc) > 0) r[i] = Sharing::whole;
      continue;
    }
    const LayerView v(g, g.nodes[i], t, o);
    const ConvQ8& c = *v.as<ConvQ8>();
    const bool fits = conv_facts(c, calls_of(c, g.nodes[i])).has_value();
    // Winograd's function is little beside its parts; depthwise is shorter than a call and what it calls.
    if (many && fits && form.function != SharedFunction::winograd) r[i] = Sharing::whole;
    else if (form.parts && !depthwise) r[i] = Sharing::parts;
  }
  return r;
}

Sharing alone(const LayerView& v, const Work& work) {
  if (v.options.optimize != Options::Optimize::size || work.form.function != SharedFunction::dense || !work.form.parts)
    return Sharing::none;
  const ConvShape& s = v.as<ConvQ8>()->s;
  return dense_sixes(s.ic, s.oc) > 0 ? Sharing::whole : Sharing::none;
}

SharedCall shared_call(const LayerView& v) {
  const Node& n = v.node;
  if (n.sharing == Sharing::none) return {};
  const ConvQ8& c = *v.as<ConvQ8>();
  const SharedForm form = n.kernel->work(v)->form;
  SharedCall r{form.parts};
  if (n.sharing == Sharing::parts) return r;
  if (form.function == SharedFunction::dense) return {false, true};
  const RowCalls calls = calls_of(c, n);
  int32_t row_pointers = 64;  // few sizes, so that few functions differ in it
  while (row_pointers < calls.s.rows(calls.n)) row_pointers *= 2;
  r.facts = {"f", row_pointers, in_fours(c.s)};
  r.table = table_of(conv_facts(c, calls).value());
  return r;
}

}  // namespace burin
