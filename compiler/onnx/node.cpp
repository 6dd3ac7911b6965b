#include "compiler/onnx/node.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/diagnostics.h"
#include "compiler/onnx/proto.h"
#include "compiler/onnx/tensor_proto.h"

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

OnnxNode::OnnxNode(Graph& graph, const onnx::NodeProto& proto, std::vector<ValueId> inputs, int opset,
                   std::string folder, std::string name, Spending* spent)
    : graph_(graph),
      spent_(spent ? *spent : own_),
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
  const Tensor* t = graph_[input(i)].data.get();
  if (!t) unknown_.insert(i);
  return t;
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
  if (std::holds_alternative<Dequantize>(op)) return std::nullopt;
  std::vector<const Tensor*> values;
  for (ValueId id : in) {
    if (id != ValueId::none && !graph[id].constant()) return std::nullopt;
    values.push_back(id == ValueId::none ? nullptr : graph[id].data.get());
  }
  std::vector<Tensor> results;
  int64_t bytes = 0;
  for (const Type& t : types) bytes += t.bytes();
  Node probe;
  probe.inputs = in;
  spent.fold(bytes, steps(op, graph.input_types(probe), types));
  for (const Type& t : types) results.emplace_back(t);
  eval(op, values, results);
  return results;
}

/// Operators whose ONNX form may stand on stored integers that mean something: these move or order them.
bool keeps_quant(const Op& op) {
  const Pool* pool = std::get_if<Pool>(&op);
  return quant_rule(op) == QuantRule::movement || (pool && pool->kind == PoolKind::max_pool);
}
bool reads_quant(const Op& op) { return keeps_quant(op) || std::holds_alternative<Dequantize>(op); }

/// The type of what `n` makes of a `from` that gets a Quant, if it can have one, too: it only moves or orders elements.
std::optional<Type> moved_type(const Graph& graph, const Node& n, const Type& from) {
  if (!keeps_quant(n.op) || n.inputs.size() != 1 || n.outputs.size() != 1) return std::nullopt;
  Type to = graph[n.outputs[0]].type;
  if (to.quantized() || to.dtype != from.dtype) return std::nullopt;
  if (const Reshape* same = n.as<Reshape>(); same && same->shape == from.shape)
    return std::nullopt;  // a reinterpretation
  try {
    to.quant = infer(n.op, std::span(&from, 1))[0].quant;
  } catch (const OpError&) {  // it mixes channels
    return std::nullopt;
  }
  if (to.quant.empty()) to.quant = from.quant;
  return to;
}

Node reinterpretation(ValueId from, ValueId to, const Shape& shape, const std::string& name) {
  Node n;
  n.name = name;
  n.op = Reshape{shape};
  n.inputs = {from};
  n.outputs = {to};
  n.onnx = {name};
  return n;
}

std::vector<ValueId> append(Graph& graph, const std::string& name, Op op, std::vector<ValueId> in,
                            std::vector<Type> types, Spending& spent) {
  std::vector<ValueId> out;
  if (auto known = fold(graph, op, in, types, spent)) {
    for (Tensor& t : *known) {
      spent.hold(int64_t(t.bytes().size()));
      out.push_back(graph.add_constant("", std::move(t)));
    }
    return out;
  }
  for (Type& t : types) out.push_back(graph.add_value("", std::move(t)));
  Node node;
  node.name = name;
  node.op = std::move(op);
  node.inputs = std::move(in);
  node.outputs = out;
  node.onnx = {name};
  graph.nodes.push_back(std::move(node));
  return out;
}

}  // namespace

std::vector<ValueId> OnnxNode::emit_all(Op op, std::vector<ValueId> in, size_t outputs) {
  // For ONNX, int8 numbers are numbers: an Add of int8 adds integers, whatever a DequantizeLinear elsewhere makes of
  // them.
  if (!reads_quant(op))
    for (ValueId& v : in) v = stored(v);
  std::vector<Type> types = result_types(graph_, op, in, outputs);
  if (keeps_quant(op))
    for (Type& t : types)
      if (t.quant.empty() && !in.empty() && t.dtype == graph_[in[0]].type.dtype) t.quant = graph_[in[0]].type.quant;
  return append(graph_, name_, std::move(op), std::move(in), std::move(types), spent_);
}

ValueId OnnxNode::emit_typed(Op op, std::vector<ValueId> in, Type type) {
  const Type inferred = result_types(graph_, op, in, 1)[0];
  if (inferred.shape != type.shape)
    throw InternalError(
        fmt::format("{}: result {} where [{}] is inferred", name_, to_string(type), to_string(inferred.shape)));
  return append(graph_, name_, std::move(op), std::move(in), {std::move(type)}, spent_)[0];
}

void OnnxNode::result(size_t k, ValueId v) {
  if (wants(k)) results_.emplace_back(proto_.output(int(k)), v);
}

ValueId OnnxNode::with_quant(ValueId v, const Quant& quant) {
  const Type& type = graph_[v].type;
  if (type.quant == quant) return v;
  const DTypeInfo& t = info(type.dtype);
  for (int32_t z : quant.zero_point)
    if (z < t.lo || z > t.hi) throw OpError(fmt::format("zero point {} does not fit the element type {}", z, t.name));
  Type wanted{type.dtype, type.shape, quant};
  if (!type.quant.empty()) return emit_typed(Reshape{type.shape}, {v}, std::move(wanted));
  quantize_readers(v, wanted);
  Value& value = graph_[v];
  value.type = wanted;
  if (value.data) {
    kept_.push_back(value.data);
    Tensor typed = *value.data;
    typed.type() = std::move(wanted);
    value.data = std::make_shared<const Tensor>(std::move(typed));
  }
  return v;
}

ValueId OnnxNode::stored(ValueId v) {
  if (v == ValueId::none || graph_[v].type.quant.empty()) return v;
  Type raw = graph_[v].type;
  raw.quant = {};
  return emit_typed(Reshape{raw.shape}, {v}, raw);
}

void OnnxNode::quantize_readers(ValueId v, const Type& wanted) {
  std::vector<size_t> plain;
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& n = graph_.nodes[i];
    if (std::ranges::count(n.inputs, v) == 0) continue;
    const auto type = moved_type(graph_, n, wanted);
    if (!type) {
      plain.push_back(i);
      continue;
    }
    const ValueId result = n.outputs[0];
    quantize_readers(result, *type);
    graph_[result].type = *type;
  }
  if (plain.empty()) return;
  const Type raw = graph_[v].type;
  const ValueId copy = graph_.add_value("", raw);
  for (size_t i : plain) std::ranges::replace(graph_.nodes[i].inputs, v, copy);
  const Node* first = &graph_.nodes[plain[0]];
  graph_.insert(first, reinterpretation(v, copy, raw.shape, first->name));
}

}  // namespace burin
