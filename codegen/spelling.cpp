#include "codegen/spelling.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <iterator>
#include <limits>
#include <type_traits>

#include "codegen/writer.h"
#include "compiler/program/structs.h"
#include "runtime-min/kernels/conv.h"

namespace burin {

std::string cpp(float v) {
  if (std::isnan(v)) return "__builtin_nanf(\"\")";
  if (std::isinf(v)) return v < 0 ? "-__builtin_inff()" : "__builtin_inff()";
  std::string s = fmt::format("{:.9g}", v);  // nine digits give every float32 back
  if (s.find_first_of(".e") == s.npos) s += ".0";
  return s + "f";
}
std::string cpp(double v) {
  if (std::isnan(v)) return "__builtin_nan(\"\")";
  if (std::isinf(v)) return v < 0 ? "-__builtin_inf()" : "__builtin_inf()";
  std::string s = fmt::format("{:.17g}", v);
  return s.find_first_of(".e") == s.npos ? s + ".0" : s;
}

std::string braced(std::span<const int32_t> values) { return fmt::format("{{{}}}", fmt::join(values, ", ")); }

namespace {

void append(std::string& text, std::floating_point auto v) { text += cpp(v); }
/// The most negative value cannot be written as a literal of its own type.
template <std::integral T>
void append(std::string& text, T v) {
  const auto plain = [&](auto n) {
    char digits[24];
    text.append(digits, std::to_chars(digits, std::end(digits), n).ptr);
  };
  if (v == std::numeric_limits<T>::min() && std::is_signed_v<T> && sizeof(T) >= 4) {
    plain(T(v + 1));
    text += " - 1";
  } else if constexpr (sizeof(T) >= 4) plain(v);
  else plain(int(v));
  if (std::is_unsigned_v<T> && sizeof(T) >= 4) text += 'u';
}

}  // namespace

void spell(const Constant& c, const std::function<void(std::string_view)>& to) {
  constexpr size_t kPart = 1 << 16;
  std::string text;
  text.reserve(kPart + 64);
  if (!c.record.empty()) text += '{';
  visit_dtype(c.dtype, [&](auto e) {
    using T = decltype(e);
    const std::span<const T> values = c.as<T>();
    size_t line = 0;  // where it begins in `text`
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t before = text.size();
      append(text, values[i]);
      if (i + 1 < values.size()) text += ',';
      if (text.size() - line > 118) {
        text.insert(before, 1, '\n');
        line = before + 1;
        if (line > kPart) {
          to(std::string_view(text).substr(0, line));
          text.erase(0, line);
          line = 0;
        }
      }
    }
  });
  if (!c.record.empty()) text += '}';
  to(text);
}
std::string spelled(const Constant& c) {
  std::string s;
  spell(c, [&](std::string_view part) { s += part; });
  return s;
}

namespace {

std::string plus(int64_t stride, std::string_view index) {
  if (stride == 0) return "";
  const int64_t size = stride < 0 ? -stride : stride;
  return fmt::format(" {} {}{}", stride < 0 ? '-' : '+', index, size == 1 ? "" : fmt::format(" * {}", size));
}

/// `x0 + 12 + i0 * 640 - i1`
std::string spelled(const Pointer& p) {
  std::string s = p.name;
  if (p.offset != 0) s += fmt::format(" + {}", p.offset);
  for (size_t d = 0; d < p.strides.size(); ++d) s += plus(p.strides[d], fmt::format("i{}", d));
  return s;
}
/// `scales[i0]`
std::string spelled(const Element& e) {
  std::string index;
  if (e.at.offset != 0) index = fmt::format(" + {}", e.at.offset);
  for (size_t d = 0; d < e.at.strides.size(); ++d) index += plus(e.at.strides[d], fmt::format("i{}", d));
  return fmt::format("{}[{}]", e.at.name, index.empty() ? "0" : index.substr(3));
}

std::string argument(int64_t v) { return v == INT32_MIN ? "-2147483647 - 1" : fmt::format("{}", v); }

/// `burin::name<types>(arguments);`. No row_count: it is a variable of the function.
std::string spelled(const Call& c, std::optional<int32_t> row_count = std::nullopt, const std::string& first_row = "") {
  std::string s = c.function.starts_with("__") ? c.function : "burin::" + c.function;
  if (!c.types.empty()) {
    std::string types;
    for (const std::string& t : c.types)
      types += (types.empty() ? "" : ", ") + (t.starts_with("fn_") || t.starts_with("el_") ? "burin::" + t : t);
    s += fmt::format("<{}>", types);
  }
  std::string arguments;
  for (const Argument& a : c.arguments)
    arguments +=
        (arguments.empty() ? "" : ", ") +
        std::visit(Overloaded{[&](int64_t v) { return c.shared ? c.shared->table + "->x_zero" : argument(v); },
                              [](float v) { return cpp(v); }, [](const Literal& l) { return spelled(l.value); },
                              [](const StructName& n) { return n.name; }, [](const Pointer& p) { return spelled(p); },
                              [](const Element& e) { return spelled(e); }, [](Rows) { return std::string("rows"); },
                              [&](RowCount) { return row_count ? fmt::format("{}", *row_count) : "n"; },
                              [&](FirstRow) { return first_row; }, [](Null) { return std::string("nullptr"); }},
                   a);
  return fmt::format("{}({});", s, arguments);
}

bool has_pointer(const Struct& s) {
  return std::ranges::any_of(s.fields, [](const Field& f) {
    const auto* name = std::get_if<ArrayName>(&f);
    return name && !name->name.empty();
  });
}

std::string declared(const NamedStruct& s) {
  const std::string_view kind = has_pointer(s.value) ? "const" : s.in_flash ? "static constexpr" : "constexpr";
  return fmt::format("{} burin::{} {} = {};\n", kind, s.value.type, s.name, spelled(s.value));
}

/// Statements that make `call` for every group of n rows.
std::string spelled_rows(const Call& call) {
  const RowLoop& l = *call.rows;
  const int32_t n = l.n, full = l.height() / n * n, rest = l.height() - full;
  const int32_t step = l.accumulates ? 0 : n * l.row_out;
  const std::string_view x_type = info(l.x).c_type;
  auto group = [&](int32_t count, std::string_view row) {
    const std::string first = l.accumulates ? std::string(row.empty() ? "0" : row)
                              : row.empty() ? fmt::format("{}", -l.top)
                                            : fmt::format("{} * {} - {}", row, l.stride, l.top);
    return expand(
        R"(
        burin::image_rows(rows, x, $first$, $count$, $ih$, $row_in$);
        $call$)",
        {{"first", first},
         {"count", l.rows(count)},
         {"ih", l.ih},
         {"row_in", l.row_in},
         {"call", spelled(call, count, first)}});
  };
  std::string body = fmt::format("const {0}* rows[{1}];\n", x_type, l.rows(n));
  std::string image;
  if (full == n) {
    image = group(n, "");
    if (rest > 0 && step > 0) image += fmt::format("y += {};\n", step);
  } else {
    image = expand(R"(
        for (int32_t $row$ = 0; $row$ < $full$; $row$ += $n$$next$) {
          $group$
        })",
                   {{"row", l.accumulates ? "iy" : "oy"},
                    {"full", full},
                    {"n", n},
                    {"next", step > 0 ? fmt::format(", y += {}", step) : ""},
                    {"group", group(n, l.accumulates ? "iy" : "oy")}});
  }
  if (rest > 0) image += group(rest, fmt::format("{}", full));
  if (l.batch == 1) return body + fmt::format("const {0}* x = x0;\nauto* y = y0;\n", x_type) + image;
  return body + expand(R"(
      const $type$* x = x0;
      auto* image = y0;
      for (int32_t b = 0; b < $batch$; ++b, x += $x_step$, image += $y_step$) {
        auto* y = image;
        $image$
      })",
                       {{"type", x_type},
                        {"batch", l.batch},
                        {"x_step", l.ih * l.row_in},
                        {"y_step", l.oh * l.row_out},
                        {"image", image}});
}

/// How many elements in front of row `row` of what the loop reads or makes.
std::string before_row(const RowPlace& p, int32_t elements) {
  return p.ring == 1 ? "0" : fmt::format("row{} * {}", p.ring > 0 ? fmt::format(" % {}", p.ring) : "", elements);
}

/// Statements that make n rows from `row` on, or those that are left.
std::string spelled_turn(const Call& call) {
  const RowLoop& l = *call.rows;
  const bool whole = l.height() % l.n == 0;
  std::string s;
  if (!whole) s += fmt::format("const int32_t n = {0} - row < {1} ? {0} - row : {1};\n", l.height(), l.n);
  if (std::ranges::any_of(call.arguments, [](const Argument& a) { return std::holds_alternative<Rows>(a); }))
    s += expand(R"(
        const $type$* rows[$most$];
        burin::$function$(rows, $x$, row * $stride$ - $top$, $count$, $ih$, $row_in$$ring$);
        )",
                {{"type", info(l.x).c_type},
                 {"most", l.rows(l.n)},
                 {"function", l.in.ring > 0 ? "ring_rows" : "image_rows"},
                 {"x", l.in.name},
                 {"stride", l.accumulates ? 1 : l.stride},
                 {"top", l.accumulates ? 0 : l.top},
                 {"count", whole           ? fmt::format("{}", l.rows(l.n))
                           : l.accumulates ? "n"
                                           : fmt::format("(n - 1) * {} + {}", l.stride, l.reach)},
                 {"ih", l.ih},
                 {"row_in", l.row_in},
                 {"ring", l.in.ring > 0 ? fmt::format(", {}", l.in.ring) : ""}});
  s += fmt::format("auto* const y = {} + {};\n", l.out.name, l.accumulates ? "0" : before_row(l.out, l.row_out));
  return s + spelled(call, whole ? std::optional(l.n) : std::nullopt, "row") + "\n";
}

template <class T>
T known(const Body& body, std::string_view name) {
  const auto at = std::ranges::find(body.structs, name, &NamedStruct::name);
  if (at == body.structs.end()) throw std::invalid_argument("a shared call without its structs");
  return struct_from<T>(at->value, [](const std::string&) { return nullptr; });
}

/// The same where shape and zero points come from a table: what decides the code's structure stays known, the window,
/// and whether channels come in fours.
std::string spelled_shared(const Body& body, const Call& call) {
  const auto s = known<ConvShape>(body, "s");
  const auto q = known<Requant>(body, "q");
  const std::string ic = (call.shared->fours ? "4 * " : "") + call.shared->table + "->ic";
  return expand(R"(
      const burin::ConvShape s = {$f$->ih, $f$->iw, $ic$, $f$->oh, $f$->ow, $f$->oc, $kh$, $kw$,
                                  $f$->sh, $f$->sw, $dh$, $dw$, $f$->pt, $f$->pl, $groups$};
      const burin::Requant q = $f$->requant(burin::RequantKind::$kind$, $lo$, $hi$);
      const $type$* rows[$row_pointers$];
      auto* y = y0;
      for (int32_t b = 0; b < $f$->batch; ++b) {
        for (int32_t oy = 0; oy < s.oh; oy += $f$->n) {
          const int32_t n = s.oh - oy < $f$->n ? s.oh - oy : $f$->n;
          burin::image_rows(rows, x0 + b * s.ih * s.iw * s.ic, oy * s.sh - s.pt, s.rows(n), s.ih, s.iw * s.ic);
          $call$
          y += n * s.ow * s.oc;
        }
      })",
                {{"f", call.shared->table},
                 {"kh", s.kh},
                 {"kw", s.kw},
                 {"dh", s.dh},
                 {"dw", s.dw},
                 {"ic", ic},
                 {"groups", s.groups == 1 ? "1" : ic},
                 {"kind", enumerators<RequantKind>[size_t(q.kind)]},
                 {"lo", q.lo},
                 {"hi", q.hi},
                 {"type", info(call.rows->x).c_type},
                 {"row_pointers", call.shared->row_pointers},
                 {"call", spelled(call)}});
}

std::string spelled_loops(const Call& c) {
  std::string s, indent;
  for (size_t d = 0; d < c.loops.size(); ++d, indent += "  ")
    s += fmt::format("{0}for (int32_t i{1} = 0; i{1} < {2}; ++i{1})\n", indent, d, c.loops[d]);
  return s + indent + spelled(c) + "\n";
}

}  // namespace

std::string spelled(const Struct& s) {
  return fmt::format("{{{}}}", joined_fields(s, {"{", "}", "burin::", [](const std::string& array) {
                                                   return array.empty() ? std::string("nullptr") : array;
                                                 }}));
}

std::string signature(const Step& s) {
  std::string r;
  for (const Parameter& a : s.parameters) {
    const bool facts =
        std::ranges::any_of(s.body.calls, [&](const Call& c) { return c.shared && c.shared->table == a.name; });
    const std::string_view type = facts ? "burin::ConvFacts" : a.dtype ? info(*a.dtype).c_type : "void";
    r += fmt::format("{}{}{}* {}", r.empty() ? "" : ", ", a.written ? "" : "const ", type, a.name);
  }
  if (s.streamed) r += ", int32_t row";
  return r;
}

std::string spelled(const Body& body, bool streamed) {
  std::string s;
  const bool shared = std::ranges::any_of(body.calls, [](const Call& c) { return c.shared.has_value(); });
  if (!shared)
    for (const NamedStruct& d : body.structs) s += declared(d);
  for (const NamedConstant& a : body.arrays)
    s += fmt::format("constexpr {} {}[] = {};\n", a.value.c_type(), a.name, braced(a.value.as<int32_t>()));
  for (size_t i = 0; i < body.locals.size(); ++i) {
    const Local& l = body.locals[i];
    const std::string_view type = info(l.dtype).c_type;
    if (l.offset == 0) s += fmt::format("{0}* const {1} = static_cast<{0}*>(scratch);\n", type, l.name);
    else
      s += fmt::format("{0}* const {1} = reinterpret_cast<{0}*>({2} + {3});\n", type, l.name, body.locals[0].name,
                       l.offset / (info(body.locals[0].dtype).bits / 8));
  }
  if (body.row) {
    const auto go = [&](const RowPlace& p, int32_t elements) {
      s += p.ring == 1 ? "" : fmt::format("{} += {};\n", p.name, before_row(p, elements));
    };
    go(body.row->in, body.row->row_in), go(body.row->out, body.row->row_out);
    for (const RowPlace& p : body.row->beside) go(p, p.row);
    if (s.find("row") == s.npos) s += "(void)row;\n";
  }
  for (const Call& c : body.calls) {
    if (c.shared) s += spelled_shared(body, c);
    else if (streamed && c.rows) s += spelled_turn(c);
    else if (c.rows) s += spelled_rows(c);
    else if (c.structs.empty()) s += spelled_loops(c);
    else {
      std::string inner;
      for (const NamedStruct& d : c.structs) inner += declared(d);
      s += expand(R"(
          {
            $inner$
          }
          )",
                  {{"inner", inner + spelled_loops(c)}});
    }
  }
  for (const std::string& name : body.unused) s += fmt::format("(void){};\n", name);
  return s;
}

std::string code_of(const Step& s) { return signature(s) + "\n" + spelled(s.body, s.streamed); }

}  // namespace burin
