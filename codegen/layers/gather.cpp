#include "codegen/layers/gather.h"

#include <algorithm>

#include "codegen/layers/spelling.h"
#include "compiler/ops/gather.h"
#include "runtime-min/kernels/gather.h"

namespace burin {
namespace {

std::string text(const GatherShape& s) { return fmt::format("{{{}, {}, {}, {}}}", s.outer, s.axis, s.inner, s.count); }
std::string text(const GatherElementsShape& s) {
  return fmt::format("{{{}, {}, {}, {}, {}}}", s.rank, s.axis, s.limit, axes(s.extent, s.rank), axes(s.from, s.rank));
}
std::string text(const GatherNdShape& s) {
  return fmt::format("{{{}, {}, {}, {}, {}, {}, {}}}", s.batch, s.part, s.count, s.depth, s.inner,
                     axes(s.extent, s.depth), axes(s.stride, s.depth));
}

/// Constant indices in the narrowest type that counts the axes.
LayerConstant packed_indices(const Tensor& t, const Shape& x) {
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
  return GatherLayer{op, v.out().elements()};
}

LayerCode print_gather(const LayerView& v) {
  const GatherLayer& g = *v.as<GatherLayer>();
  if (g.n == 0) return nothing(v);
  const Type &x = v.in(0), &indices = v.in(1);
  const auto body = [](std::string_view shape, const std::string& values, std::string_view kernel) {
    return fmt::format("constexpr burin::{} s = {};\nburin::{}(s, x0, x1, y0);\n", shape, values, kernel);
  };
  LayerCode code = layer_code("gather.h", "");
  switch (g.op->kind) {
    case GatherKind::gather:
      code.body = body("GatherShape", text(gather_shape(*g.op, x, indices)), "gather");
      break;
    case GatherKind::gather_elements:
      code.body = body("GatherElementsShape", text(gather_elements_shape(*g.op, x, indices)), "gather_elements");
      break;
    case GatherKind::gather_nd:
      code.body = body("GatherNdShape", text(gather_nd_shape(*g.op, x, indices)), "gather_nd");
      break;
  }
  if (const Tensor* t = v.constant(1)) {
    code.constants = {packed_indices(*t, x.shape)};
    code.packed = {1};
  }
  return code;
}

}  // namespace burin
