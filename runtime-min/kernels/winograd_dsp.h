// Exact Winograd convolution F(2x2, 3x3) on int8 and uint8 for cores with DSP: 16 products for four outputs instead of
// 36. Windows of 3x3, stride 1, no dilation, one group, input channels a multiple of four; any padding.
//
// With d a tile of 4x4 inputs and g a filter of 3x3, the 2x2 outputs are A^T [(G g G^T) * (B^T d B)] A (Winograd 1980;
// Lavin and Gray 2016), summed over the channels, where
//   B^T = 1 0 -1 0 / 0 1 1 0 / 0 -1 1 0 / 0 1 0 -1
//   A^T = 1 1 1 0 / 0 1 -1 -1
//   G = 1 0 0 / .5 .5 .5 / .5 -.5 .5 / 0 0 1
// G is used doubled, so that the transformed weights are integers (at most 9 * 128 in size) and the outputs are four
// times the sums: nothing is rounded, sums are those of conv_q8_ref. Transformed activations lie in [-512, 512]. Sums
// may wrap on the way; 256 times the final one fits 32 bits, which the compiler checks.
//
// Transformed weights: per pair of filters (the last one of an odd number with zeros), per place of the 16, per two
// channels one word for each filter: channels (4k, 4k+2), then (4k+1, 4k+3). They are 3.6 times what the filters are:
// winograd_q8_dsp has them in flash, winograd_q8_w8_dsp has the filters there and transforms a block of them at a time
// into working memory. Parameters as in hs.h.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Words of one of the 16 places: two channels of four tiles each, then the sums of four tiles x two filters.
BURIN_INLINE constexpr int32_t winograd_place(int32_t ic) { return ic * 2 + 8; }
/// Words for one row of four neighbouring tiles of four channels, transformed down the columns: 4 x 10, even channels
/// and odd ones.
constexpr int32_t kWinogradColumns = 80;
/// Bytes of working memory.
BURIN_INLINE constexpr int32_t winograd_q8_dsp_scratch(const ConvShape& s) {
  return 4 * (kWinogradColumns + 16 * winograd_place(s.ic));
}
/// Words of `filters` transformed ones.
BURIN_INLINE constexpr int32_t winograd_words(int32_t ic, int32_t filters) { return (filters + 1) / 2 * 16 * ic; }
BURIN_INLINE constexpr int32_t winograd_q8_w8_dsp_scratch(const ConvShape& s, int32_t block) {
  return winograd_q8_dsp_scratch(s) + 4 * winograd_words(s.ic, block);
}

#if BURIN_DSP
// 4 tiles x 2 filters, two channels: 11 instructions for 16 products. Then the sums go behind the activations.
#define BURIN_WINOGRAD_FIRST                                                                                           \
  "ldrd %[f0], %[f1], [%[w]], #8\n\t"                                                                                  \
  "ldrd %[v0], " BURIN_BORROWED(v1) ", [%[c]], #8\n\t"                                                                                  \
  "smuad %[a0], %[f0], %[v0]\n\t"                                                                                      \
  "smuad %[b0], %[f1], %[v0]\n\t"                                                                                      \
  "smuad %[a1], %[f0], " BURIN_BORROWED(v1) "\n\t"                                                                                      \
  "smuad %[b1], %[f1], " BURIN_BORROWED(v1) "\n\t"                                                                                      \
  "ldrd %[v0], " BURIN_BORROWED(v1) ", [%[c]], #8\n\t"                                                                                  \
  "smuad %[a2], %[f0], %[v0]\n\t"                                                                                      \
  "smuad %[b2], %[f1], %[v0]\n\t"                                                                                      \
  "smuad %[a3], %[f0], " BURIN_BORROWED(v1) "\n\t"                                                                                      \
  "smuad %[b3], %[f1], " BURIN_BORROWED(v1) "\n\t"
// clang-format off
#define BURIN_WINOGRAD_NEXT                                                                                            \
  "ldrd %[f0], %[f1], [%[w]], #8\n\t"                                                                                  \
  BURIN_HS_PRODUCTS
#define BURIN_WINOGRAD_STORE                                                                                           \
  "strd %[a0], %[a1], [%[c]], #8\n\t"                                                                                  \
  "strd %[a2], %[a3], [%[c]], #8\n\t"                                                                                  \
  "strd %[b0], %[b1], [%[c]], #8\n\t"                                                                                  \
  "strd %[b2], %[b3], [%[c]], #8\n\t"
#define BURIN_WINOGRAD_2 BURIN_WINOGRAD_NEXT BURIN_WINOGRAD_NEXT
#define BURIN_WINOGRAD_8 BURIN_WINOGRAD_2 BURIN_WINOGRAD_2 BURIN_WINOGRAD_2 BURIN_WINOGRAD_2
#define BURIN_WINOGRAD_ASM(text, ...)                                                                                    \
  __asm__ volatile(BURIN_BORROW BURIN_WINOGRAD_FIRST text BURIN_WINOGRAD_STORE BURIN_RETURN                            \
                   : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3), [b0] "=&r"(b0), [b1] "=&r"(b1),   \
                     [b2] "=&r"(b2), [b3] "=&r"(b3), [w] "+r"(w), [c] "+r"(c), [v0] "=&r"(v0), [f0] BURIN_WINOGRAD_F0,   \
                     [f1] "=&r"(f1) BURIN_BORROWED_OPERAND(v1)                                                         \
                   : __VA_ARGS__                                                                                       \
                   : "cc", "memory")
#define BURIN_WINOGRAD_LOOP \
  "1:\n\t" BURIN_WINOGRAD_8 "ldr %[f0], " BURIN_WINOGRAD_STOP "\n\tcmp %[c], %[f0]\n\tbne 1b\n\t"
#if defined(__clang__)
#define BURIN_WINOGRAD_STOP "[sp]"
#define BURIN_WINOGRAD_F0 "+r"(f0)
#define BURIN_WINOGRAD_MEMORY
#else
#define BURIN_WINOGRAD_STOP "%[stop]"
#define BURIN_WINOGRAD_F0 "=&r"(f0)
#define BURIN_WINOGRAD_MEMORY [stop] "m"(stop)
#endif
// Any number: 4k + 3 steps more, or 4k + 1.
#define BURIN_WINOGRAD_ANY                                                                                             \
  "ldr %[f0], " BURIN_WINOGRAD_STOP "\n\tsub %[f0], %[f0], %[c]\n\tlsls %[f0], %[f0], #26\n\tbpl 2f\n\tb 3f\n"           \
  "1:\n\t" BURIN_WINOGRAD_NEXT "3:\n\t" BURIN_WINOGRAD_2 "2:\n\t" BURIN_WINOGRAD_NEXT                                   \
  "ldr %[f0], " BURIN_WINOGRAD_STOP "\n\tcmp %[c], %[f0]\n\tbne 1b\n\t"
// clang-format on
#endif

/// The sums of one place for two filters; returns the next place.
template <bool kAny>
BURIN_INLINE uint32_t* winograd_place_sums(int32_t ic, const uint32_t*& weights, uint32_t* place) {
  uint32_t* const stop = place + ic * 2;
#if BURIN_DSP
  BURIN_PLACE(int32_t, a0, "r0");
  BURIN_PLACE(int32_t, a1, "r1");
  BURIN_PLACE(int32_t, a2, "r2");
  BURIN_PLACE(int32_t, a3, "r3");
  BURIN_PLACE(int32_t, b0, "r4");
  BURIN_PLACE(int32_t, b1, "r5");
  BURIN_PLACE(int32_t, b2, "r8");
  BURIN_PLACE(int32_t, b3, "r9");
  BURIN_PLACE(uint32_t, v0, "r10");
  BURIN_PLACE(uint32_t, f1, "r11");
  BURIN_PLACE(const uint32_t*, w, "r12") = weights;
  BURIN_PLACE(uint32_t*, c, "lr") = place;
#if defined(__clang__)
  BURIN_PLACE(const uint32_t*, f0, "r6") = stop;
#else
  uint32_t f0, v1;
#endif
  if (kAny) BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_ANY, BURIN_WINOGRAD_MEMORY);
  else if (ic == 4) BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_NEXT, );
  else if (ic == 8) BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_NEXT BURIN_WINOGRAD_2, );
  else if (ic == 12) BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_NEXT BURIN_WINOGRAD_2 BURIN_WINOGRAD_2, );
  else if (ic == 16) BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_NEXT BURIN_WINOGRAD_2 BURIN_WINOGRAD_2 BURIN_WINOGRAD_2, );
  else if (ic == 32)
    BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_NEXT BURIN_WINOGRAD_2 BURIN_WINOGRAD_2 BURIN_WINOGRAD_2 BURIN_WINOGRAD_8, );
  else if (ic % 16 == 4) BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_NEXT BURIN_WINOGRAD_LOOP, BURIN_WINOGRAD_MEMORY);
  else if (ic % 16 == 8)
    BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_NEXT BURIN_WINOGRAD_2 BURIN_WINOGRAD_LOOP, BURIN_WINOGRAD_MEMORY);
  else if (ic % 16 == 12)
    BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_NEXT BURIN_WINOGRAD_2 BURIN_WINOGRAD_2 BURIN_WINOGRAD_LOOP,
                       BURIN_WINOGRAD_MEMORY);
  else
    BURIN_WINOGRAD_ASM(BURIN_WINOGRAD_NEXT BURIN_WINOGRAD_2 BURIN_WINOGRAD_2 BURIN_WINOGRAD_2 BURIN_WINOGRAD_LOOP,
                       BURIN_WINOGRAD_MEMORY);
  weights = w;
  return c;
#else
  const uint32_t*& w = weights;
  uint32_t* c = place;
  int32_t a[4] = {}, b[4] = {};
  for (; c != stop; c += 4, w += 2) {
    BURIN_UNROLL
    for (int32_t k = 0; k < 4; ++k) a[k] = smlad(w[0], c[k], a[k]), b[k] = smlad(w[1], c[k], b[k]);
  }
  BURIN_UNROLL
  for (int32_t k = 0; k < 4; ++k) c[k] = uint32_t(a[k]), c[4 + k] = uint32_t(b[k]);
  return c + 8;
#endif
}

/// All 16 places.
template <bool kAny>
BURIN_INLINE void winograd_sums(int32_t ic, const uint32_t*& w, uint32_t* v) {
  for (const uint32_t* const end = v + 16 * winograd_place(ic); v != end;) v = winograd_place_sums<kAny>(ic, w, v);
}
/// One of it for all layers, whatever their shapes (--optimize size); returns the next pair's weights.
BURIN_SHARED const uint32_t* winograd_sums_any(int32_t ic, const uint32_t* w, uint32_t* v) {
  winograd_sums<true>(ic, w, v);
  return w;
}

/// Column by column down the rows: four channels of ten columns from column x on, B^T d. out[i * 10 + column] for the
/// even channels, 40 words on for the odd ones.
template <class X>
BURIN_INLINE void winograd_columns(int32_t iw, int32_t ic, uint32_t zeros, const X* const* rows, int32_t x, int32_t c,
                                   uint32_t* out) {
  for (int32_t k = 0; k < 10; ++k, ++x, ++out) {
    uint32_t d0 = zeros, d1 = zeros, d2 = zeros, d3 = zeros;
    if (x >= 0 && x < iw) {
      const int32_t at = x * ic + c;
      if (rows[0]) d0 = hs_bytes(rows[0] + at);
      if (rows[1]) d1 = hs_bytes(rows[1] + at);
      if (rows[2]) d2 = hs_bytes(rows[2] + at);
      if (rows[3]) d3 = hs_bytes(rows[3] + at);
    }
    const uint32_t e0 = sxtb16(d0), e1 = sxtb16(d1), e2 = sxtb16(d2), e3 = sxtb16(d3);
    out[0] = ssub16(e0, e2), out[10] = sadd16(e1, e2), out[20] = ssub16(e2, e1), out[30] = ssub16(e1, e3);
    const uint32_t o0 = sxtb16_ror8(d0), o1 = sxtb16_ror8(d1), o2 = sxtb16_ror8(d2), o3 = sxtb16_ror8(d3);
    out[40] = ssub16(o0, o2), out[50] = sadd16(o1, o2), out[60] = ssub16(o2, o1), out[70] = ssub16(o1, o3);
  }
}

/// Then across, B^T d B: ten columns of one of the four rows make four places of four tiles.
BURIN_INLINE void winograd_across(const uint32_t* t, uint32_t* v, int32_t place) {
  const uint32_t t0 = t[0], t1 = t[1], t2 = t[2], t3 = t[3], t4 = t[4], t5 = t[5], t6 = t[6], t7 = t[7], t8 = t[8],
                 t9 = t[9];
  v[0] = ssub16(t0, t2), v[1] = ssub16(t2, t4), v[2] = ssub16(t4, t6), v[3] = ssub16(t6, t8);
  v += place;
  v[0] = sadd16(t1, t2), v[1] = sadd16(t3, t4), v[2] = sadd16(t5, t6), v[3] = sadd16(t7, t8);
  v += place;
  v[0] = ssub16(t2, t1), v[1] = ssub16(t4, t3), v[2] = ssub16(t6, t5), v[3] = ssub16(t8, t7);
  v += place;
  v[0] = ssub16(t1, t3), v[1] = ssub16(t3, t5), v[2] = ssub16(t5, t7), v[3] = ssub16(t7, t9);
}

/// Both for all channels: the 16 places of four neighbouring tiles, of which the first begins at column x, behind
/// `columns`.
template <class X>
BURIN_INLINE void winograd_input(int32_t iw, int32_t ic, uint32_t zeros, const X* const* rows, int32_t x,
                                 uint32_t* columns) {
  const int32_t place = winograd_place(ic);
  for (int32_t c = 0; c < ic; c += 4) {
    winograd_columns(iw, ic, zeros, rows, x, c, columns);
    uint32_t* to = columns + kWinogradColumns + c * 2;
    for (int32_t i = 0; i < 4; ++i, to += 4 * place) {
      winograd_across(columns + i * 10, to, place);
      winograd_across(columns + 40 + i * 10, to + 4, place);
    }
  }
}

/// One of it for all layers, whatever their shapes.
template <class X>
BURIN_SHARED void winograd_input_any(int32_t iw, int32_t ic, uint32_t zeros, const X* const* rows, int32_t x,
                                     uint32_t* columns) {
  winograd_input(iw, ic, zeros, rows, x, columns);
}

/// A^T m A at one tile for one filter, requantized: up to `height` x `width` outputs (1 or 2 each) from y on.
template <class Y>
BURIN_INLINE void winograd_outputs(const ConvShape& s, const Requant& q, const int32_t* params, const int32_t* m,
                                   int32_t height, int32_t width, Y* y) {
  const int32_t step = winograd_place(s.ic);
  uint32_t top[4], bottom[4];
  BURIN_UNROLL
  for (int32_t x = 0; x < 4; ++x) {
    const uint32_t m0 = uint32_t(m[x * step]), m1 = uint32_t(m[(4 + x) * step]), m2 = uint32_t(m[(8 + x) * step]),
                   m3 = uint32_t(m[(12 + x) * step]);
    top[x] = m0 + m1 + m2;
    bottom[x] = m1 - m2 - m3;
  }
  const uint32_t first = uint32_t(params[0]);
  const int32_t multiplier = params[1];
  const int32_t a = int32_t(first + ((top[0] + top[1] + top[2]) << 6)),
                b = int32_t(first + ((top[1] - top[2] - top[3]) << 6));
  const int32_t c = int32_t(first + ((bottom[0] + bottom[1] + bottom[2]) << 6)),
                d = int32_t(first + ((bottom[1] - bottom[2] - bottom[3]) << 6));
  const int32_t below = s.ow * s.oc;
  y[0] = hs_store<Y>(q, multiplier, params + 1, a);
  if (width > 1) y[s.oc] = hs_store<Y>(q, multiplier, params + 1, b);
  if (height > 1) y[below] = hs_store<Y>(q, multiplier, params + 1, c);
  if (height > 1 && width > 1) y[below + s.oc] = hs_store<Y>(q, multiplier, params + 1, d);
}

/// n rows of `filters` of the s.oc outputs: the first one's at y.
template <bool kAny, class X, class Y>
BURIN_INLINE void winograd_tiles(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                 int32_t filters, const uint32_t* weights, const int32_t* all_params, Y* y,
                                 uint32_t* columns) {
  const int32_t each = hs_params(q.kind);
  const uint32_t zeros = hs_zeros<X>(x_zero);
  uint32_t* const v = columns + kWinogradColumns;
  const int32_t* const sums = reinterpret_cast<const int32_t*>(v + s.ic * 2);
  for (int32_t oy = 0; oy < n; oy += 2) {
    const int32_t height = n - oy < 2 ? 1 : 2;
    // The last row of inputs is missing where only one row of outputs is: nothing of it is stored.
    const X* const four[4] = {rows[oy], rows[oy + 1], rows[oy + 2], height > 1 ? rows[oy + 3] : nullptr};
    for (int32_t ox = 0; ox < s.ow; ox += 8) {
      if (kAny) winograd_input_any(s.iw, s.ic, zeros, four, ox - s.pl, columns);
      else winograd_input(s.iw, s.ic, zeros, four, ox - s.pl, columns);
      const uint32_t* w = weights;
      const int32_t* params = all_params;
      Y* out = y + (oy * s.ow + ox) * s.oc;
      for (int32_t o = 0; o < filters; ++o, ++out, params += each) {
        if (o % 2 == 0) {
          if (kAny) w = winograd_sums_any(s.ic, w, v);
          else winograd_sums<false>(s.ic, w, v);
        }
        const int32_t* m = sums + o % 2 * 4;
        if (height > 1 && s.ow % 8 == 0) {
          for (int32_t k = 0; k < 4; ++k) winograd_outputs(s, q, params, m + k, 2, 2, out + 2 * k * s.oc);
        } else {
          for (int32_t k = 0; k < 4 && ox + 2 * k < s.ow; ++k)
            winograd_outputs(s, q, params, m + k, height, s.ow - ox - 2 * k < 2 ? 1 : 2, out + 2 * k * s.oc);
        }
      }
    }
  }
}

/// n rows of output, as conv_q8_ref.
template <class X, class Y>
BURIN_INLINE void winograd_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                  const uint32_t* weights, const int32_t* params, Y* y, void* scratch) {
  winograd_tiles<false>(s, q, x_zero, rows, n, s.oc, weights, params, y, static_cast<uint32_t*>(scratch));
}

/// G g G^T of two channels' worth of one filter, doubled twice: nine words in, 16 out, `step` words apart.
BURIN_INLINE void winograd_filter(const uint32_t* g, uint32_t* to, int32_t step) {
  uint32_t t[4][3];
  BURIN_UNROLL
  for (int32_t x = 0; x < 3; ++x) {
    const uint32_t ends = sadd16(g[x], g[6 + x]);
    t[0][x] = sadd16(g[x], g[x]), t[1][x] = sadd16(ends, g[3 + x]);
    t[2][x] = ssub16(ends, g[3 + x]), t[3][x] = sadd16(g[6 + x], g[6 + x]);
  }
  BURIN_UNROLL
  for (int32_t y = 0; y < 4; ++y, to += 4 * step) {
    const uint32_t ends = sadd16(t[y][0], t[y][2]);
    to[0] = sadd16(t[y][0], t[y][0]), to[step] = sadd16(ends, t[y][1]);
    to[2 * step] = ssub16(ends, t[y][1]), to[3 * step] = sadd16(t[y][2], t[y][2]);
  }
}

/// `filters` filters [3][3][ic], transformed. kAny: short code, a loop for even and odd channels.
template <bool kAny>
BURIN_INLINE void winograd_filters(int32_t ic, int32_t filters, const int8_t* w, uint32_t* to) {
  for (int32_t f = 0; f < filters; ++f, w += 8 * ic) {
    uint32_t* u = to + f / 2 * 16 * ic + f % 2;
    for (int32_t c = 0; c < ic; c += 4, w += 4, u += 4) {
      uint32_t even[9], odd[9];
      BURIN_UNROLL
      for (int32_t k = 0; k < 9; ++k) {
        const uint32_t four = load32(w + k * ic);
        even[k] = sxtb16(four), odd[k] = sxtb16_ror8(four);
      }
      if (kAny) {
        for (int32_t half = 0; half < 2; ++half) winograd_filter(half == 0 ? even : odd, u + 2 * half, ic);
      } else {
        winograd_filter(even, u, ic);
        winograd_filter(odd, u + 2, ic);
      }
    }
  }
}
BURIN_SHARED void winograd_filters_any(int32_t ic, int32_t filters, const int8_t* w, uint32_t* to) {
  winograd_filters<true>(ic, filters, w, to);
}

/// The same from filters as they are, [oc][3][3][ic]. params[0]: how many of them, an even number, are transformed at a
/// time; what hs.h wants follows.
template <bool kAny = false, class X, class Y>
BURIN_INLINE void winograd_q8_w8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                     int32_t n, const int8_t* weights, const int32_t* params, Y* y, void* scratch) {
  const int32_t block = *params++;
  uint32_t* const transformed = static_cast<uint32_t*>(scratch);
  for (int32_t o = 0; o < s.oc; o += block) {
    const int32_t count = s.oc - o < block ? s.oc - o : block;
    if (kAny) winograd_filters_any(s.ic, count, weights + o * 9 * s.ic, transformed);
    else winograd_filters<false>(s.ic, count, weights + o * 9 * s.ic, transformed);
    winograd_tiles<kAny>(s, q, x_zero, rows, n, count, transformed, params + o * hs_params(q.kind), y + o,
                         transformed + winograd_words(s.ic, block));
  }
}

}  // namespace burin
