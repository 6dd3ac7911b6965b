#include "codegen/layers/conv.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "codegen/layers/conv_share.h"
#include "codegen/layers/rows.h"
#include "compiler/liveness.h"
#include "compiler/ops/layout.h"
#include "runtime-min/kernels/conv_dsp.h"
#include "runtime-min/kernels/conv_few_dsp.h"
#include "runtime-min/kernels/conv_mve.h"
#include "runtime-min/kernels/conv_plain.h"
#include "runtime-min/kernels/conv_rows_mve.h"
#include "runtime-min/kernels/conv_strips_mve.h"
#include "runtime-min/kernels/conv_w16_dsp.h"
#include "runtime-min/kernels/dense_dsp.h"
#include "runtime-min/kernels/depthwise_any_dsp.h"
#include "runtime-min/kernels/depthwise_any_mve.h"
#include "runtime-min/kernels/depthwise_dsp.h"
#include "runtime-min/kernels/depthwise_mve.h"
#include "runtime-min/kernels/depthwise_taps_dsp.h"
#include "runtime-min/kernels/winograd_dsp.h"

namespace burin {

std::optional<Geometry> geometry(const LayerView& v) {
  if (v.node.as<Dense>()) {
    const int32_t in = int32_t(v.in(1).shape[1]), out = int32_t(v.in(1).shape[0]);
    const int32_t pixels = in == 0 ? 0 : int32_t(v.in(0).elements() / in);
    return Geometry{{1, pixels, in, 1, pixels, out, 1, 1, 1, 1, 1, 1, 0, 0, 1}, 1, true, true};
  }
  const Conv* c = v.node.as<Conv>();
  if (!c || !c->channels_last) return std::nullopt;
  Geometry g{c->shape(v.in(0), v.out()), v.in(0).shape[0], false, false};
  ConvShape& s = g.s;
  g.pointwise = s.kh == 1 && s.kw == 1 && s.sh == 1 && s.sw == 1 && s.pt == 0 && s.pl == 0 && s.oh == s.ih &&
                s.ow == s.iw && s.groups == 1;
  if (g.pointwise) {
    s.iw = s.ow = int32_t(s.ih * s.iw * g.batch);
    s.ih = s.oh = 1;
    g.batch = 1;
  }
  return g;
}

bool is_depthwise(const ConvShape& s) { return s.groups > 1 && s.groups == s.ic && s.oc == s.ic; }

std::string text(const ConvShape& s) {
  const int32_t f[] = {s.ih, s.iw, s.ic, s.oh, s.ow, s.oc, s.kh, s.kw, s.sh, s.sw, s.dh, s.dw, s.pt, s.pl, s.groups};
  return braced(f);
}

int64_t spare_room(const Graph& g, const Node& node, double growth) {
  std::vector<int64_t> live(g.nodes.size() + 1);
  for (const LiveRange& r : live_ranges(g))
    if (r.value != ValueId::none)
      for (int step = r.first; step <= r.last; ++step) live[size_t(step + 1)] += r.bytes;
  const int64_t most = std::ranges::max(live);
  for (size_t i = 0; i < g.nodes.size(); ++i)
    if (&g.nodes[i] == &node) return most + int64_t(double(most) * growth) - live[i + 1];
  return 0;
}

std::string_view kind_name(RequantKind k) {
  constexpr std::string_view names[] = {"shift8", "plain", "wide", "table", "vector"};
  return names[size_t(k)];
}

namespace {

/// A filter's weights in the order in which kernels with H/s packing meet them, in whole quads.
std::vector<int16_t> hs_order(const ConvQ8& c, int32_t o) {
  const ConvShape& s = c.s;
  const int16_t* w = c.weights.data() + o * c.taps;
  if (s.ic % 4 == 0 || c.pointwise) {
    std::vector<int16_t> r(w, w + c.taps);
    r.resize(size_t(hs_quads(int32_t(c.taps))) * 4);
    return r;
  }
  std::vector<int16_t> r(size_t(conv_q8_dsp_quads(s)) * 4);
  for (int32_t ky = 0; ky < s.kh; ++ky)
    for (int32_t at = 0; at < s.kw * s.ic; ++at) r[size_t(conv_q8_dsp_place(s, ky, at))] = *w++;
  return r;
}

/// H/s packing of one filter: quads of words.
std::vector<uint32_t> hs_words(const std::vector<int16_t>& w) {
  std::vector<uint32_t> r;
  for (size_t i = 0; i < w.size(); i += 4)
    r.push_back(uint32_t((256 * w[i + 1] + w[i]) & 0xFFFF) | uint32_t(256 * w[i + 3] + w[i + 2]) << 16);
  return r;
}

bool hs_exact(const std::vector<int16_t>& w) {
  for (size_t i = 1; i < w.size(); i += 2)
    if (w[i] == -128 && w[i - 1] < 0) return false;
  return true;
}

/// The parameters that hs.h wants: what the packing adds to every sum is taken off the first value.
/// `constant(channel)` is what 256 * the true sum lacks.
template <class F>
std::vector<int32_t> hs_parameters(const ConvQ8& c, F&& constant) {
  const int words = words_per_channel(c.requant.device.kind);
  const bool shift8 = c.requant.device.kind == RequantKind::shift8;
  std::vector<int32_t> r;
  for (int32_t o = 0; o < c.s.oc; ++o) {
    const int32_t* p = c.requant.params.data() + o * words;
    r.push_back(int32_t(uint32_t(constant(o)) + (shift8 ? uint32_t(p[0]) : 0u)));
    r.insert(r.end(), p + (shift8 ? 1 : 0), p + words);
  }
  return r;
}

int32_t signed_zero(const ConvQ8& c) { return c.x == DType::u8 ? c.x_zero - 128 : c.x_zero; }

std::vector<int32_t> hs_parameters(const ConvQ8& c) {
  return hs_parameters(c, [&](int32_t o) {
    const std::vector<int16_t> w = hs_order(c, o);
    int64_t sum = 0, packed = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      sum += w[i];
      packed += i % 2 == 1 ? 256 * w[i] : 0;  // H0 + H1 less w0 + w2
    }
    return 127 * packed - 256 * signed_zero(c) * sum;
  });
}

/// Filters as kernels with H/s packing read them: `sizes` says how many run together, group by group. A group is the
/// filters' first values and their weights, interleaved; with `whole` all their other parameters follow.
std::vector<uint32_t> hs_stream(const ConvQ8& c, std::span<const int32_t> sizes, bool whole) {
  const std::vector<int32_t> params = hs_parameters(c);
  const size_t each = c.s.oc == 0 ? 0 : params.size() / size_t(c.s.oc);
  std::vector<uint32_t> r;
  int32_t o = 0;
  for (const int32_t together : sizes) {
    std::vector<std::vector<uint32_t>> filters;
    for (int32_t k = 0; k < together; ++k) filters.push_back(hs_words(hs_order(c, o + k)));
    for (int32_t k = 0; k < together; ++k) r.push_back(uint32_t(params[size_t(o + k) * each]));
    for (size_t q = 0; q < filters[0].size(); ++q)
      for (const auto& f : filters) r.push_back(f[q]);
    for (size_t i = 0; i < size_t(together) && whole; ++i)
      for (size_t k = 1; k < each; ++k) r.push_back(uint32_t(params[(size_t(o) + i) * each + k]));
    o += together;
  }
  return r;
}

/// Two filters at a time (runtime-min/kernels/hs_four.h).
std::vector<uint32_t> hs_pairs_stream(const ConvQ8& c) {
  std::vector<int32_t> sizes(size_t(c.s.oc / 2), 2);
  sizes.resize(sizes.size() + size_t(c.s.oc % 2), 1);
  return hs_stream(c, sizes, true);
}
/// Sixes, fours and single filters (runtime-min/kernels/dense_dsp.h).
std::vector<uint32_t> hs_dense_stream(const ConvQ8& c) {
  std::vector<int32_t> sizes(size_t(dense_sixes(c.s.ic, c.s.oc)), 6);
  const int32_t left = c.s.oc - 6 * dense_sixes(c.s.ic, c.s.oc);
  sizes.resize(sizes.size() + size_t(left / 4), 4);
  sizes.resize(sizes.size() + size_t(left % 4), 1);
  return hs_stream(c, sizes, false);
}

/// The call with everything known when the code is compiled, so that every bound folds.
std::string folded_call(const ConvQ8& c, const Requant& q, int32_t n, std::string_view kernel, std::string_view params,
                        std::string_view scratch) {
  const ConvShape& s = c.s;
  const std::string call =
      fmt::format("burin::{}(s, q, {}, rows, $n$, w, {}, y, {});", kernel, c.x_zero, params, scratch);
  return expand(
      R"(
      static constexpr burin::ConvShape s = $shape$;
      static constexpr burin::Requant q = {burin::RequantKind::$kind$, $shift$, $offset$, $lo$, $hi$, $zero$};
      $loop$)",
      {{"shape", text(s)},
       {"kind", kind_name(q.kind)},
       {"shift", q.shift},
       {"offset", q.offset},
       {"lo", q.lo},
       {"hi", q.hi},
       {"zero", q.zero_point},
       {"loop",
        row_loop({c.batch, s.ih, s.iw * s.ic, s.oh, s.ow * s.oc, s.sh, s.rows(1), s.pt, info(c.x).c_type}, n, call)}});
}

}  // namespace

namespace {

/// With --io external: is the value, or another view of its bytes, an output of the model?
bool is_callers(const Graph& g, ValueId v) {
  if (std::ranges::count(g.outputs, v)) return true;
  return std::ranges::any_of(
      g.nodes, [&](const Node& n) { return is_alias(g, n) && n.inputs[0] == v && is_callers(g, n.outputs[0]); });
}

}  // namespace

std::optional<ConvQ8> ConvQ8::of(const LayerView& v) {
  const std::optional<Geometry> g = geometry(v);
  if (!g || !is_byte(v.in(0).dtype) || !v.in(0).quantized() || !v.out().quantized() || !v.constant(1))
    return std::nullopt;
  ConvQ8 c{};
  c.s = g->s, c.batch = g->batch, c.dense = g->dense, c.pointwise = g->pointwise;
  c.depthwise = is_depthwise(c.s);
  c.channelwise = c.s.groups > 1 && c.s.groups == c.s.ic && c.s.oc % c.s.ic == 0;
  c.x = v.in(0).dtype, c.y = v.out().dtype;
  c.aligned = v.options.io != Options::Io::external || !is_callers(v.graph, v.node.outputs[0]);
  c.x_zero = v.in(0).quant.zero_point[0];
  const bool small = v.options.optimize == Options::Optimize::ram;
  c.strip = std::min(c.s.oh, small ? 2 : c.s.oh <= 25 ? 25 : 12);
  const Tensor& w = *v.constant(1);
  c.weights = centered(w);
  c.taps = int64_t(c.s.kh) * c.s.kw * (c.s.ic / c.s.groups);
  c.outputs = int64_t(c.s.oh) * c.s.ow * c.s.oc;
  c.products = double(c.outputs) * double(c.taps);
  const Clamp clamp = v.node.as<Conv>() ? v.node.as<Conv>()->clamp : v.node.as<Dense>()->clamp;
  c.requant = accumulator_requantization(w, v.constant(2), v.in(0), v.out(), clamp, c.weights, v.constant(3));
  for (size_t i = 0; i < c.requant.needed.size(); ++i)
    ++c.needed[c.requant.constant[i] ? "constant" : std::string(kind_name(c.requant.needed[i]))];
  if (v.target.has("mve"))
    c.vector =
        plan_vector_requantization(accumulator_channels(w, v.constant(2), v.constant(3), v.in(0), v.out(), c.weights),
                                   requant_range(v.out(), clamp));
  c.narrow = std::ranges::all_of(c.weights, [](int16_t x) { return x >= -128 && x <= 127; });
  const int64_t reach = std::max(info(c.x).hi - c.x_zero, c.x_zero - info(c.x).lo);
  bool exact = c.narrow && c.s.groups == 1;
  for (int32_t o = 0; o < c.s.oc; ++o) {
    const int16_t* f = c.weights.data() + o * c.taps;
    const int64_t most =
        reach * std::accumulate(f, f + c.taps, int64_t{0}, [](int64_t a, int16_t x) { return a + std::abs(x); });
    c.bound = std::max(c.bound, most);
    exact = exact && most < (1 << 23) && hs_exact(hs_order(c, o));
  }
  c.hs = exact;
  c.one_multiplier = c.requant.device.kind == RequantKind::shift8;
  for (size_t i = 3; i < c.requant.params.size(); i += 2)
    c.one_multiplier = c.one_multiplier && c.requant.params[i] == c.requant.params[1];
  const ConvShape& s = c.s;
  const bool memory = v.options.optimize != Options::Optimize::ram;  // for tiles
  c.winograd = memory && c.narrow && s.groups == 1 && s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.dh == 1 &&
               s.dw == 1 && s.ic % 4 == 0 && c.bound < (1 << 23);
  c.tiles = double((s.oh + 1) / 2) * ((s.ow + 7) / 8) * 4;
  if (c.winograd) {
    // What was chosen stays: the order of layers, and so the room, changes afterwards.
    const bool chosen = v.node.kernel && v.node.kernel->name == "winograd_q8_w8_dsp";
    const int64_t room = (chosen ? v.node.scratch : spare_room(v.graph, v.node, 0)) - winograd_q8_dsp_scratch(s);
    c.block = int32_t(std::min<int64_t>(s.oc + s.oc % 2, std::max<int64_t>(room, 0) / 4 / winograd_words(s.ic, 2) * 2));
  }
  return c;
}

bool ConvQ8::has_any_form(std::string_view kernel) const {
  const Requant& q = requant.device;
  if (kernel == "winograd_q8_w8_dsp") return true;
  if (q.kind != RequantKind::shift8 || q.lo != info(y).lo || q.hi != info(y).hi) return false;
  return kernel == "dense_q8_dsp" || kernel == "dense_one_q8_dsp" || kernel == "conv_q8_dsp" ||
         kernel == "pointwise_q8_dsp" || (kernel == "depthwise_q8_dsp" && s.kh == 3);
}

bool ConvQ8::mve_depthwise() const {
  return outputs > 0 && taps > 0 && mve_depthwise_serves(s) && (!mve_depthwise_down(s) || s.oh <= mve_rows());
}
int32_t ConvQ8::mve_rows() const { return std::min(s.oh, 96); }  // row pointers lie on the stack
PackedConv<int8_t> pack_conv_q8_ref(const ConvQ8& c) {
  return {{c.weights.begin(), c.weights.end()}, c.requant.params};
}
PackedConv<int16_t> pack_conv_q8_w16_ref(const ConvQ8& c) { return {c.weights, c.requant.params}; }
PackedConv<uint32_t> pack_conv_q8_dsp(const ConvQ8& c) { return {hs_pairs_stream(c), {}}; }
PackedConv<uint32_t> pack_pointwise_q8_dsp(const ConvQ8& c) { return pack_conv_q8_dsp(c); }
PackedConv<uint32_t> pack_dense_q8_dsp(const ConvQ8& c) {
  const std::vector<int32_t> params = hs_parameters(c);
  const size_t each = c.s.oc == 0 ? 1 : params.size() / size_t(c.s.oc);
  PackedConv<uint32_t> r{hs_dense_stream(c), {}};
  for (size_t i = 0; i < params.size(); ++i)
    if (i % each != 0) r.params.push_back(params[i]);
  return r;
}
PackedConv<uint32_t> pack_dense_one_q8_dsp(const ConvQ8& c) {
  const size_t words = dense_sixes(c.s.ic, c.s.oc) > 0 ? 6 : 1;  // as many as are read at once
  return {hs_dense_stream(c), std::vector<int32_t>(words, c.requant.params[1])};
}

/// What `unit` times the sum lacks where weights and activations are used as they are, the latter about `zero`.
std::vector<int32_t> centring_parameters(const ConvQ8& c, int32_t unit, int32_t zero) {
  return hs_parameters(c, [&](int32_t o) {
    const int16_t* f = c.weights.data() + o * c.taps;
    return -unit * int64_t{zero} * std::accumulate(f, f + c.taps, int64_t{0});
  });
}
/// What plain_requantize wants: for shift8 within its first word.
std::vector<int32_t> plain_parameters(const ConvQ8& c, int32_t zero) {
  return centring_parameters(c, c.requant.device.kind == RequantKind::shift8 ? 256 : 1, zero);
}

uint32_t halves(int low, int high) { return (uint32_t(low) & 0xFFFFu) | uint32_t(high) << 16; }

PackedConv<uint32_t> pack_conv_q8_w16_dsp(const ConvQ8& c) {
  const auto quads = int64_t(hs_quads(int32_t(c.taps)));
  const auto weight = [&](int32_t o, int64_t tap) {
    return tap < c.taps ? int{c.weights[size_t(o * c.taps + tap)]} : 0;
  };
  PackedConv<uint32_t> r{{}, plain_parameters(c, signed_zero(c))};
  const int32_t each = c.s.oc / c.s.groups;
  for (int32_t first = 0; first < c.s.oc; first += each)
    for (int32_t o = first; o < first + each; o += 2)
      for (int64_t k = 0; k < quads * 4; k += k % 2 == 0 ? 1 : 3)
        for (int32_t f = o; f < std::min(o + 2, first + each); ++f)
          r.weights.push_back(halves(weight(f, k), weight(f, k + 2)));
  return r;
}

PackedConv<uint32_t> pack_conv_few_q8_dsp(const ConvQ8& c) {
  const ConvShape& s = c.s;
  PackedConv<uint32_t> r{{}, plain_parameters(c, c.x_zero)};
  for (int32_t o = 0; o < s.oc; o += 2)
    for (int32_t line = 0; line < few_lines(s); ++line)
      for (int32_t word = 0; word < few_words(s); ++word)
        for (int32_t f = o; f < std::min(o + 2, s.oc); ++f) {
          const auto weight = [&](int32_t i) {
            const int32_t at = few_at(s, word) + i, tap = line * few_bytes(s) + at;
            return at < word * 4 || tap >= c.taps ? 0 : int{c.weights[size_t(f * c.taps + tap)]};
          };
          r.weights.push_back(halves(weight(0), weight(2)));
          r.weights.push_back(halves(weight(1), weight(3)));
        }
  return r;
}
PackedConv<int8_t> pack_conv_q8_plain(const ConvQ8& c) {
  return {{c.weights.begin(), c.weights.end()}, plain_parameters(c, c.x_zero)};
}
PackedConv<int8_t> pack_depthwise_q8_plain(const ConvQ8& c) {
  PackedConv<int8_t> r{{}, plain_parameters(c, c.x_zero)};
  const int32_t packed = c.s.ic - c.s.ic % kPlainPacked;
  for (int32_t first = 0; first < packed; first += kPlainPacked)
    for (int64_t t = 0; t < c.taps; ++t)
      for (int32_t i = 0; i < kPlainPacked; ++i)
        r.weights.push_back(int8_t(c.weights[size_t((first + i) * c.taps + t)]));
  for (size_t i = size_t(packed * c.taps); i < c.weights.size(); ++i) r.weights.push_back(int8_t(c.weights[i]));
  return r;
}

PackedConv<uint32_t> pack_winograd_q8_dsp(const ConvQ8& c) {
  constexpr int G[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};  // doubled
  const int32_t ic = c.s.ic;
  // The weight of filter o for channel i at place (row, column).
  const auto transformed = [&](int32_t o, int32_t row, int32_t column, int32_t i) {
    if (o >= c.s.oc) return 0u;
    int sum = 0;
    for (int y = 0; y < 3; ++y)
      for (int x = 0; x < 3; ++x)
        sum += G[row][y] * G[column][x] * c.weights[size_t(((int64_t{o} * 3 + y) * 3 + x) * ic + i)];
    if (sum < -32768 || sum > 32767) throw InternalError("a transformed weight leaves 16 bits");
    return uint32_t(sum) & 0xFFFFu;
  };
  PackedConv<uint32_t> r;
  for (int32_t o = 0; o < c.s.oc; o += 2)
    for (int32_t place = 0; place < 16; ++place)
      for (int32_t i = 0; i < ic; i += i % 2 == 0 ? 1 : 3)
        for (int32_t k = 0; k < 2; ++k) {
          const auto at = [&](int32_t channel) { return transformed(o + k, place / 4, place % 4, channel); };
          r.weights.push_back(at(i) | at(i + 2) << 16);
        }
  r.params = centring_parameters(c, 256, signed_zero(c));
  return r;
}

PackedConv<int8_t> pack_winograd_q8_w8_dsp(const ConvQ8& c) {
  PackedConv<int8_t> r{{c.weights.begin(), c.weights.end()}, centring_parameters(c, 256, signed_zero(c))};
  r.params.insert(r.params.begin(), c.block);
  return r;
}

PackedConv<uint32_t> pack_depthwise_any_q8_dsp(const ConvQ8& c) {
  const ConvShape& s = c.s;
  PackedConv<uint32_t> r;
  for (int32_t o = 0; o < s.oc; ++o)
    for (int32_t odd = 0; odd < (s.sw % 2 == 0 || s.ow == 1 ? 1 : 2); ++odd)
      for (int32_t row = 0; row < s.kh; ++row) {
        const int16_t* f = c.weights.data() + o * c.taps + row * s.kw;
        const auto at = [&](int32_t k) { return k < 0 || k >= s.kw ? 0 : 256 * f[k]; };
        for (int32_t j = 0; j < depthwise_any_weight_words(s, odd); ++j)
          r.weights.push_back((uint32_t(at(2 * j - odd)) & 0xFFFFu) | uint32_t(at(2 * j - odd + 1)) << 16);
      }
  r.params = centring_parameters(c, 256, signed_zero(c));
  return r;
}

namespace {

/// The stream of depthwise_taps_dsp.h: weights times `unit`, and parameters, depthwise_taps_params() for each output.
PackedConv<uint32_t> depthwise_taps(const ConvQ8& c, int unit, const std::vector<int32_t>& params) {
  const ConvShape& s = c.s;
  const int32_t outputs = s.oc / s.ic, each = int32_t(params.size()) / s.oc;
  PackedConv<uint32_t> r;
  for (int32_t at = 0; at < s.ic; at += 4)
    for (int32_t k = 0; k < outputs; ++k) {
      const auto filter = [&](int32_t lane) { return (depthwise_taps_first(s, at) + lane) * outputs + k; };
      const auto weight = [&](int32_t lane, int64_t tap) {
        return lane < s.ic ? unit * c.weights[size_t(filter(lane) * c.taps + tap)] : 0;
      };
      const auto param = [&](int32_t lane, int32_t i) {
        r.weights.push_back(uint32_t(params[size_t(filter(std::min(lane, s.ic - 1)) * each + i)]));
      };
      for (int32_t lane = 0; lane < 4; ++lane) param(lane, 0);
      for (int64_t tap = 0; tap + 2 <= c.taps; tap += 2)
        for (int32_t lane = 0; lane < 4; ++lane) r.weights.push_back(halves(weight(lane, tap), weight(lane, tap + 1)));
      if (c.taps % 2 != 0)
        for (int32_t lane = 0; lane < 2; ++lane)
          r.weights.push_back(halves(weight(lane, c.taps - 1), weight(lane + 2, c.taps - 1)));
      for (int32_t lane = 0; lane < 4; ++lane)
        for (int32_t i = 1; i < each; ++i) param(lane, i);
    }
  return r;
}

}  // namespace

PackedConv<uint32_t> pack_depthwise_taps_q8_dsp(const ConvQ8& c) {
  return depthwise_taps(c, 256, centring_parameters(c, 256, c.x_zero));
}
PackedConv<uint32_t> pack_depthwise_w16_q8_dsp(const ConvQ8& c) {
  const int words = words_per_channel(c.requant.device.kind);
  std::vector<int32_t> params;
  for (int32_t o = 0; o < c.s.oc; ++o) {
    const auto f = c.weights.begin() + o * c.taps;
    const auto p = c.requant.params.begin() + o * words;
    params.push_back(int32_t(-c.x_zero * std::accumulate(f, f + c.taps, int64_t{0})));
    params.insert(params.end(), p, p + words);
  }
  return depthwise_taps(c, 1, params);
}
PackedConv<uint32_t> pack_depthwise_q8_dsp(const ConvQ8& c) {
  PackedConv<uint32_t> r;
  for (int32_t o = 0; o < c.s.oc; ++o)
    for (int32_t row = 0; row < c.s.kh; ++row) {
      const int16_t* f = c.weights.data() + o * c.taps + row * 3;
      const auto byte = [](int v, int at) { return (uint32_t(v) & 0xFFu) << (8 * at); };
      r.weights.push_back(byte(f[1], 0) | byte(f[0], 1) | byte(f[2], 2) | byte(f[1], 3));
    }
  r.params = centring_parameters(c, 256, signed_zero(c));
  return r;
}

namespace {

/// Weights for Helium, in words: filters that run together, then those that run alone.
class MveStream {
 public:
  explicit MveStream(const ConvQ8& c) : MveStream(c, signed_zero(c)) {}
  /// `zero`: zero point of the activations as the kernel uses them.
  MveStream(const ConvQ8& c, int32_t zero) : c_(c), zero_(zero) {}

  /// 16 taps of a filter, zeros behind the last one.
  void vector(int32_t filter, int64_t first) {
    for (int64_t k = first; k < first + 16; k += 4) {
      uint32_t word = 0;
      for (int64_t i = 0; i < 4 && k + i < c_.taps; ++i)
        word |= uint32_t(c_.weights[size_t(filter * c_.taps + k + i)] & 0xFF) << (8 * i);
      words_.push_back(word);
    }
  }
  void vectors(std::span<const int32_t> filters, bool back = false) {
    for (int64_t k = 0; k < c_.taps; k += 16)
      for (const int32_t f : filters) vector(f, back ? (c_.taps - 1) / 16 * 16 - k : k);
  }
  /// One tap of four filters.
  void across(int32_t filter, int64_t tap) {
    uint32_t word = 0;
    for (int64_t i = 0; i < 4; ++i)
      word |= uint32_t(c_.weights[size_t((filter + i) * c_.taps + tap)] & 0xFF) << (8 * i);
    words_.push_back(word);
  }
  /// p0 with what the input's zero point adds to every sum, taken off.
  void p0(int32_t filter) {
    const int16_t* w = c_.weights.data() + filter * c_.taps;
    const int64_t zero = zero_ * std::accumulate(w, w + c_.taps, int64_t{0});
    words_.push_back(uint32_t(c_.vector->params[size_t(2 * filter)]) -
                     uint32_t(c_.vector->device.offset) * uint32_t(zero));
  }
  void multiplier(int32_t filter) { words_.push_back(uint32_t(c_.vector->params[size_t(2 * filter + 1)])); }
  void params(int32_t filter) {
    p0(filter);
    multiplier(filter);
  }
  PackedConv<uint32_t> packed() && { return {std::move(words_), {}, c_.vector->device}; }

 private:
  const ConvQ8& c_;
  int32_t zero_;
  std::vector<uint32_t> words_;
};
/// Eight filters, the even ones first.
constexpr int32_t kMveApart[] = {0, 2, 4, 6, 1, 3, 5, 7};

}  // namespace

namespace {

PackedConv<uint32_t> pack_mve(const ConvQ8& c, bool by_quads) {
  MveStream m(c);
  for (int32_t o = 0; by_quads && o < c.s.oc; o += 4)
    for (const bool back : {false, true}) {
      const int32_t filters[] = {o + back, o + back + 2};
      m.vectors(filters, back);
      for (const int32_t f : filters) m.params(f);
    }
  for (int32_t o = by_quads ? c.s.oc : 0; o < c.s.oc; o += 2) {
    const int32_t filters[] = {o, o + 1};
    const auto pair = std::span(filters).first(o + 1 < c.s.oc ? 2 : 1);
    m.vectors(pair);
    for (const int32_t f : pair) m.params(f);
  }
  return std::move(m).packed();
}
}  // namespace

PackedConv<uint32_t> pack_conv_q8_mve(const ConvQ8& c) {
  return pack_mve(c, mve_by_quads(mve_chunks(int32_t(c.taps)), c.s.oc));
}
PackedConv<uint32_t> pack_pointwise_q8_mve(const ConvQ8& c) { return pack_mve(c, mve_pointwise_by_quads(c.s)); }

PackedConv<uint32_t> pack_conv_strips_q8_mve(const ConvQ8& c) { return pack_mve(c, conv_strips_mve_by_quads(c.s)); }
PackedConv<uint32_t> pack_conv_rows_q8_mve(const ConvQ8& c) {
  MveStream m(c);
  for (int32_t o = 0; o < c.s.oc; o += 2) {
    for (int32_t ky = 0; ky < c.s.kh; ++ky)
      for (int32_t part = 0; part < c.s.ic; part += 16)
        for (int32_t i = 0; i < 3; ++i)
          for (const int32_t f : {o, o + 1}) m.vector(f, int64_t(ky * 3 + conv_rows_mve_tap(c.s, i)) * c.s.ic + part);
    m.params(o);
    m.params(o + 1);
  }
  return std::move(m).packed();
}
PackedConv<uint32_t> pack_dense_q8_mve(const ConvQ8& c) {
  MveStream m(c);
  int32_t o = 0;
  for (; o + 8 <= c.s.oc; o += 8) {
    const int32_t filters[] = {o, o + 1, o + 2, o + 3, o + 4, o + 5, o + 6, o + 7};
    m.vectors(filters);
    for (const int32_t f : kMveApart) m.p0(o + f);
    for (const int32_t f : kMveApart) m.multiplier(o + f);
  }
  for (; o < c.s.oc; ++o) {
    m.vectors(std::span(&o, 1));
    m.params(o);
  }
  return std::move(m).packed();
}

PackedConv<uint32_t> pack_depthwise_q8_mve(const ConvQ8& c) {
  const bool down = mve_depthwise_down(c.s), pairs = mve_depthwise_pairs(c.s);
  const MveAxis along = mve_along(c.s, c.s.oh), across = mve_across(c.s, c.s.oh);
  PackedConv<uint32_t> r;
  MveStream params(c);
  for (int32_t o = 0; o < c.s.oc; ++o) {
    if (pairs) r.weights.push_back(0);
    for (int32_t k = 0; k < (pairs ? 3 : 4); ++k) {
      uint32_t word = 0;
      for (int32_t i = 0; i < across.taps && k < along.taps; ++i)
        word |= uint32_t(c.weights[size_t(o * c.taps + (down ? k * c.s.kw + i : i * c.s.kw + k))] & 0xFF) << (8 * i);
      r.weights.push_back(word);
    }
    params.params(o);
  }
  if (pairs) r.weights.insert(r.weights.end(), 4, 0);
  PackedConv<uint32_t> p = std::move(params).packed();
  for (const uint32_t v : p.weights) r.params.push_back(int32_t(v));
  r.device = p.device;
  return r;
}

PackedConv<uint32_t> pack_depthwise_any_q8_mve(const ConvQ8& c) {
  const int32_t taps = int32_t(c.taps), lanes = depthwise_any_mve_lanes(taps);
  MveStream m(c, c.x_zero);
  for (int32_t block = 0; block < depthwise_any_mve_blocks(taps, c.s.oc); ++block) {
    const int32_t first = std::min(block * lanes, c.s.oc - lanes);
    for (int32_t t = 0; t < taps; ++t)
      for (int32_t i = 0; i < lanes; i += 4) m.across(first + i, t);
    for (int32_t eight = first; eight < first + lanes; eight += 8) {
      for (const int32_t f : kMveApart) m.p0(eight + f);
      for (const int32_t f : kMveApart) m.multiplier(eight + f);
    }
  }
  return std::move(m).packed();
}

/// Output rows that a call of the kernel makes.
int32_t rows_of_a_call(const ConvQ8& c, const Kernel& kernel) {
  if (kernel.name == "conv_strips_q8_mve") return conv_strips_mve_rows(c.s);
  if (c.depthwise && kernel.needs == "mve") return c.mve_rows();
  if (kernel.name.starts_with("depthwise")) return c.strip;
  if (kernel.name == "winograd_q8_w8_dsp") return std::min(c.s.oh, 64);  // each call transforms the filters
  const int32_t n = rows_per_call(c.s.oh, c.s.ow);
  return kernel.name == "winograd_q8_dsp" && n < c.s.oh ? 4 : n;  // two rows are one
}

template <auto pack>
LayerCode print_conv_q8(const LayerView& v) {
  const ConvQ8& c = *v.as<ConvQ8>();
  const Kernel& kernel = *v.node.kernel;
  const auto packed = pack(c);
  using W = typename decltype(packed.weights)::value_type;
  LayerCode code;
  code.headers = {std::string(kernel.header)};
  code.constants = {constant_array<W>("w", packed.weights)};
  if (!packed.params.empty()) code.constants.push_back(constant_array<int32_t>("p", packed.params));
  code.packed = {1, 2, 3};
  const Requant& q = packed.device ? *packed.device : c.requant.device;
  code.requantize = kind_name(q.kind);
  code.needed = c.needed;
  code.accumulator_bound = c.bound;
  const int32_t n = rows_of_a_call(c, kernel);
  const std::string_view scratch = v.node.scratch > 0 ? "scratch" : "nullptr";
  const Sharing share = sharing(v, c, n);
  const std::string call =
      fmt::format("{}{}", kernel.name, share != Sharing::none && c.has_any_form(kernel.name) ? "<true>" : "");
  const std::string_view params = packed.params.empty() ? "nullptr" : "p";
  code.body = share == Sharing::whole ? shared_call(c, n, call, params, scratch, code)
                                      : folded_call(c, q, n, call, params, scratch);
  return code;
}
template LayerCode print_conv_q8<pack_conv_q8_ref>(const LayerView&);
template LayerCode print_conv_q8<pack_conv_q8_w16_ref>(const LayerView&);
template LayerCode print_conv_q8<pack_conv_q8_plain>(const LayerView&);
template LayerCode print_conv_q8<pack_depthwise_q8_plain>(const LayerView&);
template LayerCode print_conv_q8<pack_conv_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_pointwise_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_dense_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_depthwise_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_dense_one_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_conv_q8_w16_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_conv_few_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_depthwise_any_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_depthwise_taps_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_depthwise_w16_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_winograd_q8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_winograd_q8_w8_dsp>(const LayerView&);
template LayerCode print_conv_q8<pack_conv_q8_mve>(const LayerView&);
template LayerCode print_conv_q8<pack_conv_rows_q8_mve>(const LayerView&);
template LayerCode print_conv_q8<pack_conv_strips_q8_mve>(const LayerView&);
template LayerCode print_conv_q8<pack_pointwise_q8_mve>(const LayerView&);
template LayerCode print_conv_q8<pack_dense_q8_mve>(const LayerView&);
template LayerCode print_conv_q8<pack_depthwise_q8_mve>(const LayerView&);
template LayerCode print_conv_q8<pack_depthwise_any_q8_mve>(const LayerView&);

}  // namespace burin
