// Reduce, Softmax, Pool, MatMul, Dense.
#include <cmath>
#include <limits>

#include "compiler/ops/dense.h"
#include "compiler/ops/matmul.h"
#include "compiler/ops/pool.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/reduce.h"
#include "compiler/ops/requantization.h"
#include "compiler/ops/softmax.h"
#include "runtime-min/kernels/pool.h"
#include "tests/ops/ops_test.h"

using namespace burin;
using namespace burin::test;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
using R = ReduceKind;

Reduce reduction(R kind, std::vector<int64_t> axes, bool keep = true) {
  Reduce r;
  r.kind = kind, r.axes = std::move(axes), r.keepdims = keep;
  return r;
}

}  // namespace

TEST_CASE("reductions over axes that are no neighbours", "[ops]") {
  const Tensor x = counted({2, 3, 4});
  const Tensor y = run(reduction(R::sum, {0, 2}, false), {x});
  CHECK(y.shape() == Shape{3});
  CHECK(reals(y) == std::vector<double>{60, 92, 124});
  CHECK(reals(run(reduction(R::mean, {1}), {x})) == std::vector<double>{4, 5, 6, 7, 16, 17, 18, 19});
  CHECK(reals(run(reduction(R::max, {0, 1, 2}), {x})) == std::vector<double>{23});
  CHECK(run(reduction(R::prod, {}, false), {x}) == x);
  CHECK(reals(run(reduction(R::l2, {0}), {f32({2}, {3, -4})})) == std::vector<double>{5});
  CHECK(reals(run(reduction(R::l1, {0}), {f32({2}, {3, -4})})) == std::vector<double>{7});
}

TEST_CASE("reductions of nothing", "[ops]") {
  const Tensor none = counted({2, 0});
  CHECK(reals(run(reduction(R::sum, {1}), {none})) == std::vector<double>{0, 0});
  CHECK(reals(run(reduction(R::prod, {1}), {none})) == std::vector<double>{1, 1});
  CHECK(reals(run(reduction(R::max, {1}), {none})) == std::vector<double>{-kInf, -kInf});
  CHECK(reals(run(reduction(R::log_sum_exp, {1}), {none})) == std::vector<double>{-kInf, -kInf});
  CHECK(run(reduction(R::sum, {0}), {none}).elements() == 0);
  CHECK_THROWS_AS(run(reduction(R::arg_max, {1}), {none}), OpError);
  CHECK(run(reduction(R::min, {0}), {integers(DType::i8, {0}, {})}).integers() == std::vector<int64_t>{127});
}

TEST_CASE("reductions without an answer are refused", "[ops]") {
  CHECK_THROWS_AS(run(reduction(R::mean, {0}), {integers(DType::i8, {2}, {1, 2})}), OpError);
  CHECK_THROWS_AS(run(reduction(R::log_sum_exp, {0}), {i64({1, 2})}), OpError);
  CHECK(run(reduction(R::mean, {0}), {i64({-3, -4})}).integers() == std::vector<int64_t>{-3});  // towards zero
  CHECK(run(reduction(R::sum, {0}), {integers(DType::i32, {2}, {INT32_MAX, 1})}).integers() ==
        std::vector<int64_t>{INT32_MIN});
}

TEST_CASE("log_sum_exp of large numbers stays finite", "[ops]") {
  CHECK(run(reduction(R::log_sum_exp, {0}), {f32({2}, {1000, 1000})}).real(0) == Approx(1000 + std::log(2.0)));
  CHECK(run(reduction(R::log_sum_exp, {0}), {f32({2}, {-1000, -1000})}).real(0) == Approx(-1000 + std::log(2.0)));
  CHECK(run(reduction(R::log_sum_exp, {0}), {f32({2}, {float(kInf), 0})}).real(0) == kInf);
  CHECK(run(reduction(R::log_sum_exp, {0}), {f32({2}, {float(-kInf), float(-kInf)})}).real(0) == -kInf);
  CHECK(std::isnan(run(reduction(R::log_sum_exp, {0}), {f32({2}, {NAN, 1})}).real(0)));
  CHECK(std::isnan(run(reduction(R::log_sum_exp, {0}), {f32({2}, {NAN, NAN})}).real(0)));
}

TEST_CASE("ties of arg_max and arg_min", "[ops]") {
  const Tensor x = f32({1, 4}, {2, 7, 7, 2});
  Reduce r = reduction(R::arg_max, {1}, false);
  CHECK(run(r, {x}).integers() == std::vector<int64_t>{1});
  r.select_last = true;
  CHECK(run(r, {x}).integers() == std::vector<int64_t>{2});
  r.kind = R::arg_min;
  CHECK(run(r, {x}).integers() == std::vector<int64_t>{3});
  r.select_last = false;
  CHECK(run(r, {x}).integers() == std::vector<int64_t>{0});
  CHECK(run(r, {f32({1, 3}, {1, NAN, NAN})}).integers() == std::vector<int64_t>{1});
}

TEST_CASE("axes: attribute, input, none", "[ops]") {
  const Tensor x = counted({2, 2});
  const OnnxCall old{
      "ReduceSum", 11, {x},
      {},          1,  [](auto& n) { set(n, "axes", std::vector<int64_t>{-1}), set(n, "keepdims", int64_t{0}); }};
  CHECK(reals(old.run()) == std::vector<double>{1, 5});
  CHECK(reals(OnnxCall{"ReduceSum", 13, {x, i64({0})}, {1}}.run()) == std::vector<double>{2, 4});
  CHECK(reals(OnnxCall{"ReduceMean", 18, {x}}.run()) == std::vector<double>{1.5});
  const OnnxCall noop{"ReduceSumSquare", 18, {x}, {}, 1, [](auto& n) { set(n, "noop_with_empty_axes", int64_t{1}); }};
  CHECK(reals(noop.run()) == std::vector<double>{0, 1, 4, 9});
  CHECK_THROWS_AS((OnnxCall{"ReduceSum", 13, {x, i64({0, -2})}, {1}}.run()), OpError);
}

TEST_CASE("quantized reductions are correctly rounded", "[ops]") {
  const Type xt = quantized(DType::u8, {7, 6, 5}, 0.0173f, 77);
  const Tensor x = stored_values(xt, 91);
  for (const R kind : {R::mean, R::sum, R::max, R::min})
    for (const Type& yt : {quantized(DType::i8, {1, 6, 1}, 0.0173f, -1), quantized(DType::u8, {1, 6, 1}, 0.25f, 9)}) {
      const Tensor y = run(reduction(kind, {0, 2}), {x}, &yt);
      for (int64_t c = 0; c < 6; ++c) {
        Rational sum = 0, most = real_of(x, c * 5), least = most;
        for (int64_t a = 0; a < 7; ++a)
          for (int64_t b = 0; b < 5; ++b) {
            const Rational v = real_of(x, a * 30 + c * 5 + b);
            sum += v, most = std::max(most, v), least = std::min(least, v);
          }
        CHECK(y.integer(c) == stored_of(kind == R::mean  ? Rational(sum / 35)
                                        : kind == R::sum ? sum
                                        : kind == R::max ? most
                                                         : least,
                                        yt));
      }
    }
}

TEST_CASE("softmax before opset 13 flattens", "[ops]") {
  const Tensor x = f32({1, 2, 2}, {0, 0, 0, 0});
  CHECK(reals(OnnxCall{"Softmax", 11, {x}}.run()) == std::vector<double>{0.25, 0.25, 0.25, 0.25});
  CHECK(reals(OnnxCall{"Softmax", 13, {x}}.run()) == std::vector<double>{0.5, 0.5, 0.5, 0.5});
  Softmax s;
  s.axis = 0;
  CHECK(reals(run(s, {f32({2, 2}, {1000, -1000, 1000, 1000})})) == std::vector<double>{0.5, 0, 0.5, 1});
  s.kind = SoftmaxKind::log_softmax;
  CHECK(run(s, {f32({2}, {1000, 0})}).real(1) == -1000);
}

TEST_CASE("quantized softmax along an inner axis", "[ops]") {
  const Type xt = quantized(DType::i8, {3, 4}, 0.07f, 5), yt = quantized(DType::u8, {3, 4}, 1.0f / 256, 0);
  const Tensor x = stored_values(xt);
  Softmax s;
  s.axis = 0;
  const Tensor y = run(s, {x}, &yt);
  for (int64_t c = 0; c < 4; ++c) {
    double sum = 0;
    for (int64_t r = 0; r < 3; ++r) sum += std::exp(real_of(x, r * 4 + c).get_d());
    for (int64_t r = 0; r < 3; ++r) {
      const double want = std::min(255.0, std::exp(real_of(x, r * 4 + c).get_d()) / sum * 256);
      CHECK(std::fabs(double(y.integer(r * 4 + c)) - want) <= 0.5 + 1.0 / 4096);
    }
  }
}

namespace {

struct PoolCase {
  std::vector<int64_t> kernel, strides, pads, dilations;
  bool include, ceil;
};

/// ONNX's rules in plain loops over NCHW with C = 2; `quantized` values come as the reals they stand for.
std::vector<Rational> pooled(const Tensor& x, const PoolCase& c, bool max, const Shape& y) {
  const int64_t h = x.shape()[2], w = x.shape()[3];
  std::vector<Rational> r;
  for (int64_t n = 0; n < y[0] * y[1]; ++n)
    for (int64_t oy = 0; oy < y[2]; ++oy)
      for (int64_t ox = 0; ox < y[3]; ++ox) {
        Rational sum = 0, most = -1000000;
        int64_t inside = 0, padded = 0;
        for (int64_t ky = 0; ky < c.kernel[0]; ++ky)
          for (int64_t kx = 0; kx < c.kernel[1]; ++kx) {
            const int64_t iy = oy * c.strides[0] + ky * c.dilations[0] - c.pads[0],
                          ix = ox * c.strides[1] + kx * c.dilations[1] - c.pads[1];
            padded += iy < h + c.pads[2] && ix < w + c.pads[3];
            if (iy < 0 || ix < 0 || iy >= h || ix >= w) continue;
            const int64_t i = (n * h + iy) * w + ix;
            const Rational v = x.type().quantized() ? real_of(x, i) : exact(x.real(i));
            ++inside, sum += v, most = std::max(most, v);
          }
        r.push_back(max ? most : Rational(sum / long(c.include ? padded : inside)));
      }
  return r;
}

}  // namespace

TEST_CASE("pools with every kind of border", "[ops]") {
  const PoolCase cases[] = {
      {{3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, false, false}, {{3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, true, false},
      {{3, 2}, {2, 2}, {0, 0, 0, 0}, {1, 1}, false, true},  {{3, 3}, {2, 3}, {1, 0, 1, 1}, {1, 1}, true, true},
      {{2, 2}, {1, 2}, {1, 1, 0, 0}, {2, 3}, false, false}, {{7, 6}, {7, 6}, {0, 0, 0, 0}, {1, 1}, false, false},
      {{1, 1}, {3, 3}, {0, 0, 0, 0}, {1, 1}, false, true},
  };
  for (const PoolCase& c : cases)
    for (const bool max : {false, true}) {
      if (max && c.include) continue;
      auto attributes = [&](onnx::NodeProto& n) {
        set(n, "kernel_shape", c.kernel), set(n, "strides", c.strides), set(n, "pads", c.pads),
            set(n, "dilations", c.dilations);
        set(n, "ceil_mode", int64_t{c.ceil});
        if (!max) set(n, "count_include_pad", int64_t{c.include});
      };
      CAPTURE(to_string(c.kernel), to_string(c.pads), c.include, c.ceil, max);
      const Tensor x = counted({1, 2, 7, 6});
      const OnnxCall call{max ? "MaxPool" : "AveragePool", 19, {x}, {}, 1, attributes};
      const Tensor y = call.run();
      const std::vector<Rational> want = pooled(x, c, max, y.shape());
      for (int64_t i = 0; i < y.elements(); ++i) CHECK(y.real(i) == Approx(want[size_t(i)].get_d()));

      // The same on int8, where -128 is the least value of an all-negative image, to another scale and zero point.
      Graph g = call.import();
      if (g.nodes.size() != 1) continue;  // a pad of its own is exact by the test of Pad
      const Type xt = quantized(DType::i8, {1, 2, 7, 6}, 0.11f, 100), yt = quantized(DType::u8, y.shape(), 0.073f, 250);
      Tensor q = stored_values(xt, 101);
      for (int64_t i = 0; i < 20; ++i) q.set_integer(i, -128);
      const Tensor z = run(g.nodes[0].op, {q}, &yt);
      const std::vector<Rational> real = pooled(q, c, max, y.shape());
      for (int64_t i = 0; i < z.elements(); ++i) CHECK(z.integer(i) == stored_of(real[size_t(i)], yt));
    }
}

TEST_CASE("one-dimensional, global and integer pools", "[ops]") {
  const auto kernel = [](onnx::NodeProto& n) { set(n, "kernel_shape", std::vector<int64_t>{2}); };
  CHECK(reals(OnnxCall{"MaxPool", 12, {counted({1, 1, 4})}, {}, 1, kernel}.run()) == std::vector<double>{1, 2, 3});
  CHECK(OnnxCall{"MaxPool", 12, {integers(DType::i8, {1, 1, 2}, {-128, -127})}, {}, 1, kernel}.run().integers() ==
        std::vector<int64_t>{-127});
  CHECK_THROWS_AS((OnnxCall{"MaxPool", 12, {counted({1, 1, 4})}, {}, 2, kernel}.run_all()), OpError);
  CHECK(reals(OnnxCall{"GlobalAveragePool", 1, {counted({1, 2, 2, 2})}}.run()) == std::vector<double>{1.5, 5.5});
  CHECK(reals(OnnxCall{"GlobalMaxPool", 1, {counted({1, 2, 3})}}.run()) == std::vector<double>{2, 5});
  CHECK(OnnxCall{"GlobalAveragePool", 1, {counted({1, 2, 2, 1, 2})}}.run().shape() == Shape{1, 2, 1, 1, 1});
}

TEST_CASE("pools of long windows divide by what is inside", "[ops]") {
  // Against counting cell by cell.
  for (int64_t stride : {1, 3, 7})
    for (int64_t dilation : {1, 2, 5})
      for (int64_t pad : {0, 3, 9}) {
        Pool p;
        p.kind = PoolKind::average_pool, p.channels_last = true;
        p.window = {{1, 4}, {1, stride}, {1, dilation}, {0, pad, 0, pad}};
        const Type x = quantized(DType::i8, {1, 20, 1}, 0.5f, 0);
        if (20 + 2 * pad < 3 * dilation + 1) continue;
        Type y = p.infer(std::span(&x, 1))[0];
        y.quant = x.quant;
        std::vector<int32_t> want;
        for (int64_t o = 0; o < y.shape[1]; ++o) {
          int32_t cells = 0;
          for (int64_t k = 0; k < 4; ++k)
            cells += o * stride + k * dilation - pad >= 0 && o * stride + k * dilation - pad < 20;
          if (cells > 0) want.push_back(cells);
        }
        std::ranges::sort(want);
        want.erase(std::unique(want.begin(), want.end()), want.end());
        CHECK(pool_requantization(p, x, y).counts == want);
      }
}

TEST_CASE("one parameter set for each number that windows divide by", "[ops]") {
  Pool p;
  p.kind = PoolKind::average_pool, p.channels_last = true;
  p.window.kernel = {3, 3}, p.window.pads = {1, 1, 1, 1};
  const Type x = quantized(DType::i8, {1, 4, 4, 1}, 1, 0), y = x;
  CHECK(pool_requantization(p, x, y).counts == std::vector<int32_t>{4, 6, 9});
  p.count_include_pad = true;
  CHECK(pool_requantization(p, x, y).counts == std::vector<int32_t>{9});
}

TEST_CASE("matrix products broadcast as numpy's", "[ops]") {
  CHECK(run(MatMul{}, {counted({3}), counted({3})}).shape().empty());
  CHECK(run(MatMul{}, {counted({3}), counted({3})}).real(0) == 5);
  CHECK(run(MatMul{}, {counted({2, 3}), counted({3})}).shape() == Shape{2});
  CHECK(run(MatMul{}, {counted({3}), counted({4, 3, 2})}).shape() == Shape{4, 2});
  CHECK(run(MatMul{}, {counted({2, 0}), counted({0, 2})}) == f32({2, 2}, {0, 0, 0, 0}));
  CHECK(run(MatMul{}, {counted({0, 2, 3}), counted({3, 2})}).elements() == 0);
  CHECK_THROWS_AS(run(MatMul{}, {counted({2, 3}), counted({2, 3})}), OpError);
  CHECK_THROWS_AS(run(MatMul{}, {counted({}), counted({1})}), OpError);
  const Tensor a = counted({2, 1, 2, 3}), b = counted({3, 3, 2}), y = run(MatMul{}, {a, b});
  REQUIRE(y.shape() == Shape{2, 3, 2, 2});
  for (int64_t i = 0; i < y.elements(); ++i) {
    const int64_t p = i / 12, q = i / 4 % 3, r = i / 2 % 2, c = i % 2;
    double sum = 0;
    for (int64_t k = 0; k < 3; ++k) sum += a.real(p * 6 + r * 3 + k) * b.real(q * 6 + k * 2 + c);
    CHECK(y.real(i) == sum);
  }
}

TEST_CASE("quantized matrix products", "[ops]") {
  const Type at = quantized(DType::u8, {2, 3, 5}, 0.013f, 3), bt = quantized(DType::i8, {5, 4}, 0.21f, -128),
             yt = quantized(DType::i8, {2, 3, 4}, 0.9f, -20);
  const Tensor a = stored_values(at, 83), b = stored_values(bt, 47), y = run(MatMul{}, {a, b}, &yt);
  for (int64_t i = 0; i < y.elements(); ++i) {
    Rational sum = 0;
    for (int64_t k = 0; k < 5; ++k) sum += real_of(a, i / 4 * 5 + k) * real_of(b, k * 4 + i % 4);
    CHECK(y.integer(i) == stored_of(sum, yt));
  }
  const Type wide = quantized(DType::u8, {1, 40000}, 1, 0), tall = quantized(DType::u8, {40000, 1}, 1, 0),
             one = quantized(DType::u8, {1, 1}, 1e6f, 0);
  CHECK_THROWS_AS(run(MatMul{}, {Tensor(wide), Tensor(tall)}, &one), OpError);
}

TEST_CASE("gemm: transposed operands, factors and addends", "[ops]") {
  const Tensor a = counted({2, 3}), at = f32({3, 2}, {0, 3, 1, 4, 2, 5}), b = counted({3, 2}),
               bt = f32({2, 3}, {0, 2, 4, 1, 3, 5});
  const std::vector<std::vector<float>> addends = {{1, 2, 3, 4}, {1, 2}, {1, 2}, {7}, {1, 2}};
  const Shape shapes[] = {{2, 2}, {2}, {1, 2}, {}, {2, 1}};
  const double product[] = {10, 13, 28, 40};
  for (const bool trans_a : {false, true})
    for (const bool trans_b : {false, true})
      for (const float alpha : {1.0f, 0.5f})
        for (const float beta : {1.0f, 2.0f})
          for (size_t c = 0; c < addends.size(); ++c)
            for (const std::vector<size_t>& known :
                 {std::vector<size_t>{}, std::vector<size_t>{1}, std::vector<size_t>{1, 2}}) {
              const Tensor addend = f32(shapes[c], addends[c]);
              const OnnxCall call{"Gemm", 13, {trans_a ? at : a, trans_b ? bt : b, addend}, known, 1, [&](auto& n) {
                                    set(n, "transA", int64_t{trans_a}), set(n, "transB", int64_t{trans_b});
                                    set(n, "alpha", alpha), set(n, "beta", beta);
                                  }};
              const Tensor y = call.run();
              for (int64_t i = 0; i < 4; ++i) {
                const int64_t at_c = c == 0 ? i : c == 3 ? 0 : c == 4 ? i / 2 : i % 2;
                CHECK(y.real(i) == double(alpha) * product[i] + double(beta) * addend.real(at_c));
              }
              const Graph g = call.import();
              const bool dense =
                  std::any_of(g.nodes.begin(), g.nodes.end(), [](const Node& n) { return n.as<Dense>() != nullptr; });
              CHECK(dense == !known.empty());
            }
}

TEST_CASE("a bias has one number for each filter", "[ops]") {
  // By ONNX's text, and by what ONNX Runtime takes.
  const Tensor x = counted({1, 2, 4}), w = counted({3, 2, 1});
  const auto conv = [&](const Tensor& b) { return OnnxCall{"Conv", 11, {x, w, b}, {1, 2}}.run(); };
  CHECK(conv(counted({3})).shape() == Shape{1, 3, 4});
  for (const Shape& s : {Shape{}, Shape{0}, Shape{1}, Shape{2}, Shape{4}, Shape{1, 3}, Shape{3, 1}, Shape{1, 3, 1}})
    CHECK_THROWS_AS(conv(counted(s)), OpError);
  // One filter: neither a scalar.
  CHECK_THROWS_AS((OnnxCall{"Conv", 11, {x, counted({1, 2, 1}), f32({}, {5})}, {1, 2}}.run()), OpError);

  const Tensor q = integers(DType::i8, {1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}),
               qw = integers(DType::i8, {3, 2, 1}, {1, 2, 3, 4, 5, 6});
  const Tensor one = f32({}, {1}), zero = integers(DType::i8, {}, {0});
  const auto qlinear = [&](const Tensor& b) {
    return OnnxCall{"QLinearConv", 10, {q, one, zero, qw, one, zero, one, zero, b}, {1, 2, 3, 4, 5, 6, 7, 8}}.run();
  };
  CHECK(qlinear(integers(DType::i32, {3}, {1, 2, 3})).integer(0) == 1 + 10 + 1);
  for (const Shape& s : {Shape{}, Shape{0}, Shape{1}, Shape{2}, Shape{4}, Shape{1, 3}})
    CHECK_THROWS_AS(qlinear(Tensor(real_type(DType::i32, s))), OpError);
}

TEST_CASE("operands of quantized operators that are real numbers are refused", "[ops]") {
  const Tensor one = f32({}, {1}), zero = integers(DType::i8, {}, {0}), real_zero = f32({}, {0});
  const Tensor q = integers(DType::i8, {1, 2, 2}, {1, 2, 3, 4}), qw = integers(DType::i8, {2, 2, 1}, {1, 2, 3, 4});
  const Tensor x = counted({1, 2, 2}), w = counted({2, 2, 1});
  const Tensor row = integers(DType::i8, {1, 2}, {1, 2}), square = integers(DType::i8, {2, 2}, {1, 2, 3, 4});
  const std::vector<size_t> constants{1, 2, 3, 4, 5, 6, 7};
  const auto conv = [&](const Tensor& a, const Tensor& b, const Tensor& z) {
    return OnnxCall{"QLinearConv", 10, {a, one, zero, b, one, zero, one, z}, constants}.run();
  };
  CHECK_NOTHROW(conv(q, qw, zero));
  CHECK_THROWS_AS(conv(x, qw, zero), OpError);
  CHECK_THROWS_AS(conv(q, w, zero), OpError);
  CHECK_THROWS_AS(conv(q, qw, real_zero), OpError);
  const auto matmul = [&](const Tensor& a, const Tensor& b, const Tensor& z) {
    return OnnxCall{"QLinearMatMul", 10, {a, one, zero, b, one, zero, one, z}, constants}.run();
  };
  CHECK_NOTHROW(matmul(row, square, zero));
  CHECK_THROWS_AS(matmul(counted({1, 2}), square, zero), OpError);
  CHECK_THROWS_AS(matmul(row, counted({2, 2}), zero), OpError);
  CHECK_THROWS_AS(matmul(row, square, real_zero), OpError);
}

TEST_CASE("weights and bias of real numbers have the input's type", "[ops]") {
  const Tensor x = counted({1, 2, 4}), w = counted({3, 2, 1}), b = counted({3}), matrix = counted({4, 3});
  for (DType t : {DType::i8, DType::i32, DType::f64}) {
    const Tensor ow(real_type(t, {3, 2, 1})), ob(real_type(t, {3})), om(real_type(t, {4, 3}));
    CHECK_THROWS_AS((OnnxCall{"Conv", 11, {x, ow, b}, {1, 2}}.run()), OpError);
    CHECK_THROWS_AS((OnnxCall{"Conv", 11, {x, w, ob}, {1, 2}}.run()), OpError);
    CHECK_THROWS_AS((OnnxCall{"MatMul", 13, {x, om}, {1}}.run()), OpError);
    CHECK_THROWS_AS((OnnxCall{"Gemm", 13, {counted({2, 4}), om, b}, {1, 2}}.run()), OpError);
    CHECK_THROWS_AS((OnnxCall{"Gemm", 13, {counted({2, 4}), matrix, ob}, {1, 2}}.run()), OpError);
  }
}

TEST_CASE("vectors of a batch norm have one number for each channel", "[ops]") {
  const Tensor x = counted({1, 3, 2}), ones = f32({3}, {1, 1, 1});
  CHECK(OnnxCall{"BatchNormalization", 15, {x, ones, ones, ones, ones}, {1, 2, 3, 4}}.run().shape() == x.shape());
  for (size_t wrong = 1; wrong < 5; ++wrong)
    for (const Shape& s : {Shape{}, Shape{1}, Shape{2}, Shape{4}, Shape{1, 3}, Shape{3, 1}}) {
      OnnxCall call{"BatchNormalization", 15, {x, ones, ones, ones, ones}, {1, 2, 3, 4}};
      call.inputs[wrong] = counted(s);
      CHECK_THROWS_AS(call.import(), OpError);
    }
}

TEST_CASE("an addend of gemm makes the result no larger", "[ops]") {
  const Tensor a = counted({1, 3}), b = counted({3, 2});
  for (const Shape& s : {Shape{2, 2}, Shape{1, 1, 2}, Shape{3}, Shape{0}, Shape{1, 0}, Shape{2, 1}})
    for (const std::vector<size_t>& known :
         {std::vector<size_t>{}, std::vector<size_t>{1}, std::vector<size_t>{1, 2}}) {
      CAPTURE(to_string(s), known.size());
      CHECK_THROWS_AS((OnnxCall{"Gemm", 13, {a, b, counted(s)}, known}.import()), OpError);
    }
}

TEST_CASE("zero points fit their matrices", "[ops]") {
  const Tensor a = integers(DType::u8, {4, 3}, std::vector<int64_t>(12, 5)),
               b = integers(DType::u8, {3, 2}, std::vector<int64_t>(6, 3));
  const auto product = [](const Tensor& x, const Tensor& y, const Shape& xz, const Shape& yz) {
    return OnnxCall{"MatMulInteger", 10, {x, y, Tensor(real_type(DType::u8, xz)), Tensor(real_type(DType::u8, yz))}}
        .run();
  };
  for (const Shape& az : {Shape{}, Shape{1}, Shape{4}, Shape{4, 1}})
    for (const Shape& bz : {Shape{}, Shape{1}, Shape{2}, Shape{1, 2}}) CHECK(product(a, b, az, bz).integer(7) == 45);
  for (const Shape& az : {Shape{3}, Shape{2}, Shape{0}, Shape{1, 3}, Shape{4, 3}, Shape{2, 4, 1}})
    CHECK_THROWS_AS(product(a, b, az, {}), OpError);
  for (const Shape& bz : {Shape{3}, Shape{4}, Shape{0}, Shape{3, 1}, Shape{3, 2}, Shape{2, 1, 2}})
    CHECK_THROWS_AS(product(a, b, {}, bz), OpError);
  // A vector and a matrix that stand where the zero points should, and the other way round.
  CHECK_THROWS_AS(product(a, integers(DType::u8, {1}, {3}), {1}, {3, 2}), OpError);
}

TEST_CASE("dequantized weights become dense with their channels moved", "[ops]") {
  Graph g;
  Tensor w({DType::i8, {3, 2}, {{0.5f, 2.0f}, {1, 0}, 1}});
  for (int64_t i = 0; i < 6; ++i) w.set_integer(i, i + 1);
  const ValueId c = g.add_constant("w", w), x = g.add_value("x", real_type(DType::f32, {1, 3})),
                real = g.add_value("r", real_type(DType::f32, {3, 2}));
  g.inputs = {x};
  Node dq;
  dq.name = "dq", dq.op = Dequantize{}, dq.inputs = {c}, dq.outputs = {real};
  g.nodes.push_back(dq);
  onnx::NodeProto proto;
  proto.set_op_type("MatMul"), proto.set_name("n"), proto.add_input("x"), proto.add_input("r"), proto.add_output("y");
  KnownValues known;
  known.appended(g, g.nodes[0]);
  OnnxNode node(g, known, proto, {x, real}, 13, "", "node");
  MatMul::import(node);
  g.outputs = {node.results()[0].value};
  const Node* dense = g.producer(g.outputs[0]);
  REQUIRE(dense->as<Dense>());
  const Node* weights = g.producer(dense->inputs[1]);
  REQUIRE(weights->as<Dequantize>());
  CHECK(g[weights->inputs[0]].type == Type{DType::i8, {2, 3}, {{0.5f, 2.0f}, {1, 0}, 0}});
  // columns (1,3,5) - 1 times 0.5 and (2,4,6) times 2
  CHECK(reals(interpret(g, std::vector<Tensor>{f32({1, 3}, {1, 10, 100})})[0]) ==
        std::vector<double>{0 + 10 + 200, 4 + 80 + 1200});
}

TEST_CASE("quantized dense: bias with a scale of its own, asymmetric weights, clamp", "[ops]") {
  const Type xt = quantized(DType::i8, {2, 2, 5}, 0.031f, -3), yt = quantized(DType::i8, {2, 2, 4}, 0.17f, -9);
  Tensor w({DType::u8, {4, 5}, {{0.01f, 0.02f, 0.05f, 0.03f}, {128, 0, 255, 100}, 0}});
  for (int64_t i = 0; i < 20; ++i) w.set_integer(i, i * 61 % 256);
  const Tensor x = stored_values(xt);
  for (const bool scaled : {false, true}) {
    Tensor b(real_type(DType::i32, {4}));
    for (int64_t i = 0; i < 4; ++i) b.set_integer(i, 5000 - 3000 * i);
    if (scaled) b.type().quant = {{0.00031f}, {0}, -1};
    Dense d;
    d.clamp = {-2.5f, float(kInf)};
    const Tensor y = run(d, {x, w, b}, &yt);
    for (int64_t i = 0; i < y.elements(); ++i) {
      const size_t o = size_t(i % 4);
      const Rational ws = exact(w.type().quant.scale[o]),
                     unit = scaled ? exact(0.00031f) : Rational(exact(0.031f) * ws);
      Rational sum = unit * Rational(long(b.integer(int64_t(o))));
      for (int64_t k = 0; k < 5; ++k)
        sum += real_of(x, i / 4 * 5 + k) * ws *
               Rational(long(w.integer(int64_t(o) * 5 + k) - w.type().quant.zero_point[o]));
      CHECK(y.integer(i) == stored_of(std::max(sum, exact(-2.5f)), yt));
    }
  }
}

TEST_CASE("QLinearMatMul and MatMulInteger", "[ops]") {
  const Tensor a = integers(DType::u8, {1, 2}, {10, 200}), b = integers(DType::i8, {2, 2}, {-128, 5, 127, -3});
  const Tensor half = f32({}, {0.5f}), two = f32({2}, {0.25f, 2}), az = integers(DType::u8, {}, {4}),
               bz = integers(DType::i8, {2}, {1, -1});
  const Tensor yz = integers(DType::i8, {}, {7}), out = f32({}, {64});
  for (const bool known : {true, false}) {
    std::vector<size_t> constants{1, 2, 4, 5, 6, 7};
    if (known) constants.push_back(3);
    const OnnxCall call{"QLinearMatMul", 10, {a, half, az, b, two, bz, out, yz}, constants};
    if (!known) {
      CHECK_THROWS_AS(call.run(), OpError);  // one scale per column needs constant weights
      continue;
    }
    const Tensor y = call.run();
    // columns: 6*(-129) + 196*126 = 23922 * 0.125; 6*6 + 196*(-2) = -356 * 1
    CHECK(y.integers() == std::vector<int64_t>{std::lrint(23922 * 0.125 / 64) + 7, std::lrint(-356.0 / 64) + 7});
  }
  CHECK(OnnxCall{"MatMulInteger", 10, {a, b, az, bz}}.run().integers() == std::vector<int64_t>{23922, -356});
}
