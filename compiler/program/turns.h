// What steps do in time: the rows that each call makes, and what it reads and writes for them.
#pragma once
#include <vector>

#include "compiler/program/program.h"

namespace burin {

/// Rows [first, first + n) of a step's output; n = 0: all that the step does.
struct Turn {
  int step = 0;
  int32_t first = 0, n = 0;
};
/// The loop over rows of a body whose calls all make the same rows of one image; else null.
const RowLoop* loop_over_rows(const Body& b);
/// The turns of a step, one where it does not go by rows.
std::vector<Turn> turns(const Program& p, int step);
/// Those of a row-streamed group. Throws std::invalid_argument where a step makes more or fewer rows than it has.
std::vector<Turn> turns(const Program& p, const Region& g);

/// Bytes [begin, end) of what a name stands for; `at`: which bytes of the whole value these are, from there on.
struct Bytes {
  std::string name;
  int64_t begin, end, at;
};
/// What a turn by rows reads of the values that it has by rows, and what it writes. `y` is the type of the elements of
/// what it writes.
std::vector<Bytes> rows_read(const RowLoop& l, const Turn& t);
std::vector<Bytes> rows_written(const RowLoop& l, const Turn& t, DType y);

}  // namespace burin
