// --budget-flash and --budget-ram of models: are they kept, who takes most, and which options not yet used would help.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "tools/burin/cli/cli.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/firmware.h"
#include "tools/burin/cli/output.h"
#include "tools/burin/cli/report.h"
#include "tools/burin/cli/runner.h"

namespace burin {
namespace {

// Without a compiler: bytes of code of an average layer function at -O2 (measured: Cortex-M4F, float 150 to 400,
// integers 100 to 1,600).
constexpr int64_t kCodePerFunction = 700;

// select-kernels estimates code, of each layer by itself; how often its aim is moved by what the compiled code, with
// what layers share, exceeds the budget or leaves of it.
constexpr int kBudgetTries = 6;

struct Flash {
  int64_t code = 0, weights = 0;
  bool compiled = false;  // else `code` is a rule of thumb
  std::vector<Contributor> layers;
  int64_t bytes() const { return code + weights; }
};

/// By compiling the generated code, if there is a compiler.
Flash flash_of(const Compiled& c) {
  Flash f;
  f.weights = c.program.weight_bytes();
  try {
    const TemporaryFolder folder;
    const Measured m = measure(build_object(c, folder));
    if (m.models.size() == 1) {
      f.code = m.models[0].code_bytes, f.weights = m.models[0].weight_bytes, f.compiled = true;
      std::set<std::string> counted;  // layers that share a function: its code once
      for (const Step& step : c.program.steps) {
        const LayerFacts& l = step.facts;
        const auto own = m.models[0].layers.find(l.function);
        const int64_t code =
            own != m.models[0].layers.end() && counted.insert(l.function).second ? own->second.code_bytes : 0;
        f.layers.push_back({l.name, l.kernel, code, l.weight_bytes});
      }
      return f;
    }
  } catch (const ToolError&) {
  } catch (const SizeError&) {
  } catch (const SizeUnsupported&) {
  }
  std::set<std::string> functions;
  for (const Step& step : c.program.steps) {
    const LayerFacts& l = step.facts;
    const int64_t code = functions.insert(l.function).second ? kCodePerFunction : 0;
    f.code += code;
    f.layers.push_back({l.name, l.kernel, code, l.weight_bytes});
  }
  return f;
}

/// One change of the options and what it does to the interface.
struct Remedy {
  std::string option, remark;
  void (*apply)(ModelOptions&);
  bool (*used)(const ModelOptions&);
};
const Remedy kRemedies[] = {
    {"--optimize size", "", [](ModelOptions& o) { o.optimize = "size"; },
     [](const ModelOptions& o) { return o.optimize == "size"; }},
    {"--optimize ram", "", [](ModelOptions& o) { o.optimize = "ram"; },
     [](const ModelOptions& o) { return o.optimize == "ram"; }},
    {"--io-type quantized", "inputs and outputs are then stored integers",
     [](ModelOptions& o) { o.io_type = "quantized"; }, [](const ModelOptions& o) { return o.io_type == "quantized"; }},
    {"--io-layout nhwc", "images are then channels-last", [](ModelOptions& o) { o.io_layout = "nhwc"; },
     [](const ModelOptions& o) { return o.io_layout == "nhwc"; }},
    {"--io external", "inputs and outputs are then in the caller's memory", [](ModelOptions& o) { o.io = "external"; },
     [](const ModelOptions& o) { return o.io == "external"; }},
};

/// Notes on the options that lower `cost`, by really compiling with each of them.
template <class Cost>
std::string remedies(const ModelOptions& options, int64_t now, int64_t budget, Cost cost) {
  struct Try {
    int64_t bytes;
    const Remedy* remedy;
  };
  std::vector<Try> helpful;
  auto bytes_with = [&](const std::vector<const Remedy*>& all) -> std::optional<int64_t> {
    ModelOptions o = options;
    o.dump_dir.clear();
    for (const Remedy* r : all) r->apply(o);
    try {
      check_options(o);
      return cost(compile_model(o));
    } catch (const std::runtime_error&) {  // not for this model
      return std::nullopt;
    }
  };
  for (const Remedy& r : kRemedies)
    if (!r.used(options))
      if (const auto bytes = bytes_with({&r}); bytes && *bytes < now) helpful.push_back({*bytes, &r});
  std::ranges::stable_sort(helpful, {}, &Try::bytes);
  std::string s;
  auto say = [&](const std::string& what, int64_t bytes, const std::string& remark) {
    s += fmt::format("{}: note: {} would take {} bytes, {} less{}{}\n", options.model, what, thousands(bytes),
                     thousands(now - bytes), bytes <= budget ? ": it fits" : "",
                     remark.empty() ? "" : " (" + remark + ")");
  };
  for (const Try& t : helpful) say(t.remedy->option, t.bytes, t.remedy->remark);
  if (helpful.size() > 1 && helpful[0].bytes > budget) {
    std::vector<const Remedy*> all;
    std::string names;
    bool optimize = false;
    for (const Try& t : helpful) {
      const bool choice = t.remedy->option.starts_with("--optimize");
      if (choice && std::exchange(optimize, true)) continue;
      all.push_back(t.remedy);
      names += (names.empty() ? "" : " ") + t.remedy->option;
    }
    if (const auto bytes = bytes_with(all); all.size() > 1 && bytes && *bytes < helpful[0].bytes)
      say(names + " together", *bytes, "");
  }
  if (helpful.empty()) s += fmt::format("{}: note: no other option takes less; a smaller model would\n", options.model);
  return s;
}

/// How the bytes are known.
std::string estimated(const Flash& f, const Compiled& c) {
  return f.compiled
             ? "estimated: compiled but not linked"
             : fmt::format("estimated: code by a rule of thumb, as {} is not installed or fails, see 'burin doctor'",
                           words(c.context.target->compiler)[0]);
}

int check_ram_budget(const Compiled& c, const ModelOptions& o) {
  const int64_t needed = ram_bytes(c.program);
  if (!o.options.budget_ram || needed <= *o.options.budget_ram) return kOk;
  print_error("{}: error: the arena{} needs {} bytes, {} more than --budget-ram {} [over-budget]\n", o.model,
              c.program.feed ? " with the state" : "", needed, needed - *o.options.budget_ram, o.budget_ram);
  write_error(largest_buffers(c, o.model));
  write_error(
      remedies(o, needed, *o.options.budget_ram, [](const Compiled& other) { return ram_bytes(other.program); }));
  return kOverBudget;
}

double cycles(const Compiled& c) {
  double r = 0;
  for (const Step& s : c.program.steps) r += s.facts.cycles;
  return r;
}

}  // namespace

Compiled compile_within_budget(ModelOptions& o) {
  if (!o.options.budget_flash) return compile_model(o);
  const int64_t budget = *o.options.budget_flash;
  ModelOptions aim = o;
  aim.options.budget_flash.reset();  // what is fastest may fit
  Compiled best = compile_model(aim);
  int64_t bytes = flash_of(best).bytes();
  aim.options.budget_flash = budget;
  std::map<std::string, int64_t> measured{{best.module.sha256, bytes}};
  for (int tries = 0; (tries == 0 ? bytes > budget : bytes != budget) && tries < kBudgetTries; ++tries) {
    Compiled next = compile_model(aim);
    const auto [known, fresh] = measured.try_emplace(next.module.sha256, 0);
    if (fresh) known->second = flash_of(next).bytes();
    const int64_t taken = known->second, moved = *aim.options.budget_flash + budget - taken;
    if (moved < 0 && *aim.options.budget_flash == 0) break;  // nothing is left to save
    aim.options.budget_flash = std::max<int64_t>(0, moved);
    if (bytes > budget ? taken < bytes : taken <= budget && cycles(next) < cycles(best))
      best = std::move(next), bytes = taken;
  }
  return best;
}

int check_budget(const Compiled& c, const ModelOptions& o) {
  const int result = check_ram_budget(c, o);
  if (o.budget_flash.empty()) return result;
  const int64_t budget = parse_bytes(o.budget_flash);
  const Flash f = flash_of(c);
  if (f.bytes() <= budget) return result;
  print_error(
      "{}: error: the model takes {} bytes of flash (code {} + weights {}; {}), {} more than --budget-flash {} "
      "[over-budget]\n",
      o.model, f.bytes(), f.code, f.weights, estimated(f, c), f.bytes() - budget, o.budget_flash);
  print_error("{}{}", contributors(f.layers, o.model),
              remedies(o, f.bytes(), budget, [](const Compiled& other) { return flash_of(other).bytes(); }));
  return kOverBudget;
}

int fit_budgets(std::vector<Compiled>& models, std::vector<ModelOptions>& options) {
  int result = kOk;
  for (size_t i = 0; i < models.size(); ++i)  // the arena is as large as the largest: each must fit
    if (const int over = check_ram_budget(models[i], options[i]); over != kOk) result = over;
  int64_t arena = 0, state = 0;
  for (const Compiled& c : models) arena = std::max(arena, c.program.arena_bytes), state += c.program.state_bytes;
  if (const std::optional<int64_t>& ram = options.front().options.budget_ram;
      result == kOk && ram && arena + state > *ram) {
    print_error(
        "burin: error: the arena ({} bytes) with the states of all models ({}) needs {} more than --budget-ram {} "
        "[over-budget]\n",
        arena, state, arena + state - *ram, options.front().budget_ram);
    result = kOverBudget;
  }
  const std::string& text = options.front().budget_flash;
  if (text.empty()) return result;
  const int64_t budget = parse_bytes(text);
  std::vector<Flash> flash;
  int64_t sum = 0;
  for (const Compiled& c : models) sum += flash.emplace_back(flash_of(c)).bytes();
  std::vector<size_t> order(models.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](size_t i) { return flash[i].bytes(); });
  for (const size_t i : order) {
    if (sum <= budget) return result;
    const int64_t others = sum - flash[i].bytes();
    ModelOptions o = options[i];
    o.options.budget_flash = std::max<int64_t>(0, budget - others);
    Compiled smaller = compile_within_budget(o);
    const Flash f = flash_of(smaller);
    const bool fits_ram = !o.options.budget_ram || ram_bytes(smaller.program) <= *o.options.budget_ram;
    if (f.bytes() >= flash[i].bytes() || !fits_ram) continue;
    models[i] = std::move(smaller), flash[i] = f, sum = others + f.bytes();
  }
  if (sum <= budget) return result;
  print_error("burin: error: the models take {} bytes of flash, {} more than --budget-flash {} [over-budget]\n", sum,
              sum - budget, text);
  for (const size_t i : order)
    print_error("{}: note: {:>9} bytes (code {} + weights {}; {})\n", options[i].model, thousands(flash[i].bytes()),
                flash[i].code, flash[i].weights, estimated(flash[i], models[i]));
  print_error("burin: note: code that models share counts for each of them here; --optimize size takes less flash\n");
  return kOverBudget;
}

}  // namespace burin
