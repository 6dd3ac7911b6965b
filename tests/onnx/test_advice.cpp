// Whatever is refused comes with a way out for the tool that wrote it.
#include "compiler/onnx/advice.h"

#include "tests/catch.h"
#include "tests/onnx/builder.h"

namespace {

using namespace burin;
using namespace burin::test;
constexpr int F = onnx::TensorProto::FLOAT;

bool says(std::string_view domain, std::string_view op, std::string_view what) {
  INFO(domain << " " << op << ": " << advice_for_operator(domain, op));
  return advice_for_operator(domain, op).find(what) != std::string_view::npos;
}

}  // namespace

TEST_CASE("advice names the tool and what it should do", "[onnx]") {
  CHECK(says("com.microsoft", "QLinearGlobalAveragePool", "QuantFormat.QDQ"));
  CHECK(says("com.microsoft", "QGemm", "QuantFormat.QDQ"));
  CHECK(says("com.microsoft", "DequantizeLinear", "21"));
  CHECK(says("com.microsoft", "FusedConv", "ORT_ENABLE_BASIC"));
  CHECK(says("com.microsoft.nchwc", "Conv", "ORT_ENABLE_BASIC"));
  CHECK(says("com.microsoft", "MatMulIntegerToFloat", "quantize_static"));
  CHECK(says("ai.onnx.ml", "LinearClassifier", "Gemm"));
  CHECK(says("ai.onnx.ml", "TreeEnsembleClassifier", "MLP"));
  CHECK(says("", "GRU", "unrolled"));
  CHECK(says("", "LayerNormalization", "opset_version=16"));
  CHECK(says("", "SplitToSequence", "tensors"));
  CHECK(says("", "SequenceConstruct", "tensors"));
  CHECK(says("", "Whatever", "`burin ops`"));
  CHECK(says("my.domain", "Foo", "functions"));
}

TEST_CASE("a condition of run time: advice that can be followed", "[onnx]") {
  for (const bool another : {false, true}) {  // binding the only input would leave no model
    Builder b;
    b.input("x", F, {int64_t{1}}).output("y");
    if (another) b.input("u", F, {int64_t{1}});
    b.floats("zero", {1}, {0});
    b.node("Greater", {"x", "zero"}, {"c"}, "c");
    onnx::NodeProto& n = b.node("If", {"c"}, {"y"}, "choice");
    for (const std::string branch : {"then_branch", "else_branch"}) {
      onnx::GraphProto& g = *Builder::attribute(n, branch, onnx::AttributeProto::GRAPH).mutable_g();
      Builder::fill(*g.add_node(), "Neg", {"x"}, {branch + "_y"});
      Builder::declare(g.add_output(), branch + "_y", F, {int64_t{1}});
    }
    const auto e = errors_of(b);
    REQUIRE(e.size() == 1);
    CHECK(e[0].code == "dynamic-control-flow");
    CHECK((e[0].hint.find(another ? "--bind x=" : "torch.where") != std::string::npos));
  }
}

TEST_CASE("types that are not supported come with a way out", "[onnx]") {
  Builder b;
  b.input("x", onnx::TensorProto::DOUBLE, {int64_t{1}, int64_t{1}, int64_t{4}}).output("y", onnx::TensorProto::DOUBLE);
  b.initializer("w", onnx::TensorProto::DOUBLE, {1, 1, 1}).add_double_data(1);
  b.node("Conv", {"x", "w"}, {"y"}, "c");
  const auto e = errors_of(b);
  REQUIRE(e.size() == 1);
  CHECK(e[0].code == "unsupported-type");
  CHECK(e[0].hint.find("float32") != std::string::npos);
}

TEST_CASE("a convolution in float16 is computed in float32", "[onnx]") {
  Builder b;
  constexpr int H = onnx::TensorProto::FLOAT16;
  b.input("x", H, {int64_t{1}, int64_t{1}, int64_t{2}}).output("y", H);
  b.initializer("w", H, {1, 1, 1}).add_int32_data(0x4000);  // 2
  b.node("Conv", {"x", "w"}, {"y"}, "c");
  const Graph g = b.read();
  CHECK(g[g.outputs[0]].type.dtype == DType::f16);
  CHECK(g.nodes.size() == 3);  // cast, conv, cast
}
