#include "compiler/ops/layout.h"

#include <algorithm>
#include <numeric>

#include "runtime-min/kernels/strided_copy.h"

namespace burin {

std::vector<int64_t> to_channels_last(int rank) {
  std::vector<int64_t> p{0};
  for (int i = 2; i < rank; ++i) p.push_back(i);
  p.push_back(1);
  return p;
}
std::vector<int64_t> to_channels_first(int rank) { return inverse(to_channels_last(rank)); }

std::vector<int64_t> inverse(const std::vector<int64_t>& perm) {
  std::vector<int64_t> r(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) r[size_t(perm[i])] = int64_t(i);
  return r;
}

std::vector<int64_t> compose(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  std::vector<int64_t> r(a.size());
  for (size_t i = 0; i < b.size(); ++i) r[i] = a[size_t(b[i])];
  return r;
}

bool moves_no_data(const Shape& shape, const std::vector<int64_t>& perm) {
  std::vector<int64_t> moved;
  for (int64_t axis : perm)
    if (shape[size_t(axis)] != 1) moved.push_back(axis);
  return std::ranges::is_sorted(moved);
}

Type permute(const Type& t, const std::vector<int64_t>& perm) {
  Type r{t.dtype, Shape(perm.size()), t.quant};
  for (size_t i = 0; i < perm.size(); ++i) r.shape[i] = t.shape[size_t(perm[i])];
  if (t.quant.axis >= 0) r.quant.axis = int(inverse(perm)[size_t(t.quant.axis)]);
  return r;
}

Tensor permute(const Tensor& t, const std::vector<int64_t>& perm) {
  Tensor r(permute(t.type(), perm));
  const Shape from = dense_strides(t.shape()), to = dense_strides(r.shape());
  const int bits = info(t.dtype()).bits;
  if (bits < 8 || perm.size() > size_t(kMaxRank)) {  // odd cases: element by element
    for (int64_t i = 0; i < t.elements(); ++i) {
      int64_t source = 0, rest = i;
      for (size_t a = 0; a < perm.size(); ++a) {
        source += rest / to[a] * from[size_t(perm[a])];
        rest %= to[a];
      }
      if (is_float(t.dtype())) r.set_real(i, t.real(source));
      else r.set_integer(i, t.integer(source));
    }
    return r;
  }
  StridedShape s{int32_t(perm.size()), {}, {}, {}};
  for (size_t a = 0; a < perm.size(); ++a) {
    s.extent[a] = int32_t(r.shape()[a]);
    s.from[a] = int32_t(from[size_t(perm[a])]);
    s.to[a] = int32_t(to[a]);
  }
  visit_dtype(t.dtype(), [&](auto e) {
    using T = decltype(e);
    strided_copy(s, t.data<T>(), r.data<T>());
  });
  return r;
}

std::vector<int16_t> centered(const Tensor& t) {
  std::vector<int16_t> r(size_t(t.elements()));
  const Quant& q = t.type().quant;
  const int64_t inner = q.axis < 0 ? t.elements() : dense_strides(t.shape())[size_t(q.axis)];
  const int64_t channels = q.axis < 0 ? 1 : t.shape()[size_t(q.axis)];
  const auto subtract = [&](auto&& stored) {
    for (int64_t i = 0, run = 0; i < t.elements(); i += inner, ++run) {
      const int32_t zero = q.empty() ? 0 : q.zero_at(size_t(run % channels));
      for (int64_t k = i; k < i + inner; ++k) r[size_t(k)] = int16_t(stored(k) - zero);
    }
  };
  if (t.dtype() == DType::i8) subtract([d = t.data<int8_t>()](int64_t k) { return d[k]; });
  else subtract([&](int64_t k) { return int32_t(t.integer(k)); });
  return r;
}

}  // namespace burin
