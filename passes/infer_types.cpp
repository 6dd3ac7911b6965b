// Integers get their meaning. At import what stands between Quantize and Dequantize is plain integers, and Reshapes
// that change nothing but the type say where they get a scale and where they lose it: "views". Operators that move or
// order elements do the same to integers with a scale as to plain ones, so views move through them, down to the readers
// and up to the inputs of the model, until a view that takes a scale away meets the one that gives it back. An int8
// input that is reshaped before it is dequantized has the scale of that DequantizeLinear, and so has its header.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "compiler/ops/pad.h"
#include "compiler/ops/pool.h"
#include "compiler/ops/reshape.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

/// Operators that do the same to stored integers whatever these stand for.
bool carries(const Node& n) {
  const Pool* pool = n.as<Pool>();
  return quant_rule(n.op) == QuantRule::movement || (pool && pool->kind == PoolKind::max_pool);
}

/// Integers that may get a scale.
bool can_take(const Type& t) { return t.quant.empty() && is_integer(t.dtype) && info(t.dtype).bits <= 16; }

class Views {
 public:
  explicit Views(Graph& g) : g_(g) {
    for (const Value& v : g.values()) names_.insert(v.name);
  }

  void run() {
    down();
    up();
    type_inputs();
    type_outputs();
    g_.erase_dead();
    std::set<ValueId> read(g_.outputs.begin(), g_.outputs.end());
    for (const Node& n : g_.nodes) read.insert(n.inputs.begin(), n.inputs.end());
    for (const auto& [typed, plain] : renamed_)
      if (!read.contains(plain)) std::swap(g_[typed].name, g_[plain].name);
  }

 private:
  ValueId typed_value(ValueId plain, Type type) {
    std::string name = g_[plain].name + "_q";
    while (!names_.insert(name).second) name += "_q";
    return g_.add_value(std::move(name), std::move(type));
  }

  Node view(ValueId from, ValueId to, const std::string& name) {
    return {name, Reshape{g_[to].type.shape}, {from}, {to}, {}};
  }

  /// The operator of `n` on operands that stand for what `quant` says, result included; nothing where it mixes
  /// channels with scales of their own.
  std::optional<Node> carried(const Node& n, const Quant& quant, std::vector<ValueId> inputs) {
    Node r = n;
    std::vector<Type> types = g_.input_types(n);
    for (size_t i = 0; i < data_operands(n); ++i) types[i].quant = quant;
    Type y;
    try {
      y = infer(n.op, types)[0];
    } catch (const OpError&) {
      return std::nullopt;
    }
    if (quant_rule(n.op) != QuantRule::movement) {  // infer() does not say
      if (quant.axis >= 0) return std::nullopt;
      y.quant = quant;
    }
    if (Pad* p = r.as<Pad>(); p && !is_covered(*p)) {
      // What pads integers is an integer; with a scale it is the number that this integer stands for.
      const DTypeInfo& t = info(y.dtype);
      if (!(p->value >= double(t.lo) && p->value <= double(t.hi))) return std::nullopt;
      p->value = (p->value - quant.zero_point[0]) * double(quant.scale[0]);
    }
    r.inputs = std::move(inputs);
    r.outputs = {typed_value(n.outputs[0], std::move(y))};
    renamed_.emplace_back(r.outputs[0], n.outputs[0]);
    return r;
  }

  /// view(view(x)) => view(x), and move(view(x)) => view(move(x)) where the view takes a scale away.
  void down() {
    std::map<ValueId, ValueId> stores;  // plain integers: the value with a scale whose view they are
    const auto source = [&](ValueId v) {
      const auto it = stores.find(v);
      return it == stores.end() ? v : it->second;
    };
    std::map<ValueId, ValueId> same;  // views that change nothing any more
    std::vector<Node> nodes;
    for (Node& n : g_.nodes) {
      for (ValueId& v : n.inputs)
        if (const auto it = same.find(v); it != same.end()) v = it->second;
      const ValueId y = n.outputs[0];
      if (is_view(g_, n)) {
        n.inputs[0] = source(n.inputs[0]);
        if (g_[n.inputs[0]].type == g_[y].type && !g_.is_output(y)) {
          same.emplace(y, n.inputs[0]);
          continue;
        }
        if (g_[y].type.quant.empty()) stores.emplace(y, n.inputs[0]);
      } else if (carries(n) && n.outputs.size() == 1 && can_take(g_[y].type)) {
        std::vector<ValueId> in = n.inputs;
        bool all = true;
        for (size_t i = 0; i < data_operands(n) && all; ++i) {
          in[i] = source(in[i]);
          all = in[i] != n.inputs[i] && g_[in[i]].type.quant == g_[in[0]].type.quant;
        }
        if (std::optional<Node> moved; all && (moved = carried(n, g_[in[0]].type.quant, in))) {
          const ValueId typed = moved->outputs[0];
          nodes.push_back(std::move(*moved));
          nodes.push_back(view(typed, y, n.name));
          stores.emplace(y, typed);
          continue;
        }
      }
      nodes.push_back(std::move(n));
    }
    g_.nodes = std::move(nodes);
  }

  /// view(move(x)) => move(view(x)) where the view gives one scale to plain integers.
  void up() {
    std::map<ValueId, std::optional<Quant>> wanted;  // of plain integers: what all views of them agree on
    const auto want = [&](ValueId v, const Quant& quant) {
      const auto [it, first] = wanted.emplace(v, quant);
      if (!first && it->second != quant) it->second.reset();
    };
    std::vector<Node> nodes;  // the last one first
    for (auto at = g_.nodes.rbegin(); at != g_.nodes.rend(); ++at) {
      Node& n = *at;
      const ValueId y = n.outputs[0];
      if (is_view(g_, n) && g_[y].type.quant.per_tensor() && can_take(g_[n.inputs[0]].type)) {
        want(n.inputs[0], g_[y].type.quant);
      } else if (const auto all = wanted.find(y);
                 all != wanted.end() && all->second && carries(n) && n.outputs.size() == 1) {
        const Quant quant = *all->second;
        std::vector<ValueId> in = n.inputs;
        std::vector<Node> views;
        for (size_t i = 0; i < data_operands(n); ++i) {
          in[i] = typed_value(n.inputs[i], {g_[n.inputs[i]].type.dtype, g_[n.inputs[i]].type.shape, quant});
          views.push_back(view(n.inputs[i], in[i], n.name));
        }
        if (std::optional<Node> moved = carried(n, quant, in)) {
          nodes.push_back(view(moved->outputs[0], y, n.name));
          nodes.push_back(std::move(*moved));
          for (Node& v : views) {
            if (g_[v.inputs[0]].constant()) {
              g_[v.outputs[0]].data = std::make_shared<const Tensor>(std::move(evaluate(g_, v)[0]));
              continue;
            }
            want(v.inputs[0], quant);
            nodes.push_back(std::move(v));
          }
          continue;
        }
      }
      nodes.push_back(std::move(n));
    }
    std::ranges::reverse(nodes);
    g_.nodes = std::move(nodes);
    down();  // views of what now has a scale
  }

  /// An input whose views all agree has the scale that they say; who reads its plain integers has a view of them.
  void type_inputs() {
    for (const ValueId x : g_.inputs) {
      if (!can_take(g_[x].type)) continue;
      const Quant* only = nullptr;
      bool agree = true;
      for (const Node* n : g_.users(x))
        if (is_view(g_, *n)) {
          const Quant& q = g_[n->outputs[0]].type.quant;
          agree = agree && q.per_tensor() && (!only || *only == q);
          only = &q;
        }
      if (!only || !agree) continue;
      const Type plain = g_[x].type;
      const Quant quant = *only;
      const ValueId stored = typed_value(x, plain);  // only the name is a typed value's
      for (Node* n : g_.users(x)) {
        std::vector<ValueId> inputs = n->inputs;
        std::ranges::replace(inputs, x, stored);
        g_.set_inputs(*n, std::move(inputs));
      }
      g_[x].type.quant = quant;
      g_.insert(g_.nodes.empty() ? nullptr : &g_.nodes[0], view(x, stored, g_[x].name));
    }
    down();
  }

  /// An output that is the plain view of a value with a scale is that value.
  void type_outputs() {
    for (ValueId& y : g_.outputs) {
      const Node* n = g_.producer(y);
      if (!n || !is_view(g_, *n) || !g_[y].type.quant.empty()) continue;
      const ValueId x = n->inputs[0];
      if (g_[x].constant() || g_.is_output(x) || std::ranges::count(g_.inputs, x) ||
          std::ranges::count(g_.outputs, y) > 1)
        continue;
      std::swap(g_[x].name, g_[y].name);
      std::erase_if(renamed_, [&](const auto& r) { return r.first == x; });
      y = x;
    }
  }

  Graph& g_;
  std::set<std::string> names_;
  std::vector<std::pair<ValueId, ValueId>> renamed_;  // with a scale, and its plain view, which may vanish
};

}  // namespace

void infer_types(Graph& g, const Context&) { Views(g).run(); }

}  // namespace burin
