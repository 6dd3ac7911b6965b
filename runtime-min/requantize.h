// From accumulators to stored integers: the sequences whose parameters compiler/numerics/requantize.cpp and pairs.cpp
// prove to give the correctly rounded result (docs/numerics.md). The kind and the layer-wide constants are meant to be
// constexpr, so that everything but the chosen sequence folds away.
#pragma once
#include "runtime-min/base.h"

namespace burin {

/// Cheapest first. The parameters of a channel are words_per_channel(kind) words:
///   shift8  p0, multiplier               saturate((offset + floor((256*acc + p0) * multiplier / 2^32)) >> shift)
///   plain   p0, multiplier               the same with acc + p0, for accumulators of more than 23 bits
///   wide    multiplier, C low, C high, shift, tie, and 32 bits below the point of multiplier and C: requantize_wide
///   table   first, flip, 255 steps       first + the number of steps below acc ^ flip
///   vector  p0, multiplier               saturate(round(floor((unit*acc + p0) * multiplier / 2^31) / 2^shift)), halves
///                                        upwards: Helium kernels only, whatever it costs elsewhere
enum class RequantKind : int32_t { shift8, plain, wide, table, vector };

/// What a layer's channels share. shift, offset: of shift8 and plain (the zero point is inside offset); for wide,
/// offset is a set of kWideTies, kWideHigh and kWideLong; for vector it is the unit, a power of two, and shift is 1 to
/// 16 (the zero point is inside p0). zero_point: added last by wide with kWideTies. lo, hi: what can be stored.
struct Requant {
  RequantKind kind;
  int32_t shift, offset, lo, hi, zero_point;
};

/// wide: some channel of the layer has exact ties, which go to the even neighbour.
constexpr int32_t kWideTies = 1;
/// wide: every shift is 32 or more, and 32 is taken off it: the high word holds the result, no 64-bit shift is needed.
constexpr int32_t kWideHigh = 2;
/// wide: the words below the point are used.
constexpr int32_t kWideLong = 4;
/// table: how many steps a channel's table has room for.
constexpr int kTableSteps = 255;

BURIN_INLINE constexpr int words_per_channel(RequantKind kind) {
  return kind == RequantKind::wide ? 7 : kind == RequantKind::table ? 2 + kTableSteps : 2;
}

/// smmla from four 16-bit products, for cores without a long multiply.
BURIN_INLINE int32_t smmla_by_halves(int32_t a, int32_t b, int32_t c) {
  const uint32_t al = uint32_t(a) & 0xFFFFu, bl = uint32_t(b) & 0xFFFFu;
  const int32_t ah = a >> 16, bh = b >> 16;
  // No overflow: 32767 * 65535 + 65535 and -32768 * 65535 both fit.
  const int32_t middle = ah * int32_t(bl) + int32_t((al * bl) >> 16);
  const int32_t low = int32_t(al) * bh + int32_t(uint32_t(middle) & 0xFFFFu);
  return wrap_add(c, ah * bh + (middle >> 16) + (low >> 16));
}

/// c + (a * b) / 2^32, rounded down, in the way that suits the core.
BURIN_INLINE int32_t multiply_high_add(int32_t a, int32_t b, int32_t c) {
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
  return smmla_by_halves(a, b, c);
#else
  return smmla(a, b, c);
#endif
}

/// clamp(v >> shift, lo, hi). On cores with DSP and with constants it is one SSAT or USAT, which shifts on the way, for
/// a whole int8 or uint8; narrower bounds add a comparison for each bound that differs. (Compilers find SSAT by
/// themselves in simple functions only, hence the assembly.)
BURIN_INLINE int32_t shift_saturate(int32_t v, int32_t shift, int32_t lo, int32_t hi) {
#if BURIN_DSP
  if (__builtin_constant_p(shift) && __builtin_constant_p(lo) && __builtin_constant_p(hi)) {
    if (lo >= -128 && hi <= 127) {
      if (shift == 0) __asm__("ssat %0, #8, %1" : "=r"(v) : "r"(v));
      else __asm__("ssat %0, #8, %1, asr %2" : "=r"(v) : "r"(v), "i"(shift));
      if (lo > -128) v = v < lo ? lo : v;
      if (hi < 127) v = v > hi ? hi : v;
      return v;
    }
    if (lo >= 0 && hi <= 255) {
      if (shift == 0) __asm__("usat %0, #8, %1" : "=r"(v) : "r"(v));
      else __asm__("usat %0, #8, %1, asr %2" : "=r"(v) : "r"(v), "i"(shift));
      if (lo > 0) v = v < lo ? lo : v;
      if (hi < 255) v = v > hi ? hi : v;
      return v;
    }
  }
#endif
  return clamp32(v >> shift, lo, hi);
}
BURIN_INLINE int32_t saturate(int32_t v, int32_t lo, int32_t hi) { return shift_saturate(v, 0, lo, hi); }

/// shift8 for kernels that have t = 256 * acc + p0 in a register already (their own corrections folded into p0).
BURIN_INLINE int32_t requantize_shift8(const Requant& q, int32_t t, int32_t multiplier) {
  return shift_saturate(multiply_high_add(t, multiplier, q.offset), q.shift, q.lo, q.hi);
}

BURIN_INLINE int64_t join64(int32_t low, int32_t high) {
  return int64_t((uint64_t(uint32_t(high)) << 32) | uint32_t(low));
}

/// t >> shift, clamped. With ties: t stands for value + 1/2 in units of 2^-shift and errs by 0 to tie units upwards; a
/// fraction of at most tie is an exact half, whose even neighbour is the one with the lowest bit clear. tie -1: never.
BURIN_INLINE int32_t round_wide(int64_t t, int32_t shift, int32_t tie, bool ties, int32_t zero_point, int32_t lo,
                                int32_t hi) {
  int64_t r = t >> shift;
  if (ties) {
    const int64_t fraction = t & ((int64_t(1) << shift) - 1);
    if (fraction <= tie) r &= ~int64_t(1);
    r += zero_point;
  }
  return r < lo ? lo : r > hi ? hi : int32_t(r);
}

BURIN_INLINE int32_t requantize_wide(const Requant& q, const int32_t* p, int32_t acc) {
  int64_t t = join64(p[1], p[2]) + int64_t(acc) * p[0];
  if (q.offset & kWideLong) t += (int64_t(acc) * uint32_t(p[5]) + uint32_t(p[6])) >> 32;
  if (q.offset & kWideHigh) return saturate(int32_t(t >> 32) >> p[3], q.lo, q.hi);
  return round_wide(t, p[3], p[4], (q.offset & kWideTies) != 0, q.zero_point, q.lo, q.hi);
}

BURIN_INLINE int32_t requantize_table(const int32_t* p, int32_t acc) {
  const int32_t* steps = p + 2;
  const int32_t key = acc ^ p[1];
  int32_t n = 0;
  for (int32_t half = (kTableSteps + 1) / 2; half > 0; half /= 2)
    if (key > steps[n + half - 1]) n += half;
  return p[0] + n;
}

/// vector as Helium has it, for t = unit * acc + p0: VQDMULH, VQRSHRN to 16 bits, VQMOVN.
BURIN_INLINE int32_t requantize_vector(const Requant& q, int32_t t, int32_t multiplier) {
  const int64_t high = (int64_t(t) * multiplier) >> 31;  // 2^31 would saturate; the multiplier is never -2^31
  const int64_t rounded = (high + (int64_t(1) << (q.shift - 1))) >> q.shift;
  return rounded < q.lo ? q.lo : rounded > q.hi ? q.hi : int32_t(rounded);
}

/// The stored value for the true accumulator sum of (w - zw) * (x - zx), bias not included.
BURIN_INLINE int32_t requantize(const Requant& q, const int32_t* p, int32_t acc) {
  switch (q.kind) {
    case RequantKind::shift8:
      return requantize_shift8(q, wrap_add(wrap_shl(acc, 8), p[0]), p[1]);
    case RequantKind::plain:
      return requantize_shift8(q, wrap_add(acc, p[0]), p[1]);
    case RequantKind::wide:
      return requantize_wide(q, p, acc);
    case RequantKind::table:
      return requantize_table(p, acc);
    case RequantKind::vector:
      return requantize_vector(q, int32_t(uint32_t(acc) * uint32_t(q.offset) + uint32_t(p[0])), p[1]);
  }
  return 0;
}

/// Two operands, one result (Add, Sub):
///   linear  saturate((offset + floor(256 * (x - x_bias) * x_multiplier / 2^16) + the same of y) >> shift)
///   wide    t = offset + x * x_multiplier + y * y_multiplier in 64 bits, rounded as round_wide does
///   table   every pair's result as a byte, less lo
enum class RequantAddKind : int32_t { linear, wide, table };
struct RequantAdd {
  RequantAddKind kind;
  int32_t shift;
  int64_t offset;  // for linear it fits int32_t
  int32_t x_multiplier, y_multiplier;
  int32_t x_bias, y_bias;  // linear: 0, or 128 for uint8; table: the least operand
  int32_t tie, lo, hi, zero_point;
  int32_t row;  // table: bytes for one x
  const uint8_t* table;
};

/// c + (a * low half of b) / 2^16, rounded down: SMLAWB; with the high half: SMLAWT. The C twin needs 32-bit products
/// only.
BURIN_INLINE int32_t smlawb(int32_t a, uint32_t b, int32_t c) {
#if BURIN_DSP
  int32_t r;
  __asm__("smlawb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
#else
  const int32_t half = int16_t(b), low = int32_t(uint32_t(a) & 0xFFFFu) * half;
  return wrap_add(c, (a >> 16) * half + (low >> 16));
#endif
}
BURIN_INLINE int32_t smlawt(int32_t a, uint32_t b, int32_t c) {
#if BURIN_DSP
  int32_t r;
  __asm__("smlawt %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
#else
  return smlawb(a, b >> 16, c);
#endif
}

/// linear for kernels that work on words of four bytes: the low halves (or the high ones) of x and y hold 256 times the
/// operand less its bias. word & 0xFF00FF00 has bytes 1 and 3 in that form, (word << 8) & 0xFF00FF00 bytes 0 and 2;
/// uint8 words are first XORed with 0x80808080.
BURIN_INLINE int32_t requantize_add_low(const RequantAdd& q, uint32_t x, uint32_t y) {
  const int32_t r = smlawb(q.y_multiplier, y, smlawb(q.x_multiplier, x, int32_t(q.offset)));
  return shift_saturate(r, q.shift, q.lo, q.hi);
}
BURIN_INLINE int32_t requantize_add_high(const RequantAdd& q, uint32_t x, uint32_t y) {
  const int32_t r = smlawt(q.y_multiplier, y, smlawt(q.x_multiplier, x, int32_t(q.offset)));
  return shift_saturate(r, q.shift, q.lo, q.hi);
}

/// The stored value for operands x and y as they are stored.
BURIN_INLINE int32_t requantize_add(const RequantAdd& q, int32_t x, int32_t y) {
  if (q.kind == RequantAddKind::linear)
    return requantize_add_low(q, uint32_t(x - q.x_bias) << 8, uint32_t(y - q.y_bias) << 8);
  if (q.kind == RequantAddKind::wide) {
    const int64_t t = q.offset + int64_t(x) * q.x_multiplier + int64_t(y) * q.y_multiplier;
    return round_wide(t, q.shift, q.tie, q.tie >= 0, q.zero_point, q.lo, q.hi);
  }
  return q.lo + q.table[(x - q.x_bias) * q.row + (y - q.y_bias)];
}

}  // namespace burin
