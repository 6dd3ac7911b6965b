#pragma once
#include "compiler/ops/op.h"

namespace burin {

struct DenseShape;  // runtime-min/kernels/dense.h

enum class ValueId : int32_t;  // compiler/ir/graph.h

/// Fully connected: y[..., o] = clamp(bias[o] + sum over k of x[..., k] * w[o, k]).
/// Inputs: x, w [N, K], bias [N] (optional), offset [N] (optional, int32, in units of the accumulator: see Conv); w and
/// bias are constants or dequantized constants. A quantized bias without a scale counts in units of the accumulator,
/// x's scale times w's.
struct Dense {
  static constexpr std::string_view names[] = {"dense"};
  static constexpr std::string_view onnx[] = {"Gemm"};
  static constexpr Arity inputs{2, 4};
  static constexpr QuantRule quant = QuantRule::arithmetic;
  static constexpr Traits traits{.weighted = true, .data = 1};

  Clamp clamp;

  static void fields(auto& self, auto&& f) { f("clamp", self.clamp); }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  void eval(Inputs in, Outputs out) const;
  bool operator==(const Dense&) const = default;
  ChannelRole channels(const Type&) const { return ChannelRole::mixes; }
  bool integer_form() const { return true; }

  DenseShape shape(const Type& x, const Type& w) const;
};

/// For importers: the operand w [N, K] of a Dense made of input `i` of `node`, which holds [K, N] (or [N, K] if
/// transposed); none unless that input is a constant or a dequantized constant of rank 2.
ValueId dense_weights(OnnxNode& node, size_t i, bool transposed);

}  // namespace burin
