// pool_rows.h in float32 for cores with Helium's float vectors: the bits of average_pool_f32_mve.
#pragma once
#include "runtime-min/kernels/f32x4.h"
#include "runtime-min/kernels/pool_rows.h"

namespace burin {

/// Sums in `scratch`: blocks of four, the last of which may have channels of the one before once more.
BURIN_INLINE constexpr int32_t pool_rows_f32_mve_sums(const PoolShape& s) { return s.ow * ((s.c + 3) / 4 * 4); }

/// Adds to kVectors * 4 sums; with `end`, writes their products with `scale` to y instead.
template <int32_t kVectors>
BURIN_INLINE void mve_f32_add_rows(const float* const* rows, int32_t n, int32_t offset, int32_t across, int32_t step,
                                   bool begin, bool end, float scale, float* sums, float* y) {
  F32x4 sum[kVectors];
  BURIN_UNROLL
  for (int32_t v = 0; v < kVectors; ++v) sum[v] = begin ? F32x4{0.0f, 0.0f, 0.0f, 0.0f} : load_f32x4(sums + 4 * v);
  for (int32_t r = 0; r < n; ++r) {
    const float* x = rows[r] + offset;
    for (int32_t kx = 0; kx < across; ++kx, x += step) BURIN_UNROLL
    for (int32_t v = 0; v < kVectors; ++v) sum[v] += load_f32x4(x + 4 * v);
  }
  BURIN_UNROLL
  for (int32_t v = 0; v < kVectors; ++v) store_f32x4((end ? y : sums) + 4 * v, end ? sum[v] * scale : sum[v]);
}

/// As average_pool_rows_f32_ref. At least four channels.
BURIN_SHARED void average_pool_rows_f32_mve(const PoolShape& s, const float* const* rows, int32_t n, int32_t first,
                                            float* y, void* scratch) {
  float* sums = static_cast<float*>(scratch);
  const bool begin = first == 0, end = first + n == s.ih;
  const int32_t step = s.dw * s.c;
  for (int32_t ox = 0; ox < s.ow; ++ox, y += s.c) {
    int32_t pixel = 0;
    const int32_t across = pool_columns(s, ox, pixel), cells = across * s.ih;
    const int32_t count = s.include_pad ? s.kh * s.kw : cells, offset = pixel * s.c;
    const float scale = cells == 0 ? 0.0f : 1.0f / float(count);
    int32_t c = 0;
    for (; c + 16 <= s.c; c += 16, sums += 16)
      mve_f32_add_rows<4>(rows, n, offset + c, across, step, begin, end, scale, sums, y + c);
    for (; c < s.c; c += 4, sums += 4) {
      const int32_t at = c + 4 <= s.c ? c : s.c - 4;
      mve_f32_add_rows<1>(rows, n, offset + at, across, step, begin, end, scale, sums, y + at);
    }
  }
}

}  // namespace burin
