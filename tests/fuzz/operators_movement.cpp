// What moves data.
#include <algorithm>
#include <numeric>

#include "tests/fuzz/grower.h"

namespace burin::fuzz {

void Grower::reshape(const Known& x) {
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

void Grower::flatten(const Known& x) {
  const int64_t a = between(0, x.rank());
  Shape s{1, 1};
  for (int i = 0; i < x.rank(); ++i) s[i < a ? 0 : 1] *= x.shape[size_t(i)];
  auto& n = node("Flatten", {x.name});
  set(n, "axis", a);
  output(n, x.type, s);
}

void Grower::squeeze(const Known& x) {
  Shape axes, s;
  for (int a = 0; a < x.rank(); ++a)
    if (x.shape[size_t(a)] == 1 && random_.chance(60)) axes.push_back(a);
    else s.push_back(x.shape[size_t(a)]);
  if (!axes.empty()) with_axes("Squeeze", x, axes, s);
}

void Grower::unsqueeze(const Known& x) {
  if (x.rank() > 4) return;
  const int64_t a = between(0, x.rank());
  Shape s = x.shape;
  s.insert(s.begin() + a, 1);
  with_axes("Unsqueeze", x, {a}, s);
}

void Grower::with_axes(const char* op, const Known& x, const Shape& axes, const Shape& s) {
  Names in{x.name};
  if (opset_ >= 13) in.push_back(integers(axes).name);
  auto& n = node(op, in);
  if (opset_ < 13) set(n, "axes", axes);
  output(n, x.type, s);
}

void Grower::transpose(const Known& x) {
  Shape order(x.shape.size()), s;
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[size_t(between(0, int64_t(i) - 1))]);
  if (x.rank() == 4 && random_.chance(40)) order = random_.chance(50) ? Shape{0, 2, 3, 1} : Shape{0, 3, 1, 2};
  for (int64_t a : order) s.push_back(x.shape[size_t(a)]);
  auto& n = node("Transpose", {x.name});
  set(n, "perm", order);
  output(n, x.type, s);
}

void Grower::concat(const Known& x) {
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

void Grower::split(const Known& x) {
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

void Grower::slice(const Known& x) {
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

void Grower::pad(const Known& x) {
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

void Grower::expand(const Known& x) {
  Shape s = x.shape;
  for (int64_t& d : s)
    if (d == 1 && random_.chance(50)) d = between(1, 4);
  if (random_.chance(20) && x.rank() < 4) s.insert(s.begin(), between(1, 3));
  if (fits(s)) output(node("Expand", {x.name, integers(s).name}), x.type, s);
}

void Grower::tile(const Known& x) {
  Shape times, s = x.shape;
  for (int64_t& d : s) {
    times.push_back(random_.chance(70) ? 1 : between(1, 3));
    d *= times.back();
  }
  if (fits(s) && !s.empty()) output(node("Tile", {x.name, integers(times).name}), x.type, s);
}

void Grower::gather(const Known& x) {
  if (x.rank() == 0 || !full(x.shape)) return;
  const int64_t a = any_axis(x), extent = x.shape[size_t(a)];
  Shape s(x.shape.begin(), x.shape.begin() + a), indices;
  const bool scalar = random_.chance(30);
  for (int64_t n = scalar ? 1 : between(1, 4); n > 0; --n) indices.push_back(between(-extent, extent - 1));
  if (!scalar) s.push_back(int64_t(indices.size()));
  s.insert(s.end(), x.shape.begin() + a + 1, x.shape.end());
  Names in{x.name, integers(indices, scalar).name};
  for (const Known& i : known_)  // an index that is computed at run time
    if (i.type == DType::i64 && i.rank() == 1 && !scalar && i.shape[0] == int64_t(indices.size()) && random_.chance(50))
      in[1] = i.name;
  auto& n = node("Gather", in);
  set(n, "axis", axis_of(a, x.rank()));
  output(n, x.type, s);
}

void Grower::gather_elements(const Known& x) {
  if (x.rank() == 0 || !full(x.shape)) return;
  const int64_t a = any_axis(x);
  Shape s = x.shape;
  s[size_t(a)] = between(1, 3);
  auto& n = node("GatherElements", {x.name, constant(DType::i64, s, 0, double(x.shape[size_t(a)] - 1)).name});
  set(n, "axis", axis_of(a, x.rank()));
  output(n, x.type, s);
}

void Grower::gather_nd(const Known& x) {
  if (x.rank() == 0 || !full(x.shape)) return;
  const int64_t points = between(1, 3);
  Shape s(x.shape.begin() + 1, x.shape.end());
  s.insert(s.begin(), points);
  output(node("GatherND", {x.name, constant(DType::i64, {points, 1}, 0, double(x.shape[0] - 1)).name}), x.type, s);
}

void Grower::identity(const Known& x) { output(node(one_of({"Identity", "Dropout"}), {x.name}), x.type, x.shape); }

}  // namespace burin::fuzz
