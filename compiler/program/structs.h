// The members of those structs of runtime-min that are more than int32_t after int32_t.
#pragma once
#include "compiler/program/call.h"
#include "runtime-min/kernels/binary.h"
#include "runtime-min/kernels/gather.h"
#include "runtime-min/kernels/matmul.h"
#include "runtime-min/kernels/pool.h"
#include "runtime-min/kernels/reduce.h"
#include "runtime-min/kernels/softmax_s8.h"
#include "runtime-min/kernels/strided_copy.h"
#include "runtime-min/kernels/where.h"
#include "runtime-min/requantize.h"

namespace burin {

template <>
constexpr std::array<std::string_view, 5> enumerators<RequantKind> = {"shift8", "plain", "wide", "table", "vector"};
template <>
constexpr std::array<std::string_view, 3> enumerators<RequantAddKind> = {"linear", "wide", "table"};

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
template <class F>
void fields(WhereShape& s, F& f) {
  f(s.rank), f(s.extent, s.rank), f(s.condition, s.rank), f(s.a, s.rank), f(s.b, s.rank);
}
template <class F>
void fields(StridedShape& s, F& f) {
  f(s.rank), f(s.extent, s.rank), f(s.from, s.rank), f(s.to, s.rank);
}
template <class F>
void fields(GatherElementsShape& s, F& f) {
  f(s.rank), f(s.axis), f(s.limit), f(s.extent, s.rank), f(s.from, s.rank);
}
template <class F>
void fields(GatherNdShape& s, F& f) {
  f(s.batch), f(s.part), f(s.count), f(s.depth), f(s.inner), f(s.extent, s.depth), f(s.stride, s.depth);
}
template <class F>
void fields(MatMulShape& s, F& f) {
  f(s.m), f(s.k), f(s.n), f(s.rank), f(s.extent, s.rank), f(s.a, s.rank), f(s.b, s.rank);
}
template <class F>
void fields(ReduceShape& s, F& f) {
  f(s.kept_rank), f(s.reduced_rank), f(s.count), f(s.kept, s.kept_rank), f(s.kept_stride, s.kept_rank);
  f(s.reduced, s.reduced_rank), f(s.reduced_stride, s.reduced_rank);
}
template <class F>
void fields(PoolShape& s, F& f) {
  f(s.ih), f(s.iw), f(s.oh), f(s.ow), f(s.c), f(s.kh), f(s.kw), f(s.sh), f(s.sw), f(s.dh), f(s.dw), f(s.pt), f(s.pl);
  f(s.include_pad);
}
template <class F>
void fields(SoftmaxQuant& s, F& f) {
  f(s.inverse), f(s.exponent), f(s.zero_point), f(s.lo), f(s.hi);
}

}  // namespace burin
