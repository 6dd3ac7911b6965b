#include "compiler/ops/copies.h"

#include "compiler/ops/elements.h"

namespace burin {

StridedShape strided_shape(const Shape& extent, const Shape& from, const Shape& to) {
  const Axes axes = merge_axes(extent, {from, to});
  StridedShape s{int32_t(axes.extent.size()), {}, {}, {}};
  for (size_t d = 0; d < axes.extent.size(); ++d) {
    s.extent[d] = to_int32(axes.extent[d]);
    s.from[d] = to_int32(axes.strides[0][d]);
    s.to[d] = to_int32(axes.strides[1][d]);
  }
  return s;
}

namespace {

/// 4-bit elements one to a byte.
Tensor unpacked(const Tensor& t) {
  Tensor r(real_type(DType::i8, t.shape()));
  for (int64_t i = 0; i < t.elements(); ++i) r.set_integer(i, t.integer(i));
  return r;
}

}  // namespace

void run_copies(const std::vector<StridedCopy>& copies, Inputs in, Tensor& out) {
  if (info(out.dtype()).bits < 8) {
    std::vector<Tensor> wide;
    for (const Tensor* t : in) wide.push_back(unpacked(*t));
    std::vector<const Tensor*> pointers;
    for (const Tensor& t : wide) pointers.push_back(&t);
    Tensor y = unpacked(out);
    run_copies(copies, pointers, y);
    for (int64_t i = 0; i < y.elements(); ++i) out.set_integer(i, y.integer(i));
    return;
  }
  visit_dtype(out.dtype(), [&](auto e) {
    using T = decltype(e);
    for (const StridedCopy& c : copies) strided_copy(c.shape, in[c.input]->data<T>() + c.from, out.data<T>() + c.to);
  });
}

}  // namespace burin
