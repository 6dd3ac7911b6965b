#include "compiler/ops/reduce.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compiler/ops/binary.h"
#include "compiler/ops/calls.h"
#include "compiler/ops/cast.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/elements.h"
#include "runtime-min/kernels/reduce.h"

namespace burin {

template <class F>
void fields(ReduceShape& s, F& f) {
  f(s.kept_rank), f(s.reduced_rank), f(s.count), f(s.kept, s.kept_rank), f(s.kept_stride, s.kept_rank);
  f(s.reduced, s.reduced_rank), f(s.reduced_stride, s.reduced_rank);
}

namespace {

using K = ReduceKind;

bool is_arg(K kind) { return kind == K::arg_max || kind == K::arg_min; }

std::vector<int64_t> all_axes(int rank) {
  std::vector<int64_t> r(static_cast<size_t>(rank));
  std::iota(r.begin(), r.end(), 0);
  return r;
}

/// Axes: an attribute, since opset 18 (ReduceSum 13) an input. None means all of them, or with noop_with_empty_axes
/// that each element is reduced alone.
std::vector<int64_t> import_axes(OnnxNode& node, K kind) {
  const int rank = node.type(0).rank();
  std::vector<int64_t> axes;
  if (is_arg(kind)) {
    axes = {node.integer("axis", 0)};
  } else if (node.opset() >= (kind == K::sum ? 13 : 18)) {
    if (node.has(1)) axes = node.constant_integers(1, "axes");
  } else {
    axes = node.integers("axes", std::vector<int64_t>{});
  }
  const bool noop = node.integer("noop_with_empty_axes", 0) != 0;
  if (axes.empty()) return noop ? axes : all_axes(rank);
  for (int64_t& a : axes) a = normalize_axis(a, rank);
  std::ranges::sort(axes);
  require(std::ranges::adjacent_find(axes) == axes.end(), "an axis is named twice");
  return axes;
}

/// ONNX's own types, less those for which a kernel has no answer: sums of bytes, logarithms of integers.
void check_type(K kind, DType t) {
  require_computable(t);
  const bool only_compares = kind == K::max || kind == K::min || is_arg(kind), below_32_bits = info(t).bits < 32;
  const bool logarithm = kind == K::log_sum || kind == K::log_sum_exp;
  if ((below_32_bits && !only_compares) || (logarithm && !is_float(t)))
    throw OpError(fmt::format("{} of {} is not supported", Reduce::names[size_t(kind)], name(t)), "unsupported-type");
}

}  // namespace

void Reduce::import(OnnxNode& node) {
  Reduce r;
  r.kind = K(std::ranges::find(onnx, node.op_type()) - onnx);
  r.axes = import_axes(node, r.kind);
  r.keepdims = node.integer("keepdims", 1) != 0;
  if (r.is_arg()) r.select_last = node.integer("select_last_index", 0) != 0;
  const DType type = node.type(0).dtype;
  // A boolean maximum is one of bytes.
  const ValueId x =
      type == DType::boolean ? node.emit(Cast{DType::u8}, {node.input(0)}) : computable(node, node.input(0));
  result_as(node, 0, node.emit(r, {x}), r.is_arg() ? DType::i64 : type);
}

std::vector<Type> Reduce::infer(std::span<const Type> in) const {
  const Type& x = in[0];
  if (!x.quantized()) check_type(kind, x.dtype);
  if (x.quantized() && !is_arg()) require(integer_form(), fmt::format("{} has no integer form", names[size_t(kind)]));
  require(!is_arg() || axes.size() == 1, "an index is searched along one axis");
  Type y{is_arg() ? DType::i64 : x.dtype, {}, {}};
  int64_t count = 1;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    const bool reduced = std::ranges::find(axes, int64_t(d)) != axes.end();
    if (reduced) count *= x.shape[d];
    if (!reduced) y.shape.push_back(x.shape[d]);
    else if (keepdims) y.shape.push_back(1);
  }
  for (int64_t a : axes) require(a >= 0 && a < x.rank(), fmt::format("axis {} of an input of rank {}", a, x.rank()));
  require(count > 0 || !is_arg(), "an index is searched along an axis of extent 0");
  return {y};
}

namespace {

/// What kernels take: kept and reduced axes of x with their strides, merged where neighbours allow.
ReduceShape reduce_shape(const Reduce& op, const Type& x) {
  const Shape strides = dense_strides(x.shape);
  Shape extent[2], stride[2];
  ReduceShape s{0, 0, 1, {}, {}, {}, {}};
  for (size_t d = 0; d < x.shape.size(); ++d) {
    const bool reduced = std::ranges::find(op.axes, int64_t(d)) != op.axes.end();
    extent[reduced].push_back(x.shape[d]);
    stride[reduced].push_back(strides[d]);
    if (reduced) s.count = to_int32(s.count * x.shape[d]);
  }
  const Axes kept = merge_axes(extent[0], {stride[0]}), inner = merge_axes(extent[1], {stride[1]});
  s.kept_rank = int32_t(kept.extent.size()), s.reduced_rank = int32_t(inner.extent.size());
  for (size_t d = 0; d < kept.extent.size(); ++d)
    s.kept[d] = to_int32(kept.extent[d]), s.kept_stride[d] = to_int32(kept.strides[0][d]);
  for (size_t d = 0; d < inner.extent.size(); ++d)
    s.reduced[d] = to_int32(inner.extent[d]), s.reduced_stride[d] = to_int32(inner.strides[0][d]);
  return s;
}

/// Of quantized mean or sum over `count` elements: one channel, accumulator sum of (x - zx).
Requantization reduce_requantization(const Reduce& op, int64_t count, const Type& x, const Type& y) {
  Rational scale = exact(x.quant.scale[0]) / exact(y.quant.scale[0]);
  if (op.kind == K::mean && count > 0) scale /= static_cast<long>(count);
  const int64_t lo = info(x.dtype).lo - x.quant.zero_point[0], hi = info(x.dtype).hi - x.quant.zero_point[0];
  const RequantChannel channel{scale, 0, count * lo, count * hi};
  return plan_sums({channel}, requant_range(y, {}));
}

template <class F>
void visit_reduction(const HostCall& c, F&& f) {
#define REDUCTION(name)                                                                                                \
  if (c.type(0) == #name) return f(Tag<name>{});
  REDUCTION(fn_reduce_sum)
  REDUCTION(fn_reduce_mean)
  REDUCTION(fn_reduce_prod)
  REDUCTION(fn_reduce_max)
  REDUCTION(fn_reduce_min)
  REDUCTION(fn_reduce_l1)
  REDUCTION(fn_reduce_sum_square)
  REDUCTION(fn_reduce_l2)
  REDUCTION(fn_reduce_log_sum)
#undef REDUCTION
  refuse(c, c.type(0));
}

template <bool max, bool last>
void arg(const HostCall& c) {
  visit_dtype(c.dtype(1), [&](auto e) { invoke(c, &burin::reduce_arg<max, last, decltype(e)>); });
}

}  // namespace

std::optional<LayerCode> Reduce::call(std::span<const Type> in, const Type& y) const {
  const Type& x = in[0];
  // The order of stored integers is that of what they stand for.
  const bool real = is_plain(is_arg() ? Type{x.dtype, {}, {}} : x);
  if (!real && (!integer_form() || !is_q8(x) || !is_q8(y))) return std::nullopt;
  const ReduceShape s = reduce_shape(*this, x);
  const auto code = [&](std::string function, std::vector<std::string> types, std::vector<Argument> before = {s_name}) {
    return one_call("reduce.h", {std::move(function), std::move(types), with_operands(std::move(before), 1)},
                    {{"s", struct_of(s)}});
  };
  const std::string fn = fmt::format("fn_{}", names[size_t(kind)]);
  if (is_arg()) return code("reduce_arg", {kind == K::arg_max ? "true" : "false", select_last ? "true" : "false"});
  if (real) return kind == K::log_sum_exp ? code("reduce_log_sum_exp", {}) : code("reduce", {fn});
  if (is_sum()) {
    LayerCode r = code("reduce_sum_q8", {}, {s_name, q_name, x.quant.zero_point[0], pointer("p")});
    requantization(reduce_requantization(*this, s.count, x, y), r);
    return r;
  }
  LayerCode r = code("reduce_extreme_q8", {fn}, {s_name, Null{}});
  r.body.calls[0].arguments[1] = lookup("table", operand_table(x, y, {}), r);
  return r;
}

std::vector<HostEntry> Reduce::functions() {
  return {{"reduce",
           [](const HostCall& c) {
             visit_reduction(c, [&](auto f) {
               visit_dtype(c.dtype(1), [&](auto e) { invoke(c, &reduce<typename decltype(f)::type, decltype(e)>); });
             });
           }},
          {"reduce_log_sum_exp",
           [](const HostCall& c) {
             visit_dtype(c.dtype(1), [&](auto e) { invoke(c, &reduce_log_sum_exp<decltype(e)>); });
           }},
          {"reduce_arg",
           [](const HostCall& c) {
             if (c.type(0) == "true") return c.type(1) == "true" ? arg<true, true>(c) : arg<true, false>(c);
             return c.type(1) == "true" ? arg<false, true>(c) : arg<false, false>(c);
           }},
          BURIN_BYTES(reduce_sum_q8, 4, 5),
          {"reduce_extreme_q8", [](const HostCall& c) {
             visit_q8(c, 2, 3, [&](auto x, auto y) {
               using X = typename decltype(x)::type;
               using Y = typename decltype(y)::type;
               if (c.type(0) == "fn_reduce_max") return invoke(c, &reduce_extreme_q8<fn_reduce_max, X, Y>);
               if (c.type(0) == "fn_reduce_min") return invoke(c, &reduce_extreme_q8<fn_reduce_min, X, Y>);
               refuse(c, c.type(0));
             });
           }}};
}

}  // namespace burin
