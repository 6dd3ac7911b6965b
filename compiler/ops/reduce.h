#pragma once
#include <algorithm>

#include "compiler/ops/op.h"

namespace burin {

enum class ReduceKind : uint8_t {
  mean,
  sum,
  max,
  min,
  prod,
  l1,
  l2,
  sum_square,
  log_sum,
  log_sum_exp,
  arg_max,
  arg_min
};

/// Reduction over `axes` (sorted, from 0; empty: each element alone). arg_max and arg_min reduce one axis to the int64
/// index of the first extreme element, or the last with select_last. Quantized mean, sum: correctly rounded from the
/// exact sum of (x - zx); max and min: of the stored integers, then brought to y's scale.
struct Reduce {
  static constexpr std::string_view names[] = {
      "reduce_mean", "reduce_sum",        "reduce_max",     "reduce_min",         "reduce_prod", "reduce_l1",
      "reduce_l2",   "reduce_sum_square", "reduce_log_sum", "reduce_log_sum_exp", "arg_max",     "arg_min"};
  static constexpr std::string_view onnx[] = {"ReduceMean",   "ReduceSum",       "ReduceMax", "ReduceMin",
                                              "ReduceProd",   "ReduceL1",        "ReduceL2",  "ReduceSumSquare",
                                              "ReduceLogSum", "ReduceLogSumExp", "ArgMax",    "ArgMin"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::arithmetic;

  ReduceKind kind{};
  std::vector<int64_t> axes;
  bool keepdims = true;
  bool select_last = false;

  static void fields(auto& self, auto&& f) {
    f("axes", self.axes), f("keepdims", self.keepdims), f("select_last", self.select_last);
  }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Reduce&) const = default;
  void permute_axes(const AxisOrder& o) { o.axes(axes); }
  ChannelRole channels(const Type& x) const {
    const bool apart = kind <= ReduceKind::min && !std::ranges::count(axes, x.rank() - 1);
    return apart ? ChannelRole::hands_on : ChannelRole::other;
  }
  bool within_operands() const {
    return kind == ReduceKind::mean || kind == ReduceKind::max || kind == ReduceKind::min;
  }

  /// mean, sum, max and min have exact arithmetic on int8 and uint8.
  bool integer_form() const { return is_sum() || is_extreme(); }
  bool is_sum() const { return kind == ReduceKind::mean || kind == ReduceKind::sum; }
  bool is_extreme() const { return kind == ReduceKind::max || kind == ReduceKind::min; }
  bool is_arg() const { return kind == ReduceKind::arg_max || kind == ReduceKind::arg_min; }
};

}  // namespace burin
