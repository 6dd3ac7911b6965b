// Fully connected layers on int8 and uint8 whose weights are stored coded (coded.h), on every core: each filter is
// decoded into working memory, piece by piece, and multiplied from there.
#pragma once
#include "runtime-min/kernels/coded.h"
#include "runtime-min/kernels/conv_plain.h"
#include "runtime-min/kernels/hs.h"

namespace burin {

/// Weights that are decoded at a time; whole words.
constexpr int32_t kCodedPiece = 256;
/// Bytes of working memory: a piece of a filter.
BURIN_INLINE constexpr int32_t dense_coded_q8_scratch(const ConvShape& s) {
  return s.ic < kCodedPiece ? s.ic : kCodedPiece;
}

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

/// One pixel of ic activations, all filters. w: the filters coded one after the other; params: plain_requantize of the
/// sum over activations as int8.
template <class X, class Y>
BURIN_INLINE void dense_coded_q8(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows, int32_t n,
                                 const uint16_t* w, const int32_t* params, Y* y, void* scratch) {
  (void)x_zero, (void)n;
  uint8_t* const piece = static_cast<uint8_t*>(scratch);
  uint32_t at = 0;
  for (int32_t o = 0; o < s.oc; ++o) {
    int32_t acc = 0;
    for (int32_t k = 0; k < s.ic; k += kCodedPiece) {
      const int32_t count = s.ic - k < kCodedPiece ? s.ic - k : kCodedPiece;
      at = decode(w, at, piece, count);
      acc += coded_dot(rows[0] + k, reinterpret_cast<const int8_t*>(piece), count);
    }
    y[o] = Y(plain_requantize(q, params, o, acc));
  }
}

}  // namespace burin
