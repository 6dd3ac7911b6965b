// pool_rows.h of int8 and uint8 for cores with Helium: sixteen channels are summed together.
#pragma once
#include "runtime-min/kernels/pool_mve.h"
#include "runtime-min/kernels/pool_rows.h"

namespace burin {

/// Sums in `scratch`: blocks of sixteen, the last of which may have channels of the one before once more.
BURIN_INLINE constexpr int32_t pool_rows_q8_mve_sums(const PoolShape& s) { return s.ow * ((s.c + 15) / 16 * 16); }

/// As average_pool_rows_q8_ref. At least 16 channels.
template <class X, class Y>
BURIN_INLINE void average_pool_rows_q8_mve(const PoolShape& s, const Requant& q, int32_t x_zero, int32_t sets,
                                           const int32_t* counts, const X* const* rows, int32_t n, int32_t first,
                                           const int32_t* params, Y* y, void* scratch) {
  int32_t* sums = static_cast<int32_t*>(scratch);
  for (int32_t ox = 0; ox < s.ow; ++ox, y += s.c) {
    int32_t pixel = 0;
    const int32_t across = pool_columns(s, ox, pixel), cells = across * s.ih;
    const int32_t* const p = pool_params(q, sets, counts, params, cells);
    for (int32_t block = 0; block < s.c; block += 16, sums += 16) {
      const int32_t c = block + 16 <= s.c ? block : s.c - 16;
      if (first == 0)
        for (int32_t i = 0; i < 16; i += 4) sums[i] = sums[i + 1] = sums[i + 2] = sums[i + 3] = 0;
      if (across > 0)
        for (int32_t r = 0; r < n; ++r) mve_sum_pixels(sums, rows[r] + pixel * s.c + c, s.dw * s.c, across);
      if (first + n != s.ih) continue;
      for (int32_t i = 0; i < 16; ++i) {
        y[c + i] = Y(requantize(q, p, sums[i] - cells * x_zero));
#if defined(__ARM_FEATURE_MVE) && !defined(__clang__)
        __asm__ volatile("");  // no vectors of gcc's own
#endif
      }
    }
  }
}

}  // namespace burin
