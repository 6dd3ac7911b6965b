// Average pools whose window is as high as the image: the image's rows are added up as they come.
#pragma once
#include "runtime-min/kernels/pool.h"

namespace burin {

/// One row of output, whose window has all ih rows of the image and no padding above.
BURIN_INLINE constexpr bool pool_covers_height(const PoolShape& s) {
  return s.oh == 1 && s.pt == 0 && s.kh == s.ih && s.rows(1) == s.ih;
}

/// The window's columns that are inside the image: how many, and the first pixel of them.
BURIN_INLINE int32_t pool_columns(const PoolShape& s, int32_t ox, int32_t& pixel) {
  const int32_t left = ox * s.sw - s.pl;
  int32_t from = 0, to = s.kw;
  while (from < s.kw && left + from * s.dw < 0) ++from;
  while (to > from && left + (to - 1) * s.dw >= s.iw) --to;
  pixel = to > from ? left + from * s.dw : 0;
  return to - from;
}

/// The parameters of windows of so many cells.
BURIN_INLINE const int32_t* pool_params(const Requant& q, int32_t sets, const int32_t* counts, const int32_t* params,
                                        int32_t cells) {
  int32_t set = 0;
  while (set + 1 < sets && counts[set] < cells) ++set;
  return params + set * words_per_channel(q.kind);
}

/// Adds n rows of the image, from row `first` on, to the sums in `scratch` (ow * c of them); row 0 begins them. With
/// the last row y is made. The same result as average_pool_q8_ref. Where pool_covers_height.
template <class X, class Y>
BURIN_INLINE void average_pool_rows_q8_ref(const PoolShape& s, const Requant& q, int32_t x_zero, int32_t sets,
                                           const int32_t* counts, const X* const* rows, int32_t n, int32_t first,
                                           const int32_t* params, Y* y, void* scratch) {
  int32_t* sums = static_cast<int32_t*>(scratch);
  for (int32_t ox = 0; ox < s.ow; ++ox) {
    int32_t pixel = 0;
    const int32_t across = pool_columns(s, ox, pixel), cells = across * s.ih;
    const int32_t* const p = pool_params(q, sets, counts, params, cells);
    for (int32_t c = 0; c < s.c; ++c, ++sums, ++y) {
      int32_t acc = first == 0 ? -cells * x_zero : *sums;
      for (int32_t r = 0; r < n; ++r) {
        const X* const x = rows[r] + pixel * s.c + c;
        for (int32_t kx = 0; kx < across; ++kx) acc += x[kx * s.dw * s.c];
      }
      if (first + n == s.ih) *y = Y(requantize(q, p, acc));
      else *sums = acc;
    }
  }
}

/// The same in float32, with the additions of average_pool_f32_ref in their order.
BURIN_INLINE void average_pool_rows_f32_ref(const PoolShape& s, const float* const* rows, int32_t n, int32_t first,
                                            float* y, void* scratch) {
  float* sums = static_cast<float*>(scratch);
  for (int32_t ox = 0; ox < s.ow; ++ox) {
    int32_t pixel = 0;
    const int32_t across = pool_columns(s, ox, pixel), count = s.include_pad ? s.kh * s.kw : across * s.ih;
    for (int32_t c = 0; c < s.c; ++c, ++sums, ++y) {
      float sum = first == 0 ? 0.0f : *sums;
      for (int32_t r = 0; r < n; ++r) {
        const float* const x = rows[r] + pixel * s.c + c;
        for (int32_t kx = 0; kx < across; ++kx) sum += x[kx * s.dw * s.c];
      }
      if (first + n == s.ih) *y = count == 0 ? 0.0f : sum / float(count);
      else *sums = sum;
    }
  }
}

}  // namespace burin
