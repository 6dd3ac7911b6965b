#include "compiler/program/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "compiler/ir/text_form.h"
#include "compiler/program/regions.h"

namespace burin {
namespace {

/// Numbers of LayerFacts, each by its name: f("macs", facts.macs).
template <class Facts, class F>
void numbers(Facts& facts, F&& f) {
  f("macs", facts.macs), f("weight_bytes", facts.weight_bytes), f("scratch_bytes", facts.scratch_bytes);
  f("accumulator_bound", facts.accumulator_bound), f("input_bytes", facts.input_bytes);
  f("output_bytes", facts.output_bytes), f("constant_bytes", facts.constant_bytes), f("bias_bytes", facts.bias_bytes);
}
/// Numbers of a RowLoop.
template <class Loop, class F>
void numbers_of_rows(Loop& l, F&& f) {
  f("batch", l.batch), f("ih", l.ih), f("row_in", l.row_in), f("oh", l.oh), f("row_out", l.row_out);
  f("stride", l.stride), f("reach", l.reach), f("top", l.top), f("n", l.n);
}

// ---- Writing

/// " + 12 + 640*i0"
std::string terms(int64_t offset, const std::vector<int64_t>& strides) {
  std::string s;
  if (offset != 0) s += fmt::format(" + {}", offset);
  for (size_t d = 0; d < strides.size(); ++d) s += fmt::format(" + {}*i{}", strides[d], d);
  return s;
}
std::string text(const Pointer& p) { return p.name + terms(p.offset, p.strides); }

std::string text(const Struct& s) {
  const auto pointer = [](const std::string& array) { return "&" + array; };
  return fmt::format("{}{{{}}}", s.type, joined_fields(s, {"[", "]", "", pointer}));
}

std::string text(const Argument& a) {
  return std::visit(
      Overloaded{[](int64_t v) { return fmt::format("{}", v); }, [](float v) { return fmt::format("{}f", v); },
                 [](const Literal& l) { return fmt::format("{}:{}", name(l.value.dtype), base64(l.value.bytes)); },
                 [](const StructName& n) { return "{" + n.name + "}"; }, [](const Pointer& p) { return "&" + text(p); },
                 [](const Element& e) { return "*" + text(e.at); }, [](Rows) { return std::string("rows"); },
                 [](RowCount) { return std::string("count"); }, [](FirstRow) { return std::string("first"); },
                 [](Null) { return std::string("null"); }},
      a);
}

std::string text(const NamedStruct& s) {
  return fmt::format("struct {} = {}{}\n", s.name, text(s.value), s.in_flash ? " in flash" : "");
}

std::string text(const RowLoop& l) {
  std::string s(name(l.x));
  numbers_of_rows(l, [&](std::string_view key, auto v) { s += fmt::format(" {}={}", key, v); });
  const auto place = [&](std::string_view key, const RowPlace& p, std::string_view usual) {
    if (p.name == usual && p.ring == 0 && p.planes == 1) return;
    s += fmt::format(" {} {}", key, p.name);
    if (p.ring > 0) s += fmt::format(" ring={}", p.ring);
    if (p.row > 0) s += fmt::format(" row={}", p.row);
    if (p.planes > 1) s += fmt::format(" planes={} plane={}", p.planes, p.plane);
  };
  if (l.accumulates) s += " accumulates";
  place("from", l.in, "x0"), place("to", l.out, "y0");
  for (const RowPlace& p : l.beside) place("beside", p, "");
  return s;
}

std::string text(const Call& c) {
  std::string arguments;
  for (const Argument& a : c.arguments) arguments += (arguments.empty() ? "" : ", ") + text(a);
  std::string s = fmt::format("call {}{}({})", c.function,
                              c.types.empty() ? "" : fmt::format("<{}>", fmt::join(c.types, ", ")), arguments);
  if (!c.loops.empty()) s += fmt::format(" loops [{}]", fmt::join(c.loops, ", "));
  if (c.rows) s += " rows " + text(*c.rows);
  if (c.shared)
    s += fmt::format(" shared {} room={}{}", c.shared->table, c.shared->row_pointers, c.shared->fours ? " fours" : "");
  s += '\n';
  for (const NamedStruct& d : c.structs) s += "    " + text(d);
  return s;
}

std::string text(const Step& s) {
  const LayerFacts& f = s.facts;
  std::string r = fmt::format("step {} {} {} function {}{}\n", word(f.name), word(f.op), word(f.kernel),
                              word(f.function), s.needs.empty() ? "" : " needs " + word(s.needs));
  if (s.streamed) r.insert(r.size() - 1, " streamed");
  for (const std::string& n : f.onnx) r += fmt::format("  onnx {}\n", quoted(n));
  r += fmt::format("  headers [{}]\n", fmt::join(s.headers, ", "));
  for (const Type& t : s.in) r += fmt::format("  in {}\n", to_string(t));
  r += fmt::format("  out {}\n", to_string(s.out));
  r += fmt::format("  shapes [{}] [{}]\n", fmt::join(f.shape_in, ", "), fmt::join(f.shape_out, ", "));
  r += "  facts";
  numbers(f, [&](std::string_view key, int64_t v) {
    if (v) r += fmt::format(" {}={}", key, v);
  });
  r += "\n";
  r += fmt::format("  cycles {:.0f}", f.cycles);
  for (const auto& [kernel, cycles] : f.candidates) r += fmt::format(" {}={:.0f}", word(kernel), cycles);
  r += "\n";
  if (!f.requantize.empty() || !f.needed.empty()) {
    r += fmt::format("  requantize {}", f.requantize.empty() ? "\"\"" : word(f.requantize));
    for (const auto& [kind, n] : f.needed) r += fmt::format(" {}={}", word(kind), n);
    r += "\n";
  }
  for (const Parameter& a : s.parameters) {
    const std::string at = std::holds_alternative<BufferId>(a.at) ? fmt::format("#{}", int(std::get<BufferId>(a.at)))
                                                                  : fmt::format("${}", int(std::get<ConstantId>(a.at)));
    r += fmt::format("  {} {}: {} = {}{}{}\n", a.written ? "writes" : "reads", a.name,
                     a.dtype ? name(*a.dtype) : std::string_view("void"), at, terms(a.offset, a.strides),
                     a.bytes > 0 ? fmt::format(" for {} bytes", a.bytes) : "");
  }
  for (const NamedStruct& d : s.body.structs) r += "  " + text(d);
  for (const NamedConstant& a : s.body.arrays)
    r += fmt::format("  array {} = [{}]\n", a.name, fmt::join(a.value.as<int32_t>(), ", "));
  for (const Local& l : s.body.locals)
    r += fmt::format("  local {}: {} = scratch + {}\n", l.name, name(l.dtype), l.offset);
  for (const Call& c : s.body.calls) r += "  " + text(c);
  if (s.body.row) r += fmt::format("  row {}\n", text(*s.body.row));
  for (const std::string& n : s.body.unused) r += fmt::format("  unused {}\n", n);
  return r;
}

std::string text(const Port& p) {
  return fmt::format("{} {} {} {} = #{}\n", p.output ? "output" : "input", p.label, quoted(p.name), to_string(p.type),
                     int(p.at));
}

/// "repeat 10 while #2 carries #3 #4, #5 #6"
std::string text(const Repeat& l) {
  std::string s = fmt::format("repeat {}", l.turns);
  if (l.condition) s += fmt::format(" while #{}", int(*l.condition));
  for (const Carried& c : l.carried)
    s += fmt::format("{} #{} #{}", &c == &l.carried[0] ? " carries" : ",", int(c.now), int(c.next));
  return s + '\n';
}

/// "0 0 1 2*3": 2 three times.
std::string runs(const std::vector<uint8_t>& order) {
  std::string s;
  for (size_t i = 0, to; i < order.size(); i = to) {
    for (to = i; to < order.size() && order[to] == order[i];) ++to;
    s += fmt::format("{}{}{}", s.empty() ? "" : " ", order[i], to - i > 1 ? fmt::format("*{}", to - i) : "");
  }
  return s;
}

/// Steps, with a line where a region begins, where its other side does, and where it ends.
std::string text(const Program& p, Range r) {
  std::string s;
  walk(
      p, r, [&](int i) { s += text(p.steps[size_t(i)]); },
      [&](size_t region) {
        const Region& g = p.regions[region];
        const auto* b = std::get_if<Branch>(&g.control);
        if (const auto* order = std::get_if<Stream>(&g.control)) s += fmt::format("stream [{}]\n", runs(order->order));
        else s += b ? fmt::format("branch #{}\n", int(b->condition)) : text(std::get<Repeat>(g.control));
        s += text(p, inside(p, region));
        if (b && b->other < g.last) s += "else\n" + text(p, other_side(p, region));
        s += "end\n";
      });
  return s;
}

constexpr std::string_view kSpaces[] = {"arena", "state", "port"};

// ---- Reading

class Reader {
 public:
  explicit Reader(std::string_view s) : c_(s) {}

  Program run() {
    c_.empty_lines();
    c_.expect("program ");
    p_.name = c_.any_name();
    p_.arena_bytes = c_.number<int64_t>(), p_.arena_lower_bound = c_.number<int64_t>();
    p_.external_io = c_.accept("external");
    c_.end_of_line();
    for (c_.empty_lines(); !c_.done(); c_.empty_lines()) line();
    if (!open_.empty()) c_.fail("a branch or repeat does not end");
    return std::move(p_);
  }

 private:
  void line() {
    const std::string kind = c_.identifier();
    if (kind == "input" || kind == "output") return port(kind == "output");
    if (kind == "pool") return pool();
    if (kind == "feed") return feed();
    if (kind == "buffer") return buffer();
    if (kind == "constant") return constant();
    if (kind == "step") return step();
    if (kind == "branch" || kind == "repeat" || kind == "stream" || kind == "else" || kind == "end")
      return region(kind);
    if (p_.steps.empty()) c_.fail("a line of a step before the first step");
    of_step(p_.steps.back(), kind);
  }

  int id(std::string_view mark) {
    c_.expect(mark);
    return c_.number<int>();
  }

  void port(bool output) {
    Port p;
    p.label = c_.any_name(), p.name = c_.any_name();
    c_.blanks();
    p.type = read_type(c_);
    p.output = output;
    c_.expect("=");
    p.at = BufferId(id("#"));
    c_.end_of_line();
    (output ? p_.outputs : p_.inputs).push_back(std::move(p));
  }

  void pool() {
    ProgramPool pool;
    pool.name = c_.any_name();
    pool.size = c_.number<int64_t>(), pool.bytes = c_.number<int64_t>();
    if (c_.accept("constants")) p_.constants_pool = int32_t(p_.pools.size());
    c_.end_of_line();
    p_.pools.push_back(std::move(pool));
  }

  void feed() {
    Feed f;
    p_.state_bytes = c_.number<int64_t>();
    f.axis = c_.number<int>(), f.rows = c_.number<int64_t>(), f.bytes = c_.number<int64_t>();
    f.position = BufferId(id("#"));
    c_.end_of_line();
    p_.feed = f;
  }

  void buffer() {
    if (id("#") != int(p_.buffers.size())) c_.fail("buffers stand in the order of their numbers");
    Buffer b;
    b.name = c_.any_name();
    const std::string space = c_.identifier();
    const auto none = [&](const std::string& name) { c_.fail(fmt::format("there is no memory '{}'", name)); };
    if (space == "pool") {
      const std::string name = c_.any_name();
      const auto at = std::ranges::find(p_.pools, name, &ProgramPool::name);
      if (at == p_.pools.end()) none(name);
      b.pool = int32_t(at - p_.pools.begin());
    } else {
      const auto at = std::ranges::find(kSpaces, space);
      if (at == std::end(kSpaces) || (space == "arena" && !p_.pools.empty())) none(space);
      b.space = Space(at - std::begin(kSpaces));
    }
    b.bytes = c_.number<int64_t>();
    c_.expect("at");
    b.offset = c_.number<int64_t>();
    c_.expect("live");
    b.first = c_.number<int>(), b.last = c_.number<int>();
    c_.end_of_line();
    p_.buffers.push_back(std::move(b));
  }

  Constant bytes(DType t, std::vector<std::byte> all) {
    const auto kept = std::make_shared<const std::vector<std::byte>>(std::move(all));
    return {.dtype = t, .owner = kept, .bytes = *kept};
  }

  void constant() {
    if (id("$") != int(p_.constants.size())) c_.fail("constants stand in the order of their numbers");
    StoredConstant k;
    k.name = c_.any_name(), k.layer = c_.any_name();
    if (c_.accept("copied to")) k.copy = c_.number<int64_t>();
    c_.blanks();
    const bool facts = c_.accept("ConvFacts");
    const DType t = facts ? DType::i16 : read_dtype(c_);
    c_.blanks();
    k.data = bytes(t, from_base64(c_.rest_of_line(), c_));
    if (facts) k.data.record = "ConvFacts";
    p_.constants.push_back(std::move(k));
  }

  void step() {
    Step s;
    s.facts.name = c_.any_name(), s.facts.op = c_.any_name(), s.facts.kernel = c_.any_name();
    c_.expect("function");
    s.facts.function = c_.any_name();
    if (c_.accept("needs")) s.needs = c_.any_name();
    s.streamed = c_.accept("streamed");
    c_.end_of_line();
    p_.steps.push_back(std::move(s));
  }

  void region(const std::string& kind) {
    const int now = int(p_.steps.size());
    if (kind == "branch") {
      begin(Branch{BufferId(id("#")), -1});
    } else if (kind == "repeat") {
      Repeat l{c_.number<int64_t>()};
      if (c_.accept("while")) l.condition = BufferId(id("#"));
      if (c_.accept("carries")) do {
          const BufferId first{id("#")};
          l.carried.push_back({first, BufferId(id("#"))});
        } while (c_.accept(","));
      begin(std::move(l));
    } else if (kind == "stream") {
      begin(Stream{order()});
    } else {
      if (open_.empty()) c_.fail(fmt::format("'{}' of no branch or repeat", kind));
      Region& g = p_.regions[open_.back()];
      auto* b = std::get_if<Branch>(&g.control);
      if (kind == "end") {
        open_.pop_back();
        g.last = now;
        if (g.first == now) c_.fail("a branch or repeat has steps");
        if (b && b->other < 0) b->other = now;
      } else {
        if (!b || b->other >= 0) c_.fail("'else' of no branch, or once more");
        b->other = now;
      }
    }
    c_.end_of_line();
  }

  template <class T>
  void begin(T control) {
    open_.push_back(p_.regions.size());
    p_.regions.push_back({int(p_.steps.size()), 0, std::move(control)});
  }

  template <class T>
  std::vector<T> list() {
    std::vector<T> r;
    c_.expect("[");
    c_.list(']', [&] {
      if constexpr (std::is_same_v<T, std::string>) r.push_back(c_.any_name());
      else r.push_back(c_.number<T>());
    });
    return r;
  }

  bool more() {
    c_.blanks();
    return !c_.done() && c_.peek() != '\n';
  }
  template <class F>
  void pairs(F&& f) {
    while (more()) {
      const std::string key = c_.any_name();
      c_.expect("=");
      f(key);
    }
  }

  void of_step(Step& s, const std::string& kind) {
    LayerFacts& f = s.facts;
    Body& b = s.body;
    if (kind == "onnx") f.onnx.push_back(c_.any_name());
    else if (kind == "headers") s.headers = list<std::string>();
    else if (kind == "in") c_.blanks(), s.in.push_back(read_type(c_));
    else if (kind == "out") c_.blanks(), s.out = read_type(c_);
    else if (kind == "shapes") f.shape_in = list<int64_t>(), f.shape_out = list<int64_t>();
    else if (kind == "facts") pairs([&](const std::string& key) { named_number(f, key); });
    else if (kind == "cycles") {
      f.cycles = c_.number<double>();
      pairs([&](const std::string& key) { f.candidates[key] = c_.number<double>(); });
    } else if (kind == "requantize") {
      f.requantize = c_.any_name();
      pairs([&](const std::string& key) { f.needed[key] = c_.number<int>(); });
    } else if (kind == "reads" || kind == "writes") parameter(s, kind == "writes");
    else if (kind == "struct") {
      b.structs.push_back(named_struct());
    } else if (kind == "array") {
      NamedConstant a{c_.identifier(), {}};
      c_.expect("=");
      a.value = constant_of<int32_t>(list<int32_t>());
      b.arrays.push_back(std::move(a));
    } else if (kind == "local") {
      Local l{c_.identifier(), DType::u8};
      c_.expect(":");
      c_.blanks();
      l.dtype = read_dtype(c_);
      c_.expect("=");
      c_.expect("scratch");
      c_.expect("+");
      l.offset = c_.number<int64_t>();
      b.locals.push_back(std::move(l));
    } else if (kind == "call") {
      b.calls.push_back(call());
      c_.end_of_line();
      structs_of(b.calls.back());
      return;
    } else if (kind == "row") b.row = row_loop();
    else if (kind == "unused") b.unused.push_back(c_.identifier());
    else c_.fail(fmt::format("a step has no '{}'", kind));
    c_.end_of_line();
  }

  /// Lines of a call are indented by four.
  void structs_of(Call& c) {
    for (;;) {
      const size_t start = c_.position();
      if (!c_.accept_exactly("    struct ")) return c_.go(start);
      c.structs.push_back(named_struct());
      c_.end_of_line();
    }
  }

  template <class T>
  void named_number(T& of, const std::string& key) {
    bool known = false;
    numbers(of, [&](std::string_view name, int64_t& v) {
      if (name == key) v = c_.number<int64_t>(), known = true;
    });
    if (!known) c_.fail(fmt::format("no fact is called '{}'", key));
  }

  void parameter(Step& s, bool written) {
    Parameter a{c_.identifier(), std::nullopt, written, BufferId{}};
    c_.expect(":");
    c_.blanks();
    if (!c_.accept("void")) a.dtype = read_dtype(c_);
    c_.expect("=");
    c_.blanks();
    if (c_.peek() == '#') a.at = BufferId(id("#"));
    else a.at = ConstantId(id("$"));
    terms(a.offset, a.strides);
    if (c_.accept("for")) {
      a.bytes = c_.number<int64_t>();
      c_.expect("bytes");
    }
    s.parameters.push_back(std::move(a));
  }

  NamedStruct named_struct() {
    NamedStruct s{c_.identifier(), {}};
    c_.expect("=");
    s.value.type = c_.identifier();
    c_.expect("{");
    c_.list('}', [&] { s.value.fields.push_back(field()); });
    s.in_flash = c_.accept("in flash");
    return s;
  }

  Field field() {
    c_.blanks();
    if (c_.peek() == '[') return list<int32_t>();
    if (c_.accept("&")) return ArrayName{Cursor::is_word(c_.peek()) ? c_.identifier() : ""};
    if (c_.accept("true")) return true;
    if (c_.accept("false")) return false;
    if (c_.peek() == '-' || (c_.peek() >= '0' && c_.peek() <= '9')) {
      const int64_t v = c_.number<int64_t>();
      if (c_.accept("u")) return uint32_t(v);
      return v;
    }
    Enumerator e;
    e.type = c_.identifier();
    c_.expect("::");
    e.name = c_.identifier();
    return e;
  }

  void terms(int64_t& offset, std::vector<int64_t>& strides) {
    while (c_.accept("+")) {
      const int64_t v = c_.number<int64_t>();
      if (!c_.accept("*")) {
        offset = v;
        continue;
      }
      c_.expect(fmt::format("i{}", strides.size()));
      strides.push_back(v);
    }
  }
  Pointer pointer() {
    Pointer p{c_.identifier()};
    terms(p.offset, p.strides);
    return p;
  }

  Argument argument() {
    c_.blanks();
    if (c_.accept("{")) {
      StructName n{c_.identifier()};
      c_.expect("}");
      return n;
    }
    if (c_.accept("&")) return pointer();
    if (c_.accept("*")) return Element{pointer()};
    if (c_.accept("rows")) return Rows{};
    if (c_.accept("count")) return RowCount{};
    if (c_.accept("first")) return FirstRow{};
    if (c_.accept("null")) return Null{};
    const size_t start = c_.position();
    const std::string word = c_.identifier();
    if (c_.accept(":")) {
      const auto t = dtype_of_name(word);
      if (!t) c_.go(start), c_.fail(fmt::format("there is no element type '{}'", word));
      std::string digits;
      while (c_.peek() != ',' && c_.peek() != ')' && !c_.done()) digits += c_.take();
      return Literal{bytes(*t, from_base64(digits, c_))};
    }
    c_.go(start);
    if (!word.ends_with('f')) return c_.number<int64_t>();
    const float v = c_.number<float>();
    c_.expect("f");
    return v;
  }

  Call call() {
    Call c{c_.identifier(), {}, {}};
    if (c_.accept("<")) c_.list('>', [&] { c.types.push_back(c_.identifier()); });
    c_.expect("(");
    c_.list(')', [&] { c.arguments.push_back(argument()); });
    if (c_.accept("loops")) c.loops = list<int32_t>();
    if (c_.accept("rows")) c.rows = row_loop();
    if (c_.accept("shared")) {
      c.shared.emplace();
      c.shared->table = c_.identifier();
      c_.expect("room=");
      c.shared->row_pointers = c_.number<int32_t>();
      c.shared->fours = c_.accept("fours");
    }
    return c;
  }

  RowLoop row_loop() {
    RowLoop l;
    c_.blanks();
    l.x = read_dtype(c_);
    numbers_of_rows(l, [&](std::string_view key, auto& v) {
      c_.expect(fmt::format("{}=", key));
      v = c_.number<std::remove_cvref_t<decltype(v)>>();
    });
    l.accumulates = c_.accept("accumulates");
    if (c_.accept("from")) l.in = row_place();
    if (c_.accept("to")) l.out = row_place();
    while (c_.accept("beside")) l.beside.push_back(row_place());
    return l;
  }

  RowPlace row_place() {
    RowPlace p{c_.identifier()};
    if (c_.accept("ring=")) p.ring = c_.number<int32_t>();
    if (c_.accept("row=")) p.row = c_.number<int32_t>();
    if (c_.accept("planes=")) {
      p.planes = c_.number<int32_t>();
      c_.expect("plane=");
      p.plane = c_.number<int32_t>();
    }
    return p;
  }

  /// "[0 0 1 2*3]": 2 three times.
  std::vector<uint8_t> order() {
    std::vector<uint8_t> r;
    c_.expect("[");
    while (!c_.accept("]")) {
      const int call = c_.number<int>();
      r.insert(r.end(), size_t(c_.accept("*") ? c_.number<int>() : 1), uint8_t(call));
    }
    return r;
  }

  Cursor c_;
  Program p_;
  std::vector<size_t> open_;  // regions that have not ended
};

}  // namespace

std::string print(const Program& p) {
  std::string s = fmt::format("program {} {} {}{}\n", word(p.name), p.arena_bytes, p.arena_lower_bound,
                              p.external_io ? " external" : "");
  for (size_t i = 0; i < p.pools.size(); ++i)
    s += fmt::format("pool {} {} {}{}\n", word(p.pools[i].name), p.pools[i].size, p.pools[i].bytes,
                     int32_t(i) == p.constants_pool ? " constants" : "");
  if (p.feed)
    s += fmt::format("feed {} {} {} {} #{}\n", p.state_bytes, p.feed->axis, p.feed->rows, p.feed->bytes,
                     int(p.feed->position));
  for (const Port* port : p.ports()) s += text(*port);
  for (size_t i = 0; i < p.buffers.size(); ++i) {
    const Buffer& b = p.buffers[i];
    const bool pool = b.space == Space::arena && !p.pools.empty();
    s += fmt::format("buffer #{} {} {} {} at {} live {} {}\n", i, quoted(b.name),
                     pool ? "pool " + word(p.pools[size_t(b.pool)].name) : std::string(kSpaces[size_t(b.space)]),
                     b.bytes, b.offset, b.first, b.last);
  }
  s += text(p, all_steps(p));
  for (size_t i = 0; i < p.constants.size(); ++i) {
    const StoredConstant& c = p.constants[i];
    s += fmt::format("constant ${} {} {}{} {} {}\n", i, word(c.name), word(c.layer),
                     c.copy >= 0 ? fmt::format(" copied to {}", c.copy) : "",
                     c.data.record.empty() ? name(c.data.dtype) : c.data.record, base64(c.data.bytes));
  }
  return s;
}

Program parse_program(std::string_view text) { return Reader(text).run(); }

}  // namespace burin
