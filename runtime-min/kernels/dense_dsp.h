// Fully connected layers on int8 and uint8 for cores with DSP: one row of activations is expanded once, and every
// weight is then read once, six or four outputs at a time (hs.h).
//
// Weights are one stream: sixes {first values, [quad][6]}, fours {first values, [quad][4]}, then single filters.
// params: what requantization reads besides, or the multiplier that all share, six times if there are sixes.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Bytes of working memory: the expanded row.
BURIN_INLINE constexpr int32_t dense_q8_dsp_scratch(const ConvShape& s) { return hs_quads(s.ic) * 8; }

#if BURIN_DSP
// 1 pixel x 4 filters, one quad whose weights are in r8 to r11.
#define BURIN_HS_DENSE_PRODUCTS                                                                                        \
  "smlad %[a0], r8, %[t], %[a0]\n\t"                                                                                   \
  "smlad %[a1], r9, %[t], %[a1]\n\t"                                                                                   \
  "smlad %[a2], r10, %[t], %[a2]\n\t"                                                                                  \
  "smlad %[a3], r11, %[t], %[a3]\n\t"                                                                                  \
  "sxtb16 r8, r8\n\t"                                                                                                  \
  "sxtb16 r9, r9\n\t"                                                                                                  \
  "sxtb16 r10, r10\n\t"                                                                                                \
  "sxtb16 r11, r11\n\t"                                                                                                \
  "smlad %[a0], r8, %[u], %[a0]\n\t"                                                                                   \
  "smlad %[a1], r9, %[u], %[a1]\n\t"                                                                                   \
  "smlad %[a2], r10, %[u], %[a2]\n\t"                                                                                  \
  "smlad %[a3], r11, %[u], %[a3]\n\t"
// The next one: 14 instructions for 16 products.
#define BURIN_HS_DENSE_QUAD                                                                                            \
  "ldm %[w]!, {r8, r9, r10, r11}\n\t"                                                                                  \
  "ldrd %[t], %[u], [%[c]], #8\n\t" BURIN_HS_DENSE_PRODUCTS
#define BURIN_HS_DENSE_4 BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD
#define BURIN_HS_DENSE_STOP "ldr r8, %[stop]\n\tcmp %[c], r8\n\t"
// stop is in a register; for gcc in memory where the shape is not known and registers are short.
#define BURIN_HS_DENSE_ASM(text, ...)                                                                                  \
  __asm__ volatile(text                                                                                                \
                   : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [w] "+r"(w), [c] "+r"(c),             \
                     [t] "=&r"(t), [u] BURIN_HS_DENSE_U(u)                                                             \
                   : __VA_ARGS__                                                                                       \
                   : "r8", "r9", "r10", "r11", "cc", "memory")
#if defined(__clang__)
#define BURIN_HS_DENSE_U "+r"  // brings stop, which waits on the stack
#define BURIN_HS_DENSE_LOOP(text)                                                                                      \
  do {                                                                                                                 \
    u = uint32_t(reinterpret_cast<uintptr_t>(stop));                                                                   \
    BURIN_HS_DENSE_ASM("str %[u], [sp, #-8]!\n\t" text "ldr r8, [sp]\n\tcmp %[c], r8\n\tbne 1b\n\tadd sp, #8\n\t", );  \
  } while (0)
#else
#define BURIN_HS_DENSE_U "=&r"
#define BURIN_HS_DENSE_LOOP(text, place, ...) BURIN_HS_DENSE_ASM(text "bne 1b\n\t", [stop] place(stop) __VA_ARGS__)
#endif
#endif

/// Four filters at one pixel, on top of what the sums hold. together: at most so many quads a turn, 1, 2 or 4.
BURIN_INLINE void hs_dense_dots(int32_t quads, int32_t together, const uint32_t*& w, const uint32_t* c, int32_t& a0,
                                int32_t& a1, int32_t& a2, int32_t& a3) {
  const uint32_t* const stop = c + quads * 2;
#if BURIN_DSP
  uint32_t t, u = 0;
#if defined(__clang__)
  if (__builtin_constant_p(quads) && quads == 1) BURIN_HS_DENSE_ASM(BURIN_HS_DENSE_QUAD, );
  else if (__builtin_constant_p(quads) && quads == 2) BURIN_HS_DENSE_ASM(BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD, );
  else if (__builtin_constant_p(quads) && quads == 3)
    BURIN_HS_DENSE_ASM(BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_QUAD, );
  else if (__builtin_constant_p(quads) && quads == 4) BURIN_HS_DENSE_ASM(BURIN_HS_DENSE_4, );
  else if (quads % 4 == 0 && together > 1) BURIN_HS_DENSE_LOOP("1:\n\t" BURIN_HS_DENSE_4);
  else BURIN_HS_DENSE_LOOP("1:\n\t" BURIN_HS_DENSE_QUAD);
#else
  if (__builtin_constant_p(quads) && quads % 4 == 0 && together == 4)
    BURIN_HS_DENSE_LOOP("1:\n\t" BURIN_HS_DENSE_4 "cmp %[c], %[stop]\n\t", "r", );
  else if (together == 2)  // an odd number begins with the second
    BURIN_HS_DENSE_LOOP("ldr r8, %[quads]\n\tlsrs r8, r8, #1\n\tbcs 2f\n1:\n\t" BURIN_HS_DENSE_QUAD
                        "2:\n\t" BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_STOP,
                        "m", , [quads] "m"(quads));
  else BURIN_HS_DENSE_LOOP("1:\n\t" BURIN_HS_DENSE_QUAD BURIN_HS_DENSE_STOP, "m", );
#endif
#else
  (void)together;
  for (; c != stop; c += 2, w += 4) {
    const uint32_t t = c[0], u = c[1];
    a0 = smlad(sxtb16(w[0]), u, smlad(w[0], t, a0)), a1 = smlad(sxtb16(w[1]), u, smlad(w[1], t, a1));
    a2 = smlad(sxtb16(w[2]), u, smlad(w[2], t, a2)), a3 = smlad(sxtb16(w[3]), u, smlad(w[3], t, a3));
  }
#endif
}

/// How many groups of six filters there are; fours follow, so that at most three are left. With few inputs none.
BURIN_INLINE constexpr int32_t dense_sixes(int32_t ic, int32_t oc) {
  return ic < 128 || ic % 64 != 0 || oc < 24 ? 0 : oc % 6 > 0 && oc % 6 < 4 ? oc / 6 - 1 : oc / 6;
}

#if BURIN_DSP
// 1 pixel x 6 filters, two quads: 41 instructions for 48 products. Sums: r0 to r5; activations r6, r7; weights r8 to
// r11; their address r12; the column lr.
#define BURIN_HS_DENSE_AT_w BURIN_LOOP_WORD(w, 4)
#define BURIN_HS_DENSE_AT_p BURIN_LOOP_WORD(p, 8)
#define BURIN_HS_DENSE_AT_y BURIN_LOOP_WORD(y, 12)
#define BURIN_HS_DENSE_AT_c BURIN_LOOP_WORD(c, 16)
#define BURIN_HS_DENSE_AT_second BURIN_LOOP_WORD(second, 20)
#define BURIN_HS_DENSE_AT_stop BURIN_LOOP_WORD(stop, 24)
#define BURIN_HS_DENSE_AT_offset BURIN_LOOP_WORD(offset, 32)
#define BURIN_HS_DENSE_AT_step BURIN_LOOP_WORD(step, 36)
#define BURIN_HS_DENSE_AT_shift BURIN_LOOP_WORD(shift, 40)
#define BURIN_HS_DENSE_AT_end BURIN_LOOP_WORD(end, 48)
#define BURIN_HS_DENSE_OPERANDS                                                                                        \
  BURIN_LOOP_OPERANDS([w] "+m"(d.w), [p] "+m"(d.p), [y] "+m"(d.y)                                                      \
                      : [c] "m"(d.column), [second] "m"(second), [stop] "m"(stop), [offset] "m"(d.offset),             \
                        [step] "m"(step), [shift] "m"(d.shift), [end] "m"(end))
#define BURIN_HS_SIX_OF(i, w, v) "smlad r" #i ", r" #w ", " v ", r" #i "\n\t"
// clang-format off
#define BURIN_HS_SIX_TWO(i, j, v, w)                                                                                   \
  BURIN_HS_SIX_OF(i, v, "r6") BURIN_HS_SIX_OF(j, w, "r6") "sxtb16 r" #v ", r" #v "\n\tsxtb16 r" #w ", r" #w "\n\t"     \
  BURIN_HS_SIX_OF(i, v, "r7") BURIN_HS_SIX_OF(j, w, "r7")
#define BURIN_HS_SIX_QUADS(load, other)                                                                                \
  load "ldm r12!, {r8, r9, r10, r11}\n\t" BURIN_HS_SIX_TWO(0, 1, 8, 9) BURIN_HS_SIX_TWO(2, 3, 10, 11)                  \
  "ldm r12!, {r8, r9, r10, r11}\n\t" BURIN_HS_SIX_TWO(4, 5, 8, 9) other BURIN_HS_SIX_TWO(0, 1, 10, 11)                 \
  "ldm r12!, {r8, r9, r10, r11}\n\t" BURIN_HS_SIX_TWO(2, 3, 8, 9) BURIN_HS_SIX_TWO(4, 5, 10, 11)
#define BURIN_HS_SIX_LDRD "ldrd r6, r7, [lr], #8\n\t"
#define BURIN_HS_SIX_2 BURIN_HS_SIX_QUADS(BURIN_HS_SIX_LDRD, BURIN_HS_SIX_LDRD)
#define BURIN_HS_SIX_8 BURIN_HS_SIX_2 BURIN_HS_SIX_2 BURIN_HS_SIX_2 BURIN_HS_SIX_2
#if BURIN_FPU
// The first eight quads stay in registers of the FPU.
#define BURIN_HS_SIX_KEPT(d) "vmov r6, r7, d" #d "\n\t"
#define BURIN_HS_SIX_KEEP "ldr lr, " BURIN_HS_DENSE_AT_c "\n\tvldm lr, {d0-d7}\n\t"
#define BURIN_HS_SIX_FIRST                                                                                             \
  "ldr lr, " BURIN_HS_DENSE_AT_second "\n\t"                                                                                    \
  BURIN_HS_SIX_QUADS(BURIN_HS_SIX_KEPT(0), BURIN_HS_SIX_KEPT(1)) BURIN_HS_SIX_QUADS(BURIN_HS_SIX_KEPT(2), BURIN_HS_SIX_KEPT(3)) \
  BURIN_HS_SIX_QUADS(BURIN_HS_SIX_KEPT(4), BURIN_HS_SIX_KEPT(5)) BURIN_HS_SIX_QUADS(BURIN_HS_SIX_KEPT(6), BURIN_HS_SIX_KEPT(7))
#define BURIN_HS_SIX_CLOBBERS , "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"
#else
#define BURIN_HS_SIX_KEEP
#define BURIN_HS_SIX_FIRST "ldr lr, " BURIN_HS_DENSE_AT_c "\n\t" BURIN_HS_SIX_8
#define BURIN_HS_SIX_CLOBBERS
#endif
#define BURIN_HS_SIX_FAST(saturate)                                                                                    \
  BURIN_HS_SIXES(saturate, BURIN_HS_SIX_KEEP, BURIN_HS_SIX_FIRST BURIN_HS_SIX_8 "2:\n\t" BURIN_HS_SIX_8 BURIN_HS_SIX_8, \
                 BURIN_HS_SIX_CLOBBERS)
#define BURIN_HS_SIX_EACH(F) F(0, 6) F(1, 7) F(2, 8) F(3, 9) F(4, 10) F(5, 11)
#define BURIN_HS_SIX_SCALE(i, m) "smmla r" #i ", r" #i ", r" #m ", lr\n\t"
#define BURIN_HS_SIX_SHIFT(i, m) "asr r" #i ", r" #i ", r6\n\t"
#define BURIN_HS_SIX_SSAT(i, m) "ssat r" #i ", #8, r" #i "\n\tstrb r" #i ", [r12], #1\n\t"
#define BURIN_HS_SIX_USAT(i, m) "usat r" #i ", #8, r" #i "\n\tstrb r" #i ", [r12], #1\n\t"
#define BURIN_HS_SIXES(saturate, keep, text, clobbers)                                                                 \
  BURIN_LOOP_ASM_10(keep "ldr r12, " BURIN_HS_DENSE_AT_w "\n\t1:\n\tldm r12!, {r0, r1, r2, r3, r4, r5}\n\t" text                           \
                   "ldr r8, " BURIN_HS_DENSE_AT_stop "\n\tcmp lr, r8\n\tbne 2b\n\t"                                                       \
                   "str r12, " BURIN_HS_DENSE_AT_w "\n\tldr r12, " BURIN_HS_DENSE_AT_p "\n\tldr lr, " BURIN_HS_DENSE_AT_offset "\n\tldm r12, {r6, r7, r8, r9, r10, r11}\n\t"    \
                   BURIN_HS_SIX_EACH(BURIN_HS_SIX_SCALE)                                                               \
                   "ldr r7, " BURIN_HS_DENSE_AT_step "\n\tadd r12, r7\n\tstr r12, " BURIN_HS_DENSE_AT_p "\n\tldr r6, " BURIN_HS_DENSE_AT_shift "\n\tldr r12, " BURIN_HS_DENSE_AT_y "\n\t"          \
                   BURIN_HS_SIX_EACH(BURIN_HS_SIX_SHIFT) BURIN_HS_SIX_EACH(saturate)                                   \
                   "str r12, " BURIN_HS_DENSE_AT_y "\n\tldr r8, " BURIN_HS_DENSE_AT_end "\n\tcmp r12, r8\n\tldr r12, " BURIN_HS_DENSE_AT_w "\n\tbne 1b\n\t", BURIN_HS_DENSE_OPERANDS : BURIN_LOOP_CLOBBERS clobbers)
// 1 pixel x 4 filters, two quads: 27 instructions for 32 products. Activations r4 to r7.
#define BURIN_HS_FOUR_OF(i, w, v) "smlad r" #i ", r" #w ", r" #v ", r" #i "\n\t"
#define BURIN_HS_FOUR_QUAD(t, u)                                                                                       \
  "ldm r12!, {r8, r9, r10, r11}\n\t" BURIN_HS_FOUR_OF(0, 8, t) BURIN_HS_FOUR_OF(1, 9, t) BURIN_HS_FOUR_OF(2, 10, t)    \
  BURIN_HS_FOUR_OF(3, 11, t) "sxtb16 r8, r8\n\tsxtb16 r9, r9\n\tsxtb16 r10, r10\n\tsxtb16 r11, r11\n\t"                \
  BURIN_HS_FOUR_OF(0, 8, u) BURIN_HS_FOUR_OF(1, 9, u) BURIN_HS_FOUR_OF(2, 10, u) BURIN_HS_FOUR_OF(3, 11, u)
// clang-format on
#define BURIN_HS_FOUR_2 "ldm lr!, {r4, r5, r6, r7}\n\t" BURIN_HS_FOUR_QUAD(4, 5) BURIN_HS_FOUR_QUAD(6, 7)
#define BURIN_HS_FOUR_EACH(F) F(0, 4) F(1, 5) F(2, 6) F(3, 7)
#define BURIN_HS_FOURS(saturate)                                                                                       \
  BURIN_LOOP_ASM_10(                                                                                                   \
      "ldr r12, " BURIN_HS_DENSE_AT_w "\n\t1:\n\tldm r12!, {r0, r1, r2, r3}\n\tldr lr, " BURIN_HS_DENSE_AT_c           \
      "\n\t"                                                                                                           \
      "2:\n\t" BURIN_HS_FOUR_2 BURIN_HS_FOUR_2 "ldr r8, " BURIN_HS_DENSE_AT_stop                                       \
      "\n\tcmp lr, r8\n\tbne 2b\n\t"                                                                                   \
      "str r12, " BURIN_HS_DENSE_AT_w "\n\tldr r12, " BURIN_HS_DENSE_AT_p "\n\tldr lr, " BURIN_HS_DENSE_AT_offset      \
      "\n\tldm r12, {r4, r5, r6, r7}\n\t" BURIN_HS_FOUR_EACH(                                                          \
          BURIN_HS_SIX_SCALE) "ldr r7, " BURIN_HS_DENSE_AT_step "\n\tadd r12, r7\n\tstr r12, " BURIN_HS_DENSE_AT_p     \
                              "\n\tldr r6, " BURIN_HS_DENSE_AT_shift "\n\tldr r12, " BURIN_HS_DENSE_AT_y               \
                              "\n\t" BURIN_HS_FOUR_EACH(BURIN_HS_SIX_SHIFT) BURIN_HS_FOUR_EACH(                        \
                                  saturate) "str r12, " BURIN_HS_DENSE_AT_y "\n\tldr r8, " BURIN_HS_DENSE_AT_end       \
                                            "\n\tcmp r12, r8\n\tldr r12, " BURIN_HS_DENSE_AT_w "\n\tbne 1b\n\t",       \
      BURIN_HS_DENSE_OPERANDS                                                                                          \
      : BURIN_LOOP_CLOBBERS)
#endif

/// A row of activations into the column.
template <class X>
BURIN_INLINE void hs_dense_expand(const X* x, int32_t ic, int32_t x_zero, uint32_t* e) {
  const int32_t tail = ic % 4;
  for (const X* const end = x + (ic - tail); x != end; x += 4, e += 2) hs_expand(hs_bytes(x), e[0], e[1]);
  if (tail > 0) {
    X last[4] = {X(x_zero), X(x_zero), X(x_zero), X(x_zero)};  // meets weights of zero
    for (int32_t i = 0; i < tail; ++i) last[i] = x[i];
    hs_expand(hs_bytes(last), e[0], e[1]);
  }
}

/// One pixel of a layer for the function that all layers share: sixes up to the result six_end, fours up to four_end,
/// single filters up to end. p: what all filters multiply by, the next group's `step` bytes a filter on.
template <class X, class Y>
struct DensePixel {
  const uint32_t* w;
  const int32_t* p;
  Y* y;
  uint32_t* column;
  const X* x;
  Y *six_end, *four_end, *end;
  int32_t ic, shift, offset, step;
};

/// `count` filters at a time (six or four): shift8, hs_whole.
template <int32_t count, class X, class Y>
BURIN_INLINE void hs_dense_groups(DensePixel<X, Y>& d, Y* end) {
#if BURIN_DSP
  const uint32_t *const stop = d.column + d.ic / 2, *const second = d.column + 16;
  const int32_t step = count * d.step;
#if defined(__clang__)
  struct {
    const uint32_t* w;
    const int32_t* p;
    Y* y;
    const uint32_t *c, *second, *stop;
    int32_t offset, step, shift;
    const Y* end;
  } state = {d.w, d.p, d.y, d.column, second, stop, d.offset, step, d.shift, end};
  BURIN_LOOP_STATE(state);
#endif
  if (count == 6) {
    if (Y(-1) < Y(0)) BURIN_HS_SIX_FAST(BURIN_HS_SIX_SSAT);
    else BURIN_HS_SIX_FAST(BURIN_HS_SIX_USAT);
  } else {
    if (Y(-1) < Y(0)) BURIN_HS_FOURS(BURIN_HS_SIX_SSAT);
    else BURIN_HS_FOURS(BURIN_HS_SIX_USAT);
  }
#if defined(__clang__)
  d.w = state.w, d.p = state.p, d.y = state.y;
#endif
#else
  const bool is_signed = Y(-1) < Y(0);
  const Requant q = {RequantKind::shift8, d.shift, d.offset, is_signed ? -128 : 0, is_signed ? 127 : 255, 0};
  for (; d.y != end; d.w += count * (d.ic / 4 + 1), d.p += count * d.step / 4, d.y += count)
    for (int32_t f = 0; f < count; ++f)
      d.y[f] = Y(requantize_shift8(q, hs_dot(d.w + count + f, count, d.column, 1, d.ic / 4, int32_t(d.w[f])), d.p[f]));
#endif
}

/// By value: what the caller puts on the stack is what the assembly works on.
template <class X, class Y>
BURIN_SHARED void hs_dense_pixel(DensePixel<X, Y> d) {
  const bool is_signed = Y(-1) < Y(0);
  const Requant q = {RequantKind::shift8, d.shift, d.offset, is_signed ? -128 : 0, is_signed ? 127 : 255, 0};
  const int32_t quads = hs_quads(d.ic), step = d.step / 4;
  uint32_t* e = d.column;
  for (const X *x = d.x, *const end = x + d.ic; x != end; x += 8, e += 4) {
    hs_expand(hs_bytes(x), e[0], e[1]);
    hs_expand(hs_bytes(x + 4), e[2], e[3]);
  }
  if (d.y != d.six_end) hs_dense_groups<6>(d, d.six_end);
  if (d.y != d.four_end) hs_dense_groups<4>(d, d.four_end);
  for (; d.y != d.end; d.p += step, d.w += quads + 1)
    *d.y++ = Y(requantize_shift8(q, hs_dot(d.w + 1, 1, d.column, 1, quads, int32_t(d.w[0])), d.p[0]));
}

template <bool one, class X, class Y>
BURIN_INLINE void hs_dense(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                           const uint32_t* weights, const int32_t* params, Y* y, void* scratch) {
  const int32_t quads = hs_quads(s.ic), sixes = dense_sixes(s.ic, s.oc), each = one ? 0 : hs_params(q.kind) - 1;
  const int32_t fours = (s.oc - 6 * sixes) / 4, singles = (s.oc - 6 * sixes) % 4;
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  if (sixes > 0 && q.kind == RequantKind::shift8 && hs_whole<Y>(q)) {
    for (int32_t pixel = 0; pixel < n * s.ow; ++pixel, y += s.oc) {
      const X* x = rows[pixel / s.ow] + pixel % s.ow * s.ic;
      hs_dense_pixel(DensePixel<X, Y>{weights, params, y, column, x, y + 6 * sixes, y + 6 * sixes + 4 * fours, y + s.oc,
                                      s.ic, q.shift, q.offset, one ? 0 : 4});
    }
    return;
  }
  for (int32_t pixel = 0; pixel < n * s.ow; ++pixel) {
    const X* x = rows[pixel / s.ow] + pixel % s.ow * s.ic;
    hs_dense_expand(x, s.ic, x_zero, column);
    const uint32_t* w = weights;
    const int32_t* p = params;
    for (int32_t k = 0; k < 6 * sixes; ++k, p += each) {
      const uint32_t* group = w + k / 6 * 6 * (quads + 1) + k % 6;
      *y++ = hs_store<Y>(q, p, hs_dot(group + 6, 6, column, 1, quads, int32_t(group[0])));
    }
    w += 6 * (quads + 1) * sixes;
    for (Y* const end = y + 4 * fours; y != end; y += 4, p += 4 * each) {
      int32_t a0 = int32_t(w[0]), a1 = int32_t(w[1]), a2 = int32_t(w[2]), a3 = int32_t(w[3]);
      w += 4;
      hs_dense_dots(quads, fours < 3 ? 1 : 4, w, column, a0, a1, a2, a3);
      const Y r0 = hs_store<Y>(q, p, a0), r1 = hs_store<Y>(q, p + each, a1);
      const Y r2 = hs_store<Y>(q, p + 2 * each, a2), r3 = hs_store<Y>(q, p + 3 * each, a3);
      y[0] = r0, y[1] = r1, y[2] = r2, y[3] = r3;
    }
    for (int32_t o = 0; o < singles; ++o, p += each, w += quads + 1)
      *y++ = hs_store<Y>(q, p, hs_dot(w + 1, 1, column, 1, quads, int32_t(w[0])));
  }
}

/// n rows of s.ow pixels each, all filters; a pixel is ic activations.
template <class X, class Y>
BURIN_INLINE void dense_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                               const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  hs_dense<false>(s, q, x_zero, rows, n, w, params, y, scratch);
}

/// The same where all filters have one multiplier (shift8): params: that multiplier.
template <class X, class Y>
BURIN_INLINE void dense_one_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                   int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  hs_dense<true>(s, q, x_zero, rows, n, w, params, y, scratch);
}

/// The same for every shape of int8 or uint8 (--optimize size): short code, everything it needs in one array. kTails:
/// inputs or outputs may not come in fours. w: {ic | oc << 16, pixels | shift << 16 | own << 24, offset}, the
/// multiplier or, where each filter has its own, all of them, then the stream in fours and single filters. Pixels lie
/// side by side.
template <bool kTails, class X, class Y>
BURIN_INLINE void dense_any_q8_dsp(const uint32_t* w, const X* x, Y* y, void* scratch) {
  const bool is_signed = Y(-1) < Y(0);
  const int32_t ic = int32_t(w[0] & 0xFFFFu), oc = int32_t(w[0] >> 16), own = int32_t(w[1] >> 24);
  const Requant q = {RequantKind::shift8,  int32_t(w[1] >> 16 & 255u), int32_t(w[2]),
                     is_signed ? -128 : 0, is_signed ? 127 : 255,      0};
  const uint32_t* const multipliers = w + 3;
  const uint32_t* const stream = multipliers + (own ? oc : 1);
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  const int32_t quads = kTails ? hs_quads(ic) : ic / 4;
  for (uint32_t left = w[1] & 0xFFFFu; left != 0; --left, x += ic) {
    hs_dense_expand(x, kTails ? ic : quads * 4, 0, column);
    const uint32_t *at = stream, *p = multipliers;
    for (Y* const end = y + (kTails ? oc / 4 * 4 : oc); y != end; y += 4, p += 4 * own) {
      int32_t a0 = int32_t(at[0]), a1 = int32_t(at[1]), a2 = int32_t(at[2]), a3 = int32_t(at[3]);
      at += 4;
      hs_dense_dots(quads, 2, at, column, a0, a1, a2, a3);
      const int32_t m0 = int32_t(p[0]), m1 = int32_t(p[own]), m2 = int32_t(p[2 * own]), m3 = int32_t(p[3 * own]);
      y[0] = Y(requantize_shift8(q, a0, m0)), y[1] = Y(requantize_shift8(q, a1, m1));
      y[2] = Y(requantize_shift8(q, a2, m2)), y[3] = Y(requantize_shift8(q, a3, m3));
    }
    for (int32_t o = kTails ? oc % 4 : 0; o > 0; --o, p += own, at += quads + 1)
      *y++ = Y(requantize_shift8(q, hs_dot(at + 1, 1, column, 1, quads, int32_t(at[0])), int32_t(p[0])));
  }
}

}  // namespace burin
