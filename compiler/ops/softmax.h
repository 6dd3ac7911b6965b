#pragma once
#include "compiler/ops/op.h"

namespace burin {

enum class SoftmaxKind : uint8_t { softmax, log_softmax };

/// softmax: y = e^x / (sum of e^x along `axis`); log_softmax: its logarithm. The largest x is subtracted first.
/// Quantized softmax: fixed point, within 0.5 + 2^-12 step of the real value.
struct Softmax {
  static constexpr std::string_view names[] = {"softmax", "log_softmax"};
  static constexpr std::string_view onnx[] = {"Softmax", "LogSoftmax"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::arithmetic;

  SoftmaxKind kind{};
  int64_t axis = -1;

  static void fields(auto& self, auto&& f) { f("axis", self.axis); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Softmax&) const = default;
  void permute_axes(const AxisOrder& o) { o.axis(axis); }
  std::optional<Clamp> range() const {
    return kind == SoftmaxKind::softmax ? std::optional(Clamp{0, 1}) : std::nullopt;
  }
  bool integer_form() const { return kind == SoftmaxKind::softmax; }
  /// Smaller steps of the result than 2^-14 need more bits than softmax_plan() has.
  bool integer_form(std::span<const Type>, const Type& y) const {
    return integer_form() && y.quant.scale[0] >= 0x1p-14f;
  }
};

}  // namespace burin
