// The C twins of Helium's float32 kernels beside convolutions: sums, differences and products against the plain
// operators, average pools against average_pool_f32_ref.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "runtime-min/kernels/binary_f32_mve.h"
#include "runtime-min/kernels/pool_f32_mve.h"

namespace burin {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

template <class F, int32_t kA, int32_t kB>
void check_binary(const std::vector<float>& a, const std::vector<float>& b, float lo, float hi) {
  const size_t n = std::max(a.size(), b.size());
  std::vector<float> y(n);
  binary_f32_mve<F, kA, kB>(int32_t(n), lo, hi, a.data(), b.data(), y.data());
  for (size_t i = 0; i < n; ++i) {
    const float v = F::eval(a[i * kA], b[i * kB]), want = v < lo ? lo : v > hi ? hi : v;
    INFO("element " << i << " of " << n);
    REQUIRE((std::isnan(want) ? std::isnan(y[i]) : y[i] == want));
  }
}

TEST_CASE("Helium's float32 sums, differences and products", "[kernels]") {
  std::mt19937 rng(3);
  std::uniform_real_distribution<float> any(-3, 3);
  for (const size_t n : {1u, 2u, 4u, 7u, 33u}) {
    std::vector<float> a(n), b(n);
    for (float& v : a) v = any(rng);
    for (float& v : b) v = any(rng);
    if (n > 4) a[1] = inf, b[1] = -inf, a[2] = std::nanf(""), b[3] = inf;
    for (const float lo : {-inf, 0.0f, -0.5f})
      for (const float hi : {inf, 1.0f}) {
        check_binary<fn_add, 1, 1>(a, b, lo, hi);
        check_binary<fn_sub, 1, 1>(a, b, lo, hi);
        check_binary<fn_mul, 1, 1>(a, b, lo, hi);
        check_binary<fn_add, 1, 0>(a, {b[0]}, lo, hi);
        check_binary<fn_sub, 0, 1>({a[0]}, b, lo, hi);
        check_binary<fn_mul, 1, 0>(a, {b[0]}, lo, hi);
      }
  }
}

TEST_CASE("Helium's float32 average pools", "[kernels]") {
  std::mt19937 rng(5);
  auto pick = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(rng); };
  std::uniform_real_distribution<float> any(-3, 3);
  int done = 0;
  while (done < 200) {
    PoolShape s{};
    s.ih = pick(1, 7), s.iw = pick(1, 7), s.c = pick(4, 45), s.kh = pick(1, 4), s.kw = pick(1, 4);
    s.sh = pick(1, 2), s.sw = pick(1, 2), s.dh = pick(1, 2), s.dw = pick(1, 2);
    s.pt = pick(0, (s.kh - 1) * s.dh), s.pl = pick(0, (s.kw - 1) * s.dw), s.include_pad = pick(0, 1) == 1;
    const int down = s.ih + 2 * s.pt - (s.kh - 1) * s.dh - 1, across = s.iw + 2 * s.pl - (s.kw - 1) * s.dw - 1;
    if (down < 0 || across < 0) continue;
    ++done;
    s.oh = down / s.sh + 1, s.ow = across / s.sw + 1;
    // Rows end where their memory ends.
    std::vector<std::vector<float>> image(size_t(s.ih), std::vector<float>(size_t(s.iw * s.c)));
    for (std::vector<float>& row : image)
      for (float& v : row) v = any(rng);
    std::vector<const float*> rows(size_t(s.rows(s.oh)));
    for (size_t i = 0; i < rows.size(); ++i) {
      const int y = int(i) - s.pt;
      rows[i] = y < 0 || y >= s.ih ? nullptr : image[size_t(y)].data();
    }
    std::vector<float> want(size_t(s.oh * s.ow * s.c)), got(want.size());
    average_pool_f32_ref(s, rows.data(), s.oh, want.data());
    average_pool_f32_mve(s, rows.data(), s.oh, got.data());
    for (size_t i = 0; i < got.size(); ++i) {
      INFO("element " << i << ": " << got[i] << " for " << want[i]);
      REQUIRE(std::fabs(got[i] - want[i]) <= 3 * FLT_EPSILON);
    }
  }
}

}  // namespace
}  // namespace burin
