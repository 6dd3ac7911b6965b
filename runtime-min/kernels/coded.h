// Bytes that are stored in fewer bits: a prefix code, its table, and what decodes them (codegen/coding.h makes them).
//
// In halfwords: 2^bits - 1; 2^bits entries of the table; the stream, its first bit the lowest one of its first byte. An
// entry is for all streams that begin with its index: the byte, in bits 8 to 11 how many bits its code has, at most 8,
// and with kCodedEscape that the byte itself follows in eight bits. Behind the stream lie bytes that loads may touch.
#pragma once
#include "runtime-min/base.h"

namespace burin {

constexpr uint32_t kCodedEscape = 0x8000u;
/// Most bits of a code: three of them are in 32 bits less those of the first byte that are done.
constexpr int32_t kCodedBits = 8;

BURIN_INLINE uint32_t coded_length(uint32_t entry) { return entry >> 8 & 15u; }

/// The next n bytes, from bit `at` of the stream on; returns the bit behind them.
BURIN_SHARED uint32_t decode(const uint16_t* coded, uint32_t at, uint8_t* to, int32_t n) {
  const uint32_t mask = coded[0];
  const uint16_t* const table = coded + 1;
  const uint8_t* const stream = reinterpret_cast<const uint8_t*>(table + mask + 1);
  uint8_t *const end = to + n, *const threes = to + (n > 2 ? n - 2 : 0);
  while (to != end) {
    for (; to < threes; to += 3) {
      const uint32_t bits = load32(stream + (at >> 3)) >> (at & 7u);
      const uint32_t e0 = table[bits & mask], n0 = coded_length(e0), bits1 = bits >> n0;
      const uint32_t e1 = table[bits1 & mask], n1 = coded_length(e1);
      const uint32_t e2 = table[bits1 >> n1 & mask];
      if (((e0 | e1 | e2) & kCodedEscape) != 0) break;
      to[0] = uint8_t(e0), to[1] = uint8_t(e1), to[2] = uint8_t(e2);
      at += n0 + n1 + coded_length(e2);
    }
    // One by one to the escape, or to the end.
    for (uint32_t escape = 0; to != end && escape == 0;) {
      const uint32_t bits = load32(stream + (at >> 3)) >> (at & 7u);
      const uint32_t e = table[bits & mask], length = coded_length(e);
      escape = e & kCodedEscape;
      *to++ = uint8_t(escape != 0 ? bits >> length : e);
      at += length + (escape != 0 ? 8u : 0u);
    }
  }
  return at;
}

}  // namespace burin
