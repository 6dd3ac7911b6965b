#include "codegen/layers/elementwise.h"

#include "codegen/layers/spelling.h"
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

std::string text(const WhereShape& s) {
  return fmt::format("{{{}, {}, {}, {}, {}}}", s.rank, axes(s.extent, s.rank), axes(s.condition, s.rank),
                     axes(s.a, s.rank), axes(s.b, s.rank));
}

}  // namespace

std::optional<UnaryReal> UnaryReal::of(const LayerView& v) {
  const Unary* op = v.node.as<Unary>();
  if (!op || !is_plain(v.in(0)) || !is_plain(v.out())) return std::nullopt;
  return UnaryReal{op, v.in(0).dtype, v.out().dtype, v.out().elements(), unary_cost(op->kind)};
}

LayerCode print_unary(const LayerView& v) {
  const UnaryReal& u = *v.as<UnaryReal>();
  if (u.n == 0) return nothing(v);
  const bool f32 = u.x == DType::f32 && u.y == DType::f32;
  if (u.x == DType::f64)  // functions have float32's precision
    return layer_code("unary.h", expand(R"(
        for (int32_t i = 0; i < $n$; ++i) y0[i] = $c_type$(burin::fn_$f$::eval($x$, $a$, $b$));
        )",
                                        {{"n", u.n},
                                         {"c_type", info(u.y).c_type},
                                         {"f", Unary::names[size_t(u.op->kind)]},
                                         {"x", takes_doubles(u.op->kind) ? "x0[i]" : "float(x0[i])"},
                                         {"a", cpp(u.op->alpha)},
                                         {"b", cpp(u.op->beta)}}));
  return layer_code("unary.h",
                    fmt::format("burin::{}<burin::fn_{}>({}, {}, {}, x0, y0);\n", f32 ? "unary_f32" : "unary",
                                Unary::names[size_t(u.op->kind)], u.n, cpp(u.op->alpha), cpp(u.op->beta)));
}

std::optional<UnaryQ8> UnaryQ8::of(const LayerView& v) {
  const Unary* op = v.node.as<Unary>();
  if (!op || !op->integer_form() || !is_q8(v.in(0)) || !is_q8(v.out())) return std::nullopt;
  return UnaryQ8{v.out().elements(), table(*op, v.in(0), v.out())};
}

namespace {

LayerCode print_lut(const LayerView& v, std::string header, std::string_view kernel) {
  const UnaryQ8& u = *v.as<UnaryQ8>();
  if (u.n == 0) return nothing(v);
  LayerCode code = layer_code(std::move(header), fmt::format("burin::{}({}, table, x0, y0);\n", kernel, u.n));
  code.constants = {{"table", constant_of<uint8_t>(u.values)}};
  code.requantize = "lut";
  return code;
}

}  // namespace

LayerCode print_lut_q8(const LayerView& v) { return print_lut(v, "lut.h", "lut_q8"); }
LayerCode print_lut_q8_mve(const LayerView& v) { return print_lut(v, "lut_mve.h", "lut_q8_mve"); }

std::optional<CastLayer> CastLayer::of(const LayerView& v) {
  if (!v.node.as<Cast>()) return std::nullopt;
  return CastLayer{v.in(0).dtype, v.out().dtype, v.out().elements()};
}

LayerCode print_cast(const LayerView& v) {
  const CastLayer& c = *v.as<CastLayer>();
  if (c.n == 0) return nothing(v);
  auto element = [](DType t) { return t == DType::boolean ? std::string_view("boolean") : name(t); };
  return layer_code("cast.h", fmt::format("burin::cast<burin::el_{}, burin::el_{}>({}, x0, y0);\n", element(c.from),
                                          element(c.to), c.n));
}

std::optional<WhereLayer> WhereLayer::of(const LayerView& v) {
  if (!v.node.as<Where>() || info(v.out().dtype).bits < 8) return std::nullopt;
  return WhereLayer{where_shape(v.in(0).shape, v.in(1).shape, v.in(2).shape), v.out().elements()};
}

LayerCode print_where(const LayerView& v) {
  const WhereLayer& w = *v.as<WhereLayer>();
  if (w.n == 0) return nothing(v);
  return layer_code("where.h",
                    fmt::format("constexpr burin::WhereShape s = {};\nburin::where(s, x0, x1, x2, y0);\n", text(w.s)));
}

}  // namespace burin
