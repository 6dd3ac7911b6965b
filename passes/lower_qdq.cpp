// Dequantize, operator, Quantize => the operator on integers. A region is one operator with its bias and clamp (both
// joined to it before); what moves data is carried through, so that regions are found behind reshapes and transposes.
// What stays in float between integers is reported.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/ops/all.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

/// What `v` is dequantized from; none for a value that is no Dequantize's.
ValueId stored(Graph& g, ValueId v) {
  const Node* dq = made_by<Dequantize>(g, v);
  return dq ? dq->inputs[0] : ValueId::none;
}

/// Whether the operator moves elements of one operand without looking at them: then it moves stored integers as well.
bool moves_only(const Node& n) { return quant_rule(n.op) == QuantRule::movement && data_operands(n) == 1; }

/// Whether the number that `p` pads with can be stored with the scale of `t`, up to float32's precision.
bool on_grid(const Pad& p, const Type& t) {
  if (is_covered(p)) return true;
  const double stored = t.quant.scale[0] * double(fill_value(p, t).integer(0) - t.quant.zero_point[0]);
  return std::abs(stored - p.value) <= 1e-6 * std::abs(p.value);
}

/// move(dequantize(q)) => dequantize(move(q)).
bool sink_dequantize(Graph& g, Node& n) {
  if (!moves_only(n)) return false;
  const ValueId q = stored(g, n.inputs[0]);
  if (q == ValueId::none) return false;
  std::vector<Type> in = g.input_types(n);
  in[0] = g[q].type;
  Type moved;
  try {
    moved = infer(n.op, in)[0];
  } catch (const OpError&) {
    return false;  // channels with scales of their own do not survive this move
  }
  moved.dtype = g[q].type.dtype;
  if (!moved.quantized()) moved.quant = g[q].type.quant;
  if (const Pad* p = n.as<Pad>(); p && (!g[q].type.quant.per_tensor() || !on_grid(*p, g[q].type))) return false;
  Node move = n;
  move.inputs[0] = q;
  move.outputs = {g.add_value(g.fresh(g[q].name + "_moved"), moved)};
  const std::string name = g.producer(n.inputs[0])->name;
  Node dq{name, Dequantize{}, {move.outputs[0]}, n.outputs, {}};
  if (std::ranges::all_of(move.inputs, [&](ValueId v) { return g[v].constant(); })) {  // weights
    std::vector<Tensor> value = evaluate(g, move);
    g[move.outputs[0]].data = std::make_shared<const Tensor>(std::move(value[0]));
    g.replace(n, std::move(dq));
  } else {
    g.replace(n, std::move(dq));
    g.insert(&n, std::move(move));
  }
  return true;
}

/// Whether `n` stores float32 numbers in a narrower float type.
bool narrows(const Graph& g, const Node& n) {
  const Cast* c = n.as<Cast>();
  return c && (c->to == DType::f16 || c->to == DType::bf16) && g[n.inputs[0]].type.dtype == DType::f32;
}

/// move(narrow(dequantize(q))) => narrow(move(dequantize(q))): float16 scales make float16 results.
bool sink_narrowing(Graph& g, Node& n) {
  Node* cast = moves_only(n) ? g.producer(n.inputs[0]) : nullptr;
  if (!cast || !narrows(g, *cast) || stored(g, cast->inputs[0]) == ValueId::none) return false;
  Node move = n, narrow = *cast;
  move.inputs[0] = cast->inputs[0];
  move.outputs = {
      g.add_value(g.fresh(g[n.outputs[0]].name + "_wide"), real_type(DType::f32, g[n.outputs[0]].type.shape))};
  narrow.inputs = move.outputs, narrow.outputs = n.outputs;
  g.replace(n, std::move(narrow));
  g.insert(&n, std::move(move));
  return true;
}

/// widen(narrow(x)) => x next to a Dequantize or Quantize: between them numbers are real, whatever type carries them.
bool widen(Graph& g, Node& n) {
  if (!n.as<Cast>() || g[n.outputs[0]].type.dtype != DType::f32 || g.is_output(n.outputs[0])) return false;
  const Node* narrow = g.producer(n.inputs[0]);
  if (!narrow || !narrows(g, *narrow)) return false;
  const ValueId x = narrow->inputs[0];
  const std::vector<Node*> readers = g.users(n.outputs[0]);
  const bool settles = std::ranges::all_of(readers, [](const Node* r) { return r->as<Quantize>() != nullptr; });
  const bool begins = stored(g, x) != ValueId::none && std::ranges::all_of(readers, [](const Node* r) {
                        return r->as<Quantize>() || quant_rule(r->op) == QuantRule::arithmetic;
                      });
  if (!settles && !begins) return false;
  g.replace_uses(n.outputs[0], x);
  g.erase(n);
  return true;
}

/// quantize(move(x)) => move(quantize(x)), when nothing else reads the moved reals.
bool hoist_quantize(Graph& g, Node& n) {
  if (!n.as<Quantize>() || !g[n.outputs[0]].type.quant.per_tensor()) return false;
  Node* move = g.producer(n.inputs[0]);
  if (!move || quant_rule(move->op) != QuantRule::movement || !g.single_use(n.inputs[0])) return false;
  if (g[move->inputs[0]].type.dtype != DType::f32) return false;
  const Type y = g[n.outputs[0]].type;
  std::vector<Node> quantizers;
  Node moved = *move;
  const size_t operands = data_operands(*move);
  for (size_t i = 0; i < operands; ++i) {
    Type t{y.dtype, g[move->inputs[i]].type.shape, y.quant};
    quantizers.push_back(
        make_node(g, operands == 1 ? n.name : fmt::format("{}_{}", n.name, i), Quantize{}, {move->inputs[i]}, t));
    moved.inputs[i] = quantizers.back().outputs[0];
  }
  moved.outputs = n.outputs;
  append(moved.onnx, n.onnx);
  g.replace(n, std::move(moved));
  for (Node& q : quantizers) g.insert(move, std::move(q));
  g.erase(*move);
  return true;
}

/// quantize(dequantize(q)) => q, or one change of scale.
bool meet(Graph& g, Node& n) {
  const ValueId q = n.as<Quantize>() ? stored(g, n.inputs[0]) : ValueId::none;
  if (q == ValueId::none) return false;
  const Type &x = g[q].type, &y = g[n.outputs[0]].type;
  if (x.dtype == y.dtype && x.quant == y.quant) {
    if (g.is_output(n.outputs[0])) n.op = Reshape{y.shape}, g.set_inputs(n, {q});  // the output keeps its name
    else g.replace_uses(n.outputs[0], q), g.erase(n);
    return true;
  }
  if (!is_byte(x.dtype) || !is_byte(y.dtype) || !x.quant.per_tensor() || !y.quant.per_tensor()) return false;
  Unary u{};
  u.kind = UnaryKind::requantize;
  n.op = u;
  g.set_inputs(n, {q});
  return true;
}

/// The region itself.
bool lower(Graph& g, Node& n) {
  if (quant_rule(n.op) != QuantRule::arithmetic || n.outputs.size() != 1) return false;
  Node* q = only_reader<Quantize>(g, n.outputs[0]);
  if (!q) return false;
  const Type y = g[q->outputs[0]].type;
  if (!is_byte(y.dtype) || !y.quant.per_tensor()) return false;
  std::vector<ValueId> inputs = n.inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == ValueId::none) continue;
    const bool is_weight = weighted(n) && i == kWeights, is_bias = weighted(n) && i == kBias;
    const ValueId s = stored(g, inputs[i]);
    if (is_bias && s == ValueId::none && g[inputs[i]].constant()) continue;  // a real bias is a real number
    if (s == ValueId::none) return false;
    const Type& t = g[s].type;
    if (is_weight) {
      // One scale, or one per filter: a scale per input channel would need a multiplier per product.
      const bool per_filter = t.quant.axis <= 0 || (t.shape[0] == 1 && t.quant.scale.size() == 1);
      if (!g[s].constant() || info(t.dtype).bits > 8 || !per_filter) return false;
    } else if (is_bias) {
      if (!g[s].constant()) return false;
    } else if (!is_byte(t.dtype) || !t.quant.per_tensor()) {
      return false;
    }
    inputs[i] = s;
  }
  std::vector<Type> types;
  for (ValueId v : inputs) types.push_back(v == ValueId::none ? Type{} : g[v].type);
  if (!has_integer_form(n.op, types, y)) return false;
  append(n.onnx, q->onnx);
  const std::vector<ValueId> outputs = q->outputs;
  g.erase(*q);
  g.set_inputs(n, inputs);
  g.set_outputs(n, outputs);
  return true;
}

/// Weights that no region took are real numbers from here on.
bool fold_weights(Graph& g, Node& n) {
  if (!n.as<Dequantize>() || !g[n.inputs[0]].constant()) return false;
  std::vector<Tensor> value = evaluate(g, n);
  g[n.outputs[0]].data = std::make_shared<const Tensor>(std::move(value[0]));
  g.erase(n);
  return true;
}

/// Operators that are computed in float although all they read and write is stored in integers.
void report_islands(Graph& g) {
  for (Node& n : g.nodes) {
    if (traits(n.op).converts || g[n.outputs[0]].type.quantized()) continue;
    const bool reads = std::ranges::any_of(n.inputs, [&](ValueId v) { return stored(g, v) != ValueId::none; });
    if (!reads) continue;
    g.notes.push_back(fmt::format("node '{}' ({}) is computed in float32 between DequantizeLinear and QuantizeLinear",
                                  n.name, name(n.op)));
  }
}

}  // namespace

void lower_qdq(Graph& g, const Context& ctx) {
  rewrite_to_fixpoint(g, meet, hoist_quantize, sink_dequantize, sink_narrowing, widen, lower);
  rewrite_to_fixpoint(g, fold_weights);
  fold_constants(g, ctx);
  report_islands(g);
}

}  // namespace burin
