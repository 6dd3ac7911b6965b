// What every kernel builds on: inlining, unaligned loads, and the DSP instructions of Arm cores with their C twins.
// This folder is C++11 without intrinsics of 32 bits, which gcc 7 to 9 lack: firmware is built with old compilers.
// BURIN_DSP is 1 where the instructions are used; without it (other cores, -DBURIN_PORTABLE, or no optimisation,
// where inline assembly with many operands does not compile) the same functions are plain C with the same results.
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__) && !defined(BURIN_PORTABLE)
#define BURIN_DSP 1
#else
#define BURIN_DSP 0
#endif
#if defined(__ARM_FEATURE_MVE) && defined(__OPTIMIZE__) && !defined(BURIN_PORTABLE)
#define BURIN_MVE 1
#else
#define BURIN_MVE 0
#endif

#if defined(__ARM_FP) && (__ARM_FP & 4) && defined(__thumb2__) && defined(__OPTIMIZE__) && !defined(BURIN_PORTABLE)
#define BURIN_FPU 1
#else
#define BURIN_FPU 0
#endif

// ARMv6-M and ARMv8-M baseline: low registers only, no DSP instructions.
#if (defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)) && defined(__OPTIMIZE__) && !defined(BURIN_PORTABLE)
#define BURIN_V6M 1
#else
#define BURIN_V6M 0
#endif

/// Kernels are inlined where they are used, so that a constexpr shape folds every bound.
#define BURIN_INLINE __attribute__((always_inline)) inline
/// A function that all layers share: where a run-time shape costs little, so that its code is there once.
#define BURIN_SHARED __attribute__((noinline)) inline

/// Before a loop of few, constant iterations whose body must see the index as a constant. clang does so by itself but
/// for size; functions of run-time shapes keep their loops. FEW: a loop that gcc leaves as it is at every level, and
/// clang unrolls but for size.
#if defined(__clang__) && defined(__OPTIMIZE_SIZE__)
#pragma clang diagnostic ignored "-Wpass-failed"
#define BURIN_UNROLL _Pragma("clang loop unroll(full)")
#define BURIN_UNROLL_FEW _Pragma("clang loop unroll_count(8)")
#elif defined(__clang__)
#define BURIN_UNROLL
#define BURIN_UNROLL_FEW
#else
#define BURIN_UNROLL _Pragma("GCC unroll 16")
#define BURIN_UNROLL_FEW
#endif

namespace burin {

/// 32 bits from any address, least significant byte first.
BURIN_INLINE uint32_t load32(const void* p) {
  uint32_t v;
  __builtin_memcpy(&v, p, 4);
  return v;
}
BURIN_INLINE void store32(void* p, uint32_t v) { __builtin_memcpy(p, &v, 4); }

BURIN_INLINE int32_t clamp32(int32_t v, int32_t lo, int32_t hi) { return v < lo ? lo : v > hi ? hi : v; }

/// Addition and subtraction that wrap, as the hardware's do.
BURIN_INLINE int32_t wrap_add(int32_t a, int32_t b) { return int32_t(uint32_t(a) + uint32_t(b)); }
BURIN_INLINE int32_t wrap_shl(int32_t a, int n) { return int32_t(uint32_t(a) << n); }

/// c + (a * b) / 2^32, rounded down: SMMLA.
BURIN_INLINE int32_t smmla(int32_t a, int32_t b, int32_t c) {
#if BURIN_DSP
  int32_t r;
  __asm__("smmla %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
#else
  return wrap_add(c, int32_t((int64_t(a) * b) >> 32));
#endif
}

/// c + low halves' product + high halves' product: SMLAD.
BURIN_INLINE int32_t smlad(uint32_t a, uint32_t b, int32_t c) {
#if BURIN_DSP
  int32_t r;
  __asm__("smlad %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
#else
  const int32_t lo = int32_t(int16_t(a)) * int16_t(b), hi = int32_t(int16_t(a >> 16)) * int16_t(b >> 16);
  return wrap_add(wrap_add(c, lo), hi);
#endif
}
/// c + low half of a * high half of b: SMLABT; and high * low: SMLATB.
BURIN_INLINE int32_t smlabt(uint32_t a, uint32_t b, int32_t c) {
#if BURIN_DSP
  int32_t r;
  __asm__("smlabt %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
#else
  return wrap_add(c, int32_t(int16_t(a)) * int16_t(b >> 16));
#endif
}
BURIN_INLINE int32_t smlatb(uint32_t a, uint32_t b, int32_t c) { return smlabt(b, a, c); }
/// c + the product of both low halves: SMLABB; of both high ones: SMLATT.
BURIN_INLINE int32_t smlabb(uint32_t a, uint32_t b, int32_t c) {
#if BURIN_DSP
  int32_t r;
  __asm__("smlabb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
#else
  return wrap_add(c, int32_t(int16_t(a)) * int16_t(b));
#endif
}
BURIN_INLINE int32_t smlatt(uint32_t a, uint32_t b, int32_t c) {
#if BURIN_DSP
  int32_t r;
  __asm__("smlatt %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
#else
  return wrap_add(c, int32_t(int16_t(a >> 16)) * int16_t(b >> 16));
#endif
}

/// Bytes 0 and 2 as two int16: SXTB16; bytes 1 and 3: SXTB16 with ROR #8.
BURIN_INLINE uint32_t sxtb16(uint32_t a) {
#if BURIN_DSP
  uint32_t r;
  __asm__("sxtb16 %0, %1" : "=r"(r) : "r"(a));
  return r;
#else
  return (uint32_t(int32_t(int8_t(a))) & 0xFFFFu) | (uint32_t(int32_t(int8_t(a >> 16))) << 16);
#endif
}
BURIN_INLINE uint32_t sxtb16_ror8(uint32_t a) {
#if BURIN_DSP
  uint32_t r;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(a));
  return r;
#else
  return sxtb16(a >> 8);
#endif
}
/// Halves of c plus bytes 0 and 2 of a: SXTAB16.
BURIN_INLINE uint32_t sxtab16(uint32_t c, uint32_t a) {
#if BURIN_DSP
  uint32_t r;
  __asm__("sxtab16 %0, %1, %2" : "=r"(r) : "r"(c), "r"(a));
  return r;
#else
  const uint32_t b = sxtb16(a);
  return ((c + b) & 0xFFFFu) | ((c & 0xFFFF0000u) + (b & 0xFFFF0000u));
#endif
}
/// Halves of c plus bytes 1 and 3 of a: SXTAB16 with ROR #8.
BURIN_INLINE uint32_t sxtab16_ror8(uint32_t c, uint32_t a) {
#if BURIN_DSP
  uint32_t r;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(r) : "r"(c), "r"(a));
  return r;
#else
  const uint32_t b = sxtb16(a >> 8);
  return ((c + b) & 0xFFFFu) | ((c & 0xFFFF0000u) + (b & 0xFFFF0000u));
#endif
}
/// Halves of a minus halves of b, wrapping: SSUB16.
BURIN_INLINE uint32_t ssub16(uint32_t a, uint32_t b) {
#if BURIN_DSP
  uint32_t r;
  __asm__("ssub16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return ((a - b) & 0xFFFFu) | ((a & 0xFFFF0000u) - (b & 0xFFFF0000u));
#endif
}
/// Halves of a plus halves of b, wrapping: SADD16.
BURIN_INLINE uint32_t sadd16(uint32_t a, uint32_t b) {
#if BURIN_DSP
  uint32_t r;
  __asm__("sadd16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return ((a + b) & 0xFFFFu) | ((a & 0xFFFF0000u) + (b & 0xFFFF0000u));
#endif
}
/// Low half of a, low half of b on top: PKHBT; high half of b over high half of a: PKHTB.
BURIN_INLINE uint32_t pkhbt(uint32_t a, uint32_t b) {
#if BURIN_DSP
  uint32_t r;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return (a & 0xFFFFu) | (b << 16);
#endif
}
BURIN_INLINE uint32_t pkhtb(uint32_t b, uint32_t a) {
#if BURIN_DSP
  uint32_t r;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(b), "r"(a));
  return r;
#else
  return (b & 0xFFFF0000u) | (a >> 16);
#endif
}

}  // namespace burin
