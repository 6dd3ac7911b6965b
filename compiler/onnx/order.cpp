#include "compiler/onnx/order.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <set>

#include "compiler/diagnostics.h"

namespace burin {
namespace {

/// Names that `graph` reads without defining them.
void captured(const onnx::GraphProto& graph, std::set<std::string>& outside) {
  std::set<std::string> own;
  for (const auto& v : graph.input()) own.insert(v.name());
  for (const auto& t : graph.initializer()) own.insert(t.name());
  for (const auto& t : graph.sparse_initializer()) own.insert(t.values().name());
  for (const auto& n : graph.node()) own.insert(n.output().begin(), n.output().end());
  auto read = [&](const std::string& name) {
    if (!name.empty() && !own.contains(name)) outside.insert(name);
  };
  for (const auto& n : graph.node())
    for (const std::string& name : names_read(n)) read(name);
  for (const auto& v : graph.output()) read(v.name());
}

/// Some nodes of `left`, each of which waits for the one before it.
std::vector<size_t> find_cycle(const std::vector<std::vector<size_t>>& waits_for, const std::vector<bool>& done,
                               size_t start) {
  std::vector<size_t> path;
  std::vector<bool> seen(done.size());
  for (size_t i = start; !seen[i];) {
    seen[i] = true;
    path.push_back(i);
    i = *std::ranges::find_if(waits_for[i], [&](size_t p) { return !done[p]; });
    if (seen[i]) path.erase(path.begin(), std::ranges::find(path, i));
  }
  return path;
}

}  // namespace

std::vector<std::string> names_read(const onnx::NodeProto& node) {
  std::set<std::string> names(node.input().begin(), node.input().end());
  for (const auto& a : node.attribute()) {
    if (a.has_g()) captured(a.g(), names);
    for (const auto& g : a.graphs()) captured(g, names);
  }
  names.erase("");
  return {names.begin(), names.end()};
}

std::string label(const onnx::NodeProto& node) {
  if (!node.name().empty()) return node.name();
  for (const std::string& o : node.output())
    if (!o.empty()) return o;
  return node.op_type();
}

ProtoNodes execution_order(const ProtoNodes& nodes) {
  std::map<std::string, size_t> writer;
  for (size_t i = 0; i < nodes.size(); ++i)
    for (const std::string& o : nodes[i]->output())
      if (!o.empty()) writer.emplace(o, i);
  std::vector<std::vector<size_t>> waits_for(nodes.size()), wakes(nodes.size());
  std::vector<size_t> open(nodes.size());
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : names_read(*nodes[i])) {
      const auto it = writer.find(name);
      if (it == writer.end()) continue;
      waits_for[i].push_back(it->second);
      wakes[it->second].push_back(i);
      ++open[i];
    }
    if (open[i] == 0) ready.push(i);
  }
  ProtoNodes order;
  std::vector<bool> done(nodes.size());
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    done[i] = true;
    order.push_back(nodes[i]);
    for (size_t next : wakes[i])
      if (--open[next] == 0) ready.push(next);
  }
  if (order.size() == nodes.size()) return order;
  const size_t start = size_t(std::ranges::find(done, false) - done.begin());
  std::vector<std::string> names;
  for (size_t i : find_cycle(waits_for, done, start)) names.push_back(fmt::format("'{}'", label(*nodes[i])));
  throw OpError(fmt::format("these nodes wait for each other: {}", fmt::join(names, ", ")), "cycle");
}

}  // namespace burin
