// For ONNX what stands between QuantizeLinear and DequantizeLinear is integers; constants behind DequantizeLinear are
// constants.
#include "compiler/interpreter.h"
#include "compiler/ops/dense.h"
#include "compiler/ops/quantize.h"
#include "tests/catch.h"
#include "tests/onnx/builder.h"

namespace {

using namespace burin;
using namespace burin::test;
using A = onnx::AttributeProto;
constexpr int F = onnx::TensorProto::FLOAT, I8 = onnx::TensorProto::INT8;

/// x int8, read plainly by `reader` and by a DequantizeLinear.
Builder two_meanings(const std::string& reader, bool dequantize_first) {
  Builder b;
  b.input("x", I8, {int64_t{1}, int64_t{1}, int64_t{2}, int64_t{2}}).floats("s", {}, {0.5f});
  b.initializer("z", I8, {}).add_int32_data(3);
  auto dequantize = [&] { b.node("DequantizeLinear", {"x", "s", "z"}, {"real"}, "dq"); };
  if (dequantize_first) dequantize();
  if (reader == "MaxPool") {
    A& k = Builder::attribute(b.node("MaxPool", {"x"}, {"plain"}), "kernel_shape", A::INTS);
    k.add_ints(2), k.add_ints(2);
  } else {
    b.node(reader, {"x", "x"}, {"plain"}, "plain");
  }
  if (!dequantize_first) dequantize();
  b.output("plain", I8).output("real");
  return b;
}

TEST_CASE("integers stay integers for those who read them so", "[onnx]") {
  const std::vector<Tensor> x{Tensor::of<int8_t>(DType::i8, {1, 1, 2, 2}, {100, 2, -3, 60})};
  for (const bool first : {true, false}) {
    Graph g = two_meanings("Add", first).read();
    CHECK(g[g.inputs[0]].type.quant.empty());  // who dequantizes says what they stand for, not the file's input
    auto out = interpret(g, x);
    CHECK(out[0].integers() == std::vector<int64_t>{-56, 4, -6, 120});  // wraps, as integers do
    CHECK(out[1].real(1) == -0.5);
    g = two_meanings("MaxPool", first).read();
    out = interpret(g, x);
    CHECK(out[0].integers() == std::vector<int64_t>{100});
  }
}

TEST_CASE("what QuantizeLinear makes are integers", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{2}}).floats("s", {}, {0.5f}).initializer("z", I8, {}).add_int32_data(3);
  b.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  b.node("Add", {"q", "q"}, {"sum"});
  b.node("DequantizeLinear", {"sum", "s", "z"}, {"real"});
  b.output("q", I8).output("real");
  const Graph g = b.read();
  CHECK(g[g.outputs[0]].name == "q");
  const auto out = interpret(g, std::vector{floats({2}, {10, 60})});
  CHECK(out[0].integers() == std::vector<int64_t>{23, 123});
  CHECK(out[1] == floats({2}, {21.5f, -6.5f}));  // 46, and 246 - 256
}

TEST_CASE("stored integers that are two outputs have both names", "[onnx]") {
  for (const bool copy_first : {false, true}) {
    Builder b;
    b.input("x", F, {int64_t{2}}).floats("s", {}, {0.5f}).initializer("z", I8, {}).add_int32_data(3);
    b.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
    b.node("Identity", {"q"}, {"copy"});
    if (copy_first) b.output("copy", I8).output("q", I8);
    else b.output("q", I8).output("copy", I8);
    const Graph g = b.read();
    CHECK(g[g.outputs[copy_first]].name == "q");
    CHECK(g[g.outputs[!copy_first]].name == "copy");
    CHECK(g.outputs[0] != g.outputs[1]);
  }
}

TEST_CASE("constants behind DequantizeLinear are known", "[onnx]") {
  // Clip limits, through a chain of two operators.
  Builder b;
  b.input("x", F, {int64_t{3}}).floats("s", {}, {0.5f}).output("y");
  b.initializer("lo", I8, {}).add_int32_data(-2);
  b.initializer("hi", I8, {}).add_int32_data(-4);
  b.node("DequantizeLinear", {"lo", "s"}, {"low"});
  b.node("DequantizeLinear", {"hi", "s"}, {"negative"});
  b.node("Neg", {"negative"}, {"high"});
  b.node("Clip", {"x", "low", "high"}, {"y"});
  const Graph g = b.read();
  CHECK(g.nodes.size() == 1);
  CHECK(interpret(g, std::vector{floats({3}, {-9, 0.25f, 9})})[0] == floats({3}, {-1, 0.25f, 2}));
}

TEST_CASE("weights behind moves are weights", "[onnx]") {
  for (const bool per_channel : {false, true})
    for (const std::string move : {"Transpose", "Reshape"}) {
      Builder b;
      b.input("x", F, {int64_t{1}, int64_t{2}}).output("y");
      if (per_channel) b.floats("s", {3}, {0.5f, 1, 2});
      else b.floats("s", {}, {0.5f});
      onnx::TensorProto& w =
          b.initializer("w", I8, move == "Transpose" ? std::vector<int64_t>{3, 2} : std::vector<int64_t>{1, 2, 3});
      for (int i = 1; i <= 6; ++i) w.add_int32_data(i);
      Builder::attribute(b.node("DequantizeLinear", {"w", "s"}, {"d"}, "dq"), "axis", A::INT)
          .set_i(move == "Transpose" ? 0 : 2);
      if (move == "Reshape") {
        onnx::TensorProto& shape = b.initializer("shape", onnx::TensorProto::INT64, {2});
        shape.add_int64_data(2), shape.add_int64_data(3);
        b.node("Reshape", {"d", "shape"}, {"m"});
      } else {
        b.node("Transpose", {"d"}, {"m"});
      }
      b.node("MatMul", {"x", "m"}, {"y"});
      const Graph g = b.read();
      REQUIRE(g.nodes.size() == 2);
      CHECK(g.nodes[0].as<Dequantize>());
      CHECK(g.nodes[1].as<Dense>());
      const std::vector<float> scale = per_channel ? std::vector<float>{0.5f, 1, 2} : std::vector<float>(3, 0.5f);
      std::vector<float> y;
      for (int n = 0; n < 3; ++n)
        y.push_back(scale[size_t(n)] *
                    (move == "Transpose" ? float(10 * (2 * n + 1) + 2 * n + 2) : float(10 * (n + 1) + n + 4)));
      CHECK(interpret(g, std::vector{floats({1, 2}, {10, 1})})[0] == floats({1, 3}, y));
    }
}

TEST_CASE("batch normalization whose statistics are computed", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{1}, int64_t{2}, int64_t{2}}).input("m", F, {int64_t{2}}).output("y");
  b.floats("one", {2}, {1, 2}).floats("zero", {2}, {0, 5}).floats("var", {2}, {4, 1});
  Builder::attribute(b.node("BatchNormalization", {"x", "one", "zero", "m", "var"}, {"y"}), "epsilon", A::FLOAT)
      .set_f(0);
  const auto y = interpret(b.read(), std::vector{floats({1, 2, 2}, {1, 3, 5, 7}), floats({2}, {1, 6})})[0];
  CHECK(y == floats({1, 2, 2}, {0, 1, 3, 7}));
}

TEST_CASE("scales in float16", "[onnx]") {
  Builder b(19);
  b.input("x", I8, {int64_t{2}}).output("y", onnx::TensorProto::FLOAT16);
  b.initializer("s", onnx::TensorProto::FLOAT16, {}).add_int32_data(0x3800);  // 0.5
  b.node("DequantizeLinear", {"x", "s"}, {"y"});
  const auto y = interpret(b.read(), std::vector{Tensor::of<int8_t>(DType::i8, {2}, {1, -4})})[0];
  CHECK(y.dtype() == DType::f16);
  CHECK(y.real(0) == 0.5);
  CHECK(y.real(1) == -2);
}

TEST_CASE("surplus inputs", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{2}}).input("more", F, {int64_t{2}}).output("y");
  b.node("Relu", {"x", "more"}, {"y"}, "r");
  const auto e = errors_of(b);
  REQUIRE(e.size() == 1);
  CHECK(e[0].message == "input 1 ('more') is one too many");
}

TEST_CASE("one tensor of integers with two scales", "[onnx]") {
  Builder b;
  b.input("x", I8, {int64_t{2}}).floats("s", {}, {0.5f}).floats("t", {}, {2});
  b.node("DequantizeLinear", {"x", "s"}, {"a"});
  b.node("DequantizeLinear", {"x", "t"}, {"b"});
  b.output("a").output("b");
  const auto out = interpret(b.read(), std::vector{Tensor::of<int8_t>(DType::i8, {2}, {1, -4})});
  CHECK(out[0] == floats({2}, {0.5f, -2}));
  CHECK(out[1] == floats({2}, {2, -8}));
}

}  // namespace
