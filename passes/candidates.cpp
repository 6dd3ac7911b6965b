#include "passes/candidates.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "codegen/names.h"
#include "compiler/liveness.h"
#include "passes/rewrite.h"

namespace burin {
/// A layer is called as reports and generated code spell it, which no two
/// are; an ONNX node may have become several layers, and its name means all of them, unless one has it.
std::map<const Node*, std::string> forced_kernels(const Graph& g, const Options& o, std::vector<Diagnostic>& errors) {
  std::map<const Node*, std::string> r;
  for (const auto& [layer, kernel] : o.kernels) {
    UniqueNames labels;
    std::vector<const Node*> labelled, named;
    for (const Node& n : g.nodes) {
      if (is_alias(g, n)) continue;
      if (labels.make(n.name.empty() ? std::string(name(n.op)) : n.name) == layer) labelled.push_back(&n);
      if (n.name == layer || std::ranges::count(n.onnx, layer)) named.push_back(&n);
    }
    for (const Node* n : labelled.empty() ? named : labelled) r[n] = kernel;
    if (labelled.empty() && named.empty())
      errors.push_back({Diagnostic::Severity::error,
                        fmt::format("--kernel {}={}: there is no layer '{}'", layer, kernel, layer), "no-layer",
                        "'burin analyze' prints the layers' names", "", ""});
  }
  return r;
}

void Candidates::assign(size_t i, size_t k) const { *layers[i] = planned(*layers[i], *kernels[i][k], works[i][k]); }

Candidates candidates(Graph& g, const Context& ctx) {
  std::vector<Diagnostic> errors;
  const std::map<const Node*, std::string> wishes = forced_kernels(g, ctx.options, errors);
  Candidates r;
  const Storage storage(g);
  const LiveSteps live(g);
  for (Node& n : g.nodes) {
    if (storage.alias(n)) continue;
    const LayerView view(g, n, *ctx.target, ctx.options, &live);
    n.selection = view.selection();
    n.selection->estimates.clear();
    const auto wish = wishes.find(&n);
    const std::string wanted = wish == wishes.end() ? "" : wish->second;
    std::vector<std::string_view> able;
    std::vector<const Kernel*> serves;
    std::vector<Work> works;
    std::vector<Cost> cost;
    auto refuse = [&](const std::string& what, DiagnosticId code, const std::string& hint) {
      errors.push_back(
          {Diagnostic::Severity::error, what + onnx_origin(n), code, hint, n.name, std::string(name(n.op))});
    };
    try {
      for (const Kernel& k : kernels()) {
        if (!ctx.target->has(k.needs)) continue;
        std::optional<Work> work = k.work(view);
        if (!work) continue;
        able.push_back(k.name);
        n.selection->estimates.emplace_back(&k, estimated_cycles(k, *work, *ctx.target));
        if (wanted.empty() ? work->accumulates || (work->coded && !ctx.options.compress) : k.name != wanted) continue;
        serves.push_back(&k);
        cost.push_back(estimated_cost(k, *work, view));
        works.push_back(*std::move(work));
      }
    } catch (const OpError& e) {  // a sum that no accumulator holds
      refuse(e.what(), e.code(), e.hint());
      continue;
    }
    if (able.empty())
      refuse(fmt::format("no kernel computes this from {} to {}", n.inputs.empty() ? "nothing" : to_string(view.in(0)),
                         to_string(view.out())),
             "no-kernel", "export this layer in float32, or quantize what it reads and writes to int8 or uint8");
    else if (serves.empty())
      refuse(fmt::format("kernel '{}' does not serve this layer on {}", wanted, ctx.target->name), "no-kernel",
             fmt::format("these do: {}", fmt::join(able, ", ")));
    r.layers.push_back(&n), r.kernels.push_back(std::move(serves)), r.works.push_back(std::move(works));
    r.costs.push_back(std::move(cost));
  }
  if (!errors.empty()) throw ModelError(errors);
  return r;
}

}  // namespace burin
