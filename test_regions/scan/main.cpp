#include <stdio.h>
#include <string.h>
#include "scan.h"
int main() {
  static scan::Arena arena;
  for (;;) {
    memset(&arena, 0xA5, sizeof arena);
    if (fread(scan_input_0(arena.bytes), 1, 48, stdin) != 48) return 0;
    scan_run(arena.bytes);
    fwrite(scan_output_0(arena.bytes), 1, 48, stdout);
  }
}
