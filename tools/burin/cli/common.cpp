#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "codegen/names.h"
#include "compiler/onnx/bind.h"
#include "compiler/onnx/tensor_proto.h"
#include "tools/burin/cli/cli.h"
#include "tools/burin/cli/output.h"
#include "tools/burin/cli/report.h"
#include "tools/burin/cli/tool_list.h"
#include "tools/size/measure.h"

namespace burin {
namespace fs = std::filesystem;
namespace {

/// Options of the interface that this version refuses by name: option, what it wants, what it is for.
struct Later {
  std::string option, wants, about;
};
const Later kLater[] = {
    {"--state", "IN=OUT", "values kept between runs"},
};

/// name=value with a name that may contain '='-free colons; the last '=' before the value's text counts for --bind.
std::pair<std::string, std::string> assignment(const std::string& text, std::string_view option) {
  const size_t at = text.find('=');
  if (at == std::string::npos || at == 0)
    throw UsageError(fmt::format("{} wants NAME=VALUE, not '{}'", option, text), "invalid-option");
  return {text.substr(0, at), text.substr(at + 1)};
}

template <class E>
E choice(const std::string& text, std::string_view option, std::initializer_list<std::pair<std::string_view, E>> all) {
  for (const auto& [name, value] : all)
    if (name == text) return value;
  std::vector<std::string_view> names;
  for (const auto& c : all) names.push_back(c.first);
  throw UsageError(fmt::format("{} is {}, not '{}'", option, fmt::join(names, " or "), text), "invalid-option");
}

std::string limit_names() {
  std::vector<std::string_view> names;
  for (const LimitInfo& l : kLimits) names.push_back(l.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string limit_help() {
  std::string s = "NAME=N (K, M, G = 1024, ..): what a model may ask of the compiler before it is refused. ";
  for (const LimitInfo& l : kLimits)
    s += fmt::format("{}={}: {}; ", l.name, limit_text(l, ModelLimits{}.*l.value), l.about);
  return s.substr(0, s.size() - 2);
}

/// A number above zero that a float holds.
double parse_limit(const std::string& text) {
  char* end = nullptr;
  const double v = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(v > 0) || v > 3.4028234663852886e38)
    throw UsageError(fmt::format("--input-limit wants a number above zero such as 255, not '{}'", text),
                     "invalid-option");
  return v;
}

std::string lower(std::string s) {
  std::ranges::transform(s, s.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return s;
}

/// "DTCM=64K,SRAM=256K"
std::vector<MemoryPool> parse_memory(const std::string& text) {
  std::vector<MemoryPool> r;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const auto [name, bytes] = assignment(text.substr(at, end - at), "--memory");
    const std::string field = lower(name);
    if (identifier(name) != name || name[0] == '_' || model_identifier(field) != field)
      throw UsageError(fmt::format("--memory: '{}' cannot be the name of a member in C; take another one", name),
                       "invalid-option");
    for (const MemoryPool& other : r)
      if (lower(other.name) == field)
        throw UsageError(fmt::format("--memory names the pool '{}' twice", name), "invalid-option");
    r.push_back({name, parse_bytes(bytes)});
    if (r.back().bytes == 0)
      throw UsageError(fmt::format("--memory: the pool '{}' has no bytes", name), "invalid-option");
    at = end + 1;
  }
  return r;
}

/// "DTCM" or "DTCM=16K"
WeightsIn parse_weights_in(const std::string& text, const std::vector<MemoryPool>& memory) {
  if (memory.empty()) throw UsageError("--weights-in wants the pools that --memory names", "invalid-option");
  const size_t mark = text.find('=');
  const std::string name = text.substr(0, mark);
  const auto pool = std::ranges::find(memory, lower(name), [](const MemoryPool& p) { return lower(p.name); });
  if (pool == memory.end())
    throw UsageError(fmt::format("--weights-in: --memory has no pool '{}'", name), "invalid-option");
  WeightsIn r{size_t(pool - memory.begin())};
  if (mark != text.npos) r.bytes = parse_bytes(text.substr(mark + 1));
  if (r.bytes.value_or(0) > pool->bytes)
    throw UsageError(fmt::format("--weights-in: the pool '{}' has only {} bytes", name, pool->bytes), "invalid-option");
  return r;
}

/// "depth=300" into the limit of that name.
void set_limit(ModelLimits& limits, const std::string& text) {
  const auto [name, value] = assignment(text, "--limit");
  const auto* l = std::ranges::find(kLimits, name, &LimitInfo::name);
  if (l == std::end(kLimits))
    throw UsageError(fmt::format("--limit has no '{}'; there are {}", name, limit_names()), "invalid-option");
  limits.*l->value = parse_bytes(value);
}

}  // namespace

std::string model_name(const ModelOptions& o) {
  if (!o.options.name.empty()) return o.options.name;
  const fs::path path = fs::absolute(o.model).lexically_normal();
  return path.stem() == "model" && path.has_parent_path() && !path.parent_path().filename().empty()
             ? path.parent_path().filename().string()
             : path.stem().string();
}

void add_model_options(CLI::App& app, ModelOptions& o) {
  app.add_option("model", o.model, "ONNX file")->required();
  add_options_of_models(app, o);
}

void add_options_of_models(CLI::App& app, ModelOptions& o) {
  app.add_option("--name", o.options.name, "name in generated code (default: the file's)");
  app.add_option("--target", o.target, "core, see 'burin targets'")->capture_default_str();
  app.add_option("--input-dim", o.input_dims, "NAME=N: extent of a symbolic dimension, or of INPUT:AXIS")
      ->allow_extra_args(false);
  app.add_option("--bind", o.binds, "NAME=VALUE|FILE.pb|FILE.npy: an input that is known now")->allow_extra_args(false);
  app.add_option("--optimize", o.optimize, "speed, size or ram")->capture_default_str();
  app.add_flag(
      "--compress", o.options.compress,
      "store weights of fully connected layers in fewer bits, without loss, where that saves flash; runs take longer");
  app.add_option("--io-layout", o.io_layout, "onnx or nhwc")->capture_default_str();
  app.add_option("--io-type", o.io_type, "onnx or quantized")->capture_default_str();
  app.add_option("--io", o.io, "arena or external: whose memory inputs and outputs are")->capture_default_str();
  app.add_flag("--stream-input", o.options.stream_input,
               "the input comes row by row, by NAME_feed(): a frame is never held");
  app.add_option(
         "--kernel", o.kernels,
         "LAYER=KERNEL: take this kernel for that layer, whatever it costs (names: 'burin analyze', docs/kernels.md)")
      ->allow_extra_args(false);
  app.add_option("--input-limit", o.input_limit,
                 "X: float inputs are never larger in magnitude; unused channels of float models can then go");
  app.add_option("--limit", o.limits, limit_help())->allow_extra_args(false);
  app.add_option("--budget-ram", o.budget_ram, "most bytes of arena and state (K = 1024)");
  app.add_option("--budget-flash", o.budget_flash,
                 "most bytes of code and weights, estimated before linking; 'burin size' knows them exactly");
  app.add_option("--memory", o.memory,
                 "POOL=BYTES,...: the memories in which the arena lies, the fastest one first, such as "
                 "DTCM=64K,SRAM=256K; NAME_memory then holds a pointer to each");
  app.add_option("--weights-in", o.weights_in,
                 "POOL[=BYTES]: constants that are read most often are copied into that pool of --memory by "
                 "NAME_load_constants(); without BYTES into what values leave of it");
  app.add_option("--cflags", o.options.cflags,
                 "more flags for the compiler that builds the generated code to measure or run it, after -O2 and the "
                 "core's own: --cflags=-Os");
  app.add_option("--report", o.reports, "FILE.json or FILE.html: facts of every layer and buffer")
      ->allow_extra_args(false);
  app.add_option("--dump-dir", o.dump_dir, "folder for the graph after each pass");
  app.add_option("--diagnostics", o.diagnostics, "text, json or github")->capture_default_str();
  for (const Later& l : kLater) {
    const std::string about =
        fmt::format("{}{}{} (not in this version)", l.wants, l.wants.empty() ? "" : ": ", l.about);
    if (l.wants.empty())
      app.add_flag_function(
          l.option, [&o, option = l.option](int64_t) { o.later[option] = ""; }, about);
    else
      app.add_option_function<std::string>(
          l.option, [&o, option = l.option](const std::string& v) { o.later[option] = v; }, about);
  }
}

DiagnosticStyle diagnostic_style(const ModelOptions& o) {
  return choice<DiagnosticStyle>(
      o.diagnostics, "--diagnostics",
      {{"text", DiagnosticStyle::text}, {"json", DiagnosticStyle::json}, {"github", DiagnosticStyle::github}});
}

void print_diagnostic(const Diagnostic& d, const std::string& file, DiagnosticStyle style) {
  write_error(format(d, file, style));
}

int explain_exception(const std::string& file, DiagnosticStyle style) {
  auto say = [&](const std::string& message, DiagnosticId code, const std::string& hint = "") {
    print_diagnostic({Diagnostic::Severity::error, message, code, hint, "", ""}, file, style);
  };
  auto own = [&](const std::string& message, DiagnosticId code, const std::string& hint = "") {
    if (style != DiagnosticStyle::text) return say(message, code, hint);
    const size_t line = std::min(message.find('\n'), message.size());  // below it: what a program printed
    print_error("burin: error: {} [{}]{}\n", message.substr(0, line), code.text(), message.substr(line));
    if (!hint.empty()) print_error("burin: note: {}\n", hint);
  };
  try {
    throw;
  } catch (const ModelError& e) {
    for (const Diagnostic& d : e.diagnostics()) print_diagnostic(d, file, style);
    const bool over = std::ranges::all_of(e.diagnostics(), [](const Diagnostic& d) { return d.code == "over-budget"; });
    return over ? kOverBudget : kModelError;
  } catch (const OpError& e) {
    print_diagnostic(e.at("", ""), file, style);
    return kModelError;
  } catch (const UsageError& e) {
    own(e.what(), e.code());
    return kUsage;
  } catch (const SizeError& e) {
    own(e.what(), "invalid-report");
    return kUsage;
  } catch (const ToolError& e) {
    own(e.what(), e.code(), kAskDoctor);
    return kToolMissing;
  } catch (const SizeUnsupported& e) {
    own(e.what(), "no-disassembler", kAskDoctor);
    return kToolMissing;
  } catch (const fs::filesystem_error& e) {
    say(fmt::format("'{}': {}", e.path1().string(), e.code().message()), "file-system");
    return kModelError;
  } catch (const std::bad_alloc&) {
    say("the model needs more memory than there is", "out-of-memory");
    return kModelError;
  } catch (const std::exception& e) {
    say(fmt::format("internal error: {}; please report it with the model", e.what()), "internal");
    return kInternalError;
  }
}

int guarded(ModelOptions& o, const std::function<int()>& body) {
  DiagnosticStyle style = DiagnosticStyle::text;
  try {
    style = diagnostic_style(o);
    check_options(o);
    return body();
  } catch (...) {
    return explain_exception(o.model, style);
  }
}

int64_t parse_bytes(const std::string& text) {
  size_t used = 0;
  int64_t n = -1;
  try {
    n = std::stoll(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  const int64_t factor = unit.empty()                 ? 1
                         : unit == "K" || unit == "k" ? 1024
                         : unit == "M" || unit == "m" ? 1024 * 1024
                         : unit == "G" || unit == "g" ? 1024 * 1024 * 1024
                                                      : 0;
  if (used == 0 || n < 0 || factor == 0 || n > (int64_t{1} << 50) / factor)
    throw UsageError(fmt::format("'{}' is no number of bytes (64K, 65536)", text), "invalid-option");
  return n * factor;
}

std::string options_text(const ModelOptions& o) {
  std::string s;
  auto say = [&](std::string_view option, const std::string& value, std::string_view usual) {
    if (value != usual) s += fmt::format("{}{} {}", s.empty() ? "" : " ", option, value);
  };
  say("--optimize", o.optimize, "speed");
  if (o.options.compress) s += s.empty() ? "--compress" : " --compress";
  say("--io-layout", o.io_layout, "onnx");
  say("--io-type", o.io_type, "onnx");
  say("--io", o.io, "arena");
  if (o.options.stream_input) s += fmt::format("{}--stream-input", s.empty() ? "" : " ");
  say("--budget-ram", o.budget_ram, "");
  say("--budget-flash", o.budget_flash, "");
  say("--memory", o.memory, "");
  say("--weights-in", o.weights_in, "");
  for (const std::string& d : o.input_dims) say("--input-dim", d, "");
  for (const std::string& k : o.kernels) say("--kernel", k, "");
  say("--input-limit", o.input_limit, "");
  for (const std::string& b : o.binds) {
    const auto [name, value] = assignment(b, "--bind");
    say("--bind", name + "=" + fs::path(value).filename().string(), "");
  }
  say("--share-arena", o.share_arena, "");
  return s;
}

void check_options(ModelOptions& o) {
  for (const Later& l : kLater)
    if (o.later.count(l.option))
      throw UsageError(fmt::format("{} is not supported in this version ({})", l.option, l.about),
                       "not-in-this-version");
  o.options.optimize = choice<Options::Optimize>(
      o.optimize, "--optimize",
      {{"speed", Options::Optimize::speed}, {"size", Options::Optimize::size}, {"ram", Options::Optimize::ram}});
  o.options.io_layout = choice<Options::IoLayout>(
      o.io_layout, "--io-layout", {{"onnx", Options::IoLayout::onnx}, {"nhwc", Options::IoLayout::nhwc}});
  o.options.io_type = choice<Options::IoType>(
      o.io_type, "--io-type", {{"onnx", Options::IoType::onnx}, {"quantized", Options::IoType::quantized}});
  o.options.io =
      choice<Options::Io>(o.io, "--io", {{"arena", Options::Io::arena}, {"external", Options::Io::external}});
  if (o.options.stream_input && o.options.io == Options::Io::external)
    throw UsageError(
        "--stream-input excludes --io external: rows are the caller's already, and the output is the arena's",
        "invalid-option");
  if (!o.memory.empty() && o.options.stream_input)
    throw UsageError("--memory together with --stream-input is not supported in this version", "not-in-this-version");
  for (const std::string& k : o.kernels) {
    const size_t at = k.rfind('=');  // names of layers may contain one
    if (at == std::string::npos || at == 0)
      throw UsageError(fmt::format("--kernel wants LAYER=KERNEL, not '{}'", k), "invalid-option");
    o.options.kernels[k.substr(0, at)] = k.substr(at + 1);
  }
  if (!o.input_limit.empty()) o.options.input_limit = parse_limit(o.input_limit);
  for (const std::string& l : o.limits) set_limit(o.options.limits, l);
  if (!o.budget_ram.empty()) o.options.budget_ram = parse_bytes(o.budget_ram);
  if (!o.budget_flash.empty()) o.options.budget_flash = parse_bytes(o.budget_flash);
  if (!o.memory.empty()) o.options.memory = parse_memory(o.memory);
  if (!o.weights_in.empty()) o.options.weights_in = parse_weights_in(o.weights_in, o.options.memory);
  check_reports(o);
  known_target(o.target);
}

const Target& known_target(const std::string& name) {
  if (const Target* t = find_target(name)) return *t;
  std::string names;
  for (const Target& t : targets()) names += (names.empty() ? "" : ", ") + t.name;
  throw UsageError(fmt::format("there is no target '{}'; there are {}", name, names), "unknown-target");
}

Compiled compile_model(ModelOptions& o, const std::map<std::string, Tensor>& bind) {
  ReadOptions read;
  for (const std::string& d : o.input_dims) {
    const auto [name, value] = assignment(d, "--input-dim");
    read.input_dims[name] = parse_bytes(value);
  }
  for (const std::string& b : o.binds) {
    const auto [name, value] = assignment(b, "--bind");
    if (names_a_file(value)) o.bound_files.push_back(value);
    read.bind_text[name] = value;
  }
  read.bind = bind;
  read.limits = o.options.limits;
  Context context{find_target(o.target), o.options, o.dump_dir};
  context.options.name = model_name(o);
  return compile({read_file(o.model), o.model, options_text(o)}, read, context);
}

void print_notes(const Compiled& c, const ModelOptions& o) {
  for (const std::string& note : c.notes)
    print_diagnostic({Diagnostic::Severity::note, note, "", "", "", ""}, o.model, diagnostic_style(o));
}

}  // namespace burin
