#include "codegen/layers/pool.h"

#include "compiler/ops/pool.h"

namespace burin {

std::optional<PoolLayer> PoolLayer::of(const LayerView& v) {
  const Reference* l = v.as<Reference>();
  const Pool* op = v.node.as<Pool>();
  if (!l || !op || !op->channels_last) return std::nullopt;
  PoolLayer p{op->shape(l->in[0], l->y), op->kind == PoolKind::max_pool, l->quantized(), 0};
  p.cells = double(l->n) * p.s.kh * p.s.kw;
  return p;
}

LayerCode lower_pool_average_f32_mve(const LayerView& v) {
  return with_kernel(lower_reference(v), "pool_f32_mve.h", "average_pool_f32_mve");
}
LayerCode lower_pool_average_q8_dsp(const LayerView& v) {
  return with_kernel(lower_reference(v), "pool_dsp.h", "average_pool_q8_dsp");
}
LayerCode lower_pool_average_q8_mve(const LayerView& v) {
  return with_kernel(lower_reference(v), "pool_mve.h", "average_pool_q8_mve");
}

}  // namespace burin
