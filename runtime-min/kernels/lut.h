// One-operand functions of int8 and uint8 by table.
#pragma once
#include "runtime-min/base.h"

namespace burin {

/// y = table[bits of x]; the table holds bit patterns. x and y may be the same memory.
template <class X, class Y>
BURIN_INLINE void lut_q8(int32_t n, const uint8_t* table, const X* x, Y* y) {
  BURIN_UNROLL_FEW
  for (int32_t i = 0; i < n; ++i) y[i] = Y(table[uint8_t(x[i])]);
}

}  // namespace burin
