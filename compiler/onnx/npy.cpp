#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <numeric>
#include <optional>

#include "compiler/diagnostics.h"
#include "compiler/onnx/bind.h"
#include "compiler/ops/layout.h"

namespace burin {
namespace {

[[noreturn]] void fail(std::string_view what) {
  throw OpError(fmt::format("the .npy file {}", what), "invalid-binding");
}

DType npy_type(std::string_view descr) {
  constexpr std::pair<std::string_view, DType> kNames[] = {
      {"f2", DType::f16}, {"f4", DType::f32}, {"f8", DType::f64}, {"i1", DType::i8},
      {"u1", DType::u8},  {"i2", DType::i16}, {"u2", DType::u16}, {"i4", DType::i32},
      {"u4", DType::u32}, {"i8", DType::i64}, {"u8", DType::u64}, {"b1", DType::boolean}};
  if (descr.starts_with('>')) fail("is big-endian");
  for (const auto& [n, t] : kNames)
    if (descr.substr(std::min<size_t>(1, descr.size())) == n) return t;
  fail(fmt::format("has the element type '{}'", descr));
}

/// What follows 'key': in the header, a Python dictionary that numpy always writes in the same way.
std::string_view after(std::string_view header, std::string_view key) {
  const size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) fail(fmt::format("has no {}", key));
  std::string_view rest = header.substr(at + key.size() + 3);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

Shape npy_shape(std::string_view text) {
  const size_t close = text.find(')');
  if (!text.starts_with('(') || close == std::string_view::npos) fail("has a damaged shape");
  Shape shape;
  const char *at = text.data() + 1, *end = text.data() + close;
  while (at < end) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    int64_t extent = 0;
    const auto [next, error] = std::from_chars(at, end, extent);
    if (error != std::errc{} || extent < 0) fail("has a damaged shape");
    shape.push_back(extent);
    at = next;
  }
  return shape;
}

}  // namespace

Tensor parse_npy(std::string_view bytes) {
  if (bytes.size() < 12 || bytes.substr(0, 6) != "\x93NUMPY") fail("does not start as NumPy's files do");
  auto byte = [&](size_t i) { return size_t(static_cast<unsigned char>(bytes[i])); };
  const bool one = byte(6) == 1;
  const size_t start = one ? 10 : 12, length = byte(8) | byte(9) << 8 | (one ? 0 : byte(10) << 16 | byte(11) << 24);
  if (bytes.size() < start + length) fail("is truncated");
  const std::string_view header = bytes.substr(start, length), data = bytes.substr(start + length);
  std::string_view descr = after(header, "descr");
  if (!descr.starts_with('\'')) fail("has fields, not one element type");
  descr.remove_prefix(1);
  const DType dtype = npy_type(descr.substr(0, descr.find('\'')));
  const bool fortran = after(header, "fortran_order").starts_with("True");
  Shape shape = npy_shape(after(header, "shape"));
  if (fortran) std::ranges::reverse(shape);
  const Type type{dtype, shape, {}};
  if (type.bytes() != int64_t(data.size()))
    fail(fmt::format("has {} bytes of data for {}", data.size(), to_string(type)));
  Tensor t(type);
  std::ranges::copy(std::as_bytes(std::span(data)), t.bytes().begin());
  if (!fortran) return t;
  std::vector<int64_t> reversed(shape.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return permute(t, reversed);
}

}  // namespace burin
