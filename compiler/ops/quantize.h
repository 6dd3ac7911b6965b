#pragma once
#include "compiler/ops/op.h"

namespace burin {

/// y = saturate(round_half_even(x / scale) + zero_point); scale and zero point are those of y's type.
struct Quantize {
  static constexpr std::string_view names[] = {"quantize"};
  static constexpr std::string_view onnx[] = {"QuantizeLinear"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::none;
  static constexpr Traits traits{.elementwise = true, .converts = true};
  static void fields(auto&, auto&&) {}
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Quantize&) const = default;
};

/// y = (x - zero_point) * scale; scale and zero point are those of x's type.
struct Dequantize {
  static constexpr std::string_view names[] = {"dequantize"};
  static constexpr std::string_view onnx[] = {"DequantizeLinear"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::none;
  static constexpr Traits traits{.elementwise = true, .converts = true};
  static void fields(auto&, auto&&) {}
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  bool operator==(const Dequantize&) const = default;
};

/// Throws OpError where one of these inputs of a quantized operator (absent ones aside) is not made of integers.
void require_stored(const OnnxNode& node, std::initializer_list<size_t> inputs);

/// Scale and zero point of a tensor of type `t`, read from the node's inputs `scale` and `zero` (which may be absent).
/// `axis` counts where the scale is a vector of more than one element. Throws OpError for scales that are zero,
/// negative or not finite, and for an axis that the tensor does not have.
Quant import_quant(const OnnxNode& node, size_t scale, size_t zero, int64_t axis, const Type& t);

}  // namespace burin
