// Convolution on int8 and uint8 for cores with Helium, for few input channels: any window without dilation, one group,
// requantization by RequantKind::vector. For a column of output pixels, what the window's columns hold is copied to a
// strip, row by row. A window is then one run of bytes there, and neighbouring windows share all rows but the stride.
//
// Weights: as conv_mve.h; by pairs where a window takes one or two vectors (mve_run_pair keeps them in registers).
#pragma once
#include "runtime-min/kernels/conv_mve.h"

namespace burin {

/// Output rows of one call at most; their row pointers lie on the stack.
BURIN_INLINE constexpr int32_t conv_strips_mve_rows(const ConvShape& s) { return s.oh < 96 ? s.oh : 96; }
BURIN_INLINE constexpr int32_t conv_strips_q8_mve_scratch(const ConvShape& s) {
  return s.rows(conv_strips_mve_rows(s)) * s.kw * s.ic + 16;
}
BURIN_INLINE constexpr bool conv_strips_mve_serves(const ConvShape& s) {
  return s.dh == 1 && s.dw == 1 && int64_t(s.ow) * s.oc < 65536 / 4 && int64_t(s.kw) * s.ic <= 1024 &&
         conv_strips_q8_mve_scratch(s) <= 8192;
}
BURIN_INLINE constexpr int32_t conv_strips_mve_chunks(const ConvShape& s) { return mve_chunks(s.kh * s.kw * s.ic); }
/// Whether weights of two filters stay in registers while they run down the strip.
BURIN_INLINE constexpr bool conv_strips_mve_resident(const ConvShape& s) {
  return conv_strips_mve_chunks(s) <= 2 && s.sh * s.kw * s.ic <= 127;
}
BURIN_INLINE constexpr bool conv_strips_mve_by_quads(const ConvShape& s) {
  return !conv_strips_mve_resident(s) && mve_by_quads(conv_strips_mve_chunks(s), s.oc);
}

/// `bytes` (up to 16) of each of `count` rows, `from_pitch` and `to_pitch` apart, as mve_byte.
template <class X>
BURIN_INLINE void mve_copy_rows(int8_t* to, int32_t to_pitch, const X* from, int32_t from_pitch, int32_t bytes,
                                int32_t count) {
  if (count <= 0) return;
#if BURIN_MVE
// clang-format off
#define BURIN_MVE_COPY_ROWS(step, on, kind)                                                                            \
  __asm__ volatile(                                                                                                    \
      "vctp.8 %[bytes]\n\t"                                                                                            \
      "vmov.i8 q1, #0x80\n\t"                                                                                          \
      "dls lr, %[count]\n"                                                                                             \
      "1:\n\t"                                                                                                         \
      ".if %c[flip]\n\t"                                                                                               \
      "vpstt\n\t"                                                                                                      \
      "vldrbt.u8 q0, [%[from]]\n\t"                                                                                    \
      "veort q0, q0, q1\n\t"                                                                                           \
      "vpst\n\t"                                                                                                       \
      ".else\n\t"                                                                                                      \
      "vpstt\n\t"                                                                                                      \
      "vldrbt.u8 q0, [%[from]]\n\t"                                                                                    \
      ".endif\n\t"                                                                                                     \
      "vstrbt.8 q0, [%[to]]" step "\n\t"                                                                               \
      "add %[from], %[from], %[pitch]\n\t" on                                                                          \
      "le lr, 1b\n"                                                                                                    \
      : [to] "+r"(to), [from] "+r"(from)                                                                               \
      : [bytes] "r"(bytes), [count] "r"(count), [pitch] "r"(from_pitch), [row] kind(to_pitch), [flip] "i"(X(-1) > X(0))             \
      : "q0", "q1", "lr", "memory")
  // clang-format on
  if (__builtin_constant_p(to_pitch) && to_pitch < 128) BURIN_MVE_COPY_ROWS(", %[row]", "", "i");
  else BURIN_MVE_COPY_ROWS("", "add %[to], %[to], %[row]\n\t", "r");
#undef BURIN_MVE_COPY_ROWS
#else
  for (int32_t r = 0; r < count; ++r)
    for (int32_t i = 0; i < bytes; ++i) to[r * to_pitch + i] = mve_byte(from[r * from_pitch + i]);
#endif
}

/// Rows [first, end) are inside the image, `pitch` elements apart; 0: one at a time.
struct MveRowRun {
  int32_t first, end, pitch;
};
template <class X>
BURIN_INLINE MveRowRun mve_row_run(const X* const* rows, int32_t count) {
  MveRowRun r{0, count, 0};
  while (r.first < count && !rows[r.first]) ++r.first;
  while (r.end > r.first && !rows[r.end - 1]) --r.end;
  if (r.end - r.first < 2 || !rows[r.first + 1]) return r;
  const int32_t pitch = int32_t(rows[r.first + 1] - rows[r.first]);
  bool even = true;
  for (int32_t i = r.first + 1; i < r.end; ++i) even = even && rows[i] && rows[i] - rows[i - 1] == pitch;
  if (even) r.pitch = pitch;
  return r;
}

/// What the windows of column ox hold of `count` rows.
template <class X>
BURIN_INLINE void mve_fill_window_strip(const ConvShape& s, int8_t zero, const X* const* rows, const MveRowRun& run,
                                        int32_t count, int32_t ox, int8_t* to) {
  const int32_t row = s.kw * s.ic, left = ox * s.sw - s.pl;
  const int32_t first = left >= 0 ? 0 : -left < s.kw ? -left : s.kw;  // pixels [first, last) of a window row are inside
  const int32_t last = left + s.kw <= s.iw ? s.kw : s.iw - left > first ? s.iw - left : first;
  if (last - first < s.kw || !run.pitch) {
    mve_fill(to, zero, count * row);
  } else {
    mve_fill(to, zero, run.first * row);
    mve_fill(to + run.end * row, zero, (count - run.end) * row);
  }
  for (int32_t r = run.first; r < run.end; r += run.pitch ? run.end - r : 1)
    for (int32_t at = first * s.ic; rows[r] && at < last * s.ic; at += 16)
      mve_copy_rows(to + r * row + at, row, rows[r] + left * s.ic + at, run.pitch,
                    last * s.ic - at < 16 ? last * s.ic - at : 16, run.pitch ? run.end - r : 1);
}

/// n rows of output, at most conv_strips_mve_rows, as conv_q8_ref. params are inside w.
template <bool kPairs = false, class X, class Y>
BURIN_INLINE void conv_strips_q8_mve(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                     int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)params;
  const int32_t chunks = conv_strips_mve_chunks(s), pixel = s.sh * s.kw * s.ic, step = s.ow * s.oc;
  const bool by_quads = !kPairs && conv_strips_mve_by_quads(s);
  int8_t* const strip = static_cast<int8_t*>(scratch);
  mve_fill(strip + s.rows(n) * s.kw * s.ic, 0, 16);  // what is behind the last tap meets weights of zero
  alignas(16) uint32_t offsets[4], last_offsets[4];
  mve_offsets(offsets, 4, step, by_quads);
  mve_offsets(last_offsets, n % 4 == 0 ? 4 : n % 4, step, by_quads);
  MveBlock b;
  b.w = w;
  b.lo = q.lo;
  const MveRowRun run = mve_row_run(rows, s.rows(n));
  for (int32_t ox = 0; ox < s.ow; ++ox, y += s.oc) {
    mve_fill_window_strip(s, mve_byte(X(x_zero)), rows, run, s.rows(n), ox, strip);
    b.offsets = offsets;
    int32_t oy = conv_strips_mve_resident(s) ? mve_run<Y>(q, chunks, pixel, step, s.oc, n / 4, strip, b, w, y) : 0;
    for (; oy < n; oy += 4) {
      const int32_t count = n - oy < 4 ? n - oy : 4;
      if (count < 4) b.offsets = last_offsets;
      for (int32_t p = 0; p < count; ++p) b.x[p] = strip + (oy + p) * pixel;
      mve_pixels(q, count, chunks, s.oc, step, by_quads, false, b, y + oy * step);
    }
  }
}

}  // namespace burin
