// One run of generated code in QEMU, layer by layer: instructions, and cycles by the model of the core
// (tools/profile/cycles.h).
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tools/burin/cli/runner.h"
#include "tools/size/measure.h"

namespace burin {

struct RunCost {
  double instructions = 0, cycles = 0;
};
struct MeasuredRun {
  // As Program::steps, the mean of the runs. The table and loop of a group count as the member that was called last,
  // before the first call as the first.
  std::vector<RunCost> steps;
  RunCost other, total;                                   // other: before the first layer
  std::vector<std::pair<std::string, double>> functions;  // instructions, most first
  std::string model;                                      // of cycles; empty: none
  std::string note;                                       // why there are none
  int64_t stack = 0;
  Measured measured;                         // sizes in the program
  std::vector<std::vector<Tensor>> outputs;  // of each data set
};

/// inputs[set][i] is input i of the graph. Throws ToolError where a tool is missing, SizeError and SizeUnsupported.
MeasuredRun measured_run(const Compiled& c, const std::vector<std::vector<Tensor>>& inputs);

}  // namespace burin
