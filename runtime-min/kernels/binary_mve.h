// Sums of quantized operands of one shape for cores with Helium: RequantAddKind::linear, sixteen elements at a time.
//
// VQDMULH of x * 2^23 and a multiplier is floor(x * multiplier / 2^8), which is what SMLAW makes of 256 * x: what is
// proven of the scalar sequence holds here. A shift of 17 to 22 is done by two narrowing ones, of 16 and of the rest. The
// second one rounds, which the constant makes up for: binutils 2.40 assembles VQSHRN as VQRSHRN.
#pragma once
#include "runtime-min/kernels/binary.h"

namespace burin {

/// y may be the memory of an operand.
template <class A, class B, class Y>
BURIN_INLINE void add_q8_mve(int32_t n, const RequantAdd& q, const A* a, const B* b, Y* y) {
#if BURIN_MVE
  if (__builtin_constant_p(q.shift) && __builtin_constant_p(q.lo) && __builtin_constant_p(q.hi) && n >= 16) {
// Bytes of q0 and q1 that `half` (b: even ones, t: odd ones) names become 16-bit results in `to`.
#define BURIN_MVE_ADD(half, to, s0, s1, s2)                                                                            \
  "vshll" half ".s8 " s0 ", q0, #7\n\t"                                                                                \
  "vshll" half ".s8 " s1 ", q1, #7\n\t"                                                                                \
  "vshllb.s16 " to ", " s0 ", #16\n\t"                                                                                 \
  "vshllt.s16 " s0 ", " s0 ", #16\n\t"                                                                                 \
  "vqdmulh.s32 " to ", " to ", %[ma]\n\t"                                                                              \
  "vshllb.s16 " s2 ", " s1 ", #16\n\t"                                                                                 \
  "vqdmulh.s32 " s0 ", " s0 ", %[ma]\n\t"                                                                              \
  "vshllt.s16 " s1 ", " s1 ", #16\n\t"                                                                                 \
  "vqdmlah.s32 " to ", " s2 ", %[mb]\n\t"                                                                              \
  "vqdmlah.s32 " s0 ", " s1 ", %[mb]\n\t"                                                                              \
  "vadd.i32 " to ", " to ", %[c]\n\t"                                                                                  \
  "vadd.i32 " s0 ", " s0 ", %[c]\n\t"                                                                                  \
  "vshrnb.i32 " to ", " to ", #16\n\t"                                                                                \
  "vshrnt.i32 " to ", " s0 ", #16\n\t"
    const int32_t lanes = Y(-1) < Y(0) ? q.lo & 0xFF : q.lo, top = q.hi & 0xFF;
    __asm__ volatile(
        "dls lr, %[n]\n\t"
        "vdup.8 q6, %[lo]\n\t"
        "vdup.8 q7, %[hi]\n"
        "1:\n\t"
        "vldrb.u8 q0, [%[a]], #16\n\t"
        "vldrb.u8 q1, [%[b]], #16\n\t"
        ".if %c[flip_a]\n\t"
        "vmov.i8 q2, #0x80\n\t"
        "veor q0, q0, q2\n\t"
        ".endif\n\t"
        ".if %c[flip_b]\n\t"
        "vmov.i8 q2, #0x80\n\t"
        "veor q1, q1, q2\n\t"
        ".endif\n\t" BURIN_MVE_ADD("b", "q2", "q3", "q4", "q5") BURIN_MVE_ADD("t", "q3", "q4", "q5", "q0")
        ".if %c[u8]\n\t"
        "vqrshrunb.s16 q2, q2, %[shift]\n\t"
        "vqrshrunt.s16 q2, q3, %[shift]\n\t"
        ".if %c[low]\n\t"
        "vmax.u8 q2, q2, q6\n\t"
        ".endif\n\t"
        ".if %c[high]\n\t"
        "vmin.u8 q2, q2, q7\n\t"
        ".endif\n\t"
        ".else\n\t"
        "vqrshrnb.s16 q2, q2, %[shift]\n\t"
        "vqrshrnt.s16 q2, q3, %[shift]\n\t"
        ".if %c[low]\n\t"
        "vmax.s8 q2, q2, q6\n\t"
        ".endif\n\t"
        ".if %c[high]\n\t"
        "vmin.s8 q2, q2, q7\n\t"
        ".endif\n\t"
        ".endif\n\t"
        "vstrb.8 q2, [%[y]], #16\n\t"
        "le lr, 1b\n"
        : [a] "+r"(a), [b] "+r"(b), [y] "+r"(y)
        : [n] "r"(n / 16), [ma] "r"(q.x_multiplier), [mb] "r"(q.y_multiplier), [c] "r"(int32_t(q.offset) - (1 << (q.shift - 1))), [lo] "r"(lanes),
          [hi] "r"(top), [shift] "i"(q.shift - 16), [flip_a] "i"(A(-1) > A(0)), [flip_b] "i"(B(-1) > B(0)),
          [u8] "i"(Y(-1) > Y(0)), [low] "i"(q.lo > (Y(-1) < Y(0) ? -128 : 0)), [high] "i"(q.hi < (Y(-1) < Y(0) ? 127 : 255))
        : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "lr", "memory");
#undef BURIN_MVE_ADD
    n %= 16;
  }
#endif
  for (int32_t i = 0; i < n; ++i) {
    y[i] = Y(requantize_add(q, a[i], b[i]));
#if defined(__ARM_FEATURE_MVE) && !defined(__clang__)
    __asm__ volatile("");  // no vectors of gcc's own
#endif
  }
}

}  // namespace burin
