// From an ONNX file to a Graph: one call, all errors at once.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "compiler/diagnostics.h"
#include "compiler/ir/graph.h"
#include "compiler/limits.h"

namespace burin {

struct ReadOptions {
  /// Extents of dimensions that the file leaves open, by their symbolic name or as INPUT:AXIS (the last colon counts).
  std::map<std::string, int64_t> input_dims;
  /// Inputs that become constants: name -> value of the declared element type and shape.
  std::map<std::string, Tensor> bind;
  /// The same as text: what parse_binding() (bind.h) takes.
  std::map<std::string, std::string> bind_text;
  ModelLimits limits;
};

struct ModelInfo {
  std::string file, sha256;
  std::string producer;                     // "pytorch 2.1"; may be empty
  std::vector<std::string> external_files;  // that initializers lie in, for dependency files
};

/// The operator set versions up to which the meaning of operators was checked against the specification.
constexpr int kNewestOpset = 27;

/// Reads ModelProto of any IR version: checks names and types, sorts the nodes, inlines the model's own functions and
/// branches whose condition is known, imports every operator and computes what depends on constants only. The graph is
/// verified and has no name yet. Inputs that nothing reads remain. An input or initializer never changes its name;
/// other values have the names of the file where they survive. Throws ModelError with all diagnostics. Codes:
/// unreadable-file, not-onnx, empty-graph, duplicate-name, undefined-value, cycle, unsupported-op, unsupported-domain,
/// unsupported-attribute, unsupported-type, unknown-shape, unknown-dimension, unknown-input, invalid-binding,
/// external-data, limit, dynamic-..., invalid-model and those of the operators.
Graph read_model(const std::string& path, const ReadOptions& options, ModelInfo* info = nullptr);
/// The same from the file's bytes, which it gives up as soon as it can (they are as large as the weights); `path` says
/// where external data lies.
Graph read_model(std::string bytes, const std::string& path, const ReadOptions& options, ModelInfo* info = nullptr);

/// What read_model throws when some nodes need values that are computed from model inputs: binding `inputs` may help.
class NeedsBinding : public ModelError {
 public:
  NeedsBinding(std::vector<Diagnostic> all, std::vector<std::string> needed)
      : ModelError(std::move(all)), inputs_(std::move(needed)) {}
  const std::vector<std::string>& inputs() const { return inputs_; }

 private:
  std::vector<std::string> inputs_;
};

}  // namespace burin
