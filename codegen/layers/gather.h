// Picking elements by index.
#pragma once
#include "codegen/layer.h"

namespace burin {

struct GatherLayer {
  static std::optional<GatherLayer> of(const LayerView& v);
  int64_t n;
};

LayerCode lower_gather(const LayerView& v);

}  // namespace burin
