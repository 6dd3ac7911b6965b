// How kernels run by rows: what memory may be planned by, and what their calls say.
#pragma once
#include <algorithm>
#include <optional>

#include "codegen/layer.h"
#include "compiler/program/call.h"

namespace burin {

/// The loop over rows of the node's kernel; nothing where it makes its value in one piece.
std::optional<RowLoop> row_loop(const LayerView& v);

/// What the calls of a kernel read and make, in bytes: rows of one image each.
struct RowContract {
  int32_t ih, oh;
  int64_t row_in, row_out;
  int32_t stride, reach, top;
  int32_t n;         // rows a call: of output, or of input where it accumulates
  bool accumulates;  // the last call makes the one row of output
  int32_t operands;  // so many are read by rows alike
  bool local;        // each row by itself: one call of the operator on images of one row
  int32_t together;  // rows that it wants in one piece

  int32_t height() const { return accumulates ? ih : oh; }
  int32_t calls() const { return (height() + n - 1) / n; }
  /// Rows of output that call `c` makes: [first, last).
  int32_t first(int32_t c) const { return accumulates ? 0 : c * n; }
  int32_t last(int32_t c) const { return accumulates ? int32_t(c + 1 == calls()) : std::min(oh, (c + 1) * n); }
  /// Rows of input that it reads: [first, last); may be empty.
  int32_t first_read(int32_t c) const { return accumulates ? c * n : std::clamp(first(c) * stride - top, 0, ih); }
  int32_t last_read(int32_t c) const {
    return std::clamp(accumulates ? (c + 1) * n : (last(c) - 1) * stride - top + reach, 0, ih);
  }
};
/// Of the node's kernel on one image; nothing where it makes its value in one piece.
std::optional<RowContract> row_contract(const LayerView& v);
/// The same as memory sees it: rows and pixels that are done within a call count as calls of their own.
std::optional<RowContract> steps_contract(const LayerView& v);
/// The kernel may write its first result on its first operand: at the same place, element on element of its channel.
bool in_place_by_channels(const LayerView& v);
/// The first operand is no longer needed when the first result is written: it may lie in the last bytes of the working
/// memory into which it goes.
bool expands(const LayerView& v);
/// Also of operators that do to each row of images what they do to the whole: in a row-streamed group these are lowered
/// for one row.
std::optional<RowContract> streamed_contract(const LayerView& v);

/// Of a fed graph (Graph::fed): a row is one index of this axis of the input.
int fed_axis(const Graph& g);
int64_t fed_rows(const Graph& g);

/// What the node's function does as a part of a row-streamed group: rings are those of its values.
LayerCode streamed_code(const LayerView& v);

}  // namespace burin
