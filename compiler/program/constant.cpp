#include "compiler/program/constant.h"

#include <algorithm>
#include <type_traits>

namespace burin {
namespace {

/// The element type whose numbers T holds.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  else if constexpr (std::is_same_v<T, double>) return DType::f64;
  else if constexpr (std::is_signed_v<T>)
    return sizeof(T) == 1 ? DType::i8 : sizeof(T) == 2 ? DType::i16 : sizeof(T) == 4 ? DType::i32 : DType::i64;
  else return sizeof(T) == 1 ? DType::u8 : sizeof(T) == 2 ? DType::u16 : sizeof(T) == 4 ? DType::u32 : DType::u64;
}

}  // namespace

int64_t element_bytes(DType t) {
  return visit_dtype(t, [](auto e) { return int64_t(sizeof(e)); });
}

template <class T>
Constant constant_of(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  const auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  return {.dtype = dtype_of<T>(), .owner = copy, .bytes = *copy};
}
template Constant constant_of(std::span<const float>);
template Constant constant_of(std::span<const double>);
template Constant constant_of(std::span<const int8_t>);
template Constant constant_of(std::span<const uint8_t>);
template Constant constant_of(std::span<const int16_t>);
template Constant constant_of(std::span<const uint16_t>);
template Constant constant_of(std::span<const int32_t>);
template Constant constant_of(std::span<const uint32_t>);
template Constant constant_of(std::span<const int64_t>);
template Constant constant_of(std::span<const uint64_t>);

Constant constant_of(std::shared_ptr<const Tensor> t) {
  return visit_dtype(t->dtype(), [&](auto e) {
    using T = decltype(e);
    const auto bytes = std::as_bytes(t->as<T>());
    return Constant{.dtype = dtype_of<T>(), .owner = std::move(t), .bytes = bytes};
  });
}

bool Constant::operator==(const Constant& other) const {
  return dtype == other.dtype && record == other.record && std::ranges::equal(bytes, other.bytes);
}

}  // namespace burin
