#include "codegen/layers/pool.h"

#include "codegen/layers/rows.h"
#include "codegen/layers/spelling.h"
#include "compiler/ops/binary.h"
#include "compiler/ops/pool.h"

namespace burin {
namespace {

std::string text(const PoolShape& s) {
  return fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}}", s.ih, s.iw, s.oh, s.ow, s.c, s.kh,
                     s.kw, s.sh, s.sw, s.dh, s.dw, s.pt, s.pl, s.include_pad);
}

struct Call {
  std::string declarations;
  RowCall call;
};
Call make_call(const PoolLayer& p, std::string_view kernel, int32_t x_zero, LayerCode& code) {
  if (p.max && p.table.empty())
    return {"", [](int32_t rows) { return fmt::format("burin::max_pool_ref(s, rows, {}, y);", rows); }};
  if (p.max) {
    code.constants = {{"table", constant_of<uint8_t>(p.table)}};
    code.requantize = "lut";
    return {"", [](int32_t rows) { return fmt::format("burin::max_pool_q8_ref(s, table, rows, {}, y);", rows); }};
  }
  const std::string variant(kernel.substr(kernel.rfind('_') + 1));
  if (!p.quantized)
    return {"",
            [=](int32_t rows) { return fmt::format("burin::average_pool_f32_{}(s, rows, {}, y);", variant, rows); }};
  std::string declarations = requantization(p.average.requantization, code), counts = "nullptr";
  const size_t sets = p.average.counts.size();
  if (sets > 1) {
    code.constants.push_back({"counts", constant_of<int32_t>(p.average.counts)});
    counts = "counts";
  }
  return {declarations, [=](int32_t rows) {
            return fmt::format("burin::average_pool_q8_{}(s, q, {}, {}, {}, rows, {}, p, y);", variant, x_zero, sets,
                               counts, rows);
          }};
}

}  // namespace

std::optional<PoolLayer> PoolLayer::of(const LayerView& v) {
  const Pool* op = v.node.as<Pool>();
  if (!op || !op->channels_last) return std::nullopt;
  const Type &x = v.in(0), &y = v.out();
  PoolLayer p{op->shape(x, y), x.shape[0], op->kind == PoolKind::max_pool, x.quantized(), x.dtype, y.dtype, 0, {}, {}};
  if (p.quantized ? !is_q8(x) || !is_q8(y) : !is_plain(x) || x.dtype != y.dtype) return std::nullopt;
  if (!p.quantized && !p.max && x.dtype != DType::f32) return std::nullopt;
  p.cells = double(y.elements()) * p.s.kh * p.s.kw;
  if (p.quantized && p.max) p.table = operand_table(x, y, {});
  if (p.quantized && !p.max) p.average = pool_requantization(*op, x, y);
  return p;
}

LayerCode print_pool(const LayerView& v) {
  const PoolLayer& p = *v.as<PoolLayer>();
  if (v.out().elements() == 0) return nothing(v);
  const PoolShape& s = p.s;
  LayerCode code = layer_code(std::string(v.node.kernel->header), "");
  code.headers.push_back("conv.h");  // image_rows
  const Call call = make_call(p, v.node.kernel->name, p.quantized ? v.in(0).quant.zero_point[0] : 0, code);
  code.body =
      expand(R"(
      constexpr burin::PoolShape s = $shape$;
      $declarations$
      $loop$)",
             {{"shape", text(s)},
              {"declarations", call.declarations},
              {"loop", row_loop({p.batch, s.ih, s.iw * s.c, s.oh, s.ow * s.c, s.sh, s.rows(1), s.pt, info(p.x).c_type},
                                rows_per_call(s.oh, s.ow), call.call)}});
  return code;
}

}  // namespace burin
