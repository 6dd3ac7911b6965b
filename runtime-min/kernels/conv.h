// Convolution over images in channels-last layout, by rows: the meaning of every other convolution kernel.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/requantize.h"

namespace burin {

/// Extents of input (ih, iw, ic), output (oh, ow, oc) and window (kh, kw), strides, dilations, padding at top and left,
/// groups. Input channels of one group are ic / groups.
struct ConvShape {
  int32_t ih, iw, ic, oh, ow, oc, kh, kw, sh, sw, dh, dw, pt, pl, groups;
  /// Input rows that n output rows read.
  BURIN_INLINE constexpr int32_t rows(int32_t n) const { return (n - 1) * sh + (kh - 1) * dh + 1; }
};

/// Pointers to `count` rows of an image in one piece, from row `first`; rows outside the image are null (padding).
template <class T>
BURIN_INLINE void image_rows(const T** rows, const T* image, int32_t first, int32_t count, int32_t height,
                             int32_t row_elements) {
  for (int32_t i = 0; i < count; ++i) {
    const int32_t y = first + i;
    rows[i] = y < 0 || y >= height ? nullptr : image + y * row_elements;
#if defined(__ARM_FEATURE_MVE) && !defined(__clang__)
    // clang-format off
    __asm__ volatile("");  // no vectors: gcc 12 makes constant predicates here that its assembler refuses
#endif
  }
}

/// The same where the image lies in a ring of so many rows: row y at row y % ring.
template <class T>
BURIN_INLINE void ring_rows(const T** rows, const T* image, int32_t first, int32_t count, int32_t height,
                            int32_t row_elements, int32_t ring) {
  int32_t at = first > 0 ? first % ring : 0;
  for (int32_t i = 0; i < count; ++i) {
    const int32_t y = first + i;
    rows[i] = nullptr;
    if (y < 0 || y >= height) continue;
    rows[i] = image + at * row_elements;
    at = at + 1 == ring ? 0 : at + 1;
  }
}

/// n rows of output. rows[i] is the input row that is i rows below the first one the window touches, null where it is
/// padding; rows need not be neighbours in memory. w is [oc][kh][kw][ic/groups] with its zero point subtracted; y holds
/// the n rows in one piece; scratch is not used. acc = sum of (x - x_zero) * w; params as `requantize` wants them, one set per output channel.
template <class X, class W, class Y>
BURIN_INLINE void conv_q8_ref(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n, const W* w,
                              const int32_t* params, Y* y, void* scratch) {
  (void)scratch;
  const int32_t ic = s.ic / s.groups, oc = s.oc / s.groups;
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox)
      for (int32_t o = 0; o < s.oc; ++o) {
        int32_t acc = 0;
        for (int32_t ky = 0; ky < s.kh; ++ky) {
          const X* row = rows[oy * s.sh + ky * s.dh];
          if (!row) continue;
          for (int32_t kx = 0; kx < s.kw; ++kx) {
            const int32_t ix = ox * s.sw + kx * s.dw - s.pl;
            if (ix < 0 || ix >= s.iw) continue;
            const X* px = row + ix * s.ic + o / oc * ic;
            const W* pw = w + ((o * s.kh + ky) * s.kw + kx) * ic;
            for (int32_t c = 0; c < ic; ++c) acc += (px[c] - x_zero) * pw[c];
          }
        }
        *y++ = Y(requantize(q, params + o * words_per_channel(q.kind), acc));
        // clang-format on
      }
}

/// The same where centered weights need 16 bits (uint8 weights with a zero point).
template <class X, class Y>
BURIN_INLINE void conv_q8_w16_ref(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                  const int16_t* w, const int32_t* params, Y* y, void* scratch) {
  conv_q8_ref(s, q, x_zero, rows, n, w, params, y, scratch);
}

/// The same in float32: y = clamp(bias + sum), bias null for none. The order of the sum is free (docs/numerics.md).
BURIN_INLINE void conv_f32_ref(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                               const float* w, const float* bias, float* y, void* scratch) {
  (void)scratch;
  const int32_t ic = s.ic / s.groups, oc = s.oc / s.groups;
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox)
      for (int32_t o = 0; o < s.oc; ++o) {
        float acc = bias ? bias[o] : 0.0f;
        for (int32_t ky = 0; ky < s.kh; ++ky) {
          const float* row = rows[oy * s.sh + ky * s.dh];
          if (!row) continue;
          for (int32_t kx = 0; kx < s.kw; ++kx) {
            const int32_t ix = ox * s.sw + kx * s.dw - s.pl;
            if (ix < 0 || ix >= s.iw) continue;
            const float* px = row + ix * s.ic + o / oc * ic;
            const float* pw = w + ((o * s.kh + ky) * s.kw + kx) * ic;
            for (int32_t c = 0; c < ic; ++c) acc += px[c] * pw[c];
          }
        }
        *y++ = acc < lo ? lo : acc > hi ? hi : acc;
      }
}

}  // namespace burin
