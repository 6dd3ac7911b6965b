// Which bytes each value occupies, and when. plan-memory, schedule, the printer and the reports all ask here.
//
// Steps are indices into Graph::nodes. Inputs are written by the caller, all of them before the first step: they live
// from step -1 to the last node that reads them (one that nothing reads lives at -1 only). Outputs live to the last
// step, all together. What a node writes but nothing reads lives at that node's step, as its working memory does.
#pragma once
#include <string>
#include <vector>

#include "compiler/ir/graph.h"

namespace burin {

/// Values that share their bytes, and where they lie in them. A Reshape gives its input a second name and costs
/// nothing, unless
///  * its input is a constant (constants are not in the arena), or
///  * an input of the model would become its output, or two outputs would become one: each has bytes of its own.
///  * the input is fed row by row.
/// Such a Reshape is a copy. A Concat or Slice whose parts are runs of bytes of the whole costs nothing either: the
/// parts lie in the whole. It is a copy where a part is a constant, the model's input or output, lies in something else
/// already, or would begin where a buffer of its size may not. Does not depend on the order of the nodes.
class Storage {
 public:
  explicit Storage(const Graph& g);
  /// Of the values that have all of the bytes the one to name them by: the model's output or input, or the one written
  /// first.
  ValueId root(ValueId id) const { return roots_[index(id)]; }
  /// Bytes of the root before those of the value.
  int64_t offset(ValueId id) const { return offsets_[index(id)]; }
  /// It has all bytes of its root.
  bool whole(ValueId id) const { return !part_[index(id)]; }
  /// Others have bytes of its root that are not all of them, or it has.
  bool parted(ValueId id) const { return parted_[index(root(id))]; }
  bool same(ValueId a, ValueId b) const { return root(a) == root(b) && whole(a) && whole(b); }
  /// The node has nothing to do.
  bool alias(const Node& n) const;

 private:
  std::vector<ValueId> roots_;
  std::vector<int64_t> offsets_;
  std::vector<char> part_, parted_, aliases_;  // aliases_: results that a view, no copy, makes
};
/// Bytes from which on a buffer of so many bytes may begin: a multiple of these.
int64_t buffer_alignment(const Type& t, int64_t bytes);
/// The same for one node. Linear in the graph: who asks about many has a Storage.
bool is_alias(const Graph& g, const Node& n);

/// One run of bytes in the arena.
struct LiveRange {
  ValueId value;    // Storage::root; none: the working memory of node `first`
  int first, last;  // steps, inclusive
  int64_t offset;   // -1 before plan-memory
  int64_t bytes;
  bool in_state = false;  // else in the arena
};
/// Everything that is in the arena: values in the order of their index, then working memory in the order of the nodes.
/// A fed input (Graph::fed) is not there, as it is the caller's. With Graph::external_io the model's inputs and
/// outputs, and what shares their bytes, are not there.
std::vector<LiveRange> live_ranges(const Graph& g);

/// Inputs on which the node's only output could lie, were they dead after it: as in_place_inputs().
std::vector<int> elementwise_inputs(const Graph& g, const Node& n);

/// For each node the inputs on which its only output may lie: output element i at input element i or below it. They are
/// read for the last time here, and the operator reads element i of each such input before it writes element i, in
/// ascending order. So a kernel of an elementwise operator must be written: no `restrict`, and no output element
/// computed a second time.
std::vector<std::vector<int>> in_place_inputs(const Graph& g);

/// Bytes of arena and state in use at each step from -1 on (index 0 is step -1); before plan-memory overlapping buffers
/// count twice.
std::vector<int64_t> live_bytes(const Graph& g);

}  // namespace burin
