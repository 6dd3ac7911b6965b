#include "codegen/layers/movement.h"

#include <algorithm>

#include "codegen/layers/spelling.h"
#include "compiler/ops/concat.h"
#include "compiler/ops/expand.h"
#include "compiler/ops/pad.h"
#include "compiler/ops/reshape.h"
#include "compiler/ops/slice.h"
#include "compiler/ops/transpose.h"

namespace burin {
namespace {

std::string text(const StridedShape& s) {
  return fmt::format("{{{}, {}, {}, {}}}", s.rank, axes(s.extent, s.rank), axes(s.from, s.rank), axes(s.to, s.rank));
}

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

/// `i0 * 640 + i1 * 128`, or nothing.
std::string offset(int64_t start, const int32_t* strides, int32_t rank) {
  std::string s = start != 0 ? fmt::format(" + {}", start) : "";
  for (int32_t d = 0; d < rank; ++d)
    if (strides[d] != 0)
      s += fmt::format(" {} i{}{}", strides[d] < 0 ? '-' : '+', d,
                       std::abs(strides[d]) == 1 ? "" : fmt::format(" * {}", std::abs(strides[d])));
  return s;
}

/// Nested loops over runs.
std::string run_loops(const StridedCopy& c, int64_t bytes, const std::string& x, const std::string& y) {
  const StridedShape& s = c.shape;
  std::string code, indent;
  for (int32_t d = 0; d + 1 < s.rank; ++d, indent += "  ")
    code += fmt::format("{0}for (int32_t i{1} = 0; i{1} < {2}; ++i{1})\n", indent, d, s.extent[d]);
  return code + fmt::format("{}__builtin_memcpy({}{}, {}{}, {});\n", indent, y, offset(c.to, s.to, s.rank - 1), x,
                            offset(c.from, s.from, s.rank - 1), run_length(s) * bytes);
}

std::string plus(const std::string& pointer, int64_t n) {
  return n == 0 ? pointer : fmt::format("{} + {}", pointer, n);
}

std::string copy(const StridedCopy& c, int64_t bytes, const std::string& x, const std::string& y) {
  if (run_length(c.shape) * bytes >= kRunBytes) return run_loops(c, bytes, x, y);
  return expand(R"(
      {
        constexpr burin::StridedShape s = $shape$;
        burin::strided_copy(s, $x$, $y$);
      })",
                {{"shape", text(c.shape)}, {"x", plus(x, c.from)}, {"y", plus(y, c.to)}});
}

std::string fill(const Tensor& value, int64_t n, std::string_view c_type, const std::string& y) {
  const auto bytes = value.bytes();
  if (std::ranges::all_of(bytes, [&](std::byte b) { return b == bytes[0]; }))
    return fmt::format("__builtin_memset({}, {}, {});\n", y, int(bytes[0]), n * int64_t(bytes.size()));
  return fmt::format("burin::fill<{}>({}, {}, {});\n", c_type, n, literal(value), y);
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

LayerCode print_movement(const LayerView& v) {
  const Movement& m = *v.as<Movement>();
  if (m.n == 0) return nothing(v);
  const bool nibbles = m.scratch > 0;
  LayerCode code = layer_code("strided_copy.h", "");
  std::string y = "y0";
  std::vector<std::string> x;
  for (size_t i = 0; i < v.inputs(); ++i) x.push_back(fmt::format("x{}", i));
  if (nibbles) {
    code.headers.push_back("cast.h");
    code.body = "int8_t* const y = static_cast<int8_t*>(scratch);\n";
    int64_t at = m.n;
    for (size_t i = 0; i < x.size(); ++i) {
      const int64_t n = v.in(i).elements();
      code.body +=
          fmt::format("burin::cast<burin::el_{}, burin::el_i8>({}, {}, y + {});\n", name(m.dtype), n, x[i], at);
      x[i] = fmt::format("(y + {})", at);
      at += n;
    }
    y = "y";
  }
  if (m.fill) {
    code.headers.push_back("pad.h");
    code.body += fill(*m.fill, m.n, nibbles ? "int8_t" : info(m.dtype).c_type, y);
  }
  std::set<size_t> used;
  for (const StridedCopy& c : m.copies) {
    used.insert(c.input);
    code.body += copy(c, m.bytes, x[c.input], y);
  }
  for (size_t i = 0; i < x.size() && !nibbles; ++i)
    if (!used.count(i)) code.body += fmt::format("(void)x{};\n", i);
  if (nibbles) code.body += fmt::format("burin::cast<burin::el_i8, burin::el_{}>({}, y, y0);\n", name(m.dtype), m.n);
  return code;
}

}  // namespace burin
