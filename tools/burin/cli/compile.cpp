#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "codegen/names.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/report.h"

namespace burin {
namespace {

/// Make's rule: the generated files depend on every file that was read.
std::string dependencies(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs) {
  auto escape = [](const std::string& path) {
    std::string r;
    for (char c : path) r += c == ' ' || c == '#' ? std::string{'\\', c} : c == '$' ? "$$" : std::string(1, c);
    return r;
  };
  std::string s;
  for (const std::string& f : outputs) s += (s.empty() ? "" : " ") + escape(f);
  s += ":";
  for (const std::string& f : inputs) s += " \\\n  " + escape(f);
  return s + "\n";
}

int run(ModelOptions& o, const std::string& folder, const std::string& depfile, const std::string& calibration) {
  if (!calibration.empty())
    throw UsageError("--calibration is not supported in this version (post-training quantization)",
                     "not-in-this-version");
  Compiled c = compile_within_budget(o);
  print_notes(c, o);
  if (const int over = check_budget(c, o); over != kOk) return over;
  const std::string base = (std::filesystem::path(folder) / c.program.name).string();
  std::vector<std::pair<std::string, SourceText>> files{{base + ".h", c.module.header},
                                                        {base + ".cpp", c.module.source}};
  if (!depfile.empty()) {
    std::vector<std::string> inputs{o.model};
    inputs.insert(inputs.end(), c.info.external_files.begin(), c.info.external_files.end());
    inputs.insert(inputs.end(), o.bound_files.begin(), o.bound_files.end());
    files.emplace_back(depfile, dependencies({base + ".cpp", base + ".h"}, inputs));
  }
  std::ranges::move(report_files(c, o), std::back_inserter(files));
  write_files(files);
  return kOk;
}

}  // namespace

void add_compile(CLI::App& app, int& result) {
  CLI::App* verb = app.add_subcommand("compile", "write NAME.h and NAME.cpp for a model");
  struct Arguments {
    ModelOptions model;
    std::string folder = ".", depfile, calibration;
  };
  auto a = std::make_shared<Arguments>();
  add_model_options(*verb, a->model);
  verb->add_option("-o,--output", a->folder, "folder for the two files")->capture_default_str();
  verb->add_option("--depfile", a->depfile, "FILE: what the output depends on, for Make and Ninja");
  verb->add_option("--calibration", a->calibration, "DATA: quantize after training");
  verb->callback([a, &result] {
    result = guarded(a->model, [&] { return run(a->model, a->folder, a->depfile, a->calibration); });
  });
}

}  // namespace burin
