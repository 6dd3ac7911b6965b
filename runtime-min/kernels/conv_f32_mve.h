// float32 convolutions for cores with Helium's float vectors: blocks of three pixels by eight filters. Filters lie in
// the lanes, VFMA takes the activation from a core register: two taps are three LDRD, four VLDRW and twelve VFMA, which
// leave no cycle of the vector unit unused. Functions are shared by all layers (BURIN_SHARED), as in conv_f32_fpu.h.
//
// Windows are read where they lie, run by run (a run: the taps of a window that are neighbours in memory, one row of
// the window unless it is dilated), by a table of pointers; only pixels at the left and right edge are gathered in
// scratch, or all of them where runs are short and filters many.
//
// Helium takes numbers below 2^-126 for 0 and makes every NaN the positive default one. A clamp at 0 works on the sign
// bit.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/conv_f32_fpu.h"
#include "runtime-min/kernels/f32x4.h"

namespace burin {

/// What VMAX on the bits of results makes them: at least 0 (Relu), or what they are.
BURIN_INLINE int32_t mve_f32_least(float lo, float hi) { return f32_clamp(lo, hi) == F32Clamp::relu ? 0 : INT32_MIN; }
BURIN_INLINE float mve_f32_result(float v, int32_t least) { return relu_f32(v, least == 0 ? -1 : 0); }

/// The clamp by both bounds, over finished results.
BURIN_SHARED void mve_f32_clamp(float lo, float hi, float* y, int32_t count) {
  if (f32_clamp(lo, hi) != F32Clamp::both) return;
#if BURIN_MVE_FLOAT
  if (count <= 0) return;
  __asm__ volatile(
      "vdup.32 q1, %[lo]\n\t"
      "vdup.32 q2, %[hi]\n\t"
      "dlstp.32 lr, %[n]\n"
      "1: vldrw.u32 q0, [%[y]]\n\t"
      "vpt.f32 gt, q1, q0\n\t"  // false for NaN; lt would be true
      "vmovt q0, q1\n\t"
      "vpt.f32 gt, q0, q2\n\t"
      "vmovt q0, q2\n\t"
      "vstrw.32 q0, [%[y]], #16\n\t"
      "letp lr, 1b\n"
      : [y] "+r"(y)
      : [n] "r"(count), [lo] "r"(lo), [hi] "r"(hi)
      : "q0", "q1", "q2", "lr", "cc", "memory");
#else
  clamp_f32(lo, hi, y, count);
#endif
}

BURIN_INLINE void mve_f32_copy(float* to, const float* from, int32_t n) {
#if BURIN_MVE_FLOAT
  if (n <= 0) return;
  __asm__ volatile(
      "dlstp.32 lr, %[n]\n"
      "1: vldrw.u32 q0, [%[from]], #16\n\t"
      "vstrw.32 q0, [%[to]], #16\n\t"
      "letp lr, 1b\n"
      : [to] "+r"(to), [from] "+r"(from)
      : [n] "r"(n)
      : "q0", "lr", "memory");
#else
  copy_f32(to, from, n);
#endif
}
BURIN_INLINE void mve_f32_zeros(float* to, int32_t n) {
#if BURIN_MVE_FLOAT
  if (n <= 0) return;
  __asm__ volatile(
      "vmov.i32 q0, #0\n\t"
      "dlstp.32 lr, %[n]\n"
      "1: vstrw.32 q0, [%[to]], #16\n\t"
      "letp lr, 1b\n"
      : [to] "+r"(to)
      : [n] "r"(n)
      : "q0", "lr", "memory");
#else
  fill_f32(to, n);
#endif
}

/// What a block of three pixels reads and writes; pixels may be the same one. The assembly knows the order.
struct MveF32Block {
  const float* const* table;  // of each run where the three pixels have it; null ends the table
  int32_t more;               // pairs of taps in a run beyond the first, -1: no pair
  int32_t odd;                // has a run one more tap?
  float* y[3];                // outputs of each pixel
  const float* w;
  const float* bias;
  int32_t least;   // mve_f32_least
  int32_t eights;  // blocks of eight filters
  int32_t step;    // bytes from tap to tap of what is left over
};
BURIN_INLINE void mve_f32_taps(MveF32Block& b, int32_t taps) { b.more = taps / 2 - 1, b.odd = taps % 2; }

#if BURIN_MVE_FLOAT
/// Operands are fixed: r0...r5 activations of two taps at each pixel, r6, r8, r10 where they lie, r7 the table, r9
/// weights, r11 the block, r12 bias; q0...q2 are sums of filters 0...3, q3...q5 of 4...7. r7 and r11 may be frame
/// pointers.
// clang-format off
#define BURIN_MVE_F32_CLOBBERS                                                                                        \
  "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", \
      "q7", "cc", "memory"
#define BURIN_MVE_F32_PAIR(next_q6, next_x0, next_x1, next_q7)                                          \
  "vfma.f32 q0, q6, r0\n\t"                                                                             \
  "ldrd r4, r5, [r10], #8\n\t"                                                                          \
  "vfma.f32 q1, q6, r2\n\t"                                                                             \
  "vfma.f32 q2, q6, r4\n\t"                                                                             \
  "vldrw.u32 q6, [r9], #16\n\t"                                                                         \
  "vfma.f32 q3, q7, r0\n\t"                                                                             \
  "vfma.f32 q4, q7, r2\n\t"                                                                             \
  "vfma.f32 q5, q7, r4\n\t"                                                                             \
  "vldrw.u32 q7, [r9], #16\n\t"                                                                         \
  "vfma.f32 q0, q6, r1\n\t"                                                                             \
  "vfma.f32 q1, q6, r3\n\t"                                                                             \
  "vfma.f32 q2, q6, r5\n\t" next_q6 "vfma.f32 q3, q7, r1\n\t" next_x0 "vfma.f32 q4, q7, r3\n\t" next_x1 \
  "vfma.f32 q5, q7, r5\n\t" next_q7
// The three pixels of the next run, or past the block when there is none.
#define BURIN_MVE_F32_RUN      \
  "ldr r6, [r7], #4\n\t"       \
  "cmp r6, #0\n\t"             \
  "beq 6f\n\t"                 \
  "ldr r5, [r11, #4]\n\t"      \
  "ldrd r8, r10, [r7], #8\n\t" \
  "cmp r5, #0\n\t"             \
  "blt 5f\n\t"                 \
  "ldrd r0, r1, [r6], #8\n\t"  \
  "ldrd r2, r3, [r8], #8\n\t"
// clang-format on
#endif

/// All filters over three pixels; a run has `taps` taps. Weights: filters in eights as [tap][8], four of what is left
/// over as [tap][4], the last ones as [tap][count] with zeros behind, up to a whole vector; the bias ends with a whole
/// vector.
BURIN_SHARED void mve_f32_block(MveF32Block& b, int32_t taps, int32_t oc) {
  (void)taps;
  b.eights = oc / 8;
#if BURIN_MVE_FLOAT
  if (b.eights > 0)
    __asm__ volatile(
        "push {r7, r11}\n\t"
        "mov r11, %[b]\n\t"
        "ldrd r9, r12, [r11, #24]\n"
        "1:\n\t"
        "vldrw.u32 q0, [r12], #16\n\t"
        "ldr r7, [r11]\n\t"
        "vldrw.u32 q3, [r12], #16\n\t"
        "vmov q1, q0\n\t"
        "vmov q2, q0\n\t"
        "vmov q4, q3\n\t"
        "vmov q5, q3\n"
        "2:\n\t" BURIN_MVE_F32_RUN
        "vldrw.u32 q6, [r9], #16\n\t"
        "vldrw.u32 q7, [r9], #16\n\t"
        "wls lr, r5, 4f\n"
        "3:\n\t" BURIN_MVE_F32_PAIR("vldrw.u32 q6, [r9], #16\n\t", "ldrd r0, r1, [r6], #8\n\t",
                                    "ldrd r2, r3, [r8], #8\n\t", "vldrw.u32 q7, [r9], #16\n\t")
        "le lr, 3b\n"
        "4:\n\t" BURIN_MVE_F32_PAIR("", "", "", "")
        "5:\n\t"
        "ldr r0, [r11, #8]\n\t"
        "cmp r0, #0\n\t"
        "beq 2b\n\t"
        "vldrw.u32 q6, [r9], #16\n\t"
        "ldr r0, [r6]\n\t"
        "ldr r2, [r8]\n\t"
        "vldrw.u32 q7, [r9], #16\n\t"
        "ldr r4, [r10]\n\t"
        "vfma.f32 q0, q6, r0\n\t"
        "vfma.f32 q1, q6, r2\n\t"
        "vfma.f32 q2, q6, r4\n\t"
        "vfma.f32 q3, q7, r0\n\t"
        "vfma.f32 q4, q7, r2\n\t"
        "vfma.f32 q5, q7, r4\n\t"
        "b 2b\n"
        "6:\n\t"
        "ldrd r0, r4, [r11, #32]\n\t"
        "ldrd r1, r2, [r11, #12]\n\t"
        "vdup.32 q6, r0\n\t"
        "ldr r3, [r11, #20]\n\t"
        "vmax.s32 q0, q0, q6\n\t"
        "vmax.s32 q3, q3, q6\n\t"
        "vstrw.32 q0, [r1], #16\n\t"
        "vmax.s32 q1, q1, q6\n\t"
        "vstrw.32 q3, [r1], #16\n\t"
        "vmax.s32 q4, q4, q6\n\t"
        "vstrw.32 q1, [r2], #16\n\t"
        "vmax.s32 q2, q2, q6\n\t"
        "vstrw.32 q4, [r2], #16\n\t"
        "vmax.s32 q5, q5, q6\n\t"
        "vstrw.32 q2, [r3], #16\n\t"
        "vstrw.32 q5, [r3], #16\n\t"
        "strd r1, r2, [r11, #12]\n\t"
        "subs r4, r4, #1\n\t"
        "str r3, [r11, #20]\n\t"
        "str r4, [r11, #36]\n\t"
        "bne 1b\n\t"
        "strd r9, r12, [r11, #24]\n\t"
        "pop {r7, r11}\n\t"
        :
        : [b] "r"(&b)
        : BURIN_MVE_F32_CLOBBERS);
  for (int32_t left = oc % 8; left > 0; left -= 4) {
    b.step = left < 4 ? left * 4 : 16;
    __asm__ volatile(
        "push {r7, r11}\n\t"
        "mov r11, %[b]\n\t"
        "ldrd r9, r12, [r11, #24]\n\t"
        "vldrw.u32 q0, [r12]\n\t"
        "ldr r12, [r11, #40]\n\t"
        "ldr r7, [r11]\n\t"
        "vmov q1, q0\n\t"
        "vmov q2, q0\n"
        "2:\n\t" BURIN_MVE_F32_RUN
        "adds r5, r5, #1\n\t"
        "dls lr, r5\n"
        "3:\n\t"
        "vldrw.u32 q6, [r9]\n\t"
        "add r9, r9, r12\n\t"
        "ldrd r4, r5, [r10], #8\n\t"
        "vldrw.u32 q7, [r9]\n\t"
        "add r9, r9, r12\n\t"
        "vfma.f32 q0, q6, r0\n\t"
        "vfma.f32 q1, q6, r2\n\t"
        "vfma.f32 q2, q6, r4\n\t"
        "vfma.f32 q0, q7, r1\n\t"
        "vfma.f32 q1, q7, r3\n\t"
        "vfma.f32 q2, q7, r5\n\t"
        "cmp lr, #1\n\t"  // the last pair: what follows the run is not read
        "beq 5f\n\t"
        "ldrd r0, r1, [r6], #8\n\t"
        "ldrd r2, r3, [r8], #8\n\t"
        "le lr, 3b\n"
        "5:\n\t"
        "ldr r0, [r11, #8]\n\t"
        "cmp r0, #0\n\t"
        "beq 2b\n\t"
        "vldrw.u32 q6, [r9]\n\t"
        "add r9, r9, r12\n\t"
        "ldr r0, [r6]\n\t"
        "ldr r2, [r8]\n\t"
        "ldr r4, [r10]\n\t"
        "vfma.f32 q0, q6, r0\n\t"
        "vfma.f32 q1, q6, r2\n\t"
        "vfma.f32 q2, q6, r4\n\t"
        "b 2b\n"
        "6:\n\t"
        "ldr r0, [r11, #32]\n\t"
        "ldrd r1, r2, [r11, #12]\n\t"
        "vdup.32 q6, r0\n\t"
        "ldr r3, [r11, #20]\n\t"
        "ldr r4, [r11, #40]\n\t"
        "lsrs r4, r4, #2\n\t"
        "vctp.32 r4\n\t"
        "vmax.s32 q0, q0, q6\n\t"
        "vmax.s32 q1, q1, q6\n\t"
        "vmax.s32 q2, q2, q6\n\t"
        "vpstt\n\t"
        "vstrwt.32 q0, [r1], #16\n\t"
        "vstrwt.32 q1, [r2], #16\n\t"
        "vpst\n\t"
        "vstrwt.32 q2, [r3], #16\n\t"
        "strd r1, r2, [r11, #12]\n\t"
        "str r3, [r11, #20]\n\t"
        "str r9, [r11, #24]\n\t"
        "pop {r7, r11}\n\t"
        :
        : [b] "r"(&b)
        : BURIN_MVE_F32_CLOBBERS);
    b.bias += 4;
  }
#else
  for (int32_t o = 0; o < oc;) {
    const int32_t count = oc - o >= 8 ? 8 : oc - o >= 4 ? 4 : oc - o;
    const float* w = b.w;
    for (int32_t p = 0; p < 3; ++p) {
      float acc[8];
      for (int32_t f = 0; f < count; ++f) acc[f] = b.bias[f];
      w = b.w;
      for (const float* const* run = b.table; *run; run += 3)
        for (int32_t k = 0; k < taps; ++k, w += count)
          for (int32_t f = 0; f < count; ++f) acc[f] += w[f] * run[p][k];
      for (int32_t f = 0; f < count; ++f) b.y[p][f] = mve_f32_result(acc[f], b.least);
    }
    for (int32_t p = 0; p < 3; ++p) b.y[p] += count;
    b.w = w, b.bias += count, o += count;
  }
#endif
}

/// Pixel p of the group of three that begins at `at`. The last group begins earlier, so that it is whole; of fewer than
/// three pixels the last one is taken again.
BURIN_INLINE int32_t mve_f32_pixel(int32_t at, int32_t p, int32_t count) {
  const int32_t first = at + 3 <= count ? at : count < 3 ? 0 : count - 3;
  return first + p < count ? first + p : count - 1;
}

/// A 1x1 convolution over a run of pixels.
BURIN_SHARED void pointwise_f32_mve(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                                    const float* w, const float* bias, float* y, void* scratch) {
  (void)n, (void)scratch;  // one row
  const float* table[4];
  table[3] = nullptr;
  MveF32Block b;
  b.table = table;
  mve_f32_taps(b, s.ic);
  b.least = mve_f32_least(lo, hi);
  const int32_t second = s.ow > 1 ? 1 : 0, third = s.ow > 2 ? 2 : second;
  for (int32_t at = 0; at < s.ow; at += 3) {
    const int32_t first = mve_f32_pixel(at, 0, s.ow);
    const float* const x = rows[0] + first * s.ic;
    float* const to = y + first * s.oc;
    table[0] = x, table[1] = x + second * s.ic, table[2] = x + third * s.ic;
    b.y[0] = to, b.y[1] = to + second * s.oc, b.y[2] = to + third * s.oc;
    b.w = w, b.bias = bias;
    mve_f32_block(b, s.ic, s.oc);
  }
  mve_f32_clamp(lo, hi, y, s.ow * s.oc);
}

/// A window's runs, and their taps.
BURIN_INLINE constexpr int32_t mve_f32_runs(const ConvShape& s) { return s.dw == 1 ? s.kh : s.kh * s.kw; }
BURIN_INLINE constexpr int32_t mve_f32_run(const ConvShape& s) { return s.dw == 1 ? s.kw * s.ic : s.ic; }
/// Gathering windows in one piece costs less than what a run costs in each block of filters (instructions).
BURIN_INLINE constexpr bool mve_f32_gathers(const ConvShape& s) {
  return s.oc / 8 * (mve_f32_runs(s) - 1) * 14 > 3 * mve_f32_runs(s) * (20 + mve_f32_run(s));
}
/// Bytes of `count` pointers, 16-byte aligned; on the host too.
BURIN_INLINE constexpr int32_t mve_f32_pointers(int32_t count) { return (8 * count + 15) & ~15; }

/// The window of one output as [kh][kw][ic], padding written out; rows from its first, ix the column of its first tap.
BURIN_SHARED void mve_f32_window(const ConvShape& s, const float* const* rows, int32_t ix, float* to) {
  const int32_t together = s.dw == 1 ? s.kw : 1;  // taps that lie side by side
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const float* row = rows[ky * s.dh];
    for (int32_t kx = 0; kx < s.kw; kx += together, to += together * s.ic) {
      const int32_t at = ix + kx * s.dw;  // of `together` pixels from here [first, last) are inside the image
      const int32_t first = at >= 0 ? 0 : -at < together ? -at : together;
      const int32_t last = !row ? first : at + together <= s.iw ? together : s.iw - at > first ? s.iw - at : first;
      if (last - first < together) mve_f32_zeros(to, together * s.ic);
      if (last > first) mve_f32_copy(to + first * s.ic, row + (at + first) * s.ic, (last - first) * s.ic);
    }
  }
}

/// Moves `count` pointers by `step` floats.
BURIN_INLINE void mve_f32_advance(const float** table, int32_t count, int32_t step) {
#if BURIN_MVE_FLOAT
  __asm__ volatile(
      "dlstp.32 lr, %[n]\n"
      "1: vldrw.u32 q0, [%[table]]\n\t"
      "vadd.i32 q0, q0, %[step]\n\t"
      "vstrw.32 q0, [%[table]], #16\n\t"
      "letp lr, 1b\n"
      : [table] "+r"(table)
      : [n] "r"(count), [step] "r"(step * 4)
      : "q0", "lr", "memory");
#else
  for (int32_t i = 0; i < count; ++i) table[i] += step;
#endif
}

/// Any convolution with one group.
BURIN_SHARED void conv_f32_mve(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                               const float* w, const float* bias, float* y, void* scratch) {
  const int32_t all = s.kh * s.kw * s.ic, count = n * s.ow, pieces = mve_f32_runs(s), piece = mve_f32_run(s);
  const bool gathers = mve_f32_gathers(s);
  const int32_t runs = gathers ? 1 : pieces, run = gathers ? all : piece;
  const float** const table = static_cast<const float**>(scratch);
  const float** const starts = table + mve_f32_pointers(3 * pieces + 1) / 8;  // of the runs of a window at column 0
  float* const zeros = static_cast<float*>(scratch) + (mve_f32_pointers(3 * pieces + 1) + mve_f32_pointers(pieces)) / 4;
  float* const columns = zeros + s.iw * s.ic;
  mve_f32_zeros(zeros, s.iw * s.ic);  // a row of padding
  table[3 * runs] = nullptr;
  MveF32Block b;
  b.table = table;
  mve_f32_taps(b, run);
  b.least = mve_f32_least(lo, hi);
  const int32_t most = s.iw - 1 - (s.kw - 1) * s.dw;  // the last column where a window is inside the image
  const int32_t columns_inside = (most + s.pl) / s.sw < s.ow - 1 ? (most + s.pl) / s.sw : s.ow - 1;
  int32_t oy = -1, ox = 0;
  bool neighbours = false;  // the table is of three whole windows side by side, of which ox is the last
  for (int32_t at = 0; at < count; at += 3) {
    if (neighbours && ox + 3 <= columns_inside) {
      ox += 3;
      mve_f32_advance(table, 3 * runs, 3 * s.sw * s.ic);
      for (int32_t p = 0; p < 3; ++p) b.y[p] = y + (at + p) * s.oc;
      b.w = w, b.bias = bias;
      mve_f32_block(b, run, s.oc);
      continue;
    }
    neighbours = !gathers;
    for (int32_t p = 0; p < 3; ++p) {
      const int32_t pixel = mve_f32_pixel(at, p, count);
      if (oy < 0 || pixel - oy * s.ow >= s.ow || pixel < oy * s.ow) {
        oy = pixel / s.ow;
        neighbours = neighbours && p == 0;
        const float** start = starts;
        for (int32_t ky = 0; ky < s.kh; ++ky) {
          const float* row = rows[oy * s.sh + ky * s.dh];
          if (!row) row = zeros;
          for (int32_t kx = 0; kx < pieces; kx += s.kh, row += s.dw * s.ic) *start++ = row;
        }
      }
      ox = pixel - oy * s.ow;
      const int32_t ix = ox * s.sw - s.pl;
      b.y[p] = y + pixel * s.oc;
      const float** entry = table + p;
      if (ix >= 0 && ix <= most && !gathers) {
        const int32_t offset = ix * s.ic;
        for (const float** start = starts; start < starts + pieces; ++start, entry += 3) {
          *entry = *start + offset;
          keep(entry);  // gcc would make vectors, of gathering loads
        }
        continue;
      }
      neighbours = false;
      float* column = columns + p * all;
      if (ix >= 0 && ix <= most)
        for (int32_t i = 0; i < pieces; ++i) mve_f32_copy(column + i * piece, starts[i] + ix * s.ic, piece);
      else mve_f32_window(s, rows + oy * s.sh, ix, column);
      for (int32_t i = 0; i < runs; ++i, entry += 3, column += run) *entry = column;
    }
    b.w = w, b.bias = bias;
    mve_f32_block(b, run, s.oc);
  }
  mve_f32_clamp(lo, hi, y, count * s.oc);
}
/// The table, where runs start, a row of zeros, three windows.
BURIN_INLINE constexpr int32_t conv_f32_mve_scratch(const ConvShape& s) {
  return mve_f32_pointers(3 * mve_f32_runs(s) + 1) + mve_f32_pointers(mve_f32_runs(s)) +
         4 * (s.iw * s.ic + 3 * s.kh * s.kw * s.ic);
}

}  // namespace burin
