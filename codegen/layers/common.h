// What layers of several families need: requantization, results without elements, types of values.
#pragma once
#include <fmt/format.h>

#include "codegen/layer.h"
#include "compiler/numerics/requantize.h"
#include "compiler/program/structs.h"

namespace burin {

inline std::string name_of(RequantKind kind) { return std::string(enumerators<RequantKind>[size_t(kind)]); }
inline std::string name_of(RequantAddKind kind) { return std::string(enumerators<RequantAddKind>[size_t(kind)]); }

/// `q` and `p` (parameters) for kernels that requantize. One short set is the function's own, so that the compiler
/// folds it; tables and several sets become a constant.
void requantization(const Requantization& r, LayerCode& code);

/// What does nothing: for results without elements.
LayerCode nothing(const LayerView& v);
/// One call as the whole body, with the structs that it names.
LayerCode one_call(std::string header, Call call, std::vector<NamedStruct> structs = {});

/// An argument that is memory.
inline Argument pointer(std::string name) { return Pointer{std::move(name)}; }
/// x0, x1, ... of the first `inputs` inputs, then y0, after what stands before them.
std::vector<Argument> with_operands(std::vector<Argument> before, int inputs);
inline const Argument s_name = StructName{"s"}, q_name = StructName{"q"};

/// Quantized with one scale, stored in a byte.
inline bool is_q8(const Type& t) { return is_byte(t.dtype) && t.quant.per_tensor(); }
/// Not quantized, and its C type holds the number itself: no 16-bit float, no 4-bit integer.
inline bool is_plain(const Type& t) {
  return !t.quantized() && info(t.dtype).bits >= 8 && t.dtype != DType::f16 && t.dtype != DType::bf16;
}

}  // namespace burin
