// Files of this repository that are part of the program: kernels, targets, and what runs generated code in QEMU.
#pragma once
#include <span>
#include <string_view>

namespace burin {

struct EmbeddedFile {
  std::string_view path;  // from the repository root
  std::string_view text;
};
std::span<const EmbeddedFile> embedded_files();
/// Throws InternalError for a path that is not embedded.
std::string_view embedded(std::string_view path);

}  // namespace burin
