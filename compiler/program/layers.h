// Layers of the output: what is called, profiled and reported as one. A step by itself, or all steps of a row-streamed
// group.
#pragma once
#include <string>
#include <vector>

#include "compiler/program/program.h"

namespace burin {

struct OutputLayer {
  int first = 0, last = 0;  // steps [first, last)
  const Region* group = nullptr;
  std::string name;  // of the step, "FIRST_to_LAST" of a group
};
/// In order; no two have the same name, and no group has that of a step.
std::vector<OutputLayer> layers(const Program& p);

/// Rows of a value that a step of a group makes for others of it; the next lies where the oldest one lay.
struct Ring {
  int step;  // that writes it
  BufferId at;
  int32_t rows;
  int64_t row_bytes;
};
std::vector<Ring> rings(const Program& p, const Region& group);
/// How many rows are in the buffer; 0 where it is no ring.
std::vector<int32_t> ring_rows(const Program& p);

/// "ring of 3 rows of conv_1", or as label().
std::string long_label(const Program& p, const Buffer& b, int32_t ring);

}  // namespace burin
