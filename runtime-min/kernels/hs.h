// H/s packing: four int8 products by two SMLAD, one unpacking instruction and no extra flash (cores with DSP).
//
// A weight word holds the halfwords H0 = 256*w1 + w0 and H1 = 256*w3 + w2. Activations x0..x3 are expanded to
// t = (x1 - 127, x3 - 127) and u = (256*x0 - t0, 256*x2 - t1), which all fit 16 bits. Then
//   SMLAD(word, t) + SMLAD(SXTB16(word), u) = 256 * (x0*w0 + x1*w1 + x2*w2 + x3*w3) - 127 * (H0 + H1 - w0 - w2):
// the constant goes into the first value of the accumulator. Exact if no w1 is -128 below a negative w0 (the same for
// w3, w2) and 256 times the final sum fits 32 bits; intermediate sums may wrap. The compiler checks both.
//
// A filter's parameters: with shift8 {first value, multiplier}; with another kind {first value, its words}.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/requantize.h"

namespace burin {

/// Words that `taps` weights or expanded activations (per pixel: two of them) take.
constexpr int32_t hs_quads(int32_t taps) { return (taps + 3) / 4; }
constexpr int32_t hs_params(RequantKind kind) { return kind == RequantKind::shift8 ? 2 : 1 + words_per_channel(kind); }

/// Stored bytes as int8: uint8 moves down by 128 (its zero point too).
template <class X>
BURIN_INLINE uint32_t hs_signed(uint32_t bytes) {
  return X(-1) > X(0) ? bytes ^ 0x80808080u : bytes;
}
template <class X>
BURIN_INLINE uint32_t hs_bytes(const X* x) {
  return hs_signed<X>(load32(x));
}

/// Four cells of padding in that form.
template <class X>
BURIN_INLINE uint32_t hs_zeros(int32_t x_zero) {
  return 0x01010101u * uint32_t(uint8_t(X(-1) > X(0) ? x_zero - 128 : x_zero));
}

BURIN_INLINE void hs_expand(uint32_t x, uint32_t& t, uint32_t& u) {
  uint32_t c = 0xFF81FF81u, even = 0xFF00FF00u;  // -127 in both halves; the bytes that become 256 * x
  __asm__("" : "+r"(c));                          // stay in registers
  __asm__("" : "+r"(even));
  t = sxtab16_ror8(c, x);
  u = ssub16((x << 8) & even, t);
}

template <class Y>
BURIN_INLINE Y hs_store(const Requant& q, const int32_t* params, int32_t acc) {
  if (q.kind == RequantKind::shift8) return Y(requantize_shift8(q, acc, params[1]));
  return Y(requantize(q, params + 1, acc >> 8));
}

/// One filter, one pixel: t and u of a quad lie `step` words apart from each other, quads 2 * step.
BURIN_INLINE int32_t hs_dot(const uint32_t* w, int32_t w_step, const uint32_t* column, int32_t step, int32_t quads, int32_t acc) {
  for (int32_t k = 0; k < quads; ++k) {
    const uint32_t v = w[k * w_step];
    acc = smlad(v, column[0], acc);
    acc = smlad(sxtb16(v), column[step], acc);
    column += 2 * step;
  }
  return acc;
}

#if BURIN_DSP && !defined(__clang__)
// clang wants a frame pointer too: it gets the C form.
// Two words of four pixels, loaded from %[c], times a word of two filters: eight products and sums.
#define BURIN_HS_PRODUCTS                                                                                              \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t"                                                                                  \
  "smlad %[a0], %[f0], %[v0], %[a0]\n\t"                                                                               \
  "smlad %[b0], %[f1], %[v0], %[b0]\n\t"                                                                               \
  "smlad %[a1], %[f0], %[v1], %[a1]\n\t"                                                                               \
  "smlad %[b1], %[f1], %[v1], %[b1]\n\t"                                                                               \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t"                                                                                  \
  "smlad %[a2], %[f0], %[v0], %[a2]\n\t"                                                                               \
  "smlad %[b2], %[f1], %[v0], %[b2]\n\t"                                                                               \
  "smlad %[a3], %[f0], %[v1], %[a3]\n\t"                                                                               \
  "smlad %[b3], %[f1], %[v1], %[b3]\n\t"
// The same with the low weights of the words, unpacked in place.
#define BURIN_HS_UNPACKED                                                                                              \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t"                                                                                  \
  "sxtb16 %[f0], %[f0]\n\t"                                                                                            \
  "sxtb16 %[f1], %[f1]\n\t"                                                                                            \
  "smlad %[a0], %[f0], %[v0], %[a0]\n\t"                                                                               \
  "smlad %[b0], %[f1], %[v0], %[b0]\n\t"                                                                               \
  "smlad %[a1], %[f0], %[v1], %[a1]\n\t"                                                                               \
  "smlad %[b1], %[f1], %[v1], %[b1]\n\t"                                                                               \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t"                                                                                  \
  "smlad %[a2], %[f0], %[v0], %[a2]\n\t"                                                                               \
  "smlad %[b2], %[f1], %[v0], %[b2]\n\t"                                                                               \
  "smlad %[a3], %[f0], %[v1], %[a3]\n\t"                                                                               \
  "smlad %[b3], %[f1], %[v1], %[b3]\n\t"
// 4 pixels x 2 filters, one quad: 23 instructions for 32 products. The first quad starts all pixels from what a3 and b3
// hold.
#define BURIN_HS_FIRST                                                                                                 \
  "ldrd %[f0], %[f1], [%[w]], #8\n\t"                                                                                  \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t"                                                                                  \
  "smlad %[a0], %[f0], %[v0], %[a3]\n\t"                                                                               \
  "smlad %[b0], %[f1], %[v0], %[b3]\n\t"                                                                               \
  "smlad %[a1], %[f0], %[v1], %[a3]\n\t"                                                                               \
  "smlad %[b1], %[f1], %[v1], %[b3]\n\t"                                                                               \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t"                                                                                  \
  "smlad %[a2], %[f0], %[v0], %[a3]\n\t"                                                                               \
  "smlad %[b2], %[f1], %[v0], %[b3]\n\t"                                                                               \
  "smlad %[a3], %[f0], %[v1], %[a3]\n\t"                                                                               \
  "smlad %[b3], %[f1], %[v1], %[b3]\n\t"                                                                               \
  BURIN_HS_UNPACKED
#define BURIN_HS_NEXT                                                                                                  \
  "ldrd %[f0], %[f1], [%[w]], #8\n\t"                                                                                  \
  BURIN_HS_PRODUCTS                                                                                                    \
  BURIN_HS_UNPACKED
#define BURIN_HS_2 BURIN_HS_NEXT BURIN_HS_NEXT
#define BURIN_HS_4 BURIN_HS_2 BURIN_HS_2
#define BURIN_HS_ASM(text, ...)                                                                                        \
  __asm__ volatile(text                                                                                                \
                   : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "+r"(a3), [b0] "=&r"(b0), [b1] "=&r"(b1),    \
                     [b2] "=&r"(b2), [b3] "+r"(b3), [w] "+r"(w), [c] "+r"(c), [v0] "=&r"(v0), [v1] "=&r"(v1),          \
                     [f0] "=&r"(f0), [f1] "=&r"(f1)                                                                    \
                   : __VA_ARGS__                                                                                       \
                   : "cc", "memory")
// Any number of quads, two at a time after the first; an odd one is the second of its round.
#define BURIN_HS_ANY                                                                                                   \
  BURIN_HS_FIRST                                                                                                       \
  "ldr %[f0], %[left]\n\tcmp %[f0], #0\n\tbeq 3f\n\tlsls %[f0], %[f0], #31\n\tbne 2f\n"                                \
  "1:\n\t" BURIN_HS_NEXT "2:\n\t" BURIN_HS_NEXT                                                                        \
  "ldr %[f0], %[stop]\n\tcmp %[c], %[f0]\n\tbne 1b\n"                                                                  \
  "3:\n\t"
#define BURIN_HS_LOOP(before, text)                                                                                    \
  BURIN_HS_ASM(BURIN_HS_FIRST before "1:\n\t" text                                                                     \
               "ldr %[f0], %[stop]\n\tcmp %[c], %[f0]\n\tbne 1b\n\t",                                         \
               [stop] "m"(stop))
#endif

/// Two filters at four pixels: a3 and b3 hold what every sum starts from. The loop's length is chosen so that few quads
/// stand before it.
BURIN_INLINE void hs_four_dots(int32_t quads, const uint32_t*& w, const uint32_t* c, int32_t& a0, int32_t& a1, int32_t& a2,
                               int32_t& a3, int32_t& b0, int32_t& b1, int32_t& b2, int32_t& b3) {
#if BURIN_DSP && !defined(__clang__)
  const uint32_t* const stop = c + quads * 8;
  uint32_t v0, v1, f0, f1;
  const int32_t left = quads - 1;
  if (!__builtin_constant_p(left)) BURIN_HS_ASM(BURIN_HS_ANY, [left] "m"(left), [stop] "m"(stop));
  else if (left == 0) BURIN_HS_ASM(BURIN_HS_FIRST, );
  else if (left == 1) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_NEXT, );
  else if (left == 2) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_2, );
  else if (left == 3) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_2 BURIN_HS_NEXT, );
  else if (left == 4) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_4, );
  else if (left == 5) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_4 BURIN_HS_NEXT, );
  else if (left == 6) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_4 BURIN_HS_2, );
  else if (left == 7) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_4 BURIN_HS_2 BURIN_HS_NEXT, );
  else if (left % 7 == 0) BURIN_HS_LOOP(, BURIN_HS_4 BURIN_HS_2 BURIN_HS_NEXT);
  else if (left % 6 == 0) BURIN_HS_LOOP(, BURIN_HS_4 BURIN_HS_2);
  else if (left % 5 == 0) BURIN_HS_LOOP(, BURIN_HS_4 BURIN_HS_NEXT);
  else if (left % 6 == 1) BURIN_HS_LOOP(BURIN_HS_NEXT, BURIN_HS_4 BURIN_HS_2);
  else if (left % 5 == 1) BURIN_HS_LOOP(BURIN_HS_NEXT, BURIN_HS_4 BURIN_HS_NEXT);
  else if (left % 4 == 0) BURIN_HS_LOOP(, BURIN_HS_4);
  else if (left % 4 == 1) BURIN_HS_LOOP(BURIN_HS_NEXT, BURIN_HS_4);
  else if (left % 4 == 2) BURIN_HS_LOOP(BURIN_HS_2, BURIN_HS_4);
  else BURIN_HS_LOOP(BURIN_HS_2 BURIN_HS_NEXT, BURIN_HS_4);
#else
  a0 = a1 = a2 = a3, b0 = b1 = b2 = b3;
  for (int32_t k = 0; k < quads; ++k, w += 2, c += 8) {
    uint32_t f0 = w[0], f1 = w[1];
    a0 = smlad(f0, c[0], a0), b0 = smlad(f1, c[0], b0), a1 = smlad(f0, c[1], a1), b1 = smlad(f1, c[1], b1);
    a2 = smlad(f0, c[2], a2), b2 = smlad(f1, c[2], b2), a3 = smlad(f0, c[3], a3), b3 = smlad(f1, c[3], b3);
    f0 = sxtb16(f0), f1 = sxtb16(f1);
    a0 = smlad(f0, c[4], a0), b0 = smlad(f1, c[4], b0), a1 = smlad(f0, c[5], a1), b1 = smlad(f1, c[5], b1);
    a2 = smlad(f0, c[6], a2), b2 = smlad(f1, c[6], b2), a3 = smlad(f0, c[7], a3), b3 = smlad(f1, c[7], b3);
  }
#endif
}

/// One filter's results at four pixels that lie `step` bytes apart. What all share is read before anything is stored,
/// for all the compiler knows into the parameters.
template <class Y>
BURIN_INLINE void hs_store_four(const Requant& q, const int32_t* params, int32_t a0, int32_t a1, int32_t a2, int32_t a3,
                                Y* y, int32_t step) {
  if (q.kind == RequantKind::shift8) {
    const int32_t multiplier = params[1];
    a0 = requantize_shift8(q, a0, multiplier), a1 = requantize_shift8(q, a1, multiplier);
    a2 = requantize_shift8(q, a2, multiplier), a3 = requantize_shift8(q, a3, multiplier);
    y[0] = Y(a0), y[step] = Y(a1), y[2 * step] = Y(a2), y[3 * step] = Y(a3);
  } else {
    y[0] = hs_store<Y>(q, params, a0);
    y[step] = hs_store<Y>(q, params, a1);
    y[2 * step] = hs_store<Y>(q, params, a2);
    y[3 * step] = hs_store<Y>(q, params, a3);
  }
}

#if BURIN_DSP && !defined(__clang__)
// shift8 of the sums of two filters at four pixels, with a shift that is not known, and their stores.
#define BURIN_HS_STORE(saturate)                                                                                       \
  "ldr %[v0], %[p]\n\tldr %[c], %[offset]\n\tldr %[v1], %[shift]\n\t"                                                  \
  "ldr %[f0], [%[v0], #4]\n\tldr %[f1], [%[v0], #12]\n\t"                                                              \
  BURIN_HS_EACH(BURIN_HS_SCALE) BURIN_HS_EACH(BURIN_HS_SHIFT) BURIN_HS_EACH(saturate)                                  \
  "ldr %[v0], %[to]\n\tldr %[v1], %[step]\n\t"                                                                         \
  "strb %[a0], [%[v0]]\n\tstrb %[b0], [%[v0], #1]\n\tadd %[v0], %[v0], %[v1]\n\t"                                     \
  "strb %[a1], [%[v0]]\n\tstrb %[b1], [%[v0], #1]\n\tadd %[v0], %[v0], %[v1]\n\t"                                     \
  "strb %[a2], [%[v0]]\n\tstrb %[b2], [%[v0], #1]\n\tadd %[v0], %[v0], %[v1]\n\t"                                     \
  "strb %[a3], [%[v0]]\n\tstrb %[b3], [%[v0], #1]\n\t"
#define BURIN_HS_EACH(F) F(a0, f0) F(a1, f0) F(a2, f0) F(a3, f0) F(b0, f1) F(b1, f1) F(b2, f1) F(b3, f1)
#define BURIN_HS_SCALE(a, f) "smmla %[" #a "], %[" #a "], %[" #f "], %[c]\n\t"
#define BURIN_HS_SHIFT(a, f) "asr %[" #a "], %[" #a "], %[v1]\n\t"
#define BURIN_HS_SSAT(a, f) "ssat %[" #a "], #8, %[" #a "]\n\t"
#define BURIN_HS_USAT(a, f) "usat %[" #a "], #8, %[" #a "]\n\t"
#define BURIN_HS_PAIR(saturate)                                                                                        \
  BURIN_HS_ASM(BURIN_HS_ANY BURIN_HS_STORE(saturate),                                                                  \
               [left] "m"(left), [stop] "m"(stop), [p] "m"(p), [offset] "m"(offset), [shift] "m"(shift), [to] "m"(y),  \
               [step] "m"(filters))
#endif

/// Does y's type alone bound the results?
template <class Y>
BURIN_INLINE bool hs_whole(const Requant& q) {
  return q.lo == (Y(-1) > Y(0) ? 0 : -128) && q.hi == (Y(-1) > Y(0) ? 255 : 127);
}

/// One hs_four_pixels for all layers, whatever their shapes (--optimize size). shift8, hs_whole. What calls it has a
/// parameter kAny, for __builtin_constant_p of a shape may be decided before the shape is.
template <class Y>
BURIN_SHARED void hs_four_pixels_any(const Requant& layer, int32_t filters, int32_t quads, const uint32_t* w, const int32_t* p,
                                     const uint32_t* column, Y* y) {
  const bool is_signed = Y(-1) < Y(0);
  const Requant q = {RequantKind::shift8, layer.shift, layer.offset, is_signed ? -128 : 0, is_signed ? 127 : 255, 0};
#if BURIN_DSP && !defined(__clang__)
  const int32_t left = quads - 1, offset = q.offset, shift = q.shift;
  const uint32_t* const stop = column + quads * 8;
  for (Y* const end = y + filters / 2 * 2; y != end; y += 2, p += 4) {
    int32_t a3 = p[0], b3 = p[2], a0, a1, a2, b0, b1, b2;
    uint32_t v0, v1, f0, f1;
    const uint32_t* c = column;
    if (is_signed) BURIN_HS_PAIR(BURIN_HS_SSAT);
    else BURIN_HS_PAIR(BURIN_HS_USAT);
  }
#else
  for (Y* const end = y + filters / 2 * 2; y != end; y += 2, p += 4) {
    int32_t a3 = p[0], b3 = p[2], a0, a1, a2, b0, b1, b2;
    hs_four_dots(quads, w, column, a0, a1, a2, a3, b0, b1, b2, b3);
    hs_store_four(q, p, a0, a1, a2, a3, y, filters);
    hs_store_four(q, p + 2, b0, b1, b2, b3, y + 1, filters);
  }
#endif
  if (filters % 2 != 0) {
#if !defined(__clang__)
#pragma GCC unroll 1
#endif
    for (int32_t k = 0; k < 4; ++k, y += filters) *y = hs_store<Y>(q, p, hs_dot(w, 1, column + k, 4, quads, p[0]));
  }
}

/// All filters at four pixels. column: per quad t of the four pixels, then u of them. w: per pair of filters [quad][2],
/// then a last odd filter [quad]. y: four pixels of `filters` bytes, one after the other. kAny: see hs_four_pixels_any.
template <bool kAny = false, class Y>
BURIN_INLINE void hs_four_pixels(const Requant& q, int32_t filters, int32_t quads, const uint32_t* w, const int32_t* params,
                                 const uint32_t* column, Y* y) {
  if (kAny) return hs_four_pixels_any(q, filters, quads, w, params, column, y);
  const int32_t each = hs_params(q.kind);
  Y* const end = y + filters / 2 * 2;
  while (y != end) {
    int32_t a3 = params[0], b3 = params[each], a0, a1, a2, b0, b1, b2;
    hs_four_dots(quads, w, column, a0, a1, a2, a3, b0, b1, b2, b3);
    hs_store_four(q, params, a0, a1, a2, a3, y, filters);
    params += each;
    hs_store_four(q, params, b0, b1, b2, b3, y + 1, filters);
    params += each;
    y += 2;
  }
  if (filters % 2 != 0)
    for (int32_t p = 0; p < 4; ++p) y[p * filters] = hs_store<Y>(q, params, hs_dot(w, 1, column + p, 4, quads, params[0]));
}

/// All filters at one of the column's pixels.
template <class Y>
BURIN_INLINE void hs_one_pixel(const Requant& q, int32_t filters, int32_t quads, const uint32_t* w, const int32_t* params,
                               const uint32_t* column, Y* y) {
  const int32_t each = hs_params(q.kind);
  Y* const end = y + filters / 2 * 2;
  while (y != end) {
    int32_t a = params[0], b = params[each];
    const uint32_t* c = column;
    const uint32_t* const stop = column + quads * 8;
    do {
      const uint32_t f0 = w[0], f1 = w[1], t = c[0], u = c[4];
      a = smlad(f0, t, a), b = smlad(f1, t, b);
      a = smlad(sxtb16(f0), u, a), b = smlad(sxtb16(f1), u, b);
      w += 2, c += 8;
    } while (c != stop);
    y[0] = hs_store<Y>(q, params, a);
    y[1] = hs_store<Y>(q, params + each, b);
    params += 2 * each;
    y += 2;
  }
  if (filters % 2 != 0) *y = hs_store<Y>(q, params, hs_dot(w, 1, column, 4, quads, params[0]));
}

}  // namespace burin
