// Depthwise convolutions in float32 for cores with Helium's float vectors: four channels in the lanes, three outputs of
// a column together. Windows three high without dilation down, stride 1 or 2 down, load each activation once for all of
// them and go through the window column by column; other windows go row by row, one load a product. Columns of taps
// outside the image are left out; rows outside are rows of zeros. See conv_f32_mve.h.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/conv_f32_mve.h"

namespace burin {

/// Goes through windows column by column: weights are [four channels][kx][ky][4] then, else [four channels][ky][kx][4].
/// Channels that are no multiple of four: the last four begin earlier.
BURIN_INLINE constexpr bool mve_f32_by_columns(const ConvShape& s) { return s.kh == 3 && s.dh == 1 && s.sh <= 2; }

/// What a column of three outputs reads and writes, four channels at a time, and those to its right. The assembly knows
/// the order.
struct MveF32Column {
  const float* x[7];  // by columns: rows at the first tap inside the image
  const float* w;
  const float* bias;
  float* y[3];
  int32_t taps;               // columns of taps inside the image, at least one
  int32_t step;               // bytes from one to the next
  int32_t back;               // bytes to the next four channels, from the column behind the last one
  int32_t skip;               // bytes of weights left out: after each four channels, or after each row of the window
  int32_t least;              // mve_f32_least
  const float* const* table;  // row by row: the outputs' first taps in each row of the window; null ends it
  int32_t pixels;             // columns of outputs
  int32_t x_next, y_next;     // bytes to the next one, from behind the last channels
  int32_t fours;              // four channels each
  int32_t sh;
};

#if BURIN_MVE_FLOAT
/// r0...r6 are rows, r7, r9, r10 results, r8 weights, r12 the step, lr counts fours, r11 is free. On the stack: bias,
/// taps, back, skip, least, table, pixels, x_next, y_next, first bias, first weights, fours, what r7 and r11 were.
// clang-format off
#define BURIN_MVE_F32_COLUMN_START    \
  "push {r7, r11}\n\t"                \
  "mov r11, %[b]\n\t"                 \
  "ldrd r8, r0, [r11, #28]\n\t"       \
  "ldrd r1, r2, [r11, #72]\n\t"       \
  "ldrd r3, r6, [r11, #80]\n\t"       \
  "mov r4, r0\n\t"                    \
  "mov r5, r8\n\t"                    \
  "push {r1, r2, r3, r4, r5, r6}\n\t" \
  "ldrd r7, r9, [r11, #36]\n\t"       \
  "ldrd r10, r1, [r11, #44]\n\t"      \
  "ldrd r12, r2, [r11, #52]\n\t"      \
  "ldrd r3, r4, [r11, #60]\n\t"       \
  "ldr r5, [r11, #68]\n\t"            \
  "push {r0, r1, r2, r3, r4, r5}\n\t" \
  "dls lr, r6\n\t"
#define BURIN_MVE_F32_COLUMN_END "add sp, sp, #48\n\tpop {r7, r11}\n\t"
/// To the next column of outputs, from `8:` on; `rows` moves what it reads by r11.
#define BURIN_MVE_F32_COLUMN_NEXT(rows) \
  "ldr r11, [sp, #24]\n\t"              \
  "subs r11, r11, #1\n\t"               \
  "beq 9f\n\t"                          \
  "str r11, [sp, #24]\n\t"              \
  "ldrd r11, r8, [sp, #36]\n\t"         \
  "str r11, [sp]\n\t"                   \
  "ldr r11, [sp, #32]\n\t"              \
  "add r7, r7, r11\n\t"                 \
  "add r9, r9, r11\n\t"                 \
  "add r10, r10, r11\n\t"               \
  "ldr r11, [sp, #44]\n\t"              \
  "dls lr, r11\n\t"                     \
  "ldr r11, [sp, #28]\n\t" rows         \
  "b 1b\n"                              \
  "9:\n\t" BURIN_MVE_F32_COLUMN_END
#define BURIN_MVE_F32_COLUMN_BIAS \
  "ldr r11, [sp]\n\t"             \
  "vldrw.u32 q0, [r11], #16\n\t"  \
  "str r11, [sp]\n\t"             \
  "vmov q1, q0\n\t"               \
  "vmov q2, q0\n\t"
#define BURIN_MVE_F32_COLUMN_STORE \
  "ldr r11, [sp, #16]\n\t"         \
  "vdup.32 q3, r11\n\t"            \
  "vmax.s32 q0, q0, q3\n\t"        \
  "vmax.s32 q1, q1, q3\n\t"        \
  "vstrw.32 q0, [r7], #16\n\t"     \
  "vmax.s32 q2, q2, q3\n\t"        \
  "vstrw.32 q1, [r9], #16\n\t"     \
  "vstrw.32 q2, [r10], #16\n\t"
#define BURIN_MVE_F32_COLUMN_CLOBBERS                                                                                 \
  "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", \
      "q7", "cc", "memory"
// clang-format on
#endif

/// Three outputs (some may be the same one), b.fours * 4 channels, window by columns.
BURIN_SHARED void mve_f32_columns(const MveF32Column& b) {
#if BURIN_MVE_FLOAT
  if (b.sh == 1)
    __asm__ volatile(BURIN_MVE_F32_COLUMN_START
                     "ldrd r0, r1, [r11]\n\t"
                     "ldrd r2, r3, [r11, #8]\n\t"
                     "ldr r4, [r11, #16]\n"
                     "1:\n\t" BURIN_MVE_F32_COLUMN_BIAS
                     "ldr r11, [sp, #4]\n"
                     "2:\n\t"
                     "vldrw.u32 q3, [r8], #16\n\t"
                     "vldrw.u32 q6, [r0]\n\t"
                     "vldrw.u32 q4, [r8], #16\n\t"
                     "add r0, r0, r12\n\t"
                     "vldrw.u32 q7, [r1]\n\t"
                     "vfma.f32 q0, q3, q6\n\t"
                     "add r1, r1, r12\n\t"
                     "vldrw.u32 q6, [r2]\n\t"
                     "vfma.f32 q1, q3, q7\n\t"
                     "vldrw.u32 q5, [r8], #16\n\t"
                     "vfma.f32 q0, q4, q7\n\t"
                     "add r2, r2, r12\n\t"
                     "vldrw.u32 q7, [r3]\n\t"
                     "vfma.f32 q2, q3, q6\n\t"
                     "add r3, r3, r12\n\t"
                     "vfma.f32 q1, q4, q6\n\t"
                     "vfma.f32 q0, q5, q6\n\t"
                     "vldrw.u32 q6, [r4]\n\t"
                     "vfma.f32 q2, q4, q7\n\t"
                     "subs r11, r11, #1\n\t"
                     "vfma.f32 q1, q5, q7\n\t"
                     "add r4, r4, r12\n\t"
                     "vfma.f32 q2, q5, q6\n\t"
                     "bne 2b\n\t"
                     "ldrd r11, r5, [sp, #8]\n\t"
                     "add r0, r0, r11\n\t"
                     "add r1, r1, r11\n\t"
                     "add r2, r2, r11\n\t"
                     "add r3, r3, r11\n\t"
                     "add r4, r4, r11\n\t"
                     "add r8, r8, r5\n\t" BURIN_MVE_F32_COLUMN_STORE
                     "le lr, 1b\n\t" BURIN_MVE_F32_COLUMN_NEXT("add r0, r0, r11\n\t"
                                                               "add r1, r1, r11\n\t"
                                                               "add r2, r2, r11\n\t"
                                                               "add r3, r3, r11\n\t"
                                                               "add r4, r4, r11\n\t")
                     :
                     : [b] "r"(&b)
                     : BURIN_MVE_F32_COLUMN_CLOBBERS);
  else
    __asm__ volatile(BURIN_MVE_F32_COLUMN_START
                     "ldrd r0, r1, [r11]\n\t"
                     "ldrd r2, r3, [r11, #8]\n\t"
                     "ldrd r4, r5, [r11, #16]\n\t"
                     "ldr r6, [r11, #24]\n"
                     "1:\n\t" BURIN_MVE_F32_COLUMN_BIAS
                     "ldr r11, [sp, #4]\n"
                     "2:\n\t"
                     "vldrw.u32 q3, [r8], #16\n\t"
                     "vldrw.u32 q6, [r0]\n\t"
                     "add r0, r0, r12\n\t"
                     "vldrw.u32 q4, [r8], #16\n\t"
                     "vfma.f32 q0, q3, q6\n\t"
                     "vldrw.u32 q7, [r2]\n\t"
                     "add r2, r2, r12\n\t"
                     "vldrw.u32 q5, [r8], #16\n\t"
                     "vfma.f32 q1, q3, q7\n\t"
                     "vldrw.u32 q6, [r1]\n\t"
                     "vfma.f32 q0, q5, q7\n\t"
                     "add r1, r1, r12\n\t"
                     "vldrw.u32 q7, [r4]\n\t"
                     "vfma.f32 q0, q4, q6\n\t"
                     "add r4, r4, r12\n\t"
                     "vldrw.u32 q6, [r3]\n\t"
                     "vfma.f32 q2, q3, q7\n\t"
                     "add r3, r3, r12\n\t"
                     "vfma.f32 q1, q5, q7\n\t"
                     "vldrw.u32 q7, [r5]\n\t"
                     "vfma.f32 q1, q4, q6\n\t"
                     "add r5, r5, r12\n\t"
                     "vldrw.u32 q6, [r6]\n\t"
                     "vfma.f32 q2, q4, q7\n\t"
                     "add r6, r6, r12\n\t"
                     "subs r11, r11, #1\n\t"
                     "vfma.f32 q2, q5, q6\n\t"
                     "bne 2b\n\t"
                     "ldr r11, [sp, #8]\n\t"
                     "add r0, r0, r11\n\t"
                     "add r1, r1, r11\n\t"
                     "add r2, r2, r11\n\t"
                     "add r3, r3, r11\n\t"
                     "add r4, r4, r11\n\t"
                     "add r5, r5, r11\n\t"
                     "add r6, r6, r11\n\t"
                     "ldr r11, [sp, #12]\n\t"
                     "add r8, r8, r11\n\t" BURIN_MVE_F32_COLUMN_STORE
                     "le lr, 1b\n\t" BURIN_MVE_F32_COLUMN_NEXT("add r0, r0, r11\n\t"
                                                               "add r1, r1, r11\n\t"
                                                               "add r2, r2, r11\n\t"
                                                               "add r3, r3, r11\n\t"
                                                               "add r4, r4, r11\n\t"
                                                               "add r5, r5, r11\n\t"
                                                               "add r6, r6, r11\n\t")
                     :
                     : [b] "r"(&b)
                     : BURIN_MVE_F32_COLUMN_CLOBBERS);
#else
  const int32_t step = b.step / 4, x_next = b.x_next / 4 + 4 * b.fours, y_next = b.y_next / 4 + 4 * b.fours;
  for (int32_t at = 0; at < b.pixels; ++at) {
    const float* w = b.w;
    for (int32_t c = 0; c < 4 * b.fours; ++c, w += c % 4 == 0 ? 12 * b.taps + b.skip / 4 : 0)
      for (int32_t p = 0; p < 3; ++p) {
        float acc = b.bias[c];
        for (int32_t k = 0; k < 3 * b.taps; ++k)
          acc += w[k * 4 + c % 4] * b.x[p * b.sh + k % 3][at * x_next + k / 3 * step + c];
        b.y[p][at * y_next + c] = mve_f32_result(acc, b.least);
      }
  }
#endif
}

/// The same row by row.
BURIN_SHARED void mve_f32_rows(const MveF32Column& b) {
#if BURIN_MVE_FLOAT
  // r0...r2 are the outputs' taps, r3 and r4 free, r5 the offset of the four channels, r6 the table.
  __asm__ volatile(BURIN_MVE_F32_COLUMN_START
                   "mov r5, #0\n"
                   "1:\n\t" BURIN_MVE_F32_COLUMN_BIAS
                   "ldr r6, [sp, #20]\n\t"
                   "b 4f\n"
                   "2:\n\t"
                   "ldrd r1, r2, [r6], #8\n\t"
                   "ldrd r3, r4, [sp, #4]\n\t"  // taps
                   "add r0, r0, r5\n\t"
                   "add r1, r1, r5\n\t"
                   "add r2, r2, r5\n"
                   "3:\n\t"
                   "vldrw.u32 q3, [r8], #16\n\t"
                   "vldrw.u32 q4, [r0]\n\t"
                   "add r0, r0, r12\n\t"
                   "vldrw.u32 q5, [r1]\n\t"
                   "vfma.f32 q0, q3, q4\n\t"
                   "add r1, r1, r12\n\t"
                   "vldrw.u32 q6, [r2]\n\t"
                   "vfma.f32 q1, q3, q5\n\t"
                   "add r2, r2, r12\n\t"
                   "subs r3, r3, #1\n\t"
                   "vfma.f32 q2, q3, q6\n\t"
                   "bne 3b\n\t"
                   "ldr r11, [sp, #12]\n\t"
                   "add r8, r8, r11\n"
                   "4:\n\t"
                   "ldr r0, [r6], #4\n\t"
                   "cmp r0, #0\n\t"
                   "bne 2b\n\t"
                   "adds r5, r5, #16\n\t" BURIN_MVE_F32_COLUMN_STORE
                   "le lr, 1b\n\t" BURIN_MVE_F32_COLUMN_NEXT("add r5, r5, r11\n\t")
                   :
                   : [b] "r"(&b)
                   : BURIN_MVE_F32_COLUMN_CLOBBERS);
#else
  const int32_t step = b.step / 4, x_next = b.x_next / 4 + 4 * b.fours, y_next = b.y_next / 4 + 4 * b.fours;
  for (int32_t at = 0; at < b.pixels; ++at) {
    const float* w = b.w;
    for (int32_t c = 0; c < 4 * b.fours; c += 4) {
      float acc[3][4];
      for (int32_t i = 0; i < 12; ++i) acc[i / 4][i % 4] = b.bias[c + i % 4];
      for (const float* const* row = b.table; *row; row += 3, w += b.skip / 4)
        for (int32_t kx = 0; kx < b.taps; ++kx, w += 4)
          for (int32_t i = 0; i < 12; ++i)
            acc[i / 4][i % 4] += w[i % 4] * row[i / 4][at * x_next + kx * step + c + i % 4];
      for (int32_t i = 0; i < 12; ++i) b.y[i / 4][at * y_next + c + i % 4] = mve_f32_result(acc[i / 4][i % 4], b.least);
    }
  }
#endif
}

/// Any depthwise convolution of at least four channels; `n` rows.
BURIN_SHARED void depthwise_f32_mve(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                                    const float* weights, const float* bias, float* y, void* scratch) {
  const bool columns = mve_f32_by_columns(s);
  float* const zeros = static_cast<float*>(scratch);  // what a row of padding looks like
  float* const unused = zeros + (s.iw * s.ic + 3) / 4 * 4;
  const float** const table = reinterpret_cast<const float**>(unused + (s.oc + 3) / 4 * 4);
  mve_f32_zeros(zeros, s.iw * s.ic);
  // Channels: all four that are whole, and the last ones, which begin earlier, if there is a rest.
  const int32_t parts = s.ic % 4 == 0 ? 1 : 2, last_weights = s.ic / 4 * s.kh * s.kw * 4;
  MveF32Column b;
  b.least = mve_f32_least(lo, hi), b.step = s.dw * s.ic * 4, b.table = table, b.sh = s.sh;
  for (int32_t group = 0; group < n; group += 3) {
    const int32_t oy = mve_f32_pixel(group, 0, n);
    for (int32_t ox = 0; ox < s.ow; ox += b.pixels) {
      const int32_t left = ox * s.sw - s.pl;
      int32_t first = 0, last = s.kw;  // taps inside the image
      while (first < s.kw && left + first * s.dw < 0) ++first;
      while (last > first && left + (last - 1) * s.dw >= s.iw) --last;
      const bool nothing = first == last;  // one tap of zeros then
      if (nothing) first = 0, last = 1;
      const int32_t offset = nothing ? 0 : (left + first * s.dw) * s.ic, before = first * (columns ? 12 : 4);
      b.pixels = 1;
      if (last - first == s.kw && !nothing && oy + 3 <= n) {
        const int32_t more = (s.iw - 1 - left - (s.kw - 1) * s.dw) / s.sw;  // whole windows to the right
        b.pixels += ox + more < s.ow ? more : s.ow - 1 - ox;
      }
      b.taps = last - first;
      b.back = 16 - b.taps * b.step;
      b.skip = (s.kw - b.taps) * (columns ? 48 : 16);
      for (int32_t part = 0; part < parts; ++part) {
        const int32_t c = part == 0 ? 0 : s.ic - 4;
        b.fours = part == 0 ? s.ic / 4 : 1;
        b.x_next = s.sw * s.ic * 4 - 16 * b.fours, b.y_next = s.oc * 4 - 16 * b.fours;
        b.w = weights + before + part * last_weights;
        b.bias = bias + c;
        for (int32_t p = 0; p < 3; ++p) b.y[p] = oy + p < n ? y + ((oy + p) * s.ow + ox) * s.oc + c : unused;
        auto row = [&](int32_t i) __attribute__((always_inline)) {
          return (i < s.rows(n) && rows[i] && !nothing ? rows[i] + offset : zeros) + c;
        };
        if (columns) {
          for (int32_t i = 0; i < 2 * s.sh + 3; ++i) b.x[i] = row(oy * s.sh + i);
          mve_f32_columns(b);
        } else {
          const float** entry = table;
          for (int32_t ky = 0; ky < s.kh; ++ky)
            for (int32_t p = 0; p < 3; ++p) *entry++ = row((oy + p) * s.sh + ky * s.dh);
          *entry = nullptr;
          mve_f32_rows(b);
        }
      }
    }
  }
  mve_f32_clamp(lo, hi, y, n * s.ow * s.oc);
}
/// A row of zeros, a pixel of outputs that there are not, the table.
BURIN_INLINE constexpr int32_t depthwise_f32_mve_scratch(const ConvShape& s) {
  return 16 * ((s.iw * s.ic + 3) / 4 + (s.oc + 3) / 4) + 8 * (3 * s.kh + 1);
}

}  // namespace burin
