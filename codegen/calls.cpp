#include "codegen/calls.h"

#include <fmt/format.h>

#include <cstdlib>

#include "compiler/program/regions.h"

namespace burin {
namespace {

/// " + 640 * i0 - 12 * i1": elements of so many bytes.
std::string turns(const Parameter& a, int64_t element) {
  std::string s;
  for (size_t d = 0; d < a.strides.size(); ++d)
    if (const int64_t stride = a.strides[d] / element; stride != 0)
      s += fmt::format(" {} {} * i{}", stride < 0 ? '-' : '+', std::abs(stride), d);
  return s;
}

class CallPrinter {
 public:
  explicit CallPrinter(const Program& m) : m_(m) {}
  Calls run() {
    print(all_steps(m_), 0);
    return std::move(out_);
  }

 private:
  /// Bytes from a pointer on.
  struct Place {
    std::string base;
    int64_t offset = 0;
  };
  Place place(BufferId id) {
    if (m_[id].space == Space::port)
      for (const Port* p : m_.ports())
        if (p->at == id) return {*out_.ports_used.insert(p->label).first};
    out_.uses_arena = true;
    if (exchanged_.count(id)) return {pointer(id)};
    return {"arena", m_[id].offset};
  }
  static std::string pointer(BufferId id) { return fmt::format("b{}", int(id)); }
  std::string condition(BufferId id) {
    const Place at = place(id);
    return fmt::format("{}[{}] != 0", at.base, at.offset);
  }

  /// What a call hands to a step's function.
  std::string argument(const Parameter& a) {
    const int64_t element = a.dtype ? element_bytes(*a.dtype) : 1;
    const auto in_elements = [&] {
      return (a.offset ? fmt::format(" + {}", a.offset / element) : "") + turns(a, element);
    };
    if (const auto* constant = std::get_if<ConstantId>(&a.at))
      return fmt::format("{}::weights::{}", m_.name, m_.constants[size_t(*constant)].name) + in_elements();
    const BufferId id = std::get<BufferId>(a.at);
    const Place at = place(id);
    if (m_[id].space == Space::port) return at.base + in_elements();
    const std::string bytes = fmt::format("{}{}", at.offset + a.offset, turns(a, 1));
    if (!a.dtype) return fmt::format("{} + {}", at.base, bytes);
    out_.uses_at = true;
    return fmt::format("{}::at<{}{}>({}, {})", m_.name, a.written ? "" : "const ", info(*a.dtype).c_type, at.base,
                       bytes);
  }

  void line(const std::string& text) { out_.text += std::string(2 * depth_, ' ') + text + '\n'; }

  void step(int i) {
    const Step& s = m_.steps[size_t(i)];
    std::string arguments;
    for (const Parameter& a : s.parameters) arguments += (arguments.empty() ? "" : ", ") + argument(a);
    line(fmt::format("BURIN_ENTER({})", i));
    line(fmt::format("{}::layers::{}({});", m_.name, s.facts.function, arguments));
    line(fmt::format("BURIN_LEAVE({})", i));
  }

  /// `repeats`: how many are around.
  void print(Range r, int repeats) {
    ++depth_;
    walk(
        m_, r, [&](int i) { step(i); },
        [&](size_t region) {
          if (const auto* b = std::get_if<Branch>(&m_.regions[region].control)) branch(region, *b, repeats);
          else repeat(region, std::get<Repeat>(m_.regions[region].control), repeats);
        });
    --depth_;
  }

  void branch(size_t region, const Branch& b, int repeats) {
    line(fmt::format("if ({}) {{", condition(b.condition)));
    print(inside(m_, region), repeats);
    if (b.other < m_.regions[region].last) {
      line("} else {");
      print(other_side(m_, region), repeats);
    }
    line("}");
  }

  /// Carried buffers are pointers that are exchanged; an odd number of turns leaves the value in the other's place.
  void repeat(size_t region, const Repeat& l, int repeats) {
    if (!l.carried.empty()) {
      line("{");
      ++depth_;
    }
    for (const Carried& c : l.carried) {
      line(fmt::format("unsigned char *{} = arena + {}, *{} = arena + {};", pointer(c.now), m_[c.now].offset,
                       pointer(c.next), m_[c.next].offset));
      exchanged_.insert(c.now), exchanged_.insert(c.next);
      out_.uses_arena = out_.exchanges = true;
    }
    line(fmt::format("for (size_t i{0} = 0; i{0} != {1}{2}; ++i{0}) {{", repeats, l.turns,
                     l.condition ? " && " + condition(*l.condition) : ""));
    print(inside(m_, region), repeats + 1);
    for (const Carried& c : l.carried)
      line(fmt::format("  {}::exchange({}, {});", m_.name, pointer(c.now), pointer(c.next)));
    line("}");
    for (const Carried& c : l.carried) {
      line(fmt::format("if ({0} != arena + {1}) __builtin_memcpy(arena + {1}, {0}, {2});", pointer(c.now),
                       m_[c.now].offset, m_[c.now].bytes));
      exchanged_.erase(c.now), exchanged_.erase(c.next);
    }
    if (!l.carried.empty()) {
      --depth_;
      line("}");
    }
  }

  const Program& m_;
  Calls out_;
  std::set<BufferId> exchanged_;
  int depth_ = -1;
};

}  // namespace

Calls print_calls(const Program& p) { return CallPrinter(p).run(); }

}  // namespace burin
