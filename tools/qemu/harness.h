// What a test program needs on a bare core and on the host alike: print, stop, run a function and measure it.
// On a core the text goes to the debugger (QEMU's -semihosting-config) and needs no C library; host.cpp does the same
// with stdio.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Text to the debugger, up to the terminating zero.
void harness_puts(const char* text);
/// An unsigned number in decimal, nothing around it.
void harness_dec(uint32_t value);
/// `bytes` bytes in memory order, two lower-case hexadecimal digits each, then a newline.
void harness_hex(const void* data, size_t bytes);
/// Ends the program; 0 is success. QEMU and the host's shell see the code.
void harness_exit(int code) __attribute__((noreturn));

/// Calls `run` once and returns the bytes of stack that it used, its own and its callees' frames and return addresses.
/// The stack below is painted first; what no longer has the pattern afterwards was used. At most HARNESS_PAINT_BYTES
/// are seen: that value means "this or more". A word that is written with the pattern itself goes unnoticed (1 in
/// 2^32). Under QEMU the plugin counts the instructions of the call: from harness_begin, the call instruction, up to
/// and without harness_end, the return address. So `static void run() { m_run(arena); }` costs 2 to 6 instructions on
/// top of m_run. On the host 0: nothing is measured there.
uint32_t harness_measure(void (*run)(void));

#define HARNESS_PAINT_BYTES 32768u

/// What startup_*.cpp provides to harness.cpp: one semihosting call, the measured call, and this.
int harness_semihost(int operation, const void* argument);
void harness_call(void (*run)(void));
#if defined(__riscv) || defined(__arm__)
extern uint32_t __stack_limit[];  // linker script: the lowest address that the stack may reach
#endif

/// What the program defines; its value is the exit code.
int harness_main(void);

#ifdef __cplusplus
}
#endif
