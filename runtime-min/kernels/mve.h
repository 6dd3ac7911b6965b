// What the Helium kernels (MVE with integers) share. A dot product of int8 is VMLADAVA: sixteen products into one core
// register, which must be an even one. Blocks of eight accumulators therefore use every even register and are assembly
// as a whole (gcc 12 spills intrinsics): loads and products alternate, which a core that does both at once wants.
// r7 and r11 may be frame pointers, so the blocks save them themselves; their operands come in a MveBlock.
//
// Requantization is RequantKind::vector; p0 of a filter holds its corrections (the input's zero point) too. Elsewhere
// (BURIN_MVE 0) the same is plain C.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/requantize.h"

namespace burin {

/// Vectors of 16 bytes that `taps` weights or activations take.
BURIN_INLINE constexpr int32_t mve_chunks(int32_t taps) { return (taps + 15) / 16; }

/// Stored bytes as int8: uint8 moves down by 128 (its zero point too).
BURIN_INLINE int8_t mve_byte(int8_t x) { return x; }
BURIN_INLINE int8_t mve_byte(uint8_t x) { return int8_t(x ^ 0x80); }

/// Clobbers of a block; r7, r11 are saved by it.
#define BURIN_MVE_CLOBBERS                                                                                             \
  "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6",  \
      "q7", "cc", "memory"

/// gcc takes assembly for as long as it has lines, and places constants by that: 32 lines for each 32 instructions that
/// .rept hides.
#define BURIN_MVE_LINES_32 "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
#define BURIN_MVE_LINES_128 BURIN_MVE_LINES_32 BURIN_MVE_LINES_32 BURIN_MVE_LINES_32 BURIN_MVE_LINES_32

/// What a block reads first; the order is the assembly's.
struct MveBlock {
  const int8_t* x[4];
  const uint32_t* offsets;  // of the results from y, as mve_offsets makes them
  const void* w;
  void* y;
  const void* end;
  int32_t lo;
};

/// Offsets of the results of `count` pixels, 1 to 4 (the last one again where there is no other): one of 32 bits a
/// pixel, or two of 16 bits for its two filters.
BURIN_INLINE void mve_offsets(uint32_t* offsets, int32_t count, int32_t filters, bool by_quads) {
  for (int32_t p = 0; p < 4; ++p) {
    const uint32_t at = uint32_t((p < count ? p : count - 1) * filters);
    offsets[p] = by_quads ? at : at | (at + 1) << 16;
  }
}

/// Copies n >= 0 bytes, as mve_byte.
template <class X>
BURIN_INLINE void mve_copy(int8_t* to, const X* from, int32_t n) {
#if BURIN_MVE
  if (n <= 0) return;
  if (X(-1) < X(0)) {
    __asm__ volatile(
        "dlstp.8 lr, %[n]\n"
        "1: vldrb.u8 q0, [%[from]], #16\n\t"
        "vstrb.8 q0, [%[to]], #16\n\t"
        "letp lr, 1b\n"
        : [to] "+r"(to), [from] "+r"(from)
        : [n] "r"(n)
        : "q0", "lr", "memory");
  } else {
    __asm__ volatile(
        "vmov.i8 q1, #0x80\n\t"
        "dlstp.8 lr, %[n]\n"
        "1: vldrb.u8 q0, [%[from]], #16\n\t"
        "veor q0, q0, q1\n\t"
        "vstrb.8 q0, [%[to]], #16\n\t"
        "letp lr, 1b\n"
        : [to] "+r"(to), [from] "+r"(from)
        : [n] "r"(n)
        : "q0", "q1", "lr", "memory");
  }
#else
  for (int32_t i = 0; i < n; ++i) to[i] = mve_byte(from[i]);
#endif
}

BURIN_INLINE void mve_fill(int8_t* to, int8_t value, int32_t n) {
#if BURIN_MVE
  if (n <= 0) return;
  __asm__ volatile(
      "vdup.8 q0, %[value]\n\t"
      "dlstp.8 lr, %[n]\n"
      "1: vstrb.8 q0, [%[to]], #16\n\t"
      "letp lr, 1b\n"
      : [to] "+r"(to)
      : [n] "r"(n), [value] "r"(int32_t(value))
      : "q0", "lr", "memory");
#else
  for (int32_t i = 0; i < n; ++i) to[i] = value;
#endif
}

/// Sum of chunks * 16 products.
BURIN_INLINE int32_t mve_dot(const int8_t* x, const int8_t* w, int32_t chunks) {
#if BURIN_MVE
  int32_t sum = 0;
  __asm__ volatile(
      "dls lr, %[n]\n"
      "1: vldrb.u8 q0, [%[x]], #16\n\t"
      "vldrw.u32 q1, [%[w]], #16\n\t"
      "vmladava.s8 %[sum], q0, q1\n\t"
      "le lr, 1b\n"
      : [x] "+r"(x), [w] "+r"(w), [sum] "+Te"(sum)
      : [n] "r"(chunks)
      : "q0", "q1", "lr", "memory");
  return sum;
#else
  int32_t sum = 0;
  for (int32_t i = 0; i < chunks * 16; ++i) sum += x[i] * w[i];
  return sum;
#endif
}

/// One result; params: p0 and multiplier.
template <class Y>
BURIN_INLINE Y mve_store(const Requant& q, const void* params, int32_t acc) {
  const uint8_t* p = static_cast<const uint8_t*>(params);
  const uint32_t t = uint32_t(acc) * uint32_t(q.offset) + load32(p);
  return Y(requantize_vector(q, int32_t(t), int32_t(load32(p + 4))));
}

// Pieces of assembly. A chunk is 4 pixels x 2 filters: filters in q0, q1, pixels in q2, q3, q2, q4 from r1, r3, r5, r7,
// sums of the first filter in r0, r2, r4, r6, of the second in r8, r10, r12, lr. `next` loads what the next chunk
// starts with, so that loads stand between products.
#define BURIN_MVE_CHUNK_START                                                                                          \
  "vldrw.u32 q0, [r9], #16\n\t"                                                                                        \
  "vldrb.u8 q2, [r1], #16\n\t"                                                                                         \
  "vldrw.u32 q1, [r9], #16\n\t"
// clang-format off
#define BURIN_MVE_CHUNK(mac, next_a, next_x, next_b)                                                                   \
  mac " r0, q0, q2\n\t"                                                                                                \
  "vldrb.u8 q3, [r3], #16\n\t"                                                                                         \
  mac " r8, q1, q2\n\t"                                                                                                \
  "vldrb.u8 q2, [r5], #16\n\t"                                                                                         \
  mac " r2, q0, q3\n\t"                                                                                                \
  "vldrb.u8 q4, [r7], #16\n\t"                                                                                         \
  mac " r10, q1, q3\n\t"                                                                                               \
  mac " r4, q0, q2\n\t"                                                                                                \
  mac " r6, q0, q4\n\t" next_a                                                                                         \
  mac " r12, q1, q2\n\t" next_x                                                                                        \
  mac " lr, q1, q4\n\t" next_b
#define BURIN_MVE_CHUNK_NEXT(mac)                                                                                      \
  BURIN_MVE_CHUNK(mac, "vldrw.u32 q0, [r9], #16\n\t", "vldrb.u8 q2, [r1], #16\n\t", "vldrw.u32 q1, [r9], #16\n\t")
#define BURIN_MVE_CHUNK_LAST(mac) BURIN_MVE_CHUNK(mac, "", "", "")

/// The sums in q0 (r0, r2, r4, r6) and q1; times the unit (q6) plus p0 (r0, r4), times the multiplier (r2, r6); as bytes
/// in the even bytes of q0, first of q0 and first of q1 side by side. q7 holds lo in 16 bits.
#define BURIN_MVE_GATHER_SUMS                                                                                          \
  "vmov q0[2], q0[0], r0, r4\n\t"                                                                                      \
  "vmov q0[3], q0[1], r2, r6\n\t"                                                                                      \
  "vmov q1[2], q1[0], r8, r12\n\t"                                                                                     \
  "vmov q1[3], q1[1], r10, lr\n\t"
#define BURIN_MVE_SCALE                                                                                                \
  "vmlas.s32 q0, q6, r0\n\t"                                                                                           \
  "vmlas.s32 q1, q6, r4\n\t"                                                                                           \
  "vqdmulh.s32 q0, q0, r2\n\t"                                                                                         \
  "vqdmulh.s32 q1, q1, r6\n\t"
/// The same sums as results in 16 bits in q4, with both filters' parameters from r9 on.
#define BURIN_MVE_HALVES                                                                                               \
  "vmov q4[2], q4[0], r0, r4\n\t"                                                                                      \
  "vmov q4[3], q4[1], r2, r6\n\t"                                                                                      \
  "vmov q5[2], q5[0], r8, r12\n\t"                                                                                     \
  "ldm r9!, {r0, r2, r4, r6}\n\t"                                                                                      \
  "vmov q5[3], q5[1], r10, lr\n\t"                                                                                     \
  "vmlas.s32 q4, q6, r0\n\t"                                                                                           \
  "vmlas.s32 q5, q6, r4\n\t"                                                                                           \
  "vqdmulh.s32 q4, q4, r2\n\t"                                                                                         \
  "vqdmulh.s32 q5, q5, r6\n\t"                                                                                         \
  "vqrshrnb.s32 q4, q4, %[shift]\n\t"                                                                                  \
  "vqrshrnt.s32 q4, q5, %[shift]\n\t"
/// Halves of `from` to every other byte of `to`: "b" from the first one on, "t" from the second.
#define BURIN_MVE_BYTES(which, to, from)                                                                               \
  ".if %c[u8]\n\tvqmovun" which ".s16 " to ", " from "\n\t.else\n\tvqmovn" which ".s16 " to ", " from "\n\t"           \
  ".endif\n\t"
#define BURIN_MVE_NARROW(raise) BURIN_MVE_NARROW_BY("r0", raise)
/// The same where another register than r0 is free.
#define BURIN_MVE_NARROW_BY(free, raise)                                                                               \
  "vqrshrnb.s32 q0, q0, %[shift]\n\t"                                                                                  \
  "vqrshrnt.s32 q0, q1, %[shift]\n\t"                                                                                  \
  ".if %c[low]\n\t" raise "\n\t"                                                                                       \
  ".endif\n\t"                                                                                                         \
  ".if %c[high]\n\t"                                                                                                   \
  "mov " free ", %[hi]\n\t"                                                                                            \
  "vdup.16 q1, " free "\n\t"                                                                                           \
  "vmin.s16 q0, q0, q1\n\t"                                                                                            \
  ".endif\n\t"                                                                                                         \
  BURIN_MVE_BYTES("b", "q0", "q0")
/// Clamps the bytes of a vector; `v` and `r` are overwritten.
#define BURIN_MVE_CLAMP_BYTES(bytes, v, r)                                                                             \
  ".if %c[low]\n\t"                                                                                                    \
  "mov " r ", %[lo]\n\t"                                                                                               \
  "vdup.8 " v ", " r "\n\t"                                                                                            \
  ".if %c[u8]\n\tvmax.u8 " bytes ", " bytes ", " v "\n\t.else\n\tvmax.s8 " bytes ", " bytes ", " v "\n\t.endif\n\t"       \
  ".endif\n\t"                                                                                                         \
  ".if %c[high]\n\t"                                                                                                   \
  "mov " r ", %[hi]\n\t"                                                                                               \
  "vdup.8 " v ", " r "\n\t"                                                                                            \
  ".if %c[u8]\n\tvmin.u8 " bytes ", " bytes ", " v "\n\t.else\n\tvmin.s8 " bytes ", " bytes ", " v "\n\t.endif\n\t"       \
  ".endif\n\t"
/// Operands that BURIN_MVE_NARROW and the prologues name, for results of type Y.
#define BURIN_MVE_OPERANDS(q, Y)                                                                            \
  [shift] "i"(q.shift), [lo] "i"(q.lo), [hi] "i"(q.hi), [unit] "i"(q.offset), [low] "i"(q.lo > (Y(-1) < Y(0) ? -128 : 0)),             \
      [high] "i"(q.hi < (Y(-1) < Y(0) ? 127 : 255)), [u8] "i"(Y(-1) > Y(0))
// clang-format on

/// Whether a block's constants are known: they are with constexpr shapes; else the C form serves.
#define BURIN_MVE_KNOWN(q)                                                                                             \
  (__builtin_constant_p(q.shift) && __builtin_constant_p(q.offset) && __builtin_constant_p(q.lo) &&                    \
   __builtin_constant_p(q.hi))

}  // namespace burin
