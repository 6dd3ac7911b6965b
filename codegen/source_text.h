// Text whose arrays of numbers are spelled as they are written: as text they are several times as large as their bytes.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/program/constant.h"

namespace burin {

class SourceText {
 public:
  SourceText() = default;
  SourceText(std::string text) { add(std::move(text)); }
  SourceText(std::string_view text) : SourceText(std::string(text)) {}

  void add(std::string text) { pieces_.emplace_back(std::move(text)); }
  /// The numbers as spell() writes them.
  void add(Constant array) { pieces_.emplace_back(std::move(array)); }
  void add(const SourceText& other) { pieces_.insert(pieces_.end(), other.pieces_.begin(), other.pieces_.end()); }
  /// Hands the text to `to`, one part after the other; of an array none is large.
  void write(const std::function<void(std::string_view)>& to) const;
  /// All of it in memory.
  std::string str() const;

  using Piece = std::variant<std::string, Constant>;
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  std::vector<Piece> pieces_;
};

}  // namespace burin
