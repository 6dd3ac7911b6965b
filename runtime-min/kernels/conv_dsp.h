// Convolution on int8 and uint8 for cores with DSP: four pixels at a time are gathered into a column of expanded
// activations, which all filters then run over (hs.h). Any window, stride, dilation and padding; one group.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Quads of a window. With ic % 4 == 0 its bytes in order. Else each row of kw * ic bytes gives as many whole quads as
/// it has; what is left of the rows, up to 3 bytes each, follows in quads of its own.
constexpr int32_t conv_q8_dsp_quads(const ConvShape& s) {
  const int32_t row = s.kw * s.ic;
  return s.kh * (row / 4) + hs_quads(s.kh * (row % 4));
}
/// Where byte `at` of row ky of a window stands in that order.
constexpr int32_t conv_q8_dsp_place(const ConvShape& s, int32_t ky, int32_t at) {
  const int32_t left = s.kw * s.ic % 4, whole = s.kw * s.ic - left;
  return at < whole ? ky * whole + at : s.kh * whole + ky * left + at - whole;
}

/// Bytes of working memory: the column, and one window of bytes where rows of a window are no multiple of four.
constexpr int32_t conv_q8_dsp_scratch(const ConvShape& s) { return conv_q8_dsp_quads(s) * (s.ic % 4 == 0 ? 32 : 36); }

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

/// The window at x = left of the rows r into column place 0..3; ic % 4 == 0.
template <class X>
BURIN_INLINE void hs_gather_quads(const ConvShape& s, int32_t x_zero, const X* const* r, int32_t left, uint32_t* column) {
  const int32_t run = s.dw == 1 ? s.kw : 1;
  const bool inside = left >= 0 && left + (s.kw - 1) * s.dw < s.iw;
  const uint32_t zeros = hs_zeros<X>(x_zero);
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = r[ky * s.dh];
    for (int32_t kx = 0; kx < s.kw; kx += run) {
      const int32_t x = left + kx * s.dw;  // `run` pixels from here, of which [first, last) are inside the image
      const int32_t first = inside || x >= 0 ? 0 : (-x < run ? -x : run);
      const int32_t last = !row ? first : inside || x + run <= s.iw ? run : (s.iw - x > first ? s.iw - x : first);
      if (first > 0) hs_fill_zero(column, zeros, first * s.ic);
      if (last > first) hs_fill(column, row + (x + first) * s.ic, (last - first) * s.ic);
      if (run > last) hs_fill_zero(column, zeros, (run - last) * s.ic);
    }
  }
}

/// The same for any ic, of a window without dilation that lies in the image.
template <class X>
BURIN_INLINE void hs_gather_inside(const ConvShape& s, const X* const* r, int32_t left, uint32_t* column) {
  const int32_t tail = s.kw * s.ic % 4, whole = s.kw * s.ic - tail;
  for (int32_t ky = 0; ky < s.kh; ++ky) hs_fill(column, r[ky * s.dh] + left * s.ic, whole);
  if (tail == 0) return;
  uint32_t rest = 0;
  int32_t at = 0;
  BURIN_UNROLL
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* x = r[ky * s.dh] + left * s.ic + whole;
    for (int32_t i = 0; i < tail; ++i) {
      rest |= uint32_t(uint8_t(x[i])) << (8 * at);
      if (++at == 4) {
        hs_expand(hs_signed<X>(rest), column[0], column[4]);
        column += 8;
        rest = 0, at = 0;
      }
    }
  }
  if (at > 0) hs_expand(hs_signed<X>(rest), column[0], column[4]);  // what is missing meets weights of zero
}

/// The same for any window; `window` is room for its bytes.
template <class X>
BURIN_INLINE void hs_gather_edge(const ConvShape& s, int32_t x_zero, const X* const* r, int32_t left, uint32_t* column, X* window) {
  const int32_t bytes = conv_q8_dsp_quads(s) * 4;
  for (int32_t i = 0; i < bytes; i += 4) store32(window + i, 0x01010101u * uint32_t(uint8_t(x_zero)));
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = r[ky * s.dh];
    if (!row) continue;
    for (int32_t kx = 0; kx < s.kw; ++kx) {
      const int32_t x = left + kx * s.dw;
      if (x < 0 || x >= s.iw) continue;
      for (int32_t c = 0; c < s.ic; ++c) window[conv_q8_dsp_place(s, ky, kx * s.ic + c)] = row[x * s.ic + c];
    }
  }
  hs_fill(column, static_cast<const X*>(window), bytes);
}

/// All filters at `count` pixels of the column, at most four; returns where the next pixels go.
template <bool kAny, class Y>
BURIN_INLINE Y* hs_pixels(const Requant& q, int32_t count, int32_t filters, int32_t quads, const uint32_t* w, const int32_t* params,
                          const uint32_t* column, Y* y) {
  if (count == 4) {
    hs_four_pixels<kAny>(q, filters, quads, w, params, column, y);
  } else {
    for (int32_t p = 0; p < count; ++p) hs_one_pixel(q, filters, quads, w, params, column + p, y + p * filters);
  }
  return y + count * filters;
}

/// n rows of output, as conv_q8_ref. w (in the order of conv_q8_dsp_place) and params as hs.h wants them.
template <bool kAny = false, class X, class Y>
BURIN_INLINE void conv_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                              const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  const int32_t quads = conv_q8_dsp_quads(s), total = n * s.ow;
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  X* const window = reinterpret_cast<X*>(column + quads * 8);
  const X* const* r = rows;
  int32_t ox = 0;
  bool whole = false;  // no row of the window is padding
  const auto gather = [&](int32_t p) __attribute__((always_inline)) {
    const int32_t left = ox * s.sw - s.pl;
    if (s.ic % 4 == 0) {
      hs_gather_quads(s, x_zero, r, left, column + p);
    } else {
      if (ox == 0) {
        whole = s.dw == 1;
        for (int32_t ky = 0; ky < s.kh; ++ky) whole = whole && r[ky * s.dh];
      }
      if (whole && left >= 0 && left + s.kw <= s.iw) hs_gather_inside(s, r, left, column + p);
      else hs_gather_edge(s, x_zero, r, left, column + p, window);
    }
    if (++ox == s.ow) ox = 0, r += s.sh;
  };
  for (int32_t done = total % 4; done < total; done += 4) {
    for (int32_t p = 0; p < 4; ++p) gather(p);
    y = hs_pixels<kAny>(q, 4, s.oc, quads, w, params, column, y);
  }
  if (total % 4 != 0) {
    for (int32_t p = 0; p < total % 4; ++p) gather(p);
    hs_pixels<kAny>(q, total % 4, s.oc, quads, w, params, column, y);
  }
}

/// 1x1, stride 1, no padding, ic % 4 == 0: rows of pixels, each row in one piece.
template <bool kAny = false, class X, class Y>
BURIN_INLINE void pointwise_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                   const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)x_zero;
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  const int32_t quads = s.ic / 4, rest = s.ow % 4;
  for (int32_t oy = 0; oy < n; ++oy) {
    const X* x = rows[oy];
    for (const X* const end = x + (s.ow - rest) * s.ic; x != end; x += 3 * s.ic) {
      uint32_t* c = column;
      const X* const next = x + s.ic;
      for (; x != next; x += 4, c += 8) {  // neighbours: one loop expands them all
        hs_expand(hs_bytes(x), c[0], c[4]);
        hs_expand(hs_bytes(x + s.ic), c[1], c[5]);
        hs_expand(hs_bytes(x + 2 * s.ic), c[2], c[6]);
        hs_expand(hs_bytes(x + 3 * s.ic), c[3], c[7]);
      }
      y = hs_pixels<kAny>(q, 4, s.oc, quads, w, params, column, y);
    }
    for (int32_t p = 0; p < rest; ++p, x += s.ic) {
      uint32_t* c = column;
      hs_fill(c, x, s.ic);
      y = hs_pixels<kAny>(q, 1, s.oc, quads, w, params, column, y);
    }
  }
}

}  // namespace burin
