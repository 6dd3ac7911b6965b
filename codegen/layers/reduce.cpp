#include "codegen/layers/reduce.h"

#include "codegen/layers/common.h"
#include "compiler/ops/binary.h"
#include "compiler/ops/reduce.h"

namespace burin {
namespace {

LayerCode reduction(const ReduceShape& s, std::string function, std::vector<std::string> types,
                    std::vector<Argument> before = {s_name}) {
  return one_call("reduce.h", {std::move(function), std::move(types), with_operands(std::move(before), 1)},
                  {{"s", struct_of(s)}});
}

}  // namespace

std::optional<ReduceReal> ReduceReal::of(const LayerView& v) {
  const Reduce* op = v.node.as<Reduce>();
  if (!op) return std::nullopt;
  ReduceReal r{op->kind, op->select_last, {}, double(v.in(0).elements())};
  // The order of stored integers is that of what they stand for.
  const Type x = r.is_arg() ? Type{v.in(0).dtype, {}, {}} : v.in(0);
  if (!is_plain(x)) return std::nullopt;
  r.s = op->shape(v.in(0));
  return r;
}

LayerCode lower_reduce(const LayerView& v) {
  const ReduceReal& r = *v.as<ReduceReal>();
  if (v.out().elements() == 0) return nothing(v);
  if (r.kind == ReduceKind::log_sum_exp) return reduction(r.s, "reduce_log_sum_exp", {});
  return reduction(r.s, "reduce", {fmt::format("fn_{}", name(v.node.op))});
}

LayerCode lower_reduce_arg(const LayerView& v) {
  const ReduceReal& r = *v.as<ReduceReal>();
  if (v.out().elements() == 0) return nothing(v);
  return reduction(r.s, "reduce_arg",
                   {r.kind == ReduceKind::arg_max ? "true" : "false", r.select_last ? "true" : "false"});
}

std::optional<ReduceQ8> ReduceQ8::of(const LayerView& v) {
  const Reduce* op = v.node.as<Reduce>();
  if (!op || !op->integer_form() || !is_q8(v.in(0)) || !is_q8(v.out())) return std::nullopt;
  ReduceQ8 r{op->kind, op->shape(v.in(0)), double(v.in(0).elements()), {}, {}};
  if (r.is_sum()) r.sum = reduce_requantization(*op, v.in(0), v.out());
  else r.table = operand_table(v.in(0), v.out(), {});
  return r;
}

LayerCode lower_reduce_sum_q8(const LayerView& v) {
  const ReduceQ8& r = *v.as<ReduceQ8>();
  if (v.out().elements() == 0) return nothing(v);
  LayerCode code = reduction(r.s, "reduce_sum_q8", {}, {s_name, q_name, v.in(0).quant.zero_point[0], pointer("p")});
  requantization(r.sum, code);
  return code;
}

LayerCode lower_reduce_extreme_q8(const LayerView& v) {
  const ReduceQ8& r = *v.as<ReduceQ8>();
  if (v.out().elements() == 0) return nothing(v);
  LayerCode code = reduction(r.s, "reduce_extreme_q8", {fmt::format("fn_{}", name(v.node.op))},
                             {s_name, r.table.empty() ? Argument(Null{}) : pointer("table")});
  if (!r.table.empty()) {
    code.constants = {{"table", constant_of<uint8_t>(r.table)}};
    code.requantize = "lut";
  }
  return code;
}

}  // namespace burin
