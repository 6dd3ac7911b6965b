// The same as conv_pack.cpp for kernels with Helium.
#include <numeric>

#include "codegen/layers/conv.h"
#include "runtime-min/kernels/conv_mve.h"
#include "runtime-min/kernels/conv_rows_mve.h"
#include "runtime-min/kernels/conv_strips_mve.h"
#include "runtime-min/kernels/depthwise_any_mve.h"
#include "runtime-min/kernels/depthwise_mve.h"

namespace burin {
namespace {

/// Weights for Helium, in words: filters that run together, then those that run alone.
class MveStream {
 public:
  explicit MveStream(const ConvQ8& c) : MveStream(c, signed_zero(c)) {}
  /// `zero`: zero point of the activations as the kernel uses them.
  MveStream(const ConvQ8& c, int32_t zero) : c_(c), zero_(zero) {}

  /// 16 taps of a filter, zeros behind the last one.
  void vector(int32_t filter, int64_t first) {
    for (int64_t k = first; k < first + 16; k += 4) {
      uint32_t word = 0;
      for (int64_t i = 0; i < 4 && k + i < c_.taps; ++i)
        word |= uint32_t(c_.weights[size_t(filter * c_.taps + k + i)] & 0xFF) << (8 * i);
      words_.push_back(word);
    }
  }
  void vectors(std::span<const int32_t> filters, bool back = false) {
    for (int64_t k = 0; k < c_.taps; k += 16)
      for (const int32_t f : filters) vector(f, back ? (c_.taps - 1) / 16 * 16 - k : k);
  }
  /// One tap of four filters.
  void across(int32_t filter, int64_t tap) {
    uint32_t word = 0;
    for (int64_t i = 0; i < 4; ++i)
      word |= uint32_t(c_.weights[size_t((filter + i) * c_.taps + tap)] & 0xFF) << (8 * i);
    words_.push_back(word);
  }
  /// p0 with what the input's zero point adds to every sum, taken off.
  void p0(int32_t filter) {
    const int16_t* w = c_.weights.data() + filter * c_.taps;
    const int64_t zero = zero_ * std::accumulate(w, w + c_.taps, int64_t{0});
    words_.push_back(uint32_t(c_.mve_requant->params[size_t(2 * filter)]) -
                     uint32_t(c_.mve_requant->device.offset) * uint32_t(zero));
  }
  void multiplier(int32_t filter) { words_.push_back(uint32_t(c_.mve_requant->params[size_t(2 * filter + 1)])); }
  void params(int32_t filter) {
    p0(filter);
    multiplier(filter);
  }
  PackedConv<uint32_t> packed() && { return {std::move(words_), {}, c_.mve_requant->device}; }

 private:
  const ConvQ8& c_;
  int32_t zero_;
  std::vector<uint32_t> words_;
};
/// Eight filters, the even ones first.
constexpr int32_t kMveApart[] = {0, 2, 4, 6, 1, 3, 5, 7};

/// `quads`: the kernel goes by four filters where y is aligned.
PackedConv<uint32_t> pack_mve(const ConvQ8& c, bool quads) {
  MveStream m(c);
  const bool by_quads = quads && c.aligned;
  for (int32_t o = 0; by_quads && o < c.s.oc; o += 4)
    for (const bool back : {false, true}) {
      const int32_t filters[] = {o + back, o + back + 2};
      m.vectors(filters, back);
      for (const int32_t f : filters) m.params(f);
    }
  for (int32_t o = by_quads ? c.s.oc : 0; o < c.s.oc; o += 2) {
    const int32_t filters[] = {o, o + 1};
    const auto pair = std::span(filters).first(o + 1 < c.s.oc ? 2 : 1);
    m.vectors(pair);
    for (const int32_t f : pair) m.params(f);
  }
  PackedConv<uint32_t> r = std::move(m).packed();
  r.pairs = quads && !c.aligned;
  return r;
}
}  // namespace

PackedConv<uint32_t> pack_conv_q8_mve(const ConvQ8& c) {
  return pack_mve(c, mve_by_quads(mve_chunks(int32_t(c.taps)), c.s.oc));
}
PackedConv<uint32_t> pack_pointwise_q8_mve(const ConvQ8& c) { return pack_mve(c, mve_pointwise_by_quads(c.s)); }

PackedConv<uint32_t> pack_conv_strips_q8_mve(const ConvQ8& c) { return pack_mve(c, conv_strips_mve_by_quads(c.s)); }
PackedConv<uint32_t> pack_conv_rows_q8_mve(const ConvQ8& c) {
  MveStream m(c);
  for (int32_t o = 0; o < c.s.oc; o += 2) {
    for (int32_t ky = 0; ky < c.s.kh; ++ky)
      for (int32_t part = 0; part < c.s.ic; part += 16)
        for (int32_t i = 0; i < 3; ++i)
          for (const int32_t f : {o, o + 1}) m.vector(f, int64_t(ky * 3 + conv_rows_mve_tap(c.s, i)) * c.s.ic + part);
    m.params(o);
    m.params(o + 1);
  }
  return std::move(m).packed();
}
PackedConv<uint32_t> pack_dense_q8_mve(const ConvQ8& c) {
  MveStream m(c);
  int32_t o = 0;
  for (; o + 8 <= c.s.oc; o += 8) {
    const int32_t filters[] = {o, o + 1, o + 2, o + 3, o + 4, o + 5, o + 6, o + 7};
    m.vectors(filters);
    for (const int32_t f : kMveApart) m.p0(o + f);
    for (const int32_t f : kMveApart) m.multiplier(o + f);
  }
  for (; o < c.s.oc; ++o) {
    m.vectors(std::span(&o, 1));
    m.params(o);
  }
  return std::move(m).packed();
}

namespace {
/// Words of weights along and across a line of outputs, which runs `down` or to the right; shifted by one word if the
/// patches serve `twins`.
PackedConv<uint32_t> pack_patches(const ConvQ8& c, bool down, bool twins) {
  const int32_t along = down ? c.s.kh : c.s.kw, across = down ? c.s.kw : c.s.kh;
  PackedConv<uint32_t> r;
  MveStream params(c);
  for (int32_t o = 0; o < c.s.oc; ++o) {
    if (twins) r.weights.push_back(0);
    for (int32_t k = 0; k < (twins ? 3 : 4); ++k) {
      uint32_t word = 0;
      for (int32_t i = 0; i < across && k < along; ++i)
        word |= uint32_t(c.weights[size_t(o * c.taps + (down ? k * c.s.kw + i : i * c.s.kw + k))] & 0xFF) << (8 * i);
      r.weights.push_back(word);
    }
    params.params(o);
  }
  if (twins) r.weights.insert(r.weights.end(), 4, 0);
  PackedConv<uint32_t> p = std::move(params).packed();
  for (const uint32_t v : p.weights) r.params.push_back(int32_t(v));
  r.device = p.device;
  return r;
}
}  // namespace

PackedConv<uint32_t> pack_depthwise_q8_mve(const ConvQ8& c) {
  return pack_patches(c, mve_depthwise_down(c.s), mve_depthwise_pairs(c.s));
}
PackedConv<uint32_t> pack_depthwise_in_place_q8_mve(const ConvQ8& c) { return pack_depthwise_q8_mve(c); }
PackedConv<uint32_t> pack_depthwise_lines_q8_mve(const ConvQ8& c) {
  return pack_patches(c, false, mve_line_twins(c.s));
}

PackedConv<uint32_t> pack_depthwise_any_q8_mve(const ConvQ8& c) {
  const int32_t taps = int32_t(c.taps), lanes = depthwise_any_mve_lanes(taps);
  MveStream m(c, c.x_zero);
  for (int32_t block = 0; block < depthwise_any_mve_blocks(taps, c.s.oc); ++block) {
    const int32_t first = std::min(block * lanes, c.s.oc - lanes);
    for (int32_t t = 0; t < taps; ++t)
      for (int32_t i = 0; i < lanes; i += 4) m.across(first + i, t);
    for (int32_t eight = first; eight < first + lanes; eight += 8) {
      for (const int32_t f : kMveApart) m.p0(eight + f);
      for (const int32_t f : kMveApart) m.multiplier(eight + f);
    }
  }
  return std::move(m).packed();
}

}  // namespace burin
