// In place of read.cpp, disassembler.cpp and dwarf.cpp where LLVM was not found at configure time.
#include "tools/size/disassembler.h"
#include "tools/size/measure.h"

namespace burin {

namespace {
[[noreturn]] void unsupported() {
  throw SizeUnsupported(
      "this burin was built without LLVM and cannot read ELF files; install llvm-dev (14 to 19) and build it again");
}
}  // namespace

struct Disassembler::Core {};
Disassembler::Disassembler(const ElfImage& image) : image_(image) { unsupported(); }
Disassembler::~Disassembler() = default;
std::optional<Instruction> Disassembler::at(uint64_t, bool, bool) { unsupported(); }

bool can_read_elf() { return false; }
std::vector<ElfImage> read_images(const std::string&) { unsupported(); }

}  // namespace burin
