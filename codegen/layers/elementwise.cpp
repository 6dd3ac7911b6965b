#include "codegen/layers/elementwise.h"

#include "compiler/ops/unary.h"

namespace burin {
namespace {

/// Rough cycles of one element, by how its table would be made: a few comparisons, or a function of math.h.
double unary_cost(UnaryKind kind) {
  constexpr double rational = 10, function = 90, none = 8;
  constexpr double costs[] = {
#define UNARY(name, onnx, a, a_default, b, b_default, types, result, exact) exact,
#define UNARY_ONLY_IR(...) UNARY(__VA_ARGS__)
#include "compiler/ops/unary.inc"
#undef UNARY
#undef UNARY_ONLY_IR
  };
  return costs[size_t(kind)];
}

}  // namespace

double unary_cycles(const Reference& l) { return double(l.n) * unary_cost(l.op.as<Unary>()->kind); }

std::optional<UnaryMve> UnaryMve::of(const LayerView& v) {
  const Reference* l = v.as<Reference>();
  return l && l->op.is<Unary>() && l->quantized() ? std::optional(UnaryMve{l->n}) : std::nullopt;
}

LayerCode lower_lut_q8_mve(const LayerView& v) { return with_kernel(lower_reference(v), "lut_mve.h", "lut_q8_mve"); }

}  // namespace burin
