// How a comparison is shown.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "tools/size/compare.h"

namespace burin {
namespace {

using nlohmann::json;

std::string change(int64_t before, int64_t after) {
  const std::string by = fmt::format("{}{}", after > before ? "+" : "", grouped(after - before));
  return before == 0 || before == after
             ? by
             : fmt::format("{} ({:+.2f} %)", by, 100.0 * double(after - before) / double(before));
}

std::string worded(const Comparison& c, const Excess& e) {
  const std::string moved =
      e.limit.kind == Limit::Kind::ceiling && e.before == e.after
          ? fmt::format("is {}", grouped(e.after))
          : fmt::format("went from {} to {}, {}", grouped(e.before), grouped(e.after), change(e.before, e.after));
  std::string s = fmt::format("{} of {} {}; allowed is {}", e.limit.quantity, c.after.title(), moved, e.limit.text);
  for (size_t i = 0; i < std::min<size_t>(e.culprits.size(), 3); ++i) s += (i == 0 ? ": " : "; ") + e.culprits[i];
  return s;
}

/// Rows of one model, the first one the heads: what, old, new, change.
using Rows = std::vector<std::vector<std::string>>;

Rows totals(const Comparison& c) {
  Rows rows{{"total", "old", "new", "change"}};
  for (const std::string& q : quantities()) {
    const auto a = c.before.totals.find(q), b = c.after.totals.find(q);
    if (a == c.before.totals.end() && b == c.after.totals.end()) continue;
    const bool both = a != c.before.totals.end() && b != c.after.totals.end();
    rows.push_back({q, a == c.before.totals.end() ? "-" : grouped(a->second),
                    b == c.after.totals.end() ? "-" : grouped(b->second), both ? change(a->second, b->second) : ""});
  }
  return rows;
}

Rows layers(const Comparison& c) {
  Rows rows{{"layer", "quantity", "old", "new", "change"}};
  for (const LayerChange& l : c.layers) {
    std::string name = l.name;
    auto row = [&](const std::string& quantity, const std::string& a, const std::string& b, const std::string& by) {
      rows.push_back({name, quantity, a, b, by});
      name = "";
    };
    const std::string before = l.before ? l.before->kernel : "(none)", after = l.after ? l.after->kernel : "(none)";
    if (before != after && !before.empty() && !after.empty()) row("kernel", before, after, "");
    for (const std::string& q : quantities()) {
      const auto value = [&](const std::optional<Snapshot::Layer>& x) -> std::optional<int64_t> {
        if (!x) return 0;
        const auto i = x->amounts.find(q);
        return i == x->amounts.end() ? std::nullopt : std::optional(i->second);
      };
      const auto a = value(l.before), b = value(l.after);
      if (a && b && *a != *b) row(q, grouped(*a), grouped(*b), change(*a, *b));
    }
  }
  return rows;
}

std::string plain(const Rows& rows) {
  std::vector<size_t> widths(rows[0].size());
  for (const auto& r : rows)
    for (size_t i = 0; i < r.size(); ++i) widths[i] = std::max(widths[i], r[i].size());
  std::string s;
  for (const auto& r : rows) {
    std::string line;
    for (size_t i = 0; i < r.size(); ++i)
      line += i + 3 < r.size() ? fmt::format("{:<{}}  ", r[i], widths[i]) : fmt::format("{:>{}}  ", r[i], widths[i]);
    s += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return s;
}

std::string markdown(const Rows& rows) {
  std::string s;
  for (size_t n = 0; n < rows.size(); ++n) {
    s += fmt::format("| {} |\n", fmt::join(rows[n], " | "));
    if (n > 0) continue;
    for (size_t i = 0; i < rows[0].size(); ++i) s += i + 3 < rows[0].size() ? "|---" : "|---:";
    s += "|\n";
  }
  return s;
}

std::string escaped(std::string_view text) {
  std::string s;
  for (char c : text)
    s += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return s;
}

std::string html(const Rows& rows) {
  std::string s = "<table>\n";
  for (size_t n = 0; n < rows.size(); ++n) {
    s += "<tr>";
    for (size_t i = 0; i < rows[n].size(); ++i) {
      const std::string& x = rows[n][i];
      const bool last = i + 1 == rows[n].size();
      const char* side = i + 3 < rows[0].size()                    ? ""
                         : last && x.starts_with('+') && x != "+0" ? " class=\"n up\""
                         : last && x.starts_with('-')              ? " class=\"n down\""
                                                                   : " class=\"n\"";
      s += fmt::format("<{0}{1}>{2}</{0}>", n == 0 ? "th" : "td", side, escaped(x));
    }
    s += "</tr>\n";
  }
  return s + "</table>\n";
}

template <class Table, class Line>
void body(const Diff& d, std::string& s, const char* head, const char* head_end, Table table, Line line) {
  for (const Comparison& c : d.models) {
    s += head + c.after.title() + head_end;
    for (const Excess& e : c.excess) line(worded(c, e), true);
    s += table(totals(c));
    if (!c.layers.empty()) s += "\n" + table(layers(c));
    s += "\n";
  }
  for (const std::string& t : d.added) line(t + ": only the new side has it", false);
  for (const std::string& t : d.removed) line(t + ": only the old side has it", false);
}

/// GitHub's workflow commands: %, line ends, and in properties also : and , are escaped.
std::string command_text(std::string_view text, bool property) {
  std::string s;
  for (char c : text)
    s += c == '%'               ? "%25"
         : c == '\n'            ? "%0A"
         : c == '\r'            ? "%0D"
         : property && c == ':' ? "%3A"
         : property && c == ',' ? "%2C"
                                : std::string(1, c);
  return s;
}

size_t line_of(const std::string& text, const std::string& model, const std::string& layer) {
  size_t from = 0, model_at = text.npos;
  // In a baseline the layers of a model stand before its name (sorted keys): the layer's last mention before that.
  model_at = text.find("\"model\": \"" + model + "\"");
  const std::string key = json(layer).dump() + ":";
  from = layer.empty() || model_at == text.npos ? model_at : text.rfind(key, model_at);
  if (from == text.npos) from = model_at;
  return from == text.npos ? 1 : size_t(std::count(text.begin(), text.begin() + std::ptrdiff_t(from), '\n')) + 1;
}

}  // namespace

std::string diff_text(const Diff& d) {
  std::string s;
  body(d, s, "", "\n", plain, [&](const std::string& t, bool bad) { s += (bad ? "over: " : "note: ") + t + "\n"; });
  return s;
}

std::string diff_markdown(const Diff& d) {
  std::string s;
  body(d, s, "### ", "\n\n", markdown, [&](const std::string& t, bool bad) {
    s += bad ? fmt::format("**over:** {}\n\n", t) : fmt::format("note: {}\n\n", t);
  });
  return s;
}

std::string diff_html(const Diff& d) {
  std::string s =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n"
      "<title>burin diff</title>\n<style>\n:root { color-scheme: light dark; }\nbody { font: 15px/1.45 system-ui, "
      "sans-serif; margin: 1rem auto; max-width: 60rem; padding: 0 1rem; }\n"
      "div { overflow-x: auto; }\ntable { border-collapse: collapse; margin: .5rem 0 1.5rem; }\nth, td { "
      "border-bottom: 1px solid #8886; padding: .2rem .7rem; text-align: left; }\n"
      ".n { text-align: right; font-variant-numeric: tabular-nums; }\n.up { color: #c33; }\n.down { color: #283; "
      "}\n.over { border-left: 4px solid #c33; padding-left: .6rem; }\n</style></head><body>\n<h1>burin diff</h1>\n";
  for (const Comparison& c : d.models) {
    s += fmt::format("<h2>{}</h2>\n", escaped(c.after.title()));
    for (const Excess& e : c.excess) s += fmt::format("<p class=\"over\">{}</p>\n", escaped(worded(c, e)));
    s += "<div>" + html(totals(c));
    if (!c.layers.empty()) s += html(layers(c));
    s += "</div>\n";
  }
  for (const std::string& t : d.added) s += fmt::format("<p>{}: only the new side has it</p>\n", escaped(t));
  for (const std::string& t : d.removed) s += fmt::format("<p>{}: only the old side has it</p>\n", escaped(t));
  return s + "</body></html>\n";
}

json diff_json(const Diff& d) {
  json models = json::array();
  for (const Comparison& c : d.models) {
    json changed = json::array(), excess = json::array(), all = json::object();
    for (const std::string& q : quantities()) {
      const auto a = c.before.totals.find(q), b = c.after.totals.find(q);
      if (a == c.before.totals.end() && b == c.after.totals.end()) continue;
      all[q] = {{"old", a == c.before.totals.end() ? json(nullptr) : json(a->second)},
                {"new", b == c.after.totals.end() ? json(nullptr) : json(b->second)}};
    }
    auto side = [](const std::optional<Snapshot::Layer>& l) -> json {
      if (!l) return nullptr;
      json j = l->amounts.empty() ? json::object() : json(l->amounts);
      j["kernel"] = l->kernel;
      return j;
    };
    for (const LayerChange& l : c.layers)
      changed.push_back({{"name", l.name}, {"old", side(l.before)}, {"new", side(l.after)}});
    for (const Excess& e : c.excess)
      excess.push_back({{"quantity", e.limit.quantity},
                        {"limit", e.limit.text},
                        {"old", e.before},
                        {"new", e.after},
                        {"layers", e.culprits}});
    models.push_back({{"model", c.after.model},
                      {"target", c.after.target},
                      {"options", c.after.options},
                      {"totals", all},
                      {"layers", changed},
                      {"exceeded", excess}});
  }
  return {{"schema", 1}, {"exceeded", d.exceeded()}, {"models", models}, {"added", d.added}, {"removed", d.removed}};
}

std::string diff_github(const Diff& d, const std::string& file, const std::string& file_text) {
  std::string s;
  for (const Comparison& c : d.models) {
    for (const Excess& e : c.excess)
      s += fmt::format("::error file={},line={},title={}::{}\n", command_text(file, true),
                       line_of(file_text, c.after.model, e.worst_layer),
                       command_text(fmt::format("{} of {}", e.limit.quantity, c.after.model), true),
                       command_text(worded(c, e), false));
    if (!c.excess.empty()) continue;
    std::string gains;
    for (const char* q : {"flash", "ram", "instructions"}) {
      const auto a = c.before.totals.find(q), b = c.after.totals.find(q);
      if (a != c.before.totals.end() && b != c.after.totals.end() && a->second != b->second)
        gains += fmt::format("{}{} {}", gains.empty() ? "" : ", ", q, change(a->second, b->second));
    }
    if (!gains.empty())
      s += fmt::format("::notice file={},title={}::{}\n", command_text(file, true), command_text(c.after.model, true),
                       command_text(gains, false));
  }
  for (const std::string& t : d.added)
    s += fmt::format("::notice file={}::{}\n", command_text(file, true), command_text(t + " is new", false));
  return s;
}

}  // namespace burin
