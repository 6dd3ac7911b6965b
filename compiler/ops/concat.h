#pragma once
#include "compiler/ops/op.h"

namespace burin {

/// The inputs one after the other along `axis` (from 0, or negative from the end). Quantized inputs have the scale and
/// zero point of the result.
struct Concat {
  static constexpr std::string_view names[] = {"concat"};
  static constexpr std::string_view onnx[] = {"Concat"};
  static constexpr Arity inputs{1, kAnyNumber};
  static constexpr QuantRule quant = QuantRule::movement;

  int64_t axis = 0;

  static void fields(auto& self, auto&& f) { f("axis", self.axis); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  bool operator==(const Concat&) const = default;
  void permute_axes(const AxisOrder& o) { o.axis(axis); }
  bool integer_form() const { return true; }
};

}  // namespace burin
