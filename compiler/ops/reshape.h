#pragma once
#include "compiler/ops/op.h"

namespace burin {

/// The same elements in the same order under another shape; never costs anything at run time. Reshape, Flatten,
/// Squeeze, Unsqueeze and the operators that change nothing at inference all become this. Its output may also have
/// another Quant than its input: the stored integers stay what they are.
struct Reshape {
  static constexpr std::string_view names[] = {"reshape"};
  static constexpr std::string_view onnx[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::movement;

  Shape shape;

  static void fields(auto& self, auto&& f) { f("shape", self.shape); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  bool operator==(const Reshape&) const = default;
};

}  // namespace burin
