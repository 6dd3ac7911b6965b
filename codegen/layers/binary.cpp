#include "codegen/layers/binary.h"

#include "codegen/layers/common.h"
#include "compiler/ops/binary.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/requantization.h"

namespace burin {
namespace {

std::string function(BinaryKind kind) { return fmt::format("fn_{}", Binary::names[size_t(kind)]); }

}  // namespace

std::optional<BinaryReal> BinaryReal::of(const LayerView& v) {
  const Binary* op = v.node.as<Binary>();
  if (!op || !is_plain(v.in(0)) || !is_plain(v.in(1)) || !is_plain(v.out())) return std::nullopt;
  const bool slow = op->kind == BinaryKind::pow || op->kind == BinaryKind::mod || op->kind == BinaryKind::fmod;
  const double cost = slow ? 150 : op->kind == BinaryKind::div ? 20 : 8;
  return BinaryReal{*op, v.in(0).dtype, v.out().dtype, binary_shape(v.in(0).shape, v.in(1).shape), v.out().elements(),
                    cost};
}

LayerCode lower_binary(const LayerView& v) {
  const BinaryReal& b = *v.as<BinaryReal>();
  if (b.n == 0) return nothing(v);
  const bool clamped = b.y == DType::f32;
  const std::vector<Argument> first =
      clamped ? std::vector<Argument>{s_name, b.op.clamp.lo, b.op.clamp.hi} : std::vector<Argument>{s_name};
  return one_call("binary.h", {clamped ? "binary_f32" : "binary", {function(b.op.kind)}, with_operands(first, 2)},
                  {{"s", struct_of(b.s)}});
}

LayerCode lower_binary_f32_mve(const LayerView& v) {
  const BinaryReal& b = *v.as<BinaryReal>();
  return one_call("binary_f32_mve.h", {"binary_f32_mve",
                                       {function(b.op.kind), fmt::format("{}", b.s.a[0]), fmt::format("{}", b.s.b[0])},
                                       with_operands({b.n, b.op.clamp.lo, b.op.clamp.hi}, 2)});
}

std::optional<BinaryQ8> BinaryQ8::of(const LayerView& v) {
  const Binary* op = v.node.as<Binary>();
  if (!op || !op->integer_form()) return std::nullopt;
  const Type &a = v.in(0), &b = v.in(1), &y = v.out();
  if (!is_q8(a) || !is_q8(b) || !is_q8(y)) return std::nullopt;
  BinaryQ8 r{op->kind, binary_shape(a.shape, b.shape), y.elements(), {}, {}, {}, {}, {}};
  if (r.is_sum()) r.add = add_plan(*op, a, b, y);
  if (r.is_product()) r.mul = mul_requantization(a, b, y, op->clamp);
  if (r.is_product() && v.target.has("mve"))
    r.mul_vector = plan_vector_requantization(std::vector{product_channel(a, b, y)}, requant_range(y, op->clamp));
  if (r.is_extreme()) r.a_table = operand_table(a, y, op->clamp), r.b_table = operand_table(b, y, op->clamp);
  return r;
}

LayerCode lower_add_q8(const LayerView& v) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  if (b.n == 0) return nothing(v);
  const bool table = b.add.device.kind == RequantAddKind::table;
  LayerCode code = one_call("binary.h", {"add_q8", {}, with_operands({s_name, q_name}, 2)},
                            {{"s", struct_of(b.s)}, {"q", struct_of(b.add.device, table ? "table" : "")}});
  if (table) code.constants = {{"table", constant_of<uint8_t>(b.add.table)}};
  code.requantize = "add_" + name_of(b.add.device.kind);
  return code;
}

LayerCode lower_add_q8_mve(const LayerView& v) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  if (b.n == 0) return nothing(v);
  LayerCode code =
      one_call("binary_mve.h", {"add_q8_mve", {}, with_operands({b.n, q_name}, 2)}, {{"q", struct_of(b.add.device)}});
  code.requantize = "add_" + name_of(b.add.device.kind);
  return code;
}

namespace {

LayerCode lower_product(const LayerView& v, std::string header, std::string kernel, const Requantization& r) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  const auto zero = [&](size_t i) -> Argument { return v.in(i).quant.zero_point[0]; };
  LayerCode code = one_call(std::move(header),
                            {std::move(kernel), {}, with_operands({s_name, q_name, zero(0), zero(1), pointer("p")}, 2)},
                            {{"s", struct_of(b.s)}});
  requantization(r, code);
  return code;
}

LayerCode lower_extreme(const LayerView& v, std::string header, std::string kernel) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  if (b.n == 0) return nothing(v);
  std::vector<NamedConstant> tables;
  auto table = [&](const char* name, const std::vector<uint8_t>& t) -> Argument {
    if (t.empty()) return Null{};
    tables.push_back({name, constant_of<uint8_t>(t)});
    return pointer(name);
  };
  const Argument a_table = table("a_table", b.a_table), b_table = table("b_table", b.b_table);
  LayerCode code =
      one_call(std::move(header), {std::move(kernel), {function(b.kind)}, with_operands({s_name, a_table, b_table}, 2)},
               {{"s", struct_of(b.s)}});
  if (!tables.empty()) code.requantize = "lut";
  code.constants = std::move(tables);
  return code;
}

}  // namespace

LayerCode lower_mul_q8(const LayerView& v) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  return b.n == 0 ? nothing(v) : lower_product(v, "binary.h", "mul_q8", b.mul);
}
LayerCode lower_mul_q8_mve(const LayerView& v) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  return b.n == 0 ? nothing(v) : lower_product(v, "binary_mve.h", "mul_q8_mve", *b.mul_vector);
}
LayerCode lower_extreme_q8(const LayerView& v) { return lower_extreme(v, "binary.h", "extreme_q8"); }
LayerCode lower_extreme_q8_mve(const LayerView& v) { return lower_extreme(v, "binary_mve.h", "extreme_q8_mve"); }

}  // namespace burin
