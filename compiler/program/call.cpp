#include "compiler/program/call.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace burin {

std::string joined_fields(const Struct& s, const FieldNotation& n) {
  std::string r;
  for (const Field& f : s.fields)
    r += (r.empty() ? "" : ", ") +
         std::visit(
             Overloaded{[](int64_t v) { return fmt::format("{}", v); },
                        [](uint32_t v) { return fmt::format("{}u", v); }, [](bool v) { return fmt::format("{}", v); },
                        [&](const std::vector<int32_t>& v) {
                          return fmt::format("{}{}{}", n.open, fmt::join(v, ", "), n.close);
                        },
                        [&](const Enumerator& e) { return fmt::format("{}{}::{}", n.scope, e.type, e.name); },
                        [&](const ArrayName& a) { return n.pointer(a.name); }},
             f);
  return r;
}

}  // namespace burin
