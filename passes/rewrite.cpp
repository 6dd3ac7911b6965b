#include "passes/rewrite.h"
#include "compiler/ops/reshape.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace burin {
namespace {

/// The nodes to try, by their order.
class Worklist {
 public:
  explicit Worklist(Graph& g) : g_(g) {
    g.record(&changes_);
    add_all();
  }
  ~Worklist() { g_.record(nullptr); }

  /// The first one; null when there is none.
  Node* first() {
    while (!waiting_.empty()) {
      if (Node* n = g_.nodes.find(*waiting_.begin())) return n;
      waiting_.erase(waiting_.begin());
    }
    return nullptr;
  }
  void drop_first() { waiting_.erase(waiting_.begin()); }

  /// Erases what the changes since the last time left without readers, and adds the nodes that see these changes.
  void update() {
    for (ValueId v : std::vector(changes_.written)) erase_dead(v);
    for (size_t i = 0; i < changes_.read.size(); ++i) erase_dead(changes_.read[i]);  // adds to the list
    for (ValueId v : changes_.written) {
      if (const Node* n = producer(v)) add(*n), add_twins(*n);
      if (v != ValueId::none) add_readers(v, 2);
    }
    for (ValueId v : changes_.read) {
      if (const Node* n = producer(v)) add(*n);
      if (v != ValueId::none && g_.single_use(v)) add(*g_.users(v)[0]);
    }
    changes_ = {};
    if (g_.nodes.numberings() != numberings_) add_all();
  }

 private:
  Node* producer(ValueId v) { return v == ValueId::none ? nullptr : g_.producer(v); }
  void erase_dead(ValueId v) {
    if (Node* n = producer(v); n && g_.dead(*n)) g_.erase(*n);
  }
  void add(const Node& n) { waiting_.insert(g_.nodes.order(n)); }
  void add_all() {
    numberings_ = g_.nodes.numberings();
    waiting_.clear();
    for (const Node& n : g_.nodes) waiting_.insert(waiting_.end(), g_.nodes.order(n));
  }
  void add_readers(ValueId v, int levels) {
    for (const Node* n : g_.users(v)) {
      add(*n);
      for (ValueId y : n->outputs)
        if (levels > 1 && y != ValueId::none) add_readers(y, levels - 1);
    }
  }
  /// Nodes with the same inputs are among the readers of each.
  void add_twins(const Node& n) {
    if (const ValueId v = least_read(g_, n); v != ValueId::none)
      for (const Node* twin : g_.users(v)) add(*twin);
  }

  Graph& g_;
  Changes changes_;
  std::set<int64_t> waiting_;  // NodeList::order
  int numberings_ = 0;
};

}  // namespace

void rewrite_to_fixpoint(Graph& g, const std::function<bool(Graph&, Node&)>& rule) {
  g.erase_dead();
  Worklist work(g);
  while (Node* n = work.first()) {
    const int64_t order = g.nodes.order(*n);
    if (!rule(g, *n)) {
      work.drop_first();
      continue;
    }
    // Its operator may have changed.
    if (Node* same = g.nodes.find(order); same == n) g.set_outputs(*n, n->outputs);
    work.update();
  }
}

ValueId least_read(const Graph& g, const Node& n) {
  ValueId least = ValueId::none;
  for (ValueId v : n.inputs)
    if (v != ValueId::none && (least == ValueId::none || g.reads(v) < g.reads(least))) least = v;
  return least;
}

bool is_view(const Graph& g, const Node& n) {
  if (!n.as<Reshape>()) return false;
  const Type &x = g[n.inputs[0]].type, &y = g[n.outputs[0]].type;
  return x.shape == y.shape && x.quant != y.quant;
}

bool is_one_reshape(const Graph& g, const Node& before, const Node& n) {
  try {
    infer(n.op, std::span(&g[before.inputs[0]].type, 1));
    return true;
  } catch (const OpError&) {
    return false;
  }
}

std::vector<Tensor> evaluate(const Graph& g, const Node& n) {
  std::vector<const Tensor*> in;
  for (ValueId v : n.inputs) in.push_back(v == ValueId::none ? nullptr : g[v].data.get());
  std::vector<Tensor> out;
  for (ValueId v : n.outputs) out.emplace_back(g[v].type);
  eval(n.op, in, out);
  return out;
}

std::string onnx_origin(const Node& n) {
  constexpr size_t kMost = 4;
  if (n.onnx.empty() || n.onnx == std::vector{n.name}) return "";
  std::string names;
  for (size_t i = 0; i < std::min(n.onnx.size(), kMost); ++i) names += fmt::format("{}'{}'", i ? ", " : "", n.onnx[i]);
  if (n.onnx.size() > kMost) names += fmt::format(" and {} more", n.onnx.size() - kMost);
  return fmt::format("; made from ONNX node{} {}", n.onnx.size() > 1 ? "s" : "", names);
}

std::optional<std::vector<double>> per_channel(const Tensor& operand, const Shape& shape, int axis) {
  const Shape& s = operand.shape();
  if (s.size() > shape.size()) return std::nullopt;
  const size_t missing = shape.size() - s.size();
  for (size_t i = 0; i < s.size(); ++i)
    if (s[i] != 1 && int(i + missing) != axis) return std::nullopt;
  std::vector<double> r;
  for (int64_t i = 0; i < shape[size_t(axis)]; ++i) r.push_back(operand.real(operand.elements() == 1 ? 0 : i));
  return r;
}

}  // namespace burin
