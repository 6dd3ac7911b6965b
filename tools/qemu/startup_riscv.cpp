// Bare-metal start of RISC-V on QEMU's `virt` machine: stack, trap vector, .bss, then harness_main. The image is loaded
// into RAM where it runs, .data included.
#include "harness.h"

extern "C" {

extern uint32_t __bss_start[], __bss_end[];

void harness_start(void) __attribute__((noreturn, used));
void harness_fault(uint32_t cause, uint32_t counter) __attribute__((noreturn, used));

__attribute__((naked, section(".vectors"), used)) void Reset_Handler(void) {
  __asm__ volatile(
      ".option push\n"
      ".option norelax\n"
      ".option arch, +zicsr\n"
      "la gp, __global_pointer$\n"
      "la sp, __stack_top\n"
      "la t0, harness_trap\n"
      "csrw mtvec, t0\n"
      "j harness_start\n"
      ".balign 4\n"
      "harness_trap:\n"
      "la sp, __stack_top\n"
      "csrr a0, mcause\n"
      "csrr a1, mepc\n"
      "j harness_fault\n"
      ".option pop");
}

void harness_start(void) {
  for (volatile uint32_t* to = __bss_start; to < __bss_end; ++to) *to = 0;
  harness_exit(harness_main());
}

void harness_fault(uint32_t cause, uint32_t counter) {
  harness_puts("fault, cause ");
  harness_dec(cause);
  harness_puts(", program counter (bytes in memory order) ");
  harness_hex(&counter, 4);
  harness_exit(139);
}

// The three instructions that mark a semihosting call must be uncompressed and lie in one page.
__attribute__((noinline)) int harness_semihost(int operation, const void* argument) {
  register int a0 __asm__("a0") = operation;
  register const void* a1 __asm__("a1") = argument;
  __asm__ volatile(
      ".option push\n"
      ".option norvc\n"
      ".balign 16\n"
      "slli x0, x0, 0x1f\n"
      "ebreak\n"
      "srai x0, x0, 7\n"
      ".option pop"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
  return a0;
}

// A jump before the first label: QEMU's translation blocks start there, which is what the plugin looks at.
__attribute__((naked, noinline)) void harness_call(void (*)(void)) {
  __asm__ volatile(
      "addi sp, sp, -16\n"
      "sw ra, 12(sp)\n"
      "j harness_begin\n"
      ".global harness_begin\n"
      "harness_begin:\n"
      "jalr a0\n"
      ".global harness_end\n"
      "harness_end:\n"
      "lw ra, 12(sp)\n"
      "addi sp, sp, 16\n"
      "ret");
}

}  // extern "C"
