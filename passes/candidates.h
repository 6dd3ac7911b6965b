// Which kernels could serve each layer, and what each would cost.
#pragma once
#include <map>
#include <vector>

#include "passes/choose.h"
#include "passes/pass.h"

namespace burin {

/// The kernels that the user wants, by node; adds an error for each layer that there is not.
std::map<const Node*, std::string> forced_kernels(const Graph& g, const Options& o, std::vector<Diagnostic>& errors);

struct Candidates {
  std::vector<Node*> layers;                        // without those that have nothing to do
  std::vector<std::vector<const Kernel*>> kernels;  // at least one a layer, in the order of kernels.inc
  std::vector<std::vector<Work>> works;             // what these kernels would ask, and how they would be run
  Choices costs;                                    // of these kernels

  /// Gives layer i the kernel of its choice k.
  void assign(size_t i, size_t k) const;
};

/// What the target can run and what computes the layer exactly; where --kernel names one, this one only. Throws
/// ModelError naming every layer that nothing serves.
Candidates candidates(Graph& g, const Context& ctx);

}  // namespace burin
