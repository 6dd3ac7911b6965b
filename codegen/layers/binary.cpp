#include "codegen/layers/binary.h"

#include "codegen/layers/common.h"
#include "compiler/ops/binary.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/requantization.h"

namespace burin {
using K = BinaryKind;

double binary_cycles(const Reference& l) {
  const K kind = l.op.as<Binary>()->kind;
  const bool slow = kind == K::pow || kind == K::mod || kind == K::fmod;
  return double(l.n) * (slow ? 150 : kind == K::div ? 20 : 8);
}

std::optional<BinaryMve> BinaryMve::of(const LayerView& v) {
  const Reference* l = v.as<Reference>();
  const Binary* op = v.node.as<Binary>();
  if (!l || !op || l->n == 0) return std::nullopt;
  const Type &a = l->in[0], &b = l->in[1];
  BinaryMve m{binary_shape(a.shape, b.shape), l->n, false, {}, {}, false};
  if (!l->quantized()) {
    m.simple = l->y.dtype == DType::f32 && (op->is_sum() || op->is_product());
    return m;
  }
  const auto no_table = [](const std::string&) -> const void* { return nullptr; };
  if (op->is_sum()) m.add = struct_from<RequantAdd>(l->code.body.structs[1].value, no_table);
  if (op->is_product())
    m.mul = plan_vector_requantization(std::vector{product_channel(a, b, l->y)}, requant_range(l->y, op->clamp));
  m.extreme = op->is_extreme();
  return m;
}

LayerCode lower_binary_f32_mve(const LayerView& v) {
  const BinaryMve& m = *v.as<BinaryMve>();
  const Binary& op = *v.node.as<Binary>();
  return one_call("binary_f32_mve.h", {"binary_f32_mve",
                                       {fmt::format("fn_{}", Binary::names[size_t(op.kind)]),
                                        fmt::format("{}", m.s.a[0]), fmt::format("{}", m.s.b[0])},
                                       with_operands({m.n, op.clamp.lo, op.clamp.hi}, 2)});
}

LayerCode lower_add_q8_mve(const LayerView& v) {
  LayerCode code = with_kernel(lower_reference(v), "binary_mve.h", "add_q8_mve");
  code.body.structs.erase(code.body.structs.begin());  // the shape
  code.body.calls[0].arguments[0] = v.as<BinaryMve>()->n;
  return code;
}

LayerCode lower_mul_q8_mve(const LayerView& v) {
  LayerCode code = with_kernel(lower_reference(v), "binary_mve.h", "mul_q8_mve");
  code.body.structs.resize(1);
  code.body.arrays.clear(), code.constants.clear();
  requantization(*v.as<BinaryMve>()->mul, code);
  return code;
}

LayerCode lower_extreme_q8_mve(const LayerView& v) {
  return with_kernel(lower_reference(v), "binary_mve.h", "extreme_q8_mve");
}

}  // namespace burin
