// Filling: what Pad does before its copies (strided_copy.h).
#pragma once
#include "runtime-min/base.h"

namespace burin {

template <class T>
BURIN_INLINE void fill(int32_t n, T value, T* y) {
  for (int32_t i = 0; i < n; ++i) y[i] = value;
}

}  // namespace burin
