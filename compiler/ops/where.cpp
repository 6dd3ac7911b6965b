#include "compiler/ops/where.h"

#include <fmt/format.h>

#include "compiler/ops/elements.h"
#include "runtime-min/kernels/where.h"

namespace burin {

void Where::import(OnnxNode& node) { node.result(node.emit(Where{}, {node.input(0), node.input(1), node.input(2)})); }

std::vector<Type> Where::infer(std::span<const Type> in) const {
  require(in[0].dtype == DType::boolean,
          fmt::format("the condition has type {}, not boolean", burin::name(in[0].dtype)));
  require(in[1].dtype == in[2].dtype,
          fmt::format("operands of types {} and {}", burin::name(in[1].dtype), burin::name(in[2].dtype)));
  require(in[1].quant == in[2].quant, "the operands differ in scale or zero point");
  return {
      {per_tensor(in[1], "selection").dtype, broadcast_shapes({in[0].shape, in[1].shape, in[2].shape}), in[1].quant}};
}

WhereShape where_shape(const Shape& condition, const Shape& a, const Shape& b) {
  const Shape y = broadcast_shapes({condition, a, b});
  const Axes axes = merge_axes(y, {broadcast_strides(condition, y), broadcast_strides(a, y), broadcast_strides(b, y)});
  WhereShape s{int32_t(axes.extent.size()), {}, {}, {}, {}};
  for (size_t d = 0; d < axes.extent.size(); ++d) {
    s.extent[d] = to_int32(axes.extent[d]);
    s.condition[d] = to_int32(axes.strides[0][d]);
    s.a[d] = to_int32(axes.strides[1][d]);
    s.b[d] = to_int32(axes.strides[2][d]);
  }
  return s;
}

void Where::eval(Inputs in, Outputs out) const {
  if (info(out[0].dtype()).bits < 8) throw OpError("selection of 4-bit elements is not supported", "unsupported-type");
  const WhereShape s = where_shape(in[0]->shape(), in[1]->shape(), in[2]->shape());
  visit_dtype(out[0].dtype(), [&](auto e) {
    using T = decltype(e);
    where(s, in[0]->data<uint8_t>(), in[1]->data<T>(), in[2]->data<T>(), out[0].data<T>());
  });
}

}  // namespace burin
