#include "compiler/ops/cast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "compiler/ops/calls.h"
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

template <class F>
void visit_element(const HostCall& c, const std::string& t, F&& f) {
#define ELEMENT(name)                                                                                                  \
  if (t == "el_" #name) return f(Tag<el_##name>{});
  ELEMENT(f32)
  ELEMENT(f64)
  ELEMENT(f16)
  ELEMENT(bf16)
  ELEMENT(i8)
  ELEMENT(u8)
  ELEMENT(i16)
  ELEMENT(u16)
  ELEMENT(i32)
  ELEMENT(u32)
  ELEMENT(i64)
  ELEMENT(u64)
  ELEMENT(boolean)
  ELEMENT(i4)
  ELEMENT(u4)
#undef ELEMENT
  refuse(c, t);
}

}  // namespace

void Cast::import(OnnxNode& node) {
  node.ignore({"saturate", "round_mode"});  // of float8 types only
  const DType t = node.op_type() == "CastLike" ? node.type(1).dtype : wanted_type(node);
  node.result(node.type(0).dtype == t ? node.input(0) : node.emit(Cast{t}, {node.input(0)}));
}

std::vector<Type> Cast::infer(std::span<const Type> in) const { return {real_type(to, in[0].shape)}; }

std::optional<LayerCode> Cast::call(std::span<const Type> in, const Type& y) const {
  const std::vector<std::string> types{element_struct(in[0].dtype), element_struct(y.dtype)};
  return one_call("cast.h", {"cast", types, with_operands({y.elements()}, 1)});
}

std::vector<HostEntry> Cast::functions() {
  return {{"cast", [](const HostCall& c) {
             visit_element(c, c.type(0), [&](auto from) {
               visit_element(c, c.type(1), [&](auto into) {
                 invoke(c, &burin::cast<typename decltype(from)::type, typename decltype(into)::type>);
               });
             });
           }}};
}

}  // namespace burin
