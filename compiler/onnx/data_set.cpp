#include "compiler/onnx/data_set.h"

#include <fmt/format.h>

#include <filesystem>

#include "compiler/diagnostics.h"
#include "compiler/onnx/proto.h"
#include "compiler/onnx/tensor_proto.h"

namespace burin {

std::vector<NamedTensor> read_data_set(const std::string& folder, const std::string& kind) {
  std::vector<NamedTensor> r;
  for (int k = 0;; ++k) {
    const std::string path = fmt::format("{}/{}_{}.pb", folder, kind, k);
    std::error_code error;
    if (std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found) return r;
    try {
      onnx::TensorProto proto;
      if (!proto.ParseFromString(read_file(path))) throw OpError("this is no TensorProto", "unreadable-file");
      r.push_back({proto.name(), read_tensor(proto, folder)});
    } catch (const OpError& e) {
      throw ModelError(fmt::format("'{}': {}", path, e.what()), e.code());
    }
  }
}

}  // namespace burin
