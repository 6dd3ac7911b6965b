// What the tool says. Of text that came from elsewhere nothing reaches a terminal that it would obey: control
// characters and marks of direction are printed as \u001b.
#pragma once
#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace burin {

void write_out(std::string_view text);
void write_error(std::string_view text);
template <class... T>
void print_out(fmt::format_string<T...> text, T&&... values) {
  write_out(fmt::format(text, std::forward<T>(values)...));
}
template <class... T>
void print_error(fmt::format_string<T...> text, T&&... values) {
  write_error(fmt::format(text, std::forward<T>(values)...));
}
/// Whether all of the standard output could be written; an error says so otherwise.
bool output_complete();

}  // namespace burin
