#include <stdio.h>
#include <string.h>
#include "one_side.h"
int main() {
  static one_side::Arena arena;
  for (;;) {
    memset(&arena, 0xA5, sizeof arena);
    if (fread(one_side_input_0(arena.bytes), 1, 1, stdin) != 1) return 0;
    if (fread(one_side_input_1(arena.bytes), 1, 8, stdin) != 8) return 0;
    one_side_run(arena.bytes);
    fwrite(one_side_output_0(arena.bytes), 1, 8, stdout);
  }
}
