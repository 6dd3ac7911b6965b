// Elementary functions in float32: small, within 2 ulp, and with the same bits on every core and host, so that what the
// compiler computes is what the device computes. How: IEEE operations only, in a fixed order; product() keeps compilers
// from fusing a product with a sum (gcc does so even at -std=c++17); every NaN result is one NaN. Not for -ffast-math.
//
// Names: FUNCTION_TYPE (exp_f32). Coefficients: own minimax fits (weighted least squares, Lawson's iteration; rounded
// one after the other, the rest refitted). Worst errors found by tests/numerics/test_math.cpp stand in
// docs/numerics.md.
#pragma once
#include "runtime-min/base.h"

namespace burin {

// The register class that holds a float or a double where there is hardware for it; otherwise memory or a plain
// register.
#if defined(__SSE2__)
#define BURIN_FLOAT_OPERAND "+x"
#define BURIN_DOUBLE_OPERAND "+x"
#elif defined(__aarch64__)
#define BURIN_FLOAT_OPERAND "+w"
#define BURIN_DOUBLE_OPERAND "+w"
#elif defined(__ARM_FP) && (__ARM_FP & 4)
#define BURIN_FLOAT_OPERAND "+t"
#if __ARM_FP & 8
#define BURIN_DOUBLE_OPERAND "+w"
#endif
#elif defined(__arm__) || (defined(__riscv) && !defined(__riscv_flen))
#define BURIN_FLOAT_OPERAND "+r"
#endif
#ifndef BURIN_FLOAT_OPERAND
#define BURIN_FLOAT_OPERAND "+m"
#endif
#ifndef BURIN_DOUBLE_OPERAND
#define BURIN_DOUBLE_OPERAND "+m"
#endif

/// a * b, rounded: never part of a fused multiply-add.
BURIN_INLINE float product(float a, float b) {
  float p = a * b;
  __asm__("" : BURIN_FLOAT_OPERAND(p));
  return p;
}
BURIN_INLINE double product(double a, double b) {
  double p = a * b;
  __asm__("" : BURIN_DOUBLE_OPERAND(p));
  return p;
}

/// c[0] + c[1]*u + c[2]*u^2 + ...
template <class T, int N>
BURIN_INLINE T polynomial(T u, const T (&c)[N]) {
  T r = c[N - 1];
  for (int i = N - 2; i >= 0; --i) r = product(r, u) + c[i];
  return r;
}

BURIN_INLINE uint32_t bits_f32(float x) {
  uint32_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  return u;
}
BURIN_INLINE float float_of_bits(uint32_t u) {
  float x;
  __builtin_memcpy(&x, &u, sizeof x);
  return x;
}
BURIN_INLINE uint64_t bits_f64(double x) {
  uint64_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  return u;
}
BURIN_INLINE double double_of_bits(uint64_t u) {
  double x;
  __builtin_memcpy(&x, &u, sizeof x);
  return x;
}

BURIN_INLINE float nan_f32() { return float_of_bits(0x7FC00000u); }
BURIN_INLINE float infinity_f32() { return float_of_bits(0x7F800000u); }
BURIN_INLINE bool isnan_f32(float x) { return (bits_f32(x) & 0x7FFFFFFFu) > 0x7F800000u; }
BURIN_INLINE bool isinf_f32(float x) { return (bits_f32(x) & 0x7FFFFFFFu) == 0x7F800000u; }
BURIN_INLINE float abs_f32(float x) { return float_of_bits(bits_f32(x) & 0x7FFFFFFFu); }
BURIN_INLINE float copysign_f32(float magnitude, float sign) {
  return float_of_bits((bits_f32(magnitude) & 0x7FFFFFFFu) | (bits_f32(sign) & 0x80000000u));
}

// ---- rounding to integers: exact; NaN, infinities and signed zeros as IEEE has them ----

BURIN_INLINE float trunc_f32(float x) {
  if (isnan_f32(x)) return nan_f32();
  if (!(abs_f32(x) < 8388608.0f)) return x;
  return copysign_f32(float(int32_t(x)), x);
}
BURIN_INLINE float floor_f32(float x) {
  const float t = trunc_f32(x);
  return t > x ? t - 1.0f : t;
}
BURIN_INLINE float ceil_f32(float x) {
  const float t = trunc_f32(x);
  return t < x ? copysign_f32(t + 1.0f, x) : t;
}
/// Halves go to the even neighbour.
BURIN_INLINE float rint_f32(float x) {
  if (isnan_f32(x)) return nan_f32();
  const float a = abs_f32(x);
  if (!(a < 8388608.0f)) return x;
  return copysign_f32((a + 8388608.0f) - 8388608.0f, x);
}

/// x - trunc(x / y) * y, exactly; the sign of x.
BURIN_INLINE float fmod_f32(float x, float y) {
  const uint32_t ux = bits_f32(x) & 0x7FFFFFFFu, uy = bits_f32(y) & 0x7FFFFFFFu;
  if (ux >= 0x7F800000u || uy > 0x7F800000u || uy == 0) return nan_f32();
  if (ux < uy) return x;
  int32_t ex = int32_t(ux >> 23), ey = int32_t(uy >> 23);
  uint32_t mx = ux & 0x7FFFFFu, my = uy & 0x7FFFFFu;
  if (ex == 0) ex = 1;
  else mx |= 0x800000u;
  if (ey == 0) ey = 1;
  else my |= 0x800000u;
  mx %= my;
  for (int32_t n = ex - ey; n > 0 && mx != 0;) {
    const int32_t step = n < 8 ? n : 8;
    mx = (mx << step) % my;
    n -= step;
  }
  if (mx == 0) return copysign_f32(0.0f, x);
  for (ex = ey; ex > 1 && mx < 0x800000u; --ex) mx <<= 1;
  const uint32_t magnitude = mx < 0x800000u ? mx : (uint32_t(ex) << 23) | (mx & 0x7FFFFFu);
  return copysign_f32(float_of_bits(magnitude), x);
}

// ---- square root: correctly rounded ----

/// One result bit at a time.
BURIN_INLINE float sqrt_by_bits(float x) {
  uint32_t u = bits_f32(x);
  if (isnan_f32(x) || (u > 0x80000000u)) return nan_f32();
  if ((u & 0x7FFFFFFFu) == 0 || u == 0x7F800000u) return x;
  int32_t e = int32_t(u >> 23);
  uint32_t m = u & 0x7FFFFFu;
  if (e == 0) {
    for (e = 1; m < 0x800000u; --e) m <<= 1;
  } else {
    m |= 0x800000u;
  }
  e -= 127;
  m <<= (e & 1) + 1;
  // m / 2^24 in [1, 4), times 4^k: 25 bits of root, the last one decides the rounding; an exact half cannot occur.
  uint32_t root = 0, rest = 0;
  for (int i = 0; i < 25; ++i) {
    rest = (rest << 2) | (i < 13 ? (m >> (24 - 2 * i)) & 3u : 0u);
    const uint32_t trial = (root << 2) | 1u;
    root <<= 1;
    if (rest >= trial) {
      rest -= trial;
      root |= 1u;
    }
  }
  return float_of_bits((uint32_t((e >> 1) + 126) << 23) + ((root + 1u) >> 1));
}

BURIN_INLINE float sqrt_f32(float x) {
#if defined(__ARM_FP) && (__ARM_FP & 4) && defined(__arm__) && defined(__OPTIMIZE__) && !defined(BURIN_PORTABLE)
  float r;
  __asm__("vsqrt.f32 %0, %1" : "=t"(r) : "t"(x));
  return isnan_f32(r) ? nan_f32() : r;
#else
  return sqrt_by_bits(x);
#endif
}

// ---- exponentials ----

/// m * 2^n for |m| in [1/2, 2] and |n| up to 250, rounded once also where the result is denormal.
BURIN_INLINE float scale_f32(float m, int32_t n) {
  const int32_t half = n >> 1;
  return (m * float_of_bits(uint32_t(half + 127) << 23)) * float_of_bits(uint32_t(n - half + 127) << 23);
}

/// e^x = 2^n * (1 + near + rest), |near| < 0.35, |rest| < 0.07, for |x| < 2^14.
struct ExpParts {
  float near, rest;
  int32_t n;
};
BURIN_INLINE ExpParts exp_parts(float x) {
  constexpr float kSteps[] = {5.e-01f, 1.6666539e-01f, 4.1666426e-02f, 8.367154e-03f, 1.3938703e-03f};
  const float shifted = product(x, 1.442695f) + 12582912.0f;  // the sum's last bits are the nearest integer
  const float k = shifted - 12582912.0f;
  // ln 2 in two parts, the first of 15 bits: near is exact.
  const float near = x - product(k, 0.69314575f), far = product(k, 1.4286068e-06f), r = near - far;
  return {near, product(r * r, polynomial(r, kSteps)) - far, int32_t(bits_f32(shifted) - 0x4B400000u)};
}

/// e^x * 2^shift, shift 0 or -1: what overflows alone may be wanted halved.
BURIN_INLINE float exp_scaled_f32(float x, int32_t shift) {
  if (isnan_f32(x)) return nan_f32();
  if (x > 90.0f) return infinity_f32();
  if (x < -104.0f) return 0.0f;
  const ExpParts p = exp_parts(x);
  const float sum = 1.0f + p.near;
  return scale_f32(sum + ((p.near - (sum - 1.0f)) + p.rest), p.n + shift);
}
BURIN_INLINE float exp_f32(float x) { return exp_scaled_f32(x, 0); }

/// e^x - 1
BURIN_INLINE float expm1_f32(float x) {
  if (isnan_f32(x)) return nan_f32();
  if (x < -17.4f) return -1.0f;
  if (x > 21.0f) return exp_f32(x);
  if (abs_f32(x) < 2.9802322e-08f) return x;
  const ExpParts p = exp_parts(x);
  const float power = float_of_bits(uint32_t(p.n + 127) << 23);
  return product(power, p.near + p.rest) + (power - 1.0f);
}

/// 1 / (1 + e^-x)
BURIN_INLINE float sigmoid_f32(float x) {
  if (isnan_f32(x)) return nan_f32();
  const float e = exp_f32(-abs_f32(x));
  const float sum = 1.0f + e, lost = e - (sum - 1.0f), v = (x < 0 ? e : 1.0f) / sum;
  return v - product(v, lost);
}

BURIN_INLINE float tanh_f32(float x) {
  constexpr float kSeries[] = {-3.3333284e-01f, 1.3331485e-01f, -5.3743005e-02f, 2.0649103e-02f, -5.715499e-03f};
  if (isnan_f32(x)) return nan_f32();
  const float a = abs_f32(x);
  if (a < 0.625f) {
    const float z = product(a, a);
    return copysign_f32(a + product(a * z, polynomial(z, kSeries)), x);
  }
  if (a > 9.1f) return copysign_f32(1.0f, x);
  return copysign_f32(1.0f - 2.0f / (exp_f32(2.0f * a) + 1.0f), x);
}

BURIN_INLINE float sinh_f32(float x) {
  constexpr float kSeries[] = {1.6666667e-01f, 8.333311e-03f, 1.9842632e-04f, 2.783963e-06f};
  if (isnan_f32(x)) return nan_f32();
  const float a = abs_f32(x);
  if (a < 1.0f) {
    const float z = product(x, x);
    return x + product(x * z, polynomial(z, kSeries));
  }
  const float half = exp_scaled_f32(a, -1);
  return copysign_f32(half - 0.25f / half, x);
}
BURIN_INLINE float cosh_f32(float x) {
  if (isnan_f32(x)) return nan_f32();
  const float half = exp_scaled_f32(abs_f32(x), -1);
  return half + 0.25f / half;
}

/// erf: a series near zero, then 1 - e^-p(x) with a polynomial for -log(1 - erf).
BURIN_INLINE float erf_f32(float x) {
  constexpr float kSeries[] = {1.2837915e-01f, -3.7612507e-01f, 1.1281989e-01f,
                               -2.677385e-02f, 5.0049773e-03f,  -6.056328e-04f};
  constexpr float kTail[] = {1.5051702e-04f,  1.1278627e+00f, 6.368666e-01f,  1.04209e-01f,
                             -2.2360787e-02f, 3.0768304e-03f, -1.9936694e-04f};
  if (isnan_f32(x)) return nan_f32();
  const float a = abs_f32(x);
  if (a < 0.89f) {
    const float z = product(x, x);
    return x + product(x, polynomial(z, kSeries));
  }
  if (a > 3.95f) return copysign_f32(1.0f, x);
  return copysign_f32(1.0f - exp_f32(-polynomial(a, kTail)), x);
}

// ---- logarithms ----

/// x = 2^k * m with m in [sqrt(1/2), sqrt(2)), for positive finite x.
struct LogParts {
  float m;
  int32_t k;
};
BURIN_INLINE LogParts log_parts(float x) {
  int32_t k = -127;
  uint32_t u = bits_f32(x);
  if (u < 0x00800000u) {
    u = bits_f32(x * 8388608.0f);
    k -= 23;
  }
  u += 0x3F800000u - 0x3F3504F3u;
  return {float_of_bits((u & 0x7FFFFFu) + 0x3F3504F3u), k + int32_t(u >> 23)};
}

/// k * ln 2 + log(1 + f) + c for small c. With s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - (f^2/2 - s * (f^2/2 + s^2
/// * P)).
BURIN_INLINE float log_sum(int32_t k, float f, float c) {
  constexpr float kSeries[] = {6.666666e-01f, 4.0000972e-01f, 2.849879e-01f, 2.4279113e-01f};
  const float s = f / (2.0f + f), z = product(s, s), half = product(0.5f * f, f), n = float(k);
  const float tail = product(s, half + product(z, polynomial(z, kSeries))) + (product(n, 1.4286068e-06f) + c);
  return product(n, 0.69314575f) - ((half - tail) - f);
}

/// What log and log1p of u give where the formula does not apply; u is not a positive finite number.
BURIN_INLINE float log_special(float u) {
  if (u == 0.0f) return -infinity_f32();
  return u > 0.0f ? u : nan_f32();
}
BURIN_INLINE float log_f32(float x) {
  if (!(x > 0.0f) || isinf_f32(x)) return log_special(x);
  const LogParts p = log_parts(x);
  return log_sum(p.k, p.m - 1.0f, 0.0f);
}
/// log(1 + x)
BURIN_INLINE float log1p_f32(float x) {
  const float u = 1.0f + x;
  if (!(u > 0.0f) || isinf_f32(u)) return log_special(u);
  if (abs_f32(x) < 2.9802322e-08f) return x;
  if (x > -0.2928f && x < 0.4142f) return log_sum(0, x, 0.0f);
  const LogParts p = log_parts(u);
  const float lost = x < 1.0f ? x - (u - 1.0f) : 1.0f - (u - x);
  return log_sum(p.k, p.m - 1.0f, lost / u);
}

// ---- trigonometry ----

/// x = r + rest + q * pi/2, |r| at most pi/4, rest at most half an ulp of r, q modulo 4, for finite x >= 0 of any size
/// (Payne and Hanek, in integers): x * 2/pi with just those 96 bits of 2/pi that matter for the exponent at hand.
struct TrigParts {
  float r, rest;
  uint32_t q;
};
BURIN_INLINE TrigParts trig_parts(float x) {
  constexpr uint32_t kTwoOverPi[] = {0u,          0xA2F9836Eu, 0x4E441529u, 0xFC2757D1u,
                                     0xF534DDC0u, 0xDB629599u, 0x3C439041u, 0xFE5163ABu};
  if (x < 0.78539816f) return {x, 0.0f, 0};
  const uint32_t u = bits_f32(x), m = (u & 0x7FFFFFu) | 0x800000u;
  const uint32_t skip = (u >> 23) - 120u;  // bits that only give multiples of 4; the table starts with 32 zeros
  const uint32_t* word = kTwoOverPi + (skip >> 5);
  const uint32_t shift = skip & 31u;
  uint64_t sum = 0;
  uint32_t digits[3];
  for (int i = 2; i >= 0; --i) {
    const uint64_t pair = ((uint64_t(word[i]) << 32) | word[i + 1]) << shift;
    sum = (pair >> 32) * m + (sum >> 32);
    digits[i] = uint32_t(sum);
  }
  const uint64_t turns = (uint64_t(digits[0]) << 32) | digits[1];  // two bits of quadrant, 62 of fraction
  const uint32_t q = (uint32_t(turns >> 61) + 1u) >> 1;
  uint64_t fraction = turns << 2;
  const bool negative = (fraction >> 63) != 0;
  if (negative) fraction = uint64_t(0) - fraction;
  if (fraction == 0) return {0.0f, 0.0f, q & 3u};
  const int n = __builtin_clzll(fraction);
  const uint64_t angle = uint64_t(uint32_t((fraction << n) >> 32)) * 0xC90FDAA2u;  // times pi/2 * 2^31
  const uint32_t whole = uint32_t(angle >> 32);
  const float unit = float_of_bits((uint32_t(127 - 31 - n) << 23) | (negative ? 0x80000000u : 0u)),
              rounded = float(whole);
  return {rounded * unit, float(int32_t(whole - uint32_t(rounded))) * unit, q & 3u};
}

BURIN_INLINE float sin_near_zero(float r, float rest) {
  constexpr float kSeries[] = {-1.6666655e-01f, 8.33219e-03f, -1.9518408e-04f};
  const float z = product(r, r);
  return r + (product(r * z, polynomial(z, kSeries)) + rest);
}
BURIN_INLINE float cos_near_zero(float r, float rest) {
  constexpr float kSeries[] = {4.1666646e-02f, -1.3887301e-03f, 2.4430667e-05f};
  const float z = product(r, r), half = 0.5f * z, w = 1.0f - half;
  return w + (((1.0f - w) - half) + (product(z * z, polynomial(z, kSeries)) - product(r, rest)));
}
/// sin(x + quarters * pi/2) for x >= 0
BURIN_INLINE float sin_turned(float x, uint32_t quarters) {
  const TrigParts p = trig_parts(x);
  const uint32_t q = p.q + quarters;
  const float v = q & 1u ? cos_near_zero(p.r, p.rest) : sin_near_zero(p.r, p.rest);
  return q & 2u ? -v : v;
}
BURIN_INLINE float sin_f32(float x) {
  const float a = abs_f32(x);
  if (!(a < infinity_f32())) return nan_f32();
  const float v = sin_turned(a, 0);
  return bits_f32(x) >> 31 ? -v : v;
}
BURIN_INLINE float cos_f32(float x) {
  const float a = abs_f32(x);
  return a < infinity_f32() ? sin_turned(a, 1) : nan_f32();
}
BURIN_INLINE float tan_f32(float x) {
  constexpr float kSeries[] = {3.3333352e-01f, 1.3332587e-01f,  5.40677e-02f,  2.1245267e-02f,
                               1.0924789e-02f, -1.6363641e-05f, 4.4257054e-03f};
  const float a = abs_f32(x);
  if (!(a < infinity_f32())) return nan_f32();
  const TrigParts p = trig_parts(a);
  const float z = product(p.r, p.r), tail = product(p.r * z, polynomial(z, kSeries)) + p.rest;
  float v = p.r + tail;
  if (p.q & 1u) {
    const float lost = (p.r - v) + tail, w = -1.0f / v;
    v = w + product(w * w, lost);
  }
  return bits_f32(x) >> 31 ? -v : v;
}

/// (asin(x) - x) / x for x^2 = z at most 1/4
BURIN_INLINE float asin_series(float z) {
  constexpr float kSeries[] = {1.6666754e-01f, 7.49525e-02f, 4.547652e-02f, 2.4148958e-02f, 4.2218264e-02f};
  return product(z, polynomial(z, kSeries));
}
/// sqrt(z) = head + tail, head of 12 bits, so that 2 * asin(sqrt(z)) can be summed without loss.
struct SplitRoot {
  float root, head, tail;
};
BURIN_INLINE SplitRoot split_root(float z) {
  const float root = sqrt_f32(z), head = float_of_bits(bits_f32(root) & 0xFFFFF000u);
  return {root, head, root > 0.0f ? (z - product(head, head)) / (root + head) : 0.0f};
}
BURIN_INLINE float asin_f32(float x) {
  const float a = abs_f32(x);
  if (!(a <= 1.0f)) return nan_f32();
  if (a <= 0.5f) return x + product(x, asin_series(product(x, x)));
  // pi/2 - 2 asin(sqrt((1 - a) / 2)), pi/4 taken out of both terms
  const float z = 0.5f * (1.0f - a);
  const SplitRoot s = split_root(z);
  const float small = product(2.0f * s.root, asin_series(z)) - (-4.371139e-08f - 2.0f * s.tail);
  return copysign_f32(0.78539816f - (small - (0.78539816f - 2.0f * s.head)), x);
}
BURIN_INLINE float acos_f32(float x) {
  const float a = abs_f32(x);
  if (!(a <= 1.0f)) return nan_f32();
  if (a <= 0.5f) return 1.5707964f - (x - (-4.371139e-08f - product(x, asin_series(product(x, x)))));
  const float z = 0.5f * (1.0f - a);
  const SplitRoot s = split_root(z);
  const float series = product(s.root, asin_series(z));
  if (x > 0.0f) return 2.0f * (s.head + (s.tail + series));
  return 3.1415927f - 2.0f * (s.root + (series - -4.371139e-08f));
}

/// atan(x) = atan(c) + atan((x - c) / (1 + c*x)) with c = 1/2, 1, 3/2 or infinity
BURIN_INLINE float atan_f32(float x) {
  constexpr float kSeries[] = {-3.3333305e-01f, 1.9997787e-01f, -1.4230311e-01f, 1.0495117e-01f, -5.8279738e-02f};
  constexpr float kHigh[] = {0.4636476f, 0.78539816f, 0.98279375f, 1.5707964f};
  constexpr float kLow[] = {5.0121587e-09f, -2.1855694e-08f, -2.5131424e-08f, -4.371139e-08f};
  if (isnan_f32(x)) return nan_f32();
  const float a = abs_f32(x);
  int at = -1;
  float t = a;
  if (a >= 2.4375f) {
    at = 3;
    t = -1.0f / a;
  } else if (a >= 1.1875f) {
    at = 2;
    t = (a - 1.5f) / (1.0f + product(1.5f, a));
  } else if (a >= 0.6875f) {
    at = 1;
    t = (a - 1.0f) / (1.0f + a);
  } else if (a >= 0.4375f) {
    at = 0;
    t = (2.0f * a - 1.0f) / (2.0f + a);
  }
  const float z = product(t, t), series = product(t * z, polynomial(z, kSeries));
  return copysign_f32(at < 0 ? t + series : kHigh[at] + ((series + kLow[at]) + t), x);
}

// ---- what float32 steps cannot do in 2 ulp is done in double: pow and the inverse hyperbolics ----

/// Natural logarithm of a positive normal double, relative error below 2^-40.
BURIN_INLINE double log_f64(double x) {
  constexpr double kSeries[] = {1.9999999999999465, 0.6666666667971088,  0.3999999485461032,
                                0.2857216979534318, 0.22174104361805502, 0.19610123682050526};
  const uint64_t u = bits_f64(x) + (uint64_t(0x3FF00000u - 0x3FE6A09Eu) << 32);
  const double m = double_of_bits((u & 0xFFFFFFFFFFFFFu) + (uint64_t(0x3FE6A09Eu) << 32));
  const double f = m - 1.0, s = f / (2.0 + f);
  return product(double(int32_t(u >> 52) - 1023), 0.6931471805599453) + product(s, polynomial(product(s, s), kSeries));
}
/// Square root of a positive double within float's range, relative error below 2^-45: a float's root and one Newton
/// step.
BURIN_INLINE double sqrt_f64(double x) {
  const double root = double(sqrt_f32(float(x)));
  return 0.5 * (root + x / root);
}

BURIN_INLINE float asinh_f32(float x) {
  if (isnan_f32(x)) return nan_f32();
  const float a = abs_f32(x);
  if (isinf_f32(x)) return x;
  if (a < 2.4414062e-04f) return copysign_f32(a - product(product(a, a) * a, 0.16666667f), x);
  const double d = double(a), root = a < 1048576.0f ? sqrt_f64(product(d, d) + 1.0) : d;
  return copysign_f32(float(log_f64(d + root)), x);
}
BURIN_INLINE float acosh_f32(float x) {
  if (!(x >= 1.0f)) return nan_f32();
  if (isinf_f32(x)) return x;
  if (x == 1.0f) return 0.0f;
  const double d = double(x), root = x < 1048576.0f ? sqrt_f64((d - 1.0) * (d + 1.0)) : d;
  return float(log_f64(d + root));
}
BURIN_INLINE float atanh_f32(float x) {
  const float a = abs_f32(x);
  if (!(a <= 1.0f)) return nan_f32();
  if (a == 1.0f) return copysign_f32(infinity_f32(), x);
  if (a < 2.4414062e-04f) return x + product(product(x, x) * x, 0.33333334f);
  const double d = double(a);
  return copysign_f32(float(0.5 * log_f64((1.0 + d) / (1.0 - d))), x);
}

/// 2^t for |t| < 1000, relative error below 2^-28.
BURIN_INLINE double exp2_f64(double t) {
  constexpr double kSeries[] = {0.9999999999178707,  0.6931472070253785,    0.24022651514043505,   0.055503265435502665,
                                0.00961799352032005, 0.0013400700016607322, 0.00015478297068877755};
  const double shifted = t + 6755399441055744.0, n = shifted - 6755399441055744.0;
  const uint64_t power = (bits_f64(shifted) + 1023u) << 52;
  return polynomial(t - n, kSeries) * double_of_bits(power);
}

/// x^y as IEEE 754 and C define it.
BURIN_INLINE float pow_f32(float x, float y) {
  if (y == 0.0f || x == 1.0f) return 1.0f;
  if (isnan_f32(x) || isnan_f32(y)) return nan_f32();
  const float a = abs_f32(x);
  const bool whole = !(abs_f32(y) < 8388608.0f) || trunc_f32(y) == y;
  const bool odd = whole && abs_f32(y) < 16777216.0f && (int32_t(y) & 1) != 0;
  const bool negative = odd && (bits_f32(x) >> 31) != 0;
  float magnitude;
  if (isinf_f32(y)) {
    magnitude = a == 1.0f ? 1.0f : (a > 1.0f) == (y > 0.0f) ? infinity_f32() : 0.0f;
  } else if (a == 0.0f || isinf_f32(a)) {
    magnitude = (a == 0.0f) == (y > 0.0f) ? 0.0f : infinity_f32();
  } else if (x < 0.0f && !whole) {
    return nan_f32();
  } else {
    const double t = product(double(y), product(log_f64(double(a)), 1.4426950408889634));
    magnitude = float(exp2_f64(t > 130.0 ? 130.0 : t < -160.0 ? -160.0 : t));
  }
  return negative ? -magnitude : magnitude;
}

}  // namespace burin
