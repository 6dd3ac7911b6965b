// Operators of two operands with broadcasting.
#pragma once
#include "codegen/layer.h"
#include "compiler/numerics/pairs.h"
#include "compiler/ops/binary.h"
#include "runtime-min/kernels/binary.h"

namespace burin {

/// Binary on real numbers, integers and booleans.
struct BinaryReal {
  static std::optional<BinaryReal> of(const LayerView& v);
  Binary op;
  DType x, y;
  BinaryShape s;
  int64_t n;
  double cost;  // cycles of one element
  double cycles() const { return double(n) * cost; }

  /// binary_f32_mve serves: operands of one shape, or one of them a single number.
  bool mve() const {
    const bool simple = op.kind == BinaryKind::add || op.kind == BinaryKind::sub || op.kind == BinaryKind::mul;
    return simple && y == DType::f32 && s.rank == 1 && n > 0 && s.a[0] <= 1 && s.b[0] <= 1 && s.a[0] + s.b[0] > 0;
  }
};

/// Binary on int8 and uint8 operands. Of the three plans the one of `kind` is filled.
struct BinaryQ8 {
  static std::optional<BinaryQ8> of(const LayerView& v);
  BinaryKind kind;
  BinaryShape s;
  int64_t n;
  AddPlan add;                               // add, sub
  Requantization mul;                        // mul
  std::optional<Requantization> mul_vector;  // the same for Helium, where it is proven and the core has it
  std::vector<uint8_t> a_table, b_table;     // min, max; empty: the operand has the result's scale

  bool is_sum() const { return kind == BinaryKind::add || kind == BinaryKind::sub; }
  bool is_product() const { return kind == BinaryKind::mul; }
  /// add_q8_mve serves: operands of one shape, and a shift that its narrowing makes.
  bool mve() const {
    return is_sum() && s.rank == 1 && s.a[0] == 1 && s.b[0] == 1 && add.device.kind == RequantAddKind::linear &&
           add.device.shift >= 17 && add.device.shift <= 22;
  }
  /// Runs of elements for Helium: one or two axes, the last one without broadcasting.
  bool runs() const { return s.rank <= 2 && s.a[s.rank - 1] == 1 && s.b[s.rank - 1] == 1; }
  /// mul_q8_mve serves.
  bool vector_product() const { return mul_vector && runs(); }
  bool vector_extreme() const { return is_extreme() && runs(); }
  bool is_extreme() const { return kind == BinaryKind::min || kind == BinaryKind::max; }
};

LayerCode lower_binary(const LayerView& v);
LayerCode lower_binary_f32_mve(const LayerView& v);
LayerCode lower_add_q8(const LayerView& v);
LayerCode lower_add_q8_mve(const LayerView& v);
LayerCode lower_mul_q8(const LayerView& v);
LayerCode lower_mul_q8_mve(const LayerView& v);
LayerCode lower_extreme_q8(const LayerView& v);
LayerCode lower_extreme_q8_mve(const LayerView& v);

}  // namespace burin
