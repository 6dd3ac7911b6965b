// Prints the model's answer to every input, "x y" per line: the same program as firmware and on the host.
#include <cstdio>

#include "sine.h"
#include "small.h"

static sine::Arena arena;
alignas(SMALL_ARENA_ALIGN) static unsigned char small_arena[SMALL_ARENA_BYTES + 1];  // may need none

int main() {
  for (int x = -128; x < 128; ++x) {
    sine_input_0(&arena)[0] = static_cast<int8_t>(x);
    sine_run(&arena);
    const int y = sine_output_0(&arena)[0];

    // A second model in the same program, with the caller's buffers.
    const int8_t in = static_cast<int8_t>(x);
    int8_t out = 0;
    small_run(small_arena, &in, &out);
    if (out != y) {
      std::printf("input %d: %d, but %d with --optimize size\n", x, y, out);
      return 1;
    }
    std::printf("%d %d\n", x, y);
  }
  return 0;
}
