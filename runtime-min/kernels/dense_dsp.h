// Fully connected layers on int8 and uint8 for cores with DSP: one row of activations is expanded once, and every
// weight is then read once, four outputs at a time (hs.h).
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Bytes of working memory: the expanded row.
constexpr int32_t dense_q8_dsp_scratch(const ConvShape& s) { return hs_quads(s.ic) * 8; }

#if BURIN_DSP && !defined(__clang__)
// 1 pixel x 4 filters, one quad: 14 instructions for 16 products.
#define BURIN_HS_DENSE_QUAD                                                                                            \
  "ldm %[w]!, {r8, r9, r10, r11}\n\t"                                                                                  \
  "ldrd %[t], %[u], [%[c]], #8\n\t"                                                                                    \
  "smlad %[a0], r8, %[t], %[a0]\n\t"                                                                                   \
  "smlad %[a1], r9, %[t], %[a1]\n\t"                                                                                   \
  "smlad %[a2], r10, %[t], %[a2]\n\t"                                                                                  \
  "smlad %[a3], r11, %[t], %[a3]\n\t"                                                                                  \
  "sxtb16 r8, r8\n\t"                                                                                                  \
  "sxtb16 r9, r9\n\t"                                                                                                  \
  "sxtb16 r10, r10\n\t"                                                                                                \
  "sxtb16 r11, r11\n\t"                                                                                                \
  "smlad %[a0], r8, %[u], %[a0]\n\t"                                                                                   \
  "smlad %[a1], r9, %[u], %[a1]\n\t"                                                                                   \
  "smlad %[a2], r10, %[u], %[a2]\n\t"                                                                                  \
  "smlad %[a3], r11, %[u], %[a3]\n\t"
#define BURIN_HS_DENSE_4 BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD
// `test` ends the loop: stop is in a register, or in memory where the shape is not known and registers are short.
#define BURIN_HS_DENSE_LOOP(text, test, place)                                                                         \
  __asm__ volatile("1:\n\t" text test "bne 1b\n\t"                                                                     \
                   : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [w] "+r"(w), [c] "+r"(c),             \
                     [t] "=&r"(t), [u] "=&r"(u)                                                                        \
                   : [stop] place(stop)                                                                                \
                   : "r8", "r9", "r10", "r11", "cc", "memory")
#endif

/// Four filters at one pixel, on top of what the sums hold.
BURIN_INLINE void hs_dense_dots(int32_t quads, const uint32_t*& w, const uint32_t* c, int32_t& a0, int32_t& a1, int32_t& a2, int32_t& a3) {
  const uint32_t* const stop = c + quads * 2;
#if BURIN_DSP && !defined(__clang__)
  uint32_t t, u;
  if (__builtin_constant_p(quads) && quads % 4 == 0) BURIN_HS_DENSE_LOOP(BURIN_HS_DENSE_4, "cmp %[c], %[stop]\n\t", "r");
  else BURIN_HS_DENSE_LOOP(BURIN_HS_DENSE_QUAD, "ldr r8, %[stop]\n\tcmp %[c], r8\n\t", "m");
#else
  for (; c != stop; c += 2, w += 4) {
    const uint32_t t = c[0], u = c[1];
    a0 = smlad(sxtb16(w[0]), u, smlad(w[0], t, a0)), a1 = smlad(sxtb16(w[1]), u, smlad(w[1], t, a1));
    a2 = smlad(sxtb16(w[2]), u, smlad(w[2], t, a2)), a3 = smlad(sxtb16(w[3]), u, smlad(w[3], t, a3));
  }
#endif
}

/// Parameters of four filters, and of one. With `one` all share a multiplier, which stands before all first values.
template <bool one>
struct DenseParams {
  const int32_t* next;
  int32_t each, multiplier;
  BURIN_INLINE DenseParams(const Requant& q, const int32_t* p) : next(one ? p + 1 : p), each(one ? 1 : hs_params(q.kind)), multiplier(p[0]) {}
  BURIN_INLINE int32_t first(int32_t filter) const { return next[filter * each]; }
  template <class Y>
  BURIN_INLINE Y result(const Requant& q, int32_t filter, int32_t acc) const {
    if (one) return Y(requantize_shift8(q, acc, multiplier));
    return hs_store<Y>(q, next + filter * each, acc);
  }
};

template <bool one, class X, class Y>
BURIN_INLINE void hs_dense(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                           const uint32_t* weights, const int32_t* all_params, Y* y, void* scratch) {
  const int32_t quads = hs_quads(s.ic), tail = s.ic % 4;
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  for (int32_t pixel = 0; pixel < n * s.ow; ++pixel) {
    const X* x = rows[pixel / s.ow] + pixel % s.ow * s.ic;
    uint32_t* e = column;
    for (const X* const end = x + (s.ic - tail); x != end; x += 4, e += 2) hs_expand(hs_bytes(x), e[0], e[1]);
    if (tail > 0) {
      X last[4] = {X(x_zero), X(x_zero), X(x_zero), X(x_zero)};  // meets weights of zero
      for (int32_t i = 0; i < tail; ++i) last[i] = x[i];
      hs_expand(hs_bytes(last), e[0], e[1]);
    }
    const uint32_t* w = weights;
    DenseParams<one> params(q, all_params);
    Y* const end = y + s.oc / 4 * 4;
    while (y != end) {
      int32_t a0 = params.first(0), a1 = params.first(1), a2 = params.first(2), a3 = params.first(3);
      hs_dense_dots(quads, w, column, a0, a1, a2, a3);
      const Y r0 = params.template result<Y>(q, 0, a0), r1 = params.template result<Y>(q, 1, a1);
      const Y r2 = params.template result<Y>(q, 2, a2), r3 = params.template result<Y>(q, 3, a3);
      y[0] = r0, y[1] = r1, y[2] = r2, y[3] = r3;
      params.next += 4 * params.each;
      y += 4;
    }
    for (int32_t o = 0; o < s.oc % 4; ++o, params.next += params.each, w += quads)
      *y++ = params.template result<Y>(q, 0, hs_dot(w, 1, column, 1, quads, params.first(0)));
  }
}

/// n rows of s.ow pixels each, all filters; a pixel is ic activations. w: per four filters [quad][4], then the others
/// one by one [quad].
template <class X, class Y>
BURIN_INLINE void dense_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                               const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  hs_dense<false>(s, q, x_zero, rows, n, w, params, y, scratch);
}

/// The same where all filters have one multiplier (shift8): params are the multiplier, then a first value for each.
template <class X, class Y>
BURIN_INLINE void dense_one_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                   const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  hs_dense<true>(s, q, x_zero, rows, n, w, params, y, scratch);
}

}  // namespace burin
