// What the texts of graphs and of programs have in common: a cursor that reads, names, types and bytes.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/type.h"

namespace burin {

/// Reads a text from front to back. Every mistake is a std::invalid_argument with line and column.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[noreturn]] void fail(std::string_view what) const {
    const std::string_view before = text_.substr(0, at_);
    const size_t line = size_t(std::ranges::count(before, '\n')) + 1, start = before.rfind('\n') + 1;
    throw std::invalid_argument(fmt::format("line {}, column {}: {}", line, at_ - start + 1, what));
  }

  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  char take() { return done() ? '\0' : text_[at_++]; }
  void blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r') ++at_;
  }
  /// Blank lines, and lines that are comments.
  void empty_lines() {
    for (;;) {
      blanks();
      if (peek() == '#')
        while (!done() && peek() != '\n') ++at_;
      if (peek() != '\n') return;
      ++at_;
    }
  }
  bool accept(std::string_view s) {
    blanks();
    if (text_.substr(at_, s.size()) != s) return false;
    at_ += s.size();
    return true;
  }
  /// Without blanks before it.
  bool accept_exactly(std::string_view s) {
    if (text_.substr(at_, s.size()) != s) return false;
    at_ += s.size();
    return true;
  }
  void expect(std::string_view s) {
    if (!accept(s)) fail(fmt::format("'{}' is missing", s));
  }
  void end_of_line() {
    blanks();
    if (!done() && take() != '\n') --at_, fail("the line should end here");
  }

  static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.' ||
           c == '/' || c == '-';
  }
  std::string identifier() {
    blanks();
    const size_t from = at_;
    while (is_word(peek())) ++at_;
    if (at_ == from) fail("a name is missing");
    return std::string(text_.substr(from, at_ - from));
  }
  /// A word, or a string in quotes.
  std::string any_name() {
    blanks();
    if (peek() != '"') return identifier();
    take();
    std::string s;
    while (peek() != '"') {
      if (done() || peek() == '\n') fail("the string does not end");
      char c = take();
      if (c == '\\') {
        c = take();
        if (c == 'x') {
          int v = 0;
          const auto [end, error] =
              std::from_chars(text_.data() + at_, text_.data() + std::min(at_ + 2, text_.size()), v, 16);
          if (error != std::errc{}) fail("\\x wants two hexadecimal digits");
          at_ = size_t(end - text_.data());
          c = char(v);
        }
      }
      s += c;
    }
    take();
    return s;
  }

  template <class T>
  T number() {
    blanks();
    T v{};
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), v);
    if (error == std::errc::result_out_of_range && std::is_floating_point_v<T>) {  // a subnormal, perhaps
      const size_t length = size_t(end - text_.data()) - at_;
      v = T(std::stold(std::string(text_.substr(at_, length))));
    } else if (error != std::errc{}) {
      fail("a number is missing or out of range");
    }
    at_ = size_t(end - text_.data());
    return v;
  }
  template <class F>
  void list(char close, F&& item) {
    blanks();
    if (accept(std::string_view(&close, 1))) return;
    do item();
    while (accept(","));
    expect(std::string_view(&close, 1));
  }
  size_t position() const { return at_; }
  void go(size_t at) { at_ = at; }
  std::string_view rest_of_line() {
    const size_t from = at_;
    while (!done() && peek() != '\n') ++at_;
    return text_.substr(from, at_ - from);
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

DType read_dtype(Cursor& c);
Type read_type(Cursor& c);  // as to_string(Type) writes it
std::vector<std::byte> from_base64(std::string_view s, const Cursor& c);
std::string base64(std::span<const std::byte> bytes);
/// In quotes, with \\x for what is not printed.
std::string quoted(std::string_view s);
/// Without quotes, where Cursor::any_name() can do without.
std::string word(std::string_view s);

}  // namespace burin
