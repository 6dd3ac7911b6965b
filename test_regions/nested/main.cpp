#include <stdio.h>
#include <string.h>
#include "nested.h"
int main() {
  static nested::Arena arena;
  for (;;) {
    memset(&arena, 0xA5, sizeof arena);
    if (fread(nested_input_0(arena.bytes), 1, 6, stdin) != 6) return 0;
    if (fread(nested_input_1(arena.bytes), 1, 48, stdin) != 48) return 0;
    if (fread(nested_input_2(arena.bytes), 1, 8, stdin) != 8) return 0;
    nested_run(arena.bytes);
    fwrite(nested_output_0(arena.bytes), 1, 24, stdout);
  }
}
