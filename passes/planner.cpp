#include "passes/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace burin {
namespace {

/// `multiple` is a power of two; v may be negative.
int64_t round_up(int64_t v, int64_t multiple) { return (v + multiple - 1) & -multiple; }

constexpr size_t kNone = size_t(-1);

/// Everything in units that divide all sizes and alignments; buffers without bytes are left out.
struct Item {
  int64_t size;   // rounded up to the smallest alignment of all: nothing else could use the rest
  int64_t slack;  // that rest; at the very top of the plan it is not needed
  int64_t align;
  int first, last;
  size_t buffer;  // index in the caller's list
};

/// Of two items that are live together: one of both holds. Either may be negative, but their sum is not.
struct Conflict {
  size_t other;
  int64_t below;  // offset[other] >= offset[this] + below
  int64_t above;  // offset[this] >= offset[other] + above
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
  bool floors = true;             // no pair has a negative `below` or `above`
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

  std::map<std::pair<size_t, size_t>, std::pair<int64_t, int64_t>> forbidden;
  for (const PlanOverlap& o : overlaps) {
    const size_t a = size_t(o.a), b = size_t(o.b);
    const int64_t lo = std::clamp(o.lo, -buffers[b].bytes, buffers[a].bytes);
    const int64_t hi = std::clamp(o.hi, -buffers[b].bytes, buffers[a].bytes);
    forbidden[std::minmax(a, b)] = a < b ? std::pair(lo, hi) : std::pair(-hi, -lo);
  }
  // a difference of two offsets is a multiple of the smallest alignment: rounding forbids no more and no less
  const auto whole = [&](int64_t bytes) { return round_up(bytes, std::max<int64_t>(align, 1)) / p.unit; };
  const auto conflict = [&](const Item& a, const Item& b) -> std::pair<int64_t, int64_t> {  // below, above
    const auto at = forbidden.find(std::minmax(a.buffer, b.buffer));
    if (at == forbidden.end()) return {a.size, b.size};
    auto [lo, hi] = at->second;
    if (a.buffer > b.buffer) lo = -std::exchange(hi, -lo);
    if (lo >= hi) return {0, 0};
    return {whole(hi), whole(-lo)};
  };

  make_sections(p);
  p.conflicts.resize(p.items.size());
  std::vector<bool> special(p.items.size(), false);
  for (size_t i = 0; i < p.items.size(); ++i)
    for (size_t j = i + 1; j < p.items.size() && p.items[j].first <= p.items[i].last; ++j) {
      const Item &a = p.items[i], &b = p.items[j];
      const auto [below, above] = conflict(a, b);
      p.floors = p.floors && below >= 0 && above >= 0;
      p.conflicts[i].push_back({j, below, above});
      p.conflicts[j].push_back({i, above, below});
      const int64_t shared = std::min({std::max(a.size - below, b.size - above), a.size, b.size});
      if (shared <= 0) continue;
      special[i] = special[j] = true;
      const auto first = std::ranges::lower_bound(p.section_step, std::max(a.first, b.first));
      for (size_t s = size_t(first - p.section_step.begin());
           s < p.sections.size() && p.section_step[s] <= std::min(a.last, b.last); ++s)
        p.sections[s].shared.push_back({i, j, shared});
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

using Interval = std::pair<int64_t, int64_t>;  // open

/// Where the item cannot be for those that have an offset (>= 0).
void closed_to(const Problem& p, size_t item, const std::vector<int64_t>& offsets, std::vector<Interval>& closed) {
  closed.clear();
  for (const Conflict& c : p.conflicts[item])
    if (offsets[c.other] >= 0 && offsets[c.other] + c.above > 0)
      closed.push_back({offsets[c.other] - c.below, offsets[c.other] + c.above});
  std::ranges::sort(closed);
}

/// The lowest multiple of `align` from `at` on in none of the intervals, which are sorted.
int64_t lowest(const std::vector<Interval>& closed, int64_t at, int64_t align) {
  for (const auto& [lo, hi] : closed)
    if (at > lo && at < hi) at = round_up(hi, align);
  return at;
}

/// Each item of `order` at the lowest offset that those before it leave.
std::vector<int64_t> first_fit(const Problem& p, const std::vector<size_t>& order) {
  std::vector<int64_t> offsets(p.items.size(), -1);
  std::vector<Interval> closed;
  for (size_t i : order) {
    closed_to(p, i, offsets, closed);
    offsets[i] = lowest(closed, 0, p.items[i].align);
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
  if (!p.floors) {  // chains of values of which each takes the place of the one before
    orders.push_back(order_by(p, [](const Item& i) { return -int64_t(i.first); }));
    orders.push_back(order_by(p, [](const Item& i) { return int64_t(i.last); }));
  }
  return orders;
}

/// Branch and bound by floors: see the header. Only for problems that have them.
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
    int64_t all = 0, highest = low;
    for (size_t i : s.items)
      if (!placed_[i]) high_.push_back(i), all += p_.items[i].size, highest = std::max(highest, floor_[i]);
    if (highest + all <= cap_) return true;  // most sections are far from full
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

/// Least space that two items which are live together take: the lower one at 0, the other as low as it may then be.
int64_t pair_bound(const Problem& p) {
  int64_t bound = 0;
  for (size_t i = 0; i < p.items.size(); ++i)
    for (const Conflict& c : p.conflicts[i]) {
      const Item &a = p.items[i], &b = p.items[c.other];
      const int64_t b_at = c.above <= 0 ? 0 : round_up(std::max<int64_t>(c.below, 0), b.align);
      const int64_t a_at = c.below <= 0 ? 0 : round_up(std::max<int64_t>(c.above, 0), a.align);
      bound = std::max(bound, std::min(std::max(end(a, 0), end(b, b_at)), std::max(end(b, 0), end(a, a_at))));
    }
  return bound;
}

/// First-fit again and again, what ended too high a part of the order earlier each time. With the last eighth of its
/// budget it moves single items of the best order forward, before one that they conflict with: those that end highest
/// first. A move is kept when the plan becomes lower, or as low with less above the bound. Its budget is in placements.
class LocalSearch {
 public:
  LocalSearch(const Problem& p, int64_t lower, int64_t budget) : p_(p), lower_(lower), budget_(budget) {}

  std::vector<int64_t> run(std::vector<size_t> order) {
    order_ = std::move(order);
    place_ = std::vector<size_t>(order_.size());
    offsets_ = first_fit(p_, order_);
    score_ = score(offsets_);
    rerun(budget_ / 8);
    number();
    while (budget_ > 0 && score_.first > lower_ && step()) {
    }
    return offsets_;
  }
  int64_t left() const { return std::max<int64_t>(budget_, 0); }

 private:
  using Score = std::pair<int64_t, int64_t>;
  const Problem& p_;
  int64_t lower_, budget_;
  std::vector<size_t> order_, place_;  // place_: the inverse
  std::vector<int64_t> offsets_, tried_;
  std::vector<Interval> closed_;
  Score score_;

  Score score(const std::vector<int64_t>& offsets) const {
    int64_t above = 0;
    for (size_t i = 0; i < offsets.size(); ++i) above += std::max<int64_t>(end(p_.items[i], offsets[i]) - lower_, 0);
    return {height(p_, offsets), above};
  }
  void number() {
    for (size_t i = 0; i < order_.size(); ++i) place_[order_[i]] = i;
  }

  /// Keeps `rest` of the budget. Moving everything to the very front, as the first rounds do, soon goes in circles.
  void rerun(int64_t rest) {
    constexpr int64_t kParts = 4;
    const int64_t n = int64_t(order_.size());
    std::vector<size_t> order = order_;
    std::vector<int64_t> key(order.size());
    for (size_t i = 0; i < order.size(); ++i) key[order[i]] = kParts * int64_t(i);
    while (budget_ - n >= rest && score_.first > lower_) {
      budget_ -= n;
      const std::vector<int64_t> offsets = first_fit(p_, order);
      if (const Score s = score(offsets); s < score_) score_ = s, order_ = order, offsets_ = offsets;
      for (size_t i = 0; i < order.size(); ++i)
        if (end(p_.items[i], offsets[i]) >= score_.first) key[i] -= n;
      std::ranges::stable_sort(order, {}, [&](size_t i) { return key[i]; });
    }
  }

  bool step() {
    std::vector<size_t> by_end(order_.size());
    std::iota(by_end.begin(), by_end.end(), size_t(0));
    std::ranges::stable_sort(by_end, std::greater<>{}, [&](size_t i) { return end(p_.items[i], offsets_[i]); });
    std::vector<size_t> before;
    for (size_t i : by_end) {
      before.clear();
      for (const Conflict& c : p_.conflicts[i])
        if (place_[c.other] < place_[i]) before.push_back(place_[c.other]);
      std::ranges::sort(before, std::greater<>{});
      for (size_t to : before) {
        if (budget_ <= 0) return false;
        if (move(place_[i], to)) return true;
      }
    }
    return false;
  }

  bool move(size_t from, size_t to) {
    const auto begin = order_.begin();
    std::rotate(begin + int64_t(to), begin + int64_t(from), begin + int64_t(from) + 1);
    tried_ = offsets_;
    for (size_t n = to; n < order_.size(); ++n) tried_[order_[n]] = -1;
    bool good = true;
    for (size_t n = to; n < order_.size() && good; ++n) {
      const size_t i = order_[n];
      closed_to(p_, i, tried_, closed_);
      tried_[i] = lowest(closed_, 0, p_.items[i].align);
      good = --budget_ >= 0 && end(p_.items[i], tried_[i]) <= score_.first;
    }
    if (good)
      if (const Score s = score(tried_); s < score_) {
        score_ = s;
        offsets_.swap(tried_);
        number();
        return true;
      }
    std::rotate(begin + int64_t(to), begin + int64_t(to) + 1, begin + int64_t(from) + 1);
    return false;
  }
};

/// All plans in which no set of items can be moved down together, by placing one item after another in any order, each
/// at 0 or at the end of an interval that is closed for one already placed. Nothing better is missed: of the plans of
/// some height take one with the least sum of offsets, and any part of it as placed. The rest cannot all be moved down
/// by the largest alignment, so one of its items is less than that above 0 or above the end of such an interval. A
/// place that was tried for an item is not tried again beside the same ones: no set of places is visited twice.
class AnyOrder {
 public:
  AnyOrder(const Problem& p, int64_t lower, int64_t budget) : p_(p), lower_(lower), budget_(budget) {
    for (const Item& i : p.items) step_ = std::max(step_, i.align);
    offsets_.assign(p.items.size(), -1);
    done_.resize(p.items.size());
    order_ = order_by(p, [](const Item& i) { return std::pair(i.size, length(i)); });
  }

  /// Replaces `best` by lower plans; true: it is as low as can be.
  bool run(std::vector<int64_t>& best) {
    best_ = &best;
    cap_ = height(p_, best) - 1;
    return place(0) || budget_ > 0;
  }
  int64_t left() const { return std::max<int64_t>(budget_, 0); }

 private:
  const Problem& p_;
  int64_t lower_, budget_, step_ = 1, cap_ = 0;
  std::vector<int64_t> offsets_;
  std::vector<std::vector<int64_t>> done_;  // places of each item that need no more trying
  std::vector<size_t> order_;
  std::vector<int64_t>* best_ = nullptr;

  /// True: stop, nothing is below the bound. Gives up at budget_ <= 0.
  bool place(size_t placed) {
    if (placed == offsets_.size()) {
      *best_ = offsets_;
      cap_ = height(p_, offsets_) - 1;
      return cap_ < lower_;
    }
    struct Choice {
      size_t item;
      int64_t at;
    };
    std::vector<Choice> choices;
    std::vector<Interval> closed;
    for (size_t i : order_) {
      if (offsets_[i] >= 0) continue;
      if (--budget_ <= 0) return false;
      closed_to(p_, i, offsets_, closed);
      const Item& item = p_.items[i];
      const int64_t first = lowest(closed, 0, item.align);
      if (end(item, first) > cap_) return false;
      std::vector<int64_t> places;
      const auto add = [&](int64_t from) {
        for (int64_t at = round_up(from, item.align); at < from + step_ && end(item, at) <= cap_; at += item.align)
          if (lowest(closed, at, item.align) == at && !std::ranges::count(done_[i], at)) places.push_back(at);
      };
      add(0);
      for (const Interval& c : closed) add(c.second);
      std::ranges::sort(places);
      places.erase(std::unique(places.begin(), places.end()), places.end());
      for (int64_t at : places) choices.push_back({i, at});
    }
    std::vector<size_t> tried;
    bool stop = false;
    for (const Choice& c : choices) {
      if (end(p_.items[c.item], c.at) > cap_) continue;
      offsets_[c.item] = c.at;
      stop = place(placed + 1);
      offsets_[c.item] = -1;
      if (stop || budget_ <= 0) break;
      done_[c.item].push_back(c.at);
      tried.push_back(c.item);
    }
    for (size_t i : tried) done_[i].pop_back();
    return stop;
  }
};

/// Local search from each of the orders; as many placements as `limit` nodes take. Returns how many of these it used.
int64_t repeat_first_fit(const Problem& p, const std::vector<std::vector<size_t>>& orders, int64_t limit, int64_t lower,
                         std::vector<int64_t>& best) {
  constexpr int64_t kPlacements = 4;  // for what a node of the other searches takes
  int64_t nodes = 0;
  for (size_t n = 0; n < orders.size() && height(p, best) > lower; ++n) {
    const int64_t budget = (limit - nodes) / int64_t(orders.size() - n);
    LocalSearch search(p, lower, kPlacements * budget);
    std::vector<int64_t> offsets = search.run(orders[n]);
    nodes += budget - search.left() / kPlacements;
    if (height(p, offsets) < height(p, best)) best = std::move(offsets);
  }
  return nodes;
}

/// The counterpart of improve() where items have no floors.
void improve_general(const Problem& p, const std::vector<std::vector<size_t>>& orders, int64_t limit, int64_t& lower,
                     std::vector<int64_t>& best, int64_t& nodes) {
  constexpr size_t kFew = 24;  // beyond, a search in any order only repeats its last choices
  const bool few = p.items.size() <= kFew;
  nodes += repeat_first_fit(p, orders, few ? limit / 2 : limit, lower, best);
  if (!few || height(p, best) <= lower || nodes >= limit) return;
  AnyOrder search(p, lower, limit - nodes);
  const bool proved = search.run(best);
  nodes = limit - search.left();
  if (proved) lower = std::max(lower, height(p, best));
}

}  // namespace

Plan plan_offsets(std::span<const PlanBuffer> buffers, std::span<const PlanOverlap> overlaps, int64_t node_limit,
                  int64_t known_bound) {
  check_arguments(buffers, overlaps);
  const Problem p = make_problem(buffers, overlaps);
  int64_t lower = std::max<int64_t>(known_bound, 0) / p.unit + (known_bound > 0 && known_bound % p.unit != 0);
  if (!p.floors) lower = std::max(lower, pair_bound(p));
  for (const Section& s : p.sections) lower = std::max(lower, space(p, s, [](size_t) { return true; }));

  std::vector<std::vector<size_t>> orders = good_orders(p);
  std::vector<int64_t> best;
  const auto attempt = [&](const std::vector<size_t>& order) {
    std::vector<int64_t> offsets = first_fit(p, order);
    if (best.empty() || height(p, offsets) < height(p, best)) best = offsets;
    return offsets;
  };
  for (std::vector<size_t>& start : orders) {
    std::vector<size_t> order = start, good;
    int64_t least = std::numeric_limits<int64_t>::max();
    // what ends highest comes first in the next round
    constexpr int kRounds = 16;
    for (int round = 0; round < kRounds && (best.empty() || height(p, best) > lower); ++round) {
      const std::vector<int64_t> offsets = attempt(order);
      const int64_t top = height(p, offsets);
      if (top < least) least = top, good = order;
      std::stable_partition(order.begin(), order.end(), [&](size_t i) { return end(p.items[i], offsets[i]) == top; });
    }
    if (!p.floors && !good.empty()) start = std::move(good);  // where local search begins
  }

  Plan plan;
  if (p.floors) {
    improve(p, orders, node_limit, lower, best, plan.nodes);
    // cheap beside what has just been in vain; on top of the limit, so as not to take from that search what it finds
    if (plan.nodes >= node_limit) repeat_first_fit(p, orders, node_limit, lower, best);
  } else {
    improve_general(p, orders, node_limit, lower, best, plan.nodes);
  }
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
  std::map<std::pair<size_t, size_t>, const PlanOverlap*> listed;
  for (const PlanOverlap& o : overlaps) listed[{size_t(std::min(o.a, o.b)), size_t(std::max(o.a, o.b))}] = &o;
  const auto allowed = [&](size_t i, size_t j) {  // though they have bytes in common
    const auto at = listed.find({std::min(i, j), std::max(i, j)});
    if (at == listed.end()) return false;
    const PlanOverlap& o = *at->second;
    const int64_t apart = plan.offsets[size_t(o.b)] - plan.offsets[size_t(o.a)];
    return apart <= o.lo || apart >= o.hi;
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
      if (!apart && buffers[i].bytes > 0 && buffers[j].bytes > 0 && !allowed(i, j))
        return fmt::format("buffers {} and {} overlap", std::min(i, j), std::max(i, j));
    }
    live.push_back(i);
  }
  if (plan.lower_bound > plan.bytes) return fmt::format("{} bytes are below the bound", plan.bytes);
  return "";
}

}  // namespace burin
