// Fully connected layers of pruned models for cores with DSP: as dense_dsp.h, but blocks of weights that are all zero
// are neither stored nor computed. A block is a quad of four activations times four filters, 16 weights.
//
// For four filters w holds: the number of blocks n; n bytes, four a word, each the number of quads from the block
// before (the first from the beginning); n blocks of four words. Further apart than 255 quads, a block of zeros stands
// between. Filters that are left over stand alone, blocks of one word. params: as hs.h has them, a filter after the
// other.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/dense_dsp.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Bytes of working memory: the expanded row.
BURIN_INLINE constexpr int32_t dense_sparse_q8_dsp_scratch(const ConvShape& s) { return hs_quads(s.ic) * 8; }

/// The blocks of a group of filters.
struct SparseBlocks {
  uint32_t n;
  const uint8_t* steps;
  const uint32_t* w;
  BURIN_INLINE explicit SparseBlocks(const uint32_t* group)
      : n(group[0]), steps(reinterpret_cast<const uint8_t*>(group + 1)), w(group + 1 + (n + 3) / 4) {}
};

#if BURIN_DSP && !defined(__clang__)
// One block: 16 instructions for 16 products.
#define BURIN_HS_SPARSE_BLOCK                                                                                          \
  "ldrb %[u], [%[l]], #1\n\t"                                                                                          \
  "ldm %[w]!, {r8, r9, r10, r11}\n\t"                                                                                  \
  "add %[c], %[c], %[u], lsl #3\n\t"                                                                                   \
  "ldrd %[t], %[u], [%[c]]\n\t" BURIN_HS_DENSE_PRODUCTS
#endif

/// Four filters at one pixel, on top of what the sums hold; where the next group begins.
BURIN_INLINE const uint32_t* hs_sparse_dots(const uint32_t* group, const uint32_t* c, int32_t& a0, int32_t& a1,
                                            int32_t& a2, int32_t& a3) {
  const SparseBlocks b(group);
  const uint32_t* w = b.w;
  const uint8_t* l = b.steps;
  const uint32_t* const stop = w + b.n * 4;
#if BURIN_DSP && !defined(__clang__)
  if (b.n == 0) return stop;
  uint32_t t, u = b.n & 1u;
  // Two blocks a turn; an odd number begins with the second. Registers are short: the end stands in memory.
  __asm__ volatile(
      "cmp %[u], #0\n\t"
      "bne 2f\n\t"
      "1:\n\t" BURIN_HS_SPARSE_BLOCK "2:\n\t" BURIN_HS_SPARSE_BLOCK
      "ldr r8, %[stop]\n\t"
      "cmp %[w], r8\n\t"
      "bne 1b\n\t"
      : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [w] "+r"(w), [c] "+r"(c), [l] "+r"(l), [t] "=&r"(t),
        [u] "+r"(u)
      : [stop] "m"(stop)
      : "r8", "r9", "r10", "r11", "cc", "memory");
#else
  for (; w != stop; w += 4) {
    c += 2 * *l++;
    const uint32_t t = c[0], u = c[1];
    a0 = smlad(sxtb16(w[0]), u, smlad(w[0], t, a0)), a1 = smlad(sxtb16(w[1]), u, smlad(w[1], t, a1));
    a2 = smlad(sxtb16(w[2]), u, smlad(w[2], t, a2)), a3 = smlad(sxtb16(w[3]), u, smlad(w[3], t, a3));
  }
#endif
  return stop;
}

/// One filter.
BURIN_INLINE const uint32_t* hs_sparse_dot(const uint32_t* group, const uint32_t* c, int32_t& a) {
  const SparseBlocks b(group);
  for (uint32_t k = 0; k < b.n; ++k) {
    c += 2 * b.steps[k];
    a = smlad(sxtb16(b.w[k]), c[1], smlad(b.w[k], c[0], a));
  }
  return b.w + b.n;
}

/// n rows of s.ow pixels each, all filters; a pixel is ic activations.
template <class X, class Y>
BURIN_INLINE void dense_sparse_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                      int32_t n, const uint32_t* weights, const int32_t* params, Y* y, void* scratch) {
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  const int32_t each = hs_params(q.kind);
  for (int32_t pixel = 0; pixel < n * s.ow; ++pixel) {
    hs_dense_expand(rows[pixel / s.ow] + pixel % s.ow * s.ic, s.ic, x_zero, column);
    const uint32_t* w = weights;
    const int32_t* p = params;
    for (Y* const end = y + s.oc / 4 * 4; y != end; y += 4, p += 4 * each) {
      int32_t a0 = p[0], a1 = p[each], a2 = p[2 * each], a3 = p[3 * each];
      w = hs_sparse_dots(w, column, a0, a1, a2, a3);
      const Y r0 = hs_store<Y>(q, p + 1, a0), r1 = hs_store<Y>(q, p + each + 1, a1);
      const Y r2 = hs_store<Y>(q, p + 2 * each + 1, a2), r3 = hs_store<Y>(q, p + 3 * each + 1, a3);
      y[0] = r0, y[1] = r1, y[2] = r2, y[3] = r3;
    }
    for (int32_t o = 0; o < s.oc % 4; ++o, p += each) {
      int32_t a = p[0];
      w = hs_sparse_dot(w, column, a);
      *y++ = hs_store<Y>(q, p + 1, a);
    }
  }
}

}  // namespace burin
