// burin-bench-compile [--target NAME] [--times N] MODEL.onnx...: milliseconds of CPU that the compiler takes for each
// model, the mean of N compilations (default 100) in one process, which write nothing.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ctime>

#include "compiler/numerics/tally.h"
#include "compiler/onnx/tensor_proto.h"
#include "tools/burin/driver.h"

using namespace burin;

int main(int argc, char** argv) {
  CLI::App app("how long the compiler takes");
  std::string target = "cortex-m4f";
  int times = 100;
  std::vector<std::string> models;
  app.add_option("--target", target)->capture_default_str()->check([](const std::string& name) {
    return find_target(name) ? "" : "there is no target '" + name + "'";
  });
  app.add_option("--times", times)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("MODEL", models, "ONNX files")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    Context context;
    context.target = find_target(target);
    context.options.name = "net";
    double sum = 0;
    size_t size = 0;
    for (const std::string& model : models) {
      const std::string bytes = read_file(model);
      tally = {};
      const std::clock_t start = std::clock();
      for (int i = 0; i < times; ++i)
        compile({bytes, model, ""}, {}, context).module.source.write([&](std::string_view part) {
          size += part.size();
        });
      const double each = 1e3 * double(std::clock() - start) / CLOCKS_PER_SEC / times;
      int64_t facts = 0;
      for (const auto& [family, count] : tally.facts) facts += count;
      fmt::print("{:9.3f} ms  {} ({} descriptions of layers, {} proofs)\n", each, model, double(facts) / times,
                 double(tally.proofs) / times);
      sum += each;
    }
    fmt::print("{:9.3f} ms  all, {} bytes of text\n", sum, size / size_t(times));
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
