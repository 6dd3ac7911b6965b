// pool_rows.h of int8 and uint8 for cores with DSP: four channels at a time, summed in the halves of two words.
#pragma once
#include "runtime-min/kernels/hs.h"
#include "runtime-min/kernels/pool_rows.h"

namespace burin {

/// Sums of a window's row are sure to fit 16 bits.
BURIN_INLINE constexpr bool pool_row_fits_halves(const PoolShape& s) { return s.kw <= 255; }

/// As average_pool_rows_q8_ref, for channels that are a multiple of four and windows for which pool_row_fits_halves.
template <class X, class Y>
BURIN_INLINE void average_pool_rows_q8_dsp(const PoolShape& s, const Requant& q, int32_t x_zero, int32_t sets,
                                           const int32_t* counts, const X* const* rows, int32_t n, int32_t first,
                                           const int32_t* params, Y* y, void* scratch) {
  const int32_t zero = X(-1) > X(0) ? x_zero - 128 : x_zero;
  int32_t* sums = static_cast<int32_t*>(scratch);
  for (int32_t ox = 0; ox < s.ow; ++ox) {
    int32_t pixel = 0;
    const int32_t across = pool_columns(s, ox, pixel), cells = across * s.ih;
    const int32_t together = across > 0 ? 255 / across : n;  // rows that the halves hold
    const int32_t* const p = pool_params(q, sets, counts, params, cells);
    for (int32_t c = 0; c < s.c; c += 4, sums += 4, y += 4) {
      int32_t acc[4];
      BURIN_UNROLL
      for (int32_t k = 0; k < 4; ++k) acc[k] = first == 0 ? -cells * zero : sums[k];
      for (int32_t r = 0; r < n;) {
        const int32_t end = n - r < together ? n : r + together;
        uint32_t even = 0, odd = 0;
        for (; r < end; ++r) {
          const X* x = rows[r] + pixel * s.c + c;
          for (int32_t kx = 0; kx < across; ++kx, x += s.dw * s.c) {
            const uint32_t v = hs_bytes(x);
            even = sxtab16(even, v);
            odd = sxtab16_ror8(odd, v);
          }
        }
        acc[0] += int16_t(even), acc[1] += int16_t(odd);
        acc[2] += int32_t(even) >> 16, acc[3] += int32_t(odd) >> 16;
      }
      if (first + n == s.ih) {
        BURIN_UNROLL
        for (int32_t k = 0; k < 4; ++k) y[k] = Y(requantize(q, p, acc[k]));
      } else {
        BURIN_UNROLL
        for (int32_t k = 0; k < 4; ++k) sums[k] = acc[k];
      }
    }
  }
}

}  // namespace burin
