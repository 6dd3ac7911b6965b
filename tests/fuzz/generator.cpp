#include "tests/fuzz/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/onnx/reader.h"
#include "tests/fuzz/grower.h"

namespace burin::fuzz {
namespace {

constexpr int64_t kMostElements = 600;

}  // namespace

Grower::Grower(onnx::ModelProto& model, law::Random& random) : model_(model), random_(random) {
  for (const auto& o : model.opset_import())
    if (o.domain().empty() || o.domain() == "ai.onnx") opset_ = int(o.version());
  for (const auto& v : graph().input()) names_.insert(v.name());
  for (const auto& t : graph().initializer()) names_.insert(t.name());
  for (const auto& n : graph().node()) names_.insert(n.output().begin(), n.output().end());
}

void Grower::learn() {
  const Graph g = read_model(model_.SerializePartialAsString(), "fuzz.onnx", {});
  for (const Value& v : g.values())
    if (names_.count(v.name) && fits(v.type.shape)) known_.push_back({v.name, v.type.dtype, v.type.shape});
}

void Grower::add_input() {
  Known v{fresh("x"), random_.chance(75) ? DType::f32 : any_type(), {}};
  const int64_t rank = random_.chance(60) ? 4 : random_.between(0, 4);
  for (int64_t a = 0; a < rank; ++a)
    v.shape.push_back(a == 0 && random_.chance(70) ? 1 : random_.between(1, rank == 4 ? 6 : 8));
  declare(*graph().add_input(), v, true);
  known_.push_back(v);
}

void Grower::operators(int count) {
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

void Grower::outputs(size_t from) {
  std::set<std::string> read;
  for (const auto& n : graph().node()) read.insert(n.input().begin(), n.input().end());
  for (size_t i = from; i < known_.size(); ++i)
    if (i + 1 == known_.size() || (!read.count(known_[i].name) && made_.count(known_[i].name) && random_.chance(50)))
      declare(*graph().add_output(), known_[i], false);
}

bool Grower::fits(const Shape& s) {
  int64_t n = 1;
  for (int64_t d : s)
    if (d > kMostElements || (n *= std::max<int64_t>(d, 1)) > kMostElements) return false;
  return s.size() <= 6;
}

DType Grower::any_type() {
  return one_of({DType::i8, DType::u8, DType::i8, DType::u8, DType::i32, DType::i64, DType::boolean, DType::i16,
                 DType::f16, DType::f64, DType::u16, DType::u32});
}

std::string Grower::fresh(std::string_view base) {
  for (size_t n = names_.size();; ++n)
    if (std::string name = fmt::format("{}{}", base, n); names_.insert(name).second) return name;
}

void Grower::declare(onnx::ValueInfoProto& info, const Known& v, bool with_shape) {
  info.set_name(v.name);
  auto* t = info.mutable_type()->mutable_tensor_type();
  t->set_elem_type(burin::info(v.type).onnx);
  if (with_shape) t->mutable_shape();
  for (int64_t d : v.shape)
    if (with_shape) t->mutable_shape()->add_dim()->set_dim_value(d);
}

Known Grower::constant(DType type, const Shape& shape, double lo, double hi) {
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

Known Grower::integers(const Shape& values, bool scalar) {
  Known v{fresh("k"), DType::i64, scalar ? Shape{} : Shape{int64_t(values.size())}};
  auto& t = *graph().add_initializer();
  t.set_name(v.name);
  t.set_data_type(7);
  if (!scalar) t.add_dims(int64_t(values.size()));
  for (int64_t i : values) t.add_int64_data(i);
  return v;
}

onnx::NodeProto& Grower::node(const std::string& op, const Names& in) {
  auto& n = *graph().add_node();
  n.set_op_type(op);
  for (const std::string& i : in) n.add_input(i);
  if (random_.chance(80)) n.set_name(fresh("node"));
  return n;
}

onnx::AttributeProto& Grower::attribute(onnx::NodeProto& n, const std::string& name, int type) {
  auto& a = *n.add_attribute();
  a.set_name(name);
  a.set_type(onnx::AttributeProto::AttributeType(type));
  return a;
}

void Grower::set(onnx::NodeProto& n, const std::string& name, const Shape& v) {
  auto& a = attribute(n, name, 7);
  for (int64_t i : v) a.add_ints(i);
}

Known Grower::output(onnx::NodeProto& n, DType type, const Shape& shape) {
  Known y{fresh("v"), type, shape};
  n.add_output(y.name);
  made_.insert(y.name);
  known_.push_back(y);
  return y;
}

Known Grower::quantize(const Known& x, DType type) {
  const bool zero = random_.chance(80);
  const bool per_channel = zero && x.rank() > 1 && opset_ >= 13 && random_.chance(5);
  const Shape s = per_channel ? Shape{x.shape[1]} : Shape{};
  Names in{x.name, constant(DType::f32, s, 0.004, 0.05).name};
  if (zero) in.push_back(constant(type, s, -20, 140).name);
  auto& n = node("QuantizeLinear", in);
  return output(n, zero ? type : DType::u8, x.shape);
}

Known Grower::dequantize(const Known& x) {
  Names in{x.name, constant(DType::f32, {}, 0.004, 0.05).name};
  if (x.type != DType::i32 && random_.chance(80)) in.push_back(constant(x.type, {}, -20, 140).name);
  return output(node("DequantizeLinear", in), DType::f32, x.shape);
}

Known Grower::cast(const Known& x, DType type) {
  auto& n = node("Cast", {x.name});
  set(n, "to", int64_t(burin::info(type).onnx));
  return output(n, type, x.shape);
}

Known Grower::weights(const Shape& shape, int axis) {
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
