// The four functions that a freestanding compiler may call. In words where both addresses allow it: a test program's
// instruction counts should be those of a usual C library, not of a byte loop. The empty assembly keeps the compiler
// from recognising the loops and turning each into a call of itself.
#include <stddef.h>
#include <stdint.h>

namespace {

typedef uint32_t __attribute__((may_alias)) Word;

inline bool word_aligned(const void* a, const void* b) {
  return ((reinterpret_cast<uintptr_t>(a) | reinterpret_cast<uintptr_t>(b)) & 3u) == 0;
}
inline void keep() { __asm__ volatile("" ::: "memory"); }

}  // namespace

extern "C" {

void* memcpy(void* to, const void* from, size_t bytes) {
  unsigned char* d = static_cast<unsigned char*>(to);
  const unsigned char* s = static_cast<const unsigned char*>(from);
  if (word_aligned(d, s)) {
    Word* dw = reinterpret_cast<Word*>(d);
    const Word* sw = reinterpret_cast<const Word*>(s);
    for (; bytes >= 16; bytes -= 16, dw += 4, sw += 4) {
      const uint32_t a = sw[0], b = sw[1], c = sw[2], e = sw[3];
      dw[0] = a;
      dw[1] = b;
      dw[2] = c;
      dw[3] = e;
      keep();
    }
    for (; bytes >= 4; bytes -= 4) {
      *dw++ = *sw++;
      keep();
    }
    d = reinterpret_cast<unsigned char*>(dw);
    s = reinterpret_cast<const unsigned char*>(sw);
  }
  for (; bytes != 0; --bytes) {
    *d++ = *s++;
    keep();
  }
  return to;
}

void* memmove(void* to, const void* from, size_t bytes) {
  unsigned char* d = static_cast<unsigned char*>(to);
  const unsigned char* s = static_cast<const unsigned char*>(from);
  // Only a destination inside the source's range needs the backward order.
  if (reinterpret_cast<uintptr_t>(d) - reinterpret_cast<uintptr_t>(s) >= bytes) return memcpy(to, from, bytes);
  d += bytes;
  s += bytes;
  if (word_aligned(d, s)) {
    for (; bytes >= 4; bytes -= 4) {
      d -= 4;
      s -= 4;
      *reinterpret_cast<Word*>(d) = *reinterpret_cast<const Word*>(s);
      keep();
    }
  }
  for (; bytes != 0; --bytes) {
    *--d = *--s;
    keep();
  }
  return to;
}

void* memset(void* to, int value, size_t bytes) {
  unsigned char* d = static_cast<unsigned char*>(to);
  const unsigned char byte = static_cast<unsigned char>(value);
  if (word_aligned(d, d)) {
    const uint32_t word = 0x01010101u * byte;
    Word* dw = reinterpret_cast<Word*>(d);
    for (; bytes >= 4; bytes -= 4) {
      *dw++ = word;
      keep();
    }
    d = reinterpret_cast<unsigned char*>(dw);
  }
  for (; bytes != 0; --bytes) {
    *d++ = byte;
    keep();
  }
  return to;
}

int memcmp(const void* left, const void* right, size_t bytes) {
  const unsigned char* a = static_cast<const unsigned char*>(left);
  const unsigned char* b = static_cast<const unsigned char*>(right);
  for (; bytes != 0; --bytes, ++a, ++b) {
    if (*a != *b) return *a < *b ? -1 : 1;
    keep();
  }
  return 0;
}

#if defined(__arm__)
// The Arm run-time ABI's names, which clang calls: no result, and memset takes the size before the value.
void __aeabi_memcpy(void* to, const void* from, size_t bytes) { memcpy(to, from, bytes); }
void __aeabi_memcpy4(void* to, const void* from, size_t bytes) { memcpy(to, from, bytes); }
void __aeabi_memcpy8(void* to, const void* from, size_t bytes) { memcpy(to, from, bytes); }
void __aeabi_memmove(void* to, const void* from, size_t bytes) { memmove(to, from, bytes); }
void __aeabi_memmove4(void* to, const void* from, size_t bytes) { memmove(to, from, bytes); }
void __aeabi_memmove8(void* to, const void* from, size_t bytes) { memmove(to, from, bytes); }
void __aeabi_memset(void* to, size_t bytes, int value) { memset(to, value, bytes); }
void __aeabi_memset4(void* to, size_t bytes, int value) { memset(to, value, bytes); }
void __aeabi_memset8(void* to, size_t bytes, int value) { memset(to, value, bytes); }
void __aeabi_memclr(void* to, size_t bytes) { memset(to, 0, bytes); }
void __aeabi_memclr4(void* to, size_t bytes) { memset(to, 0, bytes); }
void __aeabi_memclr8(void* to, size_t bytes) { memset(to, 0, bytes); }
#endif

}  // extern "C"
