// When the bytes of each buffer of the arena are needed, counted in calls of kernels: what plan-memory plans by.
//
// A kernel that runs by rows (codegen/rows.h) writes its value row by row, and rows that it has read for the last time
// are free before its last ones are written: output rows may lie on input rows that are already used. The nodes of a
// row-streamed group (Node::group) take turns: a row is made when a later one asks for it, and what they make for each
// other lies in rings.
#pragma once
#include <set>
#include <vector>

#include "codegen/rows.h"
#include "compiler/liveness.h"
#include "passes/pass.h"
#include "passes/planner.h"

namespace burin {

/// Bytes [begin, end) of a buffer, needed from call `first` to call `last`, inclusive. The caller writes the inputs
/// in call -1. The bytes of a ring have a piece for each row that lies there, those of working memory one for each
/// call that has it.
struct LiveBytes {
  int64_t begin, end;
  int first, last;
  bool operator==(const LiveBytes&) const = default;
};

/// One buffer of the arena.
struct Needed {
  LiveRange range;  // whose, and its steps
  int32_t ring;     // rows; 0: the whole value
  std::vector<LiveBytes> pieces;
  int first = -1, last = -1;  // the calls in which any of it is needed
  bool across = false;        // it is needed from one feed to the next (Graph::fed)
  int on = -1;                // the buffer that it lies on, from the first byte on; -1: it has a place of its own
};

struct Lifetimes {
  std::vector<Needed> buffers;               // values, then working memory in the order of the nodes
  std::vector<PlanOverlap> overlaps;         // what the planner may do with two that are live at one time
  std::vector<std::vector<uint8_t>> orders;  // of each group: whose turn, counted from its first node
  std::vector<int> feeds;                    // the calls that take rows, of a fed graph, and the last of their group
  int64_t floor = 0;                         // the most bytes that are needed in one call: no plan takes less
};

/// How a node goes by rows; nothing for one that makes its value in one piece.
struct NodeLives {
  std::optional<RowContract> rows;
  bool by_channels = false, expands = false;  // codegen/rows.h
};
NodeLives lives_of(const Graph& g, const Node& n, const Context& ctx);
using Contracts = std::vector<NodeLives>;  // of each node

/// A node reads or writes bytes [offset, offset + bytes) of a value.
struct ValueAccess {
  int node;
  int64_t offset, bytes;
  bool operator==(const ValueAccess&) const = default;
};

/// What does not depend on kernels and groups, of a graph whose order stays.
class Lives {
 public:
  explicit Lives(const Graph& g);
  /// Of all nodes, in their order, with the kernels and groups that they have.
  Lifetimes all(const Contracts& contracts) const;
  /// About the bytes of a plan while nodes [from, to) run: as Lifetimes::floor, but rings count as a whole. No group
  /// goes beyond the nodes.
  int64_t most_needed(const Contracts& contracts, int from, int to) const;
  const Storage& storage() const { return storage_; }

 private:
  class Timeline;
  struct Part;
  Part part(const Contracts& contracts, int from, int to) const;

  /// Of a value that names its bytes; by nodes, ascending.
  struct Users {
    std::vector<ValueAccess> writers, readers;
  };

  const Graph& g_;
  const Storage storage_;
  std::vector<LiveRange> ranges_;  // of values
  std::vector<int> range_of_;      // of each value that names its bytes: which of these
  std::vector<Users> users_;       // of each value
  const std::vector<std::vector<int>> in_place_;
  std::set<ValueId> kept_;  // roots of outputs
};

}  // namespace burin
