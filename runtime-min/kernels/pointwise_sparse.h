// 1x1 convolutions and fully connected layers of pruned models: zero weights are neither stored nor
// computed, wherever they are. Four pixels share the decoding; activations are read where they lie.
//
// For each filter w holds the number of words n and n words of two weights, the bytes {step, weight, step, weight}:
// step is the number of inputs from the weight before (the first from the beginning). Further apart than 255 inputs a
// weight of zero stands between, and behind an odd number. params: as plain_requantize() wants them.
#pragma once
#include "runtime-min/kernels/conv_plain.h"

namespace burin {

/// A word of the list: steps and weights as the products want them.
struct SparseTwo {
  uint32_t v, weights;
  BURIN_INLINE explicit SparseTwo(uint32_t word) : v(word), weights(BURIN_DSP ? sxtb16_ror8(word) : word) {}

  /// x, the first or the second step on.
  template <class X>
  BURIN_INLINE const X* step(const X* x, bool second) const {
#if BURIN_DSP
    if (second) __asm__("uxtab %0, %0, %1, ror #16" : "+r"(x) : "r"(v));
    else __asm__("uxtab %0, %0, %1" : "+r"(x) : "r"(v));
    return x;
#else
    return x + uint8_t(second ? v >> 16 : v);
#endif
  }
  /// acc + x times the first or the second weight.
  BURIN_INLINE int32_t add(int32_t x, bool second, int32_t acc) const {
#if BURIN_DSP
    return second ? smlabt(uint32_t(x), weights, acc) : smlabb(uint32_t(x), weights, acc);
#else
    return acc + x * int8_t(second ? weights >> 24 : weights >> 8);
#endif
  }
};

/// The two weights of a word at one pixel; where the next step begins.
template <class X>
BURIN_INLINE const X* sparse_two(uint32_t v, const X* x, int32_t& a) {
  const SparseTwo two(v);
  x = two.step(x, false);
  a = two.add(*x, false, a);
  x = two.step(x, true);
  a = two.add(*x, true, a);
  return x;
}

/// The same at four pixels, `apart` activations from each other.
template <class X>
BURIN_INLINE const X* sparse_two_four(uint32_t v, const X* x, int32_t apart, int32_t& a0, int32_t& a1, int32_t& a2,
                                      int32_t& a3) {
  const SparseTwo two(v);
  x = two.step(x, false);
  a0 = two.add(x[0], false, a0), a1 = two.add(x[apart], false, a1);
  a2 = two.add(x[2 * apart], false, a2), a3 = two.add(x[3 * apart], false, a3);
  x = two.step(x, true);
  a0 = two.add(x[0], true, a0), a1 = two.add(x[apart], true, a1);
  a2 = two.add(x[2 * apart], true, a2), a3 = two.add(x[3 * apart], true, a3);
  return x;
}

/// All filters at one pixel.
template <class X, class Y>
BURIN_INLINE void sparse_pixel(const ConvShape& s, const Requant& q, const X* x, const uint32_t* w,
                               const int32_t* params, Y* y) {
  for (int32_t o = 0; o < s.oc; ++o) {
    const X* at = x;
    const uint32_t n = *w++;
    const uint32_t* const end = w + n;
    int32_t a = 0;
    if (n & 1u) at = sparse_two(*w++, at, a);
    if (n & 2u) at = sparse_two(w[0], at, a), at = sparse_two(w[1], at, a), w += 2;
    for (; w != end; w += 4) {
      at = sparse_two(w[0], at, a), at = sparse_two(w[1], at, a);
      at = sparse_two(w[2], at, a), at = sparse_two(w[3], at, a);
    }
    y[o] = Y(plain_requantize(q, params, o, a));
  }
}

/// The same at four neighbouring ones.
template <class X, class Y>
BURIN_INLINE void sparse_four_pixels(const ConvShape& s, const Requant& q, const X* x, const uint32_t* w,
                                     const int32_t* params, Y* y) {
  for (int32_t o = 0; o < s.oc; ++o, ++y) {
    const X* at = x;
    const uint32_t n = *w++;
    const uint32_t* const end = w + n;
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    if (n & 1u) at = sparse_two_four(*w++, at, s.ic, a0, a1, a2, a3);
    for (; w != end; w += 2) {
      at = sparse_two_four(w[0], at, s.ic, a0, a1, a2, a3);
      at = sparse_two_four(w[1], at, s.ic, a0, a1, a2, a3);
    }
    a0 = plain_requantize(q, params, o, a0), a1 = plain_requantize(q, params, o, a1);
    a2 = plain_requantize(q, params, o, a2), a3 = plain_requantize(q, params, o, a3);
    y[0] = Y(a0), y[s.oc] = Y(a1), y[2 * s.oc] = Y(a2), y[3 * s.oc] = Y(a3);
  }
}

/// n rows of s.ow pixels each, all filters; a pixel is ic activations.
template <class X, class Y>
BURIN_INLINE void pointwise_sparse_q8(const ConvShape& s, const Requant& q, int32_t, const X* const* rows, int32_t n,
                                      const uint32_t* w, const int32_t* params, Y* y, void*) {
  for (int32_t row = 0; row < n; ++row) {
    const X* x = rows[row];
    int32_t left = s.ow;
    for (; left >= 4; left -= 4, x += 4 * s.ic, y += 4 * s.oc) sparse_four_pixels(s, q, x, w, params, y);
    for (; left > 0; --left, x += s.ic, y += s.oc) sparse_pixel(s, q, x, w, params, y);
  }
}

}  // namespace burin
