// How many bytes of constants kernels of convolutions make: NAME_bytes of conv.h.
#include "codegen/layers/conv.h"

#include "runtime-min/kernels/conv_dsp.h"
#include "runtime-min/kernels/conv_few_dsp.h"
#include "runtime-min/kernels/dense_dsp.h"
#include "runtime-min/kernels/depthwise_any_dsp.h"
#include "runtime-min/kernels/depthwise_any_mve.h"
#include "runtime-min/kernels/depthwise_mve.h"

namespace burin {
namespace {

constexpr int64_t kWord = 4;

/// Parameters as the kernels have them that do not take the requantization's own: one word more, but for shift8.
int64_t words_per_filter(const ConvQ8& c) { return hs_params(c.requant.device.kind); }
int64_t parameter_bytes(const ConvQ8& c) { return kWord * c.s.oc * words_per_filter(c); }
int64_t plain_bytes(const ConvQ8& c) { return int64_t(c.weights.size()) + parameter_bytes(c); }

/// Words of a filter in H/s packing.
int64_t hs_filter_words(const ConvQ8& c) {
  return c.s.ic % 4 == 0 || c.pointwise ? hs_quads(int32_t(c.taps)) : conv_q8_dsp_quads(c.s);
}
/// Filters with the first of their parameters.
int64_t hs_dense_bytes(const ConvQ8& c) { return kWord * c.s.oc * (1 + hs_filter_words(c)); }

template <class W>
int64_t packed_bytes(const PackedConv<W>& p) {
  return int64_t(p.weights.size() * sizeof(W) + p.params.size() * sizeof(int32_t));
}

/// Fours of channels with `words` of parameters each (depthwise_taps_dsp.h).
int64_t depthwise_taps_bytes(const ConvQ8& c, int64_t words) {
  const int64_t fours = (int64_t(c.s.ic) + 3) / 4, outputs = c.s.oc / c.s.ic;
  return kWord * fours * outputs * (4 * (c.taps / 2) + 2 * (c.taps % 2) + 4 * words);
}

/// Vectors of 16 taps, two words of parameters.
int64_t mve_bytes(const ConvQ8& c) { return c.s.oc * ((c.taps + 15) / 16 * 16 + 2 * kWord); }

/// A patch of 4x4 weights and two words of parameters for each channel, a patch of zeros behind twins.
int64_t patches_bytes(const ConvQ8& c, bool twins) { return kWord * (c.s.oc * int64_t{4 + 2} + (twins ? 4 : 0)); }

/// All weights, a bias for each filter.
int64_t f32_bytes(const ConvF32& c) { return int64_t(sizeof(float)) * (int64_t(c.weights.size()) + c.s.oc); }
/// A whole vector behind the weights and the biases.
int64_t f32_vector_bytes(const ConvF32& c) {
  return f32_bytes(c) + int64_t(sizeof(float)) * 2 * ((4 - c.s.oc % 4) % 4);
}

}  // namespace

int64_t conv_q8_ref_bytes(const ConvQ8& c) {
  return int64_t(c.weights.size()) + kWord * int64_t(c.requant.params.size());
}
int64_t conv_q8_w16_ref_bytes(const ConvQ8& c) { return conv_q8_ref_bytes(c) + int64_t(c.weights.size()); }
int64_t conv_q8_plain_bytes(const ConvQ8& c) { return plain_bytes(c); }
int64_t depthwise_q8_plain_bytes(const ConvQ8& c) { return plain_bytes(c); }

int64_t conv_q8_dsp_bytes(const ConvQ8& c) { return kWord * c.s.oc * hs_filter_words(c) + parameter_bytes(c); }
int64_t pointwise_q8_dsp_bytes(const ConvQ8& c) { return conv_q8_dsp_bytes(c); }
int64_t dense_q8_dsp_bytes(const ConvQ8& c) { return conv_q8_dsp_bytes(c); }
int64_t dense_one_q8_dsp_bytes(const ConvQ8& c) {
  return hs_dense_bytes(c) + kWord * (dense_sixes(c.s.ic, c.s.oc) > 0 ? 6 : 1);
}
int64_t dense_any_q8_dsp_bytes(const ConvQ8& c) {
  return hs_dense_bytes(c) + kWord * (3 + (c.one_multiplier ? 1 : c.s.oc));
}
// These depend on which weights are zero.
int64_t dense_sparse_q8_dsp_bytes(const ConvQ8& c) { return packed_bytes(pack_dense_sparse_q8_dsp(c)); }
int64_t pointwise_sparse_q8_bytes(const ConvQ8& c) { return packed_bytes(pack_pointwise_sparse_q8(c)); }
int64_t dense_coded_q8_bytes(const ConvQ8& c) { return packed_bytes(pack_dense_coded_q8(c)); }

int64_t conv_q8_w16_dsp_bytes(const ConvQ8& c) {
  return kWord * c.s.oc * 2 * hs_quads(int32_t(c.taps)) + parameter_bytes(c);
}
int64_t conv_few_q8_dsp_bytes(const ConvQ8& c) {
  return kWord * c.s.oc * 2 * few_lines(c.s) * few_words(c.s) + parameter_bytes(c);
}
int64_t depthwise_any_q8_dsp_bytes(const ConvQ8& c) {
  const ConvShape& s = c.s;
  int64_t words = depthwise_any_weight_words(s, 0);
  if (s.sw % 2 != 0 && s.ow != 1) words += depthwise_any_weight_words(s, 1);
  return kWord * s.oc * s.kh * words + parameter_bytes(c);
}
int64_t depthwise_taps_q8_dsp_bytes(const ConvQ8& c) { return depthwise_taps_bytes(c, words_per_filter(c)); }
int64_t depthwise_w16_q8_dsp_bytes(const ConvQ8& c) {
  return depthwise_taps_bytes(c, 1 + words_per_channel(c.requant.device.kind));
}
int64_t depthwise_q8_dsp_bytes(const ConvQ8& c) { return kWord * c.s.oc * c.s.kh + parameter_bytes(c); }
int64_t winograd_q8_dsp_bytes(const ConvQ8& c) {
  return kWord * ((c.s.oc + 1) / 2) * 16 * int64_t(c.s.ic) + parameter_bytes(c);
}
int64_t winograd_q8_w8_dsp_bytes(const ConvQ8& c) { return plain_bytes(c); }

int64_t conv_q8_mve_bytes(const ConvQ8& c) { return mve_bytes(c); }
int64_t pointwise_q8_mve_bytes(const ConvQ8& c) { return mve_bytes(c); }
int64_t conv_strips_q8_mve_bytes(const ConvQ8& c) { return mve_bytes(c); }
int64_t dense_q8_mve_bytes(const ConvQ8& c) { return mve_bytes(c); }
int64_t conv_rows_q8_mve_bytes(const ConvQ8& c) {
  const int64_t pairs = (int64_t(c.s.oc) + 1) / 2, vectors = int64_t(c.s.kh) * ((c.s.ic + 15) / 16) * 3;
  return pairs * 2 * (vectors * 16 + 2 * kWord);
}
int64_t depthwise_q8_mve_bytes(const ConvQ8& c) { return patches_bytes(c, mve_depthwise_pairs(c.s)); }
int64_t depthwise_in_place_q8_mve_bytes(const ConvQ8& c) { return depthwise_q8_mve_bytes(c); }
int64_t depthwise_lines_q8_mve_bytes(const ConvQ8& c) { return patches_bytes(c, mve_line_twins(c.s)); }
int64_t depthwise_any_q8_mve_bytes(const ConvQ8& c) {
  const int64_t lanes = depthwise_any_mve_lanes(int32_t(c.taps));
  return depthwise_any_mve_blocks(int32_t(c.taps), c.s.oc) * lanes * (c.taps + 2 * kWord);
}

int64_t conv_f32_ref_bytes(const ConvF32& c) {
  return int64_t(sizeof(float)) * int64_t(c.weights.size() + c.bias.size());
}
int64_t conv_f32_fpu_bytes(const ConvF32& c) { return f32_bytes(c); }
int64_t winograd_f32_fpu_bytes(const ConvF32& c) { return f32_bytes(c); }
int64_t pointwise_f32_fpu_bytes(const ConvF32& c) { return f32_bytes(c); }
int64_t dense_f32_fpu_bytes(const ConvF32& c) { return f32_bytes(c); }
int64_t depthwise_f32_fpu_bytes(const ConvF32& c) { return f32_bytes(c); }
int64_t conv_f32_mve_bytes(const ConvF32& c) { return f32_vector_bytes(c); }
int64_t pointwise_f32_mve_bytes(const ConvF32& c) { return f32_vector_bytes(c); }
int64_t dense_f32_mve_bytes(const ConvF32& c) { return f32_vector_bytes(c); }
int64_t depthwise_f32_mve_bytes(const ConvF32& c) {
  return int64_t(sizeof(float)) * ((int64_t(c.s.oc) + 3) / 4 * 4 * c.s.kh * c.s.kw + c.s.oc);
}
int64_t winograd_f32_mve_bytes(const ConvF32& c) { return f32_bytes(c); }

}  // namespace burin
