// Pools, driven by rows.
#pragma once
#include "codegen/layers/reference.h"
#include "runtime-min/kernels/pool_dsp.h"
#include "runtime-min/kernels/pool_rows_dsp.h"
#include "runtime-min/kernels/pool_rows_f32_mve.h"
#include "runtime-min/kernels/pool_rows_mve.h"

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

  /// Rows of the image can be added up as they come (pool_rows_*).
  bool whole_height() const { return pool_covers_height(s); }
  bool rows_dsp() const { return q8() && whole_height() && s.c % 4 == 0 && pool_row_fits_halves(s); }
  int64_t sums() const { return int64_t(s.ow) * s.c; }
};

inline LayerCode lower_pool_max_ref(const LayerView& v) { return lower_reference(v); }
inline LayerCode lower_pool_average_f32_ref(const LayerView& v) { return lower_reference(v); }
inline LayerCode lower_pool_average_q8_ref(const LayerView& v) { return lower_reference(v); }
LayerCode lower_pool_average_f32_mve(const LayerView& v);
LayerCode lower_pool_average_q8_dsp(const LayerView& v);
LayerCode lower_pool_average_q8_mve(const LayerView& v);
LayerCode lower_pool_rows_f32_ref(const LayerView& v);
LayerCode lower_pool_rows_f32_mve(const LayerView& v);
LayerCode lower_pool_rows_q8_ref(const LayerView& v);
LayerCode lower_pool_rows_q8_dsp(const LayerView& v);
LayerCode lower_pool_rows_q8_mve(const LayerView& v);

}  // namespace burin
