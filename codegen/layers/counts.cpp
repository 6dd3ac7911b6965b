#include "codegen/layers/counts.h"

#include <algorithm>

namespace burin {
namespace {

/// Places of the window along one axis at which it leaves the image.
int32_t leaving(int32_t out, int32_t in, int32_t stride, int32_t pad, int32_t window) {
  int32_t n = 0;
  for (int32_t i = 0; i < out; ++i) n += i * stride < pad || i * stride - pad + window > in;
  return n;
}

}  // namespace

int32_t rows_per_call(int32_t oh, int32_t ow) {
  if (oh <= 32) return oh;
  int32_t n = 1;
  while (n < 4 && n * ow % 4 != 0) ++n;
  return n;
}

double edge_pixels(const ConvShape& s) {
  const int32_t across = leaving(s.ow, s.iw, s.sw, s.pl, (s.kw - 1) * s.dw + 1),
                down = leaving(s.oh, s.ih, s.sh, s.pt, s.rows(1));
  return pixels(s) - double(s.oh - down) * (s.ow - across);
}

double hs_gathered(const ConvShape& s) {
  const double bytes = 4.0 * conv_q8_dsp_quads(s);
  if (s.ic % 4 == 0) return pixels(s) * (bytes + 4 * s.kh);
  const double edge = s.dw == 1 ? edge_pixels(s) : pixels(s), tails = double(s.kw * s.ic % 4) * s.kh;
  return (pixels(s) - edge) * (bytes + 3 * tails + 4 * s.kh) + edge * 3.5 * bytes;
}

double hs_dense_products(const ConvShape& s) {
  const int32_t quads = hs_quads(s.ic);
  return pixels(s) * (s.oc / 4 * double(quads) * (quads % 4 == 0 ? 17 : 21) + 3.0 * (s.oc % 4) * quads * 4);
}

double plain_gathered(const ConvShape& s) {
  if (s.kh * s.kw == 1 && s.pt == 0 && s.pl == 0) return 0;
  const double apart = s.groups == 1 && s.dw == 1 ? edge_pixels(s) : pixels(s);
  return s.groups * (apart * (taps(s) + s.kh * s.kw) + (pixels(s) - apart) * s.kh);
}

double strip_rows(const ConvShape& s, int32_t n) {
  double rows = 0;
  for (int32_t y = 0; y < s.oh; y += n) rows += s.rows(std::min(n, s.oh - y));
  return rows;
}

DepthwiseWords depthwise_words(const ConvShape& s) {
  const int32_t phases = s.sw % 2 == 0 || s.ow == 1 ? 1 : 2;
  DepthwiseWords r;
  for (int32_t phase = 0; phase < phases; ++phase) {
    const int32_t words = depthwise_any_weight_words(s, phase * s.sw % 2),
                  outputs = (s.ow - phase + phases - 1) / phases;
    r.together += rounded_down(outputs, 4) * words;
    r.alone += double(outputs % 4) * words;
  }
  const double rows = double(s.oh) * s.oc * s.kh;
  return {r.together * rows, r.alone * rows};
}

double mve_depthwise_outputs(const ConvShape& s) {
  const int32_t units = (mve_across(s, s.oh).out + 1) / 2, groups = (mve_along(s, s.oh).out + 3) / 4;
  return s.oc * (units * (groups * (mve_depthwise_pairs(s) ? 27.0 : 31.0) + 15) + 45);
}
double mve_depthwise_gathered(const ConvShape& s) {
  const int32_t units = (mve_across(s, s.oh).out + 1) / 2, columns = mve_strip_columns(mve_along(s, s.oh));
  return double((s.oc + 15) / 16) * units * (mve_depthwise_pairs(s) ? 1 : 2) * (columns * 13.0 + 40);
}

}  // namespace burin
