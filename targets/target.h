// What the compiler knows of a core. Every fact is in targets/NAME.target; this only reads it.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace burin {

struct Target {
  std::string name;
  std::string compiler;                                  // "arm-none-eabi-g++"
  std::string flags;                                     // of the compiler
  std::set<std::string, std::less<>> isa;                // features that kernels may ask for: "dsp", "mve", ...
  std::string guard;                                     // preprocessor condition of the core, empty: none
  std::string qemu;                                      // machine, empty: cannot be run
  std::map<std::string, std::string, std::less<>> keys;  // everything else, as it stands in the file
  std::map<std::string, double, std::less<>> cycles;     // of one instruction: "load", "mac", ...

  bool has(std::string_view feature) const { return feature.empty() || isa.count(feature) > 0; }
  std::string key(std::string_view k) const;
  double cost(std::string_view instruction) const;  // 1 where the table says nothing
  /// Cycles that the core waits for each byte of constants that it reads in flash; 0 where the file says nothing.
  double flash_stall() const;
};

/// All targets, in the order of their names. They are part of the program.
const std::vector<Target>& targets();
/// Null for an unknown name.
const Target* find_target(std::string_view name);
/// One target file. Throws std::invalid_argument naming the line.
Target parse_target(std::string_view text);

}  // namespace burin
