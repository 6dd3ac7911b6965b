// Operators with two quantized inputs, proven over every pair of stored values (65,536 for int8).
// Products need nothing of their own: acc = (x - zx) * (y - zy) goes through plan_requantization.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/numerics/rational.h"
#include "compiler/numerics/requantize.h"
#include "runtime-min/requantize.h"

namespace burin {

/// The stored values that an operand can have; at most 256 of them.
struct OperandRange {
  int32_t lo, hi;
};

/// q = clamp(round_half_even(kx * (x - zx) + ky * (y - zy)) + zero_point, lo, hi); Sub has a negative ky.
struct AddPlan {
  RequantAdd device;
  std::vector<uint8_t> table;  // RequantAddKind::table: what device.table has to point to; else empty
};

/// Chooses the first exact form: linear (two SMLAW on cores with DSP), wide (64 bits, exact ties to even), table (one
/// byte a pair). Every pair is compared with the exact result; about 2 ms. Throws std::invalid_argument for empty
/// ranges or more than 256 values in an operand or the result.
AddPlan plan_add(const Rational& kx, int32_t zx, const Rational& ky, int32_t zy, RequantRange range, OperandRange x,
                 OperandRange y);

/// The exact results, x in the outer loop; what plan_add compares with.
std::vector<int32_t> add_exactly(const Rational& kx, int32_t zx, const Rational& ky, int32_t zy, RequantRange range,
                                 OperandRange x, OperandRange y);

/// q = clamp(round_half_even(k * (x - zx) / (y - zy)) + zero_point, lo, hi) as a table, x in the outer loop. Division
/// by zero follows ONNX's float arithmetic: a positive numerator saturates to hi, a negative one to lo (k > 0), and 0 /
/// 0, which is not a number, stores the zero point.
std::vector<int32_t> divide_exactly(const Rational& k, int32_t zx, int32_t zy, RequantRange range, OperandRange x,
                                    OperandRange y);

}  // namespace burin
