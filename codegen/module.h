// A model as two files of C++ (docs/generated-code.md says what they promise).
#pragma once
#include <string>
#include <vector>

#include "codegen/source_text.h"
#include "compiler/program/program.h"
#include "targets/target.h"

namespace burin {

/// What the banner says of where the code came from.
struct ModuleOrigin {
  std::string model_file;  // without its folder
  std::string sha256;
  std::string options;  // as on a command line
};

struct Module {
  std::string header;
  SourceText source;
  std::string sha256;  // of both, of arrays as bytes
};

Module print_module(const Program& program, const Target& target, const ModuleOrigin& origin);

/// Models that run one at a time and share an arena and code.
struct SharedModules {
  Module common;  // of the name that they share: the arena's size, kernels, functions of layers that are equal in two
  std::vector<Module> models;  // in the order given; of no use without `common` of the same build
};
struct Sharer {
  const Program* program;
  ModuleOrigin origin;
};
/// `name` is an identifier, and none of the models'.
SharedModules print_modules(const std::string& name, const std::vector<Sharer>& models, const Target& target);

}  // namespace burin
