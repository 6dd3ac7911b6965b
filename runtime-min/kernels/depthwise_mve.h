// Depthwise convolution with windows of at most 4x4 for cores with Helium, requantized by RequantKind::vector.
//
// 16 channels at a time are rearranged to strips: a word holds four neighbouring activations of one channel along one
// axis (`across`), and the words of the 16 channels stand side by side, so that four words 64 bytes apart (fewer with
// fewer channels) are a 4x4 patch of one channel: one gathering load, and then one VMLADAV per output. Windows of up to
// 3x3 with stride 1 serve 2x2 outputs with one patch and shifted weights (`pairs`). The other axis (`along`) is the one
// of four outputs in a row; it runs down the image where that wastes fewer results than running to the right (`down`).
// Results beyond the last one are avoided by computing some twice.
//
// Weights: per channel four words, byte i of word k being the weight at `across` i, `along` k; with `pairs` they are
// {0, k = 0, 1, 2}, and four zero words end the array. params: {p0, multiplier} per channel.
#pragma once
#include "runtime-min/kernels/conv.h"
#include "runtime-min/kernels/mve.h"

namespace burin {

/// One axis of the window: outputs, taps, stride, dilation, step between outputs in y.
struct MveAxis {
  int32_t out, taps, stride, dilation, step;
};
BURIN_INLINE constexpr bool mve_depthwise_pairs(const ConvShape& s) {
  return s.kh <= 3 && s.kw <= 3 && s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1;
}
BURIN_INLINE constexpr int32_t mve_depthwise_blocks(int32_t along, int32_t across) {
  return along < 4 ? 1 << 30 : (along + 3) / 4 * ((across + 1) / 2);
}
BURIN_INLINE constexpr bool mve_depthwise_down(const ConvShape& s) {
  return mve_depthwise_blocks(s.oh, s.ow) < mve_depthwise_blocks(s.ow, s.oh);
}
BURIN_INLINE constexpr bool mve_depthwise_serves(const ConvShape& s) {
  return s.kh <= 4 && s.kw <= 4 && s.sh <= 4 && s.sw <= 4 && s.dh <= 4 && s.dw <= 4 && (s.ow >= 4 || s.oh >= 4) &&
         (!mve_depthwise_pairs(s) || (s.ow >= 2 && s.oh >= 2)) &&
         int64_t(s.ow) * s.oc * (mve_depthwise_down(s) ? 4 : 1) + 4 * s.oc < 65536;
}
BURIN_INLINE constexpr MveAxis mve_along(const ConvShape& s, int32_t n) {
  return mve_depthwise_down(s) ? MveAxis{n, s.kh, s.sh, s.dh, s.ow * s.oc} : MveAxis{s.ow, s.kw, s.sw, s.dw, s.oc};
}
BURIN_INLINE constexpr MveAxis mve_across(const ConvShape& s, int32_t n) {
  return mve_depthwise_down(s) ? MveAxis{s.ow, s.kw, s.sw, s.dw, s.oc} : MveAxis{n, s.kh, s.sh, s.dh, s.ow * s.oc};
}
/// Columns of a strip: what the last output's patch touches.
BURIN_INLINE constexpr int32_t mve_strip_columns(const MveAxis& along) {
  return (along.out - 1) * along.stride + 3 * along.dilation + 1;
}
/// Whether a row is filled as if it had pixels of 16 channels.
BURIN_INLINE constexpr bool mve_strip_flat(const ConvShape& s) { return s.ic < 16 && !mve_depthwise_down(s); }
/// Bytes of a column: a word for each channel of a block.
BURIN_INLINE constexpr int32_t mve_line_column(const ConvShape& s) { return s.ic < 16 ? 4 * s.ic : 64; }
BURIN_INLINE constexpr int32_t mve_strip_column(const ConvShape& s) {
  return mve_depthwise_down(s) ? 64 : mve_line_column(s);
}
/// Strips that two lines of output read.
BURIN_INLINE constexpr int32_t mve_strips(const ConvShape& s) { return mve_depthwise_pairs(s) ? 1 : 2; }
/// Bytes of those for n rows of output, with room for columns of fewer channels, which are written as if they had 16.
BURIN_INLINE constexpr int32_t mve_strips_bytes(const ConvShape& s, int32_t n) {
  return mve_strips(s) * mve_strip_columns(mve_along(s, n)) * mve_strip_column(s) + (mve_strip_flat(s) ? 64 : 0);
}
/// Bytes of working memory for n rows of output: strips, padding.
BURIN_INLINE constexpr int32_t depthwise_q8_mve_scratch(const ConvShape& s, int32_t n) {
  return mve_strips_bytes(s, n) + 16;
}
/// Windows that overlap: before two lines are written, what the next two read is in strips of its own.
BURIN_INLINE constexpr bool mve_depthwise_ahead(const ConvShape& s) { return mve_depthwise_pairs(s); }
BURIN_INLINE constexpr int32_t depthwise_in_place_q8_mve_scratch(const ConvShape& s) {
  return mve_strips_bytes(s, s.oh) * (mve_depthwise_ahead(s) ? 2 : 1) + 16;
}

/// `count` columns of 16 channels (of `lanes` of them, the others are anything): bytes i of the words are from x[i],
/// which moves on by s0..s3 from column to column; `even`: these are one constant.
template <class X>
BURIN_INLINE void mve_columns(int8_t* to, const X* const* x, int32_t s0, int32_t s1, int32_t s2, int32_t s3,
                              int32_t count, int32_t lanes, bool even = false) {
  (void)even;
  if (count <= 0) return;
#if BURIN_MVE
  const X *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];
// clang-format off
#define BURIN_MVE_COLUMNS(begin, load, i0, i1, i2, i3, sign, advance, ...)                                             \
  __asm__ volatile(begin                                                                                               \
                   "1:\n\t" load " q0, [%[x0]]" i0 "\n\t" load " q1, [%[x1]]" i1 "\n\t" load " q2, [%[x2]]" i2         \
                   "\n\t" load " q3, [%[x3]]" i3 "\n\t" advance sign                                                   \
                   "vst40.8 {q0, q1, q2, q3}, [%[to]]\n\t"                                                             \
                   "vst41.8 {q0, q1, q2, q3}, [%[to]]\n\t"                                                             \
                   "vst42.8 {q0, q1, q2, q3}, [%[to]]\n\t"                                                             \
                   "vst43.8 {q0, q1, q2, q3}, [%[to]]!\n\t"                                                            \
                   "le lr, 1b\n"                                                                                       \
                   : [to] "+r"(to), [x0] "+r"(x0), [x1] "+r"(x1), [x2] "+r"(x2), [x3] "+r"(x3)                         \
                   : __VA_ARGS__                                                                                       \
                   : "r12", "q0", "q1", "q2", "q3", "q4", "lr", "memory")
// clang-format on
#define BURIN_MVE_STEPS                                                                                                \
  "add %[x0], %[x0], %[s]\n\t"                                                                                         \
  "add %[x1], %[x1], %[s]\n\t"                                                                                         \
  "add %[x2], %[x2], %[s]\n\t"                                                                                         \
  "add %[x3], %[x3], %[s]\n\t"
#define BURIN_MVE_UNEVEN_STEPS                                                                                         \
  "ldr r12, [%[numbers], #8]\n\tadd %[x0], %[x0], r12\n\t"                                                             \
  "ldr r12, [%[numbers], #12]\n\tadd %[x1], %[x1], r12\n\t"                                                            \
  "ldr r12, [%[numbers], #16]\n\tadd %[x2], %[x2], r12\n\t"                                                            \
  "ldr r12, [%[numbers], #20]\n\tadd %[x3], %[x3], r12\n\t"
#define BURIN_MVE_LANES                                                                                                \
  "ldr lr, [%[numbers]]\n\tvctp.8 lr\n\tvmov.i8 q4, %[flip]\n\tldr lr, [%[numbers], #4]\n\tdls lr, lr\n"
#define BURIN_MVE_SIGN                                                                                                 \
  "veor q0, q0, q4\n\t"                                                                                                \
  "veor q1, q1, q4\n\t"                                                                                                \
  "veor q2, q2, q4\n\t"                                                                                                \
  "veor q3, q3, q4\n\t"
  const int32_t numbers[] = {lanes, count, s0, s1, s2, s3};  // in memory: registers are few
  if (even && lanes >= 16 && X(-1) < X(0) && __builtin_constant_p(s0) && s0 < 128) {
    BURIN_MVE_COLUMNS("dls lr, %[count]\n", "vldrb.u8", ", %[s]", ", %[s]", ", %[s]", ", %[s]", "",
                      "", [count] "r"(count), [s] "i"(s0));
  } else if (even && lanes >= 16 && X(-1) < X(0)) {
    BURIN_MVE_COLUMNS("dls lr, %[count]\n", "vldrb.u8", "", "", "", "", "",
                      BURIN_MVE_STEPS, [count] "r"(count), [s] "r"(s0));
  } else if (even) {
    BURIN_MVE_COLUMNS(BURIN_MVE_LANES, "vpst\n\tvldrbt.u8", "", "", "", "", BURIN_MVE_SIGN,
                      BURIN_MVE_STEPS, [numbers] "r"(numbers), [s] "r"(s0), [flip] "i"(X(-1) < X(0) ? 0 : 0x80));
  } else if (lanes >= 16 && X(-1) < X(0)) {
    BURIN_MVE_COLUMNS("ldr lr, [%[numbers], #4]\n\tdls lr, lr\n", "vldrb.u8", "", "", "", "", "",
                      BURIN_MVE_UNEVEN_STEPS, [numbers] "r"(numbers));
  } else {
    BURIN_MVE_COLUMNS(BURIN_MVE_LANES, "vpst\n\tvldrbt.u8", "", "", "", "", BURIN_MVE_SIGN,
                      BURIN_MVE_UNEVEN_STEPS, [numbers] "r"(numbers), [flip] "i"(X(-1) < X(0) ? 0 : 0x80));
  }
#undef BURIN_MVE_LANES
#undef BURIN_MVE_UNEVEN_STEPS
#undef BURIN_MVE_COLUMNS
#undef BURIN_MVE_STEPS
#undef BURIN_MVE_SIGN
#else
  const int32_t step[4] = {s0, s1, s2, s3};
  for (int32_t k = 0; k < count; ++k)
    for (int32_t c = 0; c < lanes && c < 16; ++c)
      for (int32_t i = 0; i < 4; ++i) to[k * 64 + c * 4 + i] = mve_byte(x[i][k * step[i] + c]);
#endif
}

/// Two lines of output of some channels; the assembly knows where what is, and moves y, w and params on.
struct MveStrips {
  alignas(16) uint32_t offsets[4];  // of the eight results from y, 16 bits each
  alignas(16) uint32_t columns[4];  // offsets of four columns of a patch
  const uint32_t* w;
  const int32_t* params;
  void* y;
  int32_t groups;      // whole groups of four outputs along
  int32_t back;        // in y, before the last four outputs if they are no whole group
  int32_t rewind;      // from behind a channel's patches to those of the next one
  const int32_t* end;  // of params
  int32_t along;       // four outputs in y
  int32_t pitch;       // of strips
  const int8_t* strip;
};

#if BURIN_MVE
#define BURIN_MVE_STRIPS_BEGIN                                                                                         \
  "push {r7, r11}\n\t"                                                                                                 \
  "mov r1, %[b]\n\t"                                                                                                   \
  "ldr r9, [r1, #60]\n\t"                                                                                              \
  "ldr r4, [r1, #68]\n\t"                                                                                              \
  "vldrw.u32 q5, [r1, #16]\n\t"                                                                                        \
  "sub r4, r4, %[step]\n\t"                                                                                            \
  "vadd.i32 q5, q5, r4\n\t"                                                                                            \
  "mov r0, %[unit]\n\t"                                                                                                \
  "vdup.32 q7, r0\n\t"
// clang-format off
#define BURIN_MVE_STRIPS_CHANNEL(weights)                                                                              \
  "3:\n\t"                                                                                                             \
  "ldrd r8, r10, [r1, #32]\n\t"                                                                                        \
  "vldrw.u32 q4, [r8], #16\n\t" weights                                                                                \
  "ldrd r3, r11, [r1, #40]\n\t"                                                                                        \
  "ldrd r5, r7, [r10], #8\n\t"                                                                                         \
  "strd r8, r10, [r1, #32]\n\t"                                                                                        \
  "adds r0, r3, #1\n\t"                                                                                                \
  "str r0, [r1, #40]\n"                                                                                                 \
  "1:\n\t"
#define BURIN_MVE_STRIPS_END(move_back)                                                                           \
  BURIN_MVE_GATHER_SUMS                                                                                                \
  "vmlas.s32 q0, q7, r5\n\t"                                                                                           \
  "vmlas.s32 q1, q7, r5\n\t"                                                                                           \
  "vqdmulh.s32 q0, q0, r7\n\t"                                                                                         \
  "vqdmulh.s32 q1, q1, r7\n\t" BURIN_MVE_NARROW("mov r0, %[lo]\n\tvdup.16 q1, r0\n\tvmax.s16 q0, q0, q1\n\t")            \
  "vldrw.u32 q1, [r1]\n\t"                                                                                             \
  "subs r11, r11, #1\n\t"                                                                                              \
  "vstrb.16 q0, [r3, q1]\n\t"                                                                                          \
  "add r3, r3, r9\n\t"                                                                                                 \
  "bgt 1b\n\t"                                                                                                         \
  ".if %c[rest]\n\t"                                                                                                   \
  "blt 2f\n\t"                                                                                                         \
  "ldr r0, [r1, #48]\n\t"                                                                                              \
  "mov r2, %[rest]\n\t"                                                                                                \
  "sub r3, r3, r0\n\t" move_back                                                                                       \
  "b 1b\n"                                                                                                              \
  "2:\n\t"                                                                                                             \
  ".endif\n\t"                                                                                                         \
  "ldrd r2, r0, [r1, #52]\n\t"                                                                                         \
  "ldr r4, [r1, #36]\n\t" move_back                                                                                         \
  "cmp r4, r0\n\t"                                                                                                     \
  "bne 3b\n\t"                                                                                                         \
  "pop {r7, r11}\n\t"
// clang-format on
#endif

/// All outputs of the channels in the strips. `step`: bytes between patches of neighbouring outputs; `rest`: bytes that
/// the last four outputs' patches lie back, 0 if there are only whole groups.
template <class Y>
BURIN_INLINE void mve_strip_outputs(const Requant& q, bool pairs, int32_t step, int32_t rest, MveStrips& b) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(step) && __builtin_constant_p(rest) && __builtin_constant_p(pairs)) {
    if (pairs) {  // weights of the outputs (across, along): q2 0 0, q3 1 0, q4 0 1, q6 1 1
      __asm__ volatile(BURIN_MVE_STRIPS_BEGIN BURIN_MVE_STRIPS_CHANNEL(
                           "vldrw.u32 q2, [r8, #-12]\n\t"
                           "vshl.i32 q6, q4, #8\n\t"
                           "vshl.i32 q3, q2, #8\n\t")
                       "vldrw.u32 q0, [q5, %[step]]!\n\t"
                       "vmladav.s8 r0, q0, q2\n\t"
                       "vldrw.u32 q1, [q5, %[half]]\n\t"
                       "vmladav.s8 r8, q0, q3\n\t"
                       "vmladav.s8 r2, q0, q4\n\t"
                       "vmladav.s8 r10, q0, q6\n\t"
                       "vmladav.s8 r4, q1, q2\n\t"
                       "vmladav.s8 r12, q1, q3\n\t"
                       "vmladav.s8 r6, q1, q4\n\t"
                       "vmladav.s8 lr, q1, q6\n\t"
                       BURIN_MVE_STRIPS_END("vsub.i32 q5, q5, r2\n\t")
                       :
                       : [b] "r"(&b), [rest] "i"(rest), [step] "i"(4 * step), [half] "i"(2 * step), BURIN_MVE_OPERANDS(q, Y)
                       : BURIN_MVE_CLOBBERS);
    } else {
      __asm__ volatile(BURIN_MVE_STRIPS_BEGIN
                       "ldr r5, [r1, #64]\n\t"
                       "vadd.i32 q3, q5, r5\n\t"
                       BURIN_MVE_STRIPS_CHANNEL("")
                       "vldrw.u32 q0, [q5, %[step]]!\n\t"
                       "vldrw.u32 q1, [q3, %[step]]!\n\t"
                       "vmladav.s8 r0, q0, q4\n\t"
                       "vldrw.u32 q0, [q5, %[step]]!\n\t"
                       "vmladav.s8 r8, q1, q4\n\t"
                       "vldrw.u32 q1, [q3, %[step]]!\n\t"
                       "vmladav.s8 r2, q0, q4\n\t"
                       "vldrw.u32 q0, [q5, %[step]]!\n\t"
                       "vmladav.s8 r10, q1, q4\n\t"
                       "vldrw.u32 q1, [q3, %[step]]!\n\t"
                       "vmladav.s8 r4, q0, q4\n\t"
                       "vldrw.u32 q0, [q5, %[step]]!\n\t"
                       "vmladav.s8 r12, q1, q4\n\t"
                       "vldrw.u32 q1, [q3, %[step]]!\n\t"
                       "vmladav.s8 r6, q0, q4\n\t"
                       "vmladav.s8 lr, q1, q4\n\t"
                       BURIN_MVE_STRIPS_END("vsub.i32 q5, q5, r2\n\tvsub.i32 q3, q3, r2\n\t")
                       :
                       : [b] "r"(&b), [rest] "i"(rest), [step] "i"(step), BURIN_MVE_OPERANDS(q, Y)
                       : BURIN_MVE_CLOBBERS);
    }
    return;
  }
#endif
  const int8_t* w = reinterpret_cast<const int8_t*>(b.w);
  const int8_t* strip = b.strip;
  for (Y* first = static_cast<Y*>(b.y); b.params != b.end; b.params += 2, w += 16, ++first, strip -= b.rewind) {
    Y* y = first;
    const int32_t groups = b.groups + (rest > 0 ? 1 : 0);
    for (int32_t g = 0; g < groups; ++g) {
      if (g == b.groups) strip -= rest, y -= b.back;
      for (int32_t i = 0; i < 8; ++i) {
        const int32_t a = i / 2, other = i % 2;
        const int8_t* patch = strip + (pairs ? a / 2 * 2 * step : a * step + other * b.pitch);
        int32_t sum = 0;
        for (int32_t k = 0; k < 16; ++k) {
          const int32_t at = !pairs ? k : k + 4 - a % 2 * 4 - other;  // where the tap of this output is
          if (!pairs || (k % 4 >= other && at < 16)) sum += patch[int32_t(b.columns[k / 4]) + k % 4] * w[at];
        }
        y[b.offsets[a] >> other * 16 & 0xFFFF] = mve_store<Y>(q, b.params, sum);
      }
      strip += 4 * step;
      y += b.along;
    }
  }
}

/// A strip of channels c.. (`lanes` of them are there), so many columns that run `down` or to the right: the words of
/// output b across, `used` of whose bytes meet weights. `edges`: columns of padding are not there yet.
template <class X>
BURIN_INLINE void mve_fill_strip(const ConvShape& s, bool down, int32_t columns, int32_t x_zero, const X* const* rows,
                                 int32_t n, bool even_rows, int32_t used, bool edges, int32_t b, int32_t c,
                                 const X* pad, int8_t* to) {
  const int32_t lanes = s.ic < 16 ? s.ic : 16, column = down ? 64 : mve_line_column(s);
  const int8_t zero = mve_byte(X(x_zero));
  const X* x[4];
  int32_t step[4];
  if (!down) {
    const X* any = nullptr;
    bool all = true;
    for (int32_t i = 0; i < used; ++i) {
      const X* row = rows[b * s.sh + i * s.dh];
      x[i] = row ? row + c : pad;
      step[i] = row ? s.ic : 0;
      if (row) any = x[i];
      else all = false;
    }
    for (int32_t i = used; i < 4; ++i) x[i] = any ? any : pad, step[i] = any ? s.ic : 0;  // meets weights of zero
    const int32_t left = s.pl < columns ? s.pl : columns, inside = s.iw < columns - left ? s.iw : columns - left;
    const bool flat = s.ic < 16;
    const int32_t on = flat ? 16 : s.ic, count = flat ? inside * s.ic / 16 : inside,
                  rest = flat ? inside * s.ic % 16 : 0;
    if (edges) mve_fill(to, zero, left * column);
    int8_t* const at = to + left * column;
    if (all) {
      mve_columns(at, x, on, on, on, on, count, 16, true);
    } else {
      for (int32_t i = 0; i < 4; ++i) step[i] = step[i] ? on : 0;
      mve_columns(at, x, step[0], step[1], step[2], step[3], count, 16);
    }
    if (rest > 0) {
      for (int32_t i = 0; i < 4; ++i) x[i] += count * (all ? on : step[i]);
      mve_columns(at + count * 64, x, 0, 0, 0, 0, 1, rest);
    }
    if (edges || flat) mve_fill(to + (left + inside) * column, zero, (columns - left - inside) * column);
    return;
  }
  const int32_t there = s.rows(n) < columns ? s.rows(n) : columns;
  for (int32_t a = 0; a < there;) {
    if (!rows[a]) {
      mve_fill(to + a * column, zero, column);
      ++a;
      continue;
    }
    bool all = true;
    for (int32_t i = 0; i < 4; ++i) {
      const int32_t at = b * s.sw - s.pl + i * s.dw;
      const bool inside = i < used && at >= 0 && at < s.iw;
      x[i] = inside ? rows[a] + at * s.ic + c : pad;
      all = all && inside;
      step[i] = inside ? s.iw * s.ic : 0;
    }
    int32_t count = 1;
    if (even_rows)
      while (a + count < there && rows[a + count]) ++count;
    if (all) mve_columns(to + a * column, x, s.iw * s.ic, s.iw * s.ic, s.iw * s.ic, s.iw * s.ic, count, lanes, true);
    else mve_columns(to + a * column, x, step[0], step[1], step[2], step[3], count, lanes);
    a += count;
  }
  mve_fill(to + there * column, zero, (columns - there) * column);
}

/// Of two lines of output from `o` on the first: the last ones may begin earlier.
BURIN_INLINE constexpr int32_t mve_first_line(int32_t lines, int32_t o) {
  return o + 2 <= lines ? o : lines > 1 ? lines - 2 : 0;
}

/// One output at a time, for calls of fewer rows than a block makes.
template <class X, class Y>
BURIN_INLINE void mve_depthwise_small(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                      int32_t n, const uint32_t* w, const int32_t* params, Y* y) {
  const bool down = mve_depthwise_down(s);
  const int8_t* weights = reinterpret_cast<const int8_t*>(w) + (mve_depthwise_pairs(s) ? 4 : 0);
  for (int32_t oy = 0; oy < n; ++oy)
    for (int32_t ox = 0; ox < s.ow; ++ox)
      for (int32_t c = 0; c < s.oc; ++c) {
        int32_t sum = 0;
        for (int32_t ky = 0; ky < s.kh; ++ky)
          for (int32_t kx = 0; kx < s.kw; ++kx) {
            const X* row = rows[oy * s.sh + ky * s.dh];
            const int32_t ix = ox * s.sw + kx * s.dw - s.pl;
            const X x = row && ix >= 0 && ix < s.iw ? row[ix * s.ic + c] : X(x_zero);
            sum += mve_byte(x) * weights[c * 16 + (down ? ky * 4 + kx : kx * 4 + ky)];
          }
        *y++ = mve_store<Y>(q, params + 2 * c, sum);
      }
}

/// n rows of output, as conv_q8_ref. `ahead`: the strips of the next two lines are filled before two are written.
template <class X, class Y>
BURIN_INLINE void mve_depthwise(bool ahead, const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  const bool pairs = mve_depthwise_pairs(s), down = mve_depthwise_down(s);
  const MveAxis along = mve_along(s, n), across = mve_across(s, n);
  if (along.out < 4 || (pairs && across.out < 2)) {
    mve_depthwise_small(s, q, x_zero, rows, n, w, params, y);
    return;
  }
  const int32_t column = mve_strip_column(s), pitch = mve_strip_columns(along) * column;
  const int32_t step = along.stride * column, last = along.out % 4 == 0 ? 0 : 4 - along.out % 4;
  const int32_t together = mve_strips(s), other = ahead ? mve_strips_bytes(s, n) : 0;
  int8_t* const strips = static_cast<int8_t*>(scratch);
  X* const pad = reinterpret_cast<X*>(strips + mve_strips_bytes(s, n) + other);
  for (int32_t i = 0; i < 16; ++i) pad[i] = X(x_zero);
  bool even_rows = down;
  for (int32_t i = 1; down && i < s.rows(n); ++i)
    even_rows = even_rows && (!rows[i] || !rows[i - 1] || rows[i] - rows[i - 1] == s.iw * s.ic);
  MveStrips b;
  for (int32_t i = 0; i < 4; ++i) {
    const uint32_t at = uint32_t(i * along.step);
    b.columns[i] = uint32_t(column * i * along.dilation);
    b.offsets[i] = at | (at + uint32_t(across.out > 1 ? across.step : 0)) << 16;
  }
  b.groups = along.out / 4;
  b.rewind = along.out * step - 4;
  b.back = last * along.step;
  b.along = 4 * along.step;
  b.pitch = pitch;
  for (int32_t c = 0; c < s.ic; c += 16) {
    const int32_t first = s.ic < 16 ? 0 : c + 16 <= s.ic ? c : s.ic - 16;  // a last block of 16 begins earlier
    const int32_t end = c + 16 < s.ic ? c + 16 : s.ic;
    b.end = params + 2 * end;
    int8_t *now = strips, *next = strips + other;
    for (int32_t o = ahead ? -2 : 0; o < across.out; o += 2) {
      const int32_t filled = ahead ? o + 2 : o;
      if (filled < across.out) {
        const int32_t at = mve_first_line(across.out, filled);
        for (int32_t k = 0; k < together; ++k)
          mve_fill_strip(s, down, mve_strip_columns(along), x_zero, rows, n, even_rows, across.taps + (pairs ? 1 : 0),
                         true, at + (across.out > 1 ? k : 0), first, pad, next + k * pitch);
      }
      if (o >= 0) {
        b.y = y + mve_first_line(across.out, o) * across.step + c;
        b.w = w + 4 * c;
        b.params = params + 2 * c;
        b.strip = (ahead ? now : next) + (c - first) * 4;
        mve_strip_outputs<Y>(q, pairs, step, last * step, b);
      }
      int8_t* const swapped = now;
      now = next, next = swapped;
    }
  }
}

template <class X, class Y>
BURIN_INLINE void depthwise_q8_mve(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                   int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  mve_depthwise(false, s, q, x_zero, rows, n, w, params, y, scratch);
}

/// The same for a whole image that y may lie on, each channel on itself.
template <class X, class Y>
BURIN_INLINE void depthwise_in_place_q8_mve(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                            int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  mve_depthwise(mve_depthwise_ahead(s), s, q, x_zero, rows, n, w, params, y, scratch);
}

// One line of output at a time, to the right: four columns of a strip are still a patch, which serves two neighbouring
// outputs with windows of up to three columns and stride 1 (`twins`), else one. A block is eight outputs of a channel,
// or all of a line that has fewer. Weights: as above, with twins {0, k = 0, 1, 2}.

BURIN_INLINE constexpr int32_t mve_line_columns(const ConvShape& s) { return (s.ow - 1) * s.sw + 3 * s.dw + 1; }
BURIN_INLINE constexpr bool mve_line_twins(const ConvShape& s) { return s.kw <= 3 && s.sw == 1 && s.dw == 1; }
BURIN_INLINE constexpr bool depthwise_lines_mve_serves(const ConvShape& s) {
  return s.kh <= 4 && s.kw <= 4 && s.sw <= 4 && s.dw <= 4 && s.ow >= 4 && s.oc < 65536 / 8;
}
/// Bytes of working memory: a strip, padding.
BURIN_INLINE constexpr int32_t depthwise_lines_q8_mve_scratch(const ConvShape& s) {
  return mve_line_columns(s) * mve_line_column(s) + (s.ic < 16 ? 64 : 0) + 16;
}

/// All outputs of a line of the channels in the strip, as mve_strip_outputs; `count` (4 to 8) of a block. `one_block`:
/// the line has no others.
template <class Y>
BURIN_INLINE void mve_line_outputs(const Requant& q, bool twins, bool one_block, int32_t step, int32_t count,
                                   int32_t rest, MveStrips& b) {
#if BURIN_MVE
  if (BURIN_MVE_KNOWN(q) && __builtin_constant_p(step) && __builtin_constant_p(count) && __builtin_constant_p(rest) &&
      __builtin_constant_p(twins) && __builtin_constant_p(one_block)) {
// Sums of outputs beyond the last one are the last one's.
#define BURIN_MVE_LINE_SUMS(o4, o5, o6, o7)                                                                            \
  "vmov q0[2], q0[0], r0, r4\n\t"                                                                                      \
  "vmov q0[3], q0[1], r2, r6\n\t"                                                                                      \
  "vmov q1[2], q1[0], " o4 ", " o6                                                                                     \
  "\n\t"                                                                                                               \
  "vmov q1[3], q1[1], " o5 ", " o7 "\n\t"
// clang-format off
#define BURIN_MVE_LINE_BLOCK(products, back)                                                                           \
  __asm__ volatile("push {r7, r11}\n\t"                                                                                \
                   "mov r1, %[b]\n\t"                                                                                  \
                   "ldr r4, [r1, #68]\n\t"                                                                             \
                   "vldrw.u32 q5, [r1, #16]\n\t"                                                                       \
                   "sub r4, r4, %[first]\n\t"                                                                          \
                   "vadd.i32 q5, q5, r4\n\t"                                                                           \
                   "vldrw.u32 q6, [r1]\n\t"                                                                            \
                   "mov r0, %[unit]\n\t"                                                                               \
                   "vdup.32 q7, r0\n\t"                                                                                \
                   "ldrd r9, r11, [r1, #32]\n\t"                                                                       \
                   "ldr r3, [r1, #40]\n\t"                                                                             \
                   "ldr r1, [r1, #56]\n"                                                                                \
                   "1:\n\t" products                                                                                   \
                   "ldrd r5, r7, [r11], #8\n\t"                                                                        \
                   ".if %c[count] == 4\n\t" BURIN_MVE_LINE_SUMS("r6", "r6", "r6", "r6")                                \
                   ".elseif %c[count] == 5\n\t" BURIN_MVE_LINE_SUMS("r8", "r8", "r8", "r8")                            \
                   ".elseif %c[count] == 6\n\t" BURIN_MVE_LINE_SUMS("r8", "r10", "r10", "r10")                         \
                   ".elseif %c[count] == 7\n\t" BURIN_MVE_LINE_SUMS("r8", "r10", "r12", "r12")                         \
                   ".else\n\t" BURIN_MVE_LINE_SUMS("r8", "r10", "r12", "lr")                                           \
                   ".endif\n\t" back                                                                                   \
                   "vmlas.s32 q0, q7, r5\n\t"                                                                          \
                   "vmlas.s32 q1, q7, r5\n\t"                                                                          \
                   "vqdmulh.s32 q0, q0, r7\n\t"                                                                        \
                   "vqdmulh.s32 q1, q1, r7\n\t"                                                                        \
                   BURIN_MVE_NARROW("mov r0, %[lo]\n\tvdup.16 q1, r0\n\tvmax.s16 q0, q0, q1\n\t")                    \
                   "vstrb.16 q0, [r3, q6]\n\t"                                                                         \
                   "add r3, r3, #1\n\t"                                                                                \
                   "cmp r11, r1\n\t"                                                                                   \
                   "bne 1b\n\t"                                                                                        \
                   "pop {r7, r11}\n\t"                                                                                 \
                   :                                                                                                   \
                   : [b] "r"(&b), [first] "i"(twins ? 4 : step), [step] "i"(step), [count] "i"(count),                 \
                     BURIN_MVE_OPERANDS(q, Y)                                                                          \
                   : BURIN_MVE_CLOBBERS)
#define BURIN_MVE_LINE_ONE(number, r, x, next)                                                                         \
  ".if %c[count] > " number "\n\t"                                                                                     \
  ".if %c[count] > " number " + 1\n\t"                                                                                 \
  "vldrw.u32 " next ", [q5, %[step]]!\n\t"                                                                             \
  ".endif\n\t"                                                                                                         \
  "vmladav.s8 " r ", " x ", q4\n\t"                                                                                    \
  ".endif\n\t"
    // clang-format on
    if (one_block && twins) {
      BURIN_MVE_LINE_BLOCK(
          "vldrw.u32 q0, [q5, #4]!\n\t"
          "vldrw.u32 q2, [r9, #4]\n\t"
          "vldrw.u32 q4, [r9], #16\n\t"
          "vmladav.s8 r0, q0, q2\n\t"
          "vldrw.u32 q1, [q5, #2 * %c[step]]\n\t"
          "vmladav.s8 r2, q0, q4\n\t"
          "vmladav.s8 r4, q1, q2\n\t"
          ".if %c[count] > 4\n\t"
          "vldrw.u32 q0, [q5, #4 * %c[step]]\n\t"
          ".endif\n\t"
          "vmladav.s8 r6, q1, q4\n\t"
          ".if %c[count] > 4\n\t"
          "vmladav.s8 r8, q0, q2\n\t"
          ".if %c[count] > 6\n\t"
          "vldrw.u32 q1, [q5, #6 * %c[step]]\n\t"
          ".endif\n\t"
          ".if %c[count] > 5\n\t"
          "vmladav.s8 r10, q0, q4\n\t"
          ".if %c[count] > 6\n\t"
          "vmladav.s8 r12, q1, q2\n\t"
          ".if %c[count] > 7\n\t"
          "vmladav.s8 lr, q1, q4\n\t"
          ".endif\n\t"
          ".endif\n\t"
          ".endif\n\t"
          ".endif\n\t",
          "");
    } else if (one_block) {
      BURIN_MVE_LINE_BLOCK(
          "vldrw.u32 q0, [q5, %[step]]!\n\t"
          "vldrw.u32 q4, [r9], #16\n\t" BURIN_MVE_LINE_ONE("0", "r0", "q0", "q1") BURIN_MVE_LINE_ONE(
              "1", "r2", "q1", "q0") BURIN_MVE_LINE_ONE("2", "r4", "q0", "q1") BURIN_MVE_LINE_ONE("3", "r6", "q1", "q0")
              BURIN_MVE_LINE_ONE("4", "r8", "q0", "q1") BURIN_MVE_LINE_ONE("5", "r10", "q1", "q0")
                  BURIN_MVE_LINE_ONE("6", "r12", "q0", "q1") BURIN_MVE_LINE_ONE("7", "lr", "q1", "q0"),
          "movw r0, #%c[step] * %c[count] - 4\n\t"
          "vsub.i32 q5, q5, r0\n\t");
    } else if (twins) {
      __asm__ volatile(BURIN_MVE_STRIPS_BEGIN BURIN_MVE_STRIPS_CHANNEL("vldrw.u32 q2, [r8, #-12]\n\t")
                       "vldrw.u32 q0, [q5, %[step]]!\n\t"
                       "vmladav.s8 r0, q0, q2\n\t"
                       "vldrw.u32 q1, [q5, %[half]]\n\t"
                       "vmladav.s8 r2, q0, q4\n\t"
                       "vldrw.u32 q0, [q5, %[step]]!\n\t"
                       "vmladav.s8 r4, q1, q2\n\t"
                       "vmladav.s8 r6, q1, q4\n\t"
                       "vldrw.u32 q1, [q5, %[half]]\n\t"
                       "vmladav.s8 r8, q0, q2\n\t"
                       "vmladav.s8 r10, q0, q4\n\t"
                       "vmladav.s8 r12, q1, q2\n\t"
                       "vmladav.s8 lr, q1, q4\n\t"
                       BURIN_MVE_STRIPS_END("vsub.i32 q5, q5, r2\n\t")
                       :
                       : [b] "r"(&b), [rest] "i"(rest), [step] "i"(4 * step), [half] "i"(2 * step), BURIN_MVE_OPERANDS(q, Y)
                       : BURIN_MVE_CLOBBERS);
    } else {
      __asm__ volatile(
          BURIN_MVE_STRIPS_BEGIN BURIN_MVE_STRIPS_CHANNEL("") "vldrw.u32 q0, [q5, %[step]]!\n\t" BURIN_MVE_LINE_ONE(
              "0", "r0", "q0", "q1") BURIN_MVE_LINE_ONE("1", "r2", "q1", "q0") BURIN_MVE_LINE_ONE("2", "r4", "q0", "q1")
              BURIN_MVE_LINE_ONE("3", "r6", "q1", "q0") BURIN_MVE_LINE_ONE("4", "r8", "q0", "q1")
                  BURIN_MVE_LINE_ONE("5", "r10", "q1", "q0") BURIN_MVE_LINE_ONE("6", "r12", "q0", "q1")
                      BURIN_MVE_LINE_ONE("7", "lr", "q1", "q0") BURIN_MVE_STRIPS_END("vsub.i32 q5, q5, r2\n\t")
          :
          : [b] "r"(&b), [rest] "i"(rest), [step] "i"(step), [count] "i"(count), BURIN_MVE_OPERANDS(q, Y)
          : BURIN_MVE_CLOBBERS);
    }
#undef BURIN_MVE_LINE_ONE
#undef BURIN_MVE_LINE_BLOCK
#undef BURIN_MVE_LINE_SUMS
    return;
  }
#endif
  const int8_t* w = reinterpret_cast<const int8_t*>(b.w);
  const int8_t* strip = b.strip;
  for (Y* first = static_cast<Y*>(b.y); b.params != b.end; b.params += 2, w += 16, ++first, strip -= b.rewind) {
    Y* y = first;
    const int32_t groups = one_block ? 1 : b.groups + (rest > 0 ? 1 : 0);
    for (int32_t g = 0; g < groups; ++g) {
      if (g == b.groups) strip -= rest, y -= b.back;
      for (int32_t i = 0; i < count; ++i) {
        const int8_t* patch = strip + (twins ? i / 2 * 2 : i) * step;
        int32_t sum = 0;
        for (int32_t k = 0; k < 16; ++k) {
          const int32_t at = twins && i % 2 == 0 ? k + 4 : k;  // where the tap of this output is
          if (!twins || at < 16) sum += patch[int32_t(b.columns[k / 4]) + k % 4] * w[at];
        }
        y[b.offsets[i % 4] >> i / 4 * 16 & 0xFFFF] = mve_store<Y>(q, b.params, sum);
      }
      strip += count * step;
      y += b.along;
    }
  }
}

/// n rows of output, as conv_q8_ref.
template <class X, class Y>
BURIN_INLINE void depthwise_lines_q8_mve(const ConvShape& s, const Requant& q, int32_t x_zero, const X* const* rows,
                                         int32_t n, const uint32_t* w, const int32_t* params, Y* y, void* scratch) {
  const bool twins = mve_line_twins(s);
  const int32_t column = mve_line_column(s), step = s.sw * column, count = s.ow < 8 ? s.ow : 8;
  const int32_t last = s.ow % count == 0 ? 0 : count - s.ow % count;
  int8_t* const strip = static_cast<int8_t*>(scratch);
  X* const pad = reinterpret_cast<X*>(strip + depthwise_lines_q8_mve_scratch(s) - 16);
  for (int32_t i = 0; i < 16; ++i) pad[i] = X(x_zero);
  MveStrips b;
  for (int32_t i = 0; i < 4; ++i) {
    const int32_t other = i + 4 < count ? i + 4 : count - 1;
    b.columns[i] = uint32_t(column * i * s.dw);
    b.offsets[i] = uint32_t(i * s.oc) | uint32_t(other * s.oc) << 16;
  }
  b.groups = s.ow / count;
  b.rewind = s.ow * step - 4;
  b.back = last * s.oc;
  b.along = count * s.oc;
  b.pitch = 0;
  for (int32_t oy = 0; oy < n; ++oy, y += s.ow * s.oc)
    for (int32_t c = 0; c < s.ic; c += 16) {
      const int32_t first = s.ic < 16 ? 0 : c + 16 <= s.ic ? c : s.ic - 16;  // a last block of 16 begins earlier
      mve_fill_strip(s, false, mve_line_columns(s), x_zero, rows, n, false, s.kh, oy == 0 && c == 0, oy, first, pad,
                     strip);
      b.y = y + c;
      b.w = w + 4 * c;
      b.params = params + 2 * c;
      b.end = params + 2 * (c + 16 < s.ic ? c + 16 : s.ic);
      b.strip = strip + (c - first) * 4;
      mve_line_outputs<Y>(q, twins, s.ow == count, step, count, last * step, b);
    }
}

}  // namespace burin
