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
#include "runtime-min/kernels/dense_coded.h"
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
int32_t strip(const ConvQ8& l) { return std::min(l.s.oh, l.s.oh <= 25 ? 25 : 12); }

/// F(2x2, 3x3) is exact, and tiles may take memory.
bool is_winograd(const ConvQ8& l) {
  const ConvShape& s = l.s;
  return l.int8_weights && s.groups == 1 && s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.dh == 1 &&
         s.dw == 1 && s.ic % 4 == 0 && l.bound < (1 << 23);
}
/// Tiles of 2x2 outputs, rounded up to rows of four.
double tiles(const ConvQ8& l) { return double((l.s.oh + 1) / 2) * ((l.s.ow + 7) / 8) * 4; }
/// Rows a call of it: two of them are one row of tiles.
int32_t whole_tiles(const ConvQ8& l) {
  const int32_t n = rows_per_call(l.s.oh, l.s.ow);
  return n < l.s.oh ? 4 : n;
}
/// Filters that are transformed at a time on the device; 0: there is no room for them. What was chosen or is asked for
/// stays: the order of layers, and so the room, changes afterwards.
int32_t winograd_block(const ConvQ8& l, const LayerView& v) {
  if (!is_winograd(l)) return 0;
  const int32_t all = l.s.oc + l.s.oc % 2;
  if (v.node.block > 0) return std::min(v.node.block + v.node.block % 2, all);
  const int64_t spare = spare_bytes(v, 0) - winograd_q8_dsp_scratch(l.s);
  const auto most = int32_t(std::min<int64_t>(all, std::max<int64_t>(spare, 0) / 4 / winograd_words(l.s.ic, 2) * 2));
  if (most == 0) return 0;
  const int32_t blocks = (all + most - 1) / most, each = (all + blocks - 1) / blocks;  // as few, of about one size
  return each + each % 2;
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

/// Outputs in whole blocks of so many pixels and filters: blocks are of one call.
double blocks(const RowForm& f, int32_t pixels_together, int32_t filters) {
  return f.sum([&](int32_t n) { return in_blocks(first_rows(f.calls.s, n), pixels_together, filters); });
}
/// depthwise_in_place_q8_mve: of one channel no line of output lies on what later ones read.
bool writes_behind_reads(const ConvShape& s) {
  const bool down = mve_depthwise_down(s);
  if (down && s.iw != s.ow) return false;
  const MveAxis across = mve_across(s, s.oh);
  const int32_t later = mve_depthwise_ahead(s) ? 4 : 2;
  for (int32_t o = 0; o + later < across.out; o += 2) {
    const int32_t written = mve_first_line(across.out, o) + 2,
                  read = mve_first_line(across.out, o + later) * across.stride - (down ? s.pl : s.pt);
    if (down ? written > read : int64_t(written) * s.ow > int64_t(read) * s.iw) return false;
  }
  return true;
}

/// Rows of layers that are one call of one function with others under --optimize size stay together.
RowForm dense_form(const ConvQ8& l, const LayerView& v, std::string_view kernel) {
  const int32_t usual = rows_per_call(l.s.oh, l.s.ow);
  const bool whole = v.options.optimize == Options::Optimize::size;
  return RowForm(l, v, kernel, usual, whole ? l.image.oh : 1);
}

}  // namespace

// What a layer gains by a function of its own, and the bytes that adds, are fitted to MLPerf Tiny's models on
// cortex-m4f.

std::optional<Work> conv_q8_ref_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.int8_weights)) return std::nullopt;
  return RowForm(l, v, __func__, rows_per_call(l.s.oh, l.s.ow))
      .work(counts(l.products, double(l.outputs) * l.s.kh * l.s.kw, l.outputs), 0);
}

std::optional<Work> conv_q8_w16_ref_work(const ConvQ8& l, const LayerView& v) {
  return RowForm(l, v, __func__, rows_per_call(l.s.oh, l.s.ow))
      .work(counts(l.products, double(l.outputs) * l.s.kh * l.s.kw, l.outputs), 0);
}

std::optional<Work> conv_q8_plain_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.int8_weights && l.taps < (1 << 16))) return std::nullopt;
  const RowForm f(l, v, __func__, rows_per_call(l.s.oh, l.s.ow));
  const ConvShape& s = f.calls.s;
  const double filters = l.s.groups * rounded_up(l.s.oc / l.s.groups, 2) * double(l.taps);
  return f.work(
      counts(f.sum([&](int32_t n) { return rounded_down(n * s.ow, 2); }) * filters,
             f.sum([&](int32_t n) { return double(n * s.ow % 2); }) * filters, l.outputs, plain_gathered(l.s)),
      conv_q8_plain_scratch(l.s), 0, {SharedFunction::conv_plain, false, 0, 0});
}

std::optional<Work> depthwise_q8_plain_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.depthwise && l.int8_weights && l.taps < (1 << 16))) return std::nullopt;
  return RowForm(l, v, __func__, strip(l))
      .work(counts((l.s.oc + l.s.oc % 4) * pixels(l.s) * double(l.taps), l.outputs, pixels(l.s) * double(l.taps)),
            depthwise_q8_plain_scratch(l.s), 0, {SharedFunction::depthwise_plain, false, 0, 0});
}

std::optional<Work> conv_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.hs)) return std::nullopt;
  const RowForm f(l, v, __func__, rows_per_call(l.s.oh, l.s.ow));
  const double quads = conv_q8_dsp_quads(l.s), together = blocks(f, 4, 2);
  return f.work(counts(together * quads, (double(l.outputs) - together) * quads, l.outputs, hs_gathered(l.s)),
                conv_q8_dsp_scratch(l.s), 0,
                {SharedFunction::conv, plain_shift8(l), 0.06 + (l.s.ic % 4 == 0 ? 0 : 3.5 / l.s.oc), 1200});
}

std::optional<Work> pointwise_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.hs && l.pointwise && l.s.ic % 4 == 0)) return std::nullopt;
  const RowForm f(l, v, __func__, rows_per_call(l.s.oh, l.s.ow));
  const double together = f.calls.s.oh * in_blocks(first_rows(f.calls.s, 1), 4, 2);
  return f.work(counts(together * l.s.ic, (double(l.outputs) - together) * l.s.ic, l.outputs, pixels(l.s) * l.s.ic),
                conv_q8_dsp_scratch(l.s), 0,
                {SharedFunction::pointwise, plain_shift8(l), 0.12 + 1.4 / l.s.ic, 450 + 20 * std::min(l.s.ic, 64)});
}

std::optional<Work> dense_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.hs && l.pointwise)) return std::nullopt;
  return dense_form(l, v, __func__)
      .work(counts(hs_dense_products(l.s), l.outputs, pixels(l.s) * l.s.ic), dense_q8_dsp_scratch(l.s), 0,
            {SharedFunction::dense, any_dense(l), 0, 0});
}

std::optional<Work> dense_one_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.hs && l.pointwise && l.one_multiplier)) return std::nullopt;
  return dense_form(l, v, __func__)
      .work(counts(hs_dense_products(l.s), l.outputs, pixels(l.s) * l.s.ic), dense_q8_dsp_scratch(l.s), 0,
            {SharedFunction::dense, any_dense(l), 0, 0});
}

std::optional<Work> dense_sparse_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.hs && l.pointwise && prunable(l, v) >= 0.125)) return std::nullopt;
  return RowForm(l, v, __func__, rows_per_call(l.s.oh, l.s.ow))
      .work(counts(pixels(l.s) * l.block_products(), l.outputs, pixels(l.s) * l.s.ic),
            dense_sparse_q8_dsp_scratch(l.s));
}

std::optional<Work> pointwise_sparse_q8_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.pointwise && l.int8_weights && prunable(l, v) >= 0.5)) return std::nullopt;
  const RowForm f(l, v, __func__, rows_per_call(l.s.oh, l.s.ow));
  const double fours = f.calls.s.oh * rounded_down(f.calls.s.ow, 4), others = pixels(l.s) - fours;
  return f.work(counts(fours * l.listed_weights(), others * l.listed_weights(), fours * l.s.oc, others * l.s.oc), 0);
}

std::optional<Work> dense_coded_q8_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.pointwise && l.s.ow == 1 && l.int8_weights && l.taps > 0 && l.taps < (1 << 16))) return std::nullopt;
  Work w = RowForm(l, v, __func__, l.image.oh).work(counts(l.products, l.outputs), dense_coded_q8_scratch(l.s));
  w.coded = true;
  return w;
}

std::optional<Work> conv_q8_w16_dsp_work(const ConvQ8& l, const LayerView& v) {
  const RowForm f(l, v, __func__, rows_per_call(l.s.oh, l.s.ow));
  const double together = blocks(f, 4, 2), taps = rounded_up(int32_t(l.taps), 4);
  return f.work(counts(together * taps, (double(l.outputs) - together) * taps, l.outputs,
                       pixels(l.s) * (double(l.taps) + l.s.kh * l.s.kw + 24) * l.s.groups),
                conv_q8_w16_dsp_scratch(l.s));
}

std::optional<Work> conv_few_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.s.groups == 1 && l.s.oc <= 4 && !l.pointwise && l.taps > 0)) return std::nullopt;
  return RowForm(l, v, __func__, rows_per_call(l.s.oh, l.s.ow))
      .work(counts(pixels(l.s) * few_words(l.s) * few_lines(l.s) * (l.s.oc / 2),
                   pixels(l.s) * few_words(l.s) * few_lines(l.s) * (l.s.oc % 2), l.outputs,
                   pixels(l.s) * (few_lines(l.s) + 2)),
            conv_few_q8_dsp_scratch(l.s));
}

std::optional<Work> depthwise_any_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.depthwise && l.int8_weights && l.bound < (1 << 23) && l.s.dh == 1 && l.s.dw == 1)) return std::nullopt;
  const RowForm f(l, v, __func__, strip(l));
  return f.work(counts(depthwise_words(l.s).together, depthwise_words(l.s).alone, l.outputs,
                       strip_rows(l.s, f.rows) * depthwise_any_row_words(l.s) * l.s.ic),
                depthwise_any_q8_dsp_scratch(l.s, f.rows), 0, {}, l.s.oc);
}

std::optional<Work> depthwise_taps_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.channelwise && l.int8_weights && l.bound < (1 << 23))) return std::nullopt;
  return RowForm(l, v, __func__, strip(l))
      .work(counts(depthwise_taps_blocks(l.s) * double(l.taps) * (l.s.ic < 4 ? 1.8 : 1), depthwise_taps_blocks(l.s),
                   pixels(l.s) * double(l.taps), pixels(l.s) * (l.s.kh + 2)),
            depthwise_taps_q8_dsp_scratch(l.s));
}

std::optional<Work> depthwise_w16_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.channelwise)) return std::nullopt;
  return RowForm(l, v, __func__, strip(l))
      .work(counts(depthwise_taps_blocks(l.s) * double(l.taps) * (l.s.ic < 4 ? 1.8 : 1), depthwise_taps_blocks(l.s),
                   pixels(l.s) * double(l.taps), pixels(l.s) * (l.s.kh + 2)),
            depthwise_taps_q8_dsp_scratch(l.s));
}

std::optional<Work> depthwise_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.depthwise && l.int8_weights && l.bound < (1 << 23) && l.s.kw == 3 && l.s.sw <= 2 && l.s.dh == 1 &&
        l.s.dw == 1 && l.s.ic % 4 == 0))
    return std::nullopt;
  const RowForm f(l, v, __func__, strip(l));
  return f.work(counts(l.products, strip_rows(l.s, f.rows) * depthwise_row_words(l.s) * l.s.ic,
                       double(l.s.oh) * l.s.oc * ((l.s.ow + 5) / 6)),
                depthwise_q8_dsp_scratch(l.s, f.rows), 0,
                {SharedFunction::depthwise, plain_shift8(l) && l.s.kh == 3, l.s.ow <= 6 ? 1.0 : 0.54, 850}, l.s.oc);
}

std::optional<Work> winograd_q8_dsp_work(const ConvQ8& l, const LayerView& v) {
  if (!(is_winograd(l))) return std::nullopt;
  return RowForm(l, v, __func__, whole_tiles(l), 2)
      .work(counts(tiles(l) * l.s.ic, tiles(l) * l.s.ic * rounded_up(l.s.oc, 2), tiles(l) * rounded_up(l.s.oc, 2),
                   l.outputs),
            winograd_q8_dsp_scratch(l.s));
}

std::optional<Work> winograd_q8_w8_dsp_work(const ConvQ8& l, const LayerView& v) {
  const int32_t block = winograd_block(l, v);
  if (block == 0) return std::nullopt;
  const RowForm f(l, v, __func__, std::min(l.s.oh, 64), 2);
  return f.work(counts(tiles(l) * l.s.ic * ((l.s.oc + block - 1) / block), tiles(l) * l.s.ic * rounded_up(l.s.oc, 2),
                       tiles(l) * rounded_up(l.s.oc, 2), double(l.s.ic) * l.s.oc * double(f.calls.count())),
                winograd_q8_w8_dsp_scratch(l.s, block), block, {SharedFunction::winograd, true, 0.02, 1000});
}

std::optional<Work> conv_q8_mve_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.mve())) return std::nullopt;
  const RowForm f(l, v, __func__, rows_per_call(l.s.oh, l.s.ow));
  const double pairs = f.sum([&](int32_t n) { return mve_pairs(first_rows(f.calls.s, n)); });
  return f.work(
      counts(pairs * mve_chunks(int32_t(l.taps)), pairs, mve_lone(l.s), pixels(l.s) * l.s.kh * (40 + l.s.kw * l.s.ic)),
      conv_q8_mve_scratch(l.s));
}

std::optional<Work> conv_rows_q8_mve_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.mve() && conv_rows_mve_serves(l.s))) return std::nullopt;
  const RowForm f(l, v, __func__, rows_per_call(l.s.oh, l.s.ow));
  const double fours = double(f.calls.s.oh) * ((f.calls.s.ow + 3) / 4);
  return f.work(counts(fours * (l.s.oc / 2) * double(l.taps), fours * (l.s.oc / 2), fours, pixels(l.s) * l.s.ic),
                conv_rows_q8_mve_scratch(l.s));
}

std::optional<Work> conv_strips_q8_mve_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.mve() && conv_strips_mve_serves(l.s))) return std::nullopt;
  const RowForm f(l, v, __func__, conv_strips_mve_rows(l.s));
  const ConvShape& s = f.calls.s;
  const double chunks = mve_chunks(int32_t(l.taps));
  const double fours = double(s.ow) * f.sum([](int32_t n) { return (n + 3) / 4; }) * s.oc;
  return f.work(counts(fours * chunks, fours,
                       double(s.ow) * f.sum([&](int32_t n) { return s.rows(n); }) * mve_chunks(s.kw * s.ic),
                       double(s.ow) * f.sum([&](int32_t n) { return s.oc % 2 * n * 4 * chunks + 80; })),
                conv_strips_q8_mve_scratch(first_rows(s, f.calls.n)));
}

std::optional<Work> pointwise_q8_mve_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.mve() && l.pointwise)) return std::nullopt;
  const RowForm f(l, v, __func__, rows_per_call(l.s.oh, l.s.ow));
  const double pairs = f.calls.s.oh * mve_pairs(first_rows(f.calls.s, 1));
  return f.work(counts(pairs * mve_chunks(l.s.ic), pairs, mve_lone(l.s),
                       mve_resident(l.s) && l.x == DType::i8 ? 0 : pixels(l.s) * (30 + l.s.ic)),
                conv_q8_mve_scratch(l.s));
}

std::optional<Work> dense_q8_mve_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.mve() && l.pointwise)) return std::nullopt;
  return RowForm(l, v, __func__, rows_per_call(l.s.oh, l.s.ow))
      .work(counts(in_blocks(l.s, 1, 8) * mve_chunks(l.s.ic), in_blocks(l.s, 1, 8),
                   alone(l.s, 1, 8) * (mve_chunks(l.s.ic) + 4), pixels(l.s)),
            dense_q8_mve_scratch(l.s));
}

std::optional<Work> depthwise_q8_mve_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.depthwise && l.mve_requant && l.int8_weights && l.mve_depthwise())) return std::nullopt;
  const RowForm f(l, v, __func__, l.mve_rows(), mve_depthwise_least(l.s));
  const auto outputs = [&](int32_t n) { return mve_depthwise_outputs(l.s, n); };
  const auto gathered = [&](int32_t n) { return mve_depthwise_gathered(l.s, n); };
  return f.work(counts(f.sum(outputs), f.sum(gathered)), depthwise_q8_mve_scratch(l.s, f.rows));
}

std::optional<Work> depthwise_in_place_q8_mve_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.depthwise && l.mve_requant && l.int8_weights && l.mve_depthwise() && l.s.oh <= l.mve_rows() &&
        writes_behind_reads(l.s)))
    return std::nullopt;
  const RowForm f(l, v, __func__, l.s.oh, l.s.oh);
  return f.work(counts(mve_depthwise_outputs(l.s, l.s.oh), mve_depthwise_gathered(l.s, l.s.oh)),
                depthwise_in_place_q8_mve_scratch(l.s));
}

std::optional<Work> depthwise_lines_q8_mve_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.depthwise && l.mve_requant && l.int8_weights && l.outputs > 0 && l.taps > 0 &&
        depthwise_lines_mve_serves(l.s)))
    return std::nullopt;
  const double channels = double(l.s.oh) * l.s.oc, columns = mve_line_columns(l.s);
  const int32_t together = std::min(l.s.ow, 8), blocks = (l.s.ow + together - 1) / together;
  const double strips = double(l.s.oh) * ((l.s.oc + 15) / 16);
  return RowForm(l, v, __func__, l.mve_rows())
      .work(counts(channels * blocks * (13 + together * (mve_line_twins(l.s) ? 1.5 : 2)),
                   channels * (blocks > 1 ? 13 : 6), strips * columns, strips),
            depthwise_lines_q8_mve_scratch(l.s));
}

std::optional<Work> depthwise_any_q8_mve_work(const ConvQ8& l, const LayerView& v) {
  if (!(l.depthwise && l.mve_requant && l.int8_weights && l.outputs > 0 && l.taps > 0 && l.taps < (1 << 16) &&
        l.s.oc < (1 << 16) && l.s.oc >= depthwise_any_mve_lanes(int32_t(l.taps))))
    return std::nullopt;
  return RowForm(l, v, __func__, l.mve_rows())
      .work(counts(pixels(l.s) * depthwise_any_mve_blocks(int32_t(l.taps), l.s.oc) * double(l.taps),
                   pixels(l.s) * depthwise_any_mve_blocks(int32_t(l.taps), l.s.oc), pixels(l.s) * double(l.taps),
                   pixels(l.s)),
            depthwise_any_q8_mve_scratch(l.s));
}

}  // namespace burin
