// Bare-metal start of Cortex-M cores on QEMU's boards: vectors, FPU and Helium on, .data and .bss, then harness_main.
#include "harness.h"

extern "C" {

extern uint32_t __stack_top[], __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];

void Reset_Handler(void) __attribute__((noreturn));
void Fault_Handler(void);
void harness_fault(const uint32_t* frame) __attribute__((noreturn, used));

// Volatile accesses: an ordinary loop would become a call of memcpy, which takes many loads into registers before RAM
// is set up.
void Reset_Handler(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  volatile uint32_t* const cpacr = reinterpret_cast<volatile uint32_t*>(0xE000ED88u);
  *cpacr = *cpacr | (0xFu << 20);  // CP10 and CP11: full access
  __asm__ volatile("dsb\n isb" ::: "memory");
#endif
  const volatile uint32_t* from = __data_load;
  for (volatile uint32_t* to = __data_start; to < __data_end; ++to) *to = *from++;
  for (volatile uint32_t* to = __bss_start; to < __bss_end; ++to) *to = 0;
  harness_exit(harness_main());
}

// The program counter at the fault is word 6 of the frame that the core pushed. The stack may be what broke: start a
// new one.
__attribute__((naked)) void Fault_Handler(void) {
  __asm__ volatile(
      "mov r0, sp\n"
      "ldr r1, =__stack_top\n"
      "mov sp, r1\n"
      "ldr r1, =harness_fault\n"
      "bx r1\n"
      ".ltorg");
}

void harness_fault(const uint32_t* frame) {
  harness_puts("fault, program counter (bytes in memory order) ");
  harness_hex(frame + 6, 4);
  harness_exit(139);
}

int harness_semihost(int operation, const void* argument) {
  register int r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

// Branches before both labels: QEMU's translation blocks start there, which is what the plugin looks at.
__attribute__((naked, noinline)) void harness_call(void (*)(void)) {
  __asm__ volatile(
      "push {r4, lr}\n"
      "b harness_begin\n"
      ".global harness_begin\n"
      "harness_begin:\n"
      "blx r0\n"
      ".global harness_end\n"
      "harness_end:\n"
      "pop {r4, pc}");
}

__attribute__((section(".vectors"), used)) void (*const harness_vectors[16])(void) = {
    reinterpret_cast<void (*)(void)>(__stack_top),
    Reset_Handler,
    Fault_Handler,  // NMI
    Fault_Handler,  // HardFault
    Fault_Handler,  // MemManage
    Fault_Handler,  // BusFault
    Fault_Handler,  // UsageFault
    Fault_Handler,  // SecureFault
    nullptr,
    nullptr,
    nullptr,
    Fault_Handler,  // SVCall
    Fault_Handler,  // DebugMonitor
    nullptr,
    Fault_Handler,  // PendSV
    Fault_Handler,  // SysTick
};

}  // extern "C"
