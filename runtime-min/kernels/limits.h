// The least and the greatest number of each element type; infinities for floats.
#pragma once
#include <stdint.h>

namespace burin {

template <class T>
struct Limits {
  static constexpr bool is_signed = T(-1) < T(0);
  static constexpr int bits = int(8 * sizeof(T));
  static constexpr T greatest = is_signed ? T((uint64_t(1) << (bits - 1)) - 1) : T(~uint64_t(0));
  static constexpr T least = is_signed ? T(-greatest - 1) : T(0);
};
template <>
struct Limits<float> {
  static constexpr float greatest = __builtin_inff(), least = -__builtin_inff();
};
template <>
struct Limits<double> {
  static constexpr double greatest = __builtin_inf(), least = -__builtin_inf();
};

}  // namespace burin
