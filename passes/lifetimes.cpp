#include "passes/lifetimes.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <span>

namespace burin {
namespace {

/// Pieces that touch and live as long become one.
void add(std::vector<LiveBytes>& pieces, LiveBytes p) {
  if (p.begin == p.end) return;
  if (!pieces.empty()) {
    LiveBytes& last = pieces.back();
    if (last.end == p.begin && last.first == p.first && last.last == p.last) return void(last.end = p.end);
    if (last.begin == p.begin && last.end == p.end && last.last + 1 == p.first) return void(last.last = p.last);
  }
  pieces.push_back(p);
}

constexpr int64_t kMostPieces = 4096;  // of a value that is made in parts; beyond, it lives as a whole

/// Differences offset[b] - offset[a] at which some piece of one would lie on a piece of the other that is needed at the
/// same time.
PlanOverlap forbidden(const std::vector<LiveBytes>& a, const std::vector<LiveBytes>& b) {
  PlanOverlap r{0, 0, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  for (const LiveBytes& p : a)
    for (const LiveBytes& q : b) {
      if (p.last < q.first || q.last < p.first) continue;
      r.lo = std::min(r.lo, p.begin - q.end), r.hi = std::max(r.hi, p.end - q.begin);
    }
  if (r.lo > r.hi) r.lo = r.hi = 0;
  return r;
}

}  // namespace

NodeLives lives_of(const Graph& g, const Node& n, const Context& ctx) {
  if (!n.kernel || (n.rows == 0 && n.group == 0)) return {};
  const LayerView v(g, n, *ctx.target, ctx.options);
  if (n.group != 0) return {streamed_contract(v)};
  if (ctx.options.optimize == Options::Optimize::size) return {row_contract(v)};  // functions of other kernels' parts
  if (expands(v)) return {{}, false, true};
  return {steps_contract(v), in_place_by_channels(v)};
}

Lives::Lives(const Graph& g) : g_(g), storage_(g), ranges_(live_ranges(g)), in_place_(in_place_inputs(g)) {
  std::erase_if(ranges_, [](const LiveRange& r) { return r.value == ValueId::none; });
  for (ValueId v : g.outputs) kept_.insert(storage_.root(v));
  range_of_.assign(g.values().size(), -1);
  for (size_t i = 0; i < ranges_.size(); ++i) range_of_[index(ranges_[i].value)] = int(i);
  users_.resize(g.values().size());
  for (int i = 0; i < int(g.nodes.size()); ++i) {
    const Node& n = g.nodes[size_t(i)];
    if (storage_.alias(n)) continue;
    const auto access = [&](ValueId v) { return ValueAccess{i, storage_.offset(v), g[v].type.bytes()}; };
    for (ValueId v : n.outputs)
      if (v != ValueId::none) users_[index(storage_.root(v))].writers.push_back(access(v));
    for (ValueId v : n.inputs) {
      if (v == ValueId::none || g[v].constant()) continue;
      std::vector<ValueAccess>& readers = users_[index(storage_.root(v))].readers;
      if (readers.empty() || readers.back() != access(v)) readers.push_back(access(v));
    }
  }
}

/// When each call is made.
class Lives::Timeline {
 public:
  Timeline(const Lives& lives, const Contracts& contracts, int from, int to)
      : lives_(lives),
        g_(lives.g_),
        storage_(lives.storage_),
        contracts_(contracts),
        from_(from),
        to_(to),
        at_(size_t(to - from)) {
    for (int i = from; i < to;) {
      int end = i + 1;
      if (const int32_t group = g_.nodes[size_t(i)].group; group != 0) {
        while (end < to && g_.nodes[size_t(end)].group == group) ++end;
        stream(i, end);
      } else if (!storage_.alias(g_.nodes[size_t(i)])) {
        const std::optional<RowContract>& c = contracts[size_t(i)].rows;
        const int steps = contracts[size_t(i)].expands ? 2 : 1;
        for (int32_t k = 0; k < (c ? c->calls() : steps); ++k) mine(i).push_back(calls_++);
      }
      i = end;
    }
  }

  int calls() const { return calls_; }
  std::vector<std::vector<uint8_t>>& orders() { return orders_; }
  const std::vector<int>& at(int node) const { return at_[size_t(node - from_)]; }

  /// Of the value that is named by `v`. `after`: something reads it behind the range, or it is an output of the model.
  Needed value(ValueId v, bool after) const {
    const int64_t bytes = g_[v].type.bytes();
    // Of a value in parts also those that are written outside of the range.
    std::vector<ValueAccess> writers, readers;
    for (const ValueAccess& w : lives_.users_[index(v)].writers)
      if (in_range(w.node) || storage_.parted(v)) writers.push_back(w);
    for (const ValueAccess& r : lives_.users_[index(v)].readers)
      if (in_range(r.node)) readers.push_back(r);
    // In pieces of which everybody's rows are made; who does not go by rows has all of its bytes.
    int64_t piece = bytes;
    const auto cut = [&](const ValueAccess& a, int64_t each) { piece = std::gcd(std::gcd(piece, each), a.offset); };
    std::vector<const RowContract*> made, read;
    for (const ValueAccess& w : writers) {
      const RowContract* c = in_range(w.node) ? by_rows(w.node) : nullptr;
      made.push_back(c && c->oh * c->row_out == w.bytes ? c : nullptr);
      cut(w, made.back() ? made.back()->row_out : w.bytes);
    }
    const int64_t rows = piece;  // of the writer
    bool same = true;
    for (const ValueAccess& r : readers) {
      const RowContract* c = reads_rows(r.node, v);
      read.push_back(c && rows_of(*c, r.bytes) ? c : nullptr);
      if (read.back()) same = same && r.bytes / c->ih == rows;
      cut(r, read.back() ? r.bytes / c->ih : r.bytes);
    }
    if (storage_.parted(v) && piece > 0 && bytes / piece > kMostPieces) {
      piece = bytes;
      for (std::vector<ValueAccess>* all : {&writers, &readers})
        for (ValueAccess& a : *all) a.offset = 0, a.bytes = bytes;
      std::ranges::fill(made, nullptr), std::ranges::fill(read, nullptr);
    }
    const int32_t height = piece == 0 ? 1 : int32_t(bytes / piece);
    constexpr int kLater = std::numeric_limits<int>::max();  // written behind the range
    std::vector<int> born(size_t(height), writers.empty() ? -1 : kLater), last(size_t(height), -2);
    const auto each = [&](const ValueAccess& a, int32_t first, int32_t end, int32_t of_rows, auto&& f) {
      const int64_t row = piece == 0 ? 1 : a.bytes / of_rows / piece, at = piece == 0 ? 0 : a.offset / piece;
      for (int64_t y = at + first * row; y < at + end * row; ++y) f(size_t(y));
    };
    for (size_t i = 0; i < writers.size(); ++i) {
      const ValueAccess& w = writers[i];
      const int begin = w.node >= to_ ? kLater : w.node < from_ ? -1 : begins(w.node);
      each(w, 0, 1, 1, [&](size_t y) { born[y] = std::min(born[y], begin); });
      if (made[i])
        for (int32_t c = 0; c < made[i]->calls(); ++c)
          each(w, made[i]->first(c), made[i]->last(c), made[i]->oh, [&](size_t y) { born[y] = at(w.node)[size_t(c)]; });
    }
    const RowContract* only = writers.size() == 1 && !storage_.parted(v) ? made[0] : nullptr;
    const int32_t group = only ? g_.nodes[size_t(writers[0].node)].group : 0;
    bool inside = only && same && !after && group != 0;
    int32_t multiple = only ? only->n : 1;
    for (size_t i = 0; i < readers.size(); ++i) {
      const ValueAccess& r = readers[i];
      const RowContract* c = read[i];
      inside = inside && c && g_.nodes[size_t(r.node)].group == group;
      if (c) {
        multiple = std::lcm(multiple, c->together);
        for (int32_t k = 0; k < c->calls(); ++k)
          each(r, c->first_read(k), c->last_read(k), c->ih,
               [&](size_t y) { last[y] = std::max(last[y], at(r.node)[size_t(k)]); });
      } else {
        each(r, 0, 1, 1, [&](size_t y) { last[y] = std::max(last[y], ends(r.node)); });
      }
    }
    for (int32_t y = 0; y < height; ++y) last[size_t(y)] = after ? calls_ : std::max(last[size_t(y)], born[size_t(y)]);

    Needed n{{v, 0, 0, g_[v].offset, bytes}, 0, {}};
    const int64_t row = piece;
    if (const int32_t ring = inside && height > 1 ? ring_rows(born, last, multiple) : height; ring < height) {
      n.ring = ring;
      n.range.bytes = ring * row;
    }
    for (int32_t y = 0; y < height; ++y) {
      const int64_t slot = n.ring > 0 ? y % n.ring : y;
      if (born[size_t(y)] != kLater) add(n.pieces, {slot * row, (slot + 1) * row, born[size_t(y)], last[size_t(y)]});
    }
    return n;
  }

  Needed scratch(int node) const {
    const Node& n = g_.nodes[size_t(node)];
    Needed s{{ValueId::none, node, node, n.scratch_offset, n.scratch}, 0, {}};
    if (const RowContract* c = by_rows(node); c && c->accumulates)
      add(s.pieces, {0, n.scratch, at(node).front(), at(node).back()});
    else if (contracts_[size_t(node)].expands) {
      const int64_t tail = g_[n.inputs[0]].type.bytes();  // where the operand may lie
      add(s.pieces, {0, n.scratch - tail, at(node).front(), at(node).back()});
      add(s.pieces, {n.scratch - tail, n.scratch, at(node).back(), at(node).back()});
    } else
      for (int t : at(node)) add(s.pieces, {0, n.scratch, t, t});
    return s;
  }

 private:
  /// -1: it is not among the nodes, or is written in parts.
  int writer_of(ValueId v) const {
    const std::vector<ValueAccess>& all = lives_.users_[index(v)].writers;
    return all.size() == 1 && in_range(all[0].node) ? all[0].node : -1;
  }
  /// When the node writes first, and when it reads last, where it does not go by rows.
  int begins(int node) const { return contracts_[size_t(node)].expands ? at(node).back() : at(node).front(); }
  int ends(int node) const { return contracts_[size_t(node)].expands ? at(node).front() : at(node).back(); }
  std::vector<int>& mine(int node) { return at_[size_t(node - from_)]; }
  bool in_range(int node) const { return node >= from_ && node < to_; }

  const RowContract* by_rows(int node) const {
    const std::optional<RowContract>& c = contracts_[size_t(node)].rows;
    return c ? &*c : nullptr;
  }
  /// The rows that it reads are those of a value of so many bytes.
  static bool rows_of(const RowContract& c, int64_t bytes) {
    return c.local ? bytes % c.ih == 0 : c.ih * c.row_in == bytes;
  }
  /// Where the node reads the value by rows alone.
  const RowContract* reads_rows(int node, ValueId v) const {
    const RowContract* c = by_rows(node);
    const Node& n = g_.nodes[size_t(node)];
    for (size_t i = 0; c && i < n.inputs.size(); ++i)
      if (const ValueId in = n.inputs[i]; in != ValueId::none && !g_[in].constant() && storage_.root(in) == v)
        if (int(i) >= c->operands) return nullptr;
    return c;
  }

  /// The least rows of a ring in which no row lies where another one is still needed.
  static int32_t ring_rows(const std::vector<int>& born, const std::vector<int>& last, int32_t multiple) {
    const int32_t height = int32_t(born.size());
    for (int32_t ring = multiple; ring < height; ring += multiple) {
      bool fits = true;
      for (int32_t y = 0; y + ring < height && fits; ++y) fits = last[size_t(y)] < born[size_t(y + ring)];
      if (fits) return ring;
    }
    return height;
  }

  /// Each row is made when the last node, or one on the way to it, asks for it.
  void stream(int first, int end) {
    std::vector<int32_t> made(size_t(end - first));
    std::vector<uint8_t>& order = orders_.emplace_back();
    const auto make = [&](auto&& self, int node, int32_t rows) -> void {
      const RowContract& c = *by_rows(node);
      while (made[size_t(node - first)] < rows) {
        const int32_t call = int32_t(at(node).size());
        for (size_t i = 0; i < size_t(c.operands); ++i)
          if (const int p = writer_of(storage_.root(g_.nodes[size_t(node)].inputs[i])); p >= first && p < node)
            self(self, p, c.last_read(call));
        mine(node).push_back(calls_++);
        order.push_back(uint8_t(node - first));
        made[size_t(node - first)] = c.last(call);
      }
    };
    for (int i = end; i-- > first;) make(make, i, by_rows(i)->oh);
  }

  const Lives& lives_;
  const Graph& g_;
  const Storage& storage_;
  const Contracts& contracts_;
  int from_, to_;
  std::vector<std::vector<int>> at_;
  std::vector<std::vector<uint8_t>> orders_;
  int calls_ = 0;
};

struct Lives::Part {
  std::vector<Needed> buffers;
  std::set<std::pair<size_t, size_t>> in_place;  // operand, result
  std::set<size_t> results;                      // of these pairs
  std::vector<std::vector<uint8_t>> orders;
  std::vector<int> feeds;
  int calls = 0;

  /// A result that may lie on an operand counts from the next call on. With `rings` each ring counts as a whole while
  /// any of its rows is needed: hardly anything fits between them.
  int64_t most_needed(bool rings) const {
    std::vector<int64_t> change(size_t(calls) + 3);  // of call -1 on
    const auto needed = [&](int first, int last, int64_t bytes) {
      if (first <= last) change[size_t(first + 1)] += bytes, change[size_t(last + 1) + 1] -= bytes;
    };
    for (size_t i = 0; i < buffers.size(); ++i) {
      const Needed& n = buffers[i];
      if (rings && n.ring > 0) {
        std::vector<std::pair<int, int>> times;
        for (const LiveBytes& p : n.pieces) times.push_back({p.first, p.last});
        std::ranges::sort(times);
        int end = -2;
        for (const auto& [first, last] : times) {
          needed(std::max(first, end + 1), last, n.range.bytes);
          end = std::max(end, last);
        }
        continue;
      }
      for (const LiveBytes& p : n.pieces) needed(p.first + int(results.contains(i)), p.last, p.end - p.begin);
    }
    int64_t live = 0, most = 0;
    for (int64_t c : change) most = std::max(most, live += c);
    return most;
  }
};

Lives::Part Lives::part(const Contracts& contracts, int from, int to) const {
  Timeline time(*this, contracts, from, to);
  Part r;
  r.calls = time.calls();
  r.orders = std::move(time.orders());
  if (g_.fed && from == 0) {
    r.feeds = time.at(0);
    int last = 0;
    for (int i = 0; i < to && g_.nodes[size_t(i)].group == g_.nodes[0].group; ++i)
      last = std::max(last, time.at(i).back());
    r.feeds.push_back(last);
  }
  std::vector<int> buffer(ranges_.size(), -1);
  for (const LiveRange& range : ranges_) {
    const bool unread = from == 0 && range.first < 0;  // what the caller writes and nobody reads
    if ((range.last < from && !unread) || range.first >= to) continue;
    buffer[size_t(&range - ranges_.data())] = int(r.buffers.size());
    r.buffers.push_back(time.value(range.value, range.last >= to || kept_.contains(range.value)));
    r.buffers.back().range.first = range.first, r.buffers.back().range.last = range.last;
  }
  for (int i = from; i < to; ++i)
    if (g_.nodes[size_t(i)].scratch > 0 && !storage_.alias(g_.nodes[size_t(i)])) r.buffers.push_back(time.scratch(i));
  for (Needed& n : r.buffers) {
    n.first = n.pieces.empty() ? -1 : r.calls;
    for (const LiveBytes& p : n.pieces) {
      n.first = std::min(n.first, p.first), n.last = std::max(n.last, p.last);
      // A row is there from its feed on; the first one begins it all.
      for (size_t k = 1; k + 1 < r.feeds.size(); ++k)
        n.across = n.across || (p.first < r.feeds[k] && r.feeds[k] <= p.last);
    }
  }
  const auto buffer_of = [&](ValueId v) {
    const int range = v == ValueId::none ? -1 : range_of_[index(storage_.root(v))];
    return range < 0 ? -1 : buffer[size_t(range)];
  };
  for (int step = from; step < to; ++step) {
    const Node& n = g_.nodes[size_t(step)];
    if (!contracts[size_t(step)].by_channels || n.group != 0) continue;
    if (!storage_.whole(n.inputs[0]) || !storage_.whole(n.outputs[0])) continue;
    const int x = buffer_of(n.inputs[0]), y = buffer_of(n.outputs[0]);
    if (x < 0 || y < 0 || x == y || r.buffers[size_t(x)].last > time.at(step).back()) continue;
    if (g_.fed && kept_.contains(storage_.root(n.outputs[0]))) continue;  // the arena's, and the operand may not be
    r.buffers[size_t(y)].on = x;
    r.results.insert(size_t(y));
  }
  // Operators that may write their result in place do so element by element, within one call.
  for (int step = from; step < to; ++step) {
    const Node& n = g_.nodes[size_t(step)];
    if (n.group != 0) continue;
    for (int i : in_place_[size_t(step)]) {
      const size_t y = size_t(buffer_of(n.outputs[0]));
      r.in_place.insert({size_t(buffer_of(n.inputs[size_t(i)])), y});
      r.results.insert(y);
    }
  }
  return r;
}

int64_t Lives::most_needed(const Contracts& contracts, int from, int to) const {
  return part(contracts, from, to).most_needed(true);
}

Lifetimes Lives::all(const Contracts& contracts) const {
  Part p = part(contracts, 0, int(g_.nodes.size()));
  Lifetimes r;
  r.floor = p.most_needed(false);
  // What lies on another buffer is a part of it.
  for (size_t i = 0; i < p.buffers.size(); ++i) {
    int at = p.buffers[i].on;
    if (at < 0) continue;
    while (p.buffers[size_t(at)].on >= 0) at = p.buffers[size_t(at)].on;
    p.buffers[i].on = at;
  }
  std::set<size_t> several;  // buffers with others on them
  for (Needed& n : p.buffers) {
    if (n.on < 0) continue;
    several.insert(size_t(n.on));
    Needed& x = p.buffers[size_t(n.on)];
    x.pieces.insert(x.pieces.end(), n.pieces.begin(), n.pieces.end());
    x.first = std::min(x.first, n.first), x.last = std::max(x.last, n.last);
    x.across = x.across || n.across;
  }
  std::vector<size_t> order;
  for (size_t i = 0; i < p.buffers.size(); ++i)
    if (p.buffers[i].on < 0) order.push_back(i);
  std::ranges::stable_sort(order, {}, [&](size_t i) { return p.buffers[i].first; });
  std::set<std::pair<size_t, size_t>> in_place;
  for (const auto& [x, y] : p.in_place)
    if (p.buffers[x].on < 0 && p.buffers[y].on < 0 && !several.contains(x) && !several.contains(y))
      in_place.insert({x, y});
  for (size_t i = 0; i < order.size(); ++i)
    for (size_t j = i + 1; j < order.size(); ++j) {
      const size_t a = order[i], b = order[j];
      const Needed &x = p.buffers[a], &y = p.buffers[b];
      if (y.first > x.last) break;
      if (x.range.bytes == 0 || y.range.bytes == 0) continue;
      PlanOverlap o = in_place.contains({a, b}) ? PlanOverlap{0, 0, 0, x.range.bytes} : forbidden(x.pieces, y.pieces);
      if (o.lo == -y.range.bytes && o.hi == x.range.bytes) continue;  // what the planner does by itself
      o.a = int(a), o.b = int(b);
      r.overlaps.push_back(o);
    }
  r.buffers = std::move(p.buffers), r.orders = std::move(p.orders), r.feeds = std::move(p.feeds);
  return r;
}

}  // namespace burin
