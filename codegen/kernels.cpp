#include "codegen/layers/binary.h"
#include "codegen/layers/conv.h"
#include "codegen/layers/elementwise.h"
#include "codegen/layers/gather.h"
#include "codegen/layers/matmul.h"
#include "codegen/layers/movement.h"
#include "codegen/layers/pool.h"
#include "codegen/layers/quantize.h"
#include "codegen/layers/reduce.h"
#include "codegen/layers/softmax.h"
#include "runtime-min/kernels/conv_dsp.h"
#include "runtime-min/kernels/dense_dsp.h"
#include "runtime-min/kernels/depthwise_dsp.h"

namespace burin {
namespace {

constexpr Kernel kKernels[] = {
#define KERNEL(kernel, header, layer, print, needs, when, cycles, scratch)            \
  {#kernel, #header, needs,                                                           \
   [](const LayerView& v) -> std::optional<Cost> {                                    \
     const layer* p = v.as<layer>();                                                  \
     if (!p) return std::nullopt;                                                     \
     [[maybe_unused]] const layer& l = *p;                                            \
     if (!(when)) return std::nullopt;                                                \
     return Cost{double(cycles), int64_t(scratch)};                                   \
   },                                                                                 \
   print},
#include "codegen/kernels.inc"
#undef KERNEL
};

}  // namespace

std::span<const Kernel> kernels() { return kKernels; }

}  // namespace burin
