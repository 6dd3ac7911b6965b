#include "tools/profile/cycles.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <numeric>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace burin {
namespace {

std::string mnemonic(std::string_view text) { return std::string(text.substr(0, text.find_first_of(" \t"))); }
std::string operands(std::string_view text) {
  const size_t at = text.find_first_of(" \t");
  return at == text.npos ? "" : std::string(text.substr(at + 1));
}

// Arm, then RISC-V; the first row that matches. Suffixes .w and .n and conditions are part of the patterns.
constexpr const char* kCondition = "(eq|ne|hs|cs|lo|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?";
struct Kind {
  const char* pattern;  // %: an optional condition
  std::string_view kind;
};
constexpr Kind kKinds[] = {
    {"(b|bl|bx|blx)%([.][nw])?|cbn?z|tb[bh]|le|letp|wls|wlstp", "branch"},
    {"ldrd%([.]w)?", "load-double"},
    {"strd%([.]w)?", "store-double"},
    {"(ldm|stm)(ia|db)?%([.]w)?|(push|pop)%([.]w)?|(vldm|vstm)(ia|db)%|(vpush|vpop)%", "multiple"},
    {"v(ldr[bhwd]|ld[24][0-9])[.].*", "vload"},
    {"(vldr|ldr(s?[bh])?)%([.](w|16|32|64))?", "load"},
    {"(vstr|str[bh]?)%([.](w|16|32|64))?", "store"},
    {"[su]div%|div|divu|rem|remu", "div"},
    {"v(div|sqrt)%[.].*", "fdiv"},
    {"v(fma|fms|mla|mls|nmla|nmls|fnma|fnms)%[.]f.*", "fmac"},
    {"vmul%[.]f.*", "fmul"},
    {"v(add|sub)%[.]f.*", "fadd"},
    {"(sml[as]d|smlsd|smla[bt][bt]|smlaw[bt]|smmla|smmul|smu[as]d|smul[bt][bt]|smulw[bt]|[su]xtb16|[su]add(8|16)|pkh("
     "bt|tb)|sel|ssat16)(r|x)?%([.]w)?",
     "simd"},
    {"([us]mull|[us]mlal|umaal|smlald|smlal[bt][bt])x?%", "long-mac"},
    {"ml[as]%", "mac"},
    {"muls?%([.]w)?|mulh(s?u)?", "mul"},
    {"v.*[.][isu](8|16|32)|v(m|ctp|psel|bic|orr|eor|and|dup).*", "vector"},
    // RISC-V
    {"l[bhw]u?|flw", "load"},
    {"s[bhw]|fsw", "store"},
    {"b(eq|ne|lt|ge|ltu|geu|eqz|nez|lez|gez|ltz|gtz)|j|jal|jr|jalr|ret|call|tail", "branch"},
};

const std::vector<std::pair<std::regex, std::string_view>>& kinds() {
  static const auto compiled = [] {
    std::vector<std::pair<std::regex, std::string_view>> r;
    for (const Kind& k : kKinds) {
      std::string pattern;
      for (const char* c = k.pattern; *c; ++c) pattern += *c == '%' ? kCondition : std::string(1, *c);
      r.emplace_back(std::regex(pattern, std::regex::optimize), k.kind);
    }
    return r;
  }();
  return compiled;
}

/// Registers in "{r0, r1, d8-d15}"; 1 without a list.
int listed_registers(const std::string& text) {
  const size_t open = text.find('{'), close = text.find('}');
  const std::string list = open == text.npos || close < open ? text.substr(text.find_first_of("rdsl"))
                                                             : text.substr(open + 1, close - open - 1);
  return 1 + int(std::ranges::count(list, ','));
}

bool conditional(const std::string& m) {
  static const std::regex jump(std::string("b") +
                               "(eq|ne|hs|cs|lo|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)([.][nw])?|cbn?z|le|letp|wls|wlstp|b("
                               "eq|ne|lt|ge|ltu|geu|eqz|nez|lez|gez|ltz|gtz)");
  return std::regex_match(m, jump);
}

bool follows(const CountedInstruction& a, const CountedInstruction& b) {
  return a.instruction.address + a.instruction.size == b.instruction.address;
}

/// How often the instruction went elsewhere than to the one behind it, in one part.
double taken(const std::vector<CountedInstruction>& all, size_t i, size_t part) {
  const CountedInstruction& a = all[i];
  if (!conditional(mnemonic(a.instruction.text)) || i + 1 == all.size() || !follows(a, all[i + 1]))
    return double(a.counts[part]);
  const uint64_t on = all[i + 1].counts[part];
  return on < a.counts[part] ? double(a.counts[part] - on) : 0;
}

/// The register that a load writes is the address of the next one: no pipelining.
bool feeds(const std::string& load, const std::string& next) {
  const std::string to = operands(load).substr(0, operands(load).find(','));
  const size_t at = next.find('[');
  return !to.empty() && at != next.npos && next.compare(at + 1, to.size(), to) == 0 &&
         !std::isdigit(static_cast<unsigned char>(next[at + 1 + to.size()]));
}

}  // namespace

std::string_view cycle_kind(std::string_view text) {
  static std::map<std::string, std::string_view, std::less<>> known;
  const std::string m = mnemonic(text);
  const auto [it, fresh] = known.try_emplace(m, "alu");
  if (fresh)
    for (const auto& [pattern, kind] : kinds())
      if (std::regex_match(m, pattern)) {
        it->second = kind;
        break;
      }
  return it->second;
}

CycleModel table_cycles(const Target& t, const std::vector<CountedInstruction>& all) {
  CycleModel r{fmt::format("costs of targets/{}.target, no wait states", t.name), {}};
  if (all.empty()) return r;
  r.cycles.resize(all[0].counts.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string& text = all[i].instruction.text;
    const std::string_view kind = cycle_kind(text);
    const std::string m = mnemonic(text);
    double each = 0;
    if (kind == "multiple") {
      const bool to_pc = text.find("pc") != text.npos && (m.starts_with("pop") || m.starts_with("ldm"));
      each = t.cost("multiple") * (1 + listed_registers(operands(text))) + (to_pc ? t.cost("branch") - 1 : 0);
    } else if (kind == "store-double") {
      each = t.cost("load-double");
    } else if (kind == "load") {
      const bool after = i > 0 && follows(all[i - 1], all[i]);
      const std::string_view before = after ? cycle_kind(all[i - 1].instruction.text) : "";
      const bool pipelined = (before == "load" && !feeds(all[i - 1].instruction.text, text)) || before == "store";
      each = t.cost(pipelined ? "load-pipelined" : "load");
    } else if (kind != "branch") {
      each = t.cost(kind);
    }
    for (size_t p = 0; p < r.cycles.size(); ++p) {
      const double count = double(all[i].counts[p]);
      r.cycles[p] += kind == "branch" ? count + taken(all, i, p) * (t.cost("branch") - 1) : count * each;
    }
  }
  return r;
}

CycleModel mca_cycles(const Target& t, const std::vector<CountedInstruction>& all, const std::string& program,
                      const std::string& assembly, RunTool run) {
  CycleModel r{fmt::format("LLVM's model of {} (llvm-mca), no wait states", t.key("mca")), {}};
  if (all.empty()) return r;
  const size_t parts = all[0].counts.size();
  r.cycles.resize(parts);
  auto total = [&](size_t i) { return std::accumulate(all[i].counts.begin(), all[i].counts.end(), uint64_t{0}); };
  // Straight runs that are executed together.
  std::vector<std::pair<size_t, size_t>> blocks;
  for (size_t i = 0; i < all.size(); ++i) {
    const bool begins = i == 0 || !follows(all[i - 1], all[i]) || total(i) != total(i - 1) ||
                        cycle_kind(all[i - 1].instruction.text) == "branch";
    if (begins) blocks.emplace_back(i, i);
    blocks.back().second = i + 1;
  }
  constexpr int kIterations = 50;
  std::string text = ".syntax unified\n.thumb\n";
  static const std::regex pc_relative("\\[pc[^\\]]*\\]"),
      predicated("^(\\w+?)(eq|ne|hs|cs|lo|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)(\\.\\w+)?( .*)?$");
  for (size_t b = 0; b < blocks.size(); ++b) {
    text += fmt::format("# LLVM-MCA-BEGIN r{}\n", b);
    int in_it = 0;
    for (size_t i = blocks[b].first; i < blocks[b].second; ++i) {
      std::string line = all[i].instruction.text;
      const std::string m = mnemonic(line);
      if (cycle_kind(line) == "branch" || m.starts_with("dls") || m == "bkpt" || m.starts_with("cps")) {
        line = "nop";
      } else if (m.size() <= 5 && m.starts_with("it") && m.find_first_not_of("ite") == m.npos) {
        in_it = int(m.size()) - 1;
        continue;  // the instructions below stand without their conditions
      } else if (in_it > 0) {
        --in_it;
        std::smatch s;
        if (std::regex_match(line, s, predicated)) line = s[1].str() + s[3].str() + s[4].str();
      }
      text += std::regex_replace(line, pc_relative, "[r0]") + "\n";
    }
    text += "# LLVM-MCA-END\n";
  }
  std::ofstream(assembly) << text;
  std::vector<std::string> argv{
      program, "-mtriple=thumbv8.1m.main-none-eabihf", "-mcpu=" + t.key("mca"),
      fmt::format("-iterations={}", kIterations), "-instruction-info=false", "-resource-pressure=false", assembly,
      // One instruction that it cannot price would stop it; versions before 19 do not know the option.
      "-skip-unsupported-instructions=any"};
  std::string text_of_answer = run(argv);
  if (text_of_answer.empty()) argv.pop_back(), text_of_answer = run(argv);
  std::istringstream answer(text_of_answer);
  std::vector<double> cost(blocks.size(), -1);
  size_t region = blocks.size();
  size_t answered = 0;
  for (std::string line; std::getline(answer, line);) {
    if (const size_t at = line.find("Code Region - r"); at != line.npos)
      region = size_t(std::stoul(line.substr(at + 15)));
    if (line.starts_with("Total Cycles:") && region < blocks.size())
      cost[region] = std::stod(line.substr(13)) / kIterations, ++answered;
  }
  if (answered * 2 < blocks.size())
    throw std::runtime_error(fmt::format("{} understood {} of {} pieces of code", program, answered, blocks.size()));
  const double jump = t.cost("branch") - 1;  // beyond the slot that the branch takes
  for (size_t b = 0; b < blocks.size(); ++b) {
    const auto [first, last] = blocks[b];
    const double each = (cost[b] >= 0 ? cost[b] : double(last - first)) / double(last - first);
    for (size_t i = first; i < last; ++i)
      for (size_t p = 0; p < parts; ++p) {
        r.cycles[p] += each * double(all[i].counts[p]);
        const std::string m = mnemonic(all[i].instruction.text);
        if (cycle_kind(all[i].instruction.text) == "branch" && m != "le" && m != "letp")
          r.cycles[p] += jump * taken(all, i, p);
      }
  }
  return r;
}

}  // namespace burin
