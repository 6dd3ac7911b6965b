// What single instructions do to the stack pointer.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include "tools/size/sp.h"

namespace burin {
namespace {

using Flow = SpStep::Flow;
constexpr auto kArm = ElfImage::Machine::arm;
constexpr auto kRiscv = ElfImage::Machine::riscv32;
constexpr auto kX86 = ElfImage::Machine::x86_64;

SpStep run(ElfImage::Machine machine, StackState& state, const std::string& text, unsigned size = 4) {
  Instruction i;
  i.address = 0x1000, i.size = size, i.text = text;
  return step(machine, true, i, state,
              [](uint64_t a) { return a == 0x1010 ? std::optional<uint32_t>(uint32_t(-600)) : std::nullopt; });
}

int64_t depth(ElfImage::Machine machine, std::initializer_list<const char*> texts) {
  StackState state;
  for (const char* t : texts) {
    INFO(t);
    CHECK(run(machine, state, t).problem == "");
  }
  return state.depth;
}

}  // namespace

TEST_CASE("stack: Thumb prologues") {
  CHECK(depth(kArm, {"push {r4, r5, r6, lr}"}) == 16);
  CHECK(depth(kArm, {"push.w {r4-r8, lr}", "vpush {d8, d9}", "sub sp, #104"}) == 24 + 16 + 104);
  CHECK(depth(kArm, {"stmdb sp!, {r0, r1}", "str r3, [sp, #-4]!", "strd r4, r5, [sp, #-8]!"}) == 20);
  CHECK(depth(kArm, {"sub.w sp, sp, #1024", "subw sp, sp, #3"}) == 1027);
  CHECK(depth(kArm, {"ldr r4, [pc, #12]", "add sp, r4"}) == 600);  // Cortex-M0's large frames: pc is 0x1004
  CHECK(depth(kArm, {"movs r3, #128", "lsls r3, r3, #2", "rsbs r3, r3, #0", "add sp, r3"}) == 512);
  CHECK(depth(kArm, {"movw r3, #4660", "movt r3, #0", "sub.w sp, sp, r3"}) == 4660);
  CHECK(depth(kArm, {"push {r7, lr}", "sub sp, #16", "add r7, sp, #0", "adds r7, #16", "mov sp, r7"}) ==
        8);  // a frame pointer
  CHECK(depth(kArm, {"sub sp, #20", "mov r4, sp", "bic r4, r4, #15", "mov sp, r4"}) ==
        35);  // an aligned frame: at most 15 more
  CHECK(depth(kArm, {"push {r4, lr}", "pop {r4, lr}"}) == 0);
  CHECK(depth(kArm, {"sub sp, #8", "ldr r3, [sp], #4"}) == 4);
}

TEST_CASE("stack: what would be a guess is a problem") {
  StackState state;
  CHECK(run(kArm, state, "sub.w sp, sp, r3").problem != "");
  CHECK(run(kArm, state, "mov sp, r9").problem != "");
  CHECK(run(kArm, state, "ldr r3, [r1, #4]").problem == "");
  CHECK(run(kRiscv, state, "add sp, sp, t0").problem != "");
  CHECK(run(kX86, state, "subq %rax, %rsp").problem != "");
  CHECK(run(ElfImage::Machine::other, state, "nop").problem != "");
  StackState call;  // a call forgets what registers held
  run(kArm, call, "movs r3, #8");
  run(kArm, call, "bl #16");
  CHECK(run(kArm, call, "sub.w sp, sp, r3").problem != "");
}

TEST_CASE("stack: where Thumb code goes") {
  StackState s;
  CHECK(run(kArm, s, "bl #20").flow == Flow::call);
  CHECK(run(kArm, s, "bl #20").target == 0x1018);
  CHECK(run(kArm, s, "b #-8", 2).flow == Flow::jump);
  for (const char* t : {"ble #8", "bls #8", "blt.w #8", "bne #8", "cbz r0, #8", "le lr, #-8", "wls lr, r2, #8"}) {
    INFO(t);
    CHECK(run(kArm, s, t).flow == Flow::branch);
    CHECK(run(kArm, s, t).conditional);
  }
  CHECK(run(kArm, s, "bleq #8").flow == Flow::call);
  CHECK(run(kArm, s, "bx lr").flow == Flow::leave);
  CHECK(!run(kArm, s, "bx lr").conditional);
  CHECK(run(kArm, s, "bxeq lr").conditional);
  CHECK(run(kArm, s, "pop {r4, pc}").flow == Flow::leave);
  CHECK(run(kArm, s, "popne {r4, pc}").conditional);
  CHECK(run(kArm, s, "ldr pc, [sp], #4").flow == Flow::leave);
  CHECK(run(kArm, s, "tbb [pc, r3]").flow == Flow::table);
  CHECK(!run(kArm, s, "blx r3").target);
  run(kArm, s, "movw r3, #8193");
  CHECK(run(kArm, s, "blx r3").target == 0x2000);
}

TEST_CASE("stack: RISC-V and x86-64") {
  CHECK(depth(kRiscv, {"addi sp, sp, -32", "sw ra, 28(sp)", "mv s0, sp"}) == 32);
  CHECK(depth(kRiscv, {"lui t0, 1048575", "addi t0, t0, 1024", "add sp, sp, t0"}) == 4096 - 1024);
  CHECK(depth(kRiscv, {"addi sp, sp, -64", "addi s0, sp, 64", "addi sp, s0, -16"}) == 16);
  StackState s;
  CHECK(run(kRiscv, s, "jal 64").target == 0x1040);
  run(kRiscv, s, "auipc ra, 1");
  CHECK(run(kRiscv, s, "jalr 16(ra)").target == 0x2010);
  CHECK(run(kRiscv, s, "ret").flow == Flow::leave);
  CHECK(run(kRiscv, s, "beqz a0, -8").target == 0xff8);
  CHECK(run(kRiscv, s, "jr a5").flow == Flow::table);
  CHECK(depth(kX86, {"pushq %rbx", "subq $48, %rsp"}) == 56);
  CHECK(depth(kX86, {"pushq %rbp", "movq %rsp, %rbp", "andq $-32, %rsp", "subq $64, %rsp", "leave"}) == 0);
  CHECK(depth(kX86, {"leaq -128(%rsp), %rsp"}) == 128);
  StackState x;
  CHECK(run(kX86, x, "callq 11", 5).target == 0x1010);
  CHECK(run(kX86, x, "callq 11", 5).pushed_by_call == 8);
}

}  // namespace burin
