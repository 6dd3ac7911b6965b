#pragma once
#include "compiler/ops/op.h"

namespace burin {

/// y[i..] = x[starts + i * steps], one entry per axis of x, everything resolved: steps may be negative, never 0; sizes
/// is the result's shape.
struct Slice {
  static constexpr std::string_view names[] = {"slice"};
  static constexpr std::string_view onnx[] = {"Slice", "Split"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::movement;

  std::vector<int64_t> starts, steps, sizes;

  static void fields(auto& self, auto&& f) { f("starts", self.starts), f("steps", self.steps), f("sizes", self.sizes); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  bool operator==(const Slice&) const = default;
  void permute_axes(const AxisOrder& o) { o.entries(starts), o.entries(steps), o.entries(sizes); }
  bool integer_form() const { return true; }
};

}  // namespace burin
