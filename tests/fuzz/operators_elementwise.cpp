// What computes element by element.
#include <map>

#include "tests/fuzz/grower.h"

namespace burin::fuzz {

void Grower::unary(const Known& x) {
  static const char* const names[] = {
      "Abs",  "Acos", "Acosh", "Asin",     "Asinh",    "Atan",  "Atanh", "Ceil",        "Celu",      "Cos",
      "Cosh", "Elu",  "Erf",   "Exp",      "Floor",    "Gelu",  "Log",   "HardSigmoid", "HardSwish", "LeakyRelu",
      "Mish", "Neg",  "Relu",  "Relu",     "Relu",     "Round", "Selu",  "Reciprocal",  "Shrink",    "Sigmoid",
      "Sign", "Sin",  "Sinh",  "Softplus", "Softsign", "Sqrt",  "Swish", "Tan",         "Tanh",      "ThresholdedRelu"};
  static const std::map<std::string, int> since = {{"Gelu", 20}, {"HardSwish", 14}, {"Mish", 18}, {"Swish", 24}};
  const std::string op = names[between(0, std::ssize(names) - 1)];
  if (const auto it = since.find(op); it != since.end() && opset_ < it->second) return;
  auto& n = node(op, {x.name});
  if ((op == "Elu" || op == "LeakyRelu" || op == "ThresholdedRelu" || op == "Celu") && random_.chance(50))
    set(n, "alpha", float(random_.real(0.01, 2)));
  output(n, DType::f32, x.shape);
}

void Grower::integer_unary(const Known& x) {
  if (is_float(x.type)) return;
  const char* op = x.type == DType::boolean ? "Not" : one_of({"Abs", "Neg", "Sign", "BitwiseNot", "Relu"});
  if (op[0] == 'B' && opset_ < 18) return;
  output(node(op, {x.name}), x.type, x.shape);
}

void Grower::clip(const Known& x) {
  if (x.type == DType::boolean) return;
  Names in{x.name, random_.chance(70) ? constant(x.type, {}, 0, 10).name : ""};
  if (random_.chance(70)) in.push_back(constant(x.type, {}, 10, 30).name);
  output(node("Clip", in), x.type, x.shape);
}

Known Grower::partner(const Known& x) {
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

void Grower::pair(const Known& x, const char* op, DType result, const char* attribute, int64_t value) {
  const Known y = partner(x);
  const bool swap = random_.chance(30);
  auto& n = node(op, swap ? Names{y.name, x.name} : Names{x.name, y.name});
  if (attribute) set(n, attribute, value);
  output(n, result, *broadcast(x.shape, y.shape));
}

void Grower::binary(const Known& x) {
  if (x.type == DType::boolean) return;
  if (is_float(x.type) && random_.chance(15)) return pair(x, "Pow", x.type);
  if (is_float(x.type) && random_.chance(10)) return pair(x, "Mod", x.type, "fmod", 1);
  const char* op = one_of({"Add", "Add", "Sub", "Mul", "Mul", "Div", "Max", "Min"});
  pair(x, op, x.type);
}

void Grower::several(const Known& x) {
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

void Grower::prelu(const Known& x) {
  Shape slope = x.shape;
  for (size_t a = 0; a < slope.size(); ++a)
    if (a != 1) slope[a] = 1;
  if (!slope.empty()) slope.erase(slope.begin());
  output(node("PRelu", {x.name, constant(DType::f32, slope, -0.5, 0.5).name}), DType::f32, x.shape);
}

void Grower::compare(const Known& x) {
  if (x.type == DType::boolean) return pair(x, one_of({"And", "Or", "Xor", "Equal"}), DType::boolean);
  pair(x, one_of({"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"}), DType::boolean);
}

void Grower::bits(const Known& x) {
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

void Grower::test_number(const Known& x) {
  output(node(one_of({"IsNaN", "IsInf"}), {x.name}), DType::boolean, x.shape);
}
void Grower::where(const Known& x) {
  Known c = constant(DType::boolean, x.shape, 0, 1);
  for (const Known& k : known_)
    if (k.type == DType::boolean && k.shape == x.shape) c = k;
  const Known y = partner(x);
  output(node("Where", {c.name, x.name, y.name}), x.type, *broadcast(x.shape, y.shape));
}

void Grower::to_type(const Known& x) {
  const DType type = any_type();
  if (random_.chance(80)) {
    cast(x, type);
  } else if (opset_ >= 15) {
    output(node("CastLike", {x.name, constant(type, {1}, 0, 1).name}), type, x.shape);
  }
}

void Grower::store(const Known& x) {
  if (x.type == DType::f32) {
    quantize(x, one_of({DType::i8, DType::u8}));
  } else if (is_byte(x.type) || x.type == DType::i32) {
    dequantize(x);
  }
}

void Grower::store_again(const Known& x) { dequantize(quantize(x, one_of({DType::i8, DType::u8}))); }

}  // namespace burin::fuzz
