// Operators of one operand, casts and selection, element by element.
#pragma once
#include "codegen/layer.h"
#include "compiler/ops/unary.h"
#include "runtime-min/kernels/where.h"

namespace burin {

/// Unary on real numbers, integers and booleans.
struct UnaryReal {
  static std::optional<UnaryReal> of(const LayerView& v);
  Unary op;
  DType x, y;
  int64_t n;
  double cost;  // cycles of one element
  double cycles() const { return double(n) * cost; }
};

/// Unary from int8 or uint8 to int8 or uint8, by table.
struct UnaryQ8 {
  static std::optional<UnaryQ8> of(const LayerView& v);
  int64_t n;
  std::vector<uint8_t> values;  // by the bits of x
};

struct CastLayer {
  static std::optional<CastLayer> of(const LayerView& v);
  DType from, to;
  int64_t n;
};

struct WhereLayer {
  static std::optional<WhereLayer> of(const LayerView& v);
  WhereShape s;
  int64_t n;
};

LayerCode lower_unary(const LayerView& v);
LayerCode lower_lut_q8(const LayerView& v);
LayerCode lower_lut_q8_mve(const LayerView& v);
LayerCode lower_cast(const LayerView& v);
LayerCode lower_where(const LayerView& v);

}  // namespace burin
