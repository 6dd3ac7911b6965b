// Every float32 convolution kernel of kernels.inc against conv_f32_ref: within n * eps * sum of |terms|, for n = 1, 2
// and all rows, from rows that lie apart with poison (NaN) between them, with guards around what is written.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif
#include <fmt/format.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>

#include "codegen/layers/all.h"
#include "compiler/ops/conv.h"
#include "passes/pass.h"
#include "runtime-min/kernels/conv_f32_fpu.h"
#include "runtime-min/kernels/conv_f32_mve.h"
#include "runtime-min/kernels/dense_f32_fpu.h"
#include "runtime-min/kernels/dense_f32_mve.h"
#include "runtime-min/kernels/depthwise_f32_fpu.h"
#include "runtime-min/kernels/depthwise_f32_mve.h"
#include "runtime-min/kernels/winograd_f32_fpu.h"
#include "runtime-min/kernels/winograd_f32_mve.h"
#include "tests/kernels/served.h"

namespace burin {
namespace {

struct Case {
  int64_t h, w, ic, oc, kh, kw, sh = 1, sw = 1, dh = 1, dw = 1;
  std::array<int64_t, 4> pads{};
  int64_t group = 1;
  Clamp clamp{};
  bool bias = true;
};

std::vector<Case> cases() {
  std::vector<Case> r{
      {1, 1, 1, 1, 1, 1},
      {1, 1, 7, 9, 1, 1},
      {1, 2, 5, 4, 1, 1},
      {1, 3, 8, 17, 1, 1},
      {1, 4, 6, 8, 1, 1},
      {1, 1, 33, 24, 1, 1},
      {1, 7, 3, 5, 1, 1},
      {25, 5, 8, 6, 1, 1},
      {4, 4, 2, 3, 1, 1, 3, 3},
      {2, 2, 3, 6, 2, 2},
      {6, 7, 4, 3, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {8, 8, 5, 8, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {9, 6, 2, 9, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {7, 9, 3, 4, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {3, 1, 2, 4, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {5, 6, 33, 20, 3, 3},
      {3, 4, 65, 12, 3, 3, 1, 1, 1, 1, {2, 0, 0, 2}},
      {9, 8, 3, 4, 3, 3, 2, 2, 1, 1, {0, 0, 1, 1}},
      {13, 10, 1, 6, 10, 4, 2, 2, 1, 1, {4, 1, 5, 1}},
      {5, 5, 6, 4, 3, 3, 1, 1, 2, 2, {2, 2, 2, 2}},
      {3, 3, 4, 4, 5, 5, 1, 1, 1, 1, {2, 2, 2, 2}},
      {2, 1, 3, 5, 3, 5, 1, 1, 1, 1, {2, 4, 2, 4}},
      {2, 2, 5, 7, 3, 3, 1, 1, 1, 1, {2, 2, 2, 2}},
      {7, 6, 8, 8, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 8},
      {8, 9, 4, 4, 3, 3, 2, 2, 1, 1, {0, 0, 1, 1}, 4},
      {8, 9, 5, 5, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}, 5},
      {7, 8, 3, 3, 3, 3, 1, 2, 1, 1, {1, 2, 2, 2}, 3},
      {4, 1, 3, 3, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 3},
      {5, 2, 3, 3, 3, 3, 1, 1, 2, 1, {2, 2, 2, 2}, 3},
      {5, 1, 2, 2, 3, 3, 2, 2, 1, 1, {1, 2, 1, 1}, 2},
      {5, 13, 2, 2, 3, 3, 1, 1, 1, 1, {0, 0, 0, 0}, 2},
      {6, 5, 6, 6, 5, 5, 1, 1, 1, 1, {2, 2, 2, 2}, 6},
      {5, 7, 4, 4, 3, 3, 1, 1, 2, 2, {2, 2, 2, 2}, 4},
      {5, 4, 6, 12, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 3},
      {5, 4, 6, 12, 3, 2, 1, 1, 1, 1, {1, 1, 1, 1}, 6},
      {1, 3, 130, 9, 1, 1},
      {1, 2, 9, 23, 1, 1},
      {2, 5, 1, 70, 4, 3, 1, 2, 1, 1, {1, 1, 2, 1}},
      {4, 3, 2, 16, 2, 2, 2, 1, 3, 2, {3, 2, 0, 1}},
      {7, 9, 11, 11, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 11},
      {8, 7, 9, 9, 3, 2, 2, 3, 1, 2, {0, 1, 2, 3}, 9},
      {2, 3, 6, 6, 3, 5, 1, 1, 1, 1, {1, 4, 1, 4}, 6},
      {1, 6, 7, 7, 1, 4, 1, 1, 1, 1, {0, 2, 0, 1}, 7},
      {9, 2, 5, 5, 4, 1, 3, 2, 1, 1, {2, 1, 1, 2}, 5},
  };
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (size_t i = 0, n = r.size(); i < n; ++i) {
    Case c = r[i];
    c.clamp = {0.0f, inf};
    r.push_back(c);
    c.clamp = {0.0f, 1.5f}, c.bias = false;
    r.push_back(c);
    c.clamp = {-0.5f, inf};
    r.push_back(c);
  }
  return r;
}

struct Problem {
  Graph g;
  std::vector<float> x;
};

Problem make(const Case& c, unsigned seed) {
  std::mt19937 rng(seed);
  auto any = [&] { return float(int(rng() % 20001) - 10000) / 7919.0f; };
  Problem p;
  Tensor w(Type{DType::f32, {c.oc, c.kh, c.kw, c.ic / c.group}, {}}), b(Type{DType::f32, {c.oc}, {}});
  for (int64_t i = 0; i < w.elements(); ++i) w.data<float>()[i] = any();
  for (int64_t i = 0; i < c.oc; ++i) b.data<float>()[i] = any();
  const Type x{DType::f32, {1, c.h, c.w, c.ic}, {}};
  Conv conv;
  conv.window = {{c.kh, c.kw}, {c.sh, c.sw}, {c.dh, c.dw}, c.pads};
  conv.group = c.group, conv.channels_last = true, conv.clamp = c.clamp;
  std::vector<ValueId> in{p.g.add_value("x", x), p.g.add_constant("w", w)};
  std::vector<Type> types{x, w.type()};
  if (c.bias) in.push_back(p.g.add_constant("b", b)), types.push_back(b.type());
  const ValueId y = p.g.add_value("y", conv.infer(types)[0]);
  p.g.inputs = {in[0]}, p.g.outputs = {y};
  p.g.nodes.push_back({"conv", conv, in, {y}, {}});
  for (int64_t i = 0; i < x.elements(); ++i) p.x.push_back(any());
  return p;
}

/// Runs `kernel` for groups of n rows.
template <class F>
std::vector<float> run(F&& kernel, const ConvF32& l, Clamp clamp, const std::vector<float>& image,
                       const PackedF32& packed, int64_t scratch_bytes, int32_t n) {
  constexpr float poison = std::numeric_limits<float>::quiet_NaN();
  constexpr size_t guard = 16;
  const ConvShape& s = l.s;
  const size_t row = size_t(s.iw) * size_t(s.ic), apart = row + 37;
  std::vector<float> x(apart * size_t(s.ih) + 64, poison);
  for (int32_t i = 0; i < s.ih; ++i)
    std::copy_n(image.data() + size_t(i) * row, row, x.data() + size_t(i) * apart + 19);
  std::vector<float> result;
  for (int32_t oy = 0; oy < s.oh; oy += n) {
    const int32_t count = std::min(n, s.oh - oy);
    std::vector<const float*> rows(size_t(s.rows(count)));
    for (size_t r = 0; r < rows.size(); ++r) {
      const int32_t iy = oy * s.sh - s.pt + int32_t(r);
      rows[r] = iy < 0 || iy >= s.ih ? nullptr : x.data() + size_t(iy) * apart + 19;
    }
    const size_t size = size_t(count) * size_t(s.ow) * size_t(s.oc);
    std::vector<float> y(size + 2 * guard, 77.0f), scratch(size_t(scratch_bytes) / 4 + guard, poison);
    std::fill(scratch.end() - guard, scratch.end(), 77.0f);
    const PackedF32 p = packed;  // exactly as large as it is: address sanitizers see what lies behind
    kernel(s, clamp.lo, clamp.hi, rows.data(), count, p.weights.data(), p.bias.empty() ? nullptr : p.bias.data(),
           y.data() + guard, static_cast<void*>(scratch.data()));
    for (size_t i = 0; i < guard; ++i)
      REQUIRE((y[i] == 77.0f && y[guard + size + i] == 77.0f && scratch[scratch.size() - guard + i] == 77.0f));
    result.insert(result.end(), y.begin() + guard, y.begin() + int64_t(guard + size));
  }
  return result;
}

Served served;

template <class Kernel, class Serves, class Pack>
void check(const char* name, Kernel&& kernel, Serves&& work, Pack&& pack, const Problem& p) {
  const Options options;
  LiveSteps live(p.g);
  live.most = int64_t{1} << 30;  // so that kernels with much working memory are candidates
  const LayerView view(p.g, p.g.nodes[0], *find_target("cortex-m4f"), options, &live);
  const std::optional<Work> asked = served.ask<ConvF32>(name, view, work);
  if (!asked) return;
  const ConvF32* const l = view.as<ConvF32>();
  INFO(name << " on " << to_string(p.g[p.g.inputs[0]].type) << " -> " << to_string(p.g[p.g.outputs[0]].type));
  auto reference = [](auto&&... a) { conv_f32_ref(a...); };
  // The sum of |terms|: the reference on magnitudes, not clamped.
  ConvF32 magnitudes = *l;
  std::vector<float> weights(l->weights.begin(), l->weights.end()), bias(l->bias.begin(), l->bias.end()), x = p.x;
  for (std::vector<float>* v : {&weights, &bias, &x})
    for (float& e : *v) e = std::fabs(e);
  magnitudes.weights = weights, magnitudes.bias = bias;
  std::vector<float> size = run(reference, magnitudes, {}, x, pack_conv_f32_ref(magnitudes), 0, l->s.oh);
  // Winograd's sums go over patches, so its errors come from neighbours too.
  if (std::string_view(name).starts_with("winograd"))
    size.assign(size.size(), *std::max_element(size.begin(), size.end()));
  const std::vector<float> want = run(reference, *l, l->clamp, p.x, pack_conv_f32_ref(*l), 0, l->s.oh);
  for (const int32_t n : {1, 2, l->s.oh}) {
    const std::vector<float> got = run(kernel, *l, l->clamp, p.x, pack(*l), asked->scratch, n);
    REQUIRE(got.size() == want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      INFO("element " << i << ", " << n << " rows: " << got[i] << " for " << want[i]);
      REQUIRE(std::fabs(got[i] - want[i]) <= float(l->taps + 1) * FLT_EPSILON * size[i]);
    }
  }
}

TEST_CASE("float32 convolution kernels agree with their reference", "[kernels]") {
  served = {};
  unsigned seed = 1;
  for (const Case& c : cases()) {
    const Problem p = make(c, seed++);
#define KERNEL(...)
#define REFERENCE(...)
#define CONV_Q8(...)
#define CONV_F32(kernel, header, needs, order)                                                                         \
  check(                                                                                                               \
      #kernel, [](auto&&... a) { kernel(a...); }, kernel##_work, pack_##kernel, p);
#include "codegen/kernels.inc"
#undef CONV_F32
#undef CONV_Q8
#undef KERNEL
#undef REFERENCE
  }
  served.check();
}

}  // namespace
}  // namespace burin
