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

  ConvShape s;
  int64_t batch;
  bool dense;           // made of a fully connected operator
  bool pointwise;       // 1x1, stride 1, no padding: any run of pixels, so the shape is one row
  bool depthwise;       // one input channel a group and as many outputs as inputs
  bool channelwise;     // one input channel a group, one or more outputs
  bool narrow;          // centered weights fit int8
  bool hs;              // H/s packing is exact for every filter (runtime-min/kernels/conv_dsp.h)
  bool one_multiplier;  // requantization is shift8 with the same multiplier for all channels
  double zeros;         // share of weights that are zero; 0 if so few that kernels of pruned models are too much code
  bool winograd;        // F(2x2, 3x3) is exact, and tiles may take memory (runtime-min/kernels/winograd_dsp.h)
  double tiles;         // of 2x2 outputs, rounded up to rows of four
  int32_t block;        // filters that are transformed at a time on the device; 0: there is no room for them
  int64_t taps;         // products of one output
  int64_t outputs;      // of one image
  double products;      // of one image
  int64_t bound;        // largest |sum + bias| over all channels
  int32_t x_zero;
  int32_t strip;  // output rows of one strip of the depthwise kernel: its working memory grows with them
  DType x, y;
  bool aligned;  // y begins at a whole word: it lies in the arena (the caller's buffers of bytes need not)
  std::vector<int16_t> weights;  // [oc][kh][kw][ic / groups], zero point subtracted
  Requantization requant;
  std::optional<Requantization> vector;  // the same for Helium, where it is proven and the core has it
  std::map<std::string, int> needed;

  /// Has the kernel parts that all layers share under --optimize size (kAny in runtime-min/) for a layer like this?
  bool has_any_form(std::string_view kernel) const;

  /// Products of one pixel without those of blocks of zeros: quads of inputs times four filters (dense_sparse_dsp.h).
  double block_products() const;
  /// Weights that are not zero, in whole words (pointwise_sparse.h).
  double listed_weights() const;

  /// Helium's kernels for one group are exact here.
  bool mve() const { return vector && narrow && s.groups == 1 && taps > 0 && outputs > 0 && s.oc < (1 << 14); }
  bool mve_depthwise() const;  // its shape suits depthwise_q8_mve
  int32_t mve_rows() const;    // output rows a call of it makes
};

/// The same in float32.
struct ConvF32 {
  static std::optional<ConvF32> of(const LayerView& v);
  ConvShape s;
  int64_t batch;
  bool dense, pointwise, depthwise;
  int64_t taps, outputs;  // as above
  double rows3, rows4;    // pixels, rounded up to blocks of three, of four
  double tiles;           // of 2x2 outputs, rounded up to four
  int64_t room;           // bytes that a kernel may take as working memory in exchange for speed
  double products;
  Clamp clamp;
  std::vector<float> weights, bias;  // [oc][kh][kw][ic / groups]; [oc] or empty
};

/// The shape of a convolution or fully connected layer, one image; pointwise layers are one row of pixels.
struct Geometry {
  ConvShape s;
  int64_t batch;
  bool dense, pointwise;
};
std::optional<Geometry> geometry(const LayerView& v);
bool is_depthwise(const ConvShape& s);
/// Bytes of working memory that a node may have so that the arena grows by `growth` of its size at most: what is live
/// elsewhere at the same time is counted, other nodes' working memory is not.
int64_t spare_room(const Graph& g, const Node& node, double growth);
std::string text(const ConvShape& s);
std::string_view kind_name(RequantKind k);

/// What a kernel on integers reads beside its input, in the order of its loops.
template <class W>
struct PackedConv {
  std::vector<W> weights;
  std::vector<int32_t> params;
  std::optional<Requant> device = {};  // what the parameters belong to; nothing: ConvQ8::requant
  bool pairs = false;  // the kernel would store whole words, but y is not aligned: its kPairs (conv_mve.h)
};
/// Is it a kernel whose layers dense_any_q8_dsp serves too, one function for all of them?
inline bool is_dense_dsp(std::string_view kernel) { return kernel == "dense_q8_dsp" || kernel == "dense_one_q8_dsp"; }
/// Zero point of the activations for kernels that make uint8 signed.
int32_t signed_zero(const ConvQ8& c);
/// Is H/s packing exact for filter o (runtime-min/kernels/conv_dsp.h)?
bool hs_exact(const ConvQ8& c, int32_t o);

// One for each line of kernels.inc, by its name.
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
PackedConv<uint32_t> pack_depthwise_any_q8_mve(const ConvQ8& c);

LayerCode print_packed_conv(const LayerView& v, LayerConstant weights, const std::vector<int32_t>& params,
                            const std::optional<Requant>& device, bool pairs);

/// The call of a kernel, of whose line in kernels.inc it is given name, header and packing.
template <auto pack>
LayerCode print_conv_q8(const LayerView& v) {
  const auto packed = pack(*v.as<ConvQ8>());
  using W = typename decltype(packed.weights)::value_type;
  return print_packed_conv(v, LayerConstant{"w", constant_of<W>(packed.weights)}, packed.params, packed.device,
                           packed.pairs);
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
LayerCode print_packed_conv(const LayerView& v, const PackedF32& packed);
template <auto pack>
LayerCode print_conv_f32(const LayerView& v) {
  return print_packed_conv(v, pack(*v.as<ConvF32>()));
}

}  // namespace burin
