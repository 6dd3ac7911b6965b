#include "codegen/layers/binary.h"

#include "codegen/layers/spelling.h"
#include "compiler/ops/binary.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/requantization.h"

namespace burin {
namespace {

std::string text(const BinaryShape& s) {
  return fmt::format("{{{}, {}, {}, {}}}", s.rank, axes(s.extent, s.rank), axes(s.a, s.rank), axes(s.b, s.rank));
}

/// `call` after the declarations that it uses.
std::string body(const BinaryShape& s, std::string_view declarations, std::string_view call) {
  return fmt::format("constexpr burin::BinaryShape s = {};\n{}burin::{};\n", text(s), declarations, call);
}

std::string_view function(BinaryKind kind) { return Binary::names[size_t(kind)]; }

}  // namespace

std::optional<BinaryReal> BinaryReal::of(const LayerView& v) {
  const Binary* op = v.node.as<Binary>();
  if (!op || !is_plain(v.in(0)) || !is_plain(v.in(1)) || !is_plain(v.out())) return std::nullopt;
  const bool slow = op->kind == BinaryKind::pow || op->kind == BinaryKind::mod || op->kind == BinaryKind::fmod;
  const double cost = slow ? 150 : op->kind == BinaryKind::div ? 20 : 8;
  return BinaryReal{op,  v.in(0).dtype, v.out().dtype, binary_shape(v.in(0).shape, v.in(1).shape), v.out().elements(),
                    cost};
}

LayerCode print_binary(const LayerView& v) {
  const BinaryReal& b = *v.as<BinaryReal>();
  if (b.n == 0) return nothing(v);
  const std::string_view f = function(b.op->kind);
  if (b.y == DType::f32)
    return layer_code("binary.h", body(b.s, "",
                                       fmt::format("binary_f32<burin::fn_{}>(s, {}, {}, x0, x1, y0)", f,
                                                   cpp(b.op->clamp.lo), cpp(b.op->clamp.hi))));
  return layer_code("binary.h", body(b.s, "", fmt::format("binary<burin::fn_{}>(s, x0, x1, y0)", f)));
}

LayerCode print_binary_f32_mve(const LayerView& v) {
  const BinaryReal& b = *v.as<BinaryReal>();
  return layer_code(
      "binary_f32_mve.h",
      fmt::format("burin::binary_f32_mve<burin::fn_{}, {}, {}>({}, {}, {}, x0, x1, y0);\n", function(b.op->kind),
                  b.s.a[0], b.s.b[0], b.n, cpp(b.op->clamp.lo), cpp(b.op->clamp.hi)));
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

LayerCode print_add_q8(const LayerView& v) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  if (b.n == 0) return nothing(v);
  const bool table = b.add.device.kind == RequantAddKind::table;
  const std::string q = fmt::format("{} burin::RequantAdd q = {};\n", table ? "const" : "constexpr",
                                    text(b.add.device, table ? "table" : "nullptr"));
  LayerCode code = layer_code("binary.h", body(b.s, q, "add_q8(s, q, x0, x1, y0)"));
  if (table) code.constants = {{"table", constant_of<uint8_t>(b.add.table)}};
  code.requantize = fmt::format("add_{}", requantize_name(b.add.device.kind));
  return code;
}

LayerCode print_add_q8_mve(const LayerView& v) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  if (b.n == 0) return nothing(v);
  LayerCode code = layer_code(
      "binary_mve.h", fmt::format("constexpr burin::RequantAdd q = {};\nburin::add_q8_mve({}, q, x0, x1, y0);\n",
                                  text(b.add.device, "nullptr"), b.n));
  code.requantize = fmt::format("add_{}", requantize_name(b.add.device.kind));
  return code;
}

LayerCode print_mul_q8(const LayerView& v) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  if (b.n == 0) return nothing(v);
  LayerCode code = layer_code("binary.h", "");
  code.body = body(
      b.s, requantization(b.mul, code),
      fmt::format("mul_q8(s, q, {}, {}, p, x0, x1, y0)", v.in(0).quant.zero_point[0], v.in(1).quant.zero_point[0]));
  return code;
}

LayerCode print_mul_q8_mve(const LayerView& v) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  if (b.n == 0) return nothing(v);
  LayerCode code = layer_code("binary_mve.h", "");
  code.body = body(
      b.s, requantization(*b.mul_vector, code),
      fmt::format("mul_q8_mve(s, q, {}, {}, p, x0, x1, y0)", v.in(0).quant.zero_point[0], v.in(1).quant.zero_point[0]));
  return code;
}

namespace {

LayerCode print_extreme(const LayerView& v, std::string header, std::string_view kernel) {
  const BinaryQ8& b = *v.as<BinaryQ8>();
  if (b.n == 0) return nothing(v);
  LayerCode code = layer_code(std::move(header), "");
  auto table = [&](const char* name, const std::vector<uint8_t>& t) -> std::string {
    if (t.empty()) return "nullptr";
    code.constants.push_back({name, constant_of<uint8_t>(t)});
    code.requantize = "lut";
    return name;
  };
  const std::string a = table("a_table", b.a_table), c = table("b_table", b.b_table);
  code.body = body(b.s, "", fmt::format("{}<burin::fn_{}>(s, {}, {}, x0, x1, y0)", kernel, function(b.kind), a, c));
  return code;
}

}  // namespace

LayerCode print_extreme_q8(const LayerView& v) { return print_extreme(v, "binary.h", "extreme_q8"); }
LayerCode print_extreme_q8_mve(const LayerView& v) { return print_extreme(v, "binary_mve.h", "extreme_q8_mve"); }

}  // namespace burin
