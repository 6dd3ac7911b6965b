#include "tools/burin/cli/tool_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace burin {
namespace {

constexpr Tool kTools[] = {
    {"g++", "C++ for this computer", "g++"},
    {"arm-none-eabi-g++", "C++ for Cortex-M", "gcc-arm-none-eabi"},
    {"clang++", "C++ for the Cortex-M85", "clang-19"},
    {"riscv64-unknown-elf-g++", "C++ for RISC-V", "gcc-riscv64-unknown-elf"},
    {"qemu-system-arm", "runs Cortex-M code", "qemu-system-arm"},
    {"qemu-system-riscv32", "runs RISC-V code", "qemu-system-misc (from Debian 13 on: qemu-system-riscv)"},
    {"cc", "counts instructions in QEMU", "gcc"},
    {"nm", "counts instructions in QEMU", "binutils"},
    {"llvm-mca", "cycles of M7, M55, M85", "llvm-19"},
};

std::string_view first(std::string_view names) { return names.substr(0, names.find(' ')); }

}  // namespace

Tool tool_of(std::string_view names) {
  std::string_view base = first(names);
  if (const size_t digits = base.find_last_not_of("0123456789"); digits != base.npos && base[digits] == '-')
    base = base.substr(0, digits);
  const Tool* t = std::ranges::find(kTools, base, &Tool::program);
  return t == std::end(kTools) ? Tool{base, "", ""} : *t;
}

std::string how_to_install(std::string_view names) {
  const Tool t = tool_of(names);
  return t.package.empty() ? "" : fmt::format("apt install {}", t.package);
}

std::string missing_tool(std::string_view names) {
  const std::string install = how_to_install(names);
  return fmt::format("'{}' is not installed{}{}", first(names), install.empty() ? "" : ": ", install);
}

}  // namespace burin
