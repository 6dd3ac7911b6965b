#pragma once
#include "compiler/ops/op.h"

namespace burin {

struct BinaryShape;  // runtime-min/kernels/binary.h

enum class BinaryKind : uint8_t {
#define BINARY(name, ...) name,
#define BINARY_ONLY_IR(name, ...) name,
#include "compiler/ops/binary.inc"
#undef BINARY
#undef BINARY_ONLY_IR
};

/// y = clamp(f(a, b)), element by element, shapes broadcast as in ONNX; f is the row `kind` of binary.inc. Integers
/// wrap; integer division truncates, mod takes the divisor's sign, fmod the dividend's; x/0 is 0. The clamp counts for
/// floats and quantized types. On quantized types, correctly rounded: add and sub by plan_add, mul by its accumulator
/// (a - za) * (b - zb), min and max on operands brought to y's scale first.
struct Binary {
  static constexpr std::string_view names[] = {
#define BINARY(name, ...) #name,
#define BINARY_ONLY_IR(name, ...) #name,
#include "compiler/ops/binary.inc"
#undef BINARY
#undef BINARY_ONLY_IR
  };
  static constexpr std::string_view onnx[] = {
#define BINARY(name, onnx_name, ...) #onnx_name,
#define BINARY_ONLY_IR(...)
#include "compiler/ops/binary.inc"
#undef BINARY
#undef BINARY_ONLY_IR
      "Sum", "Mean"};
  static constexpr Arity inputs{2, 2};
  static constexpr QuantRule quant = QuantRule::arithmetic;
  static constexpr Traits traits{.elementwise = true};

  BinaryKind kind{};
  Clamp clamp;

  static void fields(auto& self, auto&& f) { f("clamp", self.clamp); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Binary&) const = default;

  /// Has exact arithmetic on int8 and uint8: add, sub, mul, min, max.
  bool integer_form() const { return is_sum() || is_product() || is_extreme(); }
  bool is_sum() const { return kind == BinaryKind::add || kind == BinaryKind::sub; }
  bool is_product() const { return kind == BinaryKind::mul; }
  bool is_extreme() const { return kind == BinaryKind::min || kind == BinaryKind::max; }
};

/// The broadcast that a kernel runs: axes of extent 1 dropped, neighbours merged. Same shapes and scalars have rank 1,
/// one vector along the last axis has rank 2.
BinaryShape binary_shape(const Shape& a, const Shape& b);

/// The stored y of quantized min and max for every bit pattern of an operand; empty where the stored value is the same.
std::vector<uint8_t> operand_table(const Type& operand, const Type& y, Clamp clamp);

}  // namespace burin
