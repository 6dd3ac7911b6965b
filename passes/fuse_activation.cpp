// relu(f(x)) and clip(f(x)) => f(x) with a clamp, when nothing else reads f's result and f has one.
#include <algorithm>

#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

/// The limits that `n` puts on its input, if that is all it does.
std::optional<Clamp> limits(const Node& n) {
  const Unary* u = n.as<Unary>();
  if (u && u->kind == UnaryKind::relu) return Clamp{0.0f, Clamp{}.hi};
  if (u && u->kind == UnaryKind::clip) return Clamp{u->alpha, u->beta};
  return std::nullopt;
}

}  // namespace

void fuse_activation(Graph& g, const Context&) {
  for (size_t i = 0; i < g.nodes.size();) {
    Node& n = g.nodes[i];
    const std::optional<Clamp> c = limits(n);
    Node* p = c ? g.producer(n.inputs[0]) : nullptr;
    Clamp* clamp =
        p && g.single_use(n.inputs[0]) && g[n.outputs[0]].type.dtype == DType::f32 ? clamp_of(p->op) : nullptr;
    if (!clamp || g[n.inputs[0]].type.quantized()) {
      ++i;
      continue;
    }
    // Clip(clamp(v, a, b), c, d) limits by c and d last, also where they lie outside [a, b]; by d after c, where they
    // cross.
    const float lo = std::min(c->lo, c->hi);
    *clamp = {std::clamp(clamp->lo, lo, c->hi), std::clamp(clamp->hi, lo, c->hi)};
    p->outputs = n.outputs;
    append(p->onnx, n.onnx);
    g.erase(&n);
  }
}

}  // namespace burin
