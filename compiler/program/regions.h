// The regions of a Program: which steps run, how often, and what a turn of a repeat leaves to the next.
#pragma once
#include <set>
#include <vector>

#include "compiler/program/program.h"

namespace burin {

/// Steps [first, last), and the first region that may be among them.
struct Range {
  int first, last;
  size_t region;
};
Range all_steps(const Program& p);
/// One side of a branch, the steps of a repeat.
Range inside(const Program& p, size_t region);
/// The steps of a branch that run where its condition is 0.
Range other_side(const Program& p, size_t region);

/// Calls step(i) and region(i), in order, for what is in the range but in no region of it.
template <class OnStep, class OnRegion>
void walk(const Program& p, Range r, OnStep&& step, OnRegion&& region) {
  for (int i = r.first; i < r.last;) {
    while (r.region < p.regions.size() && p.regions[r.region].first < i) ++r.region;
    if (r.region < p.regions.size() && p.regions[r.region].first == i) {
      region(r.region);
      i = p.regions[r.region++].last;
    } else {
      step(i++);
    }
  }
}

/// Outermost first.
std::vector<const Repeat*> repeats_around(const Program& p, int step);
/// Bytes that a turn has of a parameter: of one that advances no more than it goes on.
int64_t slice_bytes(const Program& p, const Parameter& a);
/// Buffers whose bytes a turn of the repeat leaves to the next, or to what follows: no others may lie there at any time
/// of it.
std::set<BufferId> kept_between_turns(const Program& p, size_t region);

/// Throws std::invalid_argument: for verify().
void verify_regions(const Program& p);

}  // namespace burin
