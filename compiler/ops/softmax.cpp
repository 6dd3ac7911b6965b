#include "compiler/ops/softmax.h"

#include <fmt/format.h>

#include "compiler/numerics/functions.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/elements.h"
#include "runtime-min/kernels/softmax.h"
#include "runtime-min/kernels/softmax_s8.h"

namespace burin {

void Softmax::import(OnnxNode& node) {
  Softmax s;
  s.kind = node.op_type() == "LogSoftmax" ? SoftmaxKind::log_softmax : SoftmaxKind::softmax;
  const Shape x = node.type(0).shape;
  const DType type = node.type(0).dtype;
  const int rank = int(x.size());
  const ValueId v = computable(node, node.input(0));
  if (node.opset() >= 13) {
    s.axis = normalize_axis(node.integer("axis", -1), rank);
    return result_as(node, 0, node.emit(s, {v}), type);
  }
  // Once the input was a matrix: the axes from `axis` on are one.
  const int64_t given = node.integer("axis", 1);
  const int axis = given == rank ? rank : normalize_axis(given, rank);
  int64_t outer = 1, inner = 1;
  for (int d = 0; d < rank; ++d) (d < axis ? outer : inner) *= x[size_t(d)];
  if (axis == rank - 1) {
    s.axis = axis;
    return result_as(node, 0, node.emit(s, {v}), type);
  }
  s.axis = 1;
  result_as(node, 0, reshape(node, node.emit(s, {reshape(node, v, {outer, inner})}), x), type);
}

std::vector<Type> Softmax::infer(std::span<const Type> in) const {
  normalize_axis(axis, in[0].rank());
  require(in[0].quantized() || in[0].dtype == DType::f32,
          fmt::format("{} of {} is not supported", names[size_t(kind)], burin::name(in[0].dtype)));
  require(!in[0].quantized() || integer_form(), "log_softmax has no integer form");
  return {{in[0].dtype, in[0].shape, {}}};
}

SoftmaxShape Softmax::shape(const Type& x) const {
  const size_t a = size_t(normalize_axis(axis, x.rank()));
  SoftmaxShape s{1, to_int32(x.shape[a]), 1};
  for (size_t d = 0; d < x.shape.size(); ++d) {
    if (d < a) s.outer = to_int32(s.outer * x.shape[d]);
    if (d > a) s.inner = to_int32(s.inner * x.shape[d]);
  }
  return s;
}

SoftmaxPlan softmax_plan(const Type& x, const Type& y) {
  try {
    return plan_softmax(exact(x.quant.scale[0]), exact(y.quant.scale[0]), requant_range(y, {}));
  } catch (const std::domain_error& e) {
    throw OpError(e.what(), "unsupported-quantization", "leave this operator in float");
  }
}

void Softmax::eval(Inputs in, Outputs out) const {
  const Tensor& x = *in[0];
  const SoftmaxShape s = shape(x.type());
  if (x.type().quantized()) {
    const SoftmaxPlan plan = softmax_plan(x.type(), out[0].type());
    visit_byte(x.dtype(), [&](auto xe) {
      visit_byte(out[0].dtype(), [&](auto ye) {
        softmax_q8_ref(s, plan.device, plan.table.data(), x.data<decltype(xe)>(), out[0].data<decltype(ye)>());
      });
    });
    return;
  }
  if (kind == SoftmaxKind::log_softmax) softmax_f32<true>(s, x.data<float>(), out[0].data<float>());
  else softmax_f32<false>(s, x.data<float>(), out[0].data<float>());
}

}  // namespace burin
