#include "compiler/ops/copies.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/ops/calls.h"
#include "compiler/ops/elements.h"

namespace burin {

StridedShape strided_shape(const Shape& extent, const Shape& from, const Shape& to) {
  const Axes axes = merge_axes(extent, {from, to});
  StridedShape s{int32_t(axes.extent.size()), {}, {}, {}};
  for (size_t d = 0; d < axes.extent.size(); ++d) {
    s.extent[d] = to_int32(axes.extent[d]);
    s.from[d] = to_int32(axes.strides[0][d]);
    s.to[d] = to_int32(axes.strides[1][d]);
  }
  return s;
}

namespace {

/// Elements that lie side by side on both sides: the last axis; 0 where its elements are apart.
int64_t run_length(const StridedShape& s) {
  const size_t last = size_t(s.rank) - 1;
  return s.from[last] == 1 && s.to[last] == 1 ? s.extent[last] : 0;
}
/// Runs from this length on are copied by memcpy, which compilers expand or call as it pays; below, its call costs
/// more.
constexpr int64_t kRunBytes = 8;

/// A copy of elements from `x` to `y`.
Call copy(const StridedCopy& c, int64_t bytes, Pointer x, Pointer y) {
  x.offset += c.from, y.offset += c.to;
  const StridedShape& s = c.shape;
  if (run_length(s) * bytes < kRunBytes) return {"strided_copy", {}, {s_name, x, y}, {{"s", struct_of(s)}}};
  const int32_t outer = s.rank - 1;  // loops over runs
  x.strides.assign(s.from, s.from + outer);
  y.strides.assign(s.to, s.to + outer);
  return {"__builtin_memcpy", {}, {y, x, run_length(s) * bytes}, {}, {s.extent, s.extent + outer}};
}

Call filled(const Tensor& value, int64_t n, std::string_view c_type, Pointer y) {
  const auto bytes = value.bytes();
  if (std::ranges::all_of(bytes, [&](std::byte b) { return b == bytes[0]; }))
    return {"__builtin_memset", {}, {std::move(y), int64_t(bytes[0]), n * int64_t(bytes.size())}};
  return {
      "fill", {std::string(c_type)}, {n, Literal{constant_of(std::make_shared<const Tensor>(value))}, std::move(y)}};
}

}  // namespace

LayerCode moved(const std::vector<StridedCopy>& copies, std::span<const Type> in, const Type& y,
                const std::optional<Tensor>& fill) {
  const bool nibbles = info(y.dtype).bits < 8;
  const int64_t bytes = nibbles ? 1 : info(y.dtype).bits / 8, n = y.elements();
  LayerCode code;
  code.headers = {"strided_copy.h"};
  Pointer to{"y0"};
  std::vector<Pointer> from;
  for (size_t i = 0; i < in.size(); ++i) from.push_back({fmt::format("x{}", i)});
  const std::string nibble = element_struct(y.dtype);
  if (nibbles) {
    code.headers.push_back("cast.h");
    code.body.locals = {{"y", DType::i8}};
    to = {"y"};
    code.scratch = n;
    for (size_t i = 0; i < in.size(); ++i) {
      const Pointer unpacked{"y", code.scratch};
      code.body.calls.push_back({"cast", {nibble, "el_i8"}, {in[i].elements(), from[i], unpacked}});
      from[i] = unpacked;
      code.scratch += in[i].elements();
    }
  }
  if (fill) {
    code.headers.push_back("pad.h");
    const Tensor value = nibbles ? Tensor::of<int8_t>(DType::i8, {}, {int8_t(fill->integer(0))}) : *fill;
    code.body.calls.push_back(filled(value, n, info(nibbles ? DType::i8 : y.dtype).c_type, to));
  }
  std::set<size_t> used;
  for (const StridedCopy& c : copies) {
    used.insert(c.input);
    code.body.calls.push_back(copy(c, bytes, from[c.input], to));
  }
  for (size_t i = 0; i < in.size() && !nibbles; ++i)
    if (!used.count(i)) code.body.unused.push_back(from[i].name);
  if (nibbles) code.body.calls.push_back({"cast", {"el_i8", nibble}, {n, to, pointer("y0")}});
  return code;
}

}  // namespace burin
