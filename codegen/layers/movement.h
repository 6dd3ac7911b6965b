// Operators that only move elements.
#pragma once
#include "codegen/layer.h"
#include "compiler/ops/copies.h"

namespace burin {

/// Transpose, Slice, Concat, Expand, Pad and Reshape (a copy, where it is not an alias) as copies. 4-bit elements are
/// unpacked into bytes of scratch memory, moved there and packed again.
struct Movement {
  static std::optional<Movement> of(const LayerView& v);
  std::vector<StridedCopy> copies;
  std::optional<Tensor> fill;  // what the result is filled with first
  DType dtype;
  int64_t bytes;  // of an element, where it is moved
  int64_t n;      // elements of the result
  double cycles;
  int64_t scratch;
};

LayerCode lower_movement(const LayerView& v);

}  // namespace burin
