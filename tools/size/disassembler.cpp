#include "tools/size/disassembler.h"

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

#include "tools/size/measure.h"

namespace burin {
namespace {

struct Isa {
  const char* triple;
  const char* features;
};

/// Everything that a core of the family may have: encodings do not clash.
Isa isa(const ElfImage& image, bool thumb) {
  switch (image.machine) {
    case ElfImage::Machine::arm:
      if (image.m_profile) return {"thumbv8.1m.main-none-eabi", "+mve.fp,+dsp,+fp64,+fullfp16,+8msecext"};
      return thumb ? Isa{"thumbv8a-none-eabi", "+neon"} : Isa{"armv8a-none-eabi", "+neon"};
    case ElfImage::Machine::riscv32:
      return {"riscv32-unknown-elf", "+m,+a,+f,+d,+c"};
    case ElfImage::Machine::riscv64:
      return {"riscv64-unknown-elf", "+m,+a,+f,+d,+c"};
    case ElfImage::Machine::x86_64:
      return {"x86_64-unknown-linux-gnu", ""};
    case ElfImage::Machine::other:
      break;
  }
  throw SizeUnsupported("no disassembler for this kind of core");
}

void initialize_once() {
  static const bool done = [] {
    // Those that this LLVM was built with.
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllDisassemblers();
    return true;
  }();
  (void)done;
}

}  // namespace

struct Disassembler::Core {
  explicit Core(const Isa& isa) {
    initialize_once();
    std::string error;
    const llvm::Target* target = llvm::TargetRegistry::lookupTarget(isa.triple, error);
    if (!target) throw SizeUnsupported(error);
    registers.reset(target->createMCRegInfo(isa.triple));
    const llvm::MCTargetOptions options;
    asm_info.reset(target->createMCAsmInfo(*registers, isa.triple, options));
    subtarget.reset(target->createMCSubtargetInfo(isa.triple, "", isa.features));
    instructions.reset(target->createMCInstrInfo());
    context =
        std::make_unique<llvm::MCContext>(llvm::Triple(isa.triple), asm_info.get(), registers.get(), subtarget.get());
    printer.reset(target->createMCInstPrinter(llvm::Triple(isa.triple), 0, *asm_info, *instructions, *registers));
    llvm_target = target;
    reset();
    if (!disassembler || !printer) throw SizeUnsupported("no disassembler for this kind of core");
  }
  void reset() { disassembler.reset(llvm_target->createMCDisassembler(*subtarget, *context)); }

  const llvm::Target* llvm_target = nullptr;
  std::unique_ptr<llvm::MCRegisterInfo> registers;
  std::unique_ptr<llvm::MCAsmInfo> asm_info;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget;
  std::unique_ptr<llvm::MCInstrInfo> instructions;
  std::unique_ptr<llvm::MCContext> context;
  std::unique_ptr<llvm::MCInstPrinter> printer;
  std::unique_ptr<llvm::MCDisassembler> disassembler;
};

Disassembler::Disassembler(const ElfImage& image) : image_(image) {
  arm_ = std::make_unique<Core>(isa(image, false));
  if (image.machine == ElfImage::Machine::arm) thumb_ = std::make_unique<Core>(isa(image, true));
}
Disassembler::~Disassembler() = default;

std::optional<Instruction> Disassembler::at(uint64_t address, bool thumb, bool fresh) {
  Core& core = thumb && thumb_ ? *thumb_ : *arm_;
  if (fresh) core.reset();
  for (const Section& s : image_.sections) {
    if (!s.executable || address < s.address || address - s.address >= s.contents.size()) continue;
    const std::string_view bytes = std::string_view(s.contents).substr(address - s.address, 16);
    llvm::MCInst inst;
    uint64_t size = 0;
    const auto status = core.disassembler->getInstruction(
        inst, size, llvm::ArrayRef(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), address,
        llvm::nulls());
    if (status == llvm::MCDisassembler::Fail || size == 0) return std::nullopt;
    Instruction r;
    r.address = address;
    r.size = unsigned(size);
    llvm::raw_string_ostream out(r.text);
    core.printer->printInst(&inst, address, "", *core.subtarget, out);
    out.flush();
    for (char& c : r.text)
      if (c == '\t') c = ' ';
    if (const size_t first = r.text.find_first_not_of(' '); first != r.text.npos) r.text.erase(0, first);
    return r;
  }
  return std::nullopt;
}

bool can_read_elf() { return true; }

}  // namespace burin
