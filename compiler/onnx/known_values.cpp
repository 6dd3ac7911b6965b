#include "compiler/onnx/known_values.h"
#include "compiler/ops/quantize.h"

#include <algorithm>

namespace burin {

void KnownValues::appended(const Graph& graph, const Node& node) {
  const auto follows = [&](ValueId v) { return v == ValueId::none || graph[v].constant() || makers_.contains(v); };
  if (std::ranges::all_of(node.inputs, follows))
    for (ValueId y : node.outputs) makers_.emplace(y, node);
}

const Tensor* KnownValues::find(const Graph& graph, ValueId v, Spending& spent) {
  // The nodes that `v` needs, each behind those it needs itself: chains may be long, so no recursion.
  std::vector<ValueId> waiting{v};
  while (!waiting.empty()) {
    const ValueId at = waiting.back();
    const auto maker = makers_.find(at);
    if (graph[at].constant() || values_.contains(at)) {
      waiting.pop_back();
      continue;
    }
    if (maker == makers_.end()) return nullptr;
    const Node& n = maker->second;
    std::vector<const Tensor*> in;
    bool ready = true;
    for (ValueId i : n.inputs) {
      const auto known = values_.find(i);
      in.push_back(i == ValueId::none ? nullptr : known == values_.end() ? graph[i].data.get() : known->second.get());
      if (i == ValueId::none || in.back()) continue;
      waiting.push_back(i);
      ready = false;
    }
    if (!ready) continue;
    std::vector<Type> types;
    for (ValueId y : n.outputs) types.push_back(graph[y].type);
    spend(spent, n.op, graph.input_types(n), types);
    std::vector<Tensor> out(types.begin(), types.end());
    for (const Tensor& t : out) spent.hold(int64_t(t.bytes().size()));
    eval(n.op, in, out);
    for (size_t k = 0; k < out.size(); ++k)
      values_.emplace(n.outputs[k], std::make_shared<const Tensor>(std::move(out[k])));
  }
  const auto known = values_.find(v);
  if (known == values_.end()) values_.emplace(v, graph[v].data);
  return values_.at(v).get();
}

ValueId KnownValues::dequantized(const Graph& graph, ValueId v) const {
  const auto maker = makers_.find(v);
  if (maker == makers_.end() || !maker->second.as<Dequantize>()) return ValueId::none;
  const ValueId stored = maker->second.inputs[0];
  return graph[stored].constant() ? stored : ValueId::none;
}

}  // namespace burin
