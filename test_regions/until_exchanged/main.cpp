#include <stdio.h>
#include <string.h>
#include "until_exchanged.h"
int main() {
  static until_exchanged::Arena arena;
  for (;;) {
    memset(&arena, 0xA5, sizeof arena);
    if (fread(until_exchanged_input_0(arena.bytes), 1, 1, stdin) != 1) return 0;
    if (fread(until_exchanged_input_1(arena.bytes), 1, 4, stdin) != 4) return 0;
    if (fread(until_exchanged_input_2(arena.bytes), 1, 4, stdin) != 4) return 0;
    if (fread(until_exchanged_input_3(arena.bytes), 1, 4, stdin) != 4) return 0;
    until_exchanged_run(arena.bytes);
    fwrite(until_exchanged_output_0(arena.bytes), 1, 4, stdout);
  }
}
