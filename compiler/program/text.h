// A Program as text (docs/program.md), and back.
#pragma once
#include "compiler/program/program.h"

namespace burin {

std::string print(const Program& p);
/// Throws std::invalid_argument with line and column of the first mistake.
Program parse_program(std::string_view text);

}  // namespace burin
