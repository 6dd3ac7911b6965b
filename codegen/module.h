// A model as two files of C++ (docs/generated-code.md says what they promise).
#pragma once
#include <map>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/options.h"
#include "targets/target.h"

namespace burin {

/// What the banner says of where the code came from.
struct ModuleOrigin {
  std::string model_file;  // without its folder
  std::string sha256;
  std::string options;  // as on a command line
};

/// One layer of the output, for reports.
struct LayerFacts {
  std::string name, op, kernel, function, requantize;
  std::vector<std::string> onnx;
  Shape shape_in, shape_out;
  int64_t macs = 0, weight_bytes = 0, scratch_bytes = 0, accumulator_bound = 0;
  // As the model has them, for the sum over layers; a bias counts as one element of the weights' width.
  int64_t input_bytes = 0, output_bytes = 0, constant_bytes = 0, bias_bytes = 0;
  double cycles = 0;                         // estimated
  std::map<std::string, double> candidates;  // every kernel that serves the layer on this target, with its estimate
  std::map<std::string, int> needed;
};

struct Module {
  std::string header, source;
  std::vector<LayerFacts> layers;
  int64_t weight_bytes = 0;
};

/// Prints a graph that went through all passes.
Module print_module(const Graph& g, const Target& target, const Options& options, const ModuleOrigin& origin);

}  // namespace burin
