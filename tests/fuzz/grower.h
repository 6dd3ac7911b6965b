// Appends random operators to an ONNX model: what the generator is made of, and every operator that it knows.
#pragma once
#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/tensor.h"
#include "compiler/onnx/proto.h"
#include "tests/passes/law.h"

namespace burin::fuzz {

using Names = std::vector<std::string>;

struct Known {
  std::string name;
  DType type = DType::f32;
  Shape shape;
  int rank() const { return int(shape.size()); }
};

class Grower {
 public:
  Grower(onnx::ModelProto& model, law::Random& random);

  /// The values that the compiler knows of the model.
  void learn();
  bool knows_some() const { return !known_.empty(); }
  void add_input();
  void operators(int count);
  /// Some of what nothing reads becomes outputs, and the last value in any case.
  void outputs(size_t from);
  size_t size() const { return known_.size(); }

 private:
  /// An operator on a value that it may refuse by adding nothing.
  using Make = void(const Known&);
  struct Operator {
    Make Grower::*make;
    bool wants_float;
  };
  static const std::vector<Operator> kOperators;

  // operators_elementwise.cpp
  Make unary, integer_unary, clip, binary, several, prelu, compare, bits, test_number, where, to_type, store,
      store_again;
  /// Another value of x's type that broadcasts with it: one that is there, or a constant.
  Known partner(const Known& x);
  void pair(const Known& x, const char* op, DType result, const char* attribute = nullptr, int64_t value = 0);

  // operators_layers.cpp
  Make softmax, arg, reduce, conv, pool, product, two_products, normalize;
  /// Kernel, strides, pads and dilations for the image axes of x, as attributes; the extents of the result.
  Shape window(onnx::NodeProto& n, const Known& x, const Shape& kernel, bool dilated, bool count_padding);
  Shape kernel_for(const Known& x);
  static bool image(const Known& x);

  // operators_movement.cpp
  Make reshape, flatten, squeeze, unsqueeze, transpose, concat, split, slice, pad, expand, tile, gather,
      gather_elements, gather_nd, identity;
  void with_axes(const char* op, const Known& x, const Shape& axes, const Shape& s);

  // operators_folded.cpp
  Make shape_of, made_constant, branch, call;

  onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  static bool fits(const Shape& s);
  bool full(const Shape& s) { return std::ranges::count(s, 0) == 0; }
  int64_t between(int64_t lo, int64_t hi) { return random_.between(lo, std::max(lo, hi)); }
  template <class T>
  T one_of(std::initializer_list<T> all) {
    return all.begin()[between(0, int64_t(all.size()) - 1)];
  }
  DType any_type();
  std::string fresh(std::string_view base);
  static void declare(onnx::ValueInfoProto& info, const Known& v, bool with_shape);

  Known constant(DType type, const Shape& shape, double lo, double hi);
  Known integers(const Shape& values, bool scalar = false);

  onnx::NodeProto& node(const std::string& op, const Names& in);
  static onnx::AttributeProto& attribute(onnx::NodeProto& n, const std::string& name, int type);
  static void set(onnx::NodeProto& n, const std::string& name, int64_t v) { attribute(n, name, 2).set_i(v); }
  static void set(onnx::NodeProto& n, const std::string& name, float v) { attribute(n, name, 1).set_f(v); }
  static void set(onnx::NodeProto& n, const std::string& name, const char* v) { attribute(n, name, 3).set_s(v); }
  static void set(onnx::NodeProto& n, const std::string& name, const Shape& v);
  Known output(onnx::NodeProto& n, DType type, const Shape& shape);
  /// The axis as a file may say it.
  int64_t axis_of(int64_t a, int rank) { return random_.chance(30) ? a - rank : a; }
  int64_t any_axis(const Known& x) { return between(0, x.rank() - 1); }

  // Between real numbers and stored ones.
  Known quantize(const Known& x, DType type);
  Known dequantize(const Known& x);
  Known cast(const Known& x, DType type);
  /// Weights: real, or stored per tensor or per channel of `axis`.
  Known weights(const Shape& shape, int axis);

  onnx::ModelProto& model_;
  law::Random& random_;
  int opset_ = 1;
  std::vector<Known> known_;
  std::set<std::string> names_, made_;
};

}  // namespace burin::fuzz
