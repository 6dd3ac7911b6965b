#include "tools/burin/cli/cli.h"

#include <CLI/CLI.hpp>
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/output.h"

namespace burin {
namespace {

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
      print_error("burin: error: there is no verb '{}'; there are {}\n", first, names);
      return kUsage;
    }
    const std::string verb = verbs.empty() ? "" : " " + verbs[0]->get_name();
    print_error("burin{}: error: {}\nburin{}: note: see 'burin{} --help'\n", verb, e.what(), verb, verb);
    return kUsage;
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
