// How a kernel that works on rows is driven over a whole image.
#pragma once
#include "codegen/layer.h"

namespace burin {

/// Geometry of the loop over rows: what Conv and Pool have in common.
struct RowLoop {
  int64_t batch;
  int32_t ih, row_in;          // input rows, elements of one
  int32_t oh, row_out;         // output rows, elements of one
  int32_t stride, reach, top;  // rows between outputs, rows that one output reads, padding above
  std::string_view x_type;
};

/// Output rows a call makes: all of a small image; of a large one as many as fill groups of four pixels.
int32_t rows_per_call(int32_t oh, int32_t ow);

/// The call that makes so many rows: it reads `rows` and writes to `y`.
using RowCall = std::function<std::string(int32_t rows)>;
/// Statements that run `call` for every group of n rows.
std::string row_loop(const RowLoop& loop, int32_t n, const RowCall& call);

}  // namespace burin
