// Algebra on the graph: a bias joins the product before it, equal nodes become one, moves that move nothing vanish.
#include "compiler/ops/binary.h"
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
bool add_becomes_bias(Graph& g, Node& add) {
  const Binary* op = add.as<Binary>();
  if (!op || op->kind != BinaryKind::add || !op->clamp.none()) return false;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId product = add.inputs[side], term = add.inputs[1 - side];
    Node* p = g.producer(product);
    if (!p || !weighted(*p) || !g.single_use(product) || operand(*p, kBias) != ValueId::none) continue;
    const Tensor* c = constant_behind(g, term);
    const Shape& y = g[product].type.shape;
    if (!c || g[add.outputs[0]].type.shape != y || g[term].type.dtype != DType::f32) continue;
    const int axis = channel_axis(p->op, int(y.size()));
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
        g.insert(p, std::move(copy));
      }
    }
    // The product moves to the place of the sum, where its bias is surely known.
    Node fused = *p;
    fused.inputs.resize(kBias);
    fused.inputs.push_back(bias);
    fused.outputs = add.outputs;
    append(fused.onnx, add.onnx);
    g.erase(*p);
    g.replace(add, std::move(fused));
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

/// Equal operators on equal inputs are computed once.
bool merge_equal(Graph& g, Node& n) {
  const Node* first = nullptr;
  if (const ValueId v = least_read(g, n); v != ValueId::none && g.reads(v) > 1)
    for (const Node* other : g.users(v))
      if (g.nodes.order(*other) < g.nodes.order(first ? *first : n) && same_but_outputs(g, *other, n)) first = other;
  if (!first) return false;
  for (size_t k = 0; k < n.outputs.size(); ++k) {
    if (g.is_output(n.outputs[k])) return false;  // keeps its name
    g.replace_uses(n.outputs[k], first->outputs[k]);
  }
  g.erase(n);
  return true;
}

/// A reshape or transpose that changes nothing, of a value that keeps its name.
bool drop_move(Graph& g, Node& n) {
  const Value &x = g[n.inputs[0]], &y = g[n.outputs[0]];
  if (const Transpose* t = n.as<Transpose>(); t && moves_no_data(x.type.shape, t->perm) && x.type.quant.axis < 0) {
    n.op = Reshape{y.type.shape};
    return true;
  }
  if (!n.as<Reshape>()) return false;
  Node* const before = made_by<Reshape>(g, n.inputs[0]);
  if (before && is_one_reshape(g, *before, n)) {
    append(n.onnx, before->onnx);
    g.set_input(n, 0, before->inputs[0]);
    return true;
  }
  if (x.type == y.type && !g.is_output(n.outputs[0])) {
    g.replace_uses(n.outputs[0], n.inputs[0]);
    g.erase(n);
    return true;
  }
  return false;
}

}  // namespace

void simplify(Graph& g, const Context&) { rewrite_to_fixpoint(g, add_becomes_bias, merge_equal, drop_move); }

}  // namespace burin
