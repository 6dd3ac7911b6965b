#include "compiler/ops/softmax.h"

#include <fmt/format.h>

#include "compiler/numerics/functions.h"
#include "compiler/ops/calls.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/elements.h"
#include "runtime-min/kernels/softmax.h"
#include "runtime-min/kernels/softmax_s8.h"

namespace burin {

template <class F>
void fields(SoftmaxQuant& s, F& f) {
  f(s.inverse), f(s.exponent), f(s.zero_point), f(s.lo), f(s.hi);
}

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

namespace {

SoftmaxShape softmax_shape(const Shape& x, size_t axis) {
  SoftmaxShape s{1, to_int32(x[axis]), 1};
  for (size_t d = 0; d < x.size(); ++d) {
    if (d < axis) s.outer = to_int32(s.outer * x[d]);
    if (d > axis) s.inner = to_int32(s.inner * x[d]);
  }
  return s;
}

/// Throws OpError for output scales that it has not enough bits for.
SoftmaxPlan softmax_plan(const Type& x, const Type& y) {
  try {
    return plan_softmax(exact(x.quant.scale[0]), exact(y.quant.scale[0]), requant_range(y, {}));
  } catch (const std::domain_error& e) {
    throw OpError(e.what(), "unsupported-quantization", "leave this operator in float");
  }
}

}  // namespace

std::optional<LayerCode> Softmax::call(std::span<const Type> in, const Type& y) const {
  const Type& x = in[0];
  const Struct s = struct_of(softmax_shape(x.shape, size_t(normalize_axis(axis, x.rank()))));
  if (!x.quantized()) {
    if (x.dtype != DType::f32 || y.dtype != DType::f32) return std::nullopt;
    return one_call("softmax.h",
                    {"softmax_f32", {kind == SoftmaxKind::log_softmax ? "true" : "false"}, with_operands({s_name}, 1)},
                    {{"s", s}});
  }
  if (!integer_form() || !is_q8(x) || !is_q8(y)) return std::nullopt;
  const SoftmaxPlan plan = softmax_plan(x, y);
  LayerCode code =
      one_call("softmax_s8.h", {"softmax_q8_ref", {}, with_operands({s_name, q_name, pointer("table")}, 1)},
               {{"s", s}, {"q", struct_of(plan.device)}});
  code.constants = {{"table", constant_of<uint32_t>(plan.table)}};
  code.requantize = "softmax";
  return code;
}

std::vector<HostEntry> Softmax::functions() {
  return {
      {"softmax_f32",
       [](const HostCall& c) { c.type(0) == "true" ? invoke(c, &softmax_f32<true>) : invoke(c, &softmax_f32<false>); }},
      BURIN_BYTES(softmax_q8_ref, 3, 4)};
}

}  // namespace burin
