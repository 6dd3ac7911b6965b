// Numbers that the generated code reads, as bytes: compared, counted and shared as what they are, spelled once.
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

  int64_t size() const { return int64_t(bytes.size()); }
  std::string_view c_type() const { return info(dtype).c_type; }
  bool operator==(const Constant& other) const;
};

/// T is float, double or an integer of 8 to 64 bits.
template <class T>
Constant constant_of(std::span<const T> values);
/// The tensor's own bytes.
Constant constant_of(std::shared_ptr<const Tensor> t);

/// Appends rows of decimal numbers, as wide as fits a line: "1,2,3".
void spell(std::string& text, const Constant& c);
std::string spelled(const Constant& c);
/// About the characters of that, rather more: memory to ask for before it is written. Only NaN, infinities and the
/// least integers have longer literals.
int64_t spelled_size(const Constant& c);

}  // namespace burin
