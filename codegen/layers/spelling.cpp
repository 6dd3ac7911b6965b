#include "codegen/layers/spelling.h"

namespace burin {

std::string_view requantize_name(RequantKind kind) {
  constexpr std::string_view names[] = {"shift8", "plain", "wide", "table", "vector"};
  return names[size_t(kind)];
}
std::string_view requantize_name(RequantAddKind kind) {
  constexpr std::string_view names[] = {"linear", "wide", "table"};
  return names[size_t(kind)];
}

std::string text(const Requant& q) {
  return fmt::format("{{burin::RequantKind::{}, {}, {}, {}, {}, {}}}", requantize_name(q.kind), q.shift, q.offset, q.lo,
                     q.hi, q.zero_point);
}
std::string text(const RequantAdd& q, std::string_view table) {
  return fmt::format("{{burin::RequantAddKind::{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}}",
                     requantize_name(q.kind), q.shift, q.offset, q.x_multiplier, q.y_multiplier, q.x_bias, q.y_bias,
                     q.tie, q.lo, q.hi, q.zero_point, q.row, table);
}

std::string axes(const int32_t* values, int32_t n) { return braced({values, size_t(n)}); }

std::string literal(const Tensor& t, int64_t i) {
  return visit_dtype(t.dtype(), [&](auto e) {
    using T = decltype(e);
    return spelled(constant_of<T>(t.as<T>().subspan(size_t(i), 1)));
  });
}

std::string requantization(const Requantization& r, LayerCode& code) {
  code.requantize = requantize_name(r.device.kind);
  std::string s = "constexpr burin::Requant q = " + text(r.device) + ";\n";
  if (r.params.size() <= size_t(words_per_channel(RequantKind::wide)))
    s += "constexpr int32_t p[] = " + braced(r.params) + ";\n";
  else code.constants.push_back({"p", constant_of<int32_t>(r.params)});
  return s;
}

LayerCode nothing(const LayerView& v) {
  LayerCode code;
  for (size_t i = 0; i < v.inputs(); ++i)
    if (v.has(i)) code.body += fmt::format("(void)x{};\n", i);
  for (size_t i = 0; i < v.node.outputs.size(); ++i) code.body += fmt::format("(void)y{};\n", i);
  return code;
}

LayerCode layer_code(std::string header, std::string body) {
  LayerCode code;
  code.headers = {std::move(header)};
  code.body = std::move(body);
  return code;
}

}  // namespace burin
