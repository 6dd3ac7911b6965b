// compile(): from bytes to a printed module, and nothing but ModelError where there is none.
#include "tools/burin/driver.h"

#include <fmt/format.h>

#include <thread>

#include "codegen/layers/conv.h"
#include "codegen/layers/reference.h"
#include "compiler/numerics/tally.h"
#include "compiler/onnx/tensor_proto.h"
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
    CHECK(c.module.source.str().find(part) != std::string::npos);
  CHECK(c.module.source.str().find("some/folder") == std::string::npos);
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

TEST_CASE("what a layer needs is worked out once") {
  for (const char* model : {"digits_int8", "digits_f32", "qlinear_conv"}) {
    const std::string path = BURIN_SOURCE_DIR + fmt::format("/tests/models/{}/model.onnx", model);
    tally = {};
    const Program p = compile({read_file(path), path, ""}, {}, context_for("cortex-m4f")).program;
    int64_t requantized = 0, convolutions = 0, references = 0;
    for (const Step& s : p.steps) {
      requantized += !s.facts.requantize.empty();
      (s.facts.op == "conv" || s.facts.op == "dense" ? convolutions : references) += 1;
    }
    INFO(model);
    CHECK(tally.facts[typeid(ConvQ8)] + tally.facts[typeid(ConvF32)] == convolutions);
    CHECK(tally.facts[typeid(Reference)] == references);
    // One proof each; that of a pool's sums may be known from before.
    CHECK(tally.proofs <= requantized);
    CHECK(tally.proofs >= requantized - 1);
  }
}

TEST_CASE("threads compile at once what one of them compiles alone") {
  std::vector<std::array<std::string, 2>> jobs;
  for (const char* model : {"digits_int8", "digits_f32", "residual_add", "hard_swish", "qlinear_conv", "external_data"})
    for (const char* target : {"host", "cortex-m0plus", "cortex-m4f", "cortex-m55"}) jobs.push_back({model, target});
  const auto source = [&](size_t i) {
    const std::string path = BURIN_SOURCE_DIR "/tests/models/" + jobs[i][0] + "/model.onnx";
    const Module m = compile({read_file(path), path, ""}, {}, context_for(jobs[i][1].c_str())).module;
    return m.header + m.source.str();
  };
  // First at once: what is made when it is first asked for is then made by several.
  constexpr size_t kThreads = 4;
  std::vector<std::vector<std::string>> found(kThreads, std::vector<std::string>(jobs.size()));
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (size_t k = 0; k < jobs.size(); ++k) {
          const size_t i = (k + t * jobs.size() / kThreads) % jobs.size();  // each begins elsewhere
          found[t][i] = source(i);
        }
      });
  }
  for (size_t i = 0; i < jobs.size(); ++i) {
    CAPTURE(jobs[i]);
    const std::string alone = source(i);
    for (size_t t = 0; t < kThreads; ++t) CHECK((found[t][i] == alone));
  }
}

}  // namespace
