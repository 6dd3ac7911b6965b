// Packs buffers with known lifetimes into one piece of memory. Knows nothing of graphs.
//
// Greedy first-fit in several orders gives a first plan. Where of every pair neither may begin anywhere inside the
// other but from some distance on (lo <= 0 <= hi), branch and bound in the style of MiniMalloc (Moffitt, ASPLOS 2023)
// looks for better ones, or proves that there are none:
//  * buffers are placed in ascending order of offset, each at its floor: as low as those already placed allow. Any plan
//    can be pushed down into this form, so nothing better is missed;
//  * a buffer is not placed where an unplaced one would fit entirely below it: moving that one down is never worse;
//  * at each step, what is unplaced must fit between its lowest floor and the size aimed at;
//  * what falls apart in time (no unplaced buffer spans the gap) is solved apart.
// All of this rests on one thing: what lies lower never has to know what is placed above it later. With lo > 0 or hi <
// 0 that is not so: a buffer may lie a little above another or far above it, but not between, and has no one floor.
// Then
//  * local search repeats first-fit, with the buffers that end highest moved forward in its order (also where branch
//    and bound gives up: on large problems it may still find something);
//  * for few buffers, a search in any order of placement at all ends of forbidden intervals finds the best plan.
// The search is limited in nodes, not in time: every host gets the same plan. With n buffers of which k are live at
// once, the greedy takes O(n k log k), a node of branch and bound O(n k), one of the others O(k log k).
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

/// What two buffers that are live together may not be to each other: lo < offset[b] - offset[a] < hi. It takes the
/// place of the rule that they have no byte in common, which is lo = -bytes[b], hi = bytes[a], and is cut off there: it
/// never asks for more. With lo >= hi any two places are fine. (b, a, lo, hi) is the same as (a, b, -hi, -lo); of
/// several for one pair the last one counts. Pairs that are not live together are not restricted anyway. With a = input
/// and b = output of an operator that writes ascending:
///  * lo = -distance where its writing runs ahead of its reading by no more than that; 0: element i of the output may
///    lie on element i of the input, or below it;
///  * lo > 0 where the input dies faster than the output is born: the output may begin above the input's beginning;
///  * hi < bytes[a] where the output's early part may lie on a late part of the input.
struct PlanOverlap {
  int a = 0, b = 0;
  int64_t lo = 0, hi = 0;
};

struct Plan {
  std::vector<int64_t> offsets;  // one per buffer
  int64_t bytes = 0;             // end of the highest buffer
  int64_t lower_bound = 0;       // no plan takes less: live bytes less what they can share, or what a search proved
  bool optimal = false;          // bytes == lower_bound
  int64_t nodes = 0;             // visited by the searches; 0 when the greedy plan met the bound
};

/// `known_bound`: no plan takes less, as the caller knows from what cannot be seen here (rows that are live at one
/// time). Throws std::invalid_argument for a negative size, first > last, an alignment that is no power of two, and an
/// overlap that names no pair of buffers.
Plan plan_offsets(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps = {},
                  int64_t node_limit = 200000, int64_t known_bound = 0);

/// What is wrong with `plan`, in words; empty when nothing is. Shares no code with the solver.
std::string check_plan(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps, const Plan& plan);

}  // namespace burin
