#include "tests/fuzz/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "compiler/onnx/reader.h"

namespace burin::fuzz {
namespace {

using Names = std::vector<std::string>;

struct Known {
  std::string name;
  DType type = DType::f32;
  Shape shape;
  int rank() const { return int(shape.size()); }
};

constexpr int64_t kMostElements = 600;

class Grower {
 public:
  Grower(onnx::ModelProto& model, law::Random& random) : model_(model), random_(random) {
    for (const auto& o : model.opset_import())
      if (o.domain().empty() || o.domain() == "ai.onnx") opset_ = int(o.version());
    for (const auto& v : graph().input()) names_.insert(v.name());
    for (const auto& t : graph().initializer()) names_.insert(t.name());
    for (const auto& n : graph().node()) names_.insert(n.output().begin(), n.output().end());
  }

  /// The values that the compiler knows of the model.
  void learn() {
    const Graph g = read_model(model_.SerializePartialAsString(), "fuzz.onnx", {});
    for (const Value& v : g.values())
      if (names_.count(v.name) && fits(v.type.shape)) known_.push_back({v.name, v.type.dtype, v.type.shape});
  }
  bool knows_some() const { return !known_.empty(); }

  void add_input() {
    Known v{fresh("x"), random_.chance(75) ? DType::f32 : any_type(), {}};
    const int64_t rank = random_.chance(60) ? 4 : random_.between(0, 4);
    for (int64_t a = 0; a < rank; ++a)
      v.shape.push_back(a == 0 && random_.chance(70) ? 1 : random_.between(1, rank == 4 ? 6 : 8));
    declare(*graph().add_input(), v, true);
    known_.push_back(v);
  }

  void operators(int count) {
    const bool quantized = random_.chance(50);
    for (int done = 0, tries = 0; done < count && tries < 20 * count; ++tries) {
      const size_t before = known_.size();
      Known x = known_[size_t(random_.between(std::max<int64_t>(0, int64_t(before) - 6), int64_t(before) - 1))];
      const Operator& op = random_.one_of(kOperators);
      if (op.wants_float && x.type != DType::f32) {
        if (is_byte(x.type) && random_.chance(60)) x = dequantize(x);
        else if (random_.chance(30)) x = cast(x, DType::f32);
        else continue;
      }
      (this->*op.make)(x);
      if (known_.size() == before) continue;
      ++done;
      if (const Known y = known_.back(); quantized && y.type == DType::f32 && random_.chance(70)) {
        const Known q = quantize(y, random_.chance(60) ? DType::i8 : DType::u8);
        if (random_.chance(70)) dequantize(q);
      }
    }
  }

  /// Some of what nothing reads becomes outputs, and the last value in any case.
  void outputs(size_t from) {
    std::set<std::string> read;
    for (const auto& n : graph().node()) read.insert(n.input().begin(), n.input().end());
    for (size_t i = from; i < known_.size(); ++i)
      if (i + 1 == known_.size() || (!read.count(known_[i].name) && made_.count(known_[i].name) && random_.chance(50)))
        declare(*graph().add_output(), known_[i], false);
  }
  size_t size() const { return known_.size(); }

 private:
  struct Operator {
    void (Grower::*make)(const Known&);
    bool wants_float;
  };
  static const std::vector<Operator> kOperators;

  onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  static bool fits(const Shape& s) {
    int64_t n = 1;
    for (int64_t d : s)
      if (d > kMostElements || (n *= std::max<int64_t>(d, 1)) > kMostElements) return false;
    return s.size() <= 6;
  }
  bool full(const Shape& s) { return std::ranges::count(s, 0) == 0; }
  int64_t between(int64_t lo, int64_t hi) { return random_.between(lo, std::max(lo, hi)); }
  template <class T>
  T one_of(std::initializer_list<T> all) {
    return all.begin()[between(0, int64_t(all.size()) - 1)];
  }
  DType any_type() {
    return one_of({DType::i8, DType::u8, DType::i8, DType::u8, DType::i32, DType::i64, DType::boolean, DType::i16,
                   DType::f16, DType::f64, DType::u16, DType::u32});
  }
  std::string fresh(std::string_view base) {
    for (size_t n = names_.size();; ++n)
      if (std::string name = fmt::format("{}{}", base, n); names_.insert(name).second) return name;
  }

  static void declare(onnx::ValueInfoProto& info, const Known& v, bool with_shape) {
    info.set_name(v.name);
    auto* t = info.mutable_type()->mutable_tensor_type();
    t->set_elem_type(burin::info(v.type).onnx);
    if (with_shape) t->mutable_shape();
    for (int64_t d : v.shape)
      if (with_shape) t->mutable_shape()->add_dim()->set_dim_value(d);
  }

  // Constants.
  Known constant(DType type, const Shape& shape, double lo, double hi) {
    Known v{fresh("c"), type, shape};
    auto& t = *graph().add_initializer();
    t.set_name(v.name);
    t.set_data_type(burin::info(type).onnx);
    for (int64_t d : shape) t.add_dims(d);
    Tensor data(Type{type, shape, {}});
    const DTypeInfo& facts = burin::info(type);
    for (int64_t i = 0; i < data.elements(); ++i)
      if (is_float(type)) data.set_real(i, random_.real(lo, hi));
      else if (type == DType::boolean) data.set_integer(i, between(0, 1));
      else data.set_integer(i, std::clamp<int64_t>(int64_t(std::lround(random_.real(lo, hi))), facts.lo, facts.hi));
    t.set_raw_data(data.bytes().data(), data.bytes().size());
    return v;
  }
  Known integers(const Shape& values, bool scalar = false) {
    Known v{fresh("k"), DType::i64, scalar ? Shape{} : Shape{int64_t(values.size())}};
    auto& t = *graph().add_initializer();
    t.set_name(v.name);
    t.set_data_type(7);
    if (!scalar) t.add_dims(int64_t(values.size()));
    for (int64_t i : values) t.add_int64_data(i);
    return v;
  }

  // Nodes.
  onnx::NodeProto& node(const std::string& op, const Names& in) {
    auto& n = *graph().add_node();
    n.set_op_type(op);
    for (const std::string& i : in) n.add_input(i);
    if (random_.chance(80)) n.set_name(fresh("node"));
    return n;
  }
  static onnx::AttributeProto& attribute(onnx::NodeProto& n, const std::string& name, int type) {
    auto& a = *n.add_attribute();
    a.set_name(name);
    a.set_type(onnx::AttributeProto::AttributeType(type));
    return a;
  }
  static void set(onnx::NodeProto& n, const std::string& name, int64_t v) { attribute(n, name, 2).set_i(v); }
  static void set(onnx::NodeProto& n, const std::string& name, float v) { attribute(n, name, 1).set_f(v); }
  static void set(onnx::NodeProto& n, const std::string& name, const char* v) { attribute(n, name, 3).set_s(v); }
  static void set(onnx::NodeProto& n, const std::string& name, const Shape& v) {
    auto& a = attribute(n, name, 7);
    for (int64_t i : v) a.add_ints(i);
  }
  Known output(onnx::NodeProto& n, DType type, const Shape& shape) {
    Known y{fresh("v"), type, shape};
    n.add_output(y.name);
    made_.insert(y.name);
    known_.push_back(y);
    return y;
  }
  /// The axis as a file may say it.
  int64_t axis_of(int64_t a, int rank) { return random_.chance(30) ? a - rank : a; }
  int64_t any_axis(const Known& x) { return between(0, x.rank() - 1); }

  // Between real numbers and stored ones.
  Known quantize(const Known& x, DType type) {
    const bool zero = random_.chance(80);
    const bool per_channel = zero && x.rank() > 1 && opset_ >= 13 && random_.chance(5);
    const Shape s = per_channel ? Shape{x.shape[1]} : Shape{};
    Names in{x.name, constant(DType::f32, s, 0.004, 0.05).name};
    if (zero) in.push_back(constant(type, s, -20, 140).name);
    auto& n = node("QuantizeLinear", in);
    return output(n, zero ? type : DType::u8, x.shape);
  }
  Known dequantize(const Known& x) {
    Names in{x.name, constant(DType::f32, {}, 0.004, 0.05).name};
    if (x.type != DType::i32 && random_.chance(80)) in.push_back(constant(x.type, {}, -20, 140).name);
    return output(node("DequantizeLinear", in), DType::f32, x.shape);
  }
  Known cast(const Known& x, DType type) {
    auto& n = node("Cast", {x.name});
    set(n, "to", int64_t(burin::info(type).onnx));
    return output(n, type, x.shape);
  }
  /// Weights: real, or stored per tensor or per channel of `axis`.
  Known weights(const Shape& shape, int axis) {
    if (random_.chance(50)) return constant(DType::f32, shape, -1, 1);
    const bool per_channel = opset_ >= 13 && random_.chance(60);
    const Shape s = per_channel ? Shape{shape[size_t(axis)]} : Shape{};
    const DType type = random_.chance(80) ? DType::i8 : DType::u8;
    Names in{constant(type, shape, -128, 255).name, constant(DType::f32, s, 0.001, 0.01).name};
    if (random_.chance(70)) in.push_back(constant(type, s, 0, random_.chance(50) ? 0 : 128).name);
    auto& n = node("DequantizeLinear", in);
    if (per_channel) set(n, "axis", int64_t(axis));
    return output(n, DType::f32, shape);
  }

  // Operators, each on a value that it may refuse by adding nothing.
  void unary(const Known& x) {
    static const char* const names[] = {
        "Abs",  "Acos",        "Acosh",     "Asin",       "Asinh",  "Atan",    "Atanh", "Ceil",
        "Celu", "Cos",         "Cosh",      "Elu",        "Erf",    "Exp",     "Floor", "Gelu",
        "Log",  "HardSigmoid", "HardSwish", "LeakyRelu",  "Mish",   "Neg",     "Relu",  "Relu",
        "Relu", "Round",       "Selu",      "Reciprocal", "Shrink", "Sigmoid", "Sign",  "Sin",
        "Sinh", "Softplus",    "Softsign",  "Sqrt",       "Swish",  "Tan",     "Tanh",  "ThresholdedRelu"};
    static const std::map<std::string, int> since = {{"Gelu", 20}, {"HardSwish", 14}, {"Mish", 18}, {"Swish", 24}};
    const std::string op = names[between(0, std::ssize(names) - 1)];
    if (const auto it = since.find(op); it != since.end() && opset_ < it->second) return;
    auto& n = node(op, {x.name});
    if ((op == "Elu" || op == "LeakyRelu" || op == "ThresholdedRelu" || op == "Celu") && random_.chance(50))
      set(n, "alpha", float(random_.real(0.01, 2)));
    output(n, DType::f32, x.shape);
  }
  void integer_unary(const Known& x) {
    if (is_float(x.type)) return;
    const char* op = x.type == DType::boolean ? "Not" : one_of({"Abs", "Neg", "Sign", "BitwiseNot", "Relu"});
    if (op[0] == 'B' && opset_ < 18) return;
    output(node(op, {x.name}), x.type, x.shape);
  }
  void clip(const Known& x) {
    if (x.type == DType::boolean) return;
    Names in{x.name, random_.chance(70) ? constant(x.type, {}, 0, 10).name : ""};
    if (random_.chance(70)) in.push_back(constant(x.type, {}, 10, 30).name);
    output(node("Clip", in), x.type, x.shape);
  }

  /// Another value of x's type that broadcasts with it: one that is there, or a constant.
  Known partner(const Known& x) {
    if (random_.chance(60))
      for (int tries = 0; tries < 8; ++tries) {
        const Known& y = known_[size_t(between(0, int64_t(known_.size()) - 1))];
        if (y.type != x.type) continue;
        if (const auto s = broadcast(x.shape, y.shape); s && fits(*s)) return y;
      }
    Shape s = x.shape;
    const int64_t how = between(0, 3);
    if (how == 0) s = {};
    else if (how == 1)
      for (size_t a = 0; a < s.size(); ++a) s[a] = a == 1 || s.size() == 1 ? s[a] : 1;
    else if (how == 2 && !s.empty()) s.erase(s.begin());
    return constant(x.type, s, is_float(x.type) ? -2 : 1, is_float(x.type) ? 2 : 30);
  }
  void pair(const Known& x, const char* op, DType result, const char* attribute = nullptr, int64_t value = 0) {
    const Known y = partner(x);
    const bool swap = random_.chance(30);
    auto& n = node(op, swap ? Names{y.name, x.name} : Names{x.name, y.name});
    if (attribute) set(n, attribute, value);
    output(n, result, *broadcast(x.shape, y.shape));
  }
  void binary(const Known& x) {
    if (x.type == DType::boolean) return;
    if (is_float(x.type) && random_.chance(15)) return pair(x, "Pow", x.type);
    if (is_float(x.type) && random_.chance(10)) return pair(x, "Mod", x.type, "fmod", 1);
    const char* op = one_of({"Add", "Add", "Sub", "Mul", "Mul", "Div", "Max", "Min"});
    pair(x, op, x.type);
  }
  void several(const Known& x) {
    if (!is_float(x.type)) return;
    Names in{x.name};
    Shape s = x.shape;
    for (int64_t n = between(0, 2); n > 0; --n) {
      const Known y = partner(x);
      const auto both = broadcast(s, y.shape);
      if (!both || !fits(*both)) break;
      in.push_back(y.name), s = *both;
    }
    output(node(one_of({"Sum", "Mean", "Max", "Min"}), in), x.type, s);
  }
  void prelu(const Known& x) {
    Shape slope = x.shape;
    for (size_t a = 0; a < slope.size(); ++a)
      if (a != 1) slope[a] = 1;
    if (!slope.empty()) slope.erase(slope.begin());
    output(node("PRelu", {x.name, constant(DType::f32, slope, -0.5, 0.5).name}), DType::f32, x.shape);
  }
  void compare(const Known& x) {
    if (x.type == DType::boolean) return pair(x, one_of({"And", "Or", "Xor", "Equal"}), DType::boolean);
    pair(x, one_of({"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"}), DType::boolean);
  }
  void bits(const Known& x) {
    if (!is_integer(x.type)) return;
    if (x.type == DType::u8 || x.type == DType::u32) {
      const Known y = constant(x.type, {}, 0, 7);
      auto& n = node("BitShift", {x.name, y.name});
      set(n, "direction", one_of({"LEFT", "RIGHT"}));
      output(n, x.type, x.shape);
    } else if (opset_ >= 18) {
      pair(x, one_of({"BitwiseAnd", "BitwiseOr", "BitwiseXor"}), x.type);
    }
  }
  void test_number(const Known& x) { output(node(one_of({"IsNaN", "IsInf"}), {x.name}), DType::boolean, x.shape); }
  void where(const Known& x) {
    Known c = constant(DType::boolean, x.shape, 0, 1);
    for (const Known& k : known_)
      if (k.type == DType::boolean && k.shape == x.shape) c = k;
    const Known y = partner(x);
    output(node("Where", {c.name, x.name, y.name}), x.type, *broadcast(x.shape, y.shape));
  }
  void to_type(const Known& x) {
    const DType type = any_type();
    if (random_.chance(80)) {
      cast(x, type);
    } else if (opset_ >= 15) {
      output(node("CastLike", {x.name, constant(type, {1}, 0, 1).name}), type, x.shape);
    }
  }
  void store(const Known& x) {
    if (x.type == DType::f32) {
      quantize(x, one_of({DType::i8, DType::u8}));
    } else if (is_byte(x.type) || x.type == DType::i32) {
      dequantize(x);
    }
  }
  void store_again(const Known& x) { dequantize(quantize(x, one_of({DType::i8, DType::u8}))); }
  void softmax(const Known& x) {
    if (x.rank() == 0) return;
    auto& n = node(one_of({"Softmax", "Softmax", "LogSoftmax"}), {x.name});
    if (random_.chance(70)) set(n, "axis", axis_of(random_.chance(70) ? x.rank() - 1 : any_axis(x), x.rank()));
    output(n, DType::f32, x.shape);
  }
  void arg(const Known& x) {
    if (x.rank() == 0 || x.type == DType::boolean || !full(x.shape)) return;
    const int64_t a = any_axis(x), keep = between(0, 1);
    auto& n = node(one_of({"ArgMax", "ArgMin"}), {x.name});
    set(n, "axis", axis_of(a, x.rank()));
    set(n, "keepdims", keep);
    Shape s = x.shape;
    if (keep) s[size_t(a)] = 1;
    else s.erase(s.begin() + a);
    output(n, DType::i64, s);
  }
  void reduce(const Known& x) {
    if (x.type == DType::boolean || !full(x.shape)) return;
    const std::string op =
        is_float(x.type) ? one_of({"ReduceMean", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1",
                                   "ReduceL2", "ReduceProd", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"})
                         : one_of({"ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd"});
    Shape axes, s;
    const int64_t keep = between(0, 1);
    for (int a = 0; a < x.rank(); ++a)
      if (random_.chance(50)) axes.push_back(a);
    for (int a = 0; a < x.rank(); ++a)
      if (!axes.empty() && !std::ranges::count(axes, a)) s.push_back(x.shape[size_t(a)]);
      else if (keep) s.push_back(1);
    for (int64_t& a : axes) a = axis_of(a, x.rank());
    const bool as_input = op == "ReduceSum" ? opset_ >= 13 : opset_ >= 18;
    Names in{x.name};
    if (as_input && !axes.empty()) in.push_back(integers(axes).name);
    auto& n = node(op, in);
    if (!as_input && !axes.empty()) set(n, "axes", axes);
    set(n, "keepdims", keep);
    output(n, x.type, s);
  }

  /// Kernel, strides, pads and dilations for the image axes of x, as attributes; the extents of the result.
  Shape window(onnx::NodeProto& n, const Known& x, const Shape& kernel, bool dilated, bool count_padding) {
    Shape s(x.shape.begin(), x.shape.begin() + 2), strides, dilations;
    const size_t axes = kernel.size();
    Shape pads(2 * axes);
    const bool same = random_.chance(20);
    for (size_t a = 0; a < axes; ++a) {
      const int64_t extent = x.shape[a + 2];
      strides.push_back(random_.chance(60) ? 1 : between(1, 3));
      dilations.push_back(dilated && random_.chance(20) && 2 * (kernel[a] - 1) + 1 <= extent ? 2 : 1);
      const int64_t reach = (kernel[a] - 1) * dilations[a] + 1;
      if (!same) {
        pads[a] = between(0, (kernel[a] - 1));
        pads[a + axes] = between(0, (kernel[a] - 1));
        s.push_back((extent + pads[a] + pads[a + axes] - reach) / strides[a] + 1);
      } else {
        s.push_back((extent + strides[a] - 1) / strides[a]);
      }
    }
    set(n, "kernel_shape", kernel);
    set(n, "strides", strides);
    if (same) set(n, "auto_pad", one_of({"SAME_UPPER", "SAME_LOWER"}));
    else set(n, "pads", pads);
    if (dilated && std::ranges::count(dilations, 2)) set(n, "dilations", dilations);
    if (count_padding && random_.chance(30)) set(n, "count_include_pad", int64_t(1));
    return s;
  }
  Shape kernel_for(const Known& x) {
    Shape k;
    for (size_t a = 2; a < x.shape.size(); ++a) k.push_back(between(1, std::min<int64_t>(3, x.shape[a])));
    return k;
  }
  static bool image(const Known& x) {
    return (x.rank() == 3 || x.rank() == 4) && std::ranges::none_of(x.shape, [](int64_t d) { return d < 1; });
  }
  void conv(const Known& x) {
    if (!image(x)) return;
    const int64_t channels = x.shape[1];
    const int64_t group = random_.chance(30) ? channels : 1;
    const int64_t filters = group * between(1, group > 1 ? 2 : 5);
    Shape w{filters, channels / group};
    const Shape kernel = random_.chance(30) ? Shape(x.shape.size() - 2, 1) : kernel_for(x);
    w.insert(w.end(), kernel.begin(), kernel.end());
    if (!fits(w)) return;
    Names in;
    DType result = DType::f32;
    std::string op = "Conv";
    if (x.type == DType::f32) {
      in = {x.name, weights(w, 0).name};
      if (random_.chance(50)) in.push_back(constant(DType::f32, {filters}, -1, 1).name);
    } else if (is_byte(x.type)) {
      const DType wt = random_.chance(80) ? DType::i8 : DType::u8;
      op = random_.chance(50) ? "ConvInteger" : "QLinearConv";
      if (op == "ConvInteger") {
        in = {x.name, constant(wt, w, -128, 255).name, constant(x.type, {}, -20, 100).name};
        result = DType::i32;
      } else {
        const Shape s = random_.chance(50) ? Shape{filters} : Shape{};
        result = x.type;
        in = {x.name,
              constant(DType::f32, {}, 0.01, 0.05).name,
              constant(x.type, {}, -20, 100).name,
              constant(wt, w, -128, 255).name,
              constant(DType::f32, s, 0.001, 0.01).name,
              constant(wt, s, 0, 0).name,
              constant(DType::f32, {}, 0.01, 0.05).name,
              constant(x.type, {}, -20, 100).name};
        if (random_.chance(50)) in.push_back(constant(DType::i32, {filters}, -500, 500).name);
      }
    } else {
      return;
    }
    auto& n = node(op, in);
    if (group > 1) set(n, "group", group);
    Shape s = window(n, x, kernel, true, false);
    s[1] = filters;
    output(n, result, s);
  }
  void pool(const Known& x) {
    if (!image(x) || (x.type != DType::f32 && !is_byte(x.type))) return;
    const bool average = x.type == DType::f32 && random_.chance(50);
    if (random_.chance(30) && x.type == DType::f32) {
      Shape s(x.shape.begin(), x.shape.begin() + 2);
      s.resize(x.shape.size(), 1);
      output(node(average ? "GlobalAveragePool" : "GlobalMaxPool", {x.name}), x.type, s);
      return;
    }
    auto& n = node(average ? "AveragePool" : "MaxPool", {x.name});
    const Shape s = window(n, x, kernel_for(x), false, average);
    output(n, x.type, s);
  }
  void product(const Known& x) {
    if (x.rank() < 1 || !full(x.shape)) return;
    const int64_t k = x.shape.back(), columns = between(1, 6);
    Shape s = x.shape;
    s.back() = columns;
    if (x.type == DType::f32 && x.rank() == 2 && random_.chance(60)) {
      const bool transposed = random_.chance(60);
      Names in{x.name, weights(transposed ? Shape{columns, k} : Shape{k, columns}, transposed ? 0 : 1).name};
      if (random_.chance(60)) in.push_back(constant(DType::f32, {columns}, -1, 1).name);
      auto& n = node("Gemm", in);
      if (transposed) set(n, "transB", int64_t(1));
      if (random_.chance(20)) set(n, one_of({"alpha", "beta"}), 0.5f);
      output(n, DType::f32, s);
    } else if (x.type == DType::f32) {
      output(node("MatMul", {x.name, weights({k, columns}, 1).name}), DType::f32, s);
    } else if (is_byte(x.type) && x.rank() >= 2) {
      const DType wt = random_.chance(80) ? DType::i8 : DType::u8;
      const Known w = constant(wt, {k, columns}, -128, 255);
      if (random_.chance(50)) {
        output(node("MatMulInteger", {x.name, w.name, constant(x.type, {}, -20, 100).name}), DType::i32, s);
      } else {
        output(node("QLinearMatMul",
                    {x.name, constant(DType::f32, {}, 0.01, 0.05).name, constant(x.type, {}, -20, 100).name, w.name,
                     constant(DType::f32, {}, 0.001, 0.01).name, constant(wt, {}, 0, 0).name,
                     constant(DType::f32, {}, 0.01, 0.05).name, constant(x.type, {}, -20, 100).name}),
               x.type, s);
      }
    }
  }
  void two_products(const Known& x) {
    if (x.rank() < 2) return;
    for (const Known& y : std::vector<Known>(known_))
      if (y.type == DType::f32 && y.rank() == 2 && y.shape[0] == x.shape.back() && random_.chance(50)) {
        Shape s = x.shape;
        s.back() = y.shape[1];
        if (fits(s)) output(node("MatMul", {x.name, y.name}), DType::f32, s);
        return;
      }
  }
  void normalize(const Known& x) {
    if (x.rank() < 2) return;
    const Shape c{x.shape[1]};
    auto parameter = [&](double lo, double hi) { return constant(DType::f32, c, lo, hi).name; };
    const Names in{x.name, parameter(0.5, 2), parameter(-1, 1), parameter(-1, 1), parameter(0.2, 2)};
    output(node("BatchNormalization", in), DType::f32, x.shape);
  }

  // What moves data.
  void reshape(const Known& x) {
    Shape s = x.shape, said;
    for (int64_t merges = between(0, 2); merges > 0 && s.size() > 1; --merges) {
      const size_t a = size_t(between(0, int64_t(s.size()) - 2));
      s[a] *= s[a + 1];
      s.erase(s.begin() + int64_t(a) + 1);
    }
    if (random_.chance(30)) s.insert(s.begin() + between(0, int64_t(s.size())), 1);
    said = s;
    if (!said.empty() && full(s) && random_.chance(40)) said[size_t(between(0, int64_t(s.size()) - 1))] = -1;
    output(node("Reshape", {x.name, integers(said).name}), x.type, s);
  }
  void flatten(const Known& x) {
    const int64_t a = between(0, x.rank());
    Shape s{1, 1};
    for (int i = 0; i < x.rank(); ++i) s[i < a ? 0 : 1] *= x.shape[size_t(i)];
    auto& n = node("Flatten", {x.name});
    set(n, "axis", a);
    output(n, x.type, s);
  }
  void squeeze(const Known& x) {
    Shape axes, s;
    for (int a = 0; a < x.rank(); ++a)
      if (x.shape[size_t(a)] == 1 && random_.chance(60)) axes.push_back(a);
      else s.push_back(x.shape[size_t(a)]);
    if (!axes.empty()) with_axes("Squeeze", x, axes, s);
  }
  void unsqueeze(const Known& x) {
    if (x.rank() > 4) return;
    const int64_t a = between(0, x.rank());
    Shape s = x.shape;
    s.insert(s.begin() + a, 1);
    with_axes("Unsqueeze", x, {a}, s);
  }
  void with_axes(const char* op, const Known& x, const Shape& axes, const Shape& s) {
    Names in{x.name};
    if (opset_ >= 13) in.push_back(integers(axes).name);
    auto& n = node(op, in);
    if (opset_ < 13) set(n, "axes", axes);
    output(n, x.type, s);
  }
  void transpose(const Known& x) {
    Shape order(x.shape.size()), s;
    std::iota(order.begin(), order.end(), 0);
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[size_t(between(0, int64_t(i) - 1))]);
    if (x.rank() == 4 && random_.chance(40)) order = random_.chance(50) ? Shape{0, 2, 3, 1} : Shape{0, 3, 1, 2};
    for (int64_t a : order) s.push_back(x.shape[size_t(a)]);
    auto& n = node("Transpose", {x.name});
    set(n, "perm", order);
    output(n, x.type, s);
  }
  void concat(const Known& x) {
    if (x.rank() == 0) return;
    const int64_t a = random_.chance(60) && x.rank() > 1 ? 1 : any_axis(x);
    Names in{x.name};
    Shape s = x.shape;
    for (const Known& y : known_) {
      Shape other = y.shape;
      if (y.type != x.type || y.rank() != x.rank() || !random_.chance(60)) continue;
      other[size_t(a)] = x.shape[size_t(a)];
      if (other != x.shape) continue;
      s[size_t(a)] += y.shape[size_t(a)];
      in.push_back(y.name);
    }
    if (!fits(s)) return;
    auto& n = node("Concat", in);
    set(n, "axis", axis_of(a, x.rank()));
    output(n, x.type, s);
  }
  void split(const Known& x) {
    if (x.rank() == 0) return;
    const int64_t a = any_axis(x), extent = x.shape[size_t(a)];
    if (extent < 2) return;
    const int64_t first = between(1, extent - 1);
    const Shape parts{first, extent - first};
    Names in{x.name};
    if (opset_ >= 13) in.push_back(integers(parts).name);
    auto& n = node("Split", in);
    if (opset_ < 13) set(n, "split", parts);
    set(n, "axis", axis_of(a, x.rank()));
    for (int64_t p : parts) {
      Shape s = x.shape;
      s[size_t(a)] = p;
      output(n, x.type, s);
    }
  }
  void slice(const Known& x) {
    if (x.rank() == 0) return;
    const int64_t a = any_axis(x), extent = x.shape[size_t(a)];
    if (extent < 1) return;
    const int64_t start = between(0, extent - 1), end = between(start + 1, extent), step = between(1, 2);
    const bool back = random_.chance(15);
    Shape s = x.shape;
    s[size_t(a)] = back ? extent : (end - start + step - 1) / step;
    output(node("Slice", {x.name, integers({back ? -1 : start}).name, integers({back ? INT64_MIN + 1 : end}).name,
                          integers({axis_of(a, x.rank())}).name, integers({back ? -1 : step}).name}),
           x.type, s);
  }
  void pad(const Known& x) {
    if (x.rank() == 0 || !full(x.shape) || x.type == DType::boolean) return;
    Shape pads(2 * x.shape.size()), s = x.shape;
    const char* mode = random_.chance(70) ? "constant" : one_of({"reflect", "edge"});
    for (size_t a = 0; a < s.size(); ++a)
      for (size_t side = 0; side < 2; ++side)
        if (a + 2 >= s.size() && random_.chance(60)) {
          const int64_t p = between(0, mode[0] == 'r' ? std::min<int64_t>(2, s[a] - 1) : 2);
          pads[a + side * s.size()] = p;
        }
    for (size_t a = 0; a < s.size(); ++a) s[a] += pads[a] + pads[a + s.size()];
    if (!fits(s)) return;
    Names in{x.name, integers(pads).name};
    if (mode[0] == 'c' && random_.chance(60)) in.push_back(constant(x.type, {}, is_float(x.type) ? -1 : 0, 10).name);
    auto& n = node("Pad", in);
    set(n, "mode", mode);
    output(n, x.type, s);
  }
  void expand(const Known& x) {
    Shape s = x.shape;
    for (int64_t& d : s)
      if (d == 1 && random_.chance(50)) d = between(1, 4);
    if (random_.chance(20) && x.rank() < 4) s.insert(s.begin(), between(1, 3));
    if (fits(s)) output(node("Expand", {x.name, integers(s).name}), x.type, s);
  }
  void tile(const Known& x) {
    Shape times, s = x.shape;
    for (int64_t& d : s) {
      times.push_back(random_.chance(70) ? 1 : between(1, 3));
      d *= times.back();
    }
    if (fits(s) && !s.empty()) output(node("Tile", {x.name, integers(times).name}), x.type, s);
  }
  void gather(const Known& x) {
    if (x.rank() == 0 || !full(x.shape)) return;
    const int64_t a = any_axis(x), extent = x.shape[size_t(a)];
    Shape s(x.shape.begin(), x.shape.begin() + a), indices;
    const bool scalar = random_.chance(30);
    for (int64_t n = scalar ? 1 : between(1, 4); n > 0; --n) indices.push_back(between(-extent, extent - 1));
    if (!scalar) s.push_back(int64_t(indices.size()));
    s.insert(s.end(), x.shape.begin() + a + 1, x.shape.end());
    Names in{x.name, integers(indices, scalar).name};
    for (const Known& i : known_)  // an index that is computed at run time
      if (i.type == DType::i64 && i.rank() == 1 && !scalar && i.shape[0] == int64_t(indices.size()) &&
          random_.chance(50))
        in[1] = i.name;
    auto& n = node("Gather", in);
    set(n, "axis", axis_of(a, x.rank()));
    output(n, x.type, s);
  }
  void gather_elements(const Known& x) {
    if (x.rank() == 0 || !full(x.shape)) return;
    const int64_t a = any_axis(x);
    Shape s = x.shape;
    s[size_t(a)] = between(1, 3);
    auto& n = node("GatherElements", {x.name, constant(DType::i64, s, 0, double(x.shape[size_t(a)] - 1)).name});
    set(n, "axis", axis_of(a, x.rank()));
    output(n, x.type, s);
  }
  void gather_nd(const Known& x) {
    if (x.rank() == 0 || !full(x.shape)) return;
    const int64_t points = between(1, 3);
    Shape s(x.shape.begin() + 1, x.shape.end());
    s.insert(s.begin(), points);
    output(node("GatherND", {x.name, constant(DType::i64, {points, 1}, 0, double(x.shape[0] - 1)).name}), x.type, s);
  }
  void identity(const Known& x) { output(node(one_of({"Identity", "Dropout"}), {x.name}), x.type, x.shape); }

  // What is known when it is compiled.
  void shape_of(const Known& x) {
    if (random_.chance(30)) {
      output(node("Size", {x.name}), DType::i64, {});
    } else {
      const Known s = output(node("Shape", {x.name}), DType::i64, {x.rank()});
      if (random_.chance(50)) output(node("Reshape", {x.name, s.name}), x.type, x.shape);
    }
  }
  void made_constant(const Known& x) {
    switch (between(0, 4)) {
      case 0: {
        const Known s = integers(x.shape);
        output(node("ConstantOfShape", {s.name}), DType::f32, x.shape);
        break;
      }
      case 1:
        output(node("Range", {integers({0}, true).name, integers({6}, true).name, integers({2}, true).name}),
               DType::i64, {3});
        break;
      case 2:
        if (x.rank() != 2 || !is_float(x.type)) return;
        output(node("EyeLike", {x.name}), x.type, x.shape);
        break;
      case 3: {
        auto& n = node("Constant", {});
        auto& a = attribute(n, "value_floats", 6);
        for (int i = 0; i < 3; ++i) a.add_floats(float(random_.real(-2, 2)));
        output(n, DType::f32, {3});
        break;
      }
      default: {
        const Known k = integers({0, 3, 1, 0});
        output(node("NonZero", {k.name}), DType::i64, {1, 2});
      }
    }
  }
  void branch(const Known& x) {
    auto& c = *graph().add_initializer();
    const std::string condition = fresh("c");
    c.set_name(condition);
    c.set_data_type(9);
    c.add_int32_data(int(between(0, 1)));
    auto& n = node("If", {condition});
    for (const char* name : {"then_branch", "else_branch"}) {
      auto& g = *attribute(n, name, 5).mutable_g();
      g.set_name(name);
      auto& inner = *g.add_node();
      inner.set_op_type(one_of({"Identity", "Neg", "Abs"}));
      inner.add_input(x.name);
      inner.add_output(fresh("b"));
      declare(*g.add_output(), {inner.output(0), x.type, x.shape}, true);
    }
    output(n, x.type, x.shape);
  }
  void call(const Known& x) {
    auto& f = *model_.add_functions();
    f.set_name(fresh("Function"));
    f.set_domain("fuzz");
    f.add_input("a");
    f.add_output("b");
    auto* o = f.add_opset_import();
    o->set_version(opset_);
    auto& inner = *f.add_node();
    inner.set_op_type(one_of({"Relu", "Abs", "Sigmoid"}));
    inner.add_input("a");
    inner.add_output("b");
    if (std::ranges::none_of(model_.opset_import(), [](const auto& i) { return i.domain() == "fuzz"; })) {
      auto* import = model_.add_opset_import();
      import->set_domain("fuzz");
      import->set_version(1);
    }
    auto& n = node(f.name(), {x.name});
    n.set_domain("fuzz");
    output(n, x.type, x.shape);
  }

  onnx::ModelProto& model_;
  law::Random& random_;
  int opset_ = 1;
  std::vector<Known> known_;
  std::set<std::string> names_, made_;
};

// Each as often as it stands here.
const std::vector<Grower::Operator> Grower::kOperators = {
    {&Grower::unary, true},
    {&Grower::unary, true},
    {&Grower::unary, true},
    {&Grower::integer_unary, false},
    {&Grower::clip, false},
    {&Grower::clip, true},
    {&Grower::binary, true},
    {&Grower::binary, false},
    {&Grower::several, true},
    {&Grower::prelu, true},
    {&Grower::compare, false},
    {&Grower::bits, false},
    {&Grower::test_number, true},
    {&Grower::where, false},
    {&Grower::to_type, false},
    {&Grower::store, false},
    {&Grower::store_again, true},
    {&Grower::softmax, true},
    {&Grower::arg, false},
    {&Grower::reduce, true},
    {&Grower::reduce, false},
    {&Grower::conv, true},
    {&Grower::conv, true},
    {&Grower::conv, false},
    {&Grower::pool, true},
    {&Grower::pool, false},
    {&Grower::product, true},
    {&Grower::product, false},
    {&Grower::two_products, true},
    {&Grower::normalize, true},
    {&Grower::reshape, false},
    {&Grower::flatten, false},
    {&Grower::squeeze, false},
    {&Grower::unsqueeze, false},
    {&Grower::transpose, false},
    {&Grower::concat, false},
    {&Grower::split, false},
    {&Grower::slice, false},
    {&Grower::pad, false},
    {&Grower::expand, false},
    {&Grower::tile, false},
    {&Grower::gather, false},
    {&Grower::gather_elements, false},
    {&Grower::gather_nd, false},
    {&Grower::identity, false},
    {&Grower::shape_of, false},
    {&Grower::made_constant, false},
    {&Grower::branch, true},
    {&Grower::call, true},
};

}  // namespace

onnx::ModelProto generate(law::Random& random, int operators) {
  static constexpr int opsets[] = {11, 13, 17, 18, 21, 24};
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opsets[random.between(0, std::ssize(opsets) - 1)]);
  model.mutable_graph()->set_name("g");
  Grower g(model, random);
  for (int64_t inputs = random.chance(70) ? 1 : 2; inputs > 0; --inputs) g.add_input();
  const size_t before = g.size();
  g.operators(operators);
  g.outputs(std::min(before, g.size() - 1));
  return model;
}

bool grow(onnx::ModelProto& model, law::Random& random, int operators) {
  Grower g(model, random);
  try {
    g.learn();
  } catch (const ModelError&) {
    return false;
  }
  if (!g.knows_some()) return false;
  const size_t before = g.size();
  g.operators(operators);
  if (g.size() == before) return false;
  g.outputs(before);
  return true;
}

}  // namespace burin::fuzz
