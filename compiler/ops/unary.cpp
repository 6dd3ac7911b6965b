#include "compiler/ops/unary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/ops/binary.h"
#include "compiler/ops/calls.h"
#include "compiler/ops/elements.h"
#include "runtime-min/kernels/lut.h"
#include "runtime-min/kernels/unary.h"

namespace burin {
namespace {

using K = UnaryKind;

enum class Takes { real, number, integer, boolean };
enum class Gives { same, truth };
enum class Exact { rational, function, none };
struct Row {
  std::string_view onnx, alpha_name;
  float alpha;
  std::string_view beta_name;
  float beta;
  Takes takes;
  Gives gives;
  Exact exact;
};
constexpr Row kRows[] = {
#define UNARY(name, onnx_name, alpha_name, alpha, beta_name, beta, takes, gives, exact)                                \
  {#onnx_name, alpha_name, alpha, beta_name, beta, Takes::takes, Gives::gives, Exact::exact},
#define UNARY_ONLY_IR(name, onnx_name, alpha_name, alpha, beta_name, beta, takes, gives, exact)                        \
  {"", alpha_name, alpha, beta_name, beta, Takes::takes, Gives::gives, Exact::exact},
#include "compiler/ops/unary.inc"
#undef UNARY
#undef UNARY_ONLY_IR
};
const Row& row(K kind) { return kRows[size_t(kind)]; }

/// Clip: attributes before opset 11, optional inputs since. Bounds that are not known, and those of other types than
/// float32, make a maximum and a minimum.
void import_clip(OnnxNode& node) {
  const DType type = node.type(0).dtype;
  const ValueId x = computable(node, node.input(0));
  constexpr float inf = std::numeric_limits<float>::infinity();
  if (node.opset() < 11) {
    const float lo = node.real("min", -inf), hi = node.real("max", inf);
    return result_as(node, 0, node.emit(Unary{K::clip, lo, hi}, {x}), type);
  }
  const Tensor *lo = node.has(1) ? node.constant(1) : nullptr, *hi = node.has(2) ? node.constant(2) : nullptr;
  for (size_t i = 1; i <= 2; ++i)
    if (node.has(i)) require(node.type(i).elements() == 1, fmt::format("input {} is no scalar", i));
  if (computing_type(type) == DType::f32 && (lo || !node.has(1)) && (hi || !node.has(2))) {
    const Unary clip{K::clip, lo ? float(lo->real(0)) : -inf, hi ? float(hi->real(0)) : inf};
    return result_as(node, 0, node.emit(clip, {x}), type);
  }
  ValueId v = x;
  auto bound = [&](size_t i, BinaryKind kind) {
    if (node.has(i)) v = node.emit(Binary{kind, {}}, {v, reshape(node, computable(node, node.input(i)), {})});
  };
  bound(1, BinaryKind::max), bound(2, BinaryKind::min);
  result_as(node, 0, v, type);
}

}  // namespace

void Unary::import(OnnxNode& node) {
  const std::string_view op = node.op_type();
  node.ignore({"consumed_inputs"});
  if (op == "Clip") return import_clip(node);
  Unary u;
  u.kind = K(std::ranges::find(kRows, op, &Row::onnx) - kRows);
  const Row& r = row(u.kind);
  auto parameter = [&](std::string_view attribute, float fallback) {
    if (attribute.empty()) return fallback;
    return u.kind == K::is_inf ? float(node.integer(attribute, int64_t(fallback))) : node.real(attribute, fallback);
  };
  u.alpha = parameter(r.alpha_name, r.alpha), u.beta = parameter(r.beta_name, r.beta);
  if (op == "Selu" && node.opset() < 6) {  // the first version had shorter constants
    u.alpha = node.real("alpha", 1.6732f), u.beta = node.real("gamma", 1.0507f);
  }
  if (op == "Gelu") {
    const std::string form = node.text("approximate", "none");
    require(form == "none" || form == "tanh", fmt::format("attribute approximate is '{}'", form));
    if (form == "tanh") u.kind = K::gelu_tanh;
  }
  const DType type = node.type(0).dtype;
  const ValueId y = node.emit(u, {computable(node, node.input(0))});
  result_as(node, 0, y, r.gives == Gives::truth ? DType::boolean : type);
}

std::vector<Type> Unary::infer(std::span<const Type> in) const {
  const Type& x = in[0];
  const Row& r = row(kind);
  if (x.quantized()) {
    require(integer_form(), fmt::format("{} has no integer form", names[size_t(kind)]));
    return {{x.dtype, x.shape, {}}};
  }
  require_computable(x.dtype);
  const bool fits = r.takes == Takes::boolean   ? x.dtype == DType::boolean
                    : r.takes == Takes::integer ? is_integer(x.dtype)
                    : r.takes == Takes::real    ? is_float(x.dtype)
                                                : x.dtype != DType::boolean;
  if (!fits)
    throw OpError(fmt::format("{} of {} is not supported", names[size_t(kind)], burin::name(x.dtype)),
                  "unsupported-type");
  return {real_type(r.gives == Gives::truth ? DType::boolean : x.dtype, x.shape)};
}

bool Unary::integer_form() const { return row(kind).exact != Exact::none; }

std::optional<LayerCode> Unary::call(std::span<const Type> in, const Type& y) const {
  const Type& x = in[0];
  if (x.quantized()) {
    if (!integer_form() || !is_q8(x) || !is_q8(y)) return std::nullopt;
    LayerCode code = one_call("lut.h", {"lut_q8", {}, with_operands({y.elements(), pointer("table")}, 1)});
    lookup("table", table(*this, x, y), code);
    return code;
  }
  if (!is_plain(x) || !is_plain(y)) return std::nullopt;
  // Rows for every number are templates; those of reals and booleans take their own type.
  const bool f32 = x.dtype == DType::f32 && y.dtype == DType::f32;
  const bool f64 = x.dtype == DType::f64 && row(kind).takes != Takes::number;
  return one_call("unary.h", {f32   ? "unary_f32"
                              : f64 ? "unary_f64"
                                    : "unary",
                              {fmt::format("fn_{}", names[size_t(kind)])},
                              with_operands({y.elements(), alpha, beta}, 1)});
}

namespace {

/// f(Tag<fn_name>, takes, gives) of the row with the call's name.
template <class F>
void visit_row(const HostCall& c, F&& f) {
#define UNARY(name, onnx, alpha, a, beta, b, takes, gives, exact)                                                      \
  if (c.type(0) == "fn_" #name)                                                                                        \
    return f(Tag<fn_##name>{}, std::integral_constant<Takes, Takes::takes>{},                                          \
             std::integral_constant<Gives, Gives::gives>{});
#define UNARY_ONLY_IR(...) UNARY(__VA_ARGS__)
#include "compiler/ops/unary.inc"
#undef UNARY
#undef UNARY_ONLY_IR
  refuse(c, c.type(0));
}

/// A function of real numbers takes float32 only; booleans their bytes.
template <class T>
constexpr bool takes_type(Takes t) {
  return t == Takes::number || (t == Takes::real && std::is_same_v<T, float>) ||
         (t == Takes::integer && std::is_integral_v<T>) || (t == Takes::boolean && std::is_same_v<T, uint8_t>);
}

}  // namespace

std::vector<HostEntry> Unary::functions() {
  return {{"unary",
           [](const HostCall& c) {
             visit_row(c, [&](auto f, auto takes, auto gives) {
               using F = typename decltype(f)::type;
               visit_dtype(c.dtype(3), [&](auto e) {
                 using T = decltype(e);
                 if constexpr (takes_type<T>(takes()))
                   return invoke(c, &unary<F, T, std::conditional_t<gives() == Gives::truth, uint8_t, T>>);
                 refuse(c, "elements that it does not take");
               });
             });
           }},
          {"unary_f32",
           [](const HostCall& c) {
             visit_row(c, [&](auto f, auto takes, auto gives) {
               using F = typename decltype(f)::type;
               if constexpr (takes_type<float>(takes()) && gives() == Gives::same) return invoke(c, &unary_f32<F>);
               refuse(c, "elements that it does not take");
             });
           }},
          {"unary_f64",
           [](const HostCall& c) {
             visit_row(c, [&](auto f, auto takes, auto gives) {
               using F = typename decltype(f)::type;
               if constexpr (takes() == Takes::real)
                 return invoke(c, &unary_f64<F, std::conditional_t<gives() == Gives::truth, uint8_t, double>>);
               refuse(c, "elements that it does not take");
             });
           }},
          BURIN_BYTES(lut_q8, 2, 3)};
}

}  // namespace burin
