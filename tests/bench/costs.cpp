// What tools/fit-costs fits to.
// burin-bench-costs LAYERS.ir TARGET [--kernel NAME]... [--no-run]: every kernel, or the named ones, on layers of the
// table and on random ones (random_layers.h), as a table separated by tabs: class of cores, kernel, layer, the kernel's
// counts (kernels.inc), then what one run measures in QEMU: cycles, instructions, bytes of the layer's function; then
// bytes of its constants, a convolution's shape (ConvShape).
// --no-run: zeros for what is measured, in no time. --random N SEED: on N random layers instead, on each of them by
// every kernel.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "codegen/costs.h"
#include "codegen/layers/conv.h"
#include "codegen/lower.h"
#include "codegen/spelling.h"
#include "compiler/liveness.h"
#include "tests/bench/bench_layers.h"
#include "tests/bench/random_layers.h"
#include "tools/burin/cli/measured_run.h"

using namespace burin;

namespace {

constexpr int kRandom = 80, kTypical = 240, kReal = 120;  // layers of each kind that are drawn
constexpr size_t kLayersPerKernel = 32, kPruned = 40;
constexpr size_t kLayersPerProgram = 8;
constexpr int64_t kBytesPerProgram = 200'000;  // of inputs, outputs and weights: the smallest board has 1 MB of RAM

Context context(const Target& target) {
  Context c;
  c.target = &target;
  c.options.name = "costs";
  return c;
}

/// Typical 1x1 layers with few weights; behind the others, so that kernels of all layers hardly meet them.
std::vector<std::string> pruned_layers() {
  constexpr std::array kinds = {"zeros:60", "blocks:50", "zeros:80", "blocks:75", "zeros:90", "blocks:25"};
  std::vector<std::string> all;
  std::mt19937 rng(8);
  while (all.size() < kPruned) {
    std::string text = typical_layer(rng, fmt::format("pruned_{}", all.size()), false).text;
    if (text.find(" dense ") == text.npos && text.find("kernel=[1,1] strides=[1,1]") == text.npos) continue;
    text.insert(text.find('\n', text.find("fill:")), fmt::format(" {}", kinds[all.size() % kinds.size()]));
    all.push_back(std::move(text));
  }
  return all;
}

/// Layers of the table, typical and random ones, mixed.
std::vector<Graph> mixed(const std::string& file) {
  std::vector<Graph> all = read_layers(file);
  std::mt19937 rng(7);
  for (int i = 0; i < std::max({kRandom, kTypical, kReal}); ++i) {
    if (i < kTypical) all.push_back(parse(typical_layer(rng, fmt::format("typical_{}", i), false).text));
    if (i < kReal) all.push_back(parse(typical_layer(rng, fmt::format("real_{}", i), true).text));
    if (i < kRandom) all.push_back(parse(random_layer(rng, fmt::format("random_{}", i)).text));
  }
  for (const std::string& text : pruned_layers()) all.push_back(parse(text));
  for (size_t i = 0; i < all.size(); ++i)
    if (i % 4 != 0) no_least_weights(all[i]);  // most quantizers make none
  return all;
}

/// The layers of burin-bench-kernels --random.
std::vector<Graph> drawn(int count, uint32_t seed) {
  std::vector<Graph> all;
  std::mt19937 rng(seed);
  for (int i = 0; i < count; ++i) {
    all.push_back(parse(random_layer(rng, fmt::format("random_{}", i)).text));
    if (i % 2 == 0) no_least_weights(all.back());
  }
  return all;
}

/// What a program begins with: Winograd takes working memory only where the arena is large anyway.
Graph ballast(const Kernel& k) {
  if (k.name.starts_with("winograd"))
    return parse("graph costs(%x: i8[1x300000]{0.05,3}) -> %y\n  %y: i8[1x1]{0.05,3} = reduce_max axes=[1] %x\n");
  Graph g;
  g.name = "costs";
  return g;
}

/// The last node of a layer, which is what is measured.
bool serves(const Kernel& k, const Graph& layer, const Context& c) {
  if (!c.target->has(k.needs)) return false;
  Graph g = ballast(k);
  append(g, layer, "_");
  return k.work(LayerView(g, g.nodes.back(), *c.target, c.options)).has_value();
}

int64_t bytes(const Graph& g) {
  int64_t n = 0;
  for (const Value& v : g.values()) n += v.type.bytes();
  return n;
}

/// Several layers as one program, by one kernel.
void measure_layers(const Kernel& k, const std::vector<const Graph*>& layers, Context context, bool run) {
  Compiled c;
  c.context = std::move(context);
  c.graph = ballast(k);
  for (size_t i = 0; i < layers.size(); ++i) {
    append(c.graph, *layers[i], fmt::format("_{}", layers[i]->name));
    c.context.options.kernels[c.graph.nodes.back().name] = std::string(k.name);
  }
  for (std::string_view pass : {"select-kernels", "schedule", "plan-memory"}) run_pass(pass, c.graph, c.context);
  const Target& t = *c.context.target;
  MeasuredRun m;
  c.program = lower(c.graph, t, c.context.options);
  c.module = print_module(c.program, t, {"", "", ""});
  if (run) {
    std::mt19937 rng(1);
    std::vector<Tensor> x;
    for (ValueId v : c.graph.inputs) x.push_back(random_tensor(c.graph[v].type, rng));
    m = measured_run(c, {x});
    if (m.model.empty()) throw ToolError(m.note, "program-failed");
  }
  size_t at = 0;
  for (const Node& n : c.graph.nodes) {
    if (is_alias(c.graph, n)) continue;
    const LayerFacts& f = c.program.steps[at].facts;
    const RunCost cost = run ? m.steps[at] : RunCost{};
    ++at;
    if (n.kernel != &k) continue;
    const auto own =
        run ? m.measured.models.at(0).layers.find(f.function) : std::map<std::string, MeasuredLayer>::iterator{};
    const int64_t code = run && own != m.measured.models.at(0).layers.end() ? own->second.code_bytes : 0;
    const LayerView view(c.graph, n, t, c.context.options);
    const std::optional<Geometry> shape = geometry(view);
    fmt::print("{}\t{}\t{}\t{}\t{:.0f}\t{:.0f}\t{}\t{}\t{}\n", t.key("costs"), k.name, f.name,
               fmt::join(k.work(view)->counts, " "), cost.cycles, cost.instructions, code, f.weight_bytes,
               shape ? spelled(struct_of(shape->s)) : "");
  }
  std::fflush(stdout);
}

int bench(std::vector<Graph> all, const Target& target, const std::vector<std::string>& wanted, size_t most, bool run) {
  const Context c = context(target);
  for (Graph& g : all)
    for (std::string_view pass : pass_names()) {  // as select-kernels meets them
      if (pass == "select-kernels") break;
      run_pass(pass, g, c);
    }
  for (const Kernel& k : kernels()) {
    if (!wanted.empty() && !std::ranges::count(wanted, k.name)) continue;
    std::vector<const Graph*> group;
    int64_t room = kBytesPerProgram;
    size_t count = 0;
    const auto flush = [&] {
      if (!group.empty()) measure_layers(k, group, c, run);
      group.clear();
      room = kBytesPerProgram;
    };
    for (const Graph& layer : all) {
      if (count == most || !serves(k, layer, c)) continue;
      if (group.size() == kLayersPerProgram || (room -= bytes(layer)) < 0) flush(), room -= bytes(layer);
      group.push_back(&layer);
      ++count;
    }
    flush();
    if (isatty(2)) fmt::print(stderr, "\r{:<60}\r", k.name);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3)
      throw UsageError("usage: burin-bench-costs LAYERS.ir TARGET [--kernel NAME]... [--random N SEED] [--no-run]",
                       "command-line");
    const Target* t = find_target(argv[2]);
    if (!t || t->qemu.empty())
      throw UsageError(fmt::format("'{}' is no target that QEMU runs", argv[2]), "no-emulator");
    std::vector<std::string> kernels;
    int random = 0, seed = 0;
    bool run = true;
    for (int i = 3; i < argc; ++i) {
      if (std::string_view(argv[i]) == "--no-run") run = false;
      else if (std::string_view(argv[i]) == "--kernel" && i + 1 < argc) kernels.emplace_back(argv[++i]);
      else if (std::string_view(argv[i]) == "--random" && i + 2 < argc)
        random = std::stoi(argv[++i]), seed = std::stoi(argv[++i]);
      else throw UsageError(fmt::format("unknown argument '{}'", argv[i]), "command-line");
    }
    return random ? bench(drawn(random, uint32_t(seed)), *t, kernels, size_t(random), run)
                  : bench(mixed(argv[1]), *t, kernels, kLayersPerKernel, run);
  } catch (const ModelError& e) {
    for (const Diagnostic& d : e.diagnostics()) fmt::print(stderr, "{}", format(d, argv[1], DiagnosticStyle::text));
    return 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "burin-bench-costs: error: {}\n", e.what());
    return 1;
  }
}
