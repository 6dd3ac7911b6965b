#include "codegen/layers/reduce.h"

#include "codegen/layers/spelling.h"
#include "compiler/ops/binary.h"
#include "compiler/ops/reduce.h"

namespace burin {
namespace {

std::string text(const ReduceShape& s) {
  return fmt::format("{{{}, {}, {}, {}, {}, {}, {}}}", s.kept_rank, s.reduced_rank, s.count, axes(s.kept, s.kept_rank),
                     axes(s.kept_stride, s.kept_rank), axes(s.reduced, s.reduced_rank),
                     axes(s.reduced_stride, s.reduced_rank));
}

std::string body(const ReduceShape& s, std::string_view declarations, std::string_view call) {
  return fmt::format("constexpr burin::ReduceShape s = {};\n{}burin::{};\n", text(s), declarations, call);
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

LayerCode print_reduce(const LayerView& v) {
  const ReduceReal& r = *v.as<ReduceReal>();
  if (v.out().elements() == 0) return nothing(v);
  if (r.kind == ReduceKind::log_sum_exp) return layer_code("reduce.h", body(r.s, "", "reduce_log_sum_exp(s, x0, y0)"));
  return layer_code("reduce.h", body(r.s, "", fmt::format("reduce<burin::fn_{}>(s, x0, y0)", name(v.node.op))));
}

LayerCode print_reduce_arg(const LayerView& v) {
  const ReduceReal& r = *v.as<ReduceReal>();
  if (v.out().elements() == 0) return nothing(v);
  return layer_code(
      "reduce.h",
      body(r.s, "", fmt::format("reduce_arg<{}, {}>(s, x0, y0)", r.kind == ReduceKind::arg_max, r.select_last)));
}

std::optional<ReduceQ8> ReduceQ8::of(const LayerView& v) {
  const Reduce* op = v.node.as<Reduce>();
  if (!op || !op->integer_form() || !is_q8(v.in(0)) || !is_q8(v.out())) return std::nullopt;
  ReduceQ8 r{op->kind, op->shape(v.in(0)), double(v.in(0).elements()), {}, {}};
  if (r.is_sum()) r.sum = reduce_requantization(*op, v.in(0), v.out());
  else r.table = operand_table(v.in(0), v.out(), {});
  return r;
}

LayerCode print_reduce_sum_q8(const LayerView& v) {
  const ReduceQ8& r = *v.as<ReduceQ8>();
  if (v.out().elements() == 0) return nothing(v);
  LayerCode code = layer_code("reduce.h", "");
  const std::string call = fmt::format("reduce_sum_q8(s, q, {}, p, x0, y0)", v.in(0).quant.zero_point[0]);
  code.body = body(r.s, requantization(r.sum, code), call);
  return code;
}

LayerCode print_reduce_extreme_q8(const LayerView& v) {
  const ReduceQ8& r = *v.as<ReduceQ8>();
  if (v.out().elements() == 0) return nothing(v);
  const std::string_view table = r.table.empty() ? "nullptr" : "table";
  LayerCode code = layer_code(
      "reduce.h", body(r.s, "", fmt::format("reduce_extreme_q8<burin::fn_{}>(s, {}, x0, y0)", name(v.node.op), table)));
  if (!r.table.empty()) {
    code.constants = {{"table", constant_of<uint8_t>(r.table)}};
    code.requantize = "lut";
  }
  return code;
}

}  // namespace burin
