#include "tools/burin/cli/output.h"

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <system_error>

#include "compiler/text.h"

namespace burin {
namespace {

int failed = 0;  // errno of the first write that did

void write(std::FILE* file, std::string_view text) {
  const std::string safe = printable_lines(text);
  errno = 0;
  if (std::fwrite(safe.data(), 1, safe.size(), file) != safe.size() && file == stdout && !failed) failed = errno;
}

}  // namespace

void write_out(std::string_view text) { write(stdout, text); }
void write_error(std::string_view text) { write(stderr, text); }

bool output_complete() {
  errno = 0;
  std::cout.flush();
  if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && !failed) failed = errno ? errno : EIO;
  if (failed)
    print_error("burin: error: cannot write to the standard output: {} [unwritable-output]\n",
                std::generic_category().message(failed));
  return !failed;
}

}  // namespace burin
