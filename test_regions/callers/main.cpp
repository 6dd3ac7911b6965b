#include <stdio.h>
#include <string.h>
#include "callers.h"
int main() {
  static callers::Arena arena;
  static uint8_t input_0[1];
  static int32_t input_1[2];
  static int32_t output_0[2];
  for (;;) {
    memset(&arena, 0xA5, sizeof arena);
    if (fread(input_0, 1, 1, stdin) != 1) return 0;
    if (fread(input_1, 1, 8, stdin) != 8) return 0;
    callers_run(arena.bytes, input_0, input_1, output_0);
    fwrite(output_0, 1, 8, stdout);
  }
}
