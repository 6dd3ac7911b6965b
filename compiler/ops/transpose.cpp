#include "compiler/ops/transpose.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/onnx/node.h"
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

void Transpose::eval(Inputs in, Outputs out) const {
  Type type = out[0].type();
  out[0] = permute(*in[0], perm);
  out[0].type() = type;
}

}  // namespace burin
