// Fully connected layers in float32 for cores with Helium's float vectors: sixteen outputs at a time, each weight read
// once. Sixteen weights and their products alternate, so that both take the cycles of one. See conv_f32_mve.h.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/conv_f32_mve.h"

namespace burin {

#if BURIN_MVE_FLOAT
// clang-format off
#define BURIN_MVE_F32_TAP16(x)                                                                              \
  "vldrw.u32 q5, [%[w], #16]\n\tvfma.f32 q0, q4, " x "\n\tvldrw.u32 q6, [%[w], #32]\n\tvfma.f32 q1, q5, " x \
  "\n\tvldrw.u32 q7, [%[w], #48]\n\tvfma.f32 q2, q6, " x "\n\t"
// clang-format on
#define BURIN_MVE_F32_TAP16_ON(x) BURIN_MVE_F32_TAP16(x) "vldrw.u32 q4, [%[w], #64]!\n\tvfma.f32 q3, q7, " x "\n\t"
#define BURIN_MVE_F32_TAP16_LAST(x) BURIN_MVE_F32_TAP16(x) "adds %[w], %[w], #64\n\tvfma.f32 q3, q7, " x "\n\t"
#endif

/// n rows of s.ow pixels each. Weights: outputs in sixteens as [tap][16], what is left over in fours as [tap][4], the
/// last ones as [tap][count] with zeros behind, up to a whole vector; the bias ends with a whole vector.
BURIN_SHARED void dense_f32_mve(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                                const float* weights, const float* biases, float* y, void* scratch) {
  (void)n, (void)scratch;  // one row
  const int32_t least = mve_f32_least(lo, hi), taps = s.ic;
  for (int32_t pixel = 0; pixel < s.ow; ++pixel) {
    const float *w = weights, *bias = biases;
    float* to = y + pixel * s.oc;
    const float* const x = rows[0] + pixel * taps;
    int32_t left = s.oc;
#if BURIN_MVE_FLOAT
    for (; left >= 16; left -= 16) {
      const float* from = x;
      uint32_t a, b;
      __asm__ volatile(
          "vldrw.u32 q4, [%[w]]\n\t"
          "vldrw.u32 q0, [%[bias]], #16\n\t"
          "vldrw.u32 q1, [%[bias]], #16\n\t"
          "vldrw.u32 q2, [%[bias]], #16\n\t"
          "vldrw.u32 q3, [%[bias]], #16\n\t"
          "wls lr, %[fours], 2f\n"
          "1:\n\t"
          "ldrd %[a], %[b], [%[from]], #8\n\t" BURIN_MVE_F32_TAP16_ON("%[a]")
          BURIN_MVE_F32_TAP16_ON("%[b]")
          "ldrd %[a], %[b], [%[from]], #8\n\t" BURIN_MVE_F32_TAP16_ON("%[a]")
          BURIN_MVE_F32_TAP16_ON("%[b]")
          "le lr, 1b\n"
          "2:\n\t"
          "wls lr, %[ones], 4f\n"
          "3:\n\t"
          "ldr %[a], [%[from]], #4\n\t" BURIN_MVE_F32_TAP16_ON("%[a]")
          "le lr, 3b\n"
          "4:\n\t"
          "ldr %[a], [%[from]]\n\t" BURIN_MVE_F32_TAP16_LAST("%[a]")
          "vdup.32 q4, %[least]\n\t"
          "vmax.s32 q0, q0, q4\n\t"
          "vmax.s32 q1, q1, q4\n\t"
          "vstrw.32 q0, [%[to]], #16\n\t"
          "vmax.s32 q2, q2, q4\n\t"
          "vstrw.32 q1, [%[to]], #16\n\t"
          "vmax.s32 q3, q3, q4\n\t"
          "vstrw.32 q2, [%[to]], #16\n\t"
          "vstrw.32 q3, [%[to]], #16\n\t"
          : [w] "+r"(w), [bias] "+r"(bias), [from] "+r"(from), [to] "+r"(to), [a] "=&r"(a), [b] "=&r"(b)
          : [fours] "r"((taps - 1) / 4), [ones] "r"((taps - 1) % 4), [least] "r"(least)
          : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "lr", "cc", "memory");
    }
    for (; left > 0; left -= 4) {
      const int32_t count = left < 4 ? left : 4;
      const float* from = x;
      uint32_t a, b;
      __asm__ volatile(  // taps go to four sums in turn
          "vldrw.u32 q0, [%[bias]], #16\n\t"
          "vmov.i32 q1, #0\n\t"
          "vmov q2, q1\n\t"
          "vmov q3, q1\n\t"
          "wls lr, %[fours], 2f\n"
          "1:\n\t"
          "vldrw.u32 q4, [%[w]]\n\t"
          "add %[w], %[w], %[step]\n\t"
          "ldrd %[a], %[b], [%[from]], #8\n\t"
          "vldrw.u32 q5, [%[w]]\n\t"
          "add %[w], %[w], %[step]\n\t"
          "vfma.f32 q0, q4, %[a]\n\t"
          "vldrw.u32 q6, [%[w]]\n\t"
          "add %[w], %[w], %[step]\n\t"
          "vfma.f32 q1, q5, %[b]\n\t"
          "ldrd %[a], %[b], [%[from]], #8\n\t"
          "vldrw.u32 q7, [%[w]]\n\t"
          "add %[w], %[w], %[step]\n\t"
          "vfma.f32 q2, q6, %[a]\n\t"
          "vfma.f32 q3, q7, %[b]\n\t"
          "le lr, 1b\n"
          "2:\n\t"
          "wls lr, %[ones], 4f\n"
          "3:\n\t"
          "vldrw.u32 q4, [%[w]]\n\t"
          "ldr %[a], [%[from]], #4\n\t"
          "add %[w], %[w], %[step]\n\t"
          "vfma.f32 q0, q4, %[a]\n\t"
          "le lr, 3b\n"
          "4:\n\t"
          "vadd.f32 q0, q0, q1\n\t"
          "vdup.32 q4, %[least]\n\t"
          "vadd.f32 q2, q2, q3\n\t"
          "lsrs %[a], %[step], #2\n\t"
          "vctp.32 %[a]\n\t"
          "vadd.f32 q0, q0, q2\n\t"
          "vmax.s32 q0, q0, q4\n\t"
          "vpst\n\t"
          "vstrwt.32 q0, [%[to]], #16\n\t"
          : [w] "+r"(w), [bias] "+r"(bias), [from] "+r"(from), [to] "+r"(to), [a] "=&r"(a), [b] "=&r"(b)
          : [fours] "r"(taps / 4), [ones] "r"(taps % 4), [least] "r"(least), [step] "r"(count * 4)
          : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "lr", "cc", "memory");
    }
#else
    while (left > 0) {
      const int32_t count = left >= 16 ? 16 : left >= 4 ? 4 : left;
      float acc[16];
      for (int32_t f = 0; f < count; ++f) acc[f] = bias[f];
      for (int32_t i = 0; i < taps; ++i, w += count)
        for (int32_t f = 0; f < count; ++f) acc[f] += w[f] * x[i];
      for (int32_t f = 0; f < count; ++f) *to++ = mve_f32_result(acc[f], least);
      bias += count, left -= count;
    }
#endif
  }
  mve_f32_clamp(lo, hi, y, s.ow * s.oc);
}

}  // namespace burin
