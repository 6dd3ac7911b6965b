#include "compiler/onnx/node.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/diagnostics.h"
#include "compiler/onnx/proto.h"
#include "compiler/onnx/tensor_proto.h"
#include "compiler/ops/concat.h"
#include "compiler/ops/pad.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/reshape.h"

namespace burin {
namespace {

using onnx::AttributeProto;

void check_kind(const AttributeProto& a, AttributeProto::AttributeType wanted) {
  // Files of the first IR versions leave the type out.
  if (a.type() != wanted && a.type() != AttributeProto::UNDEFINED)
    throw OpError(fmt::format("attribute {} has type {}, not {}", a.name(),
                              AttributeProto::AttributeType_Name(a.type()),
                              AttributeProto::AttributeType_Name(wanted)));
}

}  // namespace

OnnxNode::OnnxNode(Graph& graph, KnownValues& known, const onnx::NodeProto& proto, std::vector<ValueId> inputs,
                   int opset, std::string folder, std::string name, Spending* spent)
    : graph_(graph),
      spent_(spent ? *spent : own_),
      known_(known),
      proto_(proto),
      inputs_(std::move(inputs)),
      name_(std::move(name)),
      opset_(opset),
      folder_(std::move(folder)) {}

std::string_view OnnxNode::op_type() const { return proto_.op_type(); }

// Attributes.

const AttributeProto* OnnxNode::find(std::string_view name) {
  used_.insert(std::string(name));
  for (const AttributeProto& a : proto_.attribute())
    if (a.name() == name) return &a;
  return nullptr;
}

const AttributeProto& OnnxNode::need(std::string_view name) {
  if (const AttributeProto* a = find(name)) return *a;
  throw OpError(fmt::format("attribute {} is missing", name));
}

bool OnnxNode::has_attribute(std::string_view name) {
  return std::ranges::any_of(proto_.attribute(), [&](const AttributeProto& a) { return a.name() == name; });
}

int64_t OnnxNode::integer(std::string_view name, std::optional<int64_t> fallback) {
  const AttributeProto* a = find(name);
  if (!a && fallback) return *fallback;
  check_kind(need(name), AttributeProto::INT);
  return a->i();
}

float OnnxNode::real(std::string_view name, std::optional<float> fallback) {
  const AttributeProto* a = find(name);
  if (!a && fallback) return *fallback;
  check_kind(need(name), AttributeProto::FLOAT);
  return a->f();
}

std::string OnnxNode::text(std::string_view name, std::optional<std::string> fallback) {
  const AttributeProto* a = find(name);
  if (!a && fallback) return *fallback;
  check_kind(need(name), AttributeProto::STRING);
  return a->s();
}

std::vector<int64_t> OnnxNode::integers(std::string_view name, std::optional<std::vector<int64_t>> fallback) {
  const AttributeProto* a = find(name);
  if (!a && fallback) return *fallback;
  check_kind(need(name), AttributeProto::INTS);
  return {a->ints().begin(), a->ints().end()};
}

std::vector<float> OnnxNode::reals(std::string_view name, std::optional<std::vector<float>> fallback) {
  const AttributeProto* a = find(name);
  if (!a && fallback) return *fallback;
  check_kind(need(name), AttributeProto::FLOATS);
  return {a->floats().begin(), a->floats().end()};
}

std::vector<std::string> OnnxNode::texts(std::string_view name) {
  const AttributeProto& a = need(name);
  check_kind(a, AttributeProto::STRINGS);
  return {a.strings().begin(), a.strings().end()};
}

Tensor OnnxNode::tensor(std::string_view name) {
  const AttributeProto& a = need(name);
  if (a.type() == AttributeProto::SPARSE_TENSOR) return read_tensor(a.sparse_tensor(), folder_, &spent_);
  check_kind(a, AttributeProto::TENSOR);
  return read_tensor(a.t(), folder_, &spent_);
}

void OnnxNode::ignore(std::initializer_list<std::string_view> names) {
  for (std::string_view n : names) used_.insert(std::string(n));
}

std::vector<std::string> OnnxNode::unused_attributes() const {
  std::vector<std::string> r;
  for (const AttributeProto& a : proto_.attribute())
    if (!used_.contains(a.name())) r.push_back(a.name());
  return r;
}

// Inputs.

size_t OnnxNode::input_count() const {
  for (size_t i = 0; i < inputs_.size(); ++i) asked_.insert(i);
  return inputs_.size();
}

bool OnnxNode::has(size_t i) const {
  asked_.insert(i);
  return i < inputs_.size() && inputs_[i] != ValueId::none;
}

std::vector<size_t> OnnxNode::unused_inputs() const {
  std::vector<size_t> r;
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i] != ValueId::none && !asked_.contains(i)) r.push_back(i);
  return r;
}

ValueId OnnxNode::input(size_t i) const {
  if (!has(i)) throw OpError(fmt::format("input {} is missing", i));
  return inputs_[i];
}

const Type& OnnxNode::type(size_t i) const {
  const Type& now = graph_[input(i)].type;
  const auto [it, added] = types_.try_emplace(i, now);
  if (!added && it->second != now) it->second = now;
  return it->second;
}

const Tensor* OnnxNode::constant(size_t i) const {
  const Tensor* t = known_.find(graph_, input(i), spent_);
  if (!t) unknown_.insert(i);
  return t;
}

const Tensor* OnnxNode::stored_constant(size_t i) const {
  if (!has(i)) return nullptr;
  const ValueId stored = known_.dequantized(graph_, inputs_[i]);
  return graph_[stored == ValueId::none ? inputs_[i] : stored].data.get();
}

std::vector<int64_t> OnnxNode::constant_integers(size_t i, std::string_view what) const {
  const Tensor* t = constant(i);
  if (!t) throw OpError(fmt::format("the {} (input {}) is computed at run time", what, i), "dynamic-value");
  if (is_float(t->dtype()))
    throw OpError(fmt::format("the {} (input {}) has type {}", what, i, burin::name(t->dtype())));
  return t->integers();
}

// Results.

size_t OnnxNode::output_count() const { return size_t(proto_.output_size()); }
bool OnnxNode::wants(size_t k) const { return k < output_count() && !proto_.output(int(k)).empty(); }

ValueId OnnxNode::constant_value(Tensor t) {
  spent_.hold(int64_t(t.bytes().size()));
  return graph_.add_constant("", std::move(t));
}

namespace {

std::vector<Type> result_types(const Graph& graph, const Op& op, const std::vector<ValueId>& in, size_t outputs) {
  const Arity arity = inputs(op);
  if (int(in.size()) < arity.min || int(in.size()) > arity.max)
    throw OpError(fmt::format("{} inputs where {} takes {} to {}", in.size(), name(op), arity.min, arity.max));
  Node probe;
  probe.inputs = in;
  std::vector<Type> types = infer(op, graph.input_types(probe));
  if (types.size() < outputs)
    throw InternalError(fmt::format("{} has {} results, not {}", name(op), types.size(), outputs));
  types.resize(outputs);
  for (const Type& t : types) elements(t.shape);  // throws when it overflows
  return types;
}

/// The results, when they can be known now.
std::optional<std::vector<Tensor>> fold(const Graph& graph, const Op& op, const std::vector<ValueId>& in,
                                        const std::vector<Type>& types, Spending& spent) {
  if (op.is<Dequantize>()) return std::nullopt;
  std::vector<const Tensor*> values;
  for (ValueId id : in) {
    if (id != ValueId::none && !graph[id].constant()) return std::nullopt;
    values.push_back(id == ValueId::none ? nullptr : graph[id].data.get());
  }
  std::vector<Tensor> results;
  Node probe;
  probe.inputs = in;
  spend(spent, op, graph.input_types(probe), types);
  for (const Type& t : types) results.emplace_back(t);
  eval(op, values, results);
  return results;
}

/// Operators of one data operand that move stored integers as they would move the real numbers these stand for.
bool moves_stored(const Op& op) { return quant_rule(op) == QuantRule::movement && !op.is<Pad>() && !op.is<Concat>(); }

}  // namespace

std::vector<ValueId> OnnxNode::append(Op op, std::vector<ValueId> in, std::vector<Type> types) {
  std::vector<ValueId> out;
  if (auto known = fold(graph_, op, in, types, spent_)) {
    for (Tensor& t : *known) out.push_back(constant_value(std::move(t)));
    return out;
  }
  for (Type& t : types) out.push_back(graph_.add_value("", std::move(t)));
  graph_.nodes.push_back({name_, std::move(op), std::move(in), out, {name_}});
  known_.appended(graph_, graph_.nodes.back());
  return out;
}

std::vector<ValueId> OnnxNode::emit_all(Op op, std::vector<ValueId> in, size_t outputs) {
  std::vector<Type> types = result_types(graph_, op, in, outputs);
  // Weights behind a Transpose or Reshape are weights: move(dequantize(q)) => dequantize(move(q)).
  const ValueId stored = in.empty() || !moves_stored(op) ? ValueId::none : known_.dequantized(graph_, in[0]);
  if (stored != ValueId::none &&
      std::all_of(in.begin() + 1, in.end(), [&](ValueId v) { return graph_[v].constant(); })) {
    std::vector<ValueId> integers = in;
    integers[0] = stored;
    try {
      std::vector<Type> moved = result_types(graph_, op, integers, outputs);
      return append(Dequantize{}, append(op, std::move(integers), std::move(moved)), std::move(types));
    } catch (const OpError& e) {  // channels with scales of their own do not survive this move
      if (e.code() == "limit") throw;
    }
  }
  return append(std::move(op), std::move(in), std::move(types));
}

ValueId OnnxNode::emit_typed(Op op, std::vector<ValueId> in, Type type) {
  const Type inferred = result_types(graph_, op, in, 1)[0];
  if (inferred.shape != type.shape)
    throw InternalError(
        fmt::format("{}: result {} where [{}] is inferred", name_, to_string(type), to_string(inferred.shape)));
  return append(std::move(op), std::move(in), {std::move(type)})[0];
}

void OnnxNode::result(size_t k, ValueId v) {
  if (wants(k)) results_.push_back({proto_.output(int(k)), with_quant(v, {}), v});
}

ValueId OnnxNode::with_quant(ValueId v, const Quant& quant) {
  const Type& type = graph_[v].type;
  if (type.quant == quant) return v;
  const DTypeInfo& t = info(type.dtype);
  for (int32_t z : quant.zero_point)
    if (z < t.lo || z > t.hi) throw OpError(fmt::format("zero point {} does not fit the element type {}", z, t.name));
  const ValueId y = emit_typed(Reshape{type.shape}, {v}, {type.dtype, type.shape, quant});
  if (graph_[y].constant() && !quant.empty()) std::swap(graph_[y].name, graph_[v].name);  // these are the weights
  return y;
}

}  // namespace burin
