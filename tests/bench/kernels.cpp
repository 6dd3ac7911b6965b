// The benchmark that expands from kernels.inc.
// burin-bench-kernels LAYERS.ir TARGET...: every kernel of kernels.inc on every layer that it serves, in QEMU:
// instructions beside those of the layer's reference, as a markdown table. A kernel that computes anything but what the
// interpreter says, or that serves no layer of the table on any core named, is an error. burin-bench-kernels --random N
// SEED TARGET [each]: N random layers (random_layers.h; every other one without weights of -128), each by the kernel
// that select-kernels takes: instructions per multiply-add, by kernel. A wrong result is an error, and so is a
// reference kernel that gets a layer of kFewProducts or more products an output on a core with dsp; what failed is
// printed, and the others are run all the same. `each` prints every layer before the table.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "codegen/layer.h"
#include "codegen/lower.h"
#include "compiler/interpreter.h"
#include "tests/bench/bench_layers.h"
#include "tests/bench/random_layers.h"
#include "tools/burin/cli/runner.h"

using namespace burin;

namespace {

bool agree(const Tensor& a, const Tensor& b) {
  for (int64_t i = 0; i < a.elements(); ++i)
    if (is_float(a.dtype()) ? std::fabs(a.real(i) - b.real(i)) > 1e-4 + 1e-4 * std::fabs(b.real(i))
                            : a.integer(i) != b.integer(i))
      return false;
  return true;
}

struct Cell {
  int64_t instructions = 0;
  double work = 0;
  std::string kernel;
};

/// One run of the layer by `kernel`, or by the one that select-kernels takes; nothing where it does not serve.
std::optional<Cell> time_one(const Graph& layer, const Kernel* kernel, const Target& target) {
  Compiled c;
  c.graph = layer;
  c.context.target = &target;
  c.context.options.name = layer.name;
  if (kernel) c.context.options.kernels = {{layer.nodes.back().name, std::string(kernel->name)}};
  try {
    run_passes(c.graph, c.context);
  } catch (const ModelError& e) {
    for (const Diagnostic& d : e.diagnostics())
      if (!kernel || d.code != "no-kernel") throw;
    return std::nullopt;
  }
  c.program = lower(c.graph, target, c.context.options);
  c.module = print_module(c.program, target, {"", "", ""});
  const LayerFacts& facts = c.program.steps.back().facts;
  std::mt19937 rng(1);
  std::vector<Tensor> x;
  for (ValueId v : c.graph.inputs) x.push_back(random_tensor(c.graph[v].type, rng));
  const RunResult r = build_and_run(c, {x}, false);
  if (!agree(r.outputs[0][0], interpret(c.graph, x)[0]))
    throw std::runtime_error(fmt::format("{} on {}: wrong result of {}", facts.kernel, target.name, layer.name));
  if (!r.instructions)
    throw ToolError("this QEMU counts no instructions (its plugins, or a C compiler, are missing)", "no-counter");
  double reads = 0;
  for (ValueId v : c.graph.inputs) reads = std::max(reads, double(c.graph[v].type.elements()));
  return Cell{*r.instructions,
              facts.macs ? double(facts.macs) : std::max(reads, double(c.graph[c.graph.outputs[0]].type.elements())),
              facts.kernel};
}

int bench(const std::string& file, const std::vector<const Target*>& targets) {
  std::set<std::string_view> served;
  std::string header = "| layer | kernel |", line = "|---|---|";
  for (const Target* t : targets) header += fmt::format(" {} |", t->name), line += "---|";
  fmt::print("{}\n{}\n", header, line);
  for (Graph& layer : read_layers(file)) {
    no_least_weights(layer);
    std::vector<int64_t> reference(targets.size());
    for (const Kernel& k : kernels()) {
      std::string row;
      bool any = false;
      for (size_t t = 0; t < targets.size(); ++t) {
        const std::optional<Cell> cell = targets[t]->has(k.needs) ? time_one(layer, &k, *targets[t]) : std::nullopt;
        if (!cell) {
          row += " - |";
          continue;
        }
        any = true;
        if (!reference[t]) reference[t] = cell->instructions;
        row += fmt::format(" {:.2f}", double(cell->instructions) / cell->work);
        row += reference[t] == cell->instructions
                   ? " |"
                   : fmt::format(" ({:.1f}x) |", double(reference[t]) / double(cell->instructions));
      }
      if (!any) continue;
      served.insert(k.name);
      fmt::print("| {} | `{}` |{}\n", layer.name, k.name, row);
      std::fflush(stdout);
      if (isatty(2)) fmt::print(stderr, "\r{:<60}\r", layer.name);
    }
  }
  int missing = 0;
  for (const Kernel& k : kernels()) {
    const bool can_run = std::ranges::any_of(targets, [&](const Target* t) { return t->has(k.needs); });
    if (can_run && !served.count(k.name))
      fmt::print(stderr, "burin-bench-kernels: error: no layer of '{}' is served by {}\n", file, k.name), ++missing;
  }
  return missing ? 1 : 0;
}

constexpr int kFewProducts = 16;

/// The smallest of the sorted numbers that `percent` of them do not exceed.
double percentile(const std::vector<double>& sorted, int percent) {
  return sorted[(sorted.size() * size_t(percent) + 99) / 100 - 1];
}

int bench_random(int layers, uint32_t seed, const Target& target, bool each) {
  struct Row {
    std::vector<double> costs;  // instructions per multiply-add
    double worst = 0;
    std::string shape;
  };
  std::map<std::string, Row> rows;
  Row all;
  int failures = 0;
  std::mt19937 rng(seed);
  for (int i = 0; i < layers; ++i) {
    const RandomLayer layer = random_layer(rng, fmt::format("random_{}", i));
    const bool symmetric = i % 2 == 0;
    const auto fail = [&](const std::string& what) {
      fmt::print(stderr, "burin-bench-kernels: error: {}: {}{}\n{}", what, layer.shape,
                 symmetric ? ", weights of -128 made -127" : "", layer.text);
      ++failures;
    };
    try {
      Graph g = parse(layer.text);
      if (symmetric) no_least_weights(g);
      const Cell cell = *time_one(g, nullptr, target);
      const double cost = double(cell.instructions) / cell.work;
      if (each)
        fmt::print("{} {:.2f} {} {} {}\n", i, cost, cell.instructions, cell.kernel, layer.shape), std::fflush(stdout);
      for (Row* r : {&rows[cell.kernel], &all}) {
        r->costs.push_back(cost);
        if (cost > r->worst) r->worst = cost, r->shape = layer.shape;
      }
      if (target.has("dsp") && layer.taps >= kFewProducts && cell.kernel.ends_with("_ref"))
        fail(fmt::format("{} serves a layer of {} products an output", cell.kernel, layer.taps));
    } catch (const ModelError& e) {
      for (const Diagnostic& d : e.diagnostics()) fail(d.message);
    } catch (const std::runtime_error& e) {
      fail(e.what());
    }
    if (isatty(2)) fmt::print(stderr, "\r{:<60}\r", i);
  }
  fmt::print("| kernel | layers | median | 95th percentile | most | by |\n|---|---|---|---|---|---|\n");
  const auto print_row = [](const std::string& name, Row& r) {
    if (r.costs.empty()) return;
    std::ranges::sort(r.costs);
    fmt::print("| {} | {} | {:.2f} | {:.2f} | {:.2f} | {} |\n", name, r.costs.size(), percentile(r.costs, 50),
               percentile(r.costs, 95), r.worst, r.shape);
  };
  for (auto& [kernel, row] : rows) print_row('`' + kernel + '`', row);
  print_row("all", all);
  return failures ? 1 : 0;
}

const Target* emulated(std::string_view name) {
  const Target* t = find_target(std::string(name));
  if (!t || t->qemu.empty()) throw UsageError(fmt::format("'{}' is no target that QEMU runs", name), "no-emulator");
  return t;
}

int positive(std::string_view text) {
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < 1)
    throw UsageError(fmt::format("'{}' is no positive number", text), "command-line");
  return n;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const bool random = argc > 1 && std::string_view(argv[1]) == "--random";
    const bool each = argc == 6 && std::string_view(argv[5]) == "each";
    if (random ? argc != 5 && !each : argc < 3)
      throw UsageError("usage: burin-bench-kernels LAYERS.ir TARGET..., or --random N SEED TARGET [each]",
                       "command-line");
    if (random) return bench_random(positive(argv[2]), uint32_t(positive(argv[3])), *emulated(argv[4]), each);
    std::vector<const Target*> targets;
    for (int i = 2; i < argc; ++i) targets.push_back(emulated(argv[i]));
    return bench(argv[1], targets);
  } catch (const ModelError& e) {
    for (const Diagnostic& d : e.diagnostics()) fmt::print(stderr, "{}", format(d, argv[1], DiagnosticStyle::text));
    return 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "burin-bench-kernels: error: {}\n", e.what());
    return 1;
  }
}
