// --optimize size: layers of one kernel and window share a function, or the parts of theirs
// (codegen/layers/conv_share.h).
#include "codegen/layers/conv_share.h"
#include "passes/pass.h"

namespace burin {

void share_functions(Graph& g, const Context& ctx) {
  const std::vector<Sharing> shared = sharing(g, *ctx.target, ctx.options);
  for (size_t i = 0; i < g.nodes.size(); ++i) g.nodes[i].sharing = shared[i];
}

}  // namespace burin
