// Sums, differences and products in float32 for cores with Helium's float vectors, four elements at a time. Helium
// takes numbers below 2^-126 for 0.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/binary.h"
#include "runtime-min/kernels/conv_f32_mve.h"

namespace burin {

/// The operators that there are.
template <class F>
struct MveF32Operation;
template <>
struct MveF32Operation<fn_add> {
  static constexpr char sign = '+';
};
template <>
struct MveF32Operation<fn_sub> {
  static constexpr char sign = '-';
};
template <>
struct MveF32Operation<fn_mul> {
  static constexpr char sign = '*';
};

/// y[i] = F(a[i * kA], b[i * kB]) limited to [lo, hi], n > 0 elements; kA and kB are 0 or 1, F is fn_add, fn_sub or
/// fn_mul. y may be the memory of an operand with step 1.
template <class F, int32_t kA, int32_t kB>
BURIN_INLINE void binary_f32_mve(int32_t n, float lo, float hi, const float* a, const float* b, float* y) {
#if BURIN_MVE_FLOAT
  const int32_t least = mve_f32_least(lo, hi);
  float* to = y;
// clang-format off
#define BURIN_MVE_F32_BINARY(name, load_a, load_b)                           \
  __asm__ volatile(                                                          \
      "vdup.32 q2, %[least]\n\t"                                             \
      "vdup.32 q0, %[first_a]\n\t"                                           \
      "vdup.32 q1, %[first_b]\n\t"                                           \
      "dlstp.32 lr, %[n]\n"                                                  \
      "1:\n\t" load_a load_b name                                            \
      ".f32 q3, q0, q1\n\t"                                                  \
      "vmax.s32 q3, q3, q2\n\t"                                              \
      "vstrw.32 q3, [%[y]], #16\n\t"                                         \
      "letp lr, 1b\n"                                                        \
      : [a] "+r"(a), [b] "+r"(b), [y] "+r"(to)                               \
      : [n] "r"(n), [least] "r"(least), [first_a] "r"(*a), [first_b] "r"(*b) \
      : "q0", "q1", "q2", "q3", "lr", "memory")
#define BURIN_MVE_F32_STEPS(name)                                                                   \
  do {                                                                                              \
    if (kA && kB)                                                                                   \
      BURIN_MVE_F32_BINARY(name, "vldrw.u32 q0, [%[a]], #16\n\t", "vldrw.u32 q1, [%[b]], #16\n\t"); \
    else if (kA)                                                                                    \
      BURIN_MVE_F32_BINARY(name, "vldrw.u32 q0, [%[a]], #16\n\t", "");                              \
    else                                                                                            \
      BURIN_MVE_F32_BINARY(name, "", "vldrw.u32 q1, [%[b]], #16\n\t");                              \
  } while (0)
  // clang-format on
  if (MveF32Operation<F>::sign == '+') BURIN_MVE_F32_STEPS("vadd");
  else if (MveF32Operation<F>::sign == '-') BURIN_MVE_F32_STEPS("vsub");
  else BURIN_MVE_F32_STEPS("vmul");
#undef BURIN_MVE_F32_BINARY
#undef BURIN_MVE_F32_STEPS
  mve_f32_clamp(lo, hi, y, n);
#else
  for (int32_t i = 0; i < n; ++i) {
    const float v = F::eval(a[i * kA], b[i * kB]);
    y[i] = v < lo ? lo : v > hi ? hi : v;
#if defined(__ARM_FEATURE_MVE) && !defined(__clang__)
    __asm__ volatile("");  // no vectors of gcc's own
#endif
  }
#endif
}

}  // namespace burin
