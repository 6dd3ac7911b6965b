#include "tools/burin/cli/report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

#include "codegen/weights_in.h"
#include "compiler/program/layers.h"
#include "compiler/program/turns.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/html_report.h"

namespace burin {
namespace {

std::string buffer_name(const Program& p, const Buffer& b) {
  const std::string name = label(p, b);
  return !b.name.empty() ? name : name.substr(1, name.size() - 2);
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

nlohmann::json layer(const Program& p, int i) {
  using nlohmann::json;
  const Step& s = p.steps[size_t(i)];
  const LayerFacts& f = s.facts;
  json candidates = json::object();
  for (const auto& [kernel, cycles] : f.candidates) candidates[kernel] = int64_t(cycles);
  return {
      {"name", f.name},
      {"op", f.op},
      {"step", i},
      {"inputs", places(p, s, false)},
      {"outputs", places(p, s, true)},
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
      {"requantize", f.requantize.empty() ? json(nullptr) : json{{"sequence", f.requantize}, {"channels", f.needed}}}};
}

/// Names of the buffers that a group reads and does not make, or that it makes and others read.
nlohmann::json places(const Program& p, const OutputLayer& l, bool written) {
  std::set<BufferId> inside, outside;
  for (const Port* port : p.ports()) outside.insert(port->at);
  std::vector<BufferId> all;
  for (int i = 0; i < int(p.steps.size()); ++i)
    for (const Parameter& a : p.steps[size_t(i)].parameters) {
      const auto* id = std::get_if<BufferId>(&a.at);
      if (!id || !a.dtype) continue;
      const bool member = l.first <= i && i < l.last;
      if (member && a.written == written && !std::ranges::count(all, *id)) all.push_back(*id);
      if (member && a.written) inside.insert(*id);
      if (!member && !a.written) outside.insert(*id);
    }
  nlohmann::json r = nlohmann::json::array();
  for (const BufferId id : all)
    if (written ? outside.contains(id) : !inside.contains(id)) r.push_back(buffer_name(p, p[id]));
  return r;
}

/// A layer with those that take turns in it. Numbers are sums, but for working memory, which they share.
nlohmann::json group(const Program& p, const OutputLayer& l) {
  using nlohmann::json;
  const auto& order = std::get<Stream>(l.group->control).order;
  json calls = json::array(), onnx = json::array();
  int64_t scratch = 0;
  for (int i = l.first; i < l.last; ++i) {
    json c = layer(p, i);
    c["rows"] = loop_over_rows(p.steps[size_t(i)].body)->n;
    c["times"] = std::ranges::count(order, i - l.first);
    scratch = std::max<int64_t>(scratch, c["scratch_bytes"]);
    for (const json& n : c["onnx"])
      if (!std::ranges::count(onnx, n)) onnx.push_back(n);
    calls.push_back(std::move(c));
  }
  const auto sum = [&](const char* key) {
    int64_t n = 0;
    for (const json& c : calls) n += c[key].get<int64_t>();
    return n;
  };
  return {{"name", l.name},
          {"op", "group"},
          {"step", l.first},
          {"inputs", places(p, l, false)},
          {"outputs", places(p, l, true)},
          {"onnx", onnx},
          {"kernel", "rows"},
          {"function", l.name},
          {"shape_in", calls.front()["shape_in"]},
          {"shape_out", calls.back()["shape_out"]},
          {"macs", sum("macs")},
          {"code_bytes", nullptr},
          {"weight_bytes", sum("weight_bytes")},
          {"scratch_bytes", scratch},
          {"cycles_est", sum("cycles_est")},
          {"candidates", json::object()},
          {"requantize", nullptr},
          {"calls", calls}};
}

/// Of --memory; none where the arena is one piece.
nlohmann::json pools(const Program& p) {
  nlohmann::json r = nlohmann::json::array();
  for (int32_t pool = 0; pool < int32_t(p.pools.size()); ++pool)
    r.push_back({{"name", p.pools[size_t(pool)].name},
                 {"size", p.pools[size_t(pool)].size},
                 {"bytes", p.pools[size_t(pool)].bytes},
                 {"constant_bytes", pool == p.constants_pool ? p.copied_constants().size() : 0},
                 {"live_bytes", live_bytes(p, pool)}});
  return r;
}

/// What --weights-in copies, and what that saves.
nlohmann::json weights_in(const Compiled& c) {
  const Program& p = c.program;
  if (p.constants_pool < 0) return nullptr;
  const FlashStalls stalls = flash_stalls(p, *c.context.target);
  double cycles = 0;
  for (const Step& s : p.steps) cycles += s.facts.cycles;
  nlohmann::json names = nlohmann::json::array();
  for (const StoredConstant& k : p.constants)
    if (k.copy >= 0) names.push_back(k.name);
  const bool known = c.context.target->flash_stall() > 0;
  return {{"pool", p.pools[size_t(p.constants_pool)].name},
          {"bytes", p.copied_constants().size()},
          {"constants", names},
          {"cycles_est_without", known ? nlohmann::json(int64_t(cycles + stalls.all)) : nlohmann::json(nullptr)},
          {"cycles_est", known ? nlohmann::json(int64_t(cycles + stalls.left)) : nlohmann::json(nullptr)}};
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
      throw UsageError(fmt::format("--report {}: the name must end in .json or .html", f), "invalid-option");
    if (f.ends_with(".html") && !o.share_arena.empty())
      throw UsageError(fmt::format("--report {}: a page shows one model; with --share-arena write .json, or see 'burin "
                                   "analyze --format html'",
                                   f),
                       "invalid-option");
  }
}

nlohmann::json report(const Compiled& c, const ModelOptions& o) {
  using nlohmann::json;
  const Program& p = c.program;
  json layers = json::array(), buffers = json::array();
  int64_t total_macs = 0;
  for (const OutputLayer& l : burin::layers(p)) {
    layers.push_back(l.group ? group(p, l) : layer(p, l.first));
    if (!l.group) layers.back()["calls"] = json::array();
    total_macs += layers.back()["macs"].get<int64_t>();
  }
  const std::vector<int32_t> rings = ring_rows(p);
  for (size_t i = 0; i < p.buffers.size(); ++i)
    if (const Buffer& b = p.buffers[i]; b.space != Space::port)
      buffers.push_back({{"name", buffer_name(p, b)},
                         {"space", b.space == Space::state ? "state" : "arena"},
                         {"offset", b.offset},
                         {"bytes", b.bytes},
                         {"first", b.first},
                         {"last", b.last},
                         {"pool", p.pools.empty() ? json(nullptr) : json(p.pools[size_t(b.pool)].name)},
                         {"ring_rows", rings[i] > 0 ? json(rings[i]) : json(nullptr)}});
  return {{"schema", 1},
          {"model", {{"name", c.context.options.name}, {"sha256", c.info.sha256}}},
          {"target", c.context.target->name},
          {"options", options_text(o)},
          {"arena_bytes", p.arena_bytes},
          {"arena_lower_bound", p.arena_lower_bound},
          {"pools", pools(p)},
          {"weights_in", weights_in(c)},
          {"inputs", interface(p, p.inputs)},
          {"outputs", interface(p, p.outputs)},
          {"live_bytes", live_bytes(p)},
          {"state_bytes", p.state_bytes},
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

std::vector<std::pair<std::string, SourceText>> shared_report_files(const std::string& name,
                                                                    const std::vector<Compiled>& models,
                                                                    const std::vector<ModelOptions>& options) {
  nlohmann::json all = nlohmann::json::array();
  int64_t arena = 0;
  for (size_t i = 0; i < models.size(); ++i) {
    all.push_back(report(models[i], options[i]));
    arena = std::max(arena, models[i].program.arena_bytes);
  }
  const nlohmann::json whole{{"schema", 1}, {"share_arena", {{"name", name}, {"arena_bytes", arena}}}, {"models", all}};
  std::vector<std::pair<std::string, SourceText>> files;
  for (const std::string& f : options.front().reports) files.emplace_back(f, json_text(whole));
  return files;
}

void write_reports(const Compiled& c, const ModelOptions& o) { write_files(report_files(c, o)); }

std::string largest_buffers(const Compiled& c, const std::string& file) {
  const Program& p = c.program;
  const std::vector<int64_t> live = live_bytes(p);
  if (live.empty()) return "";
  const int step = int(std::ranges::max_element(live) - live.begin()) - 1;
  std::vector<size_t> there;
  for (size_t i = 0; i < p.buffers.size(); ++i)
    if (const Buffer& b = p.buffers[i]; b.space != Space::port && b.first <= step && step <= b.last) there.push_back(i);
  std::ranges::stable_sort(there, [&](size_t a, size_t b) { return p.buffers[a].bytes > p.buffers[b].bytes; });
  std::string where = "the start";
  for (const OutputLayer& l : layers(p))
    if (l.first <= step && step < l.last) where = fmt::format("{} '{}'", l.group ? "group" : "layer", l.name);
  std::string s = fmt::format("{}: note: the arena is fullest at {}:\n", file, where);
  const std::vector<int32_t> rings = ring_rows(p);
  for (size_t i = 0; i < std::min<size_t>(there.size(), 4); ++i) {
    const Buffer& b = p.buffers[there[i]];
    const int32_t ring = rings[there[i]];
    s += fmt::format("{}: note: {:>9} bytes  {}\n", file, thousands(b.bytes),
                     ring > 0 ? long_label(p, b, ring) : buffer_name(p, b));
  }
  return s;
}

std::string analysis(const Compiled& c, const ModelOptions& o) {
  const Program& p = c.program;
  std::string s = fmt::format("{} for {}\n\n", o.model, c.context.target->name);
  s += fmt::format("{:<3} {:<32} {:<14} {:<20} {:>14} {:>12} {:>9} {:>8}\n", "#", "layer", "operator", "kernel",
                   "output", "mult-adds", "weights", "scratch");
  int64_t total_macs = 0, inputs = 0, outputs = 0, weights = 0, biases = 0;
  size_t number = 0;
  const auto row = [&](const std::string& n, const std::string& name, const std::string& op, const std::string& kernel,
                       const Shape& shape, int64_t macs, int64_t weight_bytes, int64_t scratch) {
    s += fmt::format("{:<3} {:<32} {:<14} {:<20} {:>14} {:>12} {:>9} {:>8}\n", n, fit(name, 32), fit(op, 14),
                     fit(kernel, 20), to_string(shape), thousands(macs), thousands(weight_bytes), thousands(scratch));
  };
  for (const OutputLayer& l : layers(p)) {
    const std::string n = fmt::format("{}", number++), indent = l.group ? "  " : "";
    if (l.group) {
      const nlohmann::json g = group(p, l);
      row(n, l.name, fmt::format("group of {}", l.last - l.first), "rows", p.steps[size_t(l.last - 1)].facts.shape_out,
          g["macs"], g["weight_bytes"], g["scratch_bytes"]);
    }
    for (int k = l.first; k < l.last; ++k) {
      const LayerFacts& f = p.steps[size_t(k)].facts;
      row(l.group ? "" : n, indent + fit(f.name, 32 - indent.size()), f.op, f.kernel, f.shape_out, f.macs,
          f.weight_bytes, f.scratch_bytes);
      if (!f.needed.empty()) {
        std::string channels;
        for (const auto& [kind, count] : f.needed)
          channels += fmt::format("{}{} {}", channels.empty() ? "" : ", ", count, kind);
        s += fmt::format("      {}requantization {}; channels by what they need: {}\n", indent, f.requantize, channels);
      }
      total_macs += f.macs, inputs += f.input_bytes, outputs += f.output_bytes, weights += f.constant_bytes,
          biases += f.bias_bytes;
    }
  }
  s += fmt::format("\narena {} bytes (lower bound {}), state {}, weights and tables {} bytes, {} multiply-adds\n",
                   thousands(p.arena_bytes), thousands(p.arena_lower_bound), thousands(p.state_bytes),
                   thousands(p.weight_bytes()), thousands(total_macs));
  s += fmt::format(
      "inputs + outputs + weights + biases, summed over layers: {} + {} + {} + {} = {} bytes (biases as wide as "
      "weights, no padding)\n",
      thousands(inputs), thousands(outputs), thousands(weights), thousands(biases),
      thousands(inputs + outputs + weights + biases));
  s += fmt::format("what is really needed: {} bytes of RAM ({}) and {} bytes of flash for weights and tables\n\n",
                   thousands(ram_bytes(p)), p.feed ? "arena and state" : "arena", thousands(p.weight_bytes()));
  s += arena_picture(p);
  if (const nlohmann::json w = weights_in(c); !w.is_null()) {
    s += fmt::format("\n--weights-in: {} constants, {} bytes, are copied into {}", w["constants"].size(),
                     thousands(w["bytes"]), w["pool"].get<std::string>());
    if (!w["cycles_est"].is_null())
      s += fmt::format("; estimated cycles with waits for flash {}, without the copies {}", thousands(w["cycles_est"]),
                       thousands(w["cycles_est_without"]));
    s += "\n";
  }
  for (const std::string& n : c.notes) s += "note: " + n + "\n";
  return s;
}

}  // namespace burin
