#pragma once
#include "compiler/ops/op.h"

namespace burin {

/// The same numbers in another element type. Float to integer: towards zero, NaN to 0; what does not fit saturates at
/// 32 or 64 bits and narrower types keep the low bits (ONNX leaves it open; its int4 tests want that). Integer to
/// integer: the low bits. To boolean: not equal to 0. Between floats: to the nearest, halves to even.
struct Cast {
  static constexpr std::string_view names[] = {"cast"};
  static constexpr std::string_view onnx[] = {"Cast", "CastLike"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::none;
  static constexpr Traits traits{.elementwise = true, .converts = true};

  DType to = DType::f32;

  static void fields(auto& self, auto&& f) { f("to", self.to); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Cast&) const = default;
  bool integer_form() const { return false; }
};

}  // namespace burin
