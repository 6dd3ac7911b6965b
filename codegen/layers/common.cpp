#include "codegen/layers/common.h"

namespace burin {

void requantization(const Requantization& r, LayerCode& code) {
  code.requantize = name_of(r.device.kind);
  code.body.structs.push_back({"q", struct_of(r.device)});
  NamedConstant p{"p", constant_of<int32_t>(r.params)};
  const bool one = r.params.size() <= size_t(words_per_channel(RequantKind::wide));
  (one ? code.body.arrays : code.constants).push_back(std::move(p));
}

LayerCode nothing(const LayerView& v) {
  LayerCode code;
  for (size_t i = 0; i < v.inputs(); ++i)
    if (v.has(i)) code.body.unused.push_back(fmt::format("x{}", i));
  for (size_t i = 0; i < v.node.outputs.size(); ++i) code.body.unused.push_back(fmt::format("y{}", i));
  return code;
}

LayerCode one_call(std::string header, Call call, std::vector<NamedStruct> structs) {
  LayerCode code;
  code.headers = {std::move(header)};
  code.body.structs = std::move(structs);
  code.body.calls = {std::move(call)};
  return code;
}

std::vector<Argument> with_operands(std::vector<Argument> before, int inputs) {
  for (int i = 0; i < inputs; ++i) before.push_back(pointer(fmt::format("x{}", i)));
  before.push_back(pointer("y0"));
  return before;
}

}  // namespace burin
