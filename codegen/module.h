// A model as two files of C++ (docs/generated-code.md says what they promise).
#pragma once
#include <string>

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

}  // namespace burin
