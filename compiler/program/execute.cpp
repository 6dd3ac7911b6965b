#include "compiler/program/execute.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace burin {
namespace {

/// A kernel that asks for more rows than there are finds padding, and is seen by what it writes.
constexpr size_t kMoreRows = 64;

HostValue element(const HostMemory& m) {
  return visit_dtype(m.dtype, [&](auto e) -> HostValue {
    std::memcpy(&e, m.bytes, sizeof(e));
    if constexpr (std::is_same_v<decltype(e), float>) return e;
    else return int64_t(e);
  });
}

const Struct& find(const Body& body, const Call& c, const std::string& name) {
  for (const auto* structs : {&c.structs, &body.structs})
    if (const auto it = std::ranges::find(*structs, name, &NamedStruct::name); it != structs->end()) return it->value;
  throw std::invalid_argument("no struct is called " + name);
}

}  // namespace

void Frame::run(const Body& body) {
  for (const NamedConstant& a : body.arrays) add(a);
  for (const Local& l : body.locals) add(l.name, at("scratch").bytes + l.offset, l.dtype);
  for (const Call& c : body.calls) {
    const HostFunction f = find_(c.function);
    if (!f) throw std::invalid_argument("runtime-min has no function " + c.function);
    HostCall h = prepared(body, c);
    c.rows ? by_rows(h, f) : loops(h, f, 0);
  }
}

const HostMemory& Frame::at(const std::string& name) const {
  const auto it = std::find_if(memory_.rbegin(), memory_.rend(), [&](const Named& n) { return n.name == name; });
  if (it == memory_.rend()) throw std::invalid_argument("nothing is called " + name);
  return it->memory;
}

HostMemory Frame::at(const Pointer& p) const {
  HostMemory m = at(p.name);
  int64_t elements = p.offset;
  for (size_t d = 0; d < p.strides.size(); ++d) elements += p.strides[d] * index_.at(d);
  m.bytes += elements * element_bytes(m.dtype);
  return m;
}

/// The call with what is the same each time.
HostCall Frame::prepared(const Body& body, const Call& c) const {
  HostCall h{c, {}, [this](const std::string& name) -> const void* { return name.empty() ? nullptr : at(name).bytes; }};
  for (const Argument& a : c.arguments)
    h.values.push_back(std::visit(
        [&]<class T>(const T& v) -> HostValue {
          if constexpr (std::is_same_v<T, Literal>) return v.value;
          else if constexpr (std::is_same_v<T, StructName>) return &find(body, c, v.name);
          else if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, float>) return v;
          else if constexpr (std::is_same_v<T, Rows>) return HostRows{nullptr, DType::u8};
          else if constexpr (std::is_same_v<T, RowCount> || std::is_same_v<T, FirstRow>) return int64_t(0);
          else return HostMemory{nullptr, DType::u8};
        },
        a));
  return h;
}

void Frame::loops(HostCall& h, HostFunction f, size_t depth) {
  const Call& c = h.call;
  if (depth < c.loops.size()) {
    index_.resize(depth + 1);
    for (index_[depth] = 0; index_[depth] < c.loops[depth]; ++index_[depth]) loops(h, f, depth + 1);
    index_.resize(depth);
    return;
  }
  for (size_t i = 0; i < c.arguments.size(); ++i) {
    if (const auto* p = std::get_if<Pointer>(&c.arguments[i])) h.values[i] = at(*p);
    else if (const auto* e = std::get_if<Element>(&c.arguments[i])) h.values[i] = element(at(e->at));
  }
  f(h);
}

void Frame::by_rows(HostCall& h, HostFunction f) {
  const RowLoop& l = *h.call.rows;
  if (l.n <= 0) throw std::invalid_argument("a call that makes no rows");
  const std::byte* image = at("x0").bytes;
  HostMemory y = at("y0");
  const int64_t line = l.row_in * element_bytes(l.x), result = l.row_out * element_bytes(y.dtype);
  std::vector<const void*> rows;
  for (int64_t b = 0; b < l.batch; ++b, image += l.ih * line)
    for (int32_t oy = 0; oy < l.height(); oy += l.n) {
      const int32_t n = std::min(l.n, l.height() - oy), first = l.accumulates ? oy : oy * l.stride - l.top;
      rows.clear();
      for (int32_t r = first; r < first + l.rows(n); ++r)
        rows.push_back(r < 0 || r >= l.ih ? nullptr : image + r * line);
      rows.resize(rows.size() + kMoreRows);
      for (size_t i = 0; i < h.call.arguments.size(); ++i) {
        if (std::holds_alternative<Rows>(h.call.arguments[i])) h.values[i] = HostRows{rows.data(), l.x};
        else if (std::holds_alternative<RowCount>(h.call.arguments[i])) h.values[i] = int64_t(n);
        else if (std::holds_alternative<FirstRow>(h.call.arguments[i])) h.values[i] = int64_t(first);
      }
      memory_.push_back({"y", y});
      loops(h, f, 0);
      memory_.pop_back();
      if (!l.accumulates) y.bytes += n * result;
      else if (oy + n == l.ih) y.bytes += result;
    }
}

}  // namespace burin
