// Builds generated code together with a program that feeds it, and runs that here or in QEMU.
#pragma once
#include <optional>
#include <vector>

#include "compiler/cli/cli.h"
#include "compiler/cli/process.h"

namespace burin {

struct RunResult {
  std::vector<std::vector<Tensor>> outputs;  // of each data set
  int64_t stack = 0;                         // bytes, the largest of all runs; 0 on the host
  std::optional<int64_t> instructions;       // mean of one run, in QEMU
};

/// inputs[set][i] is input i of the graph. on_host: by the host's compiler, whatever the target is (its intrinsics and
/// assembly then run as their C twins); else in the target's QEMU machine. Throws ToolError when a tool is missing, fails, or the program crashes.
RunResult build_and_run(const Compiled& c, const std::vector<std::vector<Tensor>>& inputs, bool on_host);

/// The generated code as an object file in `folder`, by the target's compiler and the flags that all figures are measured
/// with: its path. Throws ToolError.
std::string build_object(const Compiled& c, const TemporaryFolder& folder);

}  // namespace burin
