#include "compiler/ops/binary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>

#include "compiler/numerics/pairs.h"
#include "compiler/ops/calls.h"
#include "compiler/ops/cast.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/elements.h"
#include "compiler/ops/requantization.h"
#include "runtime-min/kernels/binary_f32_mve.h"
#include "runtime-min/kernels/binary_mve.h"

namespace burin {
namespace {

using K = BinaryKind;

enum class Takes { number, integer, boolean, any };
enum class Gives { same, truth };
struct Row {
  std::string_view onnx;
  Takes takes;
  Gives gives;
};
constexpr Row kRows[] = {
#define BINARY(name, onnx_name, takes, gives) {#onnx_name, Takes::takes, Gives::gives},
#define BINARY_ONLY_IR(name, onnx_name, takes, gives) {"", Takes::takes, Gives::gives},
#include "compiler/ops/binary.inc"
#undef BINARY
#undef BINARY_ONLY_IR
};
const Row& row(K kind) { return kRows[size_t(kind)]; }

void check_type(K kind, DType t) {
  require_computable(t);
  const Takes takes = row(kind).takes;
  const bool fits = takes == Takes::any || (takes == Takes::number && t != DType::boolean) ||
                    (takes == Takes::integer && is_integer(t)) || (takes == Takes::boolean && t == DType::boolean);
  if (!fits)
    throw OpError(fmt::format("{} of {} is not supported", Binary::names[size_t(kind)], name(t)), "unsupported-type");
}

/// Before opset 7, b is only broadcast when asked to, from axis `axis` of a (default: its last axes).
ValueId old_broadcast(OnnxNode& node) {
  const bool asked = node.integer("broadcast", 0) != 0;
  const Shape &a = node.type(0).shape, &b = node.type(1).shape;
  if (!asked || !node.has_attribute("axis")) return node.input(1);
  const size_t axis = size_t(normalize_axis(node.integer("axis"), int(a.size())));
  require(axis + b.size() <= a.size(),
          fmt::format("attribute axis {} leaves no room for input 1 of rank {}", axis, b.size()));
  Shape wide = b;
  wide.resize(a.size() - axis, 1);
  return reshape(node, node.input(1), wide);
}

/// Sum, Mean, Max, Min of any number of operands.
void import_chain(OnnxNode& node, K kind, bool mean) {
  const DType type = node.type(0).dtype;
  ValueId v = computable(node, node.input(0));
  for (size_t i = 1; i < node.input_count(); ++i) v = node.emit(Binary{kind, {}}, {v, computable(node, node.input(i))});
  if (mean) v = node.emit(Binary{K::div, {}}, {v, scalar(node, computing_type(type), double(node.input_count()))});
  result_as(node, 0, v, type);
}

/// The exponent may have another type: the real power, in the base's type.
void import_pow(OnnxNode& node) {
  const DType base = node.type(0).dtype, exponent = node.type(1).dtype;
  const bool real = is_float(base) || is_float(exponent);
  const DType work = base == DType::f64 ? base : real ? DType::f32 : base;
  auto as = [&](ValueId v, DType from) { return from == work ? v : node.emit(Cast{work}, {v}); };
  const ValueId b = node.opset() < 7 ? old_broadcast(node) : node.input(1);
  result_as(node, 0, node.emit(Binary{K::pow, {}}, {as(node.input(0), base), as(b, exponent)}), base);
}

}  // namespace

void Binary::import(OnnxNode& node) {
  const std::string_view op = node.op_type();
  node.ignore({"consumed_inputs"});
  if (op == "Sum" || op == "Mean") return import_chain(node, K::add, op == "Mean");
  if (op == "Max" || op == "Min") return import_chain(node, op == "Max" ? K::max : K::min, false);
  if (op == "Pow") return import_pow(node);
  Binary b;
  b.kind = K(std::ranges::find(kRows, op, &Row::onnx) - kRows);
  const DType type = node.type(0).dtype;
  if (op == "Mod") {
    if (node.integer("fmod", 0) != 0) b.kind = K::fmod;
    else require(!is_float(type), "attribute fmod is 0, but the operands are floats");
  } else if (op == "BitShift") {
    const std::string direction = node.text("direction");
    require(direction == "LEFT" || direction == "RIGHT", fmt::format("attribute direction is '{}'", direction));
    if (direction == "RIGHT") b.kind = K::shift_right;
  }
  ValueId second = node.opset() < 7 && op != "PRelu" ? old_broadcast(node) : node.input(1);
  if (op == "PRelu") {
    // Before opset 7 (and still written by exporters) a vector holds one slope per channel, axis 1.
    const Shape &x = node.type(0).shape, &slope = node.type(1).shape;
    if (node.opset() < 7 && slope.size() == 1 && x.size() > 2 && slope[0] == x[1]) {
      Shape wide(x.size() - 1, 1);
      wide[0] = slope[0];
      second = reshape(node, second, wide);
    }
  }
  const ValueId y = node.emit(b, {computable(node, node.input(0)), computable(node, second)});
  if (row(b.kind).gives == Gives::truth) node.result(y);
  else result_as(node, 0, y, type);
}

std::vector<Type> Binary::infer(std::span<const Type> in) const {
  Type y{in[0].dtype, broadcast_shapes({in[0].shape, in[1].shape}), {}};
  if (in[0].quantized() || in[1].quantized()) {
    require(in[0].quantized() && in[1].quantized(), "one operand is quantized, the other is not");
    require(integer_form(), fmt::format("{} has no integer form", names[size_t(kind)]));
    return {y};
  }
  require(in[0].dtype == in[1].dtype,
          fmt::format("operands of types {} and {}", burin::name(in[0].dtype), burin::name(in[1].dtype)));
  check_type(kind, y.dtype);
  if (row(kind).gives == Gives::truth) y.dtype = DType::boolean;
  return {y};
}

BinaryShape binary_shape(const Shape& a, const Shape& b) {
  const Shape y = broadcast_shapes({a, b});
  const Axes axes = merge_axes(y, {broadcast_strides(a, y), broadcast_strides(b, y)});
  BinaryShape s{int32_t(axes.extent.size()), {}, {}, {}};
  for (size_t d = 0; d < axes.extent.size(); ++d) {
    s.extent[d] = to_int32(axes.extent[d]);
    s.a[d] = to_int32(axes.strides[0][d]);
    s.b[d] = to_int32(axes.strides[1][d]);
  }
  return s;
}

RequantChannel product_channel(const Type& a, const Type& b, const Type& y) {
  const int64_t a_lo = info(a.dtype).lo - a.quant.zero_point[0], a_hi = info(a.dtype).hi - a.quant.zero_point[0];
  const int64_t b_lo = info(b.dtype).lo - b.quant.zero_point[0], b_hi = info(b.dtype).hi - b.quant.zero_point[0];
  const auto [lo, hi] = std::minmax({a_lo * b_lo, a_lo * b_hi, a_hi * b_lo, a_hi * b_hi});
  const Rational scale = exact(a.quant.scale[0]) * exact(b.quant.scale[0]) / exact(y.quant.scale[0]);
  return {scale, 0, lo, hi};
}

namespace {

AddPlan add_plan(const Binary& op, const Type& a, const Type& b, const Type& y) {
  // Passes that follow ranges evaluate the layer that is printed in the end: its proof over all pairs is kept.
  struct Known {
    Binary op;
    std::array<Type, 3> types;
    AddPlan plan;
  };
  constexpr size_t kMost = 16;
  thread_local std::deque<Known> known;
  const auto as_scalar = [](const Type& t) { return Type{t.dtype, {}, t.quant}; };
  const std::array<Type, 3> types{as_scalar(a), as_scalar(b), as_scalar(y)};
  for (const Known& k : known)
    if (k.op == op && k.types == types) return k.plan;
  const Rational sy = exact(y.quant.scale[0]), ka = exact(a.quant.scale[0]) / sy, kb = exact(b.quant.scale[0]) / sy;
  auto range = [](const Type& t) { return OperandRange{int32_t(info(t.dtype).lo), int32_t(info(t.dtype).hi)}; };
  known.push_back({op, types,
                   plan_add(ka, a.quant.zero_point[0], op.kind == K::sub ? Rational(-kb) : kb, b.quant.zero_point[0],
                            requant_range(y, op.clamp), range(a), range(b))});
  if (known.size() > kMost) known.pop_front();
  return known.back().plan;
}

}  // namespace

std::vector<uint8_t> operand_table(const Type& operand, const Type& y, Clamp clamp) {
  if (operand.dtype == y.dtype && operand.quant == y.quant && clamp.none()) return {};
  const RequantRange range = requant_range(y, clamp);
  const Rational scale = exact(operand.quant.scale[0]) / exact(y.quant.scale[0]);
  const DTypeInfo& t = info(operand.dtype);
  std::vector<uint8_t> r(256);
  for (int64_t stored = t.lo; stored <= t.hi; ++stored) {
    const int64_t acc = stored - operand.quant.zero_point[0];
    r[uint8_t(stored)] = uint8_t(requantize_exactly({scale, 0, acc, acc}, range, acc));
  }
  return r;
}

namespace {

LayerCode quantized_sum(const Binary& op, const Type& a, const Type& b, const Type& y, const Struct& s) {
  const AddPlan plan = add_plan(op, a, b, y);
  const std::string table = plan.device.kind == RequantAddKind::table ? "table" : "";
  LayerCode code = one_call("binary.h", {"add_q8", {}, with_operands({s_name, q_name}, 2)},
                            {{"s", s}, {"q", struct_of(plan.device, table)}});
  if (!table.empty()) code.constants = {{table, constant_of<uint8_t>(plan.table)}};
  code.requantize = "add_" + name_of(plan.device.kind);
  return code;
}

LayerCode quantized_product(const Binary& op, const Type& a, const Type& b, const Type& y, const Struct& s) {
  const Argument a_zero = a.quant.zero_point[0], b_zero = b.quant.zero_point[0];
  LayerCode code = one_call(
      "binary.h", {"mul_q8", {}, with_operands({s_name, q_name, a_zero, b_zero, pointer("p")}, 2)}, {{"s", s}});
  requantization(plan_sums({product_channel(a, b, y)}, requant_range(y, op.clamp)), code);
  return code;
}

}  // namespace

std::optional<LayerCode> Binary::call(std::span<const Type> in, const Type& y) const {
  const Type &a = in[0], &b = in[1];
  const Struct s = struct_of(binary_shape(a.shape, b.shape));
  const std::string fn = fmt::format("fn_{}", names[size_t(kind)]);
  if (!a.quantized()) {
    if (!is_plain(a) || !is_plain(b) || !is_plain(y)) return std::nullopt;
    if (y.dtype != DType::f32) return one_call("binary.h", {"binary", {fn}, with_operands({s_name}, 2)}, {{"s", s}});
    return one_call("binary.h", {"binary_f32", {fn}, with_operands({s_name, clamp.lo, clamp.hi}, 2)}, {{"s", s}});
  }
  if (!integer_form() || !is_q8(a) || !is_q8(b) || !is_q8(y)) return std::nullopt;
  if (is_sum()) return quantized_sum(*this, a, b, y, s);
  if (is_product()) return quantized_product(*this, a, b, y, s);
  LayerCode code = one_call("binary.h", {"extreme_q8", {fn}, {s_name}}, {{"s", s}});
  const Argument a_table = lookup("a_table", operand_table(a, y, clamp), code),
                 b_table = lookup("b_table", operand_table(b, y, clamp), code);
  code.body.calls[0].arguments = with_operands({s_name, a_table, b_table}, 2);
  return code;
}

namespace {

/// f(Tag<fn_name>, takes, gives) of the row with the call's name.
template <class F>
void visit_row(const HostCall& c, F&& f) {
#define BINARY(name, onnx, takes, gives)                                                                               \
  if (c.type(0) == "fn_" #name)                                                                                        \
    return f(Tag<fn_##name>{}, std::integral_constant<Takes, Takes::takes>{},                                          \
             std::integral_constant<Gives, Gives::gives>{});
#define BINARY_ONLY_IR(...) BINARY(__VA_ARGS__)
#include "compiler/ops/binary.inc"
#undef BINARY
#undef BINARY_ONLY_IR
  refuse(c, c.type(0));
}

template <class T>
constexpr bool takes_type(Takes t) {
  return t == Takes::any || t == Takes::number || (t == Takes::integer && std::is_integral_v<T>) ||
         (t == Takes::boolean && std::is_same_v<T, uint8_t>);
}

/// f(Tag<A>, Tag<B>, Tag<Y>) of the last three arguments.
template <class F>
void visit_operands(const HostCall& c, F&& f) {
  const size_t y = c.values.size() - 1;
  visit_q8(c, y - 2, y - 1, [&](auto a, auto b) { visit_q8(c, c.dtype(y), [&](auto e) { f(a, b, e); }); });
}
#define OPERANDS(function)                                                                                             \
  {                                                                                                                    \
#function, [](const HostCall& c) {                                                                                 \
      visit_operands(c, [&](auto a, auto b, auto y) {                                                                  \
        invoke(c, &function<typename decltype(a)::type, typename decltype(b)::type, typename decltype(y)::type>);      \
      });                                                                                                              \
    }   \
  }
#define EXTREME(function)                                                                                              \
  {                                                                                                                    \
#function, [](const HostCall& c) {                                                                                 \
      visit_operands(c, [&](auto a, auto b, auto y) {                                                                  \
        using A = typename decltype(a)::type;                                                                          \
        using B = typename decltype(b)::type;                                                                          \
        using Y = typename decltype(y)::type;                                                                          \
        if (c.type(0) == "fn_min") return invoke(c, &function<fn_min, A, B, Y>);                                       \
        if (c.type(0) == "fn_max") return invoke(c, &function<fn_max, A, B, Y>);                                       \
        refuse(c, c.type(0));                                                                                          \
      });                                                                                                              \
    }   \
  }

template <class F>
void f32_mve(const HostCall& c) {
  if (c.type(1) == "1" && c.type(2) == "1") return invoke(c, &binary_f32_mve<F, 1, 1>);
  if (c.type(1) == "1" && c.type(2) == "0") return invoke(c, &binary_f32_mve<F, 1, 0>);
  if (c.type(1) == "0" && c.type(2) == "1") return invoke(c, &binary_f32_mve<F, 0, 1>);
  refuse(c, "strides that it does not take");
}

}  // namespace

std::vector<HostEntry> Binary::functions() {
  return {{"binary",
           [](const HostCall& c) {
             visit_row(c, [&](auto f, auto takes, auto gives) {
               using F = typename decltype(f)::type;
               visit_dtype(c.dtype(1), [&](auto e) {
                 using T = decltype(e);
                 if constexpr (takes_type<T>(takes()))
                   return invoke(c, &binary<F, T, std::conditional_t<gives() == Gives::truth, uint8_t, T>>);
                 refuse(c, "elements that it does not take");
               });
             });
           }},
          {"binary_f32",
           [](const HostCall& c) {
             visit_row(c, [&](auto f, auto takes, auto gives) {
               using F = typename decltype(f)::type;
               if constexpr (takes_type<float>(takes()) && gives() == Gives::same) return invoke(c, &binary_f32<F>);
               refuse(c, "elements that it does not take");
             });
           }},
          {"binary_f32_mve",
           [](const HostCall& c) {
             if (c.type(0) == "fn_add") return f32_mve<fn_add>(c);
             if (c.type(0) == "fn_sub") return f32_mve<fn_sub>(c);
             if (c.type(0) == "fn_mul") return f32_mve<fn_mul>(c);
             refuse(c, c.type(0));
           }},
          OPERANDS(add_q8),
          OPERANDS(add_q8_mve),
          OPERANDS(mul_q8),
          OPERANDS(mul_q8_mve),
          EXTREME(extreme_q8),
          EXTREME(extreme_q8_mve)};
}

}  // namespace burin
