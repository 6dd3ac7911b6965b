// Walks a model's graph and its subgraphs and turns every node into IR. Private to read_model().
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/limits.h"
#include "compiler/onnx/functions.h"
#include "compiler/onnx/node.h"
#include "compiler/onnx/order.h"
#include "compiler/onnx/reader.h"

namespace burin {

/// Operator set version of each domain ("" for ONNX's own).
using Opsets = std::map<std::string, int, std::less<>>;

/// The names that are visible at a place of the model.
struct Scope {
  const Scope* outer = nullptr;  // a branch of If sees what is around it, a function does not
  int64_t depth = 0;             // functions and branches around it
  const Opsets* opsets = nullptr;
  std::string prefix;                          // of names in the IR: "call/" inside a function that node `call` calls
  std::map<std::string, ValueId> values;       // by ONNX name; kFailed for what could not be imported
  std::map<std::string, std::string> renamed;  // results of a function or branch have the caller's name

  /// In the IR: `name` with the prefix, or what the caller says.
  std::string shown(const std::string& name) const;
};

constexpr ValueId kFailed = ValueId(-2);

class ModelImporter {
 public:
  /// `bytes` of file are held already.
  ModelImporter(onnx::ModelProto&& model, int64_t bytes, std::string folder, const ReadOptions& options);
  /// Throws ModelError or NeedsBinding.
  Graph run();

 private:
  using Outputs = google::protobuf::RepeatedPtrField<std::string>;

  // Diagnostics.
  void fail(const OpError& e, const Scope* scope = nullptr, const onnx::NodeProto* node = nullptr);
  OpError with_hint(const OpError& e, const OnnxNode& node);

  // Names.
  std::optional<ValueId> find(const Scope& scope, const std::string& name) const;
  void define(Scope& scope, const std::string& name, ValueId v);
  std::string unique(const std::string& name);
  void name_value(const Scope& scope, const std::string& onnx_name, ValueId v);
  void name_the_rest();

  // Import.
  void import_initializers(const onnx::GraphProto& graph, Scope& scope);
  void import_nodes(const ProtoNodes& nodes, Scope& scope);
  /// Goes one function or branch further in; throws where that is too deep.
  Scope scope_inside(const Scope& scope, const std::string& name) const;
  void import_node(const onnx::NodeProto& proto, size_t index, Scope& scope);
  void import_operator(const onnx::NodeProto& proto, size_t index, Scope& scope, std::vector<ValueId> inputs);
  void inline_function(const onnx::FunctionProto& f, const onnx::NodeProto& call, const std::string& name, Scope& scope,
                       const std::vector<ValueId>& inputs);
  void inline_if(const onnx::NodeProto& proto, const std::string& name, Scope& scope,
                 const std::vector<ValueId>& inputs);
  void check_supported(const onnx::NodeProto& proto, const Scope& scope) const;
  std::vector<std::string> inputs_behind(ValueId v) const;
  void import_inputs();
  void import_outputs();
  void check_output_type(const onnx::ValueInfoProto& declared, ValueId v);

  onnx::ModelProto model_;
  const std::string folder_;
  const ReadOptions& options_;
  Functions functions_;
  Graph graph_;
  KnownValues known_;
  Opsets opsets_;
  Scope top_;
  std::set<std::string> names_;                    // of IR values
  std::vector<std::string> bases_;                 // by value: what name_the_rest() starts from
  std::vector<const onnx::FunctionProto*> calls_;  // active ones, against recursion
  Spending spent_;
  std::vector<Diagnostic> errors_;
  std::set<std::string> needed_;  // inputs that may help when they are bound
};

}  // namespace burin
