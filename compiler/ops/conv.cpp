#include "compiler/ops/conv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/numerics/requantize.h"
#include "compiler/onnx/node.h"
#include "compiler/ops/elements.h"
#include "compiler/ops/layout.h"
#include "compiler/ops/quantize.h"
#include "runtime-min/kernels/conv.h"

namespace burin {
namespace {

/// An operand of QLinearConv with the scale that the node gives it.
ValueId quantized_operand(OnnxNode& node, size_t value, size_t scale, size_t zero, int axis) {
  return node.with_quant(node.input(value), import_quant(node, scale, zero, axis, node.type(value)));
}

}  // namespace

void Conv::import(OnnxNode& node) {
  const bool qlinear = node.op_type() == "QLinearConv";
  if (qlinear) require_stored(node, {0, 3, 7});
  const size_t wi = qlinear ? 3 : 1;
  const Shape &xs = node.type(0).shape, &ws = node.type(wi).shape;
  require(xs.size() >= 3, fmt::format("input 0 has rank {}, not 3 or 4", xs.size()));
  require(ws.size() == xs.size(), fmt::format("weights have rank {}, the input {}", ws.size(), xs.size()));
  Conv c;
  c.group = node.integer("group", 1);
  require(c.group >= 1 && ws[0] % c.group == 0, fmt::format("attribute group is {} for {} filters", c.group, ws[0]));
  require(xs[1] == ws[1] * c.group,
          fmt::format("the input has {} channels, the weights want {} in {} groups", xs[1], ws[1] * c.group, c.group));
  if (const size_t b = qlinear ? 8 : 2; node.has(b))
    require(node.type(b).shape == Shape{ws[0]},
            fmt::format("the bias (input {}) has shape [{}], not [{}]: one number for each filter", b,
                        to_string(node.type(b).shape), ws[0]));
  c.window = import_window(node, Shape(xs.begin() + 2, xs.end()), Shape(ws.begin() + 2, ws.end()), false);
  if (!qlinear) {
    std::vector<ValueId> in{computable(node, node.input(0)), computable(node, node.input(1))};
    if (node.has(2)) in.push_back(computable(node, node.input(2)));
    return result_as(node, 0, node.emit(c, in), node.type(0).dtype);
  }
  std::vector<ValueId> in{quantized_operand(node, 0, 1, 2, -1), quantized_operand(node, 3, 4, 5, 0)};
  if (node.has(8)) in.push_back(node.input(8));
  Type y = c.infer(std::vector<Type>{node.graph()[in[0]].type, node.graph()[in[1]].type})[0];
  y.quant = import_quant(node, 6, 7, -1, {});
  y.dtype = node.has(7) ? node.type(7).dtype : node.type(0).dtype;
  node.result(node.emit_typed(c, in, y));
}

void require_one_type(std::span<const Type> in) {
  if (in[0].quantized()) return;
  for (const Type& t : in.subspan(1, std::min<size_t>(in.size(), 3) - 1))
    require(t.dtype == in[0].dtype,
            fmt::format("operands of types {} and {}", burin::name(in[0].dtype), burin::name(t.dtype)));
}

std::vector<Type> Conv::infer(std::span<const Type> in) const {
  const Image x = image(in[0].shape, channels_last);
  const Shape& w = in[1].shape;
  if (!in[0].quantized() && in[0].dtype != DType::f32)
    throw OpError(fmt::format("a convolution of {} is not supported", burin::name(in[0].dtype)), "unsupported-type");
  require_one_type(in);
  require(w.size() == in[0].shape.size(), "weights and input differ in rank");
  const int64_t wc = channels_last ? w.back() : w[1];
  require(x.c == wc * group, fmt::format("{} input channels for weights of {} in {} groups", x.c, wc, group));
  if (in.size() > 2 && !in[2].shape.empty())
    require(in[2].shape == Shape{w[0]}, fmt::format("bias has shape [{}], not [{}]", to_string(in[2].shape), w[0]));
  return {{in[0].dtype, window.out_shape(in[0].shape, channels_last, w[0]), {}}};
}

ConvShape Conv::shape(const Type& xt, const Type& yt) const {
  const Image x = image(xt.shape, true), y = image(yt.shape, true);
  return {to_int32(x.h),
          to_int32(x.w),
          to_int32(x.c),
          to_int32(y.h),
          to_int32(y.w),
          to_int32(y.c),
          to_int32(window.kernel[0]),
          to_int32(window.kernel[1]),
          to_int32(window.strides[0]),
          to_int32(window.strides[1]),
          to_int32(window.dilations[0]),
          to_int32(window.dilations[1]),
          to_int32(window.pads[0]),
          to_int32(window.pads[1]),
          to_int32(group)};
}

RequantRange requant_range(const Type& y, Clamp clamp) {
  const DTypeInfo& t = info(y.dtype);
  const Rational scale = exact(y.quant.scale[0]);
  const int32_t zero = y.quant.zero_point[0];
  // Rounding is monotone: round(clamp(v)) is round(v) limited to the rounded bounds.
  auto bound = [&](float v, int64_t open) {
    if (std::isinf(v)) return int32_t(open);
    return requantize_exactly({exact(v) / scale, 0, 1, 1}, {zero, int32_t(t.lo), int32_t(t.hi)}, 1);
  };
  return {zero, bound(clamp.lo, t.lo), bound(clamp.hi, t.hi)};
}

std::vector<RequantChannel> accumulator_channels(const Tensor& w, const Tensor* bias, const Tensor* offset,
                                                 const Type& x, const Type& y, std::span<const int16_t> weights,
                                                 std::span<const InputRange> ranges, int64_t group, bool padded) {
  const size_t channels = size_t(w.shape()[0]), filter_size = weights.size() / std::max<size_t>(channels, 1);
  const size_t inner = size_t(w.shape().back()), per_group = std::max<size_t>(channels / size_t(group), 1);
  const DTypeInfo& xt = info(x.dtype);
  const int64_t zero = x.quant.zero_point[0];
  const Rational sx = exact(x.quant.scale[0]), sy = exact(y.quant.scale[0]);
  std::vector<RequantChannel> all(channels);
  for (size_t o = 0; o < channels; ++o) {
    RequantChannel& c = all[o];
    c.scale = sx * exact(w.type().quant.scale_at(o)) / sy;
    c.offset = 0;
    if (bias && is_float(bias->dtype())) {
      c.offset = exact(float(bias->real(int64_t(o)))) / sy;
    } else if (bias) {
      const Quant& q = bias->type().quant;
      const Rational b(static_cast<long>(bias->integer(int64_t(o)) - (q.empty() ? 0 : q.zero_at(o))));
      c.offset = q.empty() ? Rational(b * c.scale) : Rational(b * exact(q.scale_at(o)) / sy);
    }
    if (offset) c.offset += Rational(static_cast<long>(offset->integer(int64_t(o)))) * c.scale;
    c.acc_lo = c.acc_hi = 0;
    const std::span<const int16_t> filter = weights.subspan(o * filter_size, filter_size);
    /// Products of `positive` weights and of `negative` ones, filter_size their sum, with inputs between lo and hi.
    const auto add = [&](int64_t positive, int64_t negative, int64_t lo, int64_t hi) {
      c.acc_lo += positive * lo + negative * hi;
      c.acc_hi += positive * hi + negative * lo;
    };
    if (ranges.empty()) {
      int64_t positive = 0, negative = 0;
      for (const int16_t v : filter) positive += std::max<int16_t>(v, 0), negative += std::min<int16_t>(v, 0);
      add(positive, negative, xt.lo - zero, xt.hi - zero);
      continue;
    }
    const std::span<const InputRange> read = ranges.subspan(o / per_group * inner, inner);
    for (size_t tap = 0; tap < filter_size; tap += inner)
      for (size_t i = 0; i < inner; ++i) {
        int64_t lo = read[i].lo - zero, hi = read[i].hi - zero;
        if (padded) lo = std::min<int64_t>(lo, 0), hi = std::max<int64_t>(hi, 0);
        const int64_t v = filter[tap + i];
        add(std::max<int64_t>(v, 0), std::min<int64_t>(v, 0), lo, hi);
      }
  }
  return all;
}

Requantization accumulator_requantization(const Tensor& w, const Tensor* bias, const Type& x, const Type& y,
                                          Clamp clamp, std::vector<int16_t>& weights, const Tensor* offset) {
  const RequantRange range = requant_range(y, clamp);
  std::vector<RequantChannel> all = accumulator_channels(w, bias, offset, x, y, weights);
  const size_t filter_size = weights.size() / std::max<size_t>(all.size(), 1);
  for (size_t o = 0; o < all.size(); ++o)
    if (constant_value(all[o], range)) {
      std::fill_n(weights.begin() + std::ptrdiff_t(o * filter_size), filter_size, int16_t{0});
      all[o].acc_lo = all[o].acc_hi = 0;
    }
  try {
    return plan_requantization(all, range);
  } catch (const std::overflow_error& e) {
    throw OpError(e.what(), "accumulator-overflow", "split the layer: its sums need more than 32 bits");
  }
}

void Conv::eval(Inputs in, Outputs out) const {
  if (!channels_last) return eval_channels_last(*this, in, out, 2);
  const Tensor &x = *in[0], &w = *in[1];
  const Tensor* bias = in.size() > 2 ? in[2] : nullptr;
  const ConvShape s = shape(x.type(), out[0].type());
  const int64_t batch = x.shape()[0], x_image = int64_t(s.ih) * s.iw * s.ic, y_image = int64_t(s.oh) * s.ow * s.oc;
  auto each_image = [&](auto x_type, auto&& kernel) {
    using X = decltype(x_type);
    std::vector<const X*> rows(size_t(s.rows(s.oh)));
    for (int64_t b = 0; b < batch; ++b) {
      image_rows(rows.data(), x.data<X>() + b * x_image, -s.pt, int32_t(rows.size()), s.ih, s.iw * s.ic);
      kernel(rows.data(), b * y_image);
    }
  };
  if (!x.type().quantized()) {
    require(x.dtype() == DType::f32, "convolution of this element type is not supported");
    each_image(float{}, [&](const float* const* rows, int64_t at) {
      conv_f32_ref(s, clamp.lo, clamp.hi, rows, s.oh, w.data<float>(), bias ? bias->data<float>() : nullptr,
                   out[0].data<float>() + at, nullptr);
    });
    return;
  }
  std::vector<int16_t> weights = centered(w);
  const Requantization q =
      accumulator_requantization(w, bias, x.type(), out[0].type(), clamp, weights, in.size() > 3 ? in[3] : nullptr);
  visit_dtype(x.dtype(), [&](auto xe) {
    visit_dtype(out[0].dtype(), [&](auto ye) {
      using X = decltype(xe);
      using Y = decltype(ye);
      if constexpr (sizeof(X) == 1 && sizeof(Y) == 1)
        each_image(xe, [&](const X* const* rows, int64_t at) {
          conv_q8_ref(s, q.device, x.type().quant.zero_point[0], rows, s.oh, weights.data(), q.params.data(),
                      out[0].data<Y>() + at, nullptr);
        });
    });
  });
}

}  // namespace burin
