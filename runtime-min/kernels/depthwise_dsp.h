// Depthwise convolution with windows three wide for cores with DSP: four channels at a time are gathered into planar
// strips of 16-bit pixels (padding included), and each row of a window is then three products in two instructions.
// One output per input channel, channels a multiple of four, horizontal stride 1 or 2, no dilation, any height.
//
// Weights are stored times 256 (int8 * 256 fits 16 bits), so that the accumulator is what shift8 starts from. A
// channel's weights: per window row the words (w0, w1) and (w1, w2). Parameters as in hs.h.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Words of one padded row of one channel: two pixels each, from column -pl to the last one that an output reads.
constexpr int32_t depthwise_row_words(const ConvShape& s) { return ((s.ow - 1) * s.sw + s.kw + 1) / 2; }
/// Bytes of working memory for n rows of output.
constexpr int32_t depthwise_q8_dsp_scratch(const ConvShape& s, int32_t n) { return 16 * s.rows(n) * depthwise_row_words(s); }

/// Two pixels of four channels into the four planes.
BURIN_INLINE void depthwise_put(uint32_t* d, int32_t plane, uint32_t a, uint32_t b) {
  const uint32_t low = pkhbt(a, b), high = pkhtb(b, a);  // channels 0 and 1 of both pixels, channels 2 and 3
  d[0] = sxtb16(low);
  d[plane] = sxtb16_ror8(low);
  d[2 * plane] = sxtb16(high);
  d[3 * plane] = sxtb16_ror8(high);
}

/// One row of four channels, from column -pl on; row null: padding.
template <class X>
BURIN_INLINE void depthwise_fill(const ConvShape& s, uint32_t zeros, const X* row, int32_t plane, uint32_t* d) {
  const int32_t words = depthwise_row_words(s);
  if (!row) {
    for (int32_t i = 0; i < words; ++i) depthwise_put(d + i, plane, zeros, zeros);
    return;
  }
  // Pairs whose two pixels both lie in the image are pairs [first, last).
  const int32_t first = (s.pl + 1) / 2, last = (s.iw + s.pl) / 2 < words ? (s.iw + s.pl) / 2 : words;
  int32_t i = 0;
  for (; i < first && i < words; ++i) {
    const int32_t x = 2 * i + 1 - s.pl;  // the left one of the pair is padding
    depthwise_put(d + i, plane, zeros, x >= 0 && x < s.iw ? hs_bytes(row + x * s.ic) : zeros);
  }
  if (i < last) {
    const X* p = row + (2 * i - s.pl) * s.ic;
    do {
      depthwise_put(d + i, plane, hs_bytes(p), hs_bytes(p + s.ic));
      p += 2 * s.ic;
    } while (++i < last);
  }
  for (; i < words; ++i) {
    const int32_t x = 2 * i - s.pl;
    depthwise_put(d + i, plane, x >= 0 && x < s.iw ? hs_bytes(row + x * s.ic) : zeros, zeros);
  }
}

/// `count` (1 to 4, a constant) outputs of one row of one channel from strip p.
template <class Y>
BURIN_INLINE void depthwise_outputs(const ConvShape& s, const Requant& q, int32_t count, const uint32_t* p, const uint32_t* w,
                                    const int32_t* params, Y* y) {
  const int32_t words = depthwise_row_words(s);
  int32_t a0 = params[0], a1 = a0, a2 = a0, a3 = a0;
  BURIN_UNROLL
  for (int32_t r = 0; r < s.kh; ++r, p += words, w += 2) {
    const uint32_t w01 = w[0], w12 = w[1];
    if (s.sw == 1) {
      const uint32_t p0 = p[0], p1 = p[1];
      a0 = smlabt(p1, w12, smlad(p0, w01, a0));
      if (count > 1) a1 = smlatb(p0, w01, smlad(p1, w12, a1));
      if (count > 2) {
        const uint32_t p2 = p[2];
        a2 = smlabt(p2, w12, smlad(p1, w01, a2));
        if (count > 3) a3 = smlatb(p1, w01, smlad(p2, w12, a3));
      }
    } else {
      const uint32_t p0 = p[0], p1 = p[1];
      a0 = smlabt(p1, w12, smlad(p0, w01, a0));
      if (count > 1) {
        const uint32_t p2 = p[2];
        a1 = smlabt(p2, w12, smlad(p1, w01, a1));
        if (count > 2) {
          const uint32_t p3 = p[3];
          a2 = smlabt(p3, w12, smlad(p2, w01, a2));
          if (count > 3) a3 = smlabt(p[4], w12, smlad(p3, w01, a3));
        }
      }
    }
  }
  y[0] = hs_store<Y>(q, params, a0);
  if (count > 1) y[s.oc] = hs_store<Y>(q, params, a1);
  if (count > 2) y[2 * s.oc] = hs_store<Y>(q, params, a2);
  if (count > 3) y[3 * s.oc] = hs_store<Y>(q, params, a3);
}

/// n rows of output, as conv_q8_ref.
template <class X, class Y>
BURIN_INLINE void depthwise_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                   const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  const int32_t words = depthwise_row_words(s), strip = s.rows(n), plane = strip * words, each = hs_params(q.kind);
  const uint32_t zeros = 0x01010101u * uint32_t(uint8_t(X(-1) > X(0) ? x_zero - 128 : x_zero));
  uint32_t* const planes = static_cast<uint32_t*>(scratch);
  for (int32_t c = 0; c < s.ic; c += 4) {
    for (int32_t r = 0; r < strip; ++r) depthwise_fill(s, zeros, rows[r] ? rows[r] + c : nullptr, plane, planes + r * words);
    for (int32_t k = 0; k < 4; ++k) {
      const uint32_t* p = planes + k * plane;
      Y* out = y + c + k;
      for (int32_t oy = 0; oy < n; ++oy) {
        const uint32_t* at = p + oy * s.sh * words;
        int32_t ox = 0;
        for (; ox + 4 <= s.ow; ox += 4, at += 2 * s.sw, out += 4 * s.oc) depthwise_outputs(s, q, 4, at, w, params, out);
        if (s.ow % 4 == 1) depthwise_outputs(s, q, 1, at, w, params, out);
        if (s.ow % 4 == 2) depthwise_outputs(s, q, 2, at, w, params, out);
        if (s.ow % 4 == 3) depthwise_outputs(s, q, 3, at, w, params, out);
        out += s.ow % 4 * s.oc;
      }
      w += 2 * s.kh;
      params += each;
    }
  }
}

}  // namespace burin
