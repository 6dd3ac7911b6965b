// Values in C++: numbers, constants, structs, and the bodies of layers' functions.
#pragma once
#include <span>
#include <string>

#include "compiler/program/program.h"

namespace burin {

std::string cpp(float v);
std::string cpp(double v);
/// "{1, 2, 3}"
std::string braced(std::span<const int32_t> values);

/// Appends rows of decimal numbers, as wide as fits a line: "1,2,3".
void spell(std::string& text, const Constant& c);
std::string spelled(const Constant& c);
/// About the characters of that, rather more: memory to ask for before it is written. Only NaN, infinities and the
/// least integers have longer literals.
int64_t spelled_size(const Constant& c);

/// "{2, {3, 4}, burin::RequantKind::wide, table}"
std::string spelled(const Struct& s);
/// The parameters of a step's function.
std::string signature(const Step& s);
/// The statements of a function.
std::string spelled(const Body& body);

}  // namespace burin
