#include "compiler/ops/elements.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "compiler/ops/cast.h"
#include "compiler/ops/reshape.h"
#include "runtime-min/kernels/strided_copy.h"

namespace burin {

ValueId computable(OnnxNode& node, ValueId v) {
  const DType t = node.graph()[v].type.dtype;
  return computing_type(t) == t ? v : node.emit(Cast{computing_type(t)}, {v});
}

void result_as(OnnxNode& node, size_t k, ValueId v, DType wanted) {
  node.result(k, node.graph()[v].type.dtype == wanted ? v : node.emit(Cast{wanted}, {v}));
}

ValueId scalar(OnnxNode& node, DType t, double value) {
  Tensor r(real_type(t, {}));
  r.set_real(0, value);
  return node.constant_value(std::move(r));
}

ValueId reshape(OnnxNode& node, ValueId v, const Shape& shape) {
  return node.graph()[v].type.shape == shape ? v : node.emit(Reshape{shape}, {v});
}

const Type& per_tensor(const Type& t, std::string_view what) {
  if (t.quant.axis >= 0)
    throw OpError(fmt::format("{} of a tensor with one scale per channel is not supported", what),
                  "unsupported-quantization");
  return t;
}

void require_computable(DType t) {
  if (computing_type(t) != t || t == DType::i4 || t == DType::u4)
    throw OpError(fmt::format("arithmetic on {} is not supported", name(t)), "unsupported-type");
}

Requantization plan_sums(const std::vector<RequantChannel>& channels, RequantRange range) {
  try {
    return plan_requantization(channels, range);
  } catch (const std::overflow_error& e) {
    throw OpError(e.what(), "accumulator-overflow", "split the operator: its sums need more than 32 bits");
  }
}

int32_t to_int32(int64_t v) {
  if (v < INT32_MIN || v > INT32_MAX) throw OpError(fmt::format("a tensor is too large: offset {}", v), "too-large");
  return int32_t(v);
}

Axes merge_axes(const Shape& extent, const std::vector<Shape>& strides, size_t least_rank) {
  Axes r;
  r.strides.resize(strides.size());
  const bool empty = elements(extent) == 0;
  for (size_t d = 0; d < extent.size() && !empty; ++d) {
    if (extent[d] == 1) continue;
    bool merges = !r.extent.empty();
    for (size_t t = 0; t < strides.size() && merges; ++t) merges = r.strides[t].back() == strides[t][d] * extent[d];
    if (merges) {
      r.extent.back() *= extent[d];
      for (size_t t = 0; t < strides.size(); ++t) r.strides[t].back() = strides[t][d];
    } else {
      r.extent.push_back(extent[d]);
      for (size_t t = 0; t < strides.size(); ++t) r.strides[t].push_back(strides[t][d]);
    }
  }
  while (r.extent.size() < std::max<size_t>(least_rank, empty ? 1 : 0)) {
    r.extent.push_back(empty ? 0 : 1);
    for (Shape& s : r.strides) s.push_back(1);
  }
  if (r.extent.size() > size_t(kMaxRank))
    throw OpError(fmt::format("a tensor of {} axes that do not merge is not supported", r.extent.size()),
                  "unsupported-shape");
  for (const Shape& s : r.strides) {
    int64_t span = 0;
    for (size_t d = 0; d < r.extent.size(); ++d) span += std::abs(s[d]) * r.extent[d];
    to_int32(span);
  }
  return r;
}

Shape broadcast_strides(const Shape& from, const Shape& to) {
  const Shape dense = dense_strides(from);
  Shape r(to.size(), 0);
  const size_t front = to.size() - from.size();
  for (size_t d = 0; d < from.size(); ++d)
    if (from[d] != 1) r[front + d] = dense[d];
  return r;
}

Shape broadcast_shapes(std::initializer_list<Shape> shapes) {
  Shape r;
  for (const Shape& s : shapes) {
    const std::optional<Shape> next = broadcast(r, s);
    require(next.has_value(), fmt::format("shapes [{}] and [{}] do not broadcast", to_string(r), to_string(s)));
    r = *next;
  }
  return r;
}

}  // namespace burin
