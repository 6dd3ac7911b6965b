// Every value and every piece of working memory gets its place in the arena: liveness (compiler/liveness.h) says what
// is live when, the planner (passes/planner.h) packs it. Outputs of elementwise operators may lie on inputs that die
// there. With --memory each goes into the fastest pool that has room, those that are read and written most per byte
// first; offsets then count through all pools, one behind the other.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <set>

#include "passes/lifetimes.h"
#include "passes/pools.h"
#include "passes/stream.h"

namespace burin {
namespace {

// The arena itself is aligned to 16 bytes.
/// A fraction of a second; networks need none or a few hundred. Nodes of the search are cheap where the graph has few.
int64_t search_nodes(const Graph& g) { return g.nodes.size() <= 16 ? 50000 : 10000; }
constexpr int64_t kScratchAlign = 16;  // kernels keep anything there, vectors of 16 bytes included

int64_t whole_words(int64_t bytes) { return (bytes + 3) / 4 * 4; }

int64_t alignment(const Graph& g, const LiveRange& r) {
  return r.value == ValueId::none ? kScratchAlign : buffer_alignment(g[r.value].type, r.bytes);
}

/// Pointers of 32 bits reach 2^31 - 1 bytes from where a buffer begins; all of a model's memory, and all its constants,
/// are no larger either.
constexpr int64_t kMost32 = INT32_MAX;

/// `what`: a function, as it is hardly ever asked.
void check_bytes(const auto& what, int64_t bytes) {
  if (bytes <= kMost32) return;
  throw ModelError(fmt::format("{} {} bytes, more than a 32-bit core can address: {}", what(), bytes, kMost32),
                   "too-large", "smaller inputs (--input-dim) or a smaller model; --target host has no such bound");
}

void check_buffers(const Graph& g) {
  int64_t constants = 0;
  std::set<ValueId> seen;
  const auto check = [&](ValueId v) {
    if (v == ValueId::none || !seen.insert(v).second) return;
    const int64_t bytes = g[v].type.bytes();
    check_bytes([&] { return fmt::format("value '{}' of type {} has", g[v].name, to_string(g[v].type)); }, bytes);
    if (g[v].constant()) constants += bytes;
  };
  for (ValueId v : g.inputs) check(v);
  for (ValueId v : g.outputs) check(v);
  for (const Node& n : g.nodes) {
    for (ValueId v : n.inputs) check(v);
    for (ValueId v : n.outputs) check(v);
    check_bytes([&] { return fmt::format("the working memory of layer '{}' has", n.name); }, n.scratch);
  }
  check_bytes([] { return "the model's constants have"; }, constants);
}

/// Of the buffers for which `there` holds (of all, where it is empty); the others get offset 0.
Plan planned(std::vector<PlanBuffer> buffers, const std::vector<PlanOverlap>& overlaps, const std::vector<bool>& there,
             int64_t nodes, int64_t floor) {
  std::vector<PlanOverlap> both;
  for (size_t i = 0; i < there.size(); ++i)
    if (!there[i]) buffers[i].bytes = 0;
  for (const PlanOverlap& o : overlaps)
    if (there.empty() || (there[size_t(o.a)] && there[size_t(o.b)])) both.push_back(o);
  Plan plan = plan_offsets(buffers, both, nodes, floor);
  if (const std::string wrong = check_plan(buffers, both, plan); !wrong.empty())
    throw InternalError("plan-memory: " + wrong);
  return plan;
}

struct Placed {
  Plan arena;
  std::vector<bool> in_state;  // of each buffer
  Plan state = {};
};

/// How many bytes say whose turn it is in the group that takes rows, and how many rows each of its nodes has made.
int64_t position_bytes(const Graph& g, const Lifetimes& lives, const Contracts& contracts) {
  int64_t most = int64_t(lives.orders[0].size()), members = 0;
  for (; members < int64_t(g.nodes.size()) && g.nodes[size_t(members)].group == g.nodes[0].group; ++members) {
    const RowContract& c = contracts[size_t(members)].rows.value();
    most = std::max<int64_t>(most, c.height() + c.n);  // the last call counts beyond the rows
  }
  return (members + 1) * (most <= UINT8_MAX ? 1 : most <= UINT16_MAX ? 2 : 4);
}

/// What is needed from one feed to the next lies in the state, outputs in the arena, and the rest in either: some sizes
/// of the arena are tried, each filled as far as it goes.
Placed place_fed(const Graph& g, const Storage& storage, const Lifetimes& lives, std::vector<PlanBuffer>& buffers,
                 int64_t nodes) {
  constexpr size_t kSizes = 6;
  // Whose turn it is, until the group ends.
  buffers.push_back({whole_words(g.position_bytes), -1, lives.feeds.back(), 4});
  const size_t n = buffers.size();
  std::vector<bool> arena(n), free(n);
  std::vector<size_t> largest;  // of those that may lie in either
  for (size_t i = 0; i + 1 < n; ++i) {
    const ValueId v = lives.buffers[i].range.value;
    arena[i] = v != ValueId::none && std::ranges::any_of(g.outputs, [&](ValueId o) { return storage.same(o, v); });
    if (arena[i] && lives.buffers[i].across) throw InternalError("plan-memory: an output is made over several feeds");
    free[i] = !arena[i] && !lives.buffers[i].across && lives.buffers[i].on < 0;
    if (free[i]) largest.push_back(i);
  }
  std::ranges::stable_sort(largest, std::greater(), [&](size_t i) { return buffers[i].bytes; });
  const int64_t outputs = planned(buffers, lives.overlaps, arena, 0, 0).bytes;
  std::vector<int64_t> sizes{outputs};
  for (size_t i : largest)
    if (buffers[i].first <= lives.feeds.back() && buffers[i].bytes > outputs && sizes.back() != buffers[i].bytes &&
        sizes.size() < kSizes)
      sizes.push_back(buffers[i].bytes);
  const auto rest = [&](const std::vector<bool>& some) {
    std::vector<bool> r(n);
    for (size_t i = 0; i < n; ++i) r[i] = !some[i];
    return r;
  };
  std::vector<bool> best = arena;
  int64_t least = std::numeric_limits<int64_t>::max();
  for (const int64_t size : sizes) {
    std::vector<bool> filled = arena;
    for (size_t i : largest) {
      if (buffers[i].bytes > size) continue;
      filled[i] = true;
      if (planned(buffers, lives.overlaps, filled, 0, 0).bytes > size) filled[i] = false;
    }
    const int64_t bytes = planned(buffers, lives.overlaps, filled, 0, 0).bytes +
                          planned(buffers, lives.overlaps, rest(filled), nodes, 0).bytes;
    if (bytes < least) least = bytes, best = std::move(filled);
  }
  return {planned(buffers, lives.overlaps, best, nodes, 0), rest(best),
          planned(buffers, lives.overlaps, rest(best), nodes, 0)};
}

/// How many bytes of each buffer a run reads and writes, about. Products read their operands from working memory where
/// their kernel has some.
std::vector<double> moved_bytes(const Graph& g, const Lifetimes& lives) {
  const Storage storage(g);
  std::map<ValueId, double> values;  // by root
  std::vector<double> scratch(g.nodes.size());
  const auto bytes = [&](ValueId v) { return double(g[v].type.bytes()); };
  for (const ValueId v : g.inputs) values[storage.root(v)] += bytes(v);
  for (const ValueId v : g.outputs) values[storage.root(v)] += bytes(v);
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    if (storage.alias(n)) continue;
    const std::vector<Type> in = g.input_types(n), out{g[n.outputs[0]].type};
    const double products = double(macs(n.op, in, out));
    scratch[i] = std::max(2.0 * double(n.scratch), products);
    for (const ValueId v : n.outputs)
      if (v != ValueId::none) values[storage.root(v)] += bytes(v);
    for (const ValueId v : n.inputs)
      if (v != ValueId::none && !g[v].constant())
        values[storage.root(v)] += n.scratch > 0 || products == 0
                                       ? std::max(bytes(v), n.scratch > 0 ? 0.0 : bytes(n.outputs[0]))
                                       : std::max(bytes(v), products * double(element_bytes(g[v].type.dtype)));
  }
  std::vector<double> r;
  for (const Needed& n : lives.buffers)
    r.push_back(n.range.value == ValueId::none ? scratch[size_t(n.range.first)] : values[n.range.value]);
  return r;
}

/// What there is for values: without what --weights-in keeps for itself.
std::vector<int64_t> sizes_for_values(const Options& o) {
  std::vector<int64_t> r;
  for (const MemoryPool& pool : o.memory) r.push_back(pool.bytes);
  if (o.weights_in && o.weights_in->bytes) {
    int64_t& left = r[o.weights_in->pool];
    left = std::max<int64_t>(0, left - (*o.weights_in->bytes + kScratchAlign - 1) / kScratchAlign * kScratchAlign);
  }
  return r;
}

/// What the planner places, as the layers are run now. A buffer that lies on another one comes with that.
std::vector<PlanBuffer> plan_buffers(const Graph& g, const Lifetimes& lives) {
  std::vector<PlanBuffer> r;
  for (const Needed& n : lives.buffers) {
    const int64_t bytes = n.on < 0 ? n.range.bytes : 0;
    r.push_back({whole_words(bytes), n.first, n.last, alignment(g, n.range)});
  }
  return r;
}

Contracts contracts_of(const Graph& g, const Context& ctx) {
  Contracts r;
  for (const Node& n : g.nodes) r.push_back(lives_of(g, n, ctx));
  return r;
}

PoolPlan in_pools(const Graph& g, const Context& ctx, const Lifetimes& lives, const std::vector<PlanBuffer>& buffers,
                  int64_t nodes) {
  std::vector<double> uses = moved_bytes(g, lives);
  for (size_t i = 0; i < uses.size(); ++i)
    if (const int on = lives.buffers[i].on; on >= 0) uses[size_t(on)] += uses[i];
  for (size_t i = 0; i < uses.size(); ++i) uses[i] /= double(std::max<int64_t>(1, lives.buffers[i].range.bytes));
  return plan_pools(buffers, lives.overlaps, uses, sizes_for_values(ctx.options), nodes, lives.floor);
}

/// Which buffer finds no place, and what would help.
[[noreturn]] void say_short(const Graph& g, const Context& ctx, const Lifetimes& lives,
                            const std::vector<PlanBuffer>& buffers, const PoolPlan& plan) {
  const auto described = [&](size_t i) {
    const LiveRange& r = lives.buffers[i].range;
    const std::string layer = r.first >= 0 ? fmt::format(" of layer '{}'", g.nodes[size_t(r.first)].name) : "";
    return (r.value == ValueId::none ? "the working memory" : fmt::format("value '{}'", g[r.value].name)) + layer;
  };
  const std::vector<int64_t> sizes = sizes_for_values(ctx.options);
  const size_t largest = size_t(std::ranges::max_element(sizes) - sizes.begin());
  std::string pools;
  for (size_t k = 0; k < sizes.size(); ++k)
    pools += fmt::format("{}{} {}", k == 0 ? "" : ", ", ctx.options.memory[k].name, sizes[k]);
  size_t homeless = buffers.size();
  for (size_t i = 0; i < buffers.size(); ++i)
    if (plan.pool[i] < 0 && (homeless == buffers.size() || buffers[i].bytes > buffers[homeless].bytes)) homeless = i;
  const int64_t bytes = buffers[homeless].bytes;
  const std::string hint =
      "more memory for that pool, a smaller --weights-in, --optimize ram, --budget-ram, or --io external for inputs "
      "and outputs";
  if (bytes > sizes[largest])
    throw ModelError(
        fmt::format("--memory: {} has {} bytes, more than any pool ({})", described(homeless), bytes, pools),
        "over-budget", hint);
  int64_t all = 0;
  for (const int64_t size : sizes) all += size;
  throw ModelError(
      fmt::format("--memory: pool {} is short: {}, {} bytes, finds no place in any ({}; together {}); at one time "
                  "at least {} bytes are needed",
                  ctx.options.memory[largest].name, described(homeless), bytes, pools, all, lives.floor),
      "over-budget", hint);
}

/// Into the graph, where each of the buffers lies.
void put(Graph& g, const Storage& storage, const Lifetimes& lives, std::vector<int64_t> offsets,
         std::vector<bool> in_state) {
  std::map<ValueId, size_t> buffer;  // by root
  for (size_t i = 0; i < lives.buffers.size(); ++i) {
    const Needed& n = lives.buffers[i];
    if (n.range.value != ValueId::none) buffer[n.range.value] = i;
    if (n.on >= 0) offsets[i] = offsets[size_t(n.on)], in_state[i] = in_state[size_t(n.on)];
  }
  for (size_t i = 0; i < g.values().size(); ++i) {
    Value& v = g[ValueId(int32_t(i))];
    const auto at = v.constant() ? buffer.end() : buffer.find(storage.root(ValueId(int32_t(i))));
    v.offset = at == buffer.end() ? -1 : offsets[at->second] + storage.offset(ValueId(int32_t(i)));
    v.in_state = at != buffer.end() && in_state[at->second];
    v.ring = at == buffer.end() ? 0 : lives.buffers[at->second].ring;
  }
  for (Node& n : g.nodes) n.scratch_offset = -1, n.scratch_in_state = false;
  for (size_t i = 0; i < lives.buffers.size(); ++i)
    if (const LiveRange& r = lives.buffers[i].range; r.value == ValueId::none) {
      g.nodes[size_t(r.first)].scratch_offset = offsets[i];
      g.nodes[size_t(r.first)].scratch_in_state = in_state[i];
    }
  g.orders = lives.orders;
}

bool for_device(const Context& ctx) { return ctx.target && !ctx.target->has("host"); }

void plan_in_pools(Graph& g, const Context& ctx, const Lives& all, const Contracts& contracts) {
  if (for_device(ctx)) check_buffers(g);
  const Lifetimes lives = all.all(contracts);
  const std::vector<PlanBuffer> buffers = plan_buffers(g, lives);
  PoolPlan plan = in_pools(g, ctx, lives, buffers, search_nodes(g));
  if (!plan.fits()) say_short(g, ctx, lives, buffers, plan);
  if (const std::string wrong = check_pools(buffers, lives.overlaps, sizes_for_values(ctx.options), plan);
      !wrong.empty())
    throw InternalError("plan-memory: " + wrong);
  g.arena_bytes = 0, g.arena_lower_bound = plan.lower_bound;
  for (const int64_t bytes : plan.bytes) {
    if (for_device(ctx)) check_bytes([] { return "a pool needs"; }, bytes);
    g.arena_bytes += bytes;
  }
  for (size_t i = 0; i < plan.offsets.size(); ++i)
    plan.offsets[i] += pool_begin(ctx.options.memory, size_t(plan.pool[i]));
  put(g, all.storage(), lives, std::move(plan.offsets), std::vector<bool>(buffers.size()));
}

}  // namespace

void plan_memory(Graph& g, const Context& ctx) {
  g.external_io = ctx.options.io == Options::Io::external;
  const Lives all(g);
  const Contracts contracts = contracts_of(g, ctx);
  if (ctx.options.memory.empty()) plan_memory_with(g, ctx, all, contracts, search_nodes(g));
  else plan_in_pools(g, ctx, all, contracts);
}

bool fits_memory(const Graph& g, const Context& ctx) {
  const Lifetimes lives = Lives(g).all(contracts_of(g, ctx));
  return in_pools(g, ctx, lives, plan_buffers(g, lives), 0).fits();
}

int64_t most_ram(const Options& o) {
  int64_t most = o.budget_ram.value_or(std::numeric_limits<int64_t>::max());
  if (o.memory.empty()) return most;
  int64_t all = 0;
  for (const int64_t size : sizes_for_values(o)) all += size;
  return std::min(most, all);
}

void plan_memory_with(Graph& g, const Context& ctx, const Lives& all, const Contracts& contracts, int64_t nodes) {
  const Lifetimes lives = all.all(contracts);
  std::vector<PlanBuffer> buffers = plan_buffers(g, lives);
  if (for_device(ctx)) check_buffers(g);
  Placed placed{{}, std::vector<bool>(buffers.size())};
  if (g.fed) {
    g.position_bytes = position_bytes(g, lives, contracts);
    placed = place_fed(g, all.storage(), lives, buffers, nodes);
  } else placed.arena = planned(buffers, lives.overlaps, {}, nodes, lives.floor);
  if (for_device(ctx))
    check_bytes([] { return "the arena needs"; }, placed.arena.bytes),
        check_bytes([] { return "the state needs"; }, placed.state.bytes);
  std::vector<int64_t> offsets = placed.arena.offsets;
  for (size_t i = 0; i < offsets.size(); ++i)
    if (placed.in_state[i]) offsets[i] = placed.state.offsets[i];
  put(g, all.storage(), lives, std::move(offsets), placed.in_state);
  g.arena_bytes = placed.arena.bytes;
  g.arena_lower_bound = placed.arena.lower_bound;
  if (!g.fed) return;
  g[g.inputs[0]].ring = 1;
  g.state_bytes = placed.state.bytes, g.position = placed.state.offsets.back();
  g.arena_lower_bound = lives.floor;
}

}  // namespace burin
