// H/s packing (hs.h): two filters at four pixels at a time, and what is left.
//
// Weights are one stream: per pair of filters {first values of both, [quad][2], what their requantization reads of both
// besides}, then the same of a last odd filter. A column holds per quad t of four pixels, then u of them.
#pragma once
#include "runtime-min/kernels/hs.h"

namespace burin {

#if BURIN_DSP
#define BURIN_HS_UNPACK "sxtb16 %[f0], %[f0]\n\tsxtb16 %[f1], %[f1]\n\t"
#endif

#if BURIN_DSP && !defined(__clang__)
// clang gets the C form: there it serves only cores without FPU, and clamps narrower than a byte.
// Products of pixel i: a is a sum of the first filter, b of the second one. All start from what pixel 3 holds.
#define BURIN_HS_OWN(i) #i
#define BURIN_HS_LAST(i) "3"
#define BURIN_HS_PIXEL(i, v, from)                                                                                     \
  "smlad %[a" #i "], %[f0], " v ", %[a" from(i) "]\n\tsmlad %[b" #i "], %[f1], " v ", %[b" from(i) "]\n\t"
// clang-format off
#define BURIN_HS_FOUR(from)                                                                                            \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t" BURIN_HS_PIXEL(0, "%[v0]", from) BURIN_HS_PIXEL(1, "%[v1]", from)                \
  "ldrd %[v0], %[v1], [%[c]], #8\n\t" BURIN_HS_PIXEL(2, "%[v0]", from) BURIN_HS_PIXEL(3, "%[v1]", from)
// 4 pixels x 2 filters, one quad: 23 instructions for 32 products.
#define BURIN_HS_QUAD(from)                                                                                            \
  "ldrd %[f0], %[f1], [%[w]], #8\n\t" BURIN_HS_FOUR(from) BURIN_HS_UNPACK BURIN_HS_FOUR(BURIN_HS_OWN)
#define BURIN_HS_FIRST BURIN_HS_QUAD(BURIN_HS_LAST)
#define BURIN_HS_NEXT BURIN_HS_QUAD(BURIN_HS_OWN)
#define BURIN_HS_2 BURIN_HS_NEXT BURIN_HS_NEXT
#define BURIN_HS_4 BURIN_HS_2 BURIN_HS_2
#define BURIN_HS_ASM(text, ...)                                                                                        \
  __asm__(text                                                                                                         \
          : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "+r"(a3), [b0] "=&r"(b0), [b1] "=&r"(b1),             \
            [b2] "=&r"(b2), [b3] "+r"(b3), [w] "+r"(w), [c] "+r"(c), [v0] "=&r"(v0), [v1] "=&r"(v1), [f0] "=&r"(f0),   \
            [f1] "=&r"(f1)                                                                                             \
          : __VA_ARGS__                                                                                                \
          : "cc", "memory")
// Any number of quads, two at a time after the first; an odd one is the second of its round.
#define BURIN_HS_ANY                                                                                                   \
  BURIN_HS_FIRST                                                                                                       \
  "ldr %[f0], %[left]\n\tcmp %[f0], #0\n\tbeq 3f\n\tlsls %[f0], %[f0], #31\n\tbne 2f\n"                                \
  "1:\n\t" BURIN_HS_NEXT "2:\n\t" BURIN_HS_NEXT                                                                        \
  "ldr %[f0], %[stop]\n\tcmp %[c], %[f0]\n\tbne 1b\n"                                                                  \
  "3:\n\t"
#define BURIN_HS_LOOP(before, text)                                                                                    \
  BURIN_HS_ASM(BURIN_HS_FIRST before "1:\n\t" text "ldr %[f0], %[stop]\n\tcmp %[c], %[f0]\n\tbne 1b\n\t",               \
               [stop] "m"(stop))
// clang-format on
#endif

/// Two filters at four pixels: a3 and b3 hold what every sum starts from. w moves on behind the filters.
BURIN_INLINE void hs_four_dots(int32_t quads, const uint32_t*& w, const uint32_t* c, int32_t& a0, int32_t& a1,
                               int32_t& a2, int32_t& a3, int32_t& b0, int32_t& b1, int32_t& b2, int32_t& b3) {
#if BURIN_DSP && !defined(__clang__)
  const uint32_t* const stop = c + quads * 8;
  uint32_t v0, v1, f0, f1;
  const int32_t left = quads - 1;
  if (!__builtin_constant_p(left)) BURIN_HS_ASM(BURIN_HS_ANY, [left] "m"(left), [stop] "m"(stop));
  else if (left == 0) BURIN_HS_ASM(BURIN_HS_FIRST, );
  else if (left == 1) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_NEXT, );
  else if (left == 2) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_2, );
  else if (left == 3) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_2 BURIN_HS_NEXT, );
  else if (left == 4) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_4, );
  else if (left == 5) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_4 BURIN_HS_NEXT, );
  else if (left == 6) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_4 BURIN_HS_2, );
  else if (left == 7) BURIN_HS_ASM(BURIN_HS_FIRST BURIN_HS_4 BURIN_HS_2 BURIN_HS_NEXT, );
  else if (left % 7 == 0) BURIN_HS_LOOP(, BURIN_HS_4 BURIN_HS_2 BURIN_HS_NEXT);
  else if (left % 6 == 0) BURIN_HS_LOOP(, BURIN_HS_4 BURIN_HS_2);
  else if (left % 5 == 0) BURIN_HS_LOOP(, BURIN_HS_4 BURIN_HS_NEXT);
  else if (left % 6 == 1) BURIN_HS_LOOP(BURIN_HS_NEXT, BURIN_HS_4 BURIN_HS_2);
  else if (left % 5 == 1) BURIN_HS_LOOP(BURIN_HS_NEXT, BURIN_HS_4 BURIN_HS_NEXT);
  else if (left % 4 == 0) BURIN_HS_LOOP(, BURIN_HS_4);
  else if (left % 4 == 1) BURIN_HS_LOOP(BURIN_HS_NEXT, BURIN_HS_4);
  else if (left % 4 == 2) BURIN_HS_LOOP(BURIN_HS_2, BURIN_HS_4);
  else BURIN_HS_LOOP(BURIN_HS_2 BURIN_HS_NEXT, BURIN_HS_4);
#else
  a0 = a1 = a2 = a3, b0 = b1 = b2 = b3;
  for (int32_t k = 0; k < quads; ++k, w += 2, c += 8) {
    uint32_t f0 = w[0], f1 = w[1];
    a0 = smlad(f0, c[0], a0), b0 = smlad(f1, c[0], b0), a1 = smlad(f0, c[1], a1), b1 = smlad(f1, c[1], b1);
    a2 = smlad(f0, c[2], a2), b2 = smlad(f1, c[2], b2), a3 = smlad(f0, c[3], a3), b3 = smlad(f1, c[3], b3);
    f0 = sxtb16(f0), f1 = sxtb16(f1);
    a0 = smlad(f0, c[4], a0), b0 = smlad(f1, c[4], b0), a1 = smlad(f0, c[5], a1), b1 = smlad(f1, c[5], b1);
    a2 = smlad(f0, c[6], a2), b2 = smlad(f1, c[6], b2), a3 = smlad(f0, c[7], a3), b3 = smlad(f1, c[7], b3);
  }
#endif
}

#if BURIN_DSP && (BURIN_FPU || BURIN_DUAL)
#define BURIN_HS_LOOPS 1
// All pairs of filters at four pixels in one loop, requantization included. Sums: r0 to r3 and r4 to r7; activations
// r8, r9 (and r10); weights r11, r12; the column lr. What else it needs is in memory.
#define BURIN_HS_W BURIN_LOOP_WORD(w, 4)
#define BURIN_HS_Y BURIN_LOOP_WORD(y, 8)
#define BURIN_HS_OFFSET BURIN_LOOP_WORD(offset, 12)
#define BURIN_HS_C BURIN_LOOP_WORD(c, 16)
#define BURIN_HS_STOP BURIN_LOOP_WORD(stop, 20)
#define BURIN_HS_END BURIN_LOOP_WORD(end, 24)
#define BURIN_HS_AT(i, j, v, from)                                                                                     \
  "smlad r" #i ", r11, " v ", r" from(i, 3) "\n\tsmlad r" #j ", r12, " v ", r" from(j, 7) "\n\t"
#define BURIN_HS_SELF(i, last) #i
#define BURIN_HS_FROM(i, last) #last
#if BURIN_DUAL
// Two instructions a cycle: each load stands beside a product, and is used two products later. One quad: 28
// instructions in 17 cycles. The weights' address is in r10, 8 bytes before the first ones.
#define BURIN_HS_Q_AT(k, from, next)                                                                                   \
  BURIN_HS_AT(0, 4, "r8", from) "ldr r8, [lr, #32*" #k "+8]\n\t" BURIN_HS_AT(1, 5, "r9", from)                         \
  "ldr r9, [lr, #32*" #k "+12]\n\tsmlad r6, r12, r8, r" from(6, 7) "\n\tsmlad r2, r11, r8, r" from(2, 3) "\n\t"        \
  "ldr r8, [lr, #32*" #k "+16]\n\tsmlad r3, r11, r9, r3\n\tsxtb16 r11, r11\n\tsmlad r7, r12, r9, r7\n\t"              \
  "sxtb16 r12, r12\n\tsmlad r0, r11, r8, r0\n\tldr r9, [lr, #32*" #k "+20]\n\tsmlad r4, r12, r8, r4\n\t"              \
  "ldr r8, [lr, #32*" #k "+24]\n\t" BURIN_HS_AT(1, 5, "r9", BURIN_HS_SELF) "ldr r9, [lr, #32*" #k "+28]\n\t"           \
  "smlad r2, r11, r8, r2\n\tsmlad r3, r11, r9, r3\n\tldr r11, [r10, #8*" #k "+16]\n\tsmlad r6, r12, r8, r6\n\t"       \
  next("r8", "32*" #k "+32") "smlad r7, r12, r9, r7\n\tldr r12, [r10, #8*" #k "+20]\n\t" next("r9", "32*" #k "+36")
#define BURIN_HS_MORE(v, at) "ldr " v ", [lr, #" at "]\n\t"
#define BURIN_HS_DONE(v, at)
#define BURIN_HS_START "ldr r11, [r10, #8]\n\tldr r8, [lr]\n\tldr r12, [r10, #12]\n\tldr r9, [lr, #4]\n\t"
#define BURIN_HS_ROW(n, registers, text) BURIN_HS_START text "add r10, #8*" #n "\n\tadd lr, #32*" #n "\n\t"
// clang-format off
#define BURIN_HS_EIGHTS                                                                                                \
  "2:\n\t" BURIN_HS_START BURIN_HS_EIGHT "add r10, #64\n\tadd lr, #256\n\tldr r8, " BURIN_HS_STOP "\n\tcmp lr, r8\n\tbne 2b\n\t"
#define BURIN_HS_PROLOGUE "ldr lr, " BURIN_HS_C "\n\t"
#define BURIN_HS_ENTER "ldr r10, " BURIN_HS_W "\n\tldr r3, [r10]\n\tldr r7, [r10, #4]\n\t"
// The multipliers came where the next weights would have come.
#define BURIN_HS_LEAVE                                                                                                 \
  "add r10, #16\n\tmov r8, r11\n\tmov r9, r12\n\tstr r10, " BURIN_HS_W "\n\tldr r12, " BURIN_HS_OFFSET "\n\tldr r10, " BURIN_HS_Y "\n\tldr lr, " BURIN_HS_C "\n\t"
#define BURIN_HS_EPILOGUE
#define BURIN_HS_USES(...)
#else
// Weights wait in registers of the FPU, up to 16 quads of them, so that a core register is left for a third word of
// activations: LDM of three is cheaper than LDRD. One quad: 22 instructions for 32 products.
#define BURIN_HS_Q_AT(d, from, next)                                                                                   \
  "vmov r11, r12, d" #d "\n\tldm lr!, {r8, r9, r10}\n\t" BURIN_HS_AT(0, 4, "r8", from) BURIN_HS_AT(1, 5, "r9", from)   \
  BURIN_HS_AT(2, 6, "r10", from) "ldm lr!, {r8, r9, r10}\n\t" BURIN_HS_AT(3, 7, "r8", from)                            \
  "sxtb16 r11, r11\n\tsxtb16 r12, r12\n\t" BURIN_HS_AT(0, 4, "r9", BURIN_HS_SELF)                                      \
  BURIN_HS_AT(1, 5, "r10", BURIN_HS_SELF) "ldrd r8, r9, [lr], #8\n\t" BURIN_HS_AT(2, 6, "r8", BURIN_HS_SELF)           \
  BURIN_HS_AT(3, 7, "r9", BURIN_HS_SELF)
#define BURIN_HS_ROW(n, registers, text)                                                                               \
  "vldm r11!, {" registers "}\n\tstr r11, " BURIN_HS_W "\n\t" text "ldr r11, " BURIN_HS_W "\n\t"
#define BURIN_HS_EIGHTS                                                                                                \
  "2:\n\tvldm r11!, {d0-d7}\n\tstr r11, " BURIN_HS_W "\n\t" BURIN_HS_EIGHT                                                      \
  "ldr r12, " BURIN_HS_STOP "\n\tldr r11, " BURIN_HS_W "\n\tcmp lr, r12\n\tbne 2b\n\t"
#define BURIN_HS_PROLOGUE "ldr r11, " BURIN_HS_W "\n\tldr lr, " BURIN_HS_C "\n\t"
#define BURIN_HS_ENTER "ldrd r3, r7, [r11], #8\n\t"
#define BURIN_HS_LEAVE "ldr lr, " BURIN_HS_C "\n\tldrd r10, r12, " BURIN_HS_Y "\n\tldrd r8, r9, [r11], #8\n\t"
#define BURIN_HS_EPILOGUE "str r11, " BURIN_HS_W "\n\t"
#define BURIN_HS_USES(...) , __VA_ARGS__
#endif
// Up to 16 quads in a row; of more, what eights leave over, then eights in a loop. A row of n begins with all but its
// last quad.
#define BURIN_HS_Q(k) BURIN_HS_Q_AT(k, BURIN_HS_SELF, BURIN_HS_MORE)
#define BURIN_HS_LAST_Q(k) BURIN_HS_Q_AT(k, BURIN_HS_SELF, BURIN_HS_DONE)
#define BURIN_HS_BEGIN_2 BURIN_HS_Q_AT(0, BURIN_HS_FROM, BURIN_HS_MORE)
#define BURIN_HS_BEGIN_3 BURIN_HS_BEGIN_2 BURIN_HS_Q(1)
#define BURIN_HS_BEGIN_4 BURIN_HS_BEGIN_3 BURIN_HS_Q(2)
#define BURIN_HS_BEGIN_5 BURIN_HS_BEGIN_4 BURIN_HS_Q(3)
#define BURIN_HS_BEGIN_6 BURIN_HS_BEGIN_5 BURIN_HS_Q(4)
#define BURIN_HS_BEGIN_7 BURIN_HS_BEGIN_6 BURIN_HS_Q(5)
#define BURIN_HS_BEGIN_8 BURIN_HS_BEGIN_7 BURIN_HS_Q(6)
#define BURIN_HS_BEGIN_9 BURIN_HS_BEGIN_8 BURIN_HS_Q(7)
#define BURIN_HS_BEGIN_10 BURIN_HS_BEGIN_9 BURIN_HS_Q(8)
#define BURIN_HS_BEGIN_11 BURIN_HS_BEGIN_10 BURIN_HS_Q(9)
#define BURIN_HS_BEGIN_12 BURIN_HS_BEGIN_11 BURIN_HS_Q(10)
#define BURIN_HS_BEGIN_13 BURIN_HS_BEGIN_12 BURIN_HS_Q(11)
#define BURIN_HS_BEGIN_14 BURIN_HS_BEGIN_13 BURIN_HS_Q(12)
#define BURIN_HS_BEGIN_15 BURIN_HS_BEGIN_14 BURIN_HS_Q(13)
#define BURIN_HS_BEGIN_16 BURIN_HS_BEGIN_15 BURIN_HS_Q(14)
#define BURIN_HS_ROW_1 BURIN_HS_ROW(1, "d0", BURIN_HS_Q_AT(0, BURIN_HS_FROM, BURIN_HS_DONE))
#define BURIN_HS_ROW_OF(n, last) BURIN_HS_ROW(n, "d0-d" #last, BURIN_HS_BEGIN_##n BURIN_HS_LAST_Q(last))
#define BURIN_HS_EIGHT                                                                                                 \
  BURIN_HS_Q(0) BURIN_HS_Q(1) BURIN_HS_Q(2) BURIN_HS_Q(3) BURIN_HS_Q(4) BURIN_HS_Q(5) BURIN_HS_Q(6) BURIN_HS_LAST_Q(7)
#define BURIN_HS_COPIES "mov r0, r3\n\tmov r1, r3\n\tmov r2, r3\n\tmov r4, r7\n\tmov r5, r7\n\tmov r6, r7\n\t"
#define BURIN_HS_SCALE(i, m) "smmla r" #i ", r" #i ", " m ", r12\n\t"
#define BURIN_HS_SATURATE(i)                                                                                           \
  ".if %c[u]\n\tusat r" #i ", #8, r" #i ", asr %[shift]\n\t.else\n\tssat r" #i ", #8, r" #i ", asr %[shift]\n\t.endif\n\t"
#define BURIN_HS_STORE(i, at) "strb r" #i ", [r10, #%c[n]*" at "]\n\t"
#define BURIN_HS_REQUANTIZE                                                                                            \
  BURIN_HS_SCALE(1, "r8") BURIN_HS_SCALE(5, "r9") BURIN_HS_SATURATE(1) BURIN_HS_SCALE(2, "r8") BURIN_HS_SATURATE(5)    \
  BURIN_HS_STORE(1, "1") BURIN_HS_SCALE(6, "r9") BURIN_HS_STORE(5, "1+1") BURIN_HS_SATURATE(2)                         \
  BURIN_HS_SCALE(3, "r8") BURIN_HS_STORE(2, "2") BURIN_HS_SATURATE(6) BURIN_HS_SCALE(7, "r9") BURIN_HS_STORE(6, "2+1") \
  BURIN_HS_SATURATE(3) BURIN_HS_SCALE(4, "r9") BURIN_HS_STORE(3, "3") BURIN_HS_SATURATE(7) BURIN_HS_SCALE(0, "r8")     \
  BURIN_HS_STORE(7, "3+1") BURIN_HS_SATURATE(4) BURIN_HS_STORE(4, "0+1") BURIN_HS_SATURATE(0) "strb r0, [r10], #2\n\t"
#define BURIN_HS_PAIRS(text, ...)                                                                                      \
  BURIN_LOOP_ASM_6(BURIN_HS_PROLOGUE "1:\n\t" BURIN_HS_ENTER text BURIN_HS_LEAVE BURIN_HS_REQUANTIZE                   \
                   "str r10, " BURIN_HS_Y "\n\tldr r8, " BURIN_HS_END "\n\tcmp r10, r8\n\tbne 1b\n\t" BURIN_HS_EPILOGUE,                    \
                 BURIN_LOOP_OPERANDS([w] "+m"(state.w), [y] "+m"(state.y) : [c] "m"(state.c), [stop] "m"(state.stop),        \
                                     [end] "m"(state.end), [offset] "m"(state.offset)),                                     \
                 [n] "i"(filters), [shift] "i"(q.shift), [u] "i"(unsigned_y)                                             \
                 : BURIN_LOOP_CLOBBERS BURIN_HS_USES("d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7") __VA_ARGS__)
#define BURIN_HS_CASE(n, last, ...)                                                                                    \
  case n: BURIN_HS_PAIRS(BURIN_HS_ROW_OF(n, last), __VA_ARGS__); break;
#define BURIN_HS_CASE_OF_8(n, last)                                                                                    \
  case n: BURIN_HS_PAIRS(BURIN_HS_ROW_OF(n, last) BURIN_HS_EIGHTS, ); break;
// clang-format on
#else
#define BURIN_HS_LOOPS 0
#endif

#if BURIN_HS_LOOPS
/// What the loop in assembly needs to know: everything in constants, and nothing to clamp beyond the byte.
template <class Y>
BURIN_INLINE bool hs_pairs_known(const Requant& q, int32_t filters, int32_t quads) {
  if (!(__builtin_constant_p(filters) && __builtin_constant_p(quads) && __builtin_constant_p(q.shift))) return false;
  return q.kind == RequantKind::shift8 && q.shift > 0 && filters > 1 && filters < 1300 && hs_whole<Y>(q);
}

/// All pairs of filters at four pixels; w and y move on.
template <class Y>
BURIN_INLINE void hs_pairs(const Requant& q, int32_t filters, int32_t quads, const uint32_t*& weights,
                           const uint32_t* column, Y*& out) {
  struct {
    const uint32_t* w;
    Y* y;
    int32_t offset;
    const uint32_t *c, *stop;
    const Y* end;
  } state = {weights, out, q.offset, column, column + quads * 8, out + filters / 2 * 2};
  BURIN_LOOP_STATE(state);
  constexpr int32_t unsigned_y = Y(-1) > Y(0);
  // clang-format off
  switch (quads) {
    case 1: BURIN_HS_PAIRS(BURIN_HS_ROW_1, ); break;
    BURIN_HS_CASE(2, 1, )
    BURIN_HS_CASE(3, 2, )
    BURIN_HS_CASE(4, 3, )
    BURIN_HS_CASE(5, 4, )
    BURIN_HS_CASE(6, 5, )
    BURIN_HS_CASE(7, 6, )
    BURIN_HS_CASE(8, 7, )
    // Beyond d7 a function must save what it uses.
    BURIN_HS_CASE(9, 8, BURIN_HS_USES("d8"))
    BURIN_HS_CASE(10, 9, BURIN_HS_USES("d8", "d9"))
    BURIN_HS_CASE(11, 10, BURIN_HS_USES("d8", "d9", "d10"))
    BURIN_HS_CASE(12, 11, BURIN_HS_USES("d8", "d9", "d10", "d11"))
    BURIN_HS_CASE(13, 12, BURIN_HS_USES("d8", "d9", "d10", "d11", "d12"))
    BURIN_HS_CASE(14, 13, BURIN_HS_USES("d8", "d9", "d10", "d11", "d12", "d13"))
    BURIN_HS_CASE(15, 14, BURIN_HS_USES("d8", "d9", "d10", "d11", "d12", "d13", "d14"))
    BURIN_HS_CASE(16, 15, BURIN_HS_USES("d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15"))
    default:
      switch (quads % 8) {
        case 0: BURIN_HS_PAIRS(BURIN_HS_COPIES BURIN_HS_EIGHTS, ); break;
        case 1: BURIN_HS_PAIRS(BURIN_HS_ROW_1 BURIN_HS_EIGHTS, ); break;
        BURIN_HS_CASE_OF_8(2, 1)
        BURIN_HS_CASE_OF_8(3, 2)
        BURIN_HS_CASE_OF_8(4, 3)
        BURIN_HS_CASE_OF_8(5, 4)
        BURIN_HS_CASE_OF_8(6, 5)
        BURIN_HS_CASE_OF_8(7, 6)
      }
  }
  // clang-format on
  weights = state.w, out = state.y;
}
#endif

/// Parameters in the stream.
BURIN_INLINE const int32_t* hs_rest(const uint32_t* w) { return reinterpret_cast<const int32_t*>(w); }

/// The last odd filter at one of the column's pixels.
template <class Y>
BURIN_INLINE Y hs_last(const Requant& q, int32_t quads, const uint32_t* w, const uint32_t* column) {
  return hs_store<Y>(q, hs_rest(w) + quads + 1, hs_dot(w + 1, 1, column, 4, quads, int32_t(w[0])));
}

#if BURIN_DSP && !defined(__clang__)
// shift8 of the sums of two filters at four pixels, with a shift that is not known, and their stores.
#define BURIN_HS_FINISH(saturate)                                                                                      \
  "ldr %[c], %[offset]\n\tldr %[v1], %[shift]\n\tldrd %[f0], %[f1], [%[w]], #8\n\t"                                   \
  BURIN_HS_EACH(BURIN_HS_MULTIPLY) BURIN_HS_EACH(BURIN_HS_SHIFT) BURIN_HS_EACH(saturate)                               \
  "ldr %[v0], %[to]\n\tldr %[v1], %[step]\n\t"                                                                         \
  "strb %[a0], [%[v0]]\n\tstrb %[b0], [%[v0], #1]\n\tadd %[v0], %[v0], %[v1]\n\t"                                     \
  "strb %[a1], [%[v0]]\n\tstrb %[b1], [%[v0], #1]\n\tadd %[v0], %[v0], %[v1]\n\t"                                     \
  "strb %[a2], [%[v0]]\n\tstrb %[b2], [%[v0], #1]\n\tadd %[v0], %[v0], %[v1]\n\t"                                     \
  "strb %[a3], [%[v0]]\n\tstrb %[b3], [%[v0], #1]\n\t"
#define BURIN_HS_EACH(F) F(a0, f0) F(a1, f0) F(a2, f0) F(a3, f0) F(b0, f1) F(b1, f1) F(b2, f1) F(b3, f1)
#define BURIN_HS_MULTIPLY(a, f) "smmla %[" #a "], %[" #a "], %[" #f "], %[c]\n\t"
#define BURIN_HS_SHIFT(a, f) "asr %[" #a "], %[" #a "], %[v1]\n\t"
#define BURIN_HS_SSAT(a, f) "ssat %[" #a "], #8, %[" #a "]\n\t"
#define BURIN_HS_USAT(a, f) "usat %[" #a "], #8, %[" #a "]\n\t"
// clang-format off
#define BURIN_HS_PAIR(saturate)                                                                                        \
  BURIN_HS_ASM(BURIN_HS_ANY BURIN_HS_FINISH(saturate),                                                                 \
               [left] "m"(left), [stop] "m"(stop), [offset] "m"(offset), [shift] "m"(shift), [to] "m"(y), [step] "m"(filters))
// clang-format on
#endif

/// One hs_four_pixels for all layers, whatever their shapes (--optimize size). shift8, hs_whole. What calls it has a
/// parameter kAny, for __builtin_constant_p of a shape may be decided before the shape is.
template <class Y>
BURIN_SHARED void hs_four_pixels_any(const Requant& layer, int32_t filters, int32_t quads, const uint32_t* w,
                                     const uint32_t* column, Y* y) {
  const bool is_signed = Y(-1) < Y(0);
  const Requant q = {RequantKind::shift8, layer.shift, layer.offset, is_signed ? -128 : 0, is_signed ? 127 : 255, 0};
#if BURIN_DSP && !defined(__clang__)
  const int32_t left = quads - 1, offset = q.offset, shift = q.shift;
  const uint32_t* const stop = column + quads * 8;
#endif
  for (Y* const end = y + filters / 2 * 2; y != end; y += 2) {
    int32_t a3 = int32_t(w[0]), b3 = int32_t(w[1]), a0, a1, a2, b0, b1, b2;
    w += 2;
#if BURIN_DSP && !defined(__clang__)
    uint32_t v0, v1, f0, f1;
    const uint32_t* c = column;
    if (is_signed) BURIN_HS_PAIR(BURIN_HS_SSAT);
    else BURIN_HS_PAIR(BURIN_HS_USAT);
#else
    hs_four_dots(quads, w, column, a0, a1, a2, a3, b0, b1, b2, b3);
    hs_store_four(q, hs_rest(w), a0, a1, a2, a3, y, filters);
    hs_store_four(q, hs_rest(w) + 1, b0, b1, b2, b3, y + 1, filters);
    w += 2;
#endif
  }
  if (filters % 2 != 0) {
#if !defined(__clang__)
#pragma GCC unroll 1
#endif
    for (int32_t k = 0; k < 4; ++k, y += filters) *y = hs_last<Y>(q, quads, w, column + k);
  }
}

/// All filters at four pixels; y: four pixels of `filters` bytes, one after the other. kAny: see hs_four_pixels_any.
template <bool kAny = false, class Y>
BURIN_INLINE void hs_four_pixels(const Requant& q, int32_t filters, int32_t quads, const uint32_t* w,
                                 const uint32_t* column, Y* y) {
  if (kAny) return hs_four_pixels_any(q, filters, quads, w, column, y);
  const int32_t rest = hs_params(q.kind) - 1;
  Y* end = y + filters / 2 * 2;
#if BURIN_HS_LOOPS
  if (hs_pairs_known<Y>(q, filters, quads)) hs_pairs(q, filters, quads, w, column, y), end = y;
#endif
  while (y != end) {
    int32_t a3 = int32_t(w[0]), b3 = int32_t(w[1]), a0, a1, a2, b0, b1, b2;
    w += 2;
    hs_four_dots(quads, w, column, a0, a1, a2, a3, b0, b1, b2, b3);
    const int32_t* const p = hs_rest(w);
    if (q.kind == RequantKind::shift8) {
      const int32_t ma = p[0], mb = p[1];  // before anything is stored, for all the compiler knows into the weights
      a0 = requantize_shift8(q, a0, ma), b0 = requantize_shift8(q, b0, mb);
      a1 = requantize_shift8(q, a1, ma), b1 = requantize_shift8(q, b1, mb);
      a2 = requantize_shift8(q, a2, ma), b2 = requantize_shift8(q, b2, mb);
      a3 = requantize_shift8(q, a3, ma), b3 = requantize_shift8(q, b3, mb);
      y[0] = Y(a0), y[1] = Y(b0), y[filters] = Y(a1), y[filters + 1] = Y(b1);
      y[2 * filters] = Y(a2), y[2 * filters + 1] = Y(b2), y[3 * filters] = Y(a3), y[3 * filters + 1] = Y(b3);
    } else {
      hs_store_four(q, p, a0, a1, a2, a3, y, filters);
      hs_store_four(q, p + rest, b0, b1, b2, b3, y + 1, filters);
    }
    w += 2 * rest;
    y += 2;
  }
  if (filters % 2 != 0)
    for (int32_t p = 0; p < 4; ++p) y[p * filters] = hs_last<Y>(q, quads, w, column + p);
}

/// The sums of four filters at one of the column's pixels, on top of what they hold: two at w, two at v, of `quads`.
BURIN_INLINE void hs_one_dots(const uint32_t*& w, const uint32_t*& v, const uint32_t* c, const uint32_t* stop,
                              int32_t& a0, int32_t& a1, int32_t& a2, int32_t& a3) {
#if BURIN_DSP
  uint32_t t, u, f0, f1;
  // One quad: 18 instructions for 16 products.
  __asm__(
      "1:\n\tldrd %[f0], %[f1], [%[w]], #8\n\tldr %[t], [%[c]], #16\n\tldr %[u], [%[c]], #16\n\t"
      "smlad %[a0], %[f0], %[t], %[a0]\n\tsmlad %[a1], %[f1], %[t], %[a1]\n\t" BURIN_HS_UNPACK
      "smlad %[a0], %[f0], %[u], %[a0]\n\tsmlad %[a1], %[f1], %[u], %[a1]\n\t"
      "ldrd %[f0], %[f1], [%[v]], #8\n\t"
      "smlad %[a2], %[f0], %[t], %[a2]\n\tsmlad %[a3], %[f1], %[t], %[a3]\n\t" BURIN_HS_UNPACK
      "smlad %[a2], %[f0], %[u], %[a2]\n\tsmlad %[a3], %[f1], %[u], %[a3]\n\tcmp %[c], %[stop]\n\tbne 1b"
      : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [w] "+r"(w), [v] "+r"(v), [c] "+r"(c), [t] "=&r"(t),
        [u] "=&r"(u), [f0] "=&r"(f0), [f1] "=&r"(f1)
      : [stop] "r"(stop)
      : "cc", "memory");
#else
  for (; c != stop; w += 2, v += 2, c += 8) {
    const uint32_t t = c[0], u = c[4];
    a0 = smlad(sxtb16(w[0]), u, smlad(w[0], t, a0)), a1 = smlad(sxtb16(w[1]), u, smlad(w[1], t, a1));
    a2 = smlad(sxtb16(v[0]), u, smlad(v[0], t, a2)), a3 = smlad(sxtb16(v[1]), u, smlad(v[1], t, a3));
  }
#endif
}

/// shift8 of a sum with a shift that is not known, hs_whole.
template <class Y>
BURIN_INLINE int32_t hs_finish(const Requant& q, int32_t multiplier, int32_t acc) {
#if BURIN_DSP
#define BURIN_HS_FINISH_ONE(saturate)                                                                                  \
  __asm__("smmla %0, %0, %1, %2\n\tasr %0, %0, %3\n\t" saturate " %0, #8, %0"                                          \
          : "+r"(acc)                                                                                                  \
          : "r"(multiplier), "r"(q.offset), "r"(q.shift))
  if (Y(-1) < Y(0)) BURIN_HS_FINISH_ONE("ssat");
  else BURIN_HS_FINISH_ONE("usat");
#undef BURIN_HS_FINISH_ONE
  return acc;
#else
  return requantize_shift8(q, acc, multiplier);
#endif
}

/// Fours of filters at one of the column's pixels, in a function for all layers; returns the weights behind them.
/// shift8, hs_whole.
template <class Y>
BURIN_SHARED const uint32_t* hs_one_pixel_fours(const Requant& layer, int32_t filters, int32_t quads, const uint32_t* w,
                                                const uint32_t* column, Y* y) {
  const bool is_signed = Y(-1) < Y(0);
  const Requant q = {RequantKind::shift8, layer.shift, layer.offset, is_signed ? -128 : 0, is_signed ? 127 : 255, 0};
  const uint32_t* const stop = column + quads * 8;
  for (Y* const end = y + filters / 4 * 4; y != end; y += 4) {
    const uint32_t* v = w + 2 * quads + 4;
    int32_t a0 = int32_t(w[0]), a1 = int32_t(w[1]), a2 = int32_t(v[0]), a3 = int32_t(v[1]);
    w += 2, v += 2;
    hs_one_dots(w, v, column, stop, a0, a1, a2, a3);
    const int32_t *const m = hs_rest(w), *const k = hs_rest(v);
    const int32_t m0 = m[0], m1 = m[1], m2 = k[0], m3 = k[1];
    y[0] = Y(hs_finish<Y>(q, m0, a0)), y[1] = Y(hs_finish<Y>(q, m1, a1));
    y[2] = Y(hs_finish<Y>(q, m2, a2)), y[3] = Y(hs_finish<Y>(q, m3, a3));
    w = v + 2;
  }
  return w;
}

/// All filters at one of the column's pixels.
template <class Y>
BURIN_INLINE void hs_one_pixel(const Requant& q, int32_t filters, int32_t quads, const uint32_t* w,
                               const uint32_t* column, Y* y) {
  const int32_t rest = hs_params(q.kind) - 1;
  Y* const end = y + filters / 2 * 2;
  if (filters >= 4 && q.kind == RequantKind::shift8 && hs_whole<Y>(q)) {
    w = hs_one_pixel_fours(q, filters, quads, w, column, y);
    y += filters / 4 * 4;
  }
  while (y != end) {
    int32_t a = int32_t(w[0]), b = int32_t(w[1]);
    w += 2;
    const uint32_t* c = column;
    const uint32_t* const stop = column + quads * 8;
    do {
      const uint32_t f0 = w[0], f1 = w[1], t = c[0], u = c[4];
      a = smlad(f0, t, a), b = smlad(f1, t, b);
      a = smlad(sxtb16(f0), u, a), b = smlad(sxtb16(f1), u, b);
      w += 2, c += 8;
    } while (c != stop);
    const int32_t* const p = hs_rest(w);
    y[0] = hs_store<Y>(q, p, a);
    y[1] = hs_store<Y>(q, p + rest, b);
    w += 2 * rest;
    y += 2;
  }
  if (filters % 2 != 0) *y = hs_last<Y>(q, quads, w, column);
}

}  // namespace burin
