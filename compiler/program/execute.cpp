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

void Frame::run(const Body& body, const Turn& turn) {
  for (const NamedConstant& a : body.arrays) add(a);
  for (const Local& l : body.locals) add(l.name, at("scratch").bytes + l.offset, l.dtype);
  if (body.row && turn.n > 0) {
    const RowLoop& l = *body.row;
    const auto at_row = [&](const RowPlace& p, int32_t elements) {
      HostMemory m = at(p.name);
      m.bytes += (p.ring > 0 ? turn.first % p.ring : turn.first) * elements * element_bytes(m.dtype);
      memory_.push_back({p.name, m});
    };
    at_row(l.in, l.row_in), at_row(l.out, l.row_out);
    for (const RowPlace& p : l.beside) at_row(p, p.row);
  }
  for (const Call& c : body.calls) {
    const HostFunction f = find_(c.function);
    if (!f) throw std::invalid_argument("runtime-min has no function " + c.function);
    if (c.rows && c.rows->n <= 0) throw std::invalid_argument("a call that makes no rows");
    HostCall h = prepared(body, c);
    if (turn.n > 0 && c.rows) rows_of(h, f, turn, 0);
    else if (c.rows) by_rows(h, f);
    else loops(h, f, 0);
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
  for (int64_t b = 0; b < l.batch; ++b)
    for (int32_t r = 0; r < l.height(); r += l.n) rows_of(h, f, {0, r, std::min(l.n, l.height() - r)}, b);
}

void Frame::rows_of(HostCall& h, HostFunction f, const Turn& turn, int64_t image) {
  const RowLoop& l = *h.call.rows;
  const int64_t line = l.row_in * element_bytes(l.x);
  const auto row = [&](const RowPlace& p, int32_t r) -> std::byte* {
    if (r < 0 || r >= l.ih) return nullptr;
    return at(p.name).bytes + (image * l.ih + (p.ring > 0 ? r % p.ring : r)) * line;
  };
  HostMemory y = at(l.out.name);
  const int32_t made = l.accumulates ? 0 : l.out.ring > 0 ? turn.first % l.out.ring : turn.first;
  y.bytes += (image * l.oh + made) * l.row_out * element_bytes(y.dtype);
  const int32_t first = l.accumulates ? turn.first : turn.first * l.stride - l.top;
  std::vector<const void*> rows;
  for (int32_t r = first; r < first + l.rows(turn.n); ++r) rows.push_back(row(l.in, r));
  rows.resize(rows.size() + kMoreRows);
  for (size_t i = 0; i < h.call.arguments.size(); ++i) {
    const Argument& a = h.call.arguments[i];
    if (std::holds_alternative<Rows>(a)) h.values[i] = HostRows{rows.data(), l.x};
    else if (std::holds_alternative<RowCount>(a)) h.values[i] = int64_t(turn.n);
    else if (std::holds_alternative<FirstRow>(a)) h.values[i] = int64_t(first);
  }
  memory_.push_back({"y", y});
  loops(h, f, 0);
  memory_.pop_back();
}

}  // namespace burin
