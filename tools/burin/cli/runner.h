// Builds generated code together with a program that feeds it, and runs that here or in QEMU.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "tools/burin/cli/cli.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/process.h"

namespace burin {

/// How often an instruction was executed, over all data sets.
struct Executed {
  uint64_t address = 0, count = 0;
  size_t part = 0;  // Marks::parts of the marked function that was called last; 0 before the first
};

struct RunResult {
  std::vector<std::vector<Tensor>> outputs;  // of each data set
  int64_t stack = 0;                         // bytes, the largest of all runs; 0 on the host
  std::optional<int64_t> instructions;       // mean of one run, in QEMU
  std::vector<Executed> executed;            // with marks: by address, then part
};

/// Addresses of functions in the program just linked, whose calls are to be counted apart.
struct Marks {
  std::vector<uint64_t> functions;
  std::vector<size_t> parts;  // as which part (1 to `most`) each call of a run counts, in order
  size_t most = 0;
};
using MarkFunctions = std::function<Marks(const std::string& elf)>;

/// inputs[set][i] is input i of the graph. on_host: by the host's compiler, whatever the target is (its intrinsics and
/// assembly then run as their C twins); else in the target's QEMU machine. Throws ToolError when a tool is missing,
/// fails, or the program crashes.
RunResult build_and_run(const Compiled& c, const std::vector<std::vector<Tensor>>& inputs, bool on_host,
                        const MarkFunctions& marks = {});

/// The generated code as an object file in `folder`, by the target's compiler and the flags that all figures are
/// measured with: its path. Throws ToolError.
std::string build_object(const Compiled& c, const TemporaryFolder& folder);

/// Compiles next to nothing for the target, with its flags. Throws ToolError as build_object does.
void try_compiler(const Target& t);

}  // namespace burin
