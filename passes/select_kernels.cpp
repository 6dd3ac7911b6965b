// Each node gets the cheapest kernel that the target can run and that serves the layer exactly, or the one that
// --kernel names: cycles and bytes by --optimize, with coded weights by --compress, within --budget-flash
// (passes/choose.h).
#include <fmt/format.h>

#include "passes/candidates.h"

namespace burin {
namespace {

/// Bytes of what decodes weights and multiplies them (runtime-min/kernels/coded.h, dense_coded.h), about, on every
/// core.
constexpr int64_t kDecoder = 512;

/// --compress: what it changed, or why nothing.
std::string compression_note(const Candidates& c, const std::vector<size_t>& before, const std::vector<size_t>& after) {
  int64_t layers = 0, then = 0, now = 0;
  double cycles = 0;
  for (size_t i = 0; i < before.size(); ++i)
    if (const Cost& a = c.costs[i][before[i]], &b = c.costs[i][after[i]]; a.coded != b.coded) {
      ++layers, then += a.constants, now += b.constants;
      cycles += b.cycles - a.cycles;
    }
  if (layers > 0)
    return fmt::format(
        "--compress: weights of {} layer{} are stored coded: their constants take {} bytes instead of {}, and a run "
        "about "
        "{:.0f} cycles more",
        layers, layers == 1 ? "" : "s", now, then, cycles);
  return fmt::format(
      "--compress: no weights are stored coded: nothing that can be (8-bit weights of fully connected layers of one "
      "pixel) would take {} bytes less, as many as the decoder has",
      kDecoder);
}

}  // namespace

void select_kernels(Graph& g, const Context& ctx) {
  const Candidates c = candidates(g, ctx);
  const std::vector<size_t> plain = cheapest(c.costs, cycles_per_byte(c.costs, ctx.options.optimize));
  const std::vector<size_t> best = ctx.options.compress ? compressed(c.costs, plain, kDecoder) : plain;
  if (ctx.options.compress) g.notes.push_back(compression_note(c, plain, best));
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
