#pragma once
#include "compiler/ops/op.h"

namespace burin {

/// Matrix product of the last two axes, y = a b; the axes before them broadcast. As in numpy, a vector a is one row, a
/// vector b one column, and that axis is dropped from the result. Quantized (one scale each): correctly rounded from
/// the exact sum of (a - za) * (b - zb). Weights known at compile time become Dense instead.
struct MatMul {
  static constexpr std::string_view names[] = {"matmul"};
  static constexpr std::string_view onnx[] = {"MatMul", "QLinearMatMul", "MatMulInteger"};
  static constexpr Arity inputs{2, 2};
  static constexpr QuantRule quant = QuantRule::arithmetic;
  static void fields(auto&, auto&&) {}
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const MatMul&) const = default;
  bool integer_form() const { return true; }
};

}  // namespace burin
