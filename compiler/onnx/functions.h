// Functions that a model brings along (ModelProto.functions).
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/onnx/proto.h"

namespace burin {

class Functions {
 public:
  explicit Functions(const onnx::ModelProto& model);
  /// The function that `node` calls; null where it is an operator.
  const onnx::FunctionProto* find(const onnx::NodeProto& node) const;

 private:
  std::map<std::string, const onnx::FunctionProto*> all_;  // by domain, name and overload
};

/// The nodes of `function` as `call` means them: attributes that refer to the function's own are replaced by those of
/// the call, by the function's defaults, or dropped. Throws OpError for an attribute that the function does not have.
std::vector<onnx::NodeProto> body_of(const onnx::FunctionProto& function, const onnx::NodeProto& call);

/// "ai.onnx" is another name of the empty domain.
inline std::string_view plain_domain(std::string_view domain) { return domain == "ai.onnx" ? "" : domain; }

}  // namespace burin
