// One ONNX node while it is imported: attributes, inputs with their types and known values, and the IR nodes made of
// it.
#pragma once
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/limits.h"
#include "compiler/onnx/known_values.h"

namespace onnx {
class NodeProto;
class AttributeProto;
}  // namespace onnx

namespace burin {

/// Every function that fails throws OpError; the reader adds file and node. Attributes that no import() asks for are
/// reported as unsupported, so that nothing is ignored silently.
class OnnxNode {
 public:
  /// `name`: what the IR's nodes and messages call it (a node of an inlined function has its caller's name in front).
  OnnxNode(Graph& graph, KnownValues& known, const onnx::NodeProto& proto, std::vector<ValueId> inputs, int opset,
           std::string folder, std::string name, Spending* spent = nullptr);

  std::string_view op_type() const;
  std::string_view name() const { return name_; }
  /// Version of the operator set that the model asks for in this node's domain.
  int opset() const { return opset_; }

  // Attributes. Those with a default are optional.
  bool has_attribute(std::string_view name);
  int64_t integer(std::string_view name, std::optional<int64_t> fallback = {});
  float real(std::string_view name, std::optional<float> fallback = {});
  std::string text(std::string_view name, std::optional<std::string> fallback = {});
  std::vector<int64_t> integers(std::string_view name, std::optional<std::vector<int64_t>> fallback = {});
  std::vector<float> reals(std::string_view name, std::optional<std::vector<float>> fallback = {});
  std::vector<std::string> texts(std::string_view name);
  Tensor tensor(std::string_view name);
  /// Attributes without a meaning here (`kernel_shape` that repeats the weights' shape, old `consumed_inputs`).
  void ignore(std::initializer_list<std::string_view> names);

  // Inputs. Those that no import() asks for are surplus, and reported.
  size_t input_count() const;  // asks for all of them
  bool has(size_t i) const;
  ValueId input(size_t i) const;  // throws when a required input is absent
  /// The type of input i; the reference stays valid while the graph grows.
  const Type& type(size_t i) const;
  /// The value, when it is known at compile time (what follows from constants behind a DequantizeLinear, too); else
  /// null.
  const Tensor* constant(size_t i) const;
  /// An operand as it is stored: the constant, or the one that its DequantizeLinear reads; null when it is computed or
  /// absent.
  const Tensor* stored_constant(size_t i) const;
  /// The value as integers; throws an error that says what to do when it is not known. `what`: "shape".
  std::vector<int64_t> constant_integers(size_t i, std::string_view what) const;

  // Results.
  size_t output_count() const;
  /// False for an optional output that the model does not name.
  bool wants(size_t k) const;
  /// Appends an operator, infers the types of its outputs and returns the first; computes it now when all inputs are
  /// known (but never Dequantize: lower-qdq absorbs those, so what moves its result moves the stored integers).
  ValueId emit(Op op, std::vector<ValueId> inputs) { return emit_all(std::move(op), std::move(inputs), 1)[0]; }
  std::vector<ValueId> emit_all(Op op, std::vector<ValueId> inputs, size_t outputs);
  /// As emit, for results whose type belongs to the model (Quantize and operators on quantized types).
  ValueId emit_typed(Op op, std::vector<ValueId> inputs, Type type);
  /// `t` as a constant of the graph.
  ValueId constant_value(Tensor t);
  /// Output k is `v`, which may be any value (Identity: the input itself). For ONNX what QuantizeLinear makes is a
  /// tensor of integers: of a quantized `v` it is the stored integers.
  void result(size_t k, ValueId v);
  void result(ValueId v) { result(0, v); }

  /// The integers `v` with the meaning `quant`, or none: a Reshape that changes nothing but the type.
  ValueId with_quant(ValueId v, const Quant& quant);

  /// An output: what the model calls it, what import() said it is, and which value should have its name: `value`, or
  /// the quantized one that it stores.
  struct Result {
    std::string name;
    ValueId value, named;
  };
  const std::vector<Result>& results() const { return results_; }
  /// Attributes that import() never asked about.
  std::vector<std::string> unused_attributes() const;
  /// Inputs that import() never asked about.
  std::vector<size_t> unused_inputs() const;
  /// Inputs that import() asked for with constant() although they are not known: what could have been bound.
  const std::set<size_t>& unknown_inputs() const { return unknown_; }
  const Graph& graph() const { return graph_; }
  /// To be told before a constant that no file holds is computed.
  Spending& spent() { return spent_; }

 private:
  const onnx::AttributeProto* find(std::string_view name);
  const onnx::AttributeProto& need(std::string_view name);
  std::vector<ValueId> append(Op op, std::vector<ValueId> in, std::vector<Type> types);

  Graph& graph_;
  Spending own_{ModelLimits{}};  // where nobody else keeps account
  Spending& spent_;
  KnownValues& known_;
  const onnx::NodeProto& proto_;
  std::vector<ValueId> inputs_;
  std::string name_;
  int opset_;
  std::string folder_;  // of external data
  std::set<std::string, std::less<>> used_;
  mutable std::set<size_t> unknown_, asked_;
  mutable std::map<size_t, Type> types_;
  std::vector<Result> results_;
};

}  // namespace burin
