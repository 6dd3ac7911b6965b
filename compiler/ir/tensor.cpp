#include "compiler/ir/tensor.h"

#include <bit>
#include <cmath>

namespace burin {

float bf16_to_f32(uint16_t h) { return std::bit_cast<float>(uint32_t(h) << 16); }
uint16_t f32_to_bf16(float f) {
  uint32_t u = std::bit_cast<uint32_t>(f);
  if ((u & 0x7FFFFFFFu) > 0x7F800000u) return uint16_t((u >> 16) | 0x40);  // keep NaN a NaN
  return uint16_t((u + 0x7FFFu + ((u >> 16) & 1)) >> 16);
}
float f16_to_f32(uint16_t h) {
  const int e = (h >> 10) & 31, m = h & 1023;
  float v;
  if (e == 31) v = m ? NAN : INFINITY;
  else v = e ? std::ldexp(float(1024 + m), e - 25) : std::ldexp(float(m), -24);
  return h & 0x8000 ? -v : v;
}
uint16_t f32_to_f16(float f) {
  const uint32_t u = std::bit_cast<uint32_t>(f);
  const uint16_t sign = uint16_t((u >> 16) & 0x8000);
  if (std::isnan(f)) return uint16_t(sign | 0x7E00);
  const float a = std::fabs(f);
  if (a >= 65520.0f) return uint16_t(sign | 0x7C00);
  if (a < std::ldexp(1.0f, -14)) return uint16_t(sign | uint16_t(std::nearbyint(std::ldexp(a, 24))));
  int e;
  std::frexp(a, &e);
  const uint32_t m = uint32_t(std::nearbyint(std::ldexp(a, 11 - e)));  // 1024..2048
  return uint16_t(sign | ((uint32_t(e + 14) << 10) + (m - 1024)));     // m = 2048 carries into the exponent
}

namespace {

/// The nearest int64 towards zero; 0 for what is no number.
int64_t to_integer(double v) {
  if (std::isnan(v)) return 0;
  return v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : int64_t(v);
}

}  // namespace

double Tensor::real(int64_t i) const {
  const size_t k = size_t(i);
  switch (dtype()) {
    case DType::f32:
      return double(as<float>()[k]);
    case DType::f64:
      return as<double>()[k];
    case DType::f16:
      return double(f16_to_f32(as<uint16_t>()[k]));
    case DType::bf16:
      return double(bf16_to_f32(as<uint16_t>()[k]));
    default:
      return double(integer(i));
  }
}

int64_t Tensor::integer(int64_t i) const {
  const size_t k = size_t(i);
  switch (dtype()) {
    case DType::i4:
    case DType::u4: {
      const int nibble = (int(bytes_[k / 2]) >> (k % 2 * 4)) & 15;
      return dtype() == DType::i4 && nibble > 7 ? nibble - 16 : nibble;
    }
    case DType::f32:
    case DType::f64:
    case DType::f16:
    case DType::bf16:
      return to_integer(real(i));
    default:
      return visit_dtype(dtype(), [&](auto t) { return int64_t(as<decltype(t)>()[k]); });
  }
}

void Tensor::set_real(int64_t i, double v) {
  const size_t k = size_t(i);
  switch (dtype()) {
    case DType::f32:
      as<float>()[k] = float(v);
      break;
    case DType::f64:
      as<double>()[k] = v;
      break;
    case DType::f16:
      as<uint16_t>()[k] = f32_to_f16(float(v));
      break;
    case DType::bf16:
      as<uint16_t>()[k] = f32_to_bf16(float(v));
      break;
    default:
      set_integer(i, to_integer(v));
  }
}

void Tensor::set_integer(int64_t i, int64_t v) {
  const size_t k = size_t(i);
  if (dtype() == DType::i4 || dtype() == DType::u4) {
    const unsigned shift = unsigned(k % 2) * 4;
    bytes_[k / 2] = std::byte((unsigned(bytes_[k / 2]) & ~(15u << shift)) | ((unsigned(v) & 15u) << shift));
  } else if (is_float(dtype())) {
    set_real(i, double(v));
  } else {
    visit_dtype(dtype(), [&](auto t) { as<decltype(t)>()[k] = decltype(t)(v); });
  }
}

std::vector<int64_t> Tensor::integers() const {
  std::vector<int64_t> r(static_cast<size_t>(elements()));
  for (size_t i = 0; i < r.size(); ++i) r[i] = integer(int64_t(i));
  return r;
}

}  // namespace burin
