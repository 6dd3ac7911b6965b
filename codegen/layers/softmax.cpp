#include "codegen/layers/softmax.h"

#include "codegen/layers/spelling.h"
#include "compiler/ops/softmax.h"

namespace burin {
namespace {

std::string text(const SoftmaxShape& s) { return fmt::format("{{{}, {}, {}}}", s.outer, s.axis, s.inner); }
std::string text(const SoftmaxQuant& q) {
  return fmt::format("{{{}u, {}, {}, {}, {}}}", q.inverse, q.exponent, q.zero_point, q.lo, q.hi);
}

}  // namespace

std::optional<SoftmaxF32> SoftmaxF32::of(const LayerView& v) {
  const Softmax* op = v.node.as<Softmax>();
  if (!op || v.in(0).dtype != DType::f32 || v.out().dtype != DType::f32) return std::nullopt;
  return SoftmaxF32{op->shape(v.in(0)), op->kind == SoftmaxKind::log_softmax, v.out().elements()};
}

LayerCode print_softmax_f32(const LayerView& v) {
  const SoftmaxF32& l = *v.as<SoftmaxF32>();
  if (l.n == 0) return nothing(v);
  return layer_code(
      "softmax.h",
      fmt::format("constexpr burin::SoftmaxShape s = {};\nburin::softmax_f32<{}>(s, x0, y0);\n", text(l.s), l.log));
}

std::optional<SoftmaxQ8> SoftmaxQ8::of(const LayerView& v) {
  const Softmax* op = v.node.as<Softmax>();
  if (!op || !op->integer_form() || !is_q8(v.in(0)) || !is_q8(v.out())) return std::nullopt;
  return SoftmaxQ8{op->shape(v.in(0)), softmax_plan(v.in(0), v.out()), v.out().elements()};
}

LayerCode print_softmax_q8(const LayerView& v) {
  const SoftmaxQ8& l = *v.as<SoftmaxQ8>();
  if (l.n == 0) return nothing(v);
  LayerCode code = layer_code("softmax_s8.h", fmt::format("constexpr burin::SoftmaxShape s = {};\n"
                                                          "constexpr burin::SoftmaxQuant q = {};\n"
                                                          "burin::softmax_q8_ref(s, q, table, x0, y0);\n",
                                                          text(l.s), text(l.plan.device)));
  code.constants = {{"table", constant_of<uint32_t>(l.plan.table)}};
  code.requantize = "softmax";
  return code;
}

}  // namespace burin
