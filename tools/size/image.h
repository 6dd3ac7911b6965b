// An ELF object or program as plain data.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace burin {

struct Section {
  std::string name;
  uint64_t address = 0, bytes = 0;
  bool loaded = false;  // takes memory on the device
  bool writable = false, executable = false;
  bool stored = false;   // has contents in the file: takes flash
  std::string contents;  // empty when not stored
};

struct Symbol {
  enum class Kind { function, object, other };
  std::string name;
  std::string file;                 // the source file that a local symbol belongs to, where the symbol table says it
  size_t section = 0;               // index into ElfImage::sections
  uint64_t address = 0, bytes = 0;  // Thumb functions without their low bit
  Kind kind = Kind::other;
  bool global = false, weak = false;
  bool thumb = false;  // a function in Thumb code
};

/// Arm's mapping symbols: where code of one kind begins.
struct CodeMark {
  size_t section;
  uint64_t address;
  char kind;  // 'a' Arm, 't' Thumb, 'd' data
};

/// A branch or call in an object file whose target is a symbol.
struct Relocation {
  size_t section;  // where it applies
  uint64_t address;
  std::string symbol;     // empty: a section
  size_t target_section;  // SIZE_MAX: undefined here
  uint64_t target_address;
};
inline constexpr size_t kUndefined = SIZE_MAX;

struct ElfImage {
  std::string object;  // member of an archive, else empty
  std::string triple;  // of LLVM: "thumbv7em-none-unknown-eabi"
  enum class Machine { arm, riscv32, riscv64, x86_64, other } machine = Machine::other;
  bool relocatable = false;
  bool m_profile = true;  // Arm: a microcontroller core
  std::vector<Section> sections;
  std::vector<Symbol> symbols;          // defined ones, by section and address
  std::vector<CodeMark> marks;          // by section and address
  std::vector<Relocation> relocations;  // of code, by section and address
};

/// Every object in an ELF file or an archive. Throws SizeError, SizeUnsupported.
std::vector<ElfImage> read_images(const std::string& file);

}  // namespace burin
