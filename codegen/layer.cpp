#include "codegen/layer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <type_traits>

namespace burin {
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

std::string braced(std::span<const int32_t> values) { return fmt::format("{{{}}}", fmt::join(values, ", ")); }

}  // namespace burin
