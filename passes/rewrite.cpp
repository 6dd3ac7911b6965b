#include "passes/rewrite.h"
#include "compiler/ops/reshape.h"

#include <fmt/format.h>

#include <algorithm>

namespace burin {

bool is_view(const Graph& g, const Node& n) {
  if (!n.as<Reshape>()) return false;
  const Type &x = g[n.inputs[0]].type, &y = g[n.outputs[0]].type;
  return x.shape == y.shape && x.quant != y.quant;
}

bool is_one_reshape(const Graph& g, const Node& before, const Node& n) {
  try {
    infer(n.op, std::span(&g[before.inputs[0]].type, 1));
    return true;
  } catch (const OpError&) {
    return false;
  }
}

std::vector<Tensor> evaluate(const Graph& g, const Node& n) {
  std::vector<const Tensor*> in;
  for (ValueId v : n.inputs) in.push_back(v == ValueId::none ? nullptr : g[v].data.get());
  std::vector<Tensor> out;
  for (ValueId v : n.outputs) out.emplace_back(g[v].type);
  eval(n.op, in, out);
  return out;
}

std::string onnx_origin(const Node& n) {
  constexpr size_t kMost = 4;
  if (n.onnx.empty() || n.onnx == std::vector{n.name}) return "";
  std::string names;
  for (size_t i = 0; i < std::min(n.onnx.size(), kMost); ++i) names += fmt::format("{}'{}'", i ? ", " : "", n.onnx[i]);
  if (n.onnx.size() > kMost) names += fmt::format(" and {} more", n.onnx.size() - kMost);
  return fmt::format("; made from ONNX node{} {}", n.onnx.size() > 1 ? "s" : "", names);
}

std::optional<std::vector<double>> per_channel(const Tensor& operand, const Shape& shape, int axis) {
  const Shape& s = operand.shape();
  if (s.size() > shape.size()) return std::nullopt;
  const size_t missing = shape.size() - s.size();
  for (size_t i = 0; i < s.size(); ++i)
    if (s[i] != 1 && int(i + missing) != axis) return std::nullopt;
  std::vector<double> r;
  for (int64_t i = 0; i < shape[size_t(axis)]; ++i) r.push_back(operand.real(operand.elements() == 1 ? 0 : i));
  return r;
}

}  // namespace burin
