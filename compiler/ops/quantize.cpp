#include "compiler/ops/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/ops/elements.h"
#include "runtime-min/kernels/quantize.h"

namespace burin {

Quant import_quant(const OnnxNode& node, size_t scale, size_t zero, int64_t axis, const Type& t) {
  const Tensor* s = node.constant(scale);
  if (!s)
    throw OpError(fmt::format("the scale (input {}) is computed at run time", scale), "dynamic-quantization",
                  "quantize the model statically: scales must be constants of the file");
  require(is_float(s->dtype()) && s->dtype() != DType::f64,
          fmt::format("the scale has type {}, not f32, f16 or bf16", name(s->dtype())));
  if (s->type().rank() > 1)
    throw OpError("blocked quantization (a scale of rank 2) is not supported", "unsupported-attribute");
  Quant q;
  for (int64_t i = 0; i < s->elements(); ++i) {
    const float v = float(s->real(i));
    if (!(v > 0) || !std::isfinite(v))
      throw OpError(fmt::format("scale[{}] is {}: scales are positive and finite", i, v), "invalid-scale",
                    "export the model again; calibration went wrong");
    q.scale.push_back(v);
  }
  require(!q.scale.empty(), "the scale has no elements");
  q.zero_point.assign(q.scale.size(), 0);
  if (node.has(zero)) {
    const Tensor* z = node.constant(zero);
    if (!z)
      throw OpError(fmt::format("the zero point (input {}) is computed at run time", zero), "dynamic-quantization");
    require(z->elements() == s->elements(), fmt::format("{} zero points for {} scales", z->elements(), s->elements()));
    for (int64_t i = 0; i < z->elements(); ++i) q.zero_point[size_t(i)] = int32_t(z->integer(i));
  }
  if (q.scale.size() == 1) return q;
  if (axis < -t.rank() || axis >= t.rank())
    throw OpError(fmt::format("attribute axis is {}, but the tensor has rank {}", axis, t.rank()), "axis-out-of-range",
                  fmt::format("the axis of {} scales must be one of extent {}; some converters write the axis of the "
                              "weights for the bias",
                              q.scale.size(), q.scale.size()));
  q.axis = normalize_axis(axis, t.rank());
  if (t.shape[size_t(q.axis)] != int64_t(q.scale.size()))
    throw OpError(
        fmt::format("{} scales along axis {}, which has extent {}", q.scale.size(), q.axis, t.shape[size_t(q.axis)]),
        "invalid-scale");
  return q;
}

void Quantize::import(OnnxNode& node) {
  const int64_t axis = node.integer("axis", 1);
  node.ignore({"saturate"});
  if (node.integer("block_size", 0) != 0)
    throw OpError("attribute block_size is not supported", "unsupported-attribute");
  const int64_t wanted = node.integer("output_dtype", 0);
  node.ignore({"precision"});
  Type y{DType::u8, node.type(0).shape, import_quant(node, 1, 2, axis, node.type(0))};
  if (node.has(2)) y.dtype = node.type(2).dtype;
  else if (wanted != 0) {
    const std::optional<DType> t = dtype_of_onnx(int(wanted));
    if (!t) throw OpError(fmt::format("attribute output_dtype {} is not supported", wanted), "unsupported-type");
    y.dtype = *t;
  }
  if (!is_integer(y.dtype))
    throw OpError(fmt::format("quantization to {} is not supported", name(y.dtype)), "unsupported-type");
  const ValueId x = node.input(0);
  const bool real = node.type(0).dtype == DType::f32;  // else float16, bfloat16 or int32
  node.result(node.emit_typed(Quantize{}, {real ? x : node.emit(Cast{DType::f32}, {x})}, y));
}

void Dequantize::import(OnnxNode& node) {
  const int64_t axis = node.integer("axis", 1);
  if (node.integer("block_size", 0) != 0)
    throw OpError("attribute block_size is not supported", "unsupported-attribute");
  const int64_t wanted = node.integer("output_dtype", 0);
  const std::optional<DType> real = wanted == 0 ? std::optional(node.type(1).dtype) : dtype_of_onnx(int(wanted));
  if (!real || !is_float(*real) || *real == DType::f64)
    throw OpError(fmt::format("attribute output_dtype {} is not supported", wanted), "unsupported-type");
  if (!is_integer(node.type(0).dtype))
    throw OpError(fmt::format("input 0 has type {}, which is not quantized", burin::name(node.type(0).dtype)));
  const ValueId x = node.with_quant(node.input(0), import_quant(node, 1, 2, axis, node.type(0)));
  result_as(node, 0, node.emit(Dequantize{}, {x}), *real);
}

std::vector<Type> Quantize::infer(std::span<const Type> in) const { return {{DType::i8, in[0].shape, {}}}; }
std::vector<Type> Dequantize::infer(std::span<const Type> in) const { return {real_type(DType::f32, in[0].shape)}; }

namespace {

/// Calls f(channel scale, channel zero point, first element, count) for every run of elements with one scale.
template <class F>
void each_run(const Quant& q, const Shape& shape, F&& f) {
  const int64_t total = elements(shape);
  if (q.axis < 0) return f(q.scale[0], q.zero_point[0], int64_t{0}, total);
  const int64_t run = dense_strides(shape)[size_t(q.axis)];
  for (int64_t i = 0; i < total; i += run) {
    const size_t c = size_t(i / run % shape[size_t(q.axis)]);
    f(q.scale[c], q.zero_point[c], i, run);
  }
}

}  // namespace

void Quantize::eval(Inputs in, Outputs out) const {
  const Type& y = out[0].type();
  std::vector<float> x(size_t(y.elements()));
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(in[0]->real(int64_t(i)));
  each_run(y.quant, y.shape, [&](float scale, int32_t zero, int64_t first, int64_t count) {
    std::vector<int32_t> r(static_cast<size_t>(count));
    quantize_f32(int32_t(count), scale, zero, int32_t(info(y.dtype).lo),
                 int32_t(std::min<int64_t>(info(y.dtype).hi, INT32_MAX)), x.data() + first, r.data());
    for (int64_t i = 0; i < count; ++i) out[0].set_integer(first + i, r[size_t(i)]);
  });
}

void Dequantize::eval(Inputs in, Outputs out) const {
  const Type& x = in[0]->type();
  each_run(x.quant, x.shape, [&](float scale, int32_t zero, int64_t first, int64_t count) {
    std::vector<int32_t> stored(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) stored[size_t(i)] = int32_t(in[0]->integer(first + i));
    dequantize_f32(int32_t(count), scale, zero, stored.data(), out[0].data<float>() + first);
  });
}

}  // namespace burin
