#include "compiler/onnx/reader.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <climits>
#include <filesystem>
#include <set>

#include "compiler/onnx/importer.h"
#include "compiler/onnx/tensor_proto.h"
#include "compiler/sha256.h"

namespace burin {
namespace {

constexpr DiagnosticId kNotOnnx = "not-onnx";

/// Files that people give by mistake, told by how they begin.
std::string_view advice(std::string_view bytes) {
  if (bytes.size() > 8 && bytes.substr(4, 4) == "TFL3")
    return "this is a TensorFlow Lite file: convert it with tf2onnx";
  if (bytes.substr(0, 4) == "PK\x03\x04")
    return "this is a zip file, as PyTorch and Keras write them: export the model to ONNX";
  if (bytes.substr(0, 4) == "\x89HDF") return "this is an HDF5 file, as Keras writes them: export the model to ONNX";
  if (bytes.starts_with("version https://git-lfs")) return "this is a Git LFS pointer: run `git lfs pull`";
  return "";
}

onnx::ModelProto parse_model(const std::string& bytes) {
  if (bytes.size() > size_t(INT_MAX))
    throw ModelError("the file is larger than 2 GiB, which no ONNX file can be", kNotOnnx);
  onnx::ModelProto model;
  const std::string hint(advice(bytes));
  if (bytes.empty()) throw ModelError("the file is empty", kNotOnnx);
  if (!hint.empty() || !model.ParsePartialFromArray(bytes.data(), int(bytes.size())))
    throw ModelError("this is no ONNX model, or it is damaged or truncated", kNotOnnx, hint);
  if (!model.has_graph()) throw ModelError("this is no ONNX model: it has no graph", kNotOnnx);
  return model;
}

/// Files beside the model that its initializers name, each once.
std::vector<std::string> external_files(const onnx::ModelProto& model, const std::string& path) {
  std::set<std::string> files;
  for (const onnx::TensorProto& t : model.graph().initializer())
    for (const auto& entry : t.external_data())
      if (entry.key() == "location") files.insert((std::filesystem::path(path).parent_path() / entry.value()).string());
  return {files.begin(), files.end()};
}

}  // namespace

Graph read_model(const std::string& path, const ReadOptions& options, ModelInfo* info) {
  std::string bytes;
  try {
    bytes = read_file(path);
  } catch (const OpError& e) {
    throw ModelError(e.at("", ""));
  }
  return read_model(std::move(bytes), path, options, info);
}

Graph read_model(std::string bytes, const std::string& path, const ReadOptions& options, ModelInfo* info) {
  try {
    onnx::ModelProto model = parse_model(bytes);
    if (info) {
      *info = {path, sha256(bytes), model.producer_name(), external_files(model, path)};
      if (!model.producer_version().empty())
        info->producer += (info->producer.empty() ? "" : " ") + model.producer_version();
    }
    const int64_t size = int64_t(bytes.size());
    std::string().swap(bytes);  // an assignment would keep the memory
    return ModelImporter(std::move(model), size, std::filesystem::path(path).parent_path().string(), options).run();
  } catch (const OpError& e) {
    throw ModelError(e.at("", ""));
  } catch (const std::bad_alloc&) {
    throw ModelError("not enough memory for this model", "too-large");
  }
}

}  // namespace burin
