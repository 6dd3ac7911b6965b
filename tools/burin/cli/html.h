// Text for HTML pages.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace burin {

/// `text` (UTF-8) as character data or a quoted attribute; control characters, which HTML does not allow, become
/// U+FFFD.
std::string html_escape(std::string_view text);
/// At most `width` characters of UTF-8: of a longer text the end, which tells names apart, after an ellipsis;
/// it starts with a whole word of the name if one starts soon.
std::string html_fit(std::string_view text, size_t width);
/// "1x25x5x64" with multiplication signs; a scalar is "scalar".
std::string html_shape(const nlohmann::json& shape);
/// Of several ONNX names joined by exporters ("a/b/Relu;c/d;...") the first, and of that the last two parts: "b/Relu".
std::string short_name(const std::string& name);
/// A share as a percentage with two decimals, rounded in integers: the same text on every host. `of` <= 0 gives
/// "0.00%".
std::string percent(int64_t part, int64_t of);
/// An integer of a report, 0 where it is null or absent.
int64_t number(const nlohmann::json& object, const char* key);
/// An array of a report, empty where it is null or absent.
const nlohmann::json& list(const nlohmann::json& object, const char* key);
std::string text(const nlohmann::json& object, const char* key);

}  // namespace burin
