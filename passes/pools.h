// Packs buffers with known lifetimes into several memories of given sizes. Knows nothing of graphs.
//
// Greedy: buffers in the order of their use per byte go into the first memory (the fastest one) in which a plan
// (passes/planner.h) still has room for them. What finds no place goes to the front, and all begins again, some times.
// Limited in plans, not in time.
#pragma once
#include "passes/planner.h"

namespace burin {

struct PoolPlan {
  std::vector<int> pool;         // of each buffer; -1: none has room for it
  std::vector<int64_t> offsets;  // in its pool
  std::vector<int64_t> bytes;    // of each pool
  int64_t lower_bound = 0;       // of all of them, with these buffers in these pools
  bool fits() const;
};

/// `uses`: of each buffer, bytes that are read and written per byte that it holds. Where all fit into the first pool,
/// their plan there is plan_offsets() of them. `nodes` and `known_bound` as there.
PoolPlan plan_pools(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps,
                    std::span<const double> uses, std::span<const int64_t> sizes, int64_t nodes,
                    int64_t known_bound = 0);

/// What is wrong with `plan`, by check_plan() of each pool; empty when nothing is.
std::string check_pools(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps,
                        std::span<const int64_t> sizes, const PoolPlan& plan);

}  // namespace burin
