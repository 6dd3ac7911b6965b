#include "codegen/layers/matmul.h"

#include "codegen/layers/common.h"
#include "compiler/ops/matmul.h"

namespace burin {
std::optional<MatMulLayer> MatMulLayer::of(const LayerView& v) {
  const MatMul* op = v.node.as<MatMul>();
  if (!op) return std::nullopt;
  const Type &a = v.in(0), &b = v.in(1), &y = v.out();
  MatMulLayer m{op->shape(a, b), a.quantized(), 0, {}};
  m.products = double(y.elements()) * m.s.k;
  if (m.quantized) {
    if (!is_q8(a) || !is_q8(b) || !is_q8(y)) return std::nullopt;
    m.requant = matmul_requantization(a, b, y);
  } else if (!is_plain(a) || a.dtype != b.dtype || a.dtype != y.dtype) {
    return std::nullopt;
  }
  return m;
}

LayerCode lower_matmul_ref(const LayerView& v) {
  const MatMulLayer& m = *v.as<MatMulLayer>();
  if (v.out().elements() == 0) return nothing(v);
  return one_call("matmul.h", {"matmul_ref", {}, with_operands({s_name}, 2)}, {{"s", struct_of(m.s)}});
}

LayerCode lower_matmul_q8_ref(const LayerView& v) {
  const MatMulLayer& m = *v.as<MatMulLayer>();
  if (v.out().elements() == 0) return nothing(v);
  const Argument a_zero = v.in(0).quant.zero_point[0], b_zero = v.in(1).quant.zero_point[0];
  LayerCode code =
      one_call("matmul.h",
               {"matmul_q8_ref",
                {},
                {s_name, q_name, a_zero, b_zero, pointer("x0"), pointer("x1"), pointer("p"), pointer("y0")}},
               {{"s", struct_of(m.s)}});
  requantization(m.requant, code);
  return code;
}

}  // namespace burin
