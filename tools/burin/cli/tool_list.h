// The programs that Burin starts. They are called by names in order of preference, "clang++-19 clang++-18 clang++", as
// the keys `compiler`, `linker` and `qemu-binary` of targets are; the first one installed is taken.
#pragma once
#include <string>
#include <string_view>

namespace burin {

struct Tool {
  std::string_view program;  // without a version: clang++ stands for clang++-19, too
  std::string_view about;
  std::string_view package;  // of Debian and Ubuntu
};

// Those of this computer, whatever the target is.
inline constexpr const char* kCounterCompiler = "cc gcc clang";  // builds tools/qemu/roi.c
inline constexpr const char* kSymbolLister = "nm llvm-nm arm-none-eabi-nm";
inline constexpr const char* kCycleEstimator =
    "llvm-mca-19 llvm-mca-18 llvm-mca-17 llvm-mca-16 llvm-mca-15 llvm-mca-14 llvm-mca";

/// By the first of the names; without a package where the list does not have it.
Tool tool_of(std::string_view names);
/// "'qemu-system-arm' is not installed: apt install qemu-system-arm"
std::string missing_tool(std::string_view names);
/// The end of it: "apt install qemu-system-arm", or empty.
std::string how_to_install(std::string_view names);
/// What to do about ToolError, whichever it is.
inline constexpr const char* kAskDoctor = "`burin doctor` says which tools work and what to install";

}  // namespace burin
