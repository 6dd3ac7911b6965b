// What operators say their calls with (Foo::call and Foo::functions, see op.h).
#pragma once
#include "compiler/numerics/requantize.h"
#include "compiler/ops/op.h"
#include "compiler/program/host.h"
#include "compiler/program/layer_code.h"
#include "compiler/program/structs.h"

namespace burin {

inline std::string name_of(RequantKind kind) { return std::string(enumerators<RequantKind>[size_t(kind)]); }
inline std::string name_of(RequantAddKind kind) { return std::string(enumerators<RequantAddKind>[size_t(kind)]); }

/// `q` and `p` (parameters) for kernels that requantize. One short set is the function's own, so that the compiler
/// folds it; tables and several sets become a constant.
void requantization(const Requantization& r, LayerCode& code);
/// `table` for kernels that look results up; null where there is none.
Argument lookup(const std::string& name, const std::vector<uint8_t>& table, LayerCode& code);

/// Executes what an operator says of a result with elements.
void execute(const LayerCode& code, Inputs in, Tensor& out);
/// eval() of an operator by its call.
template <class T>
void eval_call(const T& op, Inputs in, Tensor& out) {
  std::vector<Type> types;
  for (const Tensor* t : in) types.push_back(t->type());
  if (out.elements() == 0) return;
  const std::optional<LayerCode> code = op.call(types, out.type());
  if (!code)
    throw OpError("no kernel computes this from " + to_string(types[0]) + " to " + to_string(out.type()), "no-kernel");
  execute(*code, in, out);
}

/// Quantized with one scale, stored in a byte.
inline bool is_q8(const Type& t) { return is_byte(t.dtype) && t.quant.per_tensor(); }
/// Not quantized, and its C type holds the number itself: no 16-bit float, no 4-bit integer.
inline bool is_plain(const Type& t) {
  return !t.quantized() && info(t.dtype).bits >= 8 && t.dtype != DType::f16 && t.dtype != DType::bf16;
}
/// How kernels/cast.h calls the elements: "el_f32".
std::string element_struct(DType t);

}  // namespace burin
