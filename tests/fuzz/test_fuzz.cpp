// What the fuzz target found stays found, and what it is made of does what it says; also in builds without libFuzzer.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/catch.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/mutator.h"

namespace {

using namespace burin;
namespace fs = std::filesystem;

TEST_CASE("every file that was found compiles or is refused") {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(BURIN_SOURCE_DIR "/tests/fuzz/found")) {
    if (entry.path().extension() != ".onnx") continue;
    INFO(entry.path().string());
    std::ifstream f(entry.path(), std::ios::binary);
    CHECK_NOTHROW(fuzz::compiles({std::istreambuf_iterator<char>(f), {}}));
    ++files;
  }
  CHECK(files > 0);
}

TEST_CASE("most models of the generator compile, and mutated ones do no harm") {
  law::Random random(7);
  int printed = 0, mutated_printed = 0;
  constexpr int kModels = 300;
  for (int i = 0; i < kModels; ++i) {
    INFO("model " << i);
    onnx::ModelProto model = fuzz::generate(random, int(random.between(1, 6)));
    const auto goes = [&] {
      bool r = false;
      CHECK_NOTHROW(r = fuzz::compiles(model.SerializePartialAsString()));
      return r;
    };
    printed += goes();
    fuzz::mutate(model, random);
    mutated_printed += goes();
  }
  CHECK(printed > kModels / 2);
  CHECK(mutated_printed > kModels * 3 / 10);
}

TEST_CASE("a model's version says how it is compiled, and the same version the same") {
  CHECK(fuzz::command_line(fuzz::context_of(int64_t{0})) == "--target " + targets()[0].name);
  std::set<std::string> all;
  for (int64_t v = 0; v < 1 << 17; ++v) all.insert(fuzz::command_line(fuzz::context_of(v)));
  CHECK(all.size() == targets().size() * 3 * 2 * 2 * 2 * 2 * 2 * 2);
  onnx::ModelProto model;
  model.set_model_version(12345);
  CHECK(fuzz::command_line(fuzz::context_of(model.SerializePartialAsString())) ==
        fuzz::command_line(fuzz::context_of(int64_t{12345})));
  CHECK(fuzz::command_line(fuzz::context_of(std::string("no model"))) ==
        fuzz::command_line(fuzz::context_of(int64_t{0})));
}

}  // namespace
