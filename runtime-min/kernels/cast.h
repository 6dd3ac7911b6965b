// Between element types.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/limits.h"
#include "runtime-min/math.h"

namespace burin {

/// float16 <-> float32, bfloat16 <-> float32; to the nearest, halves to even; NaN stays NaN.
BURIN_INLINE float half_to_float(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000u) << 16, magnitude = h & 0x7FFFu;
  if (magnitude >= 0x7C00u) return float_of_bits(sign | 0x7F800000u | (magnitude & 0x3FFu) << 13);
  if (magnitude < 0x400u) {  // 2^-24 units
    const float v = float(int32_t(magnitude)) * 5.9604644775390625e-8f;
    return sign ? -v : v;
  }
  return float_of_bits(sign | ((magnitude << 13) + 0x38000000u));
}
BURIN_INLINE uint16_t float_to_half(float f) {
  const uint32_t u = bits_f32(f), sign = u >> 16 & 0x8000u, a = u & 0x7FFFFFFFu;
  if (a > 0x7F800000u) return uint16_t(sign | 0x7E00u);
  if (a >= 0x477FF000u) return uint16_t(sign | 0x7C00u);  // 65520 rounds to infinity
  if (a < 0x38800000u) {                                  // below 2^-14: 0.5 has an ulp of 2^-24
    const uint32_t r = bits_f32(float_of_bits(a) + 0.5f) - 0x3F000000u;
    return uint16_t(sign | r);
  }
  return uint16_t(sign | (a - 0x38000000u + 0xFFFu + (a >> 13 & 1u)) >> 13);
}
BURIN_INLINE float bfloat_to_float(uint16_t h) { return float_of_bits(uint32_t(h) << 16); }
BURIN_INLINE uint16_t float_to_bfloat(float f) {
  const uint32_t u = bits_f32(f);
  if ((u & 0x7FFFFFFFu) > 0x7F800000u) return uint16_t(u >> 16 | 0x40u);
  return uint16_t((u + 0x7FFFu + (u >> 16 & 1u)) >> 16);
}

/// A float from which float16 and bfloat16 round as they would from d itself: inexact ones get an odd last bit.
BURIN_INLINE float odd_float(double d) {
  const float f = float(d);
  if (double(f) == d || d != d) return f;
  uint32_t u = bits_f32(f);
  const double back = double(f);
  if ((back < 0 ? -back : back) > (d < 0 ? -d : d)) --u;  // towards zero
  return float_of_bits(u | 1u);
}

/// v as an integer of type Y: towards zero, saturating, NaN to 0.
template <class Y, class V>
BURIN_INLINE Y truncate(V v) {
  if (!(v == v)) return Y(0);
  // Both bounds are powers of two and exact; what lies between them fits after truncation.
  const V past = V(uint64_t(1) << (Limits<Y>::bits - 1)) * (Limits<Y>::is_signed ? V(1) : V(2));
  if (v >= past) return Limits<Y>::greatest;
  if (Limits<Y>::is_signed ? v < -past : v < V(0)) return Limits<Y>::least;
  return Y(v);
}

// How each element type is loaded and stored; named after the types of the text IR. `number` is the type it is computed
// in.
struct el_f32 {
  using storage = float;
  using number = float;
  static BURIN_INLINE number load(const storage* x, int32_t i) { return x[i]; }
  template <class V>
  static BURIN_INLINE void store(storage* y, int32_t i, V v) {
    y[i] = float(v);
  }
};
struct el_f64 {
  using storage = double;
  using number = double;
  static BURIN_INLINE number load(const storage* x, int32_t i) { return x[i]; }
  template <class V>
  static BURIN_INLINE void store(storage* y, int32_t i, V v) {
    y[i] = double(v);
  }
};
struct el_f16 {
  using storage = uint16_t;
  using number = float;
  static BURIN_INLINE number load(const storage* x, int32_t i) { return half_to_float(x[i]); }
  static BURIN_INLINE void store(storage* y, int32_t i, float v) { y[i] = float_to_half(v); }
  template <class V>
  static BURIN_INLINE void store(storage* y, int32_t i, V v) {
    y[i] = float_to_half(odd_float(double(v)));
  }
};
struct el_bf16 {
  using storage = uint16_t;
  using number = float;
  static BURIN_INLINE number load(const storage* x, int32_t i) { return bfloat_to_float(x[i]); }
  static BURIN_INLINE void store(storage* y, int32_t i, float v) { y[i] = float_to_bfloat(v); }
  template <class V>
  static BURIN_INLINE void store(storage* y, int32_t i, V v) {
    y[i] = float_to_bfloat(odd_float(double(v)));
  }
};

/// From floats the integers narrower than 32 bits go through int32 and keep its low bits, as most processors do.
template <class T, class Through>
struct IntegerElement {
  using storage = T;
  using number = T;
  static BURIN_INLINE number load(const storage* x, int32_t i) { return x[i]; }
  static BURIN_INLINE void store(storage* y, int32_t i, float v) { y[i] = T(truncate<Through>(v)); }
  static BURIN_INLINE void store(storage* y, int32_t i, double v) { y[i] = T(truncate<Through>(v)); }
  template <class V>
  static BURIN_INLINE void store(storage* y, int32_t i, V v) {
    y[i] = T(v);
  }
};
struct el_i8 : IntegerElement<int8_t, int32_t> {};
struct el_u8 : IntegerElement<uint8_t, int32_t> {};
struct el_i16 : IntegerElement<int16_t, int32_t> {};
struct el_u16 : IntegerElement<uint16_t, int32_t> {};
struct el_i32 : IntegerElement<int32_t, int32_t> {};
struct el_u32 : IntegerElement<uint32_t, uint32_t> {};
struct el_i64 : IntegerElement<int64_t, int64_t> {};
struct el_u64 : IntegerElement<uint64_t, uint64_t> {};

struct el_boolean {
  using storage = uint8_t;
  using number = uint8_t;
  static BURIN_INLINE number load(const storage* x, int32_t i) { return x[i] != 0; }
  template <class V>
  static BURIN_INLINE void store(storage* y, int32_t i, V v) {
    y[i] = v != V(0);
  }
};

/// Two to a byte, the first in the low half.
BURIN_INLINE void store_nibble(uint8_t* y, int32_t i, int32_t v) {
  const int32_t shift = (i & 1) * 4;
  y[i >> 1] = uint8_t((y[i >> 1] & (0xF0 >> shift)) | ((v & 15) << shift));
}
template <bool Signed>
struct NibbleElement {
  using storage = uint8_t;
  using number = int32_t;
  static BURIN_INLINE number load(const storage* x, int32_t i) {
    const int32_t v = x[i >> 1] >> (i & 1) * 4 & 15;
    return Signed && v > 7 ? v - 16 : v;
  }
  static BURIN_INLINE void store(storage* y, int32_t i, float v) { store_nibble(y, i, truncate<int32_t>(v)); }
  static BURIN_INLINE void store(storage* y, int32_t i, double v) { store_nibble(y, i, truncate<int32_t>(v)); }
  template <class V>
  static BURIN_INLINE void store(storage* y, int32_t i, V v) {
    store_nibble(y, i, int32_t(v));
  }
};
struct el_i4 : NibbleElement<true> {};
struct el_u4 : NibbleElement<false> {};

template <class From, class To>
BURIN_INLINE void cast(int32_t n, const typename From::storage* x, typename To::storage* y) {
  for (int32_t i = 0; i < n; ++i) To::store(y, i, From::load(x, i));
}

}  // namespace burin
