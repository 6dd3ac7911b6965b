// The cycle model's table: kinds of instructions, pipelined loads, taken branches, lists of registers.
#include "tests/catch.h"
#include "tools/profile/cycles.h"

namespace burin {
namespace {

/// "text * count" one behind the other, two bytes each.
double cycles(const std::vector<std::pair<std::string, uint64_t>>& code, const char* target = "cortex-m4f") {
  std::vector<CountedInstruction> all;
  for (const auto& [text, count] : code) all.push_back({{0x100 + 2 * all.size(), 2, text, {}, ""}, {count}});
  return table_cycles(*find_target(target), all).cycles.at(0);
}

TEST_CASE("kinds of instructions", "[profile]") {
  const std::pair<const char*, const char*> rows[] = {
      {"ldr r0, [r1, #4]", "load"},
      {"ldrsb.w r0, [r1, r2]", "load"},
      {"vldr s0, [r0]", "load"},
      {"ldrd r0, r1, [r2]", "load-double"},
      {"pop {r4, pc}", "multiple"},
      {"vldmia r0!, {s0, s1}", "multiple"},
      {"strb.w r0, [r1], #1", "store"},
      {"smlad r0, r1, r2, r0", "simd"},
      {"smlabb r0, r1, r2, r0", "simd"},
      {"sxtb16 r0, r1", "simd"},
      {"smull r0, r1, r2, r3", "long-mac"},
      {"mla r0, r1, r2, r3", "mac"},
      {"muls r0, r1, r0", "mul"},
      {"udiv r0, r1, r2", "div"},
      {"vfma.f32 s0, s1, s2", "fmac"},
      {"vmul.f32 s0, s1, s2", "fmul"},
      {"vadd.f32 s0, s1, s2", "fadd"},
      {"vdiv.f32 s0, s1, s2", "fdiv"},
      {"vldrw.u32 q0, [r0]", "vload"},
      {"vmul.i32 q0, q1, r0", "vector"},
      {"bne #-10", "branch"},
      {"bl #100", "branch"},
      {"bic r0, r1, r2", "alu"},
      {"cbz r0, #4", "branch"},
      {"le lr, #-8", "branch"},
      {"adds r0, r0, #1", "alu"},
      {"lbu a0, 0(a1)", "load"},
      {"bnez a0, 8", "branch"},
      {"mul a0, a1, a2", "mul"},
      {"sb a0, 0(a1)", "store"},
      {"bfi r0, r1, #0, #8", "alu"},
      {"bls.w #-10", "branch"},
  };
  for (const auto& [text, kind] : rows) {
    INFO(text);
    CHECK(cycle_kind(text) == kind);
  }
}

TEST_CASE("cycles by the table", "[profile]") {
  CHECK(cycles({{"adds r0, r0, #1", 10}}) == 10);
  CHECK(cycles({{"ldr r0, [r1]", 1}}) == 2);
  CHECK(cycles({{"ldr r0, [r1]", 1}, {"ldr r2, [r1, #4]", 1}}) == 3);  // the second follows in the pipeline
  CHECK(cycles({{"ldr r0, [r1]", 1}, {"ldr r2, [r0]", 1}}) == 4);      // unless it waits for the first
  CHECK(cycles({{"ldr r1, [r2]", 1}, {"ldr r3, [r10]", 1}}) == 3);     // r1 is not r10
  CHECK(cycles({{"push {r4, r5, lr}", 1}}) == 4);
  CHECK(cycles({{"pop {r4, r5, pc}", 1}}) == 6);  // and a branch
  CHECK(cycles({{"adds r0, r0, #1", 10}, {"bne #-4", 10}, {"nop", 1}}) ==
        10 + 10 + 9 * 2 + 1);  // nine of ten are taken
  CHECK(cycles({{"b #-4", 10}}) == 30);
  CHECK(cycles({{"ldr r0, [r1]", 1}, {"ldr r2, [r1]", 1}}, "cortex-m0plus") == 4);
}

}  // namespace
}  // namespace burin
