// A Program executed on the host: the kernels that its calls name (their C twins), on packed weights, at the real
// offsets in one block of memory. Plans and kernel choices are tested by it; it shares no evaluation with the
// interpreter.
#pragma once
#include <stdexcept>

#include "compiler/ir/tensor.h"
#include "compiler/program/host.h"
#include "compiler/program/program.h"

namespace burin {

/// A step wrote where it must not, or the plan is none.
struct PlanError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Values of the model's outputs. Bytes that are live nowhere are overwritten before each step; every byte that is not
/// the step's to write must be the same after it. Throws PlanError otherwise, std::invalid_argument for a call that is
/// none.
std::vector<Tensor> run(const Program& p, const std::vector<Tensor>& inputs);

const HostFunctions& conv_functions();

}  // namespace burin
