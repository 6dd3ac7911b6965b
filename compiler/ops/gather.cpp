#include "compiler/ops/gather.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/ops/calls.h"
#include "compiler/ops/elements.h"
#include "compiler/ops/slice.h"
#include "runtime-min/kernels/gather.h"

namespace burin {

template <class F>
void fields(GatherElementsShape& s, F& f) {
  f(s.rank), f(s.axis), f(s.limit), f(s.extent, s.rank), f(s.from, s.rank);
}
template <class F>
void fields(GatherNdShape& s, F& f) {
  f(s.batch), f(s.part), f(s.count), f(s.depth), f(s.inner), f(s.extent, s.depth), f(s.stride, s.depth);
}

namespace {

int64_t product_of(const Shape& s, size_t first, size_t last) {
  return elements(Shape(s.begin() + int64_t(first), s.begin() + int64_t(last)));
}

/// Constant indices that are an arithmetic progression: a slice, which costs less than a gather (often nothing).
std::optional<Slice> as_slice(const Shape& x, size_t axis, const Tensor& indices) {
  const int64_t n = indices.elements();
  if (n == 0) return std::nullopt;
  auto at = [&](int64_t i) {
    const int64_t v = indices.integer(i);
    return v < 0 ? v + x[axis] : v;
  };
  const int64_t step = n > 1 ? at(1) - at(0) : 1;
  if (step == 0) return std::nullopt;
  for (int64_t i = 1; i < n; ++i)
    if (at(i) - at(i - 1) != step) return std::nullopt;
  Slice s{Shape(x.size(), 0), Shape(x.size(), 1), x};
  s.starts[axis] = at(0), s.steps[axis] = step, s.sizes[axis] = n;
  return s;
}

void check_constant(const Tensor& indices, int64_t stride, int64_t offset, int64_t extent) {
  for (int64_t i = offset; i < indices.elements(); i += stride) {
    const int64_t v = indices.integer(i);
    require(v >= -extent && v < extent, fmt::format("index {} is out of range for an axis of extent {}", v, extent));
  }
}

}  // namespace

void Gather::import(OnnxNode& node) {
  Gather g;
  const std::string_view op = node.op_type();
  g.kind = op == "Gather"           ? GatherKind::gather
           : op == "GatherElements" ? GatherKind::gather_elements
                                    : GatherKind::gather_nd;
  const Type& x = node.type(0);
  const Tensor* indices = node.constant(1);
  if (g.kind == GatherKind::gather_nd) {
    g.axis = node.integer("batch_dims", 0);
    const std::vector<Type> y = g.infer({{x, node.type(1)}});  // checks the ranks
    const int64_t depth = node.type(1).shape.back();
    if (indices)
      for (int64_t d = 0; d < depth; ++d) check_constant(*indices, depth, d, x.shape[size_t(g.axis + d)]);
  } else {
    g.axis = normalize_axis(node.integer("axis", 0), x.rank());
    const int64_t extent = x.shape[size_t(g.axis)];
    if (indices) check_constant(*indices, 1, 0, extent);
    if (indices && g.kind == GatherKind::gather) {
      if (const std::optional<Slice> s = as_slice(x.shape, size_t(g.axis), *indices)) {
        const Shape y = g.infer({{x, node.type(1)}})[0].shape;
        const bool all = s->sizes == x.shape && s->steps[size_t(g.axis)] == 1;
        return node.result(reshape(node, all ? node.input(0) : node.emit(*s, {node.input(0)}), y));
      }
    }
  }
  node.result(node.emit(g, {node.input(0), node.input(1)}));
}

std::vector<Type> Gather::infer(std::span<const Type> in) const {
  const Type &x = per_tensor(in[0], "gathering"), &i = in[1];
  require(i.dtype == DType::i32 || i.dtype == DType::i64,
          fmt::format("the indices have type {}, not i32 or i64", burin::name(i.dtype)));
  require(axis >= 0 && axis <= x.rank(), fmt::format("axis {} of an input of rank {}", axis, x.rank()));
  const size_t a = size_t(axis);
  Type y{x.dtype, {}, x.quant};
  if (kind == GatherKind::gather_nd) {
    require(i.rank() > axis && x.rank() > axis,
            fmt::format("{} batch axes of tensors of rank {} and {}", axis, x.rank(), i.rank()));
    const int64_t depth = i.shape.back();
    require(depth >= 1 && axis + depth <= x.rank(),
            fmt::format("index tuples of {} for an input of rank {}", depth, x.rank()));
    require(std::equal(x.shape.begin(), x.shape.begin() + axis, i.shape.begin()),
            "the batch axes of input and indices differ");
    y.shape.assign(i.shape.begin(), i.shape.end() - 1);
    y.shape.insert(y.shape.end(), x.shape.begin() + axis + depth, x.shape.end());
    return {y};
  }
  require(axis < x.rank(), fmt::format("axis {} of an input of rank {}", axis, x.rank()));
  if (kind == GatherKind::gather_elements) {
    require(i.rank() == x.rank(), fmt::format("indices of rank {} for an input of rank {}", i.rank(), x.rank()));
    for (size_t d = 0; d < x.shape.size(); ++d)
      require(d == a || i.shape[d] <= x.shape[d],
              fmt::format("indices of shape [{}] for an input [{}]", to_string(i.shape), to_string(x.shape)));
    y.shape = i.shape;
  } else {
    y.shape = x.shape;
    y.shape.erase(y.shape.begin() + axis);
    y.shape.insert(y.shape.begin() + axis, i.shape.begin(), i.shape.end());
  }
  require(x.shape[a] > 0 || y.elements() == 0, "nothing can be gathered from an axis of extent 0");
  return {y};
}

namespace {

/// What the kernels take.
GatherShape gather_shape(const Gather& op, const Type& x, const Type& indices) {
  const size_t a = size_t(op.axis);
  return {to_int32(product_of(x.shape, 0, a)), to_int32(x.shape[a]),
          to_int32(product_of(x.shape, a + 1, x.shape.size())), to_int32(indices.elements())};
}

GatherElementsShape gather_elements_shape(const Gather& op, const Type& x, const Type& indices) {
  const size_t rank = x.shape.size();
  if (rank > size_t(kMaxRank))
    throw OpError(fmt::format("an input of rank {} is not supported", rank), "unsupported-shape");
  GatherElementsShape s{int32_t(rank), int32_t(op.axis), to_int32(x.shape[size_t(op.axis)]), {}, {}};
  const Shape strides = dense_strides(x.shape);
  for (size_t d = 0; d < rank; ++d) s.extent[d] = to_int32(indices.shape[d]), s.from[d] = to_int32(strides[d]);
  return s;
}

GatherNdShape gather_nd_shape(const Gather& op, const Type& x, const Type& indices) {
  const size_t batch = size_t(op.axis), depth = size_t(indices.shape.back());
  if (depth > size_t(kMaxRank))
    throw OpError(fmt::format("index tuples of {} are not supported", depth), "unsupported-shape");
  const int64_t batches = product_of(x.shape, 0, batch);
  GatherNdShape s{to_int32(batches),
                  to_int32(product_of(x.shape, batch, x.shape.size())),
                  to_int32(product_of(indices.shape, batch, indices.shape.size() - 1)),
                  int32_t(depth),
                  to_int32(product_of(x.shape, batch + depth, x.shape.size())),
                  {},
                  {}};
  const Shape strides = dense_strides(x.shape);
  for (size_t d = 0; d < depth; ++d)
    s.extent[d] = to_int32(x.shape[batch + d]), s.stride[d] = to_int32(strides[batch + d]);
  return s;
}

template <class F>
void visit_index(const HostCall& c, DType t, F&& f) {
  if (t == DType::i8) return f(Tag<int8_t>{});
  if (t == DType::i16) return f(Tag<int16_t>{});
  if (t == DType::i32) return f(Tag<int32_t>{});
  if (t == DType::i64) return f(Tag<int64_t>{});
  refuse(c, "indices that it does not take");
}
/// f(Tag<element>, Tag<index>)
template <class F>
void visit_gather(const HostCall& c, F&& f) {
  visit_size(c.dtype(1), [&](auto e) { visit_index(c, c.dtype(2), [&](auto i) { f(e, i); }); });
}
#define GATHER(function)                                                                                               \
  {                                                                                                                    \
#function, [](const HostCall& c) {                                                                                 \
      visit_gather(c, [&](auto e, auto i) {                                                                            \
        invoke(c, &function<typename decltype(e)::type, typename decltype(i)::type>);                                  \
      });                                                                                                              \
    }   \
  }

}  // namespace

std::optional<LayerCode> Gather::call(std::span<const Type> in, const Type& y) const {
  if (info(y.dtype).bits < 8) return std::nullopt;
  const Struct s = kind == GatherKind::gather            ? struct_of(gather_shape(*this, in[0], in[1]))
                   : kind == GatherKind::gather_elements ? struct_of(gather_elements_shape(*this, in[0], in[1]))
                                                         : struct_of(gather_nd_shape(*this, in[0], in[1]));
  return one_call("gather.h", {std::string(names[size_t(kind)]), {}, with_operands({s_name}, 2)}, {{"s", s}});
}

std::vector<HostEntry> Gather::functions() { return {GATHER(gather), GATHER(gather_elements), GATHER(gather_nd)}; }

}  // namespace burin
