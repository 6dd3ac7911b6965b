#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "tools/burin/cli/html.h"
#include "tools/burin/cli/html_report.h"
#include "tools/burin/cli/report.h"

namespace burin {
namespace {

constexpr int kTop = 26, kPlot = 300, kBottom = 24, kHeight = kTop + kPlot + kBottom, kStep = 24;

/// Pixels from the top of the picture of an address; the arena fills the plot.
int64_t y_of(int64_t address, int64_t arena) { return kTop + kPlot - (address * kPlot + arena / 2) / arena; }

bool scratch(const std::string& name) { return name.starts_with("scratch of "); }

/// The axis of addresses beside the plot, which scrolls: the ends, and the lower bound where it is below the arena.
std::string axis(int64_t arena, int64_t bound) {
  std::string s = fmt::format("<svg class=\"axis\" width=\"64\" height=\"{}\" aria-hidden=\"true\">", kHeight);
  const auto label = [&](int64_t y, int64_t bytes, const char* style) {
    s += fmt::format("<text class=\"{}\" x=\"58\" y=\"{}\">{}</text>", style, y + 4, thousands(bytes));
  };
  label(y_of(arena, arena), arena, "e");
  const int64_t at = std::max(y_of(bound, arena), y_of(arena, arena) + 14);
  if (bound < arena) label(at, bound, "e bound");
  for (int64_t quarter = 1; quarter < 4; ++quarter)
    if (const int64_t y = y_of(arena * quarter / 4, arena); bound == arena || y > at + 12 || y < at - 12)
      label(y, arena * quarter / 4, "e q");
  label(kTop + kPlot, 0, "e");
  return s + "</svg>";
}

std::string ring(const nlohmann::json& buffer) {
  const int64_t rows = number(buffer, "ring_rows");
  return rows > 0 ? fmt::format("{} row{} of ", rows, rows == 1 ? "" : "s") : "";
}

}  // namespace

std::string html_buffer(const nlohmann::json& buffer) {
  return (number(buffer, "ring_rows") > 0 ? "ring of " + ring(buffer) : "") + text(buffer, "name");
}

namespace {

/// The arena as one piece, or one of its pools: `report` has its sizes and buffers alone, of a pool no lower bound.
/// `id`: of the picture's parts.
std::string piece_svg(const nlohmann::json& report, const std::string& what, const std::string& id) {
  // The state, if there is any, above the arena.
  const int64_t state_at = number(report, "arena_bytes"), arena = state_at + number(report, "state_bytes");
  const int64_t bound = number(report, "arena_lower_bound");
  const nlohmann::json& buffers = list(report, "buffers");
  const std::vector<int64_t> live = list(report, "live_bytes").get<std::vector<int64_t>>();
  if (arena <= 0 || buffers.empty() || live.empty()) return "";
  const auto steps = int64_t(live.size());
  const bool groups =
      std::ranges::any_of(list(report, "layers"), [](const auto& l) { return !list(l, "calls").empty(); });
  const int64_t peak = *std::ranges::max_element(live);
  // Left side of a step's column; the first column is step -1.
  const auto x = [&](int64_t step) { return percent(step + 1, steps); };

  std::string s = fmt::format(
      "<div class=\"arena\">{}<div class=\"scroll\" role=\"region\" aria-label=\"{} over time\" tabindex=\"0\">\n",
      axis(arena, bound > 0 ? bound : arena), what);
  s += fmt::format(
      "<svg class=\"plot\" width=\"100%\" height=\"{0}\" style=\"min-width:{1}px\" role=\"img\" "
      "aria-labelledby=\"{2}-title {2}-desc\">\n",
      kHeight, steps * kStep, id);
  s += fmt::format(
      "<title id=\"{0}-title\">{1} over time</title>\n<desc id=\"{0}-desc\">Each rectangle is a buffer: its "
      "width the steps during which it lives, its height its bytes. "
      "At the peak {2} bytes are in use; {3}.{4}</desc>\n",
      id, what, thousands(peak),
      bound > 0 ? fmt::format("{} {}, and no placement of these buffers in this order needs less than {}",
                              arena > state_at ? "arena and state, the one above the other, have" : "the arena has",
                              thousands(arena), thousands(bound))
                : fmt::format("the plan has {}", thousands(arena)),
      groups ? " Bytes of a group count as in use in all its steps, though at its turns fewer are." : "");
  bool labelled = false;
  for (int64_t i = 0; i < steps; ++i) {
    if (live[size_t(i)] != peak) continue;
    s += fmt::format(
        "<rect class=\"peak\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/><rect class=\"mark\" x=\"{}\" y=\"{}\" "
        "width=\"{}\" height=\"4\"/>\n",
        x(i - 1), kTop - 8, percent(1, steps), kPlot + 8, x(i - 1), kTop - 8, percent(1, steps));
    if (!labelled)
      s += fmt::format("<text class=\"peaktext{}\" x=\"{}\" y=\"13\">peak {} bytes</text>\n", 2 * i > steps ? " e" : "",
                       x(2 * i > steps ? i : i - 1), thousands(peak));
    labelled = true;
  }
  std::vector<const nlohmann::json*> sorted;
  for (const auto& b : buffers) sorted.push_back(&b);
  std::ranges::stable_sort(sorted, [](const auto* a, const auto* b) {
    return std::pair(number(*a, "first"), number(*a, "offset")) < std::pair(number(*b, "first"), number(*b, "offset"));
  });
  for (const auto* b : sorted) {
    const int64_t first = number(*b, "first"), last = number(*b, "last"), offset = number(*b, "offset"),
                  bytes = number(*b, "bytes");
    if (bytes <= 0) continue;
    const std::string name = text(*b, "name");
    const bool in_state = text(*b, "space") == "state";
    const int64_t at = offset + (in_state ? state_at : 0);
    const int64_t y = y_of(at + bytes, arena), height = std::max<int64_t>(y_of(at, arena) - y, 2);
    s += fmt::format(
        "<svg class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}: {} bytes at {}{}, steps {} to "
        "{}</title><rect width=\"100%\" height=\"100%\"/>",
        scratch(name) ? "s" : "v", x(first), y, percent(last - first + 1, steps), height, html_escape(html_buffer(*b)),
        thousands(bytes), in_state ? "state " : "", thousands(offset), first, last);
    if (height >= 16)
      s += fmt::format("<text x=\"5\" y=\"14\">{}</text>",
                       html_escape(scratch(name) ? "scratch" : ring(*b) + short_name(name)));
    if (height >= 34) s += fmt::format("<text class=\"q\" x=\"5\" y=\"28\">{}</text>", thousands(bytes));
    s += "</svg>\n";
  }
  s += fmt::format(
      "<line class=\"top\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/><line class=\"top\" x1=\"0\" x2=\"100%\" "
      "y1=\"{1}\" y2=\"{1}\"/>"
      "<line class=\"bound\" x1=\"0\" x2=\"100%\" y1=\"{2}\" y2=\"{2}\"/>\n",
      y_of(arena, arena), kTop + kPlot, y_of(bound > 0 ? bound : arena, arena));
  if (arena > state_at)
    s += fmt::format("<line class=\"top\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>\n", y_of(state_at, arena));
  const auto tick = [&](int64_t step, int64_t n, const std::string& label) {
    s += fmt::format("<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\">", x(step), kTop + kPlot, percent(n, steps),
                     kBottom);
    if (n > 1) s += "<line class=\"span\" x1=\"3%\" x2=\"97%\" y1=\"3\" y2=\"3\"/>";
    s += fmt::format("<text class=\"tick\" x=\"50%\" y=\"15\">{}</text></svg>\n", label);
  };
  tick(-1, 1, "in");
  const nlohmann::json& layers = list(report, "layers");
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto members = int64_t(list(layers[i], "calls").size());
    tick(number(layers[i], "step"), std::max<int64_t>(1, members),
         members > 0 ? fmt::format("{}: group of {}", i, members) : fmt::format("{}", i));
  }
  return s + "</svg>\n</div></div>\n";
}

}  // namespace

std::string arena_svg(const nlohmann::json& report) {
  const nlohmann::json& pools = list(report, "pools");
  if (pools.empty()) return piece_svg(report, "Arena", "arena");
  std::string s;
  for (size_t i = 0; i < pools.size(); ++i) {
    const std::string name = html_escape(text(pools[i], "name"));
    nlohmann::json part{{"arena_bytes", pools[i]["bytes"]},
                        {"live_bytes", pools[i]["live_bytes"]},
                        {"layers", list(report, "layers")},
                        {"buffers", nlohmann::json::array()}};
    for (const auto& b : list(report, "buffers"))
      if (text(b, "pool") == text(pools[i], "name")) part["buffers"].push_back(b);
    if (const int64_t constants = number(pools[i], "constant_bytes"); constants > 0)
      part["buffers"].push_back({{"name", "copies of constants"},
                                 {"offset", 0},
                                 {"bytes", constants},
                                 {"first", -1},
                                 {"last", int64_t(pools[i]["live_bytes"].size()) - 2},
                                 {"ring_rows", nullptr}});
    const std::string picture = piece_svg(part, "Pool " + name, fmt::format("pool{}", i));
    s += fmt::format("<h3>{}: {} of {} bytes</h3>\n{}", name, thousands(number(pools[i], "bytes")),
                     thousands(number(pools[i], "size")), picture);
  }
  return s;
}

}  // namespace burin
