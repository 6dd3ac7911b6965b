// Operators that only move elements, as strided copies.
#pragma once
#include <vector>

#include "compiler/ops/op.h"
#include "compiler/program/layer_code.h"
#include "runtime-min/kernels/strided_copy.h"

namespace burin {

/// One strided_copy from element `from` of input `input` to element `to` of the result. Elements are those of the
/// dtype; 4-bit types are moved unpacked.
struct StridedCopy {
  size_t input = 0;
  StridedShape shape{};
  int64_t from = 0, to = 0;
};

template <class F>
void fields(StridedShape& s, F& f) {
  f(s.rank), f(s.extent, s.rank), f(s.from, s.rank), f(s.to, s.rank);
}

/// A shape for strided_copy without axes of extent 1 and with neighbours merged where their strides allow; contiguous
/// data becomes one axis. Throws OpError when more than kMaxRank axes remain or an offset leaves int32.
StridedShape strided_shape(const Shape& extent, const Shape& from, const Shape& to);

/// The copies as calls, after the result was filled with `fill`; all types have the dtype of `y`. 4-bit elements are
/// unpacked into bytes of scratch memory, moved there and packed again.
LayerCode moved(const std::vector<StridedCopy>& copies, std::span<const Type> in, const Type& y,
                const std::optional<Tensor>& fill = {});

}  // namespace burin
