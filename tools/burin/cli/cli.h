// The command line: one verb per file, and what they share.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/diagnostics.h"
#include "tools/burin/driver.h"

namespace CLI {
class App;
}

namespace burin {

/// docs/guide.md: what scripts rely on.
enum Exit : int {
  kOk = 0,
  kModelError = 1,
  kUsage = 2,
  kOverBudget = 3,
  kResultsDiffer = 4,
  kToolMissing = 5,
  kInternalError = 70
};

/// A compiler or QEMU that is not installed or fails (exit 5). What it printed follows the message's first line.
class ToolError : public RequestError {
 public:
  using RequestError::RequestError;
};

/// What compile, analyze and verify have in common.
struct ModelOptions {
  std::string model;
  std::string share_arena;  // what models that share an arena call it; compile alone knows it
  Options options;
  std::string target = "host", optimize = "speed", io_layout = "onnx", io_type = "onnx", io = "arena",
              diagnostics = "text";
  std::string budget_ram, budget_flash, memory, weights_in, input_limit, dump_dir;
  std::vector<std::string> input_dims, binds, reports, kernels, limits;
  std::map<std::string, std::string> later;  // options that are refused until their time comes
  std::vector<std::string> bound_files;      // files that --bind read
};
void add_model_options(CLI::App& app, ModelOptions& o);
/// The same for a verb that takes its models otherwise.
void add_options_of_models(CLI::App& app, ModelOptions& o);
/// --name, else the file's stem, else (stem `model`) its folder's name.
std::string model_name(const ModelOptions& o);
/// What can be said of the options before any file is read: fills in o.options. Throws UsageError.
void check_options(ModelOptions& o);

/// Throws UsageError naming those that there are.
const Target& known_target(const std::string& name);

/// compile() of the file and options that the command line names. `bind` joins what --bind says. Throws UsageError too.
Compiled compile_model(ModelOptions& o, const std::map<std::string, Tensor>& bind = {});
/// The same; where the code as compiled exceeds --budget-flash, with kernels exchanged until it fits, if it can be
/// (check_budget says whether it does).
Compiled compile_within_budget(ModelOptions& o);
/// "--optimize size --io external": what differs from the defaults, for the banner and reports.
std::string options_text(const ModelOptions& o);
/// Notes of the compiler, as diagnostics on stderr.
void print_notes(const Compiled& c, const ModelOptions& o);
/// Writes every --report FILE. Throws UsageError for formats that there are not.
void write_reports(const Compiled& c, const ModelOptions& o);
/// kOverBudget with messages that name the biggest contributors and the options that would help, or kOk.
int check_budget(const Compiled& c, const ModelOptions& o);
/// The same for models of one program, each with its options: --budget-ram for the arena that they share,
/// --budget-flash for their sum. Where the sum is too large, models are compiled again, the largest first, until it
/// fits or none can take less.
int fit_budgets(std::vector<Compiled>& models, std::vector<ModelOptions>& options);

DiagnosticStyle diagnostic_style(const ModelOptions& o);
void print_diagnostic(const Diagnostic& d, const std::string& file, DiagnosticStyle style);

/// Says what the exception that is being handled means, and is the exit code for it.
int explain_exception(const std::string& file, DiagnosticStyle style);
/// Checks the options, runs `body` and turns exceptions into messages and exit codes.
int guarded(ModelOptions& o, const std::function<int()>& body);

/// "64K" or "65536" as bytes.
int64_t parse_bytes(const std::string& text);

// The verbs: each adds its subcommand; `result` gets the exit code when it ran.
void add_compile(CLI::App& app, int& result);
void add_analyze(CLI::App& app, int& result);
void add_verify(CLI::App& app, int& result);
void add_profile(CLI::App& app, int& result);
void add_ops(CLI::App& app, int& result);
void add_targets(CLI::App& app, int& result);
void add_size(CLI::App& app, int& result);
void add_diff(CLI::App& app, int& result);
void add_doctor(CLI::App& app, int& result);
void add_diagnostics(CLI::App& app, int& result);
void add_later_verbs(CLI::App& app, int& result);

}  // namespace burin
