// What a user asks for: the options common to compile, analyze and verify.
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/limits.h"

namespace burin {

/// A memory of --memory.
struct MemoryPool {
  std::string name;  // as the user wrote it
  int64_t bytes = 0;
  bool operator==(const MemoryPool&) const = default;
};
/// --weights-in: which of them has copies of constants, and how many bytes of it; nothing: what values leave.
struct WeightsIn {
  size_t pool = 0;
  std::optional<int64_t> bytes = {};
};

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
  std::vector<MemoryPool> memory;       // the fastest one first; empty: one arena, as large as it must be
  std::optional<WeightsIn> weights_in;  // of `memory`
};

/// In a Graph offsets count through all pools, one behind the other: where pool `k` begins.
inline int64_t pool_begin(const std::vector<MemoryPool>& memory, size_t k) {
  constexpr int64_t kAlign = 16;
  int64_t at = 0;
  for (size_t i = 0; i < k; ++i) at += (memory[i].bytes + kAlign - 1) / kAlign * kAlign;
  return at;
}

}  // namespace burin
