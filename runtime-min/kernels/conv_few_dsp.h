// Convolution on int8 and uint8 with few filters for cores with DSP: windows are not expanded into working memory,
// which few filters would not pay for, but word by word on the way. Any window, stride, dilation and padding; one
// group.
//
// A row of a window, at least four bytes, is read where it lies, or from a copy where part of it is padding; a last
// word that is not whole begins earlier, and what it has twice meets weights of zero. Windows of other shapes are
// copied whole and count as one row.
//
// Weights, 16 bits, per pair of filters (a last odd one alone), per row, per four bytes: of each filter (w0, w2), (w1,
// w3). Parameters: as plain_requantize() wants them.
#pragma once
#include "runtime-min/kernels/conv_plain.h"
#include "runtime-min/kernels/window_dsp.h"

namespace burin {

BURIN_INLINE constexpr bool few_rows(const ConvShape& s) { return s.dw == 1 && s.kw * s.ic >= 4; }
/// Rows that the loops run over, and bytes of one.
BURIN_INLINE constexpr int32_t few_lines(const ConvShape& s) { return few_rows(s) ? s.kh : 1; }
BURIN_INLINE constexpr int32_t few_bytes(const ConvShape& s) {
  return few_rows(s) ? s.kw * s.ic : s.kh * s.kw * s.ic < 4 ? 4 : s.kh * s.kw * s.ic;
}
/// Where the words of a row begin.
BURIN_INLINE constexpr int32_t few_at(const ConvShape& s, int32_t word) {
  return word * 4 + 4 <= few_bytes(s) ? word * 4 : few_bytes(s) - 4;
}
BURIN_INLINE constexpr int32_t few_words(const ConvShape& s) { return (few_bytes(s) + 3) / 4; }
/// Bytes of working memory: where the rows of a window lie, a row of padding, and copied ones.
BURIN_INLINE constexpr int32_t conv_few_q8_dsp_scratch(const ConvShape& s) {
  return few_lines(s) * 8 + (few_lines(s) + 1) * few_bytes(s);
}

#if BURIN_DSP
// Four activations times the weights of one filter, or two; `type` is s or u.
#define BURIN_FEW_1(type)                                                                                              \
  "ldr %[v], [%[x]], #4\n\tldrd %[f0], %[f1], [%[w]], #8\n\t" type "xtb16 %[l], %[v]\n\t" type                         \
  "xtb16 %[v], %[v], ror #8\n\tsmlad %[a], %[f0], %[l], %[a]\n\tsmlad %[a], %[f1], %[v], %[a]\n\t"
// clang-format off
#define BURIN_FEW_2(type)                                                                                              \
  BURIN_FEW_1(type) "ldrd %[f0], %[f1], [%[w]], #8\n\tsmlad %[b], %[f0], %[l], %[b]\n\tsmlad %[b], %[f1], %[v], %[b]\n\t"
#define BURIN_FEW_ASM(text)                                                                                            \
  __asm__ volatile(text                                                                                                \
                   : [a] "+r"(a), [b] "+r"(b), [x] "+r"(x), [w] "+r"(w), [v] "=&r"(v), [l] "=&r"(l), [f0] "=&r"(f0),   \
                     [f1] "=&r"(f1)                                                                                    \
                   : [stop] "r"(stop)                                                                                  \
                   : "cc", "memory")
// clang-format on
#define BURIN_FEW_TIMES_4(text) text text text text
#define BURIN_FEW_LOOP(text) BURIN_FEW_ASM("1:\n\t" text "cmp %[x], %[stop]\n\tbne 1b\n\t")
#define BURIN_FEW_WORDS(text)                                                                                          \
  if (words >= 4) {                                                                                                    \
    const X* const stop = x + words / 4 * 16;                                                                          \
    BURIN_FEW_LOOP(BURIN_FEW_TIMES_4(text));                                                                           \
  }                                                                                                                    \
  const X* const stop = x;                                                                                             \
  if (words % 4 == 1) BURIN_FEW_ASM(text);                                                                             \
  if (words % 4 == 2) BURIN_FEW_ASM(text text);                                                                        \
  if (words % 4 == 3) BURIN_FEW_ASM(text text text)
#endif

/// `words` times four bytes from x on, on top of the sums of one filter (count 1) or two.
template <class X>
BURIN_INLINE void few_dot(int32_t count, int32_t words, const X* x, const uint32_t*& w, int32_t& a, int32_t& b) {
#if BURIN_DSP
  uint32_t v, l, f0, f1;
  if (X(-1) > X(0)) {
    if (count == 1) {
      BURIN_FEW_WORDS(BURIN_FEW_1("u"));
    } else {
      BURIN_FEW_WORDS(BURIN_FEW_2("u"));
    }
  } else if (count == 1) {
    BURIN_FEW_WORDS(BURIN_FEW_1("s"));
  } else {
    BURIN_FEW_WORDS(BURIN_FEW_2("s"));
  }
#else
  for (int32_t k = 0; k < words; ++k, x += 4) {
    const uint32_t v = load32(x), even = byte_pair_even<X>(v), odd = byte_pair_odd<X>(v);
    a = smlad(w[1], odd, smlad(w[0], even, a)), w += 2;
    if (count == 2) b = smlad(w[1], odd, smlad(w[0], even, b)), w += 2;
  }
#endif
}

/// `count` filters, one or two, at one pixel.
template <class X, class Y>
BURIN_INLINE void few_filters(const ConvShape& s, const Requant& q, int32_t count, const X* const* lines,
                              const uint32_t*& w, const int32_t* params, int32_t o, Y* y) {
  int32_t a = 0, b = 0;
  for (int32_t ky = 0; ky < few_lines(s); ++ky) {
    const X* const x = lines[ky];
    if (few_bytes(s) % 4 == 0) {
      few_dot(count, few_words(s), x, w, a, b);
    } else {
      few_dot(count, few_words(s) - 1, x, w, a, b);
      few_dot(count, 1, x + few_bytes(s) - 4, w, a, b);
    }
  }
  y[o] = Y(plain_requantize(q, params, o, a));
  if (count == 2) y[o + 1] = Y(plain_requantize(q, params, o + 1, b));
}

/// n rows of output, as conv_q8_ref.
template <class X, class Y>
BURIN_INLINE void conv_few_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                  const uint32_t* weights, const int32_t* params, Y* y, void* scratch) {
  const X** const lines = static_cast<const X**>(scratch);
  X* const padding = reinterpret_cast<X*>(static_cast<uint8_t*>(scratch) + few_lines(s) * 8);
  X* const copies = padding + few_bytes(s);
  window_fill(x_zero, few_bytes(s), padding);
  if (!few_rows(s)) window_fill(x_zero, few_bytes(s), copies);  // a window of three taps is a word
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox, y += s.oc) {
      const X* const* r = rows + oy * s.sh;
      const int32_t left = ox * s.sw - s.pl;
      if (few_rows(s)) {
        const bool inside = left >= 0 && left + s.kw <= s.iw;
        X* copy = copies;
        for (int32_t ky = 0; ky < s.kh; ++ky, copy += few_bytes(s)) {
          const X* const row = r[ky * s.dh];
          lines[ky] = !row ? padding : inside ? row + left * s.ic : copy;
          if (row && !inside) window_row(s, s.ic, x_zero, row, left, copy);
        }
      } else {
        lines[0] = copies;
        X* to = copies;
        for (int32_t ky = 0; ky < s.kh; ++ky) to = window_row(s, s.ic, x_zero, r[ky * s.dh], left, to);
      }
      const uint32_t* w = weights;
      for (int32_t o = 0; o + 2 <= s.oc; o += 2)
        few_filters(s, q, 2, static_cast<const X* const*>(lines), w, params, o, y);
      if (s.oc % 2 != 0) few_filters(s, q, 1, static_cast<const X* const*>(lines), w, params, s.oc - 1, y);
    }
}

}  // namespace burin
