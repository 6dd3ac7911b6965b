// What operators share: element types that arithmetic exists for, and axes merged for kernels.
#pragma once
#include "compiler/numerics/requantize.h"
#include "compiler/onnx/node.h"
#include "compiler/ops/op.h"

namespace burin {

/// float16 and bfloat16 are storage types: arithmetic on them happens in float32.
inline DType computing_type(DType t) { return t == DType::f16 || t == DType::bf16 ? DType::f32 : t; }
/// For importers: `v` in its computing type (a Cast where that differs), and node's result `k` cast back to `wanted`.
ValueId computable(OnnxNode& node, ValueId v);
void result_as(OnnxNode& node, size_t k, ValueId v, DType wanted);

/// A scalar constant of type `t`.
ValueId scalar(OnnxNode& node, DType t, double value);
/// `v` with another shape; itself where it has that shape.
ValueId reshape(OnnxNode& node, ValueId v, const Shape& shape);

/// The type itself; throws OpError if it has one scale per channel, which `what` cannot move.
const Type& per_tensor(const Type& t, std::string_view what);
/// Throws OpError unless `t` is one that arithmetic exists for (not float16, bfloat16, int4, uint4).
void require_computable(DType t);
/// Calls f with an int8_t or a uint8_t: the storage of quantized tensors that have exact arithmetic.
template <class F>
void visit_byte(DType t, F&& f) {
  if (t == DType::i8) return f(int8_t{});
  if (t == DType::u8) return f(uint8_t{});
  throw OpError("quantized arithmetic on " + std::string(name(t)) + " is not supported", "unsupported-type",
                "quantize to int8 or uint8");
}

/// plan_requantization() of one channel or more whose sums depend on operands alone. Throws OpError when one could
/// leave int32.
Requantization plan_sums(const std::vector<RequantChannel>& channels, RequantRange range);

/// Axes of a loop over several tensors, each with its strides: those of extent 1 dropped, neighbours merged where all
/// strides allow; at least one axis. Throws OpError beyond kMaxRank axes and where an offset leaves int32.
struct Axes {
  Shape extent;
  std::vector<Shape> strides;
};
Axes merge_axes(const Shape& extent, const std::vector<Shape>& strides, size_t least_rank = 1);
/// Strides of a dense tensor of shape `from` that is broadcast to `to`: 0 where it repeats.
Shape broadcast_strides(const Shape& from, const Shape& to);
/// The broadcast of several shapes; throws OpError where they do not fit.
Shape broadcast_shapes(std::initializer_list<Shape> shapes);
int32_t to_int32(int64_t v);

}  // namespace burin
