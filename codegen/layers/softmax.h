// Softmax and its logarithm.
#pragma once
#include "codegen/layer.h"
#include "compiler/numerics/functions.h"
#include "runtime-min/kernels/softmax.h"

namespace burin {

struct SoftmaxF32 {
  static std::optional<SoftmaxF32> of(const LayerView& v);
  SoftmaxShape s;
  bool log;
  int64_t n;
};

/// Softmax of int8 and uint8 in fixed point.
struct SoftmaxQ8 {
  static std::optional<SoftmaxQ8> of(const LayerView& v);
  SoftmaxShape s;
  SoftmaxPlan plan;
  int64_t n;
};

LayerCode lower_softmax_f32(const LayerView& v);
LayerCode lower_softmax_q8(const LayerView& v);

}  // namespace burin
