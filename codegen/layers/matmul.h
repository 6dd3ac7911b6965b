// Matrix products of two operands that are computed at run time.
#pragma once
#include "codegen/layer.h"
#include "compiler/numerics/requantize.h"
#include "compiler/ops/matmul.h"
#include "runtime-min/kernels/matmul.h"

namespace burin {

struct MatMulLayer {
  static std::optional<MatMulLayer> of(const LayerView& v);
  MatMulShape s;
  bool quantized;
  double products;
  Requantization requant;  // quantized
};

LayerCode lower_matmul_ref(const LayerView& v);
LayerCode lower_matmul_q8_ref(const LayerView& v);

}  // namespace burin
