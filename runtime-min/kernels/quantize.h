// Between real numbers and stored integers.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/math.h"

namespace burin {

/// y = saturate(round_half_even(x / scale) + zero): the division of ONNX, in float32. NaN becomes the zero point.
template <class Y>
BURIN_INLINE void quantize_f32(int32_t n, float scale, int32_t zero, int32_t lo, int32_t hi, const float* x, Y* y) {
  for (int32_t i = 0; i < n; ++i) {
    const float v = x[i] / scale;
    // Beyond 2^24 the sum saturates whatever the rounding; the comparison is false for NaN.
    const int32_t r = v >= 16777216.0f ? 16777216 : v <= -16777216.0f ? -16777216 : v == v ? int32_t(rint_f32(v)) : 0;
    const int64_t sum = int64_t(r) + zero;
    y[i] = Y(sum < lo ? lo : sum > hi ? hi : int32_t(sum));
  }
}

/// y = (x - zero) * scale, one rounding.
template <class X>
BURIN_INLINE void dequantize_f32(int32_t n, float scale, int32_t zero, const X* x, float* y) {
  for (int32_t i = 0; i < n; ++i) {
    const int32_t v = int32_t(x[i]);
    // Only the difference of 32-bit numbers needs more bits, and their zero point is nearly always 0.
    y[i] = (sizeof(X) < 4 || zero == 0 ? float(wrap_add(v, -zero)) : float(int64_t(v) - zero)) * scale;
  }
}

}  // namespace burin
