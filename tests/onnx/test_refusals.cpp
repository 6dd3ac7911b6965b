// Errors of models that no other test of the reader or of the passes provokes, by their ids
// (tests/test_diagnostics.py).
#include <fmt/format.h>

#include "tests/catch.h"
#include "tests/onnx/builder.h"
#include "tools/burin/driver.h"

namespace {

using namespace burin;
using namespace burin::test;
using Attribute = onnx::AttributeProto;
constexpr int F = onnx::TensorProto::FLOAT;
constexpr int I64 = onnx::TensorProto::INT64;

TEST_CASE("a shape that depends on an input", "[onnx]") {
  SECTION("positions of what is not zero") {
    Builder b;
    b.input("x", F, {int64_t{4}}).output("y", I64);
    b.node("NonZero", {"x"}, {"y"}, "n");
    CHECK(code_of(b) == "dynamic-shape");
  }
  SECTION("the bounds of Range") {
    Builder b;
    b.input("to", I64, {}).output("y", I64);
    b.integers("zero", {}, {0}).integers("one", {}, {1});
    b.node("Range", {"zero", "to", "one"}, {"y"}, "r");
    const auto e = errors_of(b);
    REQUIRE(e.size() == 1);
    CHECK(e[0].code == "dynamic-shape");
    CHECK_FALSE(e[0].hint.empty());
  }
}

TEST_CASE("positions of maxima", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{1}, int64_t{1}, int64_t{4}}).output("y").output("at", I64);
  auto& n = b.node("MaxPool", {"x"}, {"y", "at"}, "p");
  Builder::attribute(n, "kernel_shape", Attribute::INTS).add_ints(2);
  CHECK(code_of(b) == "unsupported-output");
}

TEST_CASE("a window over three axes", "[onnx]") {
  Builder b;
  b.input("x", F, {int64_t{1}, int64_t{1}, int64_t{2}, int64_t{2}, int64_t{2}}).output("y");
  b.floats("w", {1, 1, 1, 1, 1}, {2});
  b.node("Conv", {"x", "w"}, {"y"}, "c");
  const auto e = errors_of(b);
  REQUIRE(e.size() == 1);
  CHECK(e[0].code == "unsupported-shape");
  CHECK(e[0].node == "c");
}

TEST_CASE("activations with a scale per row", "[onnx]") {
  constexpr int I8 = onnx::TensorProto::INT8;
  Builder b;
  b.input("x", I8, {int64_t{2}, int64_t{2}}).input("v", I8, {int64_t{2}, int64_t{2}}).output("y", I8);
  b.floats("rows", {2}, {0.5f, 0.25f}).floats("s", {}, {0.5f});
  b.initializer("zeros", I8, {2}).add_int32_data(0);
  b.graph().mutable_initializer(b.graph().initializer_size() - 1)->add_int32_data(0);
  b.initializer("z", I8, {}).add_int32_data(0);
  b.node("QLinearMatMul", {"x", "rows", "zeros", "v", "s", "z", "s", "z"}, {"y"}, "m");
  CHECK(code_of(b) == "unsupported-quantization");
}

TEST_CASE("a kernel for a layer that there is not") {
  Builder b;
  b.input("x", F, {int64_t{4}}).output("y");
  b.node("Relu", {"x"}, {"y"}, "r");
  Context context;
  context.target = find_target("host");
  context.options.name = "net";
  context.options.kernels["R"] = "relu";
  const auto e = errors_of([&] { compile({b.bytes(), "m.onnx", ""}, {}, context); });
  REQUIRE(e.size() == 1);
  CHECK(e[0].code == "no-layer");
  CHECK(e[0].message.find("'R'") != std::string::npos);
}

TEST_CASE("every id is explained") {
  for (std::string_view id : kDiagnosticIds) {
    const DiagnosticInfo* d = find_diagnostic(id);
    REQUIRE(d);
    CHECK(!d->meaning.empty());
    CHECK(!d->fix.empty());
  }
  CHECK(find_diagnostic("no-kernal") == nullptr);
}

}  // namespace
