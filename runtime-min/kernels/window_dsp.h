// Windows copied byte for byte, four at a time, with padding written out (cores with DSP read words from any address).
#pragma once
#include "runtime-min/kernels/conv.h"

namespace burin {

/// One group of s, as if it were alone.
BURIN_INLINE ConvShape conv_group(ConvShape s) {
  s.ic /= s.groups, s.oc /= s.groups, s.groups = 1;
  return s;
}

/// Bytes 0 and 2 of four activations as numbers of 16 bits; bytes 1 and 3.
template <class X>
BURIN_INLINE uint32_t byte_pair_even(uint32_t v) {
  return X(-1) > X(0) ? v & 0x00FF00FFu : sxtb16(v);
}
template <class X>
BURIN_INLINE uint32_t byte_pair_odd(uint32_t v) {
  return X(-1) > X(0) ? (v >> 8) & 0x00FF00FFu : sxtb16_ror8(v);
}

template <class X>
BURIN_INLINE X* window_copy(const X* from, int32_t bytes, X* to) {
  const X* const end = from + bytes;
  for (; end - from >= 4; from += 4, to += 4) store32(to, load32(from));
  while (from != end) *to++ = *from++;
  return to;
}
template <class X>
BURIN_INLINE X* window_fill(int32_t x_zero, int32_t bytes, X* to) {
  X* const end = to + bytes;
  for (; end - to >= 4; to += 4) store32(to, 0x01010101u * uint32_t(uint8_t(x_zero)));
  while (to != end) *to++ = X(x_zero);
  return to;
}

/// One row of the window at x = left: s.kw taps of s.ic channels; s is one group. Pixels of the image are `stride`
/// apart, row is where the group's channels of the first one lie, null for padding. Returns where the next row goes.
template <class X>
BURIN_INLINE X* window_row(const ConvShape& s, int32_t stride, int32_t x_zero, const X* row, int32_t left, X* to) {
  if (!row) return window_fill(x_zero, s.kw * s.ic, to);
  if (s.dw == 1 && stride == s.ic) {
    // Taps [first, last) are inside the image.
    const int32_t first = left >= 0 ? 0 : -left < s.kw ? -left : s.kw;
    const int32_t last = left + s.kw <= s.iw ? s.kw : s.iw - left > first ? s.iw - left : first;
    if (first > 0) to = window_fill(x_zero, first * s.ic, to);
    if (last > first) to = window_copy(row + (left + first) * s.ic, (last - first) * s.ic, to);
    return last < s.kw ? window_fill(x_zero, (s.kw - last) * s.ic, to) : to;
  }
  for (int32_t kx = 0; kx < s.kw; ++kx) {
    const int32_t x = left + kx * s.dw;
    to = x >= 0 && x < s.iw ? window_copy(row + x * stride, s.ic, to) : window_fill(x_zero, s.ic, to);
  }
  return to;
}

}  // namespace burin
