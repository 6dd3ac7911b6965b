// One input of the fuzz target: the bytes of a model, which also say how it is compiled.
#pragma once
#include <string>
#include <string_view>

#include "tools/burin/driver.h"

namespace burin::fuzz {

/// Target and options by a model's `model_version`, which the compiler does not read; version 0 is the usual ones for
/// the first target. A file that was found needs nothing beside it.
Context context_of(int64_t model_version);
/// The same for bytes: version 0 where they are no model.
Context context_of(const std::string& bytes);
/// As on the command line.
std::string command_line(const Context& context);

/// True where a module was printed, false where a ModelError said why not. Throws what no input may cause: any other
/// exception, and std::logic_error for an error without code or a module without text.
bool compiles(const std::string& bytes);

}  // namespace burin::fuzz
