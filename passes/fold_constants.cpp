// What depends on constants alone is computed now. Dequantize is left: lower-qdq absorbs those it can, and folds the
// rest.
#include <algorithm>

#include "compiler/ops/quantize.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {

void fold_constants(Graph& g, const Context& ctx) {
  Spending spent(ctx.options.limits);
  for (const Node& n : g.nodes) {
    if (n.as<Dequantize>()) continue;
    if (!std::ranges::all_of(n.inputs, [&](ValueId v) { return v == ValueId::none || g[v].constant(); })) continue;
    std::vector<Type> types;
    for (ValueId v : n.outputs) types.push_back(g[v].type);
    try {
      spend(spent, n.op, g.input_types(n), types);
    } catch (const OpError& e) {
      throw ModelError(e.at(n.name, std::string(name(n.op))));
    }
    std::vector<Tensor> results = evaluate(g, n);
    for (size_t i = 0; i < results.size(); ++i)
      g[n.outputs[i]].data = std::make_shared<const Tensor>(std::move(results[i]));
  }
  g.keep_nodes(
      [&](const Node& n) { return !std::ranges::all_of(n.outputs, [&](ValueId v) { return g[v].constant(); }); });
}

}  // namespace burin
