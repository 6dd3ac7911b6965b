// When kernels of convolutions on integers serve a layer, what their time depends on, and how they would be run.
#include <algorithm>

#include "codegen/layers/conv.h"
#include "codegen/layers/counts.h"
#include "compiler/liveness.h"
#include "runtime-min/kernels/conv_dsp.h"
#include "runtime-min/kernels/conv_few_dsp.h"
#include "runtime-min/kernels/conv_mve.h"
#include "runtime-min/kernels/conv_plain.h"
#include "runtime-min/kernels/conv_rows_mve.h"
#include "runtime-min/kernels/conv_strips_mve.h"
#include "runtime-min/kernels/conv_w16_dsp.h"
#include "runtime-min/kernels/dense_dsp.h"
#include "runtime-min/kernels/dense_mve.h"
#include "runtime-min/kernels/dense_sparse_dsp.h"
#include "runtime-min/kernels/depthwise_any_dsp.h"
#include "runtime-min/kernels/depthwise_any_mve.h"
#include "runtime-min/kernels/depthwise_dsp.h"
#include "runtime-min/kernels/depthwise_mve.h"
#include "runtime-min/kernels/depthwise_taps_dsp.h"
#include "runtime-min/kernels/winograd_dsp.h"

namespace burin {
namespace {

/// Output rows of one strip of depthwise kernels: their working memory grows with them.
int32_t strip(const ConvQ8& l, const LayerView& v) {
  const bool small = v.options.optimize == Options::Optimize::ram;
  return std::min(l.s.oh, small ? 2 : l.s.oh <= 25 ? 25 : 12);
}

/// F(2x2, 3x3) is exact, and tiles may take memory.
bool is_winograd(const ConvQ8& l, const LayerView& v) {
  const ConvShape& s = l.s;
  return v.options.optimize != Options::Optimize::ram && l.int8_weights && s.groups == 1 && s.kh == 3 && s.kw == 3 &&
         s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1 && s.ic % 4 == 0 && l.bound < (1 << 23);
}
/// Tiles of 2x2 outputs, rounded up to rows of four.
double tiles(const ConvQ8& l) { return double((l.s.oh + 1) / 2) * ((l.s.ow + 7) / 8) * 4; }
/// Rows a call of it: two of them are one row of tiles.
int32_t whole_tiles(const ConvQ8& l) {
  const int32_t n = rows_per_call(l.s.oh, l.s.ow);
  return n < l.s.oh ? 4 : n;
}
/// Filters that are transformed at a time on the device; 0: there is no room for them. What was chosen stays: the order
/// of layers, and so the room, changes afterwards.
int32_t winograd_block(const ConvQ8& l, const LayerView& v) {
  if (!is_winograd(l, v)) return 0;
  if (v.node.block > 0) return v.node.block;
  const int64_t spare = spare_bytes(v, 0) - winograd_q8_dsp_scratch(l.s);
  return int32_t(
      std::min<int64_t>(l.s.oc + l.s.oc % 2, std::max<int64_t>(spare, 0) / 4 / winograd_words(l.s.ic, 2) * 2));
}

/// Share of weights that are zero; 0 if so few that kernels of pruned models are too much code: for size there must be
/// as many as the code of such a kernel has bytes, as no other layer shares it.
double prunable(const ConvQ8& l, const LayerView& v) {
  const bool few = l.weights.empty() || (v.options.optimize == Options::Optimize::size && l.zeros < 512);
  return few ? 0 : double(l.zeros) / double(l.weights.size());
}

/// Requantization as the parts that layers share know it (kAny in runtime-min/).
bool plain_shift8(const ConvQ8& l) {
  const Requant& q = l.requant.device;
  return q.kind == RequantKind::shift8 && q.lo == info(l.y).lo && q.hi == info(l.y).hi;
}
bool any_dense(const ConvQ8& l) {
  return plain_shift8(l) && std::max({l.s.ic, l.s.oc, l.s.ow}) < 1 << 16 && l.taps > 0;
}

}  // namespace

// What a layer gains by a function of its own, and the bytes that adds, are fitted to MLPerf Tiny's models on
// cortex-m4f.

std::optional<Work> conv_q8_ref_work(const ConvQ8& l, const LayerView&) {
  if (!(l.int8_weights)) return std::nullopt;
  return Work{counts(l.products, double(l.outputs) * l.s.kh * l.s.kw, l.outputs), 0, rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> conv_q8_w16_ref_work(const ConvQ8& l, const LayerView&) {
  return Work{counts(l.products, double(l.outputs) * l.s.kh * l.s.kw, l.outputs), 0, rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> conv_q8_plain_work(const ConvQ8& l, const LayerView&) {
  if (!(l.int8_weights && l.taps < (1 << 16))) return std::nullopt;
  return Work{
      counts(rounded_down(l.s.oh * l.s.ow, 2) * l.s.groups * rounded_up(l.s.oc / l.s.groups, 2) * double(l.taps),
             double(l.s.oh * l.s.ow % 2) * l.s.groups * rounded_up(l.s.oc / l.s.groups, 2) * double(l.taps), l.outputs,
             plain_gathered(l.s)),
      conv_q8_plain_scratch(l.s),
      rows_per_call(l.s.oh, l.s.ow),
      0,
      {SharedFunction::conv_plain, false, 0, 0}};
}

std::optional<Work> depthwise_q8_plain_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.depthwise && l.int8_weights && l.taps < (1 << 16))) return std::nullopt;
  return Work{counts((l.s.oc + l.s.oc % 4) * pixels(l.s) * double(l.taps), l.outputs, pixels(l.s) * double(l.taps)),
              depthwise_q8_plain_scratch(l.s),
              strip(l, v),
              0,
              {SharedFunction::depthwise_plain, false, 0, 0}};
}

std::optional<Work> conv_q8_dsp_work(const ConvQ8& l, const LayerView&) {
  if (!(l.hs)) return std::nullopt;
  return Work{counts(in_blocks(l.s, 4, 2) * conv_q8_dsp_quads(l.s), alone(l.s, 4, 2) * conv_q8_dsp_quads(l.s),
                     l.outputs, hs_gathered(l.s)),
              conv_q8_dsp_scratch(l.s),
              rows_per_call(l.s.oh, l.s.ow),
              0,
              {SharedFunction::conv, plain_shift8(l), 0.06 + (l.s.ic % 4 == 0 ? 0 : 3.5 / l.s.oc), 1200}};
}

std::optional<Work> pointwise_q8_dsp_work(const ConvQ8& l, const LayerView&) {
  if (!(l.hs && l.pointwise && l.s.ic % 4 == 0)) return std::nullopt;
  return Work{counts(in_blocks(l.s, 4, 2) * l.s.ic, alone(l.s, 4, 2) * l.s.ic, l.outputs, pixels(l.s) * l.s.ic),
              conv_q8_dsp_scratch(l.s),
              rows_per_call(l.s.oh, l.s.ow),
              0,
              {SharedFunction::pointwise, plain_shift8(l), 0.12 + 1.4 / l.s.ic, 450 + 20 * std::min(l.s.ic, 64)}};
}

std::optional<Work> dense_q8_dsp_work(const ConvQ8& l, const LayerView&) {
  if (!(l.hs && l.pointwise)) return std::nullopt;
  return Work{counts(hs_dense_products(l.s), l.outputs, pixels(l.s) * l.s.ic),
              dense_q8_dsp_scratch(l.s),
              rows_per_call(l.s.oh, l.s.ow),
              0,
              {SharedFunction::dense, any_dense(l), 0, 0}};
}

std::optional<Work> dense_one_q8_dsp_work(const ConvQ8& l, const LayerView&) {
  if (!(l.hs && l.pointwise && l.one_multiplier)) return std::nullopt;
  return Work{counts(hs_dense_products(l.s), l.outputs, pixels(l.s) * l.s.ic),
              dense_q8_dsp_scratch(l.s),
              rows_per_call(l.s.oh, l.s.ow),
              0,
              {SharedFunction::dense, any_dense(l), 0, 0}};
}

std::optional<Work> dense_sparse_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.hs && l.pointwise && prunable(l, v) >= 0.125)) return std::nullopt;
  return Work{counts(pixels(l.s) * l.block_products(), l.outputs, pixels(l.s) * l.s.ic),
              dense_sparse_q8_dsp_scratch(l.s), rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> pointwise_sparse_q8_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.pointwise && l.int8_weights && prunable(l, v) >= 0.5)) return std::nullopt;
  return Work{counts(rounded_down(l.s.ow, 4) * l.listed_weights(), l.s.ow % 4 * l.listed_weights(),
                     rounded_down(l.s.ow, 4) * l.s.oc, double(l.s.ow % 4) * l.s.oc),
              0, rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> conv_q8_w16_dsp_work(const ConvQ8& l, const LayerView&) {
  return Work{
      counts(in_blocks(l.s, 4, 2) * rounded_up(int32_t(l.taps), 4), alone(l.s, 4, 2) * rounded_up(int32_t(l.taps), 4),
             l.outputs, pixels(l.s) * (double(l.taps) + l.s.kh * l.s.kw + 24) * l.s.groups),
      conv_q8_w16_dsp_scratch(l.s), rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> conv_few_q8_dsp_work(const ConvQ8& l, const LayerView&) {
  if (!(l.s.groups == 1 && l.s.oc <= 4 && !l.pointwise && l.taps > 0)) return std::nullopt;
  return Work{counts(pixels(l.s) * few_words(l.s) * few_lines(l.s) * (l.s.oc / 2),
                     pixels(l.s) * few_words(l.s) * few_lines(l.s) * (l.s.oc % 2), l.outputs,
                     pixels(l.s) * (few_lines(l.s) + 2)),
              conv_few_q8_dsp_scratch(l.s), rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> depthwise_any_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  const int32_t n = strip(l, v);
  if (!(l.depthwise && l.int8_weights && l.bound < (1 << 23) && l.s.dh == 1 && l.s.dw == 1)) return std::nullopt;
  return Work{counts(depthwise_words(l.s).together, depthwise_words(l.s).alone, l.outputs,
                     strip_rows(l.s, n) * depthwise_any_row_words(l.s) * l.s.ic),
              depthwise_any_q8_dsp_scratch(l.s, n), n};
}

std::optional<Work> depthwise_taps_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.channelwise && l.int8_weights && l.bound < (1 << 23))) return std::nullopt;
  return Work{counts(depthwise_taps_blocks(l.s) * double(l.taps) * (l.s.ic < 4 ? 1.8 : 1), depthwise_taps_blocks(l.s),
                     pixels(l.s) * double(l.taps), pixels(l.s) * (l.s.kh + 2)),
              depthwise_taps_q8_dsp_scratch(l.s), strip(l, v)};
}

std::optional<Work> depthwise_w16_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.channelwise)) return std::nullopt;
  return Work{counts(depthwise_taps_blocks(l.s) * double(l.taps) * (l.s.ic < 4 ? 1.8 : 1), depthwise_taps_blocks(l.s),
                     pixels(l.s) * double(l.taps), pixels(l.s) * (l.s.kh + 2)),
              depthwise_taps_q8_dsp_scratch(l.s), strip(l, v)};
}

std::optional<Work> depthwise_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  const int32_t n = strip(l, v);
  if (!(l.depthwise && l.int8_weights && l.bound < (1 << 23) && l.s.kw == 3 && l.s.sw <= 2 && l.s.dh == 1 &&
        l.s.dw == 1 && l.s.ic % 4 == 0))
    return std::nullopt;
  return Work{counts(l.products, strip_rows(l.s, n) * depthwise_row_words(l.s) * l.s.ic,
                     double(l.s.oh) * l.s.oc * ((l.s.ow + 5) / 6)),
              depthwise_q8_dsp_scratch(l.s, n),
              n,
              0,
              {SharedFunction::depthwise, plain_shift8(l) && l.s.kh == 3, l.s.ow <= 6 ? 1.0 : 0.54, 850}};
}

std::optional<Work> winograd_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(is_winograd(l, v))) return std::nullopt;
  return Work{
      counts(tiles(l) * l.s.ic, tiles(l) * l.s.ic * rounded_up(l.s.oc, 2), tiles(l) * rounded_up(l.s.oc, 2), l.outputs),
      winograd_q8_dsp_scratch(l.s), whole_tiles(l)};
}

std::optional<Work> winograd_q8_w8_dsp_work(const ConvQ8& l, const LayerView& v) {
  const int32_t block = winograd_block(l, v);
  if (block == 0) return std::nullopt;
  return Work{counts(tiles(l) * l.s.ic * ((l.s.oc + block - 1) / block), tiles(l) * l.s.ic * rounded_up(l.s.oc, 2),
                     tiles(l) * rounded_up(l.s.oc, 2), double(l.s.ic) * l.s.oc * ((l.s.oh + 63) / 64)),
              winograd_q8_w8_dsp_scratch(l.s, block),
              std::min(l.s.oh, 64),
              block,
              {SharedFunction::winograd, true, 0.02, 1000}};
}

std::optional<Work> conv_q8_mve_work(const ConvQ8& l, const LayerView&) {
  if (!(l.mve())) return std::nullopt;
  return Work{counts(mve_pairs(l.s) * mve_chunks(int32_t(l.taps)), mve_pairs(l.s), mve_lone(l.s),
                     pixels(l.s) * l.s.kh * (40 + l.s.kw * l.s.ic)),
              conv_q8_mve_scratch(l.s), rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> conv_rows_q8_mve_work(const ConvQ8& l, const LayerView&) {
  if (!(l.mve() && conv_rows_mve_serves(l.s))) return std::nullopt;
  return Work{counts(double(l.s.oh) * ((l.s.ow + 3) / 4) * (l.s.oc / 2) * double(l.taps),
                     double(l.s.oh) * ((l.s.ow + 3) / 4) * (l.s.oc / 2), double(l.s.oh) * ((l.s.ow + 3) / 4),
                     pixels(l.s) * l.s.ic),
              conv_rows_q8_mve_scratch(l.s), rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> conv_strips_q8_mve_work(const ConvQ8& l, const LayerView&) {
  if (!(l.mve() && conv_strips_mve_serves(l.s))) return std::nullopt;
  return Work{counts(double(l.s.ow) * ((l.s.oh + 3) / 4) * l.s.oc * mve_chunks(int32_t(l.taps)),
                     double(l.s.ow) * ((l.s.oh + 3) / 4) * l.s.oc,
                     double(l.s.ow) * l.s.rows(l.s.oh) * mve_chunks(l.s.kw * l.s.ic),
                     double(l.s.ow) * (l.s.oc % 2 * l.s.oh * 4 * mve_chunks(int32_t(l.taps)) + 80)),
              conv_strips_q8_mve_scratch(l.s), conv_strips_mve_rows(l.s)};
}

std::optional<Work> pointwise_q8_mve_work(const ConvQ8& l, const LayerView&) {
  if (!(l.mve() && l.pointwise)) return std::nullopt;
  return Work{counts(mve_pairs(l.s) * mve_chunks(l.s.ic), mve_pairs(l.s), mve_lone(l.s),
                     mve_resident(l.s) && l.x == DType::i8 ? 0 : pixels(l.s) * (30 + l.s.ic)),
              conv_q8_mve_scratch(l.s), rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> dense_q8_mve_work(const ConvQ8& l, const LayerView&) {
  if (!(l.mve() && l.pointwise)) return std::nullopt;
  return Work{counts(in_blocks(l.s, 1, 8) * mve_chunks(l.s.ic), in_blocks(l.s, 1, 8),
                     alone(l.s, 1, 8) * (mve_chunks(l.s.ic) + 4), pixels(l.s)),
              dense_q8_mve_scratch(l.s), rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> depthwise_q8_mve_work(const ConvQ8& l, const LayerView&) {
  if (!(l.depthwise && l.mve_requant && l.int8_weights && l.mve_depthwise())) return std::nullopt;
  return Work{counts(mve_depthwise_outputs(l.s), mve_depthwise_gathered(l.s)),
              depthwise_q8_mve_scratch(l.s, l.mve_rows()), l.mve_rows()};
}

std::optional<Work> depthwise_any_q8_mve_work(const ConvQ8& l, const LayerView&) {
  if (!(l.depthwise && l.mve_requant && l.int8_weights && l.outputs > 0 && l.taps > 0 && l.taps < (1 << 16) &&
        l.s.oc < (1 << 16) && l.s.oc >= depthwise_any_mve_lanes(int32_t(l.taps))))
    return std::nullopt;
  return Work{counts(pixels(l.s) * depthwise_any_mve_blocks(int32_t(l.taps), l.s.oc) * double(l.taps),
                     pixels(l.s) * depthwise_any_mve_blocks(int32_t(l.taps), l.s.oc), pixels(l.s) * double(l.taps),
                     pixels(l.s)),
              depthwise_any_q8_mve_scratch(l.s), l.mve_rows()};
}

}  // namespace burin
