#include "codegen/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "compiler/embedded.h"

namespace burin {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

/// Whether a section of reserved_names.txt has the word.
bool listed(const std::string& section, std::string_view word) {
  static const auto sections = [] {
    std::map<std::string, std::set<std::string_view>> r;
    std::set<std::string_view>* words = nullptr;
    for (std::string_view text = embedded("codegen/reserved_names.txt"); !text.empty();) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      if (line.starts_with('#')) continue;
      if (line.starts_with('[')) {
        words = &r[std::string(line.substr(1, line.size() - 2))];
        continue;
      }
      for (size_t at = 0; at < line.size();) {
        const size_t end = std::min(line.find(' ', at), line.size());
        words->insert(line.substr(at, end - at));
        at = end + 1;
      }
    }
    return r;
  }();
  return sections.at(section).count(word) > 0;
}

/// Of the language, of what generated code includes or of its own macros.
bool is_reserved(std::string_view word) {
  return listed("keywords", word) || listed("freestanding", word) || word.starts_with("BURIN_");
}

/// Names of the compiler and of its library.
bool is_implementation(std::string_view word) {
  return word.find_first_not_of('_') == word.npos || word.starts_with("__") || (word[0] == '_' && is_upper(word[1]));
}

std::string lower(std::string s) {
  std::ranges::transform(s, s.begin(), [](char c) { return is_upper(c) ? char(c - 'A' + 'a') : c; });
  return s;
}

}  // namespace

std::string identifier(std::string_view text) {
  std::string r;
  for (char c : text) r += std::isalnum(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 128 ? c : '_';
  if (r.empty() || is_digit(r[0])) r = "m_" + r;
  return r;
}

std::string UniqueNames::make(std::string_view wish) {
  constexpr size_t longest = 48;
  std::string base = identifier(wish.substr(0, wish.find(';')));
  if (base.size() > longest) base = identifier(base.substr(base.size() - longest));
  // Two underscores in a row, or one before a capital at the start, are the compiler's.
  base.erase(std::unique(base.begin(), base.end(), [](char a, char b) { return a == '_' && b == '_'; }), base.end());
  while (base.size() > 1 && base[0] == '_') base.erase(0, 1);
  if (base.empty() || is_digit(base[0])) base = "m_" + base;
  if (is_reserved(base)) base += '_';
  std::string r = base;
  for (int i = 1; !taken_.insert(r).second; ++i) r = fmt::format("{}_{}", base, i);
  return r;
}

std::string model_identifier(std::string_view name) {
  const std::string r = identifier(name);
  const bool taken = is_reserved(r) || is_implementation(r) || listed("library", r) || listed("headers", lower(r));
  return taken ? "m_" + r : r;
}

}  // namespace burin
