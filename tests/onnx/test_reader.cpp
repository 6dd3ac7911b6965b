// What read_model() makes of whole models: names, order, inputs, outputs.
#include "tests/catch.h"

#include <algorithm>

#include "compiler/sha256.h"
#include "tests/onnx/builder.h"

namespace burin {
namespace {

using namespace test;
using A = onnx::AttributeProto;
constexpr int F = 1, I8 = 3, I64 = 7;

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
