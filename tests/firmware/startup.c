/* Vectors, and the FPU on before the C library's own start-up. */
#include <stdint.h>

extern uint32_t __stack[];
extern void _start(void);

void Reset_Handler(void) {
  *(volatile uint32_t*)0xE000ED88u |= 0xFu << 20;
  __asm__ volatile("dsb\n isb" ::: "memory");
  _start();
  for (;;) {
  }
}

__attribute__((section(".vectors"), used)) static const void* const vectors[2] = {__stack, (const void*)Reset_Handler};
