// compile(): from bytes to a printed module, and nothing but ModelError where there is none.
#include "tools/burin/driver.h"

#include "tests/catch.h"
#include "tests/onnx/builder.h"

namespace {

using namespace burin;

Context context_for(const char* target) {
  Context context;
  context.target = find_target(target);
  context.options.name = "net";
  return context;
}

TEST_CASE("bytes become a module that says where they came from") {
  test::Builder b;
  b.input("x", 1, {4}).output("y");
  b.node("Relu", {"x"}, {"y"}, "r");
  const Compiled c = compile({b.bytes(), "some/folder/m.onnx", "--io-layout nhwc"}, {}, context_for("cortex-m4f"));
  CHECK(c.module.header.find("void net_run(void *arena);") != std::string::npos);
  for (const char* part : {"m.onnx", "--io-layout nhwc", "cortex-m4f"})
    CHECK(c.module.source.find(part) != std::string::npos);
  CHECK(c.module.source.find("some/folder") == std::string::npos);
  CHECK(c.info.sha256.size() == 64);
}

TEST_CASE("what cannot be compiled is a ModelError, whichever stage says so") {
  const auto code = [](const std::string& bytes, const Context& context) {
    const auto e = test::errors_of([&] { compile({bytes, "m.onnx", ""}, {}, context); });
    return e.size() == 1 ? e[0].code : std::to_string(e.size()) + " diagnostics";
  };
  CHECK(code("no model", context_for("host")) == "not-onnx");
  test::Builder b;
  b.input("x", 1, {4}).output("y");
  b.node("Relu", {"x"}, {"y"}, "r");
  Context other_kernel = context_for("host");
  other_kernel.options.kernels["r"] = "conv_q8";
  CHECK(code(b.bytes(), context_for("host")) == "0 diagnostics");
  CHECK(code(b.bytes(), other_kernel) == "no-kernel");
}

}  // namespace
