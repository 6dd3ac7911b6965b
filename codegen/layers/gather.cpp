#include "codegen/layers/gather.h"

#include <algorithm>

#include "codegen/layers/reference.h"
#include "compiler/ops/gather.h"

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
  const Reference* l = v.as<Reference>();
  return l && l->op.is<Gather>() ? std::optional(GatherLayer{l->n}) : std::nullopt;
}

LayerCode lower_gather(const LayerView& v) {
  LayerCode code = lower_reference(v);
  if (const Tensor* t = v.constant(1); t && !code.body.calls.empty()) {
    code.constants = {packed_indices(*t, v.in(0).shape)};
    code.packed = {1};
  }
  return code;
}

}  // namespace burin
