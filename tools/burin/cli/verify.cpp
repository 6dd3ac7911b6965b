// burin verify: what a model computes beside what its data sets say.
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "codegen/run.h"
#include "compiler/interpreter.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/softmax.h"
#include "tools/burin/cli/data.h"
#include "tools/burin/cli/output.h"
#include "tools/burin/cli/runner.h"

namespace burin {
namespace fs = std::filesystem;
namespace {

struct Arguments {
  ModelOptions model;
  std::vector<std::string> data;
  std::string runner;
};

/// The largest error that an output may have. Integers: none, but for a softmax, which is within 0.5 + 2^-12 step of
/// the real value. A float that comes from a quantized value: one step of it.
struct Tolerance {
  double absolute = 0, relative = 0;
};
Tolerance tolerance(const Graph& g, ValueId output, const Edges::Steps& steps) {
  for (const Edges::Step& s : steps)
    if (s.op.is<Dequantize>()) return {double(*std::ranges::max_element(s.from.quant.scale)), 1e-3};
  const Node* n = g.producer(output);
  if (!is_float(g[output].type.dtype)) {
    while (n && n->as<Reshape>()) n = g.producer(n->inputs[0]);
    return {n && n->as<Softmax>() && g[output].type.quantized() ? 1.0 : 0.0, 0};
  }
  double step = 0;  // of the quantizers next to the output
  std::vector<ValueId> open{output};
  for (size_t i = 0; i < open.size(); ++i) {
    const Node* p = open[i] == ValueId::none ? nullptr : g.producer(open[i]);
    if (!p) continue;
    if (p->as<Dequantize>()) step = std::max(step, double(*std::ranges::max_element(g[p->inputs[0]].type.quant.scale)));
    else
      for (ValueId v : p->inputs)
        if (std::ranges::count(open, v) == 0) open.push_back(v);
  }
  return step > 0 ? Tolerance{step, 1e-3} : Tolerance{1e-5, 1e-3};
}

struct Difference {
  int64_t different = 0, wrong = 0, values = 0;
  double largest = 0;
  int64_t first_wrong = -1;
};
Difference compare(const Tensor& got, const Tensor& want, Tolerance t) {
  Difference d;
  d.values = want.elements();
  for (int64_t i = 0; i < d.values; ++i) {
    const double a = got.real(i), b = want.real(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double e = std::isnan(a - b) ? INFINITY : std::fabs(a - b);
    ++d.different;
    d.largest = std::max(d.largest, e);
    if (e <= t.absolute + t.relative * std::fabs(b)) continue;
    if (d.wrong++ == 0) d.first_wrong = i;
  }
  return d;
}

int run(Arguments& a) {
  const std::vector<std::string> folders = data_folders(a.model, a.data);
  if (a.runner.empty()) a.runner = a.model.target == "host" ? "host" : "qemu";
  if (a.runner != "interpreter" && a.runner != "program" && a.runner != "host" && a.runner != "qemu")
    throw UsageError(fmt::format("--runner is interpreter, program, host or qemu, not '{}'", a.runner),
                     "invalid-option");
  if (a.runner == "qemu" && a.model.target == "host")
    throw UsageError("--runner qemu wants a --target that QEMU has, see 'burin targets'", "no-emulator");
  std::vector<std::vector<NamedTensor>> in, out;
  for (const std::string& d : folders)
    in.push_back(read_data_set(d, "input")), out.push_back(read_data_set(d, "output"));

  // Data sets that need different shapes are different programs.
  bool ok = true;
  Difference total;
  std::vector<bool> done(folders.size());
  for (size_t first = 0; first < folders.size(); ++first) {
    if (done[first]) continue;
    Bindings bind;
    Compiled c = compile_for(a.model, in[first], bind);
    if (first == 0) print_notes(c, a.model);
    print_bindings(bind, folders[first], a.model);
    std::vector<size_t> sets;
    std::vector<std::vector<Tensor>> inputs;
    for (size_t s = first; s < folders.size(); ++s) {
      const bool same =
          std::ranges::all_of(bind, [&](const auto& b) { return pick(in[s], b.first, 0, folders[s]) == b.second; });
      if (done[s] || !same) continue;
      done[s] = true;
      sets.push_back(s);
      inputs.push_back(model_inputs(c, in[s], bind, folders[s]));
    }
    if (isatty(2)) print_error("building and running {} data sets ({})...\n", sets.size(), a.runner);
    RunResult result;
    if (a.runner == "interpreter")
      for (const auto& values : inputs) result.outputs.push_back(interpret(c.graph, values));
    else if (a.runner == "program")
      for (const auto& values : inputs) result.outputs.push_back(run(c.program, values));
    else result = build_and_run(c, inputs, a.runner == "host");

    for (size_t k = 0; k < sets.size(); ++k)
      for (size_t i = 0; i < c.graph.outputs.size(); ++i) {
        const Value& v = c.graph[c.graph.outputs[i]];
        const Tensor& want = pick(out[sets[k]], v.interface_name(), i, folders[sets[k]]);
        // Beside data as the file has it, the result is brought there too.
        const Edges::Steps& left = c.edges.outputs[i];
        const Type& file = left.empty() ? v.type : left.back().to;
        const DataForm form = data_form(want.type(), file, v.type);
        if (form == DataForm::neither) {
          print_out("{} {}: {} but the data is {}\n", fs::path(folders[sets[k]]).filename().string(), v.name,
                    to_string(file), to_string(want.type()));
          ok = false;
          continue;
        }
        const Edges::Steps steps = form == DataForm::file ? left : Edges::Steps{};
        const Tensor got = through(steps, std::move(result.outputs[k][i]));
        const Difference d = compare(got, want, tolerance(c.graph, c.graph.outputs[i], steps));
        print_out("{} {}: {} values, {} differ, by at most {:.6g}{}\n", fs::path(folders[sets[k]]).filename().string(),
                  v.name, d.values, d.different, d.largest, d.wrong ? "  WRONG" : "");
        if (d.wrong)
          print_out("  first at element {}: {:.9g}, expected {:.9g}\n", d.first_wrong, got.real(d.first_wrong),
                    want.real(d.first_wrong));
        ok = ok && d.wrong == 0;
        total.values += d.values, total.different += d.different, total.wrong += d.wrong,
            total.largest = std::max(total.largest, d.largest);
      }
    if (a.runner == "host" || a.runner == "qemu") {
      print_out("arena {} bytes", c.program.arena_bytes);
      if (c.program.feed) print_out(", state {} bytes", c.program.state_bytes);
      if (result.stack > 0) print_out(", stack {} bytes", result.stack);
      if (result.instructions) print_out(", {} instructions", *result.instructions);
      print_out(" ({}, {})\n", c.context.target->name, a.runner);
    }
    write_reports(c, a.model);
    if (const int over = check_budget(c, a.model); over != kOk) return over;
  }
  print_out("{}: {} data sets, {} values, {} differ by at most {:.6g}, {} beyond tolerance\n", ok ? "ok" : "DIFFERENT",
            folders.size(), total.values, total.different, total.largest, total.wrong);
  return ok ? kOk : kResultsDiffer;
}

}  // namespace

void add_verify(CLI::App& app, int& result) {
  CLI::App* verb = app.add_subcommand("verify", "run a model and compare with its test data");
  auto a = std::make_shared<Arguments>();
  add_model_options(*verb, a->model);
  verb->add_option("--data", a->data,
                   "DIR with input_K.pb and output_K.pb (default: test_data_set_* beside the model)");
  verb->add_option("--runner", a->runner, "interpreter, program, host or qemu (default: what runs the target)");
  verb->callback([a, &result] { result = guarded(a->model, [&] { return run(*a); }); });
}

}  // namespace burin
