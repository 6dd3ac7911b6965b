// Fully connected layers: the meaning of every other dense kernel.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/requantize.h"

namespace burin {

/// x is [pixels][in], w [out][in], y [pixels][out].
struct DenseShape {
  int32_t pixels, in, out;
};

/// acc = sum of (x - x_zero) * w, the weights' zero point subtracted; params as `requantize` wants them, one set per
/// output.
template <class X, class W, class Y>
BURIN_INLINE void dense_q8_ref(const DenseShape& s, const Requant& q, int32_t x_zero, const X* x, const W* w,
                               const int32_t* params, Y* y) {
  for (int32_t p = 0; p < s.pixels; ++p)
    for (int32_t o = 0; o < s.out; ++o) {
      int32_t acc = 0;
      for (int32_t k = 0; k < s.in; ++k) acc += (x[p * s.in + k] - x_zero) * w[o * s.in + k];
      *y++ = Y(requantize(q, params + o * words_per_channel(q.kind), acc));
    }
}

/// y = clamp(bias + sum), bias null for none. The order of the sum is free (docs/numerics.md).
BURIN_INLINE void dense_f32_ref(const DenseShape& s, float lo, float hi, const float* x, const float* w,
                                const float* bias, float* y) {
  for (int32_t p = 0; p < s.pixels; ++p)
    for (int32_t o = 0; o < s.out; ++o) {
      float acc = bias ? bias[o] : 0.0f;
      for (int32_t k = 0; k < s.in; ++k) acc += x[p * s.in + k] * w[o * s.in + k];
      *y++ = acc < lo ? lo : acc > hi ? hi : acc;
    }
}

}  // namespace burin
