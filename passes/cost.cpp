#include "passes/cost.h"

#include <limits>

#include "codegen/costs.h"

namespace burin {

double cheapest_cycles(const Graph& g, const Node& n, const Context& ctx) {
  double best = std::numeric_limits<double>::infinity();
  const LayerView view(g, n, *ctx.target, ctx.options);
  for (const Kernel& k : kernels())
    if (const auto work = ctx.target->has(k.needs) ? k.work(view) : std::nullopt;
        work && !work->accumulates && !work->coded)
      best = std::min(best, estimated_cycles(k, *work, *ctx.target));
  return best;
}

}  // namespace burin
