#include "codegen/coding.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "runtime-min/kernels/coded.h"

namespace burin {
namespace {

constexpr int kEscape = 256;  // stands for all bytes that have no code
constexpr int kTries = 32;    // numbers of bytes with a code of their own

struct Symbol {
  int value;  // a byte or kEscape
  int64_t count;
  int length = 0;
};

/// The lengths of a code with at most `most` bits a symbol that make the shortest stream (package-merge). Symbols are
/// sorted, the rarest first; at least two, at most 2^most.
void set_lengths(std::vector<Symbol>& symbols, int most) {
  struct Item {
    int64_t count;
    bool leaf;
  };
  std::vector<std::vector<Item>> levels;
  for (int level = 0; level < most; ++level) {
    std::vector<Item> packages, merged;
    for (size_t i = 1; level > 0 && i < levels.back().size(); i += 2)
      packages.push_back({levels.back()[i - 1].count + levels.back()[i].count, false});
    size_t p = 0;
    for (const Symbol& s : symbols) {
      while (p < packages.size() && packages[p].count < s.count) merged.push_back(packages[p++]);
      merged.push_back({s.count, true});
    }
    merged.insert(merged.end(), packages.begin() + std::ptrdiff_t(p), packages.end());
    levels.push_back(std::move(merged));
  }
  // Each level's first items are what the level above packs; each leaf among them is a bit more.
  for (size_t level = levels.size(), taken = 2 * symbols.size() - 2; level-- > 0;) {
    const auto first = levels[level].begin();
    const size_t leaves =
        size_t(std::count_if(first, first + std::ptrdiff_t(taken), [](const Item& i) { return i.leaf; }));
    for (size_t i = 0; i < leaves; ++i) ++symbols[i].length;
    taken = 2 * (taken - leaves);
  }
}

struct Code {
  int bits = 0;
  std::vector<Symbol> symbols;
  int64_t stream = 0;  // bits
  int64_t bytes() const { return (int64_t{2} << bits) + (stream + 7) / 8; }
};

/// The `own` most frequent of the bytes, which are sorted so, have codes; the others follow an escape.
Code code_of(const std::vector<Symbol>& sorted, size_t own, int bits) {
  Code r{bits, {sorted.begin(), sorted.begin() + std::ptrdiff_t(own)}, 0};
  int64_t others = 0;
  for (size_t i = own; i < sorted.size(); ++i) others += sorted[i].count;
  if (others > 0) r.symbols.push_back({kEscape, others});
  std::ranges::stable_sort(r.symbols, {}, &Symbol::count);
  if (r.symbols.size() > 1) set_lengths(r.symbols, bits);
  r.stream = 8 * others;
  for (const Symbol& s : r.symbols) r.stream += s.count * s.length;
  return r;
}

Code best_code(std::span<const uint8_t> bytes) {
  std::array<int64_t, 256> counts{};
  for (const uint8_t b : bytes) ++counts[b];
  std::vector<Symbol> sorted;
  for (int b = 0; b < 256; ++b)
    if (counts[size_t(b)] > 0) sorted.push_back({b, counts[size_t(b)]});
  std::ranges::stable_sort(sorted, std::greater<>(), &Symbol::count);
  Code best = code_of(sorted, 0, 0);  // all of them as they are, behind an escape
  for (int bits = 0; bits <= kCodedBits; ++bits)
    for (size_t i = 1; i <= kTries; ++i) {
      const size_t own = (sorted.size() * i + kTries - 1) / kTries;
      if (own + (own < sorted.size()) > size_t{1} << bits) break;
      if (Code c = code_of(sorted, own, bits); c.bytes() < best.bytes()) best = std::move(c);
    }
  return best;
}

uint32_t reversed(uint32_t code, int length) {
  uint32_t r = 0;
  for (int i = 0; i < length; ++i) r |= (code >> i & 1u) << (length - 1 - i);
  return r;
}

}  // namespace

std::vector<uint16_t> encode(std::span<const uint8_t> bytes) {
  Code code = best_code(bytes);
  // Canonical: shorter codes first. The decoder sees the first bit as the lowest one.
  std::ranges::stable_sort(code.symbols, {}, &Symbol::length);
  std::array<std::pair<uint32_t, int>, 257> words{};  // bits and how many, the byte behind an escape included
  std::vector<uint16_t> r(1 + (size_t{1} << code.bits));
  r[0] = uint16_t((1 << code.bits) - 1);
  uint32_t next = 0;
  int length = 0;
  for (const Symbol& s : code.symbols) {
    next <<= s.length - length;
    length = s.length;
    const uint32_t first = reversed(next++, length);
    words[size_t(s.value)] = {first, length};
    const uint32_t entry = (s.value == kEscape ? kCodedEscape : uint32_t(s.value)) | uint32_t(length) << 8;
    for (uint32_t i = first; i <= r[0]; i += 1u << length) r[1 + i] = uint16_t(entry);
  }
  const auto [escape, escape_length] = words[kEscape];
  const bool escapes = std::ranges::any_of(code.symbols, [](const Symbol& s) { return s.value == kEscape; });
  std::array<bool, 256> own{};
  for (const Symbol& s : code.symbols)
    if (s.value != kEscape) own[size_t(s.value)] = true;
  std::vector<uint8_t> stream(size_t((code.stream + 7) / 8) + 4);  // a load of four bytes may begin at the last bit
  size_t at = 0;
  const auto put = [&](uint32_t value, int count) {
    for (int i = 0; i < count; ++i, ++at) stream[at / 8] = uint8_t(stream[at / 8] | (value >> i & 1u) << at % 8);
  };
  for (const uint8_t b : bytes)
    if (own[b]) put(words[b].first, words[b].second);
    else if (escapes) put(escape, escape_length), put(b, 8);
  for (size_t i = 0; i < stream.size(); i += 2)
    r.push_back(uint16_t(stream[i] | (i + 1 < stream.size() ? stream[i + 1] << 8 : 0)));
  return r;
}

}  // namespace burin
