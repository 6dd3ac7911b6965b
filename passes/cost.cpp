#include "passes/cost.h"

#include <limits>

#include "codegen/layer.h"

namespace burin {

double cheapest_cycles(const Graph& g, const Node& n, const Context& ctx) {
  double best = std::numeric_limits<double>::infinity();
  const LayerView view(g, n, *ctx.target, ctx.options);
  for (const Kernel& k : kernels())
    if (const auto cost = ctx.target->has(k.needs) ? k.cost(view) : std::nullopt) best = std::min(best, double(cost->cycles));
  return best;
}

}  // namespace burin
