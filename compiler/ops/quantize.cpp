#include "compiler/ops/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/ops/calls.h"
#include "compiler/ops/cast.h"
#include "compiler/ops/elements.h"
#include "runtime-min/kernels/quantize.h"

namespace burin {

void require_stored(const OnnxNode& node, std::initializer_list<size_t> inputs) {
  for (size_t i : inputs)
    if (node.has(i) && !is_integer(node.type(i).dtype))
      throw OpError(fmt::format("input {} has type {}, which is not quantized", i, name(node.type(i).dtype)));
}

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
  require_stored(node, {0});
  const ValueId x = node.with_quant(node.input(0), import_quant(node, 1, 2, axis, node.type(0)));
  result_as(node, 0, node.emit(Dequantize{}, {x}), *real);
}

std::vector<Type> Quantize::infer(std::span<const Type> in) const { return {{DType::i8, in[0].shape, {}}}; }
std::vector<Type> Dequantize::infer(std::span<const Type> in) const { return {real_type(DType::f32, in[0].shape)}; }

namespace {

/// The kernel on `n` elements from `x` to `y`.
Call call_on(bool to_integer, DType stored, int64_t n, Argument scale, Argument zero, Pointer x, Pointer y) {
  if (!to_integer) return {"dequantize_f32", {}, {n, std::move(scale), std::move(zero), std::move(x), std::move(y)}};
  return {"quantize_f32",
          {},
          {n, std::move(scale), std::move(zero), info(stored).lo, info(stored).hi, std::move(x), std::move(y)}};
}

/// Between `real` and `stored`, of one shape. What is quantized from another type than float32 passes through float32
/// in scratch memory, 4-bit integers through bytes.
std::optional<LayerCode> conversion(bool to_integer, DType real_type, const Type& stored_type) {
  const DType dtype = stored_type.dtype;
  const Quant& quant = stored_type.quant;
  const bool wide = dtype == DType::u32 || info(dtype).bits > 32;  // beyond the kernels' int32
  if (!stored_type.quantized() || !is_integer(dtype) || wide || !is_float(real_type)) return std::nullopt;
  if (!to_integer && real_type != DType::f32) return std::nullopt;

  LayerCode code;
  code.headers = {"quantize.h"};
  const int64_t n = stored_type.elements();
  const bool nibbles = info(dtype).bits < 8, cast_real = real_type != DType::f32;
  if (nibbles || cast_real) code.headers.push_back("cast.h");
  Pointer real{to_integer ? "x0" : "y0"}, stored{to_integer ? "y0" : "x0"};
  const DType byte = dtype == DType::i4 ? DType::i8 : DType::u8;
  if (cast_real) {
    code.body.locals.push_back({"r", DType::f32});
    code.scratch = (4 * n + 15) / 16 * 16;
    real = {"r"};
  }
  if (nibbles) {
    code.body.locals.push_back({"s", byte, code.scratch});
    code.scratch += n;
    stored = {"s"};
  }
  auto cast = [&](DType from, DType to, Pointer x, Pointer y) {
    code.body.calls.push_back({"cast", {element_struct(from), element_struct(to)}, {n, std::move(x), std::move(y)}});
  };
  if (cast_real) cast(real_type, DType::f32, {"x0"}, real);
  if (nibbles && !to_integer) cast(dtype, byte, {"x0"}, stored);

  Pointer x = to_integer ? real : stored, y = to_integer ? stored : real;
  const int64_t channels = quant.axis < 0 ? 1 : stored_type.shape[size_t(quant.axis)];
  if (channels == 1) {
    code.body.calls.push_back(call_on(to_integer, dtype, n, quant.scale[0], int64_t(quant.zero_point[0]), x, y));
  } else {
    const int64_t run = dense_strides(stored_type.shape)[size_t(quant.axis)], outer = n / (run * channels);
    std::vector<int32_t> loops{int32_t(channels)};
    std::vector<int64_t> strides{run}, channel{1};
    if (outer != 1) {
      loops.insert(loops.begin(), int32_t(outer));
      strides.insert(strides.begin(), run * channels);
      channel.insert(channel.begin(), 0);
    }
    x.strides = y.strides = strides;
    code.constants.push_back({"scales", constant_of<float>(quant.scale)});
    Argument zero = int64_t(quant.zero_point[0]);
    if (std::ranges::any_of(quant.zero_point, [&](int32_t z) { return z != quant.zero_point[0]; })) {
      code.constants.push_back({"zeros", constant_of<int32_t>(quant.zero_point)});
      zero = Element{{"zeros", 0, channel}};
    }
    code.body.calls.push_back(call_on(to_integer, dtype, run, Element{{"scales", 0, channel}}, zero, x, y));
    code.body.calls.back().loops = loops;
  }

  if (nibbles && to_integer) cast(byte, dtype, stored, {"y0"});
  if (to_integer) code.requantize = "float";
  return code;
}

}  // namespace

std::optional<LayerCode> Quantize::call(std::span<const Type> in, const Type& y) const {
  return conversion(true, in[0].dtype, y);
}
std::optional<LayerCode> Dequantize::call(std::span<const Type> in, const Type& y) const {
  return conversion(false, y.dtype, in[0]);
}

std::vector<HostEntry> Quantize::functions() {
  return {{"quantize_f32",
           [](const HostCall& c) {
             visit_dtype(c.dtype(6), [&](auto e) {
               using Y = decltype(e);
               if constexpr (std::is_integral_v<Y> && sizeof(Y) <= 4) return invoke(c, &quantize_f32<Y>);
               refuse(c, "elements that it does not make");
             });
           }},
          {"dequantize_f32", [](const HostCall& c) {
             visit_dtype(c.dtype(3), [&](auto e) {
               using X = decltype(e);
               if constexpr (std::is_integral_v<X> && sizeof(X) <= 4) return invoke(c, &dequantize_f32<X>);
               refuse(c, "elements that it does not take");
             });
           }}};
}

}  // namespace burin
