// Layers as their operators say them (Foo::call): the reference kernels that need no lowering of their own.
#pragma once
#include "codegen/layer.h"
#include "compiler/ops/ops.h"

namespace burin {

struct Reference {
  static std::optional<Reference> of(const LayerView& v);
  Op op;
  std::vector<Type> in;
  Type y;
  LayerCode code;
  int64_t n;      // elements of the result
  int64_t reads;  // of the first operand

  bool quantized() const { return in[0].quantized(); }
  int64_t products() const { return macs(op, in, {{y}}); }
};

LayerCode lower_reference(const LayerView& v);
/// The same call of another kernel.
LayerCode with_kernel(LayerCode code, std::string header, std::string function);

}  // namespace burin
