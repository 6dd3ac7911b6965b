#include "codegen/rows.h"

#include <fmt/format.h>

#include <utility>

#include "codegen/layers/conv.h"
#include "codegen/layers/reference.h"
#include "compiler/ops/concat.h"
#include "compiler/ops/copies.h"
#include "compiler/ops/transpose.h"

namespace burin {
namespace {

RowLoop loop_of(const RowCalls& c, DType x) {
  const ConvShape& s = c.s;
  return {c.batch, s.ih, s.iw * s.ic, s.oh, s.ow * s.oc, s.sh, s.rows(1), s.pt, c.n, x};
}

int64_t bytes(int64_t elements, DType t) { return elements * info(t).bits / 8; }

/// One image, channels last, more than a row.
bool is_image(const Type& t) { return t.rank() == 4 && t.shape[0] == 1 && t.shape[1] > 1 && info(t.dtype).bits >= 8; }

bool takes_rows(const LayerView& v) {
  return v.graph.fed && !v.node.inputs.empty() && v.node.inputs[0] == v.graph.inputs[0];
}

/// Images from NCHW to NHWC: a row of the result is made of one row of each plane.
bool gathers_planes(const LayerView& v) {
  const Transpose* t = v.node.as<Transpose>();
  return t && t->perm == std::vector<int64_t>{0, 2, 3, 1} && is_image(v.out()) && !takes_rows(v);
}
LayerCode code_of_planes(const LayerView& v) {
  Type row = v.out();
  const int64_t h = std::exchange(row.shape[1], 1), w = row.shape[2], c = row.shape[3];
  const Type in[] = {v.in(0)};
  return moved({{0, strided_shape({w, c}, {1, h * w}, {c, 1}), 0, 0}}, in, row);
}

/// Of the operator on images of one row.
LayerCode code_of_a_row(const LayerView& v) {
  Graph g;
  Node n = v.node;
  n.selection = nullptr, n.rows = 0, n.group = 0;
  const bool fed = takes_rows(v);
  const auto one_row = [&](Type t, size_t axis) {
    if (fed ? t.rank() > 2 : is_image(t)) t.shape[axis] = 1;
    return t;
  };
  const size_t in_axis = fed ? size_t(fed_axis(v.graph)) : 1;
  for (size_t i = 0; i < v.inputs(); ++i)
    if (v.has(i))
      n.inputs[i] = v.constant(i) ? g.add_value(v.input(i).name, v.in(i), v.input(i).data)
                                  : g.add_value(v.input(i).name, one_row(v.in(i), in_axis));
  n.outputs[0] = g.add_value(v.graph[v.node.outputs[0]].name, one_row(v.out(), 1));
  return n.kernel->lower(LayerView(g, n, v.target, v.options));
}

}  // namespace

std::optional<RowLoop> row_loop(const LayerView& v) {
  if (const ConvQ8* c = v.as<ConvQ8>()) return loop_of(row_calls(c->s, c->image, c->batch, v.node.rows), c->x);
  if (const ConvF32* c = v.as<ConvF32>()) return loop_of(row_calls(c->s, c->image, c->batch, v.node.rows), DType::f32);
  const Reference* r = v.as<Reference>();
  if (!r || r->code.body.calls.size() != 1 || !r->code.body.calls[0].rows) return std::nullopt;
  RowLoop l = *r->code.body.calls[0].rows;
  l.n = v.node.rows;
  if (v.node.kernel)
    if (const std::optional<Work> w = v.node.kernel->work(v)) l.accumulates = w->accumulates;
  return l;
}

std::optional<RowContract> row_contract(const LayerView& v) {
  const std::optional<RowLoop> l = row_loop(v);
  if (!l || l->batch != 1 || l->n <= 0) return std::nullopt;
  int32_t unit = 1;  // rows of the image that are one row of the loop: of pointwise layers
  if (const ConvQ8* c = v.as<ConvQ8>(); c && l->oh > 0) unit = c->image.oh / l->oh;
  if (const ConvF32* c = v.as<ConvF32>(); c && l->oh > 0) unit = c->image.oh / l->oh;
  if (unit < 1) return std::nullopt;
  return RowContract{.ih = l->ih * unit,
                     .oh = l->oh * unit,
                     .row_in = bytes(l->row_in, l->x) / unit,
                     .row_out = bytes(l->row_out, v.out().dtype) / unit,
                     .stride = l->stride,
                     .reach = l->reach,
                     .top = l->top,
                     .n = std::min(l->n, l->height()) * unit,
                     .accumulates = l->accumulates,
                     .operands = 1,
                     .local = false,
                     .together = unit};
}

std::optional<RowContract> steps_contract(const LayerView& v) {
  std::optional<RowContract> c = row_contract(v);
  const KernelOrder order = v.node.kernel ? v.node.kernel->order : KernelOrder::calls;
  const bool rows = order == KernelOrder::rows || order == KernelOrder::rows_2 || order == KernelOrder::rows_3;
  const bool fours = order == KernelOrder::fours || order == KernelOrder::wide;
  if (!c ||
      !(rows || fours || order == KernelOrder::single || order == KernelOrder::pixels || order == KernelOrder::pairs))
    return c;
  const ConvQ8* q8 = v.as<ConvQ8>();
  const ConvF32* f32 = v.as<ConvF32>();
  if (!q8 && !f32) return c;
  const ConvShape& s = q8 ? q8->image : f32->image;
  if (q8 ? q8->pointwise : f32->pointwise) {
    // Any run of pixels; blocks of four end where steps do.
    if (rows || s.groups != 1 || c->calls() > 1) return c;
    if (order == KernelOrder::wide && q8 && q8->x == DType::i8 && s.ic <= 32) return c;
    const int32_t pixels = s.oh * s.ow, most = 128;
    if (pixels == 0 || (pixels % 4 != 0 && (fours || pixels < 8))) return c;
    c->row_in /= s.iw, c->row_out /= s.ow, c->ih = c->oh = pixels, c->together = 1;
    c->n = 4 * ((pixels + 4 * most - 1) / (4 * most));
    return c;
  }
  if (order == KernelOrder::single || rows) {
    if (order == KernelOrder::rows_3 && (c->calls() > 1 || s.oh % 3 != 0)) return c;
    if (order == KernelOrder::rows_2 && c->calls() > 1 && c->n % 2 != 0) return c;
    c->n = order == KernelOrder::rows_3 ? 3 : order == KernelOrder::rows_2 ? 2 : 1;
    return c;
  }
  // Behind a group's results other groups' inputs are read.
  if (s.groups != 1 || order == KernelOrder::wide) return c;
  // A block may begin in one row and end in the next: then all of it is read before that row is written.
  const bool again = order == KernelOrder::pairs && s.kh == 1 && s.kw == 1 && s.ow % 2 != 0;
  if (s.ow >= (fours ? 4 : 3) && !again) c->n = 1;
  return c;
}

bool in_place_by_channels(const LayerView& v) {
  if (!v.node.kernel || v.node.kernel->order != KernelOrder::channels) return false;
  const ConvQ8* c = v.as<ConvQ8>();
  return c && c->batch == 1 && c->depthwise && v.node.rows >= c->s.oh && v.out().bytes() <= v.in(0).bytes();
}

bool expands(const LayerView& v) {
  if (!v.node.kernel || v.node.kernel->order != KernelOrder::expands) return false;
  const ConvQ8* c = v.as<ConvQ8>();
  return c && c->batch == 1 && c->s.oh == 1 && c->s.ow == 1 && v.node.scratch >= 2 * v.in(0).bytes();
}

int fed_axis(const Graph& g) {
  const Transpose* t = g.nodes[0].as<Transpose>();
  return t ? int(t->perm[1]) : 1;
}

int64_t fed_rows(const Graph& g) {
  const Type& y = g[g.nodes[0].outputs[0]].type;
  return y.rank() > 2 ? y.shape[1] : 1;
}

std::optional<RowContract> streamed_contract(const LayerView& v) {
  if (v.node.outputs.size() != 1) return std::nullopt;
  const auto rows = [&](int64_t h, int32_t operands) {
    return RowContract{.ih = int32_t(h),
                       .oh = int32_t(h),
                       .row_in = v.in(0).bytes() / h,
                       .row_out = v.out().bytes() / h,
                       .stride = 1,
                       .reach = 1,
                       .top = 0,
                       .n = 1,
                       .accumulates = false,
                       .operands = operands,
                       .local = true,
                       .together = 1};
  };
  if (takes_rows(v)) return rows(fed_rows(v.graph), 1);
  if (gathers_planes(v)) return rows(v.out().shape[1], 0);
  if (std::optional<RowContract> c = row_contract(v)) return c;
  const Type& y = v.out();
  const Concat* concat = v.node.as<Concat>();
  if (!is_image(y) || !(concat ? concat->axis != 1 : traits(v.node.op).elementwise)) return std::nullopt;
  // Each operand is an image of as many rows and the others' type, or has no rows.
  int images = 0;
  for (size_t i = 0; i < v.inputs(); ++i) {
    if (!v.has(i)) continue;
    const Type& t = v.in(i);
    if (!v.constant(i) && is_image(t) && t.shape[1] == y.shape[1] && t.dtype == v.in(0).dtype && int(i) == images)
      ++images;
    else if (!v.constant(i) || (t.rank() >= 3 && t.shape[size_t(t.rank()) - 3] != 1)) return std::nullopt;
  }
  if (images == 0) return std::nullopt;
  return rows(y.shape[1], images);
}

LayerCode streamed_code(const LayerView& v) {
  const RowContract c = streamed_contract(v).value();
  const auto ring = [&](ValueId id) { return v.graph[id].ring; };
  const int32_t out = ring(v.node.outputs[0]);
  if (!c.local) {
    LayerCode code = v.node.kernel->lower(v);
    RowLoop& l = code.body.calls[0].rows.value();
    l.in.ring = ring(v.node.inputs[0]) / c.together, l.out.ring = out / c.together;
    return code;
  }
  const bool planes = gathers_planes(v);
  LayerCode code = planes ? code_of_planes(v) : code_of_a_row(v);
  const auto elements = [&](const Type& t) { return int32_t(t.elements() / c.ih); };
  RowLoop l{1, c.ih, elements(v.in(0)), c.oh, elements(v.out()), 1, 1, 0, 1, v.in(0).dtype};
  if (planes) l.in.planes = int32_t(v.out().shape[3]), l.row_in /= l.in.planes, l.in.plane = c.ih * l.row_in;
  l.in.ring = ring(v.node.inputs[0]), l.out.ring = out;
  for (int32_t i = 1; i < c.operands; ++i)
    l.beside.push_back({fmt::format("x{}", i), ring(v.node.inputs[size_t(i)]), elements(v.in(size_t(i)))});
  code.body.row = l;
  return code;
}

}  // namespace burin
