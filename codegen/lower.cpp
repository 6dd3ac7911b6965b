#include "codegen/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "codegen/layer.h"
#include "codegen/names.h"
#include "codegen/rows.h"
#include "codegen/spelling.h"
#include "codegen/weights_in.h"
#include "compiler/liveness.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/dense.h"
#include "compiler/program/turns.h"

namespace burin {
namespace {

class Lowering {
 public:
  Lowering(const Graph& g, const Target& t, const Options& o) : g_(g), t_(t), o_(o), storage_(g) {
    p_.name = model_identifier(g.name);
    p_.external_io = o.io == Options::Io::external;
    p_.arena_bytes = g.arena_bytes, p_.arena_lower_bound = g.arena_lower_bound, p_.state_bytes = g.state_bytes;
    for (const MemoryPool& pool : o.memory) p_.pools.push_back({pool.name, pool.bytes, 0});
  }

  Program run() {
    std::vector<int> step_of(g_.nodes.size());  // the last step that has begun when the node's turn has come
    int steps = 0;
    for (size_t i = 0; i < g_.nodes.size(); ++i) step_of[i] = storage_.alias(g_.nodes[i]) ? steps - 1 : steps++;
    buffers(step_of);
    p_.steps.reserve(size_t(steps));
    for (const Node& n : g_.nodes)
      if (!storage_.alias(n)) {
        group(n);
        add(n);
      }
    for (const Region& g : p_.regions) lives_in(g);
    if (g_.fed) feed();
    return std::move(p_);
  }

 private:
  void buffers(const std::vector<int>& step_of) {
    const auto step = [&](int node) { return node < 0 ? node : step_of[size_t(node)]; };
    for (const LiveRange& r : live_ranges(g_)) {
      const BufferId id{int32_t(p_.buffers.size())};
      if (r.value == ValueId::none) scratch_[step(r.first)] = id;
      else at_[r.value] = id;
      p_.buffers.push_back({r.value == ValueId::none ? "" : g_[r.value].name, r.in_state ? Space::state : Space::arena,
                            r.bytes, r.offset, step(r.first), step(r.last)});
      into_pool(p_.buffers.back());
    }
    if (!o_.memory.empty()) p_.arena_bytes = 0;
    for (const ProgramPool& pool : p_.pools) p_.arena_bytes += pool.bytes;
    const auto port = [&](ValueId v, std::string label, bool output) {
      auto [at, fresh] = at_.try_emplace(storage_.root(v), BufferId(int32_t(p_.buffers.size())));
      // --io external, or (in the arena) an input that nothing reads and nothing keeps.
      const bool fed = g_.fed && !output;
      if (fresh && !p_.external_io && !fed)
        throw InternalError(fmt::format("'{}' has no place in the arena", g_[v].name));
      const int64_t bytes = g_[v].type.bytes() / (fed ? fed_rows(g_) : 1);
      if (fresh) p_.buffers.push_back({g_[v].name, Space::port, bytes, 0, -1, int(step_of.size()) - 1});
      return Port{std::move(label), g_[v].interface_name(), g_[v].type, output, at->second};
    };
    for (size_t i = 0; i < g_.inputs.size(); ++i)
      p_.inputs.push_back(port(g_.inputs[i], fmt::format("input_{}", i), false));
    for (size_t i = 0; i < g_.outputs.size(); ++i)
      p_.outputs.push_back(port(g_.outputs[i], fmt::format("output_{}", i), true));
  }

  /// In the graph offsets count through all pools.
  void into_pool(Buffer& b) {
    for (size_t k = p_.pools.size(); k-- > 0;)
      if (const int64_t begin = pool_begin(o_.memory, k); begin <= b.offset) {
        b.pool = int32_t(k), b.offset -= begin;
        constexpr int64_t kWord = 4;  // plan-memory counts in them
        p_.pools[k].bytes = std::max(p_.pools[k].bytes, b.offset + (b.bytes + kWord - 1) / kWord * kWord);
        return;
      }
  }

  /// The region of the node's row-streamed group; its first node begins it.
  void group(const Node& n) {
    const int now = int(p_.steps.size());
    if (n.group != 0 && n.group != group_) p_.regions.push_back({now, now, Stream{g_.orders.at(groups_++)}});
    if (n.group != 0) p_.regions.back().last = now + 1;
    group_ = n.group;
  }

  /// Members take turns: what one of them makes or reads, or keeps between its turns, lives while the group runs.
  void lives_in(const Region& g) {
    for (int i = g.first; i < g.last; ++i) {
      const RowLoop* l = loop_over_rows(p_.steps[size_t(i)].body);
      for (const Parameter& a : p_.steps[size_t(i)].parameters)
        if (const auto* id = std::get_if<BufferId>(&a.at); id && (a.dtype || (l && l->accumulates))) {
          Buffer& b = p_.buffers[size_t(*id)];
          if (b.first > g.first) b.first = g.first;
          if (b.last < g.last - 1) b.last = g.last - 1;
        }
    }
  }

  /// The row is the caller's while the group runs, and so long the state keeps whose turn it is.
  void feed() {
    const Region& group = p_.regions.at(0);
    Buffer& row = p_.buffers[size_t(p_.inputs[0].at)];
    row.last = group.last - 1;
    p_.feed = Feed{fed_axis(g_), fed_rows(g_), row.bytes, BufferId(int32_t(p_.buffers.size()))};
    p_.buffers.push_back({"whose turn it is", Space::state, g_.position_bytes, g_.position, -1, group.last - 1});
  }

  Parameter place(std::string name, ValueId v, bool written) const {
    return {std::move(name),
            g_[v].type.dtype,
            written,
            at_.at(storage_.root(v)),
            storage_.offset(v),
            {},
            storage_.whole(v) ? 0 : g_[v].type.bytes()};
  }

  void add(const Node& n) {
    const LayerView view(g_, n, t_, o_);
    LayerCode code = n.group != 0 ? streamed_code(view) : n.kernel->lower(view);
    const std::string label = names_.make(n.name.empty() ? std::string(name(n.op)) : n.name);
    Step s;
    s.needs = n.kernel->needs;
    s.headers = std::move(code.headers);
    s.body = std::move(code.body);
    s.streamed = n.group != 0;
    describe(s.facts, view, label);
    s.facts.requantize = code.requantize, s.facts.needed = code.needed;
    s.facts.accumulator_bound = code.accumulator_bound;
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (!view.has(i)) continue;
      const std::string x = fmt::format("x{}", i);
      if (!view.constant(i)) s.in.push_back(view.in(i));
      if (code.packed.count(i)) continue;
      if (view.constant(i)) code.constants.push_back({x, constant_of(view.input(i).data)});
      else s.parameters.push_back(place(x, n.inputs[i], false));
    }
    s.out = view.out();
    for (size_t i = 0; i < n.outputs.size(); ++i)
      s.parameters.push_back(place(fmt::format("y{}", i), n.outputs[i], true));
    if (n.scratch > 0) s.parameters.push_back({"scratch", std::nullopt, true, scratch_.at(int(p_.steps.size()))});
    for (NamedConstant& c : code.constants) {
      s.facts.weight_bytes += c.value.size();
      const DType dtype = c.value.dtype;
      s.parameters.push_back({c.name, dtype, false, constant(label, c)});
    }
    s.facts.function = functions_.try_emplace(code_of(s), label).first->second;
    p_.steps.push_back(std::move(s));
    view.selection()->families.clear();  // as large as the weights, and asked no more
  }

  /// Where the array lies; equal arrays are kept once. Takes the bytes.
  ConstantId constant(const std::string& label, NamedConstant& c) {
    const std::string_view bytes(reinterpret_cast<const char*>(c.value.bytes.data()), c.value.bytes.size());
    const size_t hash = std::hash<std::string_view>{}(bytes);
    for (auto [it, last] = by_content_.equal_range(hash); it != last; ++it)
      if (p_.constants[it->second].data == c.value) return ConstantId(int32_t(it->second));
    by_content_.emplace(hash, p_.constants.size());
    p_.constants.push_back({fmt::format("{}_{}", label, c.name), label, std::move(c.value)});
    return ConstantId(int32_t(p_.constants.size()) - 1);
  }

  void describe(LayerFacts& f, const LayerView& v, const std::string& label) const {
    f.name = label;
    f.op = name(v.node.op);
    f.kernel = v.node.kernel->name;
    f.onnx = v.node.onnx;
    if (v.has(0)) f.shape_in = v.in(0).shape;
    f.shape_out = v.out().shape;
    const std::vector<Type> in = g_.input_types(v.node), out{v.out()};
    f.macs = macs(v.node.op, in, out);
    f.scratch_bytes = v.node.scratch;
    const bool weighted = v.node.as<Conv>() || v.node.as<Dense>();
    for (size_t i = 0; i < in.size(); ++i) {
      if (weighted && i == 2) f.bias_bytes += (in[2].elements() * info(in[1].dtype).bits + 7) / 8;
      else (v.constant(i) ? f.constant_bytes : f.input_bytes) += in[i].bytes();
    }
    f.output_bytes += v.out().bytes();
    for (const auto& [kernel, cycles] : v.selection()->estimates) f.candidates[std::string(kernel->name)] = cycles;
    f.cycles = f.candidates[f.kernel];
  }

  const Graph& g_;
  const Target& t_;
  const Options& o_;
  const Storage storage_;
  Program p_;
  UniqueNames names_;
  std::unordered_map<ValueId, BufferId> at_;   // by root
  std::unordered_map<int, BufferId> scratch_;  // by step
  std::unordered_map<std::string, std::string> functions_;
  int32_t group_ = 0;                                   // of the node before
  size_t groups_ = 0;                                   // that have begun
  std::unordered_multimap<size_t, size_t> by_content_;  // hash of the bytes: index into constants
};

}  // namespace

Program lower(const Graph& g, const Target& target, const Options& options) {
  Program p = Lowering(g, target, options).run();
  if (options.weights_in) copy_constants(p, *options.weights_in);
  return p;
}

}  // namespace burin
