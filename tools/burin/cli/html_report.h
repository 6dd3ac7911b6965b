// The report as a page: one HTML file without scripts and without references to other files.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace burin {

/// The page for a report object (tools/burin/cli/report.h). Columns that no layer has (code size, instructions, null
/// until measured) are left out. The same report gives the same bytes.
std::string html_report(const nlohmann::json& report);

/// The graph as SVG: a box per layer, input and output, each layer's a link to its row "#layer-N" of the table. Empty
/// when there are more layers (400) than anybody would look at.
std::string graph_svg(const nlohmann::json& report);
/// The arena over time as SVG: a step per column, addresses upwards. Empty when nothing is in the arena.
std::string arena_svg(const nlohmann::json& report);

/// A buffer's name, or "ring of 3 rows of NAME".
std::string html_buffer(const nlohmann::json& buffer);

/// What an estimate of a layer's time is called, most precise first: instructions counted, cycles estimated,
/// multiply-adds.
struct TimeColumn {
  const char *key, *title;
};
TimeColumn time_column(const nlohmann::json& report);

}  // namespace burin
