// Writes source text. emit() takes a template as it should look in the output: $name$ is replaced from `vars`; a var
// alone on its line may be several lines, which take that line's indentation. A missing var is an internal error.
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace burin {

struct Var {
  std::string_view name;
  std::string text;
  template <class T>
  Var(std::string_view n, const T& v) : name(n), text(fmt::format("{}", v)) {}
};

/// Only a literal is a template: text that came with a model or was expanded before cannot become one, whatever dollars
/// it has.
class Template {
 public:
  template <size_t size>
  consteval Template(const char (&text)[size]) : text_(text, size - 1) {}
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

class Writer {
 public:
  /// The margin of the template's first line is removed from all of its lines.
  void emit(Template what, const std::vector<Var>& vars = {});
  /// Text as it is.
  void raw(std::string_view text) { text_ += text; }
  void line(std::string_view text) { text_ += text, text_ += '\n'; }
  /// The text so far; the next begins empty.
  std::string take() { return std::exchange(text_, {}); }

 private:
  void expand(std::string_view line, const std::vector<Var>& vars);
  std::string text_;
};

/// One template, expanded.
std::string expand(Template what, const std::vector<Var>& vars);

}  // namespace burin
