// The convolution kernels of kernels.inc on the host.
#include "codegen/layers/conv.h"
#include "codegen/run.h"
#include "compiler/program/structs.h"
#include "runtime-min/kernels/conv_dsp.h"
#include "runtime-min/kernels/conv_f32_fpu.h"
#include "runtime-min/kernels/conv_f32_mve.h"
#include "runtime-min/kernels/conv_few_dsp.h"
#include "runtime-min/kernels/conv_mve.h"
#include "runtime-min/kernels/conv_plain.h"
#include "runtime-min/kernels/conv_rows_mve.h"
#include "runtime-min/kernels/conv_strips_mve.h"
#include "runtime-min/kernels/conv_w16_dsp.h"
#include "runtime-min/kernels/dense_coded.h"
#include "runtime-min/kernels/dense_dsp.h"
#include "runtime-min/kernels/dense_f32_fpu.h"
#include "runtime-min/kernels/dense_f32_mve.h"
#include "runtime-min/kernels/dense_mve.h"
#include "runtime-min/kernels/dense_sparse_dsp.h"
#include "runtime-min/kernels/depthwise_any_dsp.h"
#include "runtime-min/kernels/depthwise_any_mve.h"
#include "runtime-min/kernels/depthwise_dsp.h"
#include "runtime-min/kernels/depthwise_f32_fpu.h"
#include "runtime-min/kernels/depthwise_f32_mve.h"
#include "runtime-min/kernels/depthwise_mve.h"
#include "runtime-min/kernels/depthwise_taps_dsp.h"
#include "runtime-min/kernels/pointwise_sparse.h"
#include "runtime-min/kernels/winograd_dsp.h"
#include "runtime-min/kernels/winograd_f32_fpu.h"
#include "runtime-min/kernels/winograd_f32_mve.h"

namespace burin {
namespace {

/// The kernel with its first template argument true, where it has one and the call says so, or without.
#define FORMS(kernel)                                                                                                  \
  [&]<class... A>(A... a) {                                                                                            \
    if (c.call.types.empty()) {                                                                                        \
      if constexpr (requires { kernel(a...); }) return void(kernel(a...));                                             \
    } else if constexpr (requires { kernel<true>(a...); }) {                                                           \
      return void(kernel<true>(a...));                                                                                 \
    }                                                                                                                  \
    refuse(c, "template arguments that it does not have");                                                             \
  }

template <class W, class Kernel>
void conv_q8(const HostCall& c, Kernel&& kernel) {
  if (c.values.size() != 9) refuse(c, "another number of arguments");
  visit_q8(c, 3, 7, [&](auto x, auto y) {
    using X = typename decltype(x)::type;
    using Y = typename decltype(y)::type;
    kernel(take<ConvShape>(c, 0), take<Requant>(c, 1), take<int32_t>(c, 2), take<const X* const*>(c, 3),
           take<int32_t>(c, 4), take<const W*>(c, 5), take<const int32_t*>(c, 6), take<Y*>(c, 7), take<void*>(c, 8));
  });
}

template <class Kernel>
void conv_f32(const HostCall& c, Kernel&& kernel) {
  if (c.values.size() != 9) refuse(c, "another number of arguments");
  kernel(take<ConvShape>(c, 0), take<float>(c, 1), take<float>(c, 2), take<const float* const*>(c, 3),
         take<int32_t>(c, 4), take<const float*>(c, 5), take<const float*>(c, 6), take<float*>(c, 7),
         take<void*>(c, 8));
}

template <bool tails>
void dense_any(const HostCall& c) {
  visit_q8(c, 1, 2, [&](auto x, auto y) {
    invoke(c, &dense_any_q8_dsp<tails, typename decltype(x)::type, typename decltype(y)::type>);
  });
}

}  // namespace

const HostFunctions& conv_functions() {
  static const HostFunctions r = {
#define KERNEL(...)
#define REFERENCE(...)
#define CONV_Q8(kernel, header, needs, order)                                                                          \
  {#kernel, [](const HostCall& c) {                                                                                    \
     using W = typename decltype(pack_##kernel(std::declval<const ConvQ8&>()).weights)::value_type;                    \
     conv_q8<W>(c, FORMS(kernel));                                                                                     \
   }},
#define CONV_F32(kernel, header, needs, order) {#kernel, [](const HostCall& c) { conv_f32(c, FORMS(kernel)); }},
#include "codegen/kernels.inc"
#undef CONV_F32
#undef CONV_Q8
#undef KERNEL
#undef REFERENCE
      {"dense_any_q8_dsp", [](const HostCall& c) { c.type(0) == "true" ? dense_any<true>(c) : dense_any<false>(c); }},
  };
  return r;
}

}  // namespace burin
