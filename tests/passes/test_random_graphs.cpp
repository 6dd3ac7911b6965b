// Random small graphs through every pass: after each one the graph is valid and computes what it computed before.
//
// Values keep their number (ValueId) through all passes, so both graphs are compared value by value: the graph after
// the pass runs on the values of the one before. A difference of one step, which the passes that change the order of
// float sums and lower-qdq may make, so never grows in the layers behind it. At the end the graph runs inside its
// arena, byte by byte.
#include "tests/catch.h"

#include <cstdlib>
#include <cstring>
#include <numeric>

#include "compiler/liveness.h"
#include "passes/pass.h"
#include "tests/passes/law.h"
#include "tests/passes/random_graph.h"

namespace {

using namespace burin;

constexpr const char* kTargets[] = {"host", "cortex-m4f", "riscv32"};

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

/// Runs a planned graph in one block of bytes full of noise. Working memory is overwritten before and after each node.
std::vector<Tensor> run_in_arena(const Graph& g, const std::vector<Tensor>& inputs, law::Random& random) {
  std::vector<std::byte> arena(size_t(g.arena_bytes) + 1);
  auto noise = [&](size_t from, size_t bytes) {
    for (size_t i = from; i < from + bytes; ++i) arena.at(i) = std::byte(random.next() & 255);
  };
  noise(0, arena.size() - 1);
  std::vector<Tensor> outside(g.values().size());  // --io external
  auto store = [&](ValueId id, const Tensor& t) {
    const int64_t at = g[id].offset;
    if (at < 0) outside[index(id)] = t;
    else REQUIRE(at + t.type().bytes() <= g.arena_bytes);
    if (at >= 0 && !t.bytes().empty()) std::memcpy(arena.data() + at, t.bytes().data(), t.bytes().size());
  };
  auto load = [&](ValueId id) {
    if (g[id].constant()) return *g[id].data;
    if (g[id].offset < 0) return outside[index(id)];
    Tensor t(g[id].type);
    if (!t.bytes().empty()) std::memcpy(t.bytes().data(), arena.data() + g[id].offset, t.bytes().size());
    return t;
  };
  for (size_t i = 0; i < inputs.size(); ++i) store(g.inputs[i], inputs[i]);
  for (const Node& n : g.nodes) {
    if (is_alias(g, n)) {
      REQUIRE(g[n.outputs[0]].offset == g[n.inputs[0]].offset);
      if (g[n.inputs[0]].offset < 0) {
        Tensor t = outside[index(n.inputs[0])];
        t.type() = g[n.outputs[0]].type;
        outside[index(n.outputs[0])] = t;
      }
      continue;
    }
    if (n.scratch) noise(size_t(n.scratch_offset), size_t(n.scratch));
    std::vector<Tensor> in, out;
    std::vector<const Tensor*> pointers;
    for (ValueId id : n.inputs) in.push_back(id == ValueId::none ? Tensor() : load(id));
    for (size_t i = 0; i < in.size(); ++i) pointers.push_back(n.inputs[i] == ValueId::none ? nullptr : &in[i]);
    for (ValueId id : n.outputs) out.emplace_back(g[id].type);
    eval(n.op, pointers, out);
    for (size_t i = 0; i < out.size(); ++i) store(n.outputs[i], out[i]);
    if (n.scratch) noise(size_t(n.scratch_offset), size_t(n.scratch));
  }
  std::vector<Tensor> r;
  for (ValueId id : g.outputs) r.push_back(load(id));
  return r;
}

struct Totals {
  int64_t compared = 0, differing = 0, regions = 0, quantized_regions = 0;
};

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
      const std::vector<Tensor> z = run_in_arena(g, inputs, random);
      for (size_t i = 0; i < x.size(); ++i)
        if (!std::ranges::equal(y[i].bytes(), z[i].bytes()))
          return fmt::format("output {} is overwritten in the arena", i);
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
