#include "tools/burin/cli/graph_layout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

namespace burin {
namespace {

using Order = std::vector<std::vector<int>>;  // per layer its vertices from left to right

struct Vertex {
  int layer = 0;
  double width = 0, x = 0;  // x: centre
  std::vector<int> up, down;
};

std::vector<int> assign_layers(const std::vector<std::vector<int>>& reads) {
  const size_t n = reads.size();
  std::vector<int> layer(n, 0), first_reader(n, -1);
  for (size_t v = 0; v < n; ++v)
    for (int u : reads[v]) {
      if (u < 0 || size_t(u) >= v) throw std::logic_error("lay_out: not in topological order");
      layer[v] = std::max(layer[v], layer[size_t(u)] + 1);
    }
  for (size_t v = 0; v < n; ++v)
    for (int u : reads[v]) {
      int& first = first_reader[size_t(u)];
      first = first < 0 ? layer[v] : std::min(first, layer[v]);
    }
  for (size_t v = 0; v < n; ++v)
    if (reads[v].empty() && first_reader[v] > 0) layer[v] = first_reader[v] - 1;
  return layer;
}

/// Pairs of edges between two layers that cross.
int64_t crossings(const std::vector<Vertex>& vertices, const Order& order) {
  int64_t total = 0;
  std::vector<int> place(vertices.size());
  for (size_t l = 0; l + 1 < order.size(); ++l) {
    for (size_t i = 0; i < order[l + 1].size(); ++i) place[size_t(order[l + 1][i])] = int(i);
    std::vector<int> ends;
    for (int v : order[l]) {
      const size_t before = ends.size();
      for (int w : vertices[size_t(v)].down) {
        for (size_t k = 0; k < before; ++k) total += ends[k] > place[size_t(w)];
        ends.push_back(place[size_t(w)]);
      }
    }
  }
  return total;
}

/// Sorts a layer by the mean place of its neighbours above (or below); one without neighbours keeps its place.
void sort_layer(const std::vector<Vertex>& vertices, std::vector<int>& layer, const std::vector<int>& other,
                bool above) {
  std::map<int, double> place, key;
  for (size_t i = 0; i < other.size(); ++i) place[other[i]] = double(i);
  for (size_t i = 0; i < layer.size(); ++i) {
    const Vertex& v = vertices[size_t(layer[i])];
    double sum = 0;
    for (int u : above ? v.up : v.down) sum += place[u];
    const size_t n = (above ? v.up : v.down).size();
    key[layer[i]] = n > 0 ? sum / double(n) : double(i);
  }
  std::ranges::stable_sort(layer, [&](int a, int b) { return key[a] < key[b]; });
}

Order order_layers(const std::vector<Vertex>& vertices, Order order) {
  Order best = order;
  int64_t fewest = crossings(vertices, order);
  for (int round = 0; round < 8 && fewest > 0; ++round) {
    if (round % 2 == 0)
      for (size_t l = 1; l < order.size(); ++l) sort_layer(vertices, order[l], order[l - 1], true);
    else
      for (size_t l = order.size() - 1; l-- > 0;) sort_layer(vertices, order[l], order[l + 1], false);
    if (const int64_t n = crossings(vertices, order); n < fewest) fewest = n, best = order;
  }
  return best;
}

/// Centres nearest to `wanted` (least squares) that keep the order and the distances of a layer.
void place(std::vector<Vertex>& vertices, const std::vector<int>& layer, const std::vector<double>& wanted, int gap) {
  struct Block {
    double sum, weight;
    size_t first;
  };
  std::vector<double> offset(layer.size(), 0);
  for (size_t i = 1; i < layer.size(); ++i)
    offset[i] = offset[i - 1] + (vertices[size_t(layer[i - 1])].width + vertices[size_t(layer[i])].width) / 2 + gap;
  std::vector<Block> blocks;
  for (size_t i = 0; i < layer.size(); ++i) {
    blocks.push_back({wanted[i] - offset[i], 1, i});
    while (blocks.size() > 1) {
      const Block last = blocks.back();
      Block& before = blocks[blocks.size() - 2];
      if (before.sum * last.weight <= last.sum * before.weight) break;
      before.sum += last.sum, before.weight += last.weight;
      blocks.pop_back();
    }
  }
  for (size_t b = 0; b < blocks.size(); ++b) {
    const size_t end = b + 1 < blocks.size() ? blocks[b + 1].first : layer.size();
    for (size_t i = blocks[b].first; i < end; ++i)
      vertices[size_t(layer[i])].x = blocks[b].sum / blocks[b].weight + offset[i];
  }
}

void place_all(std::vector<Vertex>& vertices, const Order& order, int gap) {
  for (const std::vector<int>& layer : order) place(vertices, layer, std::vector<double>(layer.size(), 0), gap);
  for (int round = 0; round < 24; ++round)
    for (size_t k = 0; k < order.size(); ++k) {
      const std::vector<int>& layer = order[round % 2 == 0 ? k : order.size() - 1 - k];
      std::vector<double> wanted;
      for (int id : layer) {
        const Vertex& v = vertices[size_t(id)];
        double sum = 0;
        for (int u : v.up) sum += vertices[size_t(u)].x;
        for (int u : v.down) sum += vertices[size_t(u)].x;
        const size_t n = v.up.size() + v.down.size();
        wanted.push_back(n > 0 ? sum / double(n) : v.x);
      }
      place(vertices, layer, wanted, gap);
    }
}

}  // namespace

GraphLayout lay_out(const std::vector<std::vector<int>>& reads, const LayoutSizes& sizes) {
  const std::vector<int> layer = assign_layers(reads);
  const size_t n = reads.size();
  GraphLayout r;
  std::vector<Vertex> vertices(n);
  for (size_t v = 0; v < n; ++v)
    vertices[v] = {layer[v], double(sizes.box), 0, {}, {}}, r.layers = std::max(r.layers, layer[v] + 1);

  std::vector<std::vector<int>> trunk(n);  // waypoints of each source, one layer after the other
  const auto connect = [&](int a, int b) {
    std::vector<int>& down = vertices[size_t(a)].down;
    if (std::ranges::find(down, b) != down.end()) return;
    down.push_back(b);
    vertices[size_t(b)].up.push_back(a);
  };
  for (size_t v = 0; v < n; ++v)
    for (int u : reads[v]) {
      int at = u;
      const size_t steps = size_t(layer[v] - layer[size_t(u)] - 1);
      for (size_t k = 0; k < steps; ++k) {
        if (k == trunk[size_t(u)].size()) {
          trunk[size_t(u)].push_back(int(vertices.size()));
          vertices.push_back({layer[size_t(u)] + 1 + int(k), double(sizes.waypoint), 0, {}, {}});
        }
        connect(at, trunk[size_t(u)][k]);
        at = trunk[size_t(u)][k];
      }
      connect(at, int(v));
      r.edges.push_back({u, int(v), {}});
    }

  Order order{size_t(r.layers)};
  for (size_t v = 0; v < vertices.size(); ++v) order[size_t(vertices[v].layer)].push_back(int(v));
  order = order_layers(vertices, std::move(order));
  place_all(vertices, order, sizes.gap);

  double left = vertices.empty() ? 0 : std::numeric_limits<double>::max();
  for (const Vertex& v : vertices) left = std::min(left, v.x - v.width / 2);
  const auto x = [&](const Vertex& v) { return int(std::floor(v.x - left + 0.5)); };
  for (size_t v = 0; v < vertices.size(); ++v) r.width = std::max(r.width, x(vertices[v]) + int(vertices[v].width) / 2);
  for (size_t v = 0; v < n; ++v) r.boxes.push_back({layer[v], x(vertices[v]) - sizes.box / 2});
  for (GraphLayout::Edge& e : r.edges)
    for (int k = 0; k < layer[size_t(e.to)] - layer[size_t(e.from)] - 1; ++k) {
      const Vertex& v = vertices[size_t(trunk[size_t(e.from)][size_t(k)])];
      e.via.emplace_back(v.layer, x(v));
    }
  return r;
}

}  // namespace burin
