#pragma once
#include <string>
#include <string_view>

namespace burin {

/// SHA-256 (FIPS 180-4) of `data` in lower-case hexadecimal.
std::string sha256(std::string_view data);

}  // namespace burin
