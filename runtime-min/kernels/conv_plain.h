// Convolution on int8 and uint8 in plain C++, for cores without DSP instructions and for layers that packed kernels
// refuse: zero points are constants, padding is written out, and loads are shared by filters and pixels.
#pragma once
#include "runtime-min/kernels/conv.h"

namespace burin {

// Pixels and channels that share loads: as many sums as registers hold.
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
constexpr int32_t kPlainPixels = 1, kPlainChannels = 1;
#else
constexpr int32_t kPlainPixels = 2, kPlainChannels = 4;
#endif
/// Channels whose weights stand together, on every core.
constexpr int32_t kPlainPacked = 4;

/// f(0), ..., f(N - 1): what gcc -O2 leaves as a loop, with its sums in memory.
template <int32_t N>
struct PlainEach {
  template <class F>
  static BURIN_INLINE void call(F f) {
    PlainEach<N - 1>::call(f);
    f(N - 1);
  }
};
template <>
struct PlainEach<0> {
  template <class F>
  static BURIN_INLINE void call(F) {}
};
template <int32_t N, class F>
BURIN_INLINE void plain_each(F f) {
  PlainEach<N>::call(f);
}

/// Every window is a run of bytes in its row: nothing to gather, and no padding, at the far edges neither.
BURIN_INLINE constexpr bool plain_in_place(const ConvShape& s) {
  return s.kh == 1 && s.kw == 1 && s.pt == 0 && s.pl == 0 && (s.oh - 1) * s.sh < s.ih && (s.ow - 1) * s.sw < s.iw;
}

/// Bytes of working memory: the windows of the pixels that are computed together.
BURIN_INLINE constexpr int32_t conv_q8_plain_scratch(const ConvShape& s) {
  return plain_in_place(s) ? 0 : kPlainPixels * s.kh * s.kw * (s.ic / s.groups);
}

/// The window of output pixel (oy, ox), channels [channel, channel + count).
template <class X>
BURIN_INLINE void plain_gather(const ConvShape& s, int32_t x_zero, const X* const* rows, int32_t oy, int32_t ox,
                               int32_t channel, int32_t count, X* to) {
  const int32_t left = ox * s.sw - s.pl;
  for (int32_t ky = 0; ky < s.kh; ++ky) {
    const X* row = rows[oy * s.sh + ky * s.dh];
    if (s.groups == 1 && s.dw == 1) {
      // Taps [first, last) are inside the image.
      const int32_t first = left >= 0 ? 0 : -left < s.kw ? -left : s.kw;
      const int32_t last = !row ? first : left + s.kw <= s.iw ? s.kw : s.iw - left > first ? s.iw - left : first;
      if (last - first < s.kw) __builtin_memset(to, uint8_t(x_zero), size_t(s.kw * s.ic));
      if (last > first) __builtin_memcpy(to + first * s.ic, row + (left + first) * s.ic, size_t((last - first) * s.ic));
      to += s.kw * s.ic;
      continue;
    }
    for (int32_t kx = 0; kx < s.kw; ++kx) {
      const int32_t ix = left + kx * s.dw;
      const X* from = row && ix >= 0 && ix < s.iw ? row + ix * s.ic + channel : nullptr;
      for (int32_t c = 0; c < count; ++c) *to++ = from ? from[c] : X(x_zero);
    }
  }
}

/// The stored value of a sum over x as it is; params: as `requantize` wants them after what x_zero and the sum of
/// weights make of the sum, which shift8 has in its first word.
BURIN_INLINE int32_t plain_requantize(const Requant& q, const int32_t* params, int32_t o, int32_t acc) {
  if (q.kind == RequantKind::shift8) return requantize(q, params + o * 2, acc);
  const int32_t* p = params + o * (words_per_channel(q.kind) + 1);
  return requantize(q, p + 1, wrap_add(acc, p[0]));
}

#if BURIN_V6M
// gcc -Os computes the address of each weight anew and keeps sums in memory: twice the time. Sums lie in ip and lr,
// because gcc -Os gives no other high register away, and low ones are few.
#define BURIN_V6M_FILTER(v, sum) "ldrsb %[b], [%[" #v "], %[k]]\n\tmuls %[b], %[a], %[b]\n\tadd " #sum ", %[b]\n\t"
#define BURIN_V6M_TAP(load)                                                                                            \
  load " %[a], [%[x], %[k]]\n\t" BURIN_V6M_FILTER(v0, ip) BURIN_V6M_FILTER(v1, lr) "adds %[k], #1\n\t"
#define BURIN_V6M_FOUR(load) BURIN_V6M_TAP(load) BURIN_V6M_TAP(load) BURIN_V6M_TAP(load) BURIN_V6M_TAP(load)
#define BURIN_V6M_SUMS(taps)                                                                                           \
  __asm__(".syntax unified\n\tmovs %[a], #0\n\tmov ip, %[a]\n\tmov lr, %[a]\n1:\n\t" taps                              \
          "bne 1b\n\tmov %[a], ip\n\tmov %[b], lr"                                                                     \
          : [k] "+l"(k), [a] "=&l"(a), [b] "=&l"(b)                                                                    \
          : [x] "l"(x + count), [v0] "l"(v0 + count), [v1] "l"(v1 + count)                                             \
          : "ip", "lr", "cc", "memory")
/// The products of x with v0 and v1, `count` of each, into both sums.
template <class X>
BURIN_INLINE void plain_two(int32_t count, const X* x, const int8_t* v0, const int8_t* v1, int32_t* sums) {
  int32_t k = -count, a, b;
  if (count == 0) return;
  if (count % 4 == 0) {
    if (X(-1) < X(0)) BURIN_V6M_SUMS(BURIN_V6M_FOUR("ldrsb"));
    else BURIN_V6M_SUMS(BURIN_V6M_FOUR("ldrb"));
  } else {
    if (X(-1) < X(0)) BURIN_V6M_SUMS(BURIN_V6M_TAP("ldrsb"));
    else BURIN_V6M_SUMS(BURIN_V6M_TAP("ldrb"));
  }
  sums[0] = a, sums[1] = b;
}
#undef BURIN_V6M_FILTER
#undef BURIN_V6M_TAP
#undef BURIN_V6M_FOUR
#undef BURIN_V6M_SUMS
#endif

/// `Pixels` windows against filters [first, first + filters) of `taps` weights, `Filters` at a time; y: the pixels'
/// first value of these filters.
template <int32_t Pixels, int32_t Filters, class X, class Y>
BURIN_INLINE void plain_windows(const ConvShape& s, const Requant& q, int32_t taps, const X* const* x, int32_t first,
                                int32_t filters, const int8_t* w, const int32_t* params, Y* y) {
  for (int32_t f = 0; f < filters; f += Filters) {
    const int32_t last = filters - 1 - f;  // filters beyond it are computed as it is, and not stored
    const int8_t* v[Filters];
    int32_t acc[Filters][Pixels] = {};
    plain_each<Filters>([&](int32_t i)
                            __attribute__((always_inline)) { v[i] = w + (first + f + (i < last ? i : last)) * taps; });
#if BURIN_V6M
    if (Pixels == 1 && Filters == 2) plain_two(taps, x[0], v[0], v[Filters - 1], acc[0]);
    else
#endif
      for (int32_t k = 0; k < taps; ++k)
        plain_each<Pixels>([&](int32_t p) __attribute__((always_inline)) {
          plain_each<Filters>([&](int32_t i) __attribute__((always_inline)) { acc[i][p] += x[p][k] * v[i][k]; });
        });
    plain_each<Filters>([&](int32_t i) __attribute__((always_inline)) {
      plain_each<Pixels>([&](int32_t p) __attribute__((always_inline)) {
        if (i <= last) y[p * s.oc + f + i] = Y(plain_requantize(q, params, first + f + i, acc[i][p]));
      });
    });
  }
}

/// n rows of output, as conv_q8_ref; w: as there; params: plain_requantize.
template <class X, class Y>
BURIN_INLINE void conv_q8_plain(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                const int8_t* w, const int32_t* params, Y* y, void* scratch) {
  const int32_t ic = s.ic / s.groups, oc = s.oc / s.groups, taps = s.kh * s.kw * ic, total = n * s.ow;
  int32_t oy = 0, ox = 0;
  for (int32_t done = 0; done < total; done += kPlainPixels) {
    const int32_t count = total - done < kPlainPixels ? total - done : kPlainPixels;
    int32_t at_y[kPlainPixels], at_x[kPlainPixels];
    for (int32_t p = 0; p < count; ++p) {
      at_y[p] = oy, at_x[p] = ox;
      if (++ox == s.ow) ox = 0, ++oy;
    }
    for (int32_t g = 0; g < s.groups; ++g) {
      const X* x[kPlainPixels] = {};
      for (int32_t p = 0; p < count; ++p) {
        if (plain_in_place(s)) {
          x[p] = rows[at_y[p] * s.sh] + at_x[p] * s.sw * s.ic + g * ic;
        } else {
          X* window = static_cast<X*>(scratch) + p * taps;
          plain_gather(s, x_zero, rows, at_y[p], at_x[p], g * ic, ic, window);
          x[p] = window;
        }
      }
      if (oc == 1 && count == kPlainPixels) plain_windows<kPlainPixels, 1>(s, q, taps, x, g, 1, w, params, y + g);
      else if (count == kPlainPixels) plain_windows<kPlainPixels, 2>(s, q, taps, x, g * oc, oc, w, params, y + g * oc);
      else plain_windows<1, 2 * kPlainPixels>(s, q, taps, x, g * oc, oc, w, params, y + g * oc);
    }
    y += count * s.oc;
  }
}

/// Bytes of working memory: where each tap of a window lies, and a pixel of padding.
BURIN_INLINE constexpr int32_t depthwise_q8_plain_scratch(const ConvShape& s) { return s.kh * s.kw * 8 + s.ic; }

/// `Channels` channels at one pixel; x: where each tap's first channel lies, w: the channels' weights for the first
/// tap, those for the next one `step` further.
template <int32_t Channels, class X, class Y>
BURIN_INLINE void plain_channels(const Requant& q, int32_t taps, const X* const* x, int32_t c, const int8_t* w,
                                 int32_t step, const int32_t* params, Y* y) {
  int32_t acc[Channels] = {};
  for (int32_t t = 0; t < taps; ++t) {
    const X* at = x[t] + c;
    plain_each<Channels>([&](int32_t i) __attribute__((always_inline)) { acc[i] += at[i] * w[i]; });
    w += step;
  }
  plain_each<Channels>([&](int32_t i) __attribute__((always_inline)) {
    y[c + i] = Y(plain_requantize(q, params, c + i, acc[i]));
  });
}

/// Depthwise: as many groups as channels, in and out. w: [ic / kPlainPacked][kh][kw][kPlainPacked], then the channels
/// left over, [kh][kw] each.
template <class X, class Y>
BURIN_INLINE void depthwise_q8_plain(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                     int32_t n, const int8_t* w, const int32_t* params, Y* y, void* scratch) {
  const X** const taps = static_cast<const X**>(scratch);
  X* const padding = reinterpret_cast<X*>(static_cast<uint8_t*>(scratch) + s.kh * s.kw * 8);
  for (int32_t c = 0; c < s.ic; ++c) padding[c] = X(x_zero);
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox) {
      for (int32_t ky = 0; ky < s.kh; ++ky)
        for (int32_t kx = 0; kx < s.kw; ++kx) {
          const X* row = rows[oy * s.sh + ky * s.dh];
          const int32_t ix = ox * s.sw + kx * s.dw - s.pl;
          taps[ky * s.kw + kx] = row && ix >= 0 && ix < s.iw ? row + ix * s.ic : padding;
        }
      const int32_t count = s.kh * s.kw, packed = s.ic - s.ic % kPlainPacked;
      for (int32_t c = 0; c < packed; c += kPlainPacked)
        for (int32_t i = 0; i < kPlainPacked; i += kPlainChannels)
          plain_channels<kPlainChannels>(q, count, taps, c + i, w + c * count + i, kPlainPacked, params, y);
      for (int32_t c = packed; c < s.ic; ++c) plain_channels<1>(q, count, taps, c, w + c * count, 1, params, y);
      y += s.ic;
    }
}

}  // namespace burin
