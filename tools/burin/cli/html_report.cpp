#include "tools/burin/cli/html_report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <vector>

#include "tools/burin/cli/html.h"
#include "tools/burin/cli/html_style.h"
#include "tools/burin/cli/report.h"

namespace burin {
namespace {

using nlohmann::json;

/// A column of numbers with bars, of the layers' table.
struct Column {
  std::string title, tip;
  std::function<int64_t(const json& layer)> value;
  bool total;  // it makes sense to add them up; else the largest counts
};

std::vector<Column> columns(const json& report) {
  const json& layers = list(report, "layers");
  const std::vector<int64_t> live = list(report, "live_bytes").get<std::vector<int64_t>>();
  std::vector<Column> r;
  const auto add = [&](const char* title, const char* tip, const char* key, bool always) {
    if (always || std::ranges::any_of(layers, [&](const json& l) { return number(l, key) > 0; }))
      r.push_back({title, tip, [key](const json& l) { return number(l, key); }, true});
  };
  add("Instructions", "counted in the emulator", "instructions", false);
  if (number(report, "cycles") > 0)
    add("Cycles (estimate)", "the instructions that ran, each at its cost", "cycles", false);
  else add("Cycles (estimate)", "a rough figure for comparing layers", "cycles_est", false);
  add("Multiply-adds", "of one run", "macs", true);
  add("Code", "bytes of flash", "code_bytes", false);
  add("Weights", "bytes of flash for weights and tables; equal tables are stored once", "weight_bytes", true);
  r.push_back({"RAM in use", "bytes of the arena in use during the layer",
               [live](const json& l) {
                 int64_t most = 0;
                 const auto first = size_t(number(l, "step") + 1), n = std::max<size_t>(1, list(l, "calls").size());
                 for (size_t at = first; at < first + n && at < live.size(); ++at) most = std::max(most, live[at]);
                 return most;
               },
               false});
  return r;
}

std::string figure(const std::string& value, const std::string& what, const std::string& detail) {
  return fmt::format("<div><dt>{}</dt><dd><b>{}</b></dd>{}</div>\n", html_escape(what), html_escape(value),
                     detail.empty() ? "" : fmt::format("<dd>{}</dd>", html_escape(detail)));
}

std::string summary(const json& r) {
  const int64_t arena = number(r, "arena_bytes"), bound = number(r, "arena_lower_bound");
  const json flash = r.value("flash", json::object());
  int64_t instructions = 0;
  for (const auto& l : list(r, "layers")) instructions += number(l, "instructions");
  std::string s = "<dl class=\"figures\">\n";
  if (instructions > 0) s += figure(thousands(instructions), "Instructions of one run", "");
  s += figure(thousands(number(r, "macs")), "Multiply-adds of one run", "");
  const int64_t state = number(r, "state_bytes");
  s += figure(thousands(arena), "Arena, bytes of RAM",
              arena + state == bound
                  ? "no arrangement is smaller"
                  : fmt::format("lower bound {}{}", thousands(bound), state > 0 ? " with the state" : ""));
  if (state > 0) s += figure(thousands(state), "State, bytes of RAM", "kept between feeds");
  if (r.contains("stack_bytes") && r["stack_bytes"].is_number())
    s += figure(thousands(number(r, "stack_bytes")), "Stack, bytes of RAM", "");
  s += figure(thousands(number(flash, "weights")), "Weights and tables, bytes of flash", "");
  if (flash.contains("code") && flash["code"].is_number())
    s += figure(thousands(number(flash, "code")), "Code, bytes of flash", "");
  s += figure(thousands(int64_t(list(r, "layers").size())), "Layers", "");
  return s + "</dl>\n";
}

std::string bar_cell(int64_t value, int64_t most) {
  return fmt::format("<td class=\"n\">{}<i style=\"width:{}\"></i></td>", thousands(value), percent(value, most));
}

/// A name that may be broken between its words.
std::string breakable(const std::string& name) {
  std::string s;
  for (const char c : html_escape(name)) s += c == '_' || c == '/' ? fmt::format("{}<wbr>", c) : std::string(1, c);
  return s;
}

std::string plural(int64_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

std::string layer_cell(const json& l) {
  const std::string name = text(l, "name"), function = text(l, "function");
  std::string s = fmt::format("<th scope=\"row\"><span class=\"name\">{}</span>", breakable(name));
  if (const json& calls = list(l, "calls"); !calls.empty())
    s += fmt::format("<small>{} take turns, row by row</small>", plural(int64_t(calls.size()), "layer"));
  if (const int64_t times = number(l, "times"); times > 0)
    s += fmt::format("<small>{} of {}</small>", plural(times, "call"), plural(number(l, "rows"), "row"));
  if (!function.empty() && function != name) s += fmt::format("<small>code of {}</small>", breakable(function));
  if (const json& nodes = list(l, "onnx"); !nodes.empty()) {
    s += fmt::format("<details><summary>{} ONNX node{}</summary><ul>", nodes.size(), nodes.size() == 1 ? "" : "s");
    for (const auto& n : nodes) s += fmt::format("<li>{}</li>", html_escape(n.get<std::string>()));
    s += "</ul></details>";
  }
  return s + "</th>";
}

std::string requantization(const json& l) {
  const auto it = l.find("requantize");
  if (it == l.end() || !it->is_object()) return "";
  const json needed = it->value("channels", json::object());
  std::string channels;
  for (const auto& [kind, n] : needed.items())
    channels += fmt::format("{}{} {}", channels.empty() ? "" : ", ", n.get<int64_t>(), kind);
  const std::string sequence = text(*it, "sequence");
  return fmt::format(
      "<small>requantize: {}</small>",
      html_escape(needed.size() > 1 || !needed.contains(sequence)
                      ? fmt::format("{}{}{}", sequence, channels.empty() ? "" : "; channels need ", channels)
                      : sequence));
}

std::string layer_table(const json& r) {
  const json& layers = list(r, "layers");
  const std::vector<Column> all = columns(r);
  std::vector<int64_t> most;
  std::string s =
      "<div class=\"scroll\" role=\"region\" aria-label=\"Table of layers\" tabindex=\"0\">\n<table "
      "class=\"layers\">\n<caption>Bars compare the layers within a column.</caption>\n"
      "<thead><tr><th scope=\"col\" class=\"n\">#</th><th scope=\"col\">Layer</th><th scope=\"col\">Operator and "
      "kernel</th><th scope=\"col\">Output</th>";
  for (const Column& c : all) {
    s += fmt::format("<th scope=\"col\" class=\"n\" title=\"{}\">{}</th>", c.tip, c.title);
    int64_t& m = most.emplace_back(0);
    for (const json& l : layers) m = std::max(m, c.value(l));
  }
  s += "</tr></thead>\n<tbody>\n";
  const auto row = [&](const json& l, const std::string& tag, const std::string& number) {
    s += fmt::format("<tr {}><td class=\"n\">{}</td>{}<td>{}<small>{}</small>{}</td><td class=\"shape\">{}</td>", tag,
                     number, layer_cell(l), html_escape(text(l, "op")), html_escape(text(l, "kernel")),
                     requantization(l), html_shape(list(l, "shape_out")));
    for (size_t c = 0; c < all.size(); ++c) s += bar_cell(all[c].value(l), most[c]);
    s += "</tr>\n";
  };
  for (size_t i = 0; i < layers.size(); ++i) {
    row(layers[i], fmt::format("id=\"layer-{}\"", i), fmt::format("{}", i));
    for (const json& call : list(layers[i], "calls")) row(call, "class=\"member\"", "");
  }
  s += "</tbody>\n<tfoot><tr><td></td><th scope=\"row\">Sum</th><td></td><td></td>";
  for (size_t k = 0; k < all.size(); ++k) {
    const Column& c = all[k];
    int64_t sum = 0;
    for (const json& l : layers) sum += c.value(l);
    s += c.total ? fmt::format("<td class=\"n\">{}</td>", thousands(sum))
                 : fmt::format("<td class=\"n\">{} <small>most</small></td>", thousands(most[k]));
  }
  return s + "</tr></tfoot>\n</table>\n</div>\n";
}

std::string buffer_table(const json& r) {
  std::vector<const json*> buffers;
  for (const auto& b : list(r, "buffers")) buffers.push_back(&b);
  std::ranges::stable_sort(buffers, [](const json* a, const json* b) {
    const auto key = [](const json& x) { return std::tuple(text(x, "pool"), number(x, "offset"), number(x, "first")); };
    return key(*a) < key(*b);
  });
  std::vector<std::string> step_names(list(r, "live_bytes").size());  // of step i - 1
  if (!step_names.empty()) step_names[0] = "inputs";
  const json& layers = list(r, "layers");
  for (size_t i = 0; i < layers.size(); ++i)
    for (size_t k = 0; k < std::max<size_t>(1, list(layers[i], "calls").size()); ++k)
      if (const auto at = size_t(number(layers[i], "step") + 1) + k; at < step_names.size())
        step_names[at] = fmt::format("{} {}", i, text(layers[i], "name"));
  const auto step = [&](int64_t s) {
    const auto at = size_t(s + 1);
    return at < step_names.size() && !step_names[at].empty() ? step_names[at] : fmt::format("step {}", s);
  };
  std::string s = fmt::format(
      "<details><summary>{} buffers as a table</summary>\n<div class=\"scroll\" role=\"region\" aria-label=\"Table of "
      "buffers\" tabindex=\"0\">\n<table class=\"buffers\">\n"
      "<thead><tr><th scope=\"col\" class=\"n\">Offset</th><th scope=\"col\" class=\"n\">Bytes</th><th "
      "scope=\"col\">Buffer</th><th scope=\"col\">From layer</th><th scope=\"col\">To "
      "layer</th></tr></thead>\n<tbody>\n",
      buffers.size());
  for (const json* b : buffers)
    s += fmt::format(
        "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><th scope=\"row\"><span class=\"cut\" "
        "title=\"{}\">{}</span></th><td>{}</td><td>{}</td></tr>\n",
        html_escape(text(*b, "pool")) + (text(*b, "pool").empty() ? "" : " ") + thousands(number(*b, "offset")),
        thousands(number(*b, "bytes")), html_escape(html_buffer(*b)), html_escape(html_buffer(*b)),
        html_escape(step(number(*b, "first"))), html_escape(step(number(*b, "last"))));
  return s + "</tbody>\n</table>\n</div>\n</details>\n";
}

std::string interface_list(const json& r) {
  std::string s = "<dl class=\"facts\">\n";
  const auto row = [&](const std::string& key, const std::string& value) {
    s += fmt::format("<dt>{}</dt><dd>{}</dd>\n", html_escape(key), html_escape(value));
  };
  for (const char* side : {"inputs", "outputs"})
    for (const auto& p : list(r, side))
      row(side[0] == 'i' ? "Input" : "Output",
          fmt::format("{}: {} {}", text(p, "name"), text(p, "type"), html_shape(list(p, "shape"))));
  row("Target", text(r, "target"));
  row("Options", text(r, "options").empty() ? "defaults" : text(r, "options"));
  row("Model, sha256", text(r["model"], "sha256"));
  return s + "</dl>\n";
}

std::string notes(const json& r) {
  if (list(r, "notes").empty()) return "<p>None.</p>\n";
  std::string s = "<ul>\n";
  for (const auto& n : list(r, "notes")) s += fmt::format("<li>{}</li>\n", html_escape(n.get<std::string>()));
  return s + "</ul>\n";
}

}  // namespace

std::string html_report(const json& raw) {
  // Names come from files as they are; dump() replaces what is no UTF-8.
  const json r = json::parse(json_text(raw));
  const std::string name = html_escape(text(r["model"], "name")), graph = graph_svg(r), arena = arena_svg(r);
  std::string s = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<title>{} on {} - Burin</title>\n<style>\n{}</style>\n</head>\n<body>\n",
      name, html_escape(text(r, "target")), kReportStyle);
  s += fmt::format(
      "<header>\n<h1>{}</h1>\n<p>compiled for {}</p>\n</header>\n<main>\n<section class=\"top\" "
      "aria-label=\"Summary\">\n",
      name, html_escape(text(r, "target")));
  s += summary(r) + interface_list(r);
  s += "<nav aria-label=\"On this page\"><a href=\"#graph\">Graph</a> <a href=\"#layers\">Layers</a> <a "
       "href=\"#arena\">Arena</a> <a href=\"#notes\">Notes</a></nav>\n</section>\n";
  s += "<section id=\"graph\" aria-labelledby=\"graph-h\">\n<h2 id=\"graph-h\">Graph</h2>\n";
  s += graph.empty() ? "<p>Too many layers for a picture; the table has them all.</p>\n"
                     : fmt::format(
                           "<p>Bars: {}. A box leads to its layer in the table.</p>\n<div class=\"scroll\" "
                           "role=\"region\" aria-label=\"Graph\" tabindex=\"0\">\n{}</div>\n",
                           html_escape(time_column(r).title), graph);
  s += "</section>\n<div class=\"side\">\n<section id=\"layers\" aria-labelledby=\"layers-h\">\n<h2 "
       "id=\"layers-h\">Layers</h2>\n" +
       layer_table(r) + "</section>\n";
  s += "<section id=\"arena\" aria-labelledby=\"arena-h\">\n<h2 id=\"arena-h\">Arena</h2>\n";
  s += arena.empty() ? "<p>Nothing is in the arena.</p>\n"
                     : "<p>A column per layer (first the inputs are written), addresses upwards. Layers of a group run "
                       "together: what they share lives while the group runs.</p>\n" +
                           arena +
                           "<p class=\"legend\"><span class=\"k v\">buffer</span><span class=\"k s\">scratch of a "
                           "kernel</span><span class=\"k p\">peak</span><span class=\"k l\">lower bound</span></p>\n" +
                           buffer_table(r);
  s += "</section>\n<section id=\"notes\" aria-labelledby=\"notes-h\">\n<h2 id=\"notes-h\">Notes</h2>\n" + notes(r) +
       "</section>\n</div>\n</main>\n";
  return s + fmt::format("<footer>Burin {}. All sizes are in bytes.</footer>\n</body>\n</html>\n", BURIN_VERSION);
}

}  // namespace burin
