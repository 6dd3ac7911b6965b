#pragma once
#include "compiler/ops/op.h"
#include "compiler/ops/window.h"

namespace burin {

struct ConvShape;       // runtime-min/kernels/conv.h
struct Requantization;  // compiler/numerics/requantize.h
struct RequantChannel;
struct RequantRange;

/// Convolution over one or two spatial axes:
///   y[n,oy,ox,oc] = clamp(bias[oc] + sum over ky,kx,c of x[n, oy*sy+ky*dy-top, ox*sx+kx*dx-left, g*C+c] *
///   w[oc,ky,kx,c])
/// with g the group of oc and C = input channels / group; what lies outside x is zero (the zero point, when quantized).
/// Inputs: x, w, bias (optional), offset (optional, int32: added to the sum in units of the accumulator; what constant
/// input channels become). x is NCHW and w is OIHW, or with channels_last NHWC and OHWI. A quantized bias without a
/// scale counts in units of the accumulator, x's scale times w's.
struct Conv {
  static constexpr std::string_view names[] = {"conv"};
  static constexpr std::string_view onnx[] = {"Conv", "QLinearConv"};
  static constexpr Arity inputs{2, 4};
  static constexpr QuantRule quant = QuantRule::arithmetic;
  static constexpr Traits traits{.weighted = true, .data = 1};

  Window window;
  int64_t group = 1;
  bool channels_last = false;
  Clamp clamp;

  static void fields(auto& self, auto&& f) {
    Window::fields(self.window, f);
    f("group", self.group), f("channels_last", self.channels_last), f("clamp", self.clamp);
  }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  void eval(Inputs in, Outputs out) const;
  bool operator==(const Conv&) const = default;
  ChannelRole channels(const Type& x) const {
    if (!channels_last) return ChannelRole::other;
    if (group == 1) return ChannelRole::mixes;
    return group == x.shape.back() ? ChannelRole::hands_on : ChannelRole::other;
  }

  /// The shape that kernels take, of channels-last tensors.
  ConvShape shape(const Type& x, const Type& y) const;
};

/// Throws OpError where a layer on real numbers has weights or a bias of another type.
void require_one_type(std::span<const Type> in);

/// What the channels of such a layer store, over all inputs whose stored values lie in `ranges` (one [lo, hi] per input
/// channel of the whole layer; empty: whatever x's type holds). Input channel of weights[o][..][c] is o / (channels /
/// group) * inner + c, inner the last extent of w; `padded`: any tap may also meet the zero point.
struct InputRange {
  int32_t lo, hi;
};
std::vector<RequantChannel> accumulator_channels(const Tensor& w, const Tensor* bias, const Tensor* offset,
                                                 const Type& x, const Type& y, std::span<const int16_t> weights,
                                                 std::span<const InputRange> ranges = {}, int64_t group = 1,
                                                 bool padded = false);

/// Exact requantization of a convolution or fully connected layer with weights w [channels, ...] and an optional bias
/// (a float bias counts as the real number it is). `weights` are centered(w); those of a channel that stores one value
/// whatever the input are cleared, so that every kernel's accumulator stays inside what was proven. docs/numerics.md.
/// Throws OpError when a sum could leave int32.
Requantization accumulator_requantization(const Tensor& w, const Tensor* bias, const Type& x, const Type& y,
                                          Clamp clamp, std::vector<int16_t>& weights, const Tensor* offset = nullptr);

/// The range of stored integers that `clamp` leaves in type `y`.
RequantRange requant_range(const Type& y, Clamp clamp);

}  // namespace burin
