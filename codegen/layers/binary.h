// Operators of two operands with broadcasting: what they cost, and their kernels for Helium.
#pragma once
#include "codegen/layers/reference.h"
#include "compiler/numerics/requantize.h"
#include "runtime-min/kernels/binary.h"

namespace burin {

double binary_cycles(const Reference& l);

/// What Helium's kernels ask of a layer whose result has elements.
struct BinaryMve {
  static std::optional<BinaryMve> of(const LayerView& v);
  BinaryShape s;
  int64_t n;
  bool simple;                        // a sum, difference or product of floats
  std::optional<RequantAdd> add;      // a quantized sum or difference
  std::optional<Requantization> mul;  // of a quantized product, where it is proven
  bool extreme;                       // a quantized minimum or maximum

  /// binary_f32_mve serves: operands of one shape, or one of them a single number.
  bool real() const { return simple && s.rank == 1 && s.a[0] <= 1 && s.b[0] <= 1 && s.a[0] + s.b[0] > 0; }
  /// add_q8_mve serves: operands of one shape, and a shift that its narrowing makes.
  bool sum() const {
    return add && s.rank == 1 && s.a[0] == 1 && s.b[0] == 1 && add->kind == RequantAddKind::linear &&
           add->shift >= 17 && add->shift <= 22;
  }
  /// Runs of elements: one or two axes, the last one without broadcasting.
  bool runs() const { return s.rank <= 2 && s.a[s.rank - 1] == 1 && s.b[s.rank - 1] == 1; }
};

LayerCode lower_binary_f32_mve(const LayerView& v);
LayerCode lower_add_q8_mve(const LayerView& v);
LayerCode lower_mul_q8_mve(const LayerView& v);
LayerCode lower_extreme_q8_mve(const LayerView& v);

}  // namespace burin
