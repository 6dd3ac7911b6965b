// One-operand functions of int8 and uint8 by table for cores with Helium: sixteen elements by a gathering load.
#pragma once
#include "runtime-min/base.h"

namespace burin {

/// As lut_q8.
template <class X, class Y>
BURIN_INLINE void lut_q8_mve(int32_t n, const uint8_t* table, const X* x, Y* y) {
#if BURIN_MVE
  if (n <= 0) return;
  __asm__ volatile(
      "dlstp.8 lr, %[n]\n"
      "1: vldrb.u8 q0, [%[x]], #16\n\t"
      "vldrb.u8 q1, [%[table], q0]\n\t"
      "vstrb.8 q1, [%[y]], #16\n\t"
      "letp lr, 1b\n"
      : [x] "+r"(x), [y] "+r"(y)
      : [n] "r"(n), [table] "r"(table)
      : "q0", "q1", "lr", "memory");
#else
  for (int32_t i = 0; i < n; ++i) y[i] = Y(table[uint8_t(x[i])]);
#endif
}

}  // namespace burin
