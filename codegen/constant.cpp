#include "codegen/constant.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "codegen/layer.h"

namespace burin {
namespace {

std::string number(float v) { return cpp(v); }
std::string number(double v) { return cpp(v); }
/// The most negative value cannot be written as a literal of its own type.
template <class T>
std::string number(T v) {
  if constexpr (std::is_same_v<T, int32_t>)
    if (v == INT32_MIN) return "-2147483647 - 1";
  if constexpr (std::is_same_v<T, int64_t>) return v == INT64_MIN ? "-9223372036854775807 - 1" : fmt::format("{}", v);
  if constexpr (std::is_same_v<T, uint32_t>) return fmt::format("{}u", v);
  if constexpr (std::is_same_v<T, uint64_t>) return fmt::format("{}u", v);
  return fmt::format("{}", int64_t(v));
}

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

template <class T>
Constant constant_of(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  const auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  return {dtype_of<T>(), copy, *copy};
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
    return Constant{dtype_of<T>(), std::move(t), bytes};
  });
}

bool Constant::operator==(const Constant& other) const {
  return dtype == other.dtype && std::ranges::equal(bytes, other.bytes);
}

void spell(std::string& text, const Constant& c) {
  visit_dtype(c.dtype, [&](auto e) {
    using T = decltype(e);
    const size_t count = c.bytes.size() / sizeof(T);
    size_t column = 0;
    for (size_t i = 0; i < count; ++i) {
      T v;
      std::memcpy(&v, c.bytes.data() + i * sizeof(T), sizeof(T));
      const std::string n = number(v) + (i + 1 < count ? "," : "");
      if (column + n.size() > 118) text += '\n', column = 0;
      text += n;
      column += n.size();
    }
  });
}

int64_t spelled_size(const Constant& c) {
  // Sign, digits, exponent, suffix, comma, and a share of the line ends.
  const int64_t digits = visit_dtype(c.dtype, [](auto e) -> int64_t {
    using T = decltype(e);
    return std::is_floating_point_v<T> ? (sizeof(T) == 4 ? 18 : 27) : std::numeric_limits<T>::digits10 + 5;
  });
  return c.size() * 8 / info(c.dtype).bits * digits + 32;
}

std::string spelled(const Constant& c) {
  std::string s;
  spell(s, c);
  return s;
}

}  // namespace burin
