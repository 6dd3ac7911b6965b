#include "tools/size/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <set>

#include "tools/size/measure.h"

namespace burin {
namespace {

using nlohmann::json;
using Amounts = Snapshot::Amounts;

void put(Amounts& a, const char* quantity, const json& v) {
  if (v.is_number_integer() || v.is_number_unsigned()) a[quantity] = v.get<int64_t>();
}

std::optional<int64_t> get(const Amounts& a, const std::string& quantity) {
  const auto found = a.find(quantity);
  return found == a.end() ? std::nullopt : std::optional(found->second);
}

const json& at(const json& j, const char* key) {
  static const json none;
  return j.is_object() && j.contains(key) ? j[key] : none;
}

/// A model in a report of compile, profile or size.
Snapshot from_report(const json& r) {
  Snapshot s;
  s.model = at(at(r, "model"), "name").get<std::string>();
  s.target = r.value("target", "");
  const json& options = at(r, "options");
  s.options = options.is_string() ? options.get<std::string>() : options.is_null() ? "" : options.dump();
  put(s.totals, "code", at(at(r, "flash"), "code"));
  put(s.totals, "weights", at(at(r, "flash"), "weights"));
  put(s.totals, "arena", at(r, "arena_bytes"));
  put(s.totals, "state", at(r, "state_bytes"));
  put(s.totals, "stack", at(r, "stack_bytes"));
  put(s.totals, "macs", at(r, "macs"));
  put(s.totals, "instructions", at(r, "instructions"));
  if (!s.totals.count("arena")) put(s.totals, "static", at(r, "ram_bytes"));
  const auto add = [&](const json& l, Snapshot::Layer layer) {
    std::string name = l.value("name", "");
    for (int n = 2; s.layers.count(name); ++n) name = l.value("name", "") + fmt::format(" ({})", n);
    s.layers[name] = std::move(layer);
  };
  const auto layer_of = [](const json& l) {
    Snapshot::Layer layer;
    layer.kernel = l.value("kernel", "");
    const std::pair<const char*, const char*> parts[] = {{"code", "code_bytes"},           {"weights", "weight_bytes"},
                                                         {"scratch", "scratch_bytes"},     {"cycles", "cycles_est"},
                                                         {"instructions", "instructions"}, {"macs", "macs"}};
    for (const auto& [quantity, key] : parts) put(layer.amounts, quantity, at(l, key));
    return layer;
  };
  for (const json& l : at(r, "layers")) {
    const json calls = l.value("calls", json::array());
    if (calls.empty()) {
      add(l, layer_of(l));
      continue;
    }
    // Members of a group are compared as layers: they may stand alone on the other side. The group keeps its own code.
    Snapshot::Layer rest = layer_of(l);
    for (const json& call : calls) {
      const Snapshot::Layer member = layer_of(call);
      if (call.value("function", "") == call.value("name", ""))
        if (const auto code = get(member.amounts, "code"); code && rest.amounts.count("code"))
          rest.amounts["code"] -= *code;
      add(call, member);
    }
    if (const auto code = get(rest.amounts, "code")) {
      for (auto& [quantity, n] : rest.amounts) n = quantity == "code" ? *code : 0;
      add(l, rest);
    }
  }
  for (const char* sum : {"cycles", "instructions"}) {  // where there is no total of its own
    int64_t total = 0;
    const bool all = !s.layers.empty() && std::ranges::all_of(s.layers, [&](const auto& l) {
      const auto v = get(l.second.amounts, sum);
      total += v.value_or(0);
      return v.has_value();
    });
    if (all) s.totals.try_emplace(sum, total);
  }
  return s;
}

Snapshot from_baseline(const json& r) {
  Snapshot s{r.value("model", ""), r.value("target", ""), r.value("options", ""), {}, {}};
  for (const auto& [k, v] : at(r, "totals").items()) put(s.totals, k.c_str(), v);
  for (const auto& [name, l] : at(r, "layers").items()) {
    Snapshot::Layer& layer = s.layers[name];
    for (const auto& [k, v] : l.items())
      if (k == "kernel") layer.kernel = v.get<std::string>();
      else put(layer.amounts, k.c_str(), v);
  }
  return s;
}

/// flash and ram from the parts that both sides have.
void add_sums(Amounts& a, const Amounts& other) {
  auto sum = [&](const char* name, std::initializer_list<const char*> parts) {
    int64_t total = 0;
    bool any = false;
    for (const char* p : parts)
      if (a.count(p) && other.count(p)) total += a.at(p), any = true;
    if (any) a[name] = total;
  };
  sum("flash", {"code", "weights"});
  sum("ram", {"arena", "state", "static", "stack"});
}

/// What a layer adds to a quantity.
std::optional<int64_t> share(const Snapshot::Layer& l, const std::string& quantity) {
  if (quantity == "flash") {
    const auto code = get(l.amounts, "code"), weights = get(l.amounts, "weights");
    return code || weights ? std::optional(code.value_or(0) + weights.value_or(0)) : std::nullopt;
  }
  if (quantity == "ram" || quantity == "arena") return get(l.amounts, "scratch");
  return get(l.amounts, quantity);
}

bool exceeds(const Limit& l, int64_t before, int64_t after) {
  switch (l.kind) {
    case Limit::Kind::growth:
      return double(after) > double(before) + l.value;
    case Limit::Kind::percent:
      return double(after) > double(before) * (1 + l.value / 100) + 1e-9;
    case Limit::Kind::ceiling:
      return double(after) > l.value;
  }
  return false;
}

std::string kernel_change(const LayerChange& l) {
  if (!l.before) return ", a new layer" + (l.after->kernel.empty() ? "" : " by " + l.after->kernel);
  if (!l.after || l.before->kernel == l.after->kernel) return "";
  return fmt::format(", kernel {} -> {}", l.before->kernel.empty() ? "?" : l.before->kernel,
                     l.after->kernel.empty() ? "?" : l.after->kernel);
}

void find_culprits(Excess& e, const std::vector<LayerChange>& layers) {
  std::vector<std::pair<int64_t, const LayerChange*>> grown;
  for (const LayerChange& l : layers) {
    if (!l.after) continue;
    const auto after = share(*l.after, e.limit.quantity);
    const int64_t growth = after.value_or(0) - (l.before ? share(*l.before, e.limit.quantity).value_or(0) : 0);
    if (growth > 0 || (l.before && l.before->kernel != l.after->kernel)) grown.emplace_back(growth, &l);
  }
  // Layers that share a function hand it on when its first user changes: another kernel is the better witness.
  const auto other_kernel = [](const LayerChange* l) { return l->before && l->before->kernel != l->after->kernel; };
  std::ranges::stable_sort(grown, std::greater<>(),
                           [&](const auto& g) { return std::pair(other_kernel(g.second), g.first); });
  for (const auto& [growth, l] : grown)
    e.culprits.push_back(fmt::format("layer '{}': {}{}", l->name, growth > 0 ? "+" + grouped(growth) : grouped(growth),
                                     kernel_change(*l)));
  if (!grown.empty()) e.worst_layer = grown[0].second->name;
}

}  // namespace

std::string grouped(int64_t v) {
  const std::string digits = fmt::format("{}", v < 0 ? -v : v);
  std::string s = v < 0 ? "-" : "";
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) s += ',';
    s += digits[i];
  }
  return s;
}

bool Snapshot::same_as(const Snapshot& o) const {
  return model == o.model && (target.empty() || o.target.empty() || (target == o.target && options == o.options));
}

std::string Snapshot::title() const {
  return model + (target.empty() ? "" : ", " + target) + (options.empty() ? "" : ", " + options);
}

const std::vector<std::string>& quantities() {
  static const std::vector<std::string> all{"flash",  "code",  "weights",      "ram",    "arena", "state",
                                            "static", "stack", "instructions", "cycles", "macs",  "scratch"};
  return all;
}

std::vector<Snapshot> snapshots(const json& report, const std::string& file) {
  std::vector<Snapshot> r;
  try {
    if (report.is_object() && report.value("schema", 0) != 1 && report.value("schema", 0) != 2)
      throw SizeError(
          fmt::format("'{}': the report's schema is neither 1 nor 2; this is another version's report, or none", file));
    if (report.contains("baseline"))
      for (const json& m : report["baseline"]) r.push_back(from_baseline(m));
    else if (report.contains("files"))
      for (const json& f : report["files"])
        for (const json& m : f.at("models")) r.push_back(from_report(m));
    else if (report.contains("models"))
      for (const json& m : report["models"]) r.push_back(from_report(m));
    else r.push_back(from_report(report));
  } catch (const json::exception& e) {
    throw SizeError(
        fmt::format("'{}' is no report of `burin compile`, `profile` or `size`, and no baseline: {}", file, e.what()));
  }
  return r;
}

json baseline(const std::vector<Snapshot>& all) {
  json list = json::array();
  for (const Snapshot& s : all) {
    json layers = json::object();
    for (const auto& [name, l] : s.layers) {
      json& j = layers[name] = l.amounts;
      if (l.amounts.empty()) j = json::object();
      j["kernel"] = l.kernel;
    }
    list.push_back(
        {{"model", s.model}, {"target", s.target}, {"options", s.options}, {"totals", s.totals}, {"layers", layers}});
  }
  return {{"schema", 1}, {"baseline", list}};
}

Limit parse_limit(const std::string& text) {
  const auto bad = [&] {
    return SizeError(
        fmt::format("--max wants QUANTITY=+1%, +0, +4K or a ceiling such as 64K, not '{}'; quantities are {}", text,
                    fmt::join(quantities(), ", ")));
  };
  const size_t equals = text.find('=');
  if (equals == text.npos) throw bad();
  Limit l;
  l.quantity = text.substr(0, equals);
  l.text = text.substr(equals + 1);
  if (std::ranges::find(quantities(), l.quantity) == quantities().end()) throw bad();
  std::string number = l.text;
  const bool growth = number.starts_with('+');
  if (growth) number.erase(0, 1);
  double factor = 1;
  l.kind = growth ? Limit::Kind::growth : Limit::Kind::ceiling;
  if (number.ends_with('%')) {
    if (!growth) throw bad();
    l.kind = Limit::Kind::percent;
    number.pop_back();
  } else if (number.ends_with('K') || number.ends_with('k')) {
    factor = 1024, number.pop_back();
  } else if (number.ends_with('M') || number.ends_with('m')) {
    factor = 1024 * 1024, number.pop_back();
  }
  if (number.empty() || number.find_first_not_of("0123456789.") != number.npos) throw bad();
  size_t used = 0;
  try {
    l.value = std::stod(number, &used) * factor;
  } catch (const std::exception&) {
    throw bad();
  }
  if (used != number.size()) throw bad();
  return l;
}

bool Diff::exceeded() const {
  return std::ranges::any_of(models, [](const Comparison& c) { return !c.excess.empty(); });
}

std::vector<int> pairs(const std::vector<Snapshot>& before, const std::vector<Snapshot>& after) {
  std::vector<int> r(after.size(), -1);
  std::vector<bool> taken(before.size());
  auto by = [&](auto&& same, bool only) {
    for (size_t i = 0; i < after.size(); ++i) {
      if (r[i] >= 0) continue;
      std::vector<size_t> found;
      for (size_t k = 0; k < before.size(); ++k)
        if (!taken[k] && same(before[k], after[i])) found.push_back(k);
      auto rivals = std::ranges::count_if(after, [&](const Snapshot& s) { return same(s, after[i]); });
      if (found.empty() || (only && (found.size() > 1 || rivals > 1))) continue;
      r[i] = int(found[0]);
      taken[found[0]] = true;
    }
  };
  by([](const Snapshot& a, const Snapshot& b) { return a.same_as(b); }, false);
  by([](const Snapshot& a, const Snapshot& b) { return a.model == b.model && a.target == b.target; }, true);
  by([](const Snapshot& a, const Snapshot& b) { return a.model == b.model; }, true);
  return r;
}

Diff compare(const std::vector<Snapshot>& before, const std::vector<Snapshot>& after, const std::vector<Limit>& limits,
             bool lenient) {
  Diff d;
  const std::vector<int> partners = pairs(before, after);
  for (size_t i = 0; i < after.size(); ++i) {
    const Snapshot& now = after[i];
    if (partners[i] < 0) {
      d.added.push_back(now.title());
      continue;
    }
    const Snapshot* old = &before[size_t(partners[i])];
    Comparison c{*old, now, {}, {}};
    add_sums(c.before.totals, now.totals);
    add_sums(c.after.totals, old->totals);
    std::set<std::string> names;
    for (const Snapshot* s : {old, &now})
      for (const auto& l : s->layers) names.insert(l.first);
    for (const std::string& n : names) {
      LayerChange l{n, {}, {}};
      if (const auto x = old->layers.find(n); x != old->layers.end()) l.before = x->second;
      if (const auto x = now.layers.find(n); x != now.layers.end()) l.after = x->second;
      // A side that did not measure a quantity says nothing of its change.
      bool differs = !l.before || !l.after ||
                     (l.before->kernel != l.after->kernel && !l.before->kernel.empty() && !l.after->kernel.empty());
      for (const std::string& q : quantities())
        if (!differs && l.before->amounts.count(q) && l.after->amounts.count(q))
          differs = l.before->amounts.at(q) != l.after->amounts.at(q);
      if (differs) c.layers.push_back(std::move(l));
    }
    for (const Limit& l : limits) {
      const auto a = get(c.before.totals, l.quantity), b = get(c.after.totals, l.quantity);
      if (!b || (!a && l.kind != Limit::Kind::ceiling)) {
        if (lenient) continue;
        throw SizeError(fmt::format("--max {}={}: {} was not measured in the {} report of {}", l.quantity, l.text,
                                    l.quantity, b ? "old" : "new", now.title()));
      }
      if (!exceeds(l, a.value_or(*b), *b)) continue;
      Excess e{l, a.value_or(*b), *b, {}, ""};
      find_culprits(e, c.layers);
      c.excess.push_back(std::move(e));
    }
    d.models.push_back(std::move(c));
  }
  for (size_t i = 0; i < before.size(); ++i)
    if (std::ranges::find(partners, int(i)) == partners.end()) d.removed.push_back(before[i].title());
  return d;
}

}  // namespace burin
