#include "compiler/ops/transpose.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/onnx/node.h"
#include "compiler/ops/calls.h"
#include "compiler/ops/copies.h"
#include "compiler/ops/layout.h"

namespace burin {

void Transpose::import(OnnxNode& node) {
  const int rank = node.type(0).rank();
  std::vector<int64_t> reversed;
  for (int i = rank; i-- > 0;) reversed.push_back(i);
  node.result(node.emit(Transpose{node.integers("perm", reversed)}, {node.input(0)}));
}

std::vector<Type> Transpose::infer(std::span<const Type> in) const {
  std::vector<int64_t> sorted = perm;
  std::ranges::sort(sorted);
  bool each_once = perm.size() == in[0].shape.size();
  for (size_t i = 0; i < sorted.size(); ++i) each_once &= sorted[i] == int64_t(i);
  require(each_once, fmt::format("attribute perm [{}] is no permutation of {} axes", to_string(perm), in[0].rank()));
  return {permute(in[0], perm)};
}

std::optional<LayerCode> Transpose::call(std::span<const Type> in, const Type& y) const {
  const Shape strides = dense_strides(in[0].shape);
  Shape from;
  for (int64_t p : perm) from.push_back(strides[size_t(p)]);
  return moved({{0, strided_shape(y.shape, from, dense_strides(y.shape)), 0, 0}}, in, y);
}

std::vector<HostEntry> Transpose::functions() {
  return {{"strided_copy", [](const HostCall& c) {
             visit_size(c.dtype(1), [&](auto e) { invoke(c, &strided_copy<typename decltype(e)::type>); });
           }}};
}

}  // namespace burin
