// burin doctor: which of the programs that Burin starts are there and work, and which verbs do with them.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

#include "tools/burin/cli/cli.h"
#include "tools/burin/cli/firmware.h"
#include "tools/burin/cli/output.h"
#include "tools/burin/cli/runner.h"
#include "tools/burin/cli/tool_list.h"
#include "tools/size/disassembler.h"

namespace burin {
namespace {

using nlohmann::json;

enum class Need { compiler, linker, machine, counter, cycles, elf };

struct VerbNeeds {
  std::string_view verb, runner;
  bool each;                // of the targets that QEMU runs; else on this computer
  std::vector<Need> needs;  // without which it does not work
  std::vector<Need> gains;  // without which it does, but `loss`
  std::string_view loss;
};
const VerbNeeds kVerbs[] = {
    {"compile", "", false, {}, {}, ""},
    {"analyze", "", false, {}, {}, ""},
    {"compile --budget-flash", "", true, {}, {Need::compiler, Need::elf}, "code is estimated by a rule of thumb"},
    {"verify", "interpreter", false, {}, {}, ""},
    {"verify", "program", false, {}, {}, ""},
    {"verify", "host", false, {Need::compiler, Need::linker}, {}, ""},
    {"verify",
     "qemu",
     true,
     {Need::compiler, Need::linker, Need::machine},
     {Need::counter},
     "instructions are not counted"},
    {"profile",
     "",
     true,
     {Need::compiler, Need::linker, Need::machine, Need::counter, Need::elf},
     {Need::cycles},
     "cycles are not estimated"},
    {"size", "", false, {Need::elf}, {}, ""},
    {"diff", "", false, {}, {Need::elf}, "it reads reports, but no ELF files"},
};

/// A program, or LLVM's library, which has no path.
struct Checked {
  std::string program, about, path, version, install;
  std::string problem;  // empty: it works
};

/// "arm-none-eabi-g++ (15:12.2.rel1-1) 12.2.1 20221205" is 12.2.1.
std::string version_in(const std::string& text) {
  std::string plain;
  int depth = 0;
  for (char c : text) {
    depth += c == '(';
    if (depth == 0) plain += c;
    depth -= c == ')' && depth > 0;
  }
  for (const std::string& w : words(plain))
    if (std::isdigit(static_cast<unsigned char>(w[0])) && w.find('.') != w.npos) return w;
  return "";
}

/// What a compiler says of what is wrong, in a line.
std::string reason(const std::string& message) {
  std::istringstream lines(message);
  std::string first, line;
  for (bool head = true; std::getline(lines, line); head = false) {
    if (head && message.find('\n') < message.size() - 1) continue;  // our own: the command
    if (first.empty()) first = line;
    if (line.find("error:") != line.npos) return line.substr(line.find("error:") + 7);
  }
  return first;
}

class Doctor {
 public:
  /// What stands in the way of a need of a target; empty: nothing.
  std::string problem(Need need, const Target& t) {
    switch (need) {
      case Need::compiler: {
        const Checked& c = check(t.compiler);
        return !c.problem.empty() ? c.problem : compiles(t, c);
      }
      case Need::linker:
        return check(t.key("linker")).problem;
      case Need::machine: {
        const Checked& c = check(t.key("qemu-binary"));
        if (!c.problem.empty()) return c.problem;
        return says(c.program, {"-M", "help"}, t.qemu + " ")
                   ? ""
                   : fmt::format("'{}' {} has no machine {}: a newer one does", c.program, c.version, t.qemu);
      }
      case Need::counter:
        for (const std::string& p : {check(kCounterCompiler).problem, check(kSymbolLister).problem})
          if (!p.empty()) return p;
        if (const Checked& c = check(t.key("qemu-binary"));
            c.problem.empty() && !says(c.program, {"--help"}, "-plugin"))
          return fmt::format("'{}' was built without plugins, which count instructions", c.program);
        return "";
      case Need::cycles:
        return t.key("mca").empty() ? "" : check(kCycleEstimator).problem;
      case Need::elf:
        return can_read_elf() ? ""
                              : "this burin was built without LLVM: install llvm-dev (14 to 19) and build it again";
    }
    return "";
  }
  const std::vector<Checked>& tools() const { return tools_; }

 private:
  const Checked& check(const std::string& names) {
    const auto known = found_.find(names);
    if (known != found_.end()) return tools_[known->second];
    const Tool tool = tool_of(names);
    Checked c{find_program(words(names)), std::string(tool.about), "", "", how_to_install(names), ""};
    if (c.program.empty()) {
      c.program = words(names)[0], c.problem = fmt::format("'{}' is not installed", c.program);
    } else {
      c.path = program_path(c.program);
      const ProcessResult r = run_process({c.program, "--version"}, 60);
      c.version = version_in(r.out);
      if (r.exit_code != 0)
        c.problem = fmt::format("'{}' fails: {}", c.program, reason((r.err + r.out).substr(0, 500)));
    }
    // Two targets may call one program by different lists.
    const auto same = std::ranges::find(tools_, c.program, &Checked::program);
    found_[names] = size_t(same - tools_.begin());
    if (same == tools_.end()) tools_.push_back(std::move(c));
    return tools_[found_[names]];
  }

  std::string compiles(const Target& t, const Checked& c) {
    const auto [it, fresh] = compiled_.emplace(t.name, "");
    if (!fresh) return it->second;
    try {
      try_compiler(t);
    } catch (const ToolError& e) {
      it->second = fmt::format("'{}' {} fails: {}", c.program, c.version, reason(e.what()));
    }
    return it->second;
  }

  bool says(const std::string& program, std::vector<std::string> argv, const std::string& text) {
    argv.insert(argv.begin(), program);
    std::string& out = said_[argv.back() + program];
    if (out.empty()) out = run_process(argv, 60).out;
    return out.find(text) != out.npos;
  }

  std::vector<Checked> tools_;
  std::map<std::string, size_t> found_;
  std::map<std::string, std::string> compiled_, said_;
};

struct Finding {
  const VerbNeeds* verb;
  std::string target;  // empty: none or every one
  std::vector<std::string> problems, losses;
};

std::vector<Finding> examine(Doctor& doctor, const std::string& only) {
  std::vector<Finding> r;
  for (const VerbNeeds& v : kVerbs)
    for (const Target& t : targets()) {
      const bool qemu = std::ranges::count(v.needs, Need::machine) > 0, here = t.name == "host";
      if (v.each ? (here && qemu) || (qemu && t.qemu.empty()) || (!only.empty() && t.name != only) : !here) continue;
      Finding f{&v, v.each ? t.name : "", {}, {}};
      for (Need n : v.needs) f.problems.push_back(doctor.problem(n, t));
      for (Need n : v.gains) f.losses.push_back(doctor.problem(n, t));
      for (auto* list : {&f.problems, &f.losses}) {  // a compiler that is also the linker is missing once
        std::ranges::sort(*list);
        list->erase(std::unique(list->begin(), list->end()), list->end());
        std::erase(*list, "");
      }
      r.push_back(std::move(f));
    }
  return r;
}

std::string as_json(const Doctor& doctor, const std::vector<Finding>& all, bool works) {
  json tools = json::array(), verbs = json::array();
  auto text = [](std::string_view s) { return s.empty() ? json(nullptr) : json(s); };
  for (const Checked& c : doctor.tools())
    tools.push_back({{"program", c.program},
                     {"about", c.about},
                     {"works", c.problem.empty()},
                     {"path", text(c.path)},
                     {"version", text(c.version)},
                     {"problem", text(c.problem)},
                     {"install", text(c.install)}});
  for (const Finding& f : all)
    verbs.push_back({{"verb", f.verb->verb},
                     {"runner", text(f.verb->runner)},
                     {"target", text(f.target)},
                     {"works", f.problems.empty()},
                     {"problems", f.problems},
                     {"without", f.losses}});
  return json{{"schema", 1}, {"works", works}, {"reads_elf", can_read_elf()}, {"tools", tools}, {"verbs", verbs}}.dump(
             2, ' ', false, json::error_handler_t::replace) +
         "\n";
}

std::string as_text(const Doctor& doctor, const std::vector<Finding>& all) {
  std::string s;
  auto tool = [&](std::string_view name, std::string_view about, std::string_view version, std::string_view where) {
    s += fmt::format("{:<24} {:<28} {:<9} {}\n", name, about, version, where);
  };
  for (const Checked& c : doctor.tools()) {
    if (c.path.empty()) tool(c.program, c.about, "missing", c.install);
    else tool(c.program, c.about, c.version, c.problem.empty() ? c.path : c.problem);
  }
  if (can_read_elf()) tool("LLVM (library)", "reads ELF files", "", "part of this burin");
  else tool("LLVM (library)", "reads ELF files", "missing", "apt install llvm-dev, then build burin again");
  s += "\n";
  for (const VerbNeeds& v : kVerbs) {
    std::map<std::string, std::vector<std::string>> lines;  // what is wrong, with whom
    int count = 0, good = 0;
    for (const Finding& f : all) {
      if (f.verb != &v) continue;
      ++count, good += f.problems.empty();
      for (const std::string& p : f.problems) lines[p].push_back(f.target);
      if (f.problems.empty())
        for (const std::string& p : f.losses) lines[fmt::format("{}, as {}", v.loss, p)].push_back(f.target);
    }
    if (count == 0) continue;
    const std::string name = v.runner.empty() ? std::string(v.verb) : fmt::format("{} --runner {}", v.verb, v.runner);
    s += fmt::format("{:<28} {}\n", name,
                     good == count ? (count == 1 ? "works" : fmt::format("works for {} targets", count))
                     : good == 0   ? "does not work"
                                   : fmt::format("works for {} of {} targets", good, count));
    for (const auto& [line, who] : lines)
      s += fmt::format("  {}{}{}\n", line, count == 1 ? "" : ": ",
                       count == 1 ? "" : fmt::format("{}", fmt::join(who, ", ")));
  }
  return s;
}

int run(const std::string& format, const std::string& target) {
  if (!target.empty()) known_target(target);
  Doctor doctor;
  const std::vector<Finding> all = examine(doctor, target);
  const bool works = std::ranges::all_of(all, [](const Finding& f) { return f.problems.empty(); });
  write_out(format == "json" ? as_json(doctor, all, works) : as_text(doctor, all));
  // Nobody needs every core: what is missing fails only what was asked for.
  return works || target.empty() ? kOk : kToolMissing;
}

}  // namespace

void add_doctor(CLI::App& app, int& result) {
  CLI::App* verb =
      app.add_subcommand("doctor", "which compilers and emulators are there, and which verbs work with them");
  struct Arguments {
    std::string format = "text", target;
  };
  auto a = std::make_shared<Arguments>();
  verb->add_option("--format", a->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  verb->add_option("--target", a->target, "what this core needs; exit code 5 where a verb does not work for it");
  verb->callback([a, &result] { result = guarded_files([&] { return run(a->format, a->target); }); });
}

}  // namespace burin
