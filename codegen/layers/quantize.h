// Between real numbers and stored integers.
#pragma once
#include "codegen/layer.h"

namespace burin {

/// Quantize or Dequantize. What is quantized from another type than float32 passes through float32 in scratch memory,
/// 4-bit integers through bytes.
struct QuantizeLayer {
  static std::optional<QuantizeLayer> of(const LayerView& v);
  bool to_integer;
  DType real, stored;
  Quant quant;
  int64_t n, run, channels;  // elements; neighbours with one scale; scales
  int64_t scratch;

  int64_t real_scratch() const { return real == DType::f32 ? 0 : (4 * n + 15) / 16 * 16; }
};

LayerCode lower_quantize_f32(const LayerView& v);
LayerCode lower_dequantize_f32(const LayerView& v);

}  // namespace burin
