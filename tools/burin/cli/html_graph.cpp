#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

#include "tools/burin/cli/graph_layout.h"
#include "tools/burin/cli/html.h"
#include "tools/burin/cli/html_report.h"
#include "tools/burin/cli/report.h"

namespace burin {
namespace {

constexpr size_t kMostLayers = 400;
constexpr LayoutSizes kSizes;
constexpr int kHeight = 44, kPitch = kHeight + 24, kMargin = 3;
constexpr size_t kNameChars = 18, kLineChars = 23;

/// What one box shows.
struct Item {
  std::string name, op, shape, detail, style, link;
  int64_t time = 0;
};

int top(int layer) { return kMargin + layer * kPitch; }

/// From the bottom of the source to the top of the reader: straight through waypoints, S curves between layers.
std::string route(const GraphLayout& g, const GraphLayout::Edge& e) {
  int x = g.boxes[size_t(e.from)].x + kSizes.box / 2 + kMargin, y = top(g.boxes[size_t(e.from)].layer) + kHeight;
  std::string s = fmt::format("M{} {}", x, y);
  const auto to = [&](int x1, int y1) {
    const int middle = (y + y1) / 2;
    s += x == x1 ? fmt::format("V{}", y1) : fmt::format("C{} {} {} {} {} {}", x, middle, x1, middle, x1, y1);
    x = x1, y = y1;
  };
  for (const auto& [layer, via] : e.via) {
    to(via + kMargin, top(layer));
    to(via + kMargin, top(layer) + kHeight);
  }
  to(g.boxes[size_t(e.to)].x + kSizes.box / 2 + kMargin, top(g.boxes[size_t(e.to)].layer) - 2);
  return s;
}

std::string box(const Item& i, int x, int y, int64_t most_time) {
  const std::string op = html_fit(i.op, std::max<size_t>(kLineChars - std::min(i.shape.size(), kLineChars - 4), 4));
  std::string s = fmt::format(R"x(<g class="{}" transform="translate({} {})"><title>{}</title>)x", i.style, x, y,
                              html_escape(i.detail));
  s += fmt::format(R"(<rect class="b" width="{}" height="{}" rx="{}"/>)", kSizes.box, kHeight,
                   i.link.empty() ? kHeight / 2 : 4);
  const int left = i.link.empty() ? 18 : 12;
  // An <svg> of its own clips a name that is wide in this font.
  s += fmt::format(R"(<svg x="{}" width="{}" height="{}"><text class="n" y="17">{}</text></svg>)", left,
                   kSizes.box - 2 * left + 2, kHeight / 2,
                   html_escape(html_fit(i.name, i.link.empty() ? kNameChars - 2 : kNameChars)));
  s += fmt::format(R"(<text class="o" x="{}" y="33">{}</text>)", left, html_escape(op));
  s += fmt::format(R"(<text class="o e" x="{}" y="33">{}</text>)", kSizes.box - left + 2, i.shape);
  if (i.time > 0 && most_time > 0)
    s += fmt::format(R"(<rect class="t" x="12" y="38" width="{}" height="3"/>)",
                     std::max<int64_t>(1, int64_t(double(kSizes.box - 22) * double(i.time) / double(most_time))));
  s += "</g>";
  return i.link.empty() ? s + "\n"
                        : fmt::format("<a href=\"#{}\" aria-label=\"{}\">{}</a>\n", i.link, html_escape(i.detail), s);
}

}  // namespace

TimeColumn time_column(const nlohmann::json& report) {
  for (const TimeColumn& c :
       {TimeColumn{"instructions", "Instructions"}, TimeColumn{"cycles_est", "Cycles (estimate)"}})
    for (const auto& layer : list(report, "layers"))
      if (number(layer, c.key) > 0) return c;
  return {"macs", "Multiply-adds"};
}

std::string graph_svg(const nlohmann::json& report) {
  const nlohmann::json& layers = list(report, "layers");
  if (layers.size() > kMostLayers) return "";
  const TimeColumn time = time_column(report);
  std::vector<Item> items;
  std::vector<std::vector<int>> reads;
  std::map<std::string, int> writer;  // of each buffer
  const auto read = [&](const std::vector<std::string>& buffers) {
    std::vector<int> r;
    for (const std::string& b : buffers)
      if (const auto it = writer.find(b); it != writer.end() && std::ranges::find(r, it->second) == r.end())
        r.push_back(it->second);
    return r;
  };
  const auto port = [&](const nlohmann::json& p, const char* what) {
    const std::string name = text(p, "name"), shape = html_shape(list(p, "shape")),
                      op = fmt::format("{} {}", what, text(p, "type"));
    items.push_back(
        {short_name(name), op, shape, fmt::format("{} {}: {} {}", what, name, text(p, "type"), shape), "port", "", 0});
  };
  for (const auto& p : list(report, "inputs")) {
    port(p, "input");
    reads.emplace_back();
    writer[text(p, "buffer")] = int(items.size()) - 1;
  }
  int64_t most_time = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto& l = layers[i];
    const std::string shape = html_shape(list(l, "shape_out"));
    const int64_t t = number(l, time.key);
    most_time = std::max(most_time, t);
    const size_t members = list(l, "calls").size();
    const std::string op = members > 0 ? fmt::format("group of {}", members) : text(l, "op");
    items.push_back({text(l, "name"), op, shape,
                     fmt::format("layer {} {}: {} by {}, output {}, {}: {}", i, text(l, "name"), op, text(l, "kernel"),
                                 shape, time.title, thousands(t)),
                     number(l, "weight_bytes") > 0 && number(l, "macs") > 0 ? "layer w" : "layer",
                     fmt::format("layer-{}", i), t});
    reads.push_back(read(list(l, "inputs").get<std::vector<std::string>>()));
    for (const auto& b : list(l, "outputs")) writer[b.get<std::string>()] = int(items.size()) - 1;
  }
  for (const auto& p : list(report, "outputs")) {
    reads.push_back(read({text(p, "buffer")}));
    port(p, "output");
  }
  const GraphLayout g = lay_out(reads, kSizes);
  const int width = g.width + 2 * kMargin, height = g.layers > 0 ? top(g.layers - 1) + kHeight + kMargin : 0;
  std::string s = fmt::format(
      "<svg class=\"graph\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"group\" "
      "aria-labelledby=\"graph-title graph-desc\">\n",
      width, height);
  s += fmt::format(
      "<title id=\"graph-title\">Graph of {}</title>\n<desc id=\"graph-desc\">{} layers from inputs at the top to "
      "outputs at the bottom. The bar in a box "
      "compares layers by: {}.</desc>\n",
      html_escape(text(report["model"], "name")), layers.size(), time.title);
  s += "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"6\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
       "orient=\"auto\"><path class=\"a\" d=\"M0 .5 7 4 0 7.5z\"/></marker></defs>\n";
  for (const GraphLayout::Edge& e : g.edges)
    s += fmt::format("<path class=\"edge\" data-from=\"{}\" data-to=\"{}\" marker-end=\"url(#arrow)\" d=\"{}\"/>\n",
                     e.from, e.to, route(g, e));
  for (size_t i = 0; i < items.size(); ++i)
    s += box(items[i], g.boxes[i].x + kMargin, top(g.boxes[i].layer), most_time);
  return s + "</svg>\n";
}

}  // namespace burin
