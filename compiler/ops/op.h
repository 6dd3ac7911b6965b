// What every operator says about itself. One operator (or one family of alike operators) is one file in this folder:
//
//   struct Foo {
//     static constexpr std::string_view names[] = {"foo"};    // in the text IR; a family has one per `kind`
//     static constexpr std::string_view onnx[] = {"Foo"};     // ONNX operators that import() takes
//     static constexpr Arity inputs{1, 2};
//     static constexpr QuantRule quant = QuantRule::none;
//     FooKind kind;                                           // families only: index into `names`
//     int64_t axis = 0;                                       // attributes
//     static void fields(auto& self, auto&& f) { f("axis", self.axis); }
//     static void import(OnnxNode& node);                     // every opset version
//     std::vector<Type> infer(std::span<const Type> in) const;
//     // The meaning: calls of kernels of runtime-min/ on x0, x1, ... that make y0, y of type `y`, which has elements.
//     // Nothing where no kernel has these types. eval() executes it, the reference kernel of codegen/kernels.inc is
//     it. std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const; static std::vector<HostEntry>
//     functions();              // those kernels, where no other operator names them
//   };
//
// An operator whose result is more than such calls (convolutions, whose weights each kernel wants otherwise) has
//   void eval(Inputs in, Outputs out) const;
// and codegen lowers each of its kernels.
#pragma once
#include <concepts>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics.h"
#include "compiler/ir/tensor.h"
#include "compiler/ir/type.h"

namespace burin {

class OnnxNode;
struct HostEntry;  // compiler/program/host.h
struct LayerCode;  // compiler/program/layer_code.h

struct Arity {
  int min, max;
};
constexpr int kAnyNumber = std::numeric_limits<int>::max();

/// How an operator stands on quantized types; lower-qdq acts on it.
enum class QuantRule {
  none,        ///< real numbers only: between DequantizeLinear and QuantizeLinear it is computed in float, and reported
  movement,    ///< moves stored elements: the same on integers, one scale passes through
  arithmetic,  ///< has exact integer arithmetic on int8 and uint8 (design: numerics.md)
};

/// Values of a node's inputs; an optional input that is absent is null.
using Inputs = std::span<const Tensor* const>;
/// Outputs, allocated with their final types (their Quant is not inferred: it belongs to the model).
using Outputs = std::span<Tensor>;

/// Results are limited to [lo, hi] before they are stored; a fused Relu is {0, inf}.
struct Clamp {
  float lo = -std::numeric_limits<float>::infinity(), hi = std::numeric_limits<float>::infinity();
  bool none() const { return *this == Clamp{}; }
  bool operator==(const Clamp&) const = default;
};

template <class T>
concept HasCall = requires(const T op, std::span<const Type> in, const Type& y) {
  op.call(in, y);
};
template <class T>
concept HasEval = requires(const T op, Inputs i, Outputs o) {
  op.eval(i, o);
};

template <class T>
concept Operator = std::equality_comparable<T> &&
    (HasCall<T> || HasEval<T>)&&requires(const T op, T& mut, std::span<const Type> in, OnnxNode& n) {
  { T::names[0] } -> std::convertible_to<std::string_view>;
  { T::onnx[0] } -> std::convertible_to<std::string_view>;
  { T::inputs } -> std::convertible_to<Arity>;
  { T::quant } -> std::convertible_to<QuantRule>;
  T::fields(mut, [](std::string_view, auto&) {});
  T::import(n);
  { op.infer(in) } -> std::same_as<std::vector<Type>>;
};

/// Helpers of infer(): throw OpError that names the operand.
void require(bool condition, const std::string& message);
/// A real (not quantized) type with `shape`.
inline Type real_type(DType t, Shape shape) { return {t, std::move(shape), {}}; }

}  // namespace burin
