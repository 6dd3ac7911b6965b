#include <stdio.h>
#include <string.h>
#include "until_in_place.h"
int main() {
  static until_in_place::Arena arena;
  for (;;) {
    memset(&arena, 0xA5, sizeof arena);
    if (fread(until_in_place_input_0(arena.bytes), 1, 1, stdin) != 1) return 0;
    if (fread(until_in_place_input_1(arena.bytes), 1, 4, stdin) != 4) return 0;
    if (fread(until_in_place_input_2(arena.bytes), 1, 4, stdin) != 4) return 0;
    if (fread(until_in_place_input_3(arena.bytes), 1, 4, stdin) != 4) return 0;
    until_in_place_run(arena.bytes);
    fwrite(until_in_place_output_0(arena.bytes), 1, 4, stdout);
  }
}
