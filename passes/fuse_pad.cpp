// pad(x) with zeros before a convolution => the convolution's own padding. A quantized x must be padded with its zero
// point, which is what a convolution pads with.
#include "compiler/ops/conv.h"
#include "compiler/ops/pad.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

bool pads_with_zero(const Pad& p, const Type& x) {
  return p.kind == PadKind::pad && p.value == 0 && (!x.quantized() || x.quant.per_tensor());
}

bool fuse(Graph& g, Node& n) {
  Conv* c = n.as<Conv>();
  Node* pad = c ? made_by<Pad>(g, n.inputs[0]) : nullptr;
  if (!pad) return false;
  const Pad& p = *pad->as<Pad>();
  if (!pads_with_zero(p, g[pad->inputs[0]].type)) return false;
  const size_t rank = p.begins.size(), first = c->channels_last ? 1 : 2, axes = rank - 2;
  for (size_t a = 0; a < rank; ++a) {
    const bool spatial = a >= first && a < first + axes;
    if ((!spatial && (p.begins[a] != 0 || p.ends[a] != 0)) || p.begins[a] < 0 || p.ends[a] < 0) return false;
  }
  for (size_t a = 0; a < axes; ++a) {
    const size_t to = 2 - axes + a;
    c->window.pads[to] += p.begins[first + a];
    c->window.pads[to + 2] += p.ends[first + a];
  }
  append(n.onnx, pad->onnx);
  g.set_input(n, 0, pad->inputs[0]);
  return true;
}

}  // namespace

void fuse_pad(Graph& g, const Context&) {
  for (Node& n : g.nodes) fuse(g, n);
  g.erase_dead();
}

}  // namespace burin
