#include "codegen/layers/common.h"

namespace burin {

LayerCode nothing(const LayerView& v) {
  LayerCode code;
  for (size_t i = 0; i < v.inputs(); ++i)
    if (v.has(i)) code.body.unused.push_back(fmt::format("x{}", i));
  for (size_t i = 0; i < v.node.outputs.size(); ++i) code.body.unused.push_back(fmt::format("y{}", i));
  return code;
}

}  // namespace burin
