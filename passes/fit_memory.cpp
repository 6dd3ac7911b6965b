// Where stream-rows does not choose (--optimize size, very large graphs) and the arena exceeds --budget-ram, layers at
// the peaks get kernels with less working memory. What else is live at their steps says how much there may be; as a
// plan may need more than what is live at once, what it exceeds the budget by is taken off the aim, some times. Where
// that does not help the kernels stay as they are.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/liveness.h"
#include "passes/candidates.h"
#include "passes/stream.h"

namespace burin {
namespace {

constexpr int kTries = 8;

void assign(const Candidates& c, const std::vector<size_t>& chosen) {
  for (size_t i = 0; i < chosen.size(); ++i) c.assign(i, chosen[i]);
}

}  // namespace

void fit_memory(Graph& g, const Context& ctx) {
  if (!ctx.options.budget_ram || g.arena_bytes + g.state_bytes <= *ctx.options.budget_ram) return;
  const int64_t budget = *ctx.options.budget_ram;
  if (streams(g, ctx) || !ctx.options.memory.empty()) return;  // stream-rows knows the budget; a plan in pools may fail
  const Candidates c = candidates(g, ctx);
  const std::vector<int64_t> live = live_bytes(g);
  std::vector<size_t> first;
  std::vector<int64_t> others;  // bytes live beside each layer's working memory
  for (size_t i = 0; i < c.layers.size(); ++i) {
    const auto at = std::ranges::find(c.kernels[i], c.layers[i]->kernel);
    if (at == c.kernels[i].end()) return;
    first.push_back(size_t(at - c.kernels[i].begin()));
    others.push_back(live[g.nodes.index(*c.layers[i]) + 1] - c.layers[i]->scratch);
  }
  const double rate = cycles_per_byte(c.costs, ctx.options.optimize);
  int64_t aim = budget;
  std::vector<size_t> chosen;
  for (int tries = 0; tries < kTries && g.arena_bytes + g.state_bytes > budget; ++tries) {
    std::vector<int64_t> scratch_limit = others;
    std::ranges::transform(scratch_limit, scratch_limit.begin(),
                           [&](int64_t n) { return std::max<int64_t>(0, aim - n); });
    chosen = fit_scratch(c.costs, first, scratch_limit, rate, ctx.options.budget_flash || ctx.options.compress);
    if (chosen.empty()) break;
    assign(c, chosen);
    plan_memory(g, ctx);
    aim -= std::max<int64_t>(0, g.arena_bytes + g.state_bytes - budget);
  }
  if (g.arena_bytes + g.state_bytes > budget) {
    assign(c, first);
    plan_memory(g, ctx);
    return;
  }
  for (size_t i = 0; i < c.layers.size(); ++i)
    if (const Cost& now = c.costs[i][chosen[i]], &then = c.costs[i][first[i]]; chosen[i] != first[i])
      g.notes.push_back(
          fmt::format("layer '{}': kernel {} for --budget-ram, {} bytes of working memory less and {:.0f} estimated "
                      "cycles more than {}",
                      c.layers[i]->name, c.layers[i]->kernel->name, then.scratch - now.scratch,
                      now.cycles - then.cycles, c.kernels[i][first[i]]->name));
}

}  // namespace burin
