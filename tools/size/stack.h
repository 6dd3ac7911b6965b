// The most bytes of stack that a function and all it calls can use, from the instructions themselves.
//
// Every path from the entry is followed with the depth of the stack pointer; a call adds what its target needs, a jump
// to another function (a tail call) goes on there. So shared tails, several returns and hand-written assembly need no
// special care, and neither debug nor unwind information. Unknown: calls through pointers, recursion, allocation of a
// run-time size.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "tools/size/image.h"

namespace burin {

struct StackBound {
  std::optional<int64_t> bytes;
  std::string why_not;            // where bytes is empty
  std::set<std::string> outside;  // functions called that are not in the file: their stack is not in `bytes`
};

/// Arm and Thumb, RISC-V and x86-64.
class StackAnalysis {
 public:
  explicit StackAnalysis(const ElfImage& image);
  ~StackAnalysis();
  StackAnalysis(const StackAnalysis&) = delete;
  StackAnalysis& operator=(const StackAnalysis&) = delete;
  StackBound of(const Symbol& function);

 private:
  class Walk;
  std::unique_ptr<Walk> walk_;
};

}  // namespace burin
