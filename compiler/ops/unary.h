#pragma once
#include "compiler/ops/op.h"

namespace burin {

enum class UnaryKind : uint8_t {
#define UNARY(name, ...) name,
#define UNARY_ONLY_IR(name, ...) name,
#include "compiler/ops/unary.inc"
#undef UNARY
#undef UNARY_ONLY_IR
};

/// y = f(x), element by element; f is the row `kind` of unary.inc with its parameters alpha and beta. Clip limits to
/// [alpha, beta]. On quantized types: the correctly rounded f of what each stored x stands for (x and y may differ in
/// dtype, scale and zero point), by a table; `requantize` is f(x) = x.
struct Unary {
  static constexpr std::string_view names[] = {
#define UNARY(name, ...) #name,
#define UNARY_ONLY_IR(name, ...) #name,
#include "compiler/ops/unary.inc"
#undef UNARY
#undef UNARY_ONLY_IR
  };
  static constexpr std::string_view onnx[] = {
#define UNARY(name, onnx_name, ...) #onnx_name,
#define UNARY_ONLY_IR(...)
#include "compiler/ops/unary.inc"
#undef UNARY
#undef UNARY_ONLY_IR
  };
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::arithmetic;
  static constexpr Traits traits{.elementwise = true};

  UnaryKind kind{};
  float alpha = 0, beta = 0;

  static void fields(auto& self, auto&& f) { f("alpha", self.alpha), f("beta", self.beta); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Unary&) const = default;
  std::optional<Clamp> limits() const {
    if (kind == UnaryKind::relu) return Clamp{0.0f, Clamp{}.hi};
    return kind == UnaryKind::clip ? std::optional(Clamp{alpha, beta}) : std::nullopt;
  }
  std::optional<Clamp> range() const {
    if (kind == UnaryKind::sigmoid || kind == UnaryKind::hard_sigmoid) return Clamp{0, 1};
    return kind == UnaryKind::tanh ? std::optional(Clamp{-1, 1}) : std::nullopt;
  }

  /// Has exact arithmetic from int8 or uint8 to int8 or uint8.
  bool integer_form() const;
};

/// The stored y (its bit pattern) for every stored x; entry i belongs to the x whose bits are i. Both types are int8 or
/// uint8 with one scale. Where f(x) is no number (log of a negative one) the entry is that of 0; infinities saturate.
std::vector<uint8_t> table(const Unary& op, const Type& x, const Type& y);

}  // namespace burin
