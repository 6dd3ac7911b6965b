// The order of nodes with the smallest peak of live bytes (values and working memory; what lies in place counts once).
//
// What is live depends only on the set of nodes that have run, so the search goes over such sets: always the one
// reached with the smallest peak (Dijkstra's algorithm with maxima for sums), which is exact. A node that needs no more
// than the peak so far and leaves no more bytes live than before runs at once: delaying it can only cost. Chains
// collapse so to nothing; what remains are the real choices between branches. Beyond kExactSets sets a beam of the best
// kBeam sets per step takes over. All limits count work, not time. Beyond them, and where no order found lowers the
// peak, the order stays.
#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "compiler/liveness.h"
#include "passes/pass.h"

namespace burin {
namespace {

constexpr size_t kExactSets = 5000;
constexpr size_t kExactLooks = 50'000'000;  // at jobs; some hundred are no matter
constexpr size_t kBeam = 32;
constexpr size_t kBeamLooks = 20'000'000;  // at ready jobs; a copied state counts a sixteenth of its jobs

/// The graph as bytes and edges. Buffers are the roots of Storage that are in the arena, by number.
struct Job {
  std::vector<size_t> reads;          // buffers, each once
  std::map<size_t, int64_t> writes;   // bytes of each buffer: not all of it where others write other parts
  std::vector<size_t> in_place;       // of `reads`: where the only result may lie if they die here
  std::vector<size_t> before, after;  // jobs
  int64_t scratch = 0;
};
/// What effect() asks of a job, side by side: it asks for every job that could be next.
struct Sizes {
  int64_t written = 0, left = 0;  // bytes of results; of those that somebody reads later
  int64_t scratch = 0;
  size_t first = 0, last = 0;  // of Work::mortal: what it reads that may die here
};
struct Mortal {
  size_t buffer;
  int64_t bytes;
  bool in_place;  // the only result may lie there
};
struct Work {
  std::vector<Job> jobs;
  std::vector<Sizes> sizes;  // of each job
  std::vector<Mortal> mortal;
  std::vector<int64_t> bytes;                // of each buffer
  std::vector<std::vector<size_t>> readers;  // of each buffer
  std::vector<char> kept;                    // outputs of the model
  std::vector<char> input;
};

void add_once(std::vector<size_t>& list, size_t item) {
  if (!std::ranges::count(list, item)) list.push_back(item);
}

Work make_work(const Graph& g) {
  const Storage storage(g);
  Work w;
  std::map<ValueId, size_t> buffer;  // by root
  for (const LiveRange& r : live_ranges(g)) {
    if (r.value == ValueId::none) continue;
    buffer[r.value] = w.bytes.size();
    w.bytes.push_back(r.bytes);
    w.kept.push_back(g.is_output(r.value));
    w.input.push_back(std::ranges::count(g.inputs, r.value) > 0);
  }
  w.readers.resize(w.bytes.size());
  const auto buffer_of = [&](ValueId id) -> std::optional<size_t> {
    if (id == ValueId::none) return std::nullopt;
    const auto at = buffer.find(storage.root(id));
    return at == buffer.end() ? std::nullopt : std::optional(at->second);
  };

  std::map<ValueId, size_t> producer;
  for (size_t i = 0; i < g.nodes.size(); ++i)
    for (ValueId id : g.nodes[i].outputs)
      if (id != ValueId::none) producer[id] = i;
  w.jobs.resize(g.nodes.size());
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    Job& job = w.jobs[i];
    job.scratch = n.scratch;
    for (ValueId id : n.inputs) {
      if (const auto b = buffer_of(id)) add_once(job.reads, *b);
      if (const auto p = producer.find(id); p != producer.end()) add_once(job.before, p->second);
    }
    if (!storage.alias(n))
      for (ValueId id : n.outputs)
        if (const auto b = buffer_of(id)) job.writes[*b] += g[id].type.bytes();
    for (size_t b : job.reads) w.readers[b].push_back(i);
    for (size_t p : job.before) w.jobs[p].after.push_back(i);
    for (size_t k : elementwise_inputs(g, n))
      if (const auto b = buffer_of(n.inputs[k]);
          b && !w.kept[*b] && job.writes.size() == 1 && storage.whole(n.inputs[k]) && storage.whole(n.outputs[0]))
        add_once(job.in_place, *b);
  }
  for (const Job& job : w.jobs) {
    Sizes& s = w.sizes.emplace_back();
    s.scratch = job.scratch;
    for (const auto& [b, bytes] : job.writes) {
      s.written += bytes;
      if (!w.readers[b].empty() || w.kept[b]) s.left += bytes;
    }
    s.first = w.mortal.size();
    for (size_t b : job.reads)
      if (!w.kept[b]) w.mortal.push_back({b, w.bytes[b], std::ranges::count(job.in_place, b) > 0});
    s.last = w.mortal.size();
  }
  return w;
}

using Done = std::vector<bool>;

struct State {
  Done done;
  std::vector<uint32_t> waits;   // of each job: jobs before it that are not done
  std::vector<uint32_t> unread;  // of each buffer: readers that are not done
  std::vector<size_t> ready;     // jobs that wait for none, ascending
  int64_t live = 0, peak = 0;
};

void find_ready(State& s) {
  for (size_t job = 0; job < s.waits.size(); ++job)
    if (s.waits[job] == 0 && !s.done[job]) s.ready.push_back(job);
}

State start(const Work& w) {
  State s;
  s.done.assign(w.jobs.size(), false);
  for (const Job& j : w.jobs) s.waits.push_back(uint32_t(j.before.size()));
  for (const auto& r : w.readers) s.unread.push_back(uint32_t(r.size()));
  for (size_t b = 0; b < w.bytes.size(); ++b) {
    if (!w.input[b]) continue;
    s.peak += w.bytes[b];  // all inputs at once; one that nothing reads is then gone
    if (!w.readers[b].empty()) s.live += w.bytes[b];
  }
  find_ready(s);
  return s;
}

struct Effect {
  int64_t during;  // bytes live while it runs
  int64_t after;
};

Effect effect(const Work& w, const State& s, size_t job) {
  const Sizes& j = w.sizes[job];
  int64_t freed = 0, shared = 0;
  for (size_t i = j.first; i < j.last; ++i) {
    const Mortal& m = w.mortal[i];
    if (s.unread[m.buffer] > 1) continue;
    freed += m.bytes;
    if (m.in_place) shared = std::max(shared, std::min(m.bytes, j.written));
  }
  return {s.live + j.written - shared + j.scratch, s.live + j.left - freed};
}

void run(const Work& w, State& s, size_t job) {
  const Effect e = effect(w, s, job);
  s.peak = std::max(s.peak, e.during);
  s.live = e.after;
  s.done[job] = true;
  std::erase(s.ready, job);
  for (size_t next : w.jobs[job].after)
    if (--s.waits[next] == 0) s.ready.insert(std::ranges::upper_bound(s.ready, next), next);
  for (size_t b : w.jobs[job].reads) --s.unread[b];
}

using Order = std::vector<size_t>;
struct Reached {
  State state;
  Order order;
};

/// Runs what costs nothing, in the order of the list. Returns how many jobs it looked at, ready or not.
size_t run_free(const Work& w, Reached& r) {
  size_t looked = 0;
  State& s = r.state;
  for (bool changed = true; changed; looked += w.jobs.size()) {
    changed = false;
    for (auto at = s.ready.begin(); at != s.ready.end();) {
      const size_t job = *at;
      const Effect e = effect(w, s, job);
      if (e.during > s.peak || e.after > s.live) {
        ++at;
        continue;
      }
      run(w, s, job);
      r.order.push_back(job);
      changed = true;
      at = std::ranges::upper_bound(s.ready, job);
    }
  }
  return looked;
}

/// A set of jobs that have run, in less space than a Reached.
struct Set {
  Done done;
  int64_t live, peak;
  size_t from;  // the set, by number, from which `added` led here
  Order added;
};

State restore(const Work& w, const Set& set) {
  State s = start(w);
  s.ready.clear();
  for (size_t job = 0; job < w.jobs.size(); ++job) {
    if (!set.done[job]) continue;
    for (size_t next : w.jobs[job].after) --s.waits[next];
    for (size_t b : w.jobs[job].reads) --s.unread[b];
  }
  s.done = set.done, s.live = set.live, s.peak = set.peak;
  find_ready(s);
  return s;
}

/// Nothing when there are too many sets.
std::optional<Reached> exact(const Work& w) {
  struct Entry {
    int64_t peak;
    size_t count, number;                   // nodes done; position in `all`
    bool operator<(const Entry& o) const {  // the queue's top is the largest
      return std::tuple(-peak, count, o.number) < std::tuple(-o.peak, o.count, number);
    }
  };
  constexpr size_t kNone = size_t(-1);
  std::vector<Set> all;
  std::unordered_map<Done, int64_t> best;
  std::priority_queue<Entry> queue;
  size_t looked = 0;
  const auto push = [&](Reached r, size_t from, size_t count) {
    looked += run_free(w, r);
    const auto [at, fresh] = best.insert({r.state.done, r.state.peak});
    if (!fresh && at->second <= r.state.peak) return;
    at->second = r.state.peak;
    queue.push({r.state.peak, count + r.order.size(), all.size()});
    all.push_back({std::move(r.state.done), r.state.live, r.state.peak, from, std::move(r.order)});
  };
  push({start(w), {}}, kNone, 0);
  while (!queue.empty() && all.size() <= kExactSets) {
    const Entry top = queue.top();
    queue.pop();
    const State state = restore(w, all[top.number]);
    if (top.count == w.jobs.size()) {
      Order order;  // the last job first
      for (size_t at = top.number; at != kNone; at = all[at].from)
        order.insert(order.end(), all[at].added.rbegin(), all[at].added.rend());
      std::ranges::reverse(order);
      return Reached{state, std::move(order)};
    }
    if (best[state.done] < top.peak) continue;
    for (size_t job : state.ready) {
      if (looked > kExactLooks) return std::nullopt;
      Reached next{state, {job}};
      run(w, next.state, job);
      push(std::move(next), top.number, top.count);
    }
  }
  return std::nullopt;
}

/// A number for each job, so that their sum stands for a set of them (splitmix64).
uint64_t mark(size_t job) {
  uint64_t z = (uint64_t(job) + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/// Nothing when even one order takes too long to find.
std::optional<Reached> beam(const Work& w) {
  struct Next {
    int64_t peak, live;
    size_t from, job;  // `from` of `level`
    auto operator<=>(const Next&) const = default;
  };
  struct Step {
    uint32_t from, job;  // `from` of the level before
  };
  std::vector<State> level{start(w)};
  std::vector<uint64_t> sets{0};              // of `level`
  std::vector<std::vector<Step>> steps_into;  // of each level but the first: what led to each of its states
  size_t looked = 0;
  for (size_t step = 0; step < w.jobs.size(); ++step) {
    std::vector<Next> next;
    for (size_t from = 0; from < level.size(); ++from) {
      const State& s = level[from];
      looked += s.ready.size() + w.jobs.size() / 16;
      if (looked > kBeamLooks) return std::nullopt;
      for (size_t job : s.ready) {
        const Effect e = effect(w, s, job);
        next.push_back({std::max(s.peak, e.during), e.after, from, job});
      }
    }
    // The best, each set once; sorted as far as it takes.
    std::vector<State> reached;
    std::vector<uint64_t> marks;
    std::vector<Step>& steps = steps_into.emplace_back();
    auto sorted = next.begin();
    for (auto at = next.begin(); at != next.end() && reached.size() < kBeam; ++at) {
      if (at == sorted) {
        sorted += std::min<std::ptrdiff_t>(8 * kBeam, next.end() - sorted);
        std::partial_sort(at, sorted, next.end());
      }
      const uint64_t set = sets[at->from] + mark(at->job);
      if (std::ranges::count(marks, set)) continue;
      reached.push_back(level[at->from]);
      run(w, reached.back(), at->job);
      steps.push_back({uint32_t(at->from), uint32_t(at->job)});
      marks.push_back(set);
    }
    level = std::move(reached);
    sets = std::move(marks);
  }
  Order order;  // the last job first
  uint32_t at = 0;
  for (auto steps = steps_into.rbegin(); steps != steps_into.rend(); ++steps) {
    order.push_back((*steps)[at].job);
    at = (*steps)[at].from;
  }
  std::ranges::reverse(order);
  return Reached{std::move(level[0]), std::move(order)};
}

}  // namespace

void schedule(Graph& g, const Context& ctx) {
  g.external_io = ctx.options.io == Options::Io::external;
  const Work w = make_work(g);
  State as_is = start(w);
  for (size_t job = 0; job < w.jobs.size(); ++job) run(w, as_is, job);

  std::optional<Reached> found = exact(w);
  if (!found) found = beam(w);
  std::vector<Node> nodes;
  if (found && found->state.peak < as_is.peak) {
    for (size_t job : found->order) nodes.push_back(std::move(g.nodes[job]));
    g.nodes = std::move(nodes);
  }
  const auto takes_rows = [&](const Node& n) { return !n.inputs.empty() && n.inputs[0] == g.inputs[0]; };
  if (!g.fed || takes_rows(g.nodes[0])) return;
  // What takes rows comes before what depends on no input.
  nodes.clear();
  const std::vector<Node> before(g.nodes.begin(), g.nodes.end());
  std::ranges::copy_if(before, std::back_inserter(nodes), takes_rows);
  std::ranges::copy_if(before, std::back_inserter(nodes), std::not_fn(takes_rows));
  g.nodes = std::move(nodes);
}

}  // namespace burin
