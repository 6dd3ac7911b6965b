// Small ONNX models, made with the protobuf classes and written to a folder of their own.
#pragma once
#include <unistd.h>

#include <concepts>
#include <filesystem>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "compiler/interpreter.h"
#include "compiler/onnx/proto.h"
#include "compiler/onnx/reader.h"

namespace burin::test {

/// A folder that disappears with its object.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / ("burin-" + std::string(6, 'X'))).string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(*this / name, std::ios::binary) << bytes;
    return *this / name;
  }

 private:
  std::string path_;
};

/// An extent, or the name of an open one ("" has none).
using Dim = std::variant<int64_t, std::string>;

class Builder {
 public:
  explicit Builder(int opset = 17) {
    model.set_ir_version(8);
    auto* o = model.add_opset_import();
    o->set_domain("");
    o->set_version(opset);
  }

  static void declare(onnx::ValueInfoProto* v, const std::string& name, int type, const std::vector<Dim>& dims) {
    v->set_name(name);
    auto* t = v->mutable_type()->mutable_tensor_type();
    t->set_elem_type(type);
    auto* shape = t->mutable_shape();
    for (const Dim& d : dims) {
      auto* dim = shape->add_dim();
      if (const int64_t* extent = std::get_if<int64_t>(&d)) dim->set_dim_value(*extent);
      else if (!std::get<std::string>(d).empty()) dim->set_dim_param(std::get<std::string>(d));
    }
  }
  Builder& input(const std::string& name, int type, const std::vector<Dim>& dims) {
    declare(graph().add_input(), name, type, dims);
    return *this;
  }
  Builder& output(const std::string& name, int type = 1) {
    graph().add_output()->set_name(name);
    graph().mutable_output(graph().output_size() - 1)->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    return *this;
  }
  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& in, const std::vector<std::string>& out,
                        const std::string& name = "") {
    return fill(*graph().add_node(), op, in, out, name);
  }
  static onnx::NodeProto& fill(onnx::NodeProto& n, const std::string& op, const std::vector<std::string>& in,
                               const std::vector<std::string>& out, const std::string& name = "") {
    n.set_op_type(op);
    for (const auto& s : in) n.add_input(s);
    for (const auto& s : out) n.add_output(s);
    n.set_name(name);
    return n;
  }
  onnx::TensorProto& initializer(const std::string& name, int type, const std::vector<int64_t>& dims) {
    return tensor(*graph().add_initializer(), name, type, dims);
  }
  static onnx::TensorProto& tensor(onnx::TensorProto& t, const std::string& name, int type,
                                   const std::vector<int64_t>& dims) {
    t.set_name(name);
    t.set_data_type(type);
    for (int64_t d : dims) t.add_dims(d);
    return t;
  }
  Builder& floats(const std::string& name, const std::vector<int64_t>& dims, const std::vector<float>& values) {
    for (float v : values) initialized(name, 1, dims).add_float_data(v);
    return *this;
  }
  Builder& integers(const std::string& name, const std::vector<int64_t>& dims, const std::vector<int64_t>& values) {
    for (int64_t v : values) initialized(name, 7, dims).add_int64_data(v);
    return *this;
  }
  static onnx::AttributeProto& attribute(onnx::NodeProto& n, const std::string& name,
                                         onnx::AttributeProto::AttributeType type) {
    auto* a = n.add_attribute();
    a->set_name(name);
    a->set_type(type);
    return *a;
  }

  onnx::GraphProto& graph() { return *model.mutable_graph(); }
  std::string bytes() const { return model.SerializeAsString(); }
  Graph read(const ReadOptions& options = {}) const {
    Folder folder;
    return read_model(folder.write("m.onnx", bytes()), options);
  }

  onnx::ModelProto model;

 private:
  onnx::TensorProto& initialized(const std::string& name, int type, const std::vector<int64_t>& dims) {
    for (auto& t : *graph().mutable_initializer())
      if (t.name() == name) return t;
    return initializer(name, type, dims);
  }
};

inline Tensor floats(Shape shape, const std::vector<float>& v) { return Tensor::of(DType::f32, std::move(shape), v); }
/// What the model's output `output` holds for the inputs `in`.
inline std::vector<float> run(const Graph& g, const std::vector<Tensor>& in, size_t output = 0) {
  const std::vector<Tensor> out = interpret(g, in);
  const auto values = out[output].as<float>();
  return {values.begin(), values.end()};
}

/// The diagnostics that reading it gives.
template <std::invocable F>
std::vector<Diagnostic> errors_of(F&& read) {
  try {
    read();
  } catch (const ModelError& e) {
    return e.diagnostics();
  }
  return {};
}
inline std::vector<Diagnostic> errors_of(const Builder& b, const ReadOptions& options = {}) {
  return errors_of([&] { b.read(options); });
}
/// The code of the only diagnostic, or how many there are.
inline std::string code_of(const Builder& b, const ReadOptions& options = {}) {
  const auto e = errors_of(b, options);
  return e.size() == 1 ? e[0].code : std::to_string(e.size()) + " diagnostics";
}

}  // namespace burin::test
