#include "codegen/constant.h"

#include <fmt/format.h>

#include <cstring>
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
  return {dtype_of<T>(), {bytes.begin(), bytes.end()}};
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

Constant constant_of(const Tensor& t) {
  return visit_dtype(t.dtype(), [&](auto e) { return constant_of<decltype(e)>(t.as<decltype(e)>()); });
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

std::string spelled(const Constant& c) {
  std::string s;
  spell(s, c);
  return s;
}

}  // namespace burin
