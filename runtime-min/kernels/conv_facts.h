// What convolutions of several shapes that share one function read from a table each (--optimize size).
#pragma once
#include "runtime-min/kernels/conv.h"

namespace burin {

/// Members as in ConvShape and Requant; ic counts fours where the function knows that channels come in fours. x_zero is
/// the input's zero point, n how many output rows a call makes.
struct ConvFacts {
  int16_t ih, iw, ic, oh, ow, oc, sh, sw, pt, pl, shift, zero_point, x_zero, n, batch, offset_low, offset_high;

  /// With what decides the function's structure.
  BURIN_INLINE constexpr Requant requant(RequantKind kind, int32_t lo, int32_t hi) const {
    return {kind, shift, int32_t(uint16_t(offset_low) | (uint32_t(offset_high) << 16)), lo, hi, zero_point};
  }
};

}  // namespace burin
