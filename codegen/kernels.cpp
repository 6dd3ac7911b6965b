#include "codegen/layers/all.h"

namespace burin {
namespace {

/// What depends on one number, or on several.
template <class N>
Work work(N count, int64_t scratch = 0) {
  return {{double(count)}, scratch};
}
Work runs_work(const BinaryQ8& l) { return {{double(l.n), double(l.s.extent[0])}}; }
Work pool_work(const PoolLayer& l) { return {{l.cells}, 0, rows_per_call(l.s.oh, l.s.ow)}; }

constexpr Kernel kKernels[] = {
#define KERNEL(kernel, header, layer, needs, when, work)                                                               \
  {#kernel, #header, needs,                                                                                            \
   [](const LayerView& v) -> std::optional<Work> {                                                                     \
     const layer* p = v.as<layer>();                                                                                   \
     if (!p) return std::nullopt;                                                                                      \
     [[maybe_unused]] const layer& l = *p;                                                                             \
     if (!(when)) return std::nullopt;                                                                                 \
     return work;                                                                                                      \
   },                                                                                                                  \
   lower_##kernel},
#define CONVOLUTION(kernel, header, layer, needs)                                                                      \
  {#kernel, #header, needs,                                                                                            \
   [](const LayerView& v) -> std::optional<Work> {                                                                     \
     const layer* l = v.as<layer>();                                                                                   \
     return l ? kernel##_work(*l, v) : std::nullopt;                                                                   \
   },                                                                                                                  \
   [](const LayerView& v) { return lower_conv(v, #kernel, pack_##kernel(*v.as<layer>())); }},
#define CONV_Q8(kernel, header, needs) CONVOLUTION(kernel, header, ConvQ8, needs)
#define CONV_F32(kernel, header, needs) CONVOLUTION(kernel, header, ConvF32, needs)
#include "codegen/kernels.inc"
#undef KERNEL
#undef CONV_Q8
#undef CONV_F32
#undef CONVOLUTION
};

}  // namespace

std::span<const Kernel> kernels() { return kKernels; }

}  // namespace burin
