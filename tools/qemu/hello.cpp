// The self-test's program: known output, known stack, an instruction count that can be checked by hand, .data and .bss.
#include "harness.h"

static uint32_t sum;                    // .bss
static volatile uint32_t start = 1000;  // .data; volatile, or it would become a constant
static float scaled;

// 512 bytes of stack and 100 rounds of the loop; floating point, so that an FPU that is off shows.
__attribute__((noinline)) static void work() {
  volatile unsigned char buffer[512];
  for (unsigned i = 0; i < sizeof buffer; ++i) buffer[i] = static_cast<unsigned char>(i);
  sum = start;
  for (unsigned i = 0; i < 100; ++i) sum += buffer[i];
  scaled = static_cast<float>(sum) * 0.5f;
}

extern "C" int harness_main(void) {
  if (sum != 0 || start != 1000) return 1;
  const uint32_t stack = harness_measure(work);
  harness_puts("hello ");
  harness_dec(sum);
  harness_puts(" ");
  harness_dec(static_cast<uint32_t>(scaled));
  harness_puts(" stack ");
  harness_dec(stack);
  harness_puts("\n");
  const unsigned char bytes[70] = {0x00, 0x7F, 0x80, 0xFF};
  harness_hex(bytes, sizeof bytes);
  return 42;
}
