// Tensors in another order of axes.
#pragma once
#include <span>
#include <vector>

#include "compiler/ir/tensor.h"

namespace burin {

/// Result axis i is axis perm[i] of t; the axis of a per-channel Quant moves along.
Tensor permute(const Tensor& t, const std::vector<int64_t>& perm);
Type permute(const Type& t, const std::vector<int64_t>& perm);

/// perm that brings [N, C, spatial...] to [N, spatial..., C], and its inverse.
std::vector<int64_t> to_channels_last(int rank);
std::vector<int64_t> to_channels_first(int rank);
/// The permutation that undoes `perm`.
std::vector<int64_t> inverse(const std::vector<int64_t>& perm);
/// first `a`, then `b`.
std::vector<int64_t> compose(const std::vector<int64_t>& a, const std::vector<int64_t>& b);
/// True when only axes of extent 1 change places: the bytes stay where they are.
bool moves_no_data(const Shape& shape, const std::vector<int64_t>& perm);

/// eval() of an operator with a channels_last flag that is not set: the meaning is that of channels-last, with the
/// first `images` inputs and the output in another order.
template <class T>
void eval_channels_last(T op, std::span<const Tensor* const> in, std::span<Tensor> out, size_t images) {
  const std::vector<int64_t> perm = to_channels_last(in[0]->type().rank());
  std::vector<Tensor> moved, y{Tensor(permute(out[0].type(), perm))};
  for (size_t i = 0; i < images; ++i) moved.push_back(permute(*in[i], perm));
  std::vector<const Tensor*> all(in.begin(), in.end());
  for (size_t i = 0; i < images; ++i) all[i] = &moved[i];
  op.channels_last = true;
  op.eval(all, y);
  const Type type = out[0].type();
  out[0] = permute(y[0], inverse(perm));
  out[0].type() = type;
}

/// Without its zero point, as int16 (int8, uint8, int4 and uint4 weights all fit).
std::vector<int16_t> centered(const Tensor& quantized);

}  // namespace burin
