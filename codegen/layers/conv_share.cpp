#include "codegen/layers/conv_share.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "runtime-min/kernels/dense_dsp.h"

namespace burin {
namespace {

/// What a function that serves any shape reads from a table: 16-bit numbers, the last two of which are one.
std::vector<int32_t> shape_facts(const ConvQ8& c, int32_t n) {
  const Requant& q = c.requant.device;
  const ConvShape& s = c.s;
  return {s.ih,
          s.iw,
          s.ic,
          s.oh,
          s.ow,
          s.oc,
          s.sh,
          s.sw,
          s.pt,
          s.pl,
          q.shift,
          q.zero_point,
          c.x_zero,
          n,
          int32_t(c.batch),
          int16_t(q.offset),
          q.offset >> 16};
}

/// What a layer gains by a function of its own, and what that adds; fitted to MLPerf Tiny's models on cortex-m4f.
struct Own {
  double saved;  // in units of the layer's time with a function of its own
  int32_t bytes;
};
Own own_function(std::string_view kernel, const ConvShape& s) {
  if (kernel == "depthwise_q8_dsp") return {s.ow <= 6 ? 1.0 : 0.54, 850};
  if (kernel == "pointwise_q8_dsp") return {0.12 + 1.4 / s.ic, 450 + 20 * std::min(s.ic, 64)};
  if (kernel == "conv_q8_dsp") return {0.06 + (s.ic % 4 == 0 ? 0 : 3.5 / s.oc), 1200};
  if (kernel == "winograd_q8_w8_dsp") return {0.02, 1000};
  return {0, 0};  // the others have no function of their own to speak of
}

/// A layer's time in some unit: outputs of depthwise layers have few products, windows of few channels are gathered
/// byte by byte.
double work(const ConvShape& s) {
  const double products = double(s.oh) * s.ow * s.oc * s.kh * s.kw * (double(s.ic) / s.groups);
  return is_depthwise(s) ? 1.6 * products : s.ic % 4 == 0 ? products : 1.3 * products;
}

/// Is a function of its own worth its bytes? Time and flash count as parts of the whole model's.
bool pays_alone(const LayerView& v, const ConvShape& s) {
  double all = 0;
  int64_t weights = 0;
  for (const Node& n : v.graph.nodes) {
    const LayerView other(v.graph, n, v.target, v.options);
    if (const auto g = n.inputs.empty() ? std::nullopt : geometry(other)) all += work(g->s);
    for (size_t i = 0; i < n.inputs.size(); ++i)
      if (other.has(i) && other.constant(i)) weights += other.in(i).bytes();
  }
  const Own own = own_function(v.node.kernel->name, s);
  return own.saved * work(s) / all > double(own.bytes) / double(weights);
}

/// How many shapes the layers have that would share a function with this one.
size_t distinct_shapes(const LayerView& v, const ConvShape& s) {
  std::set<std::string> shapes;
  const bool dense = is_dense_dsp(v.node.kernel->name);
  for (const Node& n : v.graph.nodes) {
    if (!n.kernel || (dense ? !is_dense_dsp(n.kernel->name) : n.kernel != v.node.kernel)) continue;
    const LayerView other(v.graph, n, v.target, v.options);
    const auto g = geometry(other);
    if (g && g->s.kh == s.kh && g->s.kw == s.kw && (g->s.ic % 4 == 0) == (s.ic % 4 == 0) && !pays_alone(other, g->s))
      shapes.insert(text(g->s));
  }
  return shapes.size();
}

}  // namespace

Sharing sharing(const LayerView& v, const ConvQ8& c, int32_t n) {
  const std::string_view kernel = v.node.kernel->name;
  if (v.options.optimize != Options::Optimize::size) return Sharing::none;
  const bool plain = kernel.ends_with("_plain"), parts = c.has_any_form(kernel);
  if (!plain && !parts) return Sharing::none;
  if (c.s.groups != 1 && !c.depthwise) return Sharing::none;  // the call knows no other groups
  if (parts && pays_alone(v, c.s)) return Sharing::none;
  const bool many = distinct_shapes(v, c.s) > 2;
  // A fully connected layer of its own is shorter than one for all shapes where there are few and no sixes.
  if (is_dense_dsp(kernel)) return many || dense_sixes(c.s.ic, c.s.oc) > 0 ? Sharing::whole : Sharing::none;
  const bool fits = std::ranges::all_of(shape_facts(c, n), [](int32_t f) { return f == int16_t(f); });
  if (many && fits && !kernel.starts_with("winograd")) return Sharing::whole;  // Winograd's is little beside its parts
  return parts && !c.depthwise ? Sharing::parts : Sharing::none;  // depthwise is shorter than a call and what it calls
}

std::string shared_dense_call(const ConvQ8& c, LayerCode& code) {
  code.constants = {{"w", constant_of<uint32_t>(pack_dense_any_q8_dsp(c).weights)}};
  return fmt::format("burin::dense_any_q8_dsp<{}>(w, x0, y0, scratch);", c.s.ic % 4 != 0 || c.s.oc % 4 != 0);
}

/// What decides the code's structure stays known: the window, and whether channels come in fours.
std::string shared_call(const ConvQ8& c, int32_t n, std::string_view kernel, std::string_view params,
                        std::string_view scratch, LayerCode& code) {
  const Requant& q = c.requant.device;
  const ConvShape& s = c.s;
  const bool fours = s.ic % 4 == 0;
  std::vector<int16_t> facts;
  for (const int32_t f : shape_facts(c, n)) facts.push_back(int16_t(f));
  if (fours) facts[2] /= 4;
  code.constants.push_back({"f", constant_of<int16_t>(facts)});
  int32_t room = 64;  // for row pointers; few sizes, so that few functions differ in it
  while (room < s.rows(n)) room *= 2;
  const std::string ic = fours ? "4 * f[2]" : "f[2]";
  return expand(R"(
      const burin::ConvShape s = {f[0], f[1], $ic$, f[3], f[4], f[5], $kh$, $kw$, f[6], f[7], $dh$, $dw$, f[8], f[9], $groups$};
      const burin::Requant q = {burin::RequantKind::$kind$, f[10], int32_t(uint16_t(f[15])) | int32_t(f[16]) * 65536, $lo$, $hi$, f[11]};
      const $type$* rows[$room$];
      auto* y = y0;
      for (int32_t b = 0; b < f[14]; ++b) {
        for (int32_t oy = 0; oy < s.oh; oy += f[13]) {
          const int32_t n = s.oh - oy < f[13] ? s.oh - oy : f[13];
          burin::image_rows(rows, x0 + b * s.ih * s.iw * s.ic, oy * s.sh - s.pt, s.rows(n), s.ih, s.iw * s.ic);
          burin::$kernel$(s, q, f[12], rows, n, w, $params$, y, $scratch$);
          y += n * s.ow * s.oc;
        }
      })",
                {{"kh", s.kh},
                 {"kw", s.kw},
                 {"dh", s.dh},
                 {"dw", s.dw},
                 {"ic", ic},
                 {"groups", s.groups == 1 ? "1" : ic},
                 {"kind", kind_name(q.kind)},
                 {"lo", q.lo},
                 {"hi", q.hi},
                 {"type", info(c.x).c_type},
                 {"room", room},
                 {"kernel", kernel},
                 {"params", params},
                 {"scratch", scratch}});
}

}  // namespace burin
