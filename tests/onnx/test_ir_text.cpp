// print() and parse(): the text IR of docs/ir.md.
#include "tests/catch.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "compiler/ir/graph.h"
#include "compiler/ops/conv.h"

namespace burin {
namespace {

std::string error_of(const char* text) {
  try {
    parse(text);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

constexpr const char* kGraph = R"(graph net(%x: i8[1x2x4x4]{0.5,-3} at 0, %unused: f32[]) -> %y, %y, %c
  arena 128 100
  note "a \"note\""
  %w: i8[2x2x1x1]{axis=0 0.1;0.25,0;0} = constant [1,-2,3,-128]
  %b: i32[2] = constant [-5,2147483647]
  %"odd name:0": i8[1x2x4x4]{0.125,7} at 64 = conv clamp=[0,inf] scratch=16 scratch_offset=112 %x, %w, %b  # conv_1 (conv_1, "relu 1")
  %y: i8[1x2x2x2]{0.125,7} = max_pool kernel=[2,2] strides=[2,2] %"odd name:0"
  %c: f32[3] = constant [0.1,-inf,nan]
)";

TEST_CASE("text is read and printed as it was", "[ir]") {
  const Graph g = parse(kGraph);
  CHECK(print(g) == kGraph);
  verify(g);
  CHECK(g.name == "net");
  CHECK(g.notes == std::vector<std::string>{"a \"note\""});
  CHECK(g.arena_bytes == 128);
  CHECK(g.inputs.size() == 2);
  CHECK(g.outputs[0] == g.outputs[1]);
  const Node& conv = g.nodes[0];
  CHECK(conv.name == "conv_1");
  CHECK(conv.onnx == std::vector<std::string>{"conv_1", "relu 1"});
  CHECK(conv.scratch == 16);
  CHECK(conv.scratch_offset == 112);
  CHECK(conv.as<Conv>()->clamp == Clamp{0, INFINITY});
  CHECK(g[conv.outputs[0]].offset == 64);
  CHECK(g[conv.inputs[1]].type.quant == Quant{{0.1f, 0.25f}, {0, 0}, 0});
  CHECK(g.nodes[1].name == "y");
  CHECK(g.nodes[1].onnx == std::vector<std::string>{"y"});
}

TEST_CASE("long constants stand at the end, equal ones once", "[ir]") {
  Graph g = parse(R"(graph (%x: f32[5x13]) -> %z
  %a: f32[5x13] = constant fill:1
  %b: f32[5x13] = constant fill:1
  %y = add %x, %a
  %z = mul %y, %b
)");
  const std::string text = print(g);
  CHECK(text.find("= constant @") != std::string::npos);
  CHECK(text.find("\n@") == text.rfind("\n@"));
  const Graph again = parse(text);
  CHECK(print(again) == text);
  CHECK(*again[again.nodes[0].inputs[1]].data == *g[g.nodes[0].inputs[1]].data);
  CHECK(error_of(text.substr(0, text.find("\n@") + 1).c_str()).find("missing") != std::string::npos);
}

TEST_CASE("base64 of every length", "[ir]") {
  for (int64_t n = 65; n < 72; ++n) {
    Graph g;
    g.outputs = {g.add_constant("c", Tensor(Type{DType::u8, {n}, {}}))};
    Tensor t(Type{DType::u8, {n}, {}});
    for (int64_t i = 0; i < n; ++i) t.set_integer(i, (i * 37) & 255);
    g.outputs = {g.add_constant("d", t)};
    const Graph again = parse(print(g));
    CHECK(*again[again.outputs[0]].data == t);
  }
}

TEST_CASE("constants of every type", "[ir]") {
  for (DType d : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i8, DType::u8, DType::i16, DType::u16,
                  DType::i32, DType::u32, DType::i64, DType::u64, DType::boolean, DType::i4, DType::u4}) {
    const std::string source = "graph () -> %c\n  %c: " + std::string(name(d)) + "[7] = constant fill:9\n";
    const Graph g = parse(source);
    const Graph again = parse(print(g));
    INFO(source);
    CHECK(*again[again.outputs[0]].data == *g[g.outputs[0]].data);
  }
  const char* extremes =
      "graph () -> %a, %b, %c\n  %a: i64[2] = constant [-9223372036854775808,9223372036854775807]\n"
      "  %b: u64[1] = constant [18446744073709551615]\n  %c: f32[3] = constant [1e-45,3.4028235e+38,-0]\n";
  CHECK(print(parse(extremes)) == extremes);
}

TEST_CASE("shorthands for people", "[ir]") {
  const Graph g = parse(R"(
# a comment
graph (%x: f32[2x3]) -> %z

  %y = transpose perm=[1,0] %x   # t
  # another
  %z = relu %y
)");
  CHECK(g[g.nodes[0].outputs[0]].type.shape == Shape{3, 2});
  CHECK(g.nodes[0].name == "t");
  CHECK(g.nodes[1].onnx == std::vector<std::string>{"z"});
}

TEST_CASE("fill is the same everywhere", "[ir]") {
  const Graph g = parse("graph () -> %c\n  %c: i8[4] = constant fill:1\n");
  CHECK(print(g) == "graph () -> %c\n  %c: i8[4] = constant [65,-25,-34,-117]\n");
}

TEST_CASE("fill with zeros, single ones and blocks", "[ir]") {
  const auto w = [](const char* how) {
    const Graph g = parse(std::string("graph () -> %c\n  %c: i16[23x5x6] = constant fill:3") + how + "\n");
    return *g[g.outputs[0]].data;
  };
  const auto zeros = [](const Tensor& t) {
    int64_t n = 0;
    for (int64_t i = 0; i < t.elements(); ++i) n += t.integer(i) == 0;
    return double(n) / double(t.elements());
  };
  const Tensor all = w(""), single = w(" zeros:80"), blocks = w(" blocks:50");
  CHECK(zeros(all) < 0.01);
  CHECK(zeros(single) == Approx(0.8).margin(0.05));
  CHECK(zeros(blocks) == Approx(0.5).margin(0.12));
  CHECK(zeros(w(" zeros:100")) == 1);
  for (int64_t i = 0; i < all.elements(); ++i) {
    CHECK((single.integer(i) == 0 || single.integer(i) == all.integer(i)));
    const int64_t first = i / 30 / 4 * 4 * 30 + i % 30 / 4 * 4;  // of its block
    CHECK((blocks.integer(i) == 0) == (blocks.integer(first) == 0));
  }
}

TEST_CASE("absent inputs", "[ir]") {
  const char* text = "graph (%x: f32[1x1x4], %w: f32[1x1x1]) -> %y\n  %y: f32[1x1x4] = conv %x, %w, _\n";
  const Graph g = parse(text);
  CHECK(g.nodes[0].inputs[2] == ValueId::none);
  CHECK(print(g) == text);
}

TEST_CASE("every operator's name and attributes survive", "[ir]") {
  for (const SupportedOp& s : supported_operators()) {
    if (s.ir == "constant" || s.ir == "(inlined)") continue;
    // "mul, add": what becomes of an operator that is taken apart.
    for (size_t from = 0; from < s.ir.size();) {
      const size_t comma = std::min(s.ir.find(", ", from), s.ir.size());
      const std::string_view one = s.ir.substr(from, comma - from);
      CHECK(name(op_of_name(one)) == one);
      from = comma + 2;
    }
    CHECK(importer(s.onnx) != nullptr);
  }
  CHECK_THROWS_AS(op_of_name("frobnicate"), std::invalid_argument);
  CHECK(importer("Frobnicate") == nullptr);
}

TEST_CASE("mistakes have a place", "[ir]") {
  CHECK(error_of("") == "line 1, column 1: 'graph' is missing");
  CHECK(error_of("graph (%x: f32[2]) -> %y\n") == "line 1, column 25: %y is not defined");
  CHECK(error_of("graph (%x: f99[2]) -> %x\n").find("f99") != std::string::npos);
  CHECK(error_of("graph (%x: f32[2]) -> %y\n  %y = frobnicate %x\n") ==
        "line 2, column 18: there is no operator 'frobnicate'");
  CHECK(error_of("graph (%x: f32[2]) -> %y\n  %y = relu zap=1 %x\n") ==
        "line 2, column 13: relu has no attribute 'zap'");
  CHECK(error_of("graph (%x: f32[2]) -> %y\n  %y = relu %z\n").find("%z is not defined") != std::string::npos);
  CHECK(error_of("graph (%x: f32[2], %x: f32[2]) -> %x\n").find("twice") != std::string::npos);
  CHECK(error_of("graph (%x: f32[2]) -> %y\n  %y = relu %x )\n").find("line should end") != std::string::npos);
  CHECK(error_of("graph () -> %c\n  %c: i8[2] = constant [1]\n").find("1 numbers for 2") != std::string::npos);
  CHECK(error_of("graph () -> %c\n  %c: i8[1] = constant [128]\n").find("does not fit") != std::string::npos);
  CHECK(error_of("graph () -> %c\n  %c: i8[1] = constant [1,2]\n").find("more numbers") != std::string::npos);
  CHECK(error_of("graph (%x: i8[2]{axis=0 1,0}) -> %x\n").find("scales") != std::string::npos);
  CHECK(error_of("graph (%x: i8[2]{axis=1 1;1,0;0}) -> %x\n").find("axis") != std::string::npos);
  CHECK(error_of("graph (%x: f32[2]) -> %y\n  %y = transpose perm=[0,0,0] %x\n") != "");
}

}  // namespace
}  // namespace burin
