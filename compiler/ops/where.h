#pragma once
#include "compiler/ops/op.h"

namespace burin {

struct WhereShape;  // runtime-min/kernels/where.h

/// y = condition ? a : b, element by element, the three shapes broadcast. Inputs: condition (boolean), a, b.
struct Where {
  static constexpr std::string_view names[] = {"where"};
  static constexpr std::string_view onnx[] = {"Where"};
  static constexpr Arity inputs{3, 3};
  static constexpr QuantRule quant = QuantRule::none;
  static constexpr Traits traits{.elementwise = true};
  static void fields(auto&, auto&&) {}
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  void eval(Inputs in, Outputs out) const;
  bool operator==(const Where&) const = default;
  bool integer_form() const { return false; }
};

/// The broadcast that the kernel runs, merged like binary_shape().
WhereShape where_shape(const Shape& condition, const Shape& a, const Shape& b);

}  // namespace burin
