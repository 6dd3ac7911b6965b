// What one instruction, as text of LLVM's printers, does to the stack pointer and where it goes next. Pure.
//
// Registers are followed only as far as frames need it: constants (frames too large for an immediate, call addresses)
// and copies of the stack pointer (frame pointers). Anything else that writes the stack pointer is a problem, never a
// guess.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "tools/size/image.h"

namespace burin {

/// What a register holds.
struct RegisterValue {
  enum class Kind { constant, frame } kind;
  int64_t value;  // frame: the stack pointer at the function's entry less this
  bool operator==(const RegisterValue&) const = default;
};

struct StackState {
  int64_t depth = 0;  // bytes below the stack pointer at entry
  std::map<std::string, RegisterValue, std::less<>> registers;
};

struct Instruction {
  uint64_t address = 0;
  unsigned size = 0;
  std::string text;                // "sub\tsp, #16"
  std::optional<uint64_t> target;  // of a call or branch, where a relocation says it
  std::string outside;             // a call of this symbol, which is not in the file
};

struct SpStep {
  enum class Flow { next, jump, branch, call, leave, table };  // table: a jump to an unknown place of the same function
  Flow flow = Flow::next;
  bool conditional = false;               // may go on with the next instruction as well
  std::optional<uint64_t> target;         // of jump, branch, call; no value for a call: unknown
  bool to_arm = false, to_thumb = false;  // the call changes the instruction set
  int64_t pushed_by_call = 0;             // x86: the return address
  std::string problem;                    // why the stack pointer is unknown from here on
};

/// `word(address)` reads 4 bytes of code (literal pools). `thumb` tells Arm's two sets apart.
SpStep step(ElfImage::Machine machine, bool thumb, const Instruction& i, StackState& state,
            const std::function<std::optional<uint32_t>(uint64_t)>& word);

}  // namespace burin
