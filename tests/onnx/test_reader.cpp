// What read_model() makes of whole models: names, order, inputs, outputs, functions, branches.
#include "tests/catch.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/interpreter.h"
#include "compiler/sha256.h"
#include "tests/onnx/builder.h"

namespace burin {
namespace {

using namespace test;
using A = onnx::AttributeProto;
constexpr int F = 1, I8 = 3, I64 = 7, BOOL = 9;

Tensor floats(Shape shape, const std::vector<float>& v) { return Tensor::of(DType::f32, std::move(shape), v); }
std::vector<float> run(const Graph& g, const std::vector<Tensor>& in, size_t output = 0) {
  const std::vector<Tensor> out = interpret(g, in);
  const auto values = out[output].as<float>();
  return {values.begin(), values.end()};
}
/// y = relu(x), x of `dims`.
Builder relu(const std::vector<Dim>& dims) {
  Builder b;
  b.input("x", F, dims).output("y");
  b.node("Relu", {"x"}, {"y"}, "r");
  return b;
}

TEST_CASE("sha256 of FIPS 180-4's examples", "[onnx]") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  // Around the block length, where the padding needs another block.
  CHECK(sha256(std::string(55, 'a')) == "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  CHECK(sha256(std::string(56, 'a')) == "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  const std::string text(1000, 'a');
  for (size_t cut : {0, 1, 63, 64, 65, 999}) {
    Sha256 parts;
    parts.add(std::string_view(text).substr(0, cut));
    parts.add("");
    parts.add(std::string_view(text).substr(cut));
    CHECK(parts.hex() == sha256(text));
  }
  CHECK(sha256(std::string(64, 'a')) == "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

TEST_CASE("a model in any order is imported in topological order", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{2}}).output("z");
  b.node("Neg", {"y"}, {"z"}, "second");
  b.node("Relu", {"x"}, {"y"}, "first");
  const Graph g = b.read();
  REQUIRE(g.nodes.size() == 2);
  CHECK(g.nodes[0].name == "first");
  CHECK(g.nodes[1].onnx == std::vector<std::string>{"second"});
  CHECK(g[g.nodes[0].outputs[0]].name == "y");
  CHECK(run(g, {floats({2}, {-1, 3})}) == std::vector<float>{0, -3});
}

TEST_CASE("cycles name their nodes and nothing else", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{2}}).output("z");
  b.node("Add", {"x", "b"}, {"a"}, "one");
  b.node("Relu", {"a"}, {"b"}, "two");
  b.node("Neg", {"b"}, {"z"}, "after");
  const auto e = errors_of(b);
  REQUIRE(e.size() == 1);
  CHECK(e[0].code == "cycle");
  CHECK(e[0].message.find("'one'") != std::string::npos);
  CHECK(e[0].message.find("'two'") != std::string::npos);
  CHECK(e[0].message.find("'after'") == std::string::npos);
}

TEST_CASE("all nodes that are not supported are reported at once", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{2}}).output("z");
  b.node("Frobnicate", {"x"}, {"a"}, "n1");
  b.node("Relu", {"a"}, {"b"}, "n2");  // cannot be imported, but nothing is wrong with it
  b.node("Loop", {"b"}, {"c"}, "n3");
  b.node("FusedConv", {"c"}, {"d"}, "n4").set_domain("com.microsoft");
  A& attribute = Builder::attribute(b.node("Relu", {"x"}, {"e"}, "n5"), "slope", A::FLOAT);
  attribute.set_f(1);
  b.node("Add", {"d", "e"}, {"z"}, "n6");
  const auto e = errors_of(b);
  std::vector<std::pair<std::string, std::string>> found;
  for (const Diagnostic& d : e) found.emplace_back(d.node, d.code);
  std::ranges::sort(found);
  CHECK(found == std::vector<std::pair<std::string, std::string>>{{"n1", "unsupported-op"},
                                                                  {"n3", "unsupported-op"},
                                                                  {"n4", "unsupported-domain"},
                                                                  {"n5", "unsupported-attribute"}});
  CHECK(e.back().message.find("slope") != std::string::npos);
}

TEST_CASE("unsupported operators are reported along with open dimensions", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{1}, Dim{"width"}}).output("y");
  b.node("Frobnicate", {"x"}, {"y"}, "n1");
  const auto e = errors_of(b);
  REQUIRE(e.size() == 2);
  CHECK(e[0].code == "unknown-shape");
  CHECK(e[1].code == "unsupported-op");
}

TEST_CASE("names that mean nothing or two things", "[onnx]") {
  Builder b = relu({int64_t{2}});
  SECTION("an input that nothing defines") {
    b.node("Add", {"x", "ghost"}, {"q"}, "n");
    CHECK(code_of(b) == "undefined-value");
  }
  SECTION("two writers") {
    b.node("Neg", {"x"}, {"y"}, "n");
    CHECK(code_of(b) == "duplicate-name");
  }
  SECTION("a writer of an input") {
    b.node("Neg", {"x"}, {"x"}, "n");
    CHECK(code_of(b) == "duplicate-name");
  }
  SECTION("two inputs") {
    b.input("x", F, {int64_t{2}});
    CHECK(code_of(b) == "duplicate-name");
  }
  SECTION("two initializers") {
    b.initializer("w", F, {1}).add_float_data(1);
    b.initializer("w", F, {1}).add_float_data(2);
    CHECK(code_of(b) == "duplicate-name");
  }
  SECTION("an output that nothing computes") {
    b.output("ghost");
    CHECK(code_of(b) == "undefined-value");
  }
  SECTION("an output of another type") {
    b.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(I8);
    CHECK(code_of(b) == "type-mismatch");
  }
  SECTION("no outputs at all") {
    b.graph().clear_output();
    CHECK(code_of(b) == "empty-graph");
  }
  SECTION("no operator set") {
    b.model.clear_opset_import();
    CHECK(code_of(b) == "invalid-model");
  }
}

TEST_CASE("open dimensions", "[onnx]") {
  ReadOptions o;
  SECTION("a leading one is 1, with a note, and so is the same name elsewhere") {
    Builder b = relu({Dim{"batch"}, int64_t{3}});
    b.input("w", F, {int64_t{2}, Dim{"batch"}});
    const Graph g = b.read();
    CHECK(g[g.inputs[0]].type.shape == Shape{1, 3});
    CHECK(g[g.inputs[1]].type.shape == Shape{2, 1});
    REQUIRE(g.notes.size() == 1);
    CHECK(g.notes[0].find("--input-dim batch=N") != std::string::npos);
  }
  SECTION("by name") {
    o.input_dims = {{"batch", 4}, {"w", 5}};
    const Graph g = relu({Dim{"batch"}, Dim{"w"}}).read(o);
    CHECK(g[g.inputs[0]].type.shape == Shape{4, 5});
    CHECK(g.notes.empty());
  }
  SECTION("by input and axis, where the last colon counts") {
    Builder b;
    b.input("x:0", F, {Dim{""}, Dim{""}}).output("y");
    b.node("Relu", {"x:0"}, {"y"});
    o.input_dims = {{"x:0:1", 7}, {"x:0:0", 2}};
    const Graph g = b.read(o);
    CHECK(g[g.inputs[0]].type.shape == Shape{2, 7});
  }
  SECTION("others must be given") {
    const auto e = errors_of(relu({Dim{"batch"}, Dim{""}, Dim{"w"}}));
    REQUIRE(e.size() == 2);
    CHECK(e[0].hint.find("--input-dim x:1=N") != std::string::npos);
    CHECK(e[1].hint.find("--input-dim w=N") != std::string::npos);
  }
  SECTION("unknown names, contradictions, negative extents") {
    o.input_dims = {{"nope", 4}};
    CHECK(code_of(relu({Dim{"batch"}}), o) == "unknown-dimension");
    o.input_dims = {{"x:0", 4}};
    CHECK(code_of(relu({int64_t{3}}), o) == "unknown-dimension");
    o.input_dims = {{"x:1", 4}};
    CHECK(code_of(relu({int64_t{3}}), o) == "unknown-dimension");
    o.input_dims = {{"batch", -1}};
    CHECK(code_of(relu({Dim{"batch"}}), o) == "unknown-dimension");
    o.input_dims = {{"batch", 2}, {"x:1", 3}};
    CHECK(code_of(relu({Dim{"batch"}, Dim{"batch"}}), o) == "unknown-dimension");
  }
  SECTION("extents of zero stay, products that overflow do not") {
    CHECK(relu({int64_t{0}, int64_t{3}}).read().inputs.size() == 1);
    CHECK(errors_of(relu({int64_t{1} << 40, int64_t{1} << 40})).size() == 1);
  }
  SECTION("-1 in the file is an open extent") {
    const Graph g = relu({int64_t{-1}, int64_t{3}}).read();
    CHECK(g[g.inputs[0]].type.shape == Shape{1, 3});
  }
}

TEST_CASE("inputs of other types", "[onnx]") {
  Builder b = relu({int64_t{2}});
  SECTION("string") { b.input("s", 8, {int64_t{1}}); }
  SECTION("complex") { b.input("s", 14, {int64_t{1}}); }
  SECTION("a number that no type has") { b.input("s", 12345, {int64_t{1}}); }
  SECTION("sequence") {
    auto* v = b.graph().add_input();
    v->set_name("s");
    v->mutable_type()->mutable_sequence_type();
  }
  SECTION("nothing said") { b.graph().add_input()->set_name("s"); }
  CHECK(code_of(b) == "unsupported-type");
}

TEST_CASE("bound inputs are constants and inputs no longer", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{6}}).input("shape", I64, {int64_t{2}}).output("y");
  b.node("Reshape", {"x", "shape"}, {"y"}, "reshape");
  SECTION("needed, and the message says how") {
    try {
      b.read();
      FAIL("nothing was thrown");
    } catch (const NeedsBinding& e) {
      CHECK(e.inputs() == std::vector<std::string>{"shape"});
      CHECK(e.diagnostics()[0].code == "dynamic-value");
      CHECK(e.diagnostics()[0].node == "reshape");
      CHECK(e.diagnostics()[0].hint.find("--bind shape=") != std::string::npos);
    }
  }
  ReadOptions o;
  SECTION("as text") {
    o.bind_text = {{"shape", "2,3"}};
    const Graph g = b.read(o);
    CHECK(g.inputs.size() == 1);
    CHECK(g[g.outputs[0]].type.shape == Shape{2, 3});
  }
  SECTION("as a tensor") {
    o.bind.emplace("shape", Tensor::of<int64_t>(DType::i64, {2}, {3, -1}));
    CHECK(b.read(o)[b.read(o).outputs[0]].type.shape == Shape{3, 2});
  }
  SECTION("of the wrong type, rank, count or name") {
    o.bind.emplace("shape", Tensor::of<int32_t>(DType::i32, {2}, {3, 2}));
    CHECK(code_of(b, o) == "invalid-binding");
    o.bind.clear(), o.bind.emplace("shape", Tensor::of<int64_t>(DType::i64, {2, 1}, {3, 2}));
    CHECK(code_of(b, o) == "invalid-binding");
    o.bind.clear(), o.bind_text = {{"shape", "1,2,3"}};
    CHECK(code_of(b, o) == "invalid-binding");
    o.bind_text = {{"other", "1"}};
    CHECK(code_of(b, o) == "unknown-input");
  }
  SECTION("a value decides what its dimension's name means elsewhere") {
    Builder two;
    two.input("x", F, {int64_t{1}, Dim{"n"}}).input("w", F, {int64_t{1}, Dim{"n"}}).output("y");
    two.node("Add", {"x", "w"}, {"y"});
    o.bind_text = {{"w", "1,2,3"}};
    const Graph g = two.read(o);
    CHECK(g[g.inputs[0]].type.shape == Shape{1, 3});
  }
}

TEST_CASE("initializers that are also inputs", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{2}}).input("w", F, {int64_t{2}}).floats("w", {2}, {10, 20}).output("y");
  b.node("Add", {"x", "w"}, {"y"});
  const Graph g = b.read();
  CHECK(g.inputs.size() == 1);
  CHECK(run(g, {floats({2}, {1, 2})}) == std::vector<float>{11, 22});
  ReadOptions o;
  o.bind_text = {{"w", "5,6"}};
  CHECK(run(b.read(o), {floats({2}, {1, 2})}) == std::vector<float>{6, 8});
}

TEST_CASE("inputs that nothing reads remain", "[onnx]") {
  Builder b = relu({int64_t{2}});
  b.input("unused", I8, {int64_t{3}});
  const Graph g = b.read();
  REQUIRE(g.inputs.size() == 2);
  CHECK(g[g.inputs[1]].name == "unused");
}

TEST_CASE("outputs have their ONNX names", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{2}}).floats("c", {2}, {1, 2});
  b.node("Identity", {"x"}, {"same"});
  b.node("Relu", {"x"}, {"inner"});
  b.node("Identity", {"inner"}, {"y1"});
  b.node("Identity", {"inner"}, {"y2"});
  b.node("Identity", {"c"}, {"known"});
  b.output("same").output("y1").output("y2").output("known").output("x");
  const Graph g = b.read();
  std::vector<std::string> names;
  for (ValueId id : g.outputs) names.push_back(g[id].name);
  CHECK(names == std::vector<std::string>{"same", "y1", "y2", "known", "x"});
  const auto out = interpret(g, std::vector{floats({2}, {-1, 5})});
  CHECK(out[0] == floats({2}, {-1, 5}));
  CHECK(out[1] == floats({2}, {0, 5}));
  CHECK(out[2] == floats({2}, {0, 5}));
  CHECK(out[3] == floats({2}, {1, 2}));
}

TEST_CASE("shape arithmetic folds away", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{2}, int64_t{3}, int64_t{4}}).integers("i", {1}, {0}).integers("m", {1}, {-1}).output("y");
  b.node("Shape", {"x"}, {"s"});
  b.node("Gather", {"s", "i"}, {"n"});
  A& axis = Builder::attribute(b.node("Concat", {"n", "m"}, {"to"}), "axis", A::INT);
  axis.set_i(0);
  b.node("Reshape", {"x", "to"}, {"y"});
  const Graph g = b.read();
  CHECK(g.nodes.size() == 1);
  CHECK(g[g.outputs[0]].type.shape == Shape{2, 12});
}

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

TEST_CASE("bad scales and axes", "[onnx]") {
  for (float scale : {0.0f, -1.0f, NAN, INFINITY}) {
    Builder b;
    b.input("x", I8, {int64_t{2}}).floats("s", {}, {scale}).output("y");
    b.node("DequantizeLinear", {"x", "s"}, {"y"}, "dq");
    CHECK(code_of(b) == "invalid-scale");
  }
  Builder b;  // some converters write the axis of the weights for the bias
  b.input("x", I8, {int64_t{2}}).floats("s", {2}, {1, 2}).output("y");
  Builder::attribute(b.node("DequantizeLinear", {"x", "s"}, {"y"}, "dq"), "axis", A::INT).set_i(3);
  const auto e = errors_of(b);
  REQUIRE(e.size() == 1);
  CHECK(e[0].code == "axis-out-of-range");
  CHECK(e[0].node == "dq");
}

TEST_CASE("attributes of the wrong kind", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{2}, int64_t{2}}).output("y");
  auto& n = b.node("Softmax", {"x"}, {"y"}, "s");
  SECTION("type") {
    Builder::attribute(n, "axis", A::STRING).set_s("one");
    CHECK(errors_of(b)[0].message.find("attribute axis has type STRING, not INT") != std::string::npos);
  }
  SECTION("twice") {
    Builder::attribute(n, "axis", A::INT).set_i(0);
    Builder::attribute(n, "axis", A::INT).set_i(1);
    CHECK(code_of(b) == "duplicate-name");
  }
  SECTION("out of range") {
    Builder::attribute(n, "axis", A::INT).set_i(2);
    CHECK(errors_of(b).size() == 1);
  }
  SECTION("a reference outside a function") {
    Builder::attribute(n, "axis", A::INT).set_ref_attr_name("axis");
    CHECK(errors_of(b).size() == 1);
  }
}

TEST_CASE("files that are no models", "[onnx]") {
  Folder folder;
  auto code = [&](const std::string& path) {
    const auto e = errors_of([&] { read_model(path, {}); });
    return e.size() == 1 ? std::string(e[0].code) : "none";
  };
  CHECK(code(folder / "missing.onnx") == "unreadable-file");
  CHECK(code(folder / "") == "unreadable-file");
  CHECK(code("/dev/zero") == "unreadable-file");
  CHECK(code(folder.write("empty.onnx", "")) == "not-onnx");
  CHECK(code(folder.write("text.onnx", "hello, world\n")) == "not-onnx");
  const std::string whole = relu({int64_t{2}}).bytes();
  CHECK(code(folder.write("whole.onnx", whole)) == "none");
  for (size_t n = 1; n < whole.size(); ++n) {
    const std::string cut = code(folder.write("cut.onnx", whole.substr(0, n)));
    // Cut after a complete field it may still be a model, but one that lacks something.
    CHECK(cut != "");
  }
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

TEST_CASE("what the file says about itself", "[onnx]") {
  Folder folder;
  Builder b = relu({int64_t{2}});
  b.model.set_producer_name("maker");
  b.model.set_producer_version("1.2");
  ModelInfo info;
  const std::string path = folder.write("m.onnx", b.bytes());
  read_model(path, {}, &info);
  CHECK(info.file == path);
  CHECK(info.producer == "maker 1.2");
  CHECK(info.sha256 == sha256(b.bytes()));
}

}  // namespace
}  // namespace burin
