// runtime-min/math.h against long double over samples of all floats and every special value. BURIN_MATH_STRIDE=N tests
// every Nth float (1: all of them, which takes hours; the default takes seconds).
#include "tests/catch.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "runtime-min/math.h"

using namespace burin;

namespace {

uint32_t bits(float x) { return bits_f32(x); }

/// |got - exact| in units of the float spacing at exact; infinities and NaN must agree.
double error_in_ulp(float got, long double exact) {
  const auto rounded = float(exact);
  if (std::isnan(exact)) return std::isnan(got) && bits(got) == 0x7FC00000u ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(got)) {
    if (got == rounded) return 0;
    // One of them overflowed: the largest float is within an ulp of the overflow threshold.
    if (std::abs(got) < 3.4028234e38f && !std::isinf(got)) return 1e9;
    if (std::isinf(exact)) return 1e9;
  }
  if (exact == 0) return got == 0 && std::signbit(got) == std::signbit(exact) ? 0 : 1e9;
  if (got != 0 && std::signbit(got) != std::signbit(exact)) return 1e9;
  const int exponent = std::max(-126, std::ilogb(exact));
  const long double value = std::isinf(got) ? std::copysign(std::ldexp(1.0L, 128), (long double)got) : (long double)got;
  return double(std::abs(value - exact) / std::ldexp(1.0L, exponent - 23));
}

struct Function {
  const char* name;
  float (*ours)(float);
  long double (*exact)(long double);
  double limit;
};

const Function kFunctions[] = {
    {"exp", [](float x) { return exp_f32(x); }, [](long double x) { return std::exp(x); }, 2},
    {"expm1", [](float x) { return expm1_f32(x); }, [](long double x) { return std::expm1(x); }, 2},
    {"log", [](float x) { return log_f32(x); }, [](long double x) { return std::log(x); }, 2},
    {"log1p", [](float x) { return log1p_f32(x); }, [](long double x) { return std::log1p(x); }, 2},
    {"tanh", [](float x) { return tanh_f32(x); }, [](long double x) { return std::tanh(x); }, 2},
    {"sigmoid", [](float x) { return sigmoid_f32(x); }, [](long double x) { return 1 / (1 + std::exp(-x)); }, 2},
    {"erf", [](float x) { return erf_f32(x); }, [](long double x) { return std::erf(x); }, 2},
    {"sin", [](float x) { return sin_f32(x); }, [](long double x) { return std::sin(x); }, 2},
    {"cos", [](float x) { return cos_f32(x); }, [](long double x) { return std::cos(x); }, 2},
    {"tan", [](float x) { return tan_f32(x); }, [](long double x) { return std::tan(x); }, 2},
    {"asin", [](float x) { return asin_f32(x); }, [](long double x) { return std::asin(x); }, 2},
    {"acos", [](float x) { return acos_f32(x); }, [](long double x) { return std::acos(x); }, 2},
    {"atan", [](float x) { return atan_f32(x); }, [](long double x) { return std::atan(x); }, 2},
    {"sinh", [](float x) { return sinh_f32(x); }, [](long double x) { return std::sinh(x); }, 2},
    {"cosh", [](float x) { return cosh_f32(x); }, [](long double x) { return std::cosh(x); }, 2},
    {"asinh", [](float x) { return asinh_f32(x); }, [](long double x) { return std::asinh(x); }, 2},
    {"acosh", [](float x) { return acosh_f32(x); }, [](long double x) { return std::acosh(x); }, 2},
    {"atanh", [](float x) { return atanh_f32(x); }, [](long double x) { return std::atanh(x); }, 2},
    {"sqrt", [](float x) { return sqrt_f32(x); }, [](long double x) { return std::sqrt(x); }, 0.5},
    {"sqrt by bits", [](float x) { return sqrt_by_bits(x); }, [](long double x) { return std::sqrt(x); }, 0.5},
    {"floor", [](float x) { return floor_f32(x); }, [](long double x) { return std::floor(x); }, 0},
    {"ceil", [](float x) { return ceil_f32(x); }, [](long double x) { return std::ceil(x); }, 0},
    {"trunc", [](float x) { return trunc_f32(x); }, [](long double x) { return std::trunc(x); }, 0},
    {"rint", [](float x) { return rint_f32(x); }, [](long double x) { return std::nearbyint(x); }, 0},
};

/// Zeros, denormals, powers of two with their neighbours, halves, multiples of pi/2, limits, infinities, NaNs; both
/// signs.
std::vector<float> special_values() {
  std::vector<float> v{0.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  const auto around = [&v](float x) {
    for (const int d : {-2, -1, 0, 1, 2}) {
      const uint32_t u = bits(x) + uint32_t(d);
      if (u < 0x7F800000u) v.push_back(float_of_bits(u));
    }
  };
  for (int e = -149; e < 128; ++e) around(std::ldexp(1.0f, e));
  for (int i = 1; i < 400; ++i) {
    around(float(i) * 0.5f);
    around(float(i) * 1.5707963267948966f);
    around(float(i) * 0.34657359f);
  }
  for (const float x :
       {88.72283f, 88.72284f, 87.33654f, 103.27893f, 103.97208f, 89.41599f, 17.32868f, 9.010913f, 3.9192059f,
        3.4028235e38f, 8388607.5f, 16777216.0f, 2147483648.0f, 0.625f, 0.89f, 0.4375f, 0.6875f, 1.1875f, 2.4375f})
    around(x);
  for (size_t i = 0, n = v.size(); i < n; ++i) v.push_back(-v[i]);
  return v;
}

uint32_t stride() {
  const char* text = std::getenv("BURIN_MATH_STRIDE");
  return text ? uint32_t(std::max(1L, std::strtol(text, nullptr, 10))) : 100003u;
}

}  // namespace

TEST_CASE("math: one argument, within the stated ulp", "[math]") {
  const std::vector<float> special = special_values();
  for (const Function& f : kFunctions) {
    double worst = 0;
    float at = 0;
    const auto check = [&](float x) {
      const double e = error_in_ulp(f.ours(x), f.exact((long double)x));
      if (e > worst) {
        worst = e;
        at = x;
      }
    };
    for (const float x : special) check(x);
    for (uint64_t u = 0; u <= 0xFFFFFFFFu; u += stride()) check(float_of_bits(uint32_t(u)));
    // Where the functions do their work, more densely than equal steps in the bits.
    std::mt19937 random(1);
    for (const float range : {0.01f, 1.0f, 4.0f, 20.0f, 110.0f, 1e5f})
      for (uint64_t i = 0; i < 2000000000u / stride() / 6; ++i)
        check(range * (float(random() >> 8) * (2.0f / 16777216.0f) - 1.0f));
    std::printf("%-13s %.4f ulp at %.9g\n", f.name, worst, double(at));
    INFO(f.name << " errs by " << worst << " ulp at " << at);
    CHECK(worst <= f.limit);
  }
}

TEST_CASE("math: pow and fmod", "[math]") {
  const std::vector<float> special{0.0f,
                                   -0.0f,
                                   1.0f,
                                   -1.0f,
                                   2.0f,
                                   -2.0f,
                                   0.5f,
                                   -0.5f,
                                   3.0f,
                                   -3.0f,
                                   1e-45f,
                                   -1e-45f,
                                   1e38f,
                                   -1e38f,
                                   3.4e38f,
                                   8388609.0f,
                                   16777216.0f,
                                   -16777217.0f,
                                   2.5f,
                                   -2.5f,
                                   0.99999994f,
                                   1.0000001f,
                                   std::numeric_limits<float>::infinity(),
                                   -std::numeric_limits<float>::infinity(),
                                   std::numeric_limits<float>::quiet_NaN()};
  double worst = 0;
  const auto check = [&](float x, float y) {
    const double e = error_in_ulp(pow_f32(x, y), std::pow((long double)x, (long double)y));
    if (e > worst) worst = e;
    INFO(x << " ^ " << y << ": " << pow_f32(x, y));
    if (e > 0.6) CHECK(e <= 0.6);
    const float ours = fmod_f32(x, y), exact = std::fmod(x, y);
    INFO(x << " mod " << y << ": " << ours << " instead of " << exact);
    if (std::isnan(exact) ? !std::isnan(ours) : bits(ours) != bits(exact)) CHECK(ours == exact);
  };
  for (const float x : special)
    for (const float y : special) check(x, y);
  std::mt19937 random(2);
  const auto count = 20000000000u / stride();
  for (uint64_t i = 0; i < count; ++i) {
    const auto first = uint32_t(random()), second = uint32_t(random());
    check(float_of_bits(first), float_of_bits(second));
    check(float_of_bits(0x3F000000u + (first & 0xFFFFFFu)), float_of_bits((second & 0x8FFFFFFFu) | 0x40000000u));
    check(std::ldexp(1.0f + float(random() >> 8) * 0x1p-24f, int(random() % 40) - 20),
          float(int(random() % 4000) - 2000) * 0.01f);
  }
  std::printf("%-13s %.4f ulp\n", "pow", worst);
}

TEST_CASE("math: products are not fused with sums", "[math]") {
  const volatile float a = 1.0000001f, b = 0.9999999f;
  const float exact_part = product(a, b) - 1.0f;
  CHECK(exact_part == float(double(a) * double(b)) - 1.0f);
}

TEST_CASE("math: the bits of a fixed sample", "[math]") {
  // The same sum has been found on Cortex-M3 (soft float), M4, M7 and M55 under QEMU; a change of any result changes
  // it.
  uint64_t sum = 0;
  for (const Function& f : kFunctions)
    for (uint32_t i = 0; i < 20000; ++i) sum = (sum ^ bits(f.ours(float_of_bits(i * 214748u + 7u)))) * 0x100000001B3u;
  for (uint32_t i = 0; i < 20000; ++i)
    sum = (sum ^ bits(pow_f32(float_of_bits(0x3F000000u + i * 1009u), float_of_bits(i * 214013u)))) * 0x100000001B3u;
  CHECK(sum == 0x804DCAA77379D85Bu);
}
