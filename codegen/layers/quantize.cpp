#include "codegen/layers/quantize.h"

#include <algorithm>

#include "codegen/layers/spelling.h"
#include "compiler/ops/quantize.h"

namespace burin {
namespace {

/// The least int32 cannot be written as one literal.
std::string whole(int64_t v) { return v == INT32_MIN ? "-2147483647 - 1" : fmt::format("{}", v); }

/// The kernel on one run of `n` elements from `x` to `y`.
std::string call(const QuantizeLayer& l, int64_t n, std::string_view scale, std::string_view zero, std::string_view x,
                 std::string_view y) {
  if (!l.to_integer) return fmt::format("burin::dequantize_f32({}, {}, {}, {}, {});\n", n, scale, zero, x, y);
  return fmt::format("burin::quantize_f32({}, {}, {}, {}, {}, {}, {});\n", n, scale, zero, whole(info(l.stored).lo),
                     whole(info(l.stored).hi), x, y);
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

LayerCode print_quantize(const LayerView& v) {
  const QuantizeLayer& l = *v.as<QuantizeLayer>();
  if (l.n == 0) return nothing(v);
  LayerCode code = layer_code("quantize.h", "");
  const bool nibbles = info(l.stored).bits<8, cast_real = l.real_scratch()> 0;
  if (nibbles || cast_real) code.headers.push_back("cast.h");
  std::string real = l.to_integer ? "x0" : "y0", stored = l.to_integer ? "y0" : "x0";
  const std::string wide = l.stored == DType::i4 ? "i8" : "u8";
  if (cast_real) {
    code.body += "float* const r = static_cast<float*>(scratch);\n";
    real = "r";
  }
  if (nibbles) {
    const std::string_view c_type = l.stored == DType::i4 ? "int8_t" : "uint8_t";
    const std::string at = cast_real ? fmt::format("reinterpret_cast<{}*>(r + {})", c_type, l.real_scratch() / 4)
                                     : fmt::format("static_cast<{}*>(scratch)", c_type);
    code.body += fmt::format("{0}* const s = {1};\n", c_type, at);
    stored = "s";
  }
  auto cast = [&](std::string_view from, std::string_view to, std::string_view x, std::string_view y) {
    code.body += fmt::format("burin::cast<burin::el_{}, burin::el_{}>({}, {}, {});\n", from, to, l.n, x, y);
  };
  if (cast_real) cast(name(l.real), "f32", "x0", real);
  if (nibbles && !l.to_integer) cast(name(l.stored), wide, "x0", stored);

  const std::string &x = l.to_integer ? real : stored, &y = l.to_integer ? stored : real;
  if (l.channels == 1) {
    code.body += call(l, l.n, cpp(l.quant.scale[0]), fmt::format("{}", l.quant.zero_point[0]), x, y);
  } else {
    code.constants.push_back({"scales", constant_of<float>(l.quant.scale)});
    std::string zero = fmt::format("{}", l.quant.zero_point[0]);
    if (std::ranges::any_of(l.quant.zero_point, [&](int32_t z) { return z != l.quant.zero_point[0]; })) {
      code.constants.push_back({"zeros", constant_of<int32_t>(l.quant.zero_point)});
      zero = "zeros[c]";
    }
    const int64_t outer = l.n / (l.run * l.channels);
    const std::string at = fmt::format("({}c){}", outer == 1 ? "" : fmt::format("o * {} + ", l.channels),
                                       l.run == 1 ? "" : fmt::format(" * {}", l.run));
    const std::string step = call(l, l.run, "scales[c]", zero, x + " + " + at, y + " + " + at);
    const std::string inner = fmt::format("for (int32_t c = 0; c < {}; ++c) {}", l.channels, step);
    code.body += outer == 1 ? inner : fmt::format("for (int32_t o = 0; o < {}; ++o)\n  {}", outer, inner);
  }

  if (nibbles && l.to_integer) cast(wide, name(l.stored), stored, "y0");
  if (l.to_integer) code.requantize = "float";
  return code;
}

}  // namespace burin
