// Limits that the stored values cannot reach are dropped: relu(x), clip(x), max(x, c), min(x, c) => x, and the clamp of
// an operator or one side of it goes, so that its kernel need not compare. Exact: the bounds of what every channel
// stores (channels.h) hold for every input. An operator whose result is an output of the model keeps its name, and
// stays.
#include <algorithm>
#include <limits>

#include "compiler/ops/binary.h"
#include "passes/channels.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool equal(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  return std::ranges::equal(a, b, [](const Interval& i, const Interval& k) { return i.lo == k.lo && i.hi == k.hi; });
}

/// The operand that n hands on unchanged; none if it may change one. Stored values are compared: same types only.
ValueId handed_on(const Graph& g, const Node& n, const ChannelRanges& ranges) {
  const ValueId y = n.outputs[0];
  if (g.is_output(y)) return ValueId::none;
  const auto same = [&](ValueId x) { return g[x].type == g[y].type && ranges.count(x); };
  if (limits(n.op)) {
    // Monotone, and moves nothing up and something else down: what leaves both bounds alone leaves all between them.
    const ValueId x = n.inputs[0];
    const std::vector<Interval> limited = channel_result(g, n, ranges);
    return same(x) && !limited.empty() && equal(ranges.at(x), limited) ? x : ValueId::none;
  }
  const Binary* b = n.as<Binary>();
  if (!b || (b->kind != BinaryKind::max && b->kind != BinaryKind::min) || !b->clamp.none()) return ValueId::none;
  for (size_t k = 0; k < 2; ++k) {
    const ValueId x = n.inputs[k], c = n.inputs[1 - k];
    if (!g[c].constant() || g[c].data->elements() == 0 || !same(x) || g[c].type.dtype != g[x].type.dtype ||
        g[c].type.quant != g[x].type.quant)
      continue;
    double lo = g[c].data->real(0), hi = lo;
    for (int64_t i = 0; i < g[c].data->elements(); ++i)
      lo = std::min(lo, g[c].data->real(i)), hi = std::max(hi, g[c].data->real(i));
    if (std::ranges::all_of(ranges.at(x),
                            [&](const Interval& r) { return b->kind == BinaryKind::max ? r.lo >= hi : r.hi <= lo; }))
      return x;
  }
  return ValueId::none;
}

/// The operator's clamp without the sides that nothing reaches.
Clamp needed(const Graph& g, const Node& n, const Clamp& clamp, const ChannelRanges& ranges) {
  Clamp r = clamp;
  const auto with = channel_result(g, n, ranges);
  for (float Clamp::*side : {&Clamp::lo, &Clamp::hi}) {
    Node without = n;
    Clamp wider = r;
    wider.*side = side == &Clamp::lo ? -kInfinity : kInfinity;
    *clamp_of(without.op) = wider;
    if (!with.empty() && equal(channel_result(g, without, ranges), with)) r = wider;
  }
  return r;
}

}  // namespace

void drop_clamps(Graph& g, const Context& ctx) {
  const ChannelRanges ranges = channel_ranges(g, ctx.options.input_limit);
  for (size_t i = 0; i < g.nodes.size();) {
    Node& n = g.nodes[i];
    if (Clamp* c = clamp_of(n.op); c && !c->none()) *c = needed(g, n, *c, ranges);
    const ValueId same = handed_on(g, n, ranges);
    if (same == ValueId::none) {
      ++i;
      continue;
    }
    g.replace_uses(n.outputs[0], same);
    g.erase(n);
  }
}

}  // namespace burin
