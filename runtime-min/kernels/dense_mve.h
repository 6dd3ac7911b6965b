// Fully connected layers on int8 and uint8 for cores with Helium: one pixel, eight filters together, so that each
// weight is read once. Requantization by RequantKind::vector.
//
// Weights: per eight filters [chunk][filter] vectors of 16 taps, zeros behind the last tap, then p0 of filters 0 2 4 6
// 1 3 5 7 and their multipliers; the other filters one by one: [chunk], {p0, multiplier}.
#pragma once
#include "runtime-min/kernels/conv_mve.h"

namespace burin {

/// Bytes of working memory: one pixel.
BURIN_INLINE constexpr int32_t dense_q8_mve_scratch(const ConvShape& s) { return 16 * mve_chunks(s.ic); }

/// `eights` * 8 filters at the pixel b.x[0].
template <class Y>
BURIN_INLINE void mve_eight_filters(const Requant& q, int32_t chunks, int32_t eights, const MveBlock& b) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(chunks)) {
// clang-format off
#define BURIN_MVE_DENSE_CHUNK(mac)                                                                                     \
  "vldrb.u8 q0, [r1], #16\n\t"                                                                                         \
  "vldrw.u32 q2, [r9], #16\n\t" mac " r0, q0, q1\n\t"                                                                  \
  "vldrw.u32 q3, [r9], #16\n\t" mac " r8, q0, q2\n\t"                                                                  \
  "vldrw.u32 q1, [r9], #16\n\t" mac " r2, q0, q3\n\t"                                                                  \
  "vldrw.u32 q2, [r9], #16\n\t" mac " r10, q0, q1\n\t"                                                                 \
  "vldrw.u32 q3, [r9], #16\n\t" mac " r4, q0, q2\n\t"                                                                  \
  "vldrw.u32 q1, [r9], #16\n\t" mac " r12, q0, q3\n\t"                                                                 \
  "vldrw.u32 q2, [r9], #16\n\t" mac " r6, q0, q1\n\t"                                                                  \
  "vldrw.u32 q1, [r9], #16\n\t" mac " lr, q0, q2\n\t"
    // clang-format on
    // q1 is loaded one ahead: after the last chunk it holds the first four p0.
    __asm__ volatile(
        "push {r7, r11}\n\t"
        "ldr r0, [%[b]]\n\t"
        "ldrd r8, r9, [%[b], #16]\n\t"
        "ldrd r10, r12, [%[b], #24]\n\t"
        "ldr r1, [%[b], #32]\n\t"
        "push {r0, r10, r12}\n\t"
        "pop {r3, r5, r7}\n\t"
        "vdup.16 q7, r1\n"
        "1:\n\t"
        "mov r1, r3\n\t"
        "vldrw.u32 q1, [r9], #16\n\t" BURIN_MVE_DENSE_CHUNK("vmladav.s8")
        ".rept %c[more]\n\t" BURIN_MVE_DENSE_CHUNK("vmladava.s8")
        ".endr\n\t" BURIN_MVE_LINES_128
        ".if %c[loops]\n\t"
        "mov r11, %[loops]\n"
        "2:\n\t" BURIN_MVE_DENSE_CHUNK("vmladava.s8") BURIN_MVE_DENSE_CHUNK("vmladava.s8")
        BURIN_MVE_DENSE_CHUNK("vmladava.s8") BURIN_MVE_DENSE_CHUNK("vmladava.s8")
        "subs r11, r11, #1\n\t"
        "bne 2b\n\t"
        ".endif\n\t"
        "vmov q0[2], q0[0], r0, r4\n\t"
        "vmov q0[3], q0[1], r2, r6\n\t"
        "vmov q2[2], q2[0], r8, r12\n\t"
        "vmov q2[3], q2[1], r10, lr\n\t"
        "mov r0, %[unit]\n\t"
        "vldrw.u32 q3, [r9], #16\n\t"
        "vmla.s32 q1, q0, r0\n\t"
        "vldrw.u32 q4, [r9], #16\n\t"
        "vmla.s32 q3, q2, r0\n\t"
        "vldrw.u32 q5, [r9], #16\n\t"
        "vqdmulh.s32 q0, q1, q4\n\t"
        "vqdmulh.s32 q1, q3, q5\n\t" BURIN_MVE_NARROW("vmax.s16 q0, q0, q7\n\t")
        "vstrb.16 q0, [r5], #8\n\t"
        "cmp r5, r7\n\t"
        "bne 1b\n\t"
        "pop {r7, r11}\n\t"
        :
        : [b] "r"(&b), [more] "i"(chunks <= 9 ? chunks - 1 : (chunks - 1) % 4),
          [loops] "i"(chunks <= 9 ? 0 : (chunks - 1) / 4), BURIN_MVE_OPERANDS(q, Y)
        : BURIN_MVE_CLOBBERS);
#undef BURIN_MVE_DENSE_CHUNK
    return;
  }
#endif
  const int8_t* w = static_cast<const int8_t*>(b.w);
  Y* y = static_cast<Y*>(b.y);
  for (int32_t i = 0; i < eights; ++i, w += chunks * 128 + 64)
    for (int32_t f = 0; f < 8; ++f) {
      int32_t sum = 0;
      for (int32_t k = 0; k < chunks * 16; ++k) sum += b.x[0][k] * w[k / 16 * 128 + f * 16 + k % 16];
      const int8_t* p = w + chunks * 128 + (f % 2 * 4 + f / 2) * 4;
      const uint32_t params[2] = {load32(p), load32(p + 32)};
      *y++ = mve_store<Y>(q, params, sum);
    }
}

/// n rows of s.ow pixels each, all filters; a pixel is ic activations.
template <class X, class Y>
BURIN_INLINE void dense_q8_mve(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                               const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)x_zero;
  (void)params;
  const int32_t chunks = mve_chunks(s.ic), eights = s.oc / 8;
  int8_t* const column = static_cast<int8_t*>(scratch);
  mve_fill(column, 0, chunks * 16);
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox, y += s.oc) {
      const int8_t* const x = mve_pixel(rows[oy], ox, s, column);
      if (eights > 0) {
        MveBlock b;
        b.x[0] = x;
        b.x[1] = b.x[2] = b.x[3] = nullptr;
        b.offsets = nullptr;
        b.w = w;
        b.y = y;
        b.end = y + eights * 8;
        b.lo = q.lo;
        mve_eight_filters<Y>(q, chunks, eights, b);
      }
      const int8_t* one = reinterpret_cast<const int8_t*>(w) + eights * (chunks * 128 + 64);
      for (int32_t f = eights * 8; f < s.oc; ++f, one += chunks * 16 + 8)
        y[f] = mve_store<Y>(q, one + chunks * 16, mve_dot(x, one, chunks));
    }
}

}  // namespace burin
