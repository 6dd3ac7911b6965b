// Elementwise functions of runtime-min on the host.
#include <fmt/format.h>

#include <stdexcept>

#include "compiler/program/host.h"
#include "compiler/program/structs.h"
#include "runtime-min/kernels/binary_f32_mve.h"
#include "runtime-min/kernels/binary_mve.h"
#include "runtime-min/kernels/cast.h"
#include "runtime-min/kernels/lut.h"
#include "runtime-min/kernels/lut_mve.h"
#include "runtime-min/kernels/pad.h"
#include "runtime-min/kernels/quantize.h"
#include "runtime-min/kernels/unary.h"

namespace burin {

void refuse(const HostCall& c, const std::string& what) {
  throw std::invalid_argument(fmt::format("{} was called with {}", c.call.function, what));
}

namespace {

enum class Takes { real, number, integer, boolean, any };
enum class Gives { same, truth };

/// f(Tag<fn_name>, takes, gives) of the row with that name.
template <class F>
void visit_unary(const HostCall& c, F&& f) {
#define UNARY(name, onnx, alpha, a, beta, b, takes, gives, exact)                                                      \
  if (c.type(0) == "fn_" #name)                                                                                        \
    return f(Tag<fn_##name>{}, std::integral_constant<Takes, Takes::takes>{},                                          \
             std::integral_constant<Gives, Gives::gives>{});
#define UNARY_ONLY_IR(...) UNARY(__VA_ARGS__)
#include "compiler/ops/unary.inc"
#undef UNARY
#undef UNARY_ONLY_IR
  refuse(c, c.type(0));
}
template <class F>
void visit_binary(const HostCall& c, F&& f) {
#define BINARY(name, onnx, takes, gives)                                                                               \
  if (c.type(0) == "fn_" #name)                                                                                        \
    return f(Tag<fn_##name>{}, std::integral_constant<Takes, Takes::takes>{},                                          \
             std::integral_constant<Gives, Gives::gives>{});
#define BINARY_ONLY_IR(...) BINARY(__VA_ARGS__)
#include "compiler/ops/binary.inc"
#undef BINARY
#undef BINARY_ONLY_IR
  refuse(c, c.type(0));
}

template <class T>
constexpr bool takes_type(Takes t) {
  constexpr bool real = std::is_floating_point_v<T>;
  return t == Takes::any || (t == Takes::number) || (t == Takes::real && real) || (t == Takes::integer && !real) ||
         (t == Takes::boolean && std::is_same_v<T, uint8_t>);
}

void unary_any(const HostCall& c) {
  visit_unary(c, [&](auto f, auto takes, auto gives) {
    using F = typename decltype(f)::type;
    visit_dtype(c.dtype(3), [&](auto e) {
      using T = decltype(e);
      using Y = std::conditional_t<gives() == Gives::truth, uint8_t, T>;
      // A function of real numbers takes float32 only; booleans their bytes.
      if constexpr (takes_type<T>(takes()) && !(takes() == Takes::real && std::is_same_v<T, double>))
        return invoke(c, &unary<F, T, Y>);
      refuse(c, "elements that it does not take");
    });
  });
}
void unary_real(const HostCall& c) {
  visit_unary(c, [&](auto f, auto takes, auto gives) {
    using F = typename decltype(f)::type;
    if constexpr (takes_type<float>(takes()) && gives() == Gives::same) return invoke(c, &unary_f32<F>);
    refuse(c, "elements that it does not take");
  });
}
void unary_double(const HostCall& c) {
  visit_unary(c, [&](auto f, auto takes, auto gives) {
    using F = typename decltype(f)::type;
    if constexpr (takes() == Takes::real)
      return invoke(c, &unary_f64<F, std::conditional_t<gives() == Gives::truth, uint8_t, double>>);
    refuse(c, "elements that it does not take");
  });
}

void binary_any(const HostCall& c) {
  visit_binary(c, [&](auto f, auto takes, auto gives) {
    using F = typename decltype(f)::type;
    visit_dtype(c.dtype(1), [&](auto e) {
      using T = decltype(e);
      if constexpr (takes_type<T>(takes()))
        return invoke(c, &binary<F, T, std::conditional_t<gives() == Gives::truth, uint8_t, T>>);
      refuse(c, "elements that it does not take");
    });
  });
}
void binary_real(const HostCall& c) {
  visit_binary(c, [&](auto f, auto takes, auto gives) {
    using F = typename decltype(f)::type;
    if constexpr (takes_type<float>(takes()) && gives() == Gives::same) return invoke(c, &binary_f32<F>);
    refuse(c, "elements that it does not take");
  });
}
template <class F>
void binary_real_mve(const HostCall& c) {
  if (c.type(1) == "1" && c.type(2) == "1") return invoke(c, &binary_f32_mve<F, 1, 1>);
  if (c.type(1) == "1" && c.type(2) == "0") return invoke(c, &binary_f32_mve<F, 1, 0>);
  if (c.type(1) == "0" && c.type(2) == "1") return invoke(c, &binary_f32_mve<F, 0, 1>);
  refuse(c, "strides that it does not take");
}

/// f(Tag<A>, Tag<B>, Tag<Y>) of the last three arguments.
template <class F>
void visit_operands(const HostCall& c, F&& f) {
  const size_t y = c.values.size() - 1;
  visit_q8(c, y - 2, y - 1, [&](auto a, auto b) { visit_q8(c, c.dtype(y), [&](auto e) { f(a, b, e); }); });
}
#define OPERANDS(function)                                                                                             \
  {                                                                                                                    \
#function, [](const HostCall& c) {                                                                            \
     visit_operands(c, [&](auto a, auto b, auto y) {                                                             \
       invoke(c, &function<typename decltype(a)::type, typename decltype(b)::type, typename decltype(y)::type>); \
     });                                                                                                         \
   }        \
  }
#define EXTREME(function)                                                                                              \
  {                                                                                                                    \
#function, [](const HostCall& c) {                                                                              \
     visit_operands(c, [&](auto a, auto b, auto y) {                                                               \
       using A = typename decltype(a)::type;                                                                       \
       using B = typename decltype(b)::type;                                                                       \
       using Y = typename decltype(y)::type;                                                                       \
       if (c.type(0) == "fn_min") return invoke(c, &function<fn_min, A, B, Y>);                                    \
       if (c.type(0) == "fn_max") return invoke(c, &function<fn_max, A, B, Y>);                                    \
       refuse(c, c.type(0));                                                                                       \
     });                                                                                                           \
   }      \
  }
/// Arguments x and y are bytes.
#define BYTES(function, x, y)                                                                                          \
  {                                                                                                                    \
#function, [](const HostCall& c) {                                                                  \
     visit_q8(c, x, y, [&](auto a, auto b) {                                                           \
       invoke(c, &function<typename decltype(a)::type, typename decltype(b)::type>);                   \
     });                                                                                               \
   }                  \
  }

template <class F>
void visit_element(const HostCall& c, const std::string& t, F&& f) {
#define ELEMENT(name)                                                                                                  \
  if (t == "el_" #name) return f(Tag<el_##name>{});
  ELEMENT(f32)
  ELEMENT(f64)
  ELEMENT(f16)
  ELEMENT(bf16)
  ELEMENT(i8)
  ELEMENT(u8) ELEMENT(i16) ELEMENT(u16) ELEMENT(i32) ELEMENT(u32) ELEMENT(i64) ELEMENT(u64) ELEMENT(boolean) ELEMENT(i4)
      ELEMENT(u4)
#undef ELEMENT
          refuse(c, t);
}

}  // namespace

const HostFunctions& element_functions() {
  static const HostFunctions r = {
      {"unary", unary_any},
      {"unary_f32", unary_real},
      {"unary_f64", unary_double},
      {"binary", binary_any},
      {"binary_f32", binary_real},
      {"binary_f32_mve",
       [](const HostCall& c) {
         if (c.type(0) == "fn_add") return binary_real_mve<fn_add>(c);
         if (c.type(0) == "fn_sub") return binary_real_mve<fn_sub>(c);
         if (c.type(0) == "fn_mul") return binary_real_mve<fn_mul>(c);
         refuse(c, c.type(0));
       }},
      OPERANDS(add_q8),
      OPERANDS(add_q8_mve),
      OPERANDS(mul_q8),
      OPERANDS(mul_q8_mve),
      EXTREME(extreme_q8),
      EXTREME(extreme_q8_mve),
      BYTES(lut_q8, 2, 3),
      BYTES(lut_q8_mve, 2, 3),
      {"cast",
       [](const HostCall& c) {
         visit_element(c, c.type(0), [&](auto from) {
           visit_element(c, c.type(1), [&](auto to) {
             invoke(c, &cast<typename decltype(from)::type, typename decltype(to)::type>);
           });
         });
       }},
      {"fill",
       [](const HostCall& c) {
         visit_dtype(std::get<Constant>(c.values.at(1)).dtype, [&](auto e) { invoke(c, &fill<decltype(e)>); });
       }},
      {"where", [](const HostCall& c) { visit_dtype(c.dtype(4), [&](auto e) { invoke(c, &where<decltype(e)>); }); }},
      {"quantize_f32",
       [](const HostCall& c) {
         visit_dtype(c.dtype(6), [&](auto e) {
           using Y = decltype(e);
           if constexpr (std::is_integral_v<Y> && sizeof(Y) <= 4) return invoke(c, &quantize_f32<Y>);
           refuse(c, "elements that it does not make");
         });
       }},
      {"dequantize_f32",
       [](const HostCall& c) {
         visit_dtype(c.dtype(3), [&](auto e) {
           using X = decltype(e);
           if constexpr (std::is_integral_v<X> && sizeof(X) <= 4) return invoke(c, &dequantize_f32<X>);
           refuse(c, "elements that it does not take");
         });
       }},
  };
  return r;
}

}  // namespace burin
