#include "codegen/costs.h"

#include <fmt/format.h>

#include <map>
#include <numeric>
#include <sstream>

#include "codegen/layers/conv.h"
#include "codegen/layers/conv_share.h"
#include "compiler/diagnostics.h"
#include "compiler/embedded.h"

namespace burin {
namespace {

using Table = std::map<std::pair<std::string, std::string>, FittedCosts, std::less<>>;

Table read_table() {
  Table r;
  for (const EmbeddedFile& f : embedded_files()) {
    if (!f.path.ends_with(".costs")) continue;
    std::istringstream lines{std::string(f.text)};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line.substr(0, line.find('#')));
      std::string cores, kernel;
      if (!(words >> cores >> kernel)) continue;
      FittedCosts c{};
      words >> c.code;
      for (double n; words >> n;) c.cycles.push_back(n);
      if (!words.eof() || !r.emplace(std::pair(cores, kernel), c).second)
        throw InternalError(std::string(f.path) + ": cannot be read: " + line);
    }
  }
  return r;
}

}  // namespace

const FittedCosts* fitted_costs(std::string_view cores, std::string_view kernel) {
  static const Table table = read_table();
  const auto it = table.find(std::pair(std::string(cores), std::string(kernel)));
  return it == table.end() ? nullptr : &it->second;
}

double estimated_cycles(const Kernel& k, const Work& work, const Target& t) {
  const FittedCosts* c = fitted_costs(t.key("costs"), k.name);
  if (!c) return kUnknownCycles;
  if (c->cycles.size() != work.counts.size())
    throw InternalError(
        fmt::format("kernels.costs: {} has {} factors for {} counts", k.name, c->cycles.size(), work.counts.size()));
  return std::inner_product(work.counts.begin(), work.counts.end(), c->cycles.begin(),
                            (work.calls - 1) * (kCallCycles + work.channels * kChannelCycles));
}

Node planned(const Node& n, const Kernel& k, const Work& work) {
  Node r = n;
  r.kernel = &k;
  r.scratch = work.scratch, r.rows = work.rows, r.block = work.block;
  return r;
}

int64_t constant_bytes(const LayerView& v) {
  const Node& n = v.node;
  if (n.sharing != Sharing::none) return dense_any_q8_dsp_bytes(*v.as<ConvQ8>());
  if (n.kernel->packed_bytes) return n.kernel->packed_bytes(v) + (n.block > 0 ? int64_t(sizeof(int32_t)) : 0);
  int64_t bytes = 0;
  for (const NamedConstant& c : n.kernel->lower(v).constants) bytes += c.value.size();
  return bytes;
}

Cost estimated_cost(const Kernel& k, const Work& work, const LayerView& v) {
  const FittedCosts* c = fitted_costs(v.target.key("costs"), k.name);
  Cost r{estimated_cycles(k, work, v.target), 0, c ? c->code : 0, work.scratch, work.coded};
  Node n = planned(v.node, k, work);
  n.sharing = alone(v, work);
  r.constants = constant_bytes(LayerView(v, n));
  return r;
}

}  // namespace burin
