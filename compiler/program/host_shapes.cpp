// Functions of runtime-min that go by shapes, on the host: copies, gathers, pools, reductions, softmax, products.
#include <cstring>

#include "compiler/program/host.h"
#include "compiler/program/structs.h"
#include "runtime-min/kernels/pool_dsp.h"
#include "runtime-min/kernels/pool_f32_mve.h"
#include "runtime-min/kernels/pool_mve.h"
#include "runtime-min/kernels/softmax.h"

namespace burin {
namespace {

/// f(Tag<T>): an element type of the size of t's, for functions that only move elements.
template <class F>
void visit_size(DType t, F&& f) {
  visit_dtype(t, [&](auto e) {
    if constexpr (sizeof(e) == 1) f(Tag<uint8_t>{});
    else if constexpr (sizeof(e) == 2) f(Tag<uint16_t>{});
    else if constexpr (sizeof(e) == 4) f(Tag<uint32_t>{});
    else f(Tag<uint64_t>{});
  });
}

template <class F>
void visit_index(const HostCall& c, DType t, F&& f) {
  if (t == DType::i8) return f(Tag<int8_t>{});
  if (t == DType::i16) return f(Tag<int16_t>{});
  if (t == DType::i32) return f(Tag<int32_t>{});
  if (t == DType::i64) return f(Tag<int64_t>{});
  refuse(c, "indices that it does not take");
}
#define GATHER(function)                                                                                               \
  {                                                                                                                    \
#function, [](const HostCall& c) {                                                                 \
     visit_size(c.dtype(1), [&](auto e) {                                                             \
       visit_index(c, c.dtype(2), [&](auto i) {                                                       \
         invoke(c, &function<typename decltype(e)::type, typename decltype(i)::type>);                \
       });                                                                                            \
     });                                                                                              \
   }                   \
  }
/// Arguments x and y are bytes.
#define BYTES(function, x, y)                                                                                          \
  {                                                                                                                    \
#function, [](const HostCall& c) {                                                  \
     visit_q8(c, x, y, [&](auto a, auto b) {                                           \
       invoke(c, &function<typename decltype(a)::type, typename decltype(b)::type>);   \
     });                                                                               \
   }                                  \
  }

template <class F>
void visit_reduction(const HostCall& c, F&& f) {
#define REDUCTION(name)                                                                                                \
  if (c.type(0) == #name) return f(Tag<name>{});
  REDUCTION(fn_reduce_sum)
  REDUCTION(fn_reduce_mean)
  REDUCTION(fn_reduce_prod)
  REDUCTION(fn_reduce_max)
  REDUCTION(fn_reduce_min)
  REDUCTION(fn_reduce_l1)
  REDUCTION(fn_reduce_sum_square)
  REDUCTION(fn_reduce_l2)
  REDUCTION(fn_reduce_log_sum)
#undef REDUCTION
  refuse(c, c.type(0));
}

template <bool max, bool last>
void arg(const HostCall& c) {
  visit_dtype(c.dtype(1), [&](auto e) { invoke(c, &reduce_arg<max, last, decltype(e)>); });
}

void* copy_bytes(std::byte* to, const std::byte* from, int64_t n) { return std::memcpy(to, from, size_t(n)); }

}  // namespace

const HostFunctions& shape_functions() {
  static const HostFunctions r = {
      {"__builtin_memcpy",
       [](const HostCall& c) {
         copy_bytes(std::get<HostMemory>(c.values.at(0)).bytes, std::get<HostMemory>(c.values.at(1)).bytes,
                    std::get<int64_t>(c.values.at(2)));
       }},
      {"__builtin_memset",
       [](const HostCall& c) {
         std::memset(std::get<HostMemory>(c.values.at(0)).bytes, int(std::get<int64_t>(c.values.at(1))),
                     size_t(std::get<int64_t>(c.values.at(2))));
       }},
      {"strided_copy",
       [](const HostCall& c) {
         visit_size(c.dtype(1), [&](auto e) { invoke(c, &strided_copy<typename decltype(e)::type>); });
       }},
      GATHER(gather),
      GATHER(gather_elements),
      GATHER(gather_nd),
      {"max_pool_ref",
       [](const HostCall& c) { visit_dtype(c.dtype(3), [&](auto e) { invoke(c, &max_pool_ref<decltype(e)>); }); }},
      BYTES(max_pool_q8_ref, 2, 4),
      {"average_pool_f32_ref", [](const HostCall& c) { invoke(c, &average_pool_f32_ref); }},
      {"average_pool_f32_mve", [](const HostCall& c) { invoke(c, &average_pool_f32_mve); }},
      BYTES(average_pool_q8_ref, 5, 8),
      BYTES(average_pool_q8_dsp, 5, 8),
      BYTES(average_pool_q8_mve, 5, 8),
      {"reduce",
       [](const HostCall& c) {
         visit_reduction(c, [&](auto f) {
           visit_dtype(c.dtype(1), [&](auto e) { invoke(c, &reduce<typename decltype(f)::type, decltype(e)>); });
         });
       }},
      {"reduce_log_sum_exp",
       [](const HostCall& c) {
         visit_dtype(c.dtype(1), [&](auto e) { invoke(c, &reduce_log_sum_exp<decltype(e)>); });
       }},
      {"reduce_arg",
       [](const HostCall& c) {
         if (c.type(0) == "true") return c.type(1) == "true" ? arg<true, true>(c) : arg<true, false>(c);
         return c.type(1) == "true" ? arg<false, true>(c) : arg<false, false>(c);
       }},
      BYTES(reduce_sum_q8, 4, 5),
      {"reduce_extreme_q8",
       [](const HostCall& c) {
         visit_q8(c, 2, 3, [&](auto x, auto y) {
           using X = typename decltype(x)::type;
           using Y = typename decltype(y)::type;
           if (c.type(0) == "fn_reduce_max") return invoke(c, &reduce_extreme_q8<fn_reduce_max, X, Y>);
           if (c.type(0) == "fn_reduce_min") return invoke(c, &reduce_extreme_q8<fn_reduce_min, X, Y>);
           refuse(c, c.type(0));
         });
       }},
      {"softmax_f32",
       [](const HostCall& c) { c.type(0) == "true" ? invoke(c, &softmax_f32<true>) : invoke(c, &softmax_f32<false>); }},
      BYTES(softmax_q8_ref, 3, 4),
      {"matmul_ref",
       [](const HostCall& c) { visit_dtype(c.dtype(1), [&](auto e) { invoke(c, &matmul_ref<decltype(e)>); }); }},
      {"matmul_q8_ref",
       [](const HostCall& c) {
         visit_q8(c, 4, 5, [&](auto a, auto b) {
           visit_q8(c, c.dtype(7), [&](auto y) {
             invoke(c,
                    &matmul_q8_ref<typename decltype(a)::type, typename decltype(b)::type, typename decltype(y)::type>);
           });
         });
       }},
  };
  return r;
}

}  // namespace burin
