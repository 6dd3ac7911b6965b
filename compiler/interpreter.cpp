#include "compiler/interpreter.h"

#include <fmt/format.h>

namespace burin {

std::vector<Tensor> interpret(const Graph& g, std::span<const Tensor> inputs) {
  if (inputs.size() != g.inputs.size())
    throw OpError(fmt::format("{} inputs are given, the model has {}", inputs.size(), g.inputs.size()));
  std::vector<Tensor> values(g.values().size());
  std::vector<size_t> reads(g.values().size());
  for (const Node& n : g.nodes)
    for (ValueId id : n.inputs)
      if (id != ValueId::none) ++reads[index(id)];
  for (ValueId id : g.outputs) ++reads[index(id)];  // never freed
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& v = g[g.inputs[i]];
    if (inputs[i].dtype() != v.type.dtype || inputs[i].shape() != v.type.shape)
      throw OpError(fmt::format("input '{}' is {}, not {}", v.name, to_string(v.type), to_string(inputs[i].type())));
    Tensor& t = values[index(g.inputs[i])] = inputs[i];
    t.type() = v.type;
  }
  auto value = [&](ValueId id) {
    return id == ValueId::none ? nullptr : g[id].constant() ? g[id].data.get() : &values[index(id)];
  };
  for (const Node& n : g.nodes) {
    std::vector<const Tensor*> in;
    for (ValueId id : n.inputs) in.push_back(value(id));
    std::vector<Tensor> out;
    for (ValueId id : n.outputs) out.emplace_back(g[id].type);
    try {
      eval(n.op, in, out);
    } catch (const OpError& e) {
      throw OpError(fmt::format("node '{}': {}", n.name, e.what()), e.code(), e.hint());
    }
    for (size_t k = 0; k < out.size(); ++k) values[index(n.outputs[k])] = std::move(out[k]);
    for (ValueId id : n.inputs)
      if (id != ValueId::none && --reads[index(id)] == 0) values[index(id)] = Tensor();
  }
  std::vector<Tensor> results;
  for (ValueId id : g.outputs) results.push_back(*value(id));
  return results;
}

}  // namespace burin
