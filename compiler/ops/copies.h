// Operators that only move elements, as strided copies: the interpreter runs them and codegen prints them.
#pragma once
#include <vector>

#include "compiler/ops/op.h"
#include "runtime-min/kernels/strided_copy.h"

namespace burin {

/// One strided_copy from element `from` of input `input` to element `to` of the result. Elements are those of the
/// dtype; 4-bit types are moved unpacked.
struct StridedCopy {
  size_t input = 0;
  StridedShape shape{};
  int64_t from = 0, to = 0;
};

/// A shape for strided_copy without axes of extent 1 and with neighbours merged where their strides allow; contiguous
/// data becomes one axis. Throws OpError when more than kMaxRank axes remain or an offset leaves int32.
StridedShape strided_shape(const Shape& extent, const Shape& from, const Shape& to);

/// Runs the copies; all tensors have the dtype of `out`.
void run_copies(const std::vector<StridedCopy>& copies, Inputs in, Tensor& out);

}  // namespace burin
