#include "codegen/layers/all.h"

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
