// Instructions of an ElfImage as text, by LLVM's MC disassemblers.
#pragma once
#include <memory>
#include <optional>

#include "tools/size/sp.h"

namespace burin {

class Disassembler {
 public:
  /// Throws SizeUnsupported when LLVM has no disassembler for the machine.
  explicit Disassembler(const ElfImage& image);
  ~Disassembler();
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;

  /// The instruction there, if there is one. Conditions of Thumb's IT blocks need their instructions in order: one
  /// straight line at a time; `fresh` begins a new one.
  std::optional<Instruction> at(uint64_t address, bool thumb, bool fresh);

 private:
  struct Core;
  const ElfImage& image_;
  std::unique_ptr<Core> arm_, thumb_;  // other machines have the first alone
};

/// False: built without LLVM, files cannot be read.
bool can_read_elf();

}  // namespace burin
