// Convolution on int8 and uint8 for cores with DSP where H/s packing is not exact or there are several groups: weights
// of 16 bits, any window, stride, dilation and padding. As in conv_dsp.h the windows of four pixels are gathered into a
// column, here of 16-bit activations, and two filters at a time run over it: twice the flash of H/s packing.
//
// Weights, group by group: per pair of filters, per quad of taps (in their order) the words (w0, w2) of both filters,
// then (w1, w3); a last odd filter alone. Parameters: as plain_requantize() wants them.
#pragma once
#include "runtime-min/kernels/conv_plain.h"
#include "runtime-min/kernels/hs.h"
#include "runtime-min/kernels/window_dsp.h"

namespace burin {

/// Quads of a window of one group.
BURIN_INLINE constexpr int32_t w16_quads(const ConvShape& s) { return hs_quads(s.kh * s.kw * (s.ic / s.groups)); }
/// Bytes of working memory: the column, then one window of bytes.
BURIN_INLINE constexpr int32_t conv_q8_w16_dsp_scratch(const ConvShape& s) { return w16_quads(s) * 36; }

/// `quads` times four activations from x on, into the column.
template <class X>
BURIN_INLINE uint32_t* w16_expand(const X* x, int32_t quads, uint32_t* column) {
  for (const X* const end = x + quads * 4; x != end; x += 4, column += 8) {
    const uint32_t v = hs_bytes(x);
    column[0] = sxtb16(v);
    column[4] = sxtb16_ror8(v);
  }
  return column;
}

/// The window at x = left of the rows r into column place 0..3; s is one group, whose channels begin at `channel` of
/// `stride`.
template <class X>
BURIN_INLINE void w16_gather(const ConvShape& s, int32_t stride, int32_t channel, int32_t x_zero, const X* const* r,
                             int32_t left, uint32_t* column, X* window) {
  const int32_t row_bytes = s.kw * s.ic;
  const bool inside = left >= 0 && left + (s.kw - 1) * s.dw < s.iw;
  X* to = window;
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = r[ky * s.dh] ? r[ky * s.dh] + channel : nullptr;
    if (row_bytes % 4 != 0) {
      to = window_row(s, stride, x_zero, row, left, to);
    } else if (row && inside && s.dw == 1 && stride == s.ic) {
      column = w16_expand(row + left * s.ic, row_bytes / 4, column);
    } else {
      window_row(s, stride, x_zero, row, left, window);
      column = w16_expand(static_cast<const X*>(window), row_bytes / 4, column);
    }
  }
  if (row_bytes % 4 != 0) w16_expand(static_cast<const X*>(window), w16_quads(s), column);
}

#if BURIN_DSP && !defined(__clang__)
// Two taps of four pixels x two filters: 11 instructions for 16 products. `op` is smuad for the first ones.
// clang-format off
#define BURIN_W16_NEXT(op, A)                                                                                          \
  "ldrd %[f0], %[f1], [%[w]], #8\n\t"                                                                                  \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t"                                                                                  \
  op " %[a0], %[f0], %[v0]" A(a0) op " %[b0], %[f1], %[v0]" A(b0)                                                      \
  op " %[a1], %[f0], %[v1]" A(a1) op " %[b1], %[f1], %[v1]" A(b1)                                                      \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t"                                                                                  \
  op " %[a2], %[f0], %[v0]" A(a2) op " %[b2], %[f1], %[v0]" A(b2)                                                      \
  op " %[a3], %[f0], %[v1]" A(a3) op " %[b3], %[f1], %[v1]" A(b3)
// clang-format on
#define BURIN_W16_ADD(a) ", %[" #a "]\n\t"
#define BURIN_W16_SET(a) "\n\t"
#define BURIN_W16_2 BURIN_W16_NEXT("smlad", BURIN_W16_ADD) BURIN_W16_NEXT("smlad", BURIN_W16_ADD)
#define BURIN_W16_FIRST_2 BURIN_W16_NEXT("smuad", BURIN_W16_SET) BURIN_W16_NEXT("smlad", BURIN_W16_ADD)
#define BURIN_W16_ASM(text, ...)                                                                                       \
  __asm__ volatile(text                                                                                                \
                   : [a0] "=&r"(a[0]), [a1] "=&r"(a[1]), [a2] "=&r"(a[2]), [a3] "=&r"(a[3]), [b0] "=&r"(b[0]),         \
                     [b1] "=&r"(b[1]), [b2] "=&r"(b[2]), [b3] "=&r"(b[3]), [w] "+r"(w), [c] "+r"(c), [v0] "=&r"(v0),   \
                     [v1] "=&r"(v1), [f0] "=&r"(f0), [f1] "=&r"(f1)                                                    \
                   : __VA_ARGS__                                                                                       \
                   : "cc", "memory")
#define BURIN_W16_LOOP(first, next)                                                                                    \
  BURIN_W16_ASM(first "1:\n\t" next "ldr %[f0], %[stop]\n\tcmp %[c], %[f0]\n\tbne 1b\n\t", [stop] "m"(stop))
#endif

#if BURIN_DSP
// Four taps of one pixel x two filters.
#define BURIN_W16_ONE                                                                                                  \
  "ldrd %[f0], %[f1], [%[w]], #8\n\tldr %[v], [%[c]], #16\n\t"                                                         \
  "smlad %[a], %[f0], %[v], %[a]\n\tsmlad %[b], %[f1], %[v], %[b]\n\t"                                                 \
  "ldrd %[f0], %[f1], [%[w]], #8\n\tldr %[v], [%[c]], #16\n\t"                                                         \
  "smlad %[a], %[f0], %[v], %[a]\n\tsmlad %[b], %[f1], %[v], %[b]\n\t"
#define BURIN_W16_ONE_LOOP(text)                                                                                       \
  __asm__ volatile("1:\n\t" text "cmp %[c], %[stop]\n\tbne 1b\n\t"                                                     \
                   : [a] "+r"(a), [b] "+r"(b), [w] "+r"(w), [c] "+r"(c), [v] "=&r"(v), [f0] "=&r"(f0), [f1] "=&r"(f1)  \
                   : [stop] "r"(stop)                                                                                  \
                   : "cc", "memory")
#endif

/// The sums of two filters at four pixels.
BURIN_INLINE void w16_four_dots(int32_t quads, const uint32_t*& w, const uint32_t* c, int32_t* a, int32_t* b) {
  const uint32_t* const stop = c + quads * 8;
#if BURIN_DSP && !defined(__clang__)
  uint32_t v0, v1, f0, f1;
  if (quads == 1) BURIN_W16_ASM(BURIN_W16_FIRST_2, );
  else if (quads == 2) BURIN_W16_ASM(BURIN_W16_FIRST_2 BURIN_W16_2, );
  else if (quads == 3) BURIN_W16_ASM(BURIN_W16_FIRST_2 BURIN_W16_2 BURIN_W16_2, );
  else if (quads % 2 != 0) BURIN_W16_LOOP(BURIN_W16_FIRST_2, BURIN_W16_2 BURIN_W16_2);
  else BURIN_W16_LOOP(BURIN_W16_FIRST_2 BURIN_W16_2, BURIN_W16_2 BURIN_W16_2);
#else
  for (int32_t p = 0; p < 4; ++p) a[p] = b[p] = 0;
  for (; c != stop; c += 4, w += 2)
    for (int32_t p = 0; p < 4; ++p) a[p] = smlad(w[0], c[p], a[p]), b[p] = smlad(w[1], c[p], b[p]);
#endif
}

/// The sums of two filters at one of the column's pixels.
BURIN_INLINE void w16_one_dot(int32_t quads, const uint32_t*& w, const uint32_t* c, int32_t& a, int32_t& b) {
  const uint32_t* const stop = c + quads * 8;
  a = b = 0;
#if BURIN_DSP
  uint32_t v, f0, f1;
  if (quads % 4 == 0) BURIN_W16_ONE_LOOP(BURIN_W16_ONE BURIN_W16_ONE BURIN_W16_ONE BURIN_W16_ONE);
  else if (quads % 3 == 0) BURIN_W16_ONE_LOOP(BURIN_W16_ONE BURIN_W16_ONE BURIN_W16_ONE);
  else if (quads % 2 == 0) BURIN_W16_ONE_LOOP(BURIN_W16_ONE BURIN_W16_ONE);
  else BURIN_W16_ONE_LOOP(BURIN_W16_ONE);
#else
  for (; c != stop; c += 4, w += 2) a = smlad(w[0], c[0], a), b = smlad(w[1], c[0], b);
#endif
}

/// All filters of a group at `count` (1 to 4) pixels of the column, whose results lie `step` apart.
template <class Y>
BURIN_INLINE void w16_filters(const Requant& q, int32_t filters, int32_t quads, const uint32_t* w,
                              const int32_t* params, const uint32_t* column, int32_t count, Y* y, int32_t step) {
  const uint32_t* const stop = column + quads * 8;
  for (int32_t o = 0; o + 2 <= filters; o += 2) {
    int32_t a[4], b[4];
    if (count == 4) {
      w16_four_dots(quads, w, column, a, b);
      // What all share is read before anything is stored, for all the compiler knows into the parameters.
      BURIN_UNROLL
      for (int32_t p = 0; p < 4; ++p) a[p] = plain_requantize(q, params, o, a[p]);
      BURIN_UNROLL
      for (int32_t p = 0; p < 4; ++p) b[p] = plain_requantize(q, params, o + 1, b[p]);
      BURIN_UNROLL
      for (int32_t p = 0; p < 4; ++p) y[p * step + o] = Y(a[p]), y[p * step + o + 1] = Y(b[p]);
    } else {
      const uint32_t* const pair = w;
      for (int32_t p = 0; p < count; ++p) {
        w = pair;
        w16_one_dot(quads, w, column + p, a[0], b[0]);
        y[p * step + o] = Y(plain_requantize(q, params, o, a[0]));
        y[p * step + o + 1] = Y(plain_requantize(q, params, o + 1, b[0]));
      }
    }
  }
  if (filters % 2 != 0)
    for (int32_t p = 0; p < count; ++p) {
      int32_t a = 0;
      const uint32_t* f = w;
      for (const uint32_t* c = column + p; c < stop; c += 8, f += 2) a = smlad(f[1], c[4], smlad(f[0], c[0], a));
      y[p * step + filters - 1] = Y(plain_requantize(q, params, filters - 1, a));
    }
}

/// n rows of output, as conv_q8_ref.
template <class X, class Y>
BURIN_INLINE void conv_q8_w16_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                  const uint32_t* weights, const int32_t* all_params, Y* y, void* scratch) {
  const ConvShape one = conv_group(s);
  const int32_t quads = w16_quads(s), total = n * s.ow,
                each = q.kind == RequantKind::shift8 ? 2 : words_per_channel(q.kind) + 1;
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  X* const window = reinterpret_cast<X*>(column + quads * 8);
  for (int32_t i = 0; i < 4; ++i)
    window[quads * 4 - 4 + i] = X(x_zero);  // what follows the last tap meets weights of zero
  for (int32_t g = 0; g < s.groups; ++g) {
    const uint32_t* const w = weights + g * one.oc * quads * 2;
    const int32_t* const params = all_params + g * one.oc * each;
    const X* const* r = rows;
    int32_t ox = 0;
    for (int32_t done = 0; done < total; done += 4) {
      const int32_t count = total - done < 4 ? total - done : 4;
      for (int32_t p = 0; p < count; ++p) {
        w16_gather(one, s.ic, g * one.ic, x_zero, r, ox * s.sw - s.pl, column + p, window);
        if (++ox == s.ow) ox = 0, r += s.sh;
      }
      w16_filters(q, one.oc, quads, w, params, column, count, y + done * s.oc + g * one.oc, s.oc);
    }
  }
}

}  // namespace burin
