#pragma once
#include "compiler/ops/op.h"
#include "compiler/ops/window.h"

namespace burin {

struct PoolRequantization;  // compiler/ops/requantization.h
struct PoolShape;           // runtime-min/kernels/pool.h

enum class PoolKind : uint8_t { max_pool, average_pool };

/// The largest or the mean element of a window over one or two spatial axes, channel by channel. Padding never wins a
/// maximum; it counts as zeros in a mean with count_include_pad (every window then divides by kernel height * width)
/// and not at all without. x is NCHW, or NHWC with channels_last. What ceil_mode adds at the end never counts: import
/// makes the padding that counts an operator of its own where both occur. Quantized mean: correctly rounded from the
/// exact sum of (x - zx); maximum: of the stored integers, then brought to y's scale.
struct Pool {
  static constexpr std::string_view names[] = {"max_pool", "average_pool"};
  static constexpr std::string_view onnx[] = {"MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"};
  static constexpr Arity inputs{1, 1};
  static constexpr QuantRule quant = QuantRule::arithmetic;

  PoolKind kind{};
  Window window;
  bool count_include_pad = false;
  bool channels_last = false;

  static void fields(auto& self, auto&& f) {
    Window::fields(self.window, f);
    f("count_include_pad", self.count_include_pad), f("channels_last", self.channels_last);
  }
  static void import(OnnxNode& node);
  std::vector<Type> infer(std::span<const Type> in) const;
  void eval(Inputs in, Outputs out) const;
  /// With channels_last, all rows of the result by one call.
  std::optional<LayerCode> call(std::span<const Type> in, const Type& y) const;
  static std::vector<HostEntry> functions();
  bool operator==(const Pool&) const = default;
  ChannelRole channels(const Type&) const { return channels_last ? ChannelRole::hands_on : ChannelRole::other; }
  bool within_operands() const { return true; }
  bool integer_form() const { return true; }

  /// What kernels take, of channels-last types.
  PoolShape shape(const Type& x, const Type& y) const;
};

/// Of a quantized average pool.
PoolRequantization pool_requantization(const Pool& op, const Type& x, const Type& y);

}  // namespace burin
