#include "codegen/layers/quantize.h"

#include <algorithm>

#include "codegen/layers/common.h"
#include "compiler/ops/quantize.h"

namespace burin {
namespace {

/// The kernel on `n` elements from `x` to `y`.
Call call(const QuantizeLayer& l, int64_t n, Argument scale, Argument zero, Pointer x, Pointer y) {
  if (!l.to_integer) return {"dequantize_f32", {}, {n, std::move(scale), std::move(zero), std::move(x), std::move(y)}};
  return {"quantize_f32",
          {},
          {n, std::move(scale), std::move(zero), info(l.stored).lo, info(l.stored).hi, std::move(x), std::move(y)}};
}

}  // namespace

std::optional<QuantizeLayer> QuantizeLayer::of(const LayerView& v) {
  const bool to_integer = v.node.as<Quantize>() != nullptr;
  if (!to_integer && !v.node.as<Dequantize>()) return std::nullopt;
  const Type &stored = to_integer ? v.out() : v.in(0), &real = to_integer ? v.in(0) : v.out();
  const bool wide = stored.dtype == DType::u32 || info(stored.dtype).bits > 32;  // beyond the kernels' int32
  if (!stored.quantized() || !is_integer(stored.dtype) || wide || !is_float(real.dtype)) return std::nullopt;
  if (!to_integer && real.dtype != DType::f32) return std::nullopt;
  QuantizeLayer l{to_integer, real.dtype, stored.dtype, stored.quant, real.elements(), real.elements(), 1, 0};
  if (l.quant.axis >= 0 && l.n > 0) {
    l.run = dense_strides(stored.shape)[size_t(l.quant.axis)];
    l.channels = stored.shape[size_t(l.quant.axis)];
  }
  l.scratch = l.real_scratch() + (info(l.stored).bits < 8 ? l.n : 0);
  return l;
}

LayerCode lower_quantize_f32(const LayerView& v) {
  const QuantizeLayer& l = *v.as<QuantizeLayer>();
  if (l.n == 0) return nothing(v);
  LayerCode code;
  code.headers = {"quantize.h"};
  const bool nibbles = info(l.stored).bits<8, cast_real = l.real_scratch()> 0;
  if (nibbles || cast_real) code.headers.push_back("cast.h");
  Pointer real{l.to_integer ? "x0" : "y0"}, stored{l.to_integer ? "y0" : "x0"};
  const DType wide = l.stored == DType::i4 ? DType::i8 : DType::u8;
  if (cast_real) {
    code.body.locals.push_back({"r", DType::f32});
    real = {"r"};
  }
  if (nibbles) {
    code.body.locals.push_back({"s", wide, l.real_scratch()});
    stored = {"s"};
  }
  auto cast = [&](DType from, DType to, Pointer x, Pointer y) {
    code.body.calls.push_back({"cast",
                               {fmt::format("el_{}", name(from)), fmt::format("el_{}", name(to))},
                               {l.n, std::move(x), std::move(y)}});
  };
  if (cast_real) cast(l.real, DType::f32, {"x0"}, real);
  if (nibbles && !l.to_integer) cast(l.stored, wide, {"x0"}, stored);

  Pointer x = l.to_integer ? real : stored, y = l.to_integer ? stored : real;
  if (l.channels == 1) {
    code.body.calls.push_back(call(l, l.n, l.quant.scale[0], int64_t(l.quant.zero_point[0]), x, y));
  } else {
    const int64_t outer = l.n / (l.run * l.channels);
    std::vector<int32_t> loops{int32_t(l.channels)};
    std::vector<int64_t> strides{l.run}, channel{1};
    if (outer != 1) {
      loops.insert(loops.begin(), int32_t(outer));
      strides.insert(strides.begin(), l.run * l.channels);
      channel.insert(channel.begin(), 0);
    }
    x.strides = y.strides = strides;
    code.constants.push_back({"scales", constant_of<float>(l.quant.scale)});
    Argument zero = int64_t(l.quant.zero_point[0]);
    if (std::ranges::any_of(l.quant.zero_point, [&](int32_t z) { return z != l.quant.zero_point[0]; })) {
      code.constants.push_back({"zeros", constant_of<int32_t>(l.quant.zero_point)});
      zero = Element{{"zeros", 0, channel}};
    }
    code.body.calls.push_back(call(l, l.run, Element{{"scales", 0, channel}}, zero, x, y));
    code.body.calls.back().loops = loops;
  }

  if (nibbles && l.to_integer) cast(wide, l.stored, stored, {"y0"});
  if (l.to_integer) code.requantize = "float";
  return code;
}

LayerCode lower_dequantize_f32(const LayerView& v) { return lower_quantize_f32(v); }

}  // namespace burin
