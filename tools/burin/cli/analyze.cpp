#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tools/burin/cli/html_report.h"
#include "tools/burin/cli/output.h"
#include "tools/burin/cli/report.h"

namespace burin {

void add_analyze(CLI::App& app, int& result) {
  CLI::App* verb = app.add_subcommand("analyze", "say what a model costs, layer by layer");
  struct Arguments {
    ModelOptions model;
    std::string format = "text";
  };
  auto a = std::make_shared<Arguments>();
  add_model_options(*verb, a->model);
  verb->add_option("--format", a->format, "text, json or html")->capture_default_str();
  verb->callback([a, &result] {
    result = guarded(a->model, [&]() -> int {
      if (a->format != "text" && a->format != "json" && a->format != "html")
        throw UsageError(fmt::format("--format is text, json or html, not '{}'", a->format), "invalid-option");
      const Compiled c = compile_within_budget(a->model);
      if (a->format == "text") write_out(analysis(c, a->model));
      else write_out(a->format == "html" ? html_report(report(c, a->model)) : json_text(report(c, a->model)));
      write_reports(c, a->model);
      return check_budget(c, a->model);
    });
  });
}

}  // namespace burin
