// What read_model() makes of functions and branches, and the limits on what a model grows to.
#include "tests/catch.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tests/onnx/builder.h"

namespace burin {
namespace {

using namespace test;
using A = onnx::AttributeProto;
constexpr int F = 1, BOOL = 9;

/// Function domain.f(a) = LeakyRelu(a, alpha = slope), inside another that calls it twice.
Builder with_functions(bool default_slope, std::optional<float> given) {
  Builder b;
  auto* f = b.model.add_functions();
  f->set_domain("my.domain");
  f->set_name("leaky");
  f->add_input("a"), f->add_output("b");
  auto* o = f->add_opset_import();
  o->set_version(16);
  A& alpha = Builder::attribute(Builder::fill(*f->add_node(), "LeakyRelu", {"a"}, {"b"}, "l"), "alpha", A::FLOAT);
  alpha.set_ref_attr_name("slope");
  if (default_slope) {
    A value;
    value.set_name("slope"), value.set_type(A::FLOAT), value.set_f(0.5f);
    f->GetReflection()->MutableUnknownFields(f)->AddLengthDelimited(kFunctionAttributeProto, value.SerializeAsString());
  } else {
    f->add_attribute("slope");
  }
  auto* twice = b.model.add_functions();
  twice->set_domain("my.domain");
  twice->set_name("twice");
  twice->add_input("p"), twice->add_input("unused"), twice->add_output("q");
  twice->add_opset_import()->set_version(16);
  for (int i = 0; i < 2; ++i) {
    auto& n = Builder::fill(*twice->add_node(), "leaky", {i ? "t" : "p"}, {i ? "q" : "t"}, i ? "outer" : "inner");
    n.set_domain("my.domain");
    if (given) Builder::attribute(n, "slope", A::FLOAT).set_f(*given);
  }
  b.input("x", F, {int64_t{2}}).output("y");
  b.node("twice", {"x"}, {"y"}, "call").set_domain("my.domain");
  return b;
}

TEST_CASE("functions of the model are inlined", "[onnx]") {
  const std::vector<Tensor> x{floats({2}, {-8, 8})};
  SECTION("with the call's attribute") {
    CHECK(run(with_functions(false, 0.25f).read(), x) == std::vector<float>{-0.5f, 8});
  }
  SECTION("with the function's default, a field that old classes do not know") {
    CHECK(run(with_functions(true, {}).read(), x) == std::vector<float>{-2, 8});
  }
  SECTION("with the operator's default where neither is given") {
    CHECK(run(with_functions(false, {}).read(), x)[0] == Approx(-0.0008f));
  }
  SECTION("names carry the caller's") {
    const Graph g = with_functions(true, {}).read();
    REQUIRE(g.nodes.size() == 2);
    CHECK(g.nodes[0].name == "call/inner/l");
    CHECK(g[g.nodes[0].outputs[0]].name == "call/t");
    CHECK(g[g.outputs[0]].name == "y");
  }
  SECTION("one that calls itself") {
    Builder b = with_functions(true, {});
    b.model.mutable_functions(0)->mutable_node(0)->set_domain("my.domain");
    b.model.mutable_functions(0)->mutable_node(0)->set_op_type("twice");
    const auto e = errors_of(b);
    REQUIRE(!e.empty());
    CHECK(std::ranges::any_of(e,
                              [](const Diagnostic& d) { return d.message.find("calls itself") != std::string::npos; }));
  }
  SECTION("an attribute that it does not have") {
    Builder b = with_functions(true, {});
    Builder::attribute(*b.graph().mutable_node(0), "zzz", A::INT).set_i(1);
    CHECK(code_of(b) == "unsupported-attribute");
  }
  SECTION("errors inside name the call") {
    Builder b = with_functions(true, {});
    b.model.mutable_functions(0)->mutable_node(0)->set_op_type("Frobnicate");
    const auto e = errors_of(b);
    REQUIRE(!e.empty());
    CHECK(e[0].node == "call/inner/l");
  }
  SECTION("inputs that are absent") {
    Builder b = with_functions(true, {});
    b.model.mutable_functions(1)->mutable_node(1)->add_input("unused");  // leaky takes one input
    CHECK(errors_of(b).empty());
  }
}

TEST_CASE("functions that blow up are stopped", "[onnx]") {
  Builder b;
  for (int level = 0; level < 8; ++level) {
    auto* f = b.model.add_functions();
    f->set_domain("d"), f->set_name(fmt::format("f{}", level));
    f->add_input("a"), f->add_output("b");
    f->add_opset_import()->set_version(16);
    std::string from = "a";
    for (int i = 0; i < 10; ++i) {
      const std::string to = i == 9 ? std::string("b") : fmt::format("t{}", i);
      auto& n =
          Builder::fill(*f->add_node(), level ? fmt::format("f{}", level - 1) : std::string("Relu"), {from}, {to});
      if (level) n.set_domain("d");
      from = to;
    }
  }
  b.input("x", F, {int64_t{1}}).output("y");
  b.node("f7", {"x"}, {"y"}).set_domain("d");
  CHECK(code_of(b) == "limit");
}

/// x through `levels` functions, each of which calls the next `calls` times.
Builder towers(int levels, int calls) {
  Builder b;
  for (int level = 0; level < levels; ++level) {
    auto* f = b.model.add_functions();
    f->set_domain("d"), f->set_name(fmt::format("f{}", level));
    f->add_input("v0"), f->add_output(fmt::format("v{}", calls));
    f->add_opset_import()->set_version(16);
    const bool last = level == levels - 1;
    for (int i = 0; i < calls; ++i) {
      auto& n = Builder::fill(*f->add_node(), last ? "Relu" : fmt::format("f{}", level + 1), {fmt::format("v{}", i)},
                              {fmt::format("v{}", i + 1)});
      if (!last) n.set_domain("d");
    }
  }
  b.input("x", F, {int64_t{1}}).output("y");
  b.node("f0", {"x"}, {"y"}).set_domain("d");
  return b;
}

TEST_CASE("functions that call the next: a limit on their depth", "[onnx]") {
  CHECK(errors_of(towers(200, 1)).empty());
  CHECK(code_of(towers(201, 1)) == "limit");
  const auto e = errors_of(towers(10'000, 1));
  REQUIRE(e.size() == 1);
  CHECK(e[0].message.find("depth") != std::string::npos);
  CHECK(e[0].hint.find("--limit depth=201") != std::string::npos);
  ReadOptions more;
  more.limits.depth = 201;
  CHECK(errors_of(towers(201, 1), more).empty());
}

TEST_CASE("functions that call the next twice: a limit on nodes", "[onnx]") {
  CHECK(towers(5, 2).read().nodes.size() == 32);
  const auto e = errors_of(towers(16, 2));
  REQUIRE(e.size() == 1);
  CHECK(e[0].code == "limit");
  CHECK(e[0].hint.find("--limit nodes=") != std::string::npos);
  // 1 call at depth 0, 2, 4, 8, 16 at depths 1 to 4, 32 nodes at depth 5.
  const int64_t needed = 1 + 2 * 2 + 4 * 3 + 8 * 4 + 16 * 5 + 32 * 6;
  ReadOptions o;
  o.limits.nodes = needed - 1;
  CHECK(code_of(towers(5, 2), o) == "limit");
  o.limits.nodes = needed;
  CHECK(errors_of(towers(5, 2), o).empty());
}

/// A branch in a branch, so often.
Builder branches(int levels) {
  onnx::GraphProto inner;
  inner.set_name("g");
  Builder::fill(*inner.add_node(), "Relu", {"x"}, {"y0"});
  inner.add_output()->set_name("y0");
  for (int i = 1; i < levels; ++i) {
    onnx::GraphProto outer;
    outer.set_name("g");
    auto& n = Builder::fill(*outer.add_node(), "If", {"c"}, {fmt::format("y{}", i)});
    for (const char* branch : {"then_branch", "else_branch"})
      *Builder::attribute(n, branch, A::GRAPH).mutable_g() = inner;
    outer.add_output()->set_name(fmt::format("y{}", i));
    inner = outer;
  }
  Builder b;
  b.initializer("c", BOOL, {}).add_int32_data(1);
  b.input("x", F, {int64_t{1}}).output("y");
  auto& n = b.node("If", {"c"}, {"y"});
  for (const char* branch : {"then_branch", "else_branch"})
    *Builder::attribute(n, branch, A::GRAPH).mutable_g() = inner;
  return b;
}

TEST_CASE("branches inside branches count as functions do", "[onnx]") {
  ReadOptions o;
  o.limits.depth = 5;
  CHECK(errors_of(branches(5), o).empty());
  CHECK(code_of(branches(6), o) == "limit");
}

TEST_CASE("constants that the compiler computes: a limit on bytes and work", "[onnx]") {
  const auto value = [](Builder& b) { b.input("x", F, {int64_t{1}}).output("y"); };
  const auto refused = [](const Builder& b) {
    const auto e = errors_of(b);
    REQUIRE(e.size() == 1);
    CHECK(e[0].code == "limit");
    CHECK(e[0].hint.find("--limit folded-bytes=") != std::string::npos);
    return e[0];
  };
  SECTION("one of many bytes") {
    Builder b;
    value(b);
    b.integers("s", {1}, {(1 << 26) + 1});
    b.node("ConstantOfShape", {"s"}, {"c"}, "big");
    b.node("ReduceSum", {"c"}, {"k"});
    b.node("Add", {"x", "k"}, {"y"});
    const Diagnostic d = refused(b);
    CHECK(d.node == "big");
    CHECK(d.hint.find("=257M") != std::string::npos);  // the value that would do
  }
  SECTION("many that double") {
    Builder b;
    value(b);
    b.floats("v0", {1}, {1});
    for (int i = 0; i < 30; ++i)
      Builder::attribute(b.node("Concat", {fmt::format("v{}", i), fmt::format("v{}", i)}, {fmt::format("v{}", i + 1)}),
                         "axis", A::INT)
          .set_i(0);
    b.node("ReduceSum", {"v30"}, {"k"});
    b.node("Add", {"x", "k"}, {"y"});
    refused(b);
  }
  SECTION("few bytes, much work") {
    Builder b;
    value(b);
    b.integers("s", {4}, {1, 1, 1024, 1024});
    auto& w = b.initializer("w", F, {1, 1, 63, 63});
    for (int i = 0; i < 63 * 63; ++i) w.add_float_data(1);
    b.node("ConstantOfShape", {"s"}, {"c"});
    b.node("Conv", {"c", "w"}, {"k"}, "costly");
    b.node("Add", {"x", "k"}, {"y"});
    CHECK(refused(b).node == "costly");
  }
  SECTION("a pool works, too") {
    Builder b;
    value(b);
    b.integers("s", {4}, {1, 1, 1024, 1024});
    b.node("ConstantOfShape", {"s"}, {"c"});
    auto& pool = b.node("MaxPool", {"c"}, {"k"}, "costly");
    auto& shape = Builder::attribute(pool, "kernel_shape", A::INTS);
    shape.add_ints(63), shape.add_ints(63);
    b.node("Add", {"x", "k"}, {"y"});
    CHECK(refused(b).node == "costly");
  }
  SECTION("what a model may do is the user's choice") {
    Builder b;
    value(b);
    b.integers("s", {1}, {1000});
    b.node("ConstantOfShape", {"s"}, {"y"});
    ReadOptions o;
    o.limits.folded_bytes = 3999;
    CHECK(code_of(b, o) == "limit");
    o.limits.folded_bytes = 4000;
    CHECK(errors_of(b, o).empty());
  }
}

TEST_CASE("a limit on the memory of all constants", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{1}}).output("y");
  b.floats("a", {256}, std::vector<float>(256, 1)).floats("b", {256}, std::vector<float>(256, 1));
  b.node("Add", {"a", "x"}, {"c"});
  b.node("Add", {"b", "c"}, {"y"});
  const int64_t needed = 2 * int64_t(b.bytes().size()) + 2048;
  ReadOptions o;
  o.limits.memory = needed - 1;
  const auto e = errors_of(b, o);
  REQUIRE(e.size() == 1);
  CHECK(e[0].code == "limit");
  CHECK(e[0].hint.find("--limit memory=") != std::string::npos);
  o.limits.memory = needed;
  CHECK(errors_of(b, o).empty());
}

/// y = condition ? -x : x + outer, with an initializer of the branch and a value from around it.
Builder with_if(bool known, bool condition) {
  Builder b;
  b.input("x", F, {int64_t{2}});
  if (known) b.initializer("c", BOOL, {}).add_int32_data(condition);
  else b.input("c", BOOL, {});
  b.node("Relu", {"x"}, {"outer"});
  auto& n = b.node("If", {"c"}, {"y"}, "if");
  auto* yes = Builder::attribute(n, "then_branch", A::GRAPH).mutable_g();
  Builder::fill(*yes->add_node(), "Neg", {"x"}, {"r"});
  yes->add_output()->set_name("r");
  auto* no = Builder::attribute(n, "else_branch", A::GRAPH).mutable_g();
  auto& one = Builder::tensor(*no->add_initializer(), "one", F, {1});
  one.add_float_data(1);
  Builder::fill(*no->add_node(), "Add", {"outer", "one"}, {"r"}, "inside");
  no->add_output()->set_name("r");
  b.output("y");
  return b;
}

TEST_CASE("If with a known condition is its branch", "[onnx]") {
  const std::vector<Tensor> x{floats({2}, {-8, 8})};
  CHECK(run(with_if(true, true).read(), x) == std::vector<float>{8, -8});
  const Graph g = with_if(true, false).read();
  CHECK(run(g, x) == std::vector<float>{1, 9});
  CHECK(g.nodes.back().name == "if/inside");
  CHECK(g[g.outputs[0]].name == "y");
  const auto e = errors_of(with_if(false, true));
  REQUIRE(e.size() == 1);
  CHECK(e[0].code == "dynamic-control-flow");
  CHECK(e[0].hint.find("--bind c=") != std::string::npos);
}

TEST_CASE("a branch may read what a later node of the file writes", "[onnx]") {
  Builder b = with_if(true, false);
  auto* nodes = b.graph().mutable_node();
  nodes->SwapElements(0, 1);
  CHECK(run(b.read(), {floats({2}, {-8, 8})}) == std::vector<float>{1, 9});
}

TEST_CASE("every byte of a model may be wrong", "[onnx]") {
  Folder folder;
  const std::string whole = with_functions(true, {}).bytes() + with_if(true, true).bytes();
  uint32_t seed = 1;
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    seed = seed * 1664525 + 1013904223;
    damaged[i] = char(seed >> 24);
    const std::string path = folder.write("damaged.onnx", damaged);
    try {
      read_model(path, {});
    } catch (const ModelError& e) {
      CHECK(!e.diagnostics().empty());
    }
  }
}

}  // namespace
}  // namespace burin
