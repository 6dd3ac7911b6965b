// Reductions over any axes.
#pragma once
#include "codegen/layer.h"
#include "compiler/numerics/requantize.h"
#include "compiler/ops/reduce.h"
#include "runtime-min/kernels/reduce.h"

namespace burin {

/// Reductions of numbers to numbers, and arg_max and arg_min of anything.
struct ReduceReal {
  static std::optional<ReduceReal> of(const LayerView& v);
  ReduceKind kind;
  bool select_last;
  ReduceShape s;
  double reads;  // elements

  bool is_arg() const { return kind == ReduceKind::arg_max || kind == ReduceKind::arg_min; }
};

/// mean, sum, max and min of int8 and uint8.
struct ReduceQ8 {
  static std::optional<ReduceQ8> of(const LayerView& v);
  ReduceKind kind;
  ReduceShape s;
  double reads;
  Requantization sum;          // mean, sum
  std::vector<uint8_t> table;  // max, min; empty: x has the result's scale

  bool is_sum() const { return kind == ReduceKind::mean || kind == ReduceKind::sum; }
};

LayerCode lower_reduce(const LayerView& v);
LayerCode lower_reduce_arg(const LayerView& v);
LayerCode lower_reduce_sum_q8(const LayerView& v);
LayerCode lower_reduce_extreme_q8(const LayerView& v);

}  // namespace burin
