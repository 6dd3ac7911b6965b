#include "compiler/liveness.h"
#include "compiler/ops/concat.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/slice.h"
#include "compiler/program/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
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

  Lifetimes(const Graph& g, const Storage& storage)
      : first(g.values().size(), std::numeric_limits<int>::max()), last(g.values().size(), -2) {
    const auto write = [&](ValueId id, int step) {
      const size_t root = index(storage.root(id));
      first[root] = std::min(first[root], step);  // parts of it are written one after the other
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

/// Where parts lie in a whole, in bytes.
struct View {
  ValueId whole;
  std::vector<std::pair<ValueId, int64_t>> parts;
};

/// What the node's Concat or Slice would be, were it none but another name for bytes.
std::optional<View> view(const Graph& g, const Node& n) {
  if (const Concat* c = n.as<Concat>()) {
    View v{n.outputs[0], {}};
    const Shape& y = g[v.whole].type.shape;
    const int64_t axis = c->axis < 0 ? c->axis + int64_t(y.size()) : c->axis;
    for (int64_t i = 0; i < axis; ++i)
      if (y[size_t(i)] != 1) return std::nullopt;
    int64_t at = 0;
    for (ValueId x : n.inputs) {
      v.parts.push_back({x, at});
      at += g[x].type.bytes();
    }
    return at == g[v.whole].type.bytes() ? std::optional(v) : std::nullopt;
  }
  const Slice* s = n.as<Slice>();
  if (!s) return std::nullopt;
  const Type& x = g[n.inputs[0]].type;
  int64_t at = 0, step = info(x.dtype).bits / 8;
  bool run = true;  // the axes from here on are all there
  for (size_t i = x.shape.size(); i-- > 0;) {
    if (!run && s->sizes[i] != 1) return std::nullopt;
    if (s->sizes[i] > 1 && s->steps[i] != 1) return std::nullopt;
    at += s->starts[i] * step;
    step *= x.shape[i];
    run = run && s->sizes[i] == x.shape[i];
  }
  return View{n.inputs[0], {{n.outputs[0], at}}};
}

}  // namespace

int64_t buffer_alignment(const Type& t, int64_t bytes) {
  constexpr int64_t kSmallAlign = 4;  // whole words; more would waste most of a small buffer
  constexpr int64_t kSmall = 16;      // bytes from which on a buffer gets
  constexpr int64_t kBufferAlign =
      8;  // a double and an int64_t; two words at once (LDRD, VLDRD) never cross a bus line
  return info(t.dtype).bits <= 32 && bytes < kSmall ? kSmallAlign : kBufferAlign;
}

Storage::Storage(const Graph& g)
    : roots_(g.values().size()),
      offsets_(roots_.size()),
      part_(roots_.size()),
      parted_(roots_.size()),
      aliases_(roots_.size()) {
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
  std::map<ValueId, View> views;
  for (const Node& n : g.nodes) {
    if (n.as<Reshape>()) reshapes[n.outputs[0]] = n.inputs[0];
    if (std::optional<View> v = view(g, n)) views[n.outputs[0]] = std::move(*v);
  }
  for (const auto& [to, from] : reshapes) {
    if (g[from].constant() || g[from].type.bytes() != g[to].type.bytes()) continue;
    const size_t a = find(index(from)), b = find(index(to));
    if ((input[a] || output[a]) && (input[b] || output[b])) continue;
    if (g.fed && input[a]) continue;
    parent[b] = a;
    aliases_[index(to)] = true;
    input[a] |= input[b];
    output[a] |= output[b];
  }

  // Wholes that are parts of larger ones: by their trees' roots.
  struct Inside {
    size_t in;
    int64_t at;
  };
  std::map<size_t, Inside> inside;
  const auto place = [&](ValueId id) {
    Inside p{find(index(id)), 0};
    for (auto up = inside.find(p.in); up != inside.end(); up = inside.find(p.in))
      p = {up->second.in, p.at + up->second.at};
    return p;
  };
  for (const auto& [to, v] : views) {
    const Inside whole = place(v.whole);
    std::set<size_t> parts;
    bool fits = !g[v.whole].constant() && !(g.fed && input[whole.in]);
    for (const auto& [part, at] : v.parts) {
      const size_t tree = find(index(part));
      const Type& t = g[part].type;
      fits = fits && !g[part].constant() && !inside.contains(tree) && tree != whole.in && parts.insert(tree).second &&
             !input[tree] && !output[tree] && t.dtype == g[v.whole].type.dtype && info(t.dtype).bits >= 8 &&
             t.bytes() > 0 && (whole.at + at) % buffer_alignment(t, t.bytes()) == 0;
    }
    if (!fits) continue;
    for (const auto& [part, at] : v.parts) inside[find(index(part))] = {whole.in, whole.at + at};
    aliases_[index(to)] = true;
  }
  // The interface names the bytes; otherwise the value that no alias writes, which is where its tree of unions starts.
  for (size_t i = 0; i < roots_.size(); ++i) {
    const Inside p = place(ValueId(int32_t(i)));
    roots_[i] = ValueId(int32_t(p.in));
    offsets_[i] = p.at;
    part_[i] = inside.contains(find(i));
  }
  std::vector<ValueId> chosen(roots_.size(), ValueId::none);
  for (ValueId id : g.inputs) chosen[index(roots_[index(id)])] = id;
  for (ValueId id : g.outputs) chosen[index(roots_[index(id)])] = id;
  for (ValueId& r : roots_)
    if (chosen[index(r)] != ValueId::none) r = chosen[index(r)];
  for (size_t i = 0; i < roots_.size(); ++i)
    if (part_[i]) parted_[index(roots_[i])] = true;
}

bool Storage::alias(const Node& n) const {
  return (n.as<Reshape>() || n.as<Concat>() || n.as<Slice>()) && aliases_[index(n.outputs[0])];
}

bool is_alias(const Graph& g, const Node& n) {
  return (n.as<Reshape>() || n.as<Concat>() || n.as<Slice>()) && Storage(g).alias(n);
}

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
    if (external.count(storage.root(n.outputs[0])) || !storage.whole(n.outputs[0])) r.clear();
    std::erase_if(r, [&](int i) {
      const ValueId root = storage.root(n.inputs[size_t(i)]);
      // A part of it may be read again for each of several elements.
      const auto in_part = [&](ValueId x) {
        return x != ValueId::none && !g[x].constant() && storage.root(x) == root && !storage.whole(x);
      };
      return std::ranges::any_of(n.inputs, in_part) || external.count(root) || g.is_output(root) ||
             lives.last[index(root)] != step;
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
