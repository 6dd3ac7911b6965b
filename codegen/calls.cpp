#include "codegen/calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "codegen/writer.h"
#include "compiler/program/layers.h"
#include "compiler/program/regions.h"
#include "compiler/program/turns.h"

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
  CallPrinter(const Program& m, const std::map<std::string, std::string>& elsewhere)
      : m_(m), elsewhere_(elsewhere), layers_(layers(m)) {}
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
        if (p->at == id) {
          const std::string name = m_.feed && !p->output ? "row" : p->label;
          out_.ports_used.insert(p->label);
          need(fmt::format("{}{}*", p->output ? "" : "const ", info(p->type.dtype).c_type), name);
          return {name};
        }
    if (m_[id].space == Space::state) {
      need("unsigned char*", "state");
      return {"state", m_[id].offset};
    }
    if (!exchanged_.count(id)) return in_pool(m_[id].pool, m_[id].offset);
    need("unsigned char*", pointer(id));
    return {pointer(id)};
  }
  Place in_pool(int32_t pool, int64_t offset) {
    out_.pools.insert(pool);
    const std::string base = pool_pointer(m_, pool);
    need("unsigned char*", base);
    return {base, offset};
  }
  /// What a group's function is handed.
  void need(const std::string& type, const std::string& name) {
    for (const auto& n : needs_)
      if (n.second == name) return;
    needs_.push_back({type, name});
  }
  static std::string pointer(BufferId id) { return fmt::format("b{}", int(id)); }
  std::string condition(BufferId id) {
    const Place at = place(id);
    return fmt::format("{}[{}] != 0", at.base, at.offset);
  }

  /// What a call hands to a step's function.
  std::string argument(const Parameter& a) {
    const int64_t element = a.dtype ? element_bytes(*a.dtype) : 1;
    for (size_t d = 0; d < a.strides.size(); ++d)
      if (a.strides[d] / element != 0) need("size_t", fmt::format("i{}", d));
    const auto in_elements = [&] {
      return (a.offset ? fmt::format(" + {}", a.offset / element) : "") + turns(a, element);
    };
    const auto at_byte = [&](const std::string& type, const Place& p) {
      out_.uses_at = true;
      return fmt::format("{}::at<{}{}>({}, {}{})", m_.name, a.written ? "" : "const ", type, p.base,
                         p.offset + a.offset, turns(a, 1));
    };
    if (const auto* id = std::get_if<ConstantId>(&a.at)) {
      const StoredConstant& c = m_.constants[size_t(*id)];
      if (c.copy >= 0) return at_byte(c.data.c_type(), in_pool(m_.constants_pool, c.copy));
      return fmt::format("{}::weights::{}", m_.name, c.name) + in_elements();
    }
    const BufferId id = std::get<BufferId>(a.at);
    const Place at = place(id);
    if (m_[id].space == Space::port) return at.base + in_elements();
    if (!a.dtype) return fmt::format("{} + {}{}", at.base, at.offset + a.offset, turns(a, 1));
    return at_byte(std::string(info(*a.dtype).c_type), at);
  }

  void line(const std::string& text) { out_.text += std::string(2 * depth_, ' ') + text + '\n'; }

  /// Which layer begins with the step; their numbers are those of the report.
  size_t layer(int step) const {
    return size_t(std::ranges::find(layers_, step, &OutputLayer::first) - layers_.begin());
  }
  void between_hooks(size_t layer, const std::string& call) {
    line(fmt::format("BURIN_ENTER({})", layer));
    line(call);
    line(fmt::format("BURIN_LEAVE({})", layer));
  }
  std::string call(int i, const std::string& row = "") {
    const Step& s = m_.steps[size_t(i)];
    std::string arguments;
    for (const Parameter& a : s.parameters) arguments += (arguments.empty() ? "" : ", ") + argument(a);
    const auto other = elsewhere_.find(s.facts.function);
    const std::string function =
        other != elsewhere_.end() ? other->second : fmt::format("{}::layers::{}", m_.name, s.facts.function);
    return fmt::format("{}({});", function, arguments + row);
  }

  /// `repeats`: how many are around.
  void print(Range r, int repeats) {
    ++depth_;
    walk(
        m_, r, [&](int i) { between_hooks(layer(i), call(i)); },
        [&](size_t region) {
          if (const auto* b = std::get_if<Branch>(&m_.regions[region].control)) branch(region, *b, repeats);
          else if (const auto* g = std::get_if<Stream>(&m_.regions[region].control))
            stream(layers_[layer(m_.regions[region].first)], *g);
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

  static std::string plural(int64_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

  std::string comment(const OutputLayer& l, const Stream& s) const {
    std::string r = fmt::format("// {}: a row-streamed group of {}, {}\n", l.name, plural(l.last - l.first, "layer"),
                                plural(int64_t(s.order.size()), "call"));
    const std::vector<Ring> all = rings(m_, *l.group);
    for (int i = l.first; i < l.last; ++i) {
      const Step& step = m_.steps[size_t(i)];
      r += fmt::format("//   {}: {} of {}", step.facts.name, plural(std::ranges::count(s.order, i - l.first), "call"),
                       plural(loop_over_rows(step.body)->n, "row"));
      if (const auto ring = std::ranges::find(all, i, &Ring::step); ring != all.end())
        r += fmt::format(", in a ring of {}, {} bytes each", plural(ring->rows, "row"), ring->row_bytes);
      r += '\n';
    }
    return r;
  }

  /// A function with a table of members, one byte for each call; each member counts its rows.
  void stream(const OutputLayer& l, const Stream& s) {
    std::string table, cases;
    const bool fed = m_.feed && l.first == 0;
    const std::string position(fed ? info(position_type(m_)).c_type : "");
    for (size_t k = 0; k < s.order.size(); ++k)
      table += fmt::format("{}{}", k == 0 ? "" : k % 32 == 0 ? ",\n" : ", ", s.order[k]);
    needs_.clear();
    if (fed) need("unsigned char*", "state");
    for (int i = l.first; i < l.last; ++i) {
      const int member = i - l.first;
      cases += i + 1 < l.last ? fmt::format("case {}:\n", member) : "default:\n";
      if (fed && i == 0)
        cases += fmt::format(
            "  if (taken) {{\n    position[0] = static_cast<{}>(k);\n    return false;\n  }}\n  taken = true;\n",
            position);
      cases += fmt::format("  {}\n", call(i, fmt::format(", done[{}]", member)));
      const int32_t n = loop_over_rows(m_.steps[size_t(i)].body)->n;
      cases += fed ? fmt::format("  done[{0}] = static_cast<{1}>(done[{0}] + {2});\n", member, position, n)
                   : fmt::format("  done[{}] += {};\n", member, n);
      if (i + 1 < l.last) cases += "  break;\n";
    }
    std::string parameters, arguments;
    for (const auto& [type, name] : needs_) {
      parameters += fmt::format("{}{} {}", parameters.empty() ? "" : ", ", type, name);
      arguments += (arguments.empty() ? "" : ", ") + name;
    }
    // A group that is fed says whether it has ended; it goes on where it was, with the rows that it had made.
    const std::string head = fed ? fmt::format(
                                       "{0}* const position = at<{0}>(state, {1});\n{0}* const done = position + "
                                       "1;\nbool taken = false;\n",
                                       position, m_[m_.feed->position].offset)
                                 : fmt::format("int32_t done[{}] = {{}};\n", l.last - l.first);
    out_.uses_at = out_.uses_at || fed;
    out_.groups += comment(l, s) + expand(R"(
        BURIN_LAYER $result$ $name$($parameters$) {
          static const uint8_t order[$calls$] = {
              $table$
          };
          $head$
          for (int32_t k = $from$; k < $calls$; ++k) {
            switch (order[k]) {
              $cases$
            }
            BURIN_TURN
          }
          $end$
        }

        )",
                                          {{"name", l.name},
                                           {"result", fed ? "bool" : "void"},
                                           {"parameters", parameters},
                                           {"calls", s.order.size()},
                                           {"table", table},
                                           {"head", head},
                                           {"from", fed ? "position[0]" : "0"},
                                           {"end", fed ? "return true;" : ""},
                                           {"cases", cases}});
    const std::string call = fmt::format("{}::layers::{}({});", m_.name, l.name, arguments);
    between_hooks(layer(l.first), fed ? "const bool complete = " + call : call);
    if (fed) line("if (!complete) return 0;");
  }

  /// Carried buffers are pointers that are exchanged; an odd number of turns leaves the value in the other's place.
  void repeat(size_t region, const Repeat& l, int repeats) {
    if (!l.carried.empty()) {
      line("{");
      ++depth_;
    }
    for (const Carried& c : l.carried) {
      const Place now = place(c.now), next = place(c.next);
      line(fmt::format("unsigned char *{} = {} + {}, *{} = {} + {};", pointer(c.now), now.base, now.offset,
                       pointer(c.next), next.base, next.offset));
      exchanged_.insert(c.now), exchanged_.insert(c.next);
      out_.exchanges = true;
    }
    line(fmt::format("for (size_t i{0} = 0; i{0} != {1}{2}; ++i{0}) {{", repeats, l.turns,
                     l.condition ? " && " + condition(*l.condition) : ""));
    print(inside(m_, region), repeats + 1);
    for (const Carried& c : l.carried)
      line(fmt::format("  {}::exchange({}, {});", m_.name, pointer(c.now), pointer(c.next)));
    line("}");
    for (const Carried& c : l.carried) {
      exchanged_.erase(c.now), exchanged_.erase(c.next);
      const Place now = place(c.now);
      line(fmt::format("if ({0} != {1} + {2}) __builtin_memcpy({1} + {2}, {0}, {3});", pointer(c.now), now.base,
                       now.offset, m_[c.now].bytes));
    }
    if (!l.carried.empty()) {
      --depth_;
      line("}");
    }
  }

  const Program& m_;
  const std::map<std::string, std::string>& elsewhere_;
  Calls out_;
  const std::vector<OutputLayer> layers_;
  std::set<BufferId> exchanged_;
  std::vector<std::pair<std::string, std::string>> needs_;  // types and names
  int depth_ = -1;
};

}  // namespace

Calls print_calls(const Program& p, const std::map<std::string, std::string>& elsewhere) {
  return CallPrinter(p, elsewhere).run();
}

std::string pool_field(const ProgramPool& pool) {
  std::string s = pool.name;
  std::ranges::transform(s, s.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return s;
}
std::string pool_pointer(const Program& p, int32_t pool) {
  return p.pools.empty() ? "arena" : "pool_" + pool_field(p.pools[size_t(pool)]);
}

}  // namespace burin
