"""mutations.py --work DIR [--source ROOT] [--cases N] [--kernels WORD...] [--columns WORD...]: does the oracle notice a broken kernel?

Copies the tracked files of ROOT (all, if it is no git work tree) to DIR, and for each mutation of MUTATIONS breaks every kernel that has such a thing
(those on 8-bit integers, and those on floats that need an FPU or Helium), builds `burin` there, and runs the oracle's cases grouped by the kernel that serves them: generated code on the host (kernels for
cores with DSP: their C twins; for Helium and ARMv6-M: in QEMU). Prints a markdown table; exits 1 if a mutation that applies to a kernel
fails no case, or if a case fails in the unbroken build.

Then the same for what the compiler thinks of stored integers (STORED), with all `stored_*` cases.

A case counts for a kernel only if no other kernel that it runs is broken by the same build. N: most cases for one kernel.
WORD: only kernels or columns whose names contain one of them.
mutations.py --check [--source ROOT]: only whether every text that the mutations replace is there, once, and every cell of the table
has a mutation or a reason, for all those kernels of codegen/kernels.inc.

Wrong padding: 0 in place of the zero point, in float layers what lay in memory before. Wrong bias: in a scale of sx * sw, in float layers none.
"""
import argparse
import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))

REF = "conv_q8_ref conv_q8_w16_ref"
PLAIN = "conv_q8_plain depthwise_q8_plain"
HS = "conv_q8_dsp pointwise_q8_dsp dense_q8_dsp dense_one_q8_dsp dense_sparse_q8_dsp depthwise_q8_dsp depthwise_any_q8_dsp winograd_q8_dsp winograd_q8_w8_dsp"
DEPTHWISE_MVE = "depthwise_q8_mve depthwise_in_place_q8_mve"
MVE_SIGNED = f"conv_q8_mve conv_rows_q8_mve conv_strips_q8_mve pointwise_q8_mve dense_q8_mve {DEPTHWISE_MVE} depthwise_lines_q8_mve"
MVE = f"{MVE_SIGNED} depthwise_any_q8_mve"
TAPS = "depthwise_taps_q8_dsp depthwise_w16_q8_dsp"
CONV = f"{REF} {PLAIN} {HS} pointwise_sparse_q8 dense_coded_q8 conv_q8_w16_dsp conv_few_q8_dsp {TAPS} {MVE}"
POOLS = "pool_average_q8_ref pool_average_q8_dsp pool_average_q8_mve pool_rows_q8_ref pool_rows_q8_dsp pool_rows_q8_mve"
SUMS = f"{POOLS} reduce_sum_q8 matmul_q8_ref mul_q8 mul_q8_mve"
TABLES = "extreme_q8 extreme_q8_mve pool_max_ref reduce_extreme_q8"  # to another scale
PAIRS = "add_q8 mul_q8 extreme_q8"
FPU = "conv_f32_fpu winograd_f32_fpu pointwise_f32_fpu dense_f32_fpu depthwise_f32_fpu"
MVE_FLOAT = "conv_f32_mve winograd_f32_mve pointwise_f32_mve dense_f32_mve depthwise_f32_mve"
FLOATS = f"{FPU} {MVE_FLOAT} binary_f32_mve pool_average_f32_mve pool_rows_f32_mve"
KERNELS = f"{CONV} {POOLS} reduce_sum_q8 matmul_q8_ref {PAIRS} add_q8_mve mul_q8_mve extreme_q8_mve lut_q8 lut_q8_mve pool_max_ref reduce_extreme_q8 softmax_q8 quantize_f32 dequantize_f32 movement {FLOATS}".split()

K = "runtime-min/kernels/"

# Takes exact halves up and nothing else over a rounding boundary: those lie at multiples of 1 / (2 * denominator).
UP = "[](const Rational& v) { return Rational(v + Rational(1, 4) / v.get_den()); }"

# Mutation -> patches (file, text, what replaces it, kernels that it breaks). Kernels of floats are named where a patch breaks them too.
HALF_UP = [
    ("compiler/numerics/functions.cpp", "quantize_exactly(f(real_value(x, stored)) / y.scale,",
     f"quantize_exactly({UP}(f(real_value(x, stored)) / y.scale),", "lut_q8 lut_q8_mve"),
    ("compiler/numerics/requantize_steps.cpp", "quantize_exactly(channel.scale * Rational(mpz_class(long(acc))) + channel.offset,",
     f"quantize_exactly({UP}(channel.scale * Rational(mpz_class(long(acc))) + channel.offset),", TABLES),
    ("compiler/numerics/requantize_steps.cpp", "exact && !odd ? quotient", "exact ? quotient", f"{CONV} {SUMS}"),
    ("compiler/numerics/pairs.cpp", "      if (remainder == 0 && (q & 1)) --q;\n", "", "add_q8 add_q8_mve"),
    (K + "quantize.h", "int32_t(rint_f32(v))", "int32_t(double(v) + 16777216.5) - 16777216", "quantize_f32"),
]
ZERO_DROPPED = [
    (K + "conv.h", "acc += (px[c] - x_zero) * pw[c];", "acc += px[c] * pw[c];", REF),
    (K + "dense.h", "acc += (x[p * s.in + k] - x_zero) * w", "acc += x[p * s.in + k] * w", REF),
    ("codegen/layers/conv_pack.cpp", "c.x == DType::u8 ? c.x_zero - 128 : c.x_zero;", "c.x == DType::u8 ? -128 : 0;", f"{HS} conv_q8_w16_dsp {MVE_SIGNED}"),
    ("codegen/layers/conv_pack_mve.cpp", "MveStream m(c, c.x_zero);", "MveStream m(c, 0);", "depthwise_any_q8_mve"),
    ("codegen/layers/conv_pack.cpp", "-unit * int64_t{zero} *", "0 * int64_t{zero} * unit *", f"{PLAIN} depthwise_q8_dsp depthwise_any_q8_dsp depthwise_taps_q8_dsp winograd_q8_dsp winograd_q8_w8_dsp conv_q8_w16_dsp conv_few_q8_dsp pointwise_sparse_q8 dense_coded_q8"),
    ("codegen/layers/conv_pack.cpp", "int32_t(-c.x_zero * std", "int32_t(0 * -c.x_zero * std", "depthwise_w16_q8_dsp"),
    (K + "pool.h", "{ acc += x[c] - x_zero; }", "{ acc += x[c]; }", "pool_average_q8_ref"),
    (K + "pool_dsp.h", "const int32_t zeros = cells * zero;", "const int32_t zeros = 0 * zero;", "pool_average_q8_dsp"),
    (K + "pool_mve.h", "sums[i] - cells * x_zero));", "sums[i]));", "pool_average_q8_mve"),
    (K + "pool_rows.h", "first == 0 ? -cells * x_zero :", "first == 0 ? 0 * -cells * x_zero :", "pool_rows_q8_ref"),
    (K + "pool_rows_dsp.h", "first == 0 ? -cells * zero :", "first == 0 ? 0 * -cells * zero :", "pool_rows_q8_dsp"),
    (K + "pool_rows_mve.h", "sums[i] - cells * x_zero));", "sums[i]));", "pool_rows_q8_mve"),
    (K + "reduce.h", "{ acc += v - x_zero; }", "{ acc += v; }", "reduce_sum_q8"),
    (K + "matmul.h", "(a[at + i * s.k + k] - a_zero)", "a[at + i * s.k + k]", "matmul_q8_ref"),
    (K + "binary.h", "(int32_t(p) - a_zero)", "int32_t(p)", "mul_q8"),
    ("compiler/ops/binary.cpp", "const Argument a_zero = a.quant.zero_point[0],", "const Argument a_zero = 0 * a.quant.zero_point[0],", "mul_q8_mve"),
    ("compiler/numerics/pairs.cpp", "2 * (K * mpz_class(long(a) - zx)", "2 * (K * mpz_class(long(a))", "add_q8 add_q8_mve"),
    ("compiler/ops/binary.cpp", "const int64_t acc = stored - operand.quant.zero_point[0];", "const int64_t acc = stored;", TABLES),
    ("compiler/numerics/functions.cpp", "mpz_class(long(stored) - x.zero_point)", "mpz_class(long(stored))", "lut_q8 lut_q8_mve"),
    (K + "softmax_s8.h", "clamp32(r + q.zero_point,", "clamp32(r,", "softmax_q8"),
    (K + "quantize.h", "int64_t(r) + zero", "int64_t(r)", "quantize_f32"),
    (K + "quantize.h", "float(wrap_add(v, -zero))", "float(v)", "dequantize_f32"),
]
# Kernels with more than one kind of tail are broken in two builds: here in what is summed up for a result...
TAIL_SKIPPED = [
    # The last product of a window, of a row of weights, of a row of a matrix; with packed weights the last beyond a multiple.
    (K + "conv.h", "for (int32_t c = 0; c < ic; ++c) acc += (px[c] - x_zero)",
     "for (int32_t c = 0; c < ic - (ky == s.kh - 1 && kx == s.kw - 1); ++c) acc += (px[c] - x_zero)", REF),
    (K + "dense.h", "for (int32_t k = 0; k < s.in; ++k) acc += (x", "for (int32_t k = 0; k < s.in - 1; ++k) acc += (x", REF),
    (K + "matmul.h", "for (int32_t k = 0; k < s.k; ++k) acc += (a", "for (int32_t k = 0; k < s.k - 1; ++k) acc += (a", "matmul_q8_ref"),
    (K + "conv_plain.h", "for (int32_t k = 0; k < taps; ++k)", "for (int32_t k = 0; k < taps - 1; ++k)", "conv_q8_plain"),
    (K + "conv_plain.h", "for (int32_t t = 0; t < taps; ++t) {", "for (int32_t t = 0; t < taps - 1; ++t) {", "depthwise_q8_plain"),
    ("codegen/layers/conv_pack.cpp", "r(w, w + c.taps);", "r(w, w + c.taps - (c.taps % 4 != 0));", "dense_q8_dsp dense_one_q8_dsp dense_sparse_q8_dsp"),
    ("codegen/layers/conv_pack.cpp", "items.resize((items.size() + 1) / 2 * 2);", "items.resize(items.size() / 2 * 2);", "pointwise_sparse_q8"),
    ("codegen/layers/conv_pack.cpp", "at < s.kw * s.ic; ++at) r[", "at < s.kw * s.ic - (ky == s.kh - 1); ++at) r[", "conv_q8_dsp"),
    ("codegen/layers/conv_pack.cpp", "return tap < c.taps ? int", "return tap < c.taps - (c.taps % 4 != 0) ? int", "conv_q8_w16_dsp"),
    ("codegen/layers/conv_pack_mve.cpp", "k + i < c_.taps; ++i)", "k + i < c_.taps - (c_.taps % 16 != 0); ++i)", "conv_q8_mve pointwise_q8_mve dense_q8_mve"),
    ("codegen/layers/conv_f32.cpp", """for (; o + together <= c.s.oc; o += together)
    for (int64_t k = 0; k < c.taps; ++k)
      for (int32_t f = 0; f < together; ++f) r.weights.push_back(c.weights[size_t((o + f) * c.taps + k)]);""",
     """for (; o + together <= c.s.oc; o += together)
    for (int64_t k = 0; k < c.taps; ++k)
      for (int32_t f = 0; f < together; ++f) r.weights.push_back(k + c.taps % 2 < c.taps ? c.weights[size_t((o + f) * c.taps + k)] : 0.0f);""", FPU),
    ("codegen/layers/conv_f32.cpp", "for (int32_t f = 0; f < count; ++f) r.weights.push_back(c.weights[size_t((o + f) * c.taps + k)]);",
     "for (int32_t f = 0; f < count; ++f) r.weights.push_back(k + c.taps % 2 < c.taps ? c.weights[size_t((o + f) * c.taps + k)] : 0.0f);",
     "conv_f32_mve pointwise_f32_mve dense_f32_mve"),
    ("codegen/layers/conv_f32.cpp", "r.weights.push_back(c.weights[size_t((std::min(o, c.s.oc - 4) + i) * taps + tap)]);",
     "r.weights.push_back(tap + 1 < taps ? c.weights[size_t((std::min(o, c.s.oc - 4) + i) * taps + tap)] : 0.0f);", "depthwise_f32_mve"),
    ("codegen/layers/conv_f32.cpp", "r.weights.push_back(c.weights[size_t(f * c.taps + k * c.s.ic + channel)]);",
     "r.weights.push_back(channel + (c.s.ic % 4 != 0) < c.s.ic ? c.weights[size_t(f * c.taps + k * c.s.ic + channel)] : 0.0f);", "winograd_f32_mve"),
    # The last cell of a window, the last element of a sum.
    (K + "pool.h", "      f(row + ix * s.c);", "      if (ky != s.kh - 1 || kx != s.kw - 1) f(row + ix * s.c);",
     "pool_average_q8_ref pool_average_q8_dsp pool_max_ref"),
    (K + "pool_rows.h", "kx < across; ++kx) acc +=", "kx < across - (first + r + 1 == s.ih); ++kx) acc +=", "pool_rows_q8_ref"),
    (K + "pool_rows_dsp.h", "kx < across; ++kx, x +=", "kx < across - (first + r + 1 == s.ih); ++kx, x +=", "pool_rows_q8_dsp"),
    (K + "reduce.h", "for (int32_t k = 0; k < s.reduced[last]; ++k) f(", "for (int32_t k = 0; k < s.reduced[last] - 1; ++k) f(",
     "reduce_sum_q8 reduce_extreme_q8 reduce reduce_arg"),
    (K + "softmax_s8.h", "for (int32_t a = 0; a < s.axis; ++a) sum +=", "for (int32_t a = 0; a < s.axis - 1; ++a) sum +=", "softmax_q8"),
    # The last element of a run.
    (K + "binary.h", "for (int32_t k = 0; k < s.extent[last]; ++k) *y++ = f(a[k * s.a[last]], b[k * s.b[last]]);",
     "for (int32_t k = 0; k < s.extent[last] - 1; ++k) *y++ = f(a[k * s.a[last]], b[k * s.b[last]]);\n    ++y;", f"{PAIRS} binary"),
    (K + "binary_mve.h", "    n %= 16;\n", "    n = 0;\n", "add_q8_mve"),
    (K + "lut.h", "i < n;", "i < n - 1;", "lut_q8"),
    (K + "lut_mve.h", '[n] "r"(n), [table]', '[n] "r"(n - 1), [table]', "lut_q8_mve"),
    (K + "binary_mve.h", '[n] "r"(n), [at]', '[n] "r"(n - 1), [at]', "extreme_q8_mve"),
    (K + "binary_mve.h", "      n %= 8;\n", "      n = 0;\n", "mul_q8_mve"),
    (K + "binary_f32_mve.h", '[n] "r"(n), [least]', '[n] "r"(n - 1), [least]', "binary_f32_mve"),
    (K + "quantize.h", "for (int32_t i = 0; i < n; ++i) {\n    const float v", "for (int32_t i = 0; i < n - 1; ++i) {\n    const float v", "quantize_f32"),
    (K + "dense_coded.h", "for (; n > 0; --n) acc", "for (; n > 1; --n) acc", "dense_coded_q8"),
    (K + "quantize.h", "for (int32_t i = 0; i < n; ++i) {\n    const int32_t v", "for (int32_t i = 0; i < n - 1; ++i) {\n    const int32_t v", "dequantize_f32"),
]
# ...and here in which results are made: the last pixel (or the last few) or filter or channel beyond a multiple.
RESULTS_SKIPPED = [
    (K + "conv_dsp.h", "for (int32_t p = 0; p < count; ++p) hs_one_pixel(", "for (int32_t p = 0; p < count - 1; ++p) hs_one_pixel(",
     "conv_q8_dsp pointwise_q8_dsp"),
    (K + "depthwise_dsp.h", "        if (rest == 1) depthwise_outputs(s, q, 1, at, filter, params, out);\n", "", "depthwise_q8_dsp"),
    (K + "depthwise_dsp.h", "if (rest == 2) depthwise_outputs(s, q, 2,", "if (rest == 2) depthwise_outputs(s, q, 1,", "depthwise_q8_dsp"),
    (K + "depthwise_dsp.h", "if (rest == 3) depthwise_outputs(s, q, 3,", "if (rest == 3) depthwise_outputs(s, q, 2,", "depthwise_q8_dsp"),
    (K + "depthwise_any_dsp.h", "for (; left > 0; --left,", "for (; left > 1; --left,", "depthwise_any_q8_dsp"),
    (K + "conv_w16_dsp.h", "if (filters % 2 != 0)", "if (filters % 2 != 0 && count == 4)", "conv_q8_w16_dsp"),
    (K + "dense_sparse_dsp.h", "o < s.oc % 4; ++o, p", "o < s.oc % 4 - 1; ++o, p", "dense_sparse_q8_dsp"),
    (K + "pointwise_sparse.h", "for (; left > 0; --left,", "for (; left > 1; --left,", "pointwise_sparse_q8"),
    (K + "conv_few_dsp.h", "if (s.oc % 2 != 0) few_filters(", "if (s.oc % 2 != 0 && ox + 1 < s.ow) few_filters(", "conv_few_q8_dsp"),
    (K + "depthwise_taps_dsp.h", "if (count % 2 != 0) {", "if (count % 2 != 0 && ox + 1 < s.ow) {", TAPS),
    (K + "winograd_dsp.h", "k < 4 && ox + 2 * k < s.ow; ++k)", "k < 4 && ox + 2 * k < s.ow - 1; ++k)", "winograd_q8_dsp winograd_q8_w8_dsp"),
    (K + "conv_mve.h", "  for (int32_t done = 0; done < total; done += 4) {", "  for (int32_t done = 0; done + 3 < total; done += 4) {", "conv_q8_mve"),
    (K + "conv_mve.h", "    for (; ox < s.ow; ox += 4) {", "    for (; ox + 3 < s.ow; ox += 4) {", "pointwise_q8_mve"),
    (K + "conv_rows_mve.h", "    for (int32_t ox = 0; ox < s.ow; ox += 4) {", "    for (int32_t ox = 0; ox + 4 <= s.ow; ox += 4) {", "conv_rows_q8_mve"),
    (K + "conv_strips_mve.h", "    for (; oy < n; oy += 4) {", "    for (; oy + 1 < n; oy += 4) {", "conv_strips_q8_mve"),
    (K + "depthwise_any_mve.h", "    for (int32_t ox = 0; ox < s.ow; ++ox, y += s.oc) {", "    for (int32_t ox = 0; ox < s.ow - 1; ++ox, y += s.oc) {", "depthwise_any_q8_mve"),
    (K + "dense_mve.h", "f = eights * 8; f < s.oc; ++f,", "f = eights * 8; f < s.oc - 1; ++f,", "dense_q8_mve"),
    (K + "depthwise_mve.h", "last = along.out % 4 == 0 ? 0 : 4 - along.out % 4;", "last = 0;", DEPTHWISE_MVE),
    (K + "depthwise_mve.h", "last = s.ow % count == 0 ? 0 : count - s.ow % count;", "last = 0;", "depthwise_lines_q8_mve"),
    (K + "pool_mve.h", "block < s.c; block += 16", "block + 16 <= s.c; block += 16", "pool_average_q8_mve"),
    (K + "pool_rows_mve.h", "block < s.c; block += 16", "block + 16 <= s.c; block += 16", "pool_rows_q8_mve"),
    (K + "conv_f32_fpu.h", "for (int32_t at = 0; at < count;) {", "for (int32_t at = 0; at + 3 < count;) {", "conv_f32_fpu"),
    (K + "conv_f32_fpu.h", "for (int32_t at = 0; at < s.ow;) {", "for (int32_t at = 0; at + 3 < s.ow;) {", "pointwise_f32_fpu"),
    (K + "conv_f32_fpu.h", "4:\\n\\tvstmia %[y], {s0-s3}", "4:\\n\\tvstmia %[y], {s0-s2}", "conv_f32_fpu pointwise_f32_fpu"),
    (K + "dense_f32_fpu.h", "for (; to < end; ++to) {", "for (; to + 1 < end; ++to) {", "dense_f32_fpu"),
    (K + "depthwise_f32_fpu.h", "for (; out > 0; --out) {\n      emit(a, b, none);\n      a = b", "for (; out > 1; --out) {\n      emit(a, b, none);\n      a = b", "depthwise_f32_fpu"),
    (K + "winograd_f32_fpu.h", "ox + 1 < s.ow ? s.oc : 0", "ox + 2 < s.ow ? s.oc : 0", "winograd_f32_fpu"),
    (K + "conv_f32_mve.h", "for (int32_t at = 0; at < count; at += 3)", "for (int32_t at = 0; at + 2 < count; at += 3)", "conv_f32_mve"),
    (K + "conv_f32_mve.h", "for (int32_t at = 0; at < s.ow; at += 3)", "for (int32_t at = 0; at + 2 < s.ow; at += 3)", "pointwise_f32_mve"),
    (K + "dense_f32_mve.h", "for (; left > 0; left -= 4) {", "for (; left > 3; left -= 4) {", "dense_f32_mve"),
    (K + "depthwise_f32_mve.h", "parts = s.ic % 4 == 0 ? 1 : 2", "parts = 1", "depthwise_f32_mve"),
    (K + "winograd_f32_mve.h", "ox + 1 < s.ow ? s.oc : 0", "ox + 2 < s.ow ? s.oc : 0", "winograd_f32_mve"),
    (K + "pool_f32_mve.h", "for (; c < s.c; c += 4) {", "for (; c + 4 <= s.c; c += 4) {", "pool_average_f32_mve"),
    (K + "pool_rows_f32_mve.h", "for (; c < s.c; c += 4,", "for (; c + 4 <= s.c; c += 4,", "pool_rows_f32_mve"),
]
# A third tail of a kernel, as above.
FILTERS_SKIPPED = [
    (K + "conv_mve.h", "  if (filters % 2 != 0)\n", "  if (filters == 1)\n", "conv_q8_mve pointwise_q8_mve"),
    (K + "depthwise_mve.h", "const int32_t end = c + 16 < s.ic ? c + 16 : s.ic;", "const int32_t end = c + 16 < s.ic ? c + 16 : s.ic - (s.ic % 16 != 0);",
     DEPTHWISE_MVE),
    (K + "depthwise_mve.h", "(c + 16 < s.ic ? c + 16 : s.ic);\n      b.strip", "(c + 16 < s.ic ? c + 16 : s.ic - (s.ic % 16 != 0));\n      b.strip",
     "depthwise_lines_q8_mve"),
]
# Most layers copy their images into channels-last order, so copies are broken in a build of their own.
COPIES_TAIL_SKIPPED = [
    (K + "strided_copy.h", "for (int32_t k = 0; k < s.extent[last]; ++k) y[", "for (int32_t k = 0; k < s.extent[last] - 1; ++k) y[", "movement"),
    ("compiler/ops/copies.cpp", "{y, x, run_length(s) * bytes}", "{y, x, (run_length(s) - 1) * bytes}", "movement"),
]
WRONG_PADDING = [
    (K + "conv.h", """          if (!row) continue;
          for (int32_t kx = 0; kx < s.kw; ++kx) {
            const int32_t ix = ox * s.sw + kx * s.dw - s.pl;
            if (ix < 0 || ix >= s.iw) continue;
            const X* px = row + ix * s.ic + o / oc * ic;
            const W* pw = w + ((o * s.kh + ky) * s.kw + kx) * ic;
            for (int32_t c = 0; c < ic; ++c) acc += (px[c] - x_zero) * pw[c];""", """          for (int32_t kx = 0; kx < s.kw; ++kx) {
            const int32_t ix = ox * s.sw + kx * s.dw - s.pl;
            const bool outside = !row || ix < 0 || ix >= s.iw;
            const X* px = outside ? nullptr : row + ix * s.ic + o / oc * ic;
            const W* pw = w + ((o * s.kh + ky) * s.kw + kx) * ic;
            for (int32_t c = 0; c < ic; ++c) acc += ((outside ? 0 : int32_t(px[c])) - x_zero) * pw[c];""", REF),
    (K + "hs.h", "return 0x01010101u * uint32_t(uint8_t(X(-1) > X(0) ? x_zero - 128 : x_zero));", "return (void)x_zero, hs_signed<X>(0);",
     "conv_q8_dsp depthwise_q8_dsp depthwise_any_q8_dsp winograd_q8_dsp winograd_q8_w8_dsp"),
    (K + "conv_dsp.h", "store32(window + i, 0x01010101u * uint32_t(uint8_t(x_zero)));", "store32(window + i, 0u);", "conv_q8_dsp"),
    (K + "conv_rows_mve.h", "mve_padded_row(s, mve_byte(X(x_zero)), rows", "mve_padded_row(s, mve_byte(X(0)), rows", "conv_rows_q8_mve"),
    (K + "conv_strips_mve.h", "mve_fill_window_strip(s, mve_byte(X(x_zero)), rows", "mve_fill_window_strip(s, mve_byte(X(0)), rows", "conv_strips_q8_mve"),
    (K + "depthwise_any_mve.h", "(pad), int8_t(X(x_zero)), s.oc);", "(pad), int8_t(X(0)), s.oc);", "depthwise_any_q8_mve"),
    (K + "conv_mve.h", "mve_gather(s, mve_byte(X(x_zero)), rows", "mve_gather(s, mve_byte(X(0)), rows", "conv_q8_mve"),
    (K + "depthwise_mve.h", "const int8_t zero = mve_byte(X(x_zero));", "const int8_t zero = mve_byte(X(0));", f"{DEPTHWISE_MVE} depthwise_lines_q8_mve"),
    (K + "depthwise_mve.h", "pad[i] = X(x_zero);\n  bool", "pad[i] = X(0);\n  bool", DEPTHWISE_MVE),
    (K + "depthwise_mve.h", "pad[i] = X(x_zero);\n  MveStrips", "pad[i] = X(0);\n  MveStrips", "depthwise_lines_q8_mve"),
    (K + "depthwise_mve.h", "row[ix * s.ic + c] : X(x_zero);", "row[ix * s.ic + c] : X(0);", "depthwise_q8_mve"),
    (K + "window_dsp.h", "store32(to, 0x01010101u * uint32_t(uint8_t(x_zero)));", "store32(to, 0u);", "conv_q8_w16_dsp conv_few_q8_dsp"),
    (K + "window_dsp.h", "*to++ = X(x_zero);", "*to++ = X(0);", "conv_q8_w16_dsp conv_few_q8_dsp"),
    (K + "depthwise_taps_dsp.h", "window_fill(x_zero, s.ic, padding)", "window_fill(0, s.ic, padding)", TAPS),
    (K + "conv_plain.h", "memset(to, uint8_t(x_zero),", "memset(to, 0,", "conv_q8_plain"),
    (K + "conv_plain.h", "from ? from[c] : X(x_zero)", "from ? from[c] : X(0)", "conv_q8_plain"),
    (K + "conv_plain.h", "padding[c] = X(x_zero)", "padding[c] = X(0)", "depthwise_q8_plain"),
    (K + "pool.h", "{ acc += x[c] - x_zero; });", "{ acc += x[c] - x_zero; });\n        if (s.include_pad) acc -= (s.kh * s.kw - cells) * x_zero;",
     "pool_average_q8_ref"),
    (K + "pool_dsp.h", "requantize(q, p, sums[k] - zeros));", "requantize(q, p, sums[k] - zeros - (s.include_pad ? (s.kh * s.kw - cells) * x_zero : 0)));",
     "pool_average_q8_dsp"),
    (K + "pool_mve.h", "        while (set + 1 < sets && counts[set] < cells) ++set;",
     "        while (set + 1 < sets && counts[set] < cells) ++set;\n        if (s.include_pad) for (int32_t& sum : sums) sum -= (s.kh * s.kw - cells) * x_zero;",
     "pool_average_q8_mve"),
    (K + "pool_rows.h", "-cells * x_zero : *sums", "-(s.include_pad ? s.kh * s.kw : cells) * x_zero : *sums", "pool_rows_q8_ref"),
    (K + "pool_rows_dsp.h", "-cells * zero : sums[k]", "-(s.include_pad ? s.kh * s.kw : cells) * zero : sums[k]", "pool_rows_q8_dsp"),
    (K + "pool_rows_mve.h", "sums[i] - cells * x_zero));", "sums[i] - (s.include_pad ? s.kh * s.kw : cells) * x_zero));", "pool_rows_q8_mve"),
    (K + "pool.h", """        T most = Limits<T>::least;
        each_cell(""", """        T most = Limits<T>::least;
        if (each_cell(s, rows, oy, ox, [](const T*) {}) < s.kh * s.kw) most = T(0);
        each_cell(""", "pool_max_ref"),
    (K + "pool.h", """        X most = Limits<X>::least;
        each_cell(""", """        X most = Limits<X>::least;
        if (each_cell(s, rows, oy, ox, [](const X*) {}) < s.kh * s.kw) most = X(0);
        each_cell(""", "pool_max_ref"),
]
WRONG_PADDING += [
    (K + "conv_f32_fpu.h", "to = fill_f32(to, first * s.ic);", "to += first * s.ic;", "conv_f32_fpu winograd_f32_fpu"),
    (K + "conv_f32_fpu.h", "to = fill_f32(to, (run - last) * s.ic);", "to += (run - last) * s.ic;", "conv_f32_fpu winograd_f32_fpu"),
    (K + "depthwise_f32_fpu.h", "if (padded) fill_f32(zeros, s.iw * s.ic);", "(void)padded;", "depthwise_f32_fpu"),
    (K + "conv_f32_mve.h", "if (last - first < together) mve_f32_zeros(to, together * s.ic);", "", "conv_f32_mve winograd_f32_mve"),
    (K + "depthwise_f32_mve.h", "mve_f32_zeros(zeros, s.iw * s.ic);", "", "depthwise_f32_mve"),
    (K + "pool_f32_mve.h", "count = s.include_pad ? s.kh * s.kw : cells;", "count = s.kh * s.kw;", "pool_average_f32_mve"),
    (K + "pool_rows_f32_mve.h", "count = s.include_pad ? s.kh * s.kw : cells,", "count = s.kh * s.kw,", "pool_rows_f32_mve"),
]
# As copies: most models with a padded kernel also move data.
COPIES_WRONG_PADDING = [("compiler/ops/pad.cpp", "finite ? quantize_exactly(", "op.value == 0 ? 0 : finite ? quantize_exactly(", "movement")]
WRONG_BIAS = [
    ("compiler/ops/conv.cpp", "q.empty() ? Rational(b * c.scale) : Rational(b * exact(q.scale_at(o)) / sy);", "Rational(b * c.scale);", CONV),
    ("codegen/layers/conv_f32.cpp", "if (v.constant(2)) c.bias = v.constant(2)->as<float>();", "if (v.constant(2)) c.bias = {};", f"{FPU} {MVE_FLOAT}"),
]
# The loops in assembly for ARMv6-M, a build each: bytes of x without their sign, four taps at a time and single ones; the first filter for the second.
ARMV6M = [[(K + "conv_plain.h", old, new, "conv_q8_plain")] for old, new in (
    ('BURIN_V6M_SUMS(BURIN_V6M_FOUR("ldrsb"))', 'BURIN_V6M_SUMS(BURIN_V6M_FOUR("ldrb"))'),
    ('BURIN_V6M_SUMS(BURIN_V6M_TAP("ldrsb"))', 'BURIN_V6M_SUMS(BURIN_V6M_TAP("ldrb"))'),
    ("BURIN_V6M_FILTER(v1, lr)", "BURIN_V6M_FILTER(v0, lr)"))]


def saturating(op):
    """Bytes keep to their range."""
    return f"""if constexpr (sizeof(T) == 1) {{
      const int v = int(a) {op} int(b), least = T(-1) < T(0) ? -128 : 0;
      return T(v < least ? least : v > least + 255 ? least + 255 : v);
    }} else return T(W(a) {op} W(b));"""


# What the compiler could think of stored integers, a build each; every `stored_*` case is run by the interpreter.
STORED = {
    "stored: what QuantizeLinear makes keeps its scale": [
        ("compiler/onnx/node.cpp", "results_.push_back({proto_.output(int(k)), with_quant(v, {}), v});", "results_.push_back({proto_.output(int(k)), v, v});", "")],
    "stored: a scale goes through Relu, Neg and their kin": [
        ("passes/infer_types.cpp", "(pool && pool->kind == PoolKind::max_pool);", "(pool && pool->kind == PoolKind::max_pool) || n.as<Unary>();", "")],
    "stored: DequantizeLinear drops the zero point": [
        ("compiler/ops/quantize.cpp", "const ValueId x = node.with_quant(node.input(0), import_quant(node, 1, 2, axis, node.type(0)));",
         "Quant q = import_quant(node, 1, 2, axis, node.type(0));\nq.zero_point.assign(q.scale.size(), 0);\nconst ValueId x = node.with_quant(node.input(0), q);", "")],
    "stored: Pad drops the zero point": [
        ("passes/infer_types.cpp", "(p->value - quant.zero_point[0]) * double(quant.scale[0]);", "p->value * double(quant.scale[0]);", "")],
    "stored: Clip drops the zero point": [
        ("passes/fuse_activation.cpp", "double(v - quant.zero_point[0])", "double(v)", "")],
    "stored: a Pad's value is taken as a real": [
        ("passes/infer_types.cpp", "p->value = (p->value - quant.zero_point[0]) * double(quant.scale[0]);", "", "")],
    "stored: wrap-around as saturation": [(K + "binary.h", f"return T(W(a) {op} W(b));", saturating(op), "") for op in "+-*"],
}
# Where kernels serve (the first one that has cases of a kernel counts) and what runs them.
CORES = {"host": "host", "cortex-m4f": "host", "cortex-m55": "qemu", "cortex-m0plus": "qemu"}
# Columns of the table, each with its builds.
MUTATIONS = {"half up": [HALF_UP], "zero point dropped": [ZERO_DROPPED], "tail skipped": [TAIL_SKIPPED, RESULTS_SKIPPED, FILTERS_SKIPPED, COPIES_TAIL_SKIPPED],
             "wrong padding": [WRONG_PADDING, COPIES_WRONG_PADDING], "wrong bias": [WRONG_BIAS], "ARMv6-M": ARMV6M}
# Columns that only one core can tell.
CORE_OF = {"ARMv6-M": "cortex-m0plus"}
# Where few of a kernel's cases can tell: a part of their names. (mutation, kernel) or (mutation, None) for all others.
TELLING = {("half up", None): "tie", ("half up", "lut_q8"): "table_tie", ("half up", "lut_q8_mve"): "table_tie", ("wrong padding", "movement"): "pad"}
# Why a cell is empty.
REASONS = {
    ("half up", "softmax_q8"): "may be off by 0.5 + 2^-12 step, so a tie may go either way",
    ("half up", "dequantize_f32"): "its result is no stored integer",
    ("half up", "movement"): "moves integers, computes nothing",
    ("zero point dropped", "movement"): "moves integers, computes nothing",
    **{(column, kernel): "computes in float32" for column in ("half up", "zero point dropped") for kernel in FLOATS.split()},
    ("wrong padding", None): "has no padding",
    ("wrong bias", None): "has no bias",
    ("ARMv6-M", None): "has no assembly for ARMv6-M",
}


def all_builds():
    return [patches for builds in MUTATIONS.values() for patches in builds] + list(STORED.values())


def touched():
    """The files that any mutation patches."""
    return sorted({patch[0] for patches in all_builds() for patch in patches})


def read(source):
    """Those files' texts."""
    texts = {}
    for path in touched():
        with open(os.path.join(source, path), encoding="utf-8") as f:
            texts[path] = f.read()
    return texts


def anyhow(text):
    """Finds the text however it is broken into lines."""
    return re.compile(r"\s*".join(re.escape(token) for token in re.findall(r"\w+|[^\w\s]", text)))


def patched(texts, patches):
    """The texts with the patches in; what is to be replaced must be there exactly once."""
    texts = dict(texts)
    for path, old, new, _ in patches:
        texts[path], count = anyhow(old).subn(lambda _, new=new: new, texts[path])
        if count != 1:
            raise SystemExit(f"mutations.py: error: {path} has {count} times the text\n{old}")
    return texts


def broken(patches):
    return {kernel for patch in patches for kernel in patch[3].split()}


def source_files(source):
    done = subprocess.run(["git", "-C", source, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return [p for p in done.stdout.split("\0") if p]
    return [os.path.relpath(os.path.join(folder, name), source) for folder, _, names in os.walk(source) for name in names]


class Tree:
    """A copy of the source that can be broken and built."""

    def __init__(self, source, work, cmake_options):
        self.copy, self.build = os.path.join(work, "source"), os.path.join(work, "build")
        for path in source_files(source):
            if not path.startswith("tests/") and os.path.exists(os.path.join(source, path)):
                with open(os.path.join(source, path), "rb") as f:
                    write(os.path.join(self.copy, path), f.read())
        self.texts = read(self.copy)
        command = ["cmake", "-S", self.copy, "-B", self.build, "-G", "Ninja", "-DBURIN_TESTS=OFF", "-DCMAKE_BUILD_TYPE=Release",
                   "-DCMAKE_CXX_FLAGS=-w", "-DCMAKE_CXX_FLAGS_RELEASE=-O1", *cmake_options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def make(self, patches, name):
        """Builds with the patches; returns the program under its own name."""
        for path, text in patched(self.texts, patches).items():
            write(os.path.join(self.copy, path), text.encode())
        start = time.time()
        done = subprocess.run(["cmake", "--build", self.build, "--target", "burin"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"mutations.py: error: '{name}' cannot be built\n{(done.stdout + done.stderr)[-3000:]}")
        program = os.path.join(self.build, "burin-" + re.sub(r"\W+", "-", name))
        shutil.copy2(os.path.join(self.build, "burin"), program)
        print(f"built '{name}' in {time.time() - start:.0f} s", file=sys.stderr, flush=True)
        return program


def write(path, data):
    """Leaves a file alone that has these bytes, so that only what changed is built."""
    if os.path.exists(path):
        with open(path, "rb") as f:
            if f.read() == data:
                return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def choose(runs, cores, kernel, also_broken, most, telling):
    """Cases (with the core and options) that count for a kernel, on the first core that it serves; where too few layers choose the
    kernel, others are made to."""
    draw = random.Random(kernel)  # not at even distances: names repeat in a pattern, of which those could miss the tie layers
    for core in cores:
        found = [[(case, core, options) for case, ways in runs[core].items() for k, options, kernels in ways
                  if k == kernel and telling in os.path.basename(case) and bool(options) == forced and not kernels & (also_broken - {kernel})]
                 for forced in (False, True)]
        if any(found):
            chosen = draw.sample(found[0], min(most, len(found[0])))
            return chosen + draw.sample(found[1], min(most - len(chosen), len(found[1])))
    return []


def gaps(source):
    """What the table lacks: kernels, and reasons for cells without a mutation."""
    from check import judged_kernels
    lacking = [f"kernel {name}" for name, _ in judged_kernels(os.path.join(source, "codegen", "kernels.inc")) if name not in KERNELS]
    for column, builds in MUTATIONS.items():
        kernels = {kernel for patches in builds for kernel in broken(patches)}
        lacking += [f"a patch or a reason for '{column}' in {k}" for k in KERNELS if k not in kernels and not reason(column, k)]
    return lacking


def reason(column, kernel):
    return about(REASONS, column, kernel)


def about(table, column, kernel):
    return table.get((column, kernel)) or table.get((column, None))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default=ROOT)
    parser.add_argument("--work")
    parser.add_argument("--cases", type=int, default=30)
    parser.add_argument("--kernels", nargs="*", default=[""])
    parser.add_argument("--columns", nargs="*", default=[""])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--cmake", action="append", default=[], help="a further option of cmake, written as --cmake=-DX=Y; may be given several times")
    options = parser.parse_args()
    texts = read(options.source)
    for patches in all_builds():
        patched(texts, patches)
    lacking = gaps(options.source)
    for what in lacking:
        print(f"mutations.py has not: {what}")
    if options.check:
        print(f"{sum(map(len, all_builds()))} patches apply")
        return 1 if lacking else 0
    if not options.work:
        parser.error("--work DIR is needed")

    from check import cases, report, routes, verify
    folder = os.path.join(options.work, "cases")
    generate = [sys.executable, os.path.join(HERE, "generate.py")]
    subprocess.run([*generate, os.path.join(folder, "named"), "--clean"], check=True)
    subprocess.run([*generate, os.path.join(folder, "random"), "--random", "200", "1", "--clean"], check=True)
    subprocess.run([*generate, os.path.join(folder, "stored"), "--stored", "--networks", "100", "1", "--clean"], check=True)
    found = list(cases([folder]))
    tree = Tree(options.source, options.work, options.cmake)
    base = tree.make([], "unbroken")
    columns, stored = ([c for c in table if any(word in c for word in options.columns)] for table in (MUTATIONS, STORED))
    runs = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for core in CORES if columns else ():
            facts = pool.map(lambda c, t=core: report(base, c, t), found)
            runs[core] = {case: routes(f) for case, f in zip(found, facts) if f}

        def codes(program, chosen):
            return list(pool.map(lambda c: verify(program, c[0], CORES[c[1]], *c[1:])[0], chosen))

        cells, wrong = {}, []
        unbroken = {}
        for column in columns:
            everywhere = []
            for number, patches in enumerate(MUTATIONS[column]):
                asked = {k for k in KERNELS if any(word in k for word in options.kernels)}
                patches = [p for p in patches if broken([p]) & asked]  # what is not asked for need not be built
                kernels = broken(patches)
                wanted = [k for k in KERNELS if k in kernels & asked]
                if not wanted:
                    continue
                program = tree.make(patches, column + (f" {number + 1}" if number else ""))
                for kernel in wanted:
                    # Quantize and Dequantize always come together.
                    twins = {"quantize_f32", "dequantize_f32"} if kernel in ("quantize_f32", "dequantize_f32") else set()
                    chosen = choose(runs, [CORE_OF[column]] if column in CORE_OF else CORES, kernel, kernels - twins, options.cases, about(TELLING, column, kernel) or "")
                    new = [c for c in chosen if c not in unbroken]
                    unbroken.update(zip(new, codes(base, new)))
                    wrong += [f"{' '.join([*c[:2], *c[2]])} fails in the unbroken build" for c in new if unbroken[c] != 0]
                    count = sum(code != 0 for code in codes(program, chosen))
                    cells.setdefault((kernel, column), []).append(f"{count} of {len(chosen)}")
                    print(f"{column}: {kernel} {count} of {len(chosen)}", file=sys.stderr, flush=True)
                    if count == 0:
                        wrong.append(f"'{column}' in {kernel} fails none of {len(chosen)} cases")
                everywhere.append((program, [c for c, ways in runs["host"].items() if kernels & {k for k, forced, _ in ways if not forced}]))
            for program, chosen in everywhere[:1 if options.kernels == [""] and column not in CORE_OF else 0]:
                count = sum(pool.map(lambda c, p=program: verify(p, c, "interpreter")[0] != 0, chosen))
                cells["(interpreter)", column] = [f"{count} of {len(chosen)}"]
        integers = [c for c in found if os.path.basename(c).startswith("stored_")]
        right = [c for c in integers if verify(base, c, "interpreter")[0] == 0] if stored else []
        for column in stored:
            program = tree.make(STORED[column], column)
            count = sum(pool.map(lambda c, p=program: verify(p, c, "interpreter")[0] != 0, right))
            print(f"{column}: {count} of {len(right)} cases fail")
            if count == 0:
                wrong.append(f"'{column}' fails no case")
        if len(right) < len(integers) and stored:
            wrong.append(f"{len(integers) - len(right)} cases of stored integers fail in the unbroken build")
    if columns:
        print_table(cells)
    print(f"\n{len(unbroken)} different runs of generated code, all of which pass in the unbroken build." if not wrong else "")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def print_table(cells):
    notes = []
    print("| kernel | " + " | ".join(MUTATIONS) + " |\n|" + "---|" * (len(MUTATIONS) + 1))
    for kernel in [k for k in [*KERNELS, "(interpreter)"] if any(k == row for row, _ in cells)]:
        row = []
        for column in MUTATIONS:
            if (kernel, column) in cells:
                row.append(", ".join(cells[kernel, column]))
                continue
            why = "not run" if any(kernel in broken(p) for p in MUTATIONS[column]) else reason(column, kernel) or "not run"
            if why not in notes:
                notes.append(why)
            row.append(f"- ({notes.index(why) + 1})")
        print(f"| {kernel} | " + " | ".join(row) + " |")
    print("\ncells: failing cases of those run, for each build")
    for i, note in enumerate(notes):
        print(f"({i + 1}) {note}")


if __name__ == "__main__":
    sys.exit(main())
