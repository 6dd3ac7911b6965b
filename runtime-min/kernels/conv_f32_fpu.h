// float32 convolutions for cores with a single-precision FPU: blocks of four pixels by four filters, so that each
// weight and each activation that is loaded serves four products. Functions are shared by all layers (BURIN_SHARED):
// with blocks this large a run-time shape costs nothing, and the code is there once.
//
// kFused: products by VFMA. On a Cortex-M4 that takes 3 cycles where VMUL and VADD take 1 each, on a Cortex-M7 it takes
// 1; the printer decides by the target's table of cycles. Per output the sum begins with the bias and goes through the
// taps in order, so without kFused the results are those of conv_f32_ref compiled without contraction.
//
// A clamp at 0 works on the sign bit: a NaN whose sign is set becomes 0.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/conv.h"

namespace burin {

/// acc + a * b, by one rounding if kFused and the core can; without it never.
template <bool kFused>
BURIN_INLINE float mac_f32(float acc, float a, float b) {
  float p = a * b;
#if BURIN_FPU
  if (!kFused) __asm__("" : "+t"(p));  // gcc contracts even at -std=c++17
#endif
  return acc + p;
}

/// Makes gcc keep and advance this pointer in a register. Left alone it makes one for each place that a loop uses, runs
/// out of registers, and spends more on moving them than on the sums.
template <class T>
BURIN_INLINE void keep(T*& p) {
#if BURIN_FPU
  __asm__("" : "+r"(p));
#else
  (void)p;
#endif
}

/// How results are clamped: not at all, at 0 only (Relu), by both bounds.
enum class F32Clamp : int32_t { none, relu, both };
BURIN_INLINE F32Clamp f32_clamp(float lo, float hi) {
  constexpr float inf = __builtin_inff();
  return hi < inf ? F32Clamp::both : lo == 0.0f ? F32Clamp::relu : lo > -inf ? F32Clamp::both : F32Clamp::none;
}
BURIN_INLINE int32_t relu_mask(float lo, float hi) { return f32_clamp(lo, hi) == F32Clamp::relu ? -1 : 0; }
/// The clamp by both bounds, over finished results.
BURIN_SHARED void clamp_f32(float lo, float hi, float* y, int32_t count) {
  if (f32_clamp(lo, hi) == F32Clamp::both)
    for (; count > 0; --count, ++y) *y = *y < lo ? lo : *y > hi ? hi : *y;
}
/// max(v, 0) where mask is -1, v where it is 0.
BURIN_INLINE float relu_f32(float v, int32_t mask) {
  int32_t bits;
  __builtin_memcpy(&bits, &v, 4);
#if BURIN_FPU
  __asm__("" : "+r"(bits));  // one move from the FPU's registers
#endif
  bits &= ~((bits >> 31) & mask);
  __builtin_memcpy(&v, &bits, 4);
  return v;
}

/// What a block of four pixels reads and writes. Two of them may be the same pixel.
struct F32Block {
  const float* x[4];  // the taps of each pixel, in one piece
  float* y[4];        // its outputs
  int32_t relu;       // -1: results are clamped at 0; 0: not
};

/// Pixel p of the group of four that begins at `at`. The last group begins earlier, so that it is whole; of fewer than
/// four pixels the last one is taken again.
BURIN_INLINE int32_t f32_pixel(int32_t at, int32_t p, int32_t count) {
  const int32_t first = at + 4 <= count ? at : count < 4 ? 0 : count - 4;
  return first + p < count ? first + p : count - 1;
}

#if BURIN_FPU
// Four products, to s<a>...s<d>, of the weights s<p>...s<s> and the activation s<x>. Separate ones keep clear of
// results of the instruction before.
// clang-format off
#define BURIN_F32_SPLIT(a, b, c, d, p, q, r, s, x)                                                  \
  "vmul.f32 s28, s" #p ", s" #x "\n\tvmul.f32 s29, s" #q ", s" #x "\n\tvmul.f32 s30, s" #r ", s" #x \
  "\n\tvmul.f32 s31, s" #s ", s" #x "\n\tvadd.f32 s" #a ", s" #a ", s28\n\tvadd.f32 s" #b ", s" #b  \
  ", s29\n\tvadd.f32 s" #c ", s" #c ", s30\n\tvadd.f32 s" #d ", s" #d ", s31\n\t"
#define BURIN_F32_FUSED(a, b, c, d, p, q, r, s, x)                                                              \
  "vfma.f32 s" #a ", s" #p ", s" #x "\n\tvfma.f32 s" #b ", s" #q ", s" #x "\n\tvfma.f32 s" #c ", s" #r ", s" #x \
  "\n\tvfma.f32 s" #d ", s" #s ", s" #x "\n\t"
// Two taps of four pixels and four filters: s0...s15 are sums, s16...s23 weights.
#define BURIN_F32_TWO(MAC)                                                                                         \
  "vldmia %[w]!, {s16-s23}\n\t"                                                                                    \
  "vldmia %[x0]!, {s24-s25}\n\t"                                                                                   \
  "vldmia %[x1]!, {s26-s27}\n\t" MAC(0, 1, 2, 3, 16, 17, 18, 19, 24)                                               \
      MAC(0, 1, 2, 3, 20, 21, 22, 23, 25) "vldmia %[x2]!, {s24-s25}\n\t" MAC(4, 5, 6, 7, 16, 17, 18, 19, 26)       \
          MAC(4, 5, 6, 7, 20, 21, 22, 23, 27) "vldmia %[x3]!, {s26-s27}\n\t" MAC(8, 9, 10, 11, 16, 17, 18, 19, 24) \
              MAC(8, 9, 10, 11, 20, 21, 22, 23, 25) MAC(12, 13, 14, 15, 16, 17, 18, 19, 26)                        \
                  MAC(12, 13, 14, 15, 20, 21, 22, 23, 27)
#define BURIN_F32_ONE(MAC)                                                                           \
  "vldmia %[w]!, {s16-s19}\n\t"                                                                      \
  "vldmia %[x0]!, {s24}\n\t"                                                                         \
  "vldmia %[x1]!, {s25}\n\t"                                                                         \
  "vldmia %[x2]!, {s26}\n\t"                                                                         \
  "vldmia %[x3]!, {s27}\n\t" MAC(0, 1, 2, 3, 16, 17, 18, 19, 24) MAC(4, 5, 6, 7, 16, 17, 18, 19, 25) \
      MAC(8, 9, 10, 11, 16, 17, 18, 19, 26) MAC(12, 13, 14, 15, 16, 17, 18, 19, 27)
// Four results of one pixel, and the same with a clamp at 0: negative words are cleared.
#define BURIN_F32_STORE(p, a, b, c, d)                                                                       \
  "ldr %[x0], [%[block], #16 + 4*" #p                                                                        \
  "]\n\tadd %[x0], %[x0], %[off]\n\t"                                                                        \
  "vstr.32 s" #a ", [%[x0]]\n\tvstr.32 s" #b ", [%[x0], #4]\n\tvstr.32 s" #c ", [%[x0], #8]\n\tvstr.32 s" #d \
  ", [%[x0], #12]\n\t"
#define BURIN_F32_STORE_RELU(p, a, b, c, d)                                  \
  "ldr %[x0], [%[block], #16 + 4*" #p                                        \
  "]\n\tadd %[x0], %[x0], %[off]\n\t"                                        \
  "vmov %[x1], %[x2], s" #a ", s" #b "\n\tvmov %[x3], %[n], s" #c ", s" #d   \
  "\n\t"                                                                     \
  "bic %[x1], %[x1], %[x1], asr #31\n\tbic %[x2], %[x2], %[x2], asr #31\n\t" \
  "bic %[x3], %[x3], %[x3], asr #31\n\tbic %[n], %[n], %[n], asr #31\n\t"    \
  "str %[x1], [%[x0]]\n\tstr %[x2], [%[x0], #4]\n\tstr %[x3], [%[x0], #8]\n\tstr %[n], [%[x0], #12]\n\t"
#define BURIN_F32_QUAD(MAC) \
  __asm__ volatile(                                                                                                    \
      "ldr %[x0], [%[block]]\n\tldr %[x1], [%[block], #4]\n\tldr %[x2], [%[block], #8]\n\tldr %[x3], [%[block], #12]\n\t" \
      "vldmia %[bias]!, {s0-s3}\n\t"                                                                                   \
      "vmov.f32 s4, s0\n\tvmov.f32 s5, s1\n\tvmov.f32 s6, s2\n\tvmov.f32 s7, s3\n\t"                                   \
      "vmov.f32 s8, s0\n\tvmov.f32 s9, s1\n\tvmov.f32 s10, s2\n\tvmov.f32 s11, s3\n\t"                                 \
      "vmov.f32 s12, s0\n\tvmov.f32 s13, s1\n\tvmov.f32 s14, s2\n\tvmov.f32 s15, s3\n\t"                               \
      "asrs %[n], %[k], #2\n\tbeq 2f\n\t"                                                                              \
      "1:\n\t" BURIN_F32_TWO(MAC) "subs %[n], %[n], #1\n\t" BURIN_F32_TWO(MAC) "bne 1b\n\t"                            \
      "2:\n\tands %[n], %[k], #3\n\tbeq 4f\n\t"                                                                        \
      "3:\n\t" BURIN_F32_ONE(MAC) "subs %[n], %[n], #1\n\tbne 3b\n\t"                                                  \
      "4:\n\tcmp %[relu], #0\n\tbne 5f\n\t"                                                                           \
      BURIN_F32_STORE(0, 0, 1, 2, 3) BURIN_F32_STORE(1, 4, 5, 6, 7)                                                    \
      BURIN_F32_STORE(2, 8, 9, 10, 11) BURIN_F32_STORE(3, 12, 13, 14, 15) "b 6f\n\t"                                   \
      "5:\n\t" BURIN_F32_STORE_RELU(0, 0, 1, 2, 3) BURIN_F32_STORE_RELU(1, 4, 5, 6, 7)                                 \
      BURIN_F32_STORE_RELU(2, 8, 9, 10, 11) BURIN_F32_STORE_RELU(3, 12, 13, 14, 15)                                    \
      "6:\n\t"                                                                                                         \
      : [w] "+r"(w), [bias] "+r"(bias), [x0] "=&r"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), [x3] "=&r"(x3), [n] "=&r"(n)   \
      : [block] "r"(&b), [k] "r"(k), [off] "r"(o * 4), [relu] "r"(b.relu)                                            \
      : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16",   \
        "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31", "cc", \
        "memory")
// clang-format on
#endif

/// All filters over four pixels of k taps. w: filters in fours as [k][4], what is left over as [k].
template <bool kFused>
BURIN_SHARED void f32_block(const F32Block& b, int32_t k, int32_t oc, const float* w, const float* bias) {
  int32_t o = 0;
  for (; o + 4 <= oc; o += 4) {
#if BURIN_FPU
    uint32_t x0, x1, x2, x3, n;
    if (kFused) BURIN_F32_QUAD(BURIN_F32_FUSED);
    else BURIN_F32_QUAD(BURIN_F32_SPLIT);
#else
    for (int32_t p = 0; p < 4; ++p) {
      float acc[4] = {bias[0], bias[1], bias[2], bias[3]};
      for (int32_t i = 0; i < k; ++i)
        for (int32_t f = 0; f < 4; ++f) acc[f] += w[i * 4 + f] * b.x[p][i];
      for (int32_t f = 0; f < 4; ++f) b.y[p][o + f] = relu_f32(acc[f], b.relu);
    }
    w += k * 4;
    bias += 4;
#endif
  }
  for (; o < oc; ++o, w += k) {
    const float first = *bias++;
    float acc[4] = {first, first, first, first};
    for (int32_t i = 0; i < k; ++i) BURIN_UNROLL
    for (int32_t p = 0; p < 4; ++p) acc[p] = mac_f32<kFused>(acc[p], w[i], b.x[p][i]);
    for (int32_t p = 0; p < 4; ++p) b.y[p][o] = relu_f32(acc[p], b.relu);
  }
}

#if BURIN_FPU
// One pixel: s0...s3 are sums.
// clang-format off
#define BURIN_F32_LONE(MAC)                                                                                           \
  __asm__ volatile(                                                                                                    \
      "vldmia %[bias]!, {s0-s3}\n\t"                                                                                   \
      "asrs %[n], %[k], #2\n\tbeq 2f\n\t"                                                                              \
      "1:\n\tvldmia %[x]!, {s24-s27}\n\tvldmia %[w]!, {s8-s23}\n\t"                                                    \
      MAC(0, 1, 2, 3, 8, 9, 10, 11, 24) MAC(0, 1, 2, 3, 12, 13, 14, 15, 25) "subs %[n], %[n], #1\n\t"                   \
      MAC(0, 1, 2, 3, 16, 17, 18, 19, 26) MAC(0, 1, 2, 3, 20, 21, 22, 23, 27) "bne 1b\n\t"                              \
      "2:\n\tands %[n], %[k], #3\n\tbeq 4f\n\t"                                                                        \
      "3:\n\tvldmia %[x]!, {s24}\n\tvldmia %[w]!, {s8-s11}\n\t"                                                        \
      MAC(0, 1, 2, 3, 8, 9, 10, 11, 24) "subs %[n], %[n], #1\n\tbne 3b\n\t"                                            \
      "4:\n\tvstmia %[y], {s0-s3}\n\t"                                                                                 \
      : [w] "+r"(w), [bias] "+r"(bias), [x] "+r"(from), [n] "=&r"(n)                                                   \
      : [k] "r"(k), [y] "r"(y)                                                                                         \
      : "s0", "s1", "s2", "s3", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19",      \
        "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31", "cc", "memory")
// clang-format on
#endif

/// The same over one pixel.
template <bool kFused>
BURIN_SHARED void f32_lone(const float* x, float* y, int32_t relu, int32_t k, int32_t oc, const float* w,
                           const float* bias) {
  for (; oc >= 4; oc -= 4, y += 4) {
#if BURIN_FPU
    const float* from = x;
    uint32_t n;
    if (kFused) BURIN_F32_LONE(BURIN_F32_FUSED);
    else BURIN_F32_LONE(BURIN_F32_SPLIT);
#else
    for (int32_t f = 0; f < 4; ++f) y[f] = bias[f];
    for (int32_t i = 0; i < k; ++i)
      for (int32_t f = 0; f < 4; ++f) y[f] += w[i * 4 + f] * x[i];
    w += k * 4;
    bias += 4;
#endif
    for (int32_t f = 0; f < 4; ++f) y[f] = relu_f32(y[f], relu);
  }
  for (; oc > 0; --oc) {
    float acc = *bias++;
    for (int32_t i = 0; i < k; ++i) acc = mac_f32<kFused>(acc, *w++, x[i]);
    *y++ = relu_f32(acc, relu);
  }
}

/// A 1x1 convolution over a run of pixels.
template <bool kFused = false>
BURIN_SHARED void pointwise_f32_fpu(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                                    const float* w, const float* bias, float* y, void* scratch) {
  (void)n, (void)scratch;  // one row
  F32Block b;
  b.relu = relu_mask(lo, hi);
  for (int32_t at = 0; at < s.ow;) {
    const int32_t pixels = at + 4 <= s.ow ? 4 : 1;
    for (int32_t p = 0; p < pixels; ++p, ++at) {
      b.x[p] = rows[0] + at * s.ic;
      b.y[p] = y + at * s.oc;
    }
    if (pixels == 4) f32_block<kFused>(b, s.ic, s.oc, w, bias);
    else f32_lone<kFused>(b.x[0], b.y[0], b.relu, s.ic, s.oc, w, bias);
  }
  clamp_f32(lo, hi, y, s.ow * s.oc);
}

BURIN_INLINE float* fill_f32(float* to, int32_t count) {
  for (; count > 0; --count) {
    *to++ = 0.0f;
    __asm__ volatile("");  // no memset
  }
  return to;
}
BURIN_INLINE float* copy_f32(float* to, const float* from, int32_t count) {
#if BURIN_FPU
  for (; count >= 16; count -= 16)
    __asm__ volatile("vldmia %0!, {s0-s15}\n\tvstmia %1!, {s0-s15}"
                     : "+r"(from), "+r"(to)
                     :
                     : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14",
                       "s15", "memory");
#endif
  for (; count >= 4; count -= 4, to += 4, from += 4) {
    const float a = from[0], b = from[1], c = from[2], d = from[3];
    to[0] = a, to[1] = b, to[2] = c, to[3] = d;
  }
  for (; count > 0; --count) {
    *to++ = *from++;
    __asm__ volatile("");  // no memcpy
  }
  return to;
}

/// The window of one output as [kh][kw][ic], padding written out; rows from its first, ix the column of its first tap.
BURIN_SHARED void f32_window(const ConvShape& s, const float* const* rows, int32_t ix, float* to) {
  const int32_t runs = s.dw == 1 ? 1 : s.kw, run = s.dw == 1 ? s.kw : 1;  // taps that lie side by side
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const float* row = rows[ky * s.dh];
    for (int32_t i = 0; i < runs; ++i) {
      const int32_t at = ix + i * s.dw;
      int32_t first = at < 0 ? -at : 0, last = s.iw - at < run ? s.iw - at : run;
      if (!row || last < first) first = last = 0;  // nothing inside the image: one run of padding
      if (first > run) first = last = run;
      to = fill_f32(to, first * s.ic);
      if (last > first) to = copy_f32(to, row + (at + first) * s.ic, (last - first) * s.ic);
      to = fill_f32(to, (run - last) * s.ic);
    }
  }
}

/// Any convolution with one group: the windows of four pixels are gathered in scratch.
template <bool kFused = false>
BURIN_SHARED void conv_f32_fpu(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                               const float* w, const float* bias, float* y, void* scratch) {
  const int32_t taps = s.kh * s.kw * s.ic, count = n * s.ow;
  F32Block b;
  b.relu = relu_mask(lo, hi);
  for (int32_t at = 0; at < count;) {
    const int32_t pixels = at + 4 <= count ? 4 : 1;
    for (int32_t p = 0; p < pixels; ++p, ++at) {
      const int32_t oy = at / s.ow, ox = at - oy * s.ow;
      float* column = static_cast<float*>(scratch) + p * taps;
      f32_window(s, rows + oy * s.sh, ox * s.sw - s.pl, column);
      b.x[p] = column;
      b.y[p] = y + at * s.oc;
    }
    if (pixels == 4) f32_block<kFused>(b, taps, s.oc, w, bias);
    else f32_lone<kFused>(b.x[0], b.y[0], b.relu, taps, s.oc, w, bias);
  }
  clamp_f32(lo, hi, y, count * s.oc);
}
BURIN_INLINE constexpr int32_t conv_f32_fpu_scratch(const ConvShape& s) { return 16 * s.kh * s.kw * s.ic; }

}  // namespace burin
