// Convolution on int8 and uint8 for cores with DSP: four pixels at a time are gathered into a column of expanded
// activations, which all filters then run over (hs.h). Any window, stride, dilation and padding; one group.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Bytes of working memory: the column, and one window of bytes where rows of a window are no multiple of four.
constexpr int32_t conv_q8_dsp_scratch(const ConvShape& s) {
  const int32_t quads = hs_quads(s.kh * s.kw * s.ic);
  return quads * 32 + (s.ic % 4 == 0 ? 0 : quads * 4);
}

/// One pixel's bytes into its place in the column.
template <class X>
BURIN_INLINE void hs_fill(uint32_t*& column, const X* x, int32_t bytes) {
  uint32_t* c = column;
  for (const X* const end = x + bytes; x != end; x += 4, c += 8) hs_expand(hs_bytes(x), c[0], c[4]);
  column = c;
}
BURIN_INLINE void hs_fill_zero(uint32_t*& column, uint32_t zeros, int32_t bytes) {
  uint32_t t, u, *c = column;
  hs_expand(zeros, t, u);
  for (int32_t i = 0; i < bytes; i += 4, c += 8) c[0] = t, c[4] = u;
  column = c;
}

/// The window of output pixel (oy, ox) into column place 0..3. `window` is room for its bytes, or null when ic % 4 == 0.
template <class X>
BURIN_INLINE void hs_gather(const ConvShape& s, int32_t x_zero, const X* const* rows, int32_t oy, int32_t ox, uint32_t* column,
                            X* window) {
  const int32_t left = ox * s.sw - s.pl, run = s.dw == 1 ? s.kw : 1;
  const bool inside = left >= 0 && left + (s.kw - 1) * s.dw < s.iw;
  const uint32_t zeros = 0x01010101u * uint32_t(uint8_t(sizeof(X) == 1 && X(-1) > X(0) ? x_zero - 128 : x_zero));
  X* to = window;
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = rows[oy * s.sh + ky * s.dh];
    for (int32_t kx = 0; kx < s.kw; kx += run) {
      const int32_t x = left + kx * s.dw;  // `run` pixels from here, of which [first, last) are inside the image
      const int32_t first = inside || x >= 0 ? 0 : (-x < run ? -x : run);
      const int32_t last = !row ? first : inside || x + run <= s.iw ? run : (s.iw - x > first ? s.iw - x : first);
      if (s.ic % 4 == 0) {
        if (first > 0) hs_fill_zero(column, zeros, first * s.ic);
        if (last > first) hs_fill(column, row + (x + first) * s.ic, (last - first) * s.ic);
        if (run > last) hs_fill_zero(column, zeros, (run - last) * s.ic);
      } else if (row && inside) {
        __builtin_memcpy(to, row + x * s.ic, size_t(run * s.ic));
        to += run * s.ic;
      } else {
        for (int32_t i = 0; i < run * s.ic; ++i)
          *to++ = row && i >= first * s.ic && i < last * s.ic ? row[x * s.ic + i] : X(x_zero);
      }
    }
  }
  if (s.ic % 4 != 0) hs_fill(column, static_cast<const X*>(window), hs_quads(s.kh * s.kw * s.ic) * 4);
}

/// All filters at `count` pixels of the column, at most four; returns where the next pixels go.
template <class Y>
BURIN_INLINE Y* hs_pixels(const Requant& q, int32_t count, int32_t filters, int32_t quads, const uint32_t* w, const int32_t* params,
                          const uint32_t* column, Y* y) {
  if (count == 4) {
    hs_four_pixels(q, filters, quads, w, params, column, y);
  } else {
    for (int32_t p = 0; p < count; ++p) hs_one_pixel(q, filters, quads, w, params, column + p, y + p * filters);
  }
  return y + count * filters;
}

/// n rows of output, as conv_q8_ref. w and params as hs.h wants them.
template <class X, class Y>
BURIN_INLINE void conv_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                              const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  const int32_t taps = s.kh * s.kw * s.ic, quads = hs_quads(taps), total = n * s.ow;
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  X* const window = reinterpret_cast<X*>(column + quads * 8);
  if (s.ic % 4 != 0)
    for (int32_t i = taps; i < quads * 4; ++i) window[i] = X(x_zero);  // meets weights of zero
  int32_t oy = 0, ox = 0;
  for (int32_t done = 0; done < total; done += 4) {
    const int32_t count = total - done < 4 ? total - done : 4;
    for (int32_t p = 0; p < count; ++p) {
      hs_gather(s, x_zero, rows, oy, ox, column + p, window);
      if (++ox == s.ow) ox = 0, ++oy;
    }
    y = hs_pixels(q, count, s.oc, quads, w, params, column, y);
  }
}

/// 1x1, stride 1, no padding, ic % 4 == 0: rows of pixels, each row in one piece.
template <class X, class Y>
BURIN_INLINE void pointwise_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                   const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)x_zero;
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  const int32_t quads = s.ic / 4, total = n * s.ow;
  int32_t oy = 0, ox = 0;
  for (int32_t done = 0; done < total; done += 4) {
    const int32_t count = total - done < 4 ? total - done : 4;
    if (count == 4 && ox + 4 <= s.ow) {  // neighbours: one loop expands them all
      const X* x = rows[oy] + ox * s.ic;
      uint32_t* c = column;
      for (int32_t k = 0; k < quads; ++k, x += 4, c += 8) {
        hs_expand(hs_bytes(x), c[0], c[4]);
        hs_expand(hs_bytes(x + s.ic), c[1], c[5]);
        hs_expand(hs_bytes(x + 2 * s.ic), c[2], c[6]);
        hs_expand(hs_bytes(x + 3 * s.ic), c[3], c[7]);
      }
      ox += 4;
      if (ox == s.ow) ox = 0, ++oy;
    } else {
      for (int32_t p = 0; p < count; ++p) {
        uint32_t* c = column + p;
        hs_fill(c, rows[oy] + ox * s.ic, s.ic);
        if (++ox == s.ow) ox = 0, ++oy;
      }
    }
    y = hs_pixels(q, count, s.oc, quads, w, params, column, y);
  }
}

}  // namespace burin
