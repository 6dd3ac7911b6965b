// conv with border rows or columns of the window that are zero in every filter => conv with a smaller window and less
// padding: 3x3 => 1x3 => 1x1. Exact: those places add nothing, whatever they read, the padding's zero point too.
//
// "Zero" is the filter's zero point. A row goes only where the padding on its side has as many rows as the window then
// reaches less far: else the window would have to begin inside the image (tests/passes/shrink-windows keeps the wrong
// rewrite). And only where the smaller window is no dearer: some kernels are made for windows of 3x3.
#include <algorithm>

#include "compiler/ops/conv.h"
#include "compiler/ops/layout.h"
#include "passes/cost.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

/// Places of the window that stay along an axis: [first, end).
struct Span {
  int64_t first, end;
};

/// Weights of a convolution, [filters][height][width][channels].
struct Kernel4 {
  int64_t filters, height, width, channels;
  const Tensor* w;
  Kernel4(const Conv& c, const Tensor& t)
      : filters(t.shape()[0]),
        height(c.window.kernel[0]),
        width(c.window.kernel[1]),
        channels(t.shape().back()),
        w(&t) {}

  bool zero(int64_t i, int64_t filter_size) const {
    return w->real(i) == (w->type().quantized() ? w->type().quant.zero_at(size_t(i / filter_size)) : 0);
  }
  /// Is row (axis 0) or column `at` zero everywhere?
  bool unread(int axis, int64_t at) const {
    const int64_t filter_size = height * width * channels;
    for (int64_t i = 0; i < filters * filter_size; ++i) {
      const int64_t place = i % filter_size / channels;
      if ((axis == 0 ? place / width : place % width) == at && !zero(i, filter_size)) return false;
    }
    return true;
  }
};

/// The window with only these places along an axis; nothing when outputs would change place or number.
std::optional<Window> cut(Window w, int axis, Span s, int64_t extent) {
  const size_t a = size_t(axis);
  const int64_t before = w.out_extent(axis, extent), d = w.dilations[a];
  w.pads[a] -= s.first * d;
  if (w.pads[a] < 0) return std::nullopt;
  w.pads[a + 2] = std::max<int64_t>(w.pads[a + 2] - (w.kernel[a] - s.end) * d, 0);
  w.kernel[a] = s.end - s.first;
  if (w.kernel[a] == 1) w.dilations[a] = 1;
  if (w.out_extent(axis, extent) != before) return std::nullopt;
  return w;
}

/// The fewest places along an axis that do.
Span needed(const Conv& c, const Kernel4& k, int axis, int64_t extent) {
  Span s{0, c.window.kernel[size_t(axis)]};
  while (s.end - s.first > 1 && k.unread(axis, s.first) && cut(c.window, axis, {s.first + 1, s.end}, extent)) ++s.first;
  while (s.end - s.first > 1 && k.unread(axis, s.end - 1) && cut(c.window, axis, {s.first, s.end - 1}, extent)) --s.end;
  return s;
}

Tensor select(const Kernel4& k, Span rows, Span columns) {
  Type t = k.w->type();
  if (t.rank() == 4) t.shape[1] = rows.end - rows.first;
  t.shape[size_t(t.rank() - 2)] = columns.end - columns.first;
  Tensor r(t);
  int64_t to = 0;
  for (int64_t o = 0; o < k.filters; ++o)
    for (int64_t y = rows.first; y < rows.end; ++y)
      for (int64_t x = columns.first; x < columns.end; ++x)
        for (int64_t c = 0; c < k.channels; ++c)
          r.set_real(to++, k.w->real(((o * k.height + y) * k.width + x) * k.channels + c));
  return r;
}

void shrink(Graph& g, size_t at, const Context& ctx) {
  const Conv* c = g.nodes[at].as<Conv>();
  if (!c || !c->channels_last) return;
  const ValueId x = g.nodes[at].inputs[0], w = g.nodes[at].inputs[1];
  if (!g[w].constant() || g[w].data->elements() == 0 || g[x].type.elements() == 0) return;
  const Image image = burin::image(g[x].type.shape, true);
  const Kernel4 k(*c, *g[w].data);
  const Span rows = needed(*c, k, 0, image.h), columns = needed(*c, k, 1, image.w);
  const Span all[] = {{0, k.height}, {0, k.width}};
  const bool fewer_rows = rows.end - rows.first < k.height, fewer_columns = columns.end - columns.first < k.width;
  if (!fewer_rows && !fewer_columns) return;
  const Node before = g.nodes[at];
  const auto apply = [&, conv = *c](Span r, Span q) {
    Conv smaller = conv;
    smaller.window = *cut(*cut(conv.window, 0, r, image.h), 1, q, image.w);
    Node n = before;
    n.op = smaller;
    n.inputs[1] = g.add_constant(g.fresh(g[w].name), select(k, r, q));
    g.replace(g.nodes[at], std::move(n));
  };
  double least = cheapest_cycles(g, before, ctx);
  Node best = before;
  for (const auto& [r, q] : {std::pair{rows, columns}, std::pair{rows, all[1]}, std::pair{all[0], columns}}) {
    if ((r.end - r.first == k.height && !(q.end - q.first < k.width)) || (q.end - q.first == k.width && !fewer_rows))
      continue;
    apply(r, q);
    const double cycles = cheapest_cycles(g, g.nodes[at], ctx);
    if (cycles < least || (cycles == least && best.inputs[1] == w)) least = cycles, best = g.nodes[at];
  }
  g.replace(g.nodes[at], std::move(best));
}

}  // namespace

void shrink_windows(Graph& g, const Context& ctx) {
  for (size_t i = 0; i < g.nodes.size(); ++i) shrink(g, i, ctx);
}

}  // namespace burin
