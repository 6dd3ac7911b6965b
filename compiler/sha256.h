#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace burin {

/// SHA-256 (FIPS 180-4) of everything that is added, one after the other.
class Sha256 {
 public:
  void add(std::string_view data);
  /// In lower-case hexadecimal.
  std::string hex() const;

 private:
  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint64_t size_ = 0;
  std::string rest_;  // less than a block
};

/// Of `data` alone.
std::string sha256(std::string_view data);

}  // namespace burin
