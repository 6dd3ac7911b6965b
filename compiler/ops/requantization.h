// What results of quantized operators are requantized by, where that is more than one Requantization.
#pragma once
#include <vector>

#include "compiler/ir/type.h"
#include "compiler/numerics/requantize.h"

namespace burin {

/// What the product of two stored values, each less its zero point, becomes in y.
RequantChannel product_channel(const Type& a, const Type& b, const Type& y);

/// Of a quantized average pool: one parameter set for each number that a window divides by. counts is what the kernel
/// takes beside the parameters: those numbers, rising.
struct PoolRequantization {
  Requantization requantization;
  std::vector<int32_t> counts;
};

}  // namespace burin
