#include "compiler/ops/reduce.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compiler/ops/binary.h"
#include "compiler/ops/cast.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/elements.h"
#include "runtime-min/kernels/reduce.h"

namespace burin {
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
  const bool only_compares = kind == K::max || kind == K::min || is_arg(kind), narrow = info(t).bits < 32;
  const bool logarithm = kind == K::log_sum || kind == K::log_sum_exp;
  if ((narrow && !only_compares) || (logarithm && !is_float(t)))
    throw OpError(fmt::format("{} of {} is not supported", Reduce::names[size_t(kind)], name(t)), "unsupported-type");
}

}  // namespace

void Reduce::import(OnnxNode& node) {
  Reduce r;
  r.kind = K(std::ranges::find(onnx, node.op_type()) - onnx);
  r.axes = import_axes(node, r.kind);
  r.keepdims = node.integer("keepdims", 1) != 0;
  if (is_arg(r.kind)) r.select_last = node.integer("select_last_index", 0) != 0;
  const DType type = node.type(0).dtype;
  // A boolean maximum is one of bytes.
  const ValueId x =
      type == DType::boolean ? node.emit(Cast{DType::u8}, {node.input(0)}) : computable(node, node.input(0));
  result_as(node, 0, node.emit(r, {x}), is_arg(r.kind) ? DType::i64 : type);
}

std::vector<Type> Reduce::infer(std::span<const Type> in) const {
  const Type& x = in[0];
  if (!x.quantized()) check_type(kind, x.dtype);
  if (x.quantized() && !is_arg(kind))
    require(integer_form(), fmt::format("{} has no integer form", names[size_t(kind)]));
  require(!is_arg(kind) || axes.size() == 1, "an index is searched along one axis");
  Type y{is_arg(kind) ? DType::i64 : x.dtype, {}, {}};
  int64_t count = 1;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    const bool reduced = std::ranges::find(axes, int64_t(d)) != axes.end();
    if (reduced) count *= x.shape[d];
    if (!reduced) y.shape.push_back(x.shape[d]);
    else if (keepdims) y.shape.push_back(1);
  }
  for (int64_t a : axes) require(a >= 0 && a < x.rank(), fmt::format("axis {} of an input of rank {}", a, x.rank()));
  require(count > 0 || !is_arg(kind), "an index is searched along an axis of extent 0");
  return {y};
}

ReduceShape Reduce::shape(const Type& x) const {
  const Shape strides = dense_strides(x.shape);
  Shape extent[2], stride[2];
  ReduceShape s{0, 0, 1, {}, {}, {}, {}};
  for (size_t d = 0; d < x.shape.size(); ++d) {
    const bool reduced = std::ranges::find(axes, int64_t(d)) != axes.end();
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

Requantization reduce_requantization(const Reduce& op, const Type& x, const Type& y) {
  const int64_t count = op.shape(x).count;
  Rational scale = exact(x.quant.scale[0]) / exact(y.quant.scale[0]);
  if (op.kind == K::mean && count > 0) scale /= static_cast<long>(count);
  const int64_t lo = info(x.dtype).lo - x.quant.zero_point[0], hi = info(x.dtype).hi - x.quant.zero_point[0];
  const RequantChannel channel{scale, 0, count * lo, count * hi};
  return plan_sums({channel}, requant_range(y, {}));
}

namespace {

template <class X>
void eval_arg(const Reduce& op, const ReduceShape& s, const X* x, int64_t* y) {
  if (op.kind == K::arg_max) op.select_last ? reduce_arg<true, true>(s, x, y) : reduce_arg<true, false>(s, x, y);
  else op.select_last ? reduce_arg<false, true>(s, x, y) : reduce_arg<false, false>(s, x, y);
}

template <class X, class Y>
void eval_quantized(const Reduce& op, const ReduceShape& s, const Tensor& x, Tensor& y) {
  if (op.kind == K::mean || op.kind == K::sum) {
    const Requantization q = reduce_requantization(op, x.type(), y.type());
    reduce_sum_q8(s, q.device, x.type().quant.zero_point[0], q.params.data(), x.data<X>(), y.data<Y>());
    return;
  }
  const std::vector<uint8_t> table = operand_table(x.type(), y.type(), {});
  const uint8_t* t = table.empty() ? nullptr : table.data();
  if (op.kind == K::max) reduce_extreme_q8<fn_reduce_max>(s, t, x.data<X>(), y.data<Y>());
  else reduce_extreme_q8<fn_reduce_min>(s, t, x.data<X>(), y.data<Y>());
}

}  // namespace

void Reduce::eval(Inputs in, Outputs out) const {
  const Tensor& x = *in[0];
  Tensor& y = out[0];
  const ReduceShape s = shape(x.type());
  if (x.type().quantized() && !is_arg(kind)) {
    visit_byte(x.dtype(), [&](auto xe) {
      visit_byte(y.dtype(), [&](auto ye) { eval_quantized<decltype(xe), decltype(ye)>(*this, s, x, y); });
    });
    return;
  }
  visit_number(x.dtype(), [&](auto e) {
    using T = decltype(e);
    const T* px = x.data<T>();
    if (is_arg(kind)) return eval_arg(*this, s, px, y.data<int64_t>());
    T* py = y.data<T>();
    switch (kind) {
      case K::mean:
        return reduce<fn_reduce_mean>(s, px, py);
      case K::sum:
        return reduce<fn_reduce_sum>(s, px, py);
      case K::max:
        return reduce<fn_reduce_max>(s, px, py);
      case K::min:
        return reduce<fn_reduce_min>(s, px, py);
      case K::prod:
        return reduce<fn_reduce_prod>(s, px, py);
      case K::l1:
        return reduce<fn_reduce_l1>(s, px, py);
      case K::l2:
        return reduce<fn_reduce_l2>(s, px, py);
      case K::sum_square:
        return reduce<fn_reduce_sum_square>(s, px, py);
      case K::log_sum:
        return reduce<fn_reduce_log_sum>(s, px, py);
      case K::log_sum_exp:
        return reduce_log_sum_exp(s, px, py);
      case K::arg_max:
      case K::arg_min:
        break;
    }
  });
}

}  // namespace burin
