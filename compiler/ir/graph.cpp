#include "compiler/ir/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace burin {

ValueId Graph::add_value(std::string value_name, Type type, std::shared_ptr<const Tensor> data) {
  values_.push_back({std::move(value_name), std::move(type), std::move(data), -1});
  return ValueId(int32_t(values_.size()) - 1);
}

ValueId Graph::add_constant(std::string value_name, Tensor data) {
  Type type = data.type();
  return add_value(std::move(value_name), std::move(type), std::make_shared<const Tensor>(std::move(data)));
}

std::string Graph::fresh(std::string_view base) const {
  auto taken = [&](const std::string& s) {
    return std::ranges::any_of(values_, [&](const Value& v) { return v.name == s; });
  };
  std::string s(base);
  for (int i = 1; taken(s); ++i) s = fmt::format("{}_{}", base, i);
  return s;
}

const Node* Graph::producer(ValueId id) const {
  for (const Node& n : nodes)
    if (std::ranges::count(n.outputs, id)) return &n;
  return nullptr;
}
Node* Graph::producer(ValueId id) { return const_cast<Node*>(std::as_const(*this).producer(id)); }

std::vector<Node*> Graph::users(ValueId id) {
  std::vector<Node*> r;
  for (Node& n : nodes)
    if (std::ranges::count(n.inputs, id)) r.push_back(&n);
  return r;
}

bool Graph::is_output(ValueId id) const { return std::ranges::count(outputs, id) > 0; }
bool Graph::single_use(ValueId id) {
  const std::vector<Node*> readers = users(id);
  return readers.size() == 1 && std::ranges::count(readers[0]->inputs, id) == 1 && !is_output(id);
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (Node& n : nodes) std::ranges::replace(n.inputs, from, to);
  std::ranges::replace(outputs, from, to);
}

void Graph::erase(Node* node) { nodes.erase(nodes.begin() + (node - nodes.data())); }

void Graph::insert(const Node* before, Node node) {
  nodes.insert(before ? nodes.begin() + (before - nodes.data()) : nodes.end(), std::move(node));
}

void Graph::erase_dead() {
  std::set<ValueId> live(outputs.begin(), outputs.end());
  std::vector<Node> kept;
  for (auto n = nodes.rbegin(); n != nodes.rend(); ++n) {
    if (std::ranges::none_of(n->outputs, [&](ValueId v) { return live.count(v) > 0; })) continue;
    live.insert(n->inputs.begin(), n->inputs.end());
    kept.push_back(std::move(*n));
  }
  std::ranges::reverse(kept);
  nodes = std::move(kept);
}

void Graph::drop_unread_constants() {
  std::vector<bool> read(values_.size());
  auto mark = [&](ValueId v) {
    if (v != ValueId::none) read[index(v)] = true;
  };
  for (const Node& n : nodes) std::ranges::for_each(n.inputs, mark);
  std::ranges::for_each(outputs, mark);
  for (size_t i = 0; i < values_.size(); ++i)
    if (!read[i]) values_[i].data.reset();
}

std::vector<Type> Graph::input_types(const Node& n) const {
  std::vector<Type> r;
  for (ValueId id : n.inputs) r.push_back(id == ValueId::none ? Type{} : (*this)[id].type);
  return r;
}

void verify(const Graph& g) {
  auto fail = [](const Node& n, const std::string& rule) {
    throw InternalError(fmt::format("node '{}' ({}): {}", n.name, name(n.op), rule));
  };
  std::set<ValueId> defined(g.inputs.begin(), g.inputs.end());
  for (const Node& n : g.nodes) {
    const Arity arity = inputs(n.op);
    if (int(n.inputs.size()) < arity.min || int(n.inputs.size()) > arity.max)
      fail(n, fmt::format("has {} inputs, not {} to {}", n.inputs.size(), arity.min, arity.max));
    for (ValueId id : n.inputs)
      if (id != ValueId::none && !g[id].constant() && !defined.count(id))
        fail(n, fmt::format("reads '{}' before it is written", g[id].name));
    for (ValueId id : n.outputs) {
      if (g[id].constant()) fail(n, fmt::format("writes the constant '{}'", g[id].name));
      if (!defined.insert(id).second) fail(n, fmt::format("writes '{}' a second time", g[id].name));
    }
    std::vector<Type> types;
    try {
      types = infer(n.op, g.input_types(n));
    } catch (const OpError& e) {
      fail(n, e.what());
    }
    if (types.size() < n.outputs.size()) fail(n, fmt::format("has {} outputs, not {}", n.outputs.size(), types.size()));
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      const Type& t = g[n.outputs[i]].type;
      if (t.shape != types[i].shape)
        fail(n, fmt::format("output {} is {}, its type rule says [{}]", i, to_string(t), to_string(types[i].shape)));
      // What moves integers moves their meaning along; only a Reshape may say that they stand for something else.
      if (quant_rule(n.op) == QuantRule::movement && !n.as<Reshape>() && t != types[i])
        fail(n, fmt::format("output {} is {}, its type rule says {}", i, to_string(t), to_string(types[i])));
    }
  }
  for (ValueId id : g.outputs)
    if (!g[id].constant() && !defined.count(id))
      throw InternalError(fmt::format("output '{}' is never written", g[id].name));
}

}  // namespace burin
