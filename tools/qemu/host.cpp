// The harness of harness.h on the machine that runs the compiler: stdio, and a call without measurement.
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

extern "C" {

void harness_puts(const char* text) { fputs(text, stdout); }
void harness_dec(uint32_t value) { printf("%lu", static_cast<unsigned long>(value)); }
void harness_hex(const void* data, size_t bytes) {
  const unsigned char* p = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < bytes; ++i) printf("%02x", static_cast<unsigned>(p[i]));
  putchar('\n');
}
void harness_exit(int code) { exit(code); }
uint32_t harness_measure(void (*run)(void)) {
  run();
  return 0;
}

}  // extern "C"

int main() {
  const int code = harness_main();
  return fflush(stdout) == 0 ? code : 1;
}
