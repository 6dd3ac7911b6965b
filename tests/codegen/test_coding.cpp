// Bytes stored in fewer bits: what is decoded is what was encoded, within bounds, in runs of every length.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "codegen/coding.h"
#include "runtime-min/kernels/coded.h"
#include "tests/catch.h"

namespace burin {
namespace {

using Bytes8 = std::vector<uint8_t>;

/// Decoded in runs of `run` bytes, with guards around each.
Bytes8 decoded(const std::vector<uint16_t>& coded, size_t n, size_t run) {
  Bytes8 r;
  uint32_t at = 0;
  while (r.size() < n) {
    const size_t count = std::min(run, n - r.size());
    Bytes8 to(count + 2, 0xEE);
    at = decode(coded.data(), at, to.data() + 1, int32_t(count));
    REQUIRE(to.front() == 0xEE);
    REQUIRE(to.back() == 0xEE);
    r.insert(r.end(), to.begin() + 1, to.end() - 1);
  }
  // Each load of four bytes lies inside, the last one too.
  const size_t table = 2 * (size_t{2} + coded[0]);
  REQUIRE(table + at / 8 + 4 <= 2 * coded.size());
  return r;
}

void check(const Bytes8& bytes) {
  const std::vector<uint16_t> coded = encode(bytes);
  for (const size_t run : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{640}})
    REQUIRE(decoded(coded, bytes.size(), run) == bytes);
  // Never more than the bytes as they are, the table of one entry and what loads may touch.
  REQUIRE(2 * coded.size() <= bytes.size() + 10);
}

Bytes8 made(size_t n, auto&& byte) {
  Bytes8 r(n);
  std::ranges::generate(r, byte);
  return r;
}

TEST_CASE("what is decoded is what was encoded", "[coding]") {
  std::mt19937 random(1);
  const auto any = [&] { return uint8_t(random()); };
  std::normal_distribution<> bell(0, 12);
  for (size_t n = 0; n < 40; ++n) check(made(n, any));
  for (const size_t n : {1000, 4096, 5003}) {
    check(made(n, any));
    check(Bytes8(n, 0));
    check(Bytes8(n, 255));
    check(made(n, [&] { return uint8_t(random() % 2 ? 7 : 200); }));
    check(made(n, [&] { return uint8_t(int(std::clamp(bell(random), -128.0, 127.0))); }));
    check(made(n, [&] { return random() % 50 ? uint8_t(0) : any(); }));  // rare ones: escapes
  }
  Bytes8 all(256);
  std::iota(all.begin(), all.end(), uint8_t(0));
  check(all);
  // As skewed as counts can be: codes would be longer than the table has bits.
  Bytes8 skewed;
  for (size_t b = 0, count = 1, next = 1; b < 20; ++b, std::swap(count, next), next += count)
    skewed.insert(skewed.end(), count, uint8_t(b));
  check(skewed);
  std::ranges::shuffle(skewed, random);
  check(skewed);
  // A rare byte in front, at the end, and many of them in a row.
  for (const size_t at : {size_t{0}, size_t{1}, size_t{998}, size_t{999}}) {
    Bytes8 one(1000, 3);
    one[at] = 77;
    check(one);
  }
  Bytes8 row = made(6000, [&] { return uint8_t(random() % 3); });
  for (size_t i = 0; i < 256; ++i) row[3000 + i] = uint8_t(i);
  check(row);
}

TEST_CASE("codes are about as short as the bytes allow", "[coding]") {
  CHECK(encode(Bytes8(100000, 9)).size() <= 4);  // one value: no bits
  std::mt19937 random(1);
  std::normal_distribution<> bell(0, 12);
  const Bytes8 bytes = made(80000, [&] { return uint8_t(int(std::clamp(bell(random), -128.0, 127.0))); });
  double entropy = 0;
  for (int b = 0; b < 256; ++b)
    if (const double p = double(std::ranges::count(bytes, uint8_t(b))) / double(bytes.size()); p > 0)
      entropy -= p * std::log2(p) / 8;
  const double part = 2 * double(encode(bytes).size()) / double(bytes.size());
  CHECK(part > entropy);
  CHECK(part < entropy + 0.02);
  CHECK(encode(bytes) == encode(bytes));
}

}  // namespace
}  // namespace burin
