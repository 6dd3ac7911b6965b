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

/// Pixels, rounded up to blocks of three, of four.
double pixels3(const ConvF32& l) { return double((int64_t(l.s.oh) * l.s.ow + 2) / 3 * 3); }
double pixels4(const ConvF32& l) { return double((int64_t(l.s.oh) * l.s.ow + 3) / 4 * 4); }
/// Tiles of 2x2 outputs, rounded up to four.
double tiles(const ConvF32& l) { return double((int64_t((l.s.oh + 1) / 2) * ((l.s.ow + 1) / 2) + 3) / 4 * 4); }

bool is_winograd(const ConvF32& l) {
  const ConvShape& s = l.s;
  return s.groups == 1 && s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1 && s.oc % 4 == 0;
}
/// Bytes that Winograd may take as working memory in exchange for speed.
int64_t winograd_room(const LayerView& v) {
  return v.options.optimize == Options::Optimize::speed ? spare_bytes(v, 1.0 / 7) : 0;
}

}  // namespace

std::optional<Work> conv_f32_ref_work(const ConvF32& l, const LayerView&) {
  return Work{counts(l.products, double(l.outputs) * l.s.kh * l.s.kw, l.outputs), 0, rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> conv_f32_fpu_work(const ConvF32& l, const LayerView&) {
  if (!(l.s.groups == 1)) return std::nullopt;
  return Work{counts(pixels4(l) * (rounded_down(l.s.oc, 4) + l.s.oc % 4 * 2) * double(l.taps), pixels4(l) * l.s.oc,
                     pixels4(l) * double(l.taps), pixels4(l) * l.s.kh),
              conv_f32_fpu_scratch(l.s), rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> winograd_f32_fpu_work(const ConvF32& l, const LayerView& v) {
  if (!(is_winograd(l) && winograd_f32_fpu_scratch(l.s) <= winograd_room(v))) return std::nullopt;
  return Work{counts(tiles(l) * l.s.ic * l.s.oc, tiles(l) * l.s.oc,
                     tiles(l) * l.s.ic * ((l.s.oc - 1) / winograd_filters(l.s.ic) + 1),
                     double(l.s.ic) * l.s.oc * ((l.s.oh + 63) / 64)),
              winograd_f32_fpu_scratch(l.s), tall(l)};
}

std::optional<Work> pointwise_f32_fpu_work(const ConvF32& l, const LayerView&) {
  if (!(l.pointwise)) return std::nullopt;
  return Work{counts(pixels4(l) * rounded_down(l.s.oc, 4) * l.s.ic, pixels4(l) * (l.s.oc % 4) * l.s.ic,
                     pixels4(l) * l.s.oc, pixels4(l)),
              0, rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> dense_f32_fpu_work(const ConvF32& l, const LayerView&) {
  if (!(l.pointwise)) return std::nullopt;
  return Work{counts(in_blocks(l.s, 1, 8) * l.s.ic, alone(l.s, 1, 8) * l.s.ic, l.outputs), 0,
              rows_per_call(l.s.oh, l.s.ow)};
}

std::optional<Work> depthwise_f32_fpu_work(const ConvF32& l, const LayerView&) {
  if (!(l.depthwise && l.s.kh == 3 && l.s.kw == 3 && l.s.sw <= 2 && l.s.dw == 1 && l.s.pl <= 2)) return std::nullopt;
  return Work{counts(l.outputs, l.s.sw == 2 ? l.outputs : 0, double(l.s.sh == 1 ? (l.s.oh + 1) / 2 : l.s.oh) * l.s.oc),
              depthwise_f32_fpu_scratch(l.s), tall(l)};
}

std::optional<Work> conv_f32_mve_work(const ConvF32& l, const LayerView&) {
  if (!(l.s.groups == 1 && l.taps > 0)) return std::nullopt;
  return Work{counts(pixels3(l) * rounded_up(l.s.oc, 4) * double(l.taps), pixels3(l) * rounded_up(l.s.oc, 4),
                     pixels3(l) * l.s.kh, pixels3(l) * double(l.taps)),
              conv_f32_mve_scratch(l.s), tall(l)};
}

std::optional<Work> winograd_f32_mve_work(const ConvF32& l, const LayerView& v) {
  if (!(is_winograd(l) && l.s.ic >= 4 && winograd_f32_mve_scratch(l.s) <= winograd_room(v))) return std::nullopt;
  return Work{counts(tiles(l) * l.s.ic * l.s.oc, tiles(l) * l.s.oc,
                     tiles(l) * l.s.ic * ((l.s.oc - 1) / mve_winograd_filters(l.s) + 1),
                     double(l.s.ic) * l.s.oc * ((l.s.oh + 63) / 64)),
              winograd_f32_mve_scratch(l.s), tall(l)};
}

std::optional<Work> pointwise_f32_mve_work(const ConvF32& l, const LayerView&) {
  if (!(l.pointwise && l.taps > 0)) return std::nullopt;
  return Work{counts(pixels3(l) * rounded_up(l.s.oc, 4) * l.s.ic, pixels3(l) * rounded_up(l.s.oc, 4), pixels3(l)), 0,
              tall(l)};
}

std::optional<Work> dense_f32_mve_work(const ConvF32& l, const LayerView&) {
  if (!(l.pointwise && l.taps > 0)) return std::nullopt;
  return Work{counts(l.products, l.outputs, pixels(l.s)), 0, tall(l)};
}

std::optional<Work> depthwise_f32_mve_work(const ConvF32& l, const LayerView&) {
  if (!(l.depthwise && l.s.ic >= 4)) return std::nullopt;
  return Work{counts(mve_f32_by_columns(l.s) ? l.products : 0, mve_f32_by_columns(l.s) ? 0 : l.products, l.outputs,
                     pixels(l.s)),
              depthwise_f32_mve_scratch(l.s), tall(l)};
}

}  // namespace burin
