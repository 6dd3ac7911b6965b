// Functions of runtime-min on the host, by their name: what a Call says is executed, by the same source that the device
// compiles (the C twin of every kernel). Operators name the functions of their calls (compiler/ops/op.h),
// compiler/program/host_functions.cpp has what no operator names, codegen/host_conv.cpp the convolutions.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/program/call.h"

namespace burin {

/// An argument on the host.
struct HostMemory {
  std::byte* bytes;  // null: a null pointer
  DType dtype;       // of the elements
};
struct HostRows {
  const void* const* rows;
  DType dtype;
};
using HostValue = std::variant<int64_t, float, Constant, const Struct*, HostMemory, HostRows>;

struct HostCall {
  const Call& call;
  std::vector<HostValue> values;                            // one for each argument
  std::function<const void*(const std::string&)> constant;  // arrays by name, for pointers in structs

  DType dtype(size_t i) const {
    const auto* rows = std::get_if<HostRows>(&values.at(i));
    return rows ? rows->dtype : std::get<HostMemory>(values.at(i)).dtype;
  }
  const std::string& type(size_t i) const { return call.types.at(i); }
};

using HostFunction = void (*)(const HostCall&);
using HostFunctions = std::unordered_map<std::string, HostFunction>;
struct HostEntry {
  std::string_view name;
  HostFunction function;
};
/// Copies and fills of bytes, and kernels for certain cores.
std::vector<HostEntry> common_functions();
/// Those and the operators'; null where there is no such function.
HostFunction host_function(const std::string& name);

/// Throws std::invalid_argument where the call is none of the function's: a struct, type or number that it does not
/// take.
[[noreturn]] void refuse(const HostCall& c, const std::string& what);

/// Argument i as the C++ type P.
template <class P>
std::remove_cvref_t<P> take(const HostCall& c, size_t i) {
  using V = std::remove_cvref_t<P>;
  const HostValue& v = c.values.at(i);
  if constexpr (std::is_pointer_v<V> && std::is_pointer_v<std::remove_pointer_t<V>>) {
    return reinterpret_cast<V>(std::get<HostRows>(v).rows);
  } else if constexpr (std::is_pointer_v<V>) {
    using T = std::remove_cv_t<std::remove_pointer_t<V>>;
    const HostMemory& m = std::get<HostMemory>(v);
    if constexpr (!std::is_void_v<T>)
      if (m.bytes && reinterpret_cast<uintptr_t>(m.bytes) % alignof(T) != 0) refuse(c, "memory that is not aligned");
    return V(reinterpret_cast<T*>(m.bytes));
  } else if constexpr (std::is_class_v<V>) {
    return struct_from<V>(*std::get<const Struct*>(v), c.constant);
  } else {
    if (const auto* f = std::get_if<float>(&v)) return V(*f);
    if (const auto* n = std::get_if<int64_t>(&v)) return V(*n);
    const Constant& one = std::get<Constant>(v);
    if (one.bytes.size() != sizeof(V)) refuse(c, "a number of another type");
    return one.as<V>()[0];
  }
}

/// Calls f with the call's arguments.
template <class... P>
void invoke(const HostCall& c, void (*f)(P...)) {
  if (c.values.size() != sizeof...(P)) refuse(c, "another number of arguments");
  [&]<size_t... I>(std::index_sequence<I...>) { f(take<P>(c, I)...); }
  (std::index_sequence_for<P...>{});
}

/// A type as a value of a lambda's parameter.
template <class T>
struct Tag {
  using type = T;
};

template <class F>
void visit_q8(const HostCall& c, DType t, F&& f) {
  if (t == DType::i8) f(Tag<int8_t>{});
  else if (t == DType::u8) f(Tag<uint8_t>{});
  else refuse(c, "elements that are no bytes");
}
/// f(Tag<X>, Tag<Y>) with the C++ types of memory arguments x and y, which are int8 or uint8.
template <class F>
void visit_q8(const HostCall& c, size_t x, size_t y, F&& f) {
  visit_q8(c, c.dtype(x), [&](auto a) { visit_q8(c, c.dtype(y), [&](auto b) { f(a, b); }); });
}

/// f(Tag<T>): an element type of the size of t's, for functions that only move elements.
template <class F>
void visit_size(DType t, F&& f) {
  visit_dtype(t, [&](auto e) {
    if constexpr (sizeof(e) == 1) f(Tag<uint8_t>{});
    else if constexpr (sizeof(e) == 2) f(Tag<uint16_t>{});
    else if constexpr (sizeof(e) == 4) f(Tag<uint32_t>{});
    else f(Tag<uint64_t>{});
  });
}

/// The entry of a function template of two byte types, those of arguments x and y.
#define BURIN_BYTES(function, x, y)                                                                                    \
  burin::HostEntry {                                                                                                   \
#function, [](const burin::HostCall& c) {                                                                          \
      burin::visit_q8(c, x, y, [&](auto a, auto b) {                                                                   \
        burin::invoke(c, &function<typename decltype(a)::type, typename decltype(b)::type>);                           \
      });                                                                                                              \
    }   \
  }

}  // namespace burin
