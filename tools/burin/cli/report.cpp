#include "tools/burin/cli/report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "tools/burin/cli/files.h"
#include "tools/burin/cli/html_report.h"

namespace burin {
namespace {

std::string buffer_name(const Program& p, const Buffer& b) {
  return !b.name.empty() ? b.name : fmt::format("scratch of {}", p.steps[size_t(b.first)].facts.name);
}

/// A name that fits a column: of a long one the end, which tells it apart.
std::string fit(const std::string& s, size_t width) {
  return s.size() <= width ? s : "..." + s.substr(s.size() - (width - 3));
}

/// Names of the buffers in which a step reads or writes values.
nlohmann::json places(const Program& p, const Step& s, bool written) {
  nlohmann::json r = nlohmann::json::array();
  for (const Parameter& a : s.parameters)
    if (const auto* id = std::get_if<BufferId>(&a.at); id && a.dtype && a.written == written)
      r.push_back(buffer_name(p, p[*id]));
  return r;
}

nlohmann::json interface(const Program& p, const std::vector<Port>& ports) {
  nlohmann::json r = nlohmann::json::array();
  for (const Port& port : ports)
    r.push_back({{"name", port.name},
                 {"buffer", buffer_name(p, p[port.at])},
                 {"shape", port.type.shape},
                 {"type", std::string(name(port.type.dtype))}});
  return r;
}

}  // namespace

std::string thousands(int64_t v) {
  std::string s = fmt::format("{}", v);
  for (size_t at = s.size(); at > 3 + (s[0] == '-');) s.insert(at -= 3, 1, ',');
  return s;
}

void check_reports(const ModelOptions& o) {
  for (const std::string& f : o.reports) {
    if (!f.ends_with(".json") && !f.ends_with(".html"))
      throw UsageError(fmt::format("--report {}: the name must end in .json or .html", f));
  }
}

nlohmann::json report(const Compiled& c, const ModelOptions& o) {
  using nlohmann::json;
  const Program& p = c.program;
  json layers = json::array(), buffers = json::array();
  int64_t total_macs = 0;
  for (size_t i = 0; i < p.steps.size(); ++i) {
    const LayerFacts& f = p.steps[i].facts;
    total_macs += f.macs;
    json candidates = json::object();
    for (const auto& [kernel, cycles] : f.candidates) candidates[kernel] = int64_t(cycles);
    layers.push_back({{"name", f.name},
                      {"op", f.op},
                      {"step", i},
                      {"inputs", places(p, p.steps[i], false)},
                      {"outputs", places(p, p.steps[i], true)},
                      {"onnx", f.onnx},
                      {"kernel", f.kernel},
                      {"function", f.function},
                      {"shape_in", f.shape_in},
                      {"shape_out", f.shape_out},
                      {"macs", f.macs},
                      {"code_bytes", nullptr},
                      {"weight_bytes", f.weight_bytes},
                      {"scratch_bytes", f.scratch_bytes},
                      {"cycles_est", int64_t(f.cycles)},
                      {"candidates", candidates},
                      {"requantize", f.requantize.empty() ? json(nullptr)
                                                          : json{{"sequence", f.requantize}, {"channels", f.needed}}}});
  }
  for (const Buffer& b : p.buffers)
    if (b.space == Space::arena)
      buffers.push_back({{"name", buffer_name(p, b)},
                         {"offset", b.offset},
                         {"bytes", b.bytes},
                         {"first", b.first},
                         {"last", b.last}});
  return {{"schema", 1},
          {"model", {{"name", c.context.options.name}, {"sha256", c.info.sha256}}},
          {"target", c.context.target->name},
          {"options", options_text(o)},
          {"arena_bytes", p.arena_bytes},
          {"arena_lower_bound", p.arena_lower_bound},
          {"inputs", interface(p, p.inputs)},
          {"outputs", interface(p, p.outputs)},
          {"live_bytes", live_bytes(p)},
          {"state_bytes", 0},
          {"stack_bytes", nullptr},
          {"flash", {{"code", nullptr}, {"weights", p.weight_bytes()}}},
          {"macs", total_macs},
          {"layers", layers},
          {"buffers", buffers},
          {"notes", c.notes}};
}

std::string json_text(const nlohmann::json& report) {
  return report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::vector<std::pair<std::string, SourceText>> report_files(const Compiled& c, const ModelOptions& o) {
  std::vector<std::pair<std::string, SourceText>> files;
  if (o.reports.empty()) return files;
  const nlohmann::json r = report(c, o);
  for (const std::string& f : o.reports) files.emplace_back(f, f.ends_with(".html") ? html_report(r) : json_text(r));
  return files;
}

void write_reports(const Compiled& c, const ModelOptions& o) { write_files(report_files(c, o)); }

std::string largest_buffers(const Compiled& c, const std::string& file) {
  const Program& p = c.program;
  const std::vector<int64_t> live = live_bytes(p);
  if (live.empty()) return "";
  const int step = int(std::ranges::max_element(live) - live.begin()) - 1;
  std::vector<Buffer> there;
  for (const Buffer& b : p.buffers)
    if (b.space == Space::arena && b.first <= step && step <= b.last) there.push_back(b);
  std::ranges::sort(there, [](const Buffer& a, const Buffer& b) { return a.bytes > b.bytes; });
  std::string s = fmt::format("{}: note: the arena is fullest at {}:\n", file,
                              step < 0 ? "the start" : fmt::format("layer '{}'", p.steps[size_t(step)].facts.name));
  for (size_t i = 0; i < std::min<size_t>(there.size(), 4); ++i)
    s += fmt::format("{}: note: {:>9} bytes  {}\n", file, thousands(there[i].bytes), buffer_name(p, there[i]));
  return s;
}

std::string analysis(const Compiled& c, const ModelOptions& o) {
  const Program& p = c.program;
  std::string s = fmt::format("{} for {}\n\n", o.model, c.context.target->name);
  s += fmt::format("{:<3} {:<32} {:<14} {:<20} {:>14} {:>12} {:>9} {:>8}\n", "#", "layer", "operator", "kernel",
                   "output", "mult-adds", "weights", "scratch");
  int64_t total_macs = 0, inputs = 0, outputs = 0, weights = 0, biases = 0;
  size_t i = 0;
  for (const Step& step : p.steps) {
    const LayerFacts& f = step.facts;
    s += fmt::format("{:<3} {:<32} {:<14} {:<20} {:>14} {:>12} {:>9} {:>8}\n", i++, fit(f.name, 32), fit(f.op, 14),
                     fit(f.kernel, 20), to_string(f.shape_out), thousands(f.macs), thousands(f.weight_bytes),
                     thousands(f.scratch_bytes));
    if (!f.needed.empty()) {
      std::string channels;
      for (const auto& [kind, n] : f.needed) channels += fmt::format("{}{} {}", channels.empty() ? "" : ", ", n, kind);
      s += fmt::format("      requantization {}; channels by what they need: {}\n", f.requantize, channels);
    }
    total_macs += f.macs, inputs += f.input_bytes, outputs += f.output_bytes, weights += f.constant_bytes,
        biases += f.bias_bytes;
  }
  s += fmt::format("\narena {} bytes (lower bound {}), state 0, weights and tables {} bytes, {} multiply-adds\n",
                   thousands(p.arena_bytes), thousands(p.arena_lower_bound), thousands(p.weight_bytes()),
                   thousands(total_macs));
  s += fmt::format(
      "inputs + outputs + weights + biases, summed over layers: {} + {} + {} + {} = {} bytes (biases as wide as "
      "weights, no padding)\n",
      thousands(inputs), thousands(outputs), thousands(weights), thousands(biases),
      thousands(inputs + outputs + weights + biases));
  s += fmt::format("what is really needed: {} bytes of RAM (arena) and {} bytes of flash for weights and tables\n\n",
                   thousands(p.arena_bytes), thousands(p.weight_bytes()));
  s += arena_picture(p);
  for (const std::string& n : c.notes) s += "note: " + n + "\n";
  return s;
}

}  // namespace burin
