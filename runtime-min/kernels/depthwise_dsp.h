// Depthwise convolution with windows three wide for cores with DSP: four channels at a time are gathered into planar
// strips of 16-bit pixels (padding included), and each row of a window is then three products in two instructions.
// One output per input channel, channels a multiple of four, horizontal stride 1 or 2, no dilation, any height.
//
// Weights are used times 256 (int8 * 256 fits 16 bits), so that the accumulator is what shift8 starts from: a window
// row is the words (w0, w1) and (w1, w2), which are unpacked once per channel from one of four bytes, w1 w0 w2 w1.
// Parameters as in hs.h.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Words of one padded row of one channel: two pixels each, from column -pl to the last one that an output reads.
BURIN_INLINE constexpr int32_t depthwise_row_words(const ConvShape& s) { return ((s.ow - 1) * s.sw + s.kw + 1) / 2; }
/// Words from a row of a strip to the one below, and from one channel's to the next one's: the four channels of a row
/// lie together as long as offsets fit the loads.
BURIN_INLINE constexpr bool depthwise_by_rows(const ConvShape& s) { return depthwise_row_words(s) < 32; }
BURIN_INLINE constexpr int32_t depthwise_down(const ConvShape& s) {
  return depthwise_row_words(s) * (depthwise_by_rows(s) ? 4 : 1);
}
BURIN_INLINE constexpr int32_t depthwise_next(const ConvShape& s, int32_t n) {
  return depthwise_row_words(s) * (depthwise_by_rows(s) ? 1 : s.rows(n));
}
/// Bytes of working memory for n rows of output: four strips and one channel's weights.
BURIN_INLINE constexpr int32_t depthwise_q8_dsp_scratch(const ConvShape& s, int32_t n) {
  return 16 * s.rows(n) * depthwise_row_words(s) + 8 * s.kh;
}

/// Two pixels of four channels into the four planes.
BURIN_INLINE void depthwise_put(uint32_t* d, int32_t plane, uint32_t a, uint32_t b) {
  const uint32_t low = pkhbt(a, b), high = pkhtb(b, a);  // channels 0 and 1 of both pixels, channels 2 and 3
  d[0] = sxtb16(low);
  d[plane] = sxtb16_ror8(low);
  d[2 * plane] = sxtb16(high);
  d[3 * plane] = sxtb16_ror8(high);
}

/// One row of four channels, from column -pl on; row null: padding. again: other channels of the same rows were there
/// before, so that whole words of padding stand.
template <class X>
BURIN_INLINE void depthwise_fill(const ConvShape& s, uint32_t zeros, const X* row, int32_t plane, bool again,
                                 uint32_t* d) {
  const int32_t words = depthwise_row_words(s);
  if (!row) {
    for (int32_t i = 0; i < words && !again; ++i) depthwise_put(d + i, plane, zeros, zeros);
    return;
  }
  // Pairs whose two pixels both lie in the image are pairs [first, last).
  const int32_t first = (s.pl + 1) / 2, last = (s.iw + s.pl) / 2 < words ? (s.iw + s.pl) / 2 : words;
  int32_t i = 0;
  for (; i < first && i < words; ++i) {
    const int32_t x = 2 * i + 1 - s.pl;  // the left one of the pair is padding
    depthwise_put(d + i, plane, zeros, x >= 0 && x < s.iw ? hs_bytes(row + x * s.ic) : zeros);
  }
  if (i < last) {
    const X* p = row + (2 * i - s.pl) * s.ic;
    if (last - i < 4) {
      BURIN_UNROLL
      for (int32_t k = 0; k < 3; ++k)
        if (i + k < last) depthwise_put(d + i + k, plane, hs_bytes(p + 2 * k * s.ic), hs_bytes(p + (2 * k + 1) * s.ic));
      i = last;
    } else {
      do {
        depthwise_put(d + i, plane, hs_bytes(p), hs_bytes(p + s.ic));
        p += 2 * s.ic;
      } while (++i < last);
    }
  }
  for (; i < words; ++i) {
    const int32_t x = 2 * i - s.pl;
    if (x >= s.iw && again) break;
    depthwise_put(d + i, plane, x >= 0 && x < s.iw ? hs_bytes(row + x * s.ic) : zeros, zeros);
  }
}

#if BURIN_DSP
#define BURIN_DW_p0 "%[p0]"
#define BURIN_DW_p1 "%[p1]"
#define BURIN_DW_p2 "%[p2]"
#define BURIN_DW_p3 BURIN_BORROWED(p3)
// Three rows of a window for 3 to 6 outputs. Stride 1: an output at an even place takes SMLAD and SMLABT, its right
// neighbour SMLATB and SMLAD of the same two words. `from` says where a sum starts: all from the last one's register.
#define BURIN_DW_OWN(a) #a
#define BURIN_DW_EVEN(a, from, x, y)                                                                                   \
  "smlad %[" #a "], " BURIN_DW_##x ", %[w0], %[" from "]\n\tsmlabt %[" #a "], " BURIN_DW_##y ", %[w1], %[" #a "]\n\t"
#define BURIN_DW_ODD(a, from, x, y)                                                                                    \
  "smlatb %[" #a "], " BURIN_DW_##x ", %[w0], %[" from "]\n\tsmlad %[" #a "], " BURIN_DW_##y ", %[w1], %[" #a "]\n\t"
#define BURIN_DW_LOAD_2(x, y, at) "ldrd " BURIN_DW_##x ", " BURIN_DW_##y ", [%[p], #" at "]\n\t"
#define BURIN_DW_LOAD_1(x, at) "ldr " BURIN_DW_##x ", [%[p], #" at "]\n\t"
// clang-format off
#define BURIN_DW_1_OF_3(F, at)                                                                                         \
  BURIN_DW_LOAD_2(p0, p1, at) BURIN_DW_LOAD_1(p2, at "+8")                                                             \
  BURIN_DW_EVEN(a0, F(a0), p0, p1) BURIN_DW_ODD(a1, F(a1), p0, p1) BURIN_DW_EVEN(a2, F(a2), p1, p2)
#define BURIN_DW_1_OF_4(F, at) BURIN_DW_1_OF_3(F, at) BURIN_DW_ODD(a3, F(a3), p1, p2)
#define BURIN_DW_1_OF_5(F, at)                                                                                         \
  BURIN_DW_LOAD_2(p0, p1, at) BURIN_DW_LOAD_2(p2, p3, at "+8")                                                         \
  BURIN_DW_EVEN(a0, F(a0), p0, p1) BURIN_DW_ODD(a1, F(a1), p0, p1) BURIN_DW_EVEN(a2, F(a2), p1, p2)                    \
  BURIN_DW_ODD(a3, F(a3), p1, p2) BURIN_DW_EVEN(a4, F(a4), p2, p3)
#define BURIN_DW_1_OF_6(F, at) BURIN_DW_1_OF_5(F, at) BURIN_DW_ODD(a5, F(a5), p2, p3)
// Stride 2: every output takes SMLAD of its word and SMLABT of the next one.
#define BURIN_DW_2_OF_3(F, at)                                                                                         \
  BURIN_DW_LOAD_2(p0, p1, at) BURIN_DW_EVEN(a0, F(a0), p0, p1) "smlad %[a1], %[p1], %[w0], %[" F(a1) "]\n\t"           \
  BURIN_DW_LOAD_2(p0, p1, at "+8") "smlabt %[a1], %[p0], %[w1], %[a1]\n\t" BURIN_DW_EVEN(a2, F(a2), p0, p1)
#define BURIN_DW_2_OF_4(F, at)                                                                                         \
  BURIN_DW_2_OF_3(F, at) BURIN_DW_LOAD_1(p0, at "+16") BURIN_DW_EVEN(a3, F(a3), p1, p0)
#define BURIN_DW_2_OF_5(F, at)                                                                                         \
  BURIN_DW_2_OF_3(F, at) "smlad %[a3], %[p1], %[w0], %[" F(a3) "]\n\t" BURIN_DW_LOAD_2(p0, p1, at "+16")               \
  "smlabt %[a3], %[p0], %[w1], %[a3]\n\t" BURIN_DW_EVEN(a4, F(a4), p0, p1)
#define BURIN_DW_2_OF_6(F, at)                                                                                         \
  BURIN_DW_2_OF_5(F, at) BURIN_DW_LOAD_1(p0, at "+24") BURIN_DW_EVEN(a5, F(a5), p1, p0)
#define BURIN_DW_FROM_3(a) "a2"
#define BURIN_DW_FROM_4(a) "a3"
#define BURIN_DW_FROM_5(a) "a4"
#define BURIN_DW_FROM_6(a) "a5"
// The rows below lie at constant distances, or, for a shape that is not known, p moves on.
#define BURIN_DW_KNOWN "%c[row]", "%c[row]*2", ""
#define BURIN_DW_MOVING "0", "0", "ldr %[w0], %[row]\n\tadd %[p], %[p], %[w0]\n\t"
#define BURIN_DW_WINDOW(stride, count, ...) BURIN_DW_WINDOW_AT(stride, count, __VA_ARGS__)
#define BURIN_DW_WINDOW_AT(stride, count, second, third, move)                                                         \
  "ldrd %[w0], %[w1], [%[w]]\n\t" BURIN_DW_##stride##_OF_##count(BURIN_DW_FROM_##count, "0") move                      \
  "ldrd %[w0], %[w1], [%[w], #8]\n\t" BURIN_DW_##stride##_OF_##count(BURIN_DW_OWN, second) move                        \
  "ldrd %[w0], %[w1], [%[w], #16]\n\t" BURIN_DW_##stride##_OF_##count(BURIN_DW_OWN, third)
#define BURIN_DW_TEMPORARIES [w0] "=&r"(w0), [w1] "=&r"(w1), [p0] "=&r"(p0), [p1] "=&r"(p1)
#define BURIN_DW_INPUTS(...) [w] "r"(w), __VA_ARGS__ : "memory"
#define BURIN_DW_AT(distance) [p] "r"(p), [row] "i"(distance)
#define BURIN_DW_SUMS(stride, count, ...)                                                                              \
  __asm__ volatile(BURIN_DW_WINDOW(stride, count, BURIN_DW_KNOWN) : __VA_ARGS__ : BURIN_DW_INPUTS(BURIN_DW_AT(down * 4)))
#define BURIN_DW_3                                                                                                     \
  [a0] "=&r"(a[0]), [a1] "=&r"(a[1]), [a2] "+r"(a[2]), BURIN_DW_TEMPORARIES, [p2] "=&r"(p2)
#define BURIN_DW_4                                                                                                     \
  [a0] "=&r"(a[0]), [a1] "=&r"(a[1]), [a2] "=&r"(a[2]), [a3] "+r"(a[3]), BURIN_DW_TEMPORARIES, [p2] "=&r"(p2)
#define BURIN_DW_5                                                                                                     \
  [a0] "=&r"(a[0]), [a1] "=&r"(a[1]), [a2] "=&r"(a[2]), [a3] "=&r"(a[3]), [a4] "+r"(a[4]), BURIN_DW_TEMPORARIES,       \
  [p2] "=&r"(p2), [p3] "=&r"(p3)
#define BURIN_DW_6                                                                                                     \
  [a0] "=&r"(a[0]), [a1] "=&r"(a[1]), [a2] "=&r"(a[2]), [a3] "=&r"(a[3]), [a4] "=&r"(a[4]), [a5] "+r"(a[5]),           \
  BURIN_DW_TEMPORARIES, [p2] "=&r"(p2), [p3] "=&r"(p3)
// The same for a row length that is not known, and shift8 with a shift that is not.
#define BURIN_DW_ANY(stride, saturate)                                                                                 \
  __asm__ volatile(BURIN_DW_WINDOW(stride, 6, BURIN_DW_MOVING)                                                         \
                   "ldr %[w0], %[multiplier]\n\tldr %[w1], %[offset]\n\tldr %[p0], %[shift]\n\t"                       \
                   BURIN_DW_EACH_6(BURIN_DW_MUL) BURIN_DW_EACH_6(BURIN_DW_SHIFT) BURIN_DW_EACH_6(saturate)             \
                   : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3), [a4] "=&r"(a4), [a5] "+r"(a5),    \
                     [p] "+r"(p), BURIN_DW_TEMPORARIES, [p2] "=&r"(p2), [p3] "=&r"(p3)                                 \
                   : BURIN_DW_INPUTS([row] "m"(row), [multiplier] "m"(multiplier), [offset] "m"(offset), [shift] "m"(shift)))
// clang-format on
// F of every sum and its place.
#define BURIN_DW_EACH_1(F) F(a0, 0)
#define BURIN_DW_EACH_2(F) BURIN_DW_EACH_1(F) F(a1, 1)
#define BURIN_DW_EACH_3(F) BURIN_DW_EACH_2(F) F(a2, 2)
#define BURIN_DW_EACH_4(F) BURIN_DW_EACH_3(F) F(a3, 3)
#define BURIN_DW_EACH_5(F) BURIN_DW_EACH_4(F) F(a4, 4)
#define BURIN_DW_EACH_6(F) BURIN_DW_EACH_5(F) F(a5, 5)
#define BURIN_DW_MUL(a, k) "smmla %[" #a "], %[" #a "], %[w0], %[w1]\n\t"
#define BURIN_DW_SHIFT(a, k) "asr %[" #a "], %[" #a "], %[p0]\n\t"
#define BURIN_DW_SSAT(a, k) "ssat %[" #a "], #8, %[" #a "]\n\t"
#define BURIN_DW_USAT(a, k) "usat %[" #a "], #8, %[" #a "]\n\t"
#endif

/// Outputs that are computed together.
constexpr int32_t kDepthwiseBlock = 6;

/// The sums of `count` (1 to 6, a constant) neighbouring outputs of one channel from strip p, whose rows lie `down`
/// words apart.
BURIN_INLINE void depthwise_sums(const ConvShape& s, int32_t count, const uint32_t* p, int32_t down, const uint32_t* w,
                                 int32_t first, int32_t* a) {
  BURIN_UNROLL
  for (int32_t k = 0; k < count; ++k) a[k] = first;
#if BURIN_DSP && !defined(__clang__)
  bool known = false;  // not const: its initializer would be folded before words is known
  if (__builtin_constant_p(down)) known = down < 125;
  if (s.kh == 3 && count > 2 && known) {
    uint32_t w0, w1, p0, p1, p2, p3;
    if (s.sw == 1) {
      if (count == 3) BURIN_DW_SUMS(1, 3, BURIN_DW_3);
      else if (count == 4) BURIN_DW_SUMS(1, 4, BURIN_DW_4);
      else if (count == 5) BURIN_DW_SUMS(1, 5, BURIN_DW_5);
      else BURIN_DW_SUMS(1, 6, BURIN_DW_6);
    } else {
      if (count == 3) BURIN_DW_SUMS(2, 3, BURIN_DW_3);
      else if (count == 4) BURIN_DW_SUMS(2, 4, BURIN_DW_4);
      else if (count == 5) BURIN_DW_SUMS(2, 5, BURIN_DW_5);
      else BURIN_DW_SUMS(2, 6, BURIN_DW_6);
    }
    return;
  }
#endif
  BURIN_UNROLL
  for (int32_t r = 0; r < s.kh; ++r, p += down, w += 2) {
    const uint32_t w01 = w[0], w12 = w[1];
    BURIN_UNROLL
    for (int32_t k = 0; k < count; ++k) {
      const uint32_t* at = p + k * s.sw / 2;
      if (k * s.sw % 2 == 0) a[k] = smlabt(at[1], w12, smlad(at[0], w01, a[k]));
      else a[k] = smlatb(at[0], w01, smlad(at[1], w12, a[k]));
    }
  }
}

/// `count` (1 to 6, a constant) outputs of one row of one channel.
template <class Y>
BURIN_INLINE void depthwise_outputs(const ConvShape& s, const Requant& q, int32_t count, const uint32_t* p,
                                    const uint32_t* w, const int32_t* params, Y* y) {
  int32_t a[kDepthwiseBlock];
  depthwise_sums(s, count, p, depthwise_down(s), w, params[0], a);
  const int32_t multiplier = params[1];
  BURIN_UNROLL
  for (int32_t k = 0; k < count; ++k) y[k * s.oc] = hs_store<Y>(q, multiplier, params + 1, a[k]);
}

// The same for all layers, whatever their shapes (--optimize size). Windows three high, shift8, hs_whole.

/// depthwise_fill: pixel by pixel whether it lies in the image.
template <class X>
BURIN_SHARED void depthwise_fill_any(uint32_t zeros, const X* row, int32_t x, int32_t iw, int32_t ic, int32_t words,
                                     int32_t plane, uint32_t* d) {
  int32_t at = x * ic;  // not a pointer: it may lie outside of the image, and row be null
  for (uint32_t* const end = d + words; d != end; ++d, x += 2, at += 2 * ic) {
    uint32_t a = zeros, b = zeros;
    if (row && uint32_t(x) < uint32_t(iw)) a = hs_bytes(row + at);
    if (row && uint32_t(x + 1) < uint32_t(iw)) b = hs_bytes(row + at + ic);
    depthwise_put(d, plane, a, b);
  }
}

/// A channel's rows of output in blocks of six, of which the last one may stand out of the strip: scratch goes on
/// there.
template <class Y>
BURIN_SHARED void depthwise_plane_any(const ConvShape& s, const Requant& q, int32_t n, const uint32_t* strip,
                                      const uint32_t* w, const int32_t* params, Y* y) {
  const int32_t words = depthwise_row_words(s), multiplier = params[1], first = params[0], oc = s.oc, sw = s.sw;
#if BURIN_DSP && !defined(__clang__)
  const int32_t row = words * 4, offset = q.offset, shift = q.shift;
#endif
  for (; n > 0; --n, strip += s.sh * words) {
    const uint32_t* at = strip;
    for (int32_t left = s.ow; left > 0; left -= kDepthwiseBlock, at += kDepthwiseBlock / 2 * sw) {
      int32_t a0, a1, a2, a3, a4, a5 = first;
#if BURIN_DSP && !defined(__clang__)
      const uint32_t* p = at;
      uint32_t w0, w1, p0, p1, p2, p3;
      if (sw == 1) {
        if (Y(-1) < Y(0)) BURIN_DW_ANY(1, BURIN_DW_SSAT);
        else BURIN_DW_ANY(1, BURIN_DW_USAT);
      } else {
        if (Y(-1) < Y(0)) BURIN_DW_ANY(2, BURIN_DW_SSAT);
        else BURIN_DW_ANY(2, BURIN_DW_USAT);
      }
#else
      int32_t a[kDepthwiseBlock];
      depthwise_sums(s, kDepthwiseBlock, at, words, w, a5, a);
      a0 = requantize_shift8(q, a[0], multiplier), a1 = requantize_shift8(q, a[1], multiplier);
      a2 = requantize_shift8(q, a[2], multiplier), a3 = requantize_shift8(q, a[3], multiplier);
      a4 = requantize_shift8(q, a[4], multiplier), a5 = requantize_shift8(q, a[5], multiplier);
#endif
      *y = Y(a0), y += oc;
      if (left >= kDepthwiseBlock) {
        *y = Y(a1), y += oc;
        *y = Y(a2), y += oc;
        *y = Y(a3), y += oc;
        *y = Y(a4), y += oc;
        *y = Y(a5), y += oc;
      } else {
        if (left > 1) *y = Y(a1), y += oc;
        if (left > 2) *y = Y(a2), y += oc;
        if (left > 3) *y = Y(a3), y += oc;
        if (left > 4) *y = Y(a4), y += oc;
      }
    }
  }
}

template <class X, class Y>
BURIN_INLINE void depthwise_any(const ConvShape& s, const Requant& q, uint32_t zeros, const X* const* rows, int32_t n,
                                const uint32_t* w, const int32_t* params, Y* y, uint32_t* planes) {
  const int32_t words = depthwise_row_words(s), strip = s.rows(n), plane = strip * words;
  uint32_t* const filter = planes + 4 * plane;
  for (int32_t c = 0; c < s.ic; c += 4) {
    for (int32_t r = 0; r < strip; ++r)
      depthwise_fill_any(zeros, rows[r] ? rows[r] + c : nullptr, -s.pl, s.iw, s.ic, words, plane, planes + r * words);
    for (int32_t k = 0; k < 4; ++k, w += 3, params += 2) {
      for (int32_t r = 0; r < 3; ++r) filter[2 * r] = w[r] & 0xFF00FF00u, filter[2 * r + 1] = (w[r] << 8) & 0xFF00FF00u;
      depthwise_plane_any(s, q, n, planes + k * plane, filter, params, y + c + k);
    }
  }
}

#if BURIN_DSP && BURIN_FPU
#define BURIN_DW_FPU 1
// All outputs of a channel in one loop, requantization included, with weights and what else is needed again and again
// in registers of the FPU. `rest`: outputs of a row beyond whole blocks of six.
#define BURIN_DW_1_OF_1(F, at) BURIN_DW_LOAD_2(p0, p1, at) BURIN_DW_EVEN(a0, F(a0), p0, p1)
#define BURIN_DW_2_OF_1(F, at) BURIN_DW_1_OF_1(F, at)
#define BURIN_DW_1_OF_2(F, at) BURIN_DW_1_OF_1(F, at) BURIN_DW_ODD(a1, F(a1), p0, p1)
// clang-format off
#define BURIN_DW_2_OF_2(F, at)                                                                                         \
  BURIN_DW_1_OF_1(F, at) BURIN_DW_LOAD_1(p2, at "+8") BURIN_DW_EVEN(a1, F(a1), p1, p2)
#define BURIN_DW_FROM_1(a) "a0"
#define BURIN_DW_FROM_2(a) "a1"
#define BURIN_DW_OUT(a, k)                                                                                             \
  ".if %c[u]\n\tusat %[" #a "], #8, %[" #a "], asr %[shift]\n\t.else\n\tssat %[" #a "], #8, %[" #a                     \
  "], asr %[shift]\n\t.endif\n\tstrb %[" #a "], [%[y], #%c[oc]*" #k "]\n\t"
#define BURIN_DW_BLOCK(stride, count)                                                                                  \
  "vmov %[" BURIN_DW_FROM_##count() "], %[first]\n\t"                                                                  \
  "vmov %[w0], %[w1], %P[f0]\n\t" BURIN_DW_##stride##_OF_##count(BURIN_DW_FROM_##count, "0")                           \
  "vmov %[w0], %[w1], %P[f1]\n\t" BURIN_DW_##stride##_OF_##count(BURIN_DW_OWN, "%c[row]")                              \
  "vmov %[w0], %[w1], %P[f2]\n\t" BURIN_DW_##stride##_OF_##count(BURIN_DW_OWN, "%c[row]*2")                            \
  "vmov %[w0], %[w1], %P[scale]\n\t" BURIN_DW_EACH_##count(BURIN_DW_MUL) BURIN_DW_EACH_##count(BURIN_DW_OUT)
#define BURIN_DW_REST(stride, rest) BURIN_DW_PLANE(stride, rest, BURIN_DW_BLOCK(stride, rest))
#define BURIN_DW_PLANE(stride, rest, last_block)                                                                       \
  __asm__ volatile(                                                                                                    \
      BURIN_BORROW "1:\n\t"                                                                                         \
      ".if %c[blocks] > 1\n\tmovw %[w0], #%c[blocks]*6*%c[oc]\n\tadd %[w0], %[y]\n\tvmov %[stop], %[w0]\n\t.endif\n\t" \
      ".if %c[blocks] > 0\n\t2:\n\t" BURIN_DW_BLOCK(stride, 6)                                                         \
      ".if %c[blocks] + " #rest " > 1\n\tadd %[p], #12*" #stride "\n\taddw %[y], %[y], #%c[oc]*6\n\t.endif\n\t"        \
      ".if %c[blocks] > 1\n\tvmov %[w0], %[stop]\n\tcmp %[y], %[w0]\n\tbne 2b\n\t.endif\n\t.endif\n\t"                 \
      last_block                                                                                                       \
      ".if %c[blocks] + " #rest " > 1\n\taddw %[p], %[p], #%c[down]-%c[blocks]*12*" #stride "\n\t.else\n\t"            \
      "addw %[p], %[p], #%c[down]\n\t.endif\n\t"                                                                       \
      ".if " #rest "\n\taddw %[y], %[y], #%c[oc]*" #rest "\n\t.else\n\t.if %c[blocks] == 1\n\t"                        \
      "addw %[y], %[y], #%c[oc]*6\n\t.endif\n\t.endif\n\t"                                                             \
      "vmov %[w0], %[end]\n\tcmp %[y], %[w0]\n\tbne 1b\n\t" BURIN_RETURN                                            \
      : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3), [a4] "=&r"(a4), [a5] "=&r"(a5),                \
        [w0] "=&r"(w0), [w1] "=&r"(w1), [p0] "=&r"(p0), [p1] "=&r"(p1), [p2] "=&r"(p2), [p] "+r"(p) BURIN_BORROWED_OPERAND(p3),       \
        [y] "+r"(y), [stop] "=&t"(stop)                                                                                \
      : [f0] "w"(f0), [f1] "w"(f1), [f2] "w"(f2), [scale] "w"(scale), [first] "t"(first), [end] "t"(end),              \
        [row] "i"(down * 4), [down] "i"(down * 4 * s.sh), [oc] "i"(s.oc), [shift] "i"(q.shift),                        \
        [u] "i"(Y(-1) > Y(0)), [blocks] "i"(s.ow / kDepthwiseBlock)                                                    \
      : "cc", "memory")
// clang-format on

/// Two words in one register of the FPU.
BURIN_INLINE double depthwise_two(uint32_t a, uint32_t b) {
  double r;
  __asm__("vmov %P0, %1, %2" : "=w"(r) : "r"(a), "r"(b));
  return r;
}

/// What the loop in assembly needs to know: everything in constants that fit its instructions.
template <class Y>
BURIN_INLINE bool depthwise_known(const ConvShape& s, const Requant& q) {
  const int32_t down = depthwise_down(s);
  if (!(__builtin_constant_p(down) && __builtin_constant_p(s.oc) && __builtin_constant_p(q.shift))) return false;
  return s.kh == 3 && down < 125 && down * s.sh < 1000 && s.oc < 680 && s.ow * s.oc < 65536 && q.shift > 0 &&
         q.kind == RequantKind::shift8 && hs_whole<Y>(q);
}

/// A channel's n rows of output from its plane; w as it lies in flash.
template <class Y>
BURIN_INLINE void depthwise_plane(const ConvShape& s, const Requant& q, int32_t n, const uint32_t* strip,
                                  const uint32_t* w, const int32_t* params, Y* out) {
  const int32_t down = depthwise_down(s), rest = s.ow % kDepthwiseBlock, first = params[0];
  const double f0 = depthwise_two(w[0] & 0xFF00FF00u, (w[0] << 8) & 0xFF00FF00u);
  const double f1 = depthwise_two(w[1] & 0xFF00FF00u, (w[1] << 8) & 0xFF00FF00u);
  const double f2 = depthwise_two(w[2] & 0xFF00FF00u, (w[2] << 8) & 0xFF00FF00u);
  const double scale = depthwise_two(uint32_t(params[1]), uint32_t(q.offset));
  Y* const end = out + n * s.ow * s.oc;
  Y* stop;
#if !defined(__clang__)
  uint32_t p3;
#endif
  BURIN_PLACE(int32_t, a0, "r0");
  BURIN_PLACE(int32_t, a1, "r1");
  BURIN_PLACE(int32_t, a2, "r2");
  BURIN_PLACE(int32_t, a3, "r3");
  BURIN_PLACE(int32_t, a4, "r4");
  BURIN_PLACE(int32_t, a5, "r5");
  BURIN_PLACE(uint32_t, w0, "r6");
  BURIN_PLACE(uint32_t, w1, "r8");
  BURIN_PLACE(uint32_t, p0, "r9");
  BURIN_PLACE(uint32_t, p1, "r10");
  BURIN_PLACE(uint32_t, p2, "r11");
  BURIN_PLACE(const uint32_t*, p, "r12") = strip;
  BURIN_PLACE(Y*, y, "lr") = out;
  if (s.sw == 1) {
    if (rest == 0) BURIN_DW_PLANE(1, 0, "");
    else if (rest == 1) BURIN_DW_REST(1, 1);
    else if (rest == 2) BURIN_DW_REST(1, 2);
    else if (rest == 3) BURIN_DW_REST(1, 3);
    else if (rest == 4) BURIN_DW_REST(1, 4);
    else BURIN_DW_REST(1, 5);
  } else {
    if (rest == 0) BURIN_DW_PLANE(2, 0, "");
    else if (rest == 1) BURIN_DW_REST(2, 1);
    else if (rest == 2) BURIN_DW_REST(2, 2);
    else if (rest == 3) BURIN_DW_REST(2, 3);
    else if (rest == 4) BURIN_DW_REST(2, 4);
    else BURIN_DW_REST(2, 5);
  }
}
#else
#define BURIN_DW_FPU 0
#endif

/// n rows of output, as conv_q8_ref.
template <bool kAny = false, class X, class Y>
BURIN_INLINE void depthwise_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                   int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  const int32_t strip = s.rows(n), plane = depthwise_next(s, n), down = depthwise_down(s), each = hs_params(q.kind);
  const int32_t rest = s.ow % kDepthwiseBlock;
  const uint32_t zeros = hs_zeros<X>(x_zero);
  uint32_t *const planes = static_cast<uint32_t*>(scratch), *const filter = planes + 4 * strip * depthwise_row_words(s);
  if (kAny) return depthwise_any(s, q, zeros, rows, n, w, params, y, planes);
  for (int32_t c = 0; c < s.ic; c += 4) {
    for (int32_t r = 0; r < strip; ++r)
      depthwise_fill(s, zeros, rows[r] ? rows[r] + c : nullptr, plane, c > 0, planes + r * down);
    for (int32_t k = 0; k < 4; ++k) {
#if BURIN_DW_FPU
      if (depthwise_known<Y>(s, q)) {
        depthwise_plane(s, q, n, planes + k * plane, w, params, y + c + k);
        w += 3, params += 2;
        continue;
      }
#endif
      for (int32_t r = 0; r < s.kh; ++r)
        filter[2 * r] = w[r] & 0xFF00FF00u, filter[2 * r + 1] = (w[r] << 8) & 0xFF00FF00u;
      const uint32_t* p = planes + k * plane;
      Y* out = y + c + k;
      for (int32_t oy = 0; oy < n; ++oy) {
        const uint32_t* at = p + oy * s.sh * down;
        for (int32_t blocks = s.ow / kDepthwiseBlock; blocks > 0; --blocks) {
          depthwise_outputs(s, q, kDepthwiseBlock, at, filter, params, out);
          at += kDepthwiseBlock / 2 * s.sw;
          out += kDepthwiseBlock * s.oc;
        }
        if (rest == 1) depthwise_outputs(s, q, 1, at, filter, params, out);
        if (rest == 2) depthwise_outputs(s, q, 2, at, filter, params, out);
        if (rest == 3) depthwise_outputs(s, q, 3, at, filter, params, out);
        if (rest == 4) depthwise_outputs(s, q, 4, at, filter, params, out);
        if (rest == 5) depthwise_outputs(s, q, 5, at, filter, params, out);
        out += rest * s.oc;
      }
      w += s.kh;
      params += each;
    }
  }
}

}  // namespace burin
