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
  OnnxNode(Graph& graph, const onnx::NodeProto& proto, std::vector<ValueId> inputs, int opset, std::string folder,
           std::string name, Spending* spent = nullptr);

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

  // Inputs.
  size_t input_count() const { return inputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i] != ValueId::none; }
  ValueId input(size_t i) const;  // throws when a required input is absent
  /// The type of input i; the reference stays valid while the graph grows.
  const Type& type(size_t i) const;
  /// The value, when it is known at compile time; else null.
  const Tensor* constant(size_t i) const;
  /// The same as integers; throws an error that says what to do when it is not known. `what`: "shape".
  std::vector<int64_t> constant_integers(size_t i, std::string_view what) const;

  // Results.
  size_t output_count() const;
  /// False for an optional output that the model does not name.
  bool wants(size_t k) const;
  /// Appends an operator, infers the types of its outputs and returns the first; computes it now when all inputs are
  /// known (but never Dequantize: lower-qdq absorbs those).
  ValueId emit(Op op, std::vector<ValueId> inputs) { return emit_all(std::move(op), std::move(inputs), 1)[0]; }
  std::vector<ValueId> emit_all(Op op, std::vector<ValueId> inputs, size_t outputs);
  /// As emit, for results whose type belongs to the model (Quantize and operators on quantized types).
  ValueId emit_typed(Op op, std::vector<ValueId> inputs, Type type);
  /// `t` as a constant of the graph.
  ValueId constant_value(Tensor t);
  /// Output k is `v`, which may be any value (Identity: the input itself).
  void result(size_t k, ValueId v);
  void result(ValueId v) { result(0, v); }

  /// `v` with the meaning `quant`: the value itself where it has none yet, a reinterpretation where it has another.
  ValueId with_quant(ValueId v, const Quant& quant);

  /// What the model names each output, and what import() said it is.
  const std::vector<std::pair<std::string, ValueId>>& results() const { return results_; }
  /// Attributes that import() never asked about.
  std::vector<std::string> unused_attributes() const;
  /// Inputs that import() asked for with constant() although they are not known: what could have been bound.
  const std::set<size_t>& unknown_inputs() const { return unknown_; }
  const Graph& graph() const { return graph_; }
  /// To be told before a constant that no file holds is computed.
  Spending& spent() { return spent_; }

 private:
  const onnx::AttributeProto* find(std::string_view name);
  const onnx::AttributeProto& need(std::string_view name);
  /// `v` as plain integers.
  ValueId stored(ValueId v);
  /// Before `v` gets the Quant of `wanted`: nodes that already read it as plain integers go on doing so, those that
  /// only move them carry the Quant on.
  void quantize_readers(ValueId v, const Type& wanted);

  Graph& graph_;
  Spending own_{ModelLimits{}};  // where nobody else keeps account
  Spending& spent_;
  const onnx::NodeProto& proto_;
  std::vector<ValueId> inputs_;
  std::string name_;
  int opset_;
  std::string folder_;  // of external data
  std::set<std::string, std::less<>> used_;
  mutable std::set<size_t> unknown_;
  mutable std::map<size_t, Type> types_;
  std::vector<std::shared_ptr<const Tensor>> kept_;  // what constant() has returned stays valid
  std::vector<std::pair<std::string, ValueId>> results_;
};

}  // namespace burin
