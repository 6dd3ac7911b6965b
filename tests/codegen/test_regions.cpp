// Branches and repeats of programs, which nothing lowers to yet: texts by hand, executed by run() and compiled.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>

#include "codegen/module.h"
#include "codegen/run.h"
#include "compiler/program/regions.h"
#include "compiler/program/text.h"
#include "targets/target.h"
#include "tests/catch.h"
#include "tests/codegen/layer_program.h"

namespace burin {
namespace {

namespace fs = std::filesystem;
using Ints = std::vector<int32_t>;

Tensor ints(const Ints& v) { return Tensor::of<int32_t>(DType::i32, {int64_t(v.size())}, v); }
Tensor flags(const std::vector<uint8_t>& v) { return Tensor::of<uint8_t>(DType::boolean, {int64_t(v.size())}, v); }

/// y = f(a, b) of n numbers; places as in the text: "#1", "#1 + 12*i0".
std::string binary(const std::string& name, const std::string& f, const std::string& a, const std::string& b,
                   const std::string& y, int n, const std::string& type = "i32") {
  return fmt::format(R"(step {0} {1} binary function {0}
  headers [binary.h]
  reads x0: i32 = {2}
  reads x1: i32 = {3}
  writes y0: {6} = {4}
  struct s = BinaryShape{{1, [{5}], [1], [1]}}
  call binary<fn_{1}>({{s}}, &x0, &x1, &y0)
)",
                     name, f, a, b, y, n, type);
}
std::string copy(const std::string& name, const std::string& x, const std::string& y, int bytes,
                 const std::string& type = "i32") {
  return fmt::format(R"(step {0} identity copy function {0}
  headers [strided_copy.h]
  reads x0: {4} = {1}
  writes y0: {4} = {2}
  call __builtin_memcpy(&y0, &x0, {3})
)",
                     name, x, y, bytes, type);
}

/// The printed C++ of a program, run on many inputs by one process.
std::vector<std::vector<Tensor>> compiled(const Program& p, const std::vector<std::vector<Tensor>>& inputs) {
  const fs::path folder = fs::current_path() / "test_regions" / p.name;
  fs::create_directories(folder);
  const Module m = print_module(p, *find_target("host"), {"model.onnx", "0", ""});
  std::ofstream(folder / (p.name + ".h")) << m.header;
  std::ofstream(folder / (p.name + ".cpp")) << m.source.str();
  std::string ports, read, write, arguments = "arena.bytes";
  for (const Port* port : p.ports()) {
    const auto c_type = info(port->type.dtype).c_type;
    const std::string at = p.external_io ? port->label : fmt::format("{}_{}(arena.bytes)", p.name, port->label);
    if (p.external_io) {
      ports += fmt::format("  static {} {}[{}];\n", c_type, port->label, port->type.elements());
      arguments += ", " + port->label;
    }
    if (port->output) write += fmt::format("    fwrite({}, 1, {}, stdout);\n", at, port->type.bytes());
    else read += fmt::format("    if (fread({0}, 1, {1}, stdin) != {1}) return 0;\n", at, port->type.bytes());
  }
  std::ofstream(folder / "main.cpp") << fmt::format(R"(#include <stdio.h>
#include <string.h>
#include "{0}.h"
int main() {{
  static {0}::Arena arena;
{1}  for (;;) {{
    memset(&arena, 0xA5, sizeof arena);
{2}    {0}_run({3});
{4}  }}
}}
)",
                                                    p.name, ports, read, arguments, write);
  std::string bytes;
  for (const auto& tensors : inputs)
    for (const Tensor& t : tensors) bytes.append(reinterpret_cast<const char*>(t.bytes().data()), t.bytes().size());
  std::ofstream(folder / "in", std::ios::binary) << bytes;

  const char* named = std::getenv("CXX");
  const std::string in = fmt::format("cd '{}' && ", folder.string());
  shell(in + fmt::format("{} -std=gnu++11 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Wall -Wextra "
                         "-Wpedantic -Wconversion -Wshadow -Werror {}.cpp main.cpp -o run",
                         named ? named : "g++", p.name),
        folder / "messages");
  shell(in + "./run < in > out", folder / "messages");
  const std::string got = read_file(folder / "out");
  size_t at = 0;
  std::vector<std::vector<Tensor>> r;
  for (size_t i = 0; i < inputs.size(); ++i) {
    r.emplace_back();
    for (const Port& port : p.outputs) {
      Tensor t(port.type);
      const std::string part = at < got.size() ? got.substr(at, t.bytes().size()) : "";
      std::memcpy(t.bytes().data(), part.data(), part.size());
      at += t.bytes().size();
      r.back().push_back(std::move(t));
    }
  }
  CHECK(at == got.size());
  return r;
}

struct Case {
  std::vector<Tensor> in, out;
};
Ints numbers(const Tensor& t) {
  Ints r;
  for (int64_t i = 0; i < t.elements(); ++i) r.push_back(int32_t(t.integer(i)));
  return r;
}

/// The text says all of the program, and both ways of running it give what is expected.
Program check(const std::string& text, const std::vector<Case>& cases) {
  const Program p = parse_program(text);
  const std::string again = print(p);
  CHECK(print(parse_program(again)) == again);
  CHECK(parse_program(again).regions == p.regions);
  std::vector<std::vector<Tensor>> inputs;
  for (const Case& c : cases) inputs.push_back(c.in);
  const auto by_compiler = compiled(p, inputs);
  for (size_t i = 0; i < cases.size(); ++i) {
    const std::vector<Tensor> by_run = run(p, cases[i].in);
    for (size_t k = 0; k < cases[i].out.size(); ++k) {
      INFO(p.name << ", inputs " << i << ", output " << k);
      CHECK(numbers(by_run.at(k)) == numbers(cases[i].out[k]));
      CHECK(numbers(by_compiler.at(i).at(k)) == numbers(cases[i].out[k]));
    }
  }
  return p;
}

// z = c ? (x + y) * x : (x - y) * y + y. The sides' working values share bytes.
std::string branch() {
  return R"(program branch 80 80
input input_0 "c" bool[1] = #0
input input_1 "x" i32[3] = #1
input input_2 "y" i32[3] = #2
output output_0 "z" i32[3] = #3
buffer #0 c arena 1 at 0 live -1 0
buffer #1 x arena 12 at 16 live -1 2
buffer #2 y arena 12 at 32 live -1 4
buffer #3 z arena 12 at 48 live 1 4
buffer #4 t arena 12 at 64 live 0 1
buffer #5 u arena 12 at 64 live 2 3
buffer #6 v arena 12 at 16 live 3 4
branch #0
)" + binary("t", "add", "#1", "#2", "#4", 3) +
         binary("z", "mul", "#4", "#1", "#3", 3) + "else\n" + binary("u", "sub", "#1", "#2", "#5", 3) +
         binary("v", "mul", "#5", "#2", "#6", 3) + binary("w", "add", "#6", "#2", "#3", 3) + "end\n";
}

TEST_CASE("a branch runs one of its sides", "[program][regions]") {
  const Ints x{1, -2, 30}, y{5, 6, -7};
  Ints one, other;
  for (size_t i = 0; i < 3; ++i) one.push_back((x[i] + y[i]) * x[i]), other.push_back((x[i] - y[i]) * y[i] + y[i]);
  check(branch(), {{{flags({1}), ints(x), ints(y)}, {ints(one)}}, {{flags({0}), ints(x), ints(y)}, {ints(other)}}});
}

TEST_CASE("a branch may have one side", "[program][regions]") {
  const std::string head = R"(program one_side 32 32
input input_0 "c" bool[1] = #0
input input_1 "x" i32[2] = #1
output output_0 "x" i32[2] = #1
buffer #0 c arena 1 at 0 live -1 0
buffer #1 x arena 8 at 16 live -1 0
branch #0
)";
  const std::string step = binary("twice", "add", "#1", "#1", "#1", 2) + "end\n";
  const Case yes{{flags({1}), ints({3, 4})}, {ints({6, 8})}}, no{{flags({0}), ints({3, 4})}, {ints({3, 4})}};
  check(head + step, {yes, no});
  check(head + "else\n" + step, {{yes.in, no.out}, {no.in, yes.out}});
}

TEST_CASE("a branch may ask a byte of the caller's", "[program][regions]") {
  const std::string text = R"(program callers 0 0 external
input input_0 "c" bool[1] = #0
input input_1 "x" i32[2] = #1
output output_0 "y" i32[2] = #2
buffer #0 c port 1 at 0 live -1 1
buffer #1 x port 8 at 0 live -1 1
buffer #2 y port 8 at 0 live -1 1
branch #0
)" + binary("twice", "add", "#1", "#1", "#2", 2) +
                           "else\n" + copy("once", "#1", "#2", 8) + "end\n";
  check(text, {{{flags({1}), ints({3, 4})}, {ints({6, 8})}}, {{flags({0}), ints({3, 4})}, {ints({3, 4})}}});
}

// ys[i] = xs[i] + w[i], backwards, in the arena or in the caller's buffers. A turn's own value t has its bytes to
// itself.
std::string scan(bool external, int turns = 4) {
  const std::string io = external ? "port" : "arena";
  return fmt::format(R"(program scan{0} 160 160{1}
input input_0 "xs" i32[4x3] = #0
output output_0 "ys" i32[4x3] = #1
buffer #0 xs {2} 48 at 0 live -1 1
buffer #1 ys {2} 48 at {3} live 0 1
buffer #2 t arena 12 at 112 live 0 1
repeat {4}
)",
                     external ? "_external" : "", external ? " external" : "", io, external ? 0 : 48, turns) +
         binary("t", "add", "#0 + 12*i0", "$0 + 12*i0", "#2", 3) + copy("ys", "#2", "#1 + 36 + -12*i0", 12) +
         "end\nconstant $0 w t i32 "
         "AQAAAAIAAAADAAAABAAAAAUAAAAGAAAABwAAAAgAAAAJAAAACgAAAAsAAAAMAAAA\n";
}

TEST_CASE("slices of values and constants advance", "[program][regions]") {
  Ints xs, ys(12);
  for (int i = 0; i < 12; ++i) xs.push_back(100 * i - 7);
  for (size_t i = 0; i < 4; ++i)
    for (size_t k = 0; k < 3; ++k) ys[(3 - i) * 3 + k] = xs[3 * i + k] + int32_t(3 * i + k) + 1;
  check(scan(false), {{{ints(xs)}, {ints(ys)}}});
  check(scan(true), {{{ints(xs)}, {ints(ys)}}});
}

// h = 2 * h + x, again and again; t is the turn's own.
std::string carried(int turns, const std::string& condition = "") {
  return fmt::format(R"(program carried{0} 96 96
input input_0 "h" i32[3] = #0
input input_1 "x" i32[3] = #1
output output_0 "y" i32[3] = #4
buffer #0 h arena 12 at 0 live -1 2
buffer #1 x arena 12 at 16 live -1 1
buffer #2 next arena 12 at 32 live 0 1
buffer #3 t arena 12 at 48 live 0 1
buffer #4 y arena 12 at 64 live 2 2
repeat {0}{1} carries #0 #2
)",
                     turns, condition) +
         binary("t", "add", "#0", "#0", "#3", 3) + binary("next", "add", "#3", "#1", "#2", 3) + "end\n" +
         copy("y", "#0", "#4", 12);
}

TEST_CASE("a carried value is in its place after any number of turns", "[program][regions]") {
  Ints h{1, 2, -3};
  const Ints first = h, x{4, 0, 9};
  for (int turns = 0; turns <= 5; ++turns) {
    check(carried(turns), {{{ints(first), ints(x)}, {ints(h)}}});
    for (size_t i = 0; i < 3; ++i) h[i] = 2 * h[i] + x[i];
  }
}

// while (c) h += x, c = h < limit: by a condition that is written in place, and by one that is carried too.
std::string until(bool exchanged) {
  return fmt::format(R"(program until_{0} 64 64
input input_0 "c" bool[1] = #0
input input_1 "h" i32[1] = #1
input input_2 "x" i32[1] = #2
input input_3 "limit" i32[1] = #3
output output_0 "h" i32[1] = #1
buffer #0 c arena 1 at 0 live -1 1
buffer #1 h arena 4 at 16 live -1 1
buffer #2 x arena 4 at 32 live -1 1
buffer #3 limit arena 4 at 36 live -1 1
buffer #4 next arena 4 at 40 live 0 1
buffer #5 c_next arena 1 at 44 live 0 1
repeat 6 while #0 carries #1 #4{1}
)",
                     exchanged ? "exchanged" : "in_place", exchanged ? ", #0 #5" : "") +
         binary("sum", "add", "#1", "#2", "#4", 1) +
         binary("less", "less", "#4", "#3", exchanged ? "#5" : "#0", 1, "bool") + "end\n";
}

TEST_CASE("a repeat ends when its condition does", "[program][regions]") {
  std::vector<Case> cases;
  for (const bool begin : {true, false})
    for (const int limit : {0, 7, 12, 100}) {  // 1, 2, 3 and all turns
      int h = 1;
      bool c = begin;
      for (int turn = 0; turn < 6 && c; ++turn) h += 4, c = h < limit;
      cases.push_back({{flags({begin}), ints({1}), ints({4}), ints({limit})}, {ints({h})}});
    }
  check(until(false), cases);
  check(until(true), cases);
}

// For each row: for each of its two pairs, h = flag ? h + x : h - x; and the row's h goes out.
std::string nested() {
  return R"(program nested 112 112
input input_0 "flags" bool[3x2] = #0
input input_1 "xs" i32[3x2x2] = #1
input input_2 "h" i32[2] = #2
output output_0 "hs" i32[3x2] = #3
buffer #0 flags arena 6 at 0 live -1 3
buffer #1 xs arena 48 at 8 live -1 3
buffer #2 h arena 8 at 56 live -1 3
buffer #3 hs arena 24 at 64 live 0 3
buffer #4 next arena 8 at 88 live 0 3
buffer #5 flag arena 1 at 96 live 0 1
repeat 3
repeat 2 carries #2 #4
)" + copy("flag", "#0 + 2*i0 + 1*i1", "#5", 1, "bool") +
         "branch #5\n" + binary("add", "add", "#2", "#1 + 16*i0 + 8*i1", "#4", 2) + "else\n" +
         binary("sub", "sub", "#2", "#1 + 16*i0 + 8*i1", "#4", 2) + "end\nend\n" + copy("hs", "#2", "#3 + 8*i0", 8) +
         "end\n";
}

TEST_CASE("regions nest", "[program][regions]") {
  const std::vector<uint8_t> flag{1, 0, 0, 0, 1, 1};
  Ints xs, h{10, 20}, hs;
  for (int i = 0; i < 12; ++i) xs.push_back(i * i + 1);
  const Ints first = h;
  for (size_t i = 0; i < 3; ++i) {
    for (size_t k = 0; k < 2; ++k)
      for (size_t e = 0; e < 2; ++e) h[e] += (flag[2 * i + k] ? 1 : -1) * xs[4 * i + 2 * k + e];
    hs.insert(hs.end(), h.begin(), h.end());
  }
  check(nested(), {{{flags(flag), ints(xs), ints(first)}, {ints(hs)}}});
}

TEST_CASE("regions are printed as C++ that says what they are", "[program][regions]") {
  const std::string source =
      print_module(parse_program(nested()), *find_target("host"), {"model.onnx", "0", ""}).source.str();
  const size_t from = source.find("  for (size_t i0");
  const std::string body =
      std::regex_replace(source.substr(from), std::regex(" *BURIN_[A-Z]*\\([0-9]\\)\n|nested::"), "");
  CHECK(body.substr(0, body.find("\n}")) == R"(  for (size_t i0 = 0; i0 != 3; ++i0) {
    {
      unsigned char *b2 = arena + 56, *b4 = arena + 88;
      for (size_t i1 = 0; i1 != 2; ++i1) {
        layers::flag(at<const uint8_t>(arena, 0 + 2 * i0 + 1 * i1), at<uint8_t>(arena, 96));
        if (arena[96] != 0) {
          layers::add(at<const int32_t>(b2, 0), at<const int32_t>(arena, 8 + 16 * i0 + 8 * i1), at<int32_t>(b4, 0));
        } else {
          layers::sub(at<const int32_t>(b2, 0), at<const int32_t>(arena, 8 + 16 * i0 + 8 * i1), at<int32_t>(b4, 0));
        }
        exchange(b2, b4);
      }
      if (b2 != arena + 56) __builtin_memcpy(arena + 56, b2, 8);
    }
    layers::hs(at<const int32_t>(arena, 56), at<int32_t>(arena, 64 + 8 * i0));
  })");
}

TEST_CASE("what a turn leaves to the next is known", "[program][regions]") {
  const auto kept = [](const std::string& text, size_t region) {
    std::vector<std::string> r;
    const Program p = parse_program(text);
    for (const BufferId id : kept_between_turns(p, region)) r.push_back(p[id].name);
    return fmt::format("{}", fmt::join(r, " "));
  };
  CHECK(kept(scan(false), 0) == "xs ys");
  CHECK(kept(carried(3), 0) == "h x next");
  CHECK(kept(until(true), 0) == "c h x limit next c_next");
  CHECK(kept(nested(), 0) == "flags xs h hs");
  CHECK(kept(nested(), 1) == "flags xs h next");
  // Both sides write #1, which is the turn's own; #2 is written on one side and asked for later.
  const std::string text = R"(program sides 64 64
buffer #0 c arena 1 at 0 live -1 3
buffer #1 both arena 4 at 4 live 0 2
buffer #2 one arena 4 at 8 live 0 4
buffer #3 x arena 4 at 12 live -1 4
repeat 2
branch #0
)" + copy("a", "#3", "#1", 4) +
                           copy("b", "#3", "#2", 4) + "else\n" + copy("d", "#3", "#1", 4) + "end\n" +
                           copy("e", "#1", "#3", 4) + "end\n" + copy("f", "#2", "#3", 4);
  CHECK(kept(text, 0) == "c one x");
  // Who may have no turn may leave what was there.
  const auto maybe = [&](const std::string& repeat) {
    return kept(R"(program maybe 64 64
buffer #0 c arena 1 at 0 live -1 1
buffer #1 x arena 4 at 4 live -1 1
buffer #2 t arena 4 at 8 live 0 1
repeat 2
)" + repeat + copy("a", "#1", "#2", 4) +
                    "end\n" + copy("b", "#2", "#1", 4) + "end\n",
                0);
  };
  CHECK(maybe("repeat 2\n") == "x");
  CHECK(maybe("repeat 0\n") == "x t");
  CHECK(maybe("repeat 2 while #0\n") == "c x t");
}

/// "" where nothing is wrong.
std::string wrong(const Program& p) {
  try {
    verify(p);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST_CASE("a turn's own values are gone in the next", "[program][regions][run]") {
  // t is written on both sides, but one of them forgets its last number.
  const std::string text = R"(program own 64 64
input input_0 "c" bool[1] = #0
input input_1 "d" bool[1] = #1
input input_2 "x" i32[3] = #2
output output_0 "ys" i32[2x3] = #3
buffer #0 c arena 1 at 0 live -1 3
buffer #1 d arena 1 at 4 live -1 3
buffer #2 x arena 12 at 8 live -1 3
buffer #3 ys arena 24 at 20 live 0 3
buffer #4 t arena 12 at 44 live 0 3
repeat 2
branch #0
)" + copy("all", "#2", "#4", 12) +
                           "else\n" + copy("some", "#2", "#4", 8) + "end\n" + copy("ys", "#4", "#3 + 12*i0", 12) +
                           copy("c", "#1", "#0", 1, "bool") + "end\n";
  const std::vector<Tensor> out = run(parse_program(text), {flags({1}), flags({0}), ints({1, 2, 3})});
  CHECK(numbers(out[0]) == Ints{1, 2, 3, 1, 2, int32_t(0xA5A5A5A5)});
}

TEST_CASE("verify() finds regions that are none", "[program][regions]") {
  Program p = parse_program(nested());
  REQUIRE(wrong(p) == "");
  auto& outer = p.regions[0];
  auto& inner = std::get<Repeat>(p.regions[1].control);
  auto& branch = std::get<Branch>(p.regions[2].control);
  const auto says = [&](const std::string& what) { CHECK(wrong(p) == "program: " + what); };
  const std::string of_inner = "the repeat from step 'flag' on", of_branch = "the branch from step 'add' on";
  SECTION("no such steps") {
    outer.last = 5;
    says("region 0 is of steps 0 to 5, which are none");
  }
  SECTION("no steps") {
    p.regions[2].first = 3;
    says("region 2 is of steps 3 to 3, which are none");
  }
  SECTION("order") {
    std::swap(p.regions[1], p.regions[2]);
    says(of_inner + " stands behind a later one");
  }
  SECTION("nesting") {
    p.regions[2].last = 4;
    says(of_branch + " ends outside the region in which it begins");
  }
  SECTION("nesting in a side") {
    p.regions.push_back({1, 3, Repeat{1}});
    says("the repeat from step 'add' on ends outside the region in which it begins");
  }
  SECTION("the other side") {
    branch.other = 4;
    says("the other side of " + of_branch + " begins outside it");
  }
  SECTION("turns") {
    inner.turns = -1;
    says(of_inner + " has -1 turns");
  }
  SECTION("a condition that is nowhere") {
    branch.condition = BufferId(9);
    says("the condition of " + of_branch + " is nowhere");
  }
  SECTION("a condition of many bytes") {
    branch.condition = BufferId(2);
    says("the condition of " + of_branch + " is not one byte");
  }
  SECTION("a dead condition") {
    p.buffers[5].last = 0;
    says("the condition of " + of_branch + ", 'flag', is not live before it and in its first step");
  }
  SECTION("a repeat's condition without a first value") {
    inner.condition = BufferId(5);
    says("the condition of " + of_inner + ", 'flag', is not live before it and in its first step");
  }
  SECTION("carried buffers of two sizes") {
    p.buffers[4].bytes = 4;
    says(of_inner + " carries 'h' and 'next', which differ in size");
  }
  SECTION("carried by a caller") {
    p.buffers[4].space = Space::port;
    says("a buffer that " + of_inner + " carries is not in the arena");
  }
  SECTION("carried without a first value") {
    p.buffers[2].first = 0;
    says("'h', which " + of_inner + " carries, has no first value");
  }
  SECTION("carried twice") {
    std::get<Repeat>(outer.control).carried = inner.carried;
    says("'h' is carried twice in the repeat from step 'flag' on");
  }
  SECTION("carried buffers that overlap") {
    p.buffers[4].offset = 60;
    p.buffers[3].offset = 72, p.arena_bytes = 200;
    const std::string s = wrong(p);
    CHECK(s == "program: 'next' lies where " + of_inner + " keeps 'h'");
  }
  SECTION("a carried buffer that dies") {
    p.buffers[4].last = 1;
    says("'next' is kept between the turns of " + of_inner + " and not live in all of it");
  }
  SECTION("an outer value that dies in a turn") {
    p.buffers[1].last = 2;
    says("'xs' is kept between the turns of " + of_inner + " and not live in all of it");
  }
  SECTION("an outer value whose bytes a turn takes") {
    p.buffers[5].offset = 4;
    says("'flag' lies where " + of_inner + " keeps 'flags'");
  }
  SECTION("strides of no repeat") {
    p.steps[3].parameters[1].strides = {8, 8};
    says("'y0' of step 'hs' advances in more repeats than are around it");
  }
  SECTION("a slice that leaves its buffer at the end") {
    p.steps[3].parameters[1].strides = {12};
    says("'y0' of step 'hs' leaves its memory");
  }
  SECTION("a slice that leaves its buffer at the front") {
    p.steps[1].parameters[1].strides[1] = -8;
    says("'x1' of step 'add' leaves its memory");
  }
  SECTION("a slice of half elements") {
    p.steps[3].parameters[1].strides = {6};
    says("'y0' of step 'hs' is not at whole elements");
  }
}

TEST_CASE("mistakes in a text of regions are named", "[program][regions]") {
  const auto wrong = [](const std::string& lines) -> std::string {
    try {
      parse_program("program x 0 0\n" + lines);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  const std::string step = "step a b c function a\n";
  CHECK(wrong("repeat 2\n" + step) == "line 4, column 1: a branch or repeat does not end");
  CHECK(wrong("repeat 2\nend\n") == "line 3, column 4: a branch or repeat has steps");
  CHECK(wrong("end\n") == "line 2, column 4: 'end' of no branch or repeat");
  CHECK(wrong("repeat 2\nelse\n") == "line 3, column 5: 'else' of no branch, or once more");
  CHECK(wrong("branch #0\nelse\nelse\n") == "line 4, column 5: 'else' of no branch, or once more");
}

TEST_CASE("faults inside regions are seen by run()", "[program][regions][run]") {
  Program p = parse_program(carried(3));
  const std::vector<Tensor> in{ints({1, 2, 3}), ints({4, 5, 6})};
  REQUIRE(numbers(run(p, in)[0]) == Ints{8 + 28, 16 + 35, 24 + 42});
  const auto fault = [&] {
    try {
      return fmt::format("{}", numbers(run(p, in)[0]));
    } catch (const PlanError& e) {
      return std::string(e.what());
    }
  };
  SECTION("a forgotten exchange") {
    std::get<Repeat>(p.regions[0].control).carried.clear();
    CHECK(fault() != "[36, 51, 66]");
  }
  SECTION("a turn's own value that is read in the next turn") {
    // t is read before it is written: it would have to be kept.
    std::swap(p.steps[0], p.steps[1]);
    p.buffers[3].first = 0, p.buffers[3].last = 0;
    CHECK_THROWS_AS(run(p, in), std::invalid_argument);
  }
  SECTION("a turn's own value that dies too early") {
    p.buffers[3].last = 0;
    CHECK(fault() != "[36, 51, 66]");
  }
  SECTION("a slice that is not its own") {
    p = parse_program(scan(false));
    for (Argument& a : p.steps[1].body.calls[0].arguments)
      if (auto* n = std::get_if<int64_t>(&a)) *n = 16;
    const Tensor xs = ints(Ints(12, 1));
    CHECK_THROWS_AS(run(p, {xs}), PlanError);
  }
  SECTION("a kernel on a slice that begins inside a word") {
    p = parse_program(nested());
    p.steps[0].body.calls[0].function = "binary";
    p.steps[0].parameters[0].offset = 5, p.steps[0].parameters[0].strides = {-2, -1};
    CHECK_THROWS_AS(run(p, {flags({1, 1, 1, 1, 1, 1}), ints(Ints(12, 1)), ints({1, 2})}), PlanError);
  }
  SECTION("a condition without a value") {
    p = parse_program(branch());
    p.buffers.push_back({"d", Space::arena, 1, 12, -1, 0});
    std::get<Branch>(p.regions[0].control).condition = BufferId(7);
    CHECK_THROWS_AS(run(p, {flags({1}), ints({1, 2, 3}), ints({1, 2, 3})}), PlanError);
  }
}

}  // namespace
}  // namespace burin
