#include "codegen/layers/movement.h"

#include "compiler/ops/concat.h"
#include "compiler/ops/expand.h"
#include "compiler/ops/pad.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/slice.h"
#include "compiler/ops/transpose.h"

namespace burin {
namespace {

double product(const std::vector<int32_t>& extents) {
  double n = 1;
  for (int32_t e : extents) n *= e;
  return n;
}

/// Without casts, which the scratch memory tells.
double call_cycles(const Call& c, const Reference& l) {
  if (c.function == "strided_copy") return 7 * product(std::get<std::vector<int32_t>>(c.structs[0].value.fields[1]));
  if (c.function == "__builtin_memcpy")
    return product(c.loops) * (20 + double(std::get<int64_t>(c.arguments[2])) * 0.6);
  if (c.function == "cast") return 0;
  const int32_t bits = info(l.y.dtype).bits;  // a fill
  return double(l.n * (bits < 8 ? 1 : bits / 8)) / 2;
}

}  // namespace

std::optional<Movement> Movement::of(const LayerView& v) {
  const Node& n = v.node;
  if (!n.as<Transpose>() && !n.as<Slice>() && !n.as<Expand>() && !n.as<Pad>() && !n.as<Concat>() && !n.as<Reshape>())
    return std::nullopt;
  const Reference& l = *v.as<Reference>();
  Movement m{0, l.code.scratch};
  for (const Call& c : l.code.body.calls) m.cycles += call_cycles(c, l);
  m.cycles += double(m.scratch) * 8;
  return m;
}

}  // namespace burin
