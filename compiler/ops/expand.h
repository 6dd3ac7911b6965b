#pragma once
#include "compiler/ops/op.h"

namespace burin {

/// x repeated along axes of extent 1 until it has `shape` (the result's own shape; missing axes are in front). Tile is
/// a reshape, this, and a reshape.
struct Expand {
  static constexpr std::string_view names[] = {"expand"};
  static constexpr std::string_view onnx[] = {"Expand", "Tile"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::movement;

  Shape shape;

  static void fields(auto& self, auto&& f) { f("shape", self.shape); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  bool operator==(const Expand&) const = default;
  bool integer_form() const { return true; }
};

}  // namespace burin
