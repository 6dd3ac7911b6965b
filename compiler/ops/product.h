// Products of two quantized operands.
#pragma once
#include "compiler/ir/type.h"
#include "compiler/numerics/requantize.h"

namespace burin {

/// What the product of two stored values, each less its zero point, becomes in y.
RequantChannel product_channel(const Type& a, const Type& b, const Type& y);

}  // namespace burin
