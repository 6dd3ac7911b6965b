// Average pools on int8 and uint8 for cores with Helium: the cells of sixteen channels are summed together.
#pragma once
#include "runtime-min/kernels/pool.h"

namespace burin {

/// sums[0..15] += `count` pixels of 16 channels, `step` bytes apart.
template <class X>
BURIN_INLINE void mve_sum_pixels(int32_t* sums, const X* x, int32_t step, int32_t count) {
#if BURIN_MVE
// clang-format off
#define BURIN_MVE_SUM(type)                                                                                            \
  __asm__ volatile(                                                                                                    \
      "vldrw.u32 q0, [%[sums]]\n\t"                                                                                    \
      "vldrw.u32 q1, [%[sums], #16]\n\t"                                                                               \
      "vldrw.u32 q2, [%[sums], #32]\n\t"                                                                               \
      "vldrw.u32 q3, [%[sums], #48]\n\t"                                                                               \
      "dls lr, %[count]\n"                                                                                             \
      "1:\n\t"                                                                                                         \
      "vldrb." type " q4, [%[x]]\n\t"                                                                                  \
      "vldrb." type " q5, [%[x], #4]\n\t"                                                                              \
      "vadd.i32 q0, q0, q4\n\t"                                                                                        \
      "vldrb." type " q6, [%[x], #8]\n\t"                                                                              \
      "vadd.i32 q1, q1, q5\n\t"                                                                                        \
      "vldrb." type " q7, [%[x], #12]\n\t"                                                                             \
      "vadd.i32 q2, q2, q6\n\t"                                                                                        \
      "add %[x], %[x], %[step]\n\t"                                                                                    \
      "vadd.i32 q3, q3, q7\n\t"                                                                                        \
      "le lr, 1b\n\t"                                                                                                  \
      "vstrw.32 q0, [%[sums]]\n\t"                                                                                     \
      "vstrw.32 q1, [%[sums], #16]\n\t"                                                                                \
      "vstrw.32 q2, [%[sums], #32]\n\t"                                                                                \
      "vstrw.32 q3, [%[sums], #48]\n"                                                                                  \
      : [x] "+l"(x)                                                                                                    \
      : [sums] "r"(sums), [step] "r"(step), [count] "r"(count)                                                         \
      : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "lr", "memory")
  // clang-format on
  if (X(-1) < X(0)) BURIN_MVE_SUM("s32");
  else BURIN_MVE_SUM("u32");
#undef BURIN_MVE_SUM
#else
  for (int32_t p = 0; p < count; ++p)
    for (int32_t c = 0; c < 16; ++c) sums[c] += x[p * step + c];
#endif
}

/// n rows of output, as average_pool_q8_ref. At least 16 channels.
template <class X, class Y>
BURIN_INLINE void average_pool_q8_mve(const PoolShape& s, const Requant& q, int32_t x_zero, int32_t sets,
                                      const int32_t* counts, const X* const* rows, int32_t n, const int32_t* params,
                                      Y* y) {
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox, y += s.c) {
      // Cells inside the image: first..last of the window's columns.
      const int32_t left = ox * s.sw - s.pl;
      int32_t first = 0, last = s.kw;
      while (first < s.kw && left + first * s.dw < 0) ++first;
      while (last > first && left + (last - 1) * s.dw >= s.iw) --last;
      for (int32_t block = 0; block < s.c; block += 16) {
        const int32_t c = block + 16 <= s.c ? block : s.c - 16;  // the last channels, some of them once more
        alignas(16) int32_t sums[16];
        for (int32_t i = 0; i < 16; i += 4) sums[i] = sums[i + 1] = sums[i + 2] = sums[i + 3] = 0;
        int32_t cells = 0, set = 0;
        for (int32_t ky = 0; ky < s.kh; ++ky) {
          const X* row = rows[oy * s.sh + ky * s.dh];
          if (!row || first == last) continue;
          mve_sum_pixels(sums, row + (left + first * s.dw) * s.c + c, s.dw * s.c, last - first);
          cells += last - first;
        }
        while (set + 1 < sets && counts[set] < cells) ++set;
        for (int32_t i = 0; i < 16; ++i) {
          y[c + i] = Y(requantize(q, params + set * words_per_channel(q.kind), sums[i] - cells * x_zero));
#if defined(__ARM_FEATURE_MVE) && !defined(__clang__)
          __asm__ volatile("");  // no vectors of gcc's own
#endif
        }
      }
    }
}

}  // namespace burin
