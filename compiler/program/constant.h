// Numbers that the generated code reads, as bytes: compared, counted and shared as what they are.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/tensor.h"

namespace burin {

/// An array of a C++ type, the one that holds `dtype` on the host (visit_dtype). Copies share the bytes.
struct Constant {
  DType dtype = DType::u8;
  std::shared_ptr<const void> owner = nullptr;
  std::span<const std::byte> bytes = {};  // the owner's
  std::string record = "";                // not an array: one struct of runtime-min of such members, "ConvFacts"

  int64_t size() const { return int64_t(bytes.size()); }
  /// The numbers, of the C++ type that holds `dtype`.
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  std::string_view characters() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  std::string c_type() const { return record.empty() ? std::string(info(dtype).c_type) : "burin::" + record; }
  bool operator==(const Constant& other) const;
};

/// Of the C++ type that holds an element.
int64_t element_bytes(DType t);

/// T is float, double or an integer of 8 to 64 bits.
template <class T>
Constant constant_of(std::span<const T> values);
/// Takes the numbers.
template <class T>
Constant constant_of(std::vector<T>&& values) {
  const auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  Constant c = constant_of(std::span<const T>());  // the type
  c.owner = owner;
  c.bytes = std::as_bytes(std::span<const T>(*owner));
  return c;
}
/// The tensor's own bytes.
Constant constant_of(std::shared_ptr<const Tensor> t);

}  // namespace burin
