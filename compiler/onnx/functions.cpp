#include "compiler/onnx/functions.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/diagnostics.h"

namespace burin {
namespace {

using Arguments = std::map<std::string, onnx::AttributeProto>;

std::string key(std::string_view domain, std::string_view name, std::string_view overload) {
  std::string k(plain_domain(domain));
  for (std::string_view part : {name, overload}) k.append(1, '\0').append(part);
  return k;
}

void substitute(onnx::NodeProto& node, const Arguments& arguments);

void substitute(onnx::GraphProto& graph, const Arguments& arguments) {
  for (auto& n : *graph.mutable_node()) substitute(n, arguments);
}

void substitute(onnx::NodeProto& node, const Arguments& arguments) {
  google::protobuf::RepeatedPtrField<onnx::AttributeProto> kept;
  for (auto& a : *node.mutable_attribute()) {
    if (!a.ref_attr_name().empty()) {
      const auto given = arguments.find(a.ref_attr_name());
      if (given == arguments.end()) continue;  // an optional attribute that stays optional
      const std::string name = a.name();
      a = given->second;
      a.set_name(name);
    } else {
      if (a.has_g()) substitute(*a.mutable_g(), arguments);
      for (auto& g : *a.mutable_graphs()) substitute(g, arguments);
    }
    kept.Add(std::move(a));
  }
  node.mutable_attribute()->Swap(&kept);
}

}  // namespace

Functions::Functions(const onnx::ModelProto& model) {
  for (const auto& f : model.functions())
    if (!all_.emplace(key(f.domain(), f.name(), text_field(f, kFunctionOverload)), &f).second)
      throw OpError(fmt::format("function '{}' is defined twice", f.name()), "duplicate-name");
}

const onnx::FunctionProto* Functions::find(const onnx::NodeProto& node) const {
  if (all_.empty()) return nullptr;
  const auto it = all_.find(key(node.domain(), node.op_type(), text_field(node, kNodeOverload)));
  return it == all_.end() ? nullptr : it->second;
}

std::vector<onnx::NodeProto> body_of(const onnx::FunctionProto& function, const onnx::NodeProto& call) {
  Arguments arguments;
  for (const std::string& bytes : field(function, kFunctionAttributeProto)) {
    onnx::AttributeProto a;
    if (!a.ParseFromString(bytes))
      throw OpError(fmt::format("a default attribute of function '{}' is damaged", function.name()));
    arguments[a.name()] = a;
  }
  const auto& required = function.attribute();
  for (const auto& a : call.attribute()) {
    if (!arguments.contains(a.name()) && std::find(required.begin(), required.end(), a.name()) == required.end())
      throw OpError(fmt::format("function '{}' has no attribute '{}'", function.name(), a.name()),
                    "unsupported-attribute");
    arguments[a.name()] = a;
  }
  std::vector<onnx::NodeProto> nodes(function.node().begin(), function.node().end());
  for (auto& n : nodes) substitute(n, arguments);
  return nodes;
}

}  // namespace burin
