// What the benchmarks feed to kernels.
#pragma once
#include <random>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"

namespace burin {

/// The graphs of a file, each from its line "graph ..." to the next. Throws UsageError for an empty file.
std::vector<Graph> read_layers(const std::string& file);

/// Weights as symmetric quantizers make them: none is -128.
void no_least_weights(Graph& g);

/// All values of bytes, -2 to 2 for real numbers.
Tensor random_tensor(const Type& t, std::mt19937& rng);

/// Puts `layer` beside what is in `g`; its names get `_suffix` behind them.
void append(Graph& g, const Graph& layer, const std::string& suffix);

}  // namespace burin
