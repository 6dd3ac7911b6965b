// Fully connected layers in float32 for cores with a single-precision FPU: eight outputs at a time, so that weights
// come by VLDM of 16. See conv_f32_fpu.h for kFused and the clamp.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/conv_f32_fpu.h"

namespace burin {

#if BURIN_FPU
// One tap of eight outputs with the sums s0...s7: weights s<p>...s<w>, which the products replace, and activation s<x>.
// clang-format off
#define BURIN_F32_SPLIT8(p, q, r, s, t, u, v, w, x)                                                                 \
  "vmul.f32 s" #p ", s" #p ", s" #x "\n\tvmul.f32 s" #q ", s" #q ", s" #x "\n\tvmul.f32 s" #r ", s" #r ", s" #x     \
  "\n\tvmul.f32 s" #s ", s" #s ", s" #x "\n\tvmul.f32 s" #t ", s" #t ", s" #x "\n\tvmul.f32 s" #u ", s" #u ", s" #x \
  "\n\tvmul.f32 s" #v ", s" #v ", s" #x "\n\tvmul.f32 s" #w ", s" #w ", s" #x "\n\tvadd.f32 s0, s0, s" #p           \
  "\n\tvadd.f32 s1, s1, s" #q "\n\tvadd.f32 s2, s2, s" #r "\n\tvadd.f32 s3, s3, s" #s "\n\tvadd.f32 s4, s4, s" #t   \
  "\n\tvadd.f32 s5, s5, s" #u "\n\tvadd.f32 s6, s6, s" #v "\n\tvadd.f32 s7, s7, s" #w "\n\t"
#define BURIN_F32_FUSED8(p, q, r, s, t, u, v, w, x)                                                  \
  "vfma.f32 s0, s" #p ", s" #x "\n\tvfma.f32 s1, s" #q ", s" #x "\n\tvfma.f32 s2, s" #r ", s" #x     \
  "\n\tvfma.f32 s3, s" #s ", s" #x "\n\tvfma.f32 s4, s" #t ", s" #x "\n\tvfma.f32 s5, s" #u ", s" #x \
  "\n\tvfma.f32 s6, s" #v ", s" #x "\n\tvfma.f32 s7, s" #w ", s" #x "\n\t"
#define BURIN_F32_TWO8(MAC, x0, x1) \
  "vldmia %[w]!, {s8-s23}\n\t" MAC(8, 9, 10, 11, 12, 13, 14, 15, x0) MAC(16, 17, 18, 19, 20, 21, 22, 23, x1)
#define BURIN_F32_EIGHT(MAC) \
  __asm__ volatile(                                                                                                    \
      "vldmia %[bias]!, {s0-s7}\n\t"                                                                                   \
      "asrs %[n], %[k], #3\n\tbeq 2f\n\t"                                                                              \
      "1:\n\tvldmia %[x]!, {s24-s31}\n\t"                                                                              \
      BURIN_F32_TWO8(MAC, 24, 25) BURIN_F32_TWO8(MAC, 26, 27) BURIN_F32_TWO8(MAC, 28, 29)                              \
      "subs %[n], %[n], #1\n\t" BURIN_F32_TWO8(MAC, 30, 31) "bne 1b\n\t"                                               \
      "2:\n\tands %[n], %[k], #7\n\tbeq 4f\n\t"                                                                        \
      "3:\n\tvldmia %[x]!, {s24}\n\tvldmia %[w]!, {s8-s15}\n\t"                                                        \
      MAC(8, 9, 10, 11, 12, 13, 14, 15, 24) "subs %[n], %[n], #1\n\tbne 3b\n\t"                                        \
      "4:\n\tvstmia %[y], {s0-s7}\n\t"                                                                                 \
      : [w] "+r"(w), [bias] "+r"(bias), [x] "+r"(from), [n] "=&r"(left)                                                \
      : [k] "r"(s.ic), [y] "r"(to)                                                                                     \
      : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16",   \
        "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31", "cc", \
        "memory")
// clang-format on
#endif

/// A 1x1 convolution, one pixel at a time. w: filters in eights as [k][8], what is left over as [k].
template <bool kFused = false>
BURIN_SHARED void dense_f32_fpu(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                                const float* weights, const float* biases, float* y, void* scratch) {
  (void)n, (void)scratch;  // one row
  const int32_t mask = relu_mask(lo, hi);
  const float* x = rows[0];
  for (int32_t pixel = 0; pixel < s.ow; ++pixel, x += s.ic) {
    const float *w = weights, *bias = biases;
    float* to = y + pixel * s.oc;
    float* const end = to + s.oc;
    for (; end - to >= 8; to += 8) {
#if BURIN_FPU
      const float* from = x;
      int32_t left;
      if (kFused) BURIN_F32_EIGHT(BURIN_F32_FUSED8);
      else BURIN_F32_EIGHT(BURIN_F32_SPLIT8);
#else
      for (int32_t f = 0; f < 8; ++f) to[f] = *bias++;
      for (int32_t i = 0; i < s.ic; ++i)
        for (int32_t f = 0; f < 8; ++f) to[f] = mac_f32<kFused>(to[f], *w++, x[i]);
#endif
      for (int32_t f = 0; f < 8; ++f) to[f] = relu_f32(to[f], mask);
    }
    for (; to < end; ++to) {
      float acc = *bias++;
      for (int32_t i = 0; i < s.ic; ++i) acc = mac_f32<kFused>(acc, *w++, x[i]);
      *to = relu_f32(acc, mask);
    }
  }
  clamp_f32(lo, hi, y, s.ow * s.oc);
}

}  // namespace burin
