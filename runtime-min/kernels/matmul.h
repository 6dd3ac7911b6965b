// Matrix products of operands that are both computed at run time.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/binary.h"
#include "runtime-min/kernels/strided_copy.h"
#include "runtime-min/requantize.h"

namespace burin {

/// a [.., m, k] times b [.., k, n] gives y [.., m, n]. The `rank` leading axes have the given extents in y; a and b
/// advance by their strides (elements; 0 broadcasts).
struct MatMulShape {
  int32_t m, k, n;
  int32_t rank;
  int32_t extent[kMaxRank], a[kMaxRank], b[kMaxRank];
};

/// Calls f(a offset, b offset) for each matrix of the result, in order.
template <class F>
BURIN_INLINE void each_matrix(const MatMulShape& s, F f) {
  for (int32_t d = 0; d < s.rank; ++d)
    if (s.extent[d] == 0) return;
  int32_t i[kMaxRank] = {};
  int32_t a = 0, b = 0;
  for (;;) {
    f(a, b);
    int32_t d = s.rank - 1;
    for (; d >= 0; --d) {
      a += s.a[d];
      b += s.b[d];
      if (++i[d] < s.extent[d]) break;
      a -= i[d] * s.a[d];
      b -= i[d] * s.b[d];
      i[d] = 0;
    }
    if (d < 0) return;
  }
}

/// Integers wrap.
template <class T>
BURIN_INLINE void matmul_ref(const MatMulShape& s, const T* a, const T* b, T* y) {
  each_matrix(
      s, [&s, a, b, &y ](int32_t at, int32_t bt) __attribute__((always_inline)) {
        for (int32_t i = 0; i < s.m; ++i)
          for (int32_t j = 0; j < s.n; ++j) {
            T acc = T(0);
            for (int32_t k = 0; k < s.k; ++k)
              acc = fn_add::eval(acc, fn_mul::eval(a[at + i * s.k + k], b[bt + k * s.n + j]));
            *y++ = acc;
          }
      });
}

/// acc = sum of (a - a_zero) * (b - b_zero); params: one set.
template <class A, class B, class Y>
BURIN_INLINE void matmul_q8_ref(const MatMulShape& s, const Requant& q, int32_t a_zero, int32_t b_zero, const A* a,
                                const B* b, const int32_t* params, Y* y) {
  each_matrix(
      s, [&s, &q, a_zero, b_zero, a, b, params, &y ](int32_t at, int32_t bt) __attribute__((always_inline)) {
        for (int32_t i = 0; i < s.m; ++i)
          for (int32_t j = 0; j < s.n; ++j) {
            int32_t acc = 0;
            for (int32_t k = 0; k < s.k; ++k) acc += (a[at + i * s.k + k] - a_zero) * (b[bt + k * s.n + j] - b_zero);
            *y++ = Y(requantize(q, params, acc));
          }
      });
}

}  // namespace burin
