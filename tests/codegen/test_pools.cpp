// --memory and --weights-in, from graph to run(Program): places in several pools, constants that are read from copies.
#include "tests/catch.h"

#include <cstdlib>

#include "codegen/calls.h"
#include "codegen/module.h"
#include "codegen/weights_in.h"
#include "compiler/program/text.h"
#include "tests/codegen/lowered.h"
#include "tests/passes/random_graph.h"

namespace burin {
namespace {

Options two_pools(int64_t fast, int64_t slow) {
  Options o;
  o.memory = {{"FAST", fast}, {"SLOW", slow}};
  return o;
}

int64_t used(const Program& p, int32_t pool) {
  int64_t n = 0;
  for (const Buffer& b : p.buffers) n += b.space == Space::arena && b.pool == pool && b.bytes > 0;
  return n;
}

}  // namespace

TEST_CASE("one pool is planned as the arena", "[pools]") {
  const Lowered arena = lowered(branched_net(), "cortex-m4f");
  Options o;
  o.memory = {{"RAM", 65536}};
  const Lowered pool = lowered(branched_net(), "cortex-m4f", o);
  REQUIRE(pool.p.pools.size() == 1);
  CHECK(pool.p.pools[0].bytes == arena.p.arena_bytes);
  CHECK(pool.p.arena_bytes == arena.p.arena_bytes);
  CHECK(pool.p.arena_lower_bound == arena.p.arena_lower_bound);
  CHECK(pool.p.buffers == arena.p.buffers);
  CHECK(wrong(pool) == "");
}

TEST_CASE("values lie in two pools", "[pools]") {
  for (const bool external : {false, true}) {
    Options o = two_pools(1200, 2400);
    o.io = external ? Options::Io::external : Options::Io::arena;
    o.optimize = Options::Optimize::size;  // layers stay whole: there is something to place
    const Lowered m = lowered(branched_net(), "cortex-m4f", o);
    CHECK(used(m.p, 0) > 0);
    CHECK(used(m.p, 1) > 0);
    CHECK(m.p.pools[0].bytes <= 1200);
    CHECK(m.p.pools[1].bytes <= 2400);
    CHECK(m.p.arena_bytes == m.p.pools[0].bytes + m.p.pools[1].bytes);
    CHECK(wrong(m) == "");
    const Program again = parse_program(print(m.p));
    CHECK(print(again) == print(m.p));
    CHECK(again.pools == m.p.pools);
  }
}

TEST_CASE("a model that does not fit says what is short", "[pools]") {
  const auto message = [](const Options& o) -> std::string {
    try {
      lowered(branched_net(), "cortex-m4f", o);
    } catch (const ModelError& e) {
      CHECK(e.diagnostics()[0].code == "over-budget");
      return e.what();
    }
    return "";
  };
  Options o = two_pools(500, 600);
  const std::string large = message(o);
  CHECK(large.find("more than any pool (FAST 500, SLOW 600)") != large.npos);
  CHECK(large.find("value '") != large.npos);
  o = two_pools(1000, 100);
  o.optimize = Options::Optimize::size;
  const std::string narrow = message(o);
  CHECK(narrow.find("pool FAST is short") != narrow.npos);
}

TEST_CASE("constants are read from copies in a pool", "[pools]") {
  for (const char* target : {"host", "cortex-m0plus", "cortex-m4f", "cortex-m7", "cortex-m55"}) {
    Options o = two_pools(8192, 4096);
    o.weights_in = WeightsIn{0, {}};
    Lowered m = lowered(branched_net(), target, o);
    INFO(target);
    CHECK(m.p.constants_pool == 0);
    CHECK(!m.p.copied_constants().empty());
    for (const StoredConstant& c : m.p.constants) CHECK(c.copy >= 0);  // all of them fit
    CHECK(wrong(m) == "");
    const std::string text = print(m.p);
    CHECK(print(parse_program(text)) == text);
    // A value on them, or two at one place: no program.
    Program on = m.p;
    for (Buffer& b : on.buffers)
      if (b.pool == 0 && b.bytes > 0) b.offset = 0;
    CHECK_THROWS_AS(verify(on), std::invalid_argument);
    Program same = m.p;
    for (StoredConstant& c : same.constants) c.copy = 0;
    if (same.constants.size() > 1) CHECK_THROWS_AS(verify(same), std::invalid_argument);
    // What is read is the copy: another place for it gives other results.
    Program moved = m.p;
    moved.pools[0].size += 4096, moved.pools[0].bytes += 4096, moved.arena_bytes += 4096;
    for (Buffer& b : moved.buffers)
      if (b.space == Space::arena && b.pool == 0) b.offset += 4096;
    for (StoredConstant& c : moved.constants) c.copy += 16;
    Lowered far{m.g, moved, m.inputs};
    CHECK(wrong(far) == "");
  }
}

TEST_CASE("constants that are read most often are copied first, within the bytes that there are", "[pools]") {
  Options o = two_pools(8192, 4096);
  o.weights_in = WeightsIn{1, 64};
  const Lowered m = lowered(branched_net(), "cortex-m4f", o);
  CHECK(m.p.copied_constants().size() <= 64);
  const std::vector<double> reads = constant_reads(m.p);
  double least = 1e30, most_left = 0;
  for (size_t i = 0; i < reads.size(); ++i) {
    const StoredConstant& c = m.p.constants[i];
    if (c.copy >= 0) least = std::min(least, reads[i]);
    else if (c.data.size() <= 16) most_left = std::max(most_left, reads[i]);
  }
  CHECK(least >= most_left);
  CHECK(wrong(m) == "");
  // Nothing fits: nothing is copied, and the pool has no bytes for it.
  o.weights_in = WeightsIn{1, 0};
  const Lowered none = lowered(branched_net(), "cortex-m4f", o);
  CHECK(none.p.copied_constants().empty());
  CHECK(wrong(none) == "");
}

TEST_CASE("waits for flash are those of constants that are not copied", "[pools]") {
  const Target& m7 = *find_target("cortex-m7");
  CHECK(m7.flash_stall() > 0);
  CHECK(find_target("cortex-m4f")->flash_stall() == 0);
  Options o = two_pools(8192, 4096);
  const FlashStalls before = flash_stalls(lowered(branched_net(), "cortex-m7", o).p, m7);
  CHECK(before.all > 0);
  CHECK(before.left == before.all);
  o.weights_in = WeightsIn{0, {}};
  const FlashStalls after = flash_stalls(lowered(branched_net(), "cortex-m7", o).p, m7);
  CHECK(after.all == before.all);
  CHECK(after.left == 0);
}

TEST_CASE("a value that lies in the wrong pool is seen", "[pools]") {
  Options o = two_pools(1200, 2400);
  o.optimize = Options::Optimize::size;
  Lowered m = lowered(branched_net(), "cortex-m4f", o);
  REQUIRE(wrong(m) == "");
  int caught = 0, moved = 0;
  for (size_t i = 0; i < m.p.buffers.size(); ++i) {
    Lowered other = m;
    Buffer& b = other.p.buffers[i];
    if (b.space != Space::arena || b.bytes == 0) continue;
    b.pool = 1 - b.pool;
    if (b.offset + b.bytes > other.p.piece_bytes(b.pool)) continue;
    ++moved, caught += !wrong(other).empty();
  }
  CHECK(moved > 0);
  CHECK(caught > 0);
}

TEST_CASE("generated code names pools", "[pools]") {
  Options o = two_pools(8192, 4096);
  o.weights_in = WeightsIn{0, {}};
  const Lowered m = lowered(branched_net(), "cortex-m7", o);
  const Module code = print_module(m.p, *find_target("cortex-m7"), {"net.onnx", "0", ""});
  for (const char* text :
       {"void *fast;", "void *slow;", "#define NET_POOL_FAST_BYTES ", "#define NET_POOL_SLOW_BYTES 0\n",
        "#define NET_POOL_FAST_CONSTANT_BYTES ", "void net_load_constants(const net_memory *memory);",
        "void net_run(const net_memory *memory);"})
    CHECK(code.header.find(text) != code.header.npos);
  CHECK(code.header.find("ARENA") == code.header.npos);
  const std::string source = code.source.str();
  CHECK(source.find("__attribute__((weak))") != source.npos);
  CHECK(source.find("weights::") == source.npos);  // all are copies
}

TEST_CASE("rows are not fed to several pools", "[pools]") {
  Options o;
  o.stream_input = true;
  Program fed = lowered(branched_net(), "cortex-m4f", o).p;
  REQUIRE(fed.feed);
  CHECK_NOTHROW(verify(fed));
  fed.pools = {{"FAST", fed.arena_bytes, fed.arena_bytes}};
  CHECK_THROWS_AS(verify(fed), std::invalid_argument);
}

namespace {

/// The graph in an arena, then in two pools that have less than the arena each; what is wrong.
std::string in_two_pools(uint64_t seed, int* placed, int* refused) {
  const char* const kTargets[] = {"host", "cortex-m4f", "cortex-m55", "cortex-m0plus"};
  const char* target = kTargets[seed % 4];
  const Graph g = random_graph(seed, 3 + int(seed % 8), seed % 2 == 0);
  Options o;
  o.name = "test";
  o.io = seed % 5 == 0 ? Options::Io::external : Options::Io::arena;
  o.optimize = seed % 3 == 0   ? Options::Optimize::size
               : seed % 3 == 1 ? Options::Optimize::speed
                               : Options::Optimize::ram;
  const Lowered whole = lowered(g, target, o, seed);
  const int64_t arena = whole.p.arena_bytes;
  if (arena < 32) return "";
  o.memory = {{"FAST", arena * 3 / 5}, {"SLOW", arena * 9 / 10}};
  if (seed % 2 == 0) o.weights_in = WeightsIn{size_t(seed / 2 % 2), {}};
  if (seed % 8 == 1) o.memory[0].bytes += 256, o.weights_in = WeightsIn{0, 256};
  try {
    const Lowered m = lowered(g, target, o, seed);
    ++*placed;
    const bool rounds = std::ranges::any_of(m.g.nodes, [](const Node& n) { return n.as<Quantize>() != nullptr; });
    const std::string fault = wrong(m, rounds ? 1 : 0);
    return fault.empty() ? "" : fmt::format("seed {} for {}: {}\n{}", seed, target, fault, print(m.g));
  } catch (const ModelError& e) {
    ++*refused;
    return e.diagnostics()[0].code == "over-budget" ? "" : fmt::format("seed {}: {}", seed, e.what());
  }
}

void random_pools(uint64_t first, uint64_t count) {
  int placed = 0, refused = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const std::string wrong = in_two_pools(seed, &placed, &refused);
    INFO(wrong);
    CHECK(wrong.empty());
  }
  INFO(placed << " placed, " << refused << " refused");
  CHECK(placed > 3 * refused);
}

}  // namespace

TEST_CASE("random graphs in two pools compute what they mean", "[pools]") { random_pools(1, 120); }

// burin_tests "[pools-soak]" with BURIN_SOAK=N.
TEST_CASE("many more random graphs in two pools", "[.][pools-soak]") {
  const char* count = std::getenv("BURIN_SOAK");
  random_pools(20000, count ? std::stoull(count) : 500);
}

}  // namespace burin
