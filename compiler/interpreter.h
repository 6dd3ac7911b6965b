// Runs a graph on the host: what it computes is what the generated code has to compute.
#pragma once
#include <span>
#include <vector>

#include "compiler/ir/graph.h"

namespace burin {

/// The values of g.outputs for values of g.inputs, in their order. Inputs are checked for element type and shape; their
/// Quant is that of the graph. Values are freed after their last use. Throws OpError for a wrong input or an operator
/// that fails (the message names the node).
std::vector<Tensor> interpret(const Graph& g, std::span<const Tensor> inputs);

}  // namespace burin
