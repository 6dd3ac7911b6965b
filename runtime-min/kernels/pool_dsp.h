// Average pools of int8 and uint8 for cores with DSP: four channels at a time, summed in the halves of two words.
#pragma once
#include "runtime-min/kernels/hs.h"
#include "runtime-min/kernels/pool.h"

namespace burin {

/// Sums of a window are sure to fit 16 bits.
BURIN_INLINE constexpr bool pool_fits_halves(const PoolShape& s) { return s.kh * s.kw <= 255; }

/// As average_pool_q8_ref, for channels that are a multiple of four and windows for which pool_fits_halves.
template <class X, class Y>
BURIN_INLINE void average_pool_q8_dsp(const PoolShape& s, const Requant& q, int32_t x_zero, int32_t sets,
                                      const int32_t* counts, const X* const* rows, int32_t n, const int32_t* params,
                                      Y* y) {
  const int32_t zero = X(-1) > X(0) ? x_zero - 128 : x_zero;
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox)
      for (int32_t c = 0; c < s.c; c += 4, y += 4) {
        uint32_t even = 0, odd = 0;
        const int32_t cells = each_cell(
            s, rows, oy, ox, [&even, &odd, c ](const X* x) __attribute__((always_inline)) {
              const uint32_t v = hs_bytes(x + c);
              even = sxtab16(even, v);
              odd = sxtab16_ror8(odd, v);
            });
        int32_t set = 0;
        while (set + 1 < sets && counts[set] < cells) ++set;
        const int32_t* const p = params + set * words_per_channel(q.kind);
        const int32_t zeros = cells * zero;
        const int32_t sums[4] = {int16_t(even), int16_t(odd), int32_t(even) >> 16, int32_t(odd) >> 16};
        BURIN_UNROLL
        for (int32_t k = 0; k < 4; ++k) y[k] = Y(requantize(q, p, sums[k] - zeros));
      }
}

}  // namespace burin
