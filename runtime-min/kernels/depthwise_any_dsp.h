// Depthwise convolution with any window, stride and number of channels for cores with DSP: planar strips as in
// depthwise_dsp.h, and for an output a SMLAD for every two taps of a row. One output per input channel, no dilation.
//
// A row of a window that begins at an even column meets the words (w0, w1), (w2, w3)...; at an odd one (0, w0), (w1,
// w2)... A channel's weights, times 256: the words of all rows for even columns, then, where the horizontal stride is
// odd, for odd ones. Parameters as in hs.h.
#pragma once
#include "runtime-min/kernels/depthwise_dsp.h"

namespace burin {

/// Words of one padded row of one channel, as far as any output reads.
BURIN_INLINE constexpr int32_t depthwise_any_row_words(const ConvShape& s) {
  return ((s.ow - 1) * s.sw + s.kw) / 2 + 1;
}
/// Words of one row of weights for windows at even columns (odd = 0) or odd ones (odd = 1).
BURIN_INLINE constexpr int32_t depthwise_any_weight_words(const ConvShape& s, int32_t odd) {
  return (s.kw + 1 + odd) / 2;
}
/// Bytes of working memory for n rows of output.
BURIN_INLINE constexpr int32_t depthwise_any_q8_dsp_scratch(const ConvShape& s, int32_t n) {
  return 16 * s.rows(n) * depthwise_any_row_words(s);
}

/// `channels` (1 to 4) channels of a pixel, zeros for what is missing to four.
template <class X>
BURIN_INLINE uint32_t depthwise_any_load(int32_t channels, const X* p) {
  if (channels == 4) return hs_bytes(p);
  uint32_t v = 0;
  for (int32_t k = 0; k < channels; ++k) v |= uint32_t(uint8_t(p[k])) << (8 * k);
  return hs_signed<X>(v);
}

/// One row of `channels` channels, from column -pl on; row null: padding.
template <class X>
BURIN_INLINE void depthwise_any_fill(const ConvShape& s, int32_t channels, uint32_t zeros, const X* row, int32_t plane,
                                     uint32_t* d) {
  const int32_t words = depthwise_any_row_words(s);
  const auto cell = [&](int32_t x) {
    return row && x >= 0 && x < s.iw ? depthwise_any_load(channels, row + x * s.ic) : zeros;
  };
  // Pairs whose two pixels both lie in the image are pairs [first, last).
  const int32_t first = (s.pl + 1) / 2, last = !row ? 0 : (s.iw + s.pl) / 2 < words ? (s.iw + s.pl) / 2 : words;
  for (int32_t i = 0; i < words; ++i) {
    if (i == first && i < last) {
      const X* p = row + (2 * i - s.pl) * s.ic;
      do {
        depthwise_put(d + i, plane, depthwise_any_load(channels, p), depthwise_any_load(channels, p + s.ic));
        p += 2 * s.ic;
      } while (++i < last);
      if (i == words) return;
    }
    depthwise_put(d + i, plane, cell(2 * i - s.pl), cell(2 * i + 1 - s.pl));
  }
}

/// n rows of output, as conv_q8_ref.
template <class X, class Y>
BURIN_INLINE void depthwise_any_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                       int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  const int32_t words = depthwise_any_row_words(s), strip = s.rows(n), plane = strip * words, each = hs_params(q.kind);
  const uint32_t zeros = hs_zeros<X>(x_zero);
  uint32_t* const planes = static_cast<uint32_t*>(scratch);
  // Outputs whose windows begin alike, at even columns or odd ones: every one, or every second.
  const int32_t phases = s.sw % 2 == 0 || s.ow == 1 ? 1 : 2, ahead = phases * s.sw / 2;
  for (int32_t c = 0; c < s.ic; c += 4) {
    // The last four channels overlap those before them.
    const int32_t channels = s.ic < 4 ? s.ic : 4, base = c + channels <= s.ic ? c : s.ic - channels;
    for (int32_t r = 0; r < strip; ++r)
      depthwise_any_fill(s, channels, zeros, rows[r] ? rows[r] + base : nullptr, plane, planes + r * words);
    for (int32_t k = c - base; k < channels; ++k, params += each) {
      for (int32_t phase = 0; phase < phases; ++phase) {
        const int32_t odd = phase * s.sw % 2, across = depthwise_any_weight_words(s, odd);
        for (int32_t oy = 0; oy < n; ++oy) {
          const uint32_t* p = planes + k * plane + oy * s.sh * words + phase * s.sw / 2;
          Y* out = y + (oy * s.ow + phase) * s.oc + base + k;
          int32_t left = (s.ow - phase + phases - 1) / phases;
          for (; left >= 4; left -= 4, p += 4 * ahead, out += 4 * phases * s.oc) {
            int32_t a0 = params[0], a1 = a0, a2 = a0, a3 = a0;
            const uint32_t *at = p, *f = w;
            for (int32_t r = 0; r < s.kh; ++r, at += words, f += across)
              for (int32_t j = 0; j < across; ++j) {
                const uint32_t v = f[j];
                a0 = smlad(v, at[j], a0), a1 = smlad(v, at[j + ahead], a1);
                a2 = smlad(v, at[j + 2 * ahead], a2), a3 = smlad(v, at[j + 3 * ahead], a3);
              }
            hs_store_four(q, params + 1, a0, a1, a2, a3, out, phases * s.oc);
          }
          for (; left > 0; --left, p += ahead, out += phases * s.oc) {
            int32_t a = params[0];
            const uint32_t *at = p, *f = w;
            for (int32_t r = 0; r < s.kh; ++r, at += words, f += across)
              for (int32_t j = 0; j < across; ++j) a = smlad(f[j], at[j], a);
            *out = hs_store<Y>(q, params + 1, a);
          }
        }
        w += s.kh * across;
      }
    }
  }
}

}  // namespace burin
