// Softmax of int8 and uint8 in fixed point.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/softmax.h"

namespace burin {

/// inverse * 2^-exponent = 1 / output scale, inverse in [2^31, 2^32) (or all results are zero points).
struct SoftmaxQuant {
  uint32_t inverse;
  int32_t exponent, zero_point, lo, hi;
};

/// Words of a table: e^(-input scale * 16 * i) for i < 16, then e^(-input scale * i), as fractions of 2^31.
constexpr int kSoftmaxTable = 32;

/// e^(-input scale * d), d in 0..255, in units of 2^-62.
BURIN_INLINE uint64_t softmax_power(const uint32_t* table, int32_t d) {
  return uint64_t(table[d >> 4]) * table[kSoftmaxTable / 2 + (d & 15)];
}

/// (2^63 - 1) / d for d >= 2^31, one bit at a time: a 64-bit division would cost more flash than time saved once a row.
BURIN_INLINE uint32_t softmax_reciprocal(uint32_t d) {
  uint32_t rest = 0x7FFFFFFFu, q = 0;
  for (int i = 0; i < 32; ++i) {
    const bool carry = (rest >> 31) != 0;
    rest = (rest << 1) | 1u;
    q <<= 1;
    if (carry || rest >= d) {
      rest -= d;
      q |= 1u;
    }
  }
  return q;
}

/// y = e^x / (sum of e^x along the axis) as stored integers, for axes of up to 2^17 elements; within 0.5 + 2^-12 step
/// of the real value: the sum has 46 fraction bits, every other factor a relative error of about 2^-31. x and y may be
/// the same memory.
template <class X, class Y>
BURIN_INLINE void softmax_q8_ref(const SoftmaxShape& s, const SoftmaxQuant& q, const uint32_t* table, const X* x,
                                 Y* y) {
  for (int32_t o = 0; o < s.outer; ++o)
    for (int32_t i = 0; i < s.inner; ++i) {
      const X* px = x + o * s.axis * s.inner + i;
      Y* py = y + o * s.axis * s.inner + i;
      int32_t most = -32768;
      for (int32_t a = 0; a < s.axis; ++a) most = px[a * s.inner] > most ? int32_t(px[a * s.inner]) : most;
      uint64_t sum = 0;
      for (int32_t a = 0; a < s.axis; ++a) sum += softmax_power(table, most - px[a * s.inner]) >> 16;
      if (sum == 0) continue;  // an empty axis
      const int32_t zeros = __builtin_clzll(sum);
      const uint32_t reciprocal = softmax_reciprocal(uint32_t((sum << zeros) >> 32));
      // e^x / 2^31 * reciprocal * 2^(zeros - 49) * inverse * 2^-exponent, of which 2^-64 by taking high words
      const uint32_t factor = uint32_t((uint64_t(reciprocal) * q.inverse) >> 32);
      const int32_t shift = q.exponent + 16 - zeros;
      for (int32_t a = 0; a < s.axis; ++a) {
        const uint32_t e = uint32_t((softmax_power(table, most - px[a * s.inner]) + 0x40000000u) >> 31);
        const uint32_t v = uint32_t((uint64_t(e) * factor) >> 32);
        const int32_t r = shift > 31 ? 0 : int32_t((v + ((uint32_t(1) << shift) >> 1)) >> shift);
        py[a * s.inner] = Y(clamp32(r + q.zero_point, q.lo, q.hi));
      }
    }
}

}  // namespace burin
