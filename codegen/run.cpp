#include "codegen/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compiler/program/execute.h"
#include "compiler/program/regions.h"

namespace burin {
namespace {

constexpr std::byte kPoison{0xA5};
constexpr size_t kGuard = 64;  // bytes on either side of each piece of memory

/// Bytes between guards, aligned as kernels may ask.
class Block {
 public:
  explicit Block(size_t size) : size_(size), memory_((size + 2 * kGuard + 15) / 16) {
    std::memset(memory_.data(), int(kPoison), memory_.size() * sizeof(memory_[0]));
  }
  std::byte* data() { return reinterpret_cast<std::byte*>(memory_.data()) + kGuard; }
  size_t size() const { return size_; }
  /// The bytes with guards.
  std::span<std::byte> all() { return {data() - kGuard, size_ + 2 * kGuard}; }

 private:
  struct alignas(16) Line {
    std::byte bytes[16];
  };
  size_t size_;
  std::vector<Line> memory_;
};

HostFunction function(const std::string& name) {
  const auto at = conv_functions().find(name);
  return at != conv_functions().end() ? at->second : host_function(name);
}

class Machine {
 public:
  explicit Machine(const Program& p) : p_(p), arena_(size_t(p.arena_bytes)) {
    verify(p);
    for (const Buffer& b : p.buffers) {
      if (b.space == Space::port) callers_.emplace(&b, size_t(b.bytes));
      places_.push_back(b.offset);
    }
    holds_.resize(p.buffers.size());
  }

  std::vector<Tensor> run(const std::vector<Tensor>& inputs) {
    if (inputs.size() != p_.inputs.size()) throw std::invalid_argument("another number of inputs");
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].bytes().size() != size_t(p_.inputs[i].type.bytes()))
        throw std::invalid_argument(fmt::format("input {} has another size", i));
      std::ranges::copy(inputs[i].bytes(), bytes(p_.inputs[i].at));
      holds_[size_t(p_.inputs[i].at)] = true;
    }
    run(all_steps(p_));
    std::vector<Tensor> r;
    for (const Port& port : p_.outputs) {
      Tensor t(port.type);
      std::copy_n(bytes(port.at), t.bytes().size(), t.bytes().begin());
      r.push_back(std::move(t));
    }
    return r;
  }

 private:
  /// Bytes of the arena, of one buffer.
  struct Bytes {
    BufferId of;
    int64_t first, last;
  };

  std::byte* bytes(BufferId id) {
    const Buffer& b = p_[id];
    return b.space == Space::port ? callers_.at(&b).data() : arena_.data() + places_[size_t(id)];
  }

  void run(Range r) {
    walk(
        p_, r, [&](int i) { step(i); },
        [&](size_t region) {
          const Region& g = p_.regions[region];
          const auto* b = std::get_if<Branch>(&g.control);
          if (!b) repeat(region, std::get<Repeat>(g.control));
          else run(condition(b->condition, g) ? inside(p_, region) : other_side(p_, region));
        });
  }

  bool condition(BufferId id, const Region& g) {
    if (p_[id].space == Space::arena && !holds_[size_t(id)])
      throw PlanError(fmt::format("step '{}': the condition '{}' has no value", p_.steps[size_t(g.first)].facts.name,
                                  label(p_, p_[id])));
    return bytes(id)[0] != std::byte{0};
  }

  void repeat(size_t region, const Repeat& l) {
    const Region& g = p_.regions[region];
    const std::set<BufferId> kept = kept_between_turns(p_, region);
    std::set<BufferId> own;  // what a turn writes for itself
    for (int i = g.first; i < g.last; ++i)
      for (const Parameter& a : p_.steps[size_t(i)].parameters)
        if (const auto* id = std::get_if<BufferId>(&a.at); id && a.written && !kept.count(*id)) own.insert(*id);
    const auto holds = [&](BufferId id) { return holds_[size_t(id)]; };
    turns_.push_back(0);
    for (int64_t turn = 0; turn < l.turns && (!l.condition || condition(*l.condition, g)); ++turn) {
      turns_.back() = turn;
      for (const BufferId id : own) holds(id) = false;
      run(inside(p_, region));
      for (const Carried& c : l.carried) {
        std::swap(places_[size_t(c.now)], places_[size_t(c.next)]);
        holds(c.now) = holds(c.next), holds(c.next) = false;
      }
    }
    turns_.pop_back();
    for (const Carried& c : l.carried) {
      std::byte* last = bytes(c.now);
      for (const BufferId id : {c.now, c.next}) places_[size_t(id)] = p_[id].offset;
      std::memmove(bytes(c.now), last, size_t(p_[c.now].bytes));
    }
  }

  template <class Each>
  std::vector<bool> covered(const Each& runs) const {
    std::vector<bool> r(arena_.size() + 2 * kGuard);
    for (const Bytes& b : runs) std::fill(r.begin() + kGuard + b.first, r.begin() + kGuard + b.last, true);
    return r;
  }
  Bytes all_of(BufferId id) const {
    const int64_t first = places_[size_t(id)];
    return {id, first, first + p_[id].bytes};
  }

  [[noreturn]] static void fail(const Step& s, const std::string& what) {
    throw PlanError(fmt::format("step '{}' ({}): {}", s.facts.name, s.facts.kernel, what));
  }

  /// Gives the parameters their memory; returns what of the arena the step writes.
  std::vector<Bytes> enter(const Step& s, Frame& frame) {
    const bool copies = std::ranges::all_of(s.body.calls, [](const Call& c) { return c.function.starts_with("__"); });
    std::vector<Bytes> writes;
    for (const Parameter& a : s.parameters) {
      int64_t offset = a.offset;
      for (size_t d = 0; d < a.strides.size(); ++d) offset += a.strides[d] * turns_[d];
      if (offset % 4 != 0 && !copies)
        fail(s, fmt::format("'{}' does not begin at a whole word and is not only copied", a.name));
      if (const auto* c = std::get_if<ConstantId>(&a.at)) {
        frame.add(a.name, const_cast<std::byte*>(p_[*c].bytes.data()) + offset, p_[*c].dtype);
        continue;
      }
      const BufferId id = std::get<BufferId>(a.at);
      if (p_[id].space == Space::arena) {
        const int64_t place = places_[size_t(id)];
        if (place % 4 != 0) fail(s, fmt::format("'{}' does not begin at a whole word", label(p_, p_[id])));
        if (a.written) writes.push_back({id, place + offset, place + offset + slice_bytes(p_, a)});
      }
      frame.add(a.name, bytes(id) + offset, a.dtype.value_or(DType::u8));
    }
    return writes;
  }

  /// What nobody needs from here on is gone.
  void poison(int now) {
    std::vector<Bytes> live;
    for (size_t i = 0; i < p_.buffers.size(); ++i) {
      const Buffer& b = p_.buffers[i];
      if (now < b.first || now > b.last) holds_[i] = false;
      if (b.space == Space::arena && holds_[i]) live.push_back(all_of(BufferId(int32_t(i))));
    }
    const std::vector<bool> needed = covered(live);
    const std::span<std::byte> all = arena_.all();
    for (size_t i = kGuard; i < kGuard + arena_.size(); ++i)
      if (!needed[i]) all[i] = kPoison;
  }

  void step(int now) {
    const Step& s = p_.steps[size_t(now)];
    Frame frame(function);
    const std::vector<Bytes> writes = enter(s, frame);
    poison(now);
    // Nothing that lives on may lie where this step writes.
    for (const Bytes& w : writes)
      for (size_t i = 0; i < p_.buffers.size(); ++i) {
        const Buffer& b = p_.buffers[i];
        const Bytes o = all_of(BufferId(int32_t(i)));
        if (o.of != w.of && b.space == Space::arena && b.first <= now && now < b.last && o.first < o.last &&
            w.first < w.last && o.first < w.last && w.first < o.last)
          fail(s, fmt::format("writes '{}' where '{}' is still needed", label(p_, p_[w.of]), label(p_, b)));
      }
    const std::span<std::byte> all = arena_.all();
    const std::vector<bool> written = covered(writes);
    const std::vector<std::byte> before(all.begin(), all.end());
    frame.run(s.body);
    for (size_t i = 0; i < all.size(); ++i)
      if (!written[i] && all[i] != before[i])
        fail(s, fmt::format("wrote byte {} of the arena, which is not its own", int64_t(i) - int64_t(kGuard)));
    for (const Bytes& w : writes) holds_[size_t(w.of)] = true;
    for (auto& [buffer, block] : callers_) {
      const std::span<std::byte> guarded = block.all();
      for (size_t i = 0; i < kGuard; ++i)
        if (guarded[i] != kPoison || guarded[guarded.size() - 1 - i] != kPoison)
          fail(s, fmt::format("wrote beside the caller's '{}'", buffer->name));
    }
  }

  const Program& p_;
  Block arena_;
  std::unordered_map<const Buffer*, Block> callers_;
  std::vector<int64_t> places_;  // of each buffer in its space, now
  std::vector<bool> holds_;      // each buffer: a value
  std::vector<int64_t> turns_;   // of the repeats around
};

}  // namespace

std::vector<Tensor> run(const Program& p, const std::vector<Tensor>& inputs) { return Machine(p).run(inputs); }

}  // namespace burin
