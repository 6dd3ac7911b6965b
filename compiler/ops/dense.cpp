#include "compiler/ops/dense.h"

#include <fmt/format.h>

#include "compiler/numerics/requantize.h"
#include "compiler/ops/binary.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/elements.h"
#include "compiler/ops/layout.h"
#include "compiler/ops/matmul.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/transpose.h"
#include "runtime-min/kernels/dense.h"

namespace burin {
namespace {

/// A constant (or dequantized constant) with another content, as an operand.
ValueId same_kind(OnnxNode& node, Tensor stored) {
  const bool quantized = stored.type().quantized();
  const ValueId c = node.constant_value(std::move(stored));
  return quantized ? node.emit(Dequantize{}, {c}) : c;
}

/// The bias of a Gemm with n outputs when its addend C (input 2) is known and the same for every row.
ValueId dense_bias(OnnxNode& node, int64_t n) {
  const Tensor* c = node.stored_constant(2);
  if (!c || c->type().quant.axis >= 1) return ValueId::none;
  const Shape& s = c->shape();
  const bool row = s == Shape{n} || s == Shape{1, n};
  if (!row && c->elements() != 1) return ValueId::none;
  if (!row && s.size() > 2) return ValueId::none;
  if (s == Shape{n}) return node.input(2);
  if (c->type().quant.axis >= 0) return ValueId::none;
  Tensor b({c->dtype(), {n}, c->type().quant});
  for (int64_t i = 0; i < n; ++i) {
    const int64_t from = row ? i : 0;
    if (is_float(b.dtype())) b.set_real(i, c->real(from));
    else b.set_integer(i, c->integer(from));
  }
  return same_kind(node, std::move(b));
}

}  // namespace

ValueId dense_weights(OnnxNode& node, size_t i, bool transposed) {
  const Tensor* w = node.stored_constant(i);
  if (!w || w->type().rank() != 2) return ValueId::none;
  return transposed ? node.input(i) : same_kind(node, permute(*w, {1, 0}));
}

void Dense::import(OnnxNode& node) {
  const DType type = node.type(0).dtype;
  const float alpha = node.real("alpha", 1.0f), beta = node.real("beta", 1.0f);
  const bool trans_a = node.integer("transA", 0) != 0, trans_b = node.integer("transB", 0) != 0;
  node.ignore({"broadcast"});  // before opset 7; what it allows is allowed anyway
  require(node.type(0).rank() == 2 && node.type(1).rank() == 2,
          fmt::format("operands of rank {} and {}, not 2", node.type(0).rank(), node.type(1).rank()));
  const DType work = computing_type(type);
  auto transposed = [&](ValueId v, bool swap) { return swap ? node.emit(Transpose{{1, 0}}, {v}) : v; };
  auto scaled = [&](ValueId v, float by) {
    return by == 1.0f ? v : node.emit(Binary{BinaryKind::mul, {}}, {v, scalar(node, work, double(by))});
  };
  const ValueId a = transposed(computable(node, node.input(0)), trans_a);
  bool add_c = node.has(2);
  ValueId y;
  const ValueId w = work == DType::f32 ? dense_weights(node, 1, trans_b) : ValueId::none;
  if (w != ValueId::none) {
    std::vector<ValueId> in{a, computable(node, w)};
    if (alpha == 1.0f && beta == 1.0f) {
      const ValueId bias = dense_bias(node, node.graph()[w].type.shape[0]);
      if (bias != ValueId::none) in.push_back(computable(node, bias)), add_c = false;
    }
    y = node.emit(Dense{}, in);
  } else {
    y = node.emit(MatMul{}, {a, transposed(computable(node, node.input(1)), trans_b)});
  }
  y = scaled(y, alpha);
  if (node.has(2)) {
    const Shape &s = node.type(2).shape, &whole = node.graph()[y].type.shape;
    require(broadcast(s, whole) == whole, fmt::format("C (input 2) has shape [{}], which does not broadcast to [{}]",
                                                      to_string(s), to_string(whole)));
  }
  if (add_c) y = node.emit(Binary{BinaryKind::add, {}}, {y, scaled(computable(node, node.input(2)), beta)});
  result_as(node, 0, y, type);
}

std::vector<Type> Dense::infer(std::span<const Type> in) const {
  const Shape &x = in[0].shape, &w = in[1].shape;
  require(!x.empty() && w.size() == 2 && x.back() == w[1],
          fmt::format("weights [{}] do not fit an input [{}]", to_string(w), to_string(x)));
  if (in.size() > 2 && !in[2].shape.empty())
    require(in[2].shape == Shape{w[0]}, fmt::format("bias has shape [{}], not [{}]", to_string(in[2].shape), w[0]));
  require(in[0].quantized() || in[0].dtype == DType::f32,
          fmt::format("a fully connected layer on {} is not supported", burin::name(in[0].dtype)));
  require_one_type(in);
  require(in[0].quantized() == in[1].quantized(), "one of input and weights is quantized, the other is not");
  Shape y = x;
  y.back() = w[0];
  return {{in[0].dtype, y, {}}};
}

DenseShape Dense::shape(const Type& x, const Type& w) const {
  int64_t pixels = 1;
  for (size_t d = 0; d + 1 < x.shape.size(); ++d) pixels *= x.shape[d];
  return {to_int32(pixels), to_int32(w.shape[1]), to_int32(w.shape[0])};
}

void Dense::eval(Inputs in, Outputs out) const {
  const Tensor &x = *in[0], &w = *in[1];
  const Tensor* bias = in.size() > 2 ? in[2] : nullptr;
  Tensor& y = out[0];
  const DenseShape s = shape(x.type(), w.type());
  if (!x.type().quantized()) {
    dense_f32_ref(s, clamp.lo, clamp.hi, x.data<float>(), w.data<float>(), bias ? bias->data<float>() : nullptr,
                  y.data<float>());
    return;
  }
  std::vector<int16_t> weights = centered(w);
  const Requantization q =
      accumulator_requantization(w, bias, x.type(), y.type(), clamp, weights, in.size() > 3 ? in[3] : nullptr);
  visit_byte(x.dtype(), [&](auto xe) {
    visit_byte(y.dtype(), [&](auto ye) {
      using X = decltype(xe);
      using Y = decltype(ye);
      dense_q8_ref(s, q.device, x.type().quant.zero_point[0], x.data<X>(), weights.data(), q.params.data(),
                   y.data<Y>());
    });
  });
}

}  // namespace burin
