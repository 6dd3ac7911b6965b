// Each output of the model gets a value of its own that a node writes: one that is a constant, an input, or named twice
// gets a Reshape (a copy) in front. A constant's name goes to the output. Changes nothing the second time.
#include <set>

#include "compiler/ops/reshape.h"
#include "passes/pass.h"

namespace burin {

void own_outputs(Graph& g, const Context&) {
  std::set<ValueId> taken(g.inputs.begin(), g.inputs.end());
  for (ValueId& out : g.outputs) {
    const ValueId from = out;
    if (!g[from].constant() && taken.insert(from).second) continue;
    const std::string onnx_name = g[from].interface_name();
    std::string name = g[from].name;
    if (g[from].constant()) g.rename(from, g.fresh(name + "_data"));
    name = g.fresh(name);
    Type type = g[from].type;
    Node copy;
    copy.name = g.fresh("copy_" + name);
    copy.op = Reshape{type.shape};
    copy.inputs = {from};
    copy.outputs = {out = g.add_value(std::move(name), std::move(type))};
    if (g[out].name != onnx_name) g[out].onnx_name = onnx_name;
    taken.insert(out);
    g.nodes.push_back(std::move(copy));
  }
}

}  // namespace burin
