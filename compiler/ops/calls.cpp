#include "compiler/ops/calls.h"

#include "compiler/program/execute.h"

namespace burin {

void requantization(const Requantization& r, LayerCode& code) {
  code.requantize = name_of(r.device.kind);
  code.body.structs.push_back({"q", struct_of(r.device)});
  NamedConstant p{"p", constant_of<int32_t>(r.params)};
  const bool one = r.params.size() <= size_t(words_per_channel(RequantKind::wide));
  (one ? code.body.arrays : code.constants).push_back(std::move(p));
}

Argument lookup(const std::string& name, const std::vector<uint8_t>& table, LayerCode& code) {
  if (table.empty()) return Null{};
  code.constants.push_back({name, constant_of<uint8_t>(table)});
  code.requantize = "lut";
  return pointer(name);
}

void execute(const LayerCode& code, Inputs in, Tensor& out) {
  Frame frame(host_function);
  for (size_t i = 0; i < in.size(); ++i)
    frame.add("x" + std::to_string(i), const_cast<std::byte*>(in[i]->bytes().data()), in[i]->dtype());
  frame.add("y0", out.bytes().data(), out.dtype());
  for (const NamedConstant& c : code.constants) frame.add(c);
  struct alignas(16) Line {
    std::byte bytes[16];
  };
  std::vector<Line> scratch(size_t(code.scratch + 15) / 16);
  frame.add("scratch", reinterpret_cast<std::byte*>(scratch.data()), DType::u8);
  frame.run(code.body);
}

std::string element_struct(DType t) { return "el_" + std::string(t == DType::boolean ? "boolean" : name(t)); }

}  // namespace burin
