// The calls of kernels of integer convolutions.
#include "codegen/layers/conv.h"
#include "codegen/layers/conv_share.h"
#include "codegen/layers/rows.h"
#include "runtime-min/kernels/conv_strips_mve.h"

namespace burin {
namespace {

/// The call with everything known when the code is compiled, so that every bound folds.
std::string folded_call(const ConvQ8& c, const Requant& q, int32_t n, std::string_view kernel, std::string_view params,
                        std::string_view scratch) {
  const ConvShape& s = c.s;
  const auto call = [&](int32_t rows) {
    return fmt::format("burin::{}(s, q, {}, rows, {}, w, {}, y, {});", kernel, c.x_zero, rows, params, scratch);
  };
  return expand(
      R"(
      static constexpr burin::ConvShape s = $shape$;
      static constexpr burin::Requant q = {burin::RequantKind::$kind$, $shift$, $offset$, $lo$, $hi$, $zero$};
      $loop$)",
      {{"shape", text(s)},
       {"kind", kind_name(q.kind)},
       {"shift", q.shift},
       {"offset", q.offset},
       {"lo", q.lo},
       {"hi", q.hi},
       {"zero", q.zero_point},
       {"loop",
        row_loop({c.batch, s.ih, s.iw * s.ic, s.oh, s.ow * s.oc, s.sh, s.rows(1), s.pt, info(c.x).c_type}, n, call)}});
}

/// Output rows that a call of the kernel makes.
int32_t rows_of_a_call(const ConvQ8& c, const Kernel& kernel) {
  if (kernel.name == "conv_strips_q8_mve") return conv_strips_mve_rows(c.s);
  if (c.depthwise && kernel.needs == "mve") return c.mve_rows();
  if (kernel.name.starts_with("depthwise")) return c.strip;
  if (kernel.name == "winograd_q8_w8_dsp") return std::min(c.s.oh, 64);  // each call transforms the filters
  const int32_t n = rows_per_call(c.s.oh, c.s.ow);
  return kernel.name == "winograd_q8_dsp" && n < c.s.oh ? 4 : n;  // two rows are one
}

}  // namespace

LayerCode print_packed_conv(const LayerView& v, LayerConstant weights, const std::vector<int32_t>& packed_params,
                            const std::optional<Requant>& device, bool pairs) {
  const ConvQ8& c = *v.as<ConvQ8>();
  const Kernel& kernel = *v.node.kernel;
  LayerCode code;
  code.headers = {std::string(kernel.header)};
  code.constants = {std::move(weights)};
  if (!packed_params.empty()) code.constants.push_back({"p", constant_of<int32_t>(packed_params)});
  code.packed = {1, 2, 3};
  const Requant& q = device ? *device : c.requant.device;
  code.requantize = kind_name(q.kind);
  code.needed = c.needed;
  code.accumulator_bound = c.bound;
  const int32_t n = rows_of_a_call(c, kernel);
  const std::string_view scratch = v.node.scratch > 0 ? "scratch" : "nullptr";
  const Sharing share = sharing(v, c, n);
  const bool any = share != Sharing::none && c.has_any_form(kernel.name);
  const std::string call = fmt::format("{}{}", kernel.name, any || pairs ? "<true>" : "");
  const std::string_view params = packed_params.empty() ? "nullptr" : "p";
  if (share == Sharing::whole && is_dense_dsp(kernel.name)) code.body = shared_dense_call(c, code);
  else if (share == Sharing::whole) code.body = shared_call(c, n, call, params, scratch, code);
  else code.body = folded_call(c, q, n, call, params, scratch);
  return code;
}

}  // namespace burin
