// The list of operators. To add one: write its file, include it, name it here (docs/add-an-operator.md).
#pragma once
#include <variant>

#include "compiler/ops/binary.h"
#include "compiler/ops/cast.h"
#include "compiler/ops/concat.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/dense.h"
#include "compiler/ops/expand.h"
#include "compiler/ops/gather.h"
#include "compiler/ops/matmul.h"
#include "compiler/ops/pad.h"
#include "compiler/ops/pool.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/reduce.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/slice.h"
#include "compiler/ops/softmax.h"
#include "compiler/ops/transpose.h"
#include "compiler/ops/unary.h"
#include "compiler/ops/where.h"

namespace burin {

class Spending;

using Op = std::variant<Conv, Dense, MatMul, Binary, Unary, Pool, Reduce, Softmax, Reshape, Transpose, Slice, Concat,
                        Pad, Gather, Expand, Where, Cast, Quantize, Dequantize>;

template <class>
constexpr bool all_operators = false;
template <class... T>
constexpr bool all_operators<std::variant<T...>> = (Operator<T> && ...);
static_assert(all_operators<Op>);

/// The operator's name in the text IR: "conv", "relu".
std::string_view name(const Op& op);
/// The operator with that name and default attributes; throws std::invalid_argument for an unknown one.
Op op_of_name(std::string_view name);
Arity inputs(const Op& op);
QuantRule quant_rule(const Op& op);
std::vector<Type> infer(const Op& op, std::span<const Type> in);
void eval(const Op& op, Inputs in, Outputs out);
/// The limits that its results are stored with; null where the operator has none.
Clamp* clamp_of(Op& op);

/// Multiply-adds of one run, for reports: products that reach an accumulator.
int64_t macs(const Op& op, std::span<const Type> in, std::span<const Type> out);

/// Asks whether it may be evaluated now: multiply-adds, elements read and bytes written count. Another view of the same
/// bytes takes memory only. Throws OpError [limit].
void spend(Spending& spent, const Op& op, std::span<const Type> in, std::span<const Type> out);

/// What imports an ONNX operator; null for one that is not supported.
using Importer = void (*)(OnnxNode&);
Importer importer(std::string_view onnx_op);
/// All ONNX operators that are supported, sorted, with the IR name each becomes.
struct SupportedOp {
  std::string_view onnx;
  std::string_view ir;
  QuantRule quant;
};
std::vector<SupportedOp> supported_operators();

}  // namespace burin
