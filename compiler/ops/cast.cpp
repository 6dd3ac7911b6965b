#include "compiler/ops/cast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "compiler/ops/elements.h"
#include "runtime-min/kernels/cast.h"

namespace burin {
namespace {

/// Attribute `to`: a number, before opset 6 a name.
DType wanted_type(OnnxNode& node) {
  if (node.opset() >= 6) {
    const int64_t to = node.integer("to");
    const std::optional<DType> t = dtype_of_onnx(int(to));
    if (!t) throw OpError(fmt::format("a cast to element type {} is not supported", to), "unsupported-type");
    return *t;
  }
  static constexpr std::pair<std::string_view, DType> kNames[] = {
      {"FLOAT", DType::f32},  {"DOUBLE", DType::f64}, {"FLOAT16", DType::f16}, {"INT8", DType::i8},
      {"UINT8", DType::u8},   {"INT16", DType::i16},  {"UINT16", DType::u16},  {"INT32", DType::i32},
      {"UINT32", DType::u32}, {"INT64", DType::i64},  {"UINT64", DType::u64},  {"BOOL", DType::boolean}};
  const std::string to = node.text("to");
  for (const auto& [text, t] : kNames)
    if (text == to) return t;
  throw OpError(fmt::format("a cast to '{}' is not supported", to), "unsupported-type");
}

/// Calls f with the el_ struct of `t`.
template <class F>
void visit_element(DType t, F&& f) {
  switch (t) {
    case DType::f32:
      return f(el_f32{});
    case DType::f64:
      return f(el_f64{});
    case DType::f16:
      return f(el_f16{});
    case DType::bf16:
      return f(el_bf16{});
    case DType::i8:
      return f(el_i8{});
    case DType::u8:
      return f(el_u8{});
    case DType::i16:
      return f(el_i16{});
    case DType::u16:
      return f(el_u16{});
    case DType::i32:
      return f(el_i32{});
    case DType::u32:
      return f(el_u32{});
    case DType::i64:
      return f(el_i64{});
    case DType::u64:
      return f(el_u64{});
    case DType::boolean:
      return f(el_boolean{});
    case DType::i4:
      return f(el_i4{});
    case DType::u4:
      return f(el_u4{});
  }
}

}  // namespace

void Cast::import(OnnxNode& node) {
  node.ignore({"saturate", "round_mode"});  // of float8 types only
  const DType t = node.op_type() == "CastLike" ? node.type(1).dtype : wanted_type(node);
  node.result(node.type(0).dtype == t ? node.input(0) : node.emit(Cast{t}, {node.input(0)}));
}

std::vector<Type> Cast::infer(std::span<const Type> in) const { return {real_type(to, in[0].shape)}; }

void Cast::eval(Inputs in, Outputs out) const {
  visit_element(in[0]->dtype(), [&](auto from) {
    visit_element(to, [&](auto into) {
      using From = decltype(from);
      using To = decltype(into);
      cast<From, To>(int32_t(in[0]->elements()), in[0]->template data<typename From::storage>(),
                     out[0].template data<typename To::storage>());
    });
  });
}

}  // namespace burin
