// Pools, driven by rows.
#pragma once
#include "codegen/layer.h"
#include "compiler/ops/pool.h"
#include "compiler/ops/requantization.h"
#include "runtime-min/kernels/pool.h"

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
};

LayerCode print_pool(const LayerView& v);

}  // namespace burin
