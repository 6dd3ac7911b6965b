#include "compiler/onnx/tensor_proto.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstring>

#include "compiler/diagnostics.h"
#include "compiler/limits.h"
#include "compiler/onnx/proto.h"

namespace burin {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian and is copied as it is");

using onnx::TensorProto;

Shape shape_of(const TensorProto& proto) {
  Shape s(proto.dims().begin(), proto.dims().end());
  elements(s);  // throws for negative extents and products that overflow
  return s;
}

[[noreturn]] void wrong_size(std::string_view field, size_t found, size_t wanted, const Type& type) {
  throw OpError(fmt::format("{} has {} {} for {} ({} are wanted)", field, found,
                            field == "raw_data" ? "bytes" : "values", to_string(type), wanted));
}

/// One stored element after another: float16 as a bit pattern, int4 as a byte with two of them.
template <class T, class Field>
Tensor typed(const Field& values, std::string_view field, Type type) {
  const size_t wanted = size_t(type.bytes()) / sizeof(T);
  if (size_t(values.size()) != wanted) wrong_size(field, size_t(values.size()), wanted, type);
  Tensor t(std::move(type));
  for (size_t i = 0; i < wanted; ++i) t.data<T>()[i] = T(values.Get(int(i)));
  return t;
}

Tensor typed_field(const TensorProto& p, Type t) {
  switch (t.dtype) {
    case DType::f32:
      return typed<float>(p.float_data(), "float_data", std::move(t));
    case DType::f64:
      return typed<double>(p.double_data(), "double_data", std::move(t));
    case DType::i64:
      return typed<int64_t>(p.int64_data(), "int64_data", std::move(t));
    case DType::u32:
      return typed<uint32_t>(p.uint64_data(), "uint64_data", std::move(t));
    case DType::u64:
      return typed<uint64_t>(p.uint64_data(), "uint64_data", std::move(t));
    case DType::i32:
      return typed<int32_t>(p.int32_data(), "int32_data", std::move(t));
    case DType::i16:
    case DType::u16:
    case DType::f16:
    case DType::bf16:
      return typed<uint16_t>(p.int32_data(), "int32_data", std::move(t));
    default:
      return typed<uint8_t>(p.int32_data(), "int32_data", std::move(t));
  }
}

int64_t number(const std::string& text, std::string_view key) {
  int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size() || v < 0)
    throw OpError(fmt::format("external data: {} is '{}'", key, text), "external-data");
  return v;
}

std::string external_bytes(const TensorProto& proto, const std::string& folder, int64_t wanted) {
  std::string location;
  int64_t offset = 0, length = -1;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = number(entry.value(), "offset");
    if (entry.key() == "length") length = number(entry.value(), "length");
  }
  return read_external(folder, location, offset, length < 0 ? wanted : length);
}

}  // namespace

DType element_type(int t) {
  if (const auto d = dtype_of_onnx(t)) return *d;
  // Names of TensorProto.DataType that the IR has no element type for, also those younger than the classes.
  constexpr std::pair<int, std::string_view> kNames[] = {
      {0, "undefined"},     {8, "string"},          {14, "complex64"},  {15, "complex128"},
      {17, "float8e4m3fn"}, {18, "float8e4m3fnuz"}, {19, "float8e5m2"}, {20, "float8e5m2fnuz"},
      {23, "float4e2m1"},   {24, "float8e8m0"},     {25, "uint2"},      {26, "int2"}};
  std::string what = fmt::format("number {}", t);
  for (const auto& [value, name] : kNames)
    if (value == t) what = name;
  throw OpError(fmt::format("element type {} is not supported", what), "unsupported-type");
}

Tensor read_tensor(const TensorProto& proto, const std::string& folder, Spending* spent) {
  if (proto.has_segment()) throw OpError("tensors in segments are not supported", "unsupported-encoding");
  Type type{element_type(proto.data_type()), shape_of(proto), {}};
  const int64_t wanted = type.bytes();
  const bool external = proto.data_location() == TensorProto::EXTERNAL;
  if (spent) spent->expect(wanted);
  std::string bytes;
  if (external) bytes = external_bytes(proto, folder, wanted);
  const std::string& raw = external ? bytes : proto.raw_data();
  if (external || proto.has_raw_data()) {
    if (int64_t(raw.size()) != wanted) wrong_size("raw_data", raw.size(), size_t(wanted), type);
  }
  Tensor t;
  if (external || proto.has_raw_data()) {
    t = Tensor(std::move(type));
    std::copy_n(reinterpret_cast<const std::byte*>(raw.data()), raw.size(), t.bytes().begin());
  } else {
    t = wanted > 0 ? typed_field(proto, std::move(type)) : Tensor(std::move(type));
  }
  if (t.dtype() == DType::boolean)
    for (uint8_t& b : t.as<uint8_t>()) b = b != 0;
  if (info(t.dtype()).bits == 4 && t.elements() % 2 != 0) t.bytes().back() &= std::byte{15};  // the unused half
  return t;
}

Tensor read_tensor(const onnx::SparseTensorProto& proto, const std::string& folder, Spending* spent) {
  const Tensor values = read_tensor(proto.values(), folder), indices = read_tensor(proto.indices(), folder);
  Shape shape(proto.dims().begin(), proto.dims().end());
  const int64_t count = values.elements(), rank = int64_t(shape.size());
  const bool linear = indices.shape() == Shape{count};
  if (indices.dtype() != DType::i64 || values.shape().size() != 1 || (!linear && indices.shape() != Shape{count, rank}))
    throw OpError(fmt::format("sparse tensor of shape [{}] with {} values and indices {}", to_string(shape), count,
                              to_string(indices.type())));
  Type type{values.dtype(), shape, {}};
  Spending usual{ModelLimits{}};
  (spent ? *spent : usual).fold(type.bytes());
  Tensor dense(std::move(type));
  const Shape strides = dense_strides(shape);
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = linear ? indices.integer(i) : 0;
    for (int64_t a = 0; !linear && a < rank; ++a) {
      const int64_t c = indices.integer(i * rank + a);
      if (c < 0 || c >= shape[size_t(a)]) throw OpError(fmt::format("sparse tensor: index {} is out of range", c));
      at += c * strides[size_t(a)];
    }
    if (at < 0 || at >= dense.elements()) throw OpError(fmt::format("sparse tensor: index {} is out of range", at));
    if (info(values.dtype()).bits == 4) {
      dense.set_integer(at, values.integer(i));
    } else {
      const size_t size = size_t(info(values.dtype()).bits) / 8;
      std::memcpy(dense.bytes().data() + size_t(at) * size, values.bytes().data() + size_t(i) * size, size);
    }
  }
  return dense;
}

}  // namespace burin
