// Planning memory again and again, for the pass that chooses what is planned.
#pragma once
#include <cstdint>

#include "passes/lifetimes.h"

namespace burin {

/// plan-memory with a search of so many nodes; `lives` and `contracts` are of this graph. In one piece, whatever
/// --memory says.
void plan_memory_with(Graph& g, const Context& ctx, const Lives& lives, const Contracts& contracts, int64_t nodes);
/// Whether the graph, as its layers are run now, finds room in the pools of --memory.
bool fits_memory(const Graph& g, const Context& ctx);
/// Bytes of --budget-ram and of the pools for values, whichever are fewer; the largest number where nothing limits
/// them.
int64_t most_ram(const Options& o);
/// Whether stream-rows chooses how the layers of this graph are run.
bool streams(const Graph& g, const Context& ctx);

}  // namespace burin
