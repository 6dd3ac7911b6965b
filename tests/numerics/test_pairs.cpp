// Two-input operators: every pair of stored values against exact arithmetic.
#include "tests/catch.h"

#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include "compiler/numerics/pairs.h"

using namespace burin;

namespace {

constexpr OperandRange kSigned{-128, 127}, kUnsigned{0, 255};
constexpr RequantRange kInt8{0, -128, 127};

Rational whole(int64_t v) { return Rational(mpz_class(long(v))); }

/// Number of pairs that the plan gets wrong, by the definition alone.
int mistakes(const Rational& kx, int32_t zx, const Rational& ky, int32_t zy, RequantRange range, OperandRange x,
             OperandRange y, AddPlan& plan) {
  plan.device.table = plan.table.data();
  int wrong = 0;
  for (int32_t a = x.lo; a <= x.hi; ++a) {
    const Rational part = kx * whole(a - zx);
    for (int32_t b = y.lo; b <= y.hi; ++b) {
      const int32_t exact = quantize_exactly(part + ky * whole(b - zy), range.zero_point, range.lo, range.hi);
      wrong += requantize_add(plan.device, a, b) != exact;
      if (plan.device.kind == RequantAddKind::linear) {
        const uint32_t xw = uint32_t(a - plan.device.x_bias) << 8, yw = uint32_t(b - plan.device.y_bias) << 8;
        wrong += requantize_add_high(plan.device, (xw << 16) | 0x5A00u, (yw << 16) | 0xA500u) != exact;
        wrong += requantize_add_low(plan.device, (xw & 0xFFFFu) | 0x5A000000u, (yw & 0xFFFFu) | 0xA5000000u) != exact;
      }
    }
  }
  return wrong;
}

AddPlan checked(const Rational& kx, int32_t zx, const Rational& ky, int32_t zy, RequantRange range,
                OperandRange x = kSigned, OperandRange y = kSigned) {
  AddPlan plan = plan_add(kx, zx, ky, zy, range, x, y);
  CHECK(mistakes(kx, zx, ky, zy, range, x, y, plan) == 0);
  return plan;
}

}  // namespace

TEST_CASE("add: float scales take two multiplications", "[pairs]") {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> scale(0.01f, 0.2f);
  int linear = 0;
  for (int i = 0; i < 12; ++i) {
    const Rational sx = exact(scale(random)), sy = exact(scale(random)), sz = exact(scale(random));
    const bool is_unsigned = i % 3 == 2;
    const OperandRange x = is_unsigned ? kUnsigned : kSigned, y = i % 4 == 3 ? kUnsigned : kSigned;
    const RequantRange range{i % 2 ? 5 : -128, i % 2 ? -7 : -128, 127};
    const Rational ky = i % 5 == 4 ? Rational(-sy / sz) : Rational(sy / sz);
    linear += checked(sx / sz, x.lo + 3 * i, ky, y.hi - 7 * i, range, x, y).device.kind == RequantAddKind::linear;
  }
  CHECK(linear >= 10);
}

TEST_CASE("add: ties go to even", "[pairs]") {
  const Rational half(1, 2);
  CHECK(checked(half, 0, half, 0, kInt8).device.kind == RequantAddKind::wide);
  CHECK(checked(half, 3, Rational(1, 4), -5, {1, -128, 127}).device.kind == RequantAddKind::wide);
  CHECK(checked(Rational(1, 6), 0, Rational(1, 6), 1, {1, -128, 127}).device.kind == RequantAddKind::wide);
  CHECK(checked(Rational(1, 6), 0, Rational(-1, 10), 1, {-7, -128, 127}).device.kind == RequantAddKind::wide);
  CHECK(checked(1, 0, 1, 0, kInt8).device.kind == RequantAddKind::linear);
  checked(half, 128, half, 128, {0, 0, 255}, kUnsigned, kUnsigned);
}

TEST_CASE("add: extreme scales", "[pairs]") {
  checked(exact(1e20f), 0, exact(1e-20f), 0, kInt8);
  checked(exact(0.5f), 0, exact(1e-30f), 0, kInt8);  // the small operand breaks the ties of the large one: a table
  checked(exact(1e-30f), 0, exact(1e-30f), 0, {9, -128, 127});
  checked(0, 0, exact(0.3f), 0, kInt8);
  checked(exact(3000.0f), -1, exact(0.001f), 100, kInt8);
  checked(exact(0.1f), 0, exact(0.2f), 0, {4, 4, 4});
  checked(exact(0.1f), 0, exact(0.2f), 0, kInt8, {5, 5}, {-128, -128});
  CHECK_THROWS_AS(plan_add(1, 0, 1, 0, kInt8, {0, 256}, kSigned), std::invalid_argument);
  CHECK_THROWS_AS(plan_add(1, 0, 1, 0, {0, 0, 300}, kSigned, kSigned), std::invalid_argument);
  CHECK_THROWS_AS(plan_add(1, 0, 1, 0, kInt8, {1, 0}, kSigned), std::invalid_argument);
}

TEST_CASE("mul: a product is an accumulator", "[pairs]") {
  const Rational k = exact(0.031f) * exact(0.27f) / exact(0.51f);
  const int32_t zx = -7, zy = 33;
  const RequantChannel channel{k, 0, -(127 + 7) * (128 + 33), (128 + 33) * (128 + 7)};
  const auto plan = plan_requantization(std::vector<RequantChannel>{channel}, {11, -128, 127});
  CHECK(plan.device.kind == RequantKind::shift8);
  int wrong = 0;
  for (int32_t x = -128; x <= 127; ++x)
    for (int32_t y = -128; y <= 127; ++y)
      wrong += requantize(plan.device, plan.params.data(), (x - zx) * (y - zy)) !=
               quantize_exactly(k * whole(x - zx) * whole(y - zy), 11, -128, 127);
  CHECK(wrong == 0);
}

TEST_CASE("div: exact quotients, and division by zero", "[pairs]") {
  const Rational k = exact(0.4f);
  const auto q = divide_exactly(k, 3, -2, {10, -128, 127}, kSigned, kSigned);
  const auto at = [&q](int32_t x, int32_t y) { return q[size_t((x + 128) * 256 + y + 128)]; };
  CHECK(at(4, -2) == 127);
  CHECK(at(2, -2) == -128);
  CHECK(at(3, -2) == 10);
  CHECK(at(3, 77) == 10);
  CHECK(at(127, -1) == 10 + 50);  // 124 * 0.4 = 49.6
  CHECK(at(-128, 2) == 10 - 13);  // -131 / 4 * 0.4 = -13.1
  CHECK(divide_exactly(Rational(1, 2), 0, 0, kInt8, {3, 3}, {1, 1})[0] == 2);
  CHECK(divide_exactly(Rational(1, 2), 0, 0, kInt8, {5, 5}, {1, 1})[0] == 2);
}
