// Small steps that passes are made of.
#pragma once
#include <algorithm>
#include <functional>
#include <vector>

#include "compiler/ir/graph.h"

namespace burin {

/// The node that makes `v`, if it is an operator of type T; else null.
template <class T>
Node* made_by(Graph& g, ValueId v) {
  Node* n = v == ValueId::none ? nullptr : g.producer(v);
  return n && n->as<T>() ? n : nullptr;
}

/// The only node that reads `v`, if it is an operator of type T; null also when `v` is an output of the model.
template <class T>
Node* only_reader(Graph& g, ValueId v) {
  if (!g.single_use(v)) return nullptr;
  Node* n = g.users(v)[0];
  return n->as<T>() ? n : nullptr;
}

/// Operand `i`; none where it is absent.
inline ValueId operand(const Node& n, size_t i) { return i < n.inputs.size() ? n.inputs[i] : ValueId::none; }
/// Its numbers, if it is a constant; else null.
inline const Tensor* constant_operand(const Graph& g, const Node& n, size_t i) {
  const ValueId v = operand(n, i);
  return v == ValueId::none ? nullptr : g[v].data.get();
}
/// How many operands are data; what follows are weights, indices and the like.
inline size_t data_operands(const Node& n) { return std::min(n.inputs.size(), size_t(traits(n.op).data)); }
inline bool weighted(const Node& n) { return traits(n.op).weighted; }

/// Applies the first of the rules that changes something to the first node where one does, removes what is dead then,
/// and so on until none does. A rule, bool(Graph&, Node&), says whether it changed something; it edits through the
/// Graph's functions, but for the operator of the node that it is given. It looks at most two nodes up from there, at
/// the number and the operators of readers, and at nodes with the same inputs.
///
/// After a change only the nodes that may see it are tried again: near linear, where each change is seen by few.
void rewrite_to_fixpoint(Graph& g, const std::function<bool(Graph&, Node&)>& rule);
template <class... Rules>
void rewrite_to_fixpoint(Graph& g, Rules... rules) {
  rewrite_to_fixpoint(g, std::function<bool(Graph&, Node&)>([=](Graph& in, Node& n) { return (rules(in, n) || ...); }));
}

/// Transposes sink through what does not care about the order of axes, until they meet and cancel (channels-last).
void sink_transposes(Graph& g);

/// The input of `n` that the fewest operands are; none where it has no input. Nodes with the same inputs are among its
/// readers.
ValueId least_read(const Graph& g, const Node& n);

/// A Reshape that changes what integers stand for, and nothing else.
bool is_view(const Graph& g, const Node& n);
/// Whether the Reshape `n` of the Reshape `before` can be one: not where scales per channel would be mixed, which a
/// view without them may do.
bool is_one_reshape(const Graph& g, const Node& before, const Node& n);

inline void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

/// A new node that makes a new value of the given type; returned ready to be inserted.
inline Node make_node(Graph& g, std::string name, Op op, std::vector<ValueId> inputs, Type type) {
  const ValueId y = g.add_value(g.fresh(name), std::move(type));
  return {std::move(name), std::move(op), std::move(inputs), {y}, {}};
}

/// Evaluates an operator on constants: the constants it makes.
std::vector<Tensor> evaluate(const Graph& g, const Node& n);

/// What an error about a node adds to its message: the ONNX nodes that it stands for, at most four of them. Empty where
/// these are the node itself or unknown.
std::string onnx_origin(const Node& n);

/// x[..., per-channel constant ...]: the operand's elements along `axis` when it varies along no other axis of a tensor
/// of `shape`; a scalar repeats. Nothing when it varies elsewhere.
std::optional<std::vector<double>> per_channel(const Tensor& operand, const Shape& shape, int axis);

}  // namespace burin
