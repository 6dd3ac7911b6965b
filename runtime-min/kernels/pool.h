// Pooling over images in channels-last layout, by rows, like convolution.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/limits.h"
#include "runtime-min/requantize.h"

namespace burin {

/// Extents of input (ih, iw), output (oh, ow), channels c and window (kh, kw), strides, dilations, padding at top and
/// left. include_pad: averages divide by kh * kw always, else by the number of cells inside the image.
struct PoolShape {
  int32_t ih, iw, oh, ow, c, kh, kw, sh, sw, dh, dw, pt, pl;
  bool include_pad;
  /// Input rows that n output rows read.
  BURIN_INLINE constexpr int32_t rows(int32_t n) const { return (n - 1) * sh + (kh - 1) * dh + 1; }
};

/// Calls f(pixel) with a pointer to the c channels of each cell of the window of output (oy, ox) that is inside the
/// image; returns the number of cells.
template <class X, class F>
BURIN_INLINE int32_t each_cell(const PoolShape& s, const X* const* rows, int32_t oy, int32_t ox, F f) {
  int32_t cells = 0;
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = rows[oy * s.sh + ky * s.dh];
    if (!row) continue;
    BURIN_UNROLL_FEW
    for (int32_t kx = 0; kx < s.kw; ++kx) {
      const int32_t ix = ox * s.sw + kx * s.dw - s.pl;
      if (ix < 0 || ix >= s.iw) continue;
      ++cells;
      f(row + ix * s.c);
    }
  }
  return cells;
}

/// n rows of output. rows[i] is the input row that is i rows below the first one the window touches, null where it is
/// padding; rows need not be neighbours in memory. y holds the n rows in one piece. A window without any cell gives the
/// least number.
template <class T>
BURIN_INLINE void max_pool_ref(const PoolShape& s, const T* const* rows, int32_t n, T* y) {
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox)
      for (int32_t c = 0; c < s.c; ++c) {
        T most = Limits<T>::least;
        each_cell(
            s, rows, oy, ox,
            [&most, c ](const T* x) __attribute__((always_inline)) { most = x[c] > most ? x[c] : most; });
        *y++ = most;
      }
}

/// The same with the result looked up in a table (lut_q8): max pool to another scale.
template <class X, class Y>
BURIN_INLINE void max_pool_q8_ref(const PoolShape& s, const uint8_t* table, const X* const* rows, int32_t n, Y* y) {
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox)
      for (int32_t c = 0; c < s.c; ++c) {
        X most = Limits<X>::least;
        each_cell(
            s, rows, oy, ox,
            [&most, c ](const X* x) __attribute__((always_inline)) { most = x[c] > most ? x[c] : most; });
        *y++ = Y(table[uint8_t(most)]);
      }
}

/// A window without any cell gives 0.
BURIN_INLINE void average_pool_f32_ref(const PoolShape& s, const float* const* rows, int32_t n, float* y) {
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox)
      for (int32_t c = 0; c < s.c; ++c) {
        float sum = 0.0f;
        const int32_t cells = each_cell(
            s, rows, oy, ox, [&sum, c ](const float* x) __attribute__((always_inline)) { sum += x[c]; });
        const int32_t count = s.include_pad ? s.kh * s.kw : cells;
        *y++ = count == 0 ? 0.0f : sum / float(count);
      }
}

/// acc = sum of (x - x_zero) over the cells inside the image. `params` has one set for each of the `sets` numbers that
/// windows divide by; `counts` are those numbers, rising (not read when there is one).
template <class X, class Y>
BURIN_INLINE void average_pool_q8_ref(const PoolShape& s, const Requant& q, int32_t x_zero, int32_t sets,
                                      const int32_t* counts, const X* const* rows, int32_t n, const int32_t* params,
                                      Y* y) {
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox)
      for (int32_t c = 0; c < s.c; ++c) {
        int32_t acc = 0, set = 0;
        const int32_t cells = each_cell(
            s, rows, oy, ox, [&acc, c, x_zero ](const X* x) __attribute__((always_inline)) { acc += x[c] - x_zero; });
        while (set + 1 < sets && counts[set] < cells) ++set;
        *y++ = Y(requantize(q, params + set * words_per_channel(q.kind), acc));
      }
}

}  // namespace burin
