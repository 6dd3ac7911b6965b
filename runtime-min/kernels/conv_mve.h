// Convolution on int8 and uint8 for cores with Helium: four pixels x two filters at a time (mve.h). Any window, stride,
// dilation and padding; one group; requantization by RequantKind::vector.
//
// Weights: per pair of filters [chunk][filter] vectors of 16 taps, zeros behind the last tap, then {p0, multiplier} of
// both; a last odd filter is alone: [chunk], {p0, multiplier}. Where mve_by_quads says so, per four filters: those
// pairs are filters 0 and 2, then 1 and 3 with their chunks last first. Then y is aligned to 4 bytes. kPairs: by pairs
// everywhere, for a y that may begin at any byte.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/mve.h"

namespace burin {

/// Bytes of working memory: four windows, with room behind each.
BURIN_INLINE constexpr int32_t conv_q8_mve_scratch(const ConvShape& s) {
  return 64 * mve_chunks(s.kh * s.kw * s.ic) + 64;
}

/// `pairs` * 2 filters at four pixels of chunks * 16 bytes; results of a pixel lie side by side. Two pixels may be the
/// same one, with the same offsets.
template <class Y>
BURIN_INLINE void mve_four_pixels(const Requant& q, int32_t chunks, int32_t pairs, const MveBlock& b) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(chunks)) {
#define BURIN_MVE_PROLOGUE                                                                                             \
  "push {r7, r11}\n\t"                                                                                                 \
  "ldrd r0, r2, [%[b]]\n\t"                                                                                            \
  "ldrd r4, r6, [%[b], #8]\n\t"                                                                                        \
  "ldrd r8, r9, [%[b], #16]\n\t"                                                                                       \
  "ldrd r10, r12, [%[b], #24]\n\t"                                                                                     \
  "ldr r1, [%[b], #32]\n\t"                                                                                            \
  "push {r0, r2, r4, r6, r10, r12}\n\t"                                                                                \
  "vldrw.u32 q5, [r8]\n\t"                                                                                             \
  "mov r3, %[unit]\n\t"                                                                                                \
  "vdup.32 q6, r3\n\t"                                                                                                 \
  "vdup.16 q7, r1\n"                                                                                                   \
  "1:\n\t"                                                                                                             \
  "ldrd r1, r3, [sp]\n\t"                                                                                              \
  "ldrd r5, r7, [sp, #8]\n\t" BURIN_MVE_CHUNK_START
#define BURIN_MVE_EPILOGUE                                                                                             \
  BURIN_MVE_GATHER_SUMS                                                                                                \
  "ldrd r0, r2, [r9], #16\n\t"                                                                                         \
  "ldrd r4, r6, [r9, #-8]\n\t"                                                                                         \
  "ldrd r1, r3, [sp, #16]\n\t" BURIN_MVE_SCALE BURIN_MVE_NARROW("vmax.s16 q0, q0, q7\n\t")                                                                 \
  "vstrb.16 q0, [r1, q5]\n\t"                                                                                          \
  "adds r1, r1, #2\n\t"                                                                                                \
  "str r1, [sp, #16]\n\t"                                                                                              \
  "cmp r1, r3\n\t"                                                                                                     \
  "bne 1b\n\t"                                                                                                         \
  "add sp, sp, #24\n\t"                                                                                                \
  "pop {r7, r11}\n\t"
    if (chunks == 1) {
      __asm__ volatile(BURIN_MVE_PROLOGUE BURIN_MVE_CHUNK_LAST("vmladav.s8") BURIN_MVE_EPILOGUE
                       :
                       : [b] "r"(&b), BURIN_MVE_OPERANDS(q, Y)
                       : BURIN_MVE_CLOBBERS);
    } else if (chunks <= 10) {
      // clang-format off
      __asm__ volatile(BURIN_MVE_PROLOGUE BURIN_MVE_CHUNK_NEXT("vmladav.s8")
                       ".rept %c[more]\n\t" BURIN_MVE_CHUNK_NEXT("vmladava.s8")
                       ".endr\n\t" BURIN_MVE_LINES_128 BURIN_MVE_CHUNK_LAST("vmladava.s8") BURIN_MVE_EPILOGUE
                       :
                       : [b] "r"(&b), [more] "i"(chunks - 2), BURIN_MVE_OPERANDS(q, Y)
                       : BURIN_MVE_CLOBBERS);
      // clang-format on
    } else {  // loops of six chunks
      __asm__ volatile(BURIN_MVE_PROLOGUE
                       "mov r11, %[loops]\n\t" BURIN_MVE_CHUNK_NEXT("vmladav.s8")
                       ".rept %c[more]\n\t" BURIN_MVE_CHUNK_NEXT("vmladava.s8")
                       ".endr\n" BURIN_MVE_LINES_128
                       "2:\n\t" BURIN_MVE_CHUNK_NEXT("vmladava.s8") BURIN_MVE_CHUNK_NEXT("vmladava.s8")
                       BURIN_MVE_CHUNK_NEXT("vmladava.s8") BURIN_MVE_CHUNK_NEXT("vmladava.s8")
                       BURIN_MVE_CHUNK_NEXT("vmladava.s8") BURIN_MVE_CHUNK_NEXT("vmladava.s8")
                       "subs r11, r11, #1\n\t"
                       "bne 2b\n\t" BURIN_MVE_CHUNK_LAST("vmladava.s8") BURIN_MVE_EPILOGUE
                       :
                       : [b] "r"(&b), [loops] "i"((chunks - 2) / 6), [more] "i"((chunks - 2) % 6),
                         BURIN_MVE_OPERANDS(q, Y)
                       : BURIN_MVE_CLOBBERS);
    }
#undef BURIN_MVE_PROLOGUE
#undef BURIN_MVE_EPILOGUE
    return;
  }
#endif
  const int8_t* w = static_cast<const int8_t*>(b.w);
  Y* y = static_cast<Y*>(b.y);
  for (int32_t pair = 0; pair < pairs; ++pair, y += 2, w += chunks * 32 + 16)
    for (int32_t i = 0; i < 8; ++i) {
      int32_t sum = 0;
      for (int32_t k = 0; k < chunks * 16; ++k) sum += b.x[i / 2][k] * w[k / 16 * 32 + i % 2 * 16 + k % 16];
      y[b.offsets[i / 2] >> i % 2 * 16 & 0xFFFF] = mve_store<Y>(q, w + chunks * 32 + i % 2 * 8, sum);
    }
}

/// Whether filters go by four: their results at a pixel are one word.
BURIN_INLINE constexpr bool mve_by_quads(int32_t chunks, int32_t filters) { return filters % 4 == 0 && chunks <= 8; }

/// `quads` * 4 filters at four pixels of up to 8 chunks, `pitch` bytes of y apart; else as mve_four_pixels. The chunks
/// run forth for filters 0 and 2 and back for 1 and 3, so that at either end four vectors of pixels stay in q0 to q3.
template <class Y>
BURIN_INLINE void mve_four_by_four(const Requant& q, int32_t chunks, int32_t quads, const MveBlock& b) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(chunks)) {
// Filters in q4, q5. A load costs nothing beside a product, and only there: x3 is of this chunk (none where a pass
// starts, q3 being there), the others are what the next one starts with.
// clang-format off
#define BURIN_MVE_QUAD_CHUNK(mac, x3, x0, x1, x2, w0, w1)                                                              \
  mac " r0, q4, q0\n\t" x3 mac " r8, q5, q0\n\t" x0 mac " r2, q4, q1\n\t" mac " r10, q5, q1\n\t" x1 mac                      \
      " r4, q4, q2\n\t" mac " r12, q5, q2\n\t" x2 mac " r6, q4, q3\n\t" w0 mac " lr, q5, q3\n\t" w1
#define BURIN_MVE_QUAD_W(w) "vldrw.u32 " w ", [r9], #16\n\t"
#define BURIN_MVE_QUAD_X(x, r) "vldrb.u8 " x ", [" r ", #.Lburin_at]\n\t"
#define BURIN_MVE_QUAD_ON(mac, x3, step)                                                                               \
  BURIN_MVE_QUAD_CHUNK(mac, x3, ".set .Lburin_at, .Lburin_at + " step "\n\t" BURIN_MVE_QUAD_X("q0", "r1"),             \
                       BURIN_MVE_QUAD_X("q1", "r3"), BURIN_MVE_QUAD_X("q2", "r5"), BURIN_MVE_QUAD_W("q4"), BURIN_MVE_QUAD_W("q5"))
#define BURIN_MVE_QUAD_PASS(step)                                                                                      \
  BURIN_MVE_QUAD_W("q4")                                                                                               \
  BURIN_MVE_QUAD_W("q5")                                                                                               \
  ".if %c[more]\n\t" BURIN_MVE_QUAD_ON("vmladav.s8", "", step)                                                         \
  ".rept %c[more] - 1\n\t" BURIN_MVE_QUAD_ON("vmladava.s8", BURIN_MVE_QUAD_X("q3", "r7"), step)                        \
  ".endr\n\t" BURIN_MVE_LINES_128 BURIN_MVE_QUAD_CHUNK("vmladava.s8", BURIN_MVE_QUAD_X("q3", "r7"), "", "", "", "", "")            \
  ".else\n\t" BURIN_MVE_QUAD_CHUNK("vmladav.s8", "", "", "", "", "", "")                                               \
  ".endif\n\t" BURIN_MVE_HALVES
    // clang-format on
    // On the stack: offsets, end of y.
    __asm__ volatile(
        "push {r7, r11}\n\t"
        "ldrd r1, r3, [%[b]]\n\t"
        "ldrd r5, r6, [%[b], #8]\n\t"
        "ldrd r8, r9, [%[b], #16]\n\t"
        "ldrd r10, r0, [%[b], #24]\n\t"
        "mov r7, r6\n\t"
        "mov r11, r10\n\t"
        "vldrw.u32 q4, [r8]\n\t"
        "sub sp, sp, #24\n\t"
        "vstrw.32 q4, [sp]\n\t"
        "str r0, [sp, #16]\n\t"
        "mov r0, %[unit]\n\t"
        "vdup.32 q6, r0\n\t"
        ".set .Lburin_at, 0\n\t" BURIN_MVE_QUAD_X("q0", "r1") BURIN_MVE_QUAD_X("q1", "r3") BURIN_MVE_QUAD_X("q2", "r5")
            BURIN_MVE_QUAD_X("q3", "r7")
        "1:\n\t" BURIN_MVE_QUAD_PASS("16")
        BURIN_MVE_BYTES("b", "q7", "q4") BURIN_MVE_QUAD_PASS("-16") BURIN_MVE_BYTES("t", "q7", "q4")
        BURIN_MVE_CLAMP_BYTES("q7", "q4", "r0")
        "vldrw.u32 q5, [sp]\n\t"
        "ldr r0, [sp, #16]\n\t"
        "vstrw.32 q7, [r11, q5]\n\t"
        "adds r11, r11, #4\n\t"
        "cmp r11, r0\n\t"
        "bne 1b\n\t"
        "add sp, sp, #24\n\t"
        "pop {r7, r11}\n\t"
        :
        : [b] "r"(&b), [more] "i"(chunks - 1), BURIN_MVE_OPERANDS(q, Y)
        : BURIN_MVE_CLOBBERS);
#undef BURIN_MVE_QUAD_PASS
#undef BURIN_MVE_QUAD_ON
#undef BURIN_MVE_QUAD_X
#undef BURIN_MVE_QUAD_W
#undef BURIN_MVE_QUAD_CHUNK
    return;
  }
#endif
  const int8_t* w = static_cast<const int8_t*>(b.w);
  Y* y = static_cast<Y*>(b.y);
  for (int32_t quad = 0; quad < quads; ++quad, y += 4)
    for (int32_t back = 0; back < 2; ++back, w += chunks * 32 + 16)
      for (int32_t i = 0; i < 8; ++i) {
        int32_t sum = 0;
        for (int32_t k = 0; k < chunks * 16; ++k) {
          const int32_t chunk = back == 0 ? k / 16 : chunks - 1 - k / 16;
          sum += b.x[i / 2][k] * w[chunk * 32 + i % 2 * 16 + k % 16];
        }
        y[b.offsets[i / 2] + uint32_t(i % 2 * 2 + back)] = mve_store<Y>(q, w + chunks * 32 + i % 2 * 8, sum);
      }
}

/// A pixel that is alone: `eights` * 8 filters at b.x[0], whose weights lie in either order.
BURIN_INLINE constexpr bool mve_one_pixel_serves(int32_t chunks) { return chunks <= 15; }
template <class Y>
BURIN_INLINE void mve_one_pixel(const Requant& q, int32_t chunks, int32_t eights, bool by_quads, const MveBlock& b) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(chunks) && __builtin_constant_p(by_quads)) {
// Four pairs of filters, two around r9 and two around r11; their chunks run as said above. q6: where the parameters of
// filters 0 2 4 6 are, those of 1 3 5 7 are `second` behind.
// clang-format off
#define BURIN_MVE_ONE_CHUNK(mac, a0, a1, b0, b1, c0, c1, d0, d1)                                                       \
  "vldrb.u8 q0, [r1], #16\n\t"                                                                                         \
  "vldrw.u32 q1, [r9, #.Lburin_at - %c[stride]]\n\t"                                                                   \
  "vldrw.u32 q2, [r9, #.Lburin_at - %c[stride] + 16]\n\t" mac " " a0 ", q0, q1\n\t"                                    \
  "vldrw.u32 q3, [r9, #.Lburin_back]\n\t" mac " " a1 ", q0, q2\n\t"                                                    \
  "vldrw.u32 q1, [r9, #.Lburin_back + 16]\n\t" mac " " b0 ", q0, q3\n\t"                                               \
  "vldrw.u32 q2, [r11, #.Lburin_at - %c[stride]]\n\t" mac " " b1 ", q0, q1\n\t"                                        \
  "vldrw.u32 q3, [r11, #.Lburin_at - %c[stride] + 16]\n\t" mac " " c0 ", q0, q2\n\t"                                   \
  "vldrw.u32 q1, [r11, #.Lburin_back]\n\t" mac " " c1 ", q0, q3\n\t"                                                   \
  "vldrw.u32 q2, [r11, #.Lburin_back + 16]\n\t" mac " " d0 ", q0, q1\n\t"                                              \
  mac " " d1 ", q0, q2\n\t"                                                                                            \
  ".set .Lburin_at, .Lburin_at + 32\n\t"                                                                               \
  ".set .Lburin_back, .Lburin_back + %c[on]\n\t"
#define BURIN_MVE_ONE_PIXEL(...)                                                                                       \
  __asm__ volatile(                                                                                                    \
      "push {r7, r11}\n\t"                                                                                             \
      "ldr r1, [%[b]]\n\t"                                                                                             \
      "ldr r9, [%[b], #20]\n\t"                                                                                        \
      "ldrd r3, r5, [%[b], #24]\n\t"                                                                                   \
      "ldr r12, [%[b], #32]\n\t"                                                                                       \
      "vdup.16 q7, r12\n\t"                                                                                            \
      "add r0, r9, %[params]\n\t"                                                                                      \
      "add r2, r0, %[at1]\n\t"                                                                                         \
      "movw r7, %[four]\n\t"                                                                                           \
      "add r4, r0, r7, lsr #1\n\t"                                                                                     \
      "add r6, r2, r7, lsr #1\n\t"                                                                                     \
      "vmov q6[2], q6[0], r0, r4\n\t"                                                                                  \
      "vmov q6[3], q6[1], r2, r6\n\t"                                                                                  \
      "add r9, r9, %[stride]\n\t"                                                                                      \
      "add r11, r9, r7, lsr #1\n"                                                                                        \
      "1:\n\t"                                                                                                         \
      ".set .Lburin_at, 0\n\t"                                                                                         \
      ".set .Lburin_back, %c[back]\n\t" BURIN_MVE_ONE_CHUNK("vmladav.s8", __VA_ARGS__)                                 \
      ".rept %c[more]\n\t" BURIN_MVE_ONE_CHUNK("vmladava.s8", __VA_ARGS__)                                             \
      ".endr\n\t" BURIN_MVE_LINES_128 BURIN_MVE_GATHER_SUMS                                                            \
      "mov r0, %[unit]\n\t"                                                                                            \
      "vldrw.u32 q2, [q6]\n\t"                                                                                         \
      "sub r1, r1, %[bytes]\n\t"                                                                                       \
      "vldrw.u32 q4, [q6, %[second]]\n\t"                                                                              \
      "vmla.s32 q2, q0, r0\n\t"                                                                                        \
      "vldrw.u32 q3, [q6, #4]\n\t"                                                                                     \
      "vmla.s32 q4, q1, r0\n\t"                                                                                        \
      "vldrw.u32 q5, [q6, #4 + %c[second]]\n\t"                                                                        \
      "vqdmulh.s32 q0, q2, q3\n\t"                                                                                     \
      "vqdmulh.s32 q1, q4, q5\n\t"                                                                                     \
      "vadd.i32 q6, q6, r7\n\t" BURIN_MVE_NARROW("vmax.s16 q0, q0, q7\n\t")                                           \
      "vstrb.16 q0, [r3], #8\n\t"                                                                                      \
      "add r9, r9, r7\n\t"                                                                                             \
      "add r11, r11, r7\n\t"                                                                                           \
      "cmp r3, r5\n\t"                                                                                                 \
      "bne.w 1b\n\t"                                                                                                   \
      "pop {r7, r11}\n\t"                                                                                              \
      :                                                                                                                \
      : [b] "r"(&b), [more] "i"(chunks - 1), [stride] "i"(chunks * 32 + 16), [four] "i"(4 * (chunks * 32 + 16)),       \
        [params] "i"(chunks * 32), [bytes] "i"(chunks * 16), [at1] "i"(by_quads ? 8 : chunks * 32 + 16),               \
        [second] "i"(by_quads ? chunks * 32 + 16 : 8), [back] "i"(by_quads ? (chunks - 1) * 32 : 0),     \
        [on] "i"(by_quads ? -32 : 32), BURIN_MVE_OPERANDS(q, Y)                                                        \
      : BURIN_MVE_CLOBBERS)
    // clang-format on
    if (by_quads) BURIN_MVE_ONE_PIXEL("r0", "r2", "r8", "r10", "r4", "r6", "r12", "lr");
    else BURIN_MVE_ONE_PIXEL("r0", "r8", "r2", "r10", "r4", "r12", "r6", "lr");
#undef BURIN_MVE_ONE_PIXEL
#undef BURIN_MVE_ONE_CHUNK
    return;
  }
#endif
  const int32_t stride = chunks * 32 + 16;
  for (int32_t f = 0; f < eights * 8; ++f) {
    const int32_t pair = by_quads ? f / 4 * 2 + f % 2 : f / 2, second = by_quads ? f / 2 % 2 : f % 2;
    const int8_t* w = static_cast<const int8_t*>(b.w) + pair * stride;
    int32_t sum = 0;
    for (int32_t k = 0; k < chunks * 16; ++k) {
      const int32_t chunk = by_quads && pair % 2 != 0 ? chunks - 1 - k / 16 : k / 16;
      sum += b.x[0][k] * w[chunk * 32 + second * 16 + k % 16];
    }
    static_cast<Y*>(b.y)[f] = mve_store<Y>(q, w + chunks * 32 + second * 8, sum);
  }
}

/// All filters at `count` pixels, 1 to 4; their bytes from b.x[0..count-1], their offsets as mve_offsets made them for
/// this count. Results of neighbouring pixels are `step` apart. `by_quads`: weights are in the order of
/// mve_four_by_four; `lone`: a pixel may be alone.
template <class Y>
BURIN_INLINE void mve_pixels(const Requant& q, int32_t count, int32_t chunks, int32_t filters, int32_t step,
                             bool by_quads, bool lone, MveBlock& b, Y* y) {
  const int8_t* const w = static_cast<const int8_t*>(b.w);
  const int32_t done = lone && count == 1 && mve_one_pixel_serves(chunks) ? filters / 8 * 8 : 0;
  b.y = y;
  if (done > 0) {
    b.end = y + done;
    mve_one_pixel<Y>(q, chunks, done / 8, by_quads, b);
    if (done == filters) return;
  }
  const int32_t pairs = (filters - done) / 2;
  const int8_t* const odd = w + filters / 2 * (chunks * 32 + 16);
  for (int32_t p = count; p < 4; ++p) b.x[p] = b.x[count - 1];  // a pixel again where there is no other
  b.w = w + done / 2 * (chunks * 32 + 16);
  b.y = y + done;
  b.end = y + filters / 2 * 2;
  if (by_quads) mve_four_by_four<Y>(q, chunks, pairs / 2, b);
  else if (pairs > 0) mve_four_pixels<Y>(q, chunks, pairs, b);
  b.w = w;
  if (filters % 2 != 0)
    for (int32_t p = 0; p < count; ++p)
      y[p * step + filters - 1] = mve_store<Y>(q, odd + chunks * 16, mve_dot(b.x[p], odd, chunks));
}
/// The window of output pixel (oy, ox), padding as `zero`; `to` has room for it.
template <class X>
BURIN_INLINE void mve_gather(const ConvShape& s, int8_t zero, const X* const* rows, int32_t oy, int32_t ox,
                             int8_t* to) {
  const int32_t left = ox * s.sw - s.pl, run = s.dw == 1 ? s.kw : 1;
  const bool inside = left >= 0 && left + (s.kw - 1) * s.dw < s.iw;
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = rows[oy * s.sh + ky * s.dh];
    if (row && inside && run == s.kw) {
      if (s.kw * s.ic == 4) {
        const uint32_t v = load32(row + left * s.ic);
        store32(to, X(-1) < X(0) ? v : v ^ 0x80808080u);
      } else {
        mve_copy(to, row + left * s.ic, s.kw * s.ic);
      }
      to += s.kw * s.ic;
      continue;
    }
    for (int32_t kx = 0; kx < s.kw; kx += run, to += run * s.ic) {
      const int32_t x = left + kx * s.dw;  // `run` pixels from here, of which [first, last) are inside the image
      const int32_t first = x >= 0 ? 0 : -x < run ? -x : run;
      const int32_t last = !row ? first : x + run <= s.iw ? run : s.iw - x > first ? s.iw - x : first;
      if (last - first < run) mve_fill(to, zero, run * s.ic);
      if (last > first) mve_copy(to + first * s.ic, row + (x + first) * s.ic, (last - first) * s.ic);
    }
  }
}

/// Vectors that a row of the window takes if it is one run, else 0.
BURIN_INLINE constexpr int32_t mve_run_vectors(int32_t kw, int32_t dw, int32_t ic) {
  return kw == 1 || dw == 1 ? (kw * ic + 15) / 16 : 0;
}

/// The windows of four neighbouring pixels of row oy, all inside the image from `left` on, each row of them as whole
/// vectors: what is too much is overwritten by the next row or lies behind the column. `pitch`: from column to column.
template <class X>
BURIN_INLINE void mve_gather_four(const ConvShape& s, const X* const* rows, int32_t oy, int32_t left, int8_t* to,
                                  int32_t pitch) {
  const int32_t vectors = mve_run_vectors(s.kw, s.dw, s.ic);
  for (int32_t ky = 0; ky < s.kh; ++ky, to += s.kw * s.ic) {
    const X* from = rows[oy * s.sh + ky * s.dh] + left * s.ic;
#if BURIN_MVE
#define BURIN_MVE_GATHER                                                                                               \
  ".rept %c[vectors]\n\t"                                                                                              \
  "vldrb.u8 q0, [%[from]], #16\n\t"                                                                                    \
  ".if %c[flip]\n\t"                                                                                                   \
  "veor q0, q0, q1\n\t"                                                                                                \
  ".endif\n\t"                                                                                                         \
  "vstrb.8 q0, [%[to]], #16\n\t"                                                                                       \
  ".endr\n\t"
#define BURIN_MVE_ON "add %[from], %[from], %[step]\n\tadd %[to], %[to], %[pitch]\n\t"
    if (__builtin_constant_p(vectors)) {
      int8_t* t = to;
      // clang-format off
      __asm__ volatile("vmov.i8 q1, %[flip]\n\t" BURIN_MVE_GATHER BURIN_MVE_ON BURIN_MVE_GATHER BURIN_MVE_ON BURIN_MVE_GATHER
                         BURIN_MVE_ON BURIN_MVE_GATHER BURIN_MVE_LINES_128
                     : [from] "+r"(from), [to] "+r"(t)
                     : [step] "r"(s.sw * s.ic - vectors * 16), [pitch] "r"(pitch - vectors * 16), [vectors] "i"(vectors), [flip] "i"(X(-1) < X(0) ? 0 : 0x80)
                     : "q0", "q1", "memory");
      // clang-format on
      continue;
    }
#undef BURIN_MVE_GATHER
#undef BURIN_MVE_ON
#endif
    for (int32_t p = 0; p < 4; ++p)
      for (int32_t i = 0; i < vectors * 16; ++i) to[p * pitch + i] = mve_byte(from[p * s.sw * s.ic + i]);
  }
}

/// n rows of output, as conv_q8_ref. params are inside w.
template <bool kPairs = false, class X, class Y>
BURIN_INLINE void conv_q8_mve(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                              const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)params;
  const int32_t chunks = mve_chunks(s.kh * s.kw * s.ic), pitch = chunks * 16 + 16, total = n * s.ow;
  const int32_t vectors = mve_run_vectors(s.kw, s.dw, s.ic);
  int8_t* const columns = static_cast<int8_t*>(scratch);
  mve_fill(columns, 0, pitch * 4);  // what is behind the last tap meets weights of zero
  alignas(16) uint32_t offsets[4];
  MveBlock b;
  b.offsets = offsets;
  b.w = w;
  b.lo = q.lo;
  for (int32_t p = 0; p < 4; ++p) b.x[p] = columns + p * pitch;
  const bool by_quads = !kPairs && mve_by_quads(chunks, s.oc);
  mve_offsets(offsets, total < 4 ? total : 4, s.oc, by_quads);
  int32_t oy = 0, ox = 0;
  for (int32_t done = 0; done < total; done += 4) {
    const int32_t count = total - done < 4 ? total - done : 4;
    if (count < 4 && done > 0) mve_offsets(offsets, count, s.oc, by_quads);
    const int32_t left = ox * s.sw - s.pl;
    bool inside = vectors > 0 && vectors <= 16 && count == 4 && left >= 0 && ox + 4 <= s.ow &&
                  (left + 3 * s.sw) * s.ic + vectors * 16 <= s.iw * s.ic;
    for (int32_t ky = 0; ky < s.kh; ++ky) inside = inside && rows[oy * s.sh + ky * s.dh];
    if (inside) {
      mve_gather_four(s, rows, oy, left, columns, pitch);
      ox += 4;
      if (ox == s.ow) ox = 0, ++oy;
    } else {
      for (int32_t p = 0; p < count; ++p) {
        mve_gather(s, mve_byte(X(x_zero)), rows, oy, ox, columns + p * pitch);
        if (++ox == s.ow) ox = 0, ++oy;
      }
      b.x[1] = columns + pitch, b.x[2] = columns + 2 * pitch, b.x[3] = columns + 3 * pitch;
    }
    mve_pixels(q, count, chunks, s.oc, s.oc, by_quads, s.ow % 2 != 0, b, y);
    y += count * s.oc;
  }
}

/// Pixel p of a row in place if its int8 vectors end within the row, else copied to `column`.
BURIN_INLINE const int8_t* mve_pixel(const int8_t* row, int32_t p, const ConvShape& s, int8_t* column) {
  if (p * s.ic + mve_chunks(s.ic) * 16 <= s.iw * s.ic) return row + p * s.ic;
  mve_copy(column, row + p * s.ic, s.ic);
  return column;
}
BURIN_INLINE const int8_t* mve_pixel(const uint8_t* row, int32_t p, const ConvShape& s, int8_t* column) {
  mve_copy(column, row + p * s.ic, s.ic);
  return column;
}

/// Whether weights of two filters stay in registers while they run over many pixels.
BURIN_INLINE constexpr bool mve_resident(const ConvShape& s) { return s.ic <= 32; }
BURIN_INLINE constexpr bool mve_pointwise_by_quads(const ConvShape& s) {
  return !mve_resident(s) && mve_by_quads(mve_chunks(s.ic), s.oc);
}

/// One pair of filters of one or two chunks at `groups` * 4 pixels (more than 0), `pixel` bytes (up to 127) apart from
/// b.x[0] on; their results are `step` apart, up to b.end.
template <class Y>
BURIN_INLINE void mve_run_pair(const Requant& q, int32_t chunks, int32_t pixel, int32_t step, int32_t groups,
                               const MveBlock& b) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(chunks) && __builtin_constant_p(pixel) && __builtin_constant_p(step)) {
// clang-format off
#define BURIN_MVE_RUN_BEGIN                                                                                            \
  "push {r7, r11}\n\t"                                                                                                 \
  "ldr r1, [%[b]]\n\t"                                                                                                 \
  "ldrd r8, r9, [%[b], #16]\n\t"                                                                                       \
  "ldrd r3, r12, [%[b], #24]\n\t"                                                                                      \
  "movw r10, %[step]\n\t"                                                                                               \
  "push {r10, r12}\n\t"                                                                                                \
  "vldrw.u32 q6, [r8]\n\t"                                                                                             \
  "mov r0, %[unit]\n\t"                                                                                                \
  "vdup.32 q7, r0\n\t"                                                                                                 \
  "vldrw.u32 q2, [r9], #16\n\t"                                                                                        \
  "vldrw.u32 q3, [r9], #16\n\t"
// clang-format on
#define BURIN_MVE_RUN_END                                                                                              \
  BURIN_MVE_GATHER_SUMS                                                                                                \
  "vmlas.s32 q0, q7, r5\n\t"                                                                                           \
  "vmlas.s32 q1, q7, r9\n\t"                                                                                           \
  "vqdmulh.s32 q0, q0, r7\n\t"                                                                                         \
  "vqdmulh.s32 q1, q1, r11\n\t"                                                                                        \
  "ldrd r2, r4, [sp]\n\t" BURIN_MVE_NARROW("mov r0, %[lo]\n\tvdup.16 q1, r0\n\tvmax.s16 q0, q0, q1\n\t")               \
  "vstrb.16 q0, [r3, q6]\n\t"                                                                                          \
  "add r3, r3, r2\n\t"                                                                                                 \
  "cmp r3, r4\n\t"                                                                                                     \
  "bne 1b\n\t"                                                                                                         \
  "add sp, sp, #8\n\t"                                                                                                 \
  "pop {r7, r11}\n\t"
    if (chunks == 1) {
      __asm__ volatile(BURIN_MVE_RUN_BEGIN
                       "ldrd r5, r7, [r9], #8\n\t"
                       "ldrd r9, r11, [r9]\n"
                       "1:\n\t"
                       "vldrb.u8 q0, [r1], %[pixel]\n\t"
                       "vldrb.u8 q1, [r1], %[pixel]\n\t"
                       "vmladav.s8 r0, q0, q2\n\t"
                       "vmladav.s8 r8, q0, q3\n\t"
                       "vldrb.u8 q0, [r1], %[pixel]\n\t"
                       "vmladav.s8 r2, q1, q2\n\t"
                       "vmladav.s8 r10, q1, q3\n\t"
                       "vldrb.u8 q1, [r1], %[pixel]\n\t"
                       "vmladav.s8 r4, q0, q2\n\t"
                       "vmladav.s8 r12, q0, q3\n\t"
                       "vmladav.s8 r6, q1, q2\n\t"
                       "vmladav.s8 lr, q1, q3\n\t" BURIN_MVE_RUN_END
                       :
                       : [b] "r"(&b), [pixel] "i"(pixel), [step] "i"(4 * step), BURIN_MVE_OPERANDS(q, Y)
                       : BURIN_MVE_CLOBBERS);
    } else {
// clang-format off
#define BURIN_MVE_RUN_PIXEL(a, b)                                                                                      \
  "vldrb.u8 q0, [r1], #16\n\t"                                                                                         \
  "vmladav.s8 " a ", q0, q2\n\t"                                                                                       \
  "vldrb.u8 q1, [r1], %[pixel]\n\t"                                                                                    \
  "vmladav.s8 " b ", q0, q3\n\t"                                                                                       \
  "vmladava.s8 " a ", q1, q4\n\t"                                                                                      \
  "vmladava.s8 " b ", q1, q5\n\t"
      // clang-format on
      __asm__ volatile(BURIN_MVE_RUN_BEGIN
                       "vldrw.u32 q4, [r9], #16\n\t"
                       "vldrw.u32 q5, [r9], #16\n\t"
                       "ldrd r5, r7, [r9], #8\n\t"
                       "ldrd r9, r11, [r9]\n"
                       "1:\n\t" BURIN_MVE_RUN_PIXEL("r0", "r8") BURIN_MVE_RUN_PIXEL("r2", "r10")
                           BURIN_MVE_RUN_PIXEL("r4", "r12") BURIN_MVE_RUN_PIXEL("r6", "lr") BURIN_MVE_RUN_END
                       :
                       : [b] "r"(&b), [pixel] "i"(pixel - 16), [step] "i"(4 * step), BURIN_MVE_OPERANDS(q, Y)
                       : BURIN_MVE_CLOBBERS);
#undef BURIN_MVE_RUN_PIXEL
    }
#undef BURIN_MVE_RUN_BEGIN
#undef BURIN_MVE_RUN_END
    return;
  }
#endif
  const int8_t* w = static_cast<const int8_t*>(b.w);
  for (int32_t p = 0; p < groups * 4; ++p)
    for (int32_t f = 0; f < 2; ++f) {
      int32_t sum = 0;
      for (int32_t k = 0; k < chunks * 16; ++k) sum += b.x[0][p * pixel + k] * w[k / 16 * 32 + f * 16 + k % 16];
      static_cast<Y*>(b.y)[p * step + f] = mve_store<Y>(q, w + chunks * 32 + f * 8, sum);
    }
}

/// All filters at `groups` * 4 pixels, which lie `pixel` bytes apart and their results `step`; returns how many pixels.
template <class Y>
BURIN_INLINE int32_t mve_run(const Requant& q, int32_t chunks, int32_t pixel, int32_t step, int32_t filters,
                             int32_t groups, const int8_t* x, MveBlock b, const uint32_t* weights, Y* y) {
  if (groups <= 0) return 0;
  const int8_t* w = reinterpret_cast<const int8_t*>(weights);
  b.x[0] = x;
  int32_t f = 0;
  for (; f + 2 <= filters; f += 2, w += chunks * 32 + 16) {
    b.w = w;
    b.y = y + f;
    b.end = y + f + groups * 4 * step;
    mve_run_pair<Y>(q, chunks, pixel, step, groups, b);
  }
  if (f < filters)
    for (int32_t p = 0; p < groups * 4; ++p)
      y[p * step + f] = mve_store<Y>(q, w + chunks * 16, mve_dot(x + p * pixel, w, chunks));
  return groups * 4;
}
/// The same at the first pixels of a row: all groups that lie wholly in it with their last vector.
template <class Y>
BURIN_INLINE int32_t mve_run_row(const ConvShape& s, const Requant& q, const int8_t* row, const MveBlock& b,
                                 const uint32_t* w, Y* y) {
  const int32_t chunks = mve_chunks(s.ic), over = chunks * 16 - s.ic;
  return mve_run<Y>(q, chunks, s.ic, s.oc, s.oc, (s.ow * s.ic - over) / s.ic / 4, row, b, w, y);
}
template <class Y>
BURIN_INLINE int32_t mve_run_row(const ConvShape&, const Requant&, const uint8_t*, const MveBlock&, const uint32_t*,
                                 Y*) {
  return 0;  // bytes are made signed on the way to a column
}

/// 1x1, stride 1, no padding: rows of pixels, each row in one piece.
template <bool kPairs = false, class X, class Y>
BURIN_INLINE void pointwise_q8_mve(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                   int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)x_zero;
  (void)params;
  const int32_t chunks = mve_chunks(s.ic);
  const bool by_quads = !kPairs && mve_pointwise_by_quads(s);
  int8_t* const columns = static_cast<int8_t*>(scratch);
  mve_fill(columns, 0, chunks * 64);
  alignas(16) uint32_t offsets[4];
  MveBlock b;
  b.offsets = offsets;
  b.w = w;
  b.lo = q.lo;
  for (int32_t oy = 0; oy < n; ++oy) {
    const X* const row = rows[oy];
    mve_offsets(offsets, 4, s.oc, by_quads);
    int32_t ox = mve_resident(s) ? mve_run_row(s, q, row, b, w, y) : 0;
    y += ox * s.oc;
    for (; ox < s.ow; ox += 4) {
      const int32_t count = s.ow - ox < 4 ? s.ow - ox : 4;
      if (count < 4) mve_offsets(offsets, count, s.oc, by_quads);
      for (int32_t p = 0; p < count; ++p) b.x[p] = mve_pixel(row, ox + p, s, columns + p * chunks * 16);
      mve_pixels(q, count, chunks, s.oc, s.oc, by_quads, s.ow % 4 == 1, b, y);
      y += count * s.oc;
    }
  }
}

}  // namespace burin
