// Picking elements by index. Negative indices count from the end; those out of range are limited to the nearest
// element, so that no input makes a kernel read outside its tensor.
#pragma once
#include "runtime-min/base.h"

namespace burin {

template <class I>
BURIN_INLINE int32_t gather_index(I index, int32_t extent) {
  const I i = index < 0 ? I(index + I(extent)) : index;
  return i < 0 ? 0 : i >= I(extent) ? extent - 1 : int32_t(i);
}

/// x [outer][axis][inner], `count` indices, y [outer][count][inner].
struct GatherShape {
  int32_t outer, axis, inner, count;
};
template <class T, class I>
BURIN_INLINE void gather(const GatherShape& s, const T* x, const I* indices, T* y) {
  for (int32_t o = 0; o < s.outer; ++o)
    for (int32_t c = 0; c < s.count; ++c) {
      const T* from = x + (o * s.axis + gather_index(indices[c], s.axis)) * s.inner;
      for (int32_t i = 0; i < s.inner; ++i) *y++ = from[i];
    }
}

/// y and the indices have `rank` axes of `extent`; along `axis` the index replaces the position in x, whose strides are
/// `from` and whose extent along the axis is `limit`.
struct GatherElementsShape {
  int32_t rank, axis, limit;
  int32_t extent[8], from[8];
};
template <class T, class I>
BURIN_INLINE void gather_elements(const GatherElementsShape& s, const T* x, const I* indices, T* y) {
  int32_t total = 1;
  for (int32_t d = 0; d < s.rank; ++d) total *= s.extent[d];
  for (int32_t e = 0; e < total; ++e) {
    int32_t rest = e, at = 0;
    for (int32_t d = s.rank - 1; d >= 0; --d) {
      const int32_t i = rest % s.extent[d];
      rest /= s.extent[d];
      at += (d == s.axis ? gather_index(indices[e], s.limit) : i) * s.from[d];
    }
    y[e] = x[at];
  }
}

/// For each of `batch` parts of x (`part` elements) `count` index tuples of `depth` numbers, each of which picks
/// `inner` elements; extents and strides of the indexed axes.
struct GatherNdShape {
  int32_t batch, part, count, depth, inner;
  int32_t extent[8], stride[8];
};
template <class T, class I>
BURIN_INLINE void gather_nd(const GatherNdShape& s, const T* x, const I* indices, T* y) {
  for (int32_t b = 0; b < s.batch; ++b)
    for (int32_t c = 0; c < s.count; ++c) {
      const T* from = x + b * s.part;
      for (int32_t d = 0; d < s.depth; ++d) from += gather_index(*indices++, s.extent[d]) * s.stride[d];
      for (int32_t i = 0; i < s.inner; ++i) *y++ = from[i];
    }
}

}  // namespace burin
