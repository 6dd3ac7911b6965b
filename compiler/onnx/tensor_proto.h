// Tensors as ONNX files hold them, and whole files.
#pragma once
#include <string>

#include "compiler/ir/tensor.h"

namespace onnx {
class TensorProto;
class SparseTensorProto;
}  // namespace onnx

namespace burin {

class Spending;

/// Element type of a TensorProto.DataType; throws OpError [unsupported-type] for strings, complex numbers, float8 etc.
DType element_type(int onnx_data_type);

/// Any encoding: raw_data, the typed fields, external data in `folder` (relative paths that do not leave it).
/// Throws OpError; the message does not name the tensor.
/// No memory is asked for before the file is seen to hold the tensor, and `spent` has agreed.
Tensor read_tensor(const onnx::TensorProto& proto, const std::string& folder, Spending* spent = nullptr);
/// The same tensor, dense. Without `spent` the usual limits hold.
Tensor read_tensor(const onnx::SparseTensorProto& proto, const std::string& folder, Spending* spent = nullptr);

/// The bytes of external data: `length` < 0 means what is left of the file. Throws OpError [external-data].
std::string read_external(const std::string& folder, const std::string& location, int64_t offset, int64_t length);

/// A whole file. Throws OpError [unreadable-file].
std::string read_file(const std::string& path);

}  // namespace burin
