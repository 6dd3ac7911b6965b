// Scales flow through operators that only move data: an int8 model input that is reshaped before it is dequantized
// has the scale of that DequantizeLinear, and so has its header.
#include <cmath>

#include "passes/pass.h"

namespace burin {
namespace {

/// Operands of a movement operator that carry its data; what follows are indices and the like.
size_t data_operands(const Node& n) { return n.as<Concat>() ? n.inputs.size() : 1; }

bool can_take(const Type& t) { return t.quant.empty() && is_integer(t.dtype) && info(t.dtype).bits <= 16; }

}  // namespace

void infer_types(Graph& g, const Context&) {
  // The value that pads plain integers is such an integer; that of quantized ones is the real number it stands for.
  std::vector<size_t> plain_pads;
  for (size_t i = 0; i < g.nodes.size(); ++i)
    if (g.nodes[i].as<Pad>() && can_take(g[g.nodes[i].outputs[0]].type)) plain_pads.push_back(i);
  for (bool changed = true; changed;) {
    changed = false;
    for (Node& n : g.nodes) {
      if (quant_rule(n.op) != QuantRule::movement) continue;
      const std::vector<Type> inferred = infer(n.op, g.input_types(n));
      Type& y = g[n.outputs[0]].type;
      if (can_take(y) && inferred[0].quantized()) y.quant = inferred[0].quant, changed = true;
      for (size_t i = 0; i < data_operands(n); ++i) {
        Value& x = g[n.inputs[i]];
        if (can_take(x.type) && !x.constant() && y.quant.per_tensor()) x.type.quant = y.quant, changed = true;
      }
    }
  }
  for (size_t i : plain_pads) {
    const Quant& q = g[g.nodes[i].outputs[0]].type.quant;
    Pad& p = *g.nodes[i].as<Pad>();
    if (!q.empty() && std::isfinite(p.value)) p.value = (p.value - q.zero_point[0]) * q.scale[0];
  }
}

}  // namespace burin
