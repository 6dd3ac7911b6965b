// Test data in ONNX's own layout: a folder of input_K.pb and output_K.pb.
#pragma once
#include <string>
#include <vector>

#include "compiler/ir/tensor.h"

namespace burin {

struct NamedTensor {
  std::string name;  // may be empty
  Tensor tensor;
};
/// KIND_0.pb, KIND_1.pb, ... of a folder, in that order. Throws ModelError naming the file.
std::vector<NamedTensor> read_data_set(const std::string& folder, const std::string& kind);

}  // namespace burin
