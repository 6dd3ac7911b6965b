// Depthwise convolution with any window for cores with Helium, requantized by RequantKind::vector: the lanes are
// channels, so that no activation is moved and small images waste nothing. Products are made in 32 bits, those of even
// and of odd channels apart, which is also how narrowing puts them together again. At least 8 channels; more than nine
// taps: 16.
//
// A pixel is a table of pointers to what its taps read, padding included. Up to nine of them stay in registers and
// move on over the channels, eight at a time; of more than nine one is read after the other, for 16 channels at a time.
//
// Weights: per block of channels (the last one ends with the last channel) [tap][channel], then for each eight channels
// p0 of channels 0 2 4 6, p0 of 1 3 5 7, and the multipliers in this order. uint8 activations are used as they are.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/mve.h"

namespace burin {

constexpr int32_t kDepthwiseTapsInRegisters = 9;

/// Channels of a block.
BURIN_INLINE constexpr int32_t depthwise_any_mve_lanes(int32_t taps) {
  return taps <= kDepthwiseTapsInRegisters ? 8 : 16;
}
BURIN_INLINE constexpr int32_t depthwise_any_mve_blocks(int32_t taps, int32_t channels) {
  return (channels - 1) / depthwise_any_mve_lanes(taps) + 1;
}
/// Bytes of working memory: the table, and a pixel of padding.
BURIN_INLINE constexpr int32_t depthwise_any_q8_mve_scratch(const ConvShape& s) {
  return (s.kh * s.kw + 1) * int32_t(sizeof(void*)) + s.oc;
}

/// What a pixel reads first; the order is the assembly's.
template <class X>
struct MveTaps {
  const X* x[kDepthwiseTapsInRegisters];
  const void* w;
  void* y;
  int32_t blocks;
};

/// All channels of one pixel, of at most nine taps.
template <class X, class Y>
BURIN_INLINE void mve_depthwise_pixel(const Requant& q, int32_t taps, int32_t channels, const MveTaps<X>& b) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(taps) && __builtin_constant_p(channels)) {
// A tap with what it reads in x and w; `next` loads what the following one reads.
#define BURIN_MVE_TAP_FIRST(x, w, next_x, next_w)                                                                      \
  "vmullb.s16 q0, " x ", " w "\n\t" next_x "vmullt.s16 q1, " x ", " w "\n\t" next_w
#define BURIN_MVE_TAP(x, w, next_x, next_w)                                                                            \
  "vmullb.s16 q4, " x ", " w "\n\t" next_x "vmullt.s16 q5, " x ", " w "\n\t" next_w                                    \
  "vadd.i32 q0, q0, q4\n\t"                                                                                            \
  "vadd.i32 q1, q1, q5\n\t"
// Widening loads take r0 to r7 only, so the last taps' pointers pass through r5.
#define BURIN_MVE_TAP_LOAD_X(type, x, r) "vldrb." type " " x ", [" r "], #8\n\t"
#define BURIN_MVE_TAP_LOAD_FAR(type, x, r) "mov r5, " r "\n\tvldrb." type " " x ", [r5]\n\tadd " r ", " r ", #8\n\t"
#define BURIN_MVE_TAP_LOAD_W(w) "vldrb.s16 " w ", [r6], #8\n\t"
// clang-format off
#define BURIN_MVE_TAP_ODD(load, type, number, r)                                                                             \
  ".if %c[taps] > " number "\n\t" BURIN_MVE_TAP("q2", "q3", load(type, "q6", r), BURIN_MVE_TAP_LOAD_W("q7"))         \
  ".endif\n\t"
#define BURIN_MVE_TAP_EVEN(load, type, number, r)                                                                            \
  ".if %c[taps] > " number "\n\t" BURIN_MVE_TAP("q6", "q7", load(type, "q2", r), BURIN_MVE_TAP_LOAD_W("q3"))         \
  ".endif\n\t"
// clang-format on
#define BURIN_MVE_DEPTHWISE_PIXEL(type)                                                                                \
  __asm__ volatile(                                                                                                    \
      "push {r7, r11}\n\t"                                                                                             \
      "mov r12, %[b]\n\t"                                                                                              \
      "ldm r12!, {r0-r4, r8-r11}\n\t"                                                                                  \
      "ldm r12, {r6, r7, lr}\n\t"                                                                                      \
      "mov r12, %[back]\n\t"                                                                                           \
      "dls lr, lr\n"                                                                                                   \
      "1:\n\t" BURIN_MVE_TAP_LOAD_X(type, "q2", "r0") BURIN_MVE_TAP_LOAD_W("q3")                                       \
      ".if %c[taps] > 1\n\t" BURIN_MVE_TAP_FIRST("q2", "q3", BURIN_MVE_TAP_LOAD_X(type, "q6", "r1"), BURIN_MVE_TAP_LOAD_W("q7"))     \
      ".else\n\t" BURIN_MVE_TAP_FIRST("q2", "q3", "", "")                                                              \
      ".endif\n\t" BURIN_MVE_TAP_EVEN(BURIN_MVE_TAP_LOAD_X, type, "2", "r2")                                           \
      BURIN_MVE_TAP_ODD(BURIN_MVE_TAP_LOAD_X, type, "3", "r3") BURIN_MVE_TAP_EVEN(BURIN_MVE_TAP_LOAD_X, type, "4", "r4")             \
      BURIN_MVE_TAP_ODD(BURIN_MVE_TAP_LOAD_FAR, type, "5", "r8") BURIN_MVE_TAP_EVEN(BURIN_MVE_TAP_LOAD_FAR, type, "6", "r9")         \
      BURIN_MVE_TAP_ODD(BURIN_MVE_TAP_LOAD_FAR, type, "7", "r10") BURIN_MVE_TAP_EVEN(BURIN_MVE_TAP_LOAD_FAR, type, "8", "r11")       \
      ".if %c[taps] > 1\n\t"                                                                                           \
      ".if %c[taps] & 1\n\t" BURIN_MVE_TAP("q2", "q3", "", "")                                                         \
      ".else\n\t" BURIN_MVE_TAP("q6", "q7", "", "")                                                                    \
      ".endif\n\t"                                                                                                     \
      ".endif\n\t"                                                                                                     \
      "mov r5, %[unit]\n\t"                                                                                            \
      "vldrw.u32 q2, [r6], #16\n\t"                                                                                    \
      "vldrw.u32 q3, [r6], #16\n\t"                                                                                    \
      "vmla.s32 q2, q0, r5\n\t"                                                                                       \
      "vldrw.u32 q4, [r6], #16\n\t"                                                                                    \
      "vmla.s32 q3, q1, r5\n\t"                                                                                       \
      "vldrw.u32 q5, [r6], #16\n\t"                                                                                    \
      "vqdmulh.s32 q0, q2, q4\n\t"                                                                                     \
      "vqdmulh.s32 q1, q3, q5\n\t" BURIN_MVE_NARROW_BY("r5", "mov r5, %[lo]\n\tvdup.16 q1, r5\n\tvmax.s16 q0, q0, q1\n\t")        \
      "vstrb.16 q0, [r7], #8\n\t"                                                                                     \
      "le lr, 1b\n\t"                                                                                                  \
      ".if %c[back]\n\t" /* once more for the last eight channels */                                                   \
      "cmp r12, #0\n\t"                                                                                                \
      "beq 2f\n\t"                                                                                                     \
      ".irp r, r0, r1, r2, r3, r4, r7, r8, r9, r10, r11\n\t"                                                           \
      "sub \\r, \\r, r12\n\t"                                                                                          \
      ".endr\n\t"                                                                                                      \
      "mov r12, #0\n\t"                                                                                                \
      "mov lr, #1\n\t"                                                                                                 \
      "b 1b\n"                                                                                                         \
      "2:\n\t"                                                                                                         \
      ".endif\n\t"                                                                                                     \
      "pop {r7, r11}\n\t"                                                                                              \
      :                                                                                                                \
      : [b] "r"(&b), [taps] "i"(taps), [back] "i"((8 - channels % 8) % 8), BURIN_MVE_OPERANDS(q, Y)                    \
      : BURIN_MVE_CLOBBERS)
    if (X(-1) < X(0)) BURIN_MVE_DEPTHWISE_PIXEL("s16");
    else BURIN_MVE_DEPTHWISE_PIXEL("u16");
#undef BURIN_MVE_DEPTHWISE_PIXEL
#undef BURIN_MVE_TAP_EVEN
#undef BURIN_MVE_TAP_ODD
#undef BURIN_MVE_TAP_LOAD_W
#undef BURIN_MVE_TAP_LOAD_FAR
#undef BURIN_MVE_TAP_LOAD_X
#undef BURIN_MVE_TAP
#undef BURIN_MVE_TAP_FIRST
    return;
  }
#endif
  const int8_t* w = static_cast<const int8_t*>(b.w);
  for (int32_t block = 0; block * 8 < channels; ++block, w += taps * 8 + 64) {
    const int32_t first = block * 8 + 8 <= channels ? block * 8 : channels - 8;
    for (int32_t c = 0; c < 8; ++c) {
      int32_t sum = 0;
      for (int32_t t = 0; t < taps; ++t) sum += b.x[t][first + c] * w[t * 8 + c];
      const int8_t* p = w + taps * 8 + (c % 2 * 4 + c / 2) * 4;
      const uint32_t params[2] = {load32(p), load32(p + 32)};
      static_cast<Y*>(b.y)[first + c] = mve_store<Y>(q, params, sum);
    }
  }
}

/// The same for any number of taps, at least 16 channels: pointers from `table`.
template <class X, class Y>
BURIN_INLINE void mve_depthwise_long(const Requant& q, int32_t taps, int32_t channels, const X* const* table,
                                     const void* weights, Y* y) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(taps) && __builtin_constant_p(channels)) {
    const void* const b[] = {table, weights, y};
#define BURIN_MVE_LONG_STORE                                                                                           \
  "vldrw.u32 q4, [r6], #16\n\t"                                                                                        \
  "vldrw.u32 q5, [r6], #16\n\t"                                                                                        \
  "vmla.s32 q4, q0, r5\n\t"                                                                                            \
  "vldrw.u32 q6, [r6], #16\n\t"                                                                                        \
  "vmla.s32 q5, q1, r5\n\t"                                                                                            \
  "vldrw.u32 q7, [r6], #16\n\t"                                                                                        \
  "vqdmulh.s32 q0, q4, q6\n\t"                                                                                         \
  "vqdmulh.s32 q1, q5, q7\n\t" BURIN_MVE_NARROW_BY("r1", "mov r1, %[lo]\n\tvdup.16 q1, r1\n\tvmax.s16 q0, q0, q1\n\t")
// clang-format off
#define BURIN_MVE_DEPTHWISE_LONG(type)                                                                                 \
  __asm__ volatile(                                                                                                    \
      "push {r7, r11}\n\t"                                                                                             \
      "ldrd r8, r6, [%[b]]\n\t"                                                                                        \
      "ldr r10, [%[b], #8]\n\t"                                                                                        \
      "mov r2, #0\n\t"                                                                                                 \
      "movw r3, %[last]\n\t"                                                                                           \
      "mov r5, %[unit]\n\t"                                                                                            \
      "movw r4, %[loops]\n"                                                                                            \
      "1:\n\t"                                                                                                         \
      "mov r0, r8\n\t"                                                                                                 \
      "vmov.i32 q0, #0\n\t"                                                                                            \
      "vmov.i32 q1, #0\n\t"                                                                                            \
      "vmov.i32 q2, #0\n\t"                                                                                            \
      "vmov.i32 q3, #0\n\t"                                                                                            \
      "dls lr, r4\n"                                                                                                   \
      "2:\n\t"                                                                                                         \
      ".rept %c[unroll]\n\t"                                                                                           \
      "ldr r1, [r0], #4\n\t"                                                                                           \
      "add r1, r1, r2\n\t"                                                                                             \
      "vldrb." type " q4, [r1]\n\t"                                                                                    \
      "vldrb.s16 q5, [r6], #8\n\t"                                                                                     \
      "vmullb.s16 q6, q4, q5\n\t"                                                                                      \
      "vmullt.s16 q7, q4, q5\n\t"                                                                                      \
      "vldrb." type " q4, [r1, #8]\n\t"                                                                                \
      "vadd.i32 q0, q0, q6\n\t"                                                                                        \
      "vldrb.s16 q5, [r6], #8\n\t"                                                                                     \
      "vadd.i32 q1, q1, q7\n\t"                                                                                        \
      "vmullb.s16 q6, q4, q5\n\t"                                                                                      \
      "vmullt.s16 q7, q4, q5\n\t"                                                                                      \
      "vadd.i32 q2, q2, q6\n\t"                                                                                        \
      "vadd.i32 q3, q3, q7\n\t"                                                                                        \
      ".endr\n\t" BURIN_MVE_LINES_128                                                                                  \
      "le lr, 2b\n\t"                                                                                                  \
      "add r7, r10, r2\n\t" BURIN_MVE_LONG_STORE                                                                            \
      "vstrb.16 q0, [r7]\n\t"                                                                                          \
      "vmov q0, q2\n\t"                                                                                                \
      "vmov q1, q3\n\t" BURIN_MVE_LONG_STORE                                                                           \
      "vstrb.16 q0, [r7, #8]\n\t"                                                                                      \
      "cmp r2, r3\n\t"                                                                                                 \
      "beq 3f\n\t"                                                                                                     \
      "add r2, r2, #16\n\t"                                                                                            \
      "cmp r2, r3\n\t"                                                                                                 \
      "it gt\n\t"                                                                                                      \
      "movgt r2, r3\n\t"                                                                                               \
      "b 1b\n"                                                                                                         \
      "3:\n\t"                                                                                                         \
      "pop {r7, r11}\n\t"                                                                                              \
      :                                                                                                                \
      : [b] "r"(b), [last] "i"(channels - 16), [unroll] "i"(unroll), [loops] "i"(taps / unroll), BURIN_MVE_OPERANDS(q, Y)             \
      : BURIN_MVE_CLOBBERS)
    // clang-format on
    const int32_t unroll = taps % 2 == 0 ? 2 : taps % 3 == 0 ? 3 : taps % 5 == 0 ? 5 : 1;
    if (X(-1) < X(0)) BURIN_MVE_DEPTHWISE_LONG("s16");
    else BURIN_MVE_DEPTHWISE_LONG("u16");
#undef BURIN_MVE_DEPTHWISE_LONG
#undef BURIN_MVE_LONG_STORE
    return;
  }
#endif
  const int8_t* w = static_cast<const int8_t*>(weights);
  for (int32_t block = 0; block * 16 < channels; ++block, w += taps * 16 + 128) {
    const int32_t first = block * 16 + 16 <= channels ? block * 16 : channels - 16;
    for (int32_t c = 0; c < 16; ++c) {
      int32_t sum = 0;
      for (int32_t t = 0; t < taps; ++t) sum += table[t][first + c] * w[t * 16 + c];
      const int8_t* p = w + taps * 16 + c / 8 * 64 + (c % 2 * 4 + c % 8 / 2) * 4;
      const uint32_t params[2] = {load32(p), load32(p + 32)};
      y[first + c] = mve_store<Y>(q, params, sum);
    }
  }
}

/// n rows of output, as conv_q8_ref.
template <class X, class Y>
BURIN_INLINE void depthwise_any_q8_mve(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                       int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)params;
  const int32_t taps = s.kh * s.kw;
  const X** const table = static_cast<const X**>(scratch);
  X* const pad = reinterpret_cast<X*>(table + taps);
  mve_fill(reinterpret_cast<int8_t*>(pad), int8_t(X(x_zero)), s.oc);
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox, y += s.oc) {
      MveTaps<X> b;
      const X** const to = taps <= kDepthwiseTapsInRegisters ? b.x : table;
      for (int32_t ky = 0; ky < s.kh; ++ky) {
        const X* const row = rows[oy * s.sh + ky * s.dh];
        for (int32_t kx = 0; kx < s.kw; ++kx) {
          const int32_t ix = ox * s.sw + kx * s.dw - s.pl;
          to[ky * s.kw + kx] = row && ix >= 0 && ix < s.iw ? row + ix * s.ic : pad;
        }
      }
      if (taps <= kDepthwiseTapsInRegisters) {
        b.w = w;
        b.y = y;
        b.blocks = s.oc / 8;
        mve_depthwise_pixel<X, Y>(q, taps, s.oc, b);
      } else {
        mve_depthwise_long(q, taps, s.oc, static_cast<const X* const*>(to), w, y);
      }
    }
}

}  // namespace burin
