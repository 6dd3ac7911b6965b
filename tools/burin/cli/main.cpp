#include "tools/burin/cli/cli.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/output.h"

namespace burin {
namespace {

/// Where the command line cannot be read: the style that it names all the same.
DiagnosticStyle style_of(int argc, char** argv) {
  const std::string_view option = "--diagnostics";
  std::string_view style;
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    if (a == option && i + 1 < argc) style = argv[i + 1];
    else if (a.starts_with(option) && a.substr(option.size()).starts_with('=')) style = a.substr(option.size() + 1);
  }
  return style == "json" ? DiagnosticStyle::json : style == "github" ? DiagnosticStyle::github : DiagnosticStyle::text;
}

/// An error of the command line of `verb`, " compile" or empty.
int refuse(const std::string& verb, const std::string& message, const std::string& hint, DiagnosticStyle style) {
  print_diagnostic({Diagnostic::Severity::error, message, "command-line", hint, "", ""},
                   style == DiagnosticStyle::text ? "burin" + verb : "burin", style);
  return kUsage;
}

int run(int argc, char** argv) {
  CLI::App app{"burin: an ONNX model as self-contained C++ for a microcontroller"};
  app.set_version_flag("--version", "burin " BURIN_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);
  int result = kOk;
  for (auto* add : {add_compile, add_analyze, add_verify, add_profile, add_ops, add_targets, add_size, add_diff,
                    add_doctor, add_diagnostics, add_later_verbs})
    add(app, result);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    const auto verbs = app.get_subcommands();
    const std::string first = argc > 1 ? argv[1] : "";
    if (verbs.empty() && !first.empty() && first[0] != '-') {
      std::string names;
      for (const CLI::App* v : app.get_subcommands({})) names += (names.empty() ? "" : ", ") + v->get_name();
      return refuse("", fmt::format("there is no verb '{}'; there are {}", first, names), "", style_of(argc, argv));
    }
    const std::string verb = verbs.empty() ? "" : " " + verbs[0]->get_name();
    return refuse(verb, e.what(), fmt::format("see 'burin{} --help'", verb), style_of(argc, argv));
  } catch (...) {
    return explain_exception("burin", DiagnosticStyle::text);
  }
  return result;
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  burin::clean_up_on_signals();
  const int result = burin::run(argc, argv);
  return burin::output_complete() || result != burin::kOk ? result : int(burin::kModelError);
}
