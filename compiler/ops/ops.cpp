#include "compiler/ops/ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <utility>

#include "compiler/limits.h"
#include "compiler/onnx/composites.h"
#include "compiler/ops/all.h"
#include "compiler/ops/calls.h"
#include "compiler/ops/constants.h"

namespace burin {
namespace {

/// A family has one name for each of its kinds.
template <class T>
concept Family = requires(T t) {
  t.kind;
};

template <class T>
std::string_view name_of(const T& op) {
  if constexpr (Family<T>) return T::names[size_t(op.kind)];
  else return T::names[0];
}

}  // namespace

std::string_view name(const Op& op) {
  return visit<std::string_view>(op, [](const auto& o) { return name_of(o); });
}

Op op_of_name(std::string_view wanted) {
  static const std::map<std::string_view, Op> all = [] {
    std::map<std::string_view, Op> m;
    for_each_operator([&]<class T>() {
      for (size_t k = 0; k < std::size(T::names); ++k) {
        T op;
        if constexpr (Family<T>) op.kind = static_cast<decltype(op.kind)>(k);
        if (!m.emplace(T::names[k], std::move(op)).second)
          throw InternalError(fmt::format("two operators are named '{}'", T::names[k]));
      }
    });
    return m;
  }();
  const auto it = all.find(wanted);
  if (it == all.end()) throw std::invalid_argument(fmt::format("there is no operator '{}'", wanted));
  return it->second;
}

Arity inputs(const Op& op) {
  return visit<Arity>(op, []<class T>(const T&) { return T::inputs; });
}

QuantRule quant_rule(const Op& op) {
  return visit<QuantRule>(op, []<class T>(const T&) { return T::quant; });
}

std::vector<Type> infer(const Op& op, std::span<const Type> in) {
  return visit<std::vector<Type>>(op, [&](const auto& o) { return o.infer(in); });
}

std::optional<LayerCode> call(const Op& op, std::span<const Type> in, const Type& y) {
  return visit<std::optional<LayerCode>>(op, [&]<class T>(const T& o) -> std::optional<LayerCode> {
    if constexpr (!HasCall<T>) return std::nullopt;
    else return y.elements() == 0 ? nothing(in.size()) : o.call(in, y);
  });
}

HostFunction host_function(const std::string& name) {
  static const HostFunctions all = [] {
    HostFunctions m;
    for (const HostEntry& e : common_functions()) m.emplace(e.name, e.function);
    for_each_operator([&]<class T>() {
      if constexpr (requires { T::functions(); })
        for (const HostEntry& e : T::functions())
          if (!m.emplace(e.name, e.function).second) throw InternalError(fmt::format("two functions {}", e.name));
    });
    return m;
  }();
  const auto it = all.find(name);
  return it == all.end() ? nullptr : it->second;
}

void eval(const Op& op, Inputs in, Outputs out) {
  visit(op, [&]<class T>(const T& o) {
    if constexpr (HasEval<T>) o.eval(in, out);
    else eval_call(o, in, out[0]);
  });
}

const Traits& traits(const Op& op) {
  return *visit<const Traits*>(op, []<class T>(const T&) -> const Traits* {
    static constexpr Traits kNone;
    if constexpr (requires { T::traits; }) return &T::traits;
    else return &kNone;
  });
}

bool permute_axes(Op& op, const std::vector<int64_t>& perm) {
  return visit<bool>(op, [&](auto& o) {
    if constexpr (requires(AxisOrder order) { o.permute_axes(order); }) return o.permute_axes(AxisOrder(perm)), true;
    else return traits(op).elementwise;
  });
}

ChannelRole channel_role(const Op& op, const Type& x) {
  return visit<ChannelRole>(op, [&](const auto& o) {
    if constexpr (requires { o.channels(x); }) return o.channels(x);
    else return traits(op).elementwise ? ChannelRole::hands_on : ChannelRole::other;
  });
}

int channel_axis(const Op& op, int rank) {
  const bool* last = channels_last_of(op);
  return last && !*last ? 1 : rank - 1;
}

std::optional<Clamp> limits(const Op& op) {
  return visit<std::optional<Clamp>>(op, [](const auto& o) -> std::optional<Clamp> {
    if constexpr (requires { o.limits(); }) return o.limits();
    else return std::nullopt;
  });
}

std::optional<Clamp> range(const Op& op) {
  return visit<std::optional<Clamp>>(op, [](const auto& o) -> std::optional<Clamp> {
    if constexpr (requires { o.range(); }) return o.range();
    else return std::nullopt;
  });
}

bool within_operands(const Op& op) {
  return visit<bool>(op, []<class T>(const T& o) {
    if constexpr (requires { o.within_operands(); }) return o.within_operands();
    else return T::quant == QuantRule::movement;
  });
}

// ATTRIBUTE_OF(type, name): a pointer to the attribute of that name.
#define ATTRIBUTE_OF(type, name)                                                                                       \
  type* name##_of(Op& op) {                                                                                            \
    return visit<type*>(op, [](auto& o) -> type* {                                                                     \
      if constexpr (requires { &o.name; }) return &o.name;                                                             \
      else return nullptr;                                                                                             \
    });                                                                                                                \
  }
ATTRIBUTE_OF(Clamp, clamp)
ATTRIBUTE_OF(int64_t, group)
ATTRIBUTE_OF(bool, channels_last)
ATTRIBUTE_OF(Window, window)
ATTRIBUTE_OF(Shape, shape)
#undef ATTRIBUTE_OF

bool has_integer_form(const Op& op, std::span<const Type> in, const Type& out) {
  return visit<bool>(op, [&]<class T>(const T& o) {
    if constexpr (requires { o.integer_form(in, out); }) return bool(o.integer_form(in, out));
    else if constexpr (requires { o.integer_form(); }) return bool(o.integer_form());
    else return T::quant == QuantRule::arithmetic;
  });
}

// Multiply-adds: each element of the result is a sum of as many products as one row of the second operand has.

namespace {

int64_t products(const Conv&, std::span<const Type> in) {
  return elements(in[1].shape) / std::max<int64_t>(1, in[1].shape[0]);
}
int64_t products(const Dense&, std::span<const Type> in) { return in[1].shape.back(); }
int64_t products(const MatMul&, std::span<const Type> in) { return in[0].shape.back(); }

}  // namespace

int64_t macs(const Op& op, std::span<const Type> in, std::span<const Type> out) {
  return visit<int64_t>(op, [&](const auto& o) -> int64_t {
    if constexpr (requires { products(o, in); }) return out[0].elements() * products(o, in);
    else return 0;
  });
}

void spend(Spending& spent, const Op& op, std::span<const Type> in, std::span<const Type> out) {
  int64_t bytes = 0;
  for (const Type& t : out) bytes += t.bytes();
  if (op.is<Reshape>()) return spent.expect(bytes);
  double steps = double(macs(op, in, out));
  for (const Type& t : in) steps += double(t.elements());
  if (const Pool* p = op.as<Pool>())
    steps += double(out[0].elements()) * double(p->window.kernel[0]) * double(p->window.kernel[1]);
  spent.fold(bytes, steps);
}

Importer importer(std::string_view onnx_op) {
  static const std::map<std::string_view, Importer> all = [] {
    std::map<std::string_view, Importer> m;
    for_each_operator([&]<class T>() {
      for (std::string_view onnx : T::onnx) m.emplace(onnx, &T::import);
    });
    for (const Composite& c : composites()) m.emplace(c.onnx, c.import);
    return m;
  }();
  const auto it = all.find(onnx_op);
  return it == all.end() ? nullptr : it->second;
}

namespace {

/// The IR name where it is not ONNX's in another spelling.
constexpr std::pair<std::string_view, std::string_view> kRenamed[] = {
#define BINARY(name, onnx, ...) {#onnx, #name},
#define UNARY(name, onnx, ...) {#onnx, #name},
#define BINARY_ONLY_IR(...)
#define UNARY_ONLY_IR(...)
#include "compiler/ops/binary.inc"
#include "compiler/ops/unary.inc"
#undef BINARY
#undef UNARY
#undef BINARY_ONLY_IR
#undef UNARY_ONLY_IR
    {"Mean", "add"},
    {"Sum", "add"},
    {"GlobalMaxPool", "max_pool"},
    {"GlobalAveragePool", "average_pool"},
};

/// "ReduceMean" and "reduce_mean" are the same name.
std::string letters_of(std::string_view s) {
  std::string r;
  for (char c : s)
    if (c != '_') r += char(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return r;
}

template <class T>
std::string_view ir_name(std::string_view onnx) {
  for (const auto& [from, to] : kRenamed)
    if (from == onnx) return to;
  for (std::string_view n : T::names)
    if (letters_of(n) == letters_of(onnx)) return n;
  return T::names[0];
}

/// Families have members that are computed in real numbers only.
template <class T>
bool quantizes(const T& op) {
  if constexpr (requires { op.integer_form(); }) return op.integer_form() || T::quant != QuantRule::arithmetic;
  return true;
}

}  // namespace

std::vector<SupportedOp> supported_operators() {
  std::vector<SupportedOp> all;
  for_each_operator([&]<class T>() {
    for (std::string_view onnx : T::onnx) {
      const std::string_view ir = ir_name<T>(onnx);
      all.push_back({onnx, ir, quantizes(*op_of_name(ir).as<T>()) ? T::quant : QuantRule::none});
    }
  });
  // Those that only make constants, and the one whose branch is taken at compile time.
  for (std::string_view onnx : {"Constant", "ConstantOfShape", "EyeLike", "NonZero", "Range", "Shape", "Size"})
    if (is_constant_op(onnx)) all.push_back({onnx, "constant", QuantRule::none});
  all.push_back({"If", "(inlined)", QuantRule::none});
  for (const Composite& c : composites()) all.push_back({c.onnx, c.becomes, QuantRule::none});
  std::ranges::sort(all, {}, &SupportedOp::onnx);
  return all;
}

}  // namespace burin
