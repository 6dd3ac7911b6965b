// How many rows a call makes, and which layers run together, row by row.
//
// Every layer can be run in some ways: by its kernels, by more or fewer rows a call, with more or less working memory.
// Neighbours in the order can be a group: they take turns, one row after the other, and what they make for each other
// lies in rings of a few rows. Each choice needs a number of bytes while its layers run, and a number of cycles; the
// model needs the largest of these bytes and the sum of the cycles. So for any limit of bytes the fastest choice is
// found by dynamic programming over the order: a layer alone, or a group up to it. Each division into groups that is
// found so begins with its slowest ways and gets faster ones step by step; the best of all these are planned.
//
//   --optimize ram      few bytes: a percent of them is worth two percent of the cycles
//   --optimize speed    fewer bytes for at most kSlower of the cycles, where a percent of these saves two of the bytes
//   --budget-ram        the fastest choice whose plan has no more bytes, or the fewest bytes that were found
//   --optimize size     nothing: layers share functions for whole images
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "codegen/costs.h"
#include "codegen/forms.h"
#include "compiler/liveness.h"
#include "passes/candidates.h"
#include "passes/lifetimes.h"
#include "passes/stream.h"

namespace burin {
namespace {

constexpr double kSlower = 0.03, kFewCycles = 500;
constexpr double kWeightSpeed = 2, kWeightRam = 0.5;
constexpr size_t kPlansSpeed = 40, kPlansRam = 300;  // choices for which memory is planned
constexpr int64_t kPlanNodes = 500;                  // of the planner's search
constexpr int kPoolTries = 8;                        // to get into pools what fits in one piece
constexpr int kRepairs = 24;                         // ways that are tried to close the gaps of a plan
constexpr int kLongest = 48;                         // nodes of a group
constexpr size_t kMostNodes = 1000;                  // larger graphs keep their layers as they are
constexpr double kMostSlower = 0.1;                  // slower kernels are not tried under --optimize speed,
constexpr double kMostSlowerRam = 1;                 // and these not when RAM counts more
constexpr int32_t kHeights[] = {1, 2, 4, 8};         // rows a call that a group is tried with
constexpr double kBeyond = 1e9;                      // cycles for which a byte beyond the limit is taken
constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

/// How a node is run.
struct Way {
  const Kernel* kernel;
  int32_t rows, block;
  int64_t scratch;
  double cost;  // cycles
  NodeLives lives;
  std::optional<RowContract> contract;  // of its calls
  /// Rows that are there at a time.
  int32_t height() const {
    if (!contract) return kNoHeight;
    return contract->calls() > 1 ? contract->n : std::max(contract->n, contract->ih);
  }
  static constexpr int32_t kNoHeight = std::numeric_limits<int32_t>::max();
};

/// Nodes [from, to), each in one of its ways.
struct Segment {
  int from, to;
  bool group;
  std::vector<size_t> ways;
  int64_t peak;
  double cost;
};

class Streams {
 public:
  Streams(Graph& g, const Context& ctx)
      : g_(g), ctx_(ctx), storage_(g), lives_(g), live_(g), contracts_(g.nodes.size()) {
    const int n = int(g.nodes.size());
    std::vector<Diagnostic> known;
    for (const auto& [node, kernel] : forced_kernels(g, ctx.options, known)) forced_.insert(node);
    most_cycles_ =
        1 + (ctx.options.budget_ram || ctx.options.optimize == Options::Optimize::ram ? kMostSlowerRam : kMostSlower);
    for (const Node& node : g.nodes)
      if (!storage_.alias(node)) rate_ += estimate(node) / 100 / 5120;  // as passes/choose.h
    for (int i = 0; i < n; ++i) {
      alone_.push_back(ways(i, false));
      together_.push_back(ways(i, true));
      put(i, alone_.back().front(), 0);
    }
    ends_.resize(size_t(n) + 1);
    least_.assign(size_t(n), kNoLimit);
    for (int i = 0; i < n; ++i)
      for (size_t w = 0; w < by_itself(i).size(); ++w) add({i, i + 1, i == 0 && g.fed, {w}, 0, 0});
  }

  /// Groups that take no more than so many cycles beyond the fastest ways of their nodes.
  void groups(double most_extra) {
    const int n = int(g_.nodes.size());
    for (int from = 0; from < n; ++from)
      for (int to = from + 1; to <= n && to - from <= kLongest && !together_[size_t(to - 1)].empty(); ++to) {
        if (!same_rows(from, to - 1)) break;
        if (from == 0 && g_.fed && makes_output(to - 1)) break;  // it is complete in the last feed only
        if (to - from < 2) continue;
        std::vector<size_t> before;
        for (int32_t height : kHeights) {
          Segment s{from, to, true, {}, 0, 0};
          for (int i = from; i < to; ++i) s.ways.push_back(fastest(together_[size_t(i)], height));
          if (s.ways == before) continue;
          before = s.ways;
          if (extra(s) <= most_extra) add(std::move(s));
        }
      }
  }

  /// The fastest segments one after the other with no more bytes than `limit`, or than their layers need at least.
  std::vector<const Segment*> fastest_within(int64_t limit) const {
    const size_t n = g_.nodes.size();
    std::vector<double> best(n + 1, std::numeric_limits<double>::infinity());
    std::vector<const Segment*> last(n + 1);
    best[0] = 0;
    for (size_t to = 1; to <= n; ++to)
      for (const Segment& s : ends_[to]) {
        // Layers' smallest segments may exclude each other: then some bytes more are taken, as few as can be.
        const int64_t beyond = std::max<int64_t>(0, s.peak - std::max(limit, least(s)));
        const double cost = best[size_t(s.from)] + s.cost + kBeyond * double(beyond);
        if (!last[to] || cost < best[to]) best[to] = cost, last[to] = &s;
      }
    std::vector<const Segment*> r;
    for (size_t to = n; to > 0; to = size_t(r.back()->from)) r.push_back(last[to]);
    std::ranges::reverse(r);
    return r;
  }

  /// The most bytes of any.
  static int64_t peak(const auto& all) {
    int64_t most = 0;
    for (const auto& s : all) most = std::max(most, segment(s).peak);
    return most;
  }
  static double cost(const auto& all) {
    double sum = 0;
    for (const auto& s : all) sum += segment(s).cost;
    return sum;
  }
  static const Segment& segment(const Segment& s) { return s; }
  static const Segment& segment(const Segment* s) { return *s; }

  /// What a choice of so many bytes and cycles is worth: less is better.
  using Value = std::function<double(int64_t bytes, double cycles)>;
  using Segments = std::vector<Segment>;
  int64_t bytes() const { return g_.arena_bytes + g_.state_bytes; }
  /// Runs the layers so; returns the bytes of arena and state.
  int64_t plan(const Segments& all) {
    int32_t group = 0;
    for (const Segment& s : all) {
      for (int i = s.from; i < s.to; ++i) put(i, way(s, i), s.group ? group + 1 : 0);
      group += s.group;
    }
    plan_memory_with(g_, ctx_, lives_, contracts_, kPlanNodes);
    return bytes();
  }

  static bool same_nodes(const Segment& s, const Segment& t) { return t.from == s.from && t.group == s.group; }
  /// The segment in its fastest way that needs less; itself where there is none.
  Segment with_less(const Segment& s) const {
    const Segment* r = &s;
    for (const Segment& t : ends_[size_t(s.to)])
      if (same_nodes(s, t) && t.peak < s.peak && (r == &s || t.cost < r->cost)) r = &t;
    return *r;
  }

  /// Where buffers do not fit beside each other, a plan needs more than what is needed at one time. Layers at its end
  /// get other ways while the value of all falls.
  Segments repaired(Segments all, const Value& value) {
    double best = 0;
    for (int tries = 0; tries < kRepairs;) {
      Segments better;
      const int64_t floor = peak(all);
      best = value(plan(all), cost(all));
      std::vector<int> first_of;  // of each node: where its segment begins
      for (const Segment& s : all) first_of.resize(size_t(s.to), s.from);
      std::set<int> at_end;  // segments while which something lies behind what is needed
      for (const LiveRange& r : live_ranges(g_))
        if (r.offset + r.bytes + (r.in_state ? g_.arena_bytes : 0) > floor)
          for (int i = std::max(0, r.first); i <= r.last && i < int(first_of.size()); ++i)
            at_end.insert(first_of[size_t(i)]);
      const auto consider = [&](Segments other) {
        ++tries;
        if (const double v = value(plan(other), cost(other)); v < best) best = v, better = std::move(other);
      };
      // All of them with less, several times; then each of them in its other ways.
      Segments less = all;
      for (int times = 0; times < 4 && tries < kRepairs && better.empty(); ++times) {
        for (Segment& s : less)
          if (at_end.contains(s.from)) s = with_less(s);
        consider(less);
      }
      for (size_t k = 0; k < all.size() && tries < kRepairs; ++k) {
        const Segment& s = all[k];
        if (!at_end.contains(s.from)) continue;
        for (const Segment& t : ends_[size_t(s.to)]) {
          if (!same_nodes(s, t) || t.ways == s.ways || value(floor, cost(all) - s.cost + t.cost) >= best) continue;
          Segments other = all;
          other[k] = t;
          consider(std::move(other));
        }
      }
      if (better.empty()) break;
      all = std::move(better);
    }
    return all;
  }

  /// Of each division of the nodes that is the fastest within some limit, the segments for the lowest one.
  std::vector<Segments> slowest_of_each() const {
    std::vector<Segments> r;
    std::set<std::vector<std::pair<int, bool>>> seen;
    for (const int64_t limit : limits()) {
      Segments all;
      std::vector<std::pair<int, bool>> division;
      for (const Segment* s : fastest_within(limit)) all.push_back(*s), division.push_back({s->to, s->group});
      if (seen.insert(division).second) r.push_back(std::move(all));
    }
    return r;
  }

  /// Faster and faster ways of the same segments: each time the one that saves most cycles for a byte.
  class Upgrades {
   public:
    Upgrades(Streams& s, Segments all) : s_(s), all_(std::move(all)), best_(all_.size()) {
      for (size_t k = 0; k < all_.size(); ++k) find(k);
    }
    const Segments& now() const { return all_; }
    bool next() {
      const auto most = std::ranges::max_element(best_, {}, &Option::gain);
      if (most == best_.end() || !most->to) return false;
      const size_t k = size_t(most - best_.begin());
      all_[k] = *std::exchange(most->to, std::nullopt);
      find(k);
      return true;
    }

   private:
    struct Option {
      double gain = 0;  // cycles for a byte
      std::optional<Segment> to;
    };
    void find(size_t k) {
      const Segment& now = all_[k];
      best_[k] = {};
      const auto consider = [&](const Segment& t) {
        const double gain = (now.cost - t.cost) / double(std::max<int64_t>(1, t.peak - now.peak));
        if (t.cost < now.cost && gain > best_[k].gain) best_[k] = {gain, t};
      };
      for (const Segment& t : s_.ends_[size_t(now.to)])
        if (same_nodes(now, t)) consider(t);
      for (int i = now.from; now.group && i < now.to; ++i)
        for (size_t w = 0; w < s_.together_[size_t(i)].size(); ++w) {
          if (s_.together_[size_t(i)][w].cost >= s_.way(now, i).cost) continue;
          Segment t = now;
          t.ways[size_t(i - now.from)] = w;
          s_.measure(t);
          consider(t);
        }
    }
    Streams& s_;
    Segments all_;
    std::vector<Option> best_;  // of each segment
  };

  /// What say() compares with: the choice without the budget.
  void usual(const Segments& all) {
    for (const Segment& s : all)
      for (int i = s.from; i < s.to; ++i) usual_.push_back(way(s, i));
  }
  /// Notes on what the budget changed, or on what keeps it from being met.
  void say(const Segments& all, int64_t budget) {
    if (usual_.empty()) return;
    const auto name = [&](int i) { return g_.nodes[size_t(i)].name; };
    int groups = 0, members = 0;
    double more = 0, before = 0;
    for (const Segment& s : all) {
      groups += s.group, members += s.group ? s.to - s.from : 0;
      for (int i = s.from; i < s.to; ++i) {
        const Way &now = way(s, i), &then = usual_[size_t(i)];
        more += now.cost - then.cost, before += then.cost;
        if (now.kernel != then.kernel)
          g_.notes.push_back(fmt::format(
              "layer '{}': kernel {} for --budget-ram, {} bytes of working memory less and {:.0f} estimated cycles "
              "more than {}",
              name(i), now.kernel->name, then.scratch - now.scratch, now.cost - then.cost, then.kernel->name));
      }
    }
    if (groups > 0)
      g_.notes.push_back(fmt::format("--budget-ram: {} layers run row by row in {}; {:.1f} % more estimated cycles",
                                     members, groups == 1 ? "a group" : fmt::format("{} groups", groups),
                                     100 * more / std::max(before, 1.0)));
    if (bytes() <= budget) return;
    const auto most = std::ranges::max_element(all, {}, &Segment::peak);
    g_.notes.push_back(
        fmt::format("--budget-ram: no plan with fewer than {} bytes was found; {} need {} at one time", bytes(),
                    most->group ? fmt::format("layers '{}' to '{}'", name(most->from), name(most->to - 1))
                                : fmt::format("layer '{}' and what it reads and writes", name(most->from)),
                    most->peak));
  }

 private:
  /// What its layers need, whatever segments they are in.
  int64_t least(const Segment& s) const { return *std::max_element(least_.begin() + s.from, least_.begin() + s.to); }

  /// The bytes of all segments, each once, ascending.
  std::vector<int64_t> limits() const {
    std::vector<int64_t> r;
    for (const auto& all : ends_)
      for (const Segment& s : all) r.push_back(s.peak);
    std::ranges::sort(r);
    r.erase(std::unique(r.begin(), r.end()), r.end());
    return r;
  }

  /// Cycles beyond the fastest ways of its nodes.
  double extra(const Segment& s) const {
    double r = 0;
    for (int i = s.from; i < s.to; ++i)
      r += way(s, i).cost - std::ranges::min_element(by_itself(i), {}, &Way::cost)->cost;
    return r;
  }

  /// What takes the rows of a fed input is always in a group, if by itself.
  const std::vector<Way>& by_itself(int i) const { return (i == 0 && g_.fed ? together_ : alone_)[size_t(i)]; }
  const Way& way(const Segment& s, int i) const {
    return (s.group ? together_ : alone_)[size_t(i)][s.ways[size_t(i - s.from)]];
  }

  /// Node i reads what nodes from `from` on make in the rows in which it is made.
  bool same_rows(int from, int i) const {
    const Node& n = g_.nodes[size_t(i)];
    const RowContract& reads = *together_[size_t(i)][0].contract;
    for (int k = 0; k < int(n.inputs.size()); ++k)
      for (int j = from; j < i; ++j) {
        const Node& p = g_.nodes[size_t(j)];
        const ValueId v = n.inputs[size_t(k)];
        if (v == ValueId::none || storage_.root(p.outputs[0]) != storage_.root(v)) continue;
        if (k >= reads.operands) return false;
        const RowContract& makes = *together_[size_t(j)][0].contract;
        if (makes.oh != reads.ih || makes.oh * makes.row_out != g_[v].type.bytes()) return false;
        if (!reads.local && reads.row_in != makes.row_out) return false;
      }
    return true;
  }

  bool makes_output(int i) const {
    return std::ranges::any_of(g_.outputs, [&](ValueId v) { return storage_.same(v, g_.nodes[size_t(i)].outputs[0]); });
  }

  void put(int i, const Way& w, int32_t group) {
    Node& n = g_.nodes[size_t(i)];
    n.kernel = w.kernel, n.rows = w.rows, n.block = w.block, n.scratch = w.scratch, n.group = group;
    contracts_[size_t(i)] = w.lives;
  }

  void measure(Segment& s) {
    s.cost = 0;
    for (int i = s.from; i < s.to; ++i) {
      put(i, way(s, i), s.group ? 1 : 0);
      s.cost += way(s, i).cost;
    }
    s.peak = lives_.most_needed(contracts_, s.from, s.to);
    for (int i = s.from; i < s.to; ++i) put(i, alone_[size_t(i)].front(), 0);
  }

  void add(Segment s) {
    measure(s);
    for (int i = s.from; i < s.to; ++i) least_[size_t(i)] = std::min(least_[size_t(i)], s.peak);
    std::vector<Segment>& all = ends_[size_t(s.to)];
    for (const Segment& o : all)
      if (o.from == s.from && o.peak <= s.peak && o.cost <= s.cost) return;
    all.push_back(std::move(s));
  }

  /// Of the ways with at most so many rows a call, or else of those with the fewest.
  static size_t fastest(const std::vector<Way>& all, int32_t height) {
    const auto least = std::ranges::min_element(all, {}, &Way::height);
    const int32_t most = std::max(height, least->height());
    size_t best = size_t(least - all.begin());
    for (size_t w = 0; w < all.size(); ++w)
      if (all[w].height() <= most && all[w].cost < all[best].cost) best = w;
    return best;
  }

  /// The usual way of the kernel that the node has first.
  std::vector<Way> ways(int i, bool in_group) {
    const Node& n = g_.nodes[size_t(i)];
    if (storage_.alias(n)) return in_group ? std::vector<Way>{} : std::vector<Way>{{n.kernel, 0, 0, 0, 0, {}, {}}};
    const LayerView v(g_, n, *ctx_.target, ctx_.options, &live_);
    // Who reads a value that is made in parts waits for all of them.
    const auto parted = [&](ValueId x) { return x != ValueId::none && !g_[x].constant() && storage_.parted(x); };
    if (in_group && std::ranges::any_of(n.inputs, parted)) return {};
    std::vector<Way> r;
    const auto take = [&](const Kernel& k, int32_t rows, int32_t block, int64_t scratch, double cycles) {
      Node as = n;
      as.kernel = &k, as.rows = rows, as.block = block, as.scratch = scratch, as.group = in_group;
      const LayerView view(v, as);
      Way w{&k, rows, block, scratch, cycles, lives_of(g_, as, ctx_), {}};
      if (as.rows > 0 || in_group) w.contract = in_group ? streamed_contract(view) : row_contract(view);
      const bool usual = r.empty() && !in_group;
      if (in_group && !w.contract) return;
      if (const auto& c = w.contract) {
        // Results of calls begin at whole words.
        const bool words = c->accumulates || c->n >= c->oh || c->n * c->row_out % 4 == 0;
        if (!words && !usual && !(i == 0 && g_.fed)) return;
        if (in_group && c->local) w.cost += kCallCycles * c->calls();
      }
      r.push_back(std::move(w));
    };
    const auto forms = [&](const Kernel& k) {
      const std::optional<Work> usual = k.work(v);
      if (!usual || usual->coded != n.kernel->work(v).value().coded) return;
      const double bytes = &k == n.kernel ? 0 : rate_ * double(more_constants(i, k, *usual, v));
      const double cycles = estimated_cycles(k, *usual, *ctx_.target) + bytes;
      if (usual->accumulates) {
        for (int32_t rows : kHeights)
          if (in_group && rows < usual->rows)
            take(k, rows, 0, usual->scratch, cycles + kCallCycles * (usual->rows / rows));
        return;
      }
      if (!usual->rows) return take(k, 0, 0, usual->scratch, cycles);
      for (const Form& f : row_forms(v, k)) take(k, f.rows, f.block, f.scratch, f.cycles + bytes);
    };
    if (!in_group) take(*n.kernel, n.rows, n.block, n.scratch, estimate(n));
    forms(*n.kernel);
    for (const auto& [k, cycles] : n.selection->estimates)
      if (k != n.kernel && other_kernels(n) && cycles <= std::max(most_cycles_ * estimate(n), estimate(n) + kFewCycles))
        forms(*k);
    // What is no better than another way at anything is left out; the usual one stays.
    std::vector<Way> best;
    for (size_t a = 0; a < r.size(); ++a) {
      bool worse = false;
      for (size_t b = 0; b < r.size() && !worse; ++b)
        worse = a != b && r[b].height() <= r[a].height() && r[b].scratch <= r[a].scratch && r[b].cost <= r[a].cost &&
                r[b].lives.by_channels >= r[a].lives.by_channels &&
                (b < a || r[b].height() < r[a].height() || r[b].scratch < r[a].scratch || r[b].cost < r[a].cost);
      if (!worse || (a == 0 && !in_group)) best.push_back(r[a]);
    }
    return best;
  }

  double estimate(const Node& n) const {
    for (const auto& [k, cycles] : n.selection->estimates)
      if (k == n.kernel) return cycles;
    return 0;
  }
  /// Bytes of constants that the kernel has and the chosen one has not; 0 where it has fewer.
  int64_t more_constants(int i, const Kernel& k, const Work& usual, const LayerView& v) {
    const auto [at, fresh] = more_constants_.try_emplace({i, &k}, 0);
    if (fresh) {
      const Kernel& chosen = *v.node.kernel;
      at->second = std::max<int64_t>(
          0, estimated_cost(k, usual, v).constants - estimated_cost(chosen, chosen.work(v).value(), v).constants);
    }
    return at->second;
  }
  bool other_kernels(const Node& n) const { return !ctx_.options.budget_flash && !forced_.contains(&n); }

  Graph& g_;
  const Context& ctx_;
  const Storage storage_;
  const Lives lives_;
  const LiveSteps live_;
  Contracts contracts_;
  std::set<const Node*> forced_;
  double rate_ = 0;  // cycles that a byte of constants is worth
  double most_cycles_;
  std::map<std::pair<int, const Kernel*>, int64_t> more_constants_;
  std::vector<std::vector<Way>> alone_, together_;  // of each node
  std::vector<Way> usual_;                          // of each node, without the budget
  std::vector<std::vector<Segment>> ends_;          // by the node behind them
  std::vector<int64_t> least_;                      // of each node: the fewest bytes of a segment with it
};

/// Cycles that --optimize speed gives for fewer bytes.
double most_extra(const Streams& s) {
  return std::max(Streams::cost(s.fastest_within(kNoLimit)) * kSlower, kFewCycles);
}

/// The choice whose plan is worth most, as far as it is found with so many plans.
Streams::Segments best_choice(Streams& s, const Streams::Value& value, size_t plans) {
  std::vector<std::pair<double, Streams::Segments>> all;  // with what they are worth if plans have no gaps
  for (Streams::Segments& start : s.slowest_of_each()) {
    Streams::Upgrades upgrades(s, std::move(start));
    do {
      const Streams::Segments& now = upgrades.now();
      if (const double v = value(Streams::peak(now), Streams::cost(now)); std::isfinite(v)) all.emplace_back(v, now);
    } while (upgrades.next());
  }
  std::ranges::stable_sort(all, {}, &std::pair<double, Streams::Segments>::first);
  Streams::Segments best;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < all.size() && plans > 0 && all[i].first < least; ++i) {
    if (i >= 2 && all[i].first == all[i - 2].first) continue;  // others of the same layers elsewhere: mostly as good
    --plans;
    if (const double v = value(s.plan(all[i].second), Streams::cost(all[i].second)); v < least)
      least = v, best = all[i].second;
  }
  for (Streams::Segments& from : std::vector<Streams::Segments>{best, all[0].second}) {
    Streams::Segments other = s.repaired(std::move(from), value);
    if (const double v = value(s.plan(other), Streams::cost(other)); v < least) least = v, best = std::move(other);
  }
  return best;
}

/// Few bytes and cycles, as --optimize weighs them.
Streams::Value balanced(const Streams& s, Options::Optimize optimize) {
  const bool ram = optimize == Options::Optimize::ram;
  const double infinity = std::numeric_limits<double>::infinity();
  const double most = ram ? infinity : Streams::cost(s.fastest_within(kNoLimit)) + most_extra(s);
  return [=, weight = ram ? kWeightRam : kWeightSpeed](int64_t bytes, double cycles) {
    return cycles > most ? infinity : double(std::max<int64_t>(bytes, 1)) * std::pow(cycles, weight);
  };
}

/// Few cycles in no more than `limit` bytes; where there is no such choice, few bytes.
Streams::Value limited(int64_t limit) {
  return [=](int64_t bytes, double cycles) { return bytes <= limit ? cycles : 1e18 * double(bytes); };
}

/// How the layers are run in one piece of memory, as --optimize and --budget-ram say.
void choose_ways(Graph& g, const Context& ctx) {
  Streams s(g, ctx);
  const std::optional<int64_t> budget = ctx.options.budget_ram;
  const bool fast = !budget && ctx.options.optimize == Options::Optimize::speed;
  s.groups(fast ? most_extra(s) : std::numeric_limits<double>::infinity());
  Streams::Segments best = best_choice(s, balanced(s, ctx.options.optimize), fast ? kPlansSpeed : kPlansRam);
  if (budget && s.plan(best) > *budget) {
    s.usual(best);
    best = best_choice(s, limited(*budget), kPlansRam);
  }
  s.plan(best);
  if (budget) s.say(best, *budget);
}

}  // namespace

bool streams(const Graph& g, const Context& ctx) {
  const Storage storage(g);
  return ctx.options.optimize != Options::Optimize::size && g.nodes.size() <= kMostNodes &&
         std::ranges::all_of(g.nodes, [&](const Node& n) { return storage.alias(n) || (n.kernel && n.selection); });
}

namespace {

/// In several pools less fits than in one piece of as many bytes: lower and lower budgets, until there is a place for
/// all.
void choose_for_pools(Graph& g, const Context& ctx) {
  const Graph before = g;
  Context within = ctx;
  choose_ways(g, ctx);
  int64_t limit = std::min(most_ram(ctx.options), g.arena_bytes);
  for (int tries = 0; tries < kPoolTries && !fits_memory(g, ctx); ++tries) {
    g = before;
    within.options.budget_ram = limit;
    choose_ways(g, within);
    if (g.arena_bytes > limit) break;
    limit -= limit / 8;
  }
  if (ctx.options.budget_ram) return;
  for (size_t i = before.notes.size(); i < g.notes.size(); ++i) {
    constexpr std::string_view kBudget = "--budget-ram";
    if (const size_t at = g.notes[i].find(kBudget); at != std::string::npos)
      g.notes[i].replace(at, kBudget.size(), "--memory");
  }
}

}  // namespace

void stream_rows(Graph& g, const Context& ctx) {
  if (streams(g, ctx)) ctx.options.memory.empty() ? choose_ways(g, ctx) : choose_for_pools(g, ctx);
  if (!g.fed) return;
  if (const Value& image = g[g.nodes[0].outputs[0]]; image.ring == 0 && fed_rows(g) > 1)
    g.notes.push_back(fmt::format("--stream-input: all {} bytes of '{}' are collected before the first layer runs",
                                  image.type.bytes(), g[g.inputs[0]].name));
}

}  // namespace burin
