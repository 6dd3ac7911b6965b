#pragma once
#include "compiler/ops/op.h"

namespace burin {

enum class GatherKind : uint8_t { gather, gather_elements, gather_nd };

/// Picks elements by index; negative indices count from the end, those out of range are limited to it (constant ones
/// are an error). Inputs: x, indices (int32 or int64).
///   gather           y[a.., i.., b..] = x[a.., indices[i..], b..], `axis` of x replaced by the axes of indices
///   gather_elements  y[i..] = x[i.. with i[axis] = indices[i..]]
///   gather_nd        y[b.., i.., s..] = x[b.., indices[b.., i..][0], indices[b.., i..][1], ..., s..], `axis` batch
///   axes b
struct Gather {
  static constexpr std::string_view names[] = {"gather", "gather_elements", "gather_nd"};
  static constexpr std::string_view onnx[] = {"Gather", "GatherElements", "GatherND"};
  static constexpr Arity inputs{2, 2};
  static constexpr QuantRule quant = QuantRule::movement;
  static constexpr Traits traits{.data = 1};

  GatherKind kind{};
  int64_t axis = 0;

  static void fields(auto& self, auto&& f) { f("axis", self.axis); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Gather&) const = default;
  bool integer_form() const { return true; }
};

}  // namespace burin
