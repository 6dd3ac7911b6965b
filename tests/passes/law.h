// What a pass must not change: the numbers. Pseudo-random inputs for a graph, and the comparison of results.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "compiler/interpreter.h"
#include "compiler/ir/graph.h"

namespace burin::law {

/// SplitMix64: the same numbers on every host, unlike the distributions of <random>.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  int64_t between(int64_t lo, int64_t hi) { return lo + int64_t(next() % uint64_t(hi - lo + 1)); }
  double real(double lo, double hi) { return lo + (hi - lo) * double(next() >> 11) / 9007199254740992.0; }
  bool chance(int percent) { return between(1, 100) <= percent; }
  template <class T>
  const T& one_of(const std::vector<T>& v) {
    return v[size_t(between(0, int64_t(v.size()) - 1))];
  }

 private:
  uint64_t state_;
};

/// Every value of types of 8 bits and less, -20 to 20 for wider integers, [-3, 3) for floats.
inline Tensor random_tensor(const Type& t, Random& random) {
  Tensor r(t);
  const DTypeInfo& d = info(t.dtype);
  for (int64_t i = 0; i < r.elements(); ++i) {
    if (is_float(t.dtype)) r.set_real(i, random.real(-3, 3));
    else if (d.bits <= 8) r.set_integer(i, random.between(d.lo, d.hi));
    else r.set_integer(i, random.between(std::max<int64_t>(d.lo, -20), 20));
  }
  return r;
}

inline std::vector<Tensor> random_inputs(const Graph& g, Random& random) {
  std::vector<Tensor> r;
  for (ValueId id : g.inputs) r.push_back(random_tensor(g[id].type, random));
  return r;
}

/// Integers may differ by `steps`; floats by 1e-5 of the largest magnitude of the tensor, or by `reals` if that is
/// more.
struct Tolerance {
  int64_t steps = 0;
  double reals = 0;
};

/// Empty when `b` is `a` within the tolerance, else the first difference. `differing` counts integers that are not
/// equal.
inline std::string difference(const Tensor& a, const Tensor& b, Tolerance tolerance, int64_t* differing = nullptr) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape())
    return fmt::format("{} became {}", to_string(a.type()), to_string(b.type()));
  if (!is_float(a.dtype())) {
    for (int64_t i = 0; i < a.elements(); ++i) {
      const int64_t x = a.integer(i), y = b.integer(i);
      if (differing && x != y) ++*differing;
      if (std::abs(x - y) > tolerance.steps) return fmt::format("element {}: {} became {}", i, x, y);
    }
    return "";
  }
  double largest = 0;
  for (int64_t i = 0; i < a.elements(); ++i)
    if (std::isfinite(a.real(i))) largest = std::max(largest, std::abs(a.real(i)));
  const double most = std::max(1e-5 * largest, tolerance.reals);
  for (int64_t i = 0; i < a.elements(); ++i) {
    const double x = a.real(i), y = b.real(i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (!(std::abs(x - y) <= most)) return fmt::format("element {}: {} became {}", i, x, y);
  }
  return "";
}

}  // namespace burin::law
