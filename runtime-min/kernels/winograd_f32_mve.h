// winograd_f32_fpu for cores with Helium's float vectors: the same transforms with four channels or filters in the
// lanes, the sums by mve_f32_block with tiles for pixels. See winograd_f32_fpu.h for the formulas and conv_f32_mve.h.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/conv_f32_mve.h"
#include "runtime-min/kernels/f32x4.h"

namespace burin {

/// Filters of one block: fewer of many channels, for their transforms are in working memory.
BURIN_INLINE constexpr int32_t mve_winograd_filters(const ConvShape& s) {
  return s.oc <= 8 || s.ic > 64 ? 8 : s.oc <= 16 || s.ic > 32 ? 16 : 32;
}

/// Where things are in scratch, in floats.
struct MveWinogradScratch {
  int32_t filters, patch, input, sums, zeros, end;
  BURIN_INLINE constexpr MveWinogradScratch(int32_t ic, int32_t together)
      : filters(0),
        patch(16 * together * ic),
        input(patch + 16 * ic),
        sums(input + 48 * ic),
        zeros(sums + 48 * together),
        end(zeros + together) {}
};
BURIN_INLINE constexpr int32_t winograd_f32_mve_scratch(const ConvShape& s) {
  return 4 * MveWinogradScratch(s.ic, mve_winograd_filters(s)).end;
}

/// G g G' of `count` filters, for each of the 16 elements as mve_f32_block wants its weights. Filters come in eights,
/// and four at the end, as [channel][3][3][filter].
BURIN_SHARED void mve_winograd_filter(int32_t count, int32_t ic, const float* w, float* to) {
  const int32_t step = count * ic;
  for (int32_t f = 0; f < count; f += 4) {
    const int32_t width = f / 8 * 8 + 8 <= count ? 8 : 4;
    const float* g = w + f / 8 * 72 * ic + f % 8;
    float* u = to + f / 8 * 8 * ic + f % 8;
    for (int32_t c = 0; c < ic; ++c, g += 9 * width, u += width) BURIN_UNROLL
    for (int32_t j = 0; j < 4; ++j) {  // a column of G g, then of the result
      F32x4 t[3];
      BURIN_UNROLL
      for (int32_t i = 0; i < 3; ++i) {
        const float* row = g + 3 * i * width;
        if (j == 0) t[i] = load_f32x4(row);
        else if (j == 3) t[i] = load_f32x4(row + 2 * width);
        else {
          const F32x4 e = load_f32x4(row) + load_f32x4(row + 2 * width), b = load_f32x4(row + width);
          t[i] = (j == 1 ? e + b : e - b) * 0.5f;
        }
      }
      const F32x4 b = t[1] * 0.5f, e = (t[0] + t[2]) * 0.5f;
      float* at = u + j * step;
      store_f32x4(at, t[0]), store_f32x4(at + 4 * step, e + b);
      store_f32x4(at + 8 * step, e - b), store_f32x4(at + 12 * step, t[2]);
    }
  }
}

/// A row of B' d B, four channels at a time: where the two rows that make it have their columns, where the four
/// elements go.
struct MveWinogradRow {
  const float* above[4];
  const float* below[4];
  float* to[4];
  int32_t fours;
};
/// The two rows are added (kSum) or subtracted.
template <bool kSum>
BURIN_SHARED void mve_winograd_row(const MveWinogradRow& b) {
#if BURIN_MVE_FLOAT
// clang-format off
#define BURIN_MVE_WINOGRAD(both)         \
  __asm__ volatile(                      \
      "push {r7, r11}\n\t"               \
      "mov r11, %[b]\n\t"                \
      "ldr r12, [r11, #48]\n\t"          \
      "ldm r11, {r0-r10}\n\t"            \
      "dls lr, r12\n\t"                  \
      "ldr r12, [r11, #44]\n"            \
      "1:\n\t"                           \
      "vldrw.u32 q0, [r0], #16\n\t"      \
      "vldrw.u32 q4, [r4], #16\n\t"      \
      "vldrw.u32 q2, [r2], #16\n\t" both \
      " q0, q0, q4\n\t"                  \
      "vldrw.u32 q6, [r6], #16\n\t"      \
      "vldrw.u32 q1, [r1], #16\n\t" both \
      " q2, q2, q6\n\t"                  \
      "vldrw.u32 q5, [r5], #16\n\t"      \
      "vsub.f32 q0, q0, q2\n\t"          \
      "vldrw.u32 q3, [r3], #16\n\t" both \
      " q1, q1, q5\n\t"                  \
      "vldrw.u32 q7, [r7], #16\n\t"      \
      "vadd.f32 q4, q1, q2\n\t"          \
      "vstrw.32 q0, [r8], #16\n\t" both  \
      " q3, q3, q7\n\t"                  \
      "vstrw.32 q4, [r9], #16\n\t"       \
      "vsub.f32 q5, q2, q1\n\t"          \
      "vsub.f32 q6, q1, q3\n\t"          \
      "vstrw.32 q5, [r10], #16\n\t"      \
      "vstrw.32 q6, [r12], #16\n\t"      \
      "le lr, 1b\n\t"                    \
      "pop {r7, r11}\n\t"                \
      :                                  \
      : [b] "r"(&b)                      \
      : BURIN_MVE_F32_CLOBBERS)
  // clang-format on
  if (kSum) BURIN_MVE_WINOGRAD("vadd.f32");
  else BURIN_MVE_WINOGRAD("vsub.f32");
#undef BURIN_MVE_WINOGRAD
#else
  for (int32_t c = 0; c < 4 * b.fours; ++c) {
    float t[4];
    for (int32_t j = 0; j < 4; ++j) t[j] = kSum ? b.above[j][c] + b.below[j][c] : b.above[j][c] - b.below[j][c];
    b.to[0][c] = t[0] - t[2], b.to[1][c] = t[1] + t[2], b.to[2][c] = t[2] - t[1], b.to[3][c] = t[1] - t[3];
  }
#endif
}

/// B' d B of a patch, for each of the 16 elements ic floats, 3 * ic apart. At least four channels; if they are no
/// multiple of four the last ones are done with those before.
BURIN_SHARED void mve_winograd_input(const float* const* rows, int32_t ic, float* to) {
  for (int32_t i = 0; i < 4; ++i, to += 12 * ic) {
    MveWinogradRow b;
    b.fours = ic / 4;
    for (int32_t c = 0;;) {
      for (int32_t j = 0; j < 4; ++j) {
        b.above[j] = rows[i == 0 ? 0 : i == 2 ? 2 : 1] + j * ic + c;
        b.below[j] = rows[i == 3 ? 3 : i == 2 ? 1 : 2] + j * ic + c;
        b.to[j] = to + j * 3 * ic + c;
      }
      if (i == 1) mve_winograd_row<true>(b);
      else mve_winograd_row<false>(b);
      if (c > 0 || ic % 4 == 0) break;
      c = ic - 4, b.fours = 1;
    }
  }
}

/// A' m A and the bias: the outputs of `count` filters from sums that are kFilters floats apart. right and below:
/// elements between neighbours in y, 0 for one that is outside; it is stored first, so that it does not remain.
template <int32_t kFilters>
BURIN_SHARED void mve_winograd_output(int32_t count, const float* m, const float* bias, int32_t least, float* y,
                                      int32_t right, int32_t below) {
  for (int32_t f = 0; f < count; f += 4, m += 4, bias += 4, y += 4) {
    F32x4 t[4];
    BURIN_UNROLL
    for (int32_t j = 0; j < 4; ++j)
      t[j] = (load_f32x4(m + (4 + j) * kFilters) - load_f32x4(m + (8 + j) * kFilters)) -
             load_f32x4(m + (12 + j) * kFilters);
    F32x4 add = load_f32x4(bias) + t[1];
    store_f32x4(y + below + right, relu_f32x4((add - t[2]) - t[3], least));
    store_f32x4(y + below, relu_f32x4(t[0] + (add + t[2]), least));
    BURIN_UNROLL
    for (int32_t j = 0; j < 4; ++j)
      t[j] = load_f32x4(m + j * kFilters) + (load_f32x4(m + (4 + j) * kFilters) + load_f32x4(m + (8 + j) * kFilters));
    add = load_f32x4(bias) + t[1];
    store_f32x4(y + right, relu_f32x4((add - t[2]) - t[3], least));
    store_f32x4(y, relu_f32x4(t[0] + (add + t[2]), least));
  }
}

template <int32_t kFilters>
BURIN_INLINE void mve_winograd(const ConvShape& s, int32_t least, const float* const* rows, int32_t n, const float* w,
                               const float* bias, float* y, float* scratch) {
  const MveWinogradScratch at(s.ic, kFilters);
  ConvShape patch = s;
  patch.kh = patch.kw = 4;
  mve_f32_zeros(scratch + at.zeros, kFilters);
  const float* table[4];
  table[3] = nullptr;
  MveF32Block b;
  b.table = table;
  mve_f32_taps(b, s.ic);
  b.least = mve_f32_least(-1.0f, -1.0f);
  const int32_t across = (s.ow + 1) / 2, tiles = (n + 1) / 2 * across;
  for (int32_t o = 0; o < s.oc; o += kFilters) {
    const int32_t count = s.oc - o < kFilters ? s.oc - o : kFilters;
    mve_winograd_filter(count, s.ic, w + o * 9 * s.ic, scratch);
    for (int32_t first = 0; first < tiles; first += 3) {
      for (int32_t p = 0; p < 3; ++p) {
        const int32_t t = mve_f32_pixel(first, p, tiles), oy = t / across * 2,
                      ix = (t - t / across * across) * 2 - s.pl;
        const float* r[4];
        bool inside = ix >= 0 && ix + 4 <= s.iw;
        for (int32_t i = 0; i < 4; ++i) {
          r[i] = oy + i < n + 2 ? rows[oy + i] : nullptr;
          inside = inside && r[i];
        }
        if (!inside) {
          mve_f32_window(patch, r, ix, scratch + at.patch);
          for (int32_t i = 0; i < 4; ++i) r[i] = scratch + at.patch + i * 4 * s.ic;
        } else {
          for (int32_t i = 0; i < 4; ++i) r[i] += ix * s.ic;
        }
        mve_winograd_input(r, s.ic, scratch + at.input + p * s.ic);
      }
      for (int32_t e = 0; e < 16; ++e) {
        for (int32_t p = 0; p < 3; ++p) {
          table[p] = scratch + at.input + (3 * e + p) * s.ic;
          b.y[p] = scratch + at.sums + (16 * p + e) * kFilters;
        }
        b.w = scratch + e * count * s.ic, b.bias = scratch + at.zeros;
        mve_f32_block(b, s.ic, count);
      }
      for (int32_t p = 0; p < 3; ++p) {
        const int32_t t = mve_f32_pixel(first, p, tiles), oy = t / across * 2, ox = (t - t / across * across) * 2;
        mve_winograd_output<kFilters>(count, scratch + at.sums + 16 * p * kFilters, bias + o, least,
                                      y + (oy * s.ow + ox) * s.oc + o, ox + 1 < s.ow ? s.oc : 0,
                                      oy + 1 < n ? s.ow * s.oc : 0);
      }
    }
  }
}

/// At least four channels; outputs a multiple of four. Weights as mve_winograd_filter wants them, the bias [oc].
BURIN_SHARED void winograd_f32_mve(const ConvShape& s, float lo, float hi, const float* const* rows, int32_t n,
                                   const float* w, const float* bias, float* y, void* scratch) {
  const int32_t least = mve_f32_least(lo, hi), together = mve_winograd_filters(s);
  float* const memory = static_cast<float*>(scratch);
  if (together == 32) mve_winograd<32>(s, least, rows, n, w, bias, y, memory);
  else if (together == 16) mve_winograd<16>(s, least, rows, n, w, bias, y, memory);
  else mve_winograd<8>(s, least, rows, n, w, bias, y, memory);
  mve_f32_clamp(lo, hi, y, n * s.ow * s.oc);
}

}  // namespace burin
