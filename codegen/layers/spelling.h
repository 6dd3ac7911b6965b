// How layers spell what several of them need: requantization, constants, results without elements.
#pragma once
#include "codegen/layer.h"
#include "compiler/numerics/requantize.h"

namespace burin {

/// "{burin::RequantKind::wide, 0, 3, -128, 127, 4}"
std::string text(const Requant& q);
/// "{burin::RequantAddKind::linear, ...}" with `table` as the last member.
std::string text(const RequantAdd& q, std::string_view table);
std::string_view requantize_name(RequantKind kind);
std::string_view requantize_name(RequantAddKind kind);

/// The first `n` numbers: an array member of a shape.
std::string axes(const int32_t* values, int32_t n);
/// Element `i` as it is written in C++ where its C type is known.
std::string literal(const Tensor& t, int64_t i = 0);

/// Declarations of `q` and `p` (parameters) for kernels that requantize, to be put in front of the call. One short set
/// is declared in place, so that the compiler folds it; tables and several sets become a constant.
std::string requantization(const Requantization& r, LayerCode& code);

/// A body that does nothing: for results without elements.
LayerCode nothing(const LayerView& v);
/// One call as the whole body.
LayerCode layer_code(std::string header, std::string body);

/// Quantized with one scale, stored in a byte.
inline bool is_q8(const Type& t) { return is_byte(t.dtype) && t.quant.per_tensor(); }
/// Not quantized, and its C type holds the number itself: no 16-bit float, no 4-bit integer.
inline bool is_plain(const Type& t) {
  return !t.quantized() && info(t.dtype).bits >= 8 && t.dtype != DType::f16 && t.dtype != DType::bf16;
}

}  // namespace burin
