// Kernel headers as they go into generated code.
#pragma once
#include <set>
#include <string>

namespace burin {

struct KernelSource {
  std::string preamble;  // macros and includes, for global scope
  std::string body;      // namespace burin { ... }, to be put into the model's namespace
};
/// The headers (names in runtime-min/kernels) and all that they include, verbatim, each once, in order of need.
KernelSource kernel_source(const std::set<std::string>& headers);
/// The same without those in `printed` (paths), which gets the others.
KernelSource kernel_source(const std::set<std::string>& headers, std::set<std::string>& printed);

}  // namespace burin
