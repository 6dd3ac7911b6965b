// The packing of buffers, against brute force and against instances whose best plan is known by construction.
#include "tests/catch.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <stdexcept>
#include <vector>

#include "passes/planner.h"

namespace {

using namespace burin;
using Buffers = std::vector<PlanBuffer>;
using Overlaps = std::vector<PlanOverlap>;

bool live_together(const PlanBuffer& a, const PlanBuffer& b) { return a.first <= b.last && b.first <= a.last; }

/// Written from the definition, byte by byte in spirit: not the solver's checker.
bool sound(const Buffers& b, const Overlaps& overlaps, const std::vector<int64_t>& at) {
  for (size_t i = 0; i < b.size(); ++i) {
    if (at[i] < 0 || at[i] % b[i].align) return false;
    for (size_t j = 0; j < b.size(); ++j) {
      if (i == j || !live_together(b[i], b[j])) continue;
      bool shares = false;
      for (int64_t k = at[i]; k < at[i] + b[i].bytes; ++k) shares = shares || (k >= at[j] && k < at[j] + b[j].bytes);
      if (!shares) continue;
      bool allowed = false;  // as the last one listed says
      for (const PlanOverlap& o : overlaps) {
        const size_t x = size_t(o.a), y = size_t(o.b);
        if ((x == i && y == j) || (x == j && y == i)) allowed = !(o.lo < at[y] - at[x] && at[y] - at[x] < o.hi);
      }
      if (!allowed) return false;
    }
  }
  return true;
}

int64_t top(const Buffers& b, const std::vector<int64_t>& at) {
  int64_t h = 0;
  for (size_t i = 0; i < b.size(); ++i) h = std::max(h, at[i] + b[i].bytes);
  return h;
}

/// Tries every offset of every buffer.
int64_t brute_force(const Buffers& b, const Overlaps& overlaps) {
  int64_t best = 0;
  for (const PlanBuffer& x : b) best += (x.bytes + 7) / 8 * 8;
  std::vector<int64_t> at;
  const std::function<void(int64_t)> extend = [&](int64_t high) {
    if (high >= best) return;
    if (at.size() == b.size()) {
      best = high;
      return;
    }
    const PlanBuffer& next = b[at.size()];
    const Buffers some(b.begin(), b.begin() + int64_t(at.size()) + 1);
    Overlaps known;
    for (const PlanOverlap& o : overlaps)
      if (size_t(std::max(o.a, o.b)) < some.size()) known.push_back(o);
    for (int64_t o = 0; o + next.bytes < best; o += next.align) {
      at.push_back(o);
      if (sound(some, known, at)) extend(std::max(high, o + next.bytes));
      at.pop_back();
    }
  };
  extend(0);
  return best;
}

struct Random {
  std::mt19937 engine;
  int operator()(int lo, int hi) { return lo + int(engine() % unsigned(hi - lo + 1)); }  // the same on every host
};

/// A rectangle of `steps` x `height` cut into pieces by straight cuts: packs without a gap.
void cut(Random& random, int first, int last, int64_t height, int depth, Buffers& out) {
  if (depth == 0 || (last == first && height < 8)) {
    out.push_back({height, first, last, 1});
  } else if (last > first && (random(0, 1) || height < 8)) {
    const int middle = random(first, last - 1);
    cut(random, first, middle, height, depth - 1, out);
    cut(random, middle + 1, last, height, depth - 1, out);
  } else {
    const int64_t part = random(1, int(height) - 1);
    cut(random, first, last, part, depth - 1, out);
    cut(random, first, last, height - part, depth - 1, out);
  }
}

TEST_CASE("planner: edges", "[planner]") {
  CHECK(plan_offsets({}).bytes == 0);
  CHECK(plan_offsets({}).optimal);

  const Plan one = plan_offsets(Buffers{{3, 0, 0, 4}});
  CHECK(one.offsets == std::vector<int64_t>{0});
  CHECK(one.bytes == 3);
  CHECK(one.optimal);

  const Plan empty = plan_offsets(Buffers{{0, 0, 9, 16}, {5, 0, 9, 1}, {0, 3, 3, 1}});
  CHECK(empty.offsets == std::vector<int64_t>{0, 0, 0});
  CHECK(empty.bytes == 5);

  const Plan negative_steps = plan_offsets(Buffers{{8, -1, 0, 4}, {8, 0, 1, 4}, {8, 1, 2, 4}});
  CHECK(negative_steps.bytes == 16);
  CHECK(negative_steps.offsets[0] == negative_steps.offsets[2]);

  CHECK_THROWS_AS(plan_offsets(Buffers{{-1, 0, 0, 1}}), std::invalid_argument);
  CHECK_THROWS_AS(plan_offsets(Buffers{{1, 1, 0, 1}}), std::invalid_argument);
  CHECK_THROWS_AS(plan_offsets(Buffers{{1, 0, 0, 3}}), std::invalid_argument);
  CHECK_THROWS_AS(plan_offsets(Buffers{{1, 0, 0, 0}}), std::invalid_argument);
  const Buffers two{{1, 0, 0, 1}, {1, 0, 0, 1}};
  CHECK_THROWS_AS(plan_offsets(two, Overlaps{{0, 2, 0, 0}}), std::invalid_argument);
  CHECK_THROWS_AS(plan_offsets(two, Overlaps{{-1, 0, 0, 0}}), std::invalid_argument);
  CHECK_THROWS_AS(plan_offsets(two, Overlaps{{1, 1, 0, 0}}), std::invalid_argument);
}

TEST_CASE("planner: alignment", "[planner]") {
  const Buffers b{{5, 0, 1, 1}, {16, 0, 1, 16}, {3, 0, 1, 1}};
  const Plan plan = plan_offsets(b);
  CHECK(sound(b, {}, plan.offsets));
  CHECK(plan.bytes == 24);  // the small ones go behind
  // the gap that alignment leaves is at the end, behind the buffer with the largest one
  const Plan uneven = plan_offsets(Buffers{{9, 0, 1, 8}, {15, 0, 1, 8}, {13, 0, 1, 8}});
  CHECK(uneven.bytes == 41);
  CHECK(uneven.optimal);
  CHECK(plan.optimal);
}

TEST_CASE("planner: a chain takes its two largest neighbours", "[planner]") {
  Buffers b;
  for (int i = 0; i < 300; ++i) b.push_back({64 + (i * 37) % 1000 * 16, i - 1, i, 16});
  const Plan plan = plan_offsets(b);
  int64_t expected = 0;
  for (size_t i = 1; i < b.size(); ++i) expected = std::max(expected, b[i].bytes + b[i - 1].bytes);
  CHECK(check_plan(b, {}, plan) == "");
  CHECK(plan.bytes == expected);
  CHECK(plan.optimal);
  CHECK(plan.nodes == 0);
}

TEST_CASE("planner: the best plan can be above the sum of live bytes", "[planner]") {
  // 20 bytes are live at each step, but no plan has 20
  const Buffers b{{10, 0, 1, 1}, {4, 0, 0, 1}, {6, 0, 3, 1}, {4, 1, 2, 1}, {10, 2, 3, 1}, {4, 3, 4, 1}, {16, 4, 4, 1}};
  const Plan plan = plan_offsets(b);
  CHECK(sound(b, {}, plan.offsets));
  CHECK(plan.bytes == brute_force(b, {}));
  CHECK(plan.optimal);
}

TEST_CASE("planner: overlap", "[planner]") {
  const Buffers b{{100, 0, 1, 1}, {80, 1, 2, 1}};
  for (const int64_t distance : {0, 1, 30, 79, 80, 200}) {
    const Overlaps o{{0, 1, -distance, 100}};
    const Plan plan = plan_offsets(b, o);
    CHECK(sound(b, o, plan.offsets));
    CHECK(plan.bytes == std::min<int64_t>(180, 100 + std::max<int64_t>(0, distance)));
    CHECK(plan.optimal);
  }
  SECTION("the other way round the larger one lies below") {
    const Plan plan = plan_offsets(b, Overlaps{{1, 0, -30, 80}});
    CHECK(plan.offsets == std::vector<int64_t>{0, 30});
    CHECK(plan.bytes == 110);
  }
  SECTION("the last one of a pair counts, in whole units of alignment") {
    const Buffers aligned{{96, 0, 1, 8}, {80, 1, 2, 8}};
    CHECK(plan_offsets(aligned, Overlaps{{0, 1, 0, 0}, {0, 1, -60, 96}, {1, 0, -96, 17}}).bytes == 120);
  }
  SECTION("a chain in place takes its largest buffer") {
    Buffers chain;
    Overlaps in_place;
    for (int i = 0; i < 50; ++i) chain.push_back({1000 - 8 * i, i, i + 1, 8});
    for (int i = 1; i < 50; ++i) in_place.push_back({i - 1, i, 0, 1000});
    const Plan plan = plan_offsets(chain, in_place);
    CHECK(check_plan(chain, in_place, plan) == "");
    CHECK(plan.bytes == 1000);
    CHECK(plan.optimal);
  }
}

TEST_CASE("planner: random instances against brute force", "[planner]") {
  Random random{std::mt19937(1)};
  int above_live_bytes = 0;
  for (int round = 0; round < 1500; ++round) {
    Buffers b;
    const int n = random(2, 6), steps = random(1, 6);
    for (int i = 0; i < n; ++i) {
      const int first = random(0, steps);
      b.push_back({random(0, 8) ? random(1, 6) : 0, first, std::min(steps, first + random(0, 3)),
                   int64_t(1) << random(0, round % 3)});
    }
    Overlaps o;
    for (int i = random(0, round % 2 ? 3 : 0); i > 0; --i) {
      const int x = random(0, n - 1);
      o.push_back({x, (x + random(1, n - 1)) % n, -random(0, 5), random(0, 3) ? 6 : random(0, 5)});
    }
    const Plan plan = plan_offsets(b, o);
    INFO("round " << round);
    REQUIRE(sound(b, o, plan.offsets));
    REQUIRE(check_plan(b, o, plan) == "");
    REQUIRE(plan.bytes == top(b, plan.offsets));
    const int64_t expected = brute_force(b, o);
    REQUIRE(plan.bytes == expected);
    REQUIRE(plan.optimal);
    REQUIRE(plan.lower_bound == plan.bytes);
    above_live_bytes += plan.nodes > 0;
  }
  CHECK(above_live_bytes > 0);  // the search was needed, not only the greedy plan
}

TEST_CASE("planner: perfect packings", "[planner]") {
  int solved = 0;
  for (int seed = 0; seed < 20; ++seed) {
    Random random{std::mt19937(unsigned(seed))};
    Buffers b;
    cut(random, 0, 39, 1000, 4, b);
    const Plan plan = plan_offsets(b);
    CHECK(sound(b, {}, plan.offsets));
    CHECK(plan.lower_bound >= 1000);
    CHECK(plan.bytes <= 1100);
    solved += plan.bytes == 1000;
  }
  CHECK(solved >= 18);
}

TEST_CASE("planner: the limit on nodes is kept and the plan depends on nothing else", "[planner]") {
  Random random{std::mt19937(7)};
  Buffers b;
  cut(random, 0, 99, 5000, 8, b);
  REQUIRE(b.size() > 100);
  for (const int64_t limit : {0, 1, 1000}) {
    const Plan plan = plan_offsets(b, {}, limit);
    CHECK(check_plan(b, {}, plan) == "");
    CHECK(plan.nodes <= limit);
    CHECK(plan.optimal == (plan.bytes == plan.lower_bound));
    CHECK(plan_offsets(b, {}, limit).offsets == plan.offsets);
  }
}

TEST_CASE("planner: check_plan finds what is wrong", "[planner]") {
  const Buffers b{{8, 0, 1, 4}, {8, 1, 2, 4}};
  Plan plan{{0, 8}, 16, 16, true, 0};
  CHECK(check_plan(b, {}, plan) == "");
  plan.offsets = {0, 4};
  CHECK(check_plan(b, {}, plan) == "buffers 0 and 1 overlap");
  CHECK(check_plan(b, Overlaps{{1, 0, -4, 8}}, plan) == "");
  CHECK(check_plan(b, Overlaps{{1, 0, -5, 8}}, plan) != "");
  CHECK(check_plan(b, Overlaps{{0, 1, 0, 8}}, plan) != "");
  CHECK(check_plan(b, Overlaps{{0, 1, -8, 4}}, plan) == "");
  CHECK(check_plan(b, Overlaps{{0, 1, 4, 8}}, plan) == "");
  CHECK(check_plan(b, Overlaps{{0, 1, 3, 5}}, plan) != "");
  CHECK(check_plan(b, Overlaps{{0, 1, 4, 4}}, plan) == "");
  plan.offsets = {0, 10};
  CHECK(check_plan(b, {}, plan) != "");
  plan.offsets = {0, 12};
  CHECK(check_plan(b, {}, plan) == "buffer 1 ends at 20, behind 16");
  plan.offsets = {0};
  CHECK(check_plan(b, {}, plan) != "");
}

TEST_CASE("planner: the interval of a pair", "[planner]") {
  const Buffers b{{100, 0, 1, 1}, {80, 1, 2, 1}};
  const auto bytes = [&](int64_t lo, int64_t hi) {
    const Overlaps o{{0, 1, lo, hi}}, mirrored{{1, 0, -hi, -lo}};
    const Plan plan = plan_offsets(b, o);
    CHECK(sound(b, o, plan.offsets));
    CHECK(plan.bytes == top(b, plan.offsets));
    CHECK(plan.optimal);
    CHECK(plan_offsets(b, mirrored).bytes == plan.bytes);
    return plan.bytes;
  };
  CHECK(bytes(-80, 100) == 180);
  CHECK(bytes(-INT64_MAX, INT64_MAX) == 180);  // never more than to have nothing in common
  CHECK(bytes(INT64_MAX, -INT64_MAX) == 100);
  CHECK(bytes(5, 100) == 100);
  CHECK(bytes(-30, 100) == 130);
  CHECK(bytes(-80, 20) == 100);
  CHECK(bytes(-80, 21) == 101);
  CHECK(bytes(-80, -1) == 100);
  CHECK(bytes(-1, 0) == 100);
  CHECK(bytes(-80, 60) == 140);
  CHECK(bytes(-7, 28) == 107);
  SECTION("a ring begins between its neighbours") {
    // 1 may lie no more than 4 above 0, and 2 no more than 4 above 1: 2 may end up above all of 0 though it never needs
    // to
    const Buffers three{{10, 0, 2, 1}, {10, 0, 2, 1}, {10, 0, 2, 1}};
    const Overlaps o{{0, 1, 4, 10}, {1, 2, 4, 10}, {0, 2, -10, 8}};
    CHECK(plan_offsets(three, o).bytes == brute_force(three, o));
    CHECK(plan_offsets(three, o).bytes == 18);
  }
}

TEST_CASE("planner: random intervals against brute force", "[planner]") {
  Random random{std::mt19937(2)};
  int reached = 0, proved = 0, greedy = 0, positive = 0, negative = 0;
  constexpr int kRounds = 1500;
  for (int round = 0; round < kRounds; ++round) {
    Buffers b;
    const int n = random(2, 6), steps = random(0, 5);
    for (int i = 0; i < n; ++i) {
      const int first = random(0, steps);
      b.push_back({random(0, 12) ? random(1, 6) : 0, first, std::min(steps, first + random(0, 3)),
                   int64_t(1) << random(0, round % 3)});
    }
    Overlaps o;
    for (int i = random(1, 9); i > 0; --i) {
      const int x = random(0, n - 1), lo = random(-7, 6);
      o.push_back({x, (x + random(1, n - 1)) % n, lo, std::min(lo + random(0, 9), 7)});
      positive += lo > 0, negative += o.back().hi < 0;
    }
    INFO("round " << round);
    const int64_t expected = brute_force(b, o);
    for (const int64_t limit : {0, 50, 200000}) {
      const Plan plan = plan_offsets(b, o, limit);
      REQUIRE(sound(b, o, plan.offsets));
      REQUIRE(check_plan(b, o, plan) == "");
      REQUIRE(plan.bytes == top(b, plan.offsets));
      REQUIRE(plan.bytes >= expected);
      REQUIRE(plan.lower_bound <= expected);
      REQUIRE(plan.optimal == (plan.bytes == plan.lower_bound));
      REQUIRE(plan.nodes <= limit);
      if (limit == 0) greedy += plan.bytes == expected;
      if (limit != 200000) continue;
      reached += plan.bytes == expected;
      proved += plan.optimal;
    }
    const Plan told = plan_offsets(b, o, 200000, expected);
    REQUIRE(told.lower_bound == expected);
    REQUIRE(told.optimal == (told.bytes == expected));
  }
  INFO("optimum reached " << reached << ", proved " << proved << ", by the greedy alone " << greedy << " of "
                          << kRounds);
  CHECK(reached * 100 >= kRounds * 99);
  CHECK(proved * 100 >= kRounds * 99);
  CHECK(greedy < reached);
  CHECK(positive > 500);
  CHECK(negative > 500);
}

/// A value of a chain: rows that are written in ascending order, and die in ascending order while the next value's are.
struct Rows {
  int count = 1, bytes = 1;
};

/// While value i + 1 is written: so many of its rows exist when `dead` of value i's do no longer. Row r of the next
/// value needs the rows up to that share of this one, and two more (a window).
int dead_rows(const Rows& value, const Rows& next, int born) {
  return std::clamp((born - 1) * value.count / next.count - 2, 0, value.count);
}

struct Chain {
  Buffers buffers;
  Overlaps overlaps;
  int64_t live_bytes = 0;
};

Chain chain_of(const std::vector<Rows>& values, int64_t align) {
  Chain c;
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t bytes = int64_t(values[i].count) * values[i].bytes;
    c.buffers.push_back({bytes, int(i), int(i) + 1, align});
    c.live_bytes = std::max(c.live_bytes, bytes);
    if (i == 0) continue;
    const Rows &a = values[i - 1], &b = values[i];
    int64_t lo = INT64_MAX;
    for (int born = 1; born <= b.count; ++born) {
      const int dead = dead_rows(a, b, born);
      if (dead == a.count) continue;
      lo = std::min(lo, int64_t(dead) * a.bytes - int64_t(born) * b.bytes);
      c.live_bytes = std::max(c.live_bytes, int64_t(a.count - dead) * a.bytes + int64_t(born) * b.bytes);
    }
    c.overlaps.push_back({int(i) - 1, int(i), lo, c.buffers[i - 1].bytes});
  }
  return c;
}

/// Runs the chain in the planned memory: each row is there when it dies.
bool rows_survive(const std::vector<Rows>& values, const Plan& plan) {
  std::vector<int> memory(size_t(plan.bytes), -1);
  const auto write = [&](size_t i, int row) {
    for (int k = 0; k < values[i].bytes; ++k)
      memory.at(size_t(plan.offsets[i] + int64_t(row) * values[i].bytes + k)) = int(i) * 1000 + row;
  };
  const auto holds = [&](size_t i, int row) {
    bool good = true;
    for (int k = 0; k < values[i].bytes; ++k)
      good = good && memory.at(size_t(plan.offsets[i] + int64_t(row) * values[i].bytes + k)) == int(i) * 1000 + row;
    return good;
  };
  for (int row = 0; row < values[0].count; ++row) write(0, row);
  for (size_t i = 1; i < values.size(); ++i) {
    for (int born = 1; born <= values[i].count; ++born) {
      write(i, born - 1);
      for (int row = dead_rows(values[i - 1], values[i], born); row < values[i - 1].count; ++row)
        if (!holds(i - 1, row)) return false;
    }
    for (int row = 0; row < values[i].count; ++row)
      if (!holds(i, row)) return false;
  }
  return true;
}

TEST_CASE("planner: chains of values that die by rows", "[planner]") {
  Random random{std::mt19937(3)};
  int at_bound = 0, shared = 0;
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Rows> values;
    const int n = round < 100 ? random(2, 5) : random(6, 30), most = round < 100 ? 4 : 40;
    for (int i = 0; i < n; ++i) values.push_back({random(1, most), random(1, round < 100 ? 2 : 50)});
    const int64_t align = int64_t(1) << random(0, 2);
    const Chain c = chain_of(values, align);
    const Plan plan = plan_offsets(c.buffers, c.overlaps, 20000, c.live_bytes);
    INFO("round " << round);
    REQUIRE(check_plan(c.buffers, c.overlaps, plan) == "");
    REQUIRE(rows_survive(values, plan));
    REQUIRE(plan.lower_bound >= c.live_bytes);
    const int64_t apart = plan_offsets(c.buffers).bytes;
    REQUIRE(plan.bytes <= apart);
    shared += plan.bytes < apart;
    if (round < 100) {
      const int64_t expected = brute_force(c.buffers, c.overlaps);
      REQUIRE(plan.bytes == expected);
      REQUIRE(plan.lower_bound <= expected);
    }
    at_bound += plan.optimal;
  }
  INFO(at_bound << " of " << kRounds << " proved, " << shared << " below plans without overlap");
  CHECK(at_bound >= 160);
  CHECK(shared >= 90);
}

TEST_CASE("planner: a thousand buffers with intervals", "[planner]") {
  Random random{std::mt19937(4)};
  Buffers b;
  Overlaps o;
  for (int i = 0; i < 1000; ++i) b.push_back({8 * random(1, 200), i, i + random(1, 40), 8});
  for (int i = 0; i < 1000; ++i)
    for (int j = i + 1; j < 1000 && j <= b[size_t(i)].last; ++j)
      if (random(0, 9) == 0) {
        const int64_t lo = random(-int(b[size_t(j)].bytes), int(b[size_t(i)].bytes));
        o.push_back({i, j, lo, random(0, 1) ? b[size_t(i)].bytes : lo + random(0, 400)});
      }
  const Plan plan = plan_offsets(b, o), greedy = plan_offsets(b, o, 0);
  CHECK(check_plan(b, o, plan) == "");
  CHECK(plan.bytes <= greedy.bytes);
  CHECK(plan.nodes <= 200000);
  CHECK(plan_offsets(b, o).offsets == plan.offsets);
  INFO(plan.bytes << " bytes, at least " << plan.lower_bound << ", greedy " << greedy.bytes);
  CHECK(plan.bytes * 2 <= plan.lower_bound * 3);
}

TEST_CASE("planner: check_plan reports a pair that is one unit too near", "[planner]") {
  Random random{std::mt19937(5)};
  int reported = 0;
  for (int round = 0; round < 300; ++round) {
    const Buffers b{{random(2, 40), 0, 1, 1}, {random(2, 40), 1, 2, 1}, {random(0, 40), 3, 4, 1}};
    const int64_t lo = random(-int(b[1].bytes), int(b[0].bytes) - 2);
    const int64_t hi = random(int(lo) + 2, int(b[0].bytes));
    const bool mirrored = random(0, 1);
    const Overlaps o{mirrored ? PlanOverlap{1, 0, -hi, -lo} : PlanOverlap{0, 1, lo, hi}};
    const int64_t base = 100;
    const auto report = [&](int64_t apart) {
      return check_plan(b, o, Plan{{base, base + apart, base}, 300, 0, false, 0});
    };
    REQUIRE(report(lo) == "");
    REQUIRE(report(hi) == "");
    REQUIRE(report(lo - random(0, 20)) == "");
    REQUIRE(report(hi + random(0, 20)) == "");
    REQUIRE(report(lo + 1) == "buffers 0 and 1 overlap");
    REQUIRE(report(hi - 1) == "buffers 0 and 1 overlap");
    ++reported;
  }
  CHECK(reported == 300);
}

}  // namespace
