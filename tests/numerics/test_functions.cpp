// Real functions against long double, tables against their definition, softmax against long double.
#include "tests/catch.h"

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "compiler/numerics/functions.h"

using namespace burin;

namespace {

struct Function {
  const char* name;
  double (*ours)(double);
  long double (*exact)(long double);
};
const Function kFunctions[] = {
    {"exp", precise::exp, [](long double x) { return std::exp(x); }},
    {"expm1", precise::expm1, [](long double x) { return std::expm1(x); }},
    {"log", precise::log, [](long double x) { return std::log(x); }},
    {"log1p", precise::log1p, [](long double x) { return std::log1p(x); }},
    {"sigmoid", precise::sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }},
    {"softplus", precise::softplus,
     [](long double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }},
    {"tanh", precise::tanh, [](long double x) { return std::tanh(x); }},
    {"sinh", precise::sinh, [](long double x) { return std::sinh(x); }},
    {"cosh", precise::cosh, [](long double x) { return std::cosh(x); }},
    {"asinh", precise::asinh, [](long double x) { return std::asinh(x); }},
    {"acosh", precise::acosh, [](long double x) { return std::acosh(x); }},
    {"atanh", precise::atanh, [](long double x) { return std::atanh(x); }},
    {"erf", precise::erf, [](long double x) { return std::erf(x); }},
    {"sqrt", precise::sqrt, [](long double x) { return std::sqrt(x); }},
    {"sin", precise::sin, [](long double x) { return std::sin(x); }},
    {"cos", precise::cos, [](long double x) { return std::cos(x); }},
    {"tan", precise::tan, [](long double x) { return std::tan(x); }},
    {"asin", precise::asin, [](long double x) { return std::asin(x); }},
    {"acos", precise::acos, [](long double x) { return std::acos(x); }},
    {"atan", precise::atan, [](long double x) { return std::atan(x); }},
};

Rational halves_to_even(const Rational& x) { return x; }

}  // namespace

TEST_CASE("precise: relative errors near those of double", "[functions]") {
  std::mt19937_64 random(1);
  for (const Function& f : kFunctions) {
    double worst = 0, at = 0;
    const auto check = [&](double x) {
      const double ours = f.ours(x);
      const long double exact = f.exact((long double)x);
      double e = 0;
      if (std::isnan(exact)) e = std::isnan(ours) ? 0 : 1;
      else if (std::isinf((double)exact) || exact == 0) e = ours == (double)exact ? 0 : 1;
      else if (std::abs(exact) > 1e-300L) e = double(std::abs(ours - exact) / std::abs(exact));
      if (!(e <= worst)) worst = e, at = x;
    };
    for (const double scale : {1e-6, 0.3, 1.0, 4.0, 30.0, 700.0})
      for (int i = 0; i < 3000; ++i) {
        const double x = scale * (double(random() >> 11) * 0x1p-52 - 1);
        check(x);
      }
    for (const double x : {0.0, 1.0, -1.0, 0.5, -0.5, 0.25, 2.0, 1e300, -1e300, 1e10, 800.0, -800.0, 12345678.9,
                           std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()})
      if (!(std::isfinite(x) && std::abs(x) > 1e18 && f.ours == precise::tan)) check(x);
    INFO(f.name << " errs by " << worst << " at " << at);
    CHECK(worst < 1.5e-15);
  }
  for (const double x : {1.5, -3.0, 0.0, 20.0, -20.0})
    CHECK(std::abs(precise::gelu(x) - double(0.5L * x * (1 + std::erf(x / std::sqrt(2.0L))))) < 2e-15);
  CHECK(precise::gelu(-std::numeric_limits<double>::infinity()) == 0);
  CHECK(std::abs(precise::pow(2.5, -1.25) - std::pow(2.5, -1.25)) < 1e-15);
}

TEST_CASE("tables", "[functions]") {
  const TableInput x{exact(0.05f), 3, -128, 127};
  const TableOutput y{exact(0.00390625f), {-128, -128, 127}};
  const auto sigmoid = rounded_table(x, y, precise::sigmoid);
  REQUIRE(sigmoid.size() == 256);
  CHECK(sigmoid[128 + 3] == 0);  // sigmoid(0) = 1/2
  for (int32_t i = -128; i <= 127; ++i) {
    const long double v = 256 / (1 + std::exp(-(long double)0.05f * (i - 3))) - 128;
    CHECK(sigmoid[size_t(i + 128)] == std::min(127, int(std::lrint(v))));
  }
  // Ties to even, exactly: half of every odd number.
  const auto half = exact_table({1, 0, -20, 20}, {2, {1, -128, 127}}, halves_to_even);
  for (int i = -20; i <= 20; ++i) CHECK(half[size_t(i + 20)] == int(std::nearbyint(i / 2.0)) + 1);
  // Leaky slope with a scale that float arithmetic gets wrong: 0.1f * x / 0.05f.
  const Rational slope = exact(0.1f);
  const auto leaky = exact_table({exact(0.1f), 0, 0, 255}, {exact(0.3f), {5, 0, 255}},
                                 [&](const Rational& v) { return v < 0 ? Rational(slope * v) : v; });
  CHECK(leaky[3] == 6);
  const auto log = rounded_table({1, 0, -128, 127}, {exact(0.1f), {7, -128, 127}}, precise::log);
  CHECK(log[127] == 7);     // log(-1): no number
  CHECK(log[128] == -128);  // log(0): minus infinity
  CHECK(log[129] == 7);
  CHECK(log[130] == 14);  // 6.93
  CHECK_THROWS_AS(exact_table({1, 0, 1, 0}, y, halves_to_even), std::invalid_argument);
  CHECK_THROWS_AS(exact_table(x, {0, {0, 0, 255}}, halves_to_even), std::domain_error);
}

namespace {

/// Runs rows and returns how many results differ from the correctly rounded ones; checks the promised distance.
template <class X, class Y>
int softmax_differences(int rows, int axis, int inner, float x_scale, float y_scale, RequantRange range, uint32_t seed,
                        int spread) {
  std::mt19937 random(seed);
  const SoftmaxPlan plan = plan_softmax(exact(x_scale), exact(y_scale), range);
  std::vector<X> x(size_t(rows * axis * inner));
  for (X& v : x) v = X(spread == 0 ? 5 : int(random() % unsigned(spread)) - spread / 2);
  std::vector<Y> y(x.size());
  softmax_q8_ref(SoftmaxShape{rows, axis, inner}, plan.device, plan.table.data(), x.data(), y.data());
  int differences = 0;
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < inner; ++i) {
      const auto at = [&](int a) { return size_t((r * axis + a) * inner + i); };
      X most = x[at(0)];
      for (int a = 0; a < axis; ++a) most = std::max(most, x[at(a)]);
      long double sum = 0;
      for (int a = 0; a < axis; ++a) sum += std::exp((long double)x_scale * (int(x[at(a)]) - int(most)));
      for (int a = 0; a < axis; ++a) {
        const long double real =
            std::exp((long double)x_scale * (int(x[at(a)]) - int(most))) / sum / y_scale + range.zero_point;
        const long double clamped = std::min<long double>(std::max<long double>(real, range.lo), range.hi);
        if (std::abs(clamped - int(y[at(a)])) > 0.5L + 0x1p-12L) CHECK(double(clamped) == double(y[at(a)]));
        differences += std::nearbyint(clamped) != (long double)int(y[at(a)]);
      }
    }
  return differences;
}

}  // namespace

TEST_CASE("softmax of stored integers", "[functions]") {
  const RequantRange usual{-128, -128, 127};
  int differences = 0;
  for (const int axis : {1, 2, 3, 10, 12, 100, 1000})
    for (const float scale : {0.004f, 0.05f, 0.11f, 0.37f, 2.0f})
      for (const int spread : {0, 2, 40, 256}) {
        differences +=
            softmax_differences<int8_t, int8_t>(6, axis, 1, scale, 0.00390625f, usual, uint32_t(axis), spread);
        differences +=
            softmax_differences<int8_t, int8_t>(2, axis, 3, scale, 0.0041f, {-120, -128, 100}, uint32_t(axis), spread);
        differences +=
            softmax_differences<int8_t, uint8_t>(3, axis, 1, scale, 0.0001f, {0, 0, 255}, uint32_t(axis), spread);
        differences +=
            softmax_differences<int8_t, int8_t>(3, axis, 1, scale, 0.3f, {3, -128, 127}, uint32_t(axis), spread);
        differences +=
            softmax_differences<int8_t, int8_t>(3, axis, 1, scale, 1e20f, {3, -128, 127}, uint32_t(axis), spread);
      }
  differences += softmax_differences<int8_t, int8_t>(1, 100000, 1, 0.03f, 0.000061035156f, {0, -128, 127}, 9, 256);
  differences += softmax_differences<uint8_t, uint8_t>(40, 12, 2, 0.1f, 0.00390625f, {0, 0, 255}, 7, 256);
  INFO(differences << " results are not the correctly rounded ones");
  CHECK(differences == 0);
  CHECK_THROWS_AS(plan_softmax(1, exact(1e-5f), usual), std::domain_error);
  CHECK_THROWS_AS(plan_softmax(0, 1, usual), std::domain_error);
}

TEST_CASE("softmax: one hot, even, in place", "[functions]") {
  const SoftmaxPlan plan = plan_softmax(exact(0.5f), Rational(1, 256), {-128, -128, 127});
  int8_t v[] = {127, -128, -128, 4, 4};
  softmax_q8_ref(SoftmaxShape{1, 3, 1}, plan.device, plan.table.data(), v, v);
  CHECK(v[0] == 127);
  CHECK(v[1] == -128);
  softmax_q8_ref(SoftmaxShape{1, 2, 1}, plan.device, plan.table.data(), v + 3, v + 3);
  CHECK(v[3] == 0);
  CHECK(v[4] == 0);
  softmax_q8_ref(SoftmaxShape{1, 0, 1}, plan.device, plan.table.data(), v, v);
}

TEST_CASE("softmax: the reciprocal", "[functions]") {
  for (const uint32_t d : {0x80000000u, 0x80000001u, 0xFFFFFFFFu, 0xC0000000u, 0xDEADBEEFu})
    CHECK(softmax_reciprocal(d) == uint32_t(0x7FFFFFFFFFFFFFFFull / d));
}
