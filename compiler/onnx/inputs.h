// What the model's inputs are: declared types, extents that the command line gives, values that it binds.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/onnx/proto.h"
#include "compiler/onnx/reader.h"

namespace burin {

/// An input of the graph, or one that is bound and became a constant.
struct ModelInput {
  std::string name;
  Type type;
  std::optional<Tensor> value;
};

/// Resolves all inputs but `skip` (initializers that are also listed as inputs and not bound). Extents come from, in
/// this order: the file, options.input_dims, shapes of bound values (a symbolic name has one extent everywhere), and 1
/// for a leading one that is still open, with a note. What is wrong or missing is appended to `errors`.
std::vector<ModelInput> resolve_inputs(const onnx::GraphProto& graph, const ReadOptions& options,
                                       const std::set<std::string>& skip, std::vector<std::string>& notes,
                                       std::vector<Diagnostic>& errors);

}  // namespace burin
