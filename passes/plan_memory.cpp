// Every value and every piece of working memory gets its place in the arena: liveness (compiler/liveness.h) says what
// is live when, the planner (passes/planner.h) packs it. Outputs of elementwise operators may lie on inputs that die
// there. With --memory each goes into the fastest pool that has room, those that are read and written most per byte
// first; offsets then count through all pools, one behind the other.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "passes/lifetimes.h"
#include "passes/pools.h"
#include "passes/stream.h"

namespace burin {
namespace {

// The arena itself is aligned to 16 bytes.
constexpr int64_t kSmallAlign = 4;   // whole words; more would waste most of a small buffer
constexpr int64_t kSmall = 16;       // bytes from which on a buffer gets
constexpr int64_t kBufferAlign = 8;  // a double and an int64_t; two words at once (LDRD, VLDRD) never cross a bus line
constexpr int64_t kNodes = 50000;    // a fraction of a second; networks need none or a few hundred
constexpr int64_t kScratchAlign = 16;  // kernels keep anything there, vectors of 16 bytes included

int64_t whole_words(int64_t bytes) { return (bytes + kSmallAlign - 1) / kSmallAlign * kSmallAlign; }

int64_t alignment(const Graph& g, const LiveRange& r) {
  if (r.value == ValueId::none) return kScratchAlign;
  const bool words = info(g[r.value].type.dtype).bits <= 32;
  return words && r.bytes < kSmall ? kSmallAlign : kBufferAlign;
}

/// Pointers of 32 bits reach 2^31 - 1 bytes from where a buffer begins; all of a model's memory, and all its constants,
/// are no larger either.
constexpr int64_t kMost32 = INT32_MAX;

void check_bytes(const std::string& what, int64_t bytes) {
  if (bytes <= kMost32) return;
  throw ModelError(fmt::format("{} {} bytes, more than a 32-bit core can address: {}", what, bytes, kMost32),
                   "too-large", "smaller inputs (--input-dim) or a smaller model; --target host has no such bound");
}

void check_buffers(const Graph& g) {
  int64_t constants = 0;
  std::set<ValueId> seen;
  const auto check = [&](ValueId v) {
    if (v == ValueId::none || !seen.insert(v).second) return;
    const int64_t bytes = g[v].type.bytes();
    check_bytes(fmt::format("value '{}' of type {} has", g[v].name, to_string(g[v].type)), bytes);
    if (g[v].constant()) constants += bytes;
  };
  for (ValueId v : g.inputs) check(v);
  for (ValueId v : g.outputs) check(v);
  for (const Node& n : g.nodes) {
    for (ValueId v : n.inputs) check(v);
    for (ValueId v : n.outputs) check(v);
    check_bytes(fmt::format("the working memory of layer '{}' has", n.name), n.scratch);
  }
  check_bytes("the model's constants have", constants);
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

struct Planned {
  Lifetimes lives;
  std::vector<PlanBuffer> buffers;
};
Planned planned(const Graph& g, const Context& ctx) {
  Contracts contracts;
  for (const Node& n : g.nodes) contracts.push_back(lives_of(g, n, ctx));
  Planned r{Lives(g).all(contracts), {}};
  for (const Needed& n : r.lives.buffers) {
    const int64_t bytes = n.on < 0 ? n.range.bytes : 0;  // with the buffer on which it lies
    r.buffers.push_back({whole_words(bytes), n.first, n.last, alignment(g, n.range)});
  }
  return r;
}

PoolPlan in_pools(const Graph& g, const Context& ctx, const Planned& p, int64_t nodes) {
  std::vector<double> uses = moved_bytes(g, p.lives);
  for (size_t i = 0; i < uses.size(); ++i)
    if (const int on = p.lives.buffers[i].on; on >= 0) uses[size_t(on)] += uses[i];
  for (size_t i = 0; i < uses.size(); ++i) uses[i] /= double(std::max<int64_t>(1, p.lives.buffers[i].range.bytes));
  return plan_pools(p.buffers, p.lives.overlaps, uses, sizes_for_values(ctx.options), nodes, p.lives.floor);
}

/// Which buffer finds no place, and what would help.
[[noreturn]] void say_short(const Graph& g, const Context& ctx, const Planned& p, const PoolPlan& plan) {
  const auto described = [&](size_t i) {
    const LiveRange& r = p.lives.buffers[i].range;
    const std::string layer = r.first >= 0 ? fmt::format(" of layer '{}'", g.nodes[size_t(r.first)].name) : "";
    return (r.value == ValueId::none ? "the working memory" : fmt::format("value '{}'", g[r.value].name)) + layer;
  };
  const std::vector<int64_t> sizes = sizes_for_values(ctx.options);
  const size_t largest = size_t(std::ranges::max_element(sizes) - sizes.begin());
  std::string pools;
  for (size_t k = 0; k < sizes.size(); ++k)
    pools += fmt::format("{}{} {}", k == 0 ? "" : ", ", ctx.options.memory[k].name, sizes[k]);
  size_t homeless = p.buffers.size();
  for (size_t i = 0; i < p.buffers.size(); ++i)
    if (plan.pool[i] < 0 && (homeless == p.buffers.size() || p.buffers[i].bytes > p.buffers[homeless].bytes))
      homeless = i;
  const int64_t bytes = p.buffers[homeless].bytes;
  const std::string hint =
      "more memory for that pool, a smaller --weights-in, --optimize ram, --budget-ram, or --io external for inputs "
      "and "
      "outputs";
  if (bytes > sizes[largest])
    throw ModelError(
        fmt::format("--memory: {} has {} bytes, more than any pool ({})", described(homeless), bytes, pools),
        "over-budget", hint);
  int64_t all = 0;
  for (const int64_t size : sizes) all += size;
  throw ModelError(
      fmt::format("--memory: pool {} is short: {}, {} bytes, finds no place in any ({}; together {}); at one time "
                  "at least {} bytes are needed",
                  ctx.options.memory[largest].name, described(homeless), bytes, pools, all, p.lives.floor),
      "over-budget", hint);
}

/// Offsets into the graph. `offsets`: of each buffer.
void put(Graph& g, const Lifetimes& lives, std::vector<int64_t> offsets) {
  const Storage storage(g);
  std::map<ValueId, size_t> buffer;  // by root
  for (size_t i = 0; i < offsets.size(); ++i) {
    const Needed& n = lives.buffers[i];
    if (n.range.value != ValueId::none) buffer[n.range.value] = i;
    if (n.on >= 0) offsets[i] = offsets[size_t(n.on)];
  }
  for (size_t i = 0; i < g.values().size(); ++i) {
    Value& v = g[ValueId(int32_t(i))];
    const auto at = v.constant() ? buffer.end() : buffer.find(storage.root(ValueId(int32_t(i))));
    v.offset = at == buffer.end() ? -1 : offsets[at->second];
    v.ring = at == buffer.end() ? 0 : lives.buffers[at->second].ring;
  }
  for (Node& n : g.nodes) n.scratch_offset = -1;
  for (size_t i = 0; i < offsets.size(); ++i)
    if (const LiveRange& r = lives.buffers[i].range; r.value == ValueId::none)
      g.nodes[size_t(r.first)].scratch_offset = offsets[i];
  g.orders = lives.orders;
}

bool for_device(const Context& ctx) { return ctx.target && !ctx.target->has("host"); }

}  // namespace

void plan_memory(Graph& g, const Context& ctx) {
  if (ctx.options.memory.empty()) return plan_memory_with(g, ctx, kNodes);
  g.external_io = ctx.options.io == Options::Io::external;
  if (for_device(ctx)) check_buffers(g);
  const Planned p = planned(g, ctx);
  PoolPlan plan = in_pools(g, ctx, p, kNodes);
  if (!plan.fits()) say_short(g, ctx, p, plan);
  if (const std::string wrong = check_pools(p.buffers, p.lives.overlaps, sizes_for_values(ctx.options), plan);
      !wrong.empty())
    throw InternalError("plan-memory: " + wrong);
  g.arena_bytes = 0, g.arena_lower_bound = plan.lower_bound;
  for (const int64_t bytes : plan.bytes) {
    if (for_device(ctx)) check_bytes("a pool needs", bytes);
    g.arena_bytes += bytes;
  }
  for (size_t i = 0; i < plan.offsets.size(); ++i)
    plan.offsets[i] += pool_begin(ctx.options.memory, size_t(plan.pool[i]));
  put(g, p.lives, std::move(plan.offsets));
}

bool fits_memory(const Graph& g, const Context& ctx) { return in_pools(g, ctx, planned(g, ctx), 0).fits(); }

int64_t most_ram(const Options& o) {
  int64_t most = o.budget_ram.value_or(std::numeric_limits<int64_t>::max());
  if (o.memory.empty()) return most;
  int64_t all = 0;
  for (const int64_t size : sizes_for_values(o)) all += size;
  return std::min(most, all);
}

void plan_memory_with(Graph& g, const Context& ctx, int64_t nodes) {
  g.external_io = ctx.options.io == Options::Io::external;
  const Planned p = planned(g, ctx);
  if (for_device(ctx)) check_buffers(g);
  Plan plan = plan_offsets(p.buffers, p.lives.overlaps, nodes, p.lives.floor);
  if (const std::string wrong = check_plan(p.buffers, p.lives.overlaps, plan); !wrong.empty())
    throw InternalError("plan-memory: " + wrong);
  if (for_device(ctx)) check_bytes("the arena needs", plan.bytes);
  g.arena_bytes = plan.bytes;
  g.arena_lower_bound = plan.lower_bound;
  put(g, p.lives, std::move(plan.offsets));
}

}  // namespace burin
