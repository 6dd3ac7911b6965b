// A value's type together with its numbers, in the host's memory.
#pragma once
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "compiler/ir/type.h"

namespace burin {

class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Type type) : type_(std::move(type)), bytes_(size_t(type_.bytes())) {}
  Tensor(Type type, std::vector<std::byte> bytes) : type_(std::move(type)), bytes_(std::move(bytes)) {}
  template <class T>
  static Tensor of(DType dtype, Shape shape, const std::vector<T>& values) {
    Tensor t(Type{dtype, std::move(shape), {}});
    if (!values.empty())
      std::memcpy(t.bytes_.data(), values.data(), std::min(t.bytes_.size(), values.size() * sizeof(T)));
    return t;
  }

  const Type& type() const { return type_; }
  Type& type() { return type_; }
  const Shape& shape() const { return type_.shape; }
  DType dtype() const { return type_.dtype; }
  int64_t elements() const { return type_.elements(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::span<std::byte> bytes() { return bytes_; }

  /// The elements as C++ values; the caller knows the dtype.
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  template <class T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes_.data());
  }
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(bytes_.data());
  }

  /// Element i of any dtype as a number (float16 and bfloat16 converted, int4 unpacked).
  double real(int64_t i) const;
  int64_t integer(int64_t i) const;
  void set_real(int64_t i, double v);
  void set_integer(int64_t i, int64_t v);
  std::vector<int64_t> integers() const;
  bool operator==(const Tensor&) const = default;

 private:
  Type type_;
  std::vector<std::byte> bytes_;
};

/// Calls f with a value of the C++ type that holds `t` on the host: f(float{}), f(int8_t{}), ... (bit patterns for
/// float16 and bfloat16; int4 does not occur: it is unpacked first).
template <class F>
decltype(auto) visit_dtype(DType t, F&& f) {
  switch (t) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::i8:
      return f(int8_t{});
    case DType::i16:
      return f(int16_t{});
    case DType::f16:
    case DType::bf16:
    case DType::u16:
      return f(uint16_t{});
    case DType::i32:
      return f(int32_t{});
    case DType::u32:
      return f(uint32_t{});
    case DType::i64:
      return f(int64_t{});
    case DType::u64:
      return f(uint64_t{});
    default:
      return f(uint8_t{});
  }
}

float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);
float bf16_to_f32(uint16_t h);
uint16_t f32_to_bf16(float f);

}  // namespace burin
