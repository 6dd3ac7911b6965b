// burin size FILE...: what firmware files cost, byte by byte, and what of that is whose.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

#include "tools/burin/cli/cli.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/firmware.h"
#include "tools/burin/cli/output.h"

namespace burin {
namespace {

using nlohmann::json;

struct Arguments {
  std::vector<std::string> files, reports, usage;
  std::string format = "text", output, budget_flash, budget_ram, model;
  int others = 10;
};

/// A table: the first column to the left, numbers to the right. In markdown or aligned with spaces.
std::string table(const std::vector<std::vector<std::string>>& rows, bool markdown) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths.resize(std::max(widths.size(), i + 1)), widths[i] = std::max(widths[i], row[i].size());
  std::string s;
  for (size_t n = 0; n < rows.size(); ++n) {
    std::string line = markdown ? "|" : "";
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string cell = i < rows[n].size() ? rows[n][i] : "";
      const bool left = i == 0 || (rows[0][i] == "kernel" || rows[0][i] == "memory");
      line += markdown ? fmt::format(" {} |", cell)
              : left   ? fmt::format("{:<{}}  ", cell, widths[i])
                       : fmt::format("{:>{}}  ", cell, widths[i]);
    }
    while (line.ends_with(' ')) line.pop_back();
    s += line + "\n";
    if (markdown && n == 0) {
      s += "|";
      for (size_t i = 0; i < widths.size(); ++i)
        s += i == 0 || rows[0][i] == "kernel" || rows[0][i] == "memory" ? "---|" : "---:|";
      s += "\n";
    }
  }
  return s;
}

std::string stack_text(const json& m) {
  const std::string note = m["stack_note"];
  const std::string bytes =
      m["stack_bytes"].is_null() ? "unknown" : fmt::format("{} bytes", thousands(m["stack_bytes"].get<int64_t>()));
  return note.empty() ? bytes : fmt::format("{} ({})", bytes, note);
}

std::string as_text(const json& r, bool md, int others) {
  const std::string bold = md ? "**" : "", head = md ? "## " : "";
  std::string s = fmt::format("{}{}\n\n", head, r["file"].get<std::string>());
  for (const json& m : r["models"]) {
    const int64_t code = m["flash"]["code"], weights = m["flash"]["weights"];
    s += fmt::format("{}{}{}: flash {} bytes (code {}, weights {}), static RAM {}, stack of a run at most {}\n\n", bold,
                     m["model"]["name"].get<std::string>(), bold, thousands(code + weights), thousands(code),
                     thousands(weights), thousands(m["ram_bytes"].get<int64_t>()), stack_text(m));
    std::vector<std::vector<std::string>> rows{{"layer", "kernel", "code", "weights", "flash"}};
    auto row = [&](std::string name, std::string kernel, int64_t c, int64_t w) {
      rows.push_back({std::move(name), std::move(kernel), thousands(c), thousands(w), thousands(c + w)});
    };
    std::map<std::string, std::pair<int64_t, int64_t>> kernels;
    for (const json& l : m["layers"]) {
      row(l["name"], l["kernel"], l["code_bytes"], l["weight_bytes"]);
      auto& k = kernels[l["kernel"]];
      k.first += l["code_bytes"].get<int64_t>(), k.second += l["weight_bytes"].get<int64_t>();
    }
    row("(run, interface, shared)", "", m["shared"]["code"], m["shared"]["weights"]);
    s += table(rows, md) + "\n";
    if (kernels.size() > 1 || (kernels.size() == 1 && !kernels.begin()->first.empty())) {
      rows = {{"kernel", "code", "weights", "flash"}};
      for (const auto& [name, bytes] : kernels)
        rows.push_back({name.empty() ? "-" : name, thousands(bytes.first), thousands(bytes.second),
                        thousands(bytes.first + bytes.second)});
      s += table(rows, md) + "\n";
    }
  }
  if (r["models"].empty()) s += "no model of Burin's found\n\n";

  std::vector<std::vector<std::string>> rows{{"section", "memory", "bytes"}};
  for (const json& x : r["sections"]) {
    const std::string object = x["object"];
    rows.push_back({(object.empty() ? "" : object + ": ") + x["name"].get<std::string>(),
                    x["flash"] && x["ram"] ? "flash, RAM"
                    : x["ram"]             ? "RAM"
                                           : "flash",
                    thousands(x["bytes"].get<int64_t>())});
  }
  if (rows.size() <= 41) s += table(rows, md) + "\n";
  const json& other = r["other"];
  const int64_t flash = r["flash"], ram = r["ram"], rest = other["flash"], rest_ram = other["ram"];
  rows = {{"", "flash", "RAM"},
          {"models of Burin's", thousands(flash - rest), thousands(ram - rest_ram)},
          {"everything else", thousands(rest), thousands(rest_ram)},
          {"sum of the sections", thousands(flash), thousands(ram)}};
  s += table(rows, md) + "\n";
  if (others > 0 && !other["symbols"].empty()) {
    std::vector<json> all = other["symbols"].get<std::vector<json>>();
    std::ranges::stable_sort(all, std::greater<>(), [](const json& x) { return x["bytes"].get<int64_t>(); });
    rows = {{"largest of everything else", "bytes"}};
    for (size_t i = 0; i < std::min(all.size(), size_t(others)); ++i)
      rows.push_back({all[i]["symbol"] == "" ? "(no symbol)" : all[i]["symbol"].get<std::string>(),
                      thousands(all[i]["bytes"].get<int64_t>())});
    s += table(rows, md) + "\n";
  }
  for (const json& n : r["notes"]) s += fmt::format("note: {}\n", n.get<std::string>());
  return s;
}

/// kOverBudget with the largest layers, or kOk. Sizes are those of the file: exact.
int check_sizes(const json& report, const Arguments& a) {
  int result = kOk;
  bool found = false;
  for (const json& m : report["models"]) {
    const std::string name = m["model"]["name"], file = report["file"];
    if (!a.model.empty() && name != a.model) continue;
    found = true;
    const int64_t flash = m["flash"]["code"].get<int64_t>() + m["flash"]["weights"].get<int64_t>();
    if (!a.budget_flash.empty() && flash > parse_bytes(a.budget_flash)) {
      result = kOverBudget;
      print_error(
          "{}: error: model '{}' takes {} bytes of flash (exact: code {} + weights {}), {} more than "
          "--budget-flash {} [over-budget]\n",
          file, name, flash, m["flash"]["code"].get<int64_t>(), m["flash"]["weights"].get<int64_t>(),
          flash - parse_bytes(a.budget_flash), a.budget_flash);
      std::vector<Contributor> largest;
      for (const json& l : m["layers"]) largest.push_back({l["name"], l["kernel"], l["code_bytes"], l["weight_bytes"]});
      write_error(contributors(largest, file));
      print_error(
          "{}: note: `burin compile --budget-flash {}` tells which options make the model smaller, and by how much\n",
          file, a.budget_flash);
    }
    if (!a.budget_ram.empty()) {
      const int64_t stack = m["stack_bytes"].is_null() ? 0 : m["stack_bytes"].get<int64_t>(), fixed = m["ram_bytes"];
      if (fixed + stack > parse_bytes(a.budget_ram)) {
        result = kOverBudget;
        print_error(
            "{}: error: model '{}' takes {} bytes of RAM (static {} + stack {}), {} more than --budget-ram {} "
            "[over-budget]\n",
            file, name, fixed + stack, fixed, stack_text(m), fixed + stack - parse_bytes(a.budget_ram), a.budget_ram);
      }
    }
  }
  if (!found && !a.model.empty())
    throw UsageError(fmt::format("{}: there is no model '{}' in it", report["file"].get<std::string>(), a.model),
                     "no-model");
  return result;
}

int run(const Arguments& a) {
  if (a.format != "text" && a.format != "json" && a.format != "markdown")
    throw UsageError(fmt::format("--format is text, json or markdown, not '{}'", a.format), "invalid-option");
  if (!a.budget_flash.empty()) parse_bytes(a.budget_flash);
  if (!a.budget_ram.empty()) parse_bytes(a.budget_ram);
  MeasureOptions options;
  options.stack_usage = a.usage;
  for (const std::string& f : a.reports) options.reports.push_back(read_json(f));
  json all = json::array();
  std::string text;
  int result = kOk;
  for (const std::string& f : a.files) {
    all.push_back(to_json(measure(f, options)));
    if (a.format != "json") text += as_text(all.back(), a.format == "markdown", a.others);
  }
  if (a.format == "json")
    text = (all.size() == 1 ? all[0] : json{{"schema", 1}, {"files", all}})
               .dump(2, ' ', false, json::error_handler_t::replace) +
           "\n";
  if (a.output.empty()) write_out(text);
  else write_files({{a.output, text}});
  for (const json& r : all) result = std::max(result, check_sizes(r, a));
  return result;
}

}  // namespace

void add_size(CLI::App& app, int& result) {
  CLI::App* verb = app.add_subcommand("size", "flash, RAM and stack of the models in firmware files, byte by byte");
  auto a = std::make_shared<Arguments>();
  verb->add_option("files", a->files, "ELF programs, objects or archives")->required();
  verb->add_option("--report", a->reports, "FILE.json of 'burin compile': names layers and kernels")
      ->allow_extra_args(false);
  verb->add_option("--su", a->usage,
                   "file or folder of gcc -fstack-usage: frames where the core's instructions are not known")
      ->allow_extra_args(false);
  verb->add_option("--format", a->format, "text, json or markdown")->capture_default_str();
  verb->add_option("-o,--output", a->output, "FILE instead of the standard output");
  verb->add_option("--model", a->model, "NAME: the budgets are this model's");
  verb->add_option("--budget-flash", a->budget_flash, "most bytes of a model's code and weights (K = 1024)");
  verb->add_option("--budget-ram", a->budget_ram, "most bytes of a model's static RAM and stack");
  verb->add_option("--others", a->others, "how many of the largest other symbols to list")->capture_default_str();
  verb->callback([a, &result] { result = guarded_files([&] { return run(*a); }); });
}

}  // namespace burin
