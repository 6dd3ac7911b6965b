#include "compiler/onnx/bind.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "compiler/diagnostics.h"
#include "compiler/onnx/proto.h"
#include "compiler/onnx/tensor_proto.h"

namespace burin {
namespace {

constexpr DiagnosticId kCode = "invalid-binding";

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  if (text.find_first_not_of(" \t") == std::string_view::npos) return parts;
  for (size_t from = 0;;) {
    const size_t comma = text.find(',', from);
    std::string_view part = text.substr(from, comma == std::string_view::npos ? comma : comma - from);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    parts.push_back(part);
    if (comma == std::string_view::npos) return parts;
    from = comma + 1;
  }
}

template <class T>
T number(std::string_view text) {
  T v{};
  std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
  if (error != std::errc{} || end != digits.data() + digits.size())
    throw OpError(fmt::format("'{}' is not {} number", text, std::is_integral_v<T> ? "a whole" : "a"), kCode);
  return v;
}

void set(Tensor& t, int64_t i, std::string_view text) {
  if (is_float(t.dtype())) return t.set_real(i, number<double>(text));
  if (t.dtype() == DType::boolean)
    return t.set_integer(i, text == "true" ? 1 : text == "false" ? 0 : number<int64_t>(text) != 0);
  if (t.dtype() == DType::u64) {
    t.data<uint64_t>()[i] = number<uint64_t>(text);
    return;
  }
  const int64_t v = number<int64_t>(text);
  const DTypeInfo& d = info(t.dtype());
  if (v < d.lo || v > d.hi) throw OpError(fmt::format("{} does not fit the element type {}", v, d.name), kCode);
  t.set_integer(i, v);
}

/// `shape` with open extents filled in for `count` elements.
Shape closed(Shape shape, int64_t count) {
  if (std::ranges::count(shape, kOpenExtent) > 1 && shape[0] == kOpenExtent) shape[0] = 1;
  if (std::ranges::count(shape, kOpenExtent) == 1) {
    int64_t& open = *std::ranges::find(shape, kOpenExtent);
    open = 1;
    const int64_t others = elements(shape);
    open = others == 0 ? 0 : count / others;
  }
  if (std::ranges::count(shape, kOpenExtent) > 0)
    throw OpError("more than one extent of the input is open", kCode,
                  "give the extents with --input-dim, or the value as a .npy file");
  if (elements(shape) != count)
    throw OpError(
        fmt::format("{} values for the shape [{}], which has {} elements", count, to_string(shape), elements(shape)),
        kCode);
  return shape;
}

Tensor read_binding_file(std::string_view path) {
  const std::string bytes = read_file(std::string(path));
  if (path.ends_with(".npy")) return parse_npy(bytes);
  onnx::TensorProto proto;
  if (bytes.size() > size_t(INT32_MAX) || !proto.ParseFromArray(bytes.data(), int(bytes.size())))
    throw OpError(fmt::format("'{}' is not a TensorProto", path), kCode);
  const size_t slash = path.rfind('/');
  return read_tensor(proto, slash == std::string_view::npos ? "." : std::string(path.substr(0, slash)));
}

}  // namespace

bool names_a_file(std::string_view text) { return text.ends_with(".npy") || text.ends_with(".pb"); }

Tensor parse_binding(std::string_view text, const Type& type) {
  if (names_a_file(text)) {
    Tensor t = read_binding_file(text);
    if (t.dtype() != type.dtype)
      throw OpError(fmt::format("'{}' has type {}, the input {}", text, name(t.dtype()), name(type.dtype)), kCode);
    return t;
  }
  const std::vector<std::string_view> parts = split(text);
  Tensor t(Type{type.dtype, closed(type.shape, int64_t(parts.size())), {}});
  for (size_t i = 0; i < parts.size(); ++i) set(t, int64_t(i), parts[i]);
  return t;
}

}  // namespace burin
