// Every value and every piece of working memory gets its place in the arena: liveness (compiler/liveness.h) says what
// is live when, the planner (passes/planner.h) packs it. Outputs of elementwise operators may lie on inputs that die
// there.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "passes/lifetimes.h"
#include "passes/stream.h"

namespace burin {
namespace {

// The arena itself is aligned to 16 bytes.
constexpr int64_t kSmallAlign = 4;   // whole words; more would waste most of a small buffer
constexpr int64_t kSmall = 16;       // bytes from which on a buffer gets
constexpr int64_t kBufferAlign = 8;  // a double and an int64_t; two words at once (LDRD, VLDRD) never cross a bus line
constexpr int64_t kNodes = 10000;    // a fraction of a second; networks need none or a few hundred
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

}  // namespace

void plan_memory(Graph& g, const Context& ctx) {
  g.external_io = ctx.options.io == Options::Io::external;
  Contracts contracts;
  for (const Node& n : g.nodes) contracts.push_back(lives_of(g, n, ctx));
  plan_memory_with(g, ctx, Lives(g), contracts, kNodes);
}

void plan_memory_with(Graph& g, const Context& ctx, const Lives& all, const Contracts& contracts, int64_t nodes) {
  const Lifetimes lives = all.all(contracts);
  std::vector<PlanBuffer> buffers;
  std::map<ValueId, size_t> buffer;  // by root
  for (const Needed& n : lives.buffers) {
    if (n.range.value != ValueId::none) buffer[n.range.value] = buffers.size();
    const int64_t bytes = n.on < 0 ? n.range.bytes : 0;  // with the buffer on which it lies
    buffers.push_back({whole_words(bytes), n.first, n.last, alignment(g, n.range)});
  }

  const bool for_device = ctx.target && !ctx.target->has("host");
  if (for_device) check_buffers(g);
  Plan plan = plan_offsets(buffers, lives.overlaps, nodes, lives.floor);
  if (const std::string wrong = check_plan(buffers, lives.overlaps, plan); !wrong.empty())
    throw InternalError("plan-memory: " + wrong);
  for (size_t i = 0; i < buffers.size(); ++i)
    if (const int on = lives.buffers[i].on; on >= 0) plan.offsets[i] = plan.offsets[size_t(on)];
  if (for_device) check_bytes([] { return "the arena needs"; }, plan.bytes);

  for (size_t i = 0; i < g.values().size(); ++i) {
    Value& v = g[ValueId(int32_t(i))];
    const auto at = v.constant() ? buffer.end() : buffer.find(all.storage().root(ValueId(int32_t(i))));
    v.offset = at == buffer.end() ? -1 : plan.offsets[at->second];
    v.ring = at == buffer.end() ? 0 : lives.buffers[at->second].ring;
  }
  for (Node& n : g.nodes) n.scratch_offset = -1;
  for (size_t i = 0; i < buffers.size(); ++i)
    if (const LiveRange& r = lives.buffers[i].range; r.value == ValueId::none)
      g.nodes[size_t(r.first)].scratch_offset = plan.offsets[i];
  g.orders = lives.orders;
  g.arena_bytes = plan.bytes;
  g.arena_lower_bound = plan.lower_bound;
}

}  // namespace burin
