#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iterator>

#include "codegen/names.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/report.h"

namespace burin {
namespace {

/// The FILE of FILE:NAME, and the name or "".
struct NamedModel {
  std::string file, name;
};
NamedModel named_model(const std::string& argument) {
  const size_t at = argument.rfind(':');
  std::error_code ignored;
  const bool named = at != argument.npos && at > 0 && at + 1 < argument.size() &&
                     argument.find('/', at) == argument.npos && !std::filesystem::exists(argument, ignored);
  return named ? NamedModel{argument.substr(0, at), argument.substr(at + 1)} : NamedModel{argument, ""};
}

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

struct Arguments {
  ModelOptions model;
  std::vector<std::string> models;
  std::string folder = ".", depfile, calibration;
  bool share = false;
};

using Files = std::vector<std::pair<std::string, SourceText>>;

void add_files_read(const Compiled& c, const ModelOptions& o, std::vector<std::string>& files) {
  files.push_back(o.model);
  files.insert(files.end(), c.info.external_files.begin(), c.info.external_files.end());
  files.insert(files.end(), o.bound_files.begin(), o.bound_files.end());
}

/// Adds NAME.h and NAME.cpp.
void add_module(const std::string& folder, const std::string& name, const Module& m, Files& files) {
  const std::string base = (std::filesystem::path(folder) / name).string();
  files.emplace_back(base + ".h", m.header);
  files.emplace_back(base + ".cpp", m.source);
}

/// Adds the depfile, of all that is in `files` by now.
void add_depfile(const std::string& depfile, const std::vector<std::string>& inputs, Files& files) {
  if (depfile.empty()) return;
  std::vector<std::string> outputs;
  for (const auto& [path, text] : files) outputs.push_back(path);
  std::ranges::stable_partition(outputs, [](const std::string& path) { return path.ends_with(".cpp"); });
  files.emplace_back(depfile, dependencies(outputs, inputs));
}

int compile_one(Arguments& a) {
  ModelOptions& o = a.model;
  Compiled c = compile_within_budget(o);
  print_notes(c, o);
  if (const int over = check_budget(c, o); over != kOk) return over;
  Files files;
  add_module(a.folder, c.program.name, c.module, files);
  std::vector<std::string> inputs;
  add_files_read(c, o, inputs);
  add_depfile(a.depfile, inputs, files);
  std::ranges::move(report_files(c, o), std::back_inserter(files));
  write_files(files);
  return kOk;
}

/// Names that cannot stand side by side: macros are in capitals.
bool same_name(const std::string& a, const std::string& b) {
  return std::ranges::equal(
      a, b, {}, [](char c) { return std::toupper(static_cast<unsigned char>(c)); },
      [](char c) { return std::toupper(static_cast<unsigned char>(c)); });
}

/// Throws UsageError where two models, or a model and what they share, would have the same files and macros.
void check_names(const std::vector<ModelOptions>& models, const std::string& shared) {
  for (size_t i = 0; i < models.size(); ++i) {
    const std::string name = model_identifier(model_name(models[i]));
    const std::string remedy = fmt::format("give it another name: '{}:NAME'", models[i].model);
    if (same_name(name, shared))
      throw UsageError(
          fmt::format("the model '{}' has the name of --share-arena, '{}'; {}", models[i].model, shared, remedy),
          "invalid-option");
    for (size_t k = 0; k < i; ++k)
      if (same_name(name, model_identifier(model_name(models[k]))))
        throw UsageError(fmt::format("the models '{}' and '{}' are both named '{}'; {}", models[k].model,
                                     models[i].model, name, remedy),
                         "invalid-option");
  }
}

/// Of each model; errors of all of them are told. Nothing where there are any: `result` then says what.
std::vector<Compiled> compile_all(std::vector<ModelOptions>& models, int& result) {
  std::vector<Compiled> all;
  for (ModelOptions& m : models) {
    const int code = guarded(m, [&] {
      ModelOptions first = m;  // the sum of all counts: fit_budgets()
      first.options.budget_flash.reset();
      all.push_back(compile_model(first));
      m.bound_files = first.bound_files;
      return int(kOk);
    });
    if (result == kOk) result = code;
    if (code == kUsage) break;  // of the options, which hold for all
  }
  if (result != kOk) all.clear();
  return all;
}

int compile_shared(Arguments& a) {
  const std::string name = model_identifier(a.model.share_arena);
  std::vector<ModelOptions> models;
  for (const std::string& argument : a.models) {
    ModelOptions m = a.model;
    const NamedModel n = named_model(argument);
    m.model = n.file;
    if (!n.name.empty()) m.options.name = n.name;
    if (!m.dump_dir.empty())
      m.dump_dir = (std::filesystem::path(m.dump_dir) / model_identifier(model_name(m))).string();
    models.push_back(std::move(m));
  }
  check_names(models, name);
  int result = kOk;
  std::vector<Compiled> all = compile_all(models, result);
  if (result != kOk) return result;
  for (size_t i = 0; i < all.size(); ++i) print_notes(all[i], models[i]);
  if (const int over = fit_budgets(all, models); over != kOk) return over;

  std::vector<Sharer> sharers;
  for (const Compiled& c : all) sharers.push_back({&c.program, c.origin});
  const SharedModules code = print_modules(name, sharers, known_target(a.model.target));
  Files files;
  add_module(a.folder, name, code.common, files);
  std::vector<std::string> inputs;
  for (size_t i = 0; i < all.size(); ++i) {
    add_module(a.folder, all[i].program.name, code.models[i], files);
    add_files_read(all[i], models[i], inputs);
  }
  add_depfile(a.depfile, inputs, files);
  std::ranges::move(shared_report_files(name, all, models), std::back_inserter(files));
  write_files(files);
  return kOk;
}

int run(Arguments& a) {
  ModelOptions& o = a.model;
  if (!a.calibration.empty())
    throw UsageError("--calibration is not supported in this version (post-training quantization)",
                     "not-in-this-version");
  if (a.share && o.share_arena.empty()) throw UsageError("--share-arena wants a name", "invalid-option");
  if (!a.share && a.models.size() > 1)
    throw UsageError(
        fmt::format(
            "'{}' is a second model: compile each by itself, or all with --share-arena NAME, which makes code for "
            "models that run one at a time in one arena",
            a.models[1]),
        "command-line");
  for (const std::string& argument : a.models)
    if (!o.options.name.empty() && (a.models.size() > 1 || !named_model(argument).name.empty()))
      throw UsageError(fmt::format("--name is for one model that has no name yet; write '{}:NAME' instead",
                                   named_model(argument).file),
                       "invalid-option");
  if (a.share) return compile_shared(a);
  const NamedModel n = named_model(a.models[0]);
  o.model = n.file;
  if (!n.name.empty()) o.options.name = n.name;
  return compile_one(a);
}

}  // namespace

void add_compile(CLI::App& app, int& result) {
  CLI::App* verb = app.add_subcommand("compile", "write NAME.h and NAME.cpp for a model");
  auto a = std::make_shared<Arguments>();
  verb->add_option("model", a->models, "ONNX file, or FILE:NAME; several with --share-arena")->required();
  add_options_of_models(*verb, a->model);
  verb->add_option("-o,--output", a->folder, "folder for the two files")->capture_default_str();
  verb->add_option("--depfile", a->depfile, "FILE: what the output depends on, for Make and Ninja");
  verb->add_option("--calibration", a->calibration, "DATA: quantize after training");
  verb->add_option(
          "--share-arena", a->model.share_arena,
          "NAME: models that run one at a time, in one arena and with the kernels that they share in NAME.h and "
          "NAME.cpp")
      ->each([a](const std::string&) { a->share = true; })
      ->excludes("--memory");
  verb->callback([a, &result] { result = guarded(a->model, [&] { return run(*a); }); });
}

}  // namespace burin
