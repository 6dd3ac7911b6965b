#include "compiler/ops/where.h"

#include <fmt/format.h>

#include "compiler/ops/calls.h"
#include "compiler/ops/elements.h"
#include "runtime-min/kernels/where.h"

namespace burin {

template <class F>
void fields(WhereShape& s, F& f) {
  f(s.rank), f(s.extent, s.rank), f(s.condition, s.rank), f(s.a, s.rank), f(s.b, s.rank);
}

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

std::optional<LayerCode> Where::call(std::span<const Type> in, const Type& y) const {
  if (info(y.dtype).bits < 8) return std::nullopt;
  std::vector<Shape> strides;
  for (const Type& t : in) strides.push_back(broadcast_strides(t.shape, y.shape));
  const Axes axes = merge_axes(y.shape, strides);
  WhereShape s{int32_t(axes.extent.size()), {}, {}, {}, {}};
  for (size_t d = 0; d < axes.extent.size(); ++d) {
    s.extent[d] = to_int32(axes.extent[d]);
    s.condition[d] = to_int32(axes.strides[0][d]);
    s.a[d] = to_int32(axes.strides[1][d]);
    s.b[d] = to_int32(axes.strides[2][d]);
  }
  return one_call("where.h", {"where", {}, with_operands({s_name}, 3)}, {{"s", struct_of(s)}});
}

std::vector<HostEntry> Where::functions() {
  return {
      {"where", [](const HostCall& c) { visit_dtype(c.dtype(4), [&](auto e) { invoke(c, &where<decltype(e)>); }); }}};
}

}  // namespace burin
