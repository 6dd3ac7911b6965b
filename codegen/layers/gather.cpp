#include "codegen/layers/gather.h"

#include <algorithm>

#include "codegen/layers/common.h"
#include "compiler/ops/gather.h"
#include "runtime-min/kernels/gather.h"

namespace burin {
namespace {

/// Constant indices in the narrowest type that counts the axes.
NamedConstant packed_indices(const Tensor& t, const Shape& x) {
  const std::vector<int64_t> values = t.integers();
  const int64_t longest = x.empty() ? 1 : *std::ranges::max_element(x);
  if (longest <= INT8_MAX) return {"x1", constant_of<int8_t>(std::vector<int8_t>(values.begin(), values.end()))};
  if (longest <= INT16_MAX) return {"x1", constant_of<int16_t>(std::vector<int16_t>(values.begin(), values.end()))};
  return {"x1", constant_of<int32_t>(std::vector<int32_t>(values.begin(), values.end()))};
}

}  // namespace

std::optional<GatherLayer> GatherLayer::of(const LayerView& v) {
  const Gather* op = v.node.as<Gather>();
  if (!op || info(v.out().dtype).bits < 8) return std::nullopt;
  return GatherLayer{*op, v.out().elements()};
}

LayerCode lower_gather(const LayerView& v) {
  const GatherLayer& g = *v.as<GatherLayer>();
  if (g.n == 0) return nothing(v);
  const Type &x = v.in(0), &indices = v.in(1);
  const auto call = [&](std::string function, Struct shape) {
    return one_call("gather.h", {std::move(function), {}, with_operands({s_name}, 2)}, {{"s", std::move(shape)}});
  };
  LayerCode code;
  switch (g.op.kind) {
    case GatherKind::gather:
      code = call("gather", struct_of(gather_shape(g.op, x, indices)));
      break;
    case GatherKind::gather_elements:
      code = call("gather_elements", struct_of(gather_elements_shape(g.op, x, indices)));
      break;
    case GatherKind::gather_nd:
      code = call("gather_nd", struct_of(gather_nd_shape(g.op, x, indices)));
      break;
  }
  if (const Tensor* t = v.constant(1)) {
    code.constants = {packed_indices(*t, x.shape)};
    code.packed = {1};
  }
  return code;
}

}  // namespace burin
