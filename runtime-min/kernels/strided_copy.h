// Copies between tensors in any order of axes: Transpose, Slice, Expand, Concat, Pad and friends are all this.
#pragma once
#include "runtime-min/base.h"

namespace burin {

constexpr int32_t kMaxRank = 8;

/// Element (i0, i1, ...) of the result, 0 <= i < extent, goes from x[sum of i*from] to y[sum of i*to]. A stride of 0
/// repeats an element, a negative one runs backwards. Strides count elements.
struct StridedShape {
  int32_t rank;
  int32_t extent[kMaxRank], from[kMaxRank], to[kMaxRank];
};

template <class T>
BURIN_INLINE void strided_copy(const StridedShape& s, const T* x, T* y) {
  int32_t i[kMaxRank] = {};
  for (int32_t a = 0; a < s.rank; ++a)
    if (s.extent[a] == 0) return;
  const int32_t last = s.rank - 1;
  for (;;) {
    if (s.rank == 0) {
      *y = *x;
      return;
    }
    for (int32_t k = 0; k < s.extent[last]; ++k) y[k * s.to[last]] = x[k * s.from[last]];
    int32_t a = last - 1;  // the odometer
    for (; a >= 0; --a) {
      x += s.from[a];
      y += s.to[a];
      if (++i[a] < s.extent[a]) break;
      x -= i[a] * s.from[a];
      y -= i[a] * s.to[a];
      i[a] = 0;
    }
    if (a < 0) return;
  }
}

}  // namespace burin
