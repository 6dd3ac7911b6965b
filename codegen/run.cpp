#include "codegen/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compiler/program/execute.h"
#include "compiler/program/regions.h"
#include "compiler/program/turns.h"

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
  explicit Machine(const Program& p) : p_(verified(p)), arena_(memory_bytes()) {
    for (const Buffer& b : p_.buffers) {
      if (b.space == Space::port) callers_.emplace(&b, size_t(b.bytes));
      places_.push_back(place(b));
    }
    load_constants();
    for (const Buffer& b : p.buffers) holds_.emplace_back(size_t(b.bytes));
    find_last_reads();
  }

  std::vector<Tensor> run(const std::vector<Tensor>& inputs) {
    if (inputs.size() != p_.inputs.size()) throw std::invalid_argument("another number of inputs");
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].bytes().size() != size_t(p_.inputs[i].type.bytes()))
        throw std::invalid_argument(fmt::format("input {} has another size", i));
      if (p_.feed) fed_ = &inputs[i], fill(p_.feed->position);
      else std::ranges::copy(inputs[i].bytes(), bytes(p_.inputs[i].at));
      fill(p_.inputs[i].at);
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
  static const Program& verified(const Program& p) {
    verify(p);
    return p;
  }
  /// All is one piece of memory here: the pools (or the arena) one behind the other, then the state, with bytes between
  /// them that are nobody's. Where a pool begins, or behind all of them the state:
  int64_t begin(int32_t piece) const {
    int64_t at = 0;
    for (int32_t i = 0; i < piece; ++i) at += (p_.piece_bytes(i) + 15) / 16 * 16 + int64_t(kGuard);
    return at;
  }
  size_t memory_bytes() const {
    const int64_t state = begin(p_.pieces());
    return size_t(p_.feed ? state + p_.state_bytes : state - int64_t(kGuard));
  }
  int64_t place(const Buffer& b) const {
    return b.offset + (b.space == Space::port ? 0 : begin(b.space == Space::state ? p_.pieces() : b.pool));
  }
  bool in_memory(BufferId id) const { return p_[id].space != Space::port; }

  /// What is copied into a pool is read there: in flash it is gone.
  void load_constants() {
    const std::vector<std::byte> image = p_.copied_constants();
    if (image.empty()) return;
    copies_ = begin(p_.constants_pool);
    copied_ = int64_t(image.size());
    std::ranges::copy(image, arena_.data() + copies_);
    for (StoredConstant& c : p_.constants) {
      if (c.copy < 0) continue;
      const auto gone = std::make_shared<const std::vector<std::byte>>(c.data.bytes.size(), kPoison);
      c.data.owner = gone, c.data.bytes = *gone;
    }
  }

  /// Bytes of the arena, of one buffer.
  struct Run {
    BufferId of;
    int64_t first, last;
  };

  /// Of each byte of each buffer in the arena: the last step that reads it; where control runs steps otherwise than one
  /// after the other, and of what the caller reads, the last of the buffer.
  void find_last_reads() {
    const bool plain =
        std::ranges::all_of(p_.regions, [](const Region& g) { return std::holds_alternative<Stream>(g.control); });
    for (const Buffer& b : p_.buffers)
      read_last_.emplace_back(b.space != Space::port ? size_t(b.bytes) : 0, plain ? -1 : b.last);
    if (!plain) return;
    const auto note = [&](const std::vector<Turn>& all) {
      for (const Turn& t : all)
        for (const Run& r : act(t).reads)
          for (int64_t i = r.first; i < r.last; ++i) {
            int& last = read_last_[size_t(r.of)][size_t(i - places_[size_t(r.of)])];
            last = std::max(last, t.step);
          }
    };
    walk(
        p_, all_steps(p_), [&](int i) { note(turns(p_, i)); }, [&](size_t g) { note(turns(p_, p_.regions[g])); });
  }

  /// All of it is there.
  void fill(BufferId id) { holds_[size_t(id)].assign(holds_[size_t(id)].size(), true); }
  std::byte* bytes(BufferId id) {
    const Buffer& b = p_[id];
    return b.space == Space::port ? callers_.at(&b).data() : arena_.data() + places_[size_t(id)];
  }

  void run(Range r) {
    walk(
        p_, r, [&](int i) { run_turns(turns(p_, i), i, i); },
        [&](size_t region) {
          const Region& g = p_.regions[region];
          const auto* b = std::get_if<Branch>(&g.control);
          if (std::holds_alternative<Stream>(g.control)) run_turns(turns(p_, g), g.first, g.last - 1);
          else if (!b) repeat(region, std::get<Repeat>(g.control));
          else run(condition(b->condition, g) ? inside(p_, region) : other_side(p_, region));
        });
  }

  bool condition(BufferId id, const Region& g) {
    if (in_memory(id) && !holds_[size_t(id)].at(0))
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
    const auto holds = [&](BufferId id) -> std::vector<bool>& { return holds_[size_t(id)]; };
    const auto drop = [&](BufferId id) { holds(id).assign(holds(id).size(), false); };
    turns_.push_back(0);
    kept_.insert(kept_.end(), kept.begin(), kept.end());
    for (int64_t turn = 0; turn < l.turns && (!l.condition || condition(*l.condition, g)); ++turn) {
      turns_.back() = turn;
      for (const BufferId id : own) drop(id);
      run(inside(p_, region));
      for (const Carried& c : l.carried) {
        std::swap(places_[size_t(c.now)], places_[size_t(c.next)]);
        holds(c.now) = holds(c.next), drop(c.next);
      }
    }
    turns_.pop_back();
    kept_.resize(kept_.size() - kept.size());
    for (const Carried& c : l.carried) {
      std::byte* last = bytes(c.now);
      for (const BufferId id : {c.now, c.next}) places_[size_t(id)] = place(p_[id]);
      std::memmove(bytes(c.now), last, size_t(p_[c.now].bytes));
    }
  }

  template <class Each>
  std::vector<bool> covered(const Each& runs) const {
    std::vector<bool> r(arena_.size() + 2 * kGuard);
    for (const Run& b : runs) std::fill(r.begin() + kGuard + b.first, r.begin() + kGuard + b.last, true);
    return r;
  }

  [[noreturn]] static void fail(const Step& s, const std::string& what) {
    throw PlanError(fmt::format("step '{}' ({}): {}", s.facts.name, s.facts.kernel, what));
  }

  /// Gives the parameters their memory.
  void enter(const Step& s, Frame& frame) {
    const bool copies = std::ranges::all_of(s.body.calls, [](const Call& c) { return c.function.starts_with("__"); });
    for (const Parameter& a : s.parameters) {
      int64_t offset = a.offset;
      for (size_t d = 0; d < a.strides.size(); ++d) offset += a.strides[d] * turns_[d];
      if (offset % 4 != 0 && !copies)
        fail(s, fmt::format("'{}' does not begin at a whole word and is not only copied", a.name));
      if (const auto* c = std::get_if<ConstantId>(&a.at)) {
        const int64_t copy = p_.constants[size_t(*c)].copy;
        frame.add(
            a.name,
            copy < 0 ? const_cast<std::byte*>(p_[*c].bytes.data()) + offset : arena_.data() + copies_ + copy + offset,
            p_[*c].dtype);
        continue;
      }
      const BufferId id = std::get<BufferId>(a.at);
      if (in_memory(id) && places_[size_t(id)] % 4 != 0)
        fail(s, fmt::format("'{}' does not begin at a whole word", label(p_, p_[id])));
      frame.add(a.name, bytes(id) + offset, a.dtype.value_or(DType::u8));
    }
  }

  /// What nobody needs from here on is gone.
  void poison(int now) {
    std::vector<bool> needed(arena_.size() + 2 * kGuard);
    for (size_t i = 0; i < p_.buffers.size(); ++i) {
      const Buffer& b = p_.buffers[i];
      if (now < b.first || now > b.last) holds_[i].assign(holds_[i].size(), false);
      for (size_t k = 0; k < holds_[i].size() && b.space != Space::port; ++k)
        if (holds_[i][k]) needed[kGuard + size_t(places_[i]) + k] = true;
    }
    std::fill_n(needed.begin() + int64_t(kGuard) + copies_, copied_, true);
    const std::span<std::byte> all = arena_.all();
    for (size_t i = kGuard; i < kGuard + arena_.size(); ++i)
      if (!needed[i]) all[i] = kPoison;
  }

  /// One turn: its memory, and what of the arena it reads and writes.
  struct Act {
    Turn turn;
    std::vector<Run> reads, writes;
  };
  Act act(const Turn& t) {
    const Step& s = p_.steps[size_t(t.step)];
    Act a{t, {}, {}};
    const RowLoop* l = t.n > 0 ? loop_over_rows(s.body) : nullptr;
    for (const Parameter& x : s.parameters) {
      const auto* id = std::get_if<BufferId>(&x.at);
      if (!id || !in_memory(*id)) continue;
      int64_t at = places_[size_t(*id)] + x.offset;
      for (size_t d = 0; d < x.strides.size(); ++d) at += x.strides[d] * turns_[d];
      std::vector<Run>& to = x.written ? a.writes : a.reads;
      const auto rows = [&](const std::vector<Bytes>& all) {
        for (const Bytes& b : all)
          if (b.name == x.name) to.push_back({*id, at + b.begin, at + b.end});
      };
      if (l && x.written && x.name == l->out.name) rows(rows_written(*l, t, x.dtype.value_or(DType::u8)));
      else if (l && !x.written && (x.name == l->in.name || std::ranges::count(l->beside, x.name, &RowPlace::name)))
        rows(rows_read(*l, t));
      else to.push_back({*id, at, at + slice_bytes(p_, x)});
      // Sums stay from one turn to the next.
      if (l && l->accumulates && x.name == "scratch" && t.first > 0) a.reads.push_back(to.back());
    }
    return a;
  }

  /// Steps [first, last] by their turns. A value that is read here for the last time dies in the turn that reads it
  /// last, byte by byte; one that is made here is there where it was written.
  void run_turns(const std::vector<Turn>& all, int first, int last) {
    std::vector<Act> acts;
    for (const Turn& t : all) acts.push_back(act(t));
    // From the last turn to the first: what of each dying buffer is needed after it.
    const size_t n = p_.buffers.size();
    std::vector<std::vector<Run>> dead(acts.size());  // read or written for nobody after the turn
    std::vector<std::vector<bool>> later(n);          // bytes of the arena that a later turn reads of this buffer
    const auto dies = [&](BufferId id, int64_t i) {
      return read_last_[size_t(id)][size_t(i - places_[size_t(id)])] <= last && !stays(id);
    };
    for (size_t k = acts.size(); k-- > 0;) {
      const auto each = [&](const std::vector<Run>& runs, auto&& f) {
        for (const Run& r : runs) {
          std::vector<bool>& need = later[size_t(r.of)];
          need.resize(arena_.size());
          for (int64_t i = r.first; i < r.last; ++i)
            if (dies(r.of, i)) f(r, i, need);
        }
      };
      const auto end = [&](const Run& r, int64_t i, std::vector<bool>& need) {
        if (!need[size_t(i)]) dead[k].push_back({r.of, i, i + 1});
      };
      each(acts[k].reads, end), each(acts[k].writes, end);
      each(acts[k].writes, [](const Run&, int64_t i, std::vector<bool>& need) { need[size_t(i)] = false; });
      each(acts[k].reads, [](const Run&, int64_t i, std::vector<bool>& need) { need[size_t(i)] = true; });
    }
    poison(first);
    // Whose each byte of the arena is: a value that is there and needed.
    std::vector<int32_t> owner(arena_.size(), -1);
    for (size_t i = 0; i < n; ++i)
      if (in_memory(BufferId(int32_t(i))) && p_.buffers[i].last >= first && p_.buffers[i].first < first)
        for (size_t k = 0; k < holds_[i].size(); ++k)
          if (const int64_t b = places_[i] + int64_t(k);
              holds_[i][k] && (!dies(BufferId(int32_t(i)), b) || (!later[i].empty() && later[i][size_t(b)])))
            owner[size_t(b)] = int32_t(i);
    for (size_t k = 0; k < acts.size(); ++k) turn(acts[k], dead[k], owner);
    for (const Act& a : acts)
      for (const Run& w : a.writes)
        std::fill_n(holds_[size_t(w.of)].begin() + (w.first - places_[size_t(w.of)]), w.last - w.first, true);
  }

  /// The caller's memory, what the caller reads, and what a repeat keeps from turn to turn.
  bool stays(BufferId id) const {
    return std::ranges::count(kept_, id) > 0 || p_[id].space == Space::port || (p_.feed && id == p_.feed->position) ||
           std::ranges::count(p_.outputs, id, &Port::at) > 0;
  }

  /// The caller has the row, and may have used the arena since the one before.
  void feed(int32_t row, const std::vector<int32_t>& owner) {
    const Shape& shape = fed_->shape();
    const auto axis = shape.begin() + (p_.feed->rows > 1 ? p_.feed->axis : 0);
    const size_t outer = p_.feed->rows > 1 ? size_t(elements(Shape(shape.begin(), axis))) : 1;
    const size_t part = size_t(p_.feed->bytes) / outer, all = fed_->bytes().size() / outer;
    for (size_t i = 0; i < outer; ++i)
      std::ranges::copy(fed_->bytes().subspan(i * all + size_t(row) * part, part), bytes(p_.inputs[0].at) + i * part);
    for (size_t i = 0; i < size_t(p_.arena_bytes) && row > 0; ++i) {
      if (owner[i] >= 0)
        fail(p_.steps[0],
             fmt::format("'{}' is needed after a feed but lies in the arena", label(p_, p_.buffers[size_t(owner[i])])));
      arena_.data()[i] = kPoison;
    }
  }

  void turn(const Act& a, const std::vector<Run>& dead, std::vector<int32_t>& owner) {
    const Step& s = p_.steps[size_t(a.turn.step)];
    if (p_.feed && a.turn.step == 0) feed(a.turn.first, owner);
    Frame frame(function);
    enter(s, frame);
    // What ends here may lie where the turn writes: a result in place.
    for (const Run& d : dead)
      if (owner[size_t(d.first)] == int32_t(d.of)) owner[size_t(d.first)] = -1;
    for (const Run& w : a.writes)
      for (int64_t i = w.first; i < w.last; ++i)
        if (const int32_t o = owner[size_t(i)]; o >= 0 && o != int32_t(w.of))
          fail(s, fmt::format("writes '{}' where '{}' is still needed", label(p_, p_[w.of]),
                              label(p_, p_.buffers[size_t(o)])));
    for (const Run& w : a.writes)
      for (const Run& o : a.writes)
        if (w.of != o.of && w.first < o.last && o.first < w.last)
          fail(s, fmt::format("writes '{}' and '{}' at one place", label(p_, p_[w.of]), label(p_, p_[o.of])));
    const std::span<std::byte> all = arena_.all();
    const std::vector<bool> written = covered(a.writes);
    const std::vector<std::byte> before(all.begin(), all.end());
    frame.run(s.body, a.turn);
    for (size_t i = 0; i < all.size(); ++i)
      if (!written[i] && all[i] != before[i])
        fail(s, fmt::format("wrote byte {} of the arena, which is not its own", int64_t(i) - int64_t(kGuard)));
    for (auto& [buffer, block] : callers_) {
      const std::span<std::byte> guarded = block.all();
      for (size_t i = 0; i < kGuard; ++i)
        if (guarded[i] != kPoison || guarded[guarded.size() - 1 - i] != kPoison)
          fail(s, fmt::format("wrote beside the caller's '{}'", buffer->name));
    }
    for (const Run& w : a.writes) std::fill(owner.begin() + w.first, owner.begin() + w.last, int32_t(w.of));
    for (const Run& d : dead) {
      int32_t& o = owner[size_t(d.first)];
      if (o == int32_t(d.of)) o = -1;
      if (o < 0) all[kGuard + size_t(d.first)] = kPoison;
    }
  }

  Program p_;
  Block arena_;
  const Tensor* fed_ = nullptr;
  std::unordered_map<const Buffer*, Block> callers_;
  std::vector<int64_t> places_;           // of each buffer in its space, now
  std::vector<std::vector<bool>> holds_;  // of each buffer: the bytes that hold a value
  std::vector<int64_t> turns_;            // of the repeats around
  std::vector<BufferId> kept_;            // by them
  std::vector<std::vector<int>> read_last_;
  int64_t copies_ = 0, copied_ = 0;  // bytes of the arena that hold constants
};

}  // namespace

std::vector<Tensor> run(const Program& p, const std::vector<Tensor>& inputs) { return Machine(p).run(inputs); }

}  // namespace burin
