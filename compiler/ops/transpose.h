#pragma once
#include "compiler/ops/op.h"

namespace burin {

/// Axis i of the result is axis perm[i] of the input.
struct Transpose {
  static constexpr std::string_view names[] = {"transpose"};
  static constexpr std::string_view onnx[] = {"Transpose"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::movement;

  std::vector<int64_t> perm;

  static void fields(auto& self, auto&& f) { f("perm", self.perm); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Transpose&) const = default;
};

}  // namespace burin
