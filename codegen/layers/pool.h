// Pools, driven by rows.
#pragma once
#include "codegen/layer.h"
#include "compiler/ops/pool.h"
#include "compiler/ops/requantization.h"
#include "runtime-min/kernels/pool_dsp.h"

namespace burin {

/// Max or average pool of channels-last images.
struct PoolLayer {
  static std::optional<PoolLayer> of(const LayerView& v);
  PoolShape s;
  int64_t batch;
  bool max;
  bool quantized;
  DType x, y;
  double cells;                // that windows read, over all images and channels
  std::vector<uint8_t> table;  // maximum to another scale; empty: as it is
  PoolRequantization average;  // quantized mean

  bool f32() const { return !max && !quantized; }
  bool q8() const { return !max && quantized; }
  bool dsp() const { return !max && quantized && s.c % 4 == 0 && pool_fits_halves(s); }
  bool mve() const { return !max && quantized && s.c >= 16; }
  bool mve_f32() const { return !max && !quantized && s.c >= 4; }
};

LayerCode lower_pool_max_ref(const LayerView& v);
LayerCode lower_pool_average_f32_ref(const LayerView& v);
LayerCode lower_pool_average_f32_mve(const LayerView& v);
LayerCode lower_pool_average_q8_ref(const LayerView& v);
LayerCode lower_pool_average_q8_dsp(const LayerView& v);
LayerCode lower_pool_average_q8_mve(const LayerView& v);

}  // namespace burin
