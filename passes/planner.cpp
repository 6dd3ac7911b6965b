#include "passes/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace burin {
namespace {

int64_t round_up(int64_t v, int64_t multiple) { return (v + multiple - 1) / multiple * multiple; }

constexpr size_t kNone = size_t(-1);

/// Everything in units that divide all sizes and alignments; buffers without bytes are left out.
struct Item {
  int64_t size;   // rounded up to the smallest alignment of all: nothing else could use the rest
  int64_t slack;  // that rest; at the very top of the plan it is not needed
  int64_t align;
  int first, last;
  size_t buffer;  // index in the caller's list
};

/// Of two items that are live together: `other` is at least `below` above this one, or `above` below it.
struct Conflict {
  size_t other;
  int64_t below;  // other is above: offset[other] >= offset[this] + below
  int64_t above;  // other is below: offset[this] >= offset[other] + above
};

/// A largest set of items that are live together.
struct Section {
  struct Shared {
    size_t a, b;
    int64_t size;  // at most so much do both have in common
  };
  std::vector<size_t> items;
  std::vector<Shared> shared;
};

struct Problem {
  int64_t unit = 1;
  std::vector<Item> items;  // by first step
  std::vector<std::vector<Conflict>> conflicts;
  std::vector<Section> sections;  // in order of time
  std::vector<int> section_step;  // a step at which all of a section is live
  std::vector<size_t> twin;       // an earlier item that differs in nothing, or kNone
  int64_t lower_bound = 0;
};

void check_arguments(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    const PlanBuffer& b = buffers[i];
    if (b.bytes < 0) throw std::invalid_argument(fmt::format("buffer {} has {} bytes", i, b.bytes));
    if (b.first > b.last) throw std::invalid_argument(fmt::format("buffer {} lives from {} to {}", i, b.first, b.last));
    if (b.align < 1 || !std::has_single_bit(uint64_t(b.align)))
      throw std::invalid_argument(fmt::format("buffer {} has alignment {}", i, b.align));
  }
  const auto known = [&](int i) { return i >= 0 && size_t(i) < buffers.size(); };
  for (const PlanOverlap& o : overlaps)
    if (!known(o.a) || !known(o.b) || o.a == o.b)
      throw std::invalid_argument(fmt::format("overlap of buffers {} and {}", o.a, o.b));
}

/// Maximal sets of items that are live together: a section closes at the first end of an item after a start.
void make_sections(Problem& p) {
  std::vector<int> starts;
  for (const Item& i : p.items) starts.push_back(i.first);
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::vector<size_t> live;
  size_t next = 0;
  for (size_t s = 0; s < starts.size(); ++s) {
    std::erase_if(live, [&](size_t i) { return p.items[i].last < starts[s]; });
    for (; next < p.items.size() && p.items[next].first == starts[s]; ++next) live.push_back(next);
    const bool maximal =
        s + 1 == starts.size() || std::ranges::any_of(live, [&](size_t i) { return p.items[i].last < starts[s + 1]; });
    if (!maximal) continue;
    p.sections.push_back({live, {}});
    p.section_step.push_back(starts[s]);
  }
}

Problem make_problem(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps) {
  Problem p;
  int64_t align = 0, unit = 0;
  for (const PlanBuffer& b : buffers)
    align = std::gcd(align, b.align), unit = std::gcd(unit, std::gcd(b.align, b.bytes));
  p.unit = std::max<int64_t>(unit, 1);
  for (size_t i = 0; i < buffers.size(); ++i) {
    const PlanBuffer& b = buffers[i];
    const int64_t size = round_up(b.bytes, std::max<int64_t>(align, 1));
    if (b.bytes > 0)
      p.items.push_back({size / p.unit, (size - b.bytes) / p.unit, b.align / p.unit, b.first, b.last, i});
  }
  std::ranges::stable_sort(p.items, {}, &Item::first);

  std::map<std::pair<size_t, size_t>, int64_t> distance;  // (below, above)
  for (const PlanOverlap& o : overlaps) {
    const int64_t d = round_up(std::max<int64_t>(o.distance, 0), std::max<int64_t>(align, 1)) / p.unit;
    const auto [at, fresh] = distance.insert({{size_t(o.b), size_t(o.a)}, d});
    if (!fresh) at->second = std::min(at->second, d);
  }
  const auto gap = [&](const Item& below, const Item& above) {
    const auto at = distance.find({below.buffer, above.buffer});
    return at == distance.end() ? below.size : std::min(below.size, at->second);
  };

  make_sections(p);
  p.conflicts.resize(p.items.size());
  for (size_t i = 0; i < p.items.size(); ++i)
    for (size_t j = i + 1; j < p.items.size() && p.items[j].first <= p.items[i].last; ++j) {
      const int64_t ij = gap(p.items[i], p.items[j]), ji = gap(p.items[j], p.items[i]);
      p.conflicts[i].push_back({j, ij, ji});
      p.conflicts[j].push_back({i, ji, ij});
    }
  std::vector<bool> special(p.items.size(), false);
  for (size_t i = 0; i < p.items.size(); ++i)
    for (const Conflict& c : p.conflicts[i]) {
      const Item &a = p.items[i], &b = p.items[c.other];
      const int64_t shared = std::max(std::min(a.size - c.below, b.size), std::min(b.size - c.above, a.size));
      if (shared <= 0 || c.other < i) continue;
      special[i] = special[c.other] = true;
      const auto first = std::ranges::lower_bound(p.section_step, std::max(a.first, b.first));
      for (size_t s = size_t(first - p.section_step.begin());
           s < p.sections.size() && p.section_step[s] <= std::min(a.last, b.last); ++s)
        p.sections[s].shared.push_back({i, c.other, shared});
    }

  p.twin.assign(p.items.size(), kNone);
  std::map<std::tuple<int64_t, int64_t, int64_t, int, int>, size_t> seen;
  for (size_t i = 0; i < p.items.size(); ++i) {
    if (special[i]) continue;
    const Item& it = p.items[i];
    const auto [at, fresh] = seen.insert({{it.size, it.slack, it.align, it.first, it.last}, i});
    if (!fresh) p.twin[i] = std::exchange(at->second, i);
  }
  return p;
}

/// Where the item ends at that offset.
int64_t end(const Item& i, int64_t offset) { return offset + i.size - i.slack; }

/// Least space that those of a section's items take together for which keep(item) holds. The measure of a union is at
/// least the sum less what each pair may share; the same holds for part of them, so an item that shares more than it
/// has is better left out.
template <class Keep>
int64_t space(const Problem& p, const Section& s, Keep keep) {
  int64_t sum = 0, slack = 0, largest = 0;
  std::vector<size_t> out;
  const auto counts = [&](size_t i) { return keep(i) && !std::ranges::count(out, i); };
  for (size_t i : s.items) {
    if (!keep(i)) continue;
    const Item& item = p.items[i];
    largest = std::max(largest, end(item, 0));
    int64_t shared = 0;
    for (const Section::Shared& x : s.shared)
      if ((x.a == i || x.b == i) && counts(x.a) && counts(x.b)) shared += x.size;
    if (shared >= item.size) {
      out.push_back(i);
    } else {
      sum += item.size;
      slack = std::max(slack, item.slack);
    }
  }
  for (const Section::Shared& x : s.shared)
    if (counts(x.a) && counts(x.b)) sum -= x.size;
  return std::max(sum - slack, largest);
}

int64_t height(const Problem& p, const std::vector<int64_t>& offsets) {
  int64_t h = 0;
  for (size_t i = 0; i < p.items.size(); ++i) h = std::max(h, end(p.items[i], offsets[i]));
  return h;
}

/// Each item of `order` at the lowest offset that those before it leave.
std::vector<int64_t> first_fit(const Problem& p, const std::vector<size_t>& order) {
  std::vector<int64_t> offsets(p.items.size(), -1);
  std::vector<std::pair<int64_t, int64_t>> closed;  // open intervals
  for (size_t i : order) {
    closed.clear();
    for (const Conflict& c : p.conflicts[i])
      if (offsets[c.other] >= 0) closed.push_back({offsets[c.other] - c.below, offsets[c.other] + c.above});
    std::ranges::sort(closed);
    int64_t at = 0;
    for (const auto& [lo, hi] : closed)
      if (at > lo && at < hi) at = round_up(hi, p.items[i].align);
    offsets[i] = at;
  }
  return offsets;
}

template <class Key>
std::vector<size_t> order_by(const Problem& p, Key key) {
  std::vector<size_t> order(p.items.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return key(p.items[a]) > key(p.items[b]); });
  return order;
}

int64_t length(const Item& i) { return int64_t(i.last) - i.first + 1; }

/// Orders that tend to pack well, the best first.
std::vector<std::vector<size_t>> good_orders(const Problem& p) {
  std::vector<std::vector<size_t>> orders;
  orders.push_back(order_by(p, [](const Item& i) { return std::pair(i.size, length(i)); }));
  orders.push_back(order_by(p, [](const Item& i) { return std::pair(i.size * length(i), i.size); }));
  orders.push_back(order_by(p, [](const Item& i) { return std::pair(length(i), i.size); }));
  // by section, the fullest first: what is live at the peak is placed before anything else
  std::vector<std::pair<int64_t, size_t>> sections;
  for (size_t s = 0; s < p.sections.size(); ++s)
    sections.push_back({-space(p, p.sections[s], [](size_t) { return true; }), s});
  std::ranges::sort(sections);
  std::vector<size_t> turn(p.items.size(), p.items.size());
  for (size_t rank = 0; rank < sections.size(); ++rank)
    for (size_t i : p.sections[sections[rank].second].items) turn[i] = std::min(turn[i], rank);
  std::vector<size_t> order = orders[0];
  std::ranges::stable_sort(order, {}, [&](size_t i) { return turn[i]; });
  orders.push_back(order);
  return orders;
}

class Search {
 public:
  enum class Outcome { found, none, stopped };

  Search(const Problem& p, const std::vector<size_t>& order)
      : p_(p), floor_(p.items.size()), offset_(p.items.size()), placed_(p.items.size()), rank_(p.items.size()) {
    for (size_t i = 0; i < order.size(); ++i) rank_[order[i]] = i;
  }

  /// A plan of at most `cap`, at the cost of at most `budget` nodes.
  Outcome run(int64_t cap, int64_t budget) {
    cap_ = cap;
    budget_ = budget;
    std::ranges::fill(floor_, 0);
    std::ranges::fill(placed_, false);
    trail_.clear();
    std::vector<size_t> all(p_.items.size());
    std::iota(all.begin(), all.end(), size_t(0));
    return solve(all, kNone);
  }
  int64_t left() const { return budget_; }
  const std::vector<int64_t>& offsets() const { return offset_; }

 private:
  const Problem& p_;
  int64_t cap_ = 0, budget_ = 0;
  std::vector<int64_t> floor_, offset_;
  std::vector<char> placed_;
  std::vector<size_t> rank_;
  std::vector<std::pair<size_t, int64_t>> trail_;  // floors to restore
  std::vector<size_t> high_;                       // of fits()

  /// `items` (by first step) are unplaced; `previous` was placed last. Leaves a plan in place when it finds one.
  Outcome solve(const std::vector<size_t>& items, size_t previous) {
    if (items.empty()) return Outcome::found;
    std::vector<std::vector<size_t>> parts(1);
    int end = p_.items[items[0]].last;
    for (size_t i : items) {
      if (p_.items[i].first > end) parts.emplace_back();
      parts.back().push_back(i);
      end = std::max(end, p_.items[i].last);
    }
    if (parts.size() == 1) return branch(parts[0], previous);
    std::ranges::stable_sort(parts, {}, &std::vector<size_t>::size);
    for (const std::vector<size_t>& part : parts)
      if (const Outcome o = branch(part, previous); o != Outcome::found) return o;
    return Outcome::found;
  }

  Outcome branch(const std::vector<size_t>& items, size_t previous) {
    const int64_t low = previous == kNone ? 0 : offset_[previous];
    int64_t first_end = std::numeric_limits<int64_t>::max();
    for (size_t i : items) first_end = std::min(first_end, floor_[i] + p_.items[i].size);
    std::vector<size_t> choices;
    for (size_t i : items) {
      if (floor_[i] < low || floor_[i] >= first_end) continue;
      const bool twin_first = p_.twin[i] != kNone && !placed_[p_.twin[i]];
      // two that lie at the same offset and know nothing of each other: in one order only
      const bool swapped =
          floor_[i] == low && previous != kNone && rank_[i] < rank_[previous] && !together(i, previous);
      if (!twin_first && !swapped) choices.push_back(i);
    }
    std::ranges::sort(choices, {}, [&](size_t i) { return std::pair(floor_[i], rank_[i]); });
    std::vector<size_t> rest(items.size() - 1);
    for (size_t i : choices) {
      if (budget_-- <= 0) return Outcome::stopped;
      const size_t mark = trail_.size();
      std::ranges::copy_if(items, rest.begin(), [&](size_t j) { return j != i; });
      placed_[i] = true;
      const int64_t at = offset_[i] = floor_[i];
      if (raise_floors(i, at) && fits(items, at))
        if (const Outcome o = solve(rest, i); o != Outcome::none) return o;
      placed_[i] = false;
      for (; trail_.size() > mark; trail_.pop_back()) floor_[trail_.back().first] = trail_.back().second;
      for (size_t j : rest) placed_[j] = false;  // parts that were solved before one failed
    }
    return Outcome::none;
  }

  bool together(size_t a, size_t b) const {
    return p_.items[a].first <= p_.items[b].last && p_.items[b].first <= p_.items[a].last;
  }

  bool raise_floors(size_t i, int64_t at) {
    for (const Conflict& c : p_.conflicts[i]) {
      if (placed_[c.other]) continue;
      const Item& other = p_.items[c.other];
      const int64_t floor = round_up(at + c.below, other.align);
      if (floor <= floor_[c.other]) continue;
      trail_.push_back({c.other, floor_[c.other]});
      floor_[c.other] = floor;
      if (end(other, floor) > cap_) return false;
    }
    return true;
  }

  /// Each section's unplaced items stay below the cap: all of them, and those with the highest floors.
  bool fits(const std::vector<size_t>& items, int64_t low) {
    int last = p_.items[items[0]].last;
    for (size_t i : items) last = std::max(last, p_.items[i].last);
    const auto begin = std::ranges::lower_bound(p_.section_step, p_.items[items[0]].first);
    const auto end = std::ranges::upper_bound(p_.section_step, last);
    return std::all_of(begin, end,
                       [&](const int& step) { return fits(p_.sections[size_t(&step - p_.section_step.data())], low); });
  }

  bool fits(const Section& s, int64_t low) {
    high_.clear();
    for (size_t i : s.items)
      if (!placed_[i]) high_.push_back(i);
    std::ranges::sort(high_, [&](size_t a, size_t b) { return floor_[a] > floor_[b]; });
    int64_t sum = 0, slack = 0;
    for (size_t n = 0; n < high_.size(); ++n) {
      const Item& item = p_.items[high_[n]];
      const int64_t floor = std::max(floor_[high_[n]], low);
      sum += item.size;
      slack = std::max(slack, item.slack);
      if (floor + sum - slack <= cap_) continue;
      if (s.shared.empty()) return false;
      const auto end = high_.begin() + int64_t(n) + 1;
      if (floor + space(p_, s, [&](size_t i) { return std::find(high_.begin(), end, i) != end; }) > cap_) return false;
    }
    return true;
  }
};

/// Narrows [lower bound, best height] by searches of growing budget and in several orders.
void improve(const Problem& p, const std::vector<std::vector<size_t>>& orders, int64_t limit, int64_t& lower,
             std::vector<int64_t>& best, int64_t& nodes) {
  int64_t upper = height(p, best);
  std::vector<Search> searches;
  for (const std::vector<size_t>& order : orders) searches.emplace_back(p, order);
  for (int64_t round = 256; lower < upper && nodes < limit; round *= 4)
    for (Search& search : searches)
      for (int aim = 0; aim < 3 && lower < upper && nodes < limit; ++aim) {
        const int64_t cap = aim == 0 ? lower : aim == 1 ? (lower + upper) / 2 : upper - 1;
        if (aim == 1 && cap == lower) continue;
        if (aim == 2 && cap <= (lower + upper) / 2) continue;
        const int64_t budget = std::min(round, limit - nodes);
        const Search::Outcome outcome = search.run(cap, budget);
        nodes += budget - std::max<int64_t>(search.left(), 0);
        if (outcome == Search::Outcome::found) best = search.offsets(), upper = height(p, best);
        if (outcome == Search::Outcome::none) lower = cap + 1;
      }
}

}  // namespace

Plan plan_offsets(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps, int64_t node_limit) {
  check_arguments(buffers, overlaps);
  const Problem p = make_problem(buffers, overlaps);
  int64_t lower = 0;
  for (const Section& s : p.sections) lower = std::max(lower, space(p, s, [](size_t) { return true; }));

  std::vector<std::vector<size_t>> orders = good_orders(p);
  std::vector<int64_t> best;
  const auto attempt = [&](const std::vector<size_t>& order) {
    std::vector<int64_t> offsets = first_fit(p, order);
    if (best.empty() || height(p, offsets) < height(p, best)) best = offsets;
    return offsets;
  };
  for (std::vector<size_t> order : orders) {
    // what ends highest comes first in the next round
    constexpr int kRounds = 16;
    for (int round = 0; round < kRounds && (best.empty() || height(p, best) > lower); ++round) {
      const std::vector<int64_t> offsets = attempt(order);
      const int64_t top = height(p, offsets);
      std::stable_partition(order.begin(), order.end(), [&](size_t i) { return end(p.items[i], offsets[i]) == top; });
    }
  }

  Plan plan;
  improve(p, orders, node_limit, lower, best, plan.nodes);
  plan.offsets.assign(buffers.size(), 0);
  for (size_t i = 0; i < p.items.size(); ++i) plan.offsets[p.items[i].buffer] = best[i] * p.unit;
  plan.bytes = height(p, best) * p.unit;
  plan.lower_bound = lower * p.unit;
  plan.optimal = plan.bytes == plan.lower_bound;
  return plan;
}

std::string check_plan(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps, const Plan& plan) {
  if (plan.offsets.size() != buffers.size())
    return fmt::format("{} offsets for {} buffers", plan.offsets.size(), buffers.size());
  std::map<std::pair<size_t, size_t>, int64_t> least;  // how far a must lie above b to overlap it
  for (const PlanOverlap& o : overlaps) {
    const int64_t d = std::max<int64_t>(o.distance, 0);
    const auto [at, fresh] = least.insert({{size_t(o.a), size_t(o.b)}, d});
    if (!fresh) at->second = std::min(at->second, d);
  }
  const auto above = [&](size_t a, size_t b) {
    const auto at = least.find({a, b});
    return at != least.end() && plan.offsets[b] + at->second <= plan.offsets[a];
  };
  std::vector<size_t> order(buffers.size()), live;
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return buffers[i].first; });
  for (size_t i : order) {
    const int64_t at = plan.offsets[i], end = at + buffers[i].bytes;
    if (at < 0 || at % buffers[i].align != 0) return fmt::format("buffer {} is at {}", i, at);
    if (end > plan.bytes) return fmt::format("buffer {} ends at {}, behind {}", i, end, plan.bytes);
    std::erase_if(live, [&](size_t j) { return buffers[j].last < buffers[i].first; });
    for (size_t j : live) {
      const bool apart = end <= plan.offsets[j] || plan.offsets[j] + buffers[j].bytes <= at;
      if (!apart && buffers[i].bytes > 0 && buffers[j].bytes > 0 && !above(i, j) && !above(j, i))
        return fmt::format("buffers {} and {} overlap", std::min(i, j), std::max(i, j));
    }
    live.push_back(i);
  }
  if (plan.lower_bound > plan.bytes) return fmt::format("{} bytes are below the bound", plan.bytes);
  return "";
}

}  // namespace burin
