// H/s packing: four int8 products by two SMLAD, one unpacking instruction and no extra flash (cores with DSP).
//
// A weight word holds the halfwords H0 = 256*w1 + w0 and H1 = 256*w3 + w2. Activations x0..x3 are expanded to
// t = (x1 - 127, x3 - 127) and u = (256*x0 - t0, 256*x2 - t1), which all fit 16 bits. Then
//   SMLAD(word, t) + SMLAD(SXTB16(word), u) = 256 * (x0*w0 + x1*w1 + x2*w2 + x3*w3) - 127 * (H0 + H1 - w0 - w2):
// the constant goes into the first value of the accumulator. Exact if no w1 is -128 below a negative w0 (the same for
// w3, w2) and 256 times the final sum fits 32 bits; intermediate sums may wrap. The compiler checks both.
//
// A filter's parameters: with shift8 {first value, multiplier}; with another kind {first value, its words}.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/requantize.h"

// 1 for cores that load and multiply in one cycle (Cortex-M7), which no macro of the compiler's tells: generated code
// does.
#ifndef BURIN_DUAL
#define BURIN_DUAL 0
#endif

namespace burin {

/// Words that `taps` weights or expanded activations (per pixel: two of them) take.
BURIN_INLINE constexpr int32_t hs_quads(int32_t taps) { return (taps + 3) / 4; }
BURIN_INLINE constexpr int32_t hs_params(RequantKind kind) {
  return kind == RequantKind::shift8 ? 2 : 1 + words_per_channel(kind);
}

/// Stored bytes as int8: uint8 moves down by 128 (its zero point too).
template <class X>
BURIN_INLINE uint32_t hs_signed(uint32_t bytes) {
  return X(-1) > X(0) ? bytes ^ 0x80808080u : bytes;
}
template <class X>
BURIN_INLINE uint32_t hs_bytes(const X* x) {
  return hs_signed<X>(load32(x));
}

/// Four cells of padding in that form.
template <class X>
BURIN_INLINE uint32_t hs_zeros(int32_t x_zero) {
  return 0x01010101u * uint32_t(uint8_t(X(-1) > X(0) ? x_zero - 128 : x_zero));
}

BURIN_INLINE void hs_expand(uint32_t x, uint32_t& t, uint32_t& u) {
  uint32_t c = 0xFF81FF81u, even = 0xFF00FF00u;  // -127 in both halves; the bytes that become 256 * x
  // clang-format off
  __asm__("" : "+r"(c));                          // stay in registers
  __asm__("" : "+r"(even));
  // clang-format on
#if BURIN_DSP
  // One piece, so that t and u are there together: STRD stores them.
  __asm__("sxtab16 %0, %2, %4, ror #8\n\tand %1, %3, %4, lsl #8\n\tssub16 %1, %1, %0"
          : "=&r"(t), "=r"(u)
          : "r"(c), "r"(even), "r"(x));
#else
  t = sxtab16_ror8(c, x);
  u = ssub16((x << 8) & even, t);
#endif
}

/// rest: what requantization reads besides the value that the sum began with.
template <class Y>
BURIN_INLINE Y hs_store(const Requant& q, const int32_t* rest, int32_t acc) {
  if (q.kind == RequantKind::shift8) return Y(requantize_shift8(q, acc, rest[0]));
  return Y(requantize(q, rest, acc >> 8));
}

/// The same where rest[0] was read before anything is stored, for all the compiler knows into the parameters.
template <class Y>
BURIN_INLINE Y hs_store(const Requant& q, int32_t multiplier, const int32_t* rest, int32_t acc) {
  return q.kind == RequantKind::shift8 ? Y(requantize_shift8(q, acc, multiplier)) : hs_store<Y>(q, rest, acc);
}

/// One filter, one pixel: t and u of a quad lie `step` words apart from each other, quads 2 * step.
BURIN_INLINE int32_t hs_dot(const uint32_t* w, int32_t w_step, const uint32_t* column, int32_t step, int32_t quads,
                            int32_t acc) {
  for (int32_t k = 0; k < quads; ++k) {
    const uint32_t v = w[k * w_step];
    acc = smlad(v, column[0], acc);
    acc = smlad(sxtb16(v), column[step], acc);
    column += 2 * step;
  }
  return acc;
}

#if BURIN_DSP
// Loops in assembly that need every core register. clang keeps r7 for a frame pointer, whatever the flags, and takes a
// register for each operand in memory; so there they borrow r7, and what they read from memory lies on the stack.
// clang-format off
// With operands: the last one is `name`, for clang r7. The others have places, none of which is r7; the one in r6 may
// bring a word, which is at sp then, and is of no use afterwards.
#if defined(__clang__)
#define BURIN_PLACE(type, name, place) register type name __asm__(place)
#define BURIN_BORROWED(name) "r7"
#define BURIN_BORROWED_OPERAND(name)
#define BURIN_BORROW "push {r6, r7}\n\t"
#define BURIN_RETURN "pop {r6, r7}\n\t"
#else
#define BURIN_PLACE(type, name, place) type name
#define BURIN_BORROWED(name) "%[" #name "]"
#define BURIN_BORROWED_OPERAND(name) , [name] "=&r"(name)
#define BURIN_BORROW
#define BURIN_RETURN
#endif
// With registers by name: `state` begins with the words that the loop reads, of which the first three may change. They
// are BURIN_LOOP_WORD(name, at), for gcc operands; at: 4 to 24 of six, then 32, 36, 40 and 48. r11 is saved too: some
// flags of clang make it the frame pointer.
#if defined(__clang__)
#define BURIN_LOOP_WORD(name, at) "[sp, #" #at "]"
#define BURIN_LOOP_STATE(state) register const void* block __asm__("r0") = &state
#define BURIN_LOOP_OPERANDS(...) : : "r"(block)
#define BURIN_LOOP_CLOBBERS "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "lr", "cc", "memory"
#define BURIN_LOOP_ASM_OF(read, saved, text, ...)                                                                      \
  __asm__ volatile("ldm r0, {r1, r2, r3, r4, r5, r6" read "}\n\tpush {r0, r1, r2, r3, r4, r5, r6, r7" saved "}\n\t" text \
                   "pop {r0, r1, r2, r3, r4, r5, r6, r7" saved "}\n\tstm r0, {r1, r2, r3}\n\t" __VA_ARGS__)
#else
#define BURIN_LOOP_WORD(name, at) "%[" #name "]"
#define BURIN_LOOP_STATE(state)
#define BURIN_LOOP_OPERANDS(...) : __VA_ARGS__
#define BURIN_LOOP_CLOBBERS                                                                                            \
  "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory"
#define BURIN_LOOP_ASM_OF(read, saved, text, ...) __asm__ volatile(text __VA_ARGS__)
#endif
#define BURIN_LOOP_ASM_6(...) BURIN_LOOP_ASM_OF("", ", r11", __VA_ARGS__)
#define BURIN_LOOP_ASM_10(...) BURIN_LOOP_ASM_OF(", r8, r9, r10, r12", ", r8, r9, r10, r11, r12", __VA_ARGS__)
// clang-format on
#endif

#if BURIN_DSP
// Two words of four pixels, loaded from %[c], times a word of two filters: eight products and sums.
#define BURIN_HS_PRODUCTS                                                                                              \
  "ldrd %[v0], " BURIN_BORROWED(v1) ", [%[c]], #8\n\t"                                                                 \
  "smlad %[a0], %[f0], %[v0], %[a0]\n\t"                                                                               \
  "smlad %[b0], %[f1], %[v0], %[b0]\n\t"                                                                               \
  "smlad %[a1], %[f0], " BURIN_BORROWED(v1) ", %[a1]\n\t"                                                                               \
  "smlad %[b1], %[f1], " BURIN_BORROWED(v1) ", %[b1]\n\t"                                                                               \
  "ldrd %[v0], " BURIN_BORROWED(v1) ", [%[c]], #8\n\t"                                                                 \
  "smlad %[a2], %[f0], %[v0], %[a2]\n\t"                                                                               \
  "smlad %[b2], %[f1], %[v0], %[b2]\n\t"                                                                               \
  "smlad %[a3], %[f0], " BURIN_BORROWED(v1) ", %[a3]\n\t"                                                                               \
  "smlad %[b3], %[f1], " BURIN_BORROWED(v1) ", %[b3]\n\t"
#endif

/// One filter's results at four pixels that lie `step` bytes apart. What all share is read before anything is stored,
/// for all the compiler knows into the parameters.
template <class Y>
BURIN_INLINE void hs_store_four(const Requant& q, const int32_t* rest, int32_t a0, int32_t a1, int32_t a2, int32_t a3,
                                Y* y, int32_t step) {
  if (q.kind == RequantKind::shift8) {
    const int32_t multiplier = rest[0];
    a0 = requantize_shift8(q, a0, multiplier), a1 = requantize_shift8(q, a1, multiplier);
    a2 = requantize_shift8(q, a2, multiplier), a3 = requantize_shift8(q, a3, multiplier);
    y[0] = Y(a0), y[step] = Y(a1), y[2 * step] = Y(a2), y[3 * step] = Y(a3);
  } else {
    y[0] = hs_store<Y>(q, rest, a0);
    y[step] = hs_store<Y>(q, rest, a1);
    y[2 * step] = hs_store<Y>(q, rest, a2);
    y[3 * step] = hs_store<Y>(q, rest, a3);
  }
}

/// Does y's type alone bound the results?
template <class Y>
BURIN_INLINE bool hs_whole(const Requant& q) {
  return q.lo == (Y(-1) > Y(0) ? 0 : -128) && q.hi == (Y(-1) > Y(0) ? 255 : 127);
}

}  // namespace burin
