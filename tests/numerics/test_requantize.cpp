// Every reachable accumulator of many channels, through the device's code, against the definition in exact arithmetic.
#include "tests/catch.h"

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "compiler/numerics/requantize.h"

using namespace burin;

namespace {

constexpr RequantRange kInt8{0, -128, 127};

int64_t whole(const Rational& v) { return floor_of(v).get_si(); }

/// Accumulators worth a look: both ends, and everything around the places where the exact result steps, found from the
/// inverse of the definition and not from the prover's own thresholds; all of them if there are few.
std::vector<int64_t> interesting(const RequantChannel& c, RequantRange range) {
  std::vector<int64_t> accs;
  if (c.acc_hi - c.acc_lo < 3000) {
    for (int64_t a = c.acc_lo; a <= c.acc_hi; ++a) accs.push_back(a);
    return accs;
  }
  const auto add = [&](int64_t a) {
    for (int64_t d = -2; d <= 2; ++d)
      if (a + d >= c.acc_lo && a + d <= c.acc_hi) accs.push_back(a + d);
  };
  add(c.acc_lo);
  add(c.acc_hi);
  add(0);
  for (int64_t q = int64_t(range.lo) - 1; q <= int64_t(range.hi) + 1 && c.scale != 0; ++q) {
    const Rational at = (Rational(mpz_class(2 * (q - range.zero_point) - 1), 2) - c.offset) / c.scale;
    if (at > mpz_class(-3000000000L) && at < mpz_class(3000000000L)) add(whole(at));
  }
  std::mt19937_64 random(uint64_t(c.acc_hi));
  for (int i = 0; i < 20; ++i) add(c.acc_lo + int64_t(random() % uint64_t(c.acc_hi - c.acc_lo + 1)));
  return accs;
}

/// Number of wrong results of a plan.
int mistakes(const std::vector<RequantChannel>& channels, RequantRange range, const Requantization& plan) {
  const auto words = size_t(words_per_channel(plan.device.kind));
  REQUIRE(plan.params.size() == words * channels.size());
  REQUIRE(plan.needed.size() == channels.size());
  REQUIRE(plan.constant.size() == channels.size());
  int wrong = 0;
  for (size_t i = 0; i < channels.size(); ++i) {
    bool constant = true;
    int32_t first = requantize_exactly(channels[i], range, channels[i].acc_lo);
    for (const int64_t acc : interesting(channels[i], range)) {
      const int32_t exact = requantize_exactly(channels[i], range, acc);
      constant = constant && exact == first;
      if (requantize(plan.device, &plan.params[words * i], int32_t(acc)) != exact) ++wrong;
    }
    if (constant != plan.constant[i]) ++wrong;
  }
  return wrong;
}

Requantization checked(const std::vector<RequantChannel>& channels, RequantRange range) {
  Requantization plan = plan_requantization(channels, range);
  CHECK(mistakes(channels, range, plan) == 0);
  if (const auto vector = plan_vector_requantization(channels, range)) CHECK(mistakes(channels, range, *vector) == 0);
  return plan;
}

Rational power_of_two(int n) { return exact(std::ldexp(1.0, n)); }

/// Channels as a convolution has them: float32 scales, int32 bias with a scale of its own.
std::vector<RequantChannel> random_channels(std::mt19937& random, size_t count, int64_t reach, double step) {
  std::uniform_real_distribution<double> uniform(0.5, 1.5);
  const Rational sx = exact(float(0.02 * uniform(random))), sy = exact(float(0.03 * uniform(random)));
  std::vector<RequantChannel> channels;
  for (size_t i = 0; i < count; ++i) {
    const Rational sw = exact(float(step * uniform(random))), sb = exact(float(step * 0.02 * uniform(random)));
    const auto spread = int64_t(double(reach) * uniform(random) / 1.5);
    const auto shift = int64_t(double(reach) * (uniform(random) - 1) / 3);
    const mpz_class bias(long(double(reach) * (uniform(random) - 1) * 0.2));
    channels.push_back({sx * sw / sy, sb * bias / sy, shift - spread, shift + spread});
  }
  return channels;
}

}  // namespace

TEST_CASE("requantize: the definition", "[requantize]") {
  const RequantChannel half{Rational(1, 2), 0, -1000, 1000};
  CHECK(requantize_exactly(half, kInt8, 1) == 0);
  CHECK(requantize_exactly(half, kInt8, 3) == 2);
  CHECK(requantize_exactly(half, kInt8, 5) == 2);
  CHECK(requantize_exactly(half, kInt8, -1) == 0);
  CHECK(requantize_exactly(half, kInt8, -3) == -2);
  CHECK(requantize_exactly(half, {1, -128, 127}, 1) == 1);  // halves are rounded before the zero point is added
  CHECK(requantize_exactly(half, kInt8, 1000) == 127);
  CHECK(requantize_exactly(half, {0, -5, 6}, -1000) == -5);
  CHECK(round_half_even(Rational(-5, 2)) == -2);
  CHECK(round_half_even(Rational(7, 2)) == 4);
  CHECK_THROWS_AS(exact(std::numeric_limits<float>::infinity()), std::domain_error);
  CHECK_THROWS_AS(exact(std::numeric_limits<float>::quiet_NaN()), std::domain_error);
}

TEST_CASE("requantize: convolution layers take three instructions", "[requantize]") {
  std::mt19937 random(1);
  size_t narrow = 0, all = 0;
  for (int layer = 0; layer < 30; ++layer) {
    const bool is_unsigned = layer % 3 == 1;
    const RequantRange range{is_unsigned ? 7 : -11 * (layer % 9), is_unsigned ? 0 : -128, is_unsigned ? 255 : 127};
    const int64_t reach = layer % 2 ? 40000 : 900000;
    const auto plan = checked(random_channels(random, 16, reach, 200.0 / double(reach)), range);
    for (const RequantKind kind : plan.needed) narrow += kind == RequantKind::shift8 ? 1 : 0;
    all += plan.needed.size();
  }
  CHECK(narrow * 100 >= all * 98);
}

TEST_CASE("requantize: Helium's sequence serves convolution layers", "[requantize]") {
  std::mt19937 random(11);
  for (const int64_t reach : {2000, 100000, 4000000, 50000000}) {
    for (const RequantRange range :
         {kInt8, RequantRange{-128, -128, 127}, RequantRange{128, 0, 255}, RequantRange{3, -20, 90}}) {
      const std::vector<RequantChannel> channels = random_channels(random, 20, reach, 200.0 / double(reach));
      const auto plan = plan_vector_requantization(channels, range);
      INFO(reach << " " << range.zero_point << " " << range.lo);
      if (reach > 1000000 && !plan) continue;  // large sums leave too few bits to the multiplier for some channels
      REQUIRE(plan);
      CHECK(plan->device.kind == RequantKind::vector);
      CHECK(plan->device.shift >= 1);
      CHECK(plan->device.shift <= 16);
      CHECK(mistakes(channels, range, *plan) == 0);
    }
  }
  CHECK_FALSE(plan_vector_requantization(std::vector<RequantChannel>{{1, 0, 0, 1}}, {0, 0, 65535}));
}

TEST_CASE("requantize: a clamp inside the range", "[requantize]") {
  std::mt19937 random(2);
  for (const RequantRange range :
       {RequantRange{-128, -128, 20}, {5, 5, 127}, {-3, -3, 60}, {100, 17, 200}, {0, 3, 3}, {9, 9, 10}})
    checked(random_channels(random, 12, 60000, 0.004), range);
}

TEST_CASE("requantize: powers of two tie all the time", "[requantize]") {
  for (const int shift : {1, 2, 3, 7, 8, 12, 16})
    for (const int32_t zero_point : {0, 1, -3}) {
      INFO("scale 2^-" << shift << ", zero point " << zero_point);
      const int64_t reach = int64_t(200) << shift;
      const RequantRange range{zero_point, -128, 127};
      const auto plan = checked({{power_of_two(-shift), 0, -reach, reach}}, range);
      CHECK(plan.device.kind == RequantKind::wide);
      // with a bias that is a multiple of half a step, and of an odd fraction of it
      checked({{power_of_two(-shift), power_of_two(-1) * 5, -reach, reach},
               {power_of_two(-shift), Rational(1, 3), -reach, reach},
               {power_of_two(-shift - 1), power_of_two(-shift), -reach, reach}},
              range);
    }
  // A scale of 1 has no ties and needs no arithmetic.
  CHECK(checked({{1, 0, -300, 300}}, kInt8).device.kind == RequantKind::shift8);
  // An offset that moves all values off the halves: nothing ties.
  CHECK(checked({{power_of_two(-4), power_of_two(-6), -4000, 4000}}, kInt8).device.kind == RequantKind::shift8);
}

TEST_CASE("requantize: ties of scales that are not powers of two", "[requantize]") {
  for (const int denominator : {6, 10, 14, 22, 34, 96, 1000, 4098}) {
    INFO("scale 1/" << denominator);
    checked({{Rational(1, denominator), 0, -200 * denominator, 200 * denominator}}, kInt8);
    Rational scale(3, denominator);
    scale.canonicalize();
    checked({{scale, Rational(1, 2), -70 * denominator, 70 * denominator}}, {3, -128, 127});
  }
}

TEST_CASE("requantize: accumulators beyond 23 bits", "[requantize]") {
  std::mt19937 random(3);
  for (const int64_t reach : {int64_t(1) << 24, int64_t(1) << 28, int64_t(1200000000)}) {
    const auto plan = checked(random_channels(random, 12, reach, 200.0 / double(reach)), kInt8);
    CHECK(plan.device.kind != RequantKind::shift8);
    CHECK(plan.device.kind != RequantKind::table);
  }
  // The whole of int32, biases that are whole accumulators: plain serves it.
  const int64_t lowest = std::numeric_limits<int32_t>::min(), highest = std::numeric_limits<int32_t>::max();
  const Rational scale = exact(6.1e-8f);
  CHECK(checked({{scale, 0, lowest, highest}}, kInt8).device.kind != RequantKind::table);
  CHECK(checked({{scale, scale * 77, -(1 << 25), 1 << 25}}, kInt8).device.kind == RequantKind::plain);
  CHECK_THROWS_AS(plan_requantization(std::vector<RequantChannel>{{1, 0, 0, highest + 1}}, kInt8), std::overflow_error);
  CHECK_THROWS_AS(plan_requantization(std::vector<RequantChannel>{{1, 0, lowest - 1, 0}}, kInt8), std::overflow_error);
  CHECK_THROWS_AS(plan_requantization(std::vector<RequantChannel>{{1, 0, 1, 0}}, kInt8), std::invalid_argument);
  CHECK_THROWS_AS(plan_requantization(std::vector<RequantChannel>{}, {0, 1, 0}), std::invalid_argument);
}

TEST_CASE("requantize: huge, tiny and negative scales", "[requantize]") {
  const int64_t most = 1 << 22;
  checked({{exact(1e30f), 0, -most, most}}, kInt8);
  checked({{exact(1e30f), exact(-3e29f), -most, most}}, kInt8);
  checked({{exact(100.0f), exact(0.3f), -most, most}, {exact(0.7f), 0, -most, most}}, kInt8);
  checked({{exact(3e9f), exact(-1.4e9f), -5, 5}}, kInt8);
  checked({{exact(1e-30f) * exact(1e-30f), exact(1e-30f), -most, most}}, kInt8);
  checked({{exact(1e-45f), exact(-1e-45f) + Rational(1, 2), -most, most}}, kInt8);  // a step right at 1
  checked({{0, Rational(7, 2), -most, most}}, kInt8);
  CHECK(checked({{exact(-0.013f), exact(2.2f), -30000, 20000}, {exact(0.011f), exact(2.2f), -30000, 20000}},
                {4, -128, 127})
            .device.kind == RequantKind::shift8);
  CHECK(checked({{power_of_two(-7) * -1, 0, -30000, 20000}}, {3, -128, 127}).device.kind == RequantKind::wide);
  CHECK(checked({{Rational(-1, 6), 0, -900, 900}}, {3, -128, 127}).device.kind == RequantKind::wide);
  checked({{exact(-3e-8f), 0, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}}, kInt8);
  CHECK(checked({{exact(-3e-7f), exact(3e-7f) * 12, -(1 << 28), 1 << 27}}, kInt8).device.kind != RequantKind::table);
  checked({{exact(0.01f), exact(1e9f), -1000, 1000}, {exact(0.01f), exact(-1e9f), -1000, 1000}}, kInt8);
  checked({{exact(0.5f), exact(-1e9f) + 2, 1999999000, 2000001000}}, kInt8);
}

TEST_CASE("requantize: constant channels", "[requantize]") {
  const int64_t most = 1 << 22;
  const std::vector<RequantChannel> channels{{exact(0.01f), exact(500.0f), -3000, 3000},
                                             {exact(0.01f), exact(-500.0f), -3000, 3000},
                                             {exact(1e-30f), exact(5.4f), 0, 0},
                                             {exact(1e-30f), exact(-90.7f), 0, 0},
                                             {0, 0, -most, most},
                                             {exact(0.011f), exact(0.3f), -3000, 3000}};
  const auto plan = checked(channels, {-20, -128, 127});
  CHECK(plan.device.kind == RequantKind::shift8);
  CHECK(plan.constant == std::vector<bool>{true, true, true, true, true, false});
  for (const int32_t value : {-128, -1, 0, 1, 90, 126, 127})  // any value, when the accumulator is always zero
    CHECK(checked({{1, value, 0, 0}, {exact(0.011f), 0, -3000, 3000}}, kInt8).device.kind == RequantKind::shift8);
  for (const int32_t value : {0, 1, 254, 255})
    CHECK(checked({{1, value, 0, 0}, {exact(0.011f), 0, -3000, 3000}}, {0, 0, 255}).device.kind == RequantKind::shift8);
  CHECK(constant_value(channels[3], {-20, -128, 127}) == -111);
  CHECK_FALSE(constant_value(channels[5], {-20, -128, 127}));
  // Constant between the bounds although the accumulator varies: exact as well, if not cheap.
  checked({{exact(1e-30f), exact(61.4f), -most, most}, {exact(0.0011f), 0, -most, most}}, kInt8);
}

TEST_CASE("requantize: results of 16 bits", "[requantize]") {
  std::mt19937 random(5);
  checked(random_channels(random, 3, 3000000, 0.02), {0, -32768, 32767});
  checked({{power_of_two(-3), 0, -400000, 400000}}, {0, -32768, 32767});
  CHECK_THROWS_AS(plan_requantization(std::vector<RequantChannel>{{1, 0, 0, 1}}, {0, -40000, 40000}),
                  std::invalid_argument);
}

TEST_CASE("requantize: tables", "[requantize]") {
  // Steps at irregular places that no line meets: 23-bit accumulators with ties beside values that almost tie.
  std::vector<RequantChannel> channels{{Rational(1, 6), 0, -900, 900}};
  Requantization plan = plan_requantization(channels, kInt8);
  // Whatever was chosen, the table form itself is right too.
  std::vector<int32_t> words{requantize_exactly(channels[0], kInt8, -900), 0};
  for (int64_t acc = -899; acc <= 900; ++acc)
    if (requantize_exactly(channels[0], kInt8, acc) != requantize_exactly(channels[0], kInt8, acc - 1))
      words.push_back(int32_t(acc - 1));
  REQUIRE(words.size() <= size_t(words_per_channel(RequantKind::table)));
  words.resize(size_t(words_per_channel(RequantKind::table)), std::numeric_limits<int32_t>::max());
  plan.device.kind = RequantKind::table;
  plan.params = words;
  CHECK(mistakes(channels, kInt8, plan) == 0);
}

TEST_CASE("requantize: random dyadic and rational channels", "[requantize]") {
  std::mt19937 random(4);
  for (int i = 0; i < 300; ++i) {
    const auto pick = [&random](int n) { return int(random() % unsigned(n)); };
    std::vector<RequantChannel> channels;
    for (int c = 0; c <= pick(3); ++c) {
      Rational scale(1 + pick(40), 1 << pick(12)), offset(pick(4000) - 2000, 1 << pick(9));
      if (pick(2)) scale /= 1 + pick(30);
      scale.canonicalize();
      offset.canonicalize();
      const int64_t lo = -pick(20000), hi = pick(20000);
      channels.push_back({pick(5) ? scale : -scale, offset, lo, hi});
    }
    INFO("case " << i);
    checked(channels, {pick(200) - 100, -128 + (pick(2) ? pick(100) : 0), 127 - (pick(2) ? pick(100) : 0)});
  }
}

TEST_CASE("requantize: 32-bit products of small cores equal SMMLA", "[requantize]") {
  std::mt19937 random(6);
  const int32_t edges[] = {0, 1, -1, 32767, 32768, -32768, -32769, 65535, 65536, -65536, 2147483647, -2147483647 - 1};
  for (const int32_t a : edges)
    for (const int32_t b : edges) REQUIRE(smmla_by_halves(a, b, 12345) == smmla(a, b, 12345));
  for (int i = 0; i < 1000000; ++i) {
    const auto a = int32_t(uint32_t(random())), b = int32_t(uint32_t(random())), c = int32_t(uint32_t(random()));
    if (smmla_by_halves(a, b, c) != smmla(a, b, c)) REQUIRE(a == b);
  }
}

TEST_CASE("requantize: saturate", "[requantize]") {
  for (const auto& [lo, hi] :
       {std::pair{-128, 127}, {0, 255}, {-3, 127}, {-128, 5}, {7, 9}, {17, 200}, {-32768, 32767}})
    for (int32_t v = -40000; v <= 40000; v += v < -300 || v > 300 ? 7 : 1)
      REQUIRE(saturate(v, lo, hi) == std::min(std::max(v, lo), hi));
}
