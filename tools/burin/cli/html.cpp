#include "tools/burin/cli/html.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace burin {

std::string html_escape(std::string_view s) {
  std::string r;
  for (const char c : s) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '&') r += "&amp;";
    else if (c == '<') r += "&lt;";
    else if (c == '>') r += "&gt;";
    else if (c == '"') r += "&quot;";
    else if (c == '\'') r += "&#39;";
    else if (c == '\n' || c == '\t' || c == '\r') r += ' ';
    else if (u < 32 || u == 127) r += "\xEF\xBF\xBD";
    else r += c;
  }
  return r;
}

std::string html_fit(std::string_view s, size_t width) {
  const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; };
  if (size_t(std::ranges::count_if(s, starts)) <= width) return std::string(s);
  size_t at = s.size();
  for (size_t left = width - 1; left > 0;)
    if (starts(s[--at])) --left;
  std::string_view rest = s.substr(at);
  if (const size_t part = rest.find_first_of("_/. "); part < 8 && part + 1 < rest.size()) rest.remove_prefix(part + 1);
  return "\u2026" + std::string(rest);
}

std::string html_shape(const nlohmann::json& shape) {
  std::string s;
  for (const auto& n : shape) s += fmt::format("{}{}", s.empty() ? "" : "\u00D7", n.get<int64_t>());
  return s.empty() ? "scalar" : s;
}

std::string short_name(const std::string& name) {
  std::string s = name.substr(0, name.find(';'));
  const size_t last = s.rfind('/');
  if (last == s.npos || last == 0) return s;
  const size_t before = s.rfind('/', last - 1);
  return before == s.npos ? s : s.substr(before + 1);
}

std::string percent(int64_t part, int64_t of) {
  if (of <= 0 || part <= 0) return "0.00%";
  // Of more than 2^48 the lowest bits do not show, but would overflow.
  while (of > (int64_t{1} << 48)) of /= 2, part /= 2;
  const int64_t hundredths = std::min<int64_t>((part * 10000 + of / 2) / of, 10000);
  return fmt::format("{}.{:02}%", hundredths / 100, hundredths % 100);
}

int64_t number(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number() ? it->get<int64_t>() : 0;
}

const nlohmann::json& list(const nlohmann::json& object, const char* key) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  const auto it = object.find(key);
  return it != object.end() && it->is_array() ? *it : kEmpty;
}

std::string text(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

}  // namespace burin
