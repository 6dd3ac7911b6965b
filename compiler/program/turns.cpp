#include "compiler/program/turns.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace burin {
namespace {

void add_rows(std::vector<Bytes>& to, const RowPlace& at, int32_t first, int32_t last, int64_t row, int64_t element) {
  for (int32_t r = first; r < last; ++r)
    for (int64_t p = 0; p < at.planes; ++p) {
      const int64_t plane = p * at.plane * element, begin = plane + (at.ring > 0 ? r % at.ring : r) * row * element;
      to.push_back({at.name, begin, begin + row * element, plane + r * row * element});
    }
}

}  // namespace

const RowLoop* loop_over_rows(const Body& b) {
  if (b.row) return &*b.row;
  const RowLoop* r = nullptr;
  for (const Call& c : b.calls) {
    if (!c.rows || c.rows->batch != 1 || c.rows->n <= 0 || (r && *r != *c.rows)) return nullptr;
    r = &*c.rows;
  }
  return r;
}

std::vector<Turn> turns(const Program& p, int step) {
  const RowLoop* l = loop_over_rows(p.steps[size_t(step)].body);
  if (!l) return {{step}};
  std::vector<Turn> r;
  for (int32_t first = 0; first < l->height(); first += l->n)
    r.push_back({step, first, std::min(l->n, l->height() - first)});
  return r;
}

std::vector<Turn> turns(const Program& p, const Region& g) {
  const auto fail = [&](int step, const std::string& what) {
    throw std::invalid_argument(
        fmt::format("program: step '{}' of a group {}", p.steps[size_t(step)].facts.name, what));
  };
  std::vector<Turn> r;
  std::vector<int32_t> done(size_t(g.last - g.first));
  for (uint8_t i : std::get<Stream>(g.control).order) {
    const int step = g.first + i;
    if (step >= g.last) throw std::invalid_argument("program: a group asks for a step that it has not");
    const RowLoop* l = loop_over_rows(p.steps[size_t(step)].body);
    if (!l) fail(step, "does not go by rows");
    const int32_t n = std::min(l->n, l->height() - done[i]);
    if (n <= 0) fail(step, "makes more rows than it has");
    r.push_back({step, done[i], n});
    done[i] += n;
  }
  for (int step = g.first; step < g.last; ++step)
    if (const RowLoop* l = loop_over_rows(p.steps[size_t(step)].body);
        !l || done[size_t(step - g.first)] != l->height())
      fail(step, "does not make all its rows");
  return r;
}

std::vector<Bytes> rows_read(const RowLoop& l, const Turn& t) {
  std::vector<Bytes> r;
  const int64_t element = element_bytes(l.x);
  const int32_t first = l.accumulates ? t.first : t.first * l.stride - l.top;
  const int32_t from = std::clamp(first, 0, l.ih), to = std::clamp(first + l.rows(t.n), 0, l.ih);
  add_rows(r, l.in, from, to, l.row_in, element);
  for (const RowPlace& p : l.beside) add_rows(r, p, from, to, p.row, element);
  return r;
}

std::vector<Bytes> rows_written(const RowLoop& l, const Turn& t, DType y) {
  std::vector<Bytes> r;
  const bool whole = l.accumulates;  // the one row, by the last turn
  if (!whole || t.first + t.n == l.ih)
    add_rows(r, l.out, whole ? 0 : t.first, whole ? 1 : t.first + t.n, l.row_out, element_bytes(y));
  return r;
}

}  // namespace burin
