#include "codegen/layers/reference.h"

namespace burin {

std::optional<Reference> Reference::of(const LayerView& v) {
  std::vector<Type> in = v.graph.input_types(v.node);
  std::optional<LayerCode> code = call(v.node.op, in, v.out());
  if (!code) return std::nullopt;
  const int64_t reads = in[0].elements();
  return Reference{v.node.op, std::move(in), v.out(), std::move(*code), v.out().elements(), reads};
}

LayerCode lower_reference(const LayerView& v) {
  LayerCode code = v.as<Reference>()->code;
  for (Call& c : code.body.calls)
    if (c.rows) c.rows->n = v.node.rows;
  return code;
}

LayerCode with_kernel(LayerCode code, std::string header, std::string function) {
  if (code.body.calls.empty()) return code;
  code.headers[0] = std::move(header);
  code.body.calls[0].function = std::move(function);
  return code;
}

}  // namespace burin
