#include "compiler/ops/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "compiler/ops/binary.h"
#include "compiler/ops/calls.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/elements.h"
#include "compiler/ops/layout.h"
#include "compiler/ops/pad.h"
#include "compiler/ops/reduce.h"
#include "compiler/ops/requantization.h"
#include "runtime-min/kernels/pool_dsp.h"
#include "runtime-min/kernels/pool_f32_mve.h"
#include "runtime-min/kernels/pool_mve.h"
#include "runtime-min/kernels/pool_rows_dsp.h"
#include "runtime-min/kernels/pool_rows_f32_mve.h"
#include "runtime-min/kernels/pool_rows_mve.h"

namespace burin {

template <class F>
void fields(PoolShape& s, F& f) {
  f(s.ih), f(s.iw), f(s.oh), f(s.ow), f(s.c), f(s.kh), f(s.kw), f(s.sh), f(s.sw), f(s.dh), f(s.dw), f(s.pt), f(s.pl);
  f(s.include_pad);
}

namespace {

/// A window over the whole image; over three and more spatial axes a reduction.
void import_global(OnnxNode& node, PoolKind kind) {
  const Shape x = node.type(0).shape;
  const DType type = node.type(0).dtype;
  require(x.size() >= 3, fmt::format("an input of rank {} has no spatial axes", x.size()));
  const ValueId v = computable(node, node.input(0));
  if (x.size() > 4) {
    Reduce r;
    r.kind = kind == PoolKind::max_pool ? ReduceKind::max : ReduceKind::mean;
    for (size_t d = 2; d < x.size(); ++d) r.axes.push_back(int64_t(d));
    return result_as(node, 0, node.emit(r, {v}), type);
  }
  Pool p;
  p.kind = kind;
  p.window.kernel = {x.size() == 3 ? 1 : x[2], x.back()};
  result_as(node, 0, node.emit(p, {v}), type);
}

/// The numbers of window cells inside the image along axis `a`.
std::set<int64_t> valid_cells(const Window& w, size_t a, int64_t in, int64_t out) {
  std::set<int64_t> r;
  const int64_t d = w.dilations[a];
  const auto below = [&](int64_t i) { return std::clamp<int64_t>((i + d - 1) / d, 0, w.kernel[a]); };  // of k * d < i
  for (int64_t o = 0; o < out; ++o) {
    const int64_t before = w.pads[a] - o * w.strides[a];
    r.insert(below(before + in) - below(before));
  }
  return r;
}

}  // namespace

void Pool::import(OnnxNode& node) {
  const std::string_view op = node.op_type();
  const PoolKind kind = op == "MaxPool" || op == "GlobalMaxPool" ? PoolKind::max_pool : PoolKind::average_pool;
  if (op.starts_with("Global")) return import_global(node, kind);
  const Shape x = node.type(0).shape;
  const DType type = node.type(0).dtype;
  require(x.size() >= 3, fmt::format("an input of rank {} has no spatial axes", x.size()));
  node.ignore({"storage_order"});  // of the indices
  if (kind == PoolKind::max_pool && node.wants(1))
    throw OpError("the second output (Indices) is not supported", "unsupported-output");
  Pool p;
  p.kind = kind;
  p.count_include_pad = kind == PoolKind::average_pool && node.integer("count_include_pad", 0) != 0;
  // VALID and SAME leave nothing to round up.
  const bool ceil = node.integer("ceil_mode", 0) != 0 && node.text("auto_pad", "NOTSET") == "NOTSET";
  const Shape spatial(x.begin() + 2, x.end());
  node.integers("kernel_shape");  // required, unlike that of Conv
  const Window floored = import_window(node, spatial, {}, false);
  p.window = ceil ? import_window(node, spatial, {}, true) : floored;
  ValueId v = computable(node, node.input(0));
  if (p.count_include_pad && p.window.pads != floored.pads) {
    // The padding of the attribute counts, the rest of a window that ceil_mode lets reach further does not.
    Pad pad;
    pad.begins.assign(x.size(), 0), pad.ends.assign(x.size(), 0);
    for (size_t i = 0; i < spatial.size(); ++i) {
      const size_t a = 2 - spatial.size() + i;
      pad.begins[2 + i] = floored.pads[a], pad.ends[2 + i] = floored.pads[a + 2];
    }
    for (size_t i = 0; i < 4; ++i) p.window.pads[i] -= floored.pads[i];
    p.count_include_pad = false;
    if (floored.pads != std::array<int64_t, 4>{}) v = node.emit(pad, {v});
  }
  if (p.window.pads == std::array<int64_t, 4>{}) p.count_include_pad = false;
  result_as(node, 0, node.emit(p, {v}), type);
}

std::vector<Type> Pool::infer(std::span<const Type> in) const {
  const Image x = image(in[0].shape, channels_last);
  if (!in[0].quantized()) {
    require_computable(in[0].dtype);
    require(kind == PoolKind::max_pool || in[0].dtype == DType::f32,
            fmt::format("an average pool of {} is not supported", burin::name(in[0].dtype)));
  }
  return {{in[0].dtype, window.out_shape(in[0].shape, channels_last, x.c), {}}};
}

PoolShape Pool::shape(const Type& xt, const Type& yt) const {
  const Image x = image(xt.shape, true), y = image(yt.shape, true);
  return {to_int32(x.h),
          to_int32(x.w),
          to_int32(y.h),
          to_int32(y.w),
          to_int32(x.c),
          to_int32(window.kernel[0]),
          to_int32(window.kernel[1]),
          to_int32(window.strides[0]),
          to_int32(window.strides[1]),
          to_int32(window.dilations[0]),
          to_int32(window.dilations[1]),
          to_int32(window.pads[0]),
          to_int32(window.pads[1]),
          count_include_pad};
}

PoolRequantization pool_requantization(const Pool& op, const Type& xt, const Type& yt) {
  const Image x = image(xt.shape, op.channels_last), y = image(yt.shape, op.channels_last);
  std::set<int64_t> counts;
  if (op.count_include_pad) {
    counts.insert(op.window.kernel[0] * op.window.kernel[1]);
  } else {
    for (int64_t h : valid_cells(op.window, 0, x.h, y.h))
      for (int64_t w : valid_cells(op.window, 1, x.w, y.w)) counts.insert(h * w);
    counts.erase(0);  // nothing to sum: the zero point, by any set
    if (counts.empty()) counts.insert(1);
  }
  const int64_t lo = info(xt.dtype).lo - xt.quant.zero_point[0], hi = info(xt.dtype).hi - xt.quant.zero_point[0];
  const Rational scale = exact(xt.quant.scale[0]) / exact(yt.quant.scale[0]);
  PoolRequantization r;
  std::vector<RequantChannel> channels;
  for (int64_t count : counts) {
    channels.push_back({Rational(scale / static_cast<long>(count)), 0, count * lo, count * hi});
    r.counts.push_back(to_int32(count));
  }
  r.requantization = plan_sums(channels, requant_range(yt, {}));
  return r;
}

void Pool::eval(Inputs in, Outputs out) const {
  if (!channels_last) return eval_channels_last(*this, in, out, 1);
  eval_call(*this, in, out[0]);
}

std::optional<LayerCode> Pool::call(std::span<const Type> in, const Type& y) const {
  const Type& x = in[0];
  const bool max = kind == PoolKind::max_pool;
  if (!channels_last) return std::nullopt;
  if (x.quantized() ? !is_q8(x) || !is_q8(y) : !is_plain(x) || x.dtype != y.dtype) return std::nullopt;
  if (!x.quantized() && !max && x.dtype != DType::f32) return std::nullopt;
  const PoolShape s = shape(x, y);
  const auto by_rows = [&](std::string function, std::vector<Argument> arguments) {
    LayerCode code = one_call("pool.h", {std::move(function), {}, std::move(arguments)}, {{"s", struct_of(s)}});
    code.headers.push_back("conv.h");  // image_rows
    code.body.calls[0].rows =
        RowLoop{x.shape[0], s.ih, s.iw * s.c, s.oh, s.ow * s.c, s.sh, s.rows(1), s.pt, s.oh, x.dtype};
    return code;
  };
  if (!x.quantized())
    return by_rows(max ? "max_pool_ref" : "average_pool_f32_ref", {s_name, Rows{}, RowCount{}, pointer("y")});
  if (max) {
    const std::vector<uint8_t> table = operand_table(x, y, {});
    if (table.empty()) return by_rows("max_pool_ref", {s_name, Rows{}, RowCount{}, pointer("y")});
    LayerCode code = by_rows("max_pool_q8_ref", {s_name, pointer("table"), Rows{}, RowCount{}, pointer("y")});
    lookup("table", table, code);
    return code;
  }
  const PoolRequantization q = pool_requantization(*this, x, y);
  const int64_t sets = int64_t(q.counts.size());
  LayerCode code = by_rows("average_pool_q8_ref", {s_name, q_name, x.quant.zero_point[0], sets,
                                                   sets > 1 ? pointer("counts") : Argument(Null{}), Rows{}, RowCount{},
                                                   pointer("p"), pointer("y")});
  requantization(q.requantization, code);
  if (sets > 1) code.constants.push_back({"counts", constant_of<int32_t>(q.counts)});
  return code;
}

std::vector<HostEntry> Pool::functions() {
  return {
      {"max_pool_ref",
       [](const HostCall& c) { visit_dtype(c.dtype(3), [&](auto e) { invoke(c, &max_pool_ref<decltype(e)>); }); }},
      BURIN_BYTES(max_pool_q8_ref, 2, 4),
      {"average_pool_f32_ref", [](const HostCall& c) { invoke(c, &average_pool_f32_ref); }},
      {"average_pool_f32_mve", [](const HostCall& c) { invoke(c, &average_pool_f32_mve); }},
      BURIN_BYTES(average_pool_q8_ref, 5, 8),
      BURIN_BYTES(average_pool_q8_dsp, 5, 8),
      BURIN_BYTES(average_pool_q8_mve, 5, 8),
      {"average_pool_rows_f32_ref", [](const HostCall& c) { invoke(c, &average_pool_rows_f32_ref); }},
      {"average_pool_rows_f32_mve", [](const HostCall& c) { invoke(c, &average_pool_rows_f32_mve); }},
      BURIN_BYTES(average_pool_rows_q8_ref, 5, 9),
      BURIN_BYTES(average_pool_rows_q8_dsp, 5, 9),
      BURIN_BYTES(average_pool_rows_q8_mve, 5, 9),
  };
}

}  // namespace burin
