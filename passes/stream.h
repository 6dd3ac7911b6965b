// Planning memory again and again, for the pass that chooses what is planned.
#pragma once
#include <cstdint>

#include "passes/lifetimes.h"

namespace burin {

/// plan-memory with a search of so many nodes; `lives` and `contracts` are of this graph.
void plan_memory_with(Graph& g, const Context& ctx, const Lives& lives, const Contracts& contracts, int64_t nodes);
/// Whether stream-rows chooses how the layers of this graph are run.
bool streams(const Graph& g, const Context& ctx);

}  // namespace burin
