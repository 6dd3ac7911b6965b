#include <stdio.h>
#include <string.h>
#include "scan_external.h"
int main() {
  static scan_external::Arena arena;
  static int32_t input_0[12];
  static int32_t output_0[12];
  for (;;) {
    memset(&arena, 0xA5, sizeof arena);
    if (fread(input_0, 1, 48, stdin) != 48) return 0;
    scan_external_run(arena.bytes, input_0, output_0);
    fwrite(output_0, 1, 48, stdout);
  }
}
