// relu(f(x)) and clip(f(x)) => f(x) with a clamp, when nothing else reads f's result and f has one. So do limits of the
// stored integers that Quantize or a quantized f makes of it: max(relu(view(quantize(f(x)))), c), as exporters write
// for few bits, are limits of the numbers that these integers stand for.
#include <algorithm>

#include "compiler/ops/binary.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/unary.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

/// Clip(clamp(v, a, b), c, d) limits by c and d last, also where they lie outside [a, b]; by d after c, where they
/// cross.
Clamp limited(const Clamp& first, const Clamp& c) {
  const float lo = std::min(c.lo, c.hi);
  return {std::clamp(first.lo, lo, c.hi), std::clamp(first.hi, lo, c.hi)};
}

bool fuse(Graph& g, Node& n) {
  const std::optional<Clamp> c = limits(n.op);
  Node* p = c ? g.producer(n.inputs[0]) : nullptr;
  Clamp* clamp = p && g.single_use(n.inputs[0]) && g[n.outputs[0]].type.dtype == DType::f32 ? clamp_of(p->op) : nullptr;
  if (!clamp || g[n.inputs[0]].type.quantized()) return false;
  *clamp = limited(*clamp, *c);
  append(p->onnx, n.onnx);
  const std::vector<ValueId> outputs = n.outputs;
  g.erase(n);
  g.set_outputs(*p, outputs);
  return true;
}

struct StoredLimits {
  ValueId x = ValueId::none;
  int64_t lo, hi;
};

/// The limits that `n` puts on plain integers, if that is all it does.
std::optional<StoredLimits> stored_limits(const Graph& g, const Node& n) {
  const Type& y = g[n.outputs[0]].type;
  if (!is_byte(y.dtype) || y.quantized()) return std::nullopt;
  const DTypeInfo& t = info(y.dtype);
  if (const Unary* u = n.as<Unary>(); u && u->kind == UnaryKind::relu) return StoredLimits{n.inputs[0], 0, t.hi};
  const Binary* b = n.as<Binary>();
  if (!b || (b->kind != BinaryKind::max && b->kind != BinaryKind::min)) return std::nullopt;
  for (size_t side = 0; side < 2; ++side) {
    const Value& bound = g[n.inputs[1 - side]];
    if (!bound.constant() || bound.data->elements() != 1 || g[n.inputs[side]].type.shape != y.shape) continue;
    const int64_t v = bound.data->integer(0);
    return b->kind == BinaryKind::max ? StoredLimits{n.inputs[side], v, t.hi} : StoredLimits{n.inputs[side], t.lo, v};
  }
  return std::nullopt;
}

/// A value that has the place, the type and the name of `v`, but other numbers.
ValueId successor(Graph& g, ValueId v) {
  const ValueId y = g.add_value(g.fresh(g[v].name), g[v].type);
  std::swap(g[y].name, g[v].name);
  return y;
}

/// limits(view(quantize(f(x)))) => view(quantize(f'(x))), f' with a clamp.
bool fuse_stored(Graph& g, Node& n) {
  const std::optional<StoredLimits> l = stored_limits(g, n);
  Node* view = l ? made_by<Reshape>(g, l->x) : nullptr;
  if (!view || !is_view(g, *view) || !g.single_use(l->x)) return false;
  const ValueId q = view->inputs[0];
  const Quant quant = g[q].type.quant;
  Node* quantize = made_by<Quantize>(g, q);
  Node* p = quantize ? g.producer(quantize->inputs[0]) : g.producer(q);
  Clamp* clamp = p ? clamp_of(p->op) : nullptr;
  if (!clamp || !quant.per_tensor() || !g.single_use(q) || (quantize && !g.single_use(quantize->inputs[0])))
    return false;
  // A bound at the end of the type limits nothing: nothing is said about it.
  const DTypeInfo& t = info(g[q].type.dtype);
  const auto real = [&](int64_t v, int64_t open, float none) {
    return v == open ? none : float(double(v - quant.zero_point[0]) * double(quant.scale[0]));
  };
  *clamp = limited(*clamp, {real(l->lo, t.lo, Clamp{}.lo), real(l->hi, t.hi, Clamp{}.hi)});
  append(p->onnx, n.onnx);
  g.set_outputs(*p, {successor(g, p->outputs[0])});
  const ValueId stored = quantize ? successor(g, q) : p->outputs[0];
  if (quantize) g.set_inputs(*quantize, p->outputs), g.set_outputs(*quantize, {stored});
  // The limited integers are now those of the view; a view of them that gives the same meaning back vanishes.
  n.op = Reshape{g[stored].type.shape};
  g.set_inputs(n, {stored});
  g.erase(*view);
  return true;
}

/// view(view(x)) => view(x), where fused limits stood between them.
bool meet(Graph& g, Node& n) {
  if (!is_view(g, n)) return false;
  const Node* before = g.producer(n.inputs[0]);
  if (!before || !is_view(g, *before)) return false;
  const ValueId x = before->inputs[0];
  if (g[x].type == g[n.outputs[0]].type && !g.is_output(n.outputs[0])) {
    g.replace_uses(n.outputs[0], x);
    g.erase(n);
  } else {
    g.set_input(n, 0, x);
  }
  return true;
}

}  // namespace

void fuse_activation(Graph& g, const Context&) {
  for (size_t i = 0; i < g.nodes.size();)
    if (!fuse(g, g.nodes[i])) ++i;
  bool changed = false;
  for (size_t i = 0; i < g.nodes.size();) {
    if (fuse_stored(g, g.nodes[i])) changed = true;
    else ++i;
  }
  for (size_t i = 0; changed && i < g.nodes.size();)
    if (!meet(g, g.nodes[i])) ++i;
  if (changed) g.erase_dead();
}

}  // namespace burin
