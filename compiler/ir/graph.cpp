#include "compiler/ir/graph.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/reshape.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace burin {

namespace {

void append(std::vector<ValueId>& to, const std::vector<ValueId>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

ValueId Graph::add_value(std::string value_name, Type type, std::shared_ptr<const Tensor> data) {
  if (!names_.empty()) names_.emplace(value_name, 1);
  values_.push_back({std::move(value_name), std::move(type), std::move(data), -1});
  return ValueId(int32_t(values_.size()) - 1);
}

ValueId Graph::add_constant(std::string value_name, Tensor data) {
  Type type = data.type();
  return add_value(std::move(value_name), std::move(type), std::make_shared<const Tensor>(std::move(data)));
}

std::string Graph::fresh(std::string_view base) {
  if (names_.empty())
    for (const Value& v : values_) names_.emplace(v.name, 1);
  std::string s(base);
  const auto taken = names_.find(s);
  if (taken == names_.end()) return s;
  int& i = taken->second;
  while (names_.contains(s = fmt::format("{}_{}", base, i))) ++i;
  return s;
}

void Graph::rename(ValueId id, std::string to) {
  (*this)[id].name = std::move(to);
  names_.clear();  // the old name is free
}

void Graph::list_uses() const {
  uses_.of.assign(values_.size(), {});
  for (const Node& n : nodes) {
    Node* node = const_cast<Node*>(&n);
    for (ValueId v : n.inputs)
      if (v != ValueId::none) uses_.of[index(v)].readers.push_back(node);
    for (ValueId v : n.outputs)
      if (v != ValueId::none) uses_.of[index(v)].producer = node;
  }
  uses_.version = nodes.version();
}

const Graph::Use& Graph::of(ValueId id) const {
  static const Use nobody;
  if (uses_.version != nodes.version()) list_uses();
  return index(id) < uses_.of.size() ? uses_.of[index(id)] : nobody;
}

std::vector<Node*> Graph::users(ValueId id) const {
  std::vector<Node*> r = of(id).readers;
  std::ranges::sort(r);
  r.erase(std::unique(r.begin(), r.end()), r.end());
  return r;
}

bool Graph::is_output(ValueId id) const { return std::ranges::count(outputs, id) > 0; }
bool Graph::single_use(ValueId id) const { return reads(id) == 1 && !is_output(id); }
bool Graph::dead(const Node& n) const {
  return std::ranges::all_of(n.outputs, [&](ValueId v) { return reads(v) == 0 && !is_output(v); });
}

void Graph::link(Node& n) {
  uses_.of.resize(values_.size());
  for (ValueId v : n.inputs)
    if (v != ValueId::none) uses_.of[index(v)].readers.push_back(&n);
  for (ValueId v : n.outputs)
    if (v != ValueId::none) uses_.of[index(v)].producer = &n;
  uses_.version = nodes.version();
  if (!uses_.changes) return;
  append(uses_.changes->read, n.inputs);
  append(uses_.changes->written, n.outputs);
}

void Graph::unlink(Node& n) {
  if (uses_.version != nodes.version()) list_uses();
  for (ValueId v : n.inputs) {
    if (v == ValueId::none) continue;
    std::vector<Node*>& readers = uses_.of[index(v)].readers;
    std::swap(*std::ranges::find(readers, &n), readers.back());
    readers.pop_back();
  }
  for (ValueId v : n.outputs)
    if (v != ValueId::none && uses_.of[index(v)].producer == &n) uses_.of[index(v)].producer = nullptr;
  if (!uses_.changes) return;
  append(uses_.changes->read, n.inputs);
  append(uses_.changes->written, n.outputs);
}

void Graph::set_inputs(Node& n, std::vector<ValueId> to) {
  unlink(n);
  n.inputs = std::move(to);
  link(n);
}

void Graph::set_input(Node& n, size_t i, ValueId input) {
  std::vector<ValueId> to = n.inputs;
  to[i] = input;
  set_inputs(n, std::move(to));
}

void Graph::set_outputs(Node& n, std::vector<ValueId> to) {
  unlink(n);
  n.outputs = std::move(to);
  link(n);
}

void Graph::replace(Node& n, Node by) {
  unlink(n);
  n = std::move(by);
  link(n);
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (Node* n : users(from)) {
    std::vector<ValueId> all = n->inputs;
    std::ranges::replace(all, from, to);
    set_inputs(*n, std::move(all));
  }
  std::ranges::replace(outputs, from, to);
}

void Graph::erase(Node& n) {
  unlink(n);
  nodes.erase(n);
  uses_.version = nodes.version();
}

Node& Graph::insert(const Node* before, Node node) {
  if (uses_.version != nodes.version()) list_uses();
  Node& n = nodes.insert(before, std::move(node));
  link(n);
  return n;
}

void Graph::keep_nodes(const std::function<bool(const Node&)>& keep) {
  std::vector<bool> kept(nodes.size());
  for (size_t i = nodes.size(); i-- > 0;) kept[i] = keep(nodes[i]);
  nodes.keep(kept);
}

void Graph::erase_dead() {
  std::set<ValueId> live(outputs.begin(), outputs.end());
  keep_nodes([&](const Node& n) {
    if (std::ranges::none_of(n.outputs, [&](ValueId v) { return live.contains(v); })) return false;
    live.insert(n.inputs.begin(), n.inputs.end());
    return true;
  });
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
  std::vector<bool> defined(g.values_.size());
  for (ValueId id : g.inputs) defined[size_t(id)] = true;
  for (const Node& n : g.nodes) {
    const Arity arity = inputs(n.op);
    if (int(n.inputs.size()) < arity.min || int(n.inputs.size()) > arity.max)
      fail(n, fmt::format("has {} inputs, not {} to {}", n.inputs.size(), arity.min, arity.max));
    for (ValueId id : n.inputs)
      if (id != ValueId::none && !g[id].constant() && !defined[size_t(id)])
        fail(n, fmt::format("reads '{}' before it is written", g[id].name));
    for (ValueId id : n.outputs) {
      if (g[id].constant()) fail(n, fmt::format("writes the constant '{}'", g[id].name));
      if (defined[size_t(id)]) fail(n, fmt::format("writes '{}' a second time", g[id].name));
      defined[size_t(id)] = true;
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
      // The type of stored integers belongs to the model: the type rules cannot know it.
      const bool stored = t.quantized() || n.as<Quantize>();
      if (stored ? !is_integer(t.dtype) : t.dtype != types[i].dtype)
        fail(n, fmt::format("output {} is {}, its type rule says {}", i, to_string(t),
                            stored ? "an integer" : to_string(types[i])));
      // What moves integers moves their meaning along; only a Reshape may say that they stand for something else.
      if (quant_rule(n.op) == QuantRule::movement && !n.as<Reshape>() && t != types[i])
        fail(n, fmt::format("output {} is {}, its type rule says {}", i, to_string(t), to_string(types[i])));
    }
  }
  for (ValueId id : g.outputs)
    if (!g[id].constant() && !defined[size_t(id)])
      throw InternalError(fmt::format("output '{}' is never written", g[id].name));

  if (g.uses_.version == g.nodes.version()) {
    const Graph::Uses known = std::move(g.uses_);
    g.list_uses();
    for (size_t i = 0; i < known.of.size(); ++i) {
      std::vector<Node*> a = known.of[i].readers, b = g.uses_.of[i].readers;
      std::ranges::sort(a);
      std::ranges::sort(b);
      if (a != b || known.of[i].producer != g.uses_.of[i].producer)
        throw InternalError(
            fmt::format("a node was changed past the graph: it writes or reads '{}'", g.values_[i].name));
    }
  }
  for (const Value& v : g.values_)
    if (!g.names_.empty() && !g.names_.contains(v.name))
      throw InternalError(fmt::format("a value was renamed past the graph: '{}'", v.name));
}

}  // namespace burin
