// Kernels chosen from tables of costs.
#include <fmt/format.h>

#include <algorithm>

#include "passes/choose.h"
#include "passes/pass.h"
#include "tests/catch.h"

namespace burin {
namespace {

using Chosen = std::vector<size_t>;

/// Cycles, constants and code.
Cost cost(double cycles, int64_t constants, int64_t code = 0) { return {cycles, constants, code, 0}; }

TEST_CASE("the cheapest kernel by cycles and constants", "[choose]") {
  const Choices layers{{cost(1000, 10), cost(400, 30), cost(390, 400)}, {cost(5, 5), cost(5, 5)}};
  CHECK(cheapest(layers, 0) == Chosen{2, 0});   // the first of equals
  CHECK(cheapest(layers, 1) == Chosen{1, 0});   // 370 bytes for 10 cycles are too dear
  CHECK(cheapest(layers, 29) == Chosen{1, 0});  // 20 bytes for 600 cycles
  CHECK(cheapest(layers, 31) == Chosen{0, 0});
  CHECK(cheapest({{cost(10, 0, 5000), cost(11, 0, 0)}}, 1) == Chosen{0});  // code does not count
  CHECK(cheapest({}, 1).empty());
}

TEST_CASE("coded weights", "[choose]") {
  const auto coded = [](int64_t constants, int64_t code) { return Cost{9000, constants, code, 0, true}; };
  const Choices layers{{cost(100, 1000, 50), coded(700, 60), cost(90, 1200)},
                       {cost(10, 400), coded(500, 0)},         // would take more
                       {cost(10, 300, 100), coded(250, 900)},  // 50 less: code does not count
                       {cost(1, 30), cost(9, 10)}};            // the decoder does not serve it
  const Chosen plain = cheapest(layers, 100);
  CHECK(plain == Chosen{0, 0, 0, 1});
  CHECK(cheapest(layers, 1e9) == plain);  // no other rule takes them
  CHECK(compressed(layers, plain, 349) == Chosen{1, 0, 1, 1});
  CHECK(compressed(layers, plain, 350) == plain);  // what decodes them takes all that they save
  CHECK(compressed(layers, {2, 0, 0, 0}, 0) == Chosen{1, 0, 1, 0});
  CHECK(cheapest({{coded(5, 5)}}, 1) == Chosen{0});  // --kernel names it
  CHECK(compressed({}, {}, 0).empty());
}

TEST_CASE("what a byte is worth", "[choose]") {
  const Choices layers{{cost(512'000, 0), cost(900'000, 0)}, {cost(1'000'000, 9), cost(512'000, 0)}};
  CHECK(cycles_per_byte(layers, Options::Optimize::speed) == 2);  // of a run of 1,024,000 cycles
  CHECK(cycles_per_byte(layers, Options::Optimize::ram) == 2);
  CHECK(cycles_per_byte(layers, Options::Optimize::size) == 20);
  CHECK(cycles_per_byte({}, Options::Optimize::speed) == 0);
}

TEST_CASE("kernels within a budget of flash", "[choose]") {
  //                    best             300 less for 30: 0.1      500 less for 100: 0.2
  const Choices layers{{cost(100, 1000), cost(130, 600, 100), cost(200, 500)},
                       // 400 less for 20: 0.05
                       {cost(50, 500, 0), cost(70, 0, 100)},
                       {cost(9, 40)}};
  const Chosen best{0, 0, 0};
  CHECK(fit_flash(layers, best, 1540) == best);
  CHECK(fit_flash(layers, best, 1539) == Chosen{0, 1, 0});
  CHECK(fit_flash(layers, best, 1140) == Chosen{0, 1, 0});
  CHECK(fit_flash(layers, best, 1139) == Chosen{1, 1, 0});
  CHECK(fit_flash(layers, best, 839) == Chosen{2, 1, 0});        // from 840, 200 bytes more for 70
  CHECK(fit_flash(layers, best, 0) == Chosen{2, 1, 0});          // nothing is left to save
  CHECK(fit_flash(layers, {1, 0, 0}, 1500) == Chosen{1, 0, 0});  // no exchange without need
  CHECK(fit_flash({}, {}, 0).empty());
}

TEST_CASE("a large exchange makes small ones needless", "[choose]") {
  //                    90 less for 9: 0.1          1000 less for 200: 0.2
  const Choices layers{{cost(10, 100), cost(19, 10)}, {cost(100, 2000), cost(300, 1000)}};
  CHECK(fit_flash(layers, {0, 0}, 1200) == Chosen{0, 1});  // the first was exchanged before, and fits again
  CHECK(fit_flash(layers, {0, 0}, 1050) == Chosen{1, 1});
}

TEST_CASE("kernels within what scratch there is room for", "[choose]") {
  const Choices layers{{Cost{100, 0, 0, 64}, Cost{150, 50, 9, 32}, Cost{160, 0, 0, 16}, Cost{500, 0, 0, 0}},
                       {Cost{10, 0, 0, 8}}};
  CHECK(fit_scratch(layers, {0, 0}, {64, 8}, 0, false) == Chosen{0, 0});
  CHECK(fit_scratch(layers, {0, 0}, {63, 8}, 0, false) == Chosen{1, 0});
  CHECK(fit_scratch(layers, {0, 0}, {63, 8}, 1, false) == Chosen{2, 0});  // 50 bytes of constants
  CHECK(fit_scratch(layers, {0, 0}, {63, 8}, 0, true) == Chosen{2, 0});   // no more flash than before
  CHECK(fit_scratch(layers, {0, 0}, {15, 8}, 0, false) == Chosen{3, 0});
  CHECK(fit_scratch(layers, {3, 0}, {64, 8}, 0, false) == Chosen{3, 0});  // no exchange without need
  CHECK(fit_scratch(layers, {0, 0}, {64, 7}, 0, false).empty());
}

/// A convolution whose fast kernel needs working memory, after all passes.
Graph compiled(const Options& o) {
  Graph g = parse(R"(graph g(%x: i8[1x6x6x4]{0.5,3}) -> %y
  %w: i8[4x3x3x4]{0.01,0} = constant fill:1
  %y: i8[1x6x6x4]{0.5,-3} = conv kernel=[3,3] pads=[1,1,1,1] channels_last=true %x, %w
)");
  Context c;
  c.target = find_target("cortex-m4f");
  c.options = o;
  run_passes(g, c);
  return g;
}

TEST_CASE("--budget-ram and --budget-flash change kernels", "[choose]") {
  Options o;
  const Graph free = compiled(o);
  REQUIRE(free.nodes.back().scratch > 72);
  REQUIRE(free.notes.empty());
  o.budget_ram = free.arena_bytes;
  CHECK(compiled(o).nodes.back().kernel == free.nodes.back().kernel);
  o.budget_ram = free.arena_bytes - 1;
  const Graph small = compiled(o);
  CHECK(small.arena_bytes <= *o.budget_ram);
  CHECK(small.nodes.back().kernel != free.nodes.back().kernel);
  REQUIRE(small.notes.size() == 1);
  CHECK(small.notes[0].find("--budget-ram") != std::string::npos);
  o.budget_ram = 143;  // the input alone takes 144
  const Graph beyond = compiled(o);
  CHECK(beyond.arena_bytes >= 144);
  CHECK(beyond.arena_bytes <= small.arena_bytes);
  REQUIRE(!beyond.notes.empty());
  CHECK(beyond.notes.back().find(fmt::format("fewer than {} bytes", beyond.arena_bytes)) != std::string::npos);

  Options flash;
  flash.budget_flash = 1;
  const Graph least = compiled(flash);
  CHECK(least.nodes.back().kernel != free.nodes.back().kernel);
  REQUIRE(least.notes.size() == 1);
  CHECK(least.notes[0].find("--budget-flash") != std::string::npos);
}

TEST_CASE("pruned layers", "[choose]") {
  const auto chosen = [](const std::string& pixels, const char* how, Options::Optimize optimize) {
    Graph g = parse("graph g(%x: i8[" + pixels + "x256]{0.5,3}) -> %y\n  %w: i8[48x256]{0.01,0} = constant fill:1" +
                    how + "\n  %y: i8[" + pixels + "x48]{2,-3} = dense %x, %w\n");
    auto& data = g[g.nodes[0].inputs[1]].data;
    Tensor w = *data;  // as quantizers make them: -128 has kernels of its own
    for (int64_t i = 0; i < w.elements(); ++i) w.set_integer(i, std::max<int64_t>(w.integer(i), -127));
    data = std::make_shared<Tensor>(w);
    Context c;
    c.target = find_target("cortex-m4f");
    c.options.optimize = optimize;
    run_passes(g, c);
    return g.nodes.back().kernel->name;
  };
  const auto speed = Options::Optimize::speed, size = Options::Optimize::size;
  CHECK(chosen("1", "", speed) == "dense_one_q8_dsp");
  CHECK(chosen("1", " blocks:10", speed) == "dense_one_q8_dsp");
  CHECK(chosen("1", " blocks:50", speed) == "dense_sparse_q8_dsp");
  CHECK(chosen("1", " blocks:50", size) == "dense_sparse_q8_dsp");
  CHECK(chosen("1", " zeros:78", speed) == "dense_one_q8_dsp");
  CHECK(chosen("1", " zeros:78", size) == "pointwise_sparse_q8");
  CHECK(chosen("1", " zeros:90", speed) == "pointwise_sparse_q8");
  CHECK(chosen("32", " blocks:30", speed) == "pointwise_q8_dsp");
  CHECK(chosen("32", " blocks:80", speed) == "dense_sparse_q8_dsp");
  CHECK(chosen("32", " zeros:60", speed) == "pointwise_q8_dsp");
  CHECK(chosen("32", " zeros:80", speed) == "pointwise_sparse_q8");
  CHECK(chosen("32", " zeros:100", speed).find("_sparse_") != std::string_view::npos);
}

}  // namespace
}  // namespace burin
