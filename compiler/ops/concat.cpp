#include "compiler/ops/concat.h"

#include <fmt/format.h>

#include "compiler/ops/copies.h"
#include "compiler/ops/elements.h"

namespace burin {

void Concat::import(OnnxNode& node) {
  Concat c;
  c.axis = node.opset() < 4 ? node.integer("axis", 1) : node.integer("axis");
  std::vector<ValueId> in;
  for (size_t i = 0; i < node.input_count(); ++i) in.push_back(node.input(i));
  require(!in.empty(), "there are no inputs");
  c.axis = normalize_axis(c.axis, node.type(0).rank());
  node.result(in.size() == 1 ? in[0] : node.emit(c, in));
}

std::vector<Type> Concat::infer(std::span<const Type> in) const {
  const size_t at = size_t(normalize_axis(axis, in[0].rank()));
  Type y = per_tensor(in[0], "concatenation");
  y.shape[at] = 0;
  for (const Type& t : in) {
    require(t.dtype == y.dtype, fmt::format("inputs of types {} and {}", burin::name(y.dtype), burin::name(t.dtype)));
    require(t.quant == y.quant, "the inputs differ in scale or zero point");
    Shape rest = t.shape;
    if (rest.size() == y.shape.size()) rest[at] = y.shape[at];
    require(rest == y.shape, fmt::format("shapes [{}] and [{}] do not fit along axis {}", to_string(in[0].shape),
                                         to_string(t.shape), at));
    y.shape[at] += t.shape[at];
  }
  return {y};
}

namespace {

std::vector<StridedCopy> copies(const Concat& op, std::span<const Type> in) {
  const size_t at = size_t(normalize_axis(op.axis, in[0].rank()));
  Shape y = in[0].shape;
  y[at] = 0;
  for (const Type& t : in) y[at] += t.shape[at];
  const Shape to = dense_strides(y);
  std::vector<StridedCopy> r;
  int64_t first = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i].elements() > 0)
      r.push_back({i, strided_shape(in[i].shape, dense_strides(in[i].shape), to), 0, first * to[at]});
    first += in[i].shape[at];
  }
  return r;
}

}  // namespace

std::optional<LayerCode> Concat::call(std::span<const Type> in, const Type& y) const {
  return moved(copies(*this, in), in, y);
}

}  // namespace burin
