// Depthwise convolutions in float32 for cores with a single-precision FPU: 3x3 windows, stride 1 or 2 across, no dilation
// across. The nine weights of a channel stay in registers for all rows; along a row each activation is loaded once per
// row of the window. See conv_f32_fpu.h for kFused and the clamp.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/conv_f32_fpu.h"

namespace burin {

/// A channel's way through three rows: pointers to its next column. A row of padding is one zero that never ends.
struct F32Rows3 {
  const float* at[3];
  int32_t step[3];
};
struct F32Column3 {
  float v[3];
};
BURIN_INLINE F32Column3 next_f32(F32Rows3& r) {
  const F32Column3 c{{*r.at[0], *r.at[1], *r.at[2]}};
  r.at[0] += r.step[0], r.at[1] += r.step[1], r.at[2] += r.step[2];
#if BURIN_FPU
  __asm__("" : "+r"(r.at[0]), "+r"(r.at[1]), "+r"(r.at[2]));  // three pointers and no more: else gcc runs out of registers
#endif
  return c;
}

/// The sum of one window; `mask` is -1 to clamp it at 0, 0 to leave it.
template <bool kFused>
BURIN_INLINE float window_f32(const float (&w)[9], float bias, const F32Column3& a, const F32Column3& b, const F32Column3& c, int32_t mask) {
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
        : "t"(w[0]), "t"(w[1]), "t"(w[2]), "t"(w[3]), "t"(w[4]), "t"(w[5]), "t"(w[6]), "t"(w[7]), "t"(w[8]), "t"(a.v[0]), "t"(b.v[0]),
          "t"(c.v[0]), "t"(a.v[1]), "t"(b.v[1]), "t"(c.v[1]), "t"(a.v[2]), "t"(b.v[2]), "t"(c.v[2]), "t"(bias));
    return relu_f32(acc, mask);
  }
#endif
  acc = bias;
  BURIN_UNROLL
  for (int32_t i = 0; i < 3; ++i) acc += w[3 * i] * a.v[i] + w[3 * i + 1] * b.v[i] + w[3 * i + 2] * c.v[i];
  return relu_f32(acc, mask);
}

/// The outputs of one channel in one row, stride kStride across. Columns outside the image are zeros.
template <bool kFused, int32_t kStride>
BURIN_INLINE void depthwise_line_f32(const ConvShape& s, const float (&w)[9], float bias, F32Rows3 r, int32_t mask, float* y) {
  const F32Column3 none{};
  F32Column3 a = none, b = none, c = none;
  const int32_t oc = s.oc;
  // Columns of the window that are left of the image were never loaded; `left` counts those that can be.
  int32_t left = s.iw, out = s.ow;
  if (s.pl == 0) {
    a = next_f32(r);
    --left;
  }
  auto emit = [&](const F32Column3& p, const F32Column3& q, const F32Column3& t) __attribute__((always_inline)) {
    *y = window_f32<kFused>(w, bias, p, q, t, mask);
    y += oc;
  };
  auto column = [&]() __attribute__((always_inline)) {
    if (left <= 0) return none;
    --left;
    return next_f32(r);
  };
  if (kStride == 1) {
    b = s.pl <= 1 ? column() : none;
    int32_t whole = left < out ? left : out;
    out -= whole, left -= whole;
    for (; whole >= 3; whole -= 3) {  // three at a time, so that columns need not move
      c = next_f32(r);
      emit(a, b, c);
      a = next_f32(r);
      emit(b, c, a);
      b = next_f32(r);
      emit(c, a, b);
    }
    left += whole, out += whole;
    for (; out > 0; --out) {
      c = column();
      emit(a, b, c);
      a = b, b = c;
    }
  } else {
    if (s.pl == 2) {  // the window's first two columns are padding
      c = column();
      emit(a, b, c);
      a = c;
      --out;
    }
    int32_t whole = left / 2 < out ? left / 2 : out;
    out -= whole, left -= 2 * whole;
    for (; whole >= 2; whole -= 2) {
      b = next_f32(r), c = next_f32(r);
      emit(a, b, c);
      b = next_f32(r), a = next_f32(r);
      emit(c, b, a);
    }
    left += 2 * whole, out += whole;
    for (; out > 0; --out) {
      b = column(), c = column();
      emit(a, b, c);
      a = c;
    }
  }
}

/// w is [channel][3][3].
template <bool kFused = false>
BURIN_SHARED void depthwise_f32_fpu(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n, const float* weights,
                                    const float* biases, float* y, void* scratch) {
  (void)scratch;
  const float zero = 0.0f;
  const int32_t mask = relu_mask(lo, hi);
  for (int32_t c = 0; c < s.oc; ++c) {
    float w[9];
    BURIN_UNROLL
    for (int32_t i = 0; i < 9; ++i) w[i] = weights[i];
    weights += 9;
    for (int32_t oy = 0; oy < n; ++oy) {
      F32Rows3 r;
      for (int32_t i = 0; i < 3; ++i) {
        const float* row = rows[oy * s.sh + i * s.dh];
        r.at[i] = row ? row + c : &zero;
        r.step[i] = row ? s.ic : 0;
      }
      float* to = y + oy * s.ow * s.oc + c;
      if (s.sw == 1) depthwise_line_f32<kFused, 1>(s, w, biases[c], r, mask, to);
      else depthwise_line_f32<kFused, 2>(s, w, biases[c], r, mask, to);
    }
  }
  clamp_f32(lo, hi, y, n * s.ow * s.oc);
}

}  // namespace burin
