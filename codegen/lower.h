// From a graph that went through all passes to what the device does.
#pragma once
#include "compiler/ir/graph.h"
#include "compiler/options.h"
#include "compiler/program/program.h"
#include "targets/target.h"

namespace burin {

/// Each node that has something to do becomes a step, by its kernel (packed once, here); each live value and all
/// working memory a buffer. Steps whose functions are equal share one; equal constants are kept once.
Program lower(const Graph& g, const Target& target, const Options& options);

}  // namespace burin
