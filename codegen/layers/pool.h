// Pools, driven by rows.
#pragma once
#include "codegen/layers/reference.h"
#include "runtime-min/kernels/pool_dsp.h"

namespace burin {

/// Max or average pool of channels-last images.
struct PoolLayer {
  static std::optional<PoolLayer> of(const LayerView& v);
  PoolShape s;
  bool max;
  bool quantized;
  double cells;  // that windows read, over all images and channels

  bool f32() const { return !max && !quantized; }
  bool q8() const { return !max && quantized; }
  bool dsp() const { return q8() && s.c % 4 == 0 && pool_fits_halves(s); }
  bool mve() const { return q8() && s.c >= 16; }
  bool mve_f32() const { return f32() && s.c >= 4; }
};

inline LayerCode lower_pool_max_ref(const LayerView& v) { return lower_reference(v); }
inline LayerCode lower_pool_average_f32_ref(const LayerView& v) { return lower_reference(v); }
inline LayerCode lower_pool_average_q8_ref(const LayerView& v) { return lower_reference(v); }
LayerCode lower_pool_average_f32_mve(const LayerView& v);
LayerCode lower_pool_average_q8_dsp(const LayerView& v);
LayerCode lower_pool_average_q8_mve(const LayerView& v);

}  // namespace burin
