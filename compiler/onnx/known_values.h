// What a graph under construction computes from constants alone. Import folds such nodes at once, but for Dequantize
// (which lower-qdq wants to see) and what follows from it: their values are computed when somebody asks.
#pragma once
#include <map>
#include <memory>

#include "compiler/ir/graph.h"
#include "compiler/limits.h"

namespace burin {

class KnownValues {
 public:
  /// To be called with every node that was appended to `graph`, in order.
  void appended(const Graph& graph, const Node& node);
  /// The value of `v`; null when it depends on an input of the model. Stays valid as long as this object. `spent` is
  /// told of what is computed.
  const Tensor* find(const Graph& graph, ValueId v, Spending& spent);
  /// The constant that `v` dequantizes, if that is all it does; else none.
  ValueId dequantized(const Graph& graph, ValueId v) const;

 private:
  std::map<ValueId, Node> makers_;  // of values that follow from constants
  std::map<ValueId, std::shared_ptr<const Tensor>> values_;
};

}  // namespace burin
