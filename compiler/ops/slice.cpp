#include "compiler/ops/slice.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compiler/ops/copies.h"
#include "compiler/ops/elements.h"

namespace burin {
namespace {

/// All of x.
Slice full_slice(const Shape& x) { return {Shape(x.size(), 0), Shape(x.size(), 1), x}; }

/// ONNX Slice along one axis: negative bounds count from the end, then both are limited to the axis.
void cut(Slice& s, size_t axis, int64_t start, int64_t end, int64_t step) {
  const int64_t extent = s.sizes[axis];
  require(step != 0, fmt::format("the step along axis {} is 0", axis));
  auto limited = [&](int64_t v, int64_t lo, int64_t hi) { return std::clamp(v < 0 ? v + extent : v, lo, hi); };
  int64_t count;
  if (step > 0) {
    start = limited(start, 0, extent), end = limited(end, 0, extent);
    count = end <= start ? 0 : (end - start - 1) / step + 1;
  } else {
    start = limited(start, 0, extent - 1), end = limited(end, -1, extent - 1);
    // -(step + 1) + 1 would be the least integer's own negative.
    count = end >= start ? 0 : int64_t((uint64_t(start - end) - 1) / (uint64_t(0) - uint64_t(step))) + 1;
  }
  if (count <= 1) step = 1;
  s.starts[axis] = count == 0 ? 0 : start;
  s.steps[axis] = step;
  s.sizes[axis] = count;
}

void import_slice(OnnxNode& node) {
  const Shape& x = node.type(0).shape;
  const int rank = int(x.size());
  std::vector<int64_t> starts, ends, axes, steps;
  if (node.opset() < 10) {
    starts = node.integers("starts"), ends = node.integers("ends");
    axes = node.integers("axes", std::vector<int64_t>{});
  } else {
    starts = node.constant_integers(1, "starts"), ends = node.constant_integers(2, "ends");
    if (node.has(3)) axes = node.constant_integers(3, "axes");
    if (node.has(4)) steps = node.constant_integers(4, "steps");
  }
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  require(ends.size() == starts.size() && axes.size() == starts.size() && steps.size() == starts.size(),
          fmt::format("{} starts, {} ends, {} axes, {} steps", starts.size(), ends.size(), axes.size(), steps.size()));
  Slice s = full_slice(x);
  std::vector<bool> seen(x.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t axis = size_t(normalize_axis(axes[i], rank));
    require(!seen[axis], fmt::format("axis {} is sliced twice", axis));
    seen[axis] = true;
    cut(s, axis, starts[i], ends[i], steps[i]);
  }
  node.result(s == full_slice(x) ? node.input(0) : node.emit(s, {node.input(0)}));
}

/// Extents of Split's results.
std::vector<int64_t> split_sizes(OnnxNode& node, int64_t extent) {
  const int64_t parts = int64_t(node.output_count());
  if (node.opset() < 13 && node.has_attribute("split")) return node.integers("split");
  if (node.has(1)) return node.constant_integers(1, "split");
  const int64_t asked = node.integer("num_outputs", parts);
  require(asked == parts, fmt::format("attribute num_outputs is {}, but there are {} outputs", asked, parts));
  require(parts > 0, "there are no outputs");
  require(node.opset() >= 18 || extent % parts == 0,
          fmt::format("an extent of {} has no {} equal parts", extent, parts));
  const int64_t part = (extent + parts - 1) / parts;
  std::vector<int64_t> sizes(size_t(parts), part);
  sizes.back() = extent - part * (parts - 1);
  return sizes;
}

void import_split(OnnxNode& node) {
  const Shape x = node.type(0).shape;  // a copy: emit() moves the values
  const size_t axis = size_t(normalize_axis(node.integer("axis", 0), int(x.size())));
  const std::vector<int64_t> sizes = split_sizes(node, x[axis]);
  require(sizes.size() == node.output_count(),
          fmt::format("{} parts for {} outputs", sizes.size(), node.output_count()));
  int64_t at = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    require(sizes[i] >= 0 && sizes[i] <= x[axis] - at,
            fmt::format("the parts [{}] do not fit an extent of {}", to_string(sizes), x[axis]));
    Slice s = full_slice(x);
    s.starts[axis] = sizes[i] == 0 ? 0 : at;
    s.sizes[axis] = sizes[i];
    at += sizes[i];
    if (node.wants(i)) node.result(i, s == full_slice(x) ? node.input(0) : node.emit(s, {node.input(0)}));
  }
  require(at == x[axis], fmt::format("the parts [{}] do not fill an extent of {}", to_string(sizes), x[axis]));
}

}  // namespace

void Slice::import(OnnxNode& node) { node.op_type() == "Split" ? import_split(node) : import_slice(node); }

std::vector<Type> Slice::infer(std::span<const Type> in) const {
  const Type& x = in[0];
  require(starts.size() == x.shape.size() && steps.size() == x.shape.size() && sizes.size() == x.shape.size(),
          fmt::format("a slice of {} axes of an input of rank {}", sizes.size(), x.rank()));
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) continue;
    const int64_t last = starts[d] + (sizes[d] - 1) * steps[d];
    require(sizes[d] > 0 && starts[d] >= 0 && starts[d] < x.shape[d] && last >= 0 && last < x.shape[d],
            fmt::format("the slice leaves axis {} of extent {}", d, x.shape[d]));
  }
  Type y{x.dtype, sizes, x.quant};
  if (x.quant.axis >= 0) {
    const size_t d = size_t(x.quant.axis);
    y.quant.scale.clear(), y.quant.zero_point.clear();
    for (int64_t i = 0; i < sizes[d]; ++i) {
      y.quant.scale.push_back(x.quant.scale[size_t(starts[d] + i * steps[d])]);
      y.quant.zero_point.push_back(x.quant.zero_point[size_t(starts[d] + i * steps[d])]);
    }
  }
  return {y};
}

namespace {

std::vector<StridedCopy> copies(const Slice& op, const Type& x) {
  const Shape dense = dense_strides(x.shape);
  Shape from = dense;
  StridedCopy c;
  for (size_t d = 0; d < from.size(); ++d) {
    from[d] *= op.steps[d];
    c.from += dense[d] * op.starts[d];
  }
  if (elements(op.sizes) == 0) return {};
  c.shape = strided_shape(op.sizes, from, dense_strides(op.sizes));
  return {c};
}

}  // namespace

std::optional<LayerCode> Slice::call(std::span<const Type> in, const Type& y) const {
  return moved(copies(*this, in[0]), in, y);
}

}  // namespace burin
