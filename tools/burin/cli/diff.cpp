// burin diff OLD NEW, burin diff --baseline FILE [--update] REPORT...: what became larger or slower, and whether that
// is allowed.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tools/burin/cli/cli.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/firmware.h"
#include "tools/burin/cli/output.h"
#include "tools/size/compare.h"

namespace burin {
namespace {

using nlohmann::json;

struct Arguments {
  std::vector<std::string> files, limits, reports;
  std::string baseline, format = "text", output;
  bool update = false;
};

// Without --max a baseline allows this much: compilers' updates move code by a little.
const std::vector<std::string> kBaselineLimits{"flash=+1%", "ram=+0", "instructions=+1%"};

std::vector<Snapshot> read(const std::string& file, const std::vector<json>& reports) {
  std::ifstream f(file, std::ios::binary);
  if (!f) throw UsageError(fmt::format("cannot read '{}'", file), "unreadable-file");
  char magic[8] = {};
  f.read(magic, sizeof magic);
  const std::string_view start(magic, size_t(f.gcount()));
  if (!start.starts_with("\x7f"
                         "ELF") &&
      !start.starts_with("!<arch>"))
    return snapshots(read_json(file), file);
  MeasureOptions options;
  options.reports = reports;
  return snapshots(to_json(measure(file, options)), file);
}

std::string shown(const Diff& d, const std::string& format, const std::string& file) {
  if (format == "json") return diff_json(d).dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  if (format == "markdown") return diff_markdown(d);
  if (format == "html") return diff_html(d);
  if (format == "github") return diff_github(d, file, read_text(file));
  return diff_text(d);
}

int run(const Arguments& a) {
  if (const std::string& f = a.format; f != "text" && f != "json" && f != "markdown" && f != "github" && f != "html")
    throw UsageError(fmt::format("--format is text, json, markdown, github or html, not '{}'", f), "invalid-option");
  const bool against = !a.baseline.empty();
  if (!against && a.update) throw UsageError("--update rewrites a baseline: say --baseline FILE", "command-line");
  if (!against && a.files.size() != 2)
    throw UsageError(
        fmt::format("diff wants two files, OLD and NEW, or --baseline FILE and reports; there are {}", a.files.size()),
        "command-line");
  if (against && a.files.empty())
    throw UsageError("diff --baseline wants at least one report or ELF file", "command-line");
  std::vector<Limit> limits;
  for (const std::string& l : against&& a.limits.empty() ? kBaselineLimits : a.limits) limits.push_back(parse_limit(l));
  std::vector<json> reports;
  for (const std::string& f : a.reports) reports.push_back(read_json(f));

  std::vector<Snapshot> before, after;
  if (against) {
    std::error_code error;
    if (std::filesystem::exists(a.baseline, error)) before = snapshots(read_json(a.baseline), a.baseline);
    else if (!a.update)
      throw UsageError(fmt::format("there is no baseline '{}'; --update makes it", a.baseline), "unreadable-file");
    for (const std::string& f : a.files)
      for (Snapshot& s : read(f, reports)) after.push_back(std::move(s));
  } else {
    before = read(a.files[0], reports);
    after = read(a.files[1], reports);
  }
  // Models that were not measured this time are no news against a baseline.
  Diff d = compare(before, after, a.update ? std::vector<Limit>{} : limits, against && a.limits.empty());
  if (against) d.removed.clear();
  if (!against && d.models.empty())
    throw UsageError(
        fmt::format("'{}' and '{}' have no model in common: they are compared by name", a.files[0], a.files[1]),
        "no-model");
  const std::string text = shown(d, a.format, against ? a.baseline : a.files[1]);
  if (a.output.empty()) write_out(text);
  else write_files({{a.output, text}});
  if (a.update) {
    const std::vector<int> partners = pairs(before, after);
    for (size_t i = 0; i < after.size(); ++i)
      if (partners[i] >= 0) before[size_t(partners[i])] = std::move(after[i]);
      else before.push_back(std::move(after[i]));
    std::ranges::stable_sort(before, {}, &Snapshot::title);
    write_files({{a.baseline, baseline(before).dump(2, ' ', false, json::error_handler_t::replace) + "\n"}});
    return kOk;
  }
  if (!d.exceeded()) return kOk;
  if (against)
    print_error("burin diff: note: if this is meant, accept it: burin diff --baseline {} --update {}\n", a.baseline,
                a.files[0]);
  return kOverBudget;
}

}  // namespace

void add_diff(CLI::App& app, int& result) {
  CLI::App* verb = app.add_subcommand("diff", "compare reports or ELF files, or them with a baseline");
  auto a = std::make_shared<Arguments>();
  verb->add_option("files", a->files,
                   "OLD NEW, or reports to compare with the baseline: of compile, profile or size, or ELF files")
      ->required();
  verb->add_option("--max", a->limits, "QUANTITY=+1%|+0|+4K|64K: most that a quantity may grow, or be; else exit 3")
      ->allow_extra_args(false);
  verb->add_option("--baseline", a->baseline, "FILE that a team commits");
  verb->add_flag("--update", a->update, "write the reports into the baseline, whatever they say");
  verb->add_option("--report", a->reports, "FILE.json of 'burin compile': names layers and kernels of ELF files")
      ->allow_extra_args(false);
  verb->add_option("--format", a->format, "text, json, markdown, github or html")->capture_default_str();
  verb->add_option("-o,--output", a->output, "FILE instead of the standard output");
  verb->callback([a, &result] { result = guarded_files([&] { return run(*a); }); });
}

}  // namespace burin
