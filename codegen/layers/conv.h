// Convolutions as kernels see them.
#pragma once
#include "codegen/layer.h"
#include "compiler/numerics/requantize.h"
#include "runtime-min/kernels/conv.h"

namespace burin {

/// A convolution or fully connected layer on int8 or uint8. A fully connected layer of `pixels` rows is a 1x1
/// convolution over an image of one row.
struct ConvQ8 {
  static std::optional<ConvQ8> of(const LayerView& v);

  ConvShape s, image;  // as in Geometry
  int64_t batch;
  bool dense;           // made of a fully connected operator
  bool pointwise;       // 1x1, stride 1, no padding: any run of pixels, so the shape is one row
  bool depthwise;       // one input channel a group and as many outputs as inputs
  bool channelwise;     // one input channel a group, one or more outputs
  bool int8_weights;    // centered weights fit int8
  bool hs;              // H/s packing is exact for every filter (runtime-min/kernels/conv_dsp.h)
  bool one_multiplier;  // requantization is shift8 with the same multiplier for all channels
  int64_t zeros;        // weights that are zero
  int64_t taps;         // products of one output
  int64_t outputs;      // of one image
  double products;      // of one image
  int64_t bound;        // largest |sum + bias| over all channels
  int32_t x_zero;
  DType x, y;
  bool aligned;  // y begins at a whole word: it lies in the arena (the caller's buffers of bytes need not)
  std::vector<int16_t> weights;  // [oc][kh][kw][ic / groups], zero point subtracted
  Requantization requant;
  std::optional<Requantization> mve_requant;  // the same for Helium, where it is proven and the core has it
  std::map<std::string, int> needed;

  /// Products of one pixel without those of blocks of zeros: quads of inputs times four filters (dense_sparse_dsp.h).
  double block_products() const;
  /// Weights that are not zero, in whole words (pointwise_sparse.h).
  double listed_weights() const;

  /// Helium's kernels for one group are exact here.
  bool mve() const {
    return mve_requant && int8_weights && s.groups == 1 && taps > 0 && outputs > 0 && s.oc < (1 << 14);
  }
  bool mve_depthwise() const;  // its shape suits depthwise_q8_mve
  int32_t mve_rows() const;    // output rows a call of it makes
};

/// The same in float32.
struct ConvF32 {
  static std::optional<ConvF32> of(const LayerView& v);
  ConvShape s, image;
  int64_t batch;
  bool dense, pointwise, depthwise;
  int64_t taps, outputs;  // as above
  double products;
  Clamp clamp;
  std::span<const float> weights, bias;  // [oc][kh][kw][ic / groups]; [oc] or empty; the graph's
};

/// The shape of a convolution or fully connected layer, one image; pointwise layers are one row of pixels, and `image`
/// is what they are in rows, those of all images.
struct Geometry {
  ConvShape s, image;
  int64_t batch;
  bool dense, pointwise;
};
std::optional<Geometry> geometry(const LayerView& v);
bool is_depthwise(const ConvShape& s);

/// How rows of a layer become calls: the image as the kernel sees it, and how many of its rows a call makes.
struct RowCalls {
  ConvShape s;
  int64_t batch;
  int32_t n;
  int64_t count() const { return (s.oh + int64_t(n) - 1) / n; }
};
/// By Node::rows. A pointwise layer is one row and one call, unless there are fewer rows than the image has: then rows
/// are joined as long as calls do not share them.
RowCalls row_calls(const ConvShape& s, const ConvShape& image, int64_t batch, int32_t rows);
/// Bytes of working memory that a node may have so that the arena grows by `growth` of its size at most: what is live
/// elsewhere at the same time is counted, other nodes' working memory is not.
int64_t spare_bytes(const LayerView& v, double growth);

/// What a kernel on integers reads beside its input, in the order of its loops.
template <class W>
struct PackedConv {
  std::vector<W> weights;
  std::vector<int32_t> params;
  std::optional<Requant> device = {};  // what the parameters belong to; nothing: ConvQ8::requant
  bool pairs = false;  // the kernel would store whole words, but y is not aligned: its kPairs (conv_mve.h)
};
/// Zero point of the activations for kernels that make uint8 signed.
int32_t signed_zero(const ConvQ8& c);
/// Is H/s packing exact for filter o (runtime-min/kernels/conv_dsp.h)?
bool hs_exact(const ConvQ8& c, int32_t o);

// One for each line of kernels.inc, by its name. A block (Work::block) goes in front of its parameters.
PackedConv<int8_t> pack_conv_q8_ref(const ConvQ8& c);
PackedConv<int16_t> pack_conv_q8_w16_ref(const ConvQ8& c);
PackedConv<int8_t> pack_conv_q8_plain(const ConvQ8& c);
PackedConv<int8_t> pack_depthwise_q8_plain(const ConvQ8& c);
PackedConv<uint32_t> pack_conv_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_pointwise_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_dense_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_depthwise_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_dense_one_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_dense_any_q8_dsp(const ConvQ8& c);  // of both
PackedConv<uint32_t> pack_dense_sparse_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_pointwise_sparse_q8(const ConvQ8& c);
PackedConv<uint16_t> pack_dense_coded_q8(const ConvQ8& c);
PackedConv<uint32_t> pack_conv_q8_w16_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_conv_few_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_depthwise_any_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_depthwise_taps_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_depthwise_w16_q8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_winograd_q8_dsp(const ConvQ8& c);
PackedConv<int8_t> pack_winograd_q8_w8_dsp(const ConvQ8& c);
PackedConv<uint32_t> pack_conv_q8_mve(const ConvQ8& c);
PackedConv<uint32_t> pack_conv_rows_q8_mve(const ConvQ8& c);
PackedConv<uint32_t> pack_conv_strips_q8_mve(const ConvQ8& c);
PackedConv<uint32_t> pack_pointwise_q8_mve(const ConvQ8& c);
PackedConv<uint32_t> pack_dense_q8_mve(const ConvQ8& c);
PackedConv<uint32_t> pack_depthwise_q8_mve(const ConvQ8& c);
PackedConv<uint32_t> pack_depthwise_in_place_q8_mve(const ConvQ8& c);
PackedConv<uint32_t> pack_depthwise_lines_q8_mve(const ConvQ8& c);
PackedConv<uint32_t> pack_depthwise_any_q8_mve(const ConvQ8& c);

/// The calls of `function`, the kernel of the node.
LayerCode lower_conv(const LayerView& v, std::string function, NamedConstant weights, std::vector<int32_t> params,
                     const std::optional<Requant>& device, bool pairs);
template <class W>
LayerCode lower_conv(const LayerView& v, std::string function, PackedConv<W> packed) {
  return lower_conv(v, std::move(function), {"w", constant_of(std::move(packed.weights))}, std::move(packed.params),
                    packed.device, packed.pairs);
}

/// The same for float32 (conv_f32.cpp). An empty bias is none.
struct PackedF32 {
  std::vector<float> weights, bias;
};
PackedF32 pack_conv_f32_ref(const ConvF32& c);
PackedF32 pack_conv_f32_fpu(const ConvF32& c);
PackedF32 pack_winograd_f32_fpu(const ConvF32& c);
PackedF32 pack_pointwise_f32_fpu(const ConvF32& c);
PackedF32 pack_dense_f32_fpu(const ConvF32& c);
PackedF32 pack_depthwise_f32_fpu(const ConvF32& c);
PackedF32 pack_conv_f32_mve(const ConvF32& c);
PackedF32 pack_pointwise_f32_mve(const ConvF32& c);
PackedF32 pack_dense_f32_mve(const ConvF32& c);
PackedF32 pack_depthwise_f32_mve(const ConvF32& c);
PackedF32 pack_winograd_f32_mve(const ConvF32& c);
LayerCode lower_conv(const LayerView& v, std::string function, PackedF32 packed);

// When a kernel serves, and what it would ask; how many bytes pack_<name> makes, without the block in front of its
// parameters, counted: packing takes as long as weights are large, and only what is chosen is packed.
#define CONVOLUTION(kernel, layer)                                                                                     \
  std::optional<Work> kernel##_work(const layer& l, const LayerView& v);                                               \
  int64_t kernel##_bytes(const layer& c);
#define CONV_Q8(kernel, header, needs, order) CONVOLUTION(kernel, ConvQ8)
#define CONV_F32(kernel, header, needs, order) CONVOLUTION(kernel, ConvF32)
#define KERNEL(...)
#define REFERENCE(...)
#include "codegen/kernels.inc"
#undef KERNEL
#undef REFERENCE
#undef CONV_F32
#undef CONV_Q8
#undef CONVOLUTION
int64_t dense_any_q8_dsp_bytes(const ConvQ8& c);

}  // namespace burin
