// Two quantized operands for cores with Helium.
//
// Sums, of one shape: RequantAddKind::linear, sixteen elements at a time.
// VQDMULH of x * 2^23 and a multiplier is floor(x * multiplier / 2^8), which is what SMLAW makes of 256 * x: what is
// proven of the scalar sequence holds here. A shift of 17 to 22 is done by two narrowing ones, of 16 and of the rest.
// The second one rounds, which the constant makes up for: binutils 2.40 assembles VQSHRN as VQRSHRN.
#pragma once
#include "runtime-min/kernels/binary.h"
#include "runtime-min/kernels/mve.h"

namespace burin {

/// y may be the memory of an operand.
template <class A, class B, class Y>
BURIN_INLINE void add_q8_mve(int32_t n, const RequantAdd& q, const A* a, const B* b, Y* y) {
#if BURIN_MVE
  if (__builtin_constant_p(q.shift) && __builtin_constant_p(q.lo) && __builtin_constant_p(q.hi) && n >= 16) {
// Bytes of q0 and q1 that `half` (b: even ones, t: odd ones) names become 16-bit results in `to`.
// clang-format off
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
    // clang-format on
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
        ".endif\n\t" BURIN_MVE_ADD("b", "q2", "q3", "q4", "q5")
            BURIN_MVE_ADD("t", "q3", "q4", "q5", "q0") ".if %c[u8]\n\t"
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
        : [n] "r"(n / 16), [ma] "r"(q.x_multiplier), [mb] "r"(q.y_multiplier),
          [c] "r"(int32_t(q.offset) - (1 << (q.shift - 1))), [lo] "r"(lanes), [hi] "r"(top), [shift] "i"(q.shift - 16),
          [flip_a] "i"(A(-1) > A(0)), [flip_b] "i"(B(-1) > B(0)), [u8] "i"(Y(-1) > Y(0)),
          [low] "i"(q.lo > (Y(-1) < Y(0) ? -128 : 0)), [high] "i"(q.hi < (Y(-1) < Y(0) ? 127 : 255))
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

/// Calls f(n, a, b, y) for each run of elements; rank 1 or 2, the last axis without broadcasting.
template <class A, class B, class Y, class F>
BURIN_INLINE void each_run(const BinaryShape& s, const A* a, const B* b, Y* y, F f) {
  const int32_t last = s.rank - 1, runs = s.rank == 2 ? s.extent[0] : 1;
  for (int32_t i = 0; i < runs; ++i) f(s.extent[last], a + i * s.a[0], b + i * s.b[0], y + i * s.extent[last]);
}

/// Products, as mul_q8 with RequantKind::vector: eight elements at a time, even and odd ones apart.
template <class A, class B, class Y>
BURIN_INLINE void mul_q8_mve(const BinaryShape& s, const Requant& q, int32_t a_zero, int32_t b_zero,
                             const int32_t* params, const A* x0, const B* x1, Y* y0) {
  const int32_t p0 = params[0], multiplier = params[1];
  each_run(
      s, x0, x1, y0,
      [&q, a_zero, b_zero, p0, multiplier ](int32_t n, const A* a, const B* b, Y* y) __attribute__((always_inline)) {
#if BURIN_MVE
        if (BURIN_MVE_KNOWN(q) && n >= 8) {
          __asm__ volatile(
              "dls lr, %[n]\n\t"
              "mov r12, %[unit]\n\t"
              "vdup.32 q7, r12\n"
              "1:\n\t"
              ".if %c[ua]\n\tvldrb.u16 q0, [%[a]], #8\n\t.else\n\tvldrb.s16 q0, [%[a]], #8\n\t.endif\n\t"
              "vsub.i16 q0, q0, %[az]\n\t"
              ".if %c[ub]\n\tvldrb.u16 q1, [%[b]], #8\n\t.else\n\tvldrb.s16 q1, [%[b]], #8\n\t.endif\n\t"
              "vsub.i16 q1, q1, %[bz]\n\t"
              "vmullb.s16 q2, q0, q1\n\t"
              "vmullt.s16 q3, q0, q1\n\t"
              "vmlas.s32 q2, q7, %[p0]\n\t"
              "vmlas.s32 q3, q7, %[p0]\n\t"
              "vqdmulh.s32 q0, q2, %[m]\n\t"
              "vqdmulh.s32 q1, q3, %[m]\n\t" BURIN_MVE_NARROW_BY(
                  "r12", "mov r12, %[lo]\n\tvdup.16 q1, r12\n\tvmax.s16 q0, q0, q1\n\t") "vstrb.16 q0, [%[y]], #8\n\t"
                                                                                         "le lr, 1b\n"
              : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y)
              : [n] "r"(n / 8), [az] "r"(a_zero), [bz] "r"(b_zero), [p0] "r"(p0), [m] "r"(multiplier),
                [ua] "i"(A(-1) > A(0)), [ub] "i"(B(-1) > B(0)), BURIN_MVE_OPERANDS(q, Y)
              : "q0", "q1", "q2", "q3", "q7", "r12", "lr", "memory");
          n %= 8;
        }
#endif
        for (int32_t i = 0; i < n; ++i) {
          const uint32_t product = uint32_t((int32_t(a[i]) - a_zero) * (int32_t(b[i]) - b_zero));
          y[i] = Y(requantize_vector(q, int32_t(product * uint32_t(q.offset) + uint32_t(p0)), multiplier));
#if defined(__ARM_FEATURE_MVE) && !defined(__clang__)
          __asm__ volatile("");  // no vectors of gcc's own
#endif
        }
      });
}

/// Minimum or maximum, as extreme_q8: sixteen elements at a time, tables by gathering loads.
template <class F, class A, class B, class Y>
BURIN_INLINE void extreme_q8_mve(const BinaryShape& s, const uint8_t* a_table, const uint8_t* b_table, const A* x0,
                                 const B* x1, Y* y0) {
  each_run(
      s, x0, x1, y0, [ a_table, b_table ](int32_t n, const A* a, const B* b, Y* y) __attribute__((always_inline)) {
#if BURIN_MVE
        if (n <= 0) return;
// clang-format off
#define BURIN_MVE_EXTREME(op, ta, tb)                                                                                  \
  __asm__ volatile("dlstp.8 lr, %[n]\n"                                                                                \
                   "1: vldrb.u8 q0, [%[a]], #16\n\t" ta "vldrb.u8 q1, [%[b]], #16\n\t" tb                              \
                   ".if %c[u8]\n\t" op ".u8 q0, q0, q1\n\t.else\n\t" op ".s8 q0, q0, q1\n\t.endif\n\t"                 \
                   "vstrb.8 q0, [%[y]], #16\n\t"                                                                       \
                   "letp lr, 1b\n"                                                                                     \
                   : [a] "+r"(a), [b] "+r"(b), [y] "+r"(y)                                                             \
                   : [n] "r"(n), [at] "r"(a_table), [bt] "r"(b_table), [u8] "i"(Y(-1) > Y(0))                          \
                   : "q0", "q1", "q2", "lr", "memory")
// clang-format on
#define BURIN_MVE_EXTREME_OF(op)                                                                                       \
  if (a_table && b_table) BURIN_MVE_EXTREME(op, BURIN_MVE_LOOK("q0", "at"), BURIN_MVE_LOOK("q1", "bt"));               \
  else if (a_table) BURIN_MVE_EXTREME(op, BURIN_MVE_LOOK("q0", "at"), "");                                             \
  else if (b_table) BURIN_MVE_EXTREME(op, "", BURIN_MVE_LOOK("q1", "bt"));                                             \
  else BURIN_MVE_EXTREME(op, "", "")
// A gathering load must not overwrite its offsets.
#define BURIN_MVE_LOOK(q, table) "vldrb.u8 q2, [%[" table "], " q "]\n\tvmov " q ", q2\n\t"
        if (F::eval(Y(0), Y(1)) == Y(0)) {
          BURIN_MVE_EXTREME_OF("vmin");
        } else {
          BURIN_MVE_EXTREME_OF("vmax");
        }
#undef BURIN_MVE_LOOK
#undef BURIN_MVE_EXTREME_OF
#undef BURIN_MVE_EXTREME
#else
        for (int32_t i = 0; i < n; ++i) {
          const Y u = a_table ? Y(a_table[uint8_t(a[i])]) : Y(a[i]), v = b_table ? Y(b_table[uint8_t(b[i])]) : Y(b[i]);
          y[i] = F::eval(u, v);
        }
#endif
      });
}

}  // namespace burin
