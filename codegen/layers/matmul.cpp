#include "codegen/layers/matmul.h"

#include "codegen/layers/spelling.h"
#include "compiler/ops/matmul.h"

namespace burin {
namespace {

std::string text(const MatMulShape& s) {
  return fmt::format("{{{}, {}, {}, {}, {}, {}, {}}}", s.m, s.k, s.n, s.rank, axes(s.extent, s.rank), axes(s.a, s.rank),
                     axes(s.b, s.rank));
}

}  // namespace

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

LayerCode print_matmul(const LayerView& v) {
  const MatMulLayer& m = *v.as<MatMulLayer>();
  if (v.out().elements() == 0) return nothing(v);
  LayerCode code = layer_code("matmul.h", fmt::format("constexpr burin::MatMulShape s = {};\n", text(m.s)));
  if (!m.quantized) {
    code.body += "burin::matmul_ref(s, x0, x1, y0);\n";
    return code;
  }
  code.body += requantization(m.requant, code);
  code.body += fmt::format("burin::matmul_q8_ref(s, q, {}, {}, x0, x1, p, y0);\n", v.in(0).quant.zero_point[0],
                           v.in(1).quant.zero_point[0]);
  return code;
}

}  // namespace burin
