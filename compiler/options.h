// What a user asks for: the options common to compile, analyze and verify.
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "compiler/limits.h"

namespace burin {

struct Options {
  enum class Optimize { speed, size, ram };
  enum class IoLayout { onnx, nhwc };
  enum class IoType { onnx, quantized };
  enum class Io { arena, external };

  std::string name;  // of the model in generated code
  Optimize optimize = Optimize::speed;
  bool compress = false;  // weights are stored coded where that makes flash smaller
  IoLayout io_layout = IoLayout::onnx;
  IoType io_type = IoType::onnx;
  Io io = Io::arena;
  bool stream_input = false;                   // the input comes row by row: NAME_feed()
  std::map<std::string, std::string> kernels;  // layer, or ONNX node in it -> the kernel that must serve it
  double input_limit = std::numeric_limits<double>::infinity();  // float inputs are no larger: the user's promise
  ModelLimits limits;
  std::optional<int64_t> budget_ram;    // bytes of arena and state
  std::optional<int64_t> budget_flash;  // bytes of code and weights
  std::string cflags;                   // more flags where the tool itself compiles what it generated
};

}  // namespace burin
