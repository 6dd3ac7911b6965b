#include "compiler/program/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compiler/program/layers.h"
#include "compiler/program/regions.h"
#include "compiler/program/turns.h"

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

namespace {

/// The first step, of a row-streamed group, takes the input row by row, and no other step does.
void verify_feed(const Program& p) {
  const auto fail = [](const std::string& what) { throw std::invalid_argument("program: " + what); };
  const Stream* s = p.regions.empty() ? nullptr : std::get_if<Stream>(&p.regions[0].control);
  if (p.inputs.size() != 1 || p.external_io || !s || p.regions[0].first != 0)
    fail("rows are fed to the one input of a model, which a group takes first of all");
  if (!p.pools.empty()) fail("rows are fed where the arena is several pools");
  const BufferId row = p.inputs[0].at;
  if (p[row].space != Space::port || p[row].bytes != p.feed->bytes ||
      p.feed->bytes * p.feed->rows != p.inputs[0].type.bytes())
    fail("the input that is fed is no row of the caller's");
  if (std::ranges::count(s->order, uint8_t{0}) != p.feed->rows) fail("a run takes another number of rows");
  for (size_t i = 0; i < p.steps.size(); ++i)
    for (const Parameter& a : p.steps[i].parameters) {
      if (a.at != Meaning(row)) continue;
      const RowLoop* l = loop_over_rows(p.steps[i].body);
      if (i != 0 || !l || l->in.name != a.name || l->in.ring != 1 || l->n != 1 || l->ih != p.feed->rows)
        fail(fmt::format("step '{}' reads the input that is fed otherwise than row by row", p.steps[i].facts.name));
    }
  for (const Port& port : p.outputs)
    if (p[port.at].space != Space::arena) fail(fmt::format("the output '{}' is not in the arena", port.name));
  if (size_t(p.feed->position) >= p.buffers.size() || p[p.feed->position].space != Space::state ||
      p[p.feed->position].offset % 4 != 0)
    fail("whose turn it is is not kept in the state");
  const Buffer& position = p[p.feed->position];
  if (position.first >= 0 || position.last < p.regions[0].last - 1) fail("whose turn it is is not kept between feeds");
  const int64_t most = info(position_type(p)).hi;
  bool fits = int64_t(s->order.size()) <= most;
  for (int i = 0; i < p.regions[0].last; ++i)
    if (const RowLoop* l = loop_over_rows(p.steps[size_t(i)].body)) fits = fits && l->height() + l->n <= most;
  if (!fits) fail("whose turn it is does not fit its bytes");
}

}  // namespace

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
    if (b.space == Space::state && (b.offset < 0 || b.offset + b.bytes > p.state_bytes))
      fail(fmt::format("buffer '{}' lies outside the state", label(p, b)));
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
  if (p.feed) verify_feed(p);
}

DType position_type(const Program& p) {
  switch (p[p.feed->position].bytes / (p.regions.at(0).last + 1)) {
    case 1:
      return DType::u8;
    case 2:
      return DType::u16;
    default:
      return DType::i32;
  }
}

int64_t ram_bytes(const Program& p) { return p.arena_bytes + p.state_bytes; }

int64_t address(const Program& p, const Buffer& b) { return b.offset + (b.space == Space::state ? p.arena_bytes : 0); }

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
    for (int step = b.first; step <= b.last && b.space != Space::port && b.pool == pool; ++step)
      used[size_t(step + 1)].push_back({address(p, b), address(p, b) + b.bytes});
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
    if (p.buffers[i].bytes > 0 && p.buffers[i].space != Space::port && p.buffers[i].pool == pool) ranges.push_back(i);
  std::ranges::stable_sort(ranges, {},
                           [&](size_t i) { return std::pair(address(p, p.buffers[i]), p.buffers[i].first); });
  const std::vector<int64_t> live = live_bytes(p, pool);
  const size_t steps = live.size(), per_column = (steps + columns_max - 1) / columns_max;
  const size_t columns = (steps + per_column - 1) / per_column;

  std::string s;
  if (p.pools.empty())
    s = fmt::format("arena {} bytes, {}lower bound {}", p.arena_bytes,
                    p.feed ? fmt::format("state {}, ", p.state_bytes) : "", p.arena_lower_bound);
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
  bool any_ring = false, in_state = false;
  if (const int64_t copied = pool == p.constants_pool ? int64_t(p.copied_constants().size()) : 0; copied > 0)
    row("0", fmt::format("{}", copied), "(copies of constants)", cells_of(-1, int(steps) - 2, '%'));
  for (const size_t i : ranges) {
    const Buffer& r = p.buffers[i];
    if (r.space == Space::state && !std::exchange(in_state, true)) row("", "", "state:", "");
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
