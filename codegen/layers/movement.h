// Operators that only move elements.
#pragma once
#include "codegen/layers/reference.h"

namespace burin {

/// Transpose, Slice, Concat, Expand, Pad and Reshape (a copy, where it is not an alias).
struct Movement {
  static std::optional<Movement> of(const LayerView& v);
  double cycles;
  int64_t scratch;
};

inline LayerCode lower_movement(const LayerView& v) { return lower_reference(v); }

}  // namespace burin
