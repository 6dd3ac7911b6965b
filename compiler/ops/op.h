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
//
// What it may have: traits, by which passes know operators (queries: ops.h). They rely on no more than what is stated:
//
//     static constexpr Traits traits{.elementwise = true};
//     void permute_axes(const AxisOrder& o) { o.axis(axis); }  // attributes that name axes; elementwise ones have none
//     ChannelRole channels(const Type& x) const;               // of elementwise ones: hands_on
//     std::optional<Clamp> limits() const;                     // f(x) is x limited so
//     std::optional<Clamp> range() const;                      // holds all results, whatever x
//     bool within_operands() const;                            // no result is less or more than all elements of x
//     bool integer_form() const;                               // has exact arithmetic on int8 and uint8
//     Clamp clamp; Window window; bool channels_last; int64_t group; Shape shape;  // mean the same in all
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

/// What is known of an operator whatever its attributes.
struct Traits {
  /// Element i of the result is made of element i of the operands (broadcast) alone, in ascending order.
  bool elementwise = false;
  /// Results are the operand's numbers in another type.
  bool converts = false;
  /// Sums of products with the weights of each filter, with a clamp. Operands are x, then those of WeightedOperand.
  bool weighted = false;
  /// So many operands, the first ones, are data; what follows are weights, indices and the like.
  int data = kAnyNumber;
};
/// Weights [filter, ...], and one element for each filter: a bias (optional) and an offset (optional, int32, in units
/// of the accumulator).
enum WeightedOperand : size_t { kWeights = 1, kBias = 2, kOffset = 3 };

/// What an operator does with channels, the last index of its operands.
enum class ChannelRole : uint8_t {
  mixes,     ///< every output channel may read every input channel: convolution with one group, fully connected
  hands_on,  ///< output channel c reads input channels c alone: depthwise, pools, what is element by element
  other,
};

/// Gives attributes new names of axes: what was axis a is axis perm[a].
class AxisOrder {
 public:
  explicit AxisOrder(std::span<const int64_t> perm) : perm_(perm) {}
  /// An axis, from 0 or negative from the end.
  void axis(int64_t& a) const;
  /// A list of axes, which stays sorted.
  void axes(std::vector<int64_t>& list) const;
  /// A list with one entry for each axis.
  void entries(std::vector<int64_t>& list) const;

 private:
  std::span<const int64_t> perm_;
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
