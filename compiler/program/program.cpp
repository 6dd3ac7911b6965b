#include "compiler/program/program.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/program/layers.h"
#include "compiler/program/regions.h"

namespace burin {

int64_t Program::weight_bytes() const {
  int64_t n = 0;
  for (const StoredConstant& c : constants) n += c.data.size();
  return n;
}

std::vector<std::byte> Program::copied_constants() const {
  std::vector<std::byte> r;
  for (const StoredConstant& c : constants) {
    if (c.copy < 0) continue;
    const size_t at = size_t(c.copy);
    r.resize(std::max(r.size(), at + c.data.bytes.size()));
    std::ranges::copy(c.data.bytes, r.begin() + c.copy);
  }
  return r;
}

std::vector<const Port*> Program::ports() const {
  std::vector<const Port*> r;
  for (const Port& p : inputs) r.push_back(&p);
  for (const Port& p : outputs) r.push_back(&p);
  return r;
}

std::string label(const Program& p, const Buffer& b) {
  if (!b.name.empty()) return b.name;
  const Step* owner = &p.steps.at(size_t(b.first));
  // That of a member of a group may live longer than its step.
  for (int i = b.first; i <= b.last && b.first != b.last; ++i)
    for (const Parameter& a : p.steps.at(size_t(i)).parameters)
      if (const auto* id = std::get_if<BufferId>(&a.at);
          id && !a.dtype && size_t(*id) < p.buffers.size() && p[*id] == b)
        owner = &p.steps[size_t(i)];
  return fmt::format("(scratch of {})", owner->facts.name);
}

void verify(const Program& p) {
  const auto fail = [](const std::string& what) { throw std::invalid_argument("program: " + what); };
  int64_t pools = 0;
  for (const ProgramPool& pool : p.pools) {
    if (pool.bytes > pool.size) fail(fmt::format("pool '{}' has {} bytes, not {}", pool.name, pool.size, pool.bytes));
    pools += pool.bytes;
  }
  if (!p.pools.empty() && pools != p.arena_bytes) fail("the arena is not the sum of its pools");
  int64_t constants = 0;  // where the copies end
  for (const StoredConstant& c : p.constants) {
    if (c.copy < 0) continue;
    if (p.constants_pool < 0 || p.constants_pool >= int32_t(p.pools.size()))
      fail(fmt::format("the copy of '{}' lies in no pool", c.name));
    if (!c.data.record.empty()) fail(fmt::format("'{}' is no array and cannot be a copy", c.name));
    if (c.copy % 4 != 0) fail(fmt::format("the copy of '{}' does not begin at a whole word", c.name));
    for (const StoredConstant& o : p.constants)
      if (&o != &c && o.copy >= 0 && o.copy < c.copy + c.data.size() && c.copy < o.copy + o.data.size())
        fail(fmt::format("the copies of '{}' and '{}' share bytes", c.name, o.name));
    constants = std::max(constants, c.copy + c.data.size());
  }
  if (constants > 0 && constants > p.pools[size_t(p.constants_pool)].bytes)
    fail("copies of constants lie outside their pool");
  for (const Buffer& b : p.buffers) {
    if (b.space == Space::arena && (b.pool < 0 || b.pool >= p.pieces()))
      fail(fmt::format("buffer '{}' lies in no pool", label(p, b)));
    if (b.space == Space::arena && (b.offset < 0 || b.offset + b.bytes > p.piece_bytes(b.pool)))
      fail(fmt::format("buffer '{}' lies outside the arena", label(p, b)));
    if (b.space == Space::arena && b.pool == p.constants_pool && b.bytes > 0 && b.offset < constants)
      fail(fmt::format("buffer '{}' lies on copies of constants", label(p, b)));
    if (b.first > b.last) fail(fmt::format("buffer '{}' ends before it begins", label(p, b)));
  }
  for (const Step& s : p.steps) {
    const auto known = [&](const std::string& name) {
      const Body& b = s.body;
      const bool rows = std::ranges::any_of(b.calls, [](const Call& c) { return c.rows.has_value(); });
      return std::ranges::count(s.parameters, name, &Parameter::name) || (rows && name == "y") ||
             std::ranges::count(b.arrays, name, &NamedConstant::name) ||
             std::ranges::count(b.locals, name, &Local::name);
    };
    const auto check = [&](const std::string& name) {
      if (!known(name)) fail(fmt::format("step '{}' knows no '{}'", s.facts.name, name));
    };
    const auto check_loop = [&](const RowLoop& l) {
      check(l.in.name), check(l.out.name);
      for (const RowPlace& place : l.beside) check(place.name);
    };
    if (s.body.row) check_loop(*s.body.row);
    for (const Parameter& a : s.parameters) {
      const bool exists = std::holds_alternative<BufferId>(a.at)
                              ? size_t(std::get<BufferId>(a.at)) < p.buffers.size()
                              : size_t(std::get<ConstantId>(a.at)) < p.constants.size();
      if (!exists) fail(fmt::format("'{}' of step '{}' is nowhere", a.name, s.facts.name));
      if (const auto* c = std::get_if<ConstantId>(&a.at); c && p[*c].dtype != a.dtype)
        fail(fmt::format("'{}' of step '{}' is an array of another type", a.name, s.facts.name));
    }
    for (const Call& c : s.body.calls) {
      if (c.shared) check(c.shared->table);
      if (c.rows) check_loop(*c.rows);
      for (const Argument& a : c.arguments) {
        if (const auto* pointer = std::get_if<Pointer>(&a)) check(pointer->name);
        if (const auto* element = std::get_if<Element>(&a)) check(element->at.name);
        if (std::holds_alternative<FirstRow>(a) && !(c.rows && c.rows->accumulates))
          fail(fmt::format("step '{}' asks the first row of a loop that does not accumulate", s.facts.name));
        if (const auto* name = std::get_if<StructName>(&a))
          if (!std::ranges::count(c.structs, name->name, &NamedStruct::name) &&
              !std::ranges::count(s.body.structs, name->name, &NamedStruct::name))
            fail(fmt::format("step '{}' has no struct '{}'", s.facts.name, name->name));
      }
    }
    for (const std::string& name : s.body.unused) check(name);
  }
  verify_regions(p);
}

int64_t covered_bytes(std::vector<std::pair<int64_t, int64_t>> runs) {
  std::ranges::sort(runs);
  int64_t bytes = 0, end = 0;
  for (const auto& [from, to] : runs) {
    bytes += std::max<int64_t>(0, to - std::max(from, end));
    end = std::max(end, to);
  }
  return bytes;
}

std::vector<int64_t> live_bytes(const Program& p, int32_t pool) {
  std::vector<std::vector<std::pair<int64_t, int64_t>>> used(p.steps.size() + 1);
  for (const Buffer& b : p.buffers)
    for (int step = b.first; step <= b.last && b.space == Space::arena && b.pool == pool; ++step)
      used[size_t(step + 1)].push_back({b.offset, b.offset + b.bytes});
  if (pool == p.constants_pool)
    for (const StoredConstant& c : p.constants)
      for (auto& runs : used)
        if (c.copy >= 0) runs.push_back({c.copy, c.copy + c.data.size()});
  std::vector<int64_t> r;
  for (auto& runs : used) r.push_back(covered_bytes(std::move(runs)));
  return r;
}

std::vector<int64_t> live_bytes(const Program& p) {
  std::vector<int64_t> r(p.steps.size() + 1);
  for (int32_t pool = 0; pool < p.pieces(); ++pool) {
    const std::vector<int64_t> in_pool = live_bytes(p, pool);
    for (size_t i = 0; i < r.size(); ++i) r[i] += in_pool[i];
  }
  return r;
}

namespace {

/// One pool, or the arena that is one piece.
std::string picture(const Program& p, int32_t pool) {
  constexpr size_t kWidth = 100, kNumber = 9, kLabel = 24;
  const size_t columns_max = kWidth - 2 * kNumber - kLabel - 5;
  std::vector<size_t> ranges;
  for (size_t i = 0; i < p.buffers.size(); ++i)
    if (p.buffers[i].bytes > 0 && p.buffers[i].space == Space::arena && p.buffers[i].pool == pool) ranges.push_back(i);
  std::ranges::stable_sort(ranges, {}, [&](size_t i) { return std::pair(p.buffers[i].offset, p.buffers[i].first); });
  const std::vector<int64_t> live = live_bytes(p, pool);
  const size_t steps = live.size(), per_column = (steps + columns_max - 1) / columns_max;
  const size_t columns = (steps + per_column - 1) / per_column;

  std::string s;
  if (p.pools.empty()) s = fmt::format("arena {} bytes, lower bound {}", p.arena_bytes, p.arena_lower_bound);
  else
    s = fmt::format("pool {} {} of {} bytes", p.pools[size_t(pool)].name, p.piece_bytes(pool),
                    p.pools[size_t(pool)].size);
  s += fmt::format("; {} steps", p.steps.size());
  s += per_column > 1 ? fmt::format(", {} per column\n", per_column) : "\n";
  const auto row = [&](std::string_view offset, std::string_view bytes, std::string_view text, std::string_view cells) {
    std::string line = fmt::format("{:>{}} {:>{}}  {:<{}} |{}", offset, kNumber, bytes, kNumber, text, kLabel, cells);
    line.erase(line.find_last_not_of(' ') + 1);
    s += line + '\n';
  };
  const auto shorten = [](std::string text, size_t width) {
    constexpr size_t kHead = 10;
    return text.size() <= width ? text : text.substr(0, kHead) + ".." + text.substr(text.size() - (width - kHead - 2));
  };
  const auto cells_of = [&](int first, int last, char c) {
    std::string cells(columns, ' ');
    for (size_t k = size_t(first + 1) / per_column; k <= size_t(last + 1) / per_column; ++k) cells[k] = c;
    return cells;
  };
  row("offset", "bytes", "buffer", "");
  const std::vector<int32_t> rings = ring_rows(p);
  bool any_ring = false;
  if (const int64_t copied = pool == p.constants_pool ? int64_t(p.copied_constants().size()) : 0; copied > 0)
    row("0", fmt::format("{}", copied), "(copies of constants)", cells_of(-1, int(steps) - 2, '%'));
  for (const size_t i : ranges) {
    const Buffer& r = p.buffers[i];
    const std::string ring = rings[i] > 0 ? fmt::format("[{}] ", rings[i]) : "";
    any_ring = any_ring || rings[i] > 0;
    row(fmt::format("{}", r.offset), fmt::format("{}", r.bytes), ring + shorten(label(p, r), kLabel - ring.size()),
        cells_of(r.first, r.last, '#'));
  }
  const int64_t peak = *std::ranges::max_element(live);
  std::string cells(columns, ' ');
  for (size_t i = 0; i < steps; ++i)
    if (live[i] == peak && peak > 0) cells[i / per_column] = '^';
  row("", fmt::format("{}", peak), "most in use", cells);
  int number = 0;
  for (const OutputLayer& l : layers(p)) {
    if (l.group)
      row("", "", fmt::format("layer {}: group of {}", number, l.last - l.first), cells_of(l.first, l.last - 1, '='));
    ++number;
  }
  if (any_ring) s += "[n]: a ring of n rows of the value; bytes of a group count as in use in all of it\n";
  return s;
}

}  // namespace

std::string arena_picture(const Program& p) {
  std::string s;
  for (int32_t pool = 0; pool < p.pieces(); ++pool) s += (pool > 0 ? "\n" : "") + picture(p, pool);
  return s;
}

}  // namespace burin
