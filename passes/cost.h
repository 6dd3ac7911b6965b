// What a layer will cost, for passes that may or may not rewrite it.
#pragma once
#include "passes/pass.h"

namespace burin {

/// Cycles of the cheapest kernel that serves the node on the target, by the estimates that select-kernels goes by;
/// infinity where none does. Images must be channels-last.
double cheapest_cycles(const Graph& g, const Node& n, const Context& ctx);

}  // namespace burin
