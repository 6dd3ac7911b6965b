#pragma once
#include "compiler/ops/op.h"

namespace burin {

struct StridedCopy;  // compiler/ops/copies.h

enum class PadKind : uint8_t { pad, pad_reflect, pad_edge, pad_wrap };

/// x with begins[a] elements in front of and ends[a] behind axis a; negative ones crop. The new elements are `value`
/// (pad; of quantized types the stored integer of that real value), the mirror image without the border element
/// (pad_reflect), the border element (pad_edge) or those from the other end (pad_wrap).
struct Pad {
  static constexpr std::string_view names[] = {"pad", "pad_reflect", "pad_edge", "pad_wrap"};
  static constexpr std::string_view onnx[] = {"Pad"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::movement;

  PadKind kind{};
  std::vector<int64_t> begins, ends;
  double value = 0;

  static void fields(auto& self, auto&& f) { f("begins", self.begins), f("ends", self.ends), f("value", self.value); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Pad&) const = default;
  void permute_axes(const AxisOrder& o) { o.entries(begins), o.entries(ends); }
  bool within_operands() const { return kind != PadKind::pad; }
  bool integer_form() const { return true; }
};

/// The copies, after the result was filled with fill_value() where they do not make all of it.
std::vector<StridedCopy> copies(const Pad& op, const Type& x);
/// Whether the copies make all of the result.
bool is_covered(const Pad& op);
/// One element of type `y`: what the result is filled with.
Tensor fill_value(const Pad& op, const Type& y);

}  // namespace burin
