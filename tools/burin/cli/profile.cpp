// burin profile: instructions and estimated cycles of every layer, measured by running the generated code in QEMU.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <random>

#include "compiler/program/layers.h"
#include "tools/burin/cli/data.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/html_report.h"
#include "tools/burin/cli/measured_run.h"
#include "tools/burin/cli/output.h"
#include "tools/burin/cli/report.h"
#include "tools/size/disassembler.h"

namespace burin {
namespace {

using nlohmann::json;

struct Arguments {
  ModelOptions model;
  std::vector<std::string> data;
  std::string format = "text";
  double clock = 0, power = 0;  // MHz, mW
};

/// Numbers for models that come without data: all values of bytes, -1 to 1 for floats.
std::vector<Tensor> made_up_inputs(const Program& p) {
  std::mt19937 rng(1);
  std::vector<Tensor> r;
  for (const Port& port : p.inputs) {
    Tensor t(port.type);
    const DTypeInfo& d = info(t.dtype());
    for (int64_t i = 0; i < t.elements(); ++i) {
      if (is_float(t.dtype())) t.set_real(i, double(int64_t(rng() % 2001) - 1000) / 1000);
      else t.set_integer(i, d.bits > 8 ? 0 : d.lo + int64_t(rng() % uint64_t(d.hi - d.lo + 1)));
    }
    r.push_back(std::move(t));
  }
  return r;
}

/// The cheapest other kernel that serves the layer, by the estimate that chose.
std::string next_best(const LayerFacts& f) {
  std::string best;
  for (const auto& [kernel, cycles] : f.candidates)
    if (kernel != f.kernel && (best.empty() || cycles < f.candidates.at(best))) best = kernel;
  return best;
}

RunCost sum(const MeasuredRun& p, const OutputLayer& l) {
  RunCost r;
  for (int i = l.first; i < l.last; ++i)
    r.instructions += p.steps[size_t(i)].instructions, r.cycles += p.steps[size_t(i)].cycles;
  return r;
}

json to_json(const Compiled& c, const Arguments& a, const MeasuredRun& p) {
  json j = report(c, a.model);
  const MeasuredModel* m = p.measured.models.empty() ? nullptr : &p.measured.models[0];
  const auto put = [&](json& l, const RunCost& k) {
    l["instructions"] = std::llround(k.instructions);
    l["cycles"] = p.model.empty() ? json(nullptr) : json(std::llround(k.cycles));
  };
  const auto code_of = [&](const std::string& function) -> json {
    if (!m || !m->layers.count(function)) return nullptr;
    return m->layers.at(function).code_bytes;
  };
  const auto of_step = [&](json& l, int step) {
    const LayerFacts& f = c.program.steps[size_t(step)].facts;
    put(l, p.steps[size_t(step)]);
    const std::string other = next_best(f);
    l["next_best"] = other.empty() ? json(nullptr) : json(other);
    l["code_bytes"] = code_of(f.function);
  };
  const std::vector<OutputLayer> all = layers(c.program);
  for (size_t i = 0; i < all.size(); ++i) {
    json& l = j["layers"][i];
    if (!all[i].group) {
      of_step(l, all[i].first);
      continue;
    }
    put(l, sum(p, all[i]));
    l["next_best"] = nullptr;
    l["code_bytes"] = code_of(all[i].name);
    for (int k = all[i].first; k < all[i].last; ++k) {
      json& call = l["calls"][size_t(k - all[i].first)];
      of_step(call, k);
      // The code of the group and of all functions that are named after its members.
      if (call["function"] == call["name"] && call["code_bytes"].is_number() && l["code_bytes"].is_number())
        l["code_bytes"] = l["code_bytes"].get<int64_t>() + call["code_bytes"].get<int64_t>();
    }
  }
  j["instructions"] = std::llround(p.total.instructions);
  j["cycles"] = p.model.empty() ? json(nullptr) : json(std::llround(p.total.cycles));
  j["cycles_model"] = p.model.empty() ? p.note : p.model;
  j["stack_bytes"] = p.stack;
  if (m) j["flash"] = {{"code", m->code_bytes}, {"weights", m->weight_bytes}};
  if (a.clock > 0 && !p.model.empty()) j["milliseconds"] = p.total.cycles / a.clock / 1e3;
  if (a.clock > 0 && a.power > 0 && !p.model.empty()) j["microjoules"] = p.total.cycles / a.clock / 1e3 * a.power;
  json functions = json::array();
  for (const auto& [name, n] : p.functions) functions.push_back({{"name", name}, {"instructions", std::llround(n)}});
  j["functions"] = functions;
  return j;
}

std::string to_text(const Compiled& c, const Arguments& a, const MeasuredRun& p, size_t runs) {
  std::string s = fmt::format(
      "{} for {}, mean of {} run{}\n\n{:<3} {:<32} {:<18} {:>12} {:>6} {:>7} {:>12} {:>7}  {}\n", a.model.model,
      c.context.target->name, runs, runs == 1 ? "" : "s", "#", "layer", "kernel", "instructions", "share", "per MAC",
      "cycles", "per MAC", "next best kernel (estimate against this one's)");
  const auto row = [&](const std::string& number, const std::string& name, const std::string& kernel, int64_t macs,
                       const RunCost& k, const std::string& other) {
    auto per_mac = [&](double n) { return macs ? fmt::format("{:.2f}", n / double(macs)) : ""; };
    s += fmt::format("{:<3} {:<32} {:<18} {:>12} {:>5.1f}% {:>7} {:>12} {:>7}  {}\n", number, name.substr(0, 32),
                     kernel, thousands(std::llround(k.instructions)), 100 * k.instructions / p.total.instructions,
                     per_mac(k.instructions), p.model.empty() ? "" : thousands(std::llround(k.cycles)),
                     p.model.empty() ? "" : per_mac(k.cycles), other);
  };
  int number = 0;
  for (const OutputLayer& l : layers(c.program)) {
    const std::string n = fmt::format("{}", number++);
    if (l.group) {
      int64_t macs = 0;
      for (int i = l.first; i < l.last; ++i) macs += c.program.steps[size_t(i)].facts.macs;
      row(n, l.name, fmt::format("rows of {}", l.last - l.first), macs, sum(p, l), "");
    }
    for (int i = l.first; i < l.last; ++i) {
      const LayerFacts& f = c.program.steps[size_t(i)].facts;
      const std::string other = next_best(f);
      row(l.group ? "" : n, (l.group ? "  " : "") + f.name, f.kernel, f.macs, p.steps[size_t(i)],
          other.empty() ? "" : fmt::format("{} ({:.1f}x)", other, f.candidates.at(other) / std::max(1.0, f.cycles)));
    }
  }
  s += fmt::format("\ntotal {} instructions", thousands(std::llround(p.total.instructions)));
  if (!p.model.empty())
    s += fmt::format(", {} estimated cycles ({:.2f} per instruction)", thousands(std::llround(p.total.cycles)),
                     p.total.cycles / p.total.instructions);
  if (a.clock > 0 && !p.model.empty())
    s += fmt::format(", {:.3f} ms at {} MHz", p.total.cycles / a.clock / 1e3, a.clock);
  if (a.clock > 0 && a.power > 0 && !p.model.empty())
    s += fmt::format(", {:.1f} uJ at {} mW", p.total.cycles / a.clock / 1e3 * a.power, a.power);
  s += fmt::format("\nstack {} bytes, arena {} bytes", thousands(p.stack), thousands(c.program.arena_bytes));
  if (c.program.feed) s += fmt::format(", state {} bytes", thousands(c.program.state_bytes));
  if (!p.measured.models.empty())
    s += fmt::format(", code {} bytes, weights and tables {} bytes", thousands(p.measured.models[0].code_bytes),
                     thousands(p.measured.models[0].weight_bytes));
  s += "\n\nhot spots, by function\n";
  for (size_t i = 0; i < std::min<size_t>(8, p.functions.size()); ++i)
    s += fmt::format("{:>5.1f}% {:>12}  {}\n", 100 * p.functions[i].second / p.total.instructions,
                     thousands(std::llround(p.functions[i].second)), p.functions[i].first);
  s += p.model.empty() ? fmt::format("\n{}\n", p.note)
                       : fmt::format(
                             "\ncycles: {}. Published measurements on an STM32L4, whose flash has wait states, are "
                             "1.24 to 1.44\ntimes the figures of such a model; instructions are exact.\n",
                             p.model);
  return s;
}

int run(Arguments& a) {
  if (a.model.target == "host")
    throw UsageError("profile wants a --target that QEMU runs, see 'burin targets'", "no-emulator");
  if (!can_read_elf())
    throw ToolError(
        "this burin was built without LLVM and cannot read programs; install llvm-dev (14 to 19) and build it again",
        "no-disassembler");
  std::vector<std::string> folders;
  try {
    folders = data_folders(a.model, a.data);
  } catch (const UsageError&) {
    if (!a.data.empty()) throw;
  }
  Bindings bind;
  std::vector<std::vector<NamedTensor>> in;
  for (const std::string& d : folders) in.push_back(read_data_set(d, "input"));
  const Compiled c = in.empty() ? compile_model(a.model) : compile_for(a.model, in[0], bind);
  print_notes(c, a.model);
  if (!folders.empty()) print_bindings(bind, folders[0], a.model);
  std::vector<std::vector<Tensor>> inputs;
  for (size_t i = 0; i < in.size(); ++i) {
    const bool same =
        std::ranges::all_of(bind, [&](const auto& b) { return pick(in[i], b.first, 0, folders[i]) == b.second; });
    if (same) inputs.push_back(model_inputs(c, in[i], bind, folders[i]));
  }
  if (inputs.empty()) {
    print_diagnostic({Diagnostic::Severity::note, "there is no data beside the model: made-up inputs are used", "",
                      "--data DIR names a data set", "", ""},
                     a.model.model, diagnostic_style(a.model));
    inputs.push_back(made_up_inputs(c.program));
  }
  if (isatty(2)) print_error("building and running {} data set(s)...\n", inputs.size());
  const MeasuredRun p = measured_run(c, inputs);
  const json j = to_json(c, a, p);
  write_out(a.format == "json" ? json_text(j) : a.format == "html" ? html_report(j) : to_text(c, a, p, inputs.size()));
  std::vector<std::pair<std::string, SourceText>> files;
  for (const std::string& f : a.model.reports)
    files.emplace_back(f, f.ends_with(".html") ? html_report(j) : json_text(j));
  write_files(files);
  return check_budget(c, a.model);
}

}  // namespace

void add_profile(CLI::App& app, int& result) {
  CLI::App* verb = app.add_subcommand("profile", "instructions and estimated cycles of every layer, in QEMU");
  auto a = std::make_shared<Arguments>();
  add_model_options(*verb, a->model);
  verb->add_option("--data", a->data,
                   "DIR with input_K.pb (default: test_data_set_* beside the model, else made-up numbers)");
  verb->add_option("--format", a->format, "text, json or html")
      ->check(CLI::IsMember({"text", "json", "html"}))
      ->capture_default_str();
  verb->add_option("--clock", a->clock, "MHz: also prints milliseconds")->check(CLI::PositiveNumber);
  verb->add_option("--power", a->power, "mW while running: with --clock also prints microjoules")
      ->check(CLI::PositiveNumber);
  verb->callback([a, &result] {
    result = guarded(a->model, [&] {
      try {
        return run(*a);
      } catch (const SizeError& e) {
        throw ToolError(e.what(), "program-failed");
      } catch (const SizeUnsupported& e) {
        throw ToolError(e.what(), "no-disassembler");
      }
    });
  });
}

}  // namespace burin
