#include "codegen/layers/softmax.h"

#include "codegen/layers/spelling.h"

namespace burin {
namespace {

std::string text(const SoftmaxShape& s) { return fmt::format("{{{}, {}, {}}}", s.outer, s.axis, s.inner); }

}  // namespace

std::optional<SoftmaxF32> SoftmaxF32::of(const LayerView& v) {
  const Softmax* op = v.node.as<Softmax>();
  if (!op || v.in(0).dtype != DType::f32 || v.out().dtype != DType::f32) return std::nullopt;
  return SoftmaxF32{op->shape(v.in(0)), op->kind == SoftmaxKind::log_softmax, v.out().elements()};
}

LayerCode print_softmax_f32(const LayerView& v) {
  const SoftmaxF32& l = *v.as<SoftmaxF32>();
  if (l.n == 0) return nothing(v);
  return layer_code("softmax.h", fmt::format("constexpr burin::SoftmaxShape s = {};\nburin::softmax_f32<{}>(s, x0, y0);\n", text(l.s), l.log));
}

}  // namespace burin
