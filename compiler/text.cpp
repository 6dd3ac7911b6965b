#include "compiler/text.h"

#include <fmt/format.h>

#include <bit>

namespace burin {
namespace {

/// Marks of direction, and separators of lines that some programs obey.
bool formats(char32_t c) {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}
bool controls(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

std::string escaped(const Character& c) {
  if (c.code == '\n') return "\\n";
  if (c.code == '\t') return "\\t";
  if (c.code == '\r') return "\\r";
  if (c.bytes.size() == 1 && c.code >= 0x80) return fmt::format("\\x{:02x}", uint32_t(c.code));
  return fmt::format("\\u{:04x}", uint32_t(c.code));
}

std::string shown(std::string_view text, std::string_view kept) {
  std::string r;
  while (!text.empty()) {
    const Character c = first_character(text);
    if (c.plain || (c.bytes.size() == 1 && kept.find(c.bytes[0]) != kept.npos)) r += c.bytes;
    else r += escaped(c);
    text.remove_prefix(c.bytes.size());
  }
  return r;
}

}  // namespace

Character first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t size = byte(0) < 0x80 ? 1 : size_t(std::countl_one(byte(0)));
  const Character invalid{text.substr(0, 1), byte(0), false};
  if (size == 1) return {text.substr(0, 1), byte(0), byte(0) < 0x80 && !controls(byte(0))};
  if (size > 4 || size > text.size()) return invalid;
  char32_t code = byte(0) & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return invalid;
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return invalid;
  return {text.substr(0, size), code, !controls(code) && !formats(code)};
}

std::string printable(std::string_view text) { return shown(text, ""); }
std::string printable_lines(std::string_view text) { return shown(text, "\n\t"); }

}  // namespace burin
