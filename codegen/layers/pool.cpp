#include "codegen/layers/pool.h"

#include "codegen/layers/common.h"
#include "compiler/ops/binary.h"
#include "compiler/ops/pool.h"

namespace burin {
std::optional<PoolLayer> PoolLayer::of(const LayerView& v) {
  const Pool* op = v.node.as<Pool>();
  if (!op || !op->channels_last) return std::nullopt;
  const Type &x = v.in(0), &y = v.out();
  PoolLayer p{op->shape(x, y), x.shape[0], op->kind == PoolKind::max_pool, x.quantized(), x.dtype, y.dtype, 0, {}, {}};
  if (p.quantized ? !is_q8(x) || !is_q8(y) : !is_plain(x) || x.dtype != y.dtype) return std::nullopt;
  if (!p.quantized && !p.max && x.dtype != DType::f32) return std::nullopt;
  p.cells = double(y.elements()) * p.s.kh * p.s.kw;
  if (p.quantized && p.max) p.table = operand_table(x, y, {});
  if (p.quantized && !p.max) p.average = pool_requantization(*op, x, y);
  return p;
}

namespace {

/// The call of a kernel over all rows.
LayerCode by_rows(const LayerView& v, std::string function, std::vector<Argument> arguments) {
  const PoolLayer& p = *v.as<PoolLayer>();
  const PoolShape& s = p.s;
  LayerCode code = one_call(std::string(v.node.kernel->header), {std::move(function), {}, std::move(arguments)},
                            {{"s", struct_of(s)}});
  code.headers.push_back("conv.h");  // image_rows
  code.body.calls[0].rows =
      RowLoop{p.batch, s.ih, s.iw * s.c, s.oh, s.ow * s.c, s.sh, s.rows(1), s.pt, v.node.rows, p.x};
  return code;
}

}  // namespace

LayerCode lower_pool_max_ref(const LayerView& v) {
  const PoolLayer& p = *v.as<PoolLayer>();
  if (v.out().elements() == 0) return nothing(v);
  if (p.table.empty()) return by_rows(v, "max_pool_ref", {s_name, Rows{}, RowCount{}, pointer("y")});
  LayerCode code = by_rows(v, "max_pool_q8_ref", {s_name, pointer("table"), Rows{}, RowCount{}, pointer("y")});
  code.constants = {{"table", constant_of<uint8_t>(p.table)}};
  code.requantize = "lut";
  return code;
}

namespace {

LayerCode average_f32(const LayerView& v, std::string function) {
  if (v.out().elements() == 0) return nothing(v);
  return by_rows(v, std::move(function), {s_name, Rows{}, RowCount{}, pointer("y")});
}

LayerCode average_q8(const LayerView& v, std::string function) {
  const PoolLayer& p = *v.as<PoolLayer>();
  if (v.out().elements() == 0) return nothing(v);
  const int64_t sets = int64_t(p.average.counts.size());
  LayerCode code =
      by_rows(v, std::move(function),
              {s_name, q_name, v.in(0).quant.zero_point[0], sets, sets > 1 ? pointer("counts") : Argument(Null{}),
               Rows{}, RowCount{}, pointer("p"), pointer("y")});
  requantization(p.average.requantization, code);
  if (sets > 1) code.constants.push_back({"counts", constant_of<int32_t>(p.average.counts)});
  return code;
}

}  // namespace

LayerCode lower_pool_average_f32_ref(const LayerView& v) { return average_f32(v, "average_pool_f32_ref"); }
LayerCode lower_pool_average_f32_mve(const LayerView& v) { return average_f32(v, "average_pool_f32_mve"); }
LayerCode lower_pool_average_q8_ref(const LayerView& v) { return average_q8(v, "average_pool_q8_ref"); }
LayerCode lower_pool_average_q8_dsp(const LayerView& v) { return average_q8(v, "average_pool_q8_dsp"); }
LayerCode lower_pool_average_q8_mve(const LayerView& v) { return average_q8(v, "average_pool_q8_mve"); }

}  // namespace burin
