// float32 convolutions with 3x3 windows and stride 1 by Winograd's F(2x2, 3x3): four outputs of a channel from 16
// products instead of 36. With d a 4x4 patch of the input and g a filter, Y = A'[(G g G') * (B' d B)]A, * element by
// element (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015):
//   B'd: d0 - d2, d1 + d2, d2 - d1, d1 - d3     Gg: g0, (g0 + g1 + g2)/2, (g0 - g1 + g2)/2, g2     A'm: m0 + m1 + m2,
//   m1 - m2 - m3
// Filters are transformed on the device, a block of them at a time, so that flash holds nine weights and not 16. The
// sum over input channels is f32_block, 16 times, with tiles for pixels. Errors are those of sums over the whole patch:
// an output may carry the rounding errors of its neighbours' terms.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/conv_f32_fpu.h"

namespace burin {

/// Filters of one block: fewer of many channels, for their transforms are in working memory.
BURIN_INLINE constexpr int32_t winograd_filters(int32_t ic) { return ic <= 64 ? 16 : 8; }

/// Where things are in scratch, in floats.
struct WinogradScratch {
  int32_t filters, patch, input, sums, zeros, end;
  BURIN_INLINE constexpr explicit WinogradScratch(int32_t ic)
      : filters(0),
        patch(16 * winograd_filters(ic) * ic),
        input(patch + 16 * ic),
        sums(input + 64 * ic),
        zeros(sums + 64 * winograd_filters(ic)),
        end(zeros + winograd_filters(ic)) {}
};
BURIN_INLINE constexpr int32_t winograd_f32_fpu_scratch(const ConvShape& s) { return 4 * WinogradScratch(s.ic).end; }

/// Four values or their four combinations by B'.
struct Winograd4 {
  float v[4];
};
BURIN_INLINE Winograd4 winograd_input(float a, float b, float c, float d) { return {{a - c, b + c, c - b, b - d}}; }

/// G g G' of `count` filters [3][3][ic], for each of the 16 elements as f32_block wants its weights: in fours as
/// [ic][4].
BURIN_SHARED void winograd_filter_f32(int32_t count, int32_t ic, const float* w, float* to) {
  for (int32_t f = 0; f < count; ++f, w += 8 * ic) {
    float* u = to + (f & ~3) * ic + (f & 3);
    for (int32_t c = 0; c < ic; ++c, ++w, u += 4) {
      float t[3][4];
      BURIN_UNROLL
      for (int32_t i = 0; i < 3; ++i) {
        const float a = w[i * 3 * ic], b = w[(i * 3 + 1) * ic] * 0.5f, d = w[(i * 3 + 2) * ic], e = (a + d) * 0.5f;
        t[i][0] = a, t[i][1] = e + b, t[i][2] = e - b, t[i][3] = d;
      }
      float* at = u;
      const int32_t step = count * ic;
      BURIN_UNROLL
      for (int32_t j = 0; j < 4; ++j) {
        const float b = t[1][j] * 0.5f, e = (t[0][j] + t[2][j]) * 0.5f;
        at[j * step] = t[0][j], at[(4 + j) * step] = e + b, at[(8 + j) * step] = e - b, at[(12 + j) * step] = t[2][j];
      }
    }
  }
}

/// B' d B of a patch, for each of the 16 elements ic floats, 4 * ic apart.
BURIN_SHARED void winograd_input_f32(const float* const* rows, int32_t ic, float* to) {
  const float *p = rows[0], *q = rows[1], *r = rows[2], *s = rows[3];
  for (int32_t c = 0; c < ic; ++c) {
    Winograd4 t[4];
    BURIN_UNROLL
    for (int32_t j = 0; j < 4; ++j) {
      t[j] = winograd_input(*p, *q, *r, *s);
      const int32_t step = j < 3 ? ic : 1 - 3 * ic;
      p += step, q += step, r += step, s += step;
      keep(p), keep(q), keep(r), keep(s);
    }
    BURIN_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
      const Winograd4 v = winograd_input(t[0].v[i], t[1].v[i], t[2].v[i], t[3].v[i]);
      BURIN_UNROLL
      for (int32_t j = 0; j < 4; ++j) {
        *to = v.v[j];
        to += i < 3 || j < 3 ? 4 * ic : 1 - 60 * ic;
        keep(to);
      }
    }
  }
}

/// A' m A and the bias: the outputs of `count` filters from sums that are `step` floats apart. right and below:
/// elements between neighbours in y, 0 for one that is outside; it is stored first, so that it does not remain.
template <int32_t kFilters>
BURIN_INLINE void winograd_output_f32(int32_t count, const float* m, const float* bias, int32_t mask, float* y,
                                      int32_t right, int32_t below) {
  constexpr int32_t step = 4 * kFilters;
  for (int32_t f = 0; f < count; ++f, ++m, ++y) {
    float t[2][4];
    BURIN_UNROLL
    for (int32_t j = 0; j < 4; ++j) {
      const float b = m[(4 + j) * step], c = m[(8 + j) * step];
      t[0][j] = m[j * step] + (b + c);
      t[1][j] = (b - c) - m[(12 + j) * step];
    }
    const float add = bias[f];
    BURIN_UNROLL
    for (int32_t i = 1; i >= 0; --i) {
      const float b = t[i][1] + add, c = t[i][2];
      y[i * below + right] = relu_f32((b - c) - t[i][3], mask);
      y[i * below] = relu_f32(t[i][0] + (b + c), mask);
    }
  }
}

template <bool kFused, int32_t kFilters>
BURIN_INLINE void winograd_f32(const ConvShape& s, int32_t mask, const float* const* rows, int32_t n, const float* w,
                               const float* bias, float* y, float* scratch) {
  const WinogradScratch at(s.ic);
  ConvShape patch = s;
  patch.kh = patch.kw = 4;
  float* const zeros = scratch + at.zeros;
  fill_f32(zeros, kFilters);
  const int32_t across = (s.ow + 1) / 2, tiles = (n + 1) / 2 * across;
  for (int32_t o = 0; o < s.oc; o += kFilters) {
    const int32_t count = s.oc - o < kFilters ? s.oc - o : kFilters;
    winograd_filter_f32(count, s.ic, w + o * 9 * s.ic, scratch);
    for (int32_t first = 0; first < tiles; first += 4) {
      F32Block b;
      b.relu = 0;
      for (int32_t p = 0; p < 4; ++p) {
        const int32_t t = f32_pixel(first, p, tiles), oy = t / across * 2, ix = (t - t / across * across) * 2 - s.pl;
        const float* r[4];
        bool inside = ix >= 0 && ix + 4 <= s.iw;
        for (int32_t i = 0; i < 4; ++i) {
          r[i] = oy + i < n + 2 ? rows[oy + i] : nullptr;
          inside = inside && r[i];
        }
        if (!inside) {
          f32_window(patch, r, ix, scratch + at.patch);
          for (int32_t i = 0; i < 4; ++i) r[i] = scratch + at.patch + i * 4 * s.ic;
        } else {
          for (int32_t i = 0; i < 4; ++i) r[i] += ix * s.ic;
        }
        winograd_input_f32(r, s.ic, scratch + at.input + p * s.ic);
      }
      for (int32_t e = 0; e < 16; ++e) {
        for (int32_t p = 0; p < 4; ++p) {
          b.x[p] = scratch + at.input + (4 * e + p) * s.ic;
          b.y[p] = scratch + at.sums + (4 * e + p) * kFilters;
        }
        f32_block<kFused>(b, s.ic, count, scratch + e * count * s.ic, zeros);
      }
      for (int32_t p = 0; p < 4; ++p) {
        const int32_t t = f32_pixel(first, p, tiles), oy = t / across * 2, ox = (t - t / across * across) * 2;
        winograd_output_f32<kFilters>(count, scratch + at.sums + p * kFilters, bias + o, mask,
                                      y + (oy * s.ow + ox) * s.oc + o, ox + 1 < s.ow ? s.oc : 0,
                                      oy + 1 < n ? s.ow * s.oc : 0);
      }
    }
  }
}

/// w is [oc][3][3][ic]; oc is a multiple of four.
template <bool kFused = false>
BURIN_SHARED void winograd_f32_fpu(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                                   const float* w, const float* bias, float* y, void* scratch) {
  const int32_t mask = relu_mask(lo, hi);
  float* const memory = static_cast<float*>(scratch);
  if (winograd_filters(s.ic) == 16) winograd_f32<kFused, 16>(s, mask, rows, n, w, bias, y, memory);
  else winograd_f32<kFused, 8>(s, mask, rows, n, w, bias, y, memory);
  clamp_f32(lo, hi, y, n * s.ow * s.oc);
}

}  // namespace burin
