// Program: its text says all of it.
#include "compiler/program/text.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "codegen/lower.h"
#include "codegen/module.h"
#include "compiler/onnx/reader.h"
#include "passes/pass.h"
#include "tests/catch.h"

namespace burin {
namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& path) {
  std::ifstream f(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(f), {}};
}

/// "# target: T" and "# optimize: size" in front of a graph.
std::string header_value(const std::string& text, const std::string& key, const std::string& usual) {
  std::smatch m;
  return std::regex_search(text, m, std::regex("# *" + key + ": *([a-z0-9-]+)")) ? m[1].str() : usual;
}

Program program_of(Graph g, const Context& context) {
  run_passes(g, context);
  return lower(g, *context.target, context.options);
}

/// What is printed from a program and from its text is the same.
void check_text(const Program& p, const Target& target) {
  const std::string text = print(p);
  const Program again = parse_program(text);
  CHECK(print(again) == text);
  const ModuleOrigin origin{"model.onnx", "0", ""};
  const Module a = print_module(p, target, origin), b = print_module(again, target, origin);
  CHECK(a.header == b.header);
  CHECK(a.source.str() == b.source.str());
}

TEST_CASE("graphs become the programs that their files say", "[program]") {
  const bool bless = std::getenv("BLESS") != nullptr;
  const std::string line = "---- program\n";
  std::set<fs::path> files;
  for (const auto& f : fs::directory_iterator(fs::path(BURIN_SOURCE_DIR) / "tests/codegen/programs"))
    files.insert(f.path());
  REQUIRE(files.size() >= 3);
  for (const fs::path& path : files) {
    INFO(path.string());
    const std::string text = read_all(path);
    const size_t at = text.find(line);
    REQUIRE(at != text.npos);
    const std::string input = text.substr(0, at);
    Context context;
    context.target = find_target(header_value(input, "target", "host"));
    REQUIRE(context.target);
    context.options.name = "test";
    if (header_value(input, "optimize", "speed") == "size") context.options.optimize = Options::Optimize::size;
    if (header_value(input, "io", "arena") == "external") context.options.io = Options::Io::external;
    const Program p = program_of(parse(input), context);
    check_text(p, *context.target);
    if (bless) std::ofstream(path) << input << line << print(p);
    else CHECK(print(p) == text.substr(at + line.size()));
  }
}

TEST_CASE("programs of models read back to what prints the same files", "[program]") {
  int models = 0;
  for (const auto& f : fs::directory_iterator(fs::path(BURIN_SOURCE_DIR) / "tests/models")) {
    const fs::path model = f.path() / "model.onnx";
    if (!fs::exists(model)) continue;
    INFO(model.string());
    const Graph g = read_model(read_all(model), model.string(), {}, nullptr);
    for (const char* target : {"host", "cortex-m0plus", "cortex-m4f", "cortex-m55"})
      for (const Options::Optimize o : {Options::Optimize::speed, Options::Optimize::size}) {
        Context context;
        context.target = find_target(target);
        context.options.name = "test";
        context.options.optimize = o;
        check_text(program_of(g, context), *context.target);
      }
    ++models;
  }
  CHECK(models > 20);
}

TEST_CASE("mistakes in a program's text are named with their place", "[program]") {
  const auto wrong = [](std::string_view text) -> std::string {
    try {
      parse_program(text);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  CHECK(wrong("graph x") == "line 1, column 1: 'program ' is missing");
  CHECK(wrong("program x 0 0\nbuffer #1 a arena 0 at 0 live 0 0\n") ==
        "line 2, column 10: buffers stand in the order of their numbers");
  CHECK(wrong("program x 0 0\ncall f()\n") == "line 2, column 5: a line of a step before the first step");
  CHECK(wrong("program x 0 0\nstep a b c function a\n  fact x\n") == "line 3, column 7: a step has no 'fact'");
  CHECK(wrong("program x 0 0\nstep a b c function a\n  facts size=3\n").find("no fact is called 'size'") !=
        std::string::npos);
}

TEST_CASE("verify() of a program finds names and places that are none", "[program]") {
  Program p;
  p.arena_bytes = 8;
  p.buffers.push_back({"x", Space::arena, 8, 0, -1, 0});
  Step s;
  s.facts.name = "relu";
  s.parameters.push_back({"x0", DType::i8, false, BufferId(0)});
  s.body.unused = {"x0"};
  p.steps.push_back(s);
  CHECK_NOTHROW(verify(p));
  SECTION("outside the arena") { p.buffers[0].offset = 4; }
  SECTION("no such name") { p.steps[0].body.unused = {"x1"}; }
  SECTION("no such buffer") { p.steps[0].parameters[0].at = BufferId(1); }
  SECTION("ends before it begins") { p.buffers[0].last = -2; }
  SECTION("no such struct") { p.steps[0].body.calls.push_back({"f", {}, {StructName{"s"}}}); }
  CHECK_THROWS_AS(verify(p), std::invalid_argument);
}

}  // namespace
}  // namespace burin
