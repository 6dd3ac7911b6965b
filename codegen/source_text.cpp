#include "codegen/source_text.h"

#include "codegen/spelling.h"

namespace burin {

void SourceText::write(const std::function<void(std::string_view)>& to) const {
  for (const Piece& p : pieces_)
    if (const auto* text = std::get_if<std::string>(&p)) to(*text);
    else spell(std::get<Constant>(p), to);
}

std::string SourceText::str() const {
  std::string all;
  write([&](std::string_view part) { all += part; });
  return all;
}

}  // namespace burin
