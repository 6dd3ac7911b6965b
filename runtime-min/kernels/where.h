// Selection between two tensors by a condition, with broadcasting.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/strided_copy.h"

namespace burin {

/// Strides of the condition, a and b for each axis of the dense result; 0 broadcasts. rank >= 1: a scalar is one axis
/// of extent 1.
struct WhereShape {
  int32_t rank;
  int32_t extent[kMaxRank], condition[kMaxRank], a[kMaxRank], b[kMaxRank];
};

template <class T>
BURIN_INLINE void where(const WhereShape& s, const uint8_t* condition, const T* a, const T* b, T* y) {
  for (int32_t d = 0; d < s.rank; ++d)
    if (s.extent[d] == 0) return;
  int32_t i[kMaxRank] = {};
  const int32_t last = s.rank - 1;
  for (;;) {
    for (int32_t k = 0; k < s.extent[last]; ++k)
      *y++ = condition[k * s.condition[last]] ? a[k * s.a[last]] : b[k * s.b[last]];
    int32_t d = last - 1;  // the odometer
    for (; d >= 0; --d) {
      condition += s.condition[d];
      a += s.a[d];
      b += s.b[d];
      if (++i[d] < s.extent[d]) break;
      condition -= i[d] * s.condition[d];
      a -= i[d] * s.a[d];
      b -= i[d] * s.b[d];
      i[d] = 0;
    }
    if (d < 0) return;
  }
}

}  // namespace burin
