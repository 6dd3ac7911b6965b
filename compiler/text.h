// Text that others wrote (names in models and files, what other programs print) where somebody reads it.
#pragma once
#include <string>
#include <string_view>

namespace burin {

/// The first character of a text that is not empty.
struct Character {
  std::string_view bytes;
  char32_t code;  // of a byte that is no UTF-8 the byte
  bool plain;     // neither a control character, nor one that turns the direction of what follows, nor invalid
};
Character first_character(std::string_view text);

/// With what is not plain, and with line ends, as \n, \u001b or \xff: nothing that a terminal obeys.
std::string printable(std::string_view text);
/// The same, but for line ends and tabs, which stay: of a text of many lines.
std::string printable_lines(std::string_view text);

}  // namespace burin
