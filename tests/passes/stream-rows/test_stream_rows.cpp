// Row-streamed groups and rows a call, by execution: random branched networks of images, planned for every way of
// optimizing and for budgets, run as programs with each row poisoned when it dies.
#include <fmt/format.h>

#include <cstdlib>

#include "codegen/lower.h"
#include "codegen/run.h"
#include "compiler/program/text.h"
#include "passes/pass.h"
#include "passes/planner.h"
#include "tests/catch.h"
#include "tests/passes/law.h"

namespace burin {
namespace {

/// Convolutions of all kinds, pools, sums, concatenations and elementwise operators on int8 images, channels last; a
/// value may have several readers.
class Images {
 public:
  explicit Images(uint64_t seed) : random_(seed), planes_(seed % 3 == 0) {}

  Graph make(int operators) {
    const int64_t h = random_.between(4, 26);
    image("x", h, random_.between(1, 9), random_.chance(50) ? 4 : random_.between(1, 6));
    if (planes_) {  // NCHW
      const Image& x = images_[0];
      text_ = fmt::format("graph net(%planes: i8[1x{}x{}x{}]{{0.05,-3}}) -> %y\n", x.c, x.h, x.w);
      text_ += fmt::format("  %x: {} = transpose perm=[0,2,3,1] %planes\n", type(0));
    } else {
      text_ = fmt::format("graph net(%x: {}) -> %y\n", type(0));
    }
    for (int i = 0; i < operators; ++i) add();
    const size_t last = images_.size() - 1;
    if (random_.chance(50) && images_[last].h > 1)
      line("y", 1, 1, images_[last].c,
           fmt::format("average_pool kernel=[{},{}] channels_last=true %{}", images_[last].h, images_[last].w,
                       images_[last].name));
    else line("y", images_[last].h, images_[last].w, images_[last].c, "relu %" + images_[last].name);
    Graph g = parse(text_);
    for (const Value& v : g.values())
      if (v.constant())
        for (int64_t i = 0; i < v.data->elements(); ++i)
          const_cast<Tensor&>(*v.data).set_integer(i, random_.between(-127, 127));
    g.erase_dead();
    return g;
  }

 private:
  struct Image {
    std::string name;
    int64_t h, w, c;
  };

  std::string type(size_t i) const {
    return fmt::format("i8[1x{}x{}x{}]{{0.05,-3}}", images_[i].h, images_[i].w, images_[i].c);
  }
  void image(const std::string& name, int64_t h, int64_t w, int64_t c) { images_.push_back({name, h, w, c}); }
  void line(const std::string& name, int64_t h, int64_t w, int64_t c, const std::string& what) {
    image(name, h, w, c);
    text_ += fmt::format("  %{}: {} = {}\n", name, type(images_.size() - 1), what);
  }
  std::string weights(int64_t o, int64_t kh, int64_t kw, int64_t i) {
    const std::string name = fmt::format("w{}", weights_++);
    text_ += fmt::format("  %{}: i8[{}x{}x{}x{}]{{0.01,0}} = constant fill:1\n", name, o, kh, kw, i);
    return name;
  }

  void add() {
    // Mostly the last one, sometimes one before.
    const size_t at = random_.chance(75) ? images_.size() - 1 : size_t(random_.between(0, int(images_.size()) - 1));
    const Image x = images_[at];
    const std::string name = fmt::format("v{}", images_.size());
    switch (random_.between(0, 7)) {
      case 0:
      case 1: {  // a window
        const int64_t k = random_.between(1, 5), s = random_.between(1, 2), p = k / 2;
        if (x.h + 2 * p < k || x.w + 2 * p < k) return;
        const int64_t o = random_.between(1, 8);
        const std::string w = weights(o, k, k, x.c);
        return line(
            name, (x.h + 2 * p - k) / s + 1, (x.w + 2 * p - k) / s + 1, o,
            fmt::format("conv kernel=[{0},{0}] strides=[{1},{1}] pads=[{2},{2},{2},{2}] channels_last=true %{3}, "
                        "%{4}",
                        k, s, p, x.name, w));
      }
      case 2:
      case 3: {  // depthwise
        const int64_t s = random_.between(1, 2);
        const std::string w = weights(x.c, 3, 3, 1);
        return line(name, (x.h + 2 - 3) / s + 1, (x.w + 2 - 3) / s + 1, x.c,
                    fmt::format("conv kernel=[3,3] strides=[{0},{0}] pads=[1,1,1,1] group={1} channels_last=true %{2}, "
                                "%{3}",
                                s, x.c, x.name, w));
      }
      case 4: {  // pointwise
        const int64_t o = random_.between(1, 9);
        const std::string w = weights(o, 1, 1, x.c);
        return line(name, x.h, x.w, o, fmt::format("conv kernel=[1,1] channels_last=true %{}, %{}", x.name, w));
      }
      case 5: {
        if (x.h < 2 || x.w < 2) return;
        return line(name, (x.h - 2) / 2 + 1, (x.w - 2) / 2 + 1, x.c,
                    fmt::format("max_pool kernel=[2,2] strides=[2,2] channels_last=true %{}", x.name));
      }
      case 6: {  // with another of the same extents, or by itself
        for (size_t i = images_.size(); i-- > 0;)
          if (i != at && images_[i].h == x.h && images_[i].w == x.w) {
            const bool sum = images_[i].c == x.c && random_.chance(70);
            return line(name, x.h, x.w, sum ? x.c : x.c + images_[i].c,
                        fmt::format("{} %{}, %{}", sum ? "add" : "concat axis=3", x.name, images_[i].name));
          }
        return line(name, x.h, x.w, x.c, "hard_swish %" + x.name);
      }
      default:
        return line(name, x.h, x.w, x.c, "hard_swish %" + x.name);
    }
  }

  law::Random random_;
  bool planes_;
  std::vector<Image> images_;
  std::string text_;
  int weights_ = 0;
};

struct Counts {
  int groups = 0, rings = 0, planned = 0, at_floor = 0, fed = 0, fed_smaller = 0;
};

/// "" or what is wrong with one network.
std::string wrong(uint64_t seed, Counts& counts) {
  constexpr const char* targets[] = {"host", "cortex-m0plus", "cortex-m4f", "cortex-m55"};
  const Graph original = Images(seed).make(3 + int(seed % 9));
  Context context;
  context.target = find_target(targets[seed % std::size(targets)]);
  context.options.io = seed % 7 == 0 ? Options::Io::external : Options::Io::arena;
  law::Random random(seed);
  const std::vector<Tensor> inputs = law::random_inputs(original, random), want = interpret(original, inputs);
  int64_t speed = 0, ram = 0;
  const auto check = [&](const std::string& what) -> std::string {
    try {
      Graph g = original;
      run_passes(g, context);
      const bool fed = context.options.stream_input;
      if (!fed) (what == "speed" ? speed : ram) = g.arena_bytes;
      for (const auto& order : g.orders) counts.groups += !order.empty();
      for (const Value& v : g.values()) counts.rings += v.ring > 0;
      ++counts.planned, counts.at_floor += g.arena_bytes == g.arena_lower_bound;
      const Program p = lower(g, *context.target, context.options);
      if (fed) {
        ++counts.fed, counts.fed_smaller += ram_bytes(p) < ram;
        if (print(parse_program(print(p))) != print(p)) return what + ": its text is not read back";
        if (print(parse(print(g))) != print(g)) return what + ": the graph's text is not read back";
      }
      const std::vector<Tensor> got = run(p, inputs);
      for (size_t i = 0; i < want.size(); ++i)
        if (const std::string s = law::difference(want[i], got[i], {}); !s.empty()) return what + ": " + s;
      if (context.options.budget_ram && g.arena_bytes > *context.options.budget_ram && g.arena_bytes > ram)
        return fmt::format("{}: {} bytes", what, g.arena_bytes);
    } catch (const std::exception& e) {
      return what + ": " + e.what();
    }
    return "";
  };
  std::string s = check("speed");
  context.options.optimize = Options::Optimize::ram;
  if (s.empty()) s = check("ram");
  if (context.options.io == Options::Io::arena) {
    context.options.stream_input = true;
    if (s.empty()) s = check("ram, fed");
    context.options.optimize = Options::Optimize::size;
    if (s.empty() && seed % 4 == 0) s = check("size, fed");
    context.options.stream_input = false;
  }
  context.options.optimize = Options::Optimize::speed;
  context.options.budget_ram = (speed + ram) / 2;
  if (s.empty()) s = check("budget");
  return s.empty() ? s : fmt::format("seed {}, {}, {}", seed, context.target->name, s);
}

// burin_tests "[stream-soak]" with BURIN_SOAK=N: N networks instead.
TEST_CASE("random networks of images run row by row", "[stream-rows][stream-soak]") {
  const char* count = std::getenv("BURIN_SOAK");
  const uint64_t n = count ? std::stoull(count) : 120;
  Counts counts;
  for (uint64_t seed = 1; seed <= n; ++seed) {
    const std::string s = wrong(seed, counts);
    INFO(s);
    CHECK(s == "");
  }
  INFO(counts.groups << " groups, " << counts.rings << " rings, " << counts.at_floor << " of " << counts.planned
                     << " plans at their floor");
  CHECK(counts.groups > int(n) / 2);
  CHECK(counts.rings > int(n) / 3);
  CHECK(counts.fed > int(n) * 3 / 4);
  CHECK(counts.fed_smaller > int(n) / 6);
  if (count)
    WARN(counts.groups << " groups, " << counts.rings << " rings, " << counts.at_floor << " of " << counts.planned
                       << " plans at their floor");
}

// ---- What a plan gets wrong is seen

struct Made {
  Graph g;
  Program p;
  std::vector<Tensor> inputs, want;
};

/// Two convolutions and a depthwise one: a group with rings under --optimize ram, results over operands under speed.
Made made(Options::Optimize optimize, bool fed = false) {
  std::string text = R"(graph net(%x: i8[1x24x8x8]{0.05,-3}) -> %y
  %u: i8[32x3x3x8]{0.01,0} = constant fill:1
  %v: i8[32x3x3x1]{0.01,0} = constant fill:1
  %w: i8[8x3x3x32]{0.01,0} = constant fill:1
  %a: i8[1x24x8x32]{0.05,-3} = conv kernel=[3,3] pads=[1,1,1,1] channels_last=true %x, %u
  %b: i8[1x24x8x32]{0.05,-3} = conv kernel=[3,3] pads=[1,1,1,1] group=32 channels_last=true %a, %v
  %y: i8[1x12x4x8]{0.05,-3} = conv kernel=[3,3] pads=[1,1,1,1] strides=[2,2] channels_last=true %b, %w
)";
  if (fed) {  // an output is made in the last feed alone
    text.replace(text.find("-> %y"), 5, "-> %z");
    text += "  %z: i8[1x1x1x8]{0.05,-3} = average_pool kernel=[12,4] channels_last=true %y\n";
  }
  Made m{parse(text), {}, {}, {}};
  law::Random random(5);
  for (const Value& v : m.g.values())
    if (v.constant())
      for (int64_t i = 0; i < v.data->elements(); ++i)
        const_cast<Tensor&>(*v.data).set_integer(i, random.between(-127, 127));
  m.inputs = law::random_inputs(m.g, random);
  m.want = interpret(m.g, m.inputs);
  Context context;
  context.target = find_target("cortex-m0plus");
  context.options.optimize = optimize;
  context.options.stream_input = fed;
  run_passes(m.g, context);
  m.p = lower(m.g, *context.target, context.options);
  return m;
}

bool right(const Made& m) {
  try {
    const std::vector<Tensor> got = run(m.p, m.inputs);
    return law::difference(m.want[0], got[0], {}).empty();
  } catch (const std::exception&) {
    return false;
  }
}

TEST_CASE("a ring that is a row short, or turns in another order, are seen", "[stream-rows]") {
  Made m = made(Options::Optimize::ram);
  REQUIRE(m.p.regions.size() == 1);
  REQUIRE(right(m));
  auto& order = std::get<Stream>(m.p.regions[0].control).order;
  const auto each_ring = [&](auto&& f) {
    for (Step& s : m.p.steps)
      for (Call& c : s.body.calls)
        if (c.rows)
          for (RowPlace* place : {&c.rows->in, &c.rows->out})
            if (place->ring > 1) f(s, *place);
  };
  SECTION("a ring") {
    int shortened = 0;
    each_ring([&](const Step&, RowPlace& p) { --p.ring, ++shortened; });
    REQUIRE(shortened >= 2);
  }
  SECTION("a ring, for its reader alone") {
    bool once = false;
    each_ring([&](const Step&, RowPlace& p) {
      if (!once && p.name == "x0") --p.ring, once = true;
    });
    REQUIRE(once);
  }
  SECTION("a turn too early") {
    size_t at = order.size() - 1;
    while (at > 0 && order[at - 1] >= order[at]) --at;
    REQUIRE(at > 0);
    std::swap(order[at - 1], order[at]);
  }
  SECTION("a turn is missing") { order.erase(order.begin() + 3); }
  SECTION("a turn too many") { order.push_back(order.back()); }
  CHECK(!right(m));
}

TEST_CASE("a row that dies a call early is seen: every buffer of the arena by a row nearer", "[stream-rows]") {
  for (const auto optimize : {Options::Optimize::speed, Options::Optimize::ram}) {
    const Made m = made(optimize);
    REQUIRE(right(m));
    int seen = 0;
    for (size_t i = 0; i < m.p.buffers.size(); ++i)
      for (const int64_t by : {-256, 256}) {
        Made other = m;
        Buffer& b = other.p.buffers[i];
        b.offset += by;
        if (b.space != Space::arena || b.offset < 0 || b.offset + b.bytes > m.p.arena_bytes) continue;
        seen += !right(other);
      }
    CHECK(seen >= 2);
  }
}

TEST_CASE("a fed image: what a feed leaves in the arena is gone, and the wrong rows are seen", "[stream-rows]") {
  const Made m = made(Options::Optimize::ram, true);
  REQUIRE(m.p.feed.has_value());
  CHECK(m.p.feed->rows == 24);
  CHECK(m.p.feed->bytes == 64);
  REQUIRE(right(m));
  // The image has 1,536 bytes, a row 64.
  CHECK(ram_bytes(m.p) < ram_bytes(made(Options::Optimize::ram).p));
  int seen = 0;
  for (size_t i = 0; i < m.p.buffers.size(); ++i) {
    if (m.p.buffers[i].space != Space::state) continue;
    Made other = m;  // the arena has room for it
    Buffer& b = other.p.buffers[i];
    b.space = Space::arena, b.offset = (m.p.arena_bytes + 15) / 16 * 16;
    other.p.arena_bytes = b.offset + b.bytes;
    seen += !right(other);
  }
  CHECK(seen >= 4);  // three rings and whose turn it is
  Made late = m;     // a row too few, taken twice
  auto& order = std::get<Stream>(late.p.regions[0].control).order;
  order.erase(std::ranges::find(order, uint8_t{0}));
  CHECK(!right(late));
  Made other_rows = m;
  other_rows.p.feed->rows = 12, other_rows.p.feed->bytes = 128;
  CHECK(!right(other_rows));
  Made no_output = m;
  no_output.p.buffers[size_t(no_output.p.outputs[0].at)].space = Space::state;
  CHECK(!right(no_output));
}

TEST_CASE("output rows lie on input rows that are used", "[stream-rows]") {
  const Made m = made(Options::Optimize::speed);
  // a and b have 6,144 bytes each: as wholes they never lie beside each other, and in a group they are rings.
  CHECK(m.p.arena_bytes < 6144 * 3 / 2);
  CHECK(made(Options::Optimize::ram).p.arena_bytes < 6144);
}

TEST_CASE("layers without pixels", "[stream-rows]") {
  for (const char* target : {"cortex-m0plus", "cortex-m4f", "cortex-m55"})
    for (const char* text : {R"(graph g(%x: i8[0x64]{0.5,3}) -> %y
  %w: i8[8x64]{0.01,0} = constant fill:1
  %y: i8[0x8]{0.5,-3} = dense %x, %w
)",
                             R"(graph g(%x: f32[0x64]) -> %y
  %w: f32[8x64] = constant fill:1
  %y: f32[0x8] = dense %x, %w
)"}) {
      Context context;
      context.target = find_target(target);
      Graph g = parse(text);
      run_passes(g, context);
      CHECK(run(lower(g, *context.target, context.options), {Tensor(g[g.inputs[0]].type)}).size() == 1);
    }
}

}  // namespace
}  // namespace burin
