// Identifiers in generated code.
#pragma once
#include <set>
#include <string>
#include <string_view>

namespace burin {

/// Letters, digits and _ only; not starting with a digit.
std::string identifier(std::string_view text);
bool is_keyword(std::string_view word);

/// Hands out names that are unique, readable and not too long: of a converter's "a/b/Conv;a/b/Bias" it keeps the start.
class UniqueNames {
 public:
  std::string make(std::string_view wish);

 private:
  std::set<std::string> taken_;
};

}  // namespace burin
