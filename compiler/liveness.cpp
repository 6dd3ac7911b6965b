#include "compiler/liveness.h"
#include "compiler/ops/reshape.h"
#include "compiler/program/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace burin {
namespace {

/// Values whose bytes the caller owns.
std::set<ValueId> external_values(const Graph& g, const Storage& storage) {
  std::set<ValueId> r;
  if (g.fed) r.insert(storage.root(g.inputs[0]));
  if (!g.external_io) return r;
  for (ValueId id : g.inputs) r.insert(storage.root(id));
  for (ValueId id : g.outputs) r.insert(storage.root(id));
  return r;
}

/// First and last step of each root; first > last for what is never written.
struct Lifetimes {
  std::vector<int> first, last;

  Lifetimes(const Graph& g, const Storage& storage) : first(g.values().size(), 0), last(g.values().size(), -2) {
    const auto write = [&](ValueId id, int step) {
      const size_t root = index(storage.root(id));
      first[root] = step;
      last[root] = std::max(last[root], step);
    };
    for (ValueId id : g.inputs) write(id, -1);
    for (size_t i = 0; i < g.nodes.size(); ++i) {
      const Node& n = g.nodes[i];
      for (ValueId id : n.inputs)
        if (id != ValueId::none && !g[id].constant()) last[index(storage.root(id))] = int(i);
      if (storage.alias(n)) continue;
      for (ValueId id : n.outputs)
        if (id != ValueId::none) write(id, int(i));
    }
    for (ValueId id : g.outputs)
      if (!g[id].constant()) last[index(storage.root(id))] = int(g.nodes.size()) - 1;
  }
};

}  // namespace

Storage::Storage(const Graph& g) : roots_(g.values().size()) {
  std::vector<size_t> parent(roots_.size());
  std::iota(parent.begin(), parent.end(), size_t(0));
  const auto find = [&](size_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  std::vector<char> input(roots_.size()), output(roots_.size());
  for (ValueId id : g.inputs) input[index(id)] = true;
  for (ValueId id : g.outputs) output[index(id)] = true;

  // By index of the output: the same whatever the order of the nodes.
  std::map<ValueId, ValueId> reshapes;
  for (const Node& n : g.nodes)
    if (n.as<Reshape>()) reshapes[n.outputs[0]] = n.inputs[0];
  for (const auto& [to, from] : reshapes) {
    if (g[from].constant() || g[from].type.bytes() != g[to].type.bytes()) continue;
    const size_t a = find(index(from)), b = find(index(to));
    if ((input[a] || output[a]) && (input[b] || output[b])) continue;
    if (g.fed && input[a]) continue;
    parent[b] = a;
    input[a] |= input[b];
    output[a] |= output[b];
  }
  // The interface names the bytes; otherwise the value that no alias writes, which is where its tree of unions starts.
  for (size_t i = 0; i < roots_.size(); ++i) roots_[i] = ValueId(int32_t(find(i)));
  std::vector<ValueId> chosen(roots_.size(), ValueId::none);
  for (ValueId id : g.inputs) chosen[index(roots_[index(id)])] = id;
  for (ValueId id : g.outputs) chosen[index(roots_[index(id)])] = id;
  for (ValueId& r : roots_)
    if (chosen[index(r)] != ValueId::none) r = chosen[index(r)];
}

bool Storage::alias(const Node& n) const { return n.as<Reshape>() && same(n.inputs[0], n.outputs[0]); }

bool is_alias(const Graph& g, const Node& n) { return n.as<Reshape>() && Storage(g).alias(n); }

std::vector<LiveRange> live_ranges(const Graph& g) {
  const Storage storage(g);
  const Lifetimes lives(g, storage);
  const std::set<ValueId> external = external_values(g, storage);
  std::vector<LiveRange> r;
  for (size_t i = 0; i < g.values().size(); ++i) {
    const ValueId id = ValueId(int32_t(i));
    if (g[id].constant() || storage.root(id) != id || external.count(id) || lives.first[i] > lives.last[i]) continue;
    const Value& v = g[id];
    const int64_t bytes = v.ring > 0 ? v.type.bytes() / v.type.shape[1] * v.ring : v.type.bytes();
    r.push_back({id, lives.first[i], lives.last[i], v.offset, bytes, v.in_state});
  }
  for (size_t i = 0; i < g.nodes.size(); ++i)
    if (g.nodes[i].scratch > 0)
      r.push_back(
          {ValueId::none, int(i), int(i), g.nodes[i].scratch_offset, g.nodes[i].scratch, g.nodes[i].scratch_in_state});
  return r;
}

std::vector<int> elementwise_inputs(const Graph& g, const Node& n) {
  std::vector<int> r;
  if (!traits(n.op).elementwise || n.outputs.size() != 1) return r;
  const Type& y = g[n.outputs[0]].type;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    const ValueId in = n.inputs[i];
    if (in == ValueId::none || g[in].constant()) continue;
    const Type& x = g[in].type;
    const int bits = info(y.dtype).bits;
    // As many elements as the result: not broadcast. Two 4-bit elements share a byte: the second would find it changed.
    if (x.elements() == y.elements() && bits <= info(x.dtype).bits && bits >= 8) r.push_back(int(i));
  }
  return r;
}

std::vector<std::vector<int>> in_place_inputs(const Graph& g) {
  const Storage storage(g);
  const Lifetimes lives(g, storage);
  const std::set<ValueId> external = external_values(g, storage);
  std::vector<std::vector<int>> all;
  for (const Node& n : g.nodes) {
    const int step = int(all.size());
    std::vector<int>& r = all.emplace_back(elementwise_inputs(g, n));
    if (r.empty()) continue;
    if (external.count(storage.root(n.outputs[0]))) r.clear();
    std::erase_if(r, [&](int i) {
      const ValueId root = storage.root(n.inputs[size_t(i)]);
      return external.count(root) || g.is_output(root) || lives.last[index(root)] != step;
    });
  }
  return all;
}

std::vector<int64_t> live_bytes(const Graph& g) {
  std::vector<std::vector<std::pair<int64_t, int64_t>>> used(g.nodes.size() + 1);  // [begin, end) at each step
  std::vector<int64_t> r(used.size());
  for (const LiveRange& x : live_ranges(g))
    for (int step = x.first; step <= x.last; ++step) {
      if (x.offset < 0) r[size_t(step + 1)] += x.bytes;
      else {
        const int64_t at = x.offset + (x.in_state ? g.arena_bytes : 0);
        used[size_t(step + 1)].push_back({at, at + x.bytes});
      }
    }
  for (size_t i = 0; i < used.size(); ++i) r[i] += covered_bytes(std::move(used[i]));
  return r;
}

}  // namespace burin
