#include "tools/burin/cli/report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "compiler/liveness.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/html_report.h"

namespace burin {
namespace {

std::string range_name(const Graph& g, const LiveRange& r) {
  return r.value != ValueId::none ? g[r.value].name : fmt::format("scratch of {}", g.nodes[size_t(r.first)].name);
}

/// A name that fits a column: of a long one the end, which tells it apart.
std::string fit(const std::string& s, size_t width) {
  return s.size() <= width ? s : "..." + s.substr(s.size() - (width - 3));
}

/// Names of the buffers in which these values lie; constants have none.
nlohmann::json places(const Graph& g, const Storage& storage, const std::vector<ValueId>& values) {
  nlohmann::json r = nlohmann::json::array();
  for (ValueId v : values)
    if (v != ValueId::none && !g[v].constant()) r.push_back(g[storage.root(v)].name);
  return r;
}

nlohmann::json interface(const Graph& g, const Storage& storage, const std::vector<ValueId>& values) {
  nlohmann::json r = nlohmann::json::array();
  for (ValueId v : values)
    r.push_back({{"name", g[v].interface_name()},
                 {"buffer", g[storage.root(v)].name},
                 {"shape", g[v].type.shape},
                 {"type", std::string(name(g[v].type.dtype))}});
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
  const Graph& g = c.graph;
  json layers = json::array(), buffers = json::array();
  int64_t total_macs = 0;
  const Storage storage(g);
  size_t node = 0;
  for (const LayerFacts& f : c.module.layers) {
    while (storage.alias(g.nodes[node])) ++node;  // a second name costs nothing and is no layer, but it is a step
    const Node& n = g.nodes[node];
    total_macs += f.macs;
    json candidates = json::object();
    for (const auto& [kernel, cycles] : f.candidates) candidates[kernel] = int64_t(cycles);
    layers.push_back({{"name", f.name},
                      {"op", f.op},
                      {"step", node++},
                      {"inputs", places(g, storage, n.inputs)},
                      {"outputs", places(g, storage, n.outputs)},
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
  for (const LiveRange& r : live_ranges(g))
    buffers.push_back(
        {{"name", range_name(g, r)}, {"offset", r.offset}, {"bytes", r.bytes}, {"first", r.first}, {"last", r.last}});
  return {{"schema", 1},
          {"model", {{"name", g.name}, {"sha256", c.info.sha256}}},
          {"target", c.context.target->name},
          {"options", options_text(o)},
          {"arena_bytes", g.arena_bytes},
          {"arena_lower_bound", g.arena_lower_bound},
          {"inputs", interface(g, storage, g.inputs)},
          {"outputs", interface(g, storage, g.outputs)},
          {"live_bytes", live_bytes(g)},
          {"state_bytes", 0},
          {"stack_bytes", nullptr},
          {"flash", {{"code", nullptr}, {"weights", c.module.weight_bytes}}},
          {"macs", total_macs},
          {"layers", layers},
          {"buffers", buffers},
          {"notes", g.notes}};
}

std::string json_text(const nlohmann::json& report) {
  return report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::vector<std::pair<std::string, std::string>> report_files(const Compiled& c, const ModelOptions& o) {
  std::vector<std::pair<std::string, std::string>> files;
  if (o.reports.empty()) return files;
  const nlohmann::json r = report(c, o);
  for (const std::string& f : o.reports) files.emplace_back(f, f.ends_with(".html") ? html_report(r) : json_text(r));
  return files;
}

void write_reports(const Compiled& c, const ModelOptions& o) { write_files(report_files(c, o)); }

std::string largest_buffers(const Compiled& c, const std::string& file) {
  const Graph& g = c.graph;
  const std::vector<int64_t> live = live_bytes(g);
  if (live.empty()) return "";
  const int step = int(std::ranges::max_element(live) - live.begin()) - 1;
  std::vector<LiveRange> there;
  for (const LiveRange& r : live_ranges(g))
    if (r.first <= step && step <= r.last) there.push_back(r);
  std::ranges::sort(there, [](const LiveRange& a, const LiveRange& b) { return a.bytes > b.bytes; });
  std::string s = fmt::format("{}: note: the arena is fullest at {}:\n", file,
                              step < 0 ? "the start" : fmt::format("node '{}'", g.nodes[size_t(step)].name));
  for (size_t i = 0; i < std::min<size_t>(there.size(), 4); ++i)
    s += fmt::format("{}: note: {:>9} bytes  {}\n", file, thousands(there[i].bytes), range_name(g, there[i]));
  return s;
}

std::string analysis(const Compiled& c, const ModelOptions& o) {
  const Graph& g = c.graph;
  std::string s = fmt::format("{} for {}\n\n", o.model, c.context.target->name);
  s += fmt::format("{:<3} {:<32} {:<14} {:<20} {:>14} {:>12} {:>9} {:>8}\n", "#", "layer", "operator", "kernel",
                   "output", "mult-adds", "weights", "scratch");
  int64_t total_macs = 0, inputs = 0, outputs = 0, weights = 0, biases = 0;
  size_t i = 0;
  for (const LayerFacts& f : c.module.layers) {
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
                   thousands(g.arena_bytes), thousands(g.arena_lower_bound), thousands(c.module.weight_bytes),
                   thousands(total_macs));
  s += fmt::format(
      "inputs + outputs + weights + biases, summed over layers: {} + {} + {} + {} = {} bytes (biases as wide as "
      "weights, no padding)\n",
      thousands(inputs), thousands(outputs), thousands(weights), thousands(biases),
      thousands(inputs + outputs + weights + biases));
  s += fmt::format("what is really needed: {} bytes of RAM (arena) and {} bytes of flash for weights and tables\n\n",
                   thousands(g.arena_bytes), thousands(c.module.weight_bytes));
  s += arena_picture(g);
  for (const std::string& n : g.notes) s += "note: " + n + "\n";
  return s;
}

}  // namespace burin
