// Depthwise convolution for cores with DSP where windows overlap little or not at all: four channels of a pixel are one
// word, read where it lies, so that nothing is gathered. Any window, stride, dilation and padding; one or more outputs
// per input channel.
//
// Two taps of four channels are two words; they become four pairs of 16-bit activations, one SMLAD each. Weights are
// used times 256, as in depthwise_dsp.h. Where channels are no multiple of four the last four overlap those before
// them.
//
// Weights and parameters are one stream. Per four channels, per output of a channel: the sums' first values; per two
// taps the pairs of the four channels; a last odd tap as (channels 0, 2), (1, 3); what is left of each channel's
// parameters (hs.h). In the `wide` form weights are used as they are, and the sum, which starts from what the zero
// point adds, goes to requantize().
#pragma once
#include "runtime-min/kernels/hs.h"
#include "runtime-min/kernels/window_dsp.h"

namespace burin {

/// Bytes of working memory: where each tap of a window lies, and a pixel of padding.
BURIN_INLINE constexpr int32_t depthwise_taps_q8_dsp_scratch(const ConvShape& s) {
  return s.kh * s.kw * 8 + (s.ic < 4 ? 4 : s.ic);
}
/// Words of a channel's parameters: what the sum starts from; the others.
BURIN_INLINE constexpr int32_t depthwise_taps_params(bool wide, RequantKind kind) {
  return wide ? 1 + words_per_channel(kind) : hs_params(kind);
}
/// The first of the four channels that start at `c`: the last four overlap.
BURIN_INLINE constexpr int32_t depthwise_taps_first(const ConvShape& s, int32_t c) {
  return c + 4 <= s.ic ? c : s.ic < 4 ? 0 : s.ic - 4;
}

/// Four channels of a pixel, `channels` of which there are.
template <class X>
BURIN_INLINE uint32_t depthwise_taps_load(int32_t channels, const X* x) {
  if (channels >= 4) return load32(x);
  uint32_t v = uint8_t(x[0]);
  if (channels > 1) v |= uint32_t(uint8_t(x[1])) << 8;
  if (channels > 2) v |= uint32_t(uint8_t(x[2])) << 16;
  return v;
}

/// Does any window reach beyond the image?
BURIN_INLINE constexpr bool depthwise_taps_padded(const ConvShape& s) {
  return s.pt > 0 || s.pl > 0 || (s.oh - 1) * s.sh + (s.kh - 1) * s.dh >= s.ih ||
         (s.ow - 1) * s.sw + (s.kw - 1) * s.dw >= s.iw;
}

/// Where the taps of the window at x = left of the rows r lie.
template <class X>
BURIN_INLINE void depthwise_taps_list(const ConvShape& s, const X* const* r, int32_t left, const X* padding,
                                      const X** taps) {
  const bool padded = depthwise_taps_padded(s), inside = !padded || (left >= 0 && left + (s.kw - 1) * s.dw < s.iw);
  for (int32_t ky = 0; ky < s.kh; ++ky, taps += s.kw) {
    const X* const row = r[ky * s.dh];
    if (inside && (!padded || row)) {
      const X* at = row + left * s.ic;
      BURIN_UNROLL
      for (int32_t kx = 0; kx < s.kw; ++kx, at += s.dw * s.ic) taps[kx] = at;
    } else {
      for (int32_t kx = 0; kx < s.kw; ++kx) {
        const int32_t x = left + kx * s.dw;
        taps[kx] = row && x >= 0 && x < s.iw ? row + x * s.ic : padding;
      }
    }
  }
}

#if BURIN_DSP
// Two taps of four channels, 12 instructions for 8 products; `type` is s or u.
// clang-format off
#define BURIN_TAPS_PRODUCTS(type)                                                                                      \
  "ldrd %[f0], %[f1], [%[w]], #8\n\t"                                                                                  \
  "pkhbt %[l], %[v0], %[v1], lsl #16\n\t"                                                                             \
  "pkhtb %[v1], %[v1], %[v0], asr #16\n\t" type                                                                       \
  "xtb16 %[v0], %[l]\n\t" type                                                                                        \
  "xtb16 %[l], %[l], ror #8\n\t"                                                                                      \
  "smlad %[a0], %[f0], %[v0], %[a0]\n\t"                                                                              \
  "smlad %[a1], %[f1], %[l], %[a1]\n\t"                                                                               \
  "ldrd %[f0], %[f1], [%[w]], #8\n\t" type                                                                            \
  "xtb16 %[l], %[v1]\n\t" type                                                                                        \
  "xtb16 %[v1], %[v1], ror #8\n\t"                                                                                    \
  "smlad %[a2], %[f0], %[l], %[a2]\n\t"                                                                               \
  "smlad %[a3], %[f1], %[v1], %[a3]\n\t"
#define BURIN_TAPS_PAIR(type)                                                                                          \
  "ldrd %[v0], %[v1], [%[t]], #8\n\t"                                                                                 \
  "ldr %[v0], [%[v0], %[c]]\n\t"                                                                                      \
  "ldr %[v1], [%[v1], %[c]]\n\t" BURIN_TAPS_PRODUCTS(type)
#define BURIN_TAPS_TEMPORARIES [l] BURIN_TAPS_L(l), [f0] "=&r"(f0), [f1] "=&r"(f1)
#define BURIN_TAPS_SUMS [w] "+r"(w), [a0] "+r"(a[0]), [a1] "+r"(a[1]), [a2] "+r"(a[2]), [a3] "+r"(a[3])
#define BURIN_TAPS_ASM(text, ...)                                                                                      \
  __asm__ volatile(text                                                                                                \
                   : BURIN_TAPS_SUMS, BURIN_TAPS_TEMPORARIES, [v0] "=&r"(v0), [v1] "=&r"(v1), [t] "+r"(t)              \
                   : [c] "r"(c) __VA_ARGS__                                                                            \
                   : "cc", "memory")
#if defined(__clang__)
#define BURIN_TAPS_L "+r"  // may bring a word
#define BURIN_TAPS_LOOP(type)                                                                                          \
  l = uint32_t(reinterpret_cast<uintptr_t>(end));                                                                     \
  BURIN_TAPS_ASM("str %[l], [sp, #-8]!\n1:\n\t" BURIN_TAPS_PAIR(type) BURIN_TAPS_PAIR(type)                            \
                 "ldr %[v0], [sp]\n\tcmp %[t], %[v0]\n\tbne 1b\n\tadd sp, #8\n\t", )
#else
#define BURIN_TAPS_L "=&r"
#define BURIN_TAPS_LOOP(type)                                                                                          \
  BURIN_TAPS_ASM("1:\n\t" BURIN_TAPS_PAIR(type) BURIN_TAPS_PAIR(type) "cmp %[t], %[end]\n\tbne 1b\n\t", , [end] "r"(end))
#endif
// clang-format on
#endif

/// Two words of the stream.
BURIN_INLINE void depthwise_taps_next(const uint32_t*& w, int32_t& a, int32_t& b) {
#if BURIN_DSP
  __asm__ volatile("ldrd %[a], %[b], [%[w]], #8" : [a] "=r"(a), [b] "=r"(b), [w] "+r"(w) : : "memory");
#else
  a = int32_t(w[0]), b = int32_t(w[1]), w += 2;
#endif
}

/// `pairs` times two taps of four channels (fewer where there are only `channels`), which begin at element c.
template <class X>
BURIN_INLINE void depthwise_taps_pairs(int32_t channels, int32_t pairs, const X* const* t, int32_t c,
                                       const uint32_t*& w, int32_t* a) {
#if BURIN_DSP
  constexpr bool is_unsigned = X(-1) > X(0);
  if (channels >= 4) {
    uint32_t v0, v1, l = 0, f0, f1;
    if (pairs < 6) {
      BURIN_UNROLL
      for (int32_t i = 0; i < pairs; ++i)
        if (is_unsigned) BURIN_TAPS_ASM(BURIN_TAPS_PAIR("u"), );
        else BURIN_TAPS_ASM(BURIN_TAPS_PAIR("s"), );
      return;
    }
    if (pairs % 2 != 0) {
      if (is_unsigned) BURIN_TAPS_ASM(BURIN_TAPS_PAIR("u"), );
      else BURIN_TAPS_ASM(BURIN_TAPS_PAIR("s"), );
    }
    const X* const* const end = t + pairs / 2 * 4;
    if (is_unsigned) {
      BURIN_TAPS_LOOP("u");
    } else {
      BURIN_TAPS_LOOP("s");
    }
    return;
  }
#endif
  for (int32_t i = 0; i < pairs; ++i, t += 2, w += 4) {
    const uint32_t v0 = depthwise_taps_load(channels, t[0] + c), v1 = depthwise_taps_load(channels, t[1] + c);
    const uint32_t low = pkhbt(v0, v1), high = pkhtb(v1, v0);
    a[0] = smlad(w[0], byte_pair_even<X>(low), a[0]), a[1] = smlad(w[1], byte_pair_odd<X>(low), a[1]);
    a[2] = smlad(w[2], byte_pair_even<X>(high), a[2]), a[3] = smlad(w[3], byte_pair_odd<X>(high), a[3]);
  }
}

template <bool wide, class X, class Y>
BURIN_INLINE void depthwise_taps(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                 const uint32_t* weights, Y* y, void* scratch) {
  const int32_t count = s.kh * s.kw, each = depthwise_taps_params(wide, q.kind) - 1, outputs = s.oc / s.ic;
  const X** const taps = static_cast<const X**>(scratch);
  X* const padding = reinterpret_cast<X*>(static_cast<uint8_t*>(scratch) + count * 8);
  const bool padded = depthwise_taps_padded(s);
  if (padded) window_fill(x_zero, s.ic, padding);
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox, y += s.oc) {
      const X* only = nullptr;  // a window of one tap
      if (count == 1) {
        const int32_t x = ox * s.sw - s.pl;
        only = !padded || (rows[oy * s.sh] && x >= 0 && x < s.iw) ? rows[oy * s.sh] + x * s.ic : padding;
      } else {
        depthwise_taps_list(s, rows + oy * s.sh, ox * s.sw - s.pl, static_cast<const X*>(padding), taps);
      }
      const uint32_t* w = weights;
      for (int32_t at = 0; at < s.ic; at += 4) {
        const int32_t c = depthwise_taps_first(s, at);
        Y* out = y + c * outputs;
        for (int32_t k = 0; k < outputs; ++k, ++out) {
          int32_t a[4];
          depthwise_taps_next(w, a[0], a[1]);
          depthwise_taps_next(w, a[2], a[3]);
          depthwise_taps_pairs(s.ic, count / 2, static_cast<const X* const*>(taps), c, w, a);
          if (count % 2 != 0) {
            const uint32_t v = depthwise_taps_load(s.ic, (count == 1 ? only : taps[count - 1]) + c);
            const uint32_t even = byte_pair_even<X>(v), odd = byte_pair_odd<X>(v);
            int32_t f0, f1;
            depthwise_taps_next(w, f0, f1);
            a[0] = smlabb(uint32_t(f0), even, a[0]), a[1] = smlabb(uint32_t(f1), odd, a[1]);
            a[2] = smlatt(uint32_t(f0), even, a[2]), a[3] = smlatt(uint32_t(f1), odd, a[3]);
          }
          Y r[4];
          if (!wide && q.kind == RequantKind::shift8) {
            int32_t m[4];
            depthwise_taps_next(w, m[0], m[1]);
            depthwise_taps_next(w, m[2], m[3]);
            BURIN_UNROLL
            for (int32_t i = 0; i < 4; ++i) r[i] = Y(requantize_shift8(q, a[i], m[i]));
          } else {
            for (int32_t i = 0; i < 4; ++i, w += each)
              r[i] = Y(requantize(q, reinterpret_cast<const int32_t*>(w), wide ? a[i] : a[i] >> 8));
          }
          BURIN_UNROLL
          for (int32_t i = 0; i < (s.ic < 4 ? s.ic : 4); ++i) out[i * outputs] = r[i];
        }
      }
    }
}

/// n rows of output, as conv_q8_ref.
template <class X, class Y>
BURIN_INLINE void depthwise_taps_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                        int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)params;
  depthwise_taps<false>(s, q, x_zero, rows, n, w, y, scratch);
}

/// The same where weights need 16 bits, or sums more than 23.
template <class X, class Y>
BURIN_INLINE void depthwise_w16_q8_dsp(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                       int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)params;
  depthwise_taps<true>(s, q, x_zero, rows, n, w, y, scratch);
}

}  // namespace burin
