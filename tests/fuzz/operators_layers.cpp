// What mixes elements: reductions, convolutions, pools, products.
#include <algorithm>

#include "tests/fuzz/grower.h"

namespace burin::fuzz {

void Grower::softmax(const Known& x) {
  if (x.rank() == 0) return;
  auto& n = node(one_of({"Softmax", "Softmax", "LogSoftmax"}), {x.name});
  if (random_.chance(70)) set(n, "axis", axis_of(random_.chance(70) ? x.rank() - 1 : any_axis(x), x.rank()));
  output(n, DType::f32, x.shape);
}

void Grower::arg(const Known& x) {
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

void Grower::reduce(const Known& x) {
  if (x.type == DType::boolean || !full(x.shape)) return;
  const std::string op = is_float(x.type)
                             ? one_of({"ReduceMean", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1",
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

Shape Grower::window(onnx::NodeProto& n, const Known& x, const Shape& kernel, bool dilated, bool count_padding) {
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

Shape Grower::kernel_for(const Known& x) {
  Shape k;
  for (size_t a = 2; a < x.shape.size(); ++a) k.push_back(between(1, std::min<int64_t>(3, x.shape[a])));
  return k;
}

bool Grower::image(const Known& x) {
  return (x.rank() == 3 || x.rank() == 4) && std::ranges::none_of(x.shape, [](int64_t d) { return d < 1; });
}

void Grower::conv(const Known& x) {
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

void Grower::pool(const Known& x) {
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

void Grower::product(const Known& x) {
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
      output(
          node("QLinearMatMul", {x.name, constant(DType::f32, {}, 0.01, 0.05).name, constant(x.type, {}, -20, 100).name,
                                 w.name, constant(DType::f32, {}, 0.001, 0.01).name, constant(wt, {}, 0, 0).name,
                                 constant(DType::f32, {}, 0.01, 0.05).name, constant(x.type, {}, -20, 100).name}),
          x.type, s);
    }
  }
}

void Grower::two_products(const Known& x) {
  if (x.rank() < 2) return;
  for (const Known& y : std::vector<Known>(known_))
    if (y.type == DType::f32 && y.rank() == 2 && y.shape[0] == x.shape.back() && random_.chance(50)) {
      Shape s = x.shape;
      s.back() = y.shape[1];
      if (fits(s)) output(node("MatMul", {x.name, y.name}), DType::f32, s);
      return;
    }
}

void Grower::normalize(const Known& x) {
  if (x.rank() < 2) return;
  const Shape c{x.shape[1]};
  auto parameter = [&](double lo, double hi) { return constant(DType::f32, c, lo, hi).name; };
  const Names in{x.name, parameter(0.5, 2), parameter(-1, 1), parameter(-1, 1), parameter(0.2, 2)};
  output(node("BatchNormalization", in), DType::f32, x.shape);
}

}  // namespace burin::fuzz
