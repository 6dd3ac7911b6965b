#include "compiler/ops/reshape.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/onnx/node.h"
#include "compiler/ops/copies.h"

namespace burin {
namespace {

/// ONNX Reshape: 0 copies the input's extent (unless allowzero), -1 takes what is left.
Shape reshaped(const Shape& from, std::vector<int64_t> to, bool allow_zero) {
  int free = -1;
  for (size_t i = 0; i < to.size(); ++i) {
    if (to[i] == 0 && !allow_zero) {
      require(i < from.size(), fmt::format("shape[{}] is 0, but the input has rank {}", i, from.size()));
      to[i] = from[i];
    }
    if (to[i] == -1) {
      require(free < 0, "the shape has more than one -1");
      free = int(i);
    } else {
      require(to[i] >= 0, fmt::format("shape[{}] is {}", i, to[i]));
    }
  }
  const int64_t n = elements(from);
  if (free >= 0) {
    to[size_t(free)] = 1;
    const int64_t known = elements(to);
    to[size_t(free)] = known == 0 ? 0 : n / known;
  }
  require(elements(to) == n, fmt::format("[{}] does not fit the shape [{}]", to_string(from), to_string(to)));
  return to;
}

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input since.
std::optional<std::vector<int64_t>> import_axes(OnnxNode& node) {
  if (node.opset() >= 13) {
    if (!node.has(1)) return std::nullopt;
    return node.constant_integers(1, "axes");
  }
  if (!node.has_attribute("axes")) return std::nullopt;
  return node.integers("axes");
}

Shape squeezed(const Shape& from, const std::optional<std::vector<int64_t>>& axes) {
  std::set<int> drop;
  if (axes)
    for (int64_t a : *axes) drop.insert(normalize_axis(a, int(from.size())));
  Shape to;
  for (size_t i = 0; i < from.size(); ++i) {
    if (axes && drop.count(int(i))) {
      require(from[i] == 1, fmt::format("axis {} has extent {} and cannot be squeezed", i, from[i]));
    } else if (axes || from[i] != 1) {
      to.push_back(from[i]);
    }
  }
  return to;
}

Shape unsqueezed(const Shape& from, const std::vector<int64_t>& axes) {
  const int rank = int(from.size() + axes.size());
  Shape to(size_t(rank), 0);
  for (int64_t a : axes) {
    int64_t& d = to[size_t(normalize_axis(a, rank))];
    require(d == 0, fmt::format("axis {} is named twice", a));
    d = 1;
  }
  auto next = from.begin();
  for (int64_t& d : to)
    if (d == 0) d = *next++;
  return to;
}

}  // namespace

void Reshape::import(OnnxNode& node) {
  const std::string_view op = node.op_type();
  const Shape& from = node.type(0).shape;
  if (op == "Identity" || op == "Dropout") {
    node.ignore({"ratio", "seed", "is_test", "consumed_inputs"});
    if (node.has(2)) {  // Dropout's training_mode
      const Tensor* training = node.constant(2);
      if (!training || training->integer(0) != 0)
        throw OpError("input 2 (training_mode) is not false", "unsupported-attribute",
                      "export the model for inference");
    }
    if (node.wants(1)) {  // Dropout's mask: nothing is dropped
      const Type type = real_type(DType::boolean, from);
      node.spent().fold(type.bytes());
      Tensor mask(type);
      std::ranges::fill(mask.as<uint8_t>(), uint8_t{1});
      node.result(1, node.constant_value(std::move(mask)));
    }
    return node.result(node.input(0));
  }
  node.ignore({"consumed_inputs"});
  Shape to;
  if (op == "Reshape") {
    const bool allow_zero = node.integer("allowzero", 0) != 0;
    to = reshaped(from, node.opset() >= 5 ? node.constant_integers(1, "shape") : node.integers("shape"), allow_zero);
  } else if (op == "Flatten") {
    const int rank = int(from.size());
    const int64_t given = node.integer("axis", 1);
    const int axis = given == rank ? rank : normalize_axis(given, rank);
    to = {elements(Shape(from.begin(), from.begin() + axis)), elements(Shape(from.begin() + axis, from.end()))};
  } else if (op == "Squeeze") {
    to = squeezed(from, import_axes(node));
  } else {
    const auto axes = import_axes(node);
    require(axes.has_value(), "axes are missing");
    to = unsqueezed(from, *axes);
  }
  node.result(node.emit(Reshape{to}, {node.input(0)}));
}

std::vector<Type> Reshape::infer(std::span<const Type> in) const {
  require(in[0].elements() == burin::elements(shape),
          fmt::format("[{}] does not fit the shape [{}]", to_string(in[0].shape), to_string(shape)));
  Type y{in[0].dtype, shape, in[0].quant};
  if (y.quant.axis >= 0 && in[0].shape != shape) {
    // The channel axis survives where it keeps its extent and its distance from the end.
    const Shape from = dense_strides(in[0].shape), to = dense_strides(shape);
    const size_t axis = size_t(y.quant.axis);
    y.quant.axis = -1;
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] == in[0].shape[axis] && to[i] == from[axis]) y.quant.axis = int(i);
    if (y.quant.axis < 0)
      throw OpError("a tensor with one scale per channel is reshaped across its channels", "unsupported-shape");
  }
  return {y};
}

std::optional<LayerCode> Reshape::call(std::span<const Type> in, const Type& y) const {
  return moved({{0, strided_shape({y.elements()}, {1}, {1}), 0, 0}}, in, y);
}

}  // namespace burin
