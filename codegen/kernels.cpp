#include "codegen/layers/all.h"
#include "compiler/ops/all.h"

namespace burin {
namespace {

/// What depends on one number, or on several.
template <class N>
Work work(N count, int64_t scratch = 0) {
  return {{double(count)}, scratch};
}
Work runs_work(const BinaryMve& l) { return {{double(l.n), double(l.s.extent[0])}}; }
Work pool_work(const PoolLayer& l) { return {{l.cells}, 0, rows_per_call(l.s.oh, l.s.ow)}; }
Work pool_rows_work(const PoolLayer& l, int64_t sums) { return {{l.cells}, 4 * sums, l.s.ih, 0, {}, 1, 0, true}; }

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
#define REFERENCE(kernel, header, operator_type, when, work)                                                           \
  {#kernel, #header, "",                                                                                               \
   [](const LayerView& v) -> std::optional<Work> {                                                                     \
     const Reference* p = v.as<Reference>();                                                                           \
     if (!p || !p->op.is<operator_type>()) return std::nullopt;                                                        \
     [[maybe_unused]] const Reference& l = *p;                                                                         \
     [[maybe_unused]] const operator_type& o = *p->op.as<operator_type>();                                             \
     if (!(when)) return std::nullopt;                                                                                 \
     return work;                                                                                                      \
   },                                                                                                                  \
   lower_reference},
#define CONVOLUTION(kernel, header, layer, needs, order)                                                               \
  {#kernel,                                                                                                            \
   #header,                                                                                                            \
   needs,                                                                                                              \
   [](const LayerView& v) -> std::optional<Work> {                                                                     \
     const layer* l = v.as<layer>();                                                                                   \
     return l ? kernel##_work(*l, v) : std::nullopt;                                                                   \
   },                                                                                                                  \
   [](const LayerView& v) { return lower_conv(v, #kernel, pack_##kernel(*v.as<layer>())); },                           \
   KernelOrder::order,                                                                                                 \
   [](const LayerView& v) { return kernel##_bytes(*v.as<layer>()); }},
#define CONV_Q8(kernel, header, needs, order) CONVOLUTION(kernel, header, ConvQ8, needs, order)
#define CONV_F32(kernel, header, needs, order) CONVOLUTION(kernel, header, ConvF32, needs, order)
#include "codegen/kernels.inc"
#undef KERNEL
#undef REFERENCE
#undef CONV_Q8
#undef CONV_F32
#undef CONVOLUTION
};

}  // namespace

std::span<const Kernel> kernels() { return kKernels; }

}  // namespace burin
