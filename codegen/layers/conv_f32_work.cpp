// When kernels of convolutions in float32 serve a layer, what their time depends on, and how they would be run.
#include <algorithm>

#include "codegen/layers/conv.h"
#include "codegen/layers/counts.h"
#include "runtime-min/kernels/conv_f32_fpu.h"
#include "runtime-min/kernels/conv_f32_mve.h"
#include "runtime-min/kernels/depthwise_f32_fpu.h"
#include "runtime-min/kernels/depthwise_f32_mve.h"
#include "runtime-min/kernels/winograd_f32_fpu.h"
#include "runtime-min/kernels/winograd_f32_mve.h"

namespace burin {
namespace {

/// Rows a call where rows share work with their neighbours (depthwise), tiles their filters (Winograd), or blocks are
/// of three pixels (Helium); the other kernels make pixels of any row, in fours.
int32_t tall(const ConvF32& l) { return std::min(l.s.oh, 64); }

/// Pixels, those of each call rounded up to blocks.
double in_blocks(const RowForm& f, int32_t block) {
  return f.sum([&](int32_t n) { return double((int64_t(n) * f.calls.s.ow + block - 1) / block * block); });
}
/// Pixels of blocks of four, and those that are left over, which take as long as kLone pixels of a block.
double in_fours(const RowForm& f) {
  constexpr double kLone = 1.3;
  return f.sum([&](int32_t n) {
    const int64_t pixels = int64_t(n) * f.calls.s.ow;
    return double(pixels / 4 * 4) + kLone * double(pixels % 4);
  });
}
/// No block of four: dense_f32_fpu is made for that.
bool few_pixels(const ConvF32& l) { return l.pointwise && l.s.oh * l.s.ow < 4; }
/// Tiles of 2x2 outputs, those of each call rounded up to four.
double tiles(const RowForm& f) {
  return f.sum([&](int32_t n) { return double((int64_t((n + 1) / 2) * ((f.calls.s.ow + 1) / 2) + 3) / 4 * 4); });
}

bool is_winograd(const ConvF32& l) {
  const ConvShape& s = l.s;
  return s.groups == 1 && s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1 && s.oc % 4 == 0;
}
/// May Winograd take working memory in exchange for speed? What was chosen stays: the order of layers, and so the room,
/// changes afterwards.
bool has_room(const LayerView& v, const RowForm& f, int64_t bytes) {
  if (f.is_asked) return true;
  return bytes <= (v.options.optimize == Options::Optimize::speed ? spare_bytes(v, 1.0 / 7) : 0);
}

}  // namespace

std::optional<Work> conv_f32_ref_work(const ConvF32& l, const LayerView& v) {
  return RowForm(l, v, __func__, rows_per_call(l.s.oh, l.s.ow))
      .work(counts(l.products, double(l.outputs) * l.s.kh * l.s.kw, l.outputs), 0);
}

std::optional<Work> conv_f32_fpu_work(const ConvF32& l, const LayerView& v) {
  if (!(l.s.groups == 1) || few_pixels(l)) return std::nullopt;
  const RowForm f(l, v, __func__, rows_per_call(l.s.oh, l.s.ow));
  const double fours = in_fours(f);
  return f.work(counts(fours * (rounded_down(l.s.oc, 4) + l.s.oc % 4 * 2) * double(l.taps), fours * l.s.oc,
                       fours * double(l.taps), fours * l.s.kh),
                conv_f32_fpu_scratch(l.s));
}

std::optional<Work> winograd_f32_fpu_work(const ConvF32& l, const LayerView& v) {
  const RowForm f(l, v, __func__, tall(l), 2);
  if (!(is_winograd(l) && has_room(v, f, winograd_f32_fpu_scratch(l.s)))) return std::nullopt;
  return f.work(counts(tiles(f) * l.s.ic * l.s.oc, tiles(f) * l.s.oc,
                       tiles(f) * l.s.ic * ((l.s.oc - 1) / winograd_filters(l.s.ic) + 1),
                       double(l.s.ic) * l.s.oc * double(f.calls.count())),
                winograd_f32_fpu_scratch(l.s));
}

std::optional<Work> pointwise_f32_fpu_work(const ConvF32& l, const LayerView& v) {
  if (!l.pointwise || few_pixels(l)) return std::nullopt;
  const RowForm f = RowForm(l, v, __func__, rows_per_call(l.s.oh, l.s.ow)).joined();
  const double fours = in_fours(f);
  return f.work(counts(fours * rounded_down(l.s.oc, 4) * l.s.ic, fours * (l.s.oc % 4) * l.s.ic, fours * l.s.oc, fours),
                0);
}

std::optional<Work> dense_f32_fpu_work(const ConvF32& l, const LayerView& v) {
  if (!(l.pointwise)) return std::nullopt;
  return RowForm(l, v, __func__, rows_per_call(l.s.oh, l.s.ow))
      .joined()
      .work(counts(in_blocks(l.s, 1, 8) * l.s.ic, alone(l.s, 1, 8) * l.s.ic, l.outputs), 0);
}

std::optional<Work> depthwise_f32_fpu_work(const ConvF32& l, const LayerView& v) {
  if (!(l.depthwise && l.s.kh == 3 && l.s.kw == 3 && l.s.sw <= 2 && l.s.dw == 1 && l.s.pl <= 2)) return std::nullopt;
  const RowForm f(l, v, __func__, tall(l));
  const double lines = f.sum([&](int32_t n) { return l.s.sh == 1 ? (n + 1) / 2 : n; });
  return f.work(counts(l.outputs, l.s.sw == 2 ? l.outputs : 0, lines * l.s.oc), depthwise_f32_fpu_scratch(l.s));
}

std::optional<Work> conv_f32_mve_work(const ConvF32& l, const LayerView& v) {
  if (!(l.s.groups == 1 && l.taps > 0)) return std::nullopt;
  const RowForm f(l, v, __func__, tall(l));
  const double threes = in_blocks(f, 3), filters = rounded_up(l.s.oc, 4);
  return f.work(counts(threes * filters * double(l.taps), threes * filters, threes * l.s.kh, threes * double(l.taps)),
                conv_f32_mve_scratch(l.s));
}

std::optional<Work> winograd_f32_mve_work(const ConvF32& l, const LayerView& v) {
  const RowForm f(l, v, __func__, tall(l), 2);
  if (!(is_winograd(l) && l.s.ic >= 4 && has_room(v, f, winograd_f32_mve_scratch(l.s)))) return std::nullopt;
  return f.work(counts(tiles(f) * l.s.ic * l.s.oc, tiles(f) * l.s.oc,
                       tiles(f) * l.s.ic * ((l.s.oc - 1) / mve_winograd_filters(l.s) + 1),
                       double(l.s.ic) * l.s.oc * double(f.calls.count())),
                winograd_f32_mve_scratch(l.s));
}

std::optional<Work> pointwise_f32_mve_work(const ConvF32& l, const LayerView& v) {
  if (!(l.pointwise && l.taps > 0)) return std::nullopt;
  const RowForm f = RowForm(l, v, __func__, tall(l)).joined();
  const double threes = in_blocks(f, 3), filters = rounded_up(l.s.oc, 4);
  return f.work(counts(threes * filters * l.s.ic, threes * filters, threes), 0);
}

std::optional<Work> dense_f32_mve_work(const ConvF32& l, const LayerView& v) {
  if (!(l.pointwise && l.taps > 0)) return std::nullopt;
  return RowForm(l, v, __func__, tall(l)).joined().work(counts(l.products, l.outputs, pixels(l.s)), 0);
}

std::optional<Work> depthwise_f32_mve_work(const ConvF32& l, const LayerView& v) {
  if (!(l.depthwise && l.s.ic >= 4)) return std::nullopt;
  const RowForm f(l, v, __func__, tall(l), 3);
  // Rows come in threes; those that a call lacks are computed all the same.
  const double more = f.is_usual() ? 1 : f.sum([](int32_t n) { return rounded_up(n, 3); }) / rounded_up(l.s.oh, 3);
  return f.work(counts(mve_f32_by_columns(l.s) ? l.products * more : 0, mve_f32_by_columns(l.s) ? 0 : l.products * more,
                       double(l.outputs) * more, pixels(l.s) * more),
                depthwise_f32_mve_scratch(l.s));
}

}  // namespace burin
