// Operators of one operand, element by element.
#pragma once
#include "codegen/layers/reference.h"

namespace burin {

double unary_cycles(const Reference& l);

/// Unary from int8 or uint8 to int8 or uint8, by table.
struct UnaryMve {
  static std::optional<UnaryMve> of(const LayerView& v);
  int64_t n;
};
LayerCode lower_lut_q8_mve(const LayerView& v);

}  // namespace burin
