// Convolution on int8 and uint8 for cores with DSP: four pixels at a time are gathered into a column of expanded
// activations, which all filters then run over (hs.h). Any window, stride, dilation and padding; one group.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs_four.h"

namespace burin {

/// Quads of a window. With ic % 4 == 0 its bytes in order. Else each row of kw * ic bytes gives as many whole quads as
/// it has; what is left of the rows, up to 3 bytes each, follows in quads of its own.
BURIN_INLINE constexpr int32_t conv_q8_dsp_quads(const ConvShape& s) {
  return s.kh * (s.kw * s.ic / 4) + hs_quads(s.kh * (s.kw * s.ic % 4));
}
/// Where byte `at` of row ky of a window stands in that order.
BURIN_INLINE int32_t conv_q8_dsp_place(const ConvShape& s, int32_t ky, int32_t at) {
  const int32_t left = s.kw * s.ic % 4, whole = s.kw * s.ic - left;
  return at < whole ? ky * whole + at : s.kh * whole + ky * left + at - whole;
}

/// Bytes of working memory: the column, and one window of bytes where rows of a window are no multiple of four.
BURIN_INLINE constexpr int32_t conv_q8_dsp_scratch(const ConvShape& s) {
  return conv_q8_dsp_quads(s) * (s.ic % 4 == 0 ? 32 : 36);
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

/// The window at x = left of the rows r into column place 0..3; ic % 4 == 0.
template <class X>
BURIN_INLINE void hs_gather_quads(const ConvShape& s, int32_t x_zero, const X* const* r, int32_t left,
                                  uint32_t* column) {
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

/// Four bytes of a row of B bytes (at least four) from byte `at` on, beyond its ends padding.
template <class X>
BURIN_INLINE uint32_t hs_edge_bytes(const X* row, int32_t bytes, int32_t at, uint32_t zeros) {
  const int32_t beyond = at + 4 - bytes;
  if (!row || at <= -4 || beyond >= 4) return zeros;
  if (at < 0) return hs_bytes(row) << (-8 * at) | zeros >> (32 + 8 * at);
  if (beyond > 0) return hs_bytes(row + (bytes - 4)) >> (8 * beyond) | zeros << (32 - 8 * beyond);
  return hs_bytes(row + at);
}

/// The same for any ic, without dilation. inside: no column of the window is padding (rows may be).
template <class X>
BURIN_INLINE void hs_gather_bytes(const ConvShape& s, int32_t x_zero, const X* const* r, int32_t left, bool inside,
                                  uint32_t* column) {
  const int32_t tail = s.kw * s.ic % 4, whole = s.kw * s.ic - tail, bytes = s.iw * s.ic, from = left * s.ic;
  const uint32_t zeros = hs_zeros<X>(x_zero);
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = r[ky * s.dh];
    for (int32_t at = 0; at < whole; at += 4, column += 8)
      hs_expand(!inside ? hs_edge_bytes(row, bytes, from + at, zeros)
                : row   ? hs_bytes(row + (from + at))
                        : zeros,
                column[0], column[4]);
  }
  if (tail == 0) return;
  uint32_t rest = 0;
  int32_t at = 0;
  BURIN_UNROLL
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = r[ky * s.dh];
    for (int32_t i = from + whole; i < from + whole + tail; ++i) {
      const bool there = row && (inside || (i >= 0 && i < bytes));
      rest |= uint32_t(uint8_t(there ? row[i] : X(x_zero))) << (8 * at);
      if (++at == 4) {
        hs_expand(hs_signed<X>(rest), column[0], column[4]);
        column += 8;
        rest = 0, at = 0;
      }
    }
  }
  if (at > 0) hs_expand(hs_signed<X>(rest), column[0], column[4]);  // what is missing meets weights of zero
}

/// The same for four neighbours whose windows lie in the image, rows and all.
template <class X>
BURIN_INLINE void hs_gather_four(const ConvShape& s, const X* const* r, int32_t left, uint32_t* column) {
  const int32_t tail = s.kw * s.ic % 4, whole = s.kw * s.ic - tail, step = s.sw * s.ic;
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* x = r[ky * s.dh] + left * s.ic;
    for (const X* const end = x + whole; x != end; x += 4, column += 8) {
      hs_expand(hs_bytes(x), column[0], column[4]);
      hs_expand(hs_bytes(x + step), column[1], column[5]);
      hs_expand(hs_bytes(x + 2 * step), column[2], column[6]);
      hs_expand(hs_bytes(x + 3 * step), column[3], column[7]);
    }
  }
  if (tail == 0) return;
  uint32_t r0 = 0, r1 = 0, r2 = 0, r3 = 0;
  int32_t at = 0;
  BURIN_UNROLL
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* x = r[ky * s.dh] + (left * s.ic + whole);
    for (int32_t i = 0; i < tail; ++i, ++x) {
      const int32_t shift = 8 * at;
      r0 |= uint32_t(uint8_t(x[0])) << shift, r1 |= uint32_t(uint8_t(x[step])) << shift;
      r2 |= uint32_t(uint8_t(x[2 * step])) << shift, r3 |= uint32_t(uint8_t(x[3 * step])) << shift;
      if (++at == 4 || (ky + 1 == s.kh && i + 1 == tail)) {
        hs_expand(hs_signed<X>(r0), column[0], column[4]);
        hs_expand(hs_signed<X>(r1), column[1], column[5]);
        hs_expand(hs_signed<X>(r2), column[2], column[6]);
        hs_expand(hs_signed<X>(r3), column[3], column[7]);
        r0 = r1 = r2 = r3 = 0;
        column += 8;
        at = 0;
      }
    }
  }
}

/// The same for any window; `window` is room for its bytes.
template <class X>
BURIN_INLINE void hs_gather_any(const ConvShape& s, int32_t x_zero, const X* const* r, int32_t left, uint32_t* column,
                                X* window) {
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
BURIN_INLINE Y* hs_pixels(const Requant& q, int32_t count, int32_t filters, int32_t quads, const uint32_t* w,
                          const uint32_t* column, Y* y) {
  if (count == 4) {
    hs_four_pixels<kAny>(q, filters, quads, w, column, y);
  } else {
    for (int32_t p = 0; p < count; ++p) hs_one_pixel(q, filters, quads, w, column + p, y + p * filters);
  }
  return y + count * filters;
}

/// n rows of output, as conv_q8_ref. w, in the order of conv_q8_dsp_place, as hs_four.h wants it, with the
/// parameters in it.
template <bool kAny = false, class X, class Y>
BURIN_INLINE void conv_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                              const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)params;  // among the weights
  const int32_t quads = conv_q8_dsp_quads(s), filters = s.oc, total = n * s.ow;
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  X* const window = reinterpret_cast<X*>(column + quads * 8);
  const X* const* r = rows;
  const bool plain = s.dw == 1 && s.iw * s.ic >= 4;
  int32_t ox = 0;
  bool whole = false;  // no row of the window is padding
  for (int32_t done = 0; done < total; done += 4) {
    const int32_t count = total % 4 == 0 || total - done > 4 ? 4 : total - done;  // known where total is
    bool four = false;
    if (!kAny && s.ic % 4 != 0 && plain && s.ow >= 8) {
      if (ox < 4) {
        whole = true;
        for (int32_t ky = 0; ky < s.kh; ++ky) whole = whole && r[ky * s.dh];
      }
      const int32_t left = ox * s.sw - s.pl;
      four = whole && left >= 0 && left + 3 * s.sw + s.kw <= s.iw && ox + 4 <= s.ow;
    }
    if (four) {
      hs_gather_four(s, r, ox * s.sw - s.pl, column);
      if ((ox += 4) == s.ow) ox = 0, r += s.sh;
    } else {
      for (int32_t p = 0; p < count; ++p) {
        const int32_t left = ox * s.sw - s.pl;
        if (s.ic % 4 == 0) hs_gather_quads(s, x_zero, r, left, column + p);
        else if (!plain) hs_gather_any(s, x_zero, r, left, column + p, window);
        else if (kAny) hs_gather_bytes(s, x_zero, r, left, left >= 0 && left + s.kw <= s.iw, column + p);
        else if (left >= 0 && left + s.kw <= s.iw) hs_gather_bytes(s, x_zero, r, left, true, column + p);
        else hs_gather_bytes(s, x_zero, r, left, false, column + p);
        if (++ox == s.ow) ox = 0, r += s.sh;
      }
    }
    y = hs_pixels<kAny>(q, count, filters, quads, w, column, y);
  }
}

/// 1x1, stride 1, no padding, ic % 4 == 0: rows of pixels, each row in one piece.
template <bool kAny = false, class X, class Y>
BURIN_INLINE void pointwise_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                   int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)x_zero, (void)params;
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
      y = hs_pixels<kAny>(q, 4, s.oc, quads, w, column, y);
    }
    for (int32_t p = 0; p < rest; ++p, x += s.ic) {
      uint32_t* c = column;
      hs_fill(c, x, s.ic);
      y = hs_pixels<kAny>(q, 1, s.oc, quads, w, column, y);
    }
  }
}

}  // namespace burin
