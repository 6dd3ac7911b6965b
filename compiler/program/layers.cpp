#include "compiler/program/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/program/turns.h"

namespace burin {
namespace {

/// An identifier of its own, without two underscores in a row.
std::string group_name(const Program& p, const Region& g, std::set<std::string>& taken) {
  std::string base =
      fmt::format("{}_to_{}", p.steps[size_t(g.first)].facts.name, p.steps[size_t(g.last - 1)].facts.name);
  base.erase(std::unique(base.begin(), base.end(), [](char a, char b) { return a == '_' && b == '_'; }), base.end());
  std::string name = base;
  for (int i = 1; !taken.insert(name).second; ++i) name = fmt::format("{}_{}", base, i);
  return name;
}

}  // namespace

std::vector<OutputLayer> layers(const Program& p) {
  std::set<std::string> taken;
  for (const Step& s : p.steps) taken.insert(s.facts.name);
  std::vector<OutputLayer> r;
  auto region = p.regions.begin();
  for (int i = 0; i < int(p.steps.size()); i = r.back().last) {
    while (region != p.regions.end() && (region->first < i || !std::holds_alternative<Stream>(region->control)))
      ++region;
    if (region != p.regions.end() && region->first == i)
      r.push_back({i, region->last, &*region, group_name(p, *region, taken)});
    else r.push_back({i, i + 1, nullptr, p.steps[size_t(i)].facts.name});
  }
  return r;
}

std::vector<Ring> rings(const Program& p, const Region& group) {
  std::vector<Ring> r;
  for (int i = group.first; i < group.last; ++i) {
    const Step& s = p.steps[size_t(i)];
    const RowLoop* l = loop_over_rows(s.body);
    if (!l || l->out.ring == 0) continue;
    for (const Parameter& a : s.parameters)
      if (const auto* id = std::get_if<BufferId>(&a.at); id && a.name == l->out.name)
        r.push_back({i, *id, l->out.ring, l->row_out * element_bytes(a.dtype.value_or(DType::u8))});
  }
  return r;
}

std::vector<int32_t> ring_rows(const Program& p) {
  std::vector<int32_t> r(p.buffers.size());
  for (const Region& g : p.regions)
    if (std::holds_alternative<Stream>(g.control))
      for (const Ring& ring : rings(p, g)) r[size_t(ring.at)] = ring.rows;
  return r;
}

std::string long_label(const Program& p, const Buffer& b, int32_t ring) {
  return ring > 0 ? fmt::format("ring of {} row{} of {}", ring, ring == 1 ? "" : "s", label(p, b)) : label(p, b);
}

}  // namespace burin
