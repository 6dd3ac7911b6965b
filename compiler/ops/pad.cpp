#include "compiler/ops/pad.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compiler/numerics/rational.h"
#include "compiler/ops/calls.h"
#include "compiler/ops/copies.h"
#include "compiler/ops/elements.h"
#include "runtime-min/kernels/pad.h"

namespace burin {
namespace {

constexpr std::string_view kModes[] = {"constant", "reflect", "edge", "wrap"};

/// Copies that one Pad may become.
constexpr int64_t kMostParts = 1024;

/// Sets begins and ends from a list of all the begins, then all the ends, of `axes`.
void set_pads(Pad& p, const std::vector<int64_t>& pads, const std::vector<int64_t>& axes, int rank) {
  require(pads.size() == 2 * axes.size(), fmt::format("{} pads for {} axes", pads.size(), axes.size()));
  p.begins.assign(size_t(rank), 0), p.ends.assign(size_t(rank), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t a = size_t(normalize_axis(axes[i], rank));
    p.begins[a] = pads[i], p.ends[a] = pads[i + axes.size()];
  }
}

int64_t period(PadKind kind, int64_t extent) {
  return kind == PadKind::pad_reflect ? std::max<int64_t>(1, 2 * (extent - 1)) : std::max<int64_t>(1, extent);
}

/// Where element i along an axis of x comes from when it lies outside: an index into x, or -1 for the fill value.
int64_t source(PadKind kind, int64_t extent, int64_t i) {
  if (i >= 0 && i < extent) return i;
  if (kind == PadKind::pad) return -1;
  if (kind == PadKind::pad_edge) return std::clamp<int64_t>(i, 0, extent - 1);
  const int64_t p = period(kind, extent), s = (i % p + p) % p;
  return s >= extent ? p - s : s;
}

/// A part of one axis: result elements to, to+1, .. come from x's elements from, from + step, ..
struct Run {
  int64_t to, from, step, count;
};
std::vector<Run> runs(PadKind kind, int64_t extent, int64_t begin, int64_t end) {
  std::vector<Run> r;
  const int64_t size = extent + begin + end;
  // Outside, the fill value comes from nowhere.
  int64_t to = kind == PadKind::pad ? std::max<int64_t>(begin, 0) : 0;
  for (const int64_t stop = kind == PadKind::pad ? std::min(size, extent + begin) : size; to < stop; ++to) {
    const int64_t from = source(kind, extent, to - begin);
    if (!r.empty()) {
      Run& last = r.back();
      const int64_t step = from - source(kind, extent, to - 1 - begin);
      if (last.count == 1 ? step >= -1 && step <= 1 : step == last.step) {
        last.step = step;
        ++last.count;
        continue;
      }
    }
    r.push_back({to, from, 1, 1});
  }
  return r;
}

}  // namespace

void Pad::import(OnnxNode& node) {
  Pad p;
  const std::string mode = node.text("mode", "constant");
  const auto found = std::ranges::find(kModes, mode);
  if (found == std::end(kModes))
    throw OpError(fmt::format("attribute mode '{}' is not supported", mode), "unsupported-attribute");
  p.kind = PadKind(found - kModes);
  const int rank = node.type(0).rank();
  std::vector<int64_t> axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  if (node.opset() < 11) {
    set_pads(p, node.integers(node.opset() < 2 ? "paddings" : "pads"), axes, rank);
    p.value = double(node.real("value", 0.0f));
  } else {
    if (node.has(3)) axes = node.constant_integers(3, "axes");
    set_pads(p, node.constant_integers(1, "pads"), axes, rank);
    if (node.has(2)) {
      const Tensor* v = node.constant(2);
      if (!v) throw OpError("the value to pad with is computed at run time", "dynamic-value");
      require(v->elements() == 1, "the value to pad with is no scalar");
      p.value = v->real(0);
    }
  }
  const bool changes = std::ranges::any_of(p.begins, [](int64_t v) { return v != 0; }) ||
                       std::ranges::any_of(p.ends, [](int64_t v) { return v != 0; });
  node.result(changes ? node.emit(p, {node.input(0)}) : node.input(0));
}

std::vector<Type> Pad::infer(std::span<const Type> in) const {
  const Type& x = per_tensor(in[0], "padding");
  require(begins.size() == x.shape.size() && ends.size() == x.shape.size(),
          fmt::format("pads of {} axes for an input of rank {}", begins.size(), x.rank()));
  Type y = x;
  int64_t parts = 1;
  for (size_t d = 0; d < begins.size(); ++d) {
    constexpr int64_t most = int64_t{1} << 31;
    require(begins[d] < most && ends[d] < most && begins[d] > -most && ends[d] > -most,
            fmt::format("the pads of axis {} are too large", d));
    y.shape[d] += begins[d] + ends[d];
    require(y.shape[d] >= 0, fmt::format("the pads of axis {} crop more than there is", d));
    require(kind == PadKind::pad || x.shape[d] > 0 || y.shape[d] == 0,
            fmt::format("axis {} has no elements to repeat", d));
    if (kind == PadKind::pad_reflect || kind == PadKind::pad_wrap)
      parts *= (std::max<int64_t>(begins[d], 0) + std::max<int64_t>(ends[d], 0)) / period(kind, x.shape[d]) + 1;
    if (parts > kMostParts)
      throw OpError(fmt::format("the pads of axis {} repeat the input too often", d), "too-large",
                    "Tile repeats a tensor any number of times");
  }
  return {y};
}

std::vector<StridedCopy> copies(const Pad& op, const Type& x) {
  const size_t rank = x.shape.size();
  Shape y(rank);
  std::vector<std::vector<Run>> parts(rank);
  for (size_t d = 0; d < rank; ++d) {
    y[d] = std::max<int64_t>(0, x.shape[d] + op.begins[d] + op.ends[d]);
    parts[d] = runs(op.kind, x.shape[d], op.begins[d], op.ends[d]);
    if (parts[d].empty()) return {};
  }
  const Shape from = dense_strides(x.shape), to = dense_strides(y);
  std::vector<StridedCopy> r;
  std::vector<size_t> at(rank, 0);
  for (;;) {  // every combination of parts
    StridedCopy c;
    Shape extent(rank), stride(rank);
    for (size_t d = 0; d < rank; ++d) {
      const Run& run = parts[d][at[d]];
      extent[d] = run.count;
      stride[d] = from[d] * run.step;
      c.from += from[d] * run.from;
      c.to += to[d] * run.to;
    }
    c.shape = strided_shape(extent, stride, to);
    r.push_back(c);
    size_t d = rank;
    while (d > 0 && ++at[d - 1] == parts[d - 1].size()) at[--d] = 0;
    if (d == 0) return r;
  }
}

bool is_covered(const Pad& op) {
  auto adds = [](int64_t v) { return v > 0; };
  return op.kind != PadKind::pad || (std::ranges::none_of(op.begins, adds) && std::ranges::none_of(op.ends, adds));
}

Tensor fill_value(const Pad& op, const Type& y) {
  Tensor t({y.dtype, {}, y.quant});
  if (y.quantized()) {
    const DTypeInfo& i = info(y.dtype);
    const int32_t lo = int32_t(i.lo), hi = int32_t(i.hi), zero = y.quant.zero_point[0];
    const bool finite = std::isfinite(op.value);
    t.set_integer(0, finite         ? quantize_exactly(exact(op.value) / exact(y.quant.scale[0]), zero, lo, hi)
                     : op.value > 0 ? hi
                     : op.value < 0 ? lo
                                    : zero);
  } else {
    t.set_real(0, op.value);
  }
  return t;
}

std::optional<LayerCode> Pad::call(std::span<const Type> in, const Type& y) const {
  return moved(copies(*this, in[0]), in, y, is_covered(*this) ? std::optional<Tensor>() : fill_value(*this, y));
}

std::vector<HostEntry> Pad::functions() {
  return {{"fill", [](const HostCall& c) {
             visit_dtype(std::get<Constant>(c.values.at(1)).dtype, [&](auto e) { invoke(c, &fill<decltype(e)>); });
           }}};
}

}  // namespace burin
