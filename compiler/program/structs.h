// The members of those structs of runtime-min that are more than int32_t after int32_t, where several files need them.
// Those of a single operator stand in its .cpp.
#pragma once
#include "compiler/program/call.h"
#include "runtime-min/kernels/binary.h"
#include "runtime-min/requantize.h"

namespace burin {

template <>
inline constexpr std::array<std::string_view, 5> enumerators<RequantKind> = {"shift8", "plain", "wide", "table",
                                                                             "vector"};
template <>
inline constexpr std::array<std::string_view, 3> enumerators<RequantAddKind> = {"linear", "wide", "table"};

template <class F>
void fields(Requant& s, F& f) {
  f(s.kind), f(s.shift), f(s.offset), f(s.lo), f(s.hi), f(s.zero_point);
}
template <class F>
void fields(RequantAdd& s, F& f) {
  f(s.kind), f(s.shift), f(s.offset), f(s.x_multiplier), f(s.y_multiplier), f(s.x_bias), f(s.y_bias), f(s.tie);
  f(s.lo), f(s.hi), f(s.zero_point), f(s.row), f(s.table);
}
template <class F>
void fields(BinaryShape& s, F& f) {
  f(s.rank), f(s.extent, s.rank), f(s.a, s.rank), f(s.b, s.rank);
}

}  // namespace burin
