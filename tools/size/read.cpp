// Reads ELF files by LLVM's Object library.
#include <fmt/format.h>
#include <llvm/BinaryFormat/ELF.h>
#include <llvm/Object/Archive.h>
#include <llvm/Object/ELFObjectFile.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "tools/size/measure.h"

namespace burin {
namespace {

using namespace llvm::object;

template <class T>
T must(llvm::Expected<T> e, const std::string& file) {
  if (e) return std::move(*e);
  throw SizeError(fmt::format("'{}': {}", file, llvm::toString(e.takeError())));
}

std::string text(llvm::StringRef s) { return {s.data(), s.size()}; }

ElfImage::Machine machine(unsigned e_machine, bool is64) {
  switch (e_machine) {
    case llvm::ELF::EM_ARM:
      return ElfImage::Machine::arm;
    case llvm::ELF::EM_RISCV:
      return is64 ? ElfImage::Machine::riscv64 : ElfImage::Machine::riscv32;
    case llvm::ELF::EM_X86_64:
      return ElfImage::Machine::x86_64;
    default:
      return ElfImage::Machine::other;
  }
}

/// $a, $t.1, $d, $x: no symbols but marks of what follows.
char mapping_symbol(std::string_view name) {
  if (name.size() < 2 || name[0] != '$' || (name.size() > 2 && name[2] != '.')) return 0;
  return name[1] == 'a' || name[1] == 't' || name[1] == 'd' || name[1] == 'x' ? name[1] : char(0);
}

ElfImage read_object(const ELFObjectFileBase& elf, const std::string& file, const std::string& member) {
  ElfImage image;
  image.object = member;
  image.machine = machine(elf.getEMachine(), elf.getBytesInAddress() == 8);
  image.relocatable = elf.isRelocatableObject();
  image.triple = elf.makeTriple().str();

  std::map<uint64_t, size_t> index;  // of LLVM's section numbers
  uint64_t next = 0x10000;           // where an object's sections, which have no addresses yet, are taken to lie
  for (const ELFSectionRef s : elf.sections()) {
    Section r;
    r.name = text(must(s.getName(), file));
    r.bytes = s.getSize();
    const uint64_t flags = s.getFlags();
    r.loaded = (flags & llvm::ELF::SHF_ALLOC) != 0;
    r.writable = (flags & llvm::ELF::SHF_WRITE) != 0;
    r.executable = (flags & llvm::ELF::SHF_EXECINSTR) != 0;
    r.stored = s.getType() != llvm::ELF::SHT_NOBITS;
    r.address = s.getAddress();
    if (image.relocatable && r.loaded) r.address = next, next += (r.bytes + 63) & ~uint64_t{15};
    if (r.stored && r.loaded) r.contents = text(must(s.getContents(), file));
    index[s.getIndex()] = image.sections.size();
    image.sections.push_back(std::move(r));
  }
  auto place = [&](const ELFSymbolRef& s) -> std::pair<size_t, uint64_t> {  // section and address
    const section_iterator at = must(s.getSection(), file);
    if (at == elf.section_end()) return {SIZE_MAX, 0};
    const auto found = index.find(at->getIndex());
    if (found == index.end()) return {SIZE_MAX, 0};
    uint64_t address = must(s.getAddress(), file);
    if (image.relocatable) address += image.sections[found->second].address - at->getAddress();
    return {found->second, address};
  };

  std::string source;
  for (const ELFSymbolRef s : elf.symbols()) {
    const std::string name = text(must(s.getName(), file));
    if (s.getELFType() == llvm::ELF::STT_FILE) {
      source = name;
      continue;
    }
    if (s.getELFType() == llvm::ELF::STT_SECTION) continue;
    const auto [section, address] = place(s);
    if (section == SIZE_MAX) continue;
    if (const char kind = mapping_symbol(name)) {
      image.marks.push_back({section, address, kind});
      continue;
    }
    if (name.empty()) continue;
    Symbol r;
    r.name = name;
    r.section = section;
    r.address = address;
    r.bytes = s.getSize();
    r.kind = s.getELFType() == llvm::ELF::STT_FUNC     ? Symbol::Kind::function
             : s.getELFType() == llvm::ELF::STT_OBJECT ? Symbol::Kind::object
                                                       : Symbol::Kind::other;
    r.global = s.getBinding() != llvm::ELF::STB_LOCAL;
    r.weak = s.getBinding() == llvm::ELF::STB_WEAK;
    r.thumb = (must(s.getFlags(), file) & SymbolRef::SF_Thumb) != 0;
    if (!r.global) r.file = source;
    image.symbols.push_back(std::move(r));
  }
  auto place_order = [](const auto& x) { return std::tuple(x.section, x.address); };
  std::ranges::stable_sort(image.symbols, {}, place_order);
  std::ranges::stable_sort(image.marks, {}, place_order);

  if (image.relocatable)
    for (const ELFSectionRef s : elf.sections()) {
      const section_iterator to = must(s.getRelocatedSection(), file);
      if (to == elf.section_end()) continue;
      const auto found = index.find(to->getIndex());
      if (found == index.end() || !image.sections[found->second].executable) continue;
      for (const ELFRelocationRef r : s.relocations()) {
        const symbol_iterator symbol = r.getSymbol();
        if (symbol == elf.symbol_end()) continue;
        const ELFSymbolRef target(*symbol);
        auto [section, address] = place(target);
        // Where the relocation itself holds the addend: a target in the middle of a section (x86 counts from the
        // instruction's end).
        if (llvm::Expected<int64_t> addend = r.getAddend())
          address += uint64_t(*addend + (image.machine == ElfImage::Machine::x86_64 ? 4 : 0));
        else llvm::consumeError(addend.takeError());
        image.relocations.push_back({found->second, image.sections[found->second].address + r.getOffset(),
                                     text(must(target.getName(), file)), section, address});
      }
    }
  std::ranges::stable_sort(image.relocations, {}, place_order);

  if (image.machine == ElfImage::Machine::arm) {
    // thumbv7em, armv6m, thumbv8.1m.main... Without attributes ("arm") it is taken for a microcontroller.
    const std::string arch = text(elf.makeTriple().getArchName());
    const size_t v = arch.find('v');
    image.m_profile = v == arch.npos || arch.find('m', v) != arch.npos;
  }
  return image;
}

}  // namespace

std::vector<ElfImage> read_images(const std::string& file) {
  std::vector<ElfImage> images;
  const OwningBinary<Binary> binary = must(createBinary(file), file);
  if (const auto* elf = llvm::dyn_cast<ELFObjectFileBase>(binary.getBinary())) {
    images.push_back(read_object(*elf, file, ""));
  } else if (const auto* archive = llvm::dyn_cast<Archive>(binary.getBinary())) {
    llvm::Error error = llvm::Error::success();
    for (const Archive::Child& child : archive->children(error)) {
      llvm::Expected<std::unique_ptr<Binary>> member = child.getAsBinary();
      if (!member) {  // no object: text, an index
        llvm::consumeError(member.takeError());
        continue;
      }
      if (const auto* object = llvm::dyn_cast<ELFObjectFileBase>(member->get()))
        images.push_back(read_object(*object, file, text(must(child.getName(), file))));
    }
    if (error) throw SizeError(fmt::format("'{}': {}", file, llvm::toString(std::move(error))));
    if (images.empty()) throw SizeError(fmt::format("'{}': the archive holds no ELF object", file));
  } else {
    throw SizeError(fmt::format("'{}' is no ELF program, object or archive", file));
  }
  return images;
}

}  // namespace burin
