// Fully connected layers on int8 and uint8 whose weights are stored coded (coded.h), on every core: each filter is
// decoded once, into working memory, and then meets all pixels.
#pragma once
#include "runtime-min/kernels/coded.h"
#include "runtime-min/kernels/conv_plain.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Bytes of working memory: one filter.
BURIN_INLINE constexpr int32_t dense_coded_q8_scratch(const ConvShape& s) { return s.ic; }

/// The sum of products of n weights with activations as int8 (hs_signed). w begins at a whole word.
template <class X>
BURIN_SHARED int32_t coded_dot(const X* x, const int8_t* w, int32_t n) {
  int32_t acc = 0;
#if BURIN_DSP
  const auto four = [&]() __attribute__((always_inline)) {
    const uint32_t a = hs_bytes(x), b = load32(w);
    acc = smlad(sxtb16_ror8(a), sxtb16_ror8(b), smlad(sxtb16(a), sxtb16(b), acc));
    x += 4, w += 4;
  };
  for (; n >= 16; n -= 16) four(), four(), four(), four();
  for (; n >= 4; n -= 4) four();
#endif
  for (; n > 0; --n) acc += int8_t(X(-1) > X(0) ? *x++ ^ 0x80 : *x++) * *w++;
  return acc;
}

/// n rows of s.ow pixels each, all filters; a pixel is ic activations. w: the filters coded one after the other; params:
/// plain_requantize of the sum over activations as int8.
template <class X, class Y>
BURIN_INLINE void dense_coded_q8(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                 const uint16_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)x_zero;
  int8_t* const filter = static_cast<int8_t*>(scratch);
  uint32_t at = 0;
  for (int32_t o = 0; o < s.oc; ++o) {
    at = decode(w, at, static_cast<uint8_t*>(scratch), s.ic);
    Y* to = y + o;
    for (int32_t row = 0; row < n; ++row)
      for (const X *x = rows[row], *const end = x + s.ow * s.ic; x != end; x += s.ic, to += s.oc)
        *to = Y(plain_requantize(q, params, o, coded_dot(x, filter, s.ic)));
  }
}

}  // namespace burin
