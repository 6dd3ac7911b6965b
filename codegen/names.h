// Identifiers in generated code. codegen/reserved_names.txt lists the words that cannot be one.
#pragma once
#include <set>
#include <string>
#include <string_view>

namespace burin {

/// Letters, digits and _ only; not starting with a digit.
std::string identifier(std::string_view text);

/// Hands out names of layers that are unique, readable and not too long: of a converter's "a/b/Conv;a/b/Bias" it keeps
/// the start. They lie in a namespace of the source: only keywords, macros and types can be in their way.
class UniqueNames {
 public:
  std::string make(std::string_view wish);

 private:
  std::set<std::string> taken_;
};

/// `name` of a model as an identifier: other characters become _; m_ goes in front of a leading digit and of what is
/// reserved. It names a namespace at global scope and a header file: neither may be one of a C library.
std::string model_identifier(std::string_view name);

}  // namespace burin
