#include "tests/bench/random_layers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace burin {
namespace {

/// std::uniform_int_distribution differs between libraries.
struct Draw {
  std::mt19937& rng;
  int operator()(int lo, int hi) { return lo + int(rng() % uint32_t(hi - lo + 1)); }
  bool coin() { return (*this)(0, 1) == 1; }
  /// Small ones as often as large ones.
  int channels(int lo = 1) { return (*this)(lo, coin() ? 200 : 24); }
  /// Both sides the same half of the time.
  void sides(int hi, int& a, int& b) { a = (*this)(1, hi), b = coin() ? a : (*this)(1, hi); }
};

struct Layer {
  bool dense, depthwise;
  int ic, oc, ih, iw, kh, kw, sh, sw, top, left, bottom, right;
  int oh() const { return (ih + top + bottom - kh) / sh + 1; }
  int ow() const { return (iw + left + right - kw) / sw + 1; }
  int taps() const { return kh * kw * (depthwise ? 1 : ic); }
  double products() const { return double(oh()) * ow() * oc * taps(); }
};

Layer shape(Draw& draw) {
  Layer l{};
  const int kind = draw(0, 2);
  l.dense = kind == 2, l.depthwise = kind == 1;
  l.kh = l.kw = l.sh = l.sw = l.ih = l.iw = 1;
  do {
    l.ic = draw.channels(l.depthwise ? 2 : 1);  // a depthwise one of one channel is a convolution
    l.oc = l.depthwise ? l.ic : draw.channels();
    if (!l.dense) draw.sides(7, l.kh, l.kw), draw.sides(3, l.sh, l.sw);
  } while (l.taps() * l.oc > kMostWeights);
  if (l.dense) {
    l.ih = draw.coin() ? 1 : draw(2, 8);  // rows
    return l;
  }
  l.top = draw(0, l.kh - 1), l.bottom = draw(0, l.kh - 1), l.left = draw(0, l.kw - 1), l.right = draw(0, l.kw - 1);
  draw.sides(32, l.ih, l.iw);
  l.ih = std::max(l.ih, l.kh), l.iw = std::max(l.iw, l.kw);
  // What the window alone leaves room for is bounded by the weights: a few rounds at most.
  while (l.products() > kMostProducts)
    l.ih = std::max(l.kh, l.ih * 3 / 4), l.iw = std::max(l.kw, l.iw * 3 / 4), l.top = l.bottom = l.top / 2,
    l.left = l.right = l.left / 2;
  return l;
}

Layer typical_shape(Draw& draw) {
  Layer l{};
  const int kind = draw(0, 7);  // a fully connected one, two depthwise ones, two pointwise ones, three convolutions
  l.dense = kind == 0, l.depthwise = kind == 1 || kind == 2;
  l.kh = l.kw = l.sh = l.sw = l.ih = l.iw = 1;
  const auto channels = [&] { return draw(0, 5) == 0 ? draw(1, 40) : draw(0, 1) ? 4 * draw(1, 8) : 8 * draw(1, 16); };
  l.ic = kind > 4 && draw(0, 3) == 0 ? draw(1, 3) : std::max(channels(), l.depthwise ? 2 : 1);
  l.oc = l.depthwise ? l.ic : channels();
  if (l.dense) {
    l.ic = draw(1, 12) * 32 + draw(0, 1) * draw(0, 31);
    return l;
  }
  if (kind != 3 && kind != 4) {
    const int window = draw(0, 9);
    l.kh = l.kw = window < 6 ? 3 : window < 8 ? 5 : draw(2, 7);
    if (window == 9) l.kh = draw(2, 10);
    l.sh = l.sw = draw(0, 2) == 0 ? 2 : 1;
  }
  l.ih = l.iw = draw(0, 1) ? draw(4, 16) : draw(8, 40);
  if (draw(0, 3) == 0) l.iw = draw(4, 24);
  l.ih = std::max(l.ih, l.kh), l.iw = std::max(l.iw, l.kw);
  l.top = (l.kh - 1) / 2, l.bottom = l.kh / 2, l.left = (l.kw - 1) / 2, l.right = l.kw / 2;
  while (l.products() > kTypicalProducts) {
    if (l.ih * l.iw > 60) l.ih = std::max(l.kh, l.ih * 3 / 4), l.iw = std::max(l.kw, l.iw * 3 / 4);
    else l.oc = (l.oc + 1) / 2, l.ic = l.depthwise ? l.oc : (l.ic + 1) / 2;
  }
  return l;
}

/// The operator of a layer, as the IR spells it.
std::string spelled(const Layer& l) {
  if (l.dense) return "dense";
  return fmt::format("conv kernel=[{},{}] strides=[{},{}] pads=[{},{},{},{}] group={} channels_last=true", l.kh, l.kw,
                     l.sh, l.sw, l.top, l.left, l.bottom, l.right, l.depthwise ? l.ic : 1);
}
/// Shapes of input, weights and output.
struct Shapes {
  std::string x, w, y;
};
Shapes shapes(const Layer& l) {
  if (l.dense)
    return {fmt::format("{}x{}", l.ih, l.ic), fmt::format("{}x{}", l.oc, l.ic), fmt::format("{}x{}", l.ih, l.oc)};
  return {fmt::format("1x{}x{}x{}", l.ih, l.iw, l.ic),
          fmt::format("{}x{}x{}x{}", l.oc, l.kh, l.kw, l.depthwise ? 1 : l.ic),
          fmt::format("1x{}x{}x{}", l.oh(), l.ow(), l.oc)};
}

RandomLayer real_layer(Draw& draw, const Layer& l, const std::string& name) {
  const auto [x, w, y] = shapes(l);
  const int seed = draw(1, 1 << 20);
  return {fmt::format(
              "graph {}(%x: f32[{}]) -> %y\n  %w: f32[{}] = constant fill:{}\n  %b: f32[{}] = constant fill:{}\n  %y: "
              "f32[{}] = {} %x, %w, %b\n",
              name, x, w, seed, l.oc, seed + 1, y, spelled(l)),
          fmt::format("{}, f32 {} to {}", spelled(l), x, y), l.taps()};
}

RandomLayer quantized_layer(Draw& draw, const Layer& l, const std::string& name) {
  const bool is_unsigned = draw.coin(), per_channel = draw.coin(), bias = draw.coin();
  const std::string type = is_unsigned ? "u8" : "i8";
  const int x_zero = draw(-128, 127) + 128 * is_unsigned, y_zero = draw(-128, 127) + 128 * is_unsigned;
  const double x_scale = 0.05, w_scale = 0.01 * draw(50, 150) / 100;

  std::vector<std::string> scales;
  std::vector<int> zeros(size_t(per_channel ? l.oc : 1));
  for (size_t i = 0; i < zeros.size(); ++i) scales.push_back(fmt::format("{:.6g}", w_scale * draw(50, 150) / 100));
  const std::string w_quant = per_channel
                                  ? fmt::format("{{axis=0 {},{}}}", fmt::join(scales, ";"), fmt::join(zeros, ";"))
                                  : fmt::format("{{{},0}}", scales[0]);
  // Bytes drawn evenly have a deviation of 74: three of a sum's fill the type.
  const std::string y_quant =
      fmt::format("{{{:.6g},{}}}", x_scale * w_scale * 74 * 74 * std::sqrt(double(l.taps())) * 3 / 128, y_zero);

  const auto [x, w, y] = shapes(l);
  const std::string op = spelled(l);
  const int seed = draw(1, 1 << 20);
  const std::string text = fmt::format(
      "graph {}(%x: {}[{}]{{{},{}}}) -> %y\n  %w: i8[{}]{} = constant fill:{}\n{}  %y: {}[{}]{} = {} %x, %w{}\n", name,
      type, x, x_scale, x_zero, w, w_quant, seed,
      bias ? fmt::format("  %b: i32[{}] = constant fill:{}\n", l.oc, seed + 1) : "", type, y, y_quant, op,
      bias ? ", %b" : "");
  const std::string window = fmt::format("{}x{} window, strides {} {}, pads {} {} {} {}", l.kh, l.kw, l.sh, l.sw, l.top,
                                         l.left, l.bottom, l.right);
  const std::string kind = l.dense ? "dense" : l.depthwise ? "depthwise " + window : "conv " + window;
  return {text, fmt::format("{}, {} {} to {} {}", kind, type, x, y, per_channel ? "per channel" : "one scale"),
          l.taps()};
}

}  // namespace

RandomLayer random_layer(std::mt19937& rng, const std::string& name) {
  Draw draw{rng};
  const Layer l = shape(draw);
  return quantized_layer(draw, l, name);
}

RandomLayer typical_layer(std::mt19937& rng, const std::string& name, bool real) {
  Draw draw{rng};
  const Layer l = typical_shape(draw);
  return real ? real_layer(draw, l, name) : quantized_layer(draw, l, name);
}

}  // namespace burin
