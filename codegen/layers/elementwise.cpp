#include "codegen/layers/elementwise.h"

#include "codegen/layers/common.h"
#include "compiler/ops/cast.h"
#include "compiler/ops/unary.h"
#include "compiler/ops/where.h"

namespace burin {
namespace {

/// Rough cycles of one element, by how its table would be made: a few comparisons, or a function of math.h.
double unary_cost(UnaryKind kind) {
  constexpr double rational = 10, function = 90, none = 8;
  constexpr double costs[] = {
#define UNARY(name, onnx, a, a_default, b, b_default, types, result, exact) exact,
#define UNARY_ONLY_IR(...) UNARY(__VA_ARGS__)
#include "compiler/ops/unary.inc"
#undef UNARY
#undef UNARY_ONLY_IR
  };
  return costs[size_t(kind)];
}

/// Rows for every number are templates; those of reals and booleans take their own type.
bool takes_doubles(UnaryKind kind) {
  enum Takes { real, number, integer, boolean };
  constexpr Takes takes[] = {
#define UNARY(name, onnx, a, a_default, b, b_default, types, result, exact) types,
#define UNARY_ONLY_IR(...) UNARY(__VA_ARGS__)
#include "compiler/ops/unary.inc"
#undef UNARY
#undef UNARY_ONLY_IR
  };
  return takes[size_t(kind)] == number;
}

}  // namespace

std::optional<UnaryReal> UnaryReal::of(const LayerView& v) {
  const Unary* op = v.node.as<Unary>();
  if (!op || !is_plain(v.in(0)) || !is_plain(v.out())) return std::nullopt;
  return UnaryReal{*op, v.in(0).dtype, v.out().dtype, v.out().elements(), unary_cost(op->kind)};
}

LayerCode lower_unary(const LayerView& v) {
  const UnaryReal& u = *v.as<UnaryReal>();
  if (u.n == 0) return nothing(v);
  const bool f32 = u.x == DType::f32 && u.y == DType::f32;
  const char* function = f32 ? "unary_f32" : u.x == DType::f64 && !takes_doubles(u.op.kind) ? "unary_f64" : "unary";
  return one_call("unary.h", {function,
                              {fmt::format("fn_{}", Unary::names[size_t(u.op.kind)])},
                              with_operands({u.n, u.op.alpha, u.op.beta}, 1)});
}

std::optional<UnaryQ8> UnaryQ8::of(const LayerView& v) {
  const Unary* op = v.node.as<Unary>();
  if (!op || !op->integer_form() || !is_q8(v.in(0)) || !is_q8(v.out())) return std::nullopt;
  return UnaryQ8{v.out().elements(), table(*op, v.in(0), v.out())};
}

namespace {

LayerCode lower_lut(const LayerView& v, std::string header, std::string kernel) {
  const UnaryQ8& u = *v.as<UnaryQ8>();
  if (u.n == 0) return nothing(v);
  LayerCode code = one_call(std::move(header), {std::move(kernel), {}, with_operands({u.n, pointer("table")}, 1)});
  code.constants = {{"table", constant_of<uint8_t>(u.values)}};
  code.requantize = "lut";
  return code;
}

}  // namespace

LayerCode lower_lut_q8(const LayerView& v) { return lower_lut(v, "lut.h", "lut_q8"); }
LayerCode lower_lut_q8_mve(const LayerView& v) { return lower_lut(v, "lut_mve.h", "lut_q8_mve"); }

std::optional<CastLayer> CastLayer::of(const LayerView& v) {
  if (!v.node.as<Cast>()) return std::nullopt;
  return CastLayer{v.in(0).dtype, v.out().dtype, v.out().elements()};
}

LayerCode lower_cast(const LayerView& v) {
  const CastLayer& c = *v.as<CastLayer>();
  if (c.n == 0) return nothing(v);
  auto element = [](DType t) { return fmt::format("el_{}", t == DType::boolean ? "boolean" : name(t)); };
  return one_call("cast.h", {"cast", {element(c.from), element(c.to)}, with_operands({c.n}, 1)});
}

std::optional<WhereLayer> WhereLayer::of(const LayerView& v) {
  if (!v.node.as<Where>() || info(v.out().dtype).bits < 8) return std::nullopt;
  return WhereLayer{where_shape(v.in(0).shape, v.in(1).shape, v.in(2).shape), v.out().elements()};
}

LayerCode lower_where(const LayerView& v) {
  const WhereLayer& w = *v.as<WhereLayer>();
  if (w.n == 0) return nothing(v);
  return one_call("where.h", {"where", {}, with_operands({s_name}, 3)}, {{"s", struct_of(w.s)}});
}

}  // namespace burin
