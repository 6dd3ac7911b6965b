// Values in C++: numbers, constants, structs, and the bodies of layers' functions.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "compiler/program/program.h"

namespace burin {

std::string cpp(float v);
std::string cpp(double v);
/// "{1, 2, 3}"
std::string braced(std::span<const int32_t> values);

/// Rows of decimal numbers, as wide as fits a line: "1,2,3"; handed to `to` part by part, none of them large.
void spell(const Constant& c, const std::function<void(std::string_view)>& to);
std::string spelled(const Constant& c);

/// "{2, {3, 4}, burin::RequantKind::wide, table}"
std::string spelled(const Struct& s);
/// The parameters of a step's function.
std::string signature(const Step& s);
/// The statements of a function.
std::string spelled(const Body& body, bool streamed = false);
/// Both: steps of equal code call one function.
std::string code_of(const Step& s);

}  // namespace burin
