// Algebra on the graph: a bias joins the product before it, equal nodes become one, moves that move nothing vanish.
#include <algorithm>
#include <map>

#include "compiler/ops/binary.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/dense.h"
#include "compiler/ops/layout.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/transpose.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

/// The constant behind `v`, looking through a Dequantize; null when there is none.
const Tensor* constant_behind(Graph& g, ValueId v) {
  if (v == ValueId::none) return nullptr;
  if (const Node* dq = made_by<Dequantize>(g, v)) v = dq->inputs[0];
  return g[v].data.get();
}

/// dense(x, w) + c, or conv(x, w) + c with c one number per output channel => dense(x, w, c).
bool add_becomes_bias(Graph& g, size_t at) {
  Node& add = g.nodes[at];
  const Binary* op = add.as<Binary>();
  if (!op || op->kind != BinaryKind::add || !op->clamp.none()) return false;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId product = add.inputs[side], term = add.inputs[1 - side];
    Node* p = g.producer(product);
    if (!p || !(p->as<Dense>() || p->as<Conv>()) || !g.single_use(product)) continue;
    if (p->inputs.size() > 2 && p->inputs[2] != ValueId::none) continue;
    const Tensor* c = constant_behind(g, term);
    const Shape& y = g[product].type.shape;
    if (!c || g[add.outputs[0]].type.shape != y || g[term].type.dtype != DType::f32) continue;
    const Conv* conv = p->as<Conv>();
    const int axis = conv && !conv->channels_last ? 1 : int(y.size()) - 1;
    // All extents but the channels' are 1, so the bytes are already those of a vector of channels.
    Shape channels_only(y.size(), 1);
    channels_only[size_t(axis)] = y[size_t(axis)];
    if (c->elements() != y[size_t(axis)] || !per_channel(*c, y, axis)) continue;
    ValueId bias = term;
    if (c->shape() != Shape{y[size_t(axis)]}) {
      // A vector of the same numbers, in front of the Dequantize if there is one.
      Tensor flat = *c;
      flat.type().shape = {y[size_t(axis)]};
      if (flat.type().quant.axis > 0) flat.type().quant.axis = 0;
      const Node* dq = made_by<Dequantize>(g, term);
      const ValueId stored = g.add_constant(g.fresh(g[term].name), flat);
      bias = stored;
      if (dq) {
        Node copy = make_node(g, dq->name, Dequantize{}, {stored}, real_type(DType::f32, flat.shape()));
        bias = copy.outputs[0];
        const std::string product_name = p->name;
        g.insert(p, std::move(copy));
        p = g.producer(product);
        at += 1;
      }
    }
    Node& sum = g.nodes[at];
    // The product moves to the place of the sum, where its bias is surely known.
    Node fused = *p;
    fused.inputs.resize(2);
    fused.inputs.push_back(bias);
    fused.outputs = sum.outputs;
    append(fused.onnx, sum.onnx);
    const Node* old = p;
    sum = std::move(fused);
    g.erase(const_cast<Node*>(old));
    return true;
  }
  return false;
}

bool same_but_outputs(const Graph& g, const Node& a, const Node& b) {
  if (!(a.op == b.op) || a.inputs != b.inputs || a.outputs.size() != b.outputs.size()) return false;
  for (size_t i = 0; i < a.outputs.size(); ++i)
    if (g[a.outputs[i]].type != g[b.outputs[i]].type) return false;
  return true;
}

/// Nodes before the one at hand, by what they read.
using Readers = std::map<std::vector<ValueId>, std::vector<size_t>>;

/// Equal operators on equal inputs are computed once.
bool merge_equal(Graph& g, size_t at, const Readers& before) {
  const auto same_inputs = before.find(g.nodes[at].inputs);
  if (same_inputs == before.end()) return false;
  for (size_t i : same_inputs->second) {
    if (!same_but_outputs(g, g.nodes[i], g.nodes[at])) continue;
    for (size_t k = 0; k < g.nodes[at].outputs.size(); ++k) {
      if (g.is_output(g.nodes[at].outputs[k])) return false;  // keeps its name
      g.replace_uses(g.nodes[at].outputs[k], g.nodes[i].outputs[k]);
    }
    g.erase(&g.nodes[at]);
    return true;
  }
  return false;
}

/// A reshape or transpose that changes nothing, of a value that keeps its name.
bool drop_move(Graph& g, size_t at) {
  Node& n = g.nodes[at];
  const Value &x = g[n.inputs[0]], &y = g[n.outputs[0]];
  if (const Transpose* t = n.as<Transpose>(); t && moves_no_data(x.type.shape, t->perm) && x.type.quant.axis < 0) {
    n.op = Reshape{y.type.shape};
    return true;
  }
  if (!n.as<Reshape>()) return false;
  Node* const before = made_by<Reshape>(g, n.inputs[0]);
  if (before && is_one_reshape(g, *before, n)) {
    append(n.onnx, before->onnx);
    n.inputs[0] = before->inputs[0];
    return true;
  }
  if (x.type == y.type && !g.is_output(n.outputs[0])) {
    g.replace_uses(n.outputs[0], n.inputs[0]);
    g.erase(&n);
    return true;
  }
  return false;
}

}  // namespace

void simplify(Graph& g, const Context&) {
  for (bool changed = true; changed;) {
    changed = false;
    g.erase_dead();
    Readers before;
    for (size_t i = 0; i < g.nodes.size() && !changed; ++i) {
      changed = add_becomes_bias(g, i) || merge_equal(g, i, before) || drop_move(g, i);
      if (!changed) before[g.nodes[i].inputs].push_back(i);
    }
  }
}

}  // namespace burin
