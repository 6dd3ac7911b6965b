#include "compiler/ops/matmul.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/ops/binary.h"
#include "compiler/ops/calls.h"
#include "compiler/ops/cast.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/dense.h"
#include "compiler/ops/elements.h"
#include "compiler/ops/layout.h"
#include "compiler/ops/quantize.h"
#include "runtime-min/kernels/matmul.h"

namespace burin {

template <class F>
void fields(MatMulShape& s, F& f) {
  f(s.m), f(s.k), f(s.n), f(s.rank), f(s.extent, s.rank), f(s.a, s.rank), f(s.b, s.rank);
}

namespace {

/// The operands as matrices: a vector a is one row, a vector b one column.
struct Operands {
  Shape a, b;        // rank 2 or more
  Shape batch;       // broadcast
  bool row, column;  // whether y keeps its axis of rows, of columns
};
Operands operands(const Shape& a, const Shape& b) {
  require(!a.empty() && !b.empty(), "an operand is a scalar");
  Operands o{a, b, {}, a.size() > 1, b.size() > 1};
  if (!o.row) o.a.insert(o.a.begin(), 1);
  if (!o.column) o.b.push_back(1);
  const int64_t k = o.b[o.b.size() - 2];
  require(o.a.back() == k, fmt::format("matrices [{}] and [{}] do not fit", to_string(a), to_string(b)));
  o.batch = broadcast_shapes({Shape(o.a.begin(), o.a.end() - 2), Shape(o.b.begin(), o.b.end() - 2)});
  return o;
}

void import_qlinear(OnnxNode& node) {
  require_stored(node, {0, 3, 7});
  const Quant a = import_quant(node, 1, 2, -2, node.type(0)), b = import_quant(node, 4, 5, -1, node.type(3));
  if (!a.per_tensor())
    throw OpError("one scale per row is not supported", "unsupported-quantization", "quantize activations per tensor");
  Type y{node.has(7) ? node.type(7).dtype : node.type(0).dtype, MatMul{}.infer({{node.type(0), node.type(3)}})[0].shape,
         import_quant(node, 6, 7, -1, {})};
  const Tensor* weights = node.constant(3);
  const ValueId x = node.with_quant(node.input(0), a);
  if (weights && weights->type().rank() == 2) {
    Tensor w = *weights;
    w.type().quant = b;
    return node.result(node.emit_typed(Dense{}, {x, node.constant_value(permute(w, {1, 0}))}, y));
  }
  if (!b.per_tensor())
    throw OpError("one scale per column needs constant weights of rank 2", "unsupported-quantization");
  node.result(node.emit_typed(MatMul{}, {x, node.with_quant(node.input(3), b)}, y));
}

/// int32 products of integers less their zero points; one zero point per row of a or column of b is possible.
void import_integer(OnnxNode& node) {
  auto operand = [&](size_t value, size_t zero, bool rows) {
    const ValueId v = node.emit(Cast{DType::i32}, {node.input(value)});
    if (!node.has(zero)) return v;
    Shape s = node.type(zero).shape;
    if (rows && s.size() == 1 && s[0] > 1) s.push_back(1);
    // Along the axis that is summed over there is one for all, and it makes the matrix no larger.
    const Shape& matrix = node.type(value).shape;
    const size_t summed = rows ? 1 : 2;
    require(broadcast(s, matrix) == matrix && (s.size() < std::max<size_t>(summed, 2) || s[s.size() - summed] == 1),
            fmt::format("the zero point (input {}) has shape [{}] for a matrix [{}]", zero,
                        to_string(node.type(zero).shape), to_string(matrix)));
    const ValueId z = node.emit(Cast{DType::i32}, {reshape(node, node.input(zero), s)});
    return node.emit(Binary{BinaryKind::sub, {}}, {v, z});
  };
  const ValueId a = operand(0, 2, true), b = operand(1, 3, false);
  node.result(node.emit(MatMul{}, {a, b}));
}

}  // namespace

void MatMul::import(OnnxNode& node) {
  if (node.op_type() == "QLinearMatMul") return import_qlinear(node);
  if (node.op_type() == "MatMulInteger") return import_integer(node);
  const DType type = node.type(0).dtype;
  const ValueId a = computable(node, node.input(0));
  if (computing_type(type) == DType::f32 && node.type(0).rank() >= 1) {
    const ValueId w = dense_weights(node, 1, false);
    if (w != ValueId::none) return result_as(node, 0, node.emit(Dense{}, {a, computable(node, w)}), type);
  }
  result_as(node, 0, node.emit(MatMul{}, {a, computable(node, node.input(1))}), type);
}

std::vector<Type> MatMul::infer(std::span<const Type> in) const {
  const Operands o = operands(in[0].shape, in[1].shape);
  require(in[0].quantized() == in[1].quantized(), "one operand is quantized, the other is not");
  if (!in[0].quantized()) {
    require(in[0].dtype == in[1].dtype || (is_byte(in[0].dtype) && is_byte(in[1].dtype)),
            fmt::format("operands of types {} and {}", burin::name(in[0].dtype), burin::name(in[1].dtype)));
    require_computable(in[0].dtype);
  }
  Shape y = o.batch;
  if (o.row) y.push_back(o.a[o.a.size() - 2]);
  if (o.column) y.push_back(o.b.back());
  return {{in[0].dtype, y, {}}};
}

namespace {

MatMulShape matmul_shape(const Operands& o) {
  const int64_t m = o.a[o.a.size() - 2], k = o.a.back(), n = o.b.back();
  const Shape a_batch(o.a.begin(), o.a.end() - 2), b_batch(o.b.begin(), o.b.end() - 2);
  // One b for all: the matrices of a are one tall matrix.
  if (elements(b_batch) == 1 && elements(a_batch) == elements(o.batch))
    return {to_int32(elements(a_batch) * m), to_int32(k), to_int32(n), 0, {}, {}, {}};
  Shape a = broadcast_strides(a_batch, o.batch), b = broadcast_strides(b_batch, o.batch);
  for (int64_t& stride : a) stride *= m * k;
  for (int64_t& stride : b) stride *= k * n;
  const Axes axes = merge_axes(o.batch, {a, b}, 0);
  MatMulShape s{to_int32(m), to_int32(k), to_int32(n), int32_t(axes.extent.size()), {}, {}, {}};
  for (size_t d = 0; d < axes.extent.size(); ++d) {
    s.extent[d] = to_int32(axes.extent[d]);
    s.a[d] = to_int32(axes.strides[0][d]);
    s.b[d] = to_int32(axes.strides[1][d]);
  }
  return s;
}

/// One channel; accumulator: sum over k of (a - za) * (b - zb).
Requantization matmul_requantization(const Type& a, const Type& b, const Type& y) {
  const int64_t a_lo = info(a.dtype).lo - a.quant.zero_point[0], a_hi = info(a.dtype).hi - a.quant.zero_point[0];
  const int64_t b_lo = info(b.dtype).lo - b.quant.zero_point[0], b_hi = info(b.dtype).hi - b.quant.zero_point[0];
  const auto [lo, hi] = std::minmax({a_lo * b_lo, a_lo * b_hi, a_hi * b_lo, a_hi * b_hi});
  const int64_t k = a.shape.back();
  const Rational scale = exact(a.quant.scale[0]) * exact(b.quant.scale[0]) / exact(y.quant.scale[0]);
  const RequantChannel channel{scale, 0, std::min<int64_t>(k * lo, 0), std::max<int64_t>(k * hi, 0)};
  return plan_sums({channel}, requant_range(y, {}));
}

}  // namespace

std::optional<LayerCode> MatMul::call(std::span<const Type> in, const Type& y) const {
  const Type &a = in[0], &b = in[1];
  const Struct s = struct_of(matmul_shape(operands(a.shape, b.shape)));
  if (!a.quantized()) {
    if (!is_plain(a) || a.dtype != b.dtype || a.dtype != y.dtype) return std::nullopt;
    return one_call("matmul.h", {"matmul_ref", {}, with_operands({s_name}, 2)}, {{"s", s}});
  }
  if (!is_q8(a) || !is_q8(b) || !is_q8(y)) return std::nullopt;
  const Argument a_zero = a.quant.zero_point[0], b_zero = b.quant.zero_point[0];
  LayerCode code =
      one_call("matmul.h",
               {"matmul_q8_ref",
                {},
                {s_name, q_name, a_zero, b_zero, pointer("x0"), pointer("x1"), pointer("p"), pointer("y0")}},
               {{"s", s}});
  requantization(matmul_requantization(a, b, y), code);
  return code;
}

std::vector<HostEntry> MatMul::functions() {
  return {
      {"matmul_ref",
       [](const HostCall& c) { visit_dtype(c.dtype(1), [&](auto e) { invoke(c, &matmul_ref<decltype(e)>); }); }},
      {"matmul_q8_ref", [](const HostCall& c) {
         visit_q8(c, 4, 5, [&](auto a, auto b) {
           visit_q8(c, c.dtype(7), [&](auto y) {
             invoke(c,
                    &matmul_q8_ref<typename decltype(a)::type, typename decltype(b)::type, typename decltype(y)::type>);
           });
         });
       }}};
}

}  // namespace burin
