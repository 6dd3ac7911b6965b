// Ways to run a layer by its kernel: fewer output rows a call need less working memory, and input rows are free
// earlier; what that costs is more calls, and blocks that do not fill.
#pragma once
#include <vector>

#include "codegen/layer.h"

namespace burin {

/// A node with these rows and this block asks its kernel for the form (Kernel::work); the kernel says the same of it.
struct Form {
  int32_t rows, block;  // Node::rows, Node::block
  int64_t scratch;      // bytes
  double cycles;        // of one run, estimated
  bool operator==(const Form&) const = default;
};

/// The usual form first, then those of fewer rows that are better at something than all that have no more, descending.
/// Nothing where the kernel does not serve the layer.
std::vector<Form> row_forms(const LayerView& v, const Kernel& k);

}  // namespace burin
