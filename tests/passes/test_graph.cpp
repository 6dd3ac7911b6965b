// What passes edit a graph with.
#include <fmt/format.h>

#include <algorithm>

#include "codegen/layer.h"
#include "compiler/ops/all.h"
#include "passes/pass.h"
#include "passes/rewrite.h"
#include "tests/catch.h"

namespace {

using namespace burin;

/// x -> relu -> relu ..., n of them.
Graph chain(int n) {
  std::string text = fmt::format("graph (%x: f32[4]) -> %v{}\n", n);
  for (int i = 1; i <= n; ++i)
    text += fmt::format("  %v{}: f32[4] = relu %{}\n", i, i == 1 ? "x" : fmt::format("v{}", i - 1));
  return parse(text);
}

std::vector<std::string> names(const Graph& g) {
  std::vector<std::string> r;
  for (const Node& n : g.nodes) r.push_back(n.name);
  return r;
}

TEST_CASE("nodes keep their addresses and know their places", "[ir]") {
  Graph g = chain(3);
  Node *const first = &g.nodes[0], *const last = &g.nodes[2];
  Node between = *last;
  // So often that there is no number left between two of them.
  for (int i = 0; i < 100; ++i) {
    between.name = fmt::format("n{}", i);
    g.nodes.insert(last, between);
  }
  CHECK(g.nodes.numberings() > 0);
  CHECK(&g.nodes[0] == first);
  CHECK(&g.nodes[102] == last);
  CHECK(g.nodes[101].name == "n99");
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    CHECK(g.nodes.index(g.nodes[i]) == i);
    CHECK(g.nodes.find(NodeList::order(g.nodes[i])) == &g.nodes[i]);
  }
  const int64_t gone = NodeList::order(g.nodes[5]);
  g.nodes.erase(g.nodes[5]);
  CHECK(g.nodes.find(gone) == nullptr);
  CHECK(g.nodes.size() == 102);
}

TEST_CASE("a graph knows who writes and who reads", "[ir]") {
  Graph g =
      parse("graph (%x: f32[4]) -> %z\n  %a: f32[4] = relu %x\n  %b: f32[4] = add %a, %a\n  %z: f32[4] = mul %a, %b\n");
  const auto id = [&](std::string_view name) {
    return ValueId(std::ranges::find(g.values(), name, &Value::name) - g.values().begin());
  };
  const ValueId x = id("x"), a = id("a"), b = id("b"), z = id("z");
  CHECK(g.producer(x) == nullptr);
  CHECK(g.producer(a) == &g.nodes[0]);
  CHECK(g.users(a).size() == 2);
  CHECK(g.reads(a) == 3);
  CHECK_FALSE(g.single_use(a));
  CHECK(g.single_use(b));
  CHECK_FALSE(g.single_use(z));

  Graph copy = g;  // of its own nodes
  CHECK(copy.producer(a) == &copy.nodes[0]);

  g.replace_uses(b, x);
  CHECK(g.dead(g.nodes[1]));
  g.erase(g.nodes[1]);
  CHECK(g.single_use(a));
  CHECK(g.producer(b) == nullptr);
  CHECK(g.users(x) == g.users(x));
  CHECK(g.reads(x) == 2);
  g.insert(&g.nodes[1], {"again", Unary{}, {a}, {b}, {}});
  CHECK(g.producer(b) == &g.nodes[1]);
  g.set_input(g.nodes[2], 0, b);
  CHECK(g.single_use(b));
  CHECK(copy.producer(b) == &copy.nodes[1]);
  CHECK(copy.reads(a) == 3);

  copy.nodes[2].inputs[1] = a;
  CHECK_THROWS_AS(verify(copy), InternalError);
}

TEST_CASE("fresh names", "[ir]") {
  Graph g = chain(1);
  CHECK(g.fresh("y") == "y");
  CHECK(g.fresh("x") == "x_1");
  CHECK(g.fresh("x") == "x_1");  // until a value has it
  for (int i = 1; i < 4; ++i) CHECK(g[g.add_value(g.fresh("x"), {})].name == fmt::format("x_{}", i));
  g.rename(ValueId(0), "other");
  CHECK(g.fresh("x") == "x");
  CHECK(g.fresh("x_2") == "x_2_1");
}

TEST_CASE("rewriting goes on at the first node that a rule changes", "[passes]") {
  std::vector<std::string> changed;
  const auto rule = [&](Graph& g, Node& n) {  // relu(relu(x)) => relu(x), from the second on
    Node* before = made_by<Unary>(g, n.inputs[0]);
    if (!before || !g.single_use(n.inputs[0])) return false;
    changed.push_back(n.name);
    g.set_input(n, 0, before->inputs[0]);
    return true;
  };
  Graph g = chain(6);
  rewrite_to_fixpoint(g, std::function<bool(Graph&, Node&)>(rule));
  CHECK(changed == std::vector<std::string>{"v2", "v3", "v4", "v5", "v6"});
  CHECK(names(g) == std::vector<std::string>{"v6"});
  verify(g);
}

TEST_CASE("a chain of quantized convolutions becomes as many layers", "[passes]") {
  constexpr int kLayers = 100;
  std::string text = "graph (%q0: i8[1x4x4x4]{0.02,3}) -> %q100\n";
  for (int i = 1; i <= kLayers; ++i)
    text += fmt::format(
        "  %w{0}: i8[4x4x1x1]{{0.01,0}} = constant fill:{0}\n"
        "  %d{0}: f32[1x4x4x4] = dequantize %q{1}\n"
        "  %e{0}: f32[4x4x1x1] = dequantize %w{0}\n"
        "  %c{0}: f32[1x4x4x4] = conv %d{0}, %e{0}\n"
        "  %r{0}: f32[1x4x4x4] = relu %c{0}\n"
        "  %q{0}: i8[1x4x4x4]{{0.02,3}} = quantize %r{0}\n",
        i, i - 1);
  Graph g = parse(text);
  Context context;
  context.target = find_target("cortex-m4f");
  context.options.name = "test";
  run_passes(g, context);
  CHECK(g.nodes.size() == kLayers + 2);  // a transpose at each end
  CHECK(std::ranges::count_if(g.nodes, [](const Node& n) { return n.as<Conv>() != nullptr; }) == kLayers);
}

TEST_CASE("verify compares element types with the type rules", "[ir]") {
  verify(parse("graph (%x: f32[4]) -> %q\n  %q: u8[4]{0.1,3} = quantize %x\n"));  // the model's choice
  CHECK_THROWS_AS(verify(parse("graph (%x: f32[4]) -> %y\n  %y: i32[4] = relu %x\n")), InternalError);
  CHECK_THROWS_AS(verify(parse("graph (%x: f32[4]) -> %q\n  %q: f32[4] = quantize %x\n")), InternalError);
}

}  // namespace
