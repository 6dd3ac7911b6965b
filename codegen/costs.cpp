#include "codegen/costs.h"

#include <map>
#include <numeric>
#include <sstream>

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

const FittedCosts* known(const Kernel& k, const Target& t) {
  const FittedCosts* c = fitted_costs(t.key("costs"), k.name);
  return c && c->cycles.size() == k.counts ? c : nullptr;
}

}  // namespace

const FittedCosts* fitted_costs(std::string_view cores, std::string_view kernel) {
  static const Table table = read_table();
  const auto it = table.find(std::pair(std::string(cores), std::string(kernel)));
  return it == table.end() ? nullptr : &it->second;
}

double estimated_cycles(const Kernel& k, const Work& work, const Target& t) {
  const FittedCosts* c = known(k, t);
  return c ? std::inner_product(work.counts.begin(), work.counts.end(), c->cycles.begin(), 0.0) : kUnknownCycles;
}

Cost estimated_cost(const Kernel& k, const Work& work, const LayerView& v) {
  const FittedCosts* c = known(k, v.target);
  Cost r{estimated_cycles(k, work, v.target), 0, c ? c->code : 0, work.scratch};
  Node n = v.node;
  n.kernel = &k;
  n.scratch = work.scratch;
  for (const LayerConstant& constant : k.print(LayerView(v, n)).constants) r.constants += constant.data.size();
  return r;
}

}  // namespace burin
