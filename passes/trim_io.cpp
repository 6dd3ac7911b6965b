// --io-layout nhwc and --io-type quantized: what stands at the edge of the model is left to the caller.
#include <algorithm>

#include "compiler/ops/layout.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/transpose.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

/// Whether the options ask to leave `n` to the caller.
bool at_edge(const Graph& g, const Node& n, const Options& o, bool input) {
  const Type &x = g[n.inputs[0]].type, &y = g[n.outputs[0]].type;
  if (o.io_type == Options::IoType::quantized && (input ? n.as<Quantize>() != nullptr : n.as<Dequantize>() != nullptr))
    return true;
  if (o.io_layout != Options::IoLayout::nhwc) return false;
  // Of one channel or one pixel the transpose has become a reshape.
  if (n.as<Reshape>() && (x.rank() == 3 || x.rank() == 4) && x.quant == y.quant)
    return y.shape == permute(x, input ? to_channels_last(x.rank()) : to_channels_first(x.rank())).shape;
  const Transpose* t = n.as<Transpose>();
  using Perm = std::vector<int64_t>;
  return t && (t->perm == (input ? Perm{0, 2, 3, 1} : Perm{0, 3, 1, 2}) || t->perm == Perm{0, 2, 1});
}

}  // namespace

void trim_io(Graph& g, const Context& ctx) {
  Edges edges{std::vector<Edges::Steps>(g.inputs.size()), std::vector<Edges::Steps>(g.outputs.size())};
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < g.inputs.size(); ++i) {
      ValueId& x = g.inputs[i];
      if (!g.single_use(x)) continue;
      Node* n = g.users(x)[0];
      if (!at_edge(g, *n, ctx.options, true)) continue;
      const ValueId inner = n->outputs[0];
      if (g.is_output(inner)) continue;
      edges.inputs[i].push_back({n->op, g[x].type, g[inner].type});
      std::swap(g[x].name, g[inner].name);  // the ONNX name stays with the interface
      x = inner;
      g.erase(*n);
      changed = true;
    }
    for (size_t i = 0; i < g.outputs.size(); ++i) {
      ValueId& y = g.outputs[i];
      Node* n = g.producer(y);
      if (!n || !at_edge(g, *n, ctx.options, false) || std::ranges::count(g.outputs, y) > 1 || !g.users(y).empty())
        continue;
      const ValueId inner = n->inputs[0];
      if (g[inner].constant() || g.is_output(inner) || std::ranges::count(g.inputs, inner)) continue;
      edges.outputs[i].insert(edges.outputs[i].begin(), {n->op, g[inner].type, g[y].type});
      std::swap(g[y].name, g[inner].name);
      y = inner;
      g.erase(*n);
      changed = true;
    }
  }
  if (ctx.edges) *ctx.edges = std::move(edges);
}

}  // namespace burin
