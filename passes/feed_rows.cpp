// --stream-input: the first node takes the input row by row, where the caller has each, and makes of it the image,
// channels last, that all others read. It is of a row-streamed group: stream-rows gives it readers that go by rows with
// it; what has none collects all rows.
#include <fmt/format.h>

#include "compiler/ops/layout.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/transpose.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace burin {
namespace {

/// Something takes the value as an image in ONNX's order of axes: behind what does not care about that order it is
/// brought to channels-last.
bool channels_first(const Graph& g, ValueId x) {
  const int rank = g[x].type.rank();
  if (rank != 3 && rank != 4) return false;
  const std::vector<int64_t> to = to_channels_last(rank), back = to_channels_first(rank);
  std::vector<ValueId> open{x};
  for (size_t i = 0; i < open.size(); ++i)
    for (const Node* n : g.users(open[i])) {
      const Transpose* t = n->as<Transpose>();
      if (t && t->perm == to) return true;
      // Of one channel the transpose has become a reshape.
      const Type& y = g[n->outputs[0]].type;
      if (n->as<Reshape>() && y.shape == permute(g[open[i]].type, to).shape && y.shape != g[open[i]].type.shape)
        return true;
      Op op = n->op;
      if (n->outputs.size() == 1 && y.rank() == rank && permute_axes(op, back) &&
          std::ranges::count(open, n->outputs[0]) == 0)
        open.push_back(n->outputs[0]);
    }
  return false;
}

void check(const Graph& g, ValueId x) {
  const Type& t = g[x].type;
  const auto refuse = [&](const std::string& what) {
    throw ModelError(fmt::format("--stream-input: input '{}' of type {} {}", g[x].name, to_string(t), what),
                     "unsupported-shape", "rows are those of one image: compile without --stream-input");
  };
  if (t.elements() == 0) refuse("has no elements");
  if (info(t.dtype).bits < 8) refuse("has elements that share bytes");
  if (t.rank() > 2 && t.shape[0] != 1) refuse("is more than one image");
}

}  // namespace

void feed_rows(Graph& g, const Context& ctx) {
  if (!ctx.options.stream_input || g.fed) return;
  if (g.inputs.size() != 1) throw InternalError("feed-rows: not one input");
  const ValueId x = g.inputs[0];
  check(g, x);
  const bool first = channels_first(g, x);
  const int rank = g[x].type.rank();
  const ValueId image =
      g.add_value(g.fresh(g[x].name + "_rows"), first ? permute(g[x].type, to_channels_last(rank)) : g[x].type);
  if (first) {
    Node back = make_node(g, g[image].name + "_nchw", Transpose{to_channels_first(rank)}, {image}, g[x].type);
    g.replace_uses(x, back.outputs[0]);
    g.insert(g.nodes.size() > 0 ? &g.nodes[0] : nullptr, std::move(back));
    sink_transposes(g);
  } else {
    g.replace_uses(x, image);
  }
  Node feed;
  feed.name = g.fresh("feed_" + g[x].name);
  feed.op = first ? Op(Transpose{to_channels_last(rank)}) : Op(Reshape{g[x].type.shape});
  feed.inputs = {x}, feed.outputs = {image};
  feed.group = 1;
  g.insert(g.nodes.size() > 0 ? &g.nodes[0] : nullptr, std::move(feed));
  g.fed = true;
  g[x].ring = 1;
}

}  // namespace burin
