// Each file PASS/CASE.ir: a graph, a line "---- PASS", the graph that the pass makes of it. BLESS=1 writes what the
// pass makes now. Law on each file: interpret(before) == interpret(after), see law.h. Comments before the graph may say
//   # target: cortex-m4f      # io: external      # io-layout: nhwc      # io-type: quantized      # input-limit: 100
//   # stream-input: yes
// A pass that refuses the graph has its diagnostics in place of the result.
#include "tests/catch.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "codegen/layer.h"
#include "compiler/ops/layout.h"
#include "compiler/ops/quantize.h"
#include "passes/channels.h"
#include "passes/pass.h"
#include "tests/passes/law.h"

namespace {

using namespace burin;
namespace fs = std::filesystem;

struct Case {
  fs::path path;
  std::string pass, input, expected;
  Context context;
};

std::string header_value(const std::string& text, const std::string& key, const std::string& usual) {
  std::smatch m;
  return std::regex_search(text, m, std::regex("# *" + key + ": *([a-z0-9-]+)")) ? m[1].str() : usual;
}

Case read_case(const fs::path& path) {
  std::ifstream f(path);
  const std::string text{std::istreambuf_iterator<char>(f), {}};
  Case c;
  c.path = path;
  c.pass = path.parent_path().filename().string();
  const std::string line = "---- " + c.pass + "\n";
  const size_t at = text.find(line);
  INFO(path.string());
  REQUIRE(at != std::string::npos);
  c.input = text.substr(0, at);
  c.expected = text.substr(at + line.size());
  c.context.target = find_target(header_value(c.input, "target", "host"));
  REQUIRE(c.context.target != nullptr);
  c.context.options.name = "test";
  if (header_value(c.input, "io", "arena") == "external") c.context.options.io = Options::Io::external;
  if (header_value(c.input, "io-layout", "onnx") == "nhwc") c.context.options.io_layout = Options::IoLayout::nhwc;
  if (header_value(c.input, "io-type", "onnx") == "quantized") c.context.options.io_type = Options::IoType::quantized;
  c.context.options.stream_input = header_value(c.input, "stream-input", "no") == "yes";
  c.context.options.compress = header_value(c.input, "compress", "no") == "yes";
  if (const std::string limit = header_value(c.input, "input-limit", ""); !limit.empty())
    c.context.options.input_limit = std::stod(limit);
  return c;
}

/// The text of the graph; kernels, which the IR does not spell, as comments behind it.
std::string text_of(const Graph& g) {
  std::string s = print(g);
  for (const Node& n : g.nodes)
    if (n.kernel) s += fmt::format("# kernel of {}: {}\n", n.name, n.kernel->name);
  return s;
}

/// What the caller has to do once the edge of the model is trimmed: `from` brought to type `to`.
Tensor at_the_edge(const Tensor& from, const Type& to) {
  Tensor t = from;
  if (t.dtype() != to.dtype) {
    Type between = to;
    between.shape = from.shape();
    if (is_float(from.dtype())) between.quant = to.quant;
    std::vector<Tensor> y{Tensor(between)};
    const std::vector<const Tensor*> x{&from};
    eval(is_float(from.dtype()) ? Op(Quantize{}) : Op(Dequantize{}), x, y);
    t = y[0];
  }
  if (t.shape() != to.shape) {
    const Tensor last = permute(t, to_channels_last(t.type().rank()));
    t = last.shape() == to.shape ? last : permute(t, to_channels_first(t.type().rank()));
  }
  return t;
}

/// lower-qdq goes from float32 to exact arithmetic: one step of the coarsest scale.
law::Tolerance tolerance(const Case& c, const Graph& after) {
  if (c.pass != "lower-qdq") return {};
  double coarsest = 0;
  for (const Value& v : after.values())
    if (!v.constant())
      for (float s : v.type.quant.scale) coarsest = std::max(coarsest, double(s));
  return {1, coarsest * 1.001};
}

void check_law(const Case& c, const Graph& before, const Graph& after) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    law::Random random(seed);
    const std::vector<Tensor> in = law::random_inputs(before, random);
    std::vector<Tensor> moved;
    for (size_t i = 0; i < in.size(); ++i) moved.push_back(at_the_edge(in[i], after[after.inputs[i]].type));
    const std::vector<Tensor> x = interpret(before, in);
    const std::vector<Tensor> y = interpret(after, moved);
    REQUIRE(x.size() == y.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const std::string wrong = law::difference(x[i], at_the_edge(y[i], x[i].type()), tolerance(c, after));
      INFO("output " << i << ", seed " << seed);
      CHECK(wrong == "");
    }
  }
}

/// The names by which C reads its values are the interface: no pass changes them.
void check_interface(const Graph& before, const Graph& after) {
  for (size_t i = 0; i < before.inputs.size(); ++i) CHECK(before[before.inputs[i]].name == after[after.inputs[i]].name);
  for (size_t i = 0; i < before.outputs.size(); ++i)
    CHECK(before[before.outputs[i]].name == after[after.outputs[i]].name);
}

std::string outcome(const Case& c) {
  const Graph before = parse(c.input);
  verify(before);
  Graph after = before;
  try {
    run_pass(c.pass, after, c.context);
  } catch (const ModelError& e) {
    std::string s;
    for (const Diagnostic& d : e.diagnostics()) s += format(d, "test", DiagnosticStyle::text);
    return s;
  }
  check_law(c, before, after);
  // Two outputs that are one value are given names of their own by own-outputs.
  if (c.pass != "own-outputs") check_interface(before, after);
  const std::string text = text_of(after);
  // Text and graph say the same: what is printed reads back to what prints the same.
  CHECK(print(parse(print(after))) == print(after));
  Graph again = after;
  run_pass(c.pass, again, c.context);
  again.notes = after.notes;  // a second run says them a second time
  INFO("the second time");
  CHECK(text_of(again) == text);
  return text;
}

}  // namespace

TEST_CASE("passes do what their files say", "[passes]") {
  const bool bless = std::getenv("BLESS") != nullptr;
  const fs::path root = fs::path(BURIN_SOURCE_DIR) / "tests/passes";
  std::set<fs::path> files;
  for (const auto& f : fs::recursive_directory_iterator(root))
    if (f.path().extension() == ".ir") files.insert(f.path());
  REQUIRE(files.size() > 30);
  for (const fs::path& path : files) {
    INFO(path.string());
    const Case c = read_case(path);
    std::string got;
    try {
      got = outcome(c);
    } catch (const std::exception& e) {
      FAIL_CHECK(e.what());
      continue;
    }
    if (bless) std::ofstream(path) << c.input << "---- " << c.pass << "\n" << got;
    else CHECK(got == c.expected);
  }
}

TEST_CASE("every pass of the pipeline has a folder of tests", "[passes]") {
  for (std::string_view name : pass_names()) {
    const fs::path folder = fs::path(BURIN_SOURCE_DIR) / "tests/passes" / name;
    INFO(folder.string());
    CHECK((fs::is_directory(folder) && !fs::is_empty(folder)));
  }
}

TEST_CASE("dumps name what each pass did", "[passes]") {
  const fs::path dumps = fs::temp_directory_path() / fmt::format("burin-dumps-{}", getpid());
  Graph g = parse(
      "graph g(%x: f32[1x4]) -> %y\n  %a: f32[4] = reshape shape=[4] %x\n  %b: f32[4] = reshape shape=[4] %a\n  %y: "
      "f32[4] = relu %b\n");
  Context c;
  c.target = find_target("host");
  c.dump_dir = dumps.string();
  run_passes(g, c);
  auto text = [&](const std::string& name) {
    std::ifstream f(dumps / name);
    return std::string{std::istreambuf_iterator<char>(f), {}};
  };
  CHECK(text("01-infer-types.ir") == "# unchanged\n");
  CHECK(parse(text("00-import.ir")).nodes.size() == 3);
  CHECK(parse(text("03-simplify.ir")).nodes.size() == 2);
  CHECK(fs::exists(dumps / fmt::format("{:02}-{}.ir", pass_names().size(), pass_names().back())));
  fs::remove_all(dumps);
}

TEST_CASE("facts of channels: one where all share it or there are too many", "[passes]") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto facts = [&](const std::string& text, std::string_view name) {
    const Graph g = parse("graph g" + text);
    const ChannelRanges all = channel_ranges(g, 10);
    for (size_t i = 0; i < g.values().size(); ++i)
      if (g.values()[i].name == name) return all.at(ValueId(int32_t(i)));
    return std::vector<Interval>{};
  };
  const auto is = [](const std::vector<Interval>& r, const std::vector<std::pair<double, double>>& want) {
    return std::ranges::equal(r, want,
                              [](const Interval& a, const auto& b) { return a.lo == b.first && a.hi == b.second; });
  };
  CHECK(is(facts("(%x: f32[1x16777216]) -> %y\n  %y: f32[1x16777216] = sin %x\n", "y"), {{-inf, inf}}));
  CHECK(is(facts("(%x: f32[1x16777216]) -> %y\n  %y: f32[1x16777216] = relu %x\n", "y"), {{0, 10}}));
  const std::string four = "(%x: f32[2x4]) -> %z\n  %c: f32[4] = constant [1,2,3,4]\n  %y: f32[2x4] = add %x, %c\n";
  CHECK(is(facts(four + "  %z: f32[2x4] = relu %y\n", "y"), {{-9, 11}, {-8, 12}, {-7, 13}, {-6, 14}}));
  // The last axis repeats, gathers, or is cut: each keeps what it can.
  CHECK(is(facts(four + "  %z: f32[8] = reshape shape=[8] %y\n", "z"),
           {{-9, 11}, {-8, 12}, {-7, 13}, {-6, 14}, {-9, 11}, {-8, 12}, {-7, 13}, {-6, 14}}));
  CHECK(is(facts(four + "  %z: f32[4x2] = reshape shape=[4,2] %y\n", "z"), {{-9, 14}}));
  CHECK(is(facts(four + "  %z: f32[4x2] = transpose perm=[1,0] %y\n", "z"), {{-9, 14}}));
  CHECK(is(facts(four + "  %z: f32[2x8] = concat axis=1 %x, %y\n", "z"),
           {{-10, 10}, {-10, 10}, {-10, 10}, {-10, 10}, {-9, 11}, {-8, 12}, {-7, 13}, {-6, 14}}));
  CHECK(is(facts(four + "  %z: f32[4x4] = concat axis=0 %x, %y\n", "z"), {{-10, 14}}));
  // An operand that all channels share, on either side.
  CHECK(is(facts("(%x: f32[2x4]) -> %y\n  %c: f32[1] = constant [5]\n  %y: f32[2x4] = sub %c, %x\n", "y"), {{-5, 15}}));
}

TEST_CASE("passes on millions of channels take no time", "[passes]") {
  Graph g = parse(
      "graph g(%x: f32[1x16777216]) -> %z\n  %c: f32[1] = constant [3]\n  %w: f32[1x16777216] = relu %x\n  %y: "
      "f32[1x16777216] = mul %w, %c\n  %z: f32[1x16777216] = sin %y\n");
  Context c;
  c.target = find_target("cortex-m4f");
  const auto start = std::chrono::steady_clock::now();
  for (std::string_view name : {"narrow-channels", "drop-clamps", "select-kernels", "schedule", "plan-memory"})
    run_pass(name, g, c);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

TEST_CASE("a pass that does not exist is refused", "[passes]") {
  Graph g = parse("graph g(%x: f32[1x4]) -> %y\n  %y: f32[1x4] = relu %x\n");
  Context c;
  c.target = find_target("host");
  CHECK_THROWS_AS(run_pass("simplyfy", g, c), std::invalid_argument);
}
