// Packs buffers with known lifetimes into one piece of memory. Knows nothing of graphs.
//
// Greedy first-fit in several orders gives a first plan; then branch and bound in the style of MiniMalloc (Moffitt,
// ASPLOS 2023) looks for better ones, or proves that there are none:
//  * buffers are placed in ascending order of offset, each at its floor: as low as those already placed allow. Any plan
//    can be pushed down into this form, so nothing better is missed;
//  * a buffer is not placed where an unplaced one would fit entirely below it: moving that one down is never worse;
//  * at each step, what is unplaced must fit between its lowest floor and the size aimed at;
//  * what falls apart in time (no unplaced buffer spans the gap) is solved apart.
// The search is limited in nodes, not in time: every host gets the same plan. With n buffers of which k are live at
// once, the greedy takes O(n k log k) and a node O(n k).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace burin {

/// Live from step `first` to step `last`, inclusive; its offset becomes a multiple of `align` (a power of two).
/// Buffers of no bytes get offset 0 and conflict with nothing.
struct PlanBuffer {
  int64_t bytes = 0;
  int first = 0, last = 0;
  int64_t align = 1;
};

/// Buffers that are live together have no byte in common, unless this allows it: the pair is also fine when
/// offset[b] + distance <= offset[a]. With a = input and b = output of an operator that writes ascending, `distance` is
/// how far its writing may run ahead of its reading; 0: element i of the output may lie on element i of the input, or
/// below it. Negative distances count as 0. Pairs that are not live together are not restricted anyway.
struct PlanOverlap {
  int a = 0, b = 0;
  int64_t distance = 0;
};

struct Plan {
  std::vector<int64_t> offsets;  // one per buffer
  int64_t bytes = 0;             // end of the highest buffer
  int64_t lower_bound = 0;       // no plan takes less: largest sum of live bytes, or more where the search proved it
  bool optimal = false;          // bytes == lower_bound
  int64_t nodes = 0;             // visited by the search; 0 when the greedy plan met the bound
};

/// Throws std::invalid_argument for a negative size, first > last, an alignment that is no power of two, and an overlap
/// that names no pair of buffers.
Plan plan_offsets(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps = {},
                  int64_t node_limit = 200000);

/// What is wrong with `plan`, in words; empty when nothing is. Shares no code with the solver.
std::string check_plan(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps, const Plan& plan);

}  // namespace burin
