// Convolution with windows 3 wide and up to 3 high on int8 and uint8 for cores with Helium, input channels a multiple
// of 16: no windows are gathered. The rows that a row of output reads lie in working memory with their padding; sixteen
// channels of a pixel are a vector, and four neighbouring output pixels x two filters share them: with stride 1 six
// loads serve the twelve operands of a window row, with stride 2 nine. Requantization by RequantKind::vector.
//
// Weights: per pair of filters [window row][16 channels][tap][filter] vectors, taps in the order 0 1 2, with stride 2
// across 0 2 1; then {p0, multiplier} of both.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/mve.h"

namespace burin {

/// Bytes of a row in working memory, and rows.
BURIN_INLINE constexpr int32_t conv_rows_mve_pitch(const ConvShape& s) { return ((s.ow - 1) * s.sw + 3) * s.ic; }
BURIN_INLINE constexpr int32_t conv_rows_mve_ring(const ConvShape& s) { return (s.kh - 1) * s.dh + 1; }
BURIN_INLINE constexpr int32_t conv_rows_q8_mve_scratch(const ConvShape& s) {
  return conv_rows_mve_ring(s) * conv_rows_mve_pitch(s);
}
/// Whether the kernel serves a shape: four pixels of a window row must be in reach of one register.
BURIN_INLINE constexpr bool conv_rows_mve_serves(const ConvShape& s) {
  return s.kw == 3 && s.kh <= 3 && s.dw == 1 && s.sw <= 2 && s.ow >= 4 && s.oc % 2 == 0 && s.ic % 16 == 0 &&
         (s.sw == 1 ? 6 : 9) * s.ic - 16 <= 508;
}
/// Tap that is the i-th of a window row.
BURIN_INLINE constexpr int32_t conv_rows_mve_tap(const ConvShape& s, int32_t i) { return s.sw == 1 ? i : (3 - i) % 3; }

/// What a block reads first; the order is the assembly's.
struct MveRows {
  const int8_t* x[3];  // first pixel of each window row
  void* y;
  const void* w;
  const void* end;
  const uint32_t* offsets;  // as mve_offsets makes them
};

/// `pairs` * 2 filters at four neighbouring pixels.
template <class Y>
BURIN_INLINE void mve_four_windows(const ConvShape& s, const Requant& q, int32_t pairs, const MveRows& b) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(s.ic) && __builtin_constant_p(s.sw) && __builtin_constant_p(s.kh)) {
// Both filters at one pixel: q4, q5 times x, sums in a and b, a load beside each product.
#define BURIN_MVE_ROW_PIXEL_BY(mac, x, a, b, load_a, load_b)                                                           \
  mac " " a ", q4, " x "\n\t" load_a mac " " b ", q5, " x "\n\t" load_b
#define BURIN_MVE_ROW_PIXEL(x, a, b, load_a, load_b) BURIN_MVE_ROW_PIXEL_BY("vmladava.s8", x, a, b, load_a, load_b)
// Of the first step: sums begin.
// clang-format off
#define BURIN_MVE_ROW_PIXEL_0(x, a, b, load_a, load_b)                                                                 \
  ".if .Lburin_first\n\t" BURIN_MVE_ROW_PIXEL_BY("vmladav.s8", x, a, b, load_a, load_b)                                \
  ".else\n\t" BURIN_MVE_ROW_PIXEL(x, a, b, load_a, load_b) ".endif\n\t"
#define BURIN_MVE_ROW_W(w) "vldrw.u32 " w ", [r9], #16\n\t"
#define BURIN_MVE_ROW_X(x, r, pixel) "vldrw.u32 " x ", [" r ", #.Lburin_at + " pixel " * %c[pixel]]\n\t"
// Before a step three vectors are in q0 to q2 and two filters in q4, q5. `r` is the row's register, `next` the following
// step's, `on` sets .Lburin_at for that.
#define BURIN_MVE_ROW_STEP_1(r, on, next, more)                                                                              \
  BURIN_MVE_ROW_PIXEL_0("q0", "r0", "r8", BURIN_MVE_ROW_X("q3", r, "3"), BURIN_MVE_ROW_X("q0", r, "4"))                  \
  BURIN_MVE_ROW_PIXEL_0("q1", "r2", "r10", "", "")                                                                       \
  BURIN_MVE_ROW_PIXEL_0("q2", "r4", "r12", "", "")                                                                       \
  BURIN_MVE_ROW_PIXEL_0("q3", "r6", "lr", BURIN_MVE_ROW_W("q4"), BURIN_MVE_ROW_W("q5"))                                  ".set .Lburin_first, 0\n\t" \
  BURIN_MVE_ROW_PIXEL("q1", "r0", "r8", "", BURIN_MVE_ROW_X("q1", r, "5"))                                             \
  BURIN_MVE_ROW_PIXEL("q2", "r2", "r10", "", "")                                                                       \
  BURIN_MVE_ROW_PIXEL("q3", "r4", "r12", "", "")                                                                       \
  BURIN_MVE_ROW_PIXEL("q0", "r6", "lr", BURIN_MVE_ROW_W("q4"), BURIN_MVE_ROW_W("q5"))                                  \
  on BURIN_MVE_ROW_PIXEL("q0", "r4", "r12", "", BURIN_MVE_ROW_X("q0", next, "0"))                                      \
  BURIN_MVE_ROW_PIXEL("q1", "r6", "lr", "", BURIN_MVE_ROW_X("q1", next, "1"))                                          \
  BURIN_MVE_ROW_PIXEL("q2", "r0", "r8", "", BURIN_MVE_ROW_X("q2", next, "2"))                     \
  more("r2", "r10")
#define BURIN_MVE_ROW_STEP_2(r, on, next, more)                                                                              \
  BURIN_MVE_ROW_PIXEL_0("q0", "r0", "r8", BURIN_MVE_ROW_X("q3", r, "6"), BURIN_MVE_ROW_X("q0", r, "8"))                  \
  BURIN_MVE_ROW_PIXEL_0("q1", "r2", "r10", "", "")                                                                       \
  BURIN_MVE_ROW_PIXEL_0("q2", "r4", "r12", "", "")                                                                       \
  BURIN_MVE_ROW_PIXEL_0("q3", "r6", "lr", BURIN_MVE_ROW_W("q4"), BURIN_MVE_ROW_W("q5"))                                  ".set .Lburin_first, 0\n\t" \
  BURIN_MVE_ROW_PIXEL("q1", "r0", "r8", "", BURIN_MVE_ROW_X("q1", r, "1"))                                             \
  BURIN_MVE_ROW_PIXEL("q2", "r2", "r10", "", BURIN_MVE_ROW_X("q2", r, "3"))                                            \
  BURIN_MVE_ROW_PIXEL("q3", "r4", "r12", "", BURIN_MVE_ROW_X("q3", r, "5"))                                            \
  BURIN_MVE_ROW_PIXEL("q0", "r6", "lr", BURIN_MVE_ROW_W("q4"), BURIN_MVE_ROW_W("q5"))                                  \
  BURIN_MVE_ROW_PIXEL("q1", "r0", "r8", BURIN_MVE_ROW_X("q0", r, "7") on, BURIN_MVE_ROW_X("q1", next, "2"))            \
  BURIN_MVE_ROW_PIXEL("q0", "r6", "lr", "", BURIN_MVE_ROW_X("q0", next, "0"))                                          \
  BURIN_MVE_ROW_PIXEL("q2", "r2", "r10", "", BURIN_MVE_ROW_X("q2", next, "4"))                     \
  more("r4", "r12")
#define BURIN_MVE_ROW_ON ".set .Lburin_at, .Lburin_at + 16\n\t"
#define BURIN_MVE_ROW_START ".set .Lburin_at, 0\n\t"
// The last pixel of a step, with and without another step behind it.
#define BURIN_MVE_ROW_MORE(a, b) BURIN_MVE_ROW_PIXEL("q3", a, b, BURIN_MVE_ROW_W("q4"), BURIN_MVE_ROW_W("q5"))
#define BURIN_MVE_ROW_LAST(a, b) BURIN_MVE_ROW_PIXEL("q3", a, b, "", "")
#define BURIN_MVE_ROW(step, r, next, more)                                                                             \
  ".rept %c[parts] - 1\n\t" step(r, BURIN_MVE_ROW_ON, r, BURIN_MVE_ROW_MORE) ".endr\n\t" BURIN_MVE_LINES_128           \
  step(r, BURIN_MVE_ROW_START, next, more)
#define BURIN_MVE_FOUR_WINDOWS(step, second)                                                                     \
  __asm__ volatile(                                                                                                    \
      "push {r7, r11}\n\t"                                                                                             \
      "mov r12, %[b]\n\t"                                                                                              \
      "ldr r0, [r12, #24]\n\t"                                                                                         \
      "ldm r12, {r1, r3, r5, r7, r9, r11}\n\t"                                                                         \
      "vldrw.u32 q7, [r0]\n\t"                                                                                         \
      "mov r0, %[unit]\n\t"                                                                                            \
      "vdup.32 q6, r0\n\t" BURIN_MVE_ROW_START                                                                         \
      BURIN_MVE_ROW_X("q0", "r1", "0") BURIN_MVE_ROW_X("q1", "r1", second) BURIN_MVE_ROW_X("q2", "r1", "2 * " second)  \
      "1:\n\t" BURIN_MVE_ROW_W("q4") BURIN_MVE_ROW_W("q5")                                                             \
      ".set .Lburin_first, 1\n\t"                                                                                      \
      ".if %c[height] == 1\n\t" BURIN_MVE_ROW(step, "r1", "r1", BURIN_MVE_ROW_LAST)                                    \
      ".elseif %c[height] == 2\n\t" BURIN_MVE_ROW(step, "r1", "r3", BURIN_MVE_ROW_MORE)                                \
      BURIN_MVE_ROW(step, "r3", "r1", BURIN_MVE_ROW_LAST)                                                              \
      ".else\n\t" BURIN_MVE_ROW(step, "r1", "r3", BURIN_MVE_ROW_MORE)                                                  \
      BURIN_MVE_ROW(step, "r3", "r5", BURIN_MVE_ROW_MORE) BURIN_MVE_ROW(step, "r5", "r1", BURIN_MVE_ROW_LAST)          \
      ".endif\n\t"                                                                                                     \
      BURIN_MVE_HALVES BURIN_MVE_BYTES("b", "q4", "q4") BURIN_MVE_CLAMP_BYTES("q4", "q5", "r0")                        \
      "vstrb.16 q4, [r7, q7]\n\t"                                                                                      \
      "adds r7, r7, #2\n\t"                                                                                            \
      "cmp r7, r11\n\t"                                                                                                \
      "bne.w 1b\n\t"                                                                                                   \
      "pop {r7, r11}\n\t"                                                                                              \
      :                                                                                                                \
      : [b] "r"(&b), [parts] "i"(s.ic / 16), [pixel] "i"(s.ic), [height] "i"(s.kh), BURIN_MVE_OPERANDS(q, Y)           \
      : BURIN_MVE_CLOBBERS)
    // clang-format on
    if (s.sw == 1) BURIN_MVE_FOUR_WINDOWS(BURIN_MVE_ROW_STEP_1, "1");
    else BURIN_MVE_FOUR_WINDOWS(BURIN_MVE_ROW_STEP_2, "2");
#undef BURIN_MVE_FOUR_WINDOWS
#undef BURIN_MVE_ROW
#undef BURIN_MVE_ROW_LAST
#undef BURIN_MVE_ROW_MORE
#undef BURIN_MVE_ROW_START
#undef BURIN_MVE_ROW_ON
#undef BURIN_MVE_ROW_STEP_2
#undef BURIN_MVE_ROW_STEP_1
#undef BURIN_MVE_ROW_X
#undef BURIN_MVE_ROW_W
#undef BURIN_MVE_ROW_PIXEL_0
#undef BURIN_MVE_ROW_PIXEL
#undef BURIN_MVE_ROW_PIXEL_BY
    return;
  }
#endif
  const int8_t* w = static_cast<const int8_t*>(b.w);
  Y* y = static_cast<Y*>(b.y);
  const int32_t parts = s.ic / 16, all = s.kh * parts * 6 * 16;
  for (int32_t pair = 0; pair < pairs; ++pair, y += 2, w += all + 16)
    for (int32_t i = 0; i < 8; ++i) {
      int32_t sum = 0;
      const int8_t* v = w + i % 2 * 16;
      for (int32_t ky = 0; ky < s.kh; ++ky)
        for (int32_t part = 0; part < parts; ++part)
          for (int32_t k = 0; k < 3; ++k, v += 32) {
            const int8_t* x = b.x[ky] + (i / 2 * s.sw + conv_rows_mve_tap(s, k)) * s.ic + part * 16;
            for (int32_t c = 0; c < 16; ++c) sum += x[c] * v[c];
          }
      y[b.offsets[i / 2] >> i % 2 * 16 & 0xFFFF] = mve_store<Y>(q, w + all + i % 2 * 8, sum);
    }
}

/// A row with its padding; null is padding alone.
template <class X>
BURIN_INLINE void mve_padded_row(const ConvShape& s, int8_t zero, const X* row, int8_t* to) {
  const int32_t pitch = conv_rows_mve_pitch(s), left = s.pl * s.ic < pitch ? s.pl * s.ic : pitch;
  const int32_t inside = !row ? 0 : s.iw * s.ic < pitch - left ? s.iw * s.ic : pitch - left;
  mve_fill(to, zero, left);
  mve_copy(to + left, row, inside);
  mve_fill(to + left + inside, zero, pitch - left - inside);
}

/// n rows of output, as conv_q8_ref. params are inside w.
template <class X, class Y>
BURIN_INLINE void conv_rows_q8_mve(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                   int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)params;
  const int32_t pitch = conv_rows_mve_pitch(s), ring = conv_rows_mve_ring(s);
  int8_t* const memory = static_cast<int8_t*>(scratch);
  alignas(16) uint32_t offsets[4];
  mve_offsets(offsets, 4, s.oc, false);
  MveRows b;
  b.w = w;
  b.offsets = offsets;
  int32_t there = 0;  // rows before this one are in the ring, or will not be read any more
  for (int32_t oy = 0; oy < n; ++oy, y += s.ow * s.oc) {
    if (there < oy * s.sh) there = oy * s.sh;
    for (; there < oy * s.sh + ring; ++there)
      mve_padded_row(s, mve_byte(X(x_zero)), rows[there], memory + there % ring * pitch);
    for (int32_t ox = 0; ox < s.ow; ox += 4) {
      const int32_t at = ox + 4 <= s.ow ? ox : s.ow - 4;  // the last pixels, some of them once more
      for (int32_t ky = 0; ky < 3; ++ky)
        b.x[ky] = memory + (oy * s.sh + (ky < s.kh ? ky : 0) * s.dh) % ring * pitch + at * s.sw * s.ic;
      b.y = y + at * s.oc;
      b.end = y + at * s.oc + s.oc;
      mve_four_windows<Y>(s, q, s.oc / 2, b);
    }
  }
}

}  // namespace burin
