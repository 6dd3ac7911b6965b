// Convolutions and fully connected layers in float32.
#include <algorithm>

#include "codegen/layers/common.h"
#include "codegen/layers/conv.h"
#include "codegen/rows.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/dense.h"
#include "runtime-min/kernels/depthwise_f32_mve.h"

namespace burin {
namespace {

/// Filters interleaved by `together`, then the others one by one; a bias for each.
PackedF32 interleaved(const ConvF32& c, int32_t together) {
  PackedF32 r;
  r.weights.reserve(c.weights.size());
  int32_t o = 0;
  for (; o + together <= c.s.oc; o += together)
    for (int64_t k = 0; k < c.taps; ++k)
      for (int32_t f = 0; f < together; ++f) r.weights.push_back(c.weights[size_t((o + f) * c.taps + k)]);
  r.weights.insert(r.weights.end(), c.weights.begin() + o * c.taps, c.weights.end());
  r.bias.assign(c.bias.begin(), c.bias.end());
  r.bias.resize(size_t(c.s.oc));
  return r;
}

/// Filters interleaved in vectors for Helium: by `together`, by four, then the others; weights and bias end with a
/// whole vector.
PackedF32 in_vectors(const ConvF32& c, int32_t together) {
  PackedF32 r;
  r.weights.reserve(c.weights.size() + 4);
  for (int32_t o = 0, count = 0; o < c.s.oc; o += count) {
    const int32_t left = c.s.oc - o;
    count = left >= together ? together : std::min(left, 4);
    for (int64_t k = 0; k < c.taps; ++k)
      for (int32_t f = 0; f < count; ++f) r.weights.push_back(c.weights[size_t((o + f) * c.taps + k)]);
  }
  const size_t behind = size_t((4 - c.s.oc % 4) % 4);
  r.weights.resize(r.weights.size() + behind);
  r.bias.assign(c.bias.begin(), c.bias.end());
  r.bias.resize(size_t(c.s.oc) + behind);
  return r;
}

/// Are products and sums cheaper in one instruction?
bool fused(const Target& t) { return t.cost("fmac") < t.cost("fmul") + t.cost("fadd"); }

}  // namespace

std::optional<ConvF32> ConvF32::of(const LayerView& v) {
  const std::optional<Geometry> g = geometry(v);
  if (!g || v.in(0).dtype != DType::f32 || !v.constant(1)) return std::nullopt;
  ConvF32 c{};
  c.s = g->s, c.image = g->image, c.batch = g->batch, c.dense = g->dense, c.pointwise = g->pointwise;
  c.depthwise = is_depthwise(g->s);
  c.taps = int64_t(c.s.kh) * c.s.kw * (c.s.ic / c.s.groups);
  c.outputs = int64_t(c.s.oh) * c.s.ow * c.s.oc;
  c.products = double(c.outputs) * double(c.taps);
  c.clamp = v.node.as<Conv>() ? v.node.as<Conv>()->clamp : v.node.as<Dense>()->clamp;
  c.weights = v.constant(1)->as<float>();
  if (v.constant(2)) c.bias = v.constant(2)->as<float>();
  return c;
}

PackedF32 pack_conv_f32_ref(const ConvF32& c) {
  return {{c.weights.begin(), c.weights.end()}, {c.bias.begin(), c.bias.end()}};
}
PackedF32 pack_conv_f32_fpu(const ConvF32& c) { return interleaved(c, 4); }
PackedF32 pack_winograd_f32_fpu(const ConvF32& c) { return interleaved(c, 1); }
PackedF32 pack_pointwise_f32_fpu(const ConvF32& c) { return interleaved(c, 4); }
PackedF32 pack_dense_f32_fpu(const ConvF32& c) { return interleaved(c, 8); }
PackedF32 pack_depthwise_f32_fpu(const ConvF32& c) { return interleaved(c, 1); }
PackedF32 pack_conv_f32_mve(const ConvF32& c) { return in_vectors(c, 8); }
PackedF32 pack_pointwise_f32_mve(const ConvF32& c) { return in_vectors(c, 8); }
PackedF32 pack_dense_f32_mve(const ConvF32& c) { return in_vectors(c, 16); }
PackedF32 pack_depthwise_f32_mve(const ConvF32& c) {
  PackedF32 r;
  const int32_t taps = c.s.kh * c.s.kw;
  for (int32_t o = 0; o < c.s.oc; o += 4)
    for (int32_t k = 0; k < taps; ++k) {
      const int32_t tap = mve_f32_by_columns(c.s) ? k % 3 * c.s.kw + k / 3 : k;
      for (int32_t i = 0; i < 4; ++i)
        r.weights.push_back(c.weights[size_t((std::min(o, c.s.oc - 4) + i) * taps + tap)]);
    }
  r.bias.assign(c.bias.begin(), c.bias.end());
  r.bias.resize(size_t(c.s.oc));
  return r;
}
PackedF32 pack_winograd_f32_mve(const ConvF32& c) {
  PackedF32 r;
  for (int32_t o = 0; o < c.s.oc; o += 8)
    for (int32_t channel = 0; channel < c.s.ic; ++channel)
      for (int32_t k = 0; k < 9; ++k)
        for (int32_t f = o; f < std::min(o + 8, c.s.oc); ++f)
          r.weights.push_back(c.weights[size_t(f * c.taps + k * c.s.ic + channel)]);
  r.bias.assign(c.bias.begin(), c.bias.end());
  r.bias.resize(size_t(c.s.oc));
  return r;
}

LayerCode lower_conv(const LayerView& v, std::string function, PackedF32 packed) {
  const ConvF32& c = *v.as<ConvF32>();
  const ConvShape s = row_calls(c.s, c.image, c.batch, v.node.rows).s;
  Call call{std::move(function), {}, {s_name, c.clamp.lo, c.clamp.hi, Rows{}, RowCount{}, pointer("w")}};
  if (v.node.kernel->needs == "fpu" && fused(v.target)) call.types = {"true"};
  call.arguments.push_back(packed.bias.empty() ? Argument(Null{}) : pointer("bias"));
  call.arguments.push_back(pointer("y"));
  call.arguments.push_back(v.node.scratch > 0 ? pointer("scratch") : Argument(Null{}));
  call.rows = row_loop(v);
  LayerCode code = one_call(std::string(v.node.kernel->header), std::move(call), {{"s", struct_of(s), true}});
  code.packed = {1, 2};
  code.constants = {{"w", constant_of(std::move(packed.weights))}};
  if (!packed.bias.empty()) code.constants.push_back({"bias", constant_of(std::move(packed.bias))});
  return code;
}

}  // namespace burin
