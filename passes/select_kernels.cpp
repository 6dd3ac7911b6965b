// Each node gets the cheapest kernel that the target can run and that serves the layer exactly.
#include <fmt/format.h>

#include "codegen/layer.h"
#include "compiler/liveness.h"
#include "passes/pass.h"

namespace burin {

void select_kernels(Graph& g, const Context& ctx) {
  std::vector<Diagnostic> missing;
  for (Node& n : g.nodes) {
    if (is_alias(g, n)) continue;
    const LayerView view(g, n, *ctx.target, ctx.options);
    std::optional<Cost> best;
    try {
      for (const Kernel& k : kernels()) {
        if (!ctx.target->has(k.needs)) continue;
        const std::optional<Cost> cost = k.cost(view);
        if (!cost || (best && cost->cycles >= best->cycles)) continue;
        best = cost;
        n.kernel = &k;
      }
    } catch (const OpError& e) {  // a sum that no accumulator holds
      missing.push_back(e.at(n.name, std::string(name(n.op))));
      continue;
    }
    if (best) n.scratch = best->scratch;
    else missing.push_back({Diagnostic::Severity::error,
                            fmt::format("no kernel computes this from {} to {}", n.inputs.empty() ? "nothing" : to_string(view.in(0)), to_string(view.out())),
                            "no-kernel", "", n.name, std::string(name(n.op))});
  }
  if (!missing.empty()) throw ModelError(missing);
}

}  // namespace burin
