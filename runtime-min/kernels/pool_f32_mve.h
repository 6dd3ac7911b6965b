// Average pools in float32 for cores with Helium's float vectors: the cells of sixteen channels, or of four, are summed
// together. The sum is multiplied by the reciprocal of the number of cells: one rounding more than
// average_pool_f32_ref.
#pragma once
#include "runtime-min/kernels/f32x4.h"
#include "runtime-min/kernels/pool.h"

namespace burin {

/// The mean of kVectors * 4 channels over `down` x `across` cells, `step` floats apart from column to column; null rows
/// have none.
template <int32_t kVectors>
BURIN_INLINE void mve_f32_mean(const float* const* rows, int32_t down, int32_t dilation, int32_t offset, int32_t across,
                               int32_t step, float scale, float* y) {
  F32x4 sum[kVectors];
  BURIN_UNROLL
  for (int32_t v = 0; v < kVectors; ++v) sum[v] = F32x4{0.0f, 0.0f, 0.0f, 0.0f};
  for (int32_t ky = 0; ky < down; ++ky) {
    if (!rows[ky * dilation]) continue;
    const float* x = rows[ky * dilation] + offset;
    for (int32_t kx = 0; kx < across; ++kx, x += step) BURIN_UNROLL
    for (int32_t v = 0; v < kVectors; ++v) sum[v] += load_f32x4(x + 4 * v);
  }
  BURIN_UNROLL
  for (int32_t v = 0; v < kVectors; ++v) store_f32x4(y + 4 * v, sum[v] * scale);
}

/// n rows of output, as average_pool_f32_ref. At least four channels.
BURIN_SHARED void average_pool_f32_mve(const PoolShape& s, const float* const* rows, int32_t n, float* y) {
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox, y += s.c) {
      const int32_t left = ox * s.sw - s.pl;
      int32_t first = 0, last = s.kw, down = 0;  // columns and rows inside the image
      while (first < s.kw && left + first * s.dw < 0) ++first;
      while (last > first && left + (last - 1) * s.dw >= s.iw) --last;
      const float* const* const from = rows + oy * s.sh;
      for (int32_t ky = 0; ky < s.kh; ++ky) down += from[ky * s.dh] ? 1 : 0;
      const int32_t cells = down * (last - first), count = s.include_pad ? s.kh * s.kw : cells;
      const float scale = cells == 0 ? 0.0f : 1.0f / float(count);
      const int32_t offset = (left + first * s.dw) * s.c, across = last - first, step = s.dw * s.c;
      int32_t c = 0;
      for (; c + 16 <= s.c; c += 16) mve_f32_mean<4>(from, s.kh, s.dh, offset + c, across, step, scale, y + c);
      for (; c < s.c; c += 4) {
        const int32_t at = c + 4 <= s.c ? c : s.c - 4;  // the last channels, some of them once more
        mve_f32_mean<1>(from, s.kh, s.dh, offset + at, across, step, scale, y + at);
      }
    }
}

}  // namespace burin
