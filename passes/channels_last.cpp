// Images become channels-last: convolutions and pools are rewritten between two transposes, and transposes then sink
// through what does not care about the order of axes until they meet and cancel, or reach the edge of the model.
#include "compiler/ops/dense.h"
#include "compiler/ops/layout.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/transpose.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

using Perm = std::vector<int64_t>;

/// f(x) => transpose(f'(transpose(x))) for what takes NCHW images.
bool rewrite_image(Graph& g, size_t at) {
  Node& n = g.nodes[at];
  bool* const last = channels_last_of(n.op);
  if (!last || *last) return false;
  const int rank = g[n.inputs[0]].type.rank();
  const Perm to = to_channels_last(rank), back = to_channels_first(rank);
  if (weighted(n) && !constant_operand(g, n, kWeights))
    throw ModelError(Diagnostic{Diagnostic::Severity::error, "the weights are computed at run time" + onnx_origin(n),
                                "dynamic-weights", "weights must be constants of the file", n.name,
                                std::string(name(n.op))});
  *last = true;
  Node before = make_node(g, n.name + "_nhwc", Transpose{to}, {n.inputs[0]}, permute(g[n.inputs[0]].type, to));
  const ValueId y = n.outputs[0];
  const ValueId inner = g.add_value(g.fresh(g[y].name + "_nhwc"), permute(g[y].type, to));
  g.set_input(n, 0, before.outputs[0]);
  g.set_outputs(n, {inner});
  if (weighted(n)) {
    const Value& w = g[n.inputs[kWeights]];
    g.set_input(n, kWeights, g.add_constant(g.fresh(w.name), permute(*w.data, to)));
  }
  g.insert(at + 1 < g.nodes.size() ? &g.nodes[at + 1] : nullptr, {n.name + "_nchw", Transpose{back}, {inner}, {y}, {}});
  g.insert(&n, std::move(before));
  return true;
}

/// A constant as it must be so that op(transpose(x), c) == transpose(op(x, c')).
std::optional<ValueId> constant_before(Graph& g, ValueId c, const Perm& perm) {
  if (!g[c].constant()) return std::nullopt;
  if (g[c].type.rank() == 0 || g[c].data->elements() == 1) return c;
  Tensor t = *g[c].data;
  if (t.type().rank() > int(perm.size())) return std::nullopt;
  t.type().shape.insert(t.type().shape.begin(), perm.size() - t.shape().size(), 1);
  return g.add_constant(g.fresh(g[c].name), permute(t, inverse(perm)));
}

/// The order of axes that a Transpose makes `v` with; null where none does.
const Perm* perm_of(Graph& g, ValueId v) {
  const Node* t = made_by<Transpose>(g, v);
  return t ? &t->as<Transpose>()->perm : nullptr;
}

/// op(transpose(x), ...) => transpose(op'(x, ...)).
bool sink(Graph& g, Node& n) {
  if (n.outputs.size() != 1) return false;
  std::optional<Perm> perm;
  for (size_t i = 0; i < data_operands(n); ++i) {
    const Perm* p = perm_of(g, n.inputs[i]);
    if (p && perm && *perm != *p) return false;
    if (p) perm = *p;
  }
  if (!perm || g[n.outputs[0]].type.rank() != int(perm->size())) return false;
  Op op = n.op;
  if (is_view(g, n)) op = Reshape{permute(g[n.outputs[0]].type, inverse(*perm)).shape};
  else if (!permute_axes(op, *perm)) return false;
  std::vector<ValueId> inputs = n.inputs;
  for (size_t i = 0; i < data_operands(n); ++i) {
    if (const Node* t = made_by<Transpose>(g, n.inputs[i])) {
      inputs[i] = t->inputs[0];
      continue;
    }
    const std::optional<ValueId> c = constant_before(g, n.inputs[i], *perm);
    if (!c) return false;
    inputs[i] = *c;
  }
  Node moved = n;
  moved.op = op;
  moved.inputs = inputs;
  moved.outputs = {g.add_value(g.fresh(g[n.outputs[0]].name + "_nhwc"), permute(g[n.outputs[0]].type, inverse(*perm)))};
  g.replace(n, {moved.name + "_nchw", Transpose{*perm}, moved.outputs, n.outputs, {}});
  g.insert(&n, std::move(moved));
  return true;
}

/// transpose(transpose(x)) => one, or x itself; one that moves no data becomes a reshape.
bool meet(Graph& g, Node& n) {
  Transpose* t = n.as<Transpose>();
  if (!t) return false;
  const Type& x = g[n.inputs[0]].type;
  if (moves_no_data(x.shape, t->perm) && x.quant.axis < 0) {
    n.op = Reshape{g[n.outputs[0]].type.shape};
    return true;
  }
  const Perm* before = perm_of(g, n.inputs[0]);
  if (!before) return false;
  t->perm = compose(*before, t->perm);
  g.set_input(n, 0, g.producer(n.inputs[0])->inputs[0]);
  return true;
}

/// Reshapes of reshapes, and those that change nothing.
bool drop_reshape(Graph& g, Node& n) {
  if (!n.as<Reshape>()) return false;
  if (const Node* before = made_by<Reshape>(g, n.inputs[0]); before && is_one_reshape(g, *before, n)) {
    g.set_input(n, 0, before->inputs[0]);
    return true;
  }
  if (g[n.inputs[0]].type != g[n.outputs[0]].type || g.is_output(n.outputs[0])) return false;
  g.replace_uses(n.outputs[0], n.inputs[0]);
  g.erase(n);
  return true;
}

/// dense(reshape(transpose(x))) => dense(reshape(x)) with the columns of its weights in x's order: the flattening
/// of an image before a classifier.
bool into_dense(Graph& g, Node& n) {
  if (!n.as<Dense>() || !g[n.inputs[1]].constant()) return false;
  Node* flat = made_by<Reshape>(g, n.inputs[0]);
  Node* t = flat ? made_by<Transpose>(g, flat->inputs[0]) : nullptr;
  if (!t || !g.single_use(n.inputs[0])) return false;
  const Shape& image = g[t->outputs[0]].type.shape;
  const Perm& perm = *perm_of(g, flat->inputs[0]);
  const Type& w = g[n.inputs[1]].type;
  // Everything but the outermost axis is flattened, and the transpose leaves that one alone.
  if (perm[0] != 0 || elements(Shape(image.begin() + 1, image.end())) != w.shape[1] || w.quant.axis > 0) return false;
  Tensor columns = *g[n.inputs[1]].data;
  columns.type().shape = image;
  columns.type().shape[0] = w.shape[0];
  columns = permute(columns, inverse(perm));
  columns.type() = w;
  g.set_input(n, 1, g.add_constant(g.fresh(g[n.inputs[1]].name), std::move(columns)));
  g.set_input(*flat, 0, t->inputs[0]);
  // The same elements in another order: another value.
  const Type flat_type = g[flat->outputs[0]].type;
  const ValueId other = g.add_value(g.fresh(g[flat->outputs[0]].name + "_nhwc"), flat_type);
  g.set_outputs(*flat, {other});
  g.set_input(n, 0, other);
  return true;
}

}  // namespace

void channels_last(Graph& g, const Context&) {
  for (size_t i = 0; i < g.nodes.size(); ++i)
    if (rewrite_image(g, i)) ++i;
  sink_transposes(g);
}

void sink_transposes(Graph& g) { rewrite_to_fixpoint(g, meet, drop_reshape, into_dense, sink); }

}  // namespace burin
