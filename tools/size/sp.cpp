#include "tools/size/sp.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace burin {
namespace {

using Kind = RegisterValue::Kind;

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

/// Split at commas outside of brackets.
std::vector<std::string_view> split(std::string_view s) {
  std::vector<std::string_view> r;
  int nested = 0;
  size_t from = 0;
  for (size_t i = 0; i <= s.size(); ++i) {
    if (i < s.size() && (s[i] == '{' || s[i] == '[' || s[i] == '(')) ++nested;
    if (i < s.size() && (s[i] == '}' || s[i] == ']' || s[i] == ')')) --nested;
    if (i < s.size() && (s[i] != ',' || nested > 0)) continue;
    if (const std::string_view part = trim(s.substr(from, i - from)); !part.empty()) r.push_back(part);
    from = i + 1;
  }
  return r;
}

/// "#-16", "$16", "0x10", "16".
std::optional<int64_t> number(std::string_view s) {
  if (s.starts_with('#') || s.starts_with('$')) s.remove_prefix(1);
  const bool negative = s.starts_with('-');
  if (negative) s.remove_prefix(1);
  const int base = s.starts_with("0x") ? 16 : 10;
  if (base == 16) s.remove_prefix(2);
  uint64_t v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v, base);
  if (error != std::errc() || end != s.data() + s.size() || s.empty()) return std::nullopt;
  return negative ? -int64_t(v) : int64_t(v);
}

struct Text {
  std::string mnemonic;
  std::vector<std::string_view> operands;
  bool is(std::initializer_list<std::string_view> names) const {
    return std::ranges::find(names, std::string_view(mnemonic)) != names.end();
  }
  std::string_view operand(size_t i) const { return i < operands.size() ? operands[i] : std::string_view(); }
  std::string_view last() const { return operands.empty() ? std::string_view() : operands.back(); }
};

Text parse(std::string_view text) {
  if (const size_t comment = text.find_first_of("@;"); comment != text.npos) text = text.substr(0, comment);
  text = trim(text);
  const size_t space = text.find_first_of(" \t");
  Text t;
  t.mnemonic = text.substr(0, space);
  if (space != text.npos) t.operands = split(text.substr(space));
  return t;
}

/// Follows registers; `sp` is the stack pointer's name.
class Registers {
 public:
  Registers(StackState& s, std::string_view sp) : s_(s), sp_(sp) {}
  std::optional<RegisterValue> get(std::string_view r) const {
    if (r == sp_) return RegisterValue{Kind::frame, s_.depth};
    const auto found = s_.registers.find(r);
    return found == s_.registers.end() ? std::nullopt : std::optional(found->second);
  }
  /// A register or an immediate.
  std::optional<RegisterValue> read(std::string_view operand) const {
    if (const auto n = number(operand)) return RegisterValue{Kind::constant, *n};
    return get(operand);
  }
  /// False: the stack pointer would be unknown.
  bool set(std::string_view r, std::optional<RegisterValue> v) {
    if (r == sp_) {
      if (!v || v->kind != Kind::frame) return false;
      s_.depth = v->value;
      return true;
    }
    if (v) s_.registers.insert_or_assign(std::string(r), *v);
    else forget(r);
    return true;
  }
  void forget(std::string_view r) {
    if (const auto found = s_.registers.find(r); found != s_.registers.end()) s_.registers.erase(found);
  }

 private:
  StackState& s_;
  std::string_view sp_;
};

std::optional<RegisterValue> plus(std::optional<RegisterValue> a, std::optional<RegisterValue> b, int sign) {
  if (!a || !b) return std::nullopt;
  if (b->kind == Kind::frame && a->kind == Kind::constant && sign > 0) std::swap(a, b);
  if (b->kind != Kind::constant) return std::nullopt;
  const int64_t by = sign * b->value;
  if (a->kind == Kind::frame) return RegisterValue{Kind::frame, a->value - int64_t(int32_t(by))};
  return RegisterValue{Kind::constant, a->value + by};
}

/// Rounding an address down to a multiple of a power of two lowers it by that less one at most.
std::optional<RegisterValue> aligned(std::optional<RegisterValue> a, std::optional<int64_t> mask) {
  if (!a || !mask || a->kind != Kind::frame || *mask < 0 || (*mask & (*mask + 1)) != 0) return std::nullopt;
  return RegisterValue{Kind::frame, a->value + *mask};
}

bool condition(std::string_view s) {
  constexpr std::string_view all[] = {"eq", "ne", "cs", "hs", "cc", "lo", "mi", "pl",
                                      "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"};
  return std::ranges::find(all, s) != std::end(all);
}

/// "popne" is "pop" with a condition.
bool base_is(std::string_view mnemonic, std::string_view base, bool& conditional) {
  if (mnemonic == base) return true;
  if (!mnemonic.starts_with(base) || !condition(mnemonic.substr(base.size()))) return false;
  conditional = true;
  return true;
}

/// Bytes of "{r4, r5-r7, lr}" or "{d8, d9}".
int64_t list_bytes(std::string_view list) {
  int64_t bytes = 0;
  for (const std::string_view r : split(list.substr(1, list.size() < 2 ? 0 : list.size() - 2))) {
    const int64_t each = r.starts_with('d') ? 8 : r.starts_with('q') ? 16 : 4;
    const size_t dash = r.find('-');
    const auto from = number(r.substr(1, dash == r.npos ? r.npos : dash - 1)),
               to = dash == r.npos ? from : number(r.substr(dash + 2));
    bytes += each * (from && to ? *to - *from + 1 : 1);
  }
  return bytes;
}

SpStep arm(bool thumb, const Instruction& i, StackState& state,
           const std::function<std::optional<uint32_t>(uint64_t)>& word) {
  Text t = parse(i.text);
  for (const std::string_view width : {".w", ".n"})
    if (t.mnemonic.ends_with(width)) t.mnemonic.resize(t.mnemonic.size() - 2);
  const std::string& m = t.mnemonic;
  Registers r(state, "sp");
  SpStep s;
  const uint64_t pc = i.address + (thumb ? 4 : 8);
  auto unknown = [&] { s.problem = "'" + i.text + "' sets the stack pointer"; };
  auto immediate_target = [&]() -> std::optional<uint64_t> {
    if (i.target) return i.target;
    if (!i.outside.empty()) return std::nullopt;
    const auto n = number(t.last());
    return n ? std::optional(pc + uint64_t(*n)) : std::nullopt;
  };
  auto go = [&](SpStep::Flow flow, std::optional<uint64_t> target) { s.flow = flow, s.target = target; };

  // The address in a register tells the instruction set by its lowest bit.
  auto interwork = [&](std::string_view reg) {
    const auto v = r.get(reg);
    if (!v || v->kind != Kind::constant) return;
    s.target = uint64_t(uint32_t(v->value)) & ~uint64_t{1};
    s.to_thumb = (v->value & 1) != 0, s.to_arm = !s.to_thumb;
  };

  bool conditional = false;
  if (base_is(m, "b", conditional)) {
    go(conditional ? SpStep::Flow::branch : SpStep::Flow::jump, immediate_target());
    s.conditional = conditional;
    return s;
  }
  if (t.is({"cbz", "cbnz", "le", "letp", "wls"}) || m.starts_with("wlstp") || m.starts_with("letp")) {
    // The low-overhead loops of Armv8.1-M count from the same place as branches.
    go(SpStep::Flow::branch, immediate_target());
    s.conditional = true;
    return s;
  }
  if (base_is(m, "bl", conditional) || base_is(m, "blx", conditional)) {
    s.conditional = true;
    if (!number(t.last()) && !i.target && i.outside.empty()) {
      s.flow = SpStep::Flow::call;
      interwork(t.operand(0));
    } else {
      go(SpStep::Flow::call, immediate_target());
      if (m.starts_with("blx")) {
        s.to_arm = thumb, s.to_thumb = !thumb;
        if (s.target && !i.target) s.target = *s.target & ~uint64_t{3};
      }
    }
    for (const std::string_view lost : {"r0", "r1", "r2", "r3", "r12", "lr"}) r.forget(lost);
    return s;
  }
  if (base_is(m, "bx", conditional) || base_is(m, "bxns", conditional)) {
    s.conditional = conditional;
    interwork(t.operand(0));
    s.flow = s.target ? SpStep::Flow::jump : SpStep::Flow::leave;  // to lr, or to a register that holds it
    return s;
  }
  if (t.is({"tbb", "tbh"})) return s.flow = SpStep::Flow::table, s;
  if (t.is({"udf", "bkpt", "hlt"})) return s.flow = SpStep::Flow::leave, s;

  const bool list = !t.operands.empty() && t.last().starts_with('{');
  if (base_is(m, "push", conditional) || base_is(m, "vpush", conditional)) {
    state.depth += list_bytes(t.last());
    return s;
  }
  if (base_is(m, "pop", conditional) || base_is(m, "vpop", conditional) ||
      (list && t.operand(0) == "sp!" && (m.starts_with("ldm") || m.starts_with("vldm")))) {
    const bool leaves = t.last().find("pc") != std::string_view::npos;
    s.conditional = conditional || (leaves && m.size() > 3 && condition(std::string_view(m).substr(m.size() - 2)) &&
                                    m.starts_with("ldm"));
    if (!s.conditional) state.depth -= list_bytes(t.last());
    for (const std::string_view x : split(t.last().substr(1, t.last().size() - 2))) r.forget(x);
    if (leaves) s.flow = SpStep::Flow::leave;
    return s;
  }
  if (list && t.operand(0) == "sp!" && (m.starts_with("stm") || m.starts_with("vstm"))) {
    state.depth += list_bytes(t.last());
    return s;
  }
  if (list) {  // ldm, vld: registers of the list and a base that moves
    for (std::string_view x : t.operands) {
      if (x.starts_with('{'))
        for (const std::string_view y : split(x.substr(1, x.size() - 2))) r.forget(y);
      else r.forget(x.ends_with('!') ? x.substr(0, x.size() - 1) : x);
    }
    return s;
  }

  const std::string_view to = t.operand(0);
  // [sp, #-8]! and [sp], #8
  for (size_t k = 0; k < t.operands.size(); ++k) {
    const std::string_view x = t.operands[k];
    if (!x.starts_with('[')) continue;
    const bool before = x.ends_with("]!"), after = k + 1 < t.operands.size();
    if (!before && !after) continue;
    const auto inner = split(x.substr(1, x.find(']') - 1));
    const auto by = before ? (inner.size() == 2 ? number(inner[1]) : std::nullopt) : number(t.operands[k + 1]);
    if (!r.set(inner[0],
               plus(r.get(inner[0]), by ? std::optional(RegisterValue{Kind::constant, *by}) : std::nullopt, 1)))
      return unknown(), s;
  }
  if (m.starts_with("str") || m.starts_with("vstr") || m.starts_with("cmp") || m.starts_with("cmn") ||
      m.starts_with("tst") || m.starts_with("it") || m.starts_with("vpt") || m == "nop")
    return s;
  if (m.starts_with("ldr") && to == "pc") {
    const auto inner = split(t.operand(1).substr(1, t.operand(1).find(']') - 1));
    s.conditional = m.size() > 3 && condition(std::string_view(m).substr(3));
    s.flow = !inner.empty() && inner[0] == "sp" ? SpStep::Flow::leave : SpStep::Flow::table;
    if (s.flow == SpStep::Flow::table && inner.size() >= 1 && inner[0] == "pc" && inner.size() <= 2) {  // a long jump
      const auto by = inner.size() == 2 ? number(inner[1]) : std::optional<int64_t>(0);
      if (const auto w = by ? word((pc & ~uint64_t{3}) + uint64_t(*by)) : std::nullopt)
        go(SpStep::Flow::jump, *w & ~1u), s.to_thumb = *w & 1, s.to_arm = !(*w & 1);
    }
    return s;
  }
  if (to == "pc")
    return s.flow = (t.operand(1) == "lr" && m.starts_with("mov")) ? SpStep::Flow::leave : SpStep::Flow::table, s;

  std::optional<RegisterValue> v;
  const bool three = t.operands.size() == 3;
  const std::string_view a = three ? t.operand(1) : to, b = t.last();
  if (t.is({"mov", "movs", "movw"}) && t.operands.size() == 2) v = r.read(b);
  else if (t.is({"mvn", "mvns"}) && number(b)) v = RegisterValue{Kind::constant, ~*number(b)};
  else if (m == "movt" && number(b)) {
    if (v = r.get(to); v && v->kind == Kind::constant)
      v->value = int64_t(uint32_t((v->value & 0xffff) | (*number(b) << 16)));
    else v = std::nullopt;
  } else if (t.is({"add", "adds", "addw"}) && t.operands.size() <= 3) v = plus(r.read(a), r.read(b), 1);
  else if (t.is({"sub", "subs", "subw"}) && t.operands.size() <= 3) v = plus(r.read(a), r.read(b), -1);
  else if (t.is({"lsl", "lsls"}) && number(b)) {
    if (v = r.get(a); v && v->kind == Kind::constant)
      v->value = int64_t(int32_t(uint32_t(v->value) << (*number(b) & 31)));
    else v = std::nullopt;
  } else if (t.is({"rsb", "rsbs"}) && b == "#0") {
    if (v = r.get(t.operand(1)); v && v->kind == Kind::constant) v->value = -v->value;
    else v = std::nullopt;
  } else if (t.is({"bic", "bics"}) && number(b)) v = aligned(r.get(a), number(b));
  else if (m == "bfc" && three && t.operand(1) == "#0" && number(b))
    v = aligned(r.get(to), (int64_t{1} << *number(b)) - 1);
  else if (m == "ldr" && t.operands.size() == 2 && b.starts_with("[pc")) {
    const auto inner = split(b.substr(1, b.size() - 2));
    const auto by = inner.size() == 2 ? number(inner[1]) : std::optional<int64_t>(0);
    if (const auto w = by ? word((pc & ~uint64_t{3}) + uint64_t(*by)) : std::nullopt)
      v = RegisterValue{Kind::constant, int64_t(int32_t(*w))};
  }
  if (v && v->kind == Kind::frame && to == "sp" && (m.starts_with("add") || m.starts_with("mov")) && v->value < 0)
    return unknown(), s;
  if (!r.set(to, v)) return unknown(), s;
  // A second result: umull, ldrd, vmov.
  if (t.operands.size() >= 3 && !v && !m.starts_with("and") && !m.starts_with("or")) r.forget(t.operand(1));
  return s;
}

SpStep riscv(const Instruction& i, StackState& state) {
  Text t = parse(i.text);
  if (t.mnemonic.starts_with("c.")) t.mnemonic.erase(0, 2);
  const std::string& m = t.mnemonic;
  Registers r(state, "sp");
  SpStep s;
  auto relative = [&]() -> std::optional<uint64_t> {
    if (i.target) return i.target;
    const auto n = number(t.last());
    return n && i.outside.empty() ? std::optional(i.address + uint64_t(*n)) : std::nullopt;
  };
  // "8(ra)", "ra"; the address in a register
  auto indirect = [&](std::string_view x) -> std::optional<uint64_t> {
    if (i.target) return i.target;
    const size_t open = x.find('(');
    const auto offset = open == x.npos || open == 0 ? std::optional<int64_t>(0) : number(x.substr(0, open));
    const auto base = r.get(open == x.npos ? x : x.substr(open + 1, x.size() - open - 2));
    return base && offset && base->kind == Kind::constant ? std::optional(uint64_t(uint32_t(base->value + *offset)))
                                                          : std::nullopt;
  };
  if (m == "ret" || m == "mret" || t.is({"ebreak", "unimp"})) return s.flow = SpStep::Flow::leave, s;
  if (m == "j" || m == "tail") return s.flow = SpStep::Flow::jump, s.target = relative(), s;
  if (m == "jr") {
    if (t.operand(0) == "ra") return s.flow = SpStep::Flow::leave, s;
    s.target = indirect(t.last());
    s.flow = s.target ? SpStep::Flow::jump : SpStep::Flow::table;
    if (!i.outside.empty()) s.flow = SpStep::Flow::jump;
    return s;
  }
  if (m == "jal" || m == "jalr" || m == "call") {
    const std::string_view link = t.operands.size() >= 2 ? t.operand(0) : "ra";
    s.flow = SpStep::Flow::call, s.conditional = true;
    if (link == "zero")
      return s.flow = SpStep::Flow::jump, s.conditional = false,
             s.target = m == "jal" ? relative() : indirect(t.last()), s;
    if (link != "ra") return s.problem = "'" + i.text + "' calls with another link register", s;
    s.target = m == "jalr" ? indirect(t.last()) : relative();
    for (const char* lost :
         {"ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"})
      r.forget(lost);
    return s;
  }
  if (m.starts_with('b') && !t.operands.empty() && (i.target || number(t.last())))
    return s.flow = SpStep::Flow::branch, s.conditional = true, s.target = relative(), s;
  if (m.starts_with("sw") || m.starts_with("sh") || m.starts_with("sb") || m.starts_with("fs") || (m == "sd")) {
    if (t.operands.size() == 2 && t.last().ends_with(')')) return s;  // stores
  }
  std::optional<RegisterValue> v;
  const std::string_view to = t.operand(0), b = t.last();
  auto word32 = [](std::optional<RegisterValue> x) {
    if (x && x->kind == Kind::constant) x->value = int64_t(int32_t(uint32_t(x->value)));
    return x;
  };
  const std::string_view a = t.operands.size() == 3 ? t.operand(1) : to;
  if (m == "li" || m == "mv") v = r.read(b);
  else if (m == "lui" && number(b)) v = RegisterValue{Kind::constant, int64_t(int32_t(uint32_t(*number(b)) << 12))};
  else if (m == "auipc" && number(b))
    v = RegisterValue{Kind::constant, int64_t(i.address) + int64_t(int32_t(uint32_t(*number(b)) << 12))};
  else if (t.is({"addi", "add", "addi16sp"})) v = word32(plus(r.read(a), r.read(b), 1));
  else if (m == "addi4spn") v = plus(r.read(t.operand(1)), r.read(b), 1);
  else if (m == "sub") v = word32(plus(r.read(a), r.read(b), -1));
  else if (m == "neg" && r.get(b) && r.get(b)->kind == Kind::constant)
    v = RegisterValue{Kind::constant, -r.get(b)->value};
  else if ((m == "slli") && r.get(a) && r.get(a)->kind == Kind::constant && number(b))
    v = RegisterValue{Kind::constant, int64_t(int32_t(uint32_t(r.get(a)->value) << (*number(b) & 31)))};
  else if (m == "andi" && number(b)) v = aligned(r.get(a), ~*number(b));
  if (!to.empty() && !r.set(to, v)) s.problem = "'" + i.text + "' sets the stack pointer";
  return s;
}

SpStep x86(const Instruction& i, StackState& state) {
  const Text t = parse(i.text);
  const std::string& m = t.mnemonic;
  Registers r(state, "%rsp");
  SpStep s;
  auto relative = [&]() -> std::optional<uint64_t> {
    if (i.target) return i.target;
    const auto n = number(t.last());
    return n && i.outside.empty() ? std::optional(i.address + i.size + uint64_t(*n)) : std::nullopt;
  };
  const bool indirect = t.last().starts_with('*');
  if (m.starts_with("ret") || t.is({"ud2", "hlt", "int3"})) return s.flow = SpStep::Flow::leave, s;
  if (m.starts_with("call")) {
    s.flow = SpStep::Flow::call, s.conditional = true, s.pushed_by_call = 8;
    if (!indirect) s.target = relative();
    for (const char* lost : {"%rax", "%rcx", "%rdx", "%rsi", "%rdi", "%r8", "%r9", "%r10", "%r11"}) r.forget(lost);
    return s;
  }
  if (m.starts_with("jmp"))
    return s.flow = indirect ? SpStep::Flow::table : SpStep::Flow::jump,
           s.target = indirect ? std::nullopt : relative(), s;
  if (m.starts_with('j')) return s.flow = SpStep::Flow::branch, s.conditional = true, s.target = relative(), s;
  if (m.starts_with("push")) return state.depth += 8, s;
  if (m.starts_with("pop")) {
    state.depth -= 8;
    r.forget(t.last());
    return s;
  }
  if (m.starts_with("leave")) {
    if (!r.set("%rsp", r.get("%rbp"))) s.problem = "'leave' without a frame pointer that is known";
    else state.depth -= 8;
    return s;
  }
  if (m.starts_with("cmp") || m.starts_with("test") || t.operands.empty()) return s;
  const std::string_view to = t.last();
  std::optional<RegisterValue> v;
  if (m == "movq" || m == "movl") v = r.read(t.operand(0));
  else if (m == "addq") v = plus(r.get(to), r.read(t.operand(0)), 1);
  else if (m == "subq") v = plus(r.get(to), r.read(t.operand(0)), -1);
  else if (m == "andq" && number(t.operand(0))) v = aligned(r.get(to), ~*number(t.operand(0)));
  else if (m == "leaq" && t.operand(0).ends_with(')')) {
    const std::string_view x = t.operand(0);
    const size_t open = x.find('(');
    const auto offset = open == 0 ? std::optional<int64_t>(0) : number(x.substr(0, open));
    const auto base = r.get(x.substr(open + 1, x.size() - open - 2));
    if (base && offset) v = plus(base, RegisterValue{Kind::constant, *offset}, 1);
  }
  if (to.starts_with('%') && !r.set(to, v)) s.problem = "'" + i.text + "' sets the stack pointer";
  return s;
}

}  // namespace

SpStep step(ElfImage::Machine machine, bool thumb, const Instruction& i, StackState& state,
            const std::function<std::optional<uint32_t>(uint64_t)>& word) {
  switch (machine) {
    case ElfImage::Machine::arm:
      return arm(thumb, i, state, word);
    case ElfImage::Machine::riscv32:
    case ElfImage::Machine::riscv64:
      return riscv(i, state);
    case ElfImage::Machine::x86_64:
      return x86(i, state);
    case ElfImage::Machine::other:
      break;
  }
  SpStep s;
  s.problem = "no disassembler for this kind of core";
  return s;
}

}  // namespace burin
