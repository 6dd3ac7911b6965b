// Who owns each byte: hand-made images, every byte once.
#include <algorithm>
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include "tools/size/account.h"
#include "tools/size/measure.h"
#include "tools/size/stack_usage.h"

namespace burin {
namespace {

Section section(const std::string& name, uint64_t address, uint64_t bytes, bool executable, bool writable = false,
                bool stored = true) {
  Section s;
  s.name = name, s.address = address, s.bytes = bytes, s.loaded = true, s.executable = executable,
  s.writable = writable, s.stored = stored;
  return s;
}

Symbol symbol(const std::string& name, size_t in, uint64_t address, uint64_t bytes, Symbol::Kind kind, bool global,
              const std::string& file = "") {
  Symbol s;
  s.name = name, s.section = in, s.address = address, s.bytes = bytes, s.kind = kind, s.global = global, s.file = file;
  return s;
}

constexpr auto kFunction = Symbol::Kind::function;
constexpr auto kObject = Symbol::Kind::object;

/// A program: kws with a layer and its weights, main, an assembly routine without a size, an arena.
ElfImage program() {
  ElfImage i;
  i.sections = {section(".text", 0x100, 200, true), section(".rodata", 0x400, 64, false),
                section(".bss", 0x1000, 96, false, true, false)};
  i.symbols = {symbol("kws_run", 0, 0x100, 20, kFunction, true),
               symbol("_ZN3kws12_GLOBAL__N_16layers4convEPKaPa.constprop.0", 0, 0x114, 50, kFunction, false, "kws.cpp"),
               symbol("main", 0, 0x148, 30, kFunction, true),
               symbol("__aeabi_idiv", 0, 0x168, 0, kFunction, true),
               symbol("_ZN3kws12_GLOBAL__N_17weights6conv_wE", 1, 0x400, 32, kObject, false, "kws.cpp"),
               symbol("CSWTCH.5", 1, 0x420, 8, kObject, false, "kws.cpp"),
               symbol("table", 1, 0x428, 8, kObject, false, "main.cpp"),
               symbol("my_arena", 2, 0x1000, 64, kObject, false, "main.cpp"),
               symbol("motor_run", 0, 0x1b8, 8, kFunction, true)};
  std::ranges::stable_sort(i.symbols, {}, [](const Symbol& s) { return std::pair(s.section, s.address); });
  return i;
}

uint64_t sum(const std::vector<Piece>& pieces, const std::string& model, Kind kind) {
  uint64_t n = 0;
  for (const Piece& p : pieces) n += p.model == model && p.kind == kind ? p.bytes : 0;
  return n;
}

}  // namespace

TEST_CASE("size: names of generated code") {
  const GeneratedName f = generated_name("_ZN3kws12_GLOBAL__N_16layers4convEPKaPa.constprop.0");
  CHECK((f.model == "kws" && f.space == "layers" && f.name == "conv"));
  const GeneratedName local = generated_name("_ZN2kf12_GLOBAL__N_17weightsL6conv_wE");  // gcc marks internal linkage
  CHECK((local.model == "kf" && local.space == "weights" && local.name == "conv_w"));
  CHECK(generated_name("_ZZN3kws12_GLOBAL__N_16layers4convEvE1t").name == "conv");
  CHECK(generated_name("_ZN3kws12_GLOBAL__N_12atIaEEPT_Phj").space == "");
  const GeneratedName part = generated_name("_ZN3kws5burin17winograd_sums_anyElPKmPm");  // of kernels, weak
  CHECK((part.model == "kws" && part.space == ""));
  for (const char* other : {"", "_ZN", "_ZN3kws", "_ZN3kws4mainEv", "_ZN99kws12_GLOBAL__N_16layers4convEv", "kws_run",
                            "_Z3fooi", "_ZN3kws12_GLOBAL__N_16layers"})
    CHECK(generated_name(other).space == "");
}

TEST_CASE("size: every byte has one owner") {
  const std::vector<ElfImage> images{program()};
  CHECK(models_in(images) == std::vector<std::string>{"kws"});  // motor_run alone is nobody's model
  const std::vector<Piece> pieces = account(images);
  for (size_t s = 0; s < images[0].sections.size(); ++s) {
    uint64_t at = images[0].sections[s].address;
    for (const Piece& p : pieces)
      if (p.section == s) {
        CHECK(p.address == at);
        at += p.bytes;
      }
    CHECK(at == images[0].sections[s].address + images[0].sections[s].bytes);
  }
  CHECK(sum(pieces, "kws", Kind::code) == 70);
  CHECK(sum(pieces, "kws", Kind::weights) == 32);
  CHECK(sum(pieces, "kws", Kind::data) == 8);  // the switch table of the model's source file
  const auto asm_routine = std::ranges::find(pieces, "__aeabi_idiv", &Piece::symbol);
  CHECK(asm_routine->bytes == 0x1b8 - 0x168);  // no size: up to the next symbol
}

TEST_CASE("size: weak parts of kernels are their model's") {
  ElfImage i = program();
  const size_t text = i.symbols[0].section;
  i.sections[text].bytes += 40;
  const uint64_t end = i.sections[text].address + i.sections[text].bytes;
  i.symbols.push_back(symbol("_ZN3kws5burin17winograd_sums_anyElPKmPm", text, end - 40, 40, kFunction, true));
  i.symbols.back().weak = true;
  CHECK(sum(account(std::vector{i}), "kws", Kind::code) == 70 + 40);
}

TEST_CASE("size: an arena or a pool is recognised by its size and name") {
  const std::vector<ElfImage> images{program()};
  auto arena = [&](int64_t bytes) {
    return sum(account(images, {{"kws", {{}, {{"arena", bytes}}}}}), "kws", Kind::data);
  };
  CHECK(arena(64) == 8 + 64);
  CHECK(arena(60) == 8 + 64);  // aligned up
  CHECK(arena(16) == 8);
  CHECK(arena(65) == 8);
  auto pool = [&](const std::string& name, int64_t bytes) {
    return sum(account(images, {{"kws", {{}, {{"sram", 8}, {name, bytes}}}}}), "kws", Kind::data);
  };
  CHECK(pool("aren", 64) == 8 + 64);
  CHECK(pool("dtcm", 64) == 8);
}

TEST_CASE("size: constants that are copied into a pool are weights, what copies them is code") {
  ElfImage i = program();
  i.sections[0].bytes += 12, i.sections[1].bytes += 24;
  i.symbols.push_back(symbol("kws_load_constants", 0, 0x100 + 200, 12, kFunction, true));
  i.symbols.push_back(symbol("kws_constants", 1, 0x400 + 64, 24, kObject, true));
  i.symbols.push_back(symbol("motor_constants", 1, 0x430, 4, kObject, true));
  std::ranges::stable_sort(i.symbols, {}, [](const Symbol& s) { return std::pair(s.section, s.address); });
  const std::vector<Piece> all = account(std::vector{i});
  CHECK(sum(all, "kws", Kind::code) == 70 + 12);
  CHECK(sum(all, "kws", Kind::weights) == 32 + 24);
  CHECK(sum(all, "motor", Kind::weights) == 0);
  CHECK(sum(all, "motor", Kind::code) == 0);
}

TEST_CASE("size: overlapping symbols and aliases are counted once") {
  ElfImage i;
  i.sections = {section(".text", 0, 100, true)};
  i.symbols = {symbol("alias", 0, 0, 40, kFunction, true), symbol("whole", 0, 0, 60, kFunction, true),
               symbol("inside", 0, 20, 10, kFunction, true), symbol("across", 0, 50, 30, kFunction, true)};
  const std::vector<Piece> pieces = account(std::vector{i});
  REQUIRE(pieces.size() == 3);
  CHECK((pieces[0].symbol == "whole" && pieces[0].bytes == 60));
  CHECK((pieces[1].symbol == "across" && pieces[1].bytes == 20));
  CHECK((pieces[2].symbol == "" && pieces[2].bytes == 20));
}

TEST_CASE("size: gcc's stack usage") {
  const StackUsage u = parse_stack_usage(
      "kws.cpp:10:6:void kws::{anonymous}::layers::a(const int8_t*)\t40\tstatic\nkws.cpp:20:6:void "
      "kws_run(void*)\t24\tdynamic,bounded\nx.c:1:2:f\t8\tdynamic\nnoise\n");
  CHECK(u.at("void kws_run(void*)") == 24);
  CHECK(u.at("f") == -1);
  MeasuredModel m;
  m.name = "kws";
  apply_stack_usage(u, m);
  CHECK(m.stack_bytes == 64);
  m.stack_bytes = 7;
  apply_stack_usage(u, m);
  CHECK(m.stack_bytes == 7);  // instructions know better
  MeasuredModel other;
  other.name = "ic";
  apply_stack_usage(u, other);
  CHECK(!other.stack_bytes);
}

}  // namespace burin
