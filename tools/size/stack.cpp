#include "tools/size/stack.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tools/size/disassembler.h"

namespace burin {
namespace {

constexpr int kVisits = 40;  // of one instruction, each with a greater depth: the stack grows in a loop

struct Place {
  uint64_t address;
  bool thumb;
  auto operator<=>(const Place&) const = default;
};

/// What holds whichever way a place was reached. True when `into` changed.
bool join(StackState& into, const StackState& other) {
  bool changed = other.depth > into.depth;
  into.depth = std::max(into.depth, other.depth);
  for (auto it = into.registers.begin(); it != into.registers.end();) {
    const auto found = other.registers.find(it->first);
    if (found != other.registers.end() && found->second == it->second) ++it;
    else it = into.registers.erase(it), changed = true;
  }
  return changed;
}

}  // namespace

class StackAnalysis::Walk {
 public:
  explicit Walk(const ElfImage& image) : image_(image), disassembler_(image) {}

  StackBound bound(Place entry) {
    if (const auto known = bounds_.find(entry); known != bounds_.end()) return known->second;
    if (!active_.insert(entry).second) return {std::nullopt, fmt::format("{} calls itself", name(entry.address)), {}};
    StackBound b = walk(entry);
    active_.erase(entry);
    return bounds_[entry] = std::move(b);
  }

  bool thumb_at(const Symbol& s) const {
    return s.thumb ||
           (image_.machine == ElfImage::Machine::arm && s.kind != Symbol::Kind::function && mark(s.address) == 't');
  }

 private:
  struct Visit {
    StackState state;
    int times = 0;
  };

  StackBound walk(Place entry) {
    StackBound result;
    int64_t most = 0;
    std::map<Place, Visit> seen;
    std::vector<std::pair<Place, StackState>> work{{entry, {}}};
    auto fail = [&](std::string why) { return StackBound{std::nullopt, std::move(why), result.outside}; };
    std::optional<StackState> at_table;
    bool tables_done = false;
    while (true) {
      if (work.empty()) {
        if (!at_table || tables_done) break;
        // Where a jump table leads is not known: to any place of the function that nothing else reaches.
        tables_done = true;
        at_table->registers.clear();
        for (const Place& p : unreached(entry, seen)) work.emplace_back(p, *at_table);
        continue;
      }
      auto [place, state] = std::move(work.back());
      work.pop_back();
      bool fresh = true;
      while (true) {
        auto [it, first] = seen.try_emplace(place, Visit{state, 0});
        if (!first && !join(it->second.state, state)) break;
        if (!first) state = it->second.state;
        if (++it->second.times > kVisits) return fail(fmt::format("{} takes stack in a loop", name(entry.address)));
        // What fills up code before a literal pool is reached by nothing; from a guess it would lead into the pool.
        if (tables_done && mark(place.address) == 'd') break;
        const auto decoded = instruction(place, fresh);
        fresh = false;
        if (!decoded) {
          if (tables_done) break;  // a guess of where a table leads
          return fail(
              fmt::format("{} holds bytes at {:#x} that are no instruction", name(entry.address), place.address));
        }
        const SpStep s = step(image_.machine, place.thumb, *decoded, state, [this](uint64_t a) { return word(a); });
        if (!s.problem.empty()) return fail(fmt::format("{}: {}", name(entry.address), s.problem));
        most = std::max(most, state.depth);
        Place target{s.target.value_or(0), s.to_thumb || (place.thumb && !s.to_arm)};
        if (s.flow == SpStep::Flow::call) {
          if (!decoded->outside.empty()) {
            result.outside.insert(decoded->outside);
            most = std::max(most, state.depth + s.pushed_by_call);
          } else if (!s.target) {
            return fail(fmt::format("{} calls through a pointer", name(entry.address)));
          } else {
            const StackBound callee = bound(target);
            result.outside.insert(callee.outside.begin(), callee.outside.end());
            if (!callee.bytes) return fail(callee.why_not);
            most = std::max(most, state.depth + s.pushed_by_call + *callee.bytes);
          }
        } else if (s.flow == SpStep::Flow::jump || s.flow == SpStep::Flow::branch) {
          if (s.target) work.emplace_back(target, state);
          else if (!decoded->outside.empty()) result.outside.insert(decoded->outside);
          else return fail(fmt::format("{} jumps to an unknown place", name(entry.address)));
        } else if (s.flow == SpStep::Flow::table) {
          if (at_table) join(*at_table, state);
          else at_table = state;
        }
        if (s.flow != SpStep::Flow::next && !s.conditional) break;
        place.address += decoded->size;
      }
    }
    result.bytes = most;
    return result;
  }

  std::optional<Instruction> instruction(Place p, bool fresh) {
    std::optional<Instruction> i = disassembler_.at(p.address, p.thumb, fresh);
    if (!i || !image_.relocatable) return i;
    for (auto r = std::ranges::lower_bound(image_.relocations, p.address, {}, &Relocation::address);
         r != image_.relocations.end() && r->address < p.address + i->size; ++r) {
      if (r->target_section == kUndefined) {
        if (!r->symbol.empty()) i->outside = r->symbol;
      } else if (image_.sections[r->target_section].executable) {
        i->target = r->target_address;
      }
    }
    return i;
  }

  /// Code of the entry's function that was not reached, marks and data left out.
  std::vector<Place> unreached(Place entry, const std::map<Place, Visit>& seen) {
    std::vector<Place> r;
    const Symbol* function = nullptr;
    for (const Symbol& s : image_.symbols)
      if (s.address == entry.address && s.bytes > 0 && (!function || s.bytes > function->bytes)) function = &s;
    if (!function) return r;
    for (uint64_t a = function->address; a < function->address + function->bytes;) {
      const char kind = mark(a);
      const auto known = seen.find({a, entry.thumb});
      const auto i = kind == 'd' ? std::nullopt : instruction({a, entry.thumb}, true);
      if (i && known == seen.end()) r.push_back({a, entry.thumb});
      a += i ? i->size : image_.machine == ElfImage::Machine::x86_64 ? 1u : 2u;
    }
    return r;
  }

  /// Arm's mark that holds at an address; 0 where there is none.
  char mark(uint64_t address) const {
    char kind = 0;
    for (const CodeMark& m : image_.marks) {
      const Section& s = image_.sections[m.section];
      if (address >= s.address && address < s.address + s.bytes && m.address <= address) kind = m.kind;
    }
    return kind;
  }

  std::optional<uint32_t> word(uint64_t address) const {
    for (const Section& s : image_.sections)
      if (s.loaded && address >= s.address && address + 4 <= s.address + s.contents.size()) {
        const auto* p = reinterpret_cast<const unsigned char*>(s.contents.data()) + (address - s.address);
        return uint32_t(p[0]) | uint32_t(p[1]) << 8 | uint32_t(p[2]) << 16 | uint32_t(p[3]) << 24;
      }
    return std::nullopt;
  }

  std::string name(uint64_t address) const {
    for (const Symbol& s : image_.symbols)
      if (s.address == address) return s.name;
    return fmt::format("code at {:#x}", address);
  }

  const ElfImage& image_;
  Disassembler disassembler_;
  std::map<Place, StackBound> bounds_;
  std::set<Place> active_;
};

StackAnalysis::StackAnalysis(const ElfImage& image) : walk_(std::make_unique<Walk>(image)) {}
StackAnalysis::~StackAnalysis() = default;
StackBound StackAnalysis::of(const Symbol& function) {
  return walk_->bound({function.address, walk_->thumb_at(function)});
}

}  // namespace burin
