// Convolution on int8 and uint8 for cores with DSP where H/s packing is not exact: weights of 16 bits, any window,
// stride, dilation and padding; one group. As in conv_dsp.h the windows of four pixels are gathered into a column, here of
// 16-bit activations, and two filters at a time run over it: twice the flash of H/s packing.
//
// Weights: per pair of filters, per quad of taps (in their order) the words (w0, w2) of both filters, then (w1, w3); a last
// odd filter alone. Parameters: what the sum starts from, then what requantize() wants.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Bytes of working memory: the column, then one window of bytes.
constexpr int32_t conv_q8_w16_dsp_scratch(const ConvShape& s) { return hs_quads(s.kh * s.kw * s.ic) * 36; }

/// The window at x = left of the rows r into column place 0..3.
template <class X>
BURIN_INLINE void w16_gather(const ConvShape& s, int32_t x_zero, const X* const* r, int32_t left, uint32_t* column, X* window) {
  X* to = window;
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = r[ky * s.dh];
    for (int32_t kx = 0; kx < s.kw; ++kx) {
      const int32_t x = left + kx * s.dw;
      const bool inside = row && x >= 0 && x < s.iw;
      for (int32_t c = 0; c < s.ic; ++c) *to++ = inside ? row[x * s.ic + c] : X(x_zero);
    }
  }
  const int32_t quads = hs_quads(s.kh * s.kw * s.ic);
  for (int32_t k = 0; k < quads; ++k, window += 4, column += 8) {
    const uint32_t v = hs_bytes(window);
    column[0] = sxtb16(v);
    column[4] = sxtb16_ror8(v);
  }
}

template <class Y>
BURIN_INLINE Y w16_store(const Requant& q, const int32_t* params, int32_t acc) {
  return Y(requantize(q, params + 1, acc));
}

/// n rows of output, as conv_q8_ref.
template <class X, class Y>
BURIN_INLINE void conv_q8_w16_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                  const uint32_t* weights, const int32_t* all_params, Y* y, void* scratch) {
  const int32_t taps = s.kh * s.kw * s.ic, quads = hs_quads(taps), total = n * s.ow, each = 1 + words_per_channel(q.kind);
  uint32_t* const column = static_cast<uint32_t*>(scratch);
  const uint32_t* const stop = column + quads * 8;
  X* const window = reinterpret_cast<X*>(column + quads * 8);
  for (int32_t i = taps; i < quads * 4; ++i) window[i] = X(x_zero);  // meets weights of zero
  const X* const* r = rows;
  int32_t ox = 0;
  for (int32_t done = 0; done < total; done += 4) {
    const int32_t count = total - done < 4 ? total - done : 4;
    for (int32_t p = 0; p < count; ++p) {
      w16_gather(s, x_zero, r, ox * s.sw - s.pl, column + p, window);
      if (++ox == s.ow) ox = 0, r += s.sh;
    }
    const uint32_t* w = weights;
    const int32_t* params = all_params;
    Y* out = y;
    if (count == 4) {
      for (int32_t o = 0; o + 2 <= s.oc; o += 2, params += 2 * each, out += 2) {
        int32_t a0 = params[0], a1 = a0, a2 = a0, a3 = a0, b0 = params[each], b1 = b0, b2 = b0, b3 = b0;
        for (const uint32_t* c = column; c != stop; c += 4, w += 2) {
          const uint32_t f = w[0], g = w[1];
          a0 = smlad(f, c[0], a0), b0 = smlad(g, c[0], b0);
          a1 = smlad(f, c[1], a1), b1 = smlad(g, c[1], b1);
          a2 = smlad(f, c[2], a2), b2 = smlad(g, c[2], b2);
          a3 = smlad(f, c[3], a3), b3 = smlad(g, c[3], b3);
        }
        out[0] = w16_store<Y>(q, params, a0), out[s.oc] = w16_store<Y>(q, params, a1);
        out[2 * s.oc] = w16_store<Y>(q, params, a2), out[3 * s.oc] = w16_store<Y>(q, params, a3);
        const int32_t* const second = params + each;
        out[1] = w16_store<Y>(q, second, b0), out[s.oc + 1] = w16_store<Y>(q, second, b1);
        out[2 * s.oc + 1] = w16_store<Y>(q, second, b2), out[3 * s.oc + 1] = w16_store<Y>(q, second, b3);
      }
    } else {
      for (int32_t o = 0; o + 2 <= s.oc; o += 2, params += 2 * each, out += 2, w += quads * 4)
        for (int32_t p = 0; p < count; ++p) {
          int32_t a = params[0], b = params[each];
          const uint32_t* f = w;
          for (const uint32_t* c = column + p; c < stop; c += 4, f += 2) a = smlad(f[0], c[0], a), b = smlad(f[1], c[0], b);
          out[p * s.oc] = w16_store<Y>(q, params, a);
          out[p * s.oc + 1] = w16_store<Y>(q, params + each, b);
        }
    }
    if (s.oc % 2 != 0)
      for (int32_t p = 0; p < count; ++p) {
        int32_t a = params[0];
        const uint32_t* f = w;
        for (const uint32_t* c = column + p; c < stop; c += 4, ++f) a = smlad(f[0], c[0], a);
        out[p * s.oc] = w16_store<Y>(q, params, a);
      }
    y += count * s.oc;
  }
}

}  // namespace burin
