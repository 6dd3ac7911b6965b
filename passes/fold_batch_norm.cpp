// conv(x) * m + a, with m and a one number per output channel, goes into the convolution's weights and bias: this is
// what batch normalization becomes at import. Real numbers only; weights that are quantized stay as they are.
#include "compiler/ops/binary.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

bool fold(Graph& g, Node& n) {
  const Binary* op = n.as<Binary>();
  const bool scales = op && op->kind == BinaryKind::mul, shifts = op && op->kind == BinaryKind::add;
  if ((!scales && !shifts) || !op->clamp.none()) return false;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId product = n.inputs[side];
    const Value& term = g[n.inputs[1 - side]];
    Node* p = g.producer(product);
    if (!p || !weighted(*p) || !g.single_use(product) || !term.constant()) continue;
    const Clamp* clamp = clamp_of(p->op);
    const Value& w = g[p->inputs[kWeights]];
    const ValueId bias_before = operand(*p, kBias);
    const bool has_bias = bias_before != ValueId::none;
    if (!clamp->none() || !w.constant() || w.type.dtype != DType::f32) continue;
    if (has_bias && (!g[bias_before].constant() || g[bias_before].type.dtype != DType::f32)) continue;
    const Shape& y = g[product].type.shape;
    if (g[n.outputs[0]].type.shape != y) continue;
    const int axis = channel_axis(p->op, int(y.size()));
    const auto factors = per_channel(*term.data, y, axis);
    if (!factors) continue;

    const int64_t channels = y[size_t(axis)], filter_size = w.data->elements() / channels;
    Tensor weights = *w.data, bias(real_type(DType::f32, {channels}));
    for (int64_t c = 0; c < channels; ++c) {
      const double f = (*factors)[size_t(c)], b = has_bias ? g[bias_before].data->real(c) : 0.0;
      if (scales)
        for (int64_t i = c * filter_size; i < (c + 1) * filter_size; ++i) weights.set_real(i, weights.real(i) * f);
      bias.set_real(c, scales ? b * f : b + f);
    }
    Node folded = *p;
    folded.inputs = {p->inputs[0], g.add_constant(g.fresh(w.name), std::move(weights)),
                     g.add_constant(g.fresh(p->name + "_bias"), std::move(bias))};
    folded.outputs = n.outputs;
    append(folded.onnx, n.onnx);
    g.erase(*p);
    g.replace(n, std::move(folded));
    return true;
  }
  return false;
}

}  // namespace

void fold_batch_norm(Graph& g, const Context&) { rewrite_to_fixpoint(g, fold); }

}  // namespace burin
