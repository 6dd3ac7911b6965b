// Four floats side by side, by the vector extension of gcc and clang: Helium's registers on cores that have float
// vectors, scalar code elsewhere. For code that needs at most eight of them at a time; gcc 12 spills more.
#pragma once
#include "runtime-min/base.h"

/// 1 where Helium has float32 and its instructions are used.
#if BURIN_MVE && (__ARM_FEATURE_MVE & 2)
#define BURIN_MVE_FLOAT 1
#else
#define BURIN_MVE_FLOAT 0
#endif

namespace burin {

typedef float F32x4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t I32x4 __attribute__((vector_size(16), aligned(4), may_alias));

BURIN_INLINE F32x4 load_f32x4(const float* p) { return *reinterpret_cast<const F32x4*>(p); }
BURIN_INLINE void store_f32x4(float* p, F32x4 v) { *reinterpret_cast<F32x4*>(p) = v; }
/// relu_f32 of each: max(v, 0) where least is 0, v where it is INT32_MIN.
BURIN_INLINE F32x4 relu_f32x4(F32x4 v, int32_t least) {
#if BURIN_MVE_FLOAT
  const I32x4 bound = {least, least, least, least};
  __asm__("vmax.s32 %q0, %q0, %q1" : "+w"(v) : "w"(bound));
  return v;
#else
  const I32x4 bits = reinterpret_cast<I32x4&>(v);
  I32x4 r = bits & ~((bits >> 31) & (least == 0 ? -1 : 0));
  return reinterpret_cast<F32x4&>(r);
#endif
}

}  // namespace burin
