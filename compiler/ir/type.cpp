#include "compiler/ir/type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "compiler/diagnostics.h"

namespace burin {
namespace {

template <class T>
constexpr int64_t lowest = int64_t(std::numeric_limits<T>::lowest());
template <class T>
constexpr int64_t highest = int64_t(std::numeric_limits<T>::max());

constexpr DTypeInfo kTypes[] = {
    {DType::f32, "f32", "float", 32, 1, 0, 0},
    {DType::f64, "f64", "double", 64, 11, 0, 0},
    {DType::f16, "f16", "uint16_t", 16, 10, 0, 0},
    {DType::bf16, "bf16", "uint16_t", 16, 16, 0, 0},
    {DType::i8, "i8", "int8_t", 8, 3, lowest<int8_t>, highest<int8_t>},
    {DType::u8, "u8", "uint8_t", 8, 2, 0, highest<uint8_t>},
    {DType::i16, "i16", "int16_t", 16, 5, lowest<int16_t>, highest<int16_t>},
    {DType::u16, "u16", "uint16_t", 16, 4, 0, highest<uint16_t>},
    {DType::i32, "i32", "int32_t", 32, 6, lowest<int32_t>, highest<int32_t>},
    {DType::u32, "u32", "uint32_t", 32, 12, 0, highest<uint32_t>},
    {DType::i64, "i64", "int64_t", 64, 7, lowest<int64_t>, highest<int64_t>},
    {DType::u64, "u64", "uint64_t", 64, 13, 0, highest<int64_t>},
    {DType::boolean, "bool", "uint8_t", 8, 9, 0, 1},
    {DType::i4, "i4", "uint8_t", 4, 22, -8, 7},
    {DType::u4, "u4", "uint8_t", 4, 21, 0, 15},
};

template <class F>
std::optional<DType> find(F&& matches) {
  const auto* it = std::ranges::find_if(kTypes, matches);
  return it == std::end(kTypes) ? std::nullopt : std::optional(it->dtype);
}

}  // namespace

const DTypeInfo& info(DType t) { return kTypes[size_t(t)]; }
std::optional<DType> dtype_of_name(std::string_view name) {
  return find([&](const DTypeInfo& i) { return i.name == name; });
}
std::optional<DType> dtype_of_onnx(int data_type) {
  return find([&](const DTypeInfo& i) { return i.onnx == data_type; });
}
bool is_float(DType t) { return t <= DType::bf16; }
bool is_integer(DType t) { return !is_float(t) && t != DType::boolean; }

int64_t elements(const Shape& s) {
  int64_t n = 1;
  bool none = false;
  for (int64_t d : s) {
    if (d < 0) throw OpError(fmt::format("negative extent in shape [{}]", to_string(s)));
    if (d == 0) none = true;
    else if (__builtin_mul_overflow(n, d, &n) || n > INT32_MAX)
      throw OpError(fmt::format("shape [{}] has more elements than kernels can count, 2147483647", to_string(s)),
                    "too-large");
  }
  return none ? 0 : n;
}

std::string to_string(const Shape& s) { return fmt::format("{}", fmt::join(s, "x")); }

Shape dense_strides(const Shape& s) {
  Shape r(s.size(), 1);
  for (size_t i = s.size(); i-- > 1;) r[i - 1] = r[i] * s[i];
  return r;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape r(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < r.size(); ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1, y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    r[r.size() - 1 - i] = x == 1 ? y : x;
  }
  return r;
}

std::string to_string(const Type& t) {
  std::string s = fmt::format("{}[{}]", name(t.dtype), to_string(t.shape));
  if (t.quant.empty()) return s;
  // Every scale is printed, so that the text parses back to the same numbers.
  s += "{";
  if (t.quant.axis >= 0) s += fmt::format("axis={} ", t.quant.axis);
  return s + fmt::format("{},{}}}", fmt::join(t.quant.scale, ";"), fmt::join(t.quant.zero_point, ";"));
}

int normalize_axis(int64_t axis, int rank) {
  if (axis < -int64_t(rank) || axis >= rank)
    throw OpError(fmt::format("axis {} is out of range for rank {}", axis, rank));
  return int(axis < 0 ? axis + rank : axis);
}

}  // namespace burin
