#include "compiler/program/layer_code.h"

#include <fmt/format.h>

namespace burin {

LayerCode one_call(std::string header, Call call, std::vector<NamedStruct> structs) {
  LayerCode code;
  code.headers = {std::move(header)};
  code.body.structs = std::move(structs);
  code.body.calls = {std::move(call)};
  return code;
}

LayerCode nothing(size_t inputs, size_t outputs) {
  LayerCode code;
  for (size_t i = 0; i < inputs; ++i) code.body.unused.push_back(fmt::format("x{}", i));
  for (size_t i = 0; i < outputs; ++i) code.body.unused.push_back(fmt::format("y{}", i));
  return code;
}

std::vector<Argument> with_operands(std::vector<Argument> before, int inputs) {
  for (int i = 0; i < inputs; ++i) before.push_back(pointer(fmt::format("x{}", i)));
  before.push_back(pointer("y0"));
  return before;
}

}  // namespace burin
