// Places the boxes of a directed acyclic graph in layers from top to bottom and routes its edges between them.
//
// The usual four steps: (1) each vertex one layer below the lowest vertex it reads, sources just above their first
// reader; (2) an edge that crosses layers gets a waypoint in each of them, and edges with the same source share theirs;
// (3) barycenter sweeps, down and up, order each layer, and the order with the fewest crossings is kept;
// (4) sweeps move each vertex to the mean of its neighbours: per layer the least squares solution that keeps order and
// distances, found by merging neighbours that want to overlap (pool adjacent violators).
// Only additions, products and quotients in a fixed order, rounded at the end: the same picture on every host.
#pragma once
#include <utility>
#include <vector>

namespace burin {

struct LayoutSizes {
  int box = 164, waypoint = 20, gap = 14;  // widths, and the least distance between neighbours
};

struct GraphLayout {
  struct Box {
    int layer, x;  // x: left side
  };
  struct Edge {
    int from, to;
    std::vector<std::pair<int, int>> via;  // layer and x of its waypoints, from top to bottom
  };
  std::vector<Box> boxes;
  std::vector<Edge> edges;
  int layers = 0, width = 0;
};

/// `reads[v]`: the vertices that v reads, all of them below v (the list is in topological order). Throws
/// std::logic_error otherwise.
GraphLayout lay_out(const std::vector<std::vector<int>>& reads, const LayoutSizes& sizes);

}  // namespace burin
