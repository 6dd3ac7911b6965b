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
/// The limits that its results are stored with; null where the operator has none.
Clamp* clamp_of(Op& op);
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
