#include "codegen/layers/movement.h"

#include <algorithm>

#include "codegen/layers/common.h"
#include "compiler/ops/concat.h"
#include "compiler/ops/expand.h"
#include "compiler/ops/pad.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/slice.h"
#include "compiler/ops/transpose.h"

namespace burin {
namespace {

std::vector<StridedCopy> copies(const Transpose& op, const Type& x) {
  if (x.elements() == 0) return {};
  const Shape strides = dense_strides(x.shape);
  Shape extent, from;
  for (int64_t p : op.perm) extent.push_back(x.shape[size_t(p)]), from.push_back(strides[size_t(p)]);
  return {{0, strided_shape(extent, from, dense_strides(extent)), 0, 0}};
}

std::vector<StridedCopy> all_copies(const LayerView& v) {
  const Type& x = v.in(0);
  if (const auto* op = v.node.as<Transpose>()) return copies(*op, x);
  if (const auto* op = v.node.as<Slice>()) return copies(*op, x);
  if (const auto* op = v.node.as<Expand>()) return copies(*op, x);
  if (const auto* op = v.node.as<Pad>()) return copies(*op, x);
  if (const auto* op = v.node.as<Concat>()) return copies(*op, v.graph.input_types(v.node));
  if (x.elements() == 0) return {};
  return {{0, strided_shape({x.elements()}, {1}, {1}), 0, 0}};  // Reshape
}

bool moves(const Node& n) {
  return n.as<Transpose>() || n.as<Slice>() || n.as<Expand>() || n.as<Pad>() || n.as<Concat>() || n.as<Reshape>();
}

/// Elements that lie side by side on both sides: the last axis; 0 where its elements are apart.
int64_t run_length(const StridedShape& s) {
  const size_t last = size_t(s.rank) - 1;
  return s.from[last] == 1 && s.to[last] == 1 ? s.extent[last] : 0;
}
/// Runs from this length on are copied by memcpy, which compilers expand or call as it pays; below, its call costs
/// more.
constexpr int64_t kRunBytes = 8;

int64_t volume(const StridedShape& s) {
  int64_t n = 1;
  for (int32_t d = 0; d < s.rank; ++d) n *= s.extent[d];
  return n;
}

double copy_cycles(const StridedShape& s, int64_t bytes) {
  const double total = double(volume(s)), run = double(run_length(s));
  if (run * double(bytes) < kRunBytes) return total * 7;
  return total / run * (20 + run * double(bytes) * 0.6);
}

/// A copy of elements from `x` to `y`.
Call copy(const StridedCopy& c, int64_t bytes, Pointer x, Pointer y) {
  x.offset += c.from, y.offset += c.to;
  const StridedShape& s = c.shape;
  if (run_length(s) * bytes < kRunBytes) return {"strided_copy", {}, {s_name, x, y}, {{"s", struct_of(s)}}};
  const int32_t outer = s.rank - 1;  // loops over runs
  x.strides.assign(s.from, s.from + outer);
  y.strides.assign(s.to, s.to + outer);
  return {"__builtin_memcpy", {}, {y, x, run_length(s) * bytes}, {}, {s.extent, s.extent + outer}};
}

Call fill(const Tensor& value, int64_t n, std::string_view c_type, Pointer y) {
  const auto bytes = value.bytes();
  if (std::ranges::all_of(bytes, [&](std::byte b) { return b == bytes[0]; }))
    return {"__builtin_memset", {}, {std::move(y), int64_t(bytes[0]), n * int64_t(bytes.size())}};
  return {
      "fill", {std::string(c_type)}, {n, Literal{constant_of(std::make_shared<const Tensor>(value))}, std::move(y)}};
}

}  // namespace

std::optional<Movement> Movement::of(const LayerView& v) {
  if (!moves(v.node)) return std::nullopt;
  Movement m{};
  m.dtype = v.out().dtype;
  m.n = v.out().elements();
  const bool nibbles = info(m.dtype).bits < 8;
  m.bytes = nibbles ? 1 : info(m.dtype).bits / 8;
  if (m.n == 0) return m;
  m.copies = all_copies(v);
  if (const Pad* pad = v.node.as<Pad>(); pad && !is_covered(*pad)) {
    m.fill = fill_value(*pad, v.out());
    m.cycles += double(m.n * m.bytes) / 2;
    if (nibbles) m.fill = Tensor::of<int8_t>(DType::i8, {}, {int8_t(m.fill->integer(0))});
  }
  for (const StridedCopy& c : m.copies) m.cycles += copy_cycles(c.shape, m.bytes);
  if (nibbles) {
    m.scratch = m.n;
    for (size_t i = 0; i < v.inputs(); ++i) m.scratch += v.in(i).elements();
    m.cycles += double(m.scratch) * 8;
  }
  return m;
}

LayerCode lower_movement(const LayerView& v) {
  const Movement& m = *v.as<Movement>();
  if (m.n == 0) return nothing(v);
  const bool nibbles = m.scratch > 0;
  LayerCode code;
  code.headers = {"strided_copy.h"};
  Pointer y{"y0"};
  std::vector<Pointer> x;
  for (size_t i = 0; i < v.inputs(); ++i) x.push_back({fmt::format("x{}", i)});
  const std::string nibble = fmt::format("el_{}", name(m.dtype));
  if (nibbles) {
    code.headers.push_back("cast.h");
    code.body.locals = {{"y", DType::i8}};
    y = {"y"};
    int64_t at = m.n;
    for (Pointer& p : x) {
      const int64_t n = v.in(size_t(&p - x.data())).elements();
      const Pointer bytes{"y", at};
      code.body.calls.push_back({"cast", {nibble, "el_i8"}, {n, p, bytes}});
      p = bytes;
      at += n;
    }
  }
  if (m.fill) {
    code.headers.push_back("pad.h");
    code.body.calls.push_back(fill(*m.fill, m.n, nibbles ? "int8_t" : info(m.dtype).c_type, y));
  }
  std::set<size_t> used;
  for (const StridedCopy& c : m.copies) {
    used.insert(c.input);
    code.body.calls.push_back(copy(c, m.bytes, x[c.input], y));
  }
  for (size_t i = 0; i < x.size() && !nibbles; ++i)
    if (!used.count(i)) code.body.unused.push_back(x[i].name);
  if (nibbles) code.body.calls.push_back({"cast", {"el_i8", nibble}, {m.n, y, pointer("y0")}});
  return code;
}

}  // namespace burin
