#include "codegen/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace burin {

std::string identifier(std::string_view text) {
  std::string r;
  for (char c : text) r += std::isalnum(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 128 ? c : '_';
  if (r.empty() || std::isdigit(static_cast<unsigned char>(r[0]))) r = "m_" + r;
  return r;
}

bool is_keyword(std::string_view word) {
  static const std::set<std::string_view> words{"alignas",
                                                "alignof",
                                                "and",
                                                "and_eq",
                                                "asm",
                                                "auto",
                                                "bitand",
                                                "bitor",
                                                "bool",
                                                "break",
                                                "case",
                                                "catch",
                                                "char",
                                                "char16_t",
                                                "char32_t",
                                                "char8_t",
                                                "class",
                                                "co_await",
                                                "co_return",
                                                "co_yield",
                                                "compl",
                                                "concept",
                                                "const",
                                                "const_cast",
                                                "consteval",
                                                "constexpr",
                                                "constinit",
                                                "continue",
                                                "decltype",
                                                "default",
                                                "delete",
                                                "do",
                                                "double",
                                                "dynamic_cast",
                                                "else",
                                                "enum",
                                                "explicit",
                                                "export",
                                                "extern",
                                                "false",
                                                "float",
                                                "for",
                                                "friend",
                                                "goto",
                                                "if",
                                                "inline",
                                                "int",
                                                "long",
                                                "mutable",
                                                "namespace",
                                                "new",
                                                "noexcept",
                                                "not",
                                                "not_eq",
                                                "nullptr",
                                                "operator",
                                                "or",
                                                "or_eq",
                                                "private",
                                                "protected",
                                                "public",
                                                "register",
                                                "reinterpret_cast",
                                                "requires",
                                                "restrict",
                                                "return",
                                                "short",
                                                "signed",
                                                "sizeof",
                                                "static",
                                                "static_assert",
                                                "static_cast",
                                                "struct",
                                                "switch",
                                                "template",
                                                "this",
                                                "thread_local",
                                                "throw",
                                                "true",
                                                "try",
                                                "typedef",
                                                "typeid",
                                                "typename",
                                                "union",
                                                "unsigned",
                                                "using",
                                                "virtual",
                                                "void",
                                                "volatile",
                                                "wchar_t",
                                                "while",
                                                "xor",
                                                "xor_eq",
                                                "std",
                                                "burin",
                                                "main"};
  return words.count(word) > 0;
}

std::string UniqueNames::make(std::string_view wish) {
  constexpr size_t longest = 48;
  std::string base = identifier(wish.substr(0, wish.find(';')));
  if (base.size() > longest) base = identifier(base.substr(base.size() - longest));
  // Two underscores in a row, or one before a capital at the start, are the compiler's.
  base.erase(std::unique(base.begin(), base.end(), [](char a, char b) { return a == '_' && b == '_'; }), base.end());
  while (base.size() > 1 && base[0] == '_') base.erase(0, 1);
  if (base.empty() || std::isdigit(static_cast<unsigned char>(base[0]))) base = "m_" + base;
  if (is_keyword(base)) base += '_';
  std::string r = base;
  for (int i = 1; !taken_.insert(r).second; ++i) r = fmt::format("{}_{}", base, i);
  return r;
}

}  // namespace burin
