// The operator of docs/add-an-operator.md: evaluated, lowered, run and printed.
#include <cstdio>
#include <string>
#include <vector>

#include "codegen/lower.h"
#include "codegen/module.h"
#include "codegen/run.h"
#include "compiler/interpreter.h"
#include "compiler/ir/graph.h"
#include "passes/pass.h"

using namespace burin;

int main() {
  int wrong = 0;
  const auto check = [&](bool right, const char* what) {
    if (!right) std::printf("wrong: %s\n", what), ++wrong;
  };
  const std::string text =
      "graph net(%x: f32[2x3]) -> %y\n"
      "  %y: f32[2x3] = running_max axis=1 reverse=true %x\n";
  Graph g = parse(text);
  check(print(g).find("running_max axis=1 reverse=true") != std::string::npos, "the text IR");
  const std::vector<Tensor> x{Tensor::of<float>(DType::f32, {2, 3}, {1, 5, 2, 4, -3, 0})};
  const std::vector<float> want{5, 5, 2, 4, 0, 0};
  const auto gives = [&](const std::vector<Tensor>& y) {
    return y.size() == 1 && std::vector<float>(y[0].data<float>(), y[0].data<float>() + 6) == want;
  };
  check(gives(interpret(g, x)), "the interpreter");

  Context context;
  context.target = find_target("host");
  run_passes(g, context);
  const Program p = lower(g, *context.target, context.options);
  check(gives(run(p, x)), "the program");
  const Module m = print_module(p, *context.target, {"net.onnx", "0", ""});
  check(m.source.str().find("running_max(s, x0, y0);") != std::string::npos, "the call in the module");
  check(m.source.str().find("BURIN_INLINE void running_max(") != std::string::npos ||
            m.source.str().find("void running_max(const RunningMaxShape& s") != std::string::npos,
        "the kernel in the module");
  if (wrong) std::printf("%s", m.source.str().c_str());
  return wrong;
}
