#include "codegen/layers/softmax.h"

#include "codegen/layers/common.h"
#include "compiler/ops/softmax.h"

namespace burin {
std::optional<SoftmaxF32> SoftmaxF32::of(const LayerView& v) {
  const Softmax* op = v.node.as<Softmax>();
  if (!op || v.in(0).dtype != DType::f32 || v.out().dtype != DType::f32) return std::nullopt;
  return SoftmaxF32{op->shape(v.in(0)), op->kind == SoftmaxKind::log_softmax, v.out().elements()};
}

LayerCode lower_softmax_f32(const LayerView& v) {
  const SoftmaxF32& l = *v.as<SoftmaxF32>();
  if (l.n == 0) return nothing(v);
  return one_call("softmax.h", {"softmax_f32", {l.log ? "true" : "false"}, with_operands({s_name}, 1)},
                  {{"s", struct_of(l.s)}});
}

std::optional<SoftmaxQ8> SoftmaxQ8::of(const LayerView& v) {
  const Softmax* op = v.node.as<Softmax>();
  if (!op || !op->integer_form() || !is_q8(v.in(0)) || !is_q8(v.out())) return std::nullopt;
  return SoftmaxQ8{op->shape(v.in(0)), softmax_plan(v.in(0), v.out()), v.out().elements()};
}

LayerCode lower_softmax_q8(const LayerView& v) {
  const SoftmaxQ8& l = *v.as<SoftmaxQ8>();
  if (l.n == 0) return nothing(v);
  LayerCode code =
      one_call("softmax_s8.h", {"softmax_q8_ref", {}, with_operands({s_name, q_name, pointer("table")}, 1)},
               {{"s", struct_of(l.s)}, {"q", struct_of(l.plan.device)}});
  code.constants = {{"table", constant_of<uint32_t>(l.plan.table)}};
  code.requantize = "softmax";
  return code;
}

}  // namespace burin
