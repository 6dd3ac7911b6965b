// --optimize size: which integer convolutions and fully connected layers share functions, and how (docs/kernels.md,
// "One function for all shapes").
#pragma once
#include "codegen/layer.h"

namespace burin {

/// Of every node: what it shares with others (Node::sharing). Nothing unless --optimize size.
std::vector<Sharing> sharing(const Graph& g, const Target& t, const Options& o);

/// The same of a layer that no other one would share with.
Sharing alone(const LayerView& v, const Work& work);

/// How a layer calls its kernel for that.
struct SharedCall {
  bool any = false;                    // the parts that layers share
  bool dense = false;                  // a function that all fully connected layers share: all is in one array
  std::optional<Constant> table = {};  // one function for all shapes, which reads them here
  SharedFacts facts = {};
};
SharedCall shared_call(const LayerView& v);

}  // namespace burin
