// Unary, Binary and Cast.
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "compiler/numerics/pairs.h"
#include "compiler/ops/binary.h"
#include "compiler/ops/cast.h"
#include "compiler/ops/elements.h"
#include "compiler/ops/unary.h"
#include "runtime-min/kernels/binary.h"
#include "runtime-min/kernels/cast.h"
#include "tests/ops/ops_test.h"

using namespace burin;
using namespace burin::test;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
using U = UnaryKind;
using B = BinaryKind;

}  // namespace

TEST_CASE("unary tables are the rounded real function", "[ops]") {
  struct Case {
    Unary op;
    std::function<double(double)> f;
  };
  const Case cases[] = {
      {{U::relu, 0, 0}, [](double x) { return std::max(x, 0.0); }},
      {{U::leaky_relu, 0.1f, 0}, [](double x) { return x < 0 ? double(0.1f) * x : x; }},
      {{U::clip, -0.7f, 1.2f}, [](double x) { return std::min(std::max(x, double(-0.7f)), double(1.2f)); }},
      {{U::clip, -kInf, 1.2f}, [](double x) { return std::min(x, double(1.2f)); }},
      {{U::hard_sigmoid, 0.2f, 0.5f}, [](double x) { return std::min(1.0, std::max(0.0, double(0.2f) * x + 0.5)); }},
      {{U::hard_swish, 0, 0}, [](double x) { return x * std::min(1.0, std::max(0.0, x / 6 + 0.5)); }},
      {{U::abs, 0, 0}, [](double x) { return std::fabs(x); }},
      {{U::neg, 0, 0}, [](double x) { return -x; }},
      {{U::floor, 0, 0}, [](double x) { return std::floor(x); }},
      {{U::ceil, 0, 0}, [](double x) { return std::ceil(x); }},
      {{U::round, 0, 0}, [](double x) { return std::nearbyint(x); }},
      {{U::sign, 0, 0}, [](double x) { return double((x > 0) - (x < 0)); }},
      {{U::softsign, 0, 0}, [](double x) { return x / (1 + std::fabs(x)); }},
      {{U::shrink, 0.5f, 0.25f}, [](double x) { return x < -0.5  ? x + 0.25
                                                       : x > 0.5 ? x - 0.25
                                                                 : 0; }},
      {{U::thresholded_relu, 0.5f, 0}, [](double x) { return x > 0.5 ? x : 0; }},
      {{U::sigmoid, 0, 0}, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {{U::tanh, 0, 0}, [](double x) { return std::tanh(x); }},
      {{U::exp, 0, 0}, [](double x) { return std::exp(x); }},
      {{U::erf, 0, 0}, [](double x) { return std::erf(x); }},
      {{U::elu, 0.5f, 0}, [](double x) { return x < 0 ? 0.5 * std::expm1(x) : x; }},
      {{U::celu, 0.5f, 0}, [](double x) { return x < 0 ? 0.5 * std::expm1(x / 0.5) : x; }},
      {{U::selu, 1.5f, 1.1f}, [](double x) { return double(1.1f) * (x < 0 ? 1.5 * std::expm1(x) : x); }},
      {{U::softplus, 0, 0}, [](double x) { return std::log1p(std::exp(x)); }},
      {{U::mish, 0, 0}, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {{U::swish, 1, 0}, [](double x) { return x / (1 + std::exp(-x)); }},
      {{U::gelu, 0, 0}, [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {{U::gelu_tanh, 0, 0},
       [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x))); }},
      {{U::sin, 0, 0}, [](double x) { return std::sin(x); }},
      {{U::reciprocal, 0, 0}, [](double x) { return 1 / x; }},
      {{U::log, 0, 0}, [](double x) { return x < 0 ? 0 : std::log(x); }},
      {{U::sqrt, 0, 0}, [](double x) { return x < 0 ? 0 : std::sqrt(x); }},
      {{U::requantize, 0, 0}, [](double x) { return x; }},
  };
  const Type types[][2] = {
      {quantized(DType::i8, {256}, 0.03137f, -5), quantized(DType::i8, {256}, 0.02f, 11)},
      {quantized(DType::u8, {256}, 0.0625f, 128), quantized(DType::i8, {256}, 0.03125f, 0)},  // ties
      {quantized(DType::i8, {256}, 0.05f, 0), quantized(DType::u8, {256}, 0.00390625f, 0)},
  };
  for (const Case& c : cases)
    for (const auto& [xt, yt] : types) {
      const Tensor x = stored_values(xt), y = run(c.op, {x}, &yt);
      CAPTURE(name(Op(c.op)), to_string(xt), to_string(yt));
      for (int64_t i = 0; i < 256; ++i) {
        const double v = c.f(real_of(x, i).get_d());
        const int64_t want = std::isinf(v) ? (v > 0 ? info(yt.dtype).hi : info(yt.dtype).lo) : stored_of(exact(v), yt);
        // A double on a tie of exact arithmetic may fall to either side.
        const double q = std::fabs(v / double(yt.quant.scale[0]));
        const bool tie = std::fabs(q - std::floor(q) - 0.5) < 1e-9;
        if (std::abs(y.integer(i) - want) > (tie ? 1 : 0))
          FAIL_CHECK("x " << x.integer(i) << ": " << y.integer(i) << ", not " << want);
      }
    }
}

TEST_CASE("quantized ties go to the even neighbour", "[ops]") {
  const Type x = quantized(DType::i8, {4}, 0.5f, 0), y = quantized(DType::i8, {4}, 1.0f, 1);
  const Tensor t = integers(DType::i8, {4}, {1, 3, -1, -3});
  Tensor q(x);
  std::ranges::copy(t.bytes(), q.bytes().begin());
  CHECK(run(Unary{U::requantize, 0, 0}, {q}, &y).integers() == std::vector<int64_t>{1, 3, 1, -1});
}

TEST_CASE("floats keep NaN, infinities and signs", "[ops]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto one = [](U kind, float x, float a = 0, float b = 0) { return run(Unary{kind, a, b}, {f32({1}, {x})}).real(0); };
  CHECK(std::isnan(one(U::relu, nan)));
  CHECK(std::isnan(one(U::clip, nan, 0, 1)));
  CHECK(one(U::clip, 5, 3, 1) == 1);  // crossed bounds: the upper one wins, as in numpy
  CHECK(one(U::clip, 0, 3, 1) == 1);
  CHECK(!std::signbit(one(U::abs, -0.0f)));
  CHECK(one(U::softplus, 1000) == 1000);
  CHECK(one(U::softplus, -1000) == 0);
  CHECK(one(U::round, 2.5f) == 2);
  CHECK(one(U::is_inf, -kInf, 1, 0) == 1);
  CHECK(one(U::is_inf, kInf, 1, 0) == 0);
  CHECK(one(U::is_nan, nan) == 1);
  CHECK(one(U::leaky_relu, -2, 0.5f) == -1);
}

TEST_CASE("unary integers wrap", "[ops]") {
  CHECK(run(Unary{U::neg, 0, 0}, {integers(DType::i8, {2}, {-128, 5})}).integers() == std::vector<int64_t>{-128, -5});
  CHECK(run(Unary{U::abs, 0, 0}, {integers(DType::i32, {1}, {INT32_MIN})}).integers() ==
        std::vector<int64_t>{INT32_MIN});
  CHECK(run(Unary{U::sign, 0, 0}, {integers(DType::i64, {3}, {-9, 0, 4})}).integers() ==
        std::vector<int64_t>{-1, 0, 1});
  CHECK(run(Unary{U::bitwise_not, 0, 0}, {integers(DType::u16, {1}, {1})}).integers() == std::vector<int64_t>{65534});
  CHECK(run(Unary{U::logical_not, 0, 0}, {integers(DType::boolean, {2}, {0, 1})}).integers() ==
        std::vector<int64_t>{1, 0});
  CHECK_THROWS_AS(run(Unary{U::exp, 0, 0}, {i64({1})}), OpError);
  CHECK_THROWS_AS(run(Unary{U::logical_not, 0, 0}, {i64({1})}), OpError);
  CHECK_THROWS_AS(run(Unary{U::relu, 0, 0}, {Tensor(real_type(DType::f16, {1}))}), OpError);
}

TEST_CASE("clip in every form", "[ops]") {
  const Tensor x = f32({4}, {-3, 0, 2, 9});
  const auto old = OnnxCall{"Clip", 6, {x}, {}, 1, [](auto& n) { set(n, "min", -1.0f), set(n, "max", 6.0f); }};
  CHECK(reals(old.run()) == std::vector<double>{-1, 0, 2, 6});
  for (const std::vector<size_t>& known : {std::vector<size_t>{1, 2}, std::vector<size_t>{}})
    CHECK(reals(OnnxCall{"Clip", 13, {x, f32({}, {-1}), f32({}, {6})}, known}.run()) ==
          std::vector<double>{-1, 0, 2, 6});
  CHECK(reals(OnnxCall{"Clip", 13, {x, f32({}, {-1})}, {1}}.run()) == std::vector<double>{-1, 0, 2, 9});
  const OnnxCall whole{"Clip", 13, {i64({-5, 1 << 25}), i64({}, {-2}), i64({}, {(1 << 24) + 1})}, {1, 2}};
  CHECK(whole.run().integers() == std::vector<int64_t>{-2, (1 << 24) + 1});
}

TEST_CASE("float16 operands are computed in float32", "[ops]") {
  Tensor x(real_type(DType::f16, {2})), y(real_type(DType::bf16, {1}));
  x.set_real(0, 0.5), x.set_real(1, -2), y.set_real(0, 3);
  const Tensor r = OnnxCall{"Relu", 14, {x}}.run();
  CHECK(r.dtype() == DType::f16);
  CHECK(reals(r) == std::vector<double>{0.5, 0});
  CHECK(reals(OnnxCall{"Add", 14, {y, y}}.run()) == std::vector<double>{6});
}

TEST_CASE("broadcasts merge to few axes", "[ops]") {
  CHECK(binary_shape({2, 3, 4}, {2, 3, 4}).rank == 1);
  CHECK(binary_shape({2, 3, 4}, {}).rank == 1);
  CHECK(binary_shape({2, 3, 4}, {4}).rank == 2);
  CHECK(binary_shape({2, 3, 4, 5}, {3, 1, 1}).rank == 3);
  CHECK(binary_shape({}, {}).rank == 1);
  CHECK(binary_shape({0, 3}, {3}).extent[0] == 0);
  CHECK_THROWS_AS(binary_shape({2, 3}, {2}), OpError);
  CHECK_THROWS_AS(binary_shape({2, 1, 2, 1, 2, 1, 2, 1, 2}, {1, 2, 1, 2, 1, 2, 1, 2, 1}), OpError);
}

TEST_CASE("broadcasts of any shapes against plain indexing", "[ops]") {
  std::mt19937 random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const size_t rank = random() % 5;
    Shape a, b, y;
    for (size_t d = 0; d < rank; ++d) {
      y.push_back(1 + random() % 3);
      a.push_back(random() % 2 ? y[d] : 1), b.push_back(random() % 2 || a[d] != y[d] ? y[d] : 1);
    }
    if (rank && random() % 2) b.erase(b.begin(), b.begin() + random() % rank), a = y;
    const Tensor p = counted(a), q = counted(b), r = run(Binary{B::sub, {}}, {p, q});
    REQUIRE(r.shape() == y);
    for (int64_t i = 0; i < r.elements(); ++i) {
      int64_t rest = i, pa = 0, pb = 0;
      const Shape sa = broadcast_strides(a, y), sb = broadcast_strides(b, y), sy = dense_strides(y);
      for (size_t d = 0; d < rank; ++d) pa += rest / sy[d] * sa[d], pb += rest / sy[d] * sb[d], rest %= sy[d];
      CHECK(r.real(i) == p.real(pa) - q.real(pb));
    }
  }
}

TEST_CASE("binary integers: division, remainders, powers, shifts", "[ops]") {
  auto one = [](B kind, DType t, int64_t a, int64_t b) {
    return run(Binary{kind, {}}, {integers(t, {1}, {a}), integers(t, {1}, {b})}).integer(0);
  };
  CHECK(one(B::div, DType::i32, -7, 2) == -3);
  CHECK(one(B::div, DType::i32, INT32_MIN, -1) == INT32_MIN);
  CHECK(one(B::div, DType::i64, 5, 0) == 0);
  CHECK(one(B::mod, DType::i32, -7, 3) == 2);
  CHECK(one(B::mod, DType::i32, 7, -3) == -2);
  CHECK(one(B::fmod, DType::i32, -7, 3) == -1);
  CHECK(one(B::mod, DType::i8, -128, -1) == 0);
  CHECK(one(B::pow, DType::i32, -3, 3) == -27);
  CHECK(one(B::pow, DType::i32, 2, -1) == 0);
  CHECK(one(B::pow, DType::i32, -1, -3) == -1);
  CHECK(one(B::mul, DType::u16, 65535, 65535) == 1);
  CHECK(one(B::add, DType::i32, INT32_MAX, 1) == INT32_MIN);
  CHECK(one(B::shift_left, DType::u8, 3, 7) == 128);
  CHECK(one(B::shift_left, DType::u32, 1, 32) == 0);
  CHECK(one(B::shift_right, DType::u64, 256, 4) == 16);
  CHECK(one(B::prelu, DType::i32, -4, 3) == -12);
  CHECK(one(B::greater_or_equal, DType::u8, 200, 100) == 1);
  CHECK_THROWS_AS(one(B::logical_and, DType::i32, 1, 1), OpError);
  CHECK_THROWS_AS(run(Binary{B::shift_left, {}}, {f32({1}, {1}), f32({1}, {1})}), OpError);
}

TEST_CASE("old broadcasting by axis", "[ops]") {
  const Tensor a = counted({2, 3, 2}), b = f32({3}, {100, 200, 300});
  const OnnxCall call{"Add", 6, {a, b},
                      {},    1, [](auto& n) { set(n, "broadcast", int64_t{1}), set(n, "axis", int64_t{1}); }};
  CHECK(reals(call.run()) == std::vector<double>{100, 101, 202, 203, 304, 305, 106, 107, 208, 209, 310, 311});
  const OnnxCall slope{"PRelu", 6, {f32({1, 2, 2}, {-1, -1, -1, 1}), f32({2}, {2, 3})}};
  CHECK(reals(slope.run()) == std::vector<double>{-2, -2, -3, 1});
}

TEST_CASE("chains of operands", "[ops]") {
  const Tensor a = f32({2}, {1, 5}), b = f32({2}, {4, 2}), c = f32({1}, {3});
  CHECK(reals(OnnxCall{"Mean", 13, {a, b, c}}.run()) == std::vector<double>{8.0f / 3, 10.0f / 3});
  CHECK(reals(OnnxCall{"Max", 13, {a, b, c}}.run()) == std::vector<double>{4, 5});
  CHECK(reals(OnnxCall{"Sum", 13, {a}}.run()) == std::vector<double>{1, 5});
  const OnnxCall pow{"Pow", 13, {i64({2, 3}), f32({1}, {2.5f})}};
  CHECK(pow.run().integers() == std::vector<int64_t>{5, 15});
}

TEST_CASE("quantized binary operators over every pair", "[ops]") {
  const Type a = quantized(DType::i8, {256, 1}, 0.0472f, -7);
  const Type bs[] = {quantized(DType::u8, {1, 256}, 0.0131f, 131), quantized(DType::i8, {1, 256}, 0.0472f, -7)};
  const Type ys[] = {quantized(DType::i8, {256, 256}, 0.05f, 3), quantized(DType::u8, {256, 256}, 0.0472f, 100),
                     quantized(DType::i8, {256, 256}, 0.0472f, -7)};
  for (const Type& bt : bs)
    for (const Type& yt : ys)
      for (const B kind : {B::add, B::sub, B::mul, B::min, B::max})
        for (const Clamp clamp : {Clamp{}, Clamp{0, kInf}, Clamp{-1.03f, 2.2f}}) {
          const Tensor p = stored_values(a), q = stored_values(bt), r = run(Binary{kind, clamp}, {p, q}, &yt);
          CAPTURE(name(Op(Binary{kind, {}})), to_string(bt), to_string(yt), clamp.lo);
          int64_t wrong = 0;
          for (int64_t i = 0; i < r.elements(); ++i) {
            const Rational u = real_of(p, i / 256), v = real_of(q, i % 256);
            Rational w = kind == B::add   ? u + v
                         : kind == B::sub ? u - v
                         : kind == B::mul ? u * v
                         : kind == B::min ? std::min(u, v)
                                          : std::max(u, v);
            if (!std::isinf(clamp.lo)) w = std::max(w, exact(clamp.lo));
            if (!std::isinf(clamp.hi)) w = std::min(w, exact(clamp.hi));
            wrong += r.integer(i) != stored_of(w, yt);
          }
          CHECK(wrong == 0);
        }
}

TEST_CASE("float16 and bfloat16 convert like the host's tables", "[ops]") {
  for (uint32_t h = 0; h < 65536; ++h) {
    const float a = f16_to_f32(uint16_t(h)), b = half_to_float(uint16_t(h));
    if (std::isnan(a)) {
      CHECK((std::isnan(b) && std::isnan(half_to_float(float_to_half(b)))));
    } else if (a != b || std::signbit(a) != std::signbit(b) || float_to_half(b) != h) {
      FAIL_CHECK("half " << h);
    }
    const float c = bfloat_to_float(uint16_t(h));
    if (!std::isnan(c) && float_to_bfloat(c) != h) FAIL_CHECK("bfloat " << h);
  }
  std::mt19937 random(2);
  for (int i = 0; i < 1000000; ++i) {
    const float v = std::bit_cast<float>(uint32_t(random()));
    if (std::isnan(v)) continue;
    if (float_to_half(v) != f32_to_f16(v) || float_to_bfloat(v) != f32_to_bf16(v)) FAIL_CHECK(v);
  }
  // Just above a tie in double, but a tie once it is a float.
  const double above = 1 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40);
  CHECK(float_to_half(odd_float(above)) == 0x3C01);
  CHECK(float_to_half(odd_float(-above)) == 0xBC01);
  CHECK(float_to_half(odd_float(1 + std::ldexp(1.0, -11) - std::ldexp(1.0, -40))) == 0x3C00);
}

TEST_CASE("casts", "[ops]") {
  auto one = [](DType to, const Tensor& x) { return run(Cast{to}, {x}); };
  auto real = [&](DType to, float v) { return one(to, f32({1}, {v})).integer(0); };
  CHECK(real(DType::i32, -2.9f) == -2);
  CHECK(real(DType::i32, 3e9f) == INT32_MAX);
  CHECK(real(DType::i32, -kInf) == INT32_MIN);
  CHECK(real(DType::i64, std::numeric_limits<float>::quiet_NaN()) == 0);
  CHECK(real(DType::i64, 9.3e18f) == INT64_MAX);
  CHECK(real(DType::u32, -1) == 0);
  CHECK(real(DType::u32, 4.0e9f) == 4000000000);
  CHECK(real(DType::u8, 257) == 1);
  CHECK(real(DType::i4, -9) == 7);
  CHECK(real(DType::boolean, 0.25f) == 1);
  CHECK(one(DType::i8, i64({300, -129})).integers() == std::vector<int64_t>{44, 127});
  CHECK(one(DType::u4, i64({17, -1, 3})).integers() == std::vector<int64_t>{1, 15, 3});
  CHECK(one(DType::f32, integers(DType::i4, {3}, {-8, 7, -1})).real(0) == -8);
  CHECK(one(DType::f16, integers(DType::u64, {1}, {2049})).real(0) == 2048);
  const OnnxCall old{"Cast", 1, {f32({1}, {2.5f})}, {}, 1, [](auto& n) { set(n, "to", std::string("INT32")); }};
  CHECK(old.run().integers() == std::vector<int64_t>{2});
  CHECK_THROWS_AS((OnnxCall{"Cast", 13, {f32({1}, {0})}, {}, 1, [](auto& n) { set(n, "to", int64_t{8}); }}.run()),
                  OpError);
}
