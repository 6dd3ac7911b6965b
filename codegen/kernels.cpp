#include <array>
#include <tuple>

#include "codegen/layers/all.h"

namespace burin {
namespace {

template <class... T>
constexpr std::array<double, sizeof...(T)> numbers(T... n) {
  return {double(n)...};
}

constexpr Kernel kKernels[] = {
#define KERNEL(kernel, header, layer, print, needs, when, counts, scratch)                                             \
  {#kernel,                                                                                                            \
   #header,                                                                                                            \
   needs,                                                                                                              \
   std::tuple_size_v<decltype([](const layer& l) {                                                                     \
     (void)l;                                                                                                          \
     return numbers counts;                                                                                            \
   }(std::declval<layer>()))>,                                                                                         \
   [](const LayerView& v) -> std::optional<Work> {                                                                     \
     const layer* p = v.as<layer>();                                                                                   \
     if (!p) return std::nullopt;                                                                                      \
     [[maybe_unused]] const layer& l = *p;                                                                             \
     if (!(when)) return std::nullopt;                                                                                 \
     const auto all = numbers counts;                                                                                  \
     return Work{{all.begin(), all.end()}, int64_t(scratch)};                                                          \
   },                                                                                                                  \
   print},
#include "codegen/kernels.inc"
#undef KERNEL
};

}  // namespace

std::span<const Kernel> kernels() { return kKernels; }

}  // namespace burin
