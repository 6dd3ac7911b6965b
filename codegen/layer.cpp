#include "codegen/layer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <type_traits>

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

template <class T>
std::string_view c_name() {
  if constexpr (std::is_same_v<T, float>) return "float";
  else if constexpr (std::is_same_v<T, double>) return "double";
  else if constexpr (std::is_signed_v<T>)
    return sizeof(T) == 1 ? "int8_t" : sizeof(T) == 2 ? "int16_t" : sizeof(T) == 4 ? "int32_t" : "int64_t";
  else return sizeof(T) == 1 ? "uint8_t" : sizeof(T) == 2 ? "uint16_t" : sizeof(T) == 4 ? "uint32_t" : "uint64_t";
}

}  // namespace

std::string cpp(float v) {
  if (std::isnan(v)) return "__builtin_nanf(\"\")";
  if (std::isinf(v)) return v < 0 ? "-__builtin_inff()" : "__builtin_inff()";
  std::string s = fmt::format("{:.9g}", v);  // nine digits give every float32 back
  if (s.find_first_of(".e") == s.npos) s += ".0";
  return s + "f";
}
std::string cpp(double v) {
  if (std::isnan(v)) return "__builtin_nan(\"\")";
  if (std::isinf(v)) return v < 0 ? "-__builtin_inf()" : "__builtin_inf()";
  std::string s = fmt::format("{:.17g}", v);
  return s.find_first_of(".e") == s.npos ? s + ".0" : s;
}

template <class T>
LayerConstant constant_array(std::string name, std::span<const T> values) {
  auto text = [kept = std::vector<T>(values.begin(), values.end())] {
    std::string s;
    size_t column = 0;
    for (size_t i = 0; i < kept.size(); ++i) {
      const std::string n = number(kept[i]) + (i + 1 < kept.size() ? "," : "");
      if (column + n.size() > 118) s += '\n', column = 0;
      s += n;
      column += n.size();
    }
    return s;
  };
  return {std::move(name), std::string(c_name<T>()), std::move(text), int64_t(values.size_bytes())};
}
template LayerConstant constant_array(std::string, std::span<const float>);
template LayerConstant constant_array(std::string, std::span<const double>);
template LayerConstant constant_array(std::string, std::span<const int8_t>);
template LayerConstant constant_array(std::string, std::span<const uint8_t>);
template LayerConstant constant_array(std::string, std::span<const int16_t>);
template LayerConstant constant_array(std::string, std::span<const uint16_t>);
template LayerConstant constant_array(std::string, std::span<const int32_t>);
template LayerConstant constant_array(std::string, std::span<const uint32_t>);
template LayerConstant constant_array(std::string, std::span<const int64_t>);
template LayerConstant constant_array(std::string, std::span<const uint64_t>);

LayerConstant constant_array(std::string name, const Tensor& t) {
  return visit_dtype(t.dtype(),
                     [&](auto e) { return constant_array<decltype(e)>(std::move(name), t.as<decltype(e)>()); });
}

std::string braced(std::span<const int32_t> values) { return fmt::format("{{{}}}", fmt::join(values, ", ")); }

}  // namespace burin
