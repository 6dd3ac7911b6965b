// What layers of several families need.
#pragma once
#include <fmt/format.h>

#include "codegen/layer.h"
#include "compiler/ops/calls.h"

namespace burin {

/// What does nothing: for results without elements.
LayerCode nothing(const LayerView& v);

}  // namespace burin
