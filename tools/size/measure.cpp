#include "tools/size/measure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "codegen/names.h"
#include "tools/size/stack.h"
#include "tools/size/stack_usage.h"

namespace burin {
namespace {

using nlohmann::json;

struct ReportFacts {
  KnownModel known;
  std::map<std::string, std::pair<std::string, std::string>> layers;  // by function or array prefix: layer, kernel
};

std::string lower(std::string s) {
  std::ranges::transform(s, s.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return s;
}

std::map<std::string, ReportFacts> facts_of(const std::vector<json>& reports) {
  std::map<std::string, ReportFacts> all;
  std::vector<json> each;  // models that share an arena have theirs in one object
  for (const json& r : reports)
    if (const auto models = r.find("models"); models != r.end())
      each.insert(each.end(), models->begin(), models->end());
    else each.push_back(r);
  for (const json& r : each) {
    ReportFacts f;
    for (const json& pool : r.value("pools", json::array()))
      f.known.memory[lower(pool.value("name", ""))] = pool.value("bytes", int64_t{0});
    if (f.known.memory.empty()) f.known.memory["arena"] = r.value("arena_bytes", int64_t{0});
    const auto add = [&](const json& l) {
      const std::string name = l.value("name", ""), kernel = l.value("kernel", ""), function = l.value("function", "");
      for (const std::string& key : {function, identifier(name)})
        if (!key.empty() &&
            f.layers.try_emplace(key, key == function && identifier(name) != function ? key : name, kernel).second)
          f.known.layers.push_back(key);
    };
    for (const json& l : r.value("layers", json::array())) {
      add(l);
      for (const json& member : l.value("calls", json::array())) add(member);
    }
    all[model_identifier(r.value("/model/name"_json_pointer, ""))] = std::move(f);
  }
  return all;
}

const Symbol* find(const ElfImage& image, const std::string& name) {
  for (const Symbol& s : image.symbols)
    if (s.name == name && s.global) return &s;
  return nullptr;
}

void add_stack(MeasuredModel& m, std::vector<std::pair<const ElfImage*, std::unique_ptr<StackAnalysis>>>& analyses) {
  for (auto& [image, analysis] : analyses) {
    const Symbol* run = find(*image, m.name + "_run");
    if (!run) run = find(*image, m.name + "_feed");
    if (!run) continue;
    try {
      if (!analysis) analysis = std::make_unique<StackAnalysis>(*image);
      const StackBound b = analysis->of(*run);
      m.stack_bytes = b.bytes;
      m.stack_note = b.why_not;
      if (b.bytes && !b.outside.empty())
        m.stack_note = fmt::format("without the stack of {}, not in this file", fmt::join(b.outside, ", "));
    } catch (const SizeUnsupported& e) {
      m.stack_note = e.what();
    }
    return;
  }
  m.stack_note = "no function " + m.name + "_run";
}

json piece_total(int64_t code, int64_t weights) { return {{"code", code}, {"weights", weights}}; }

}  // namespace

Measured measure(const std::string& file, const MeasureOptions& options) {
  const std::vector<ElfImage> images = read_images(file);
  const std::map<std::string, ReportFacts> facts = facts_of(options.reports);
  std::map<std::string, KnownModel> known;
  for (const auto& [name, f] : facts) known[name] = f.known;

  Measured r;
  r.file = file;
  r.pieces = account(images, known);
  for (const ElfImage& image : images)
    for (const Section& s : image.sections)
      if (s.loaded && s.bytes > 0) r.sections.push_back({image.object, s.name, s.bytes, s.stored, s.writable});

  std::vector<std::pair<const ElfImage*, std::unique_ptr<StackAnalysis>>> analyses;
  for (const ElfImage& image : images) analyses.emplace_back(&image, nullptr);
  const StackUsage usage = read_stack_usage(options.stack_usage);
  for (const std::string& name : models_in(images)) {
    MeasuredModel m;
    m.name = name;
    const auto fact = facts.find(name);
    for (const Piece& p : r.pieces) {
      if (p.model != name) continue;
      const Section& s = images[p.object].sections[p.section];
      const int64_t bytes = int64_t(p.bytes);
      if (s.writable) m.ram_bytes += bytes;
      if (!s.stored) continue;
      const bool weights = p.kind == Kind::weights || (p.kind == Kind::padding && !s.executable);  // between arrays
      (weights ? m.weight_bytes : m.code_bytes) += bytes;
      if (p.layer.empty()) continue;
      MeasuredLayer& l = m.layers[p.layer];
      l.name = p.layer;
      if (fact != facts.end())
        if (const auto n = fact->second.layers.find(p.layer); n != fact->second.layers.end())
          std::tie(l.name, l.kernel) = n->second;
      (p.kind == Kind::weights ? l.weight_bytes : l.code_bytes) += bytes;
    }
    add_stack(m, analyses);
    apply_stack_usage(usage, m);
    r.models.push_back(std::move(m));
  }
  for (const auto& [name, f] : facts)
    if (std::ranges::none_of(r.models, [&model = name](const MeasuredModel& m) { return m.name == model; }))
      r.notes.push_back(fmt::format("the report's model '{}' is not in {}", name, file));
  if (r.models.empty() && std::ranges::all_of(images, [](const ElfImage& i) { return i.symbols.empty(); }))
    r.notes.push_back(fmt::format("{} has no symbols: what is Burin's cannot be told from the rest", file));
  return r;
}

json to_json(const Measured& m) {
  json models = json::array(), sections = json::array(), others = json::array();
  int64_t flash = 0, ram = 0, burin_flash = 0, burin_ram = 0, padding = 0;
  for (const MeasuredModel& x : m.models) {
    json layers = json::array();
    int64_t shared = x.code_bytes, shared_weights = x.weight_bytes;
    for (const auto& [function, l] : x.layers) {
      layers.push_back({{"name", l.name},
                        {"function", function},
                        {"kernel", l.kernel},
                        {"code_bytes", l.code_bytes},
                        {"weight_bytes", l.weight_bytes}});
      shared -= l.code_bytes, shared_weights -= l.weight_bytes;
    }
    models.push_back({{"model", {{"name", x.name}}},
                      {"flash", piece_total(x.code_bytes, x.weight_bytes)},
                      {"shared", piece_total(shared, shared_weights)},
                      {"ram_bytes", x.ram_bytes},
                      {"stack_bytes", x.stack_bytes ? json(*x.stack_bytes) : json(nullptr)},
                      {"stack_note", x.stack_note},
                      {"layers", layers}});
    burin_flash += x.code_bytes + x.weight_bytes;
    burin_ram += x.ram_bytes;
  }
  for (const SectionTotal& s : m.sections) {
    sections.push_back(
        {{"name", s.name}, {"object", s.object}, {"bytes", s.bytes}, {"flash", s.flash}, {"ram", s.ram}});
    flash += s.flash ? int64_t(s.bytes) : 0;
    ram += s.ram ? int64_t(s.bytes) : 0;
  }
  std::map<std::string, int64_t> by_symbol;
  for (const Piece& p : m.pieces)
    if (p.model.empty())
      (p.symbol.empty() && p.kind == Kind::padding ? padding : by_symbol[p.symbol]) += int64_t(p.bytes);
  for (const auto& [symbol, bytes] : by_symbol) others.push_back({{"symbol", symbol}, {"bytes", bytes}});
  return {
      {"schema", 1},
      {"file", m.file},
      {"models", models},
      {"sections", sections},
      {"notes", m.notes},
      {"other", {{"flash", flash - burin_flash}, {"ram", ram - burin_ram}, {"padding", padding}, {"symbols", others}}},
      {"flash", flash},
      {"ram", ram}};
}

}  // namespace burin
