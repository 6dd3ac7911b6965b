// What the tests of operators share: tensors in a line, one operator run, one ONNX node imported and run.
#pragma once
#include "tests/catch.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "compiler/interpreter.h"
#include "compiler/numerics/rational.h"
#include "compiler/onnx/node.h"
#include "compiler/onnx/proto.h"
#include "compiler/ops/constants.h"

namespace burin::test {

inline Tensor f32(Shape shape, const std::vector<float>& v) { return Tensor::of(DType::f32, std::move(shape), v); }
inline Tensor i64(Shape shape, const std::vector<int64_t>& v) { return Tensor::of(DType::i64, std::move(shape), v); }
inline Tensor i64(const std::vector<int64_t>& v) { return i64({int64_t(v.size())}, v); }

/// Integers of any dtype.
inline Tensor integers(DType t, Shape shape, const std::vector<int64_t>& v) {
  Tensor r(real_type(t, std::move(shape)));
  for (size_t i = 0; i < v.size(); ++i) r.set_integer(int64_t(i), v[i]);
  return r;
}
inline std::vector<double> reals(const Tensor& t) {
  std::vector<double> r;
  for (int64_t i = 0; i < t.elements(); ++i) r.push_back(t.real(i));
  return r;
}
/// 0, 1, 2, ... as floats.
inline Tensor counted(Shape shape) {
  Tensor t(real_type(DType::f32, std::move(shape)));
  for (int64_t i = 0; i < t.elements(); ++i) t.set_real(i, double(i));
  return t;
}

inline Type quantized(DType t, Shape shape, float scale, int32_t zero) {
  return {t, std::move(shape), {{scale}, {zero}, -1}};
}
/// Every stored value of the type once and again, in an order that mixes them.
inline Tensor stored_values(const Type& type, int64_t step = 37) {
  Tensor t(type);
  const int64_t lo = info(type.dtype).lo, n = info(type.dtype).hi - lo + 1;
  for (int64_t i = 0; i < t.elements(); ++i) t.set_integer(i, lo + i * step % n);
  return t;
}
/// The real number that element i stands for, and the stored value that stands for v in type y: the law.
inline Rational real_of(const Tensor& t, int64_t i) {
  return exact(t.type().quant.scale[0]) * Rational(long(t.integer(i) - t.type().quant.zero_point[0]));
}
inline int64_t stored_of(const Rational& v, const Type& y) {
  return quantize_exactly(v / exact(y.quant.scale[0]), y.quant.zero_point[0], int32_t(info(y.dtype).lo),
                          int32_t(info(y.dtype).hi));
}

/// The first result of an operator; its type is inferred unless given.
inline Tensor run(const Op& op, const std::vector<Tensor>& in, const Type* y = nullptr) {
  std::vector<Type> types;
  std::vector<const Tensor*> pointers;
  for (const Tensor& t : in) types.push_back(t.type()), pointers.push_back(&t);
  const std::vector<Type> inferred = infer(op, types);
  if (y) REQUIRE(inferred[0].shape == y->shape);
  std::vector<Tensor> out{Tensor(y ? *y : inferred[0])};
  eval(op, pointers, out);
  return std::move(out[0]);
}

/// An ONNX node with its inputs: those named in `constants` are known at compile time, the others are not.
struct OnnxCall {
  std::string op;
  int opset;
  std::vector<Tensor> inputs;
  std::vector<size_t> constants = {};
  size_t outputs = 1;
  std::function<void(onnx::NodeProto&)> attributes = [](onnx::NodeProto&) {};

  /// The graph that the node becomes.
  Graph import() const {
    Graph g;
    onnx::NodeProto proto;
    proto.set_op_type(op), proto.set_name("node");
    std::vector<ValueId> in;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::string name = "x" + std::to_string(i);
      proto.add_input(name);
      if (std::find(constants.begin(), constants.end(), i) != constants.end()) {
        in.push_back(g.add_constant(name, inputs[i]));
      } else {
        in.push_back(g.add_value(name, inputs[i].type()));
        g.inputs.push_back(in.back());
      }
    }
    for (size_t k = 0; k < outputs; ++k) proto.add_output("y" + std::to_string(k));
    attributes(proto);
    KnownValues known;
    OnnxNode node(g, known, proto, in, opset, "", "node");
    importer(op)(node);
    REQUIRE(node.unused_attributes().empty());
    for (const OnnxNode::Result& r : node.results()) g.outputs.push_back(r.value);
    REQUIRE(g.outputs.size() == outputs);
    return g;
  }
  std::vector<Tensor> run_all() const {
    const Graph g = import();
    std::vector<Tensor> dynamic;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (std::find(constants.begin(), constants.end(), i) == constants.end()) dynamic.push_back(inputs[i]);
    return interpret(g, dynamic);
  }
  Tensor run() const { return run_all()[0]; }
};

inline void set(onnx::NodeProto& n, const std::string& name, int64_t v) {
  auto* a = n.add_attribute();
  a->set_name(name), a->set_type(onnx::AttributeProto::INT), a->set_i(v);
}
inline void set(onnx::NodeProto& n, const std::string& name, float v) {
  auto* a = n.add_attribute();
  a->set_name(name), a->set_type(onnx::AttributeProto::FLOAT), a->set_f(v);
}
inline void set(onnx::NodeProto& n, const std::string& name, const std::string& v) {
  auto* a = n.add_attribute();
  a->set_name(name), a->set_type(onnx::AttributeProto::STRING), a->set_s(v);
}
inline void set(onnx::NodeProto& n, const std::string& name, const std::vector<int64_t>& v) {
  auto* a = n.add_attribute();
  a->set_name(name), a->set_type(onnx::AttributeProto::INTS);
  for (int64_t i : v) a->add_ints(i);
}

}  // namespace burin::test
