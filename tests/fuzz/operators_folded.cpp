// What is known when it is compiled.
#include <algorithm>

#include "tests/fuzz/grower.h"

namespace burin::fuzz {

void Grower::shape_of(const Known& x) {
  if (random_.chance(30)) {
    output(node("Size", {x.name}), DType::i64, {});
  } else {
    const Known s = output(node("Shape", {x.name}), DType::i64, {x.rank()});
    if (random_.chance(50)) output(node("Reshape", {x.name, s.name}), x.type, x.shape);
  }
}

void Grower::made_constant(const Known& x) {
  switch (between(0, 4)) {
    case 0: {
      const Known s = integers(x.shape);
      output(node("ConstantOfShape", {s.name}), DType::f32, x.shape);
      break;
    }
    case 1:
      output(node("Range", {integers({0}, true).name, integers({6}, true).name, integers({2}, true).name}), DType::i64,
             {3});
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

void Grower::branch(const Known& x) {
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

void Grower::call(const Known& x) {
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

}  // namespace burin::fuzz
