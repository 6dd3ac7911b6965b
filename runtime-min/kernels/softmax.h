// Softmax in float32.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/math.h"

namespace burin {

/// x [outer][axis][inner]; every column along the axis is one distribution.
struct SoftmaxShape {
  int32_t outer, axis, inner;
};

/// y = e^(x - max) / sum of e^(x - max), or its logarithm (Log). x and y may be the same memory.
template <bool Log>
BURIN_INLINE void softmax_f32(const SoftmaxShape& s, const float* x, float* y) {
  for (int32_t o = 0; o < s.outer; ++o)
    for (int32_t i = 0; i < s.inner; ++i) {
      const float* px = x + o * s.axis * s.inner + i;
      float* py = y + o * s.axis * s.inner + i;
      if (s.axis == 0) continue;
      float most = px[0], sum = 0.0f;
      for (int32_t a = 1; a < s.axis; ++a) most = px[a * s.inner] > most ? px[a * s.inner] : most;
      for (int32_t a = 0; a < s.axis; ++a) {
        const float d = px[a * s.inner] - most, e = exp_f32(d);
        sum += e;
        py[a * s.inner] = Log ? d : e;
      }
      const float k = Log ? log_f32(sum) : sum;
      for (int32_t a = 0; a < s.axis; ++a) py[a * s.inner] = Log ? py[a * s.inner] - k : py[a * s.inner] / k;
    }
}

}  // namespace burin
