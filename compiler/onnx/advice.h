// What a user can do about a model that is refused, in terms of the tool that wrote it.
#pragma once
#include <string_view>

namespace burin {

/// The way out for an operator that is not supported; `domain` as plain_domain() gives it. Never empty.
std::string_view advice_for_operator(std::string_view domain, std::string_view op);

}  // namespace burin
