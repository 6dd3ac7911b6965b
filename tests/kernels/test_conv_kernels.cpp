// Every convolution kernel of kernels.inc against conv_q8_ref, bit for bit: tails, extremes, padding, clamps, both byte
// types, for n = 1, 2 and all rows, from rows that lie apart with poison between them, with guards around what is
// written.
#include <fmt/format.h>
#include "tests/catch.h"

#include <map>
#include <random>

#include "codegen/costs.h"
#include "codegen/layers/all.h"
#include "compiler/ops/conv.h"
#include "passes/pass.h"
#include "runtime-min/kernels/conv_dsp.h"
#include "runtime-min/kernels/conv_few_dsp.h"
#include "runtime-min/kernels/conv_mve.h"
#include "runtime-min/kernels/conv_plain.h"
#include "runtime-min/kernels/conv_rows_mve.h"
#include "runtime-min/kernels/conv_strips_mve.h"
#include "runtime-min/kernels/conv_w16_dsp.h"
#include "runtime-min/kernels/dense_coded.h"
#include "runtime-min/kernels/dense_dsp.h"
#include "runtime-min/kernels/dense_mve.h"
#include "runtime-min/kernels/dense_sparse_dsp.h"
#include "runtime-min/kernels/depthwise_any_dsp.h"
#include "runtime-min/kernels/depthwise_any_mve.h"
#include "runtime-min/kernels/depthwise_dsp.h"
#include "runtime-min/kernels/depthwise_mve.h"
#include "runtime-min/kernels/depthwise_taps_dsp.h"
#include "runtime-min/kernels/pointwise_sparse.h"
#include "runtime-min/kernels/pool_dsp.h"
#include "runtime-min/kernels/winograd_dsp.h"
#include "tests/kernels/served.h"

namespace burin {
namespace {

/// A quantized convolution: shape, and how extreme its numbers are.
struct Case {
  int64_t h, w, ic, oc, kh, kw, sh = 1, sw = 1, dh = 1, dw = 1;
  std::array<int64_t, 4> pads{};
  int64_t group = 1;
  bool extreme = false;  // weights and activations at the ends of their ranges
  DType x = DType::i8, y = DType::i8;
  Clamp clamp{};
  bool one_scale = false;  // for all weights
  bool offset = false;     // uint8 weights about a zero point
  float y_scale = 0;       // 0: so that results fill their range
  int zeros = 0;           // percent of the weights, whole blocks of four taps of four filters...
  bool singly = false;     // ...or each for itself
};

std::vector<Case> cases() {
  std::vector<Case> r{
      {1, 1, 1, 1, 1, 1},
      {1, 7, 3, 5, 1, 1},
      {1, 9, 4, 2, 1, 1},
      {1, 5, 64, 12, 1, 1},
      {25, 5, 8, 6, 1, 1},
      {6, 7, 4, 3, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {9, 8, 3, 4, 3, 3, 2, 2, 1, 1, {0, 0, 1, 1}},
      {13, 10, 1, 6, 10, 4, 2, 2, 1, 1, {4, 1, 5, 1}},
      {5, 5, 6, 4, 3, 3, 1, 1, 2, 2, {2, 2, 2, 2}},
      {4, 4, 2, 3, 1, 1, 3, 3},
      {3, 3, 4, 4, 5, 5, 1, 1, 1, 1, {2, 2, 2, 2}},
      {2, 2, 5, 7, 3, 3, 1, 1, 1, 1, {2, 2, 2, 2}},
      {7, 6, 8, 8, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 8},
      {8, 9, 4, 4, 3, 3, 2, 2, 1, 1, {0, 0, 1, 1}, 4},
      {9, 1, 8, 8, 5, 3, 1, 1, 1, 1, {0, 1, 0, 1}, 8},
      {11, 5, 12, 12, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}, 12},
      {6, 3, 4, 4, 2, 3, 1, 1, 1, 1, {1, 2, 0, 2}, 4},
      {5, 4, 6, 12, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 3},
      {5, 4, 6, 12, 3, 2, 1, 1, 1, 1, {1, 1, 1, 1}, 6},
      {1, 3, 130, 9, 1, 1},
      {3, 2, 4, 10, 1, 1, 1, 1, 1, 1, {0, 0, 1, 1}},  // a window of padding alone
      {2, 3, 8, 3, 1, 1, 2, 2, 1, 1, {1, 1, 0, 2}},
      {1, 2, 21, 6, 1, 1},
      {1, 1, 32, 8, 1, 1},
      // depthwise: other widths of windows, odd channels, rows of every length that a block has
      {9, 11, 7, 7, 5, 5, 1, 1, 1, 1, {2, 2, 2, 2}, 7},
      {10, 9, 5, 5, 4, 4, 3, 3, 1, 1, {1, 0, 2, 1}, 5},
      {5, 8, 3, 3, 7, 6, 2, 2, 1, 1, {3, 2, 3, 3}, 3},
      {4, 6, 9, 9, 1, 1, 1, 1, 1, 1, {}, 9},
      {3, 12, 4, 4, 3, 2, 1, 3, 1, 1, {1, 1, 1, 0}, 4},
      {3, 7, 4, 4, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 4},
      {3, 12, 4, 4, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 4},
      {3, 10, 4, 4, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 4},
      {5, 11, 4, 4, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}, 4},
      {5, 9, 4, 4, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}, 4},
      // 3x3 on images that are large for their channels
      {12, 16, 4, 3, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {15, 13, 12, 4, 3, 3, 1, 1, 1, 1, {0, 2, 1, 0}},
      {33, 9, 8, 2, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {14, 17, 16, 5, 3, 3, 1, 1, 1, 1, {2, 0, 0, 1}},
      {13, 14, 20, 2, 3, 3},
      {1, 6, 200, 21, 1, 1},
      {3, 5, 17, 16, 1, 1},
      {9, 9, 17, 17, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 17},
      {25, 5, 20, 20, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 20},
      {10, 50, 3, 3, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 3},
      {13, 14, 33, 33, 3, 3, 2, 2, 1, 1, {0, 0, 1, 1}, 33},
      {11, 3, 16, 16, 4, 2, 2, 1, 1, 1, {2, 0, 1, 1}, 16},
      {12, 13, 5, 5, 3, 4, 3, 2, 2, 3, {2, 4, 2, 3}, 5},
      {1, 30, 18, 18, 1, 4, 1, 1, 1, 1, {0, 2, 0, 1}, 18},
      // windows 3 wide, channels a multiple of 16
      {5, 6, 16, 6, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {7, 11, 32, 2, 3, 3, 2, 2, 1, 1, {0, 0, 1, 1}},
      {6, 9, 48, 4, 2, 3, 1, 2, 1, 1, {1, 2, 0, 1}},
      {9, 5, 16, 2, 3, 3, 2, 1, 3, 1, {2, 1, 3, 1}},
      {2, 10, 64, 2, 1, 3, 3, 1, 1, 1, {1, 0, 1, 0}},
      {12, 1, 40, 40, 5, 1, 1, 1, 1, 1, {}, 40},
      {13, 2, 20, 20, 11, 1, 1, 1, 1, 1, {2, 0, 1, 0}, 20},
      {5, 4, 32, 32, 5, 3, 2, 1, 1, 1, {2, 1, 2, 1}, 32},
      // few channels: windows gathered four at a time, and beyond every edge
      {9, 21, 3, 4, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {8, 24, 3, 5, 3, 3, 2, 2, 1, 1, {0, 0, 1, 1}},
      {7, 26, 2, 3, 4, 5, 1, 2, 1, 1, {2, 4, 2, 3}},
      {6, 3, 1, 4, 5, 7, 1, 1, 1, 1, {2, 3, 2, 3}},
      {4, 5, 1, 2, 3, 6, 1, 1, 1, 1, {1, 5, 1, 5}},
      {49, 10, 1, 6, 10, 4, 2, 2, 1, 1, {4, 1, 5, 1}},
      // fully connected: sixes, fours and single filters
      {1, 3, 128, 28, 1, 1},
      {1, 2, 192, 33, 1, 1},
      {1, 1, 256, 26, 1, 1},
      {1, 1, 30, 13, 1, 1},
      {1, 2, 64, 9, 1, 1},
      {1, 2, 36, 8, 1, 1},
      {1, 1, 4, 16, 1, 1},
      // few filters: rows of four bytes and more, of fewer, dilated ones; groups with any number of taps and filters
      {7, 6, 1, 1, 3, 5, 1, 1, 1, 1, {1, 2, 1, 2}},
      {6, 9, 5, 2, 3, 2, 2, 1, 1, 1, {2, 1, 0, 1}},
      {5, 6, 11, 3, 2, 3, 1, 2, 1, 1, {0, 2, 1, 1}},
      {6, 6, 1, 1, 2, 1},
      {8, 9, 3, 4, 3, 3, 1, 1, 2, 2, {2, 2, 2, 2}},
      {7, 7, 24, 1, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
      {6, 5, 12, 6, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 2},
      {5, 5, 8, 16, 1, 1, 1, 1, 1, 1, {}, 2},
      {6, 5, 9, 9, 2, 3, 2, 1, 1, 1, {1, 1, 0, 1}, 3},
      // the last four channels overlap, fewer than four, several outputs a channel, 1 to 6 pairs of taps and more
      {9, 9, 2, 2, 3, 3, 2, 2, 2, 2, {2, 2, 2, 2}, 2},
      {6, 5, 3, 9, 2, 2, 3, 3, 1, 1, {}, 3},
      {4, 4, 11, 22, 1, 1, 3, 2, 1, 1, {0, 0, 1, 1}, 11},
      {5, 7, 9, 9, 3, 4, 2, 3, 1, 1, {1, 0, 2, 1}, 9},
      {15, 14, 6, 12, 7, 7, 3, 3, 1, 2, {3, 2, 1, 1}, 6},
  };
  for (size_t i = 0, n = r.size(); i < n; ++i) {
    Case c = r[i];
    c.extreme = true;
    r.push_back(c);
    c.extreme = false, c.x = DType::u8, c.y = DType::u8;
    r.push_back(c);
    c.y = DType::i8, c.clamp = {0.0f, 6.0f};
    r.push_back(c);
    c.one_scale = true;
    r.push_back(c);
    c.clamp = {};
    r.push_back(c);
    c.offset = true;
    r.push_back(c);
    c.offset = false, c.one_scale = false;
    c.clamp = {}, c.y_scale = 0.5f;  // with scales of 2^-k below: ties
    r.push_back(c);
  }
  // Pruned: few blocks or weights, none, one, and more than 255 quads or inputs without any.
  for (const int zeros : {50, 75, 95, 99, 100})
    for (const DType x : {DType::i8, DType::u8})
      for (Case c : {Case{1, 3, 130, 9, 1, 1}, Case{1, 1, 64, 8, 1, 1}, Case{1, 1, 9003, 6, 1, 1},
                     Case{1, 2, 18, 3, 1, 1}, Case{3, 3, 300, 5, 1, 1}}) {
        c.zeros = zeros, c.x = c.y = x;
        r.push_back(c);
        c.singly = true;
        r.push_back(c);
        c.extreme = true;
        r.push_back(c);
        c.extreme = false, c.y_scale = 0.5f;
        r.push_back(c);
      }
  return r;
}

struct Problem {
  Graph g;
  std::vector<int16_t> x;  // stored values
};

Problem make(const Case& c, unsigned seed) {
  std::mt19937 rng(seed);
  auto any = [&](int lo, int hi) { return lo + int(rng() % unsigned(hi - lo + 1)); };
  Problem p;
  const int64_t taps = c.kh * c.kw * c.ic / c.group;
  const bool ties = c.y_scale > 0;
  const DTypeInfo &xt = info(c.x), &yt = info(c.y);
  Tensor w(Type{c.offset ? DType::u8 : DType::i8, {c.oc, c.kh, c.kw, c.ic / c.group}, {{}, {}, 0}});
  for (int64_t o = 0; o < c.oc; ++o) {
    w.type().quant.scale.push_back(ties ? 0.015625f : c.one_scale ? 0.0173f : 0.01f + 0.001f * float(any(0, 30)));
    w.type().quant.zero_point.push_back(c.offset ? any(0, 255) : 0);
  }
  for (int64_t i = 0; i < w.elements(); ++i)
    w.set_integer(i, c.offset ? any(0, 255) : c.extreme ? (any(0, 1) ? 127 : -127 - any(0, 1)) : any(-127, 127));
  const int64_t size = c.singly ? 1 : 4;
  for (int64_t o = 0; c.zeros > 0 && o < c.oc; o += size)
    for (int64_t k = 0; k < taps; k += size)
      if (any(1, 100) <= c.zeros)
        for (int64_t i = o; i < std::min(o + size, c.oc); ++i)
          for (int64_t t = k; t < std::min(k + size, taps); ++t) w.set_integer(i * taps + t, 0);
  Tensor b(Type{DType::i32, {c.oc}, {{ties ? 0.0078125f : 0.00037f}, {0}, -1}});
  for (int64_t i = 0; i < c.oc; ++i) b.set_integer(i, any(-3000, 3000));
  const Type x{c.x,
               {1, c.h, c.w, c.ic},
               {{ties ? 0.5f : 0.043f}, {c.extreme ? int32_t(xt.lo) : any(int(xt.lo), int(xt.hi))}, -1}};
  Conv conv;
  conv.window = {{c.kh, c.kw}, {c.sh, c.sw}, {c.dh, c.dw}, c.pads};
  conv.group = c.group, conv.channels_last = true, conv.clamp = c.clamp;
  const ValueId xv = p.g.add_value("x", x), wv = p.g.add_constant("w", w), bv = p.g.add_constant("b", b);
  Type y = conv.infer(std::vector<Type>{x, w.type(), b.type()})[0];
  y.dtype = c.y;
  y.quant = {{ties ? c.y_scale : 0.05f * float(c.zeros < 100 ? taps * (100 - c.zeros) : 100) / 100},
             {any(int(yt.lo), int(yt.hi))},
             -1};
  const ValueId yv = p.g.add_value("y", y);
  p.g.inputs = {xv}, p.g.outputs = {yv};
  p.g.nodes.push_back({"conv", conv, {xv, wv, bv}, {yv}, {}});
  for (int64_t i = 0; i < x.elements(); ++i)
    p.x.push_back(int16_t(c.extreme ? (any(0, 1) ? xt.hi : xt.lo) : any(int(xt.lo), int(xt.hi))));
  return p;
}

/// Runs `kernel` for groups of n rows.
template <class X, class Y, class W, class F>
std::vector<int> run(F&& kernel, const ConvQ8& l, const std::vector<int16_t>& image, const PackedConv<W>& packed,
                     int64_t scratch_bytes, int32_t n) {
  const ConvShape& s = l.s;
  const size_t row = size_t(s.iw) * size_t(s.ic), apart = row + 37;
  std::vector<X> x(apart * size_t(s.ih) + 64, X(0x5B));  // poison between the rows
  for (int32_t i = 0; i < s.ih; ++i)
    for (size_t k = 0; k < row; ++k) x[size_t(i) * apart + 19 + k] = X(image[size_t(i) * row + k]);
  std::vector<int> result;
  for (int32_t oy = 0; oy < s.oh; oy += n) {
    const int32_t count = std::min(n, s.oh - oy);
    std::vector<const X*> rows(size_t(s.rows(count)));
    for (size_t r = 0; r < rows.size(); ++r) {
      const int32_t iy = oy * s.sh - s.pt + int32_t(r);
      rows[r] = iy < 0 || iy >= s.ih ? nullptr : x.data() + size_t(iy) * apart + 19;
    }
    const size_t bytes = size_t(count) * size_t(s.ow) * size_t(s.oc);
    const size_t guard = packed.pairs ? 17 : 16;  // 17: y may begin at any byte
    std::vector<Y> y(bytes + 2 * guard, Y(0x33));
    std::vector<uint32_t> scratch(size_t(scratch_bytes + 3) / 4 + 8, 0xDEADBEEFu);  // its end is a guard too
    kernel(s, packed.device.value_or(l.requant.device), l.x_zero, rows.data(), count, packed.weights.data(),
           packed.params.data(), y.data() + guard, static_cast<void*>(scratch.data()));
    for (size_t i = 0; i < guard; ++i) REQUIRE((y[i] == Y(0x33) && y[guard + bytes + i] == Y(0x33)));
    for (size_t i = scratch.size() - 8; i < scratch.size(); ++i) REQUIRE(scratch[i] == 0xDEADBEEFu);
    for (size_t i = 0; i < bytes; ++i) result.push_back(y[guard + i]);
  }
  return result;
}

template <class F>
void each_type(const ConvQ8& l, F&& f) {
  if (l.x == DType::i8 && l.y == DType::i8) f(int8_t{}, int8_t{});
  if (l.x == DType::u8 && l.y == DType::u8) f(uint8_t{}, uint8_t{});
  if (l.x == DType::u8 && l.y == DType::i8) f(uint8_t{}, int8_t{});
}

Served served;

/// One kernel on one layer, where `work` says that it serves.
template <class Kernel, class Serves, class Pack>
void check(const char* name, Kernel&& kernel, Serves&& work, Pack&& pack, const Problem& p) {
  const Options options;
  Graph g = p.g;
  g.nodes[0].block = int32_t(g[g.outputs[0]].type.shape.back()) % 3 * 2 + 2;  // whatever room there is
  const LayerView view(g, g.nodes[0], *find_target("cortex-m55"), options);
  const std::optional<Work> asked = served.ask<ConvQ8>(name, view, work);
  if (!asked) return;
  const ConvQ8* const l = view.as<ConvQ8>();
  INFO(name << " on " << to_string(p.g[p.g.inputs[0]].type) << " -> " << to_string(p.g[p.g.outputs[0]].type));
  auto packed = pack(*l);
  if (asked->block > 0) packed.params.insert(packed.params.begin(), asked->block);
  each_type(*l, [&](auto x, auto y) {
    using X = decltype(x);
    using Y = decltype(y);
    auto reference = [](auto&&... a) { conv_q8_ref(a...); };
    const std::vector<int> want = run<X, Y>(reference, *l, p.x, pack_conv_q8_w16_ref(*l), 0, l->s.oh);
    for (const int32_t n : {1, 2, l->s.oh}) {
      // Working memory is asked for the rows of one call; a depthwise strip grows with them.
      const std::string_view kernel_name = name;
      const int64_t bytes = kernel_name == "depthwise_any_q8_dsp" ? int64_t(depthwise_any_q8_dsp_scratch(l->s, n))
                            : kernel_name.starts_with("depthwise_q8_dsp") ? int64_t(depthwise_q8_dsp_scratch(l->s, n))
                                                                          : asked->scratch;
      REQUIRE(run<X, Y>(kernel, *l, p.x, packed, bytes, n) == want);
    }
  });
}

/// The same for layers for which the kernel has parts that others share.
template <auto work>
std::optional<Work> parts(const ConvQ8& l, const LayerView& v) {
  std::optional<Work> r = work(l, v);
  if (r && !r->form.parts) r.reset();
  return r;
}

/// dense_any_q8_dsp called as the others are.
template <bool kTails>
constexpr auto dense_any = [](const ConvShape&, const Requant&, int32_t, const auto* const* rows, int32_t,
                              const uint32_t* w, const int32_t*, auto* y,
                              void* scratch) { dense_any_q8_dsp<kTails>(w, rows[0], y, scratch); };

TEST_CASE("convolution kernels agree with their reference", "[kernels]") {
  served = {};
  unsigned seed = 1;
  for (const Case& c : cases()) {
    const Problem p = make(c, seed++);
#define KERNEL(...)
#define REFERENCE(...)
#define CONV_F32(...)
#define CONV_Q8(kernel, header, needs, order)                                                                          \
  check(                                                                                                               \
      #kernel, [](auto&&... a) { kernel(a...); }, kernel##_work, pack_##kernel, p);
#include "codegen/kernels.inc"
#undef CONV_Q8
#undef CONV_F32
#undef KERNEL
#undef REFERENCE
  }
#define KERNEL_ANY(kernel)                                                                                             \
  check(                                                                                                               \
      #kernel "<true>", [](auto&&... a) { kernel<true>(a...); }, parts<kernel##_work>, pack_##kernel, p);
  for (const Case& c : cases()) {
    const Problem p = make(c, seed++);
    KERNEL_ANY(conv_q8_dsp)
    KERNEL_ANY(pointwise_q8_dsp)
    KERNEL_ANY(depthwise_q8_dsp)
    KERNEL_ANY(winograd_q8_w8_dsp)
    const auto in_fours = [&](const ConvQ8& l, const LayerView& v) {
      return l.s.ic % 4 == 0 && l.s.oc % 4 == 0 ? parts<dense_q8_dsp_work>(l, v) : std::nullopt;
    };
    check("dense_any_q8_dsp<true>", dense_any<true>, parts<dense_q8_dsp_work>, pack_dense_any_q8_dsp, p);
    check("dense_any_q8_dsp<false>", dense_any<false>, in_fours, pack_dense_any_q8_dsp, p);
  }
#undef KERNEL_ANY
  // As for an output that is the caller's.
#define KERNEL_PAIRS(name, kernel, when)                                                                               \
  check(                                                                                                               \
      name, [](auto&&... a) { kernel<true>(a...); },                                                                   \
      [](const ConvQ8& l, const LayerView& v) { return (when) ? kernel##_work(l, v) : std::nullopt; },                 \
      [](ConvQ8 l) {                                                                                                   \
        l.aligned = false;                                                                                             \
        const auto packed = pack_##kernel(l);                                                                          \
        REQUIRE(packed.pairs);                                                                                         \
        return packed;                                                                                                 \
      },                                                                                                               \
      p);
  for (const Case& c : cases()) {
    const Problem p = make(c, seed++);
    KERNEL_PAIRS("conv, pairs", conv_q8_mve, mve_by_quads(mve_chunks(int32_t(l.taps)), l.s.oc))
    KERNEL_PAIRS("strips, pairs", conv_strips_q8_mve, conv_strips_mve_by_quads(l.s))
    KERNEL_PAIRS("pointwise, pairs", pointwise_q8_mve, mve_pointwise_by_quads(l.s))
  }
#undef KERNEL_PAIRS
  served.check();
}

TEST_CASE("what stores whole words is not called for the caller's memory", "[kernels]") {
  Problem p = make({5, 4, 40, 8, 1, 1}, 1);
  for (const Kernel& k : kernels()) {
    if (k.name != "conv_q8_mve" && k.name != "conv_strips_q8_mve" && k.name != "pointwise_q8_mve") continue;
    const Options plain;
    p.g.nodes[0] = planned(p.g.nodes[0], k, *k.work(LayerView(p.g, p.g.nodes[0], *find_target("cortex-m55"), plain)));
    for (const Options::Io io : {Options::Io::arena, Options::Io::external}) {
      Options options;
      options.io = io;
      const LayerCode code = k.lower(LayerView(p.g, p.g.nodes[0], *find_target("cortex-m55"), options));
      const std::vector<std::string> pairs = {"true"};
      CHECK((code.body.calls.at(0).types == pairs) == (io == Options::Io::external));
    }
  }
}

}  // namespace
}  // namespace burin
