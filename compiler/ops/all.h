// Every operator there is, and what does something for each.
#pragma once
#include "compiler/ops/binary.h"
#include "compiler/ops/cast.h"
#include "compiler/ops/concat.h"
#include "compiler/ops/conv.h"
#include "compiler/ops/dense.h"
#include "compiler/ops/expand.h"
#include "compiler/ops/gather.h"
#include "compiler/ops/matmul.h"
#include "compiler/ops/ops.h"
#include "compiler/ops/pad.h"
#include "compiler/ops/pool.h"
#include "compiler/ops/quantize.h"
#include "compiler/ops/reduce.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/slice.h"
#include "compiler/ops/softmax.h"
#include "compiler/ops/transpose.h"
#include "compiler/ops/unary.h"
#include "compiler/ops/where.h"
#include "compiler/program/layer_code.h"

namespace burin {

template <class>
constexpr bool all_operators = false;
template <class... T>
constexpr bool all_operators<OperatorTypes<T...>> = (Operator<T> && ...);
static_assert(all_operators<Operators>);

/// Calls f.template operator()<T>() for every operator, in the order of the list.
template <class F>
void for_each_operator(F&& f) {
  [&]<class... T>(OperatorTypes<T...>) { (f.template operator()<T>(), ...); }(Operators{});
}

/// f(the operator that `op` is), of type R.
template <class R = void, class O, class F>
R visit(O& op, F&& f) {
  if constexpr (std::is_void_v<R>) {
    bool found = false;
    for_each_operator([&]<class T>() {
      if (auto* o = op.template as<T>()) found = true, f(*o);
    });
    if (!found) throw InternalError("a node without an operator");
  } else {
    std::optional<R> r;
    visit<void>(op, [&](auto& o) { r.emplace(f(o)); });
    return std::move(*r);
  }
}

}  // namespace burin
