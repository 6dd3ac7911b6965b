// Fully connected layers on int8 and uint8 for cores with DSP: one row of activations is expanded once, and every
// weight is then read once, four outputs at a time (hs.h).
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Bytes of working memory: the expanded row.
constexpr int32_t dense_q8_dsp_scratch(const ConvShape& s) { return hs_quads(s.ic) * 8; }

#if BURIN_DSP && !defined(__clang__)
// 1 pixel x 4 filters, one quad.
#define BURIN_HS_DENSE_QUAD                                                                                            \
  {                                                                                                                    \
    uint32_t t, u, f0, f1, f2, f3;                                                                                     \
    __asm__ volatile(                                                                                                  \
        "ldrd %[t], %[u], [%[c]], #8\n\t"                                                                              \
        "ldrd %[f0], %[f1], [%[w]]\n\t"                                                                                \
        "ldrd %[f2], %[f3], [%[w], #8]\n\t"                                                                            \
        "add %[w], %[w], #16\n\t"                                                                                      \
        "smlad %[a0], %[f0], %[t], %[a0]\n\t"                                                                          \
        "smlad %[a1], %[f1], %[t], %[a1]\n\t"                                                                          \
        "smlad %[a2], %[f2], %[t], %[a2]\n\t"                                                                          \
        "smlad %[a3], %[f3], %[t], %[a3]\n\t"                                                                          \
        "sxtb16 %[f0], %[f0]\n\t"                                                                                      \
        "sxtb16 %[f1], %[f1]\n\t"                                                                                      \
        "sxtb16 %[f2], %[f2]\n\t"                                                                                      \
        "sxtb16 %[f3], %[f3]\n\t"                                                                                      \
        "smlad %[a0], %[f0], %[u], %[a0]\n\t"                                                                          \
        "smlad %[a1], %[f1], %[u], %[a1]\n\t"                                                                          \
        "smlad %[a2], %[f2], %[u], %[a2]\n\t"                                                                          \
        "smlad %[a3], %[f3], %[u], %[a3]\n\t"                                                                          \
        : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [w] "+r"(w), [c] "+r"(c), [t] "=&r"(t),          \
          [u] "=&r"(u), [f0] "=&r"(f0), [f1] "=&r"(f1), [f2] "=&r"(f2), [f3] "=&r"(f3)                                 \
        :                                                                                                              \
        : "memory");                                                                                                   \
  }
#else
#define BURIN_HS_DENSE_QUAD                                                                                            \
  {                                                                                                                    \
    const uint32_t t = c[0], u = c[1];                                                                                 \
    a0 = smlad(sxtb16(w[0]), u, smlad(w[0], t, a0)), a1 = smlad(sxtb16(w[1]), u, smlad(w[1], t, a1));                  \
    a2 = smlad(sxtb16(w[2]), u, smlad(w[2], t, a2)), a3 = smlad(sxtb16(w[3]), u, smlad(w[3], t, a3));                  \
    w += 4, c += 2;                                                                                                    \
  }
#endif

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
      const uint32_t* c = column;
      const uint32_t* const stop = column + quads * 2;
      if (quads % 8 == 0) {
        do {
          BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD
          BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD
        } while (c != stop);
      } else if (quads % 4 == 0) {
        do {
          BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD
        } while (c != stop);
      } else {
        do {
          BURIN_HS_DENSE_QUAD
        } while (c != stop);
      }
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
