// Elementwise operators of two operands with broadcasting; rows of compiler/ops/binary.inc.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/strided_copy.h"
#include "runtime-min/math.h"
#include "runtime-min/requantize.h"

namespace burin {

/// Element (i0, i1, ...) of the dense result, 0 <= i < extent, combines a[sum of i*a] and b[sum of i*b]; a stride of 0
/// broadcasts. rank >= 1: a scalar is one axis of extent 1.
struct BinaryShape {
  int32_t rank;
  int32_t extent[kMaxRank], a[kMaxRank], b[kMaxRank];
};

/// Calls f(a, b) for each element in order and stores what it returns. y may be the memory of an operand that is not
/// broadcast.
template <class A, class B, class Y, class F>
BURIN_INLINE void each_pair(const BinaryShape& s, const A* a, const B* b, Y* y, F f) {
  for (int32_t d = 0; d < s.rank; ++d)
    if (s.extent[d] == 0) return;
  int32_t i[kMaxRank] = {};
  const int32_t last = s.rank - 1;
  for (;;) {
    for (int32_t k = 0; k < s.extent[last]; ++k) *y++ = f(a[k * s.a[last]], b[k * s.b[last]]);
    int32_t d = last - 1;  // the odometer
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

/// Arithmetic of integers wraps: in the unsigned type, for int16 and narrower in 32 bits (uint16 * uint16 overflows
/// int).
template <class T>
struct Wrapping {
  static constexpr bool is_integer = true;
  using type = uint32_t;
};
template <>
struct Wrapping<int64_t> {
  static constexpr bool is_integer = true;
  using type = uint64_t;
};
template <>
struct Wrapping<uint64_t> {
  static constexpr bool is_integer = true;
  using type = uint64_t;
};
template <>
struct Wrapping<float> {
  static constexpr bool is_integer = false;
  using type = float;
};
template <>
struct Wrapping<double> {
  static constexpr bool is_integer = false;
  using type = double;
};

struct fn_add {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    using W = typename Wrapping<T>::type;
    return T(W(a) + W(b));
  }
};
struct fn_sub {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    using W = typename Wrapping<T>::type;
    return T(W(a) - W(b));
  }
};
struct fn_mul {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    using W = typename Wrapping<T>::type;
    return T(W(a) * W(b));
  }
};
/// Integers: towards zero; x/0 is 0, the least integer / -1 is itself.
struct fn_div {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    if (Wrapping<T>::is_integer && b == T(0)) return T(0);
    if (Wrapping<T>::is_integer && T(-1) < T(0) && b == T(-1)) return fn_sub::eval(T(0), a);
    return T(a / b);
  }
};
/// The remainder with the dividend's sign (C's); x mod 0 is 0 for integers.
struct fn_fmod {
  static BURIN_INLINE float eval(float a, float b) { return fmod_f32(a, b); }
  static BURIN_INLINE double eval(double a, double b) { return double(fmod_f32(float(a), float(b))); }
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    if (b == T(0) || (T(-1) < T(0) && b == T(-1))) return T(0);
    return T(a % b);
  }
};
/// The remainder with the divisor's sign (Python's).
struct fn_mod {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    const T r = fn_fmod::eval(a, b);
    return r != T(0) && (r < T(0)) != (b < T(0)) ? T(r + b) : r;
  }
};
/// Integers: by squaring, wrapping; a negative exponent truncates the real result (1, -1 or 0).
struct fn_pow {
  static BURIN_INLINE float eval(float a, float b) { return pow_f32(a, b); }
  static BURIN_INLINE double eval(double a, double b) { return double(pow_f32(float(a), float(b))); }
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    if (b < T(0)) return a == T(1) ? T(1) : a == T(-1) ? (b % 2 ? T(-1) : T(1)) : T(0);
    T r = T(1);
    for (T e = b; e > T(0); e = T(e / 2)) {
      if (e % 2) r = fn_mul::eval(r, a);
      a = fn_mul::eval(a, a);
    }
    return r;
  }
};
/// NaN where an operand is.
struct fn_min {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    return a < b || a != a ? a : b;
  }
};
struct fn_max {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    return a > b || a != a ? a : b;
  }
};
/// a where it is not negative, else a times the slope b.
struct fn_prelu {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    return a < T(0) ? fn_mul::eval(a, b) : a;
  }
};
struct fn_equal {
  template <class T>
  static BURIN_INLINE uint8_t eval(T a, T b) {
    return uint8_t(a == b);
  }
};
struct fn_greater {
  template <class T>
  static BURIN_INLINE uint8_t eval(T a, T b) {
    return uint8_t(a > b);
  }
};
struct fn_less {
  template <class T>
  static BURIN_INLINE uint8_t eval(T a, T b) {
    return uint8_t(a < b);
  }
};
struct fn_greater_or_equal {
  template <class T>
  static BURIN_INLINE uint8_t eval(T a, T b) {
    return uint8_t(a >= b);
  }
};
struct fn_less_or_equal {
  template <class T>
  static BURIN_INLINE uint8_t eval(T a, T b) {
    return uint8_t(a <= b);
  }
};
struct fn_logical_and {
  static BURIN_INLINE uint8_t eval(uint8_t a, uint8_t b) { return uint8_t(a && b); }
};
struct fn_logical_or {
  static BURIN_INLINE uint8_t eval(uint8_t a, uint8_t b) { return uint8_t(a || b); }
};
struct fn_logical_xor {
  static BURIN_INLINE uint8_t eval(uint8_t a, uint8_t b) { return uint8_t(!a != !b); }
};
struct fn_bitwise_and {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    return T(a & b);
  }
};
struct fn_bitwise_or {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    return T(a | b);
  }
};
struct fn_bitwise_xor {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    return T(a ^ b);
  }
};
/// Shifts by the width or more give 0.
struct fn_shift_left {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    using W = typename Wrapping<T>::type;
    return W(b) >= 8 * sizeof(T) ? T(0) : T(W(a) << b);
  }
};
struct fn_shift_right {
  template <class T>
  static BURIN_INLINE T eval(T a, T b) {
    using W = typename Wrapping<T>::type;
    return W(b) >= 8 * sizeof(T) ? T(0) : T(a >> b);
  }
};

/// y = F(a, b).
template <class F, class T, class Y>
BURIN_INLINE void binary(const BinaryShape& s, const T* a, const T* b, Y* y) {
  each_pair(
      s, a, b, y, [](T p, T q) __attribute__((always_inline))->Y { return Y(F::eval(p, q)); });
}

/// y = F(a, b) limited to [lo, hi]; infinite bounds cost nothing when they are constant.
template <class F>
BURIN_INLINE void binary_f32(const BinaryShape& s, float lo, float hi, const float* a, const float* b, float* y) {
  each_pair(
      s, a, b, y, [ lo, hi ](float p, float q) __attribute__((always_inline))->float {
        const float v = F::eval(p, q);
        return v < lo ? lo : v > hi ? hi : v;
      });
}

/// Sum or difference of quantized operands (compiler/numerics/pairs.h).
template <class A, class B, class Y>
BURIN_INLINE void add_q8(const BinaryShape& s, const RequantAdd& q, const A* a, const B* b, Y* y) {
  each_pair(
      s, a, b, y, [&q](A p, B r) __attribute__((always_inline))->Y { return Y(requantize_add(q, p, r)); });
}

/// Product of quantized operands; params: one set.
template <class A, class B, class Y>
BURIN_INLINE void mul_q8(const BinaryShape& s, const Requant& q, int32_t a_zero, int32_t b_zero, const int32_t* params,
                         const A* a, const B* b, Y* y) {
  each_pair(
      s, a, b, y, [&q, a_zero, b_zero, params ](A p, B r) __attribute__((always_inline))->Y {
        return Y(requantize(q, params, (int32_t(p) - a_zero) * (int32_t(r) - b_zero)));
      });
}

/// Minimum or maximum (F) of quantized operands that tables (of bit patterns of Y, one per bit pattern of the operand)
/// bring to the result's scale; a null table where an operand has it already.
template <class F, class A, class B, class Y>
BURIN_INLINE void extreme_q8(const BinaryShape& s, const uint8_t* a_table, const uint8_t* b_table, const A* a,
                             const B* b, Y* y) {
  each_pair(
      s, a, b, y, [ a_table, b_table ](A p, B r) __attribute__((always_inline))->Y {
        const Y u = a_table ? Y(a_table[uint8_t(p)]) : Y(p), v = b_table ? Y(b_table[uint8_t(r)]) : Y(r);
        return F::eval(u, v);
      });
}

}  // namespace burin
