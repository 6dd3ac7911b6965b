#include "compiler/program/regions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <map>

#include "compiler/program/turns.h"

namespace burin {
namespace {

/// What steps do with whole buffers: those read before any step has written them, and those written whatever happens.
struct Flow {
  std::set<BufferId> read, written;
  void reads(BufferId id) {
    if (!written.count(id)) read.insert(id);
  }
};

Flow flow(const Program& p, Range r);

Flow flow_of(const Program& p, size_t region) {
  const Region& g = p.regions[region];
  Flow f;
  if (const auto* b = std::get_if<Branch>(&g.control)) {
    const Flow one = flow(p, inside(p, region)), other = flow(p, other_side(p, region));
    f.read = one.read;
    f.read.insert(other.read.begin(), other.read.end());
    f.read.insert(b->condition);
    std::ranges::set_intersection(one.written, other.written, std::inserter(f.written, f.written.end()));
    return f;
  }
  if (std::holds_alternative<Stream>(g.control)) return flow(p, inside(p, region));
  const Repeat& l = std::get<Repeat>(g.control);
  f = flow(p, inside(p, region));
  if (l.turns == 0 || l.condition) f.written.clear();
  if (l.condition) f.read.insert(*l.condition);
  for (const Carried& c : l.carried) f.read.insert(c.now);
  return f;
}

Flow flow(const Program& p, Range r) {
  Flow f;
  const auto step = [&](int i) {
    const std::vector<Parameter>& all = p.steps[size_t(i)].parameters;
    // Who writes a part leaves the others as they are.
    for (const Parameter& a : all)
      if (const auto* id = std::get_if<BufferId>(&a.at); id && (!a.written || !a.whole())) f.reads(*id);
    for (const Parameter& a : all)
      if (const auto* id = std::get_if<BufferId>(&a.at); id && a.written && a.whole()) f.written.insert(*id);
  };
  walk(p, r, step, [&](size_t region) {
    const Flow inner = flow_of(p, region);
    for (const BufferId id : inner.read) f.reads(id);
    f.written.insert(inner.written.begin(), inner.written.end());
  });
  return f;
}

std::string name(const Program& p, const Region& g) {
  constexpr std::string_view kKinds[] = {"branch", "repeat", "group"};
  return fmt::format("the {} from step '{}' on", kKinds[g.control.index()], p.steps[size_t(g.first)].facts.name);
}

[[noreturn]] void fail(const std::string& what) { throw std::invalid_argument("program: " + what); }

bool exists(const Program& p, BufferId id) { return size_t(id) < p.buffers.size(); }

void verify_nesting(const Program& p) {
  std::vector<Range> around{all_steps(p)};
  for (size_t i = 0; i < p.regions.size(); ++i) {
    const Region& g = p.regions[i];
    if (g.first < 0 || g.first >= g.last || g.last > int(p.steps.size()))
      fail(fmt::format("region {} is of steps {} to {}, which are none", i, g.first, g.last));
    if (i > 0 && g.first < p.regions[i - 1].first) fail(fmt::format("{} stands behind a later one", name(p, g)));
    while (around.back().last <= g.first) around.pop_back();
    if (g.last > around.back().last) fail(fmt::format("{} ends outside the region in which it begins", name(p, g)));
    if (const auto* b = std::get_if<Branch>(&g.control)) {
      if (b->other < g.first || b->other > g.last)
        fail(fmt::format("the other side of {} begins outside it", name(p, g)));
      around.push_back(other_side(p, i));
    }
    around.push_back(inside(p, i));
  }
}

void verify_condition(const Program& p, const Region& g, BufferId id) {
  if (!exists(p, id)) fail(fmt::format("the condition of {} is nowhere", name(p, g)));
  const Buffer& b = p[id];
  if (b.bytes != 1) fail(fmt::format("the condition of {} is not one byte", name(p, g)));
  if (b.first >= g.first || b.last < g.first)
    fail(
        fmt::format("the condition of {}, '{}', is not live before it and in its first step", name(p, g), label(p, b)));
}

/// Carried buffers of repeats that nest have one owner: only one of them exchanges their places.
void verify_carried(const Program& p, size_t region, const Carried& c) {
  const Region& g = p.regions[region];
  for (const BufferId id : {c.now, c.next})
    if (!exists(p, id) || p[id].space != Space::arena)
      fail(fmt::format("a buffer that {} carries is not in the arena", name(p, g)));
  if (p[c.now].bytes != p[c.next].bytes)
    fail(fmt::format("{} carries '{}' and '{}', which differ in size", name(p, g), label(p, p[c.now]),
                     label(p, p[c.next])));
  if (p[c.now].first >= g.first)
    fail(fmt::format("'{}', which {} carries, has no first value", label(p, p[c.now]), name(p, g)));
  for (const BufferId id : {c.now, c.next}) {
    int64_t times = 0;
    for (const Region& other : p.regions)
      if (const auto* l = std::get_if<Repeat>(&other.control); l && other.first < g.last && g.first < other.last)
        for (const Carried& d : l->carried) times += (d.now == id) + (d.next == id);
    if (times != 1) fail(fmt::format("'{}' is carried twice in {}", label(p, p[id]), name(p, g)));
  }
}

void verify_repeat(const Program& p, size_t region, const Repeat& l) {
  const Region& g = p.regions[region];
  if (l.turns < 0 || l.turns > std::numeric_limits<int32_t>::max())
    fail(fmt::format("{} has {} turns", name(p, g), l.turns));
  if (l.condition) verify_condition(p, g, *l.condition);
  for (const Carried& c : l.carried) verify_carried(p, region, c);
}

void verify_kept(const Program& p, size_t region) {
  const Region& g = p.regions[region];
  const int last = g.last - 1;
  for (const BufferId id : kept_between_turns(p, region)) {
    const Buffer& b = p[id];
    if (b.first > g.first || b.last < last)
      fail(fmt::format("'{}' is kept between the turns of {} and not live in all of it", label(p, b), name(p, g)));
    for (const Buffer& o : p.buffers)
      if (&o != &b && o.space == Space::arena && b.space == Space::arena && o.pool == b.pool && o.bytes > 0 &&
          b.bytes > 0 && o.first <= last && o.last >= g.first && o.offset < b.offset + b.bytes &&
          b.offset < o.offset + o.bytes)
        fail(fmt::format("'{}' lies where {} keeps '{}'", label(p, o), name(p, g), label(p, b)));
  }
}

/// Each row that a step reads was made before, and nothing was written over it since.
void verify_stream(const Program& p, const Region& g) {
  for (const Region& other : p.regions)
    if (&other != &g && other.first < g.last && g.first < other.last && other.first >= g.first)
      fail(fmt::format("{} has a region inside", name(p, g)));
  std::map<BufferId, std::vector<int64_t>> holds;  // of what the group makes: which byte of the value lies there
  const auto parameter = [&](int step, const std::string& of) -> const Parameter& {
    const std::vector<Parameter>& all = p.steps[size_t(step)].parameters;
    const auto at = std::ranges::find(all, of, &Parameter::name);
    if (at == all.end() || !std::holds_alternative<BufferId>(at->at))
      fail(fmt::format("'{}' of step '{}' is no buffer", of, p.steps[size_t(step)].facts.name));
    return *at;
  };
  for (int i = g.first; i < g.last; ++i)
    if (const RowLoop* l = loop_over_rows(p.steps[size_t(i)].body)) {
      const BufferId id = std::get<BufferId>(parameter(i, l->out.name).at);
      holds[id].assign(size_t(p[id].bytes), -1);
    }
  for (const Turn& t : turns(p, g)) {
    const Step& s = p.steps[size_t(t.step)];
    const RowLoop& l = *loop_over_rows(s.body);
    if (l.out.ring > 0 && !l.accumulates && l.out.ring % l.n != 0)
      fail(fmt::format("the ring that step '{}' writes is no multiple of its rows a call", s.facts.name));
    const auto each = [&](const std::vector<Bytes>& all, auto&& f) {
      for (const Bytes& b : all) {
        const Parameter& a = parameter(t.step, b.name);
        const BufferId id = std::get<BufferId>(a.at);
        if (b.begin < 0 || a.offset + b.end > p[id].bytes)
          fail(fmt::format("step '{}' leaves '{}'", s.facts.name, label(p, p[id])));
        if (const auto held = holds.find(id); held != holds.end())
          for (int64_t i = b.begin; i < b.end; ++i)
            f(id, held->second[size_t(a.offset + i)], a.offset + b.at + i - b.begin);
      }
    };
    each(rows_read(l, t), [&](BufferId id, int64_t held, int64_t want) {
      if (held != want)
        fail(fmt::format("step '{}' reads byte {} of '{}', which is not there", s.facts.name, want, label(p, p[id])));
    });
    const Parameter& y = parameter(t.step, l.out.name);
    each(rows_written(l, t, y.dtype.value_or(DType::u8)), [](BufferId, int64_t& held, int64_t want) { held = want; });
  }
}

int64_t memory_bytes(const Program& p, const Parameter& a) {
  if (const auto* c = std::get_if<ConstantId>(&a.at)) return p[*c].size();
  return p[std::get<BufferId>(a.at)].bytes;
}

void verify_place(const Program& p, int step, const Parameter& a) {
  if (a.whole()) return;
  const auto wrong = [&](const std::string& what) {
    fail(fmt::format("'{}' of step '{}' {}", a.name, p.steps[size_t(step)].facts.name, what));
  };
  const std::vector<const Repeat*> around = repeats_around(p, step);
  if (a.strides.size() > around.size()) wrong("advances in more repeats than are around it");
  if (std::ranges::count(around, 0, &Repeat::turns)) return;  // it is never there
  const int64_t element = a.dtype ? element_bytes(*a.dtype) : 1, memory = memory_bytes(p, a);
  bool inside = a.offset >= 0 && a.offset <= memory, whole_elements = a.offset % element == 0;
  int64_t lowest = a.offset, highest = a.offset;
  for (size_t d = 0; d < a.strides.size() && inside; ++d) {
    const int64_t s = a.strides[d], more = around[d]->turns - 1;
    whole_elements = whole_elements && s % element == 0;
    inside = more == 0 || (s <= memory / more && s >= -memory / more);
    if (inside) (s < 0 ? lowest : highest) += s * more;
  }
  if (!inside || lowest < 0 || highest + slice_bytes(p, a) > memory) wrong("leaves its memory");
  if (!whole_elements) wrong("is not at whole elements");
}

}  // namespace

Range all_steps(const Program& p) { return {0, int(p.steps.size()), 0}; }

Range inside(const Program& p, size_t region) {
  const Region& g = p.regions[region];
  const auto* b = std::get_if<Branch>(&g.control);
  return {g.first, b ? b->other : g.last, region + 1};
}

Range other_side(const Program& p, size_t region) {
  return {std::get<Branch>(p.regions[region].control).other, p.regions[region].last, region + 1};
}

std::vector<const Repeat*> repeats_around(const Program& p, int step) {
  std::vector<const Repeat*> r;
  for (const Region& g : p.regions)
    if (const auto* l = std::get_if<Repeat>(&g.control); l && g.first <= step && step < g.last) r.push_back(l);
  return r;
}

int64_t slice_bytes(const Program& p, const Parameter& a) {
  int64_t bytes = a.bytes > 0 ? a.bytes : memory_bytes(p, a) - a.offset;
  for (const int64_t s : a.strides)
    if (s != 0) bytes = std::min(bytes, std::abs(s));
  return bytes;
}

std::set<BufferId> kept_between_turns(const Program& p, size_t region) {
  const Region& g = p.regions[region];
  Flow f = flow_of(p, region);
  for (const Carried& c : std::get<Repeat>(g.control).carried) f.read.insert(c.next);
  // Who is asked for later and not written in every turn may have its value from an earlier one.
  const Flow turn = flow(p, inside(p, region));
  for (int i = g.first; i < g.last; ++i)
    for (const Parameter& a : p.steps[size_t(i)].parameters)
      if (const auto* id = std::get_if<BufferId>(&a.at);
          id && a.written && p[*id].last >= g.last && !turn.written.count(*id))
        f.read.insert(*id);
  return f.read;
}

void verify_regions(const Program& p) {
  verify_nesting(p);
  for (size_t i = 0; i < p.regions.size(); ++i) {
    const Region& g = p.regions[i];
    if (const auto* b = std::get_if<Branch>(&g.control)) verify_condition(p, g, b->condition);
    else if (std::holds_alternative<Stream>(g.control)) verify_stream(p, g);
    else verify_repeat(p, i, std::get<Repeat>(g.control));
  }
  for (size_t i = 0; i < p.regions.size(); ++i)
    if (std::holds_alternative<Repeat>(p.regions[i].control)) verify_kept(p, i);
  for (size_t i = 0; i < p.steps.size(); ++i)
    for (const Parameter& a : p.steps[i].parameters) verify_place(p, int(i), a);
}

}  // namespace burin
