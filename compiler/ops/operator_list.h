// The list of operators, by name only. To add one: write its files, name it here and include it in all.h
// (docs/add-an-operator.md).
#pragma once
#include <type_traits>

namespace burin {

template <class... T>
struct OperatorTypes {};
using Operators =
    OperatorTypes<struct Conv, struct Dense, struct MatMul, struct Binary, struct Unary, struct Pool, struct Reduce,
                  struct Softmax, struct Reshape, struct Transpose, struct Slice, struct Concat, struct Pad,
                  struct Gather, struct Expand, struct Where, struct Cast, struct Quantize, struct Dequantize>;

/// The place of T in the list; -1: it is no operator.
template <class T, class... U>
constexpr int index_in(OperatorTypes<U...>) {
  int at = 0, found = -1;
  ((found = std::is_same_v<T, U> ? at : found, ++at), ...);
  return found;
}
template <class T>
constexpr int operator_index = index_in<T>(Operators{});

}  // namespace burin
