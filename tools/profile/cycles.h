// Estimated cycles of instructions that were counted in QEMU.
//
// In-order cores without caches (M0+, M3, M4, M23, M33, RISC-V): a table of costs per kind of instruction, the `cycles`
// line of targets/*.target. Cores with dual issue or vector beats (M7, M55, M85): LLVM's scheduling model, by llvm-mca
// over each straight run of instructions; the target's `mca` says by which of LLVM's cores. Memory without wait states
// is assumed. Published measurements of whole networks on an STM32L4 with flash wait states lie 1.24 to 1.44 above this
// model's figures.
#pragma once
#include <string>
#include <vector>

#include "targets/target.h"
#include "tools/size/sp.h"

namespace burin {

/// An instruction that was executed, and how often in each part of the program (the same number of parts everywhere).
struct CountedInstruction {
  Instruction instruction;
  std::vector<uint64_t> counts;
};

struct CycleModel {
  std::string about;           // "table of targets/cortex-m4f.target", for people
  std::vector<double> cycles;  // of each part
};

/// `run` is what executes LLVM's tool: arguments, then the program's output.
using RunTool = std::string (*)(const std::vector<std::string>& argv);

/// By the target's table; instructions by rising address.
CycleModel table_cycles(const Target& t, const std::vector<CountedInstruction>& all);
/// By llvm-mca; `assembly` names a file to write. Throws std::runtime_error when the tool's answer cannot be read.
CycleModel mca_cycles(const Target& t, const std::vector<CountedInstruction>& all, const std::string& program,
                      const std::string& assembly, RunTool run);

/// The kind of an instruction in the target's table: "load", "branch", ... "alu" for what the table does not tell
/// apart.
std::string_view cycle_kind(std::string_view text);

}  // namespace burin
