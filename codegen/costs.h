// What a kernel costs on a layer: cycles, flash and working memory. The numbers are measured: tools/fit-costs writes
// them to targets/kernels.costs, by classes of cores (`costs` in targets/*.target names the class of a target).
#pragma once
#include <string_view>
#include <vector>

#include "codegen/layer.h"

namespace burin {

/// Estimated cost of a layer.
struct Cost {
  double cycles;  // of one run
  // Bytes: constants exactly, were no other layer's equal; code as layers of this kernel usually have; working memory.
  int64_t constants, code, scratch;
  bool coded = false;  // Work::coded; what all such layers call is not in `code`
  int64_t flash() const { return constants + code; }
};

/// A line of targets/kernels.costs.
struct FittedCosts {
  int64_t code;                // bytes of a layer's function, the median
  std::vector<double> cycles;  // of one of each of the kernel's counts
};
/// Null where the file has no line for the kernel on this class of cores.
const FittedCosts* fitted_costs(std::string_view cores, std::string_view kernel);

/// Bytes of the constants that the node's kernel would make, where the node shares its function with no other (alone()
/// in conv_share.h).
int64_t constant_bytes(const LayerView& v);

/// Cycles of what nobody measured: such a kernel is taken only where nothing else serves, or by --kernel.
constexpr double kUnknownCycles = 1e15;
/// Cycles of a call more than the usual form makes, its row pointers included, and of a channel in it (Work::channels).
/// Measured on cortex-m4f.
constexpr double kCallCycles = 60, kChannelCycles = 30;
double estimated_cycles(const Kernel& k, const Work& work, const Target& t);
/// The node with that kernel, run as `work` says.
Node planned(const Node& n, const Kernel& k, const Work& work);
/// `work` is what the kernel says of the layer.
Cost estimated_cost(const Kernel& k, const Work& work, const LayerView& v);

}  // namespace burin
