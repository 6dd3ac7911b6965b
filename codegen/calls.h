// The body of NAME_run(): the steps' calls, and the branches and loops of regions around them.
#pragma once
#include <set>
#include <string>

#include "compiler/program/program.h"

namespace burin {

/// The calls of all steps, and what they use.
struct Calls {
  std::string text;
  bool uses_arena = false, uses_at = false, exchanges = false;
  std::set<std::string> ports_used;  // of the caller's inputs and outputs: which are arguments of a call
};

Calls print_calls(const Program& p);

}  // namespace burin
