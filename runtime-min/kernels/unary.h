// Elementwise operators of one operand; rows of compiler/ops/unary.inc. Each formula is written once, as fn_<row>; a
// and b are the row's parameters. Functions of float only take doubles too, with float32's precision.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/binary.h"
#include "runtime-min/math.h"

namespace burin {

// Floats and integers. Integers wrap.
struct fn_relu {
  template <class T>
  static BURIN_INLINE T eval(T x, float, float) {
    return x < T(0) ? T(0) : x;
  }
};
struct fn_neg {
  template <class T>
  static BURIN_INLINE T eval(T x, float, float) {
    return Wrapping<T>::is_integer ? fn_sub::eval(T(0), x) : T(-x);
  }
};
struct fn_abs {
  template <class T>
  static BURIN_INLINE T eval(T x, float, float) {
    return x < T(0) ? fn_neg::eval(x, 0.0f, 0.0f) : T(x + T(0));  // the sum makes -0 a 0
  }
};
struct fn_sign {
  template <class T>
  static BURIN_INLINE T eval(T x, float, float) {
    return x > T(0) ? T(1) : x < T(0) ? T(-1) : x;
  }
};
struct fn_requantize {
  template <class T>
  static BURIN_INLINE T eval(T x, float, float) {
    return x;
  }
};
struct fn_bitwise_not {
  template <class T>
  static BURIN_INLINE T eval(T x, float, float) {
    return T(~x);
  }
};
struct fn_logical_not {
  static BURIN_INLINE uint8_t eval(uint8_t x, float, float) { return uint8_t(!x); }
};

// Piecewise rational functions.
struct fn_leaky_relu {
  static BURIN_INLINE float eval(float x, float a, float) { return x < 0.0f ? a * x : x; }
};
/// The upper bound wins where they cross.
struct fn_clip {
  static BURIN_INLINE float eval(float x, float a, float b) {
    const float v = x < a ? a : x;
    return v > b ? b : v;
  }
};
struct fn_hard_sigmoid {
  static BURIN_INLINE float eval(float x, float a, float b) { return fn_clip::eval(product(a, x) + b, 0.0f, 1.0f); }
};
struct fn_hard_swish {
  static BURIN_INLINE float eval(float x, float, float) { return x * fn_clip::eval(x / 6.0f + 0.5f, 0.0f, 1.0f); }
};
struct fn_reciprocal {
  static BURIN_INLINE float eval(float x, float, float) { return 1.0f / x; }
};
struct fn_softsign {
  static BURIN_INLINE float eval(float x, float, float) { return x / (1.0f + abs_f32(x)); }
};
struct fn_thresholded_relu {
  static BURIN_INLINE float eval(float x, float a, float) { return x > a ? x : 0.0f; }
};
/// a: lambda, b: bias.
struct fn_shrink {
  static BURIN_INLINE float eval(float x, float a, float b) { return x < -a ? x + b : x > a ? x - b : 0.0f; }
};
struct fn_floor {
  static BURIN_INLINE float eval(float x, float, float) { return floor_f32(x); }
};
struct fn_ceil {
  static BURIN_INLINE float eval(float x, float, float) { return ceil_f32(x); }
};
/// Halves to even.
struct fn_round {
  static BURIN_INLINE float eval(float x, float, float) { return rint_f32(x); }
};

// Functions of math.h.
#define BURIN_MATH_FUNCTION(name)                                                                                      \
  struct fn_##name {                                                                                                   \
    static BURIN_INLINE float eval(float x, float, float) { return name##_f32(x); }                                    \
  };
BURIN_MATH_FUNCTION(sigmoid)
BURIN_MATH_FUNCTION(tanh)
BURIN_MATH_FUNCTION(exp)
BURIN_MATH_FUNCTION(log)
BURIN_MATH_FUNCTION(sqrt)
BURIN_MATH_FUNCTION(erf)
BURIN_MATH_FUNCTION(sin)
BURIN_MATH_FUNCTION(cos)
BURIN_MATH_FUNCTION(tan)
BURIN_MATH_FUNCTION(asin)
BURIN_MATH_FUNCTION(acos)
BURIN_MATH_FUNCTION(atan)
BURIN_MATH_FUNCTION(sinh)
BURIN_MATH_FUNCTION(cosh)
BURIN_MATH_FUNCTION(asinh)
BURIN_MATH_FUNCTION(acosh)
BURIN_MATH_FUNCTION(atanh)
#undef BURIN_MATH_FUNCTION

struct fn_elu {
  static BURIN_INLINE float eval(float x, float a, float) { return x < 0.0f ? a * expm1_f32(x) : x; }
};
/// a: alpha, b: gamma.
struct fn_selu {
  static BURIN_INLINE float eval(float x, float a, float b) { return b * (x < 0.0f ? a * expm1_f32(x) : x); }
};
struct fn_celu {
  static BURIN_INLINE float eval(float x, float a, float) { return x < 0.0f ? a * expm1_f32(x / a) : x; }
};
/// log(1 + e^x)
struct fn_softplus {
  static BURIN_INLINE float eval(float x, float, float) {
    return fn_relu::eval(x, 0, 0) + log1p_f32(exp_f32(-abs_f32(x)));
  }
};
struct fn_mish {
  static BURIN_INLINE float eval(float x, float, float) { return x * tanh_f32(fn_softplus::eval(x, 0, 0)); }
};
struct fn_swish {
  static BURIN_INLINE float eval(float x, float a, float) { return x * sigmoid_f32(a * x); }
};
struct fn_gelu {
  static BURIN_INLINE float eval(float x, float, float) { return 0.5f * x * (1.0f + erf_f32(x * 0.70710678f)); }
};
struct fn_gelu_tanh {
  static BURIN_INLINE float eval(float x, float, float) {
    const float u = 0.79788456f * (x + product(0.044715f * x * x, x));
    return 0.5f * x * (1.0f + tanh_f32(u));
  }
};
struct fn_is_nan {
  static BURIN_INLINE uint8_t eval(float x, float, float) { return isnan_f32(x); }
};
/// a: negative infinity counts, b: positive does.
struct fn_is_inf {
  static BURIN_INLINE uint8_t eval(float x, float a, float b) { return isinf_f32(x) && (x < 0.0f ? a : b) != 0.0f; }
};

/// y = F(x). x and y may be the same memory where their types are.
template <class F, class T, class Y>
BURIN_INLINE void unary(int32_t n, float a, float b, const T* x, Y* y) {
  for (int32_t i = 0; i < n; ++i) y[i] = Y(F::eval(x[i], a, b));
}
/// Functions of real numbers have float32's precision.
template <class F, class Y>
BURIN_INLINE void unary_f64(int32_t n, float a, float b, const double* x, Y* y) {
  for (int32_t i = 0; i < n; ++i) y[i] = Y(F::eval(float(x[i]), a, b));
}

template <class F>
BURIN_INLINE void unary_f32(int32_t n, float a, float b, const float* x, float* y) {
  for (int32_t i = 0; i < n; ++i) y[i] = F::eval(x[i], a, b);
}

}  // namespace burin
