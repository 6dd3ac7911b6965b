#include "compiler/onnx/importer.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "compiler/onnx/advice.h"
#include "compiler/onnx/inputs.h"
#include "compiler/onnx/tensor_proto.h"
#include "compiler/ops/constants.h"
#include "compiler/ops/reshape.h"

namespace burin {
namespace {

Opsets opsets_of(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
  Opsets r;
  for (const auto& i : imports) {
    if (i.version() < 1 || i.version() > 10'000)
      throw OpError(fmt::format("operator set version {} of domain '{}'", i.version(), i.domain()));
    r[std::string(plain_domain(i.domain()))] = int(i.version());
  }
  return r;
}

}  // namespace

std::string Scope::shown(const std::string& name) const {
  const auto it = renamed.find(name);
  return it == renamed.end() ? prefix + name : it->second;
}

ModelImporter::ModelImporter(onnx::ModelProto&& model, int64_t bytes, std::string folder, const ReadOptions& options)
    : model_(std::move(model)),
      folder_(std::move(folder)),
      options_(options),
      functions_(model_),
      opsets_(opsets_of(model_.opset_import())),
      spent_(options.limits) {
  spent_.hold(2 * bytes);  // the file and its protobuf
  // Before IR version 3 files did not name the operator set.
  if (opsets_.empty() && model_.ir_version() < 3) opsets_[""] = 1;
  top_.opsets = &opsets_;
}

Graph ModelImporter::run() {
  const auto& graph = model_.graph();
  if (graph.output_size() == 0) throw ModelError("the graph has no outputs", "empty-graph");
  import_inputs();
  import_initializers(graph, top_);
  // They are read, and as large as the weights.
  google::protobuf::RepeatedPtrField<onnx::TensorProto>().Swap(model_.mutable_graph()->mutable_initializer());
  if (errors_.empty()) {
    ProtoNodes nodes;
    for (const auto& n : graph.node()) nodes.push_back(&n);
    import_nodes(nodes, top_);
    import_outputs();
  } else {
    // Without the inputs' types nothing can be imported, but what could never be is reported along with them.
    for (const auto& n : graph.node()) {
      try {
        check_supported(n, top_);
      } catch (const OpError& e) {
        fail(e, &top_, &n);
      }
    }
  }
  if (!errors_.empty()) {
    if (!needed_.empty()) throw NeedsBinding(std::move(errors_), {needed_.begin(), needed_.end()});
    throw ModelError(std::move(errors_));
  }
  graph_.erase_dead();
  known_ = {};
  graph_.drop_unread_constants();
  name_the_rest();
  if (const auto it = opsets_.find(""); it != opsets_.end() && it->second > kNewestOpset)
    graph_.notes.push_back(
        fmt::format("operator set {} is newer than {}, the newest that this version knows", it->second, kNewestOpset));
  verify(graph_);
  return std::move(graph_);
}

// Diagnostics.

void ModelImporter::fail(const OpError& e, const Scope* scope, const onnx::NodeProto* node) {
  std::string op = node ? node->op_type() : "";
  if (node && !plain_domain(node->domain()).empty()) op = node->domain() + "." + op;
  errors_.push_back(e.at(node ? scope->prefix + label(*node) : "", op));
  if (errors_.back().hint.empty()) errors_.back().hint = find_diagnostic(e.code().text())->fix;
}

std::vector<std::string> ModelImporter::inputs_behind(ValueId v) const {
  std::set<ValueId> seen{v};
  for (auto n = graph_.nodes.rbegin(); n != graph_.nodes.rend(); ++n)
    if (std::ranges::any_of(n->outputs, [&](ValueId o) { return seen.contains(o); }))
      seen.insert(n->inputs.begin(), n->inputs.end());
  std::vector<std::string> r;
  for (ValueId i : graph_.inputs)
    if (seen.contains(i)) r.push_back(graph_[i].name);
  return r;
}

/// An error about a value that is not known says which inputs would make it known.
OpError ModelImporter::with_hint(const OpError& e, const OnnxNode& node) {
  if (!e.code().text().starts_with("dynamic")) return e;
  std::set<std::string> behind;
  for (size_t i : node.unknown_inputs())
    for (const std::string& name : inputs_behind(node.input(i))) behind.insert(name);
  needed_.insert(behind.begin(), behind.end());
  std::string hint = e.hint();
  // To bind every input would leave no model.
  if (hint.empty() && !behind.empty() && behind.size() < graph_.inputs.size())
    hint = fmt::format("it depends on input '{0}'; if that is always the same: --bind {0}=VALUE", *behind.begin());
  return OpError(e.what(), e.code(), hint);
}

// Names.

std::optional<ValueId> ModelImporter::find(const Scope& scope, const std::string& name) const {
  for (const Scope* s = &scope; s; s = s->outer)
    if (const auto it = s->values.find(name); it != s->values.end()) return it->second;
  return std::nullopt;
}

void ModelImporter::define(Scope& scope, const std::string& name, ValueId v) {
  if (!scope.values.emplace(name, v).second)
    throw OpError(fmt::format("the name '{}' is given to two values", scope.prefix + name), "duplicate-name");
}

std::string ModelImporter::unique(const std::string& base) {
  std::string name = base;
  for (int i = 1; !names_.insert(name).second; ++i) name = fmt::format("{}_{}", base, i);
  return name;
}

void ModelImporter::name_value(const Scope& scope, const std::string& onnx_name, ValueId v) {
  if (!graph_[v].name.empty()) return;
  // The model's own names are unique and were reserved; those of inlined nodes may meet them.
  const std::string shown = scope.shown(onnx_name);
  graph_[v].name = &scope == &top_ ? shown : unique(shown);
}

/// What no name of the file stands for: parts of an operator that the importer took apart.
void ModelImporter::name_the_rest() {
  std::map<std::string, int> next;  // number to try, by base: thousands may share one
  for (size_t i = 0; i < graph_.values().size(); ++i) {
    Value& v = graph_[ValueId(int32_t(i))];
    if (!v.name.empty()) continue;
    const std::string base = fmt::format("{}.{}", i < bases_.size() ? bases_[i] : "value", v.data ? "const" : "part");
    int& number = next[base];
    do {
      v.name = number == 0 ? base : fmt::format("{}_{}", base, number);
      ++number;
    } while (!names_.insert(v.name).second);
  }
}

// Import.

void ModelImporter::import_inputs() {
  const auto& graph = model_.graph();
  // What the file names stays as it is; everything else avoids these names.
  for (const auto& v : graph.input()) names_.insert(v.name());
  for (const auto& t : graph.initializer()) names_.insert(t.name());
  for (const auto& t : graph.sparse_initializer()) names_.insert(t.values().name());
  for (const auto& n : graph.node()) names_.insert(n.output().begin(), n.output().end());
  names_.insert("");

  // Before IR version 4 every initializer is an input, too; later ones are defaults. Either way the value is known.
  std::set<std::string> initialized;
  auto skip = [&](const std::string& name) {
    if (!options_.bind.contains(name) && !options_.bind_text.contains(name)) initialized.insert(name);
  };
  for (const auto& t : graph.initializer()) skip(t.name());
  for (const auto& t : graph.sparse_initializer()) skip(t.values().name());
  std::set<std::string> seen;
  for (const auto& v : graph.input()) {
    if (v.name().empty()) fail(OpError("an input has no name"));
    if (!seen.insert(v.name()).second)
      fail(OpError(fmt::format("two inputs are named '{}'", v.name()), "duplicate-name"));
  }
  if (!errors_.empty()) return;
  for (ModelInput& input : resolve_inputs(graph, options_, initialized, graph_.notes, errors_)) {
    ValueId id;
    if (input.value) {
      id = graph_.add_constant(input.name, std::move(*input.value));
    } else {
      id = graph_.add_value(input.name, std::move(input.type));
      graph_.inputs.push_back(id);
    }
    define(top_, input.name, id);
  }
}

void ModelImporter::import_initializers(const onnx::GraphProto& graph, Scope& scope) {
  auto import = [&](const std::string& name, const auto& proto) {
    const bool bound = &scope == &top_ && (options_.bind.contains(name) || options_.bind_text.contains(name));
    if (bound && scope.values.contains(name)) return;
    try {
      if (name.empty()) throw OpError("it has no name");
      Tensor t = read_tensor(proto, folder_, &spent_);
      spent_.hold(int64_t(t.bytes().size()));
      define(scope, name, graph_.add_constant("", std::move(t)));
      name_value(scope, name, scope.values[name]);
    } catch (const OpError& e) {
      fail(OpError(fmt::format("initializer '{}': {}", name, e.what()), e.code(), e.hint()));
      scope.values.emplace(name, kFailed);
    }
  };
  for (const auto& t : graph.initializer()) import(t.name(), t);
  for (const auto& t : graph.sparse_initializer()) import(t.values().name(), t);
}

void ModelImporter::import_nodes(const ProtoNodes& nodes, Scope& scope) {
  auto fail_all = [&] {  // so that nobody complains about missing values, too
    for (const onnx::NodeProto* n : nodes)
      for (const std::string& o : n->output()) scope.values.emplace(o, kFailed);
  };
  // Every name has one writer; the order depends on it.
  std::set<std::string> written;
  bool duplicates = false;
  for (const onnx::NodeProto* n : nodes)
    for (const std::string& o : n->output()) {
      if (o.empty() || (!scope.values.contains(o) && written.insert(o).second)) continue;
      fail(OpError(fmt::format("output '{}' is the name of another value, too", o), "duplicate-name"), &scope, n);
      duplicates = true;
    }
  if (duplicates) return fail_all();
  ProtoNodes order;
  try {
    order = execution_order(nodes);
  } catch (const OpError& e) {
    fail_all();
    return fail(e);
  }
  for (size_t i = 0; i < order.size(); ++i) {
    const onnx::NodeProto& n = *order[i];
    try {
      spent_.node(scope.depth + 1);
      import_node(n, i, scope);
    } catch (const OpError& e) {
      if (e.code() == "limit")
        throw ModelError(e.at(scope.prefix + label(n), n.op_type()));  // what follows asks for more
      fail(e, &scope, &n);
    } catch (const std::bad_alloc&) {
      fail(OpError("not enough memory for its values", "too-large"), &scope, &n);
    }
    for (const std::string& o : n.output())
      if (!o.empty()) scope.values.emplace(o, kFailed);  // where import_node did not define it
  }
}

Scope ModelImporter::scope_inside(const Scope& scope, const std::string& name) const {
  check_limit(options_.limits, &ModelLimits::depth, scope.depth + 1, "functions and branches inside each other");
  Scope inner;
  inner.depth = scope.depth + 1;
  inner.prefix = name + "/";
  return inner;
}

void ModelImporter::check_supported(const onnx::NodeProto& proto, const Scope& scope) const {
  const std::string_view domain = plain_domain(proto.domain()), op = proto.op_type();
  if (functions_.find(proto)) return;
  if (!domain.empty())
    throw OpError(fmt::format("operators of the domain '{}' are not supported", domain), "unsupported-domain",
                  std::string(advice_for_operator(domain, op)));
  if (op != "If" && !is_constant_op(op) && !importer(op))
    throw OpError(fmt::format("operator {} is not supported", op), "unsupported-op",
                  std::string(advice_for_operator(domain, op)));
  if (!scope.opsets->contains("")) throw OpError("the model does not say which operator set it uses", "invalid-model");
}

void ModelImporter::import_node(const onnx::NodeProto& proto, size_t index, Scope& scope) {
  check_supported(proto, scope);
  std::vector<ValueId> inputs;
  bool known = true;
  for (const std::string& name : proto.input()) {
    if (name.empty()) {
      inputs.push_back(ValueId::none);
      continue;
    }
    const auto v = find(scope, name);
    if (!v) throw OpError(fmt::format("input '{}' is the name of no value", name), "undefined-value");
    known &= *v != kFailed;
    inputs.push_back(*v);
  }
  if (!known) return;  // reported where it failed
  while (!inputs.empty() && inputs.back() == ValueId::none) inputs.pop_back();
  const std::string name =
      scope.prefix + (proto.name().empty() ? fmt::format("{}_{}", proto.op_type(), index) : proto.name());
  if (const onnx::FunctionProto* f = functions_.find(proto)) return inline_function(*f, proto, name, scope, inputs);
  if (proto.op_type() == "If") return inline_if(proto, name, scope, inputs);
  import_operator(proto, index, scope, std::move(inputs));
}

void ModelImporter::import_operator(const onnx::NodeProto& proto, size_t index, Scope& scope,
                                    std::vector<ValueId> inputs) {
  std::set<std::string> attributes;
  for (const auto& a : proto.attribute()) {
    if (!attributes.insert(a.name()).second)
      throw OpError(fmt::format("attribute {} is given twice", a.name()), "duplicate-name");
    if (!a.ref_attr_name().empty())
      throw OpError(fmt::format("attribute {} refers to '{}' outside a function", a.name(), a.ref_attr_name()));
  }
  const std::string name =
      scope.prefix + (proto.name().empty() ? fmt::format("{}_{}", proto.op_type(), index) : proto.name());
  OnnxNode node(graph_, known_, proto, std::move(inputs), scope.opsets->at(""), folder_, name, &spent_);
  try {
    if (is_constant_op(proto.op_type())) import_constant_op(node);
    else importer(proto.op_type())(node);
  } catch (const OpError& e) {
    throw with_hint(e, node);
  }
  for (const std::string& a : node.unused_attributes())
    fail(OpError(fmt::format("attribute {} is not supported", a), "unsupported-attribute"), &scope, &proto);
  for (size_t i : node.unused_inputs())
    fail(OpError(fmt::format("input {} ('{}') is one too many", i, proto.input(int(i))), "invalid-model",
                 "remove it from the file, or export the model for the operator set that the file names"),
         &scope, &proto);
  for (const OnnxNode::Result& r : node.results()) {
    define(scope, r.name, r.value);
    name_value(scope, r.name, r.named);
  }
  bases_.resize(graph_.values().size(), name);
  for (const std::string& o : proto.output())
    if (!o.empty() && !scope.values.contains(o))
      throw OpError(fmt::format("output '{}' is not supported", o), "unsupported-output");
}

void ModelImporter::inline_function(const onnx::FunctionProto& f, const onnx::NodeProto& call, const std::string& name,
                                    Scope& scope, const std::vector<ValueId>& inputs) {
  if (std::ranges::count(calls_, &f)) throw OpError(fmt::format("function '{}' calls itself", f.name()), "cycle");
  if (int(inputs.size()) > f.input_size() || call.output_size() > f.output_size())
    throw OpError(
        fmt::format("function '{}' takes {} inputs and has {} outputs", f.name(), f.input_size(), f.output_size()));
  Scope inner = scope_inside(scope, name);
  const int64_t copied = int64_t(f.ByteSizeLong());  // for as long as the call is imported
  spent_.hold(copied);
  const std::vector<onnx::NodeProto> body = body_of(f, call);
  const Opsets opsets = opsets_of(f.opset_import());
  inner.opsets = opsets.empty() ? scope.opsets : &opsets;
  for (int i = 0; i < f.input_size(); ++i)  // an optional input that is absent
    define(inner, f.input(i), size_t(i) < inputs.size() ? inputs[size_t(i)] : ValueId::none);
  for (int i = 0; i < call.output_size(); ++i) inner.renamed[f.output(i)] = scope.shown(call.output(i));
  for (int i = 0; i < call.output_size(); ++i) {
    if (!call.output(i).empty() && &scope == &top_) names_.erase(call.output(i));  // reserved for the value inside
  }
  ProtoNodes nodes;
  for (const auto& n : body) nodes.push_back(&n);
  calls_.push_back(&f);
  import_nodes(nodes, inner);
  calls_.pop_back();
  spent_.release(copied);
  for (int i = 0; i < call.output_size(); ++i) {
    if (call.output(i).empty()) continue;
    const auto v = find(inner, f.output(i));
    if (!v || *v == ValueId::none)
      throw OpError(fmt::format("output '{}' of function '{}' is never computed", f.output(i), f.name()),
                    "undefined-value");
    define(scope, call.output(i), *v);
  }
}

void ModelImporter::inline_if(const onnx::NodeProto& proto, const std::string& name, Scope& scope,
                              const std::vector<ValueId>& inputs) {
  OnnxNode node(graph_, known_, proto, inputs, 1, folder_, name, &spent_);
  const Tensor* condition = node.constant(0);
  if (!condition)
    throw with_hint(
        OpError("the condition is computed at run time; only branches that are known at compile time are supported",
                "dynamic-control-flow"),
        node);
  if (condition->dtype() != DType::boolean || condition->elements() != 1)
    throw OpError(fmt::format("the condition is {}, not one boolean", to_string(condition->type())));
  const std::string_view wanted = condition->integer(0) ? "then_branch" : "else_branch";
  const onnx::GraphProto* branch = nullptr;
  for (const auto& a : proto.attribute())
    if (a.name() == wanted && a.has_g()) branch = &a.g();
  if (!branch) throw OpError(fmt::format("attribute {} is missing", wanted));
  if (branch->output_size() < proto.output_size())
    throw OpError(
        fmt::format("attribute {} has {} outputs, the node {}", wanted, branch->output_size(), proto.output_size()));
  Scope inner = scope_inside(scope, name);
  inner.outer = &scope;
  inner.opsets = scope.opsets;
  for (int i = 0; i < proto.output_size(); ++i) inner.renamed[branch->output(i).name()] = scope.shown(proto.output(i));
  for (int i = 0; i < proto.output_size(); ++i)
    if (!proto.output(i).empty() && &scope == &top_) names_.erase(proto.output(i));
  import_initializers(*branch, inner);
  ProtoNodes nodes;
  for (const auto& n : branch->node()) nodes.push_back(&n);
  import_nodes(nodes, inner);
  for (int i = 0; i < proto.output_size(); ++i) {
    if (proto.output(i).empty()) continue;
    const auto v = find(inner, branch->output(i).name());
    if (!v || *v == ValueId::none)
      throw OpError(fmt::format("output '{}' of {} is never computed", branch->output(i).name(), wanted),
                    "undefined-value");
    define(scope, proto.output(i), *v);
  }
}

// Outputs.

void ModelImporter::check_output_type(const onnx::ValueInfoProto& declared, ValueId v) {
  const Type& type = graph_[v].type;
  if (!declared.type().has_tensor_type()) {
    if (declared.type().value_case() != onnx::TypeProto::VALUE_NOT_SET)
      fail(OpError(fmt::format("output '{}' is declared as something else than a tensor", declared.name()),
                   "unsupported-type"));
    return;
  }
  const auto& tensor = declared.type().tensor_type();
  if (tensor.elem_type() != 0 && tensor.elem_type() != info(type.dtype).onnx)
    fail(OpError(fmt::format("output '{}' is declared with element type {}, but has {}", declared.name(),
                             tensor.elem_type(), name(type.dtype)),
                 "type-mismatch"));
  if (!tensor.has_shape()) return;
  bool agrees = tensor.shape().dim_size() == type.rank();
  for (int i = 0; agrees && i < type.rank(); ++i) {
    const auto& d = tensor.shape().dim(i);
    agrees = !d.has_dim_value() || d.dim_value() < 0 || d.dim_value() == type.shape[size_t(i)];
  }
  if (!agrees)
    graph_.notes.push_back(fmt::format("output '{}' has the shape [{}], not the one that the file declares",
                                       declared.name(), to_string(type.shape)));
}

void ModelImporter::import_outputs() {
  const auto& declared = model_.graph().output();
  for (const auto& o : declared) {
    const auto v = find(top_, o.name());
    if (!v) fail(OpError(fmt::format("output '{}' is never computed", o.name()), "undefined-value"));
    graph_.outputs.push_back(v.value_or(kFailed));
    if (v && *v != kFailed) check_output_type(o, *v);
  }
  if (!errors_.empty()) return;
  // Each output has its ONNX name. A value gives up its own for it, unless that is an input's or another output's.
  std::set<ValueId> claimed(graph_.inputs.begin(), graph_.inputs.end());
  for (int i = 0; i < declared.size(); ++i)
    if (graph_[graph_.outputs[size_t(i)]].name == declared.Get(i).name()) claimed.insert(graph_.outputs[size_t(i)]);
  for (int i = 0; i < declared.size(); ++i) {
    ValueId& v = graph_.outputs[size_t(i)];
    const std::string& name = declared.Get(i).name();
    if (graph_[v].name == name) continue;
    // A quantized value has the name of the integers that it stores, until these are an output.
    if (const Node* n = graph_.producer(v); n && graph_[n->inputs[0]].name == name) graph_[n->inputs[0]].name.clear();
    if (graph_[v].constant()) {
      v = graph_.add_constant(name, *graph_[v].data);
    } else if (claimed.insert(v).second) {
      graph_[v].name = name;
    } else {
      const Type type = graph_[v].type;
      const ValueId copy = graph_.add_value(name, type);
      Node node;
      node.name = name;
      node.op = Reshape{type.shape};
      node.inputs = {v};
      node.outputs = {copy};
      node.onnx = {name};
      graph_.nodes.push_back(std::move(node));
      v = copy;
    }
  }
}

}  // namespace burin
