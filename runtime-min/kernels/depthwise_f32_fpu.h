// Depthwise convolutions in float32 for cores with a single-precision FPU: 3x3 windows, stride 1 or 2 across, no
// dilation across. The nine weights of a channel stay in registers for all rows; along a row each activation is loaded
// once per row of the window. See conv_f32_fpu.h for kFused and the clamp.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/conv_f32_fpu.h"

namespace burin {

/// One column of the rows that kOut rows of output read, and a channel's way through them: pointers to its next column.
template <int32_t kOut>
struct F32Column {
  float v[kOut + 2];
};
template <int32_t kOut>
struct F32Rows {
  const float* at[kOut + 2];
  int32_t step;
};
template <int32_t kOut>
BURIN_INLINE F32Column<kOut> next_f32(F32Rows<kOut>& r) {
  F32Column<kOut> c;
  BURIN_UNROLL
  for (int32_t i = 0; i < kOut + 2; ++i) c.v[i] = *r.at[i];
  BURIN_UNROLL
  for (int32_t i = 0; i < kOut + 2; ++i) {
    r.at[i] += r.step;
    keep(r.at[i]);
  }
  return c;
}

/// The sum of the window whose columns begin at a, b and c; `mask` is that of relu_f32.
template <bool kFused>
BURIN_INLINE float window_f32(const float (&w)[9], float bias, const float* a, const float* b, const float* c,
                              int32_t mask) {
  float acc;
#if BURIN_FPU
  if (!kFused) {  // no sum right behind its product
    float p, q;
    __asm__(
        "vmul.f32 %0, %3, %12\n\tvmul.f32 %1, %4, %13\n\tvadd.f32 %0, %0, %21\n\tvmul.f32 %2, %5, %14\n\t"
        "vadd.f32 %0, %0, %1\n\tvmul.f32 %1, %6, %15\n\tvadd.f32 %0, %0, %2\n\tvmul.f32 %2, %7, %16\n\t"
        "vadd.f32 %0, %0, %1\n\tvmul.f32 %1, %8, %17\n\tvadd.f32 %0, %0, %2\n\tvmul.f32 %2, %9, %18\n\t"
        "vadd.f32 %0, %0, %1\n\tvmul.f32 %1, %10, %19\n\tvadd.f32 %0, %0, %2\n\tvmul.f32 %2, %11, %20\n\t"
        "vadd.f32 %0, %0, %1\n\tvadd.f32 %0, %0, %2"
        : "=&t"(acc), "=&t"(p), "=&t"(q)
        : "t"(w[0]), "t"(w[1]), "t"(w[2]), "t"(w[3]), "t"(w[4]), "t"(w[5]), "t"(w[6]), "t"(w[7]), "t"(w[8]), "t"(a[0]),
          "t"(b[0]), "t"(c[0]), "t"(a[1]), "t"(b[1]), "t"(c[1]), "t"(a[2]), "t"(b[2]), "t"(c[2]), "t"(bias));
    return relu_f32(acc, mask);
  }
#endif
  acc = bias;
  BURIN_UNROLL
  for (int32_t i = 0; i < 3; ++i) acc += w[3 * i] * a[i] + w[3 * i + 1] * b[i] + w[3 * i + 2] * c[i];
  return relu_f32(acc, mask);
}

/// kOut rows of outputs of one channel, kStride across. Columns outside the image are zeros. The last row of output is
/// `apart` elements behind the first.
template <bool kFused, int32_t kStride, int32_t kOut>
BURIN_INLINE void depthwise_line_f32(const ConvShape& s, const float (&w)[9], float bias, F32Rows<kOut> r, int32_t mask,
                                     float* y, int32_t apart) {
  using Column = F32Column<kOut>;
  const int32_t step = s.oc;
  auto emit = [&](const Column& a, const Column& b, const Column& c) __attribute__((always_inline)) {
    if (kOut == 2) y[apart] = window_f32<kFused>(w, bias, a.v + kOut - 1, b.v + kOut - 1, c.v + kOut - 1, mask);
    y[0] = window_f32<kFused>(w, bias, a.v, b.v, c.v, mask);
    y += step;
    keep(y);
  };
  const Column none{};
  Column a = none, b = none, c = none;
  int32_t left = s.iw, out = s.ow;  // columns to come, outputs to come
  auto column = [&](bool inside) __attribute__((always_inline)) {
    if (!inside || left <= 0) return none;
    --left;
    return next_f32(r);
  };
  if (s.pl == 0) --left, a = next_f32(r);
  if (kStride == 1) {
    b = column(s.pl <= 1);
    int32_t whole = left < out ? left : out;
    out -= whole;
    // A lone row is rare: less code.
    for (; kOut == 1 && whole > 0; --whole) {
      c = next_f32(r);
      emit(a, b, c);
      a = b, b = c;
    }
    while (kOut > 1 && whole > 0) {  // three outputs a turn, so that columns need not move
      c = next_f32(r);
      emit(a, b, c);
      if (--whole == 0) {
        a = b, b = c;
        break;
      }
      a = next_f32(r);
      emit(b, c, a);
      if (--whole == 0) {
        b = a, a = c;
        break;
      }
      b = next_f32(r);
      emit(c, a, b);
      --whole;
    }
    for (; out > 0; --out) {
      emit(a, b, none);
      a = b, b = none;
    }
  } else {
    if (s.pl == 2) {  // the first window's first two columns are padding
      c = column(true);
      emit(none, none, c);
      a = c;
      --out;
    }
    int32_t whole = left / 2 < out ? left / 2 : out;
    out -= whole, left -= 2 * whole;
    while (whole > 0) {
      b = next_f32(r), c = next_f32(r);
      emit(a, b, c);
      if (--whole == 0) {
        a = c;
        break;
      }
      b = next_f32(r), a = next_f32(r);
      emit(c, b, a);
      --whole;
    }
    for (; out > 0; --out) {
      b = column(true);
      emit(a, b, none);
      a = none;
    }
  }
}

/// w is [channel][3][3]. Stride 1 makes two rows of output at a time where there are two: they share two of their rows.
template <bool kFused = false>
BURIN_SHARED void depthwise_f32_fpu(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                                    const float* weights, const float* biases, float* y, void* scratch) {
  const int32_t mask = relu_mask(lo, hi), row = s.ow * s.oc;
  float* const zeros = static_cast<float*>(scratch);  // what a row of padding looks like
  bool padded = false;
  for (int32_t i = 0; i < s.rows(n); ++i) padded |= !rows[i];
  if (padded) fill_f32(zeros, s.iw * s.ic);
  const bool pairs = s.sw == 1 && s.sh == 1 && s.dh == 1;
  auto at = [&](int32_t i) __attribute__((always_inline)) { return rows[i] ? rows[i] : zeros; };
  for (int32_t oy = 0; oy < n;) {
    const bool both = pairs && oy + 1 < n;
    const float *r0 = at(oy * s.sh), *r1 = at(oy * s.sh + s.dh), *r2 = at(oy * s.sh + 2 * s.dh),
                *r3 = both ? at(oy + 3) : zeros;
    const float *w = weights, *bias = biases;
    float* to = y + oy * row;
    for (int32_t c = 0; c < s.oc; ++c, ++r0, ++r1, ++r2, ++r3, ++to, w += 9) {
      float k[9];
      BURIN_UNROLL
      for (int32_t i = 0; i < 9; ++i) k[i] = w[i];
      if (s.sw == 2) depthwise_line_f32<kFused, 2, 1>(s, k, *bias++, {{r0, r1, r2}, s.ic}, mask, to, 0);
      else if (both) depthwise_line_f32<kFused, 1, 2>(s, k, *bias++, {{r0, r1, r2, r3}, s.ic}, mask, to, row);
      else depthwise_line_f32<kFused, 1, 1>(s, k, *bias++, {{r0, r1, r2}, s.ic}, mask, to, 0);
    }
    oy += both ? 2 : 1;
  }
  clamp_f32(lo, hi, y, n * row);
}
BURIN_INLINE constexpr int32_t depthwise_f32_fpu_scratch(const ConvShape& s) { return 4 * s.iw * s.ic; }

}  // namespace burin
