// The calls of kernels of integer convolutions.
#include "codegen/layers/common.h"
#include "codegen/layers/conv.h"
#include "codegen/layers/conv_share.h"
#include "codegen/rows.h"

namespace burin {

LayerCode lower_conv(const LayerView& v, std::string function, NamedConstant weights, std::vector<int32_t> params,
                     const std::optional<Requant>& device, bool pairs) {
  const ConvQ8& c = *v.as<ConvQ8>();
  const ConvShape s = row_calls(c.s, c.image, c.batch, v.node.rows).s;
  const Requant& q = device ? *device : c.requant.device;
  if (v.node.block > 0) params.insert(params.begin(), v.node.block);
  const SharedCall share = shared_call(v);
  const std::string header(v.node.kernel->header);
  const Argument scratch = v.node.scratch > 0 ? pointer("scratch") : Argument(Null{});
  LayerCode code;
  if (share.dense) {
    code = one_call(header, {"dense_any_q8_dsp",
                             {s.ic % 4 != 0 || s.oc % 4 != 0 ? "true" : "false"},
                             {pointer("w"), pointer("x0"), pointer("y0"), scratch}});
    code.constants = {{"w", constant_of<uint32_t>(pack_dense_any_q8_dsp(c).weights)}};
  } else {
    Call call{std::move(function), {}, {s_name, q_name, int64_t(c.x_zero), Rows{}, RowCount{}, pointer("w")}};
    if (share.any || pairs) call.types = {"true"};
    call.arguments.push_back(params.empty() ? Argument(Null{}) : pointer("p"));
    call.arguments.push_back(pointer("y"));
    call.arguments.push_back(scratch);
    call.rows = row_loop(v);
    code = one_call(header, std::move(call), {{"s", struct_of(s), true}, {"q", struct_of(q), true}});
    code.constants = {std::move(weights)};
    if (!params.empty()) code.constants.push_back({"p", constant_of<int32_t>(params)});
    if (share.table) {
      code.body.calls[0].shared = share.facts;
      code.constants.push_back({share.facts.table, *share.table});
      code.headers.push_back("conv_facts.h");
    }
  }
  code.packed = {1, 2, 3};
  code.requantize = name_of(q.kind);
  code.needed = c.needed;
  code.accumulator_bound = c.bound;
  return code;
}

}  // namespace burin
