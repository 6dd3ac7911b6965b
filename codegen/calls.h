// The body of NAME_run(): the calls of layers, and the branches and loops of regions around them; and the functions of
// row-streamed groups.
#pragma once
#include <map>
#include <set>
#include <string>

#include "compiler/program/program.h"

namespace burin {

/// The calls of all layers, and what they use.
struct Calls {
  std::string text, groups;
  bool uses_at = false, exchanges = false;
  std::set<int32_t> pools;           // that calls use; 0 is the arena where it is one piece
  std::set<std::string> ports_used;  // of the caller's inputs and outputs: which are arguments of a call
};

/// `elsewhere`: functions that are not of the model's own namespace, by their names in it.
Calls print_calls(const Program& p, const std::map<std::string, std::string>& elsewhere = {});

/// The member of NAME_memory that points to the pool.
std::string pool_field(const ProgramPool& pool);
/// What points to it in NAME_run(): "arena", or "pool_dtcm".
std::string pool_pointer(const Program& p, int32_t pool);

}  // namespace burin
