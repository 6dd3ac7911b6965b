// Each node gets the cheapest kernel that the target can run and that serves the layer exactly, or the one that
// --kernel names: cycles and bytes by --optimize, within --budget-flash (passes/choose.h).
#include <fmt/format.h>

#include "passes/candidates.h"

namespace burin {

void select_kernels(Graph& g, const Context& ctx) {
  const Candidates c = candidates(g, ctx);
  const std::vector<size_t> best = cheapest(c.costs, cycles_per_byte(c.costs, ctx.options.optimize));
  const std::vector<size_t> chosen =
      ctx.options.budget_flash ? fit_flash(c.costs, best, *ctx.options.budget_flash) : best;
  for (size_t i = 0; i < c.layers.size(); ++i) {
    c.assign(i, chosen[i]);
    if (chosen[i] == best[i]) continue;
    const Cost &now = c.costs[i][chosen[i]], &other = c.costs[i][best[i]];
    g.notes.push_back(
        fmt::format("layer '{}': kernel {} for --budget-flash, {} bytes less and {:.0f} estimated cycles more than {}",
                    c.layers[i]->name, c.layers[i]->kernel->name, other.flash() - now.flash(),
                    now.cycles - other.cycles, c.kernels[i][best[i]]->name));
  }
}

}  // namespace burin
