// Output by semihosting, exit, stack measurement: what is the same on every core. See harness.h.
#include "harness.h"

namespace {

// Operations of Arm's semihosting specification, which RISC-V took over.
constexpr int kWrite0 = 0x04;
constexpr int kExit = 0x18;
constexpr int kExitExtended = 0x20;
constexpr uint32_t kApplicationExit = 0x20026;

constexpr uint32_t kPaint = 0xC5A35A3Cu;

#if defined(__riscv)
constexpr uint32_t kCallFrame = 16;  // what harness_call itself pushes
__attribute__((always_inline)) inline volatile uint32_t* stack_pointer() {
  uintptr_t sp;
  __asm__ volatile("mv %0, sp" : "=r"(sp));
  return reinterpret_cast<volatile uint32_t*>(sp);
}
#else
constexpr uint32_t kCallFrame = 8;
__attribute__((always_inline)) inline volatile uint32_t* stack_pointer() {
  uintptr_t sp;
  __asm__ volatile("mov %0, sp" : "=r"(sp));
  return reinterpret_cast<volatile uint32_t*>(sp);
}
#endif

// Words between the stack pointer and the stack's limit, at most HARNESS_PAINT_BYTES of them.
__attribute__((always_inline)) inline uint32_t paint_words(const volatile uint32_t* top) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(top), limit = reinterpret_cast<uintptr_t>(__stack_limit);
  const uint32_t room = address > limit ? static_cast<uint32_t>(address - limit) : 0;
  return (room < HARNESS_PAINT_BYTES ? room : HARNESS_PAINT_BYTES) / 4;
}

}  // namespace

extern "C" {

void harness_puts(const char* text) { harness_semihost(kWrite0, text); }

void harness_dec(uint32_t value) {
  char text[11];
  char* p = text + sizeof text;
  *--p = '\0';
  do *--p = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  harness_puts(p);
}

// In pieces: each semihosting call costs QEMU a stop, each byte of buffer costs stack.
void harness_hex(const void* data, size_t bytes) {
  const unsigned char* p = static_cast<const unsigned char*>(data);
  char text[129];
  while (bytes != 0) {
    const size_t n = bytes < 64 ? bytes : 64;
    for (size_t i = 0; i < n; ++i) {
      text[2 * i] = "0123456789abcdef"[p[i] >> 4];
      text[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    text[2 * n] = '\0';
    harness_puts(text);
    p += n;
    bytes -= n;
  }
  harness_puts("\n");
}

void harness_exit(int code) {
  const uint32_t extended[2] = {kApplicationExit, static_cast<uint32_t>(code)};
  harness_semihost(kExitExtended, extended);
  harness_semihost(kExit,
                   reinterpret_cast<const void*>(static_cast<uintptr_t>(code == 0 ? kApplicationExit : 0x20023u)));
  for (;;) {
  }
}

// Between reading the stack pointer and harness_call it calls nothing: the painted words are free.
__attribute__((noinline)) uint32_t harness_measure(void (*run)(void)) {
  volatile uint32_t* const top = stack_pointer();
  const uint32_t words = paint_words(top);
  for (volatile uint32_t* p = top - words; p != top; ++p) *p = kPaint;
  harness_call(run);
  const volatile uint32_t* p = top - words;
  while (p != top && *p == kPaint) ++p;
  const uint32_t used = static_cast<uint32_t>(top - p) * 4;
  return used > kCallFrame ? used - kCallFrame : 0;
}

}  // extern "C"
