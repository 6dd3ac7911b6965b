#include "tests/bench/bench_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tools/burin/cli/cli.h"

namespace burin {

std::vector<Graph> read_layers(const std::string& file) {
  std::ifstream f(file);
  const std::string text = '\n' + std::string{std::istreambuf_iterator<char>(f), {}};
  if (text.size() == 1) throw UsageError(fmt::format("'{}' is empty or not there", file), "unreadable-file");
  std::vector<Graph> r;
  for (size_t at = text.find("\ngraph "), next = at; at != text.npos; at = next) {
    next = text.find("\ngraph ", at + 1);
    r.push_back(parse(text.substr(at + 1, next - at)));
  }
  return r;
}

void no_least_weights(Graph& g) {
  for (Node& n : g.nodes)
    for (ValueId v : n.inputs) {
      if (v == ValueId::none || !g[v].data || g[v].type.dtype != DType::i8) continue;
      Tensor w = *g[v].data;
      for (int64_t i = 0; i < w.elements(); ++i) w.set_integer(i, std::max<int64_t>(w.integer(i), -127));
      g[v].data = std::make_shared<Tensor>(w);
    }
}

Tensor random_tensor(const Type& t, std::mt19937& rng) {
  Tensor r(t);
  const DTypeInfo& d = info(t.dtype);
  for (int64_t i = 0; i < r.elements(); ++i) {
    if (is_float(t.dtype)) r.set_real(i, double(int64_t(rng() % 4001) - 2000) / 1000);
    else
      r.set_integer(i, d.bits > 8 ? int64_t(rng() % 16)
                                  : d.lo + int64_t(rng() % uint64_t(d.hi - d.lo + 1)));  // wide ones are indices
  }
  return r;
}

void append(Graph& g, const Graph& layer, const std::string& suffix) {
  const auto first = int32_t(g.values().size());
  const auto moved = [&](ValueId v) { return v == ValueId::none ? v : ValueId(int32_t(v) + first); };
  for (const Value& v : layer.values()) g.add_value(v.name + suffix, v.type, v.data);
  for (Node n : layer.nodes) {
    n.name += suffix;
    std::ranges::transform(n.inputs, n.inputs.begin(), moved);
    std::ranges::transform(n.outputs, n.outputs.begin(), moved);
    g.nodes.push_back(std::move(n));
  }
  std::ranges::transform(layer.inputs, std::back_inserter(g.inputs), moved);
  std::ranges::transform(layer.outputs, std::back_inserter(g.outputs), moved);
}

}  // namespace burin
