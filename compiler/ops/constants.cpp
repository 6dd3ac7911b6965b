#include "compiler/ops/constants.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/ops/elements.h"

namespace burin {
namespace {

/// Of a type that no file holds; throws where the limits do not allow it.
Tensor computed(OnnxNode& node, Type t) {
  node.spent().fold(t.bytes());
  return Tensor(std::move(t));
}

/// How many steps of Range there are. Floats and not integers, which the difference might leave.
int64_t range_steps(double start, double limit, double delta) {
  const double n = std::ceil((limit - start) / delta);
  require(!std::isnan(n), "the bounds of Range are no numbers");
  require(n <= double(INT32_MAX), "the range is endless or too large");
  return n > 0 ? int64_t(n) : 0;
}

Tensor integers(const std::vector<int64_t>& v) { return Tensor::of(DType::i64, {int64_t(v.size())}, v); }

void import_constant(OnnxNode& node) {
  Tensor t;
  if (node.has_attribute("value")) t = node.tensor("value");
  else if (node.has_attribute("value_float")) t = Tensor::of(DType::f32, {}, std::vector{node.real("value_float")});
  else if (node.has_attribute("value_int")) t = Tensor::of(DType::i64, {}, std::vector{node.integer("value_int")});
  else if (node.has_attribute("value_ints")) t = integers(node.integers("value_ints"));
  else if (node.has_attribute("value_floats")) {
    const std::vector<float> v = node.reals("value_floats");
    t = Tensor::of(DType::f32, {int64_t(v.size())}, v);
  } else {
    throw OpError("only dense constants of numbers are supported", "unsupported-attribute");
  }
  node.result(node.constant_value(std::move(t)));
}

void import_shape(OnnxNode& node) {
  const Shape& s = node.type(0).shape;
  const int64_t rank = int64_t(s.size());
  auto bound = [&](std::string_view attribute, int64_t fallback) {
    const int64_t v = node.integer(attribute, fallback);
    return std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank);
  };
  const int64_t start = bound("start", 0), end = std::max(start, bound("end", rank));
  node.result(node.constant_value(integers(Shape(s.begin() + start, s.begin() + end))));
}

void import_size(OnnxNode& node) {
  node.result(node.constant_value(Tensor::of(DType::i64, {}, std::vector{node.type(0).elements()})));
}

void import_constant_of_shape(OnnxNode& node) {
  const Shape shape = node.constant_integers(0, "shape");
  Tensor value(real_type(DType::f32, {1}));
  if (node.has_attribute("value")) value = node.tensor("value");
  require(value.elements() == 1, fmt::format("attribute value has {} elements, not 1", value.elements()));
  for (int64_t d : shape) require(d >= 0, fmt::format("the shape [{}] is negative", to_string(shape)));
  Tensor t = computed(node, real_type(value.dtype(), shape));
  for (int64_t i = 0; i < t.elements(); ++i) {
    if (is_float(t.dtype())) t.set_real(i, value.real(0));
    else t.set_integer(i, value.integer(0));
  }
  node.result(node.constant_value(std::move(t)));
}

void import_range(OnnxNode& node) {
  const Tensor *start = node.constant(0), *limit = node.constant(1), *delta = node.constant(2);
  if (!start || !limit || !delta)
    throw OpError("the bounds of Range are computed at run time", "dynamic-shape",
                  "bind the input they come from (--bind)");
  require(start->elements() == 1 && limit->elements() == 1 && delta->elements() == 1,
          "the bounds of Range are no scalars");
  const DType type = start->dtype();
  require(delta->real(0) != 0, "the step of Range is 0");
  const int64_t n = range_steps(start->real(0), limit->real(0), delta->real(0));
  Tensor t = computed(node, real_type(type, {n}));
  for (int64_t i = 0; i < n; ++i) {
    if (is_float(type)) t.set_real(i, start->real(0) + double(i) * delta->real(0));
    else t.set_integer(i, int64_t(uint64_t(start->integer(0)) + uint64_t(i) * uint64_t(delta->integer(0))));
  }
  node.result(node.constant_value(std::move(t)));
}

void import_non_zero(OnnxNode& node) {
  const Tensor* x = node.constant(0);
  if (!x)
    throw OpError("NonZero of a value that is computed at run time has no static shape", "dynamic-shape",
                  "bind the input it comes from (--bind)");
  const Shape strides = dense_strides(x->shape());
  std::vector<int64_t> hits;
  for (int64_t i = 0; i < x->elements(); ++i)
    if (is_float(x->dtype()) ? x->real(i) != 0 : x->integer(i) != 0) hits.push_back(i);
  Tensor t = computed(node, real_type(DType::i64, {int64_t(strides.size()), int64_t(hits.size())}));
  int64_t at = 0;
  for (size_t d = 0; d < strides.size(); ++d)
    for (int64_t i : hits) t.set_integer(at++, i / strides[d] % x->shape()[d]);
  node.result(node.constant_value(std::move(t)));
}

void import_eye_like(OnnxNode& node) {
  const Type& like = node.type(0);
  require(like.rank() == 2, fmt::format("EyeLike of an input of rank {}, not 2", like.rank()));
  // Farther away than any extent is as far as it gets.
  const int64_t k = std::clamp<int64_t>(node.integer("k", 0), INT32_MIN, INT32_MAX),
                wanted = node.integer("dtype", info(like.dtype).onnx);
  const std::optional<DType> type = dtype_of_onnx(int(wanted));
  if (!type) throw OpError(fmt::format("attribute dtype {} is not supported", wanted), "unsupported-type");
  Tensor t = computed(node, real_type(*type, like.shape));
  for (int64_t r = 0; r < like.shape[0]; ++r)
    if (r + k >= 0 && r + k < like.shape[1]) t.set_integer(r * like.shape[1] + r + k, 1);
  node.result(node.constant_value(std::move(t)));
}

struct ConstantOp {
  std::string_view onnx;
  void (*import)(OnnxNode&);
};
constexpr ConstantOp kConstantOps[] = {
    {"Constant", import_constant}, {"ConstantOfShape", import_constant_of_shape},
    {"EyeLike", import_eye_like},  {"NonZero", import_non_zero},
    {"Range", import_range},       {"Shape", import_shape},
    {"Size", import_size},
};
const ConstantOp* find(std::string_view onnx) {
  const auto it = std::ranges::find(kConstantOps, onnx, &ConstantOp::onnx);
  return it == std::end(kConstantOps) ? nullptr : it;
}

}  // namespace

bool is_constant_op(std::string_view onnx_op) { return find(onnx_op) != nullptr; }

void import_constant_op(OnnxNode& node) { find(node.op_type())->import(node); }

}  // namespace burin
