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
  "ldm %[w]!, {r4, r5, r6, r8}\n\t"                                                                                    \
  "ldrd %[t], %[u], [%[c]], #8\n\t"                                                                                    \
  "smlad %[a0], r4, %[t], %[a0]\n\t"                                                                                   \
  "smlad %[a1], r5, %[t], %[a1]\n\t"                                                                                   \
  "smlad %[a2], r6, %[t], %[a2]\n\t"                                                                                   \
  "smlad %[a3], r8, %[t], %[a3]\n\t"                                                                                   \
  "sxtb16 r4, r4\n\t"                                                                                                  \
  "sxtb16 r5, r5\n\t"                                                                                                  \
  "sxtb16 r6, r6\n\t"                                                                                                  \
  "sxtb16 r8, r8\n\t"                                                                                                  \
  "smlad %[a0], r4, %[u], %[a0]\n\t"                                                                                   \
  "smlad %[a1], r5, %[u], %[a1]\n\t"                                                                                   \
  "smlad %[a2], r6, %[u], %[a2]\n\t"                                                                                   \
  "smlad %[a3], r8, %[u], %[a3]\n\t"
#define BURIN_HS_DENSE_4 BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD
#define BURIN_HS_DENSE_LOOP(text)                                                                                      \
  __asm__ volatile("1:\n\t" text "cmp %[c], %[stop]\n\tbne 1b\n\t"                                                   \
                   : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [w] "+r"(w), [c] "+r"(c),             \
                     [t] "=&r"(t), [u] "=&r"(u)                                                                        \
                   : [stop] "r"(stop)                                                                                  \
                   : "r4", "r5", "r6", "r8", "cc", "memory")
#endif

/// Four filters at one pixel, on top of what the sums hold.
BURIN_INLINE void hs_dense_dots(int32_t quads, const uint32_t*& w, const uint32_t* c, int32_t& a0, int32_t& a1, int32_t& a2, int32_t& a3) {
  const uint32_t* const stop = c + quads * 2;
#if BURIN_DSP && !defined(__clang__)
  uint32_t t, u;
  if (__builtin_constant_p(quads) && quads % 8 == 0) BURIN_HS_DENSE_LOOP(BURIN_HS_DENSE_4 BURIN_HS_DENSE_4);
  else if (__builtin_constant_p(quads) && quads % 4 == 0) BURIN_HS_DENSE_LOOP(BURIN_HS_DENSE_4);
  else BURIN_HS_DENSE_LOOP(BURIN_HS_DENSE_QUAD);
#else
  for (; c != stop; c += 2, w += 4) {
    const uint32_t t = c[0], u = c[1];
    a0 = smlad(sxtb16(w[0]), u, smlad(w[0], t, a0)), a1 = smlad(sxtb16(w[1]), u, smlad(w[1], t, a1));
    a2 = smlad(sxtb16(w[2]), u, smlad(w[2], t, a2)), a3 = smlad(sxtb16(w[3]), u, smlad(w[3], t, a3));
  }
#endif
}

/// n rows of s.ow pixels each, all filters; a pixel is ic activations. w: per four filters [quad][4], then the others
/// one by one [quad].
template <class X, class Y>
BURIN_INLINE void dense_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                               const uint32_t* weights, const int32_t* all_params, Y* y, void* scratch) {
  const int32_t quads = hs_quads(s.ic), each = hs_params(q.kind), tail = s.ic % 4;
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
    const int32_t* params = all_params;
    Y* const end = y + s.oc / 4 * 4;
    while (y != end) {
      int32_t a0 = params[0], a1 = params[each], a2 = params[2 * each], a3 = params[3 * each];
      hs_dense_dots(quads, w, column, a0, a1, a2, a3);
      y[0] = hs_store<Y>(q, params, a0);
      y[1] = hs_store<Y>(q, params + each, a1);
      y[2] = hs_store<Y>(q, params + 2 * each, a2);
      y[3] = hs_store<Y>(q, params + 3 * each, a3);
      params += 4 * each;
      y += 4;
    }
    for (int32_t o = 0; o < s.oc % 4; ++o, params += each, w += quads)
      *y++ = hs_store<Y>(q, params, hs_dot(w, 1, column, 1, quads, params[0]));
  }
}

}  // namespace burin
