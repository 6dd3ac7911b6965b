// Random small graphs through every pass: after each one the graph is valid and computes what it computed before.
//
// Values keep their number (ValueId) through all passes, so both graphs are compared value by value: the graph after
// the pass runs on the values of the one before. A difference of one step, which the passes that change the order of
// float sums and lower-qdq may make, so never grows in the layers behind it. At the end what the
// device would do runs on the host, at its places in the arena.
#include "tests/catch.h"

#include <cstdlib>
#include <cstring>
#include <numeric>

#include "codegen/lower.h"
#include "codegen/run.h"
#include "compiler/ops/quantize.h"
#include "passes/pass.h"
#include "tests/passes/law.h"
#include "tests/passes/random_graph.h"

namespace {

using namespace burin;

constexpr const char* kTargets[] = {"host", "cortex-m4f", "cortex-m55", "riscv32"};

/// The value of every node's outputs; `known` values replace those of the same number once they are compared.
struct Run {
  std::vector<Tensor> values;
  std::string wrong;
  int64_t compared = 0, differing = 0;
};

std::vector<const Tensor*> operands(const Graph& g, const Node& n, const std::vector<Tensor>& values) {
  std::vector<const Tensor*> in;
  for (ValueId id : n.inputs)
    in.push_back(id == ValueId::none ? nullptr : g[id].constant() ? g[id].data.get() : &values[index(id)]);
  return in;
}

/// 1 step where reals are rounded to integers; nothing anywhere else.
int64_t steps(std::string_view pass, const Node& n) { return pass == "lower-qdq" || n.as<Quantize>() ? 1 : 0; }

Run run_all(const Graph& g, const std::vector<Tensor>& inputs, std::string_view pass = "", const Run* known = nullptr) {
  Run r;
  r.values.resize(g.values().size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    r.values[index(g.inputs[i])] = inputs[i];
    r.values[index(g.inputs[i])].type() = g[g.inputs[i]].type;
  }
  for (const Node& n : g.nodes) {
    std::vector<Tensor> out;
    for (ValueId id : n.outputs) out.emplace_back(g[id].type);
    eval(n.op, operands(g, n, r.values), out);
    for (size_t k = 0; k < out.size(); ++k) {
      const size_t at = index(n.outputs[k]);
      r.values[at] = std::move(out[k]);
      if (!known || at >= known->values.size() || known->values[at].type().shape.empty()) continue;
      Tensor& mine = r.values[at];
      const Tensor& theirs = known->values[at];
      if (!is_float(mine.dtype())) r.compared += mine.elements();
      const std::string wrong = law::difference(theirs, mine, {steps(pass, n), 0}, &r.differing);
      if (!wrong.empty() && r.wrong.empty()) r.wrong = fmt::format("%{}: {}", g[n.outputs[k]].name, wrong);
      const Type type = mine.type();
      mine = theirs;
      mine.type() = type;
    }
  }
  return r;
}

std::vector<Tensor> results(const Graph& g, const Run& r) {
  std::vector<Tensor> all;
  for (ValueId id : g.outputs) all.push_back(g[id].constant() ? *g[id].data : r.values[index(id)]);
  return all;
}

struct Totals {
  int64_t compared = 0, differing = 0, regions = 0, quantized_regions = 0;
};

/// What is wrong where the kernels that were chosen run at the places that were planned. A kernel for floats may sum in
/// another order, and a value rounded to an integer behind it be the neighbour.
std::string runs_as_program(const Graph& g, const Context& context, const std::vector<Tensor>& inputs,
                            const std::vector<Tensor>& expected) {
  std::vector<Tensor> x = inputs;
  for (size_t i = 0; i < x.size(); ++i) x[i].type() = g[g.inputs[i]].type;
  std::vector<Tensor> got;
  try {
    got = run(lower(g, *context.target, context.options), x);
  } catch (const std::exception& e) {
    return e.what();
  }
  const bool rounds = std::ranges::any_of(g.nodes, [](const Node& n) { return n.as<Quantize>() != nullptr; });
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string wrong = law::difference(expected[i], got[i], {rounds ? 1 : 0, 0});
    if (!wrong.empty()) return fmt::format("output {} of the program: {}", i, wrong);
  }
  return "";
}

/// One pass on g. What is wrong, or nothing.
std::string step(std::string_view pass, Graph& g, const Context& context, uint64_t seed, Totals* totals) {
  const Graph before = g;
  try {
    run_pass(pass, g, context);
  } catch (const ModelError& e) {
    std::string s = "refused: ";
    for (const Diagnostic& d : e.diagnostics()) s += d.node + ": " + d.message + "; ";
    return s;
  } catch (const std::exception& e) {
    return e.what();
  }
  if (g.inputs != before.inputs || g.outputs.size() != before.outputs.size()) return "the interface changed";
  for (uint64_t s = 0; s < 2; ++s) {
    law::Random random(seed * 2 + s);
    const std::vector<Tensor> inputs = law::random_inputs(before, random);
    const Run a = run_all(before, inputs);
    const Run b = run_all(g, inputs, pass, &a);
    if (!b.wrong.empty()) return b.wrong;
    if (totals && pass == "lower-qdq") totals->compared += b.compared, totals->differing += b.differing;
    // Outputs that have another number now.
    const std::vector<Tensor> x = results(before, a), y = results(g, b);
    for (size_t i = 0; i < x.size(); ++i) {
      const std::string wrong = law::difference(x[i], y[i], {pass == "lower-qdq" ? 1 : 0, 0});
      if (!wrong.empty()) return fmt::format("output {}: {}", i, wrong);
    }
    if (pass == pass_names().back()) {
      const std::string wrong = runs_as_program(g, context, inputs, y);
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

/// All passes on one graph. What is wrong with which pass on which graph, or nothing.
std::string check(uint64_t seed, int operators, bool quantized, Totals* totals = nullptr) {
  Graph g = random_graph(seed, operators, quantized);
  verify(g);
  Context context;
  context.options.name = "test";
  context.options.io = seed % 2 ? Options::Io::arena : Options::Io::external;
  if (seed % 3 == 0) context.options.input_limit = 3;  // as law.h makes them
  context.target = find_target("host");
  auto pass = [&](std::string_view name, Graph& graph) {
    const std::string text = print(graph), wrong = step(name, graph, context, seed, totals);
    return wrong.empty() ? "" : fmt::format("{} for {}: {}\n{}", name, context.target->name, wrong, text);
  };
  const std::vector<std::string_view> names = pass_names();
  const size_t first =
      size_t(std::ranges::find(names, "select-kernels") - names.begin());  // of those that know targets
  for (size_t i = 0; i < first; ++i)
    if (const std::string wrong = pass(names[i], g); !wrong.empty()) return wrong;
  if (totals && quantized)
    for (const Node& n : g.nodes) {
      const Type& y = g[n.outputs[0]].type;
      const bool arithmetic = quant_rule(n.op) == QuantRule::arithmetic && (y.quantized() || is_float(y.dtype));
      totals->regions += arithmetic;
      totals->quantized_regions += arithmetic && y.quantized();
    }
  for (const char* target : kTargets) {
    context.target = find_target(target);
    Graph copy = g;
    for (size_t i = first; i < names.size(); ++i)
      if (const std::string wrong = pass(names[i], copy); !wrong.empty()) return wrong;
  }
  return "";
}

void check_many(uint64_t first, uint64_t count, bool quantized, Totals* totals = nullptr) {
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const int operators = 2 + int(seed % 9);
    if (check(seed, operators, quantized, totals).empty()) continue;
    // The smallest graph of this seed that shows it.
    for (int n = 1; n <= operators; ++n) {
      const std::string wrong = check(seed, n, quantized);
      if (wrong.empty()) continue;
      INFO("seed " << seed << ", " << n << " operators, " << wrong);
      CHECK(false);
      break;
    }
  }
}

}  // namespace

TEST_CASE("random float graphs keep their numbers through all passes", "[passes]") { check_many(1, 150, false); }

TEST_CASE("random quantized graphs keep their numbers through all passes", "[passes]") {
  Totals t;
  check_many(1001, 150, true, &t);
  // float32 and exact arithmetic disagree where a result lies close to the middle between two integers, nowhere else.
  INFO(t.differing << " of " << t.compared << " stored integers differ by one; " << t.quantized_regions << " of "
                   << t.regions << " operators are exact");
  CHECK(t.compared > 10000);
  CHECK(t.differing * 200 < t.compared);
  CHECK(t.quantized_regions * 2 > t.regions);  // the graphs do exercise integer arithmetic
}

// burin_tests "[soak]" with BURIN_SOAK=N: N more graphs of each kind, for after a change to a pass.
TEST_CASE("many more random graphs keep their numbers", "[.][soak]") {
  const char* count = std::getenv("BURIN_SOAK");
  const uint64_t n = count ? std::stoull(count) : 500;
  check_many(10000, n, false);
  check_many(1000000, n, true);
}
