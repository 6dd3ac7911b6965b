#include "compiler/ops/expand.h"

#include <fmt/format.h>

#include "compiler/ops/copies.h"
#include "compiler/ops/elements.h"

namespace burin {
namespace {

/// Tile as [1, d0, 1, d1, ..] -> [r0, d0, r1, d1, ..] -> [r0*d0, r1*d1, ..].
void import_tile(OnnxNode& node) {
  const Shape& x = node.type(0).shape;
  std::vector<int64_t> repeats(x.size(), 1);
  if (node.opset() < 6) {  // one axis: inputs tiles, axis
    const std::vector<int64_t> tiles = node.constant_integers(1, "tiles"), axis = node.constant_integers(2, "axis");
    require(tiles.size() == 1 && axis.size() == 1, "tiles and axis are no scalars");
    repeats[size_t(normalize_axis(axis[0], int(x.size())))] = tiles[0];
  } else {
    repeats = node.constant_integers(1, "repeats");
  }
  require(repeats.size() == x.size(), fmt::format("{} repeats for an input of rank {}", repeats.size(), x.size()));
  Shape from, wide, to;
  for (size_t d = 0; d < x.size(); ++d) {
    require(repeats[d] >= 0, fmt::format("repeats[{}] is {}", d, repeats[d]));
    if (repeats[d] != 1) from.push_back(1), wide.push_back(repeats[d]);
    from.push_back(x[d]), wide.push_back(x[d]);
  }
  elements(wide);  // throws where a product of extents would leave 32 bits
  for (size_t d = 0; d < x.size(); ++d) to.push_back(x[d] * repeats[d]);
  if (from == wide) return node.result(node.input(0));
  node.result(reshape(node, node.emit(Expand{wide}, {reshape(node, node.input(0), from)}), to));
}

}  // namespace

void Expand::import(OnnxNode& node) {
  if (node.op_type() == "Tile") return import_tile(node);
  const Shape& x = node.type(0).shape;
  const Shape wanted = node.constant_integers(1, "shape"), y = broadcast_shapes({x, wanted});
  node.result(y == x ? node.input(0) : node.emit(Expand{y}, {node.input(0)}));
}

std::vector<Type> Expand::infer(std::span<const Type> in) const {
  const Type& x = per_tensor(in[0], "repetition");
  require(broadcast(x.shape, shape) == shape,
          fmt::format("[{}] does not expand to [{}]", to_string(x.shape), to_string(shape)));
  return {{x.dtype, shape, x.quant}};
}

std::optional<LayerCode> Expand::call(std::span<const Type> in, const Type& y) const {
  const Shape from = broadcast_strides(in[0].shape, shape);
  return moved({{0, strided_shape(shape, from, dense_strides(shape)), 0, 0}}, in, y);
}

}  // namespace burin
