// How weights and parameters of integer convolutions are laid out for kernels that run on every core and on those with
// DSP.
#include <algorithm>
#include <numeric>

#include "codegen/coding.h"
#include "codegen/layers/conv.h"
#include "runtime-min/kernels/conv_dsp.h"
#include "runtime-min/kernels/conv_few_dsp.h"
#include "runtime-min/kernels/conv_plain.h"
#include "runtime-min/kernels/conv_w16_dsp.h"
#include "runtime-min/kernels/dense_dsp.h"
#include "runtime-min/kernels/depthwise_any_dsp.h"
#include "runtime-min/kernels/depthwise_dsp.h"
#include "runtime-min/kernels/depthwise_taps_dsp.h"
#include "runtime-min/kernels/winograd_dsp.h"

namespace burin {

int32_t signed_zero(const ConvQ8& c) { return c.x == DType::u8 ? c.x_zero - 128 : c.x_zero; }

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

}  // namespace

bool hs_exact(const ConvQ8& c, int32_t o) {
  const std::vector<int16_t> w = hs_order(c, o);
  for (size_t i = 1; i < w.size(); i += 2)
    if (w[i] == -128 && w[i - 1] < 0) return false;
  return true;
}

namespace {

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
std::vector<uint32_t> hs_dense_stream(const ConvQ8& c, int32_t sixes) {
  std::vector<int32_t> sizes(size_t(sixes), 6);
  const int32_t left = c.s.oc - 6 * sixes;
  sizes.resize(sizes.size() + size_t(left / 4), 4);
  sizes.resize(sizes.size() + size_t(left % 4), 1);
  return hs_stream(c, sizes, false);
}

}  // namespace

PackedConv<int8_t> pack_conv_q8_ref(const ConvQ8& c) {
  return {{c.weights.begin(), c.weights.end()}, c.requant.params};
}
PackedConv<int16_t> pack_conv_q8_w16_ref(const ConvQ8& c) { return {c.weights, c.requant.params}; }
PackedConv<uint32_t> pack_conv_q8_dsp(const ConvQ8& c) { return {hs_pairs_stream(c), {}}; }
PackedConv<uint32_t> pack_pointwise_q8_dsp(const ConvQ8& c) { return pack_conv_q8_dsp(c); }
PackedConv<uint32_t> pack_dense_q8_dsp(const ConvQ8& c) {
  const std::vector<int32_t> params = hs_parameters(c);
  const size_t each = c.s.oc == 0 ? 1 : params.size() / size_t(c.s.oc);
  PackedConv<uint32_t> r{hs_dense_stream(c, dense_sixes(c.s.ic, c.s.oc)), {}};
  for (size_t i = 0; i < params.size(); ++i)
    if (i % each != 0) r.params.push_back(params[i]);
  return r;
}
PackedConv<uint32_t> pack_dense_one_q8_dsp(const ConvQ8& c) {
  const size_t words = dense_sixes(c.s.ic, c.s.oc) > 0 ? 6 : 1;  // as many as are read at once
  return {hs_dense_stream(c, dense_sixes(c.s.ic, c.s.oc)), std::vector<int32_t>(words, c.requant.params[1])};
}

PackedConv<uint32_t> pack_dense_any_q8_dsp(const ConvQ8& c) {
  const ConvShape& s = c.s;
  const Requant& q = c.requant.device;
  PackedConv<uint32_t> r;
  r.weights = {uint32_t(s.ic) | uint32_t(s.oc) << 16,
               uint32_t(s.ow) | uint32_t(q.shift) << 16 | (c.one_multiplier ? 0 : 1u << 24), uint32_t(q.offset)};
  for (int32_t o = 0; o < (c.one_multiplier ? 1 : s.oc); ++o)
    r.weights.push_back(uint32_t(c.requant.params[size_t(2 * o + 1)]));
  const std::vector<uint32_t> stream = hs_dense_stream(c, 0);
  r.weights.insert(r.weights.end(), stream.begin(), stream.end());
  return r;
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

namespace {

/// `together` filters from `o` on, without the quads that are zero in all of them (dense_sparse_dsp.h).
std::vector<uint32_t> sparse_group(const ConvQ8& c, int32_t o, int32_t together) {
  std::vector<std::vector<uint32_t>> filters;
  for (int32_t k = 0; k < together; ++k) filters.push_back(hs_words(hs_order(c, o + k)));
  std::vector<uint8_t> steps;
  std::vector<uint32_t> words;
  size_t last = 0;
  for (size_t q = 0; q < filters[0].size(); ++q) {
    const bool zero = std::ranges::all_of(filters, [&](const auto& f) { return f[q] == 0; });
    if (zero && q - last < 255) continue;
    steps.push_back(uint8_t(q - last));
    last = q;
    for (const auto& f : filters) words.push_back(f[q]);
  }
  std::vector<uint32_t> r{uint32_t(steps.size())};
  steps.resize((steps.size() + 3) / 4 * 4);
  for (size_t i = 0; i < steps.size(); i += 4)
    r.push_back(steps[i] | uint32_t{steps[i + 1]} << 8 | uint32_t{steps[i + 2]} << 16 | uint32_t{steps[i + 3]} << 24);
  r.insert(r.end(), words.begin(), words.end());
  return r;
}

/// f(the first filter, how many): fours, then single ones.
template <class F>
void each_sparse_group(const ConvQ8& c, F&& f) {
  for (int32_t o = 0; o < c.s.oc; o += o + 4 <= c.s.oc ? 4 : 1) f(o, o + 4 <= c.s.oc ? 4 : 1);
}

/// One filter's weights that are not zero (pointwise_sparse.h).
std::vector<uint32_t> weight_list(const ConvQ8& c, int32_t o) {
  std::vector<uint32_t> items;  // step and weight
  int64_t last = 0;
  for (int64_t i = 0; i < c.taps; ++i) {
    const int16_t w = c.weights[size_t(o * c.taps + i)];
    if (w == 0 && i - last < 255) continue;
    items.push_back(uint32_t(i - last) | (uint32_t(w) & 0xFFu) << 8);
    last = i;
  }
  items.resize((items.size() + 1) / 2 * 2);
  std::vector<uint32_t> r{uint32_t(items.size() / 2)};
  for (size_t i = 0; i < items.size(); i += 2) r.push_back(items[i] | items[i + 1] << 16);
  return r;
}

}  // namespace

double ConvQ8::block_products() const {
  double r = 0;
  each_sparse_group(*this,
                    [&](int32_t o, int32_t together) { r += 4.0 * together * sparse_group(*this, o, together)[0]; });
  return r;
}

double ConvQ8::listed_weights() const {
  double r = 0;
  for (int32_t o = 0; o < s.oc; ++o) r += 2.0 * weight_list(*this, o)[0];
  return r;
}

PackedConv<uint32_t> pack_dense_sparse_q8_dsp(const ConvQ8& c) {
  PackedConv<uint32_t> r{{}, hs_parameters(c)};
  each_sparse_group(c, [&](int32_t o, int32_t together) {
    const std::vector<uint32_t> group = sparse_group(c, o, together);
    r.weights.insert(r.weights.end(), group.begin(), group.end());
  });
  return r;
}

PackedConv<uint32_t> pack_pointwise_sparse_q8(const ConvQ8& c) {
  PackedConv<uint32_t> r{{}, plain_parameters(c, c.x_zero)};
  for (int32_t o = 0; o < c.s.oc; ++o) {
    const std::vector<uint32_t> list = weight_list(c, o);
    r.weights.insert(r.weights.end(), list.begin(), list.end());
  }
  return r;
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
PackedConv<uint16_t> pack_dense_coded_q8(const ConvQ8& c) {
  std::vector<uint8_t> bytes;
  for (const int16_t w : c.weights) bytes.push_back(uint8_t(w));
  return {encode(bytes), plain_parameters(c, signed_zero(c))};
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

}  // namespace burin
