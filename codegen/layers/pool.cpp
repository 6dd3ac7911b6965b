#include "codegen/layers/pool.h"

#include <algorithm>

#include "compiler/ops/pool.h"

namespace burin {
namespace {

/// The call for as many input rows at a time as the node says.
LayerCode by_input_rows(const LayerView& v, std::string header, std::string function) {
  LayerCode code = with_kernel(lower_reference(v), std::move(header), std::move(function));
  Call& c = code.body.calls[0];
  c.rows->accumulates = true;
  if (c.rows->n <= 0) c.rows->n = c.rows->ih;
  c.arguments.insert(std::ranges::find(c.arguments, Argument(RowCount{})) + 1, FirstRow{});
  c.arguments.push_back(pointer("scratch"));
  return code;
}

}  // namespace

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
LayerCode lower_pool_rows_f32_ref(const LayerView& v) {
  return by_input_rows(v, "pool_rows.h", "average_pool_rows_f32_ref");
}
LayerCode lower_pool_rows_f32_mve(const LayerView& v) {
  return by_input_rows(v, "pool_rows_f32_mve.h", "average_pool_rows_f32_mve");
}
LayerCode lower_pool_rows_q8_ref(const LayerView& v) {
  return by_input_rows(v, "pool_rows.h", "average_pool_rows_q8_ref");
}
LayerCode lower_pool_rows_q8_dsp(const LayerView& v) {
  return by_input_rows(v, "pool_rows_dsp.h", "average_pool_rows_q8_dsp");
}
LayerCode lower_pool_rows_q8_mve(const LayerView& v) {
  return by_input_rows(v, "pool_rows_mve.h", "average_pool_rows_q8_mve");
}

}  // namespace burin
