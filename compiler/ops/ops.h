// An operator as a value, and what can be asked of any. This header knows the operators by name only: who asks for one
// with as<Conv>() includes its file, so that a change to an operator rebuilds what is about it.
#pragma once
#include <memory>
#include <type_traits>
#include <utility>

#include "compiler/ops/op.h"
#include "compiler/ops/operator_list.h"

namespace burin {

class Spending;

/// Any of the Operators, with its attributes; a default one is none of them.
class Op {
 public:
  Op() = default;
  template <class T>
  requires(operator_index<T> >= 0) Op(T op) : kind_(&kKind<T>), value_(new T(std::move(op))) {}
  Op(const Op& o) : kind_(o.kind_), value_(o.kind_ ? o.kind_->copy(o.value_) : nullptr) {}
  Op(Op&& o) noexcept : kind_(std::exchange(o.kind_, nullptr)), value_(std::exchange(o.value_, nullptr)) {}
  Op& operator=(Op o) noexcept {
    std::swap(kind_, o.kind_), std::swap(value_, o.value_);
    return *this;
  }
  ~Op() {
    if (kind_) kind_->destroy(value_);
  }

  /// The operator, if it is a T; else null.
  template <class T>
  T* as() {
    return is<T>() ? static_cast<T*>(value_) : nullptr;
  }
  template <class T>
  const T* as() const {
    return is<T>() ? static_cast<const T*>(value_) : nullptr;
  }
  template <class T>
  bool is() const {
    return index() == operator_index<T>;
  }
  /// Its place in Operators; -1: none.
  int index() const { return kind_ ? kind_->index : -1; }
  bool operator==(const Op& o) const { return index() == o.index() && (!kind_ || kind_->equal(value_, o.value_)); }

 private:
  struct Kind {
    int index;
    void* (*copy)(const void*);
    void (*destroy)(void*);
    bool (*equal)(const void*, const void*);
  };
  template <class T>
  static constexpr Kind kKind{
      operator_index<T>, [](const void* v) -> void* { return new T(*static_cast<const T*>(v)); },
      [](void* v) { delete static_cast<T*>(v); },
      [](const void* a, const void* b) { return *static_cast<const T*>(a) == *static_cast<const T*>(b); }};

  const Kind* kind_ = nullptr;
  void* value_ = nullptr;
};

/// The operator's name in the text IR: "conv", "relu".
std::string_view name(const Op& op);
/// The operator with that name and default attributes; throws std::invalid_argument for an unknown one.
Op op_of_name(std::string_view name);
Arity inputs(const Op& op);
QuantRule quant_rule(const Op& op);
std::vector<Type> infer(const Op& op, std::span<const Type> in);
/// What the operator says of itself, of types that infer() takes; nothing where it says nothing. A result without
/// elements asks for nothing.
std::optional<LayerCode> call(const Op& op, std::span<const Type> in, const Type& y);
void eval(const Op& op, Inputs in, Outputs out);
const Traits& traits(const Op& op);
/// Makes it the operator f' for which transpose(f'(x), perm) is f(transpose(x, perm)), where the result has as many
/// axes as x. False where the operator does not say how.
bool permute_axes(Op& op, const std::vector<int64_t>& perm);
/// For a first operand of type x.
ChannelRole channel_role(const Op& op, const Type& x);
/// The axis of channels in a tensor of that rank, x or the result.
int channel_axis(const Op& op, int rank);
/// Where all that it does is to limit its operand: to what.
std::optional<Clamp> limits(const Op& op);
/// What all results lie in, whatever the operands; nothing where that is not known.
std::optional<Clamp> range(const Op& op);
/// Whether no result is less than all elements of its data, nor more; the border that a window reads counts.
bool within_operands(const Op& op);
/// Attributes; null where the operator has no such. The limits that its results are stored with:
Clamp* clamp_of(Op& op);
/// In so many groups of channels, filters read the channels of theirs.
int64_t* group_of(Op& op);
bool* channels_last_of(Op& op);
/// Of the result.
Shape* shape_of(Op& op);
inline const Clamp* clamp_of(const Op& op) { return clamp_of(const_cast<Op&>(op)); }
inline const int64_t* group_of(const Op& op) { return group_of(const_cast<Op&>(op)); }
inline const bool* channels_last_of(const Op& op) { return channels_last_of(const_cast<Op&>(op)); }
/// Whether it has exact arithmetic on these quantized types.
bool has_integer_form(const Op& op, std::span<const Type> in, const Type& out);

/// Multiply-adds of one run, for reports: products that reach an accumulator.
int64_t macs(const Op& op, std::span<const Type> in, std::span<const Type> out);

/// Asks whether it may be evaluated now: multiply-adds, elements read and bytes written count. Another view of the same
/// bytes takes memory only. Throws OpError [limit].
void spend(Spending& spent, const Op& op, std::span<const Type> in, std::span<const Type> out);

/// What imports an ONNX operator; null for one that is not supported.
using Importer = void (*)(OnnxNode&);
Importer importer(std::string_view onnx_op);
/// All ONNX operators that are supported, sorted, with the IR name each becomes.
struct SupportedOp {
  std::string_view onnx;
  std::string_view ir;
  QuantRule quant;
};
std::vector<SupportedOp> supported_operators();

}  // namespace burin
