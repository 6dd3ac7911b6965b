// burin diagnostics: what the words in brackets mean, and what to do.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

#include "tools/burin/cli/cli.h"
#include "tools/burin/cli/firmware.h"
#include "tools/burin/cli/output.h"

namespace burin {
namespace {

using nlohmann::json;

/// Characters to insert, delete or replace.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t k = 0; k < b.size(); ++k)
      diagonal = std::exchange(row[k + 1], std::min({row[k] + 1, row[k + 1] + 1, diagonal + (a[i] != b[k])}));
  }
  return row[b.size()];
}

/// Ids that may be meant: those next to it by spelling, else those that share a word of it.
std::vector<std::string_view> near(std::string_view id) {
  std::vector<std::string_view> r;
  for (const DiagnosticInfo& d : all_diagnostics())
    if (distance(id, d.id) <= 1 + id.size() / 6) r.push_back(d.id);
  for (const DiagnosticInfo& d : r.empty() ? all_diagnostics() : std::vector<DiagnosticInfo>{})
    for (size_t at = 0, end; at <= id.size(); at = end + 1) {
      end = std::min(id.find_first_of("- ", at), id.size());
      const std::string_view word = id.substr(at, end - at);
      if (word.size() > 3 && d.id.find(word) != d.id.npos && std::ranges::count(r, d.id) == 0) r.push_back(d.id);
    }
  return r;
}

std::string shown(const std::vector<DiagnosticInfo>& all, const std::string& format) {
  if (format == "json") {
    json j = json::array();
    for (const DiagnosticInfo& d : all) j.push_back({{"id", d.id}, {"meaning", d.meaning}, {"fix", d.fix}});
    return j.dump(2) + "\n";
  }
  std::string s;
  if (format == "markdown") {
    s = "# Diagnostics\n\nErrors end in a word in brackets, which stays the same from version to version. Generated "
        "by\n"
        "`burin diagnostics --format markdown`; `burin diagnostics WORD` explains one.\n\n"
        "| id | meaning | what to do |\n|---|---|---|\n";
    for (const DiagnosticInfo& d : all) s += fmt::format("| `{}` | {} | {} |\n", d.id, d.meaning, d.fix);
    return s;
  }
  for (const DiagnosticInfo& d : all) s += fmt::format("{}\n    {}\n    what to do: {}\n", d.id, d.meaning, d.fix);
  return s;
}

int run(std::string id, const std::string& format) {
  if (id.empty()) return write_out(shown(all_diagnostics(), format)), kOk;
  if (id.starts_with('[') && id.ends_with(']')) id = id.substr(1, id.size() - 2);  // as messages spell it
  const DiagnosticInfo* d = find_diagnostic(id);
  if (!d) {
    const std::vector<std::string_view> others = near(id);
    throw UsageError(fmt::format("there is no diagnostic '{}'; {}", id,
                                 others.empty() ? "`burin diagnostics` lists them"
                                                : fmt::format("did you mean {}?", fmt::join(others, ", "))),
                     "unknown-diagnostic");
  }
  return write_out(shown({*d}, format)), kOk;
}

}  // namespace

void add_diagnostics(CLI::App& app, int& result) {
  CLI::App* verb = app.add_subcommand("diagnostics", "what the word in brackets at the end of an error means");
  struct Arguments {
    std::string id, format = "text";
  };
  auto a = std::make_shared<Arguments>();
  verb->add_option("id", a->id, "such as no-kernel (default: all)");
  verb->add_option("--format", a->format, "text, json or markdown")
      ->check(CLI::IsMember({"text", "json", "markdown"}))
      ->capture_default_str();
  verb->callback([a, &result] { result = guarded_files([&] { return run(a->id, a->format); }); });
}

}  // namespace burin
