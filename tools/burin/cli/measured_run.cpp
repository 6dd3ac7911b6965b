#include "tools/burin/cli/measured_run.h"

#include <algorithm>
#include <map>
#include <utility>

#include "codegen/names.h"
#include "compiler/program/layers.h"
#include "tools/burin/cli/process.h"
#include "tools/burin/cli/tool_list.h"
#include "tools/profile/cycles.h"
#include "tools/size/disassembler.h"

namespace burin {
namespace {

/// Functions of the program by address, for attribution.
const Symbol* function_at(const ElfImage& image, uint64_t address) {
  const Symbol* best = nullptr;
  for (const Symbol& s : image.symbols)
    if (s.kind == Symbol::Kind::function && s.address <= address && (s.bytes == 0 || address < s.address + s.bytes) &&
        (!best || s.address > best->address))
      best = &s;
  return best;
}

std::string run_tool(const std::vector<std::string>& argv) { return run_process(argv).out; }

}  // namespace

MeasuredRun measured_run(const Compiled& c, const std::vector<std::vector<Tensor>>& inputs) {
  const Target& t = *c.context.target;
  const std::string name = c.program.name;
  const size_t steps = c.program.steps.size();
  MeasuredRun r;
  ElfImage image;
  const RunResult run = build_and_run(c, inputs, false, [&](const std::string& elf) {
    image = read_images(elf)[0];
    r.measured = measure(elf);
    Marks marks{{}, {}, steps};
    for (const OutputLayer& l : layers(c.program)) {
      marks.parts.push_back(size_t(l.first) + 1);  // of a group: its own function
      if (l.group)
        for (bool fed = false; const uint8_t member : std::get<Stream>(l.group->control).order) {
          // Each feed but the first calls the group's function again.
          if (c.program.feed && l.first == 0 && member == 0 && std::exchange(fed, true)) marks.parts.push_back(1);
          marks.parts.push_back(size_t(l.first) + member + 1);
        }
    }
    for (const Symbol& s : image.symbols)
      if (const GeneratedName g = generated_name(s.name);
          s.kind == Symbol::Kind::function && g.model == name && g.space == "layers")
        marks.functions.push_back(s.address);
    return marks;
  });
  if (run.executed.empty()) {
    for (const char* names : {kCounterCompiler, kSymbolLister})
      if (find_program(words(names)).empty())
        throw ToolError("instructions cannot be counted: " + missing_tool(names), "missing-tool");
    throw ToolError("this QEMU counts no instructions: it was built without plugins, or the C compiler fails",
                    "no-counter");
  }
  r.stack = run.stack;
  r.outputs = run.outputs;

  Disassembler disassembler(image);
  std::vector<CountedInstruction> all;
  std::map<const Symbol*, double> functions;
  bool fresh = true;
  for (const Executed& e : run.executed) {
    if (all.empty() || all.back().instruction.address != e.address) {
      fresh = fresh || all.empty() || all.back().instruction.address + all.back().instruction.size != e.address;
      std::optional<Instruction> i = disassembler.at(e.address, image.machine == ElfImage::Machine::arm, fresh);
      fresh = !i;
      if (!i) i = Instruction{e.address, 2, "nop", {}, ""};
      all.push_back({std::move(*i), std::vector<uint64_t>(steps + 1)});
    }
    all.back().counts[e.part] += e.count;
    functions[function_at(image, e.address)] += double(e.count);
  }
  CycleModel cycles;
  if (t.key("mca").empty()) {
    cycles = table_cycles(t, all);
  } else if (const std::string mca = find_program(words(kCycleEstimator)); mca.empty()) {
    r.note = "cycles are not estimated: " + missing_tool(kCycleEstimator);
  } else {
    const TemporaryFolder folder;
    cycles = mca_cycles(t, all, mca, folder.file("blocks.s"), run_tool);
  }
  r.model = cycles.about;
  const double runs = double(inputs.size());
  r.steps.resize(steps);
  for (size_t k = 0; k <= steps; ++k) {
    RunCost& cost = k ? r.steps[k - 1] : r.other;
    for (const CountedInstruction& i : all) cost.instructions += double(i.counts[k]) / runs;
    if (!cycles.cycles.empty()) cost.cycles = cycles.cycles[k] / runs;
    r.total.instructions += cost.instructions, r.total.cycles += cost.cycles;
  }
  for (const auto& [s, n] : functions) {
    const GeneratedName g = s ? generated_name(s->name) : GeneratedName{};
    r.functions.emplace_back(!s ? "?" : g.model == name ? g.name : s->name, n / runs);
  }
  std::ranges::sort(r.functions, [](const auto& a, const auto& b) { return a.second > b.second; });
  return r;
}

}  // namespace burin
