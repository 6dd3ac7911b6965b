// Each node gets the cheapest kernel that the target can run and that serves the layer exactly, or the one that --kernel names.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "codegen/layer.h"
#include "codegen/names.h"
#include "compiler/liveness.h"
#include "passes/pass.h"

namespace burin {
namespace {

/// The kernel that the user wants for a node, empty: the cheapest.
std::string forced(const Node& n, const Options& o, std::set<std::string>& used) {
  for (const auto& [layer, kernel] : o.kernels)
    // Also as reports and generated code spell it.
    if (layer == n.name || layer == UniqueNames().make(n.name) || std::ranges::count(n.onnx, layer)) return used.insert(layer), kernel;
  return "";
}

}  // namespace

void select_kernels(Graph& g, const Context& ctx) {
  std::vector<Diagnostic> errors;
  std::set<std::string> used;
  for (Node& n : g.nodes) {
    if (is_alias(g, n)) continue;
    const LayerView view(g, n, *ctx.target, ctx.options);
    const std::string wanted = forced(n, ctx.options, used);
    std::optional<Cost> best;
    std::vector<std::string_view> candidates;
    auto refuse = [&](const std::string& what, std::string_view code, const std::string& hint) {
      errors.push_back({Diagnostic::Severity::error, what, std::string(code), hint, n.name, std::string(name(n.op))});
    };
    try {
      for (const Kernel& k : kernels()) {
        if (!ctx.target->has(k.needs)) continue;
        const std::optional<Cost> cost = k.cost(view);
        if (!cost) continue;
        candidates.push_back(k.name);
        if (wanted.empty() ? best && cost->cycles >= best->cycles : k.name != wanted) continue;
        best = cost;
        n.kernel = &k;
      }
    } catch (const OpError& e) {  // a sum that no accumulator holds
      errors.push_back(e.at(n.name, std::string(name(n.op))));
      continue;
    }
    if (best) n.scratch = best->scratch;
    else if (candidates.empty()) refuse(fmt::format("no kernel computes this from {} to {}", n.inputs.empty() ? "nothing" : to_string(view.in(0)), to_string(view.out())), "no-kernel", "");
    else refuse(fmt::format("kernel '{}' does not serve this layer on {}", wanted, ctx.target->name), "no-kernel", fmt::format("these do: {}", fmt::join(candidates, ", ")));
  }
  for (const auto& [layer, kernel] : ctx.options.kernels)
    if (!used.count(layer))
      errors.push_back({Diagnostic::Severity::error, fmt::format("--kernel {}={}: there is no layer '{}'", layer, kernel, layer), "no-layer", "'burin analyze' prints the layers' names", "", ""});
  if (!errors.empty()) throw ModelError(errors);
}

}  // namespace burin
