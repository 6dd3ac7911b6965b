// What a value is: element type, shape, and what its integers stand for.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace burin {

enum class DType : uint8_t { f32, f64, f16, bf16, i8, u8, i16, u16, i32, u32, i64, u64, boolean, i4, u4 };

/// Facts of an element type; the table is the only place that knows them.
struct DTypeInfo {
  DType dtype;
  std::string_view name;    // in the text IR
  std::string_view c_type;  // in generated code; int4 and the 16-bit floats are bit patterns
  int bits;
  int onnx;        // TensorProto.DataType
  int64_t lo, hi;  // of integers
};
const DTypeInfo& info(DType t);
std::optional<DType> dtype_of_name(std::string_view name);
std::optional<DType> dtype_of_onnx(int data_type);
inline std::string_view name(DType t) { return info(t).name; }
bool is_float(DType t);    // f32, f64, f16, bf16
bool is_integer(DType t);  // everything but floats and boolean
inline bool is_byte(DType t) { return t == DType::i8 || t == DType::u8; }

/// Extents, outermost first. Images are NCHW until channels-last, NHWC after it.
using Shape = std::vector<int64_t>;
/// Kernels count in 32 bits. Throws OpError [too-large] where the extents, those of 0 aside, have a larger product:
/// then no index, stride or part of any shape leaves 32 bits.
int64_t elements(const Shape& s);
std::string to_string(const Shape& s);  // "1x49x10x1"; a scalar is ""
/// Distance in elements between neighbours along each axis of a dense tensor.
Shape dense_strides(const Shape& s);
/// ONNX multidirectional broadcasting; nothing where the shapes do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

/// What stored integers stand for: real = scale[c] * (stored - zero_point[c]), c the index along `axis`
/// (axis -1: one scale for the whole tensor). Scales are exactly the float32 numbers of the file.
struct Quant {
  std::vector<float> scale;
  std::vector<int32_t> zero_point;  // as many as scales
  int axis = -1;

  bool empty() const { return scale.empty(); }
  bool per_tensor() const { return axis < 0 && scale.size() == 1; }
  float scale_at(size_t channel) const { return scale[axis < 0 ? 0 : channel]; }
  int32_t zero_at(size_t channel) const { return zero_point[axis < 0 ? 0 : channel]; }
  bool operator==(const Quant&) const = default;
};

struct Type {
  DType dtype = DType::f32;
  Shape shape;
  Quant quant;  // empty while the value is real (or an index)

  int rank() const { return int(shape.size()); }
  int64_t elements() const { return burin::elements(shape); }
  int64_t bytes() const { return (elements() * info(dtype).bits + 7) / 8; }
  bool quantized() const { return !quant.empty(); }
  bool operator==(const Type&) const = default;
};
std::string to_string(const Type& t);  // "i8[1x49x10x1]{0.5847029,83}"

/// `axis` counted from the end when negative. Throws OpError when it is out of range for `rank`.
int normalize_axis(int64_t axis, int rank);

}  // namespace burin
