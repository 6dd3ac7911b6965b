#include "codegen/layers/softmax.h"

#include "codegen/layers/spelling.h"
#include "compiler/numerics/functions.h"

namespace burin {
namespace {

std::string text(const SoftmaxShape& s) { return fmt::format("{{{}, {}, {}}}", s.outer, s.axis, s.inner); }

}  // namespace

std::optional<SoftmaxF32> SoftmaxF32::of(const LayerView& v) {
  const Softmax* op = v.node.as<Softmax>();
  if (!op || v.in(0).dtype != DType::f32 || v.out().dtype != DType::f32) return std::nullopt;
  return SoftmaxF32{op->shape(v.in(0)), op->kind == SoftmaxKind::log_softmax, v.out().elements()};
}

std::optional<SoftmaxQ8> SoftmaxQ8::of(const LayerView& v) {
  const Softmax* op = v.node.as<Softmax>();
  if (!op || !op->integer_form() || !is_q8(v.in(0)) || !is_q8(v.out())) return std::nullopt;
  return SoftmaxQ8{op->shape(v.in(0)), v.out().elements()};
}

LayerCode print_softmax_q8(const LayerView& v) {
  const SoftmaxQ8& l = *v.as<SoftmaxQ8>();
  if (l.n == 0) return nothing(v);
  const SoftmaxPlan plan = softmax_plan(v.in(0), v.out());
  LayerCode code = layer_code("softmax_s8.h", expand(R"(
      constexpr burin::SoftmaxShape s = $shape$;
      constexpr burin::SoftmaxQuant q = {$inverse$u, $exponent$, $zero$, $lo$, $hi$};
      burin::softmax_q8_ref(s, q, powers, x0, y0);
      )", {{"shape", text(l.s)}, {"inverse", plan.device.inverse}, {"exponent", plan.device.exponent}, {"zero", plan.device.zero_point}, {"lo", plan.device.lo}, {"hi", plan.device.hi}}));
  code.constants.push_back(constant_array<uint32_t>("powers", plan.table));
  code.requantize = "softmax";
  return code;
}

LayerCode print_softmax_f32(const LayerView& v) {
  const SoftmaxF32& l = *v.as<SoftmaxF32>();
  if (l.n == 0) return nothing(v);
  return layer_code("softmax.h", fmt::format("constexpr burin::SoftmaxShape s = {};\nburin::softmax_f32<{}>(s, x0, y0);\n", text(l.s), l.log));
}

}  // namespace burin
