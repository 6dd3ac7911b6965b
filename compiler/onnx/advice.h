// What a user can do about a model that is refused, in terms of the tool that wrote it.
#pragma once
#include <string_view>

namespace burin {

/// The way out for an operator that is not supported; `domain` as plain_domain() gives it. Never empty.
std::string_view advice_for_operator(std::string_view domain, std::string_view op);
/// The way out for errors of a code that say nothing better themselves; may be empty.
std::string_view advice_for_code(std::string_view code);

}  // namespace burin
