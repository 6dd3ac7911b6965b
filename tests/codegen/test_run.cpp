// run(Program): what a plan, a packing or a kernel gets wrong is seen without a compiler for the target.
#include <fmt/format.h>
#include "tests/catch.h"

#include <cstdlib>

#include "codegen/layer.h"
#include "compiler/liveness.h"
#include "compiler/ops/reshape.h"
#include "compiler/program/text.h"
#include "passes/pass.h"
#include "tests/codegen/lowered.h"
#include "tests/passes/random_graph.h"

namespace burin {
namespace {

size_t buffer(const Program& p, std::string_view name) {
  for (size_t i = 0; i < p.buffers.size(); ++i)
    if (p.buffers[i].name == name) return i;
  FAIL("no buffer " << name);
  return 0;
}

TEST_CASE("a program computes what its graph means", "[run]") {
  for (const char* target : {"host", "cortex-m0plus", "cortex-m4f", "cortex-m55"})
    for (const Options::Optimize o : {Options::Optimize::speed, Options::Optimize::size, Options::Optimize::ram})
      for (const Options::Io io : {Options::Io::arena, Options::Io::external}) {
        Options options;
        options.optimize = o, options.io = io;
        INFO(target);
        CHECK(wrong(lowered(branched_net(), target, options)) == "");
      }
}

TEST_CASE("faults of plans, packings and kernels are seen", "[run]") {
  Options whole;  // layer by layer; groups have faults of their own in tests/passes/stream-rows
  whole.optimize = Options::Optimize::size;
  const Lowered good = lowered(branched_net(), "cortex-m4f", whole);
  REQUIRE(wrong(good) == "");
  Lowered m = good;
  SECTION("an offset that is off by one") {
    ++m.p.buffers[buffer(m.p, "b")].offset;
    m.p.arena_bytes += 1;
  }
  SECTION("an offset that is off by a word") {
    Buffer& b = m.p.buffers[buffer(m.p, "b")];
    const Buffer& a = m.p.buffers[buffer(m.p, "a")];
    b.offset = b.offset > a.offset ? a.offset + a.bytes - 4 : a.offset - b.bytes + 4;
    if (b.offset < 0) b.offset = a.offset + 4;
    m.p.arena_bytes = std::max(m.p.arena_bytes, b.offset + b.bytes);
  }
  SECTION("a lifetime that is one call short") { --m.p.buffers[buffer(m.p, "a")].last; }
  SECTION("working memory that is a byte short") {
    const Step* step = nullptr;
    for (const Step& s : m.p.steps)
      for (const Parameter& a : s.parameters)
        if (!a.dtype) step = &s, m.p.buffers[size_t(std::get<BufferId>(a.at))].bytes -= 1;
    REQUIRE(step);
  }
  SECTION("another constant") {
    std::vector<ConstantId*> weights;
    for (Step& s : m.p.steps)
      for (Parameter& a : s.parameters)
        if (auto* id = std::get_if<ConstantId>(&a.at); id && a.name == "w") weights.push_back(id);
    REQUIRE(weights.size() == 3);
    std::swap(*weights[1], *weights[2]);
  }
  SECTION("a constant of another type") {
    std::vector<Parameter*> constants;
    for (Step& s : m.p.steps)
      for (Parameter& a : s.parameters)
        if (std::holds_alternative<ConstantId>(a.at)) constants.push_back(&a);
    StoredConstant& c = m.p.constants[size_t(std::get<ConstantId>(constants.at(0)->at))];
    c.data.dtype = DType::f32;
  }
  SECTION("one row too many a call") {
    m = lowered(branched_net(), "host", whole);
    for (Step& s : m.p.steps)
      for (Call& c : s.body.calls)
        if (c.rows) {
          for (Argument& a : c.arguments)
            if (std::holds_alternative<RowCount>(a)) a = int64_t(c.rows->n) + 1;
          goto done;
        }
  done:;
  }
  SECTION("a packing with one weight wrong") {
    StoredConstant& c = m.p.constants.at(0);
    std::vector<std::byte> bytes(c.data.bytes.begin(), c.data.bytes.end());
    bytes.at(9) ^= std::byte{64};
    const auto copy = std::make_shared<const std::vector<std::byte>>(bytes);
    c.data = {c.data.dtype, copy, *copy};
  }
  SECTION("a kernel that reads weights in another order") {
    m = lowered(branched_net(), "host");
    bool found = false;
    for (Step& s : m.p.steps)
      for (Call& c : s.body.calls)
        if (c.function == "conv_q8_plain") c.function = "conv_q8_ref", found = true;
    REQUIRE(found);
  }
  INFO("nothing was wrong with the program");
  CHECK(wrong(m) != "");
}

// Parts of a value that is put together, and of one that is cut.
constexpr const char* kParts = R"(graph net(%x: i8[1x8x6x4]{0.5,3}) -> %y
  %a: i8[1x8x6x4]{0.5,3} = neg %x
  %s: i8[1x2x6x4]{0.5,3} = slice starts=[0,4,0,0] steps=[1,1,1,1] sizes=[1,2,6,4] %a
  %b: i8[1x2x6x4]{0.5,3} = sigmoid %s
  %t: i8[1x4x6x4]{0.5,3} = slice starts=[0,0,0,0] steps=[1,1,1,1] sizes=[1,4,6,4] %a
  %c: i8[1x4x6x4]{0.5,3} = abs %t
  %d: i8[1x6x6x4]{0.5,3} = concat axis=1 %b, %c
  %y: i8[1x6x6x4]{0.4,3} = sigmoid %d
)";

TEST_CASE("parts lie in the whole", "[run]") {
  for (const Options::Io io : {Options::Io::arena, Options::Io::external}) {
    Options options;
    options.io = io;
    const Lowered good = lowered(parse(kParts), "cortex-m4f", options);
    CHECK(good.p.steps.size() == 4);
    REQUIRE(wrong(good) == "");
    int parts = 0;
    for (size_t i = 0; i < good.p.steps.size(); ++i)
      for (size_t k = 0; k < good.p.steps[i].parameters.size(); ++k) {
        if (good.p.steps[i].parameters[k].offset == 0) continue;
        ++parts;
        for (const int64_t by : {-8, 8, 1}) {
          Lowered m = good;
          m.p.steps[i].parameters[k].offset += by;
          INFO("step " << i << ", parameter " << k << ", by " << by);
          CHECK(wrong(m) != "");
        }
      }
    CHECK(parts == 2);
  }
}

TEST_CASE("calls that are none are refused", "[run]") {
  Lowered m = lowered(branched_net(), "host");
  Call& call = m.p.steps.at(0).body.calls.at(0);
  SECTION("no such function") { call.function = "conv_q9"; }
  SECTION("no such template argument") { call.types = {"fn_add"}; }
  SECTION("too few arguments") { call.arguments.pop_back(); }
  SECTION("another struct") { m.p.steps[0].body.structs.at(0).value.type = "PoolShape"; }
  SECTION("no such name") { call.arguments.back() = Pointer{"z9"}; }
  CHECK_THROWS_AS(run(m.p, m.inputs), std::invalid_argument);
}

TEST_CASE("coded weights are part of the program and of its text", "[run]") {
  for (const char* target : {"host", "cortex-m0plus", "cortex-m4f", "cortex-m55"})
    for (const int inputs : {1, 3, 255, 256, 257, 515}) {  // one piece of a filter and more, with tails
      INFO(target << ", " << inputs);
      Graph g = parse(fmt::format(R"(graph net(%x: i8[1x{0}]{{0.5,3}}) -> %y
  %w: i8[30x{0}]{{0.01,0}} = constant fill:1 zeros:60
  %y: i8[1x30]{{0.5,-3}} = dense %x, %w
)",
                                  inputs));
      Options options;
      options.kernels["y"] = "dense_coded_q8";
      Lowered m = lowered(g, target, options);
      REQUIRE(m.p.steps.at(0).facts.kernel == "dense_coded_q8");
      CHECK(wrong(m) == "");
      const std::string text = print(m.p);
      m.p = parse_program(text);
      CHECK(print(m.p) == text);
      CHECK(wrong(m) == "");
      if (inputs < 255) continue;
      // --compress takes it by itself where it pays.
      options.kernels.clear();
      CHECK(lowered(g, target, options).p.steps.at(0).facts.kernel != "dense_coded_q8");
      options.compress = true;
      CHECK(lowered(g, target, options).p.steps.at(0).facts.kernel == "dense_coded_q8");
      // Another bit of the stream is another result: the weights are read from there and nowhere else.
      Lowered broken = m;
      for (StoredConstant& c : broken.p.constants)
        if (c.data.dtype == DType::u16) {
          std::vector<uint16_t> halves(c.data.as<uint16_t>().begin(), c.data.as<uint16_t>().end());
          halves[size_t(halves[0]) + 4] = uint16_t(halves[size_t(halves[0]) + 4] ^ 0x55u);
          c.data = constant_of(std::move(halves));
        }
      CHECK(wrong(broken) != "");
    }
}

/// One random network for one target; 1 where it was refused.
std::string random_network(uint64_t seed, bool of_rows, int& views) {
  constexpr const char* targets[] = {"host", "cortex-m0plus", "cortex-m4f", "cortex-m55", "riscv32"};
  constexpr Options::Optimize optimize[] = {Options::Optimize::speed, Options::Optimize::size, Options::Optimize::ram};
  Context context;
  context.target = find_target(targets[seed % std::size(targets)]);
  context.options.optimize = optimize[seed / 5 % 3];
  context.options.io = seed % 2 ? Options::Io::external : Options::Io::arena;
  Graph g = of_rows ? RandomGraph(seed, seed % 4 == 0).make_of_rows(2 + int(seed % 9))
                    : random_graph(seed, 2 + int(seed % 9), seed % 4 != 0);
  if (seed % 3 == 0) {  // coded weights wherever they can be: of layers so small none pays
    Graph plain = g;
    run_passes(plain, context);
    for (const Node& n : plain.nodes) {
      if (!n.selection || n.name.empty()) continue;
      for (const auto& [kernel, cycles] : n.selection->estimates)
        if (kernel->name == "dense_coded_q8") context.options.kernels[n.name] = kernel->name;
    }
  }
  run_passes(g, context);
  for (const Node& n : g.nodes) views += !n.as<Reshape>() && is_alias(g, n);
  law::Random random(seed);
  const std::vector<Tensor> inputs = law::random_inputs(g, random);
  const std::vector<Tensor> want = interpret(g, inputs);
  const std::vector<Tensor> got = run(lower(g, *context.target, context.options), inputs);
  for (size_t i = 0; i < want.size(); ++i)
    if (const std::string s = law::difference(want[i], got[i], {}); !s.empty())
      return fmt::format("seed {}, {}, output {}: {}", seed, context.target->name, i, s);
  return "";
}

// burin_tests "[run-soak]" with BURIN_SOAK=N: N networks instead.
TEST_CASE("random networks run as programs", "[run][run-soak]") {
  const char* count = std::getenv("BURIN_SOAK");
  const uint64_t n = count ? std::stoull(count) : 100;
  int different = 0, views = 0;
  for (uint64_t seed = 1; seed <= 2 * n; ++seed) {
    std::string s;
    try {
      s = random_network(seed, seed > n, views);
    } catch (const std::exception& e) {
      s = fmt::format("seed {}: {}", seed, e.what());
    }
    INFO(s);
    CHECK(s == "");
    different += !s.empty();
  }
  CHECK(different == 0);
  CHECK(views >= int(n) / 4);
}

}  // namespace
}  // namespace burin
